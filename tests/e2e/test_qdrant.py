"""The store in Qdrant: the C tests of the store and the whole program, on the stand-in of
fake_qdrant.py, or on a real server where QDRANT_URL (and QDRANT_API_KEY) name one. That one gets
collections whose names begin with imgrouter_test, and loses them again; what needs a server that
fails or goes away stays on the stand-in."""
import json
import os
import pathlib
import random
import subprocess
import threading
import time

import httpx
import pytest
from pictures import png
from server_process import is_ready, wait_until

fake_qdrant = pytest.importorskip("fake_qdrant", reason="qdrant-edge-py is not installed")
if not fake_qdrant.DESCRIPTION.exists():
    pytest.skip(f"{fake_qdrant.DESCRIPTION} is not there", allow_module_level=True)

FakeQdrant, Fault = fake_qdrant.FakeQdrant, fake_qdrant.Fault
KEY = "sesame-4a1f"
PROMPT_S = 3  # "at once": a connection gets two seconds


class RealQdrant:
    complaints = ()

    def __init__(self):
        self.url, self.api_key = os.environ["QDRANT_URL"], os.environ.get("QDRANT_API_KEY", "")

    def close(self):
        with httpx.Client(base_url=self.url, headers={"api-key": self.api_key}) as client:
            for each in client.get("/collections").json()["result"]["collections"]:
                if each["name"].startswith("imgrouter_test"):
                    client.delete(f"/collections/{each['name']}")


@pytest.fixture
def fake(tmp_path):
    server = FakeQdrant(tmp_path / "qdrant", api_key=KEY)
    yield server
    server.close()
    assert not server.complaints


@pytest.fixture
def qdrant(request):
    if "QDRANT_URL" not in os.environ:
        yield request.getfixturevalue("fake")
        return
    server = RealQdrant()
    server.close()
    yield server
    server.close()


def settings_of(qdrant, **more):
    return {"VECTOR_BACKEND": "qdrant", "QDRANT_URL": qdrant.url,
            "QDRANT_API_KEY": qdrant.api_key or "", "QDRANT_COLLECTION": "imgrouter_test", **more}


@pytest.fixture
def serve(start_server):
    """serve(qdrant, SETTING=…) -> a server of ours on that store."""
    return lambda qdrant, **more: start_server(**settings_of(qdrant, **more))


def upload(client, seed):
    return client.post("/images", files={"file": (f"{seed}.png", png(seed))})


def uploaded(client, seed):
    answer = upload(client, seed)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def found(client, **parameters):
    answer = client.get("/search", params=parameters)
    assert answer.status_code == 200, answer.text
    return [result["id"] for result in answer.json()["results"]]


def listed(client, limit=7):
    ids, cursor = [], None
    while True:
        page = client.get("/images", params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        ids += [image["id"] for image in page.json()["images"]]
        cursor = page.json().get("next_cursor")
        if not cursor:
            return ids


def assert_searchable(client, kept):
    """All of them are found, or as many as a search answers."""
    results = found(client, q="x", k=1000)
    assert len(results) == len(set(results)) == min(len(kept), 1000)
    assert set(results) <= set(kept)


@pytest.mark.parametrize("test", [["contract", "qdrant"], ["threads", "qdrant"],
                                  ["model", str(random.getrandbits(31)), "qdrant"], ["qdrant"]],
                         ids=lambda test: test[0])
def test_the_contract(binary, qdrant, test):
    program = pathlib.Path(binary).parent / "tests" / "unit" / "store" / f"test_store_{test[0]}"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    run = subprocess.run([program, *test[1:]], capture_output=True, text=True, timeout=600,
                         env={**os.environ, "IMGROUTER_TEST_QDRANT_URL": qdrant.url,
                              "IMGROUTER_TEST_QDRANT_API_KEY": qdrant.api_key})
    assert run.returncode == 0, run.stdout + run.stderr


def test_images_live_in_qdrant(serve, qdrant, binary, tmp_path):
    server = serve(qdrant)
    client = server.client
    ids = [uploaded(client, seed) for seed in range(20)]
    assert uploaded(client, 3) == ids[3]
    assert set(found(client, q="x", k=100)) == set(ids)
    assert len(found(client, q="x", k=4)) == 4
    assert ids[5] not in found(client, image_id=ids[5], k=100)[1:]
    assert client.delete(f"/images/{ids[0]}").status_code in (200, 204)
    assert client.delete(f"/images/{ids[0]}").status_code == 404
    assert client.get(f"/images/{ids[0]}").status_code == 404
    assert client.get(f"/images/{ids[1]}/content").content == png(1)
    assert client.get(f"/images/{ids[1]}").json()["caption"]
    assert listed(client) == ids[:0:-1]
    health = client.get("/healthz").json()["store"]
    assert health["name"] == "qdrant" and health["images"] == 19
    server.stop()
    server = serve(qdrant)
    assert set(found(server.client, q="x", k=100)) == set(ids[1:])
    run = subprocess.run([binary, "images", "list", "--json", "--k", "100"], capture_output=True,
                         text=True, timeout=60, env={**os.environ, **settings_of(qdrant)},
                         check=True)
    assert [json.loads(line)["id"] for line in run.stdout.splitlines()] == ids[:0:-1]


def test_words_and_filters(serve, qdrant):
    client = serve(qdrant).client
    ids = [uploaded(client, f"Dogs and cat{number} n{number % 2}") for number in range(8)]
    assert set(found(client, q="dog", mode="keyword")) == set(ids)
    assert found(client, q="cat3", mode="keyword") == [ids[3]]
    assert set(found(client, q="dogs n1", mode="keyword", k=4)) == set(ids[1::2])
    assert set(found(client, q="dog -n1", mode="hybrid", k=8)) == set(ids[0::2])
    assert found(client, q="giraffe", mode="keyword") == []
    assert found(client, q="x", k=8, origin="nobody") == []
    assert set(found(client, q="x", k=8, origin="mock")) == set(ids)
    assert set(found(client, q="x", k=8, exact="true")) == set(ids)


def test_the_same_picture_twice_at_once_and_other_traffic(serve, qdrant):
    client = serve(qdrant).client
    kept, problems = set(), []

    def work(number):
        dice = random.Random(number)
        for step in range(12):
            answer = upload(client, f"shared {step}")
            own = upload(client, f"{number} {step}")
            if answer.status_code != 200 or own.status_code != 200:
                problems.append((answer.text, own.text))
                return
            kept.add(answer.json()["id"])
            if dice.random() < 0.5:
                client.delete(f"/images/{own.json()['id']}")
            else:
                kept.add(own.json()["id"])
            found(client, q="x", k=5)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert sorted(listed(client)) == sorted(kept)
    assert set(found(client, q="x", k=1000)) == kept
    assert client.get("/healthz").json()["store"]["images"] == len(kept)


def assert_away(client):
    """Uploads and searches are told so at once, and readiness tells which part it is."""
    for request in (lambda: upload(client, "new"), lambda: client.get("/search?q=x"),
                    lambda: client.get("/images"), lambda: client.get("/readyz")):
        begun = time.monotonic()
        answer = request()
        assert time.monotonic() - begun < PROMPT_S
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert "Qdrant" in answer.json()["detail"]
    assert client.get("/readyz").json()["failing"] == "store"
    assert client.get("/healthz").status_code == 200
    assert "\nimgrouter_store_up 0\n" in client.get("/metrics").text


def test_the_server_goes_away_and_comes_back(serve, fake, tmp_path):
    client = serve(fake).client
    ids = [uploaded(client, seed) for seed in range(5)]
    for _ in range(2):
        port = fake.port
        fake.close()
        assert_away(client)
        again = FakeQdrant(tmp_path / "qdrant", port, KEY)
        fake.__dict__ = again.__dict__  # closed by the fixture
        wait_until(lambda: is_ready(client))
        assert listed(client) == ids[::-1]
        assert "\nimgrouter_store_up 1\n" in client.get("/metrics").text
        ids.append(uploaded(client, len(ids)))
        assert set(found(client, q="x", k=10)) == set(ids)


def test_starting_before_the_server(serve, fake, tmp_path):
    port = fake.port
    fake.close()
    client = serve(fake).client
    assert_away(client)
    fake.__dict__ = FakeQdrant(tmp_path / "qdrant", port, KEY).__dict__
    wait_until(lambda: is_ready(client))
    assert found(client, image_id=uploaded(client, 1), k=1) is not None


def test_nothing_answered_is_lost_when_the_server_comes_and_goes(serve, fake, tmp_path):
    client = serve(fake).client
    answered, is_over = [], threading.Event()

    def keep_uploading(number):
        step = 0
        while not is_over.is_set():
            answer = upload(client, f"{number} {step}")
            step += 1
            if answer.status_code == 200:
                answered.append(answer.json()["id"])
            else:
                assert answer.status_code == 503, answer.text
                time.sleep(0.1)

    threads = [threading.Thread(target=keep_uploading, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        time.sleep(1)
        port = fake.port
        fake.close()
        time.sleep(0.3)
        fake.__dict__ = FakeQdrant(tmp_path / "qdrant", port, KEY).__dict__
    time.sleep(2)
    is_over.set()
    for thread in threads:
        thread.join()
    wait_until(lambda: is_ready(client))
    assert len(answered) > 10
    kept = listed(client, 100)
    assert len(kept) == len(set(kept))
    assert set(answered) <= set(kept)
    assert_searchable(client, kept)


def test_nothing_answered_is_lost_when_we_are_killed(serve, qdrant):
    answered, removed = set(), set()
    for round_number in range(4):
        server = serve(qdrant)
        client = server.client
        killer = threading.Timer(0.6 + 0.2 * round_number, server.kill)
        killer.start()
        try:
            for step in range(100000):
                answered.add(uploaded(client, f"{round_number} {step}"))
                if step % 3 == 2:
                    gone = random.choice(sorted(answered))
                    removed.add(gone)
                    answered.discard(gone)
                    client.delete(f"/images/{gone}")
        except (httpx.TransportError, RuntimeError):
            pass
        killer.join()
    client = serve(qdrant).client
    kept = set(listed(client, 100))
    assert answered <= kept
    # What was on its way when we were killed may be there or not.
    assert len(kept - answered - removed) <= 4 and len(kept & removed) <= 4
    assert_searchable(client, kept)


def test_a_server_before_1_10(serve, tmp_path):
    fake = FakeQdrant(tmp_path / "qdrant", version="1.08.4")
    client = serve(fake).client
    ids = {uploaded(client, seed) for seed in range(3)}
    assert set(found(client, q="x")) == ids and set(found(client, q="y")) == ids
    assert sum(path.endswith("/query") for _, path in fake.requests) == 1
    fake.close()
    assert not fake.complaints


PASSING = [Fault("status", times=1, value=(429, 1)), Fault("status", times=2, value=(503, 0)),
           Fault("half", times=1), Fault("hangs-up", times=2), Fault("slow", times=3, value=0.5)]


def test_what_passes_is_borne(serve, fake):
    client = serve(fake).client
    ids = {uploaded(client, 0)}
    for fault in PASSING:
        fake.faults = [fault]
        ids.add(uploaded(client, fault.kind))
        assert fault.times == 0
        assert set(found(client, q="x")) == ids


def resident_bytes(server):
    pages = pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


LASTING = [
    (Fault("status", value=(429, 30)), {503}), (Fault("status", value=429), {503}),
    (Fault("status", value=500), {503}), (Fault("status", value=502), {503}),
    (Fault("status", value=401), {503}), (Fault("status", value=403), {503}),
    (Fault("status", value=400), {502}), (Fault("status", value=507), {507}),
    (Fault("status", value=404), {503}), (Fault("status", value=409), {502}),
    (Fault("half"), {503}), (Fault("hangs-up"), {503}), (Fault("huge", value=1 << 28), {502}),
    (Fault("unfinished", path="/points"), {502}),
]


def test_what_lasts_is_told(serve, fake):
    server = serve(fake)
    client = server.client
    ids = {uploaded(client, 0)}
    before = resident_bytes(server)
    for fault, statuses in LASTING:
        fake.faults = [fault]
        answer = upload(client, str(fault))
        assert answer.status_code in statuses, f"{fault}: {answer.text}"
        assert "detail" in answer.json()
        assert resident_bytes(server) - before < 150 << 20
        fake.faults = []
        wait_until(lambda: is_ready(client))
        ids.add(uploaded(client, str(fault)))
        assert set(found(client, q="x", k=100)) == ids


POINT = '{"id": "fedcba98-7654-8321-8000-000000000000", "score": 1, "version": 1, "payload": %s}'


ODD_ANSWERS = [
    "", "<html>Welcome to the hotel</html>", "{", "null", "[]", "7", '"x"', "{}", "[" * 100000,
    '{"result": null}', '{"result": 7}', '{"result": {}}', '{"result": []}', '{"result": [null]}',
    '{"result": {"points": 7}}', '{"result": {"points": [7, null, {}, {"id": []}]}}',
    '{"result": {"points": [{"id": "x"}, {"id": 7, "payload": []}], "next_page_offset": {}}}',
    '{"result": {"status": 7}}', '{"result": {"count": "many"}}', '{"result": {"count": -1}}',
    '{"result": {"points": [%s]}}' % (POINT % "null"),
    '{"result": {"points": [%s]}}' % (POINT % '{"id": "../../x", "created_ms": "x"}'),
    '{"result": [%s]}' % (POINT % '{"words": [1, null], "sha256": 7, "tags": {}}'),
    '{"result": [{"id": "fedcba98-7654-8321-8000-000000000000", "vector": [1e999]}]}',
    '{"result": [{"id": "fedcba98-7654-8321-8000-000000000000", "vector": {"": [1]}}]}',
    '{"result": "\\u0000\\ud800"}', '{"result": "\xff"}',
]


def test_odd_answers_do_no_harm(serve, fake):
    client = serve(fake).client
    for number, body in enumerate(ODD_ANSWERS):
        first = uploaded(client, 1)
        fake.faults = [Fault("body", value=body.encode("latin-1"))]
        for request in (lambda: upload(client, 2), lambda: client.get("/search?q=x"),
                        lambda: client.get(f"/search?image_id={first}"),
                        lambda: client.get(f"/images/{first}"), lambda: client.get("/images"),
                        lambda: client.delete(f"/images/{first}")):
            assert request().status_code in (200, 204, 404, 409, 500, 502, 503), body
        fake.faults = []
        wait_until(lambda: is_ready(client))
        assert uploaded(client, f"odd {number}") in found(client, q="x", k=100)


def test_a_server_that_hangs_holds_up_few(serve, fake):
    client = serve(fake).client
    uploaded(client, 1)
    fake.faults = [Fault("slow", value=30)]
    begun = time.monotonic()
    answer = client.get("/search?q=x")
    assert answer.status_code == 503 and 5 < time.monotonic() - begun < 15
    assert_away(client)
    fake.faults = []
    wait_until(lambda: is_ready(client))


def test_the_key_is_told_to_nobody(serve, fake, tmp_path):
    other = FakeQdrant(tmp_path / "other")
    server = serve(fake, IMGROUTER_LOG_LEVEL="debug")
    client = server.client
    texts = [upload(client, 1).text]
    fake.faults = [Fault("redirect", value=other.url)]
    answer = upload(client, 2)
    assert answer.status_code == 502
    texts += [answer.text]
    for fault in (Fault("status", value=401), Fault("status", value=500), Fault("half")):
        fake.faults = [fault]
        texts += [upload(client, 2).text, client.get("/readyz").text]
    texts += [client.get("/metrics").text, client.get("/healthz").text, server.log_text()]
    assert not any(KEY in text for text in texts)
    assert not other.requests and fake.keys == {KEY}
    other.close()


@pytest.mark.parametrize("settings", [
    {"QDRANT_URL": ""}, {"QDRANT_URL": "localhost:6333"}, {"QDRANT_URL": "http://a:b@localhost"},
    {"QDRANT_COLLECTION": "a/b"}, {"QDRANT_API_KEY": "a b"}, {"VECTOR_BACKEND": "quadrant"},
], ids=str)
def test_settings_that_are_none(binary, tmp_path, settings):
    environment = {"VECTOR_BACKEND": "qdrant", "QDRANT_URL": "http://127.0.0.1:1",
                   "USE_MOCK_MODELS": "true", "HOME": str(tmp_path), **settings}
    run = subprocess.run([binary, "serve", "--port", "0", "--data", str(tmp_path / "data")],
                         capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert run.returncode == 2
    assert next(iter(settings)) in run.stderr


def test_a_key_that_is_refused_is_told(serve, fake):
    client = serve(fake, QDRANT_API_KEY="wrong").client
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "QDRANT_API_KEY" in answer.json()["detail"]
