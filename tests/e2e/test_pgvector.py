"""The store on PostgreSQL with pgvector: the C tests of the store and the whole program, on real
servers. Of what only one server shows, both versions are asked."""
import functools
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import threading
import time

import httpx
import pytest
from pictures import png
from postgres_server import start_debian, start_pgserver
from server_process import Server, clean_environment, is_ready, wait_until as wait_at_most

STARTS = {"16": start_pgserver, "17": start_debian}
PROMPT_S = 3  # a connection gets two seconds
wait_until = functools.partial(wait_at_most, seconds=30)


@pytest.fixture(scope="module", params=STARTS)
def postgres(request):
    # Not below pytest's own folder: other users may not look into that.
    with tempfile.TemporaryDirectory(prefix="imgrouter-postgres-") as folder:
        server = STARTS[request.param](pathlib.Path(folder))
        yield server
        server.end()


@pytest.fixture
def database(postgres):
    name = f"test_{random.getrandbits(40):x}"
    postgres.query(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def serve(start_server, postgres, database, tmp_path):
    """serve(name) -> a server of ours on the test's database, with a data folder of its name."""
    def start(name="data", **settings):
        return start_server(data=tmp_path / name, **{"VECTOR_BACKEND": "pgvector",
                            "DATABASE_URL": postgres.url(database), **settings})
    return start


def upload(client, seed):
    answer = client.post("/images", files={"file": (f"{seed}.png", png(seed))})
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(client, **parameters):
    answer = client.get("/search", params=parameters)
    assert answer.status_code == 200, answer.text
    return [result["id"] for result in answer.json()["results"]]


@pytest.mark.parametrize("test", [["contract", "pgvector"], ["threads", "pgvector"],
                                  ["model", str(random.getrandbits(31)), "pgvector"],
                                  ["ledger", "pgvector"], ["ledger_budget", "pgvector"],
                                  ["ledger_postgres"],
                                  ["postgres"]],
                         ids=lambda test: test[0])
def test_the_contract(binary, postgres, database, test):
    program = pathlib.Path(binary).parent / "tests" / "unit" / "store" / f"test_store_{test[0]}"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    run = subprocess.run([program, *test[1:]], capture_output=True, text=True, timeout=240,
                         env={**os.environ, "IMGROUTER_TEST_DATABASE_URL": postgres.url(database)})
    assert run.returncode == 0, run.stdout + run.stderr


def test_experiments_are_reported_of_all_servers(serve, binary, postgres, database, tmp_path):
    """The book is where the pictures are: two servers add to it, and the report reads it there."""
    path = tmp_path / "experiment.yaml"
    path.write_text("name: trial\nvariants: [{name: all, share_percent: 100}]\n")
    for seed, name in enumerate(("one", "two")):
        upload(serve(name, IMGROUTER_EXPERIMENTS=path).client, seed)
    shown = subprocess.run([binary, "experiments", "report", "--json"], capture_output=True,
                           text=True, timeout=60, check=False,
                           env=clean_environment(tmp_path, VECTOR_BACKEND="pgvector",
                                                 DATABASE_URL=postgres.url(database)))
    assert shown.returncode == 0, shown.stderr
    (line,) = (json.loads(each) for each in shown.stdout.splitlines())
    assert (line["experiment"], line["variant"], line["images"]) == ("trial", "all", 2)


def test_images_live_in_the_database(serve, postgres, database):
    server = serve()
    client = server.client
    ids = [upload(client, seed)["id"] for seed in range(12)]
    assert upload(client, 3)["id"] == ids[3]
    assert set(found(client, q="x", k=100)) == set(ids)
    assert found(client, image_id=ids[5], k=1)
    assert client.delete(f"/images/{ids[0]}").status_code in (200, 204)
    assert client.get(f"/images/{ids[0]}").status_code == 404
    assert client.get(f"/images/{ids[1]}/content").content == png(1)
    listed = client.get("/images", params={"limit": 100}).json()
    assert [image["id"] for image in listed["images"]] == ids[:0:-1]
    health = client.get("/healthz").json()["store"]
    assert health["name"] == "pgvector" and health["images"] == 11
    assert postgres.query("SELECT count(*) FROM imgrouter_images", database) == "11"
    server.stop()
    assert set(found(serve().client, q="x", k=100)) == set(ids[1:])


def test_two_servers_share_a_database(serve):
    threads, servers = [], []
    # Both find it empty and make the tables at the same moment.
    for name in ("one", "two"):
        threads.append(threading.Thread(target=lambda name=name: servers.append(serve(name))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    one, two = (server.client for server in servers)
    ids = {upload((one, two)[seed % 2], seed)["id"] for seed in range(20)}
    # The same picture on both at once is one image.
    both = [threading.Thread(target=upload, args=(client, "same")) for client in (one, two)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    ids.add(hashlib.sha256(png("same")).hexdigest()[:16])
    assert set(found(one, q="x", k=100)) == set(found(two, q="x", k=100)) == ids
    wait_until(lambda: all(client.get("/healthz").json()["store"]["images"] == 21
                           for client in (one, two)))
    gone = ids.pop()
    assert one.delete(f"/images/{gone}").status_code in (200, 204)
    assert two.get(f"/images/{gone}").status_code == 404
    assert set(found(two, q="x", k=100)) == ids


def test_servers_on_one_data_folder_leave_the_jobs_to_the_first(serve):
    first, second = serve(), serve()
    later = {"params": {"async": "true"}, "headers": {"Content-Type": "image/png"}}
    job = first.client.post("/images", content=png(1), **later).json()["id"]
    wait_until(lambda: first.client.get(f"/jobs/{job}").json()["state"] == "done")
    answer = second.client.post("/images", content=png(2), **later)
    assert answer.status_code == 503 and "another one has them" in answer.json()["detail"]
    assert second.client.get(f"/jobs/{job}").status_code == 503
    assert second.upload(png(2))["id"]


def vector_text(seed):
    dice = random.Random(seed)
    numbers = [dice.gauss(0, 1) for _ in range(512)]
    length = sum(number * number for number in numbers) ** 0.5
    return "[" + ",".join(f"{number / length:.7f}" for number in numbers) + "]"


def fill_as_the_original(postgres, database, is_old):
    """A table as the original service made and filled it: its first version, and its last one."""
    columns = "" if is_old else (
        ", file_path varchar(512), format varchar(16), size_bytes integer, width integer,"
        " height integer, visibility text NOT NULL DEFAULT 'private',"
        " owner text NOT NULL DEFAULT 'x', created_at timestamptz DEFAULT now(),"
        " deleted_at timestamptz")
    more = ("", "") if is_old else (", format, size_bytes, width, height, created_at",
                                    ", 'png', 1000, 24, 16, '2024-05-06T07:08:09Z'")
    payloads = ['{"src": {"source": "upload", "filename": "Fêtes_de_Noël.png"}}',
                '{"src": {"source": "url", "url": "https://example.org/a.png"}}',
                '{"src": {"source": "upload", "filename": "nul\\u0000.png"}}', "null"]
    ids = [hashlib.sha256(png(f"old {n}")).hexdigest()[:16] for n in range(40)]
    rows = [f"('{image}', 'a dog number {n}', 0.9, 'local', '{vector_text(n)}',"
            f" '{payloads[n % 4]}'{more[1]})" for n, image in enumerate(ids)]
    postgres.query(
        "CREATE EXTENSION vector;"
        "CREATE TABLE images (id varchar(64) PRIMARY KEY, caption text,"
        " caption_confidence double precision, caption_origin varchar(16),"
        f" embed_vector vector(512), payload json NOT NULL{columns});"
        "INSERT INTO images (id, caption, caption_confidence, caption_origin, embed_vector,"
        f" payload{more[0]}) VALUES {', '.join(rows)};"
        "INSERT INTO images (id, payload) VALUES ('not one of ours', '{}');"
        + ("" if is_old else
           "UPDATE images SET deleted_at = now() WHERE caption = 'a dog number 39';"
           "CREATE INDEX images_vec_hnsw ON images USING hnsw (embed_vector vector_cosine_ops);"),
        database)
    return ids if is_old else ids[:-1]


@pytest.mark.parametrize("is_old", [True, False])
def test_the_original_services_database_is_served(serve, postgres, database, is_old):
    ids = fill_as_the_original(postgres, database, is_old)
    server = serve()
    client = server.client
    for number, payload in ((0, {"source": "upload", "filename": "Fêtes_de_Noël.png"}),
                            (1, {"source": "url", "url": "https://example.org/a.png"})):
        image = client.get(f"/images/{ids[number]}").json()
        assert image["caption"] == f"a dog number {number}"
        assert image["confidence"] == 0.9 and image["origin"] == "local"
        assert image["payload"] == {"src": payload}
    if not is_old:
        assert (image["mime"], image["width"], image["height"]) == ("image/png", 24, 16)
        assert image["created_at"] == "2024-05-06T07:08:09.000Z"
    assert client.get("/healthz").json()["store"]["images"] == len(ids)
    assert client.get(f"/images/{ids[0]}/content").status_code == 404
    listed = client.get("/images", params={"limit": 100}).json()["images"]
    assert {image["id"] for image in listed} == set(ids)
    assert set(found(client, q="x", k=100)) == set(ids)
    assert found(client, image_id=ids[4], k=1)
    new = upload(client, "new")["id"]
    assert set(found(client, q="x", k=100)) == {*ids, new}
    assert upload(client, "old 0")["id"] == ids[0]
    server.stop()

    client = serve().client
    assert client.delete(f"/images/{ids[2]}").status_code in (200, 204)
    server = serve("another")
    assert server.client.get(f"/images/{ids[2]}").status_code == 404
    assert postgres.query(f"SELECT count(*) FROM images WHERE id = '{ids[2]}'", database) == "0"


def test_a_lost_server_is_told_at_once_and_found_again(serve, postgres):
    server = serve()
    client = server.client
    kept = [upload(client, seed)["id"] for seed in range(5)]
    for number in (signal.SIGQUIT, signal.SIGINT):
        postgres.end(number)
        for ask in (lambda: client.post("/images", files={"file": ("a.png", png("new"))}),
                    lambda: client.get("/search", params={"q": "x"}),
                    lambda: client.get(f"/images/{kept[0]}"),
                    lambda: client.get("/images"),
                    lambda: client.delete(f"/images/{kept[0]}")):
            started = time.monotonic()
            answer = ask()
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert time.monotonic() - started < PROMPT_S
        wait_until(lambda: not is_ready(client))
        problem = client.get("/readyz").json()
        assert "PostgreSQL" in problem["detail"] and problem["failing"] == "store"
        metrics = client.get("/metrics").text
        assert "\nimgrouter_store_up 0\n" in metrics and "\nimgrouter_ready 0\n" in metrics
        health = client.get("/healthz")
        assert health.status_code == 200 and health.json()["store"]["images"] is None
        postgres.start()
        wait_until(lambda: is_ready(client))
        assert set(found(client, q="x", k=100)) == set(kept)
        metrics = client.get("/metrics").text
        assert "\nimgrouter_store_up 1\n" in metrics and "\nimgrouter_ready 1\n" in metrics
        assert "\nimgrouter_store_connections_max 8\n" in metrics
        assert '\nimgrouter_store_connections{state="idle"} 0\n' not in metrics
        kept.append(upload(client, f"after {number}")["id"])


def test_a_server_that_says_nothing_counts_as_lost(serve, postgres):
    client = serve().client
    image = upload(client, "a")["id"]
    postgres.freeze()
    try:
        # Whoever asks first has to find out.
        assert client.get("/search", params={"q": "x"}).status_code == 503
        wait_until(lambda: not is_ready(client))
        started = time.monotonic()
        assert client.get("/search", params={"q": "x"}).status_code == 503
        assert client.get(f"/images/{image}").status_code == 503
        assert time.monotonic() - started < 1
    finally:
        postgres.thaw()
    wait_until(lambda: is_ready(client))
    assert found(client, q="x") == [image]


def test_what_was_answered_survives_a_crash_of_the_database(serve, postgres):
    server = serve()
    answered, stop = [], threading.Event()

    def upload_until_told(name):
        with httpx.Client(base_url=server.url, timeout=30) as client:
            for number in range(1_000_000):
                if stop.is_set():
                    return
                answer = client.post("/images",
                                     files={"file": ("a.png", png(f"{name}-{number}"))})
                assert answer.status_code in (200, 503), answer.text
                if answer.status_code == 200:
                    answered.append(answer.json()["id"])
                else:
                    time.sleep(0.05)

    threads = [threading.Thread(target=upload_until_told, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(answered)
        wait_until(lambda: len(answered) > before + 10)
        postgres.end(signal.SIGQUIT)
        postgres.start()
    before = len(answered)
    wait_until(lambda: len(answered) > before + 10)
    stop.set()
    for thread in threads:
        thread.join()
    for image in answered:
        assert server.client.get(f"/images/{image}").status_code == 200


def test_cut_connections_are_not_noticed(serve, postgres, database):
    client = serve().client
    ids = [upload(client, seed)["id"] for seed in range(3)]
    for _ in range(20):
        postgres.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       f" WHERE datname = '{database}' AND application_name = 'imgrouter'")
        assert set(found(client, q="x", k=100)) == set(ids)
        ids.append(upload(client, f"more {len(ids)}")["id"])
    assert is_ready(client)


def test_a_server_that_is_not_there_at_first(serve, postgres):
    postgres.end(signal.SIGINT)
    client = serve().client
    assert client.get("/healthz").status_code == 200
    assert not is_ready(client)
    assert client.get("/search", params={"q": "x"}).status_code == 503
    postgres.start()
    wait_until(lambda: is_ready(client))
    upload(client, "first")


@pytest.mark.parametrize("url, words", [
    ("postgresql://user:SECRET@elsewhere:5432x/db", "not the address"),
    ("postgresql://user:SE@CRET@127.0.0.1/db", "not the address"),
    ("SECRET", "not the address"),
    ("postgresql://nobody:SECRET@{address}/postgres", "nobody"),
    ("postgresql://postgres:SECRET@{address}/no_such_database", "no_such_database"),
])
def test_what_cannot_work_is_said_at_start_without_the_password(binary, postgres, tmp_path, url,
                                                                words):
    url = url.replace("{address}", f"127.0.0.1:{postgres.port}")
    run = subprocess.run([binary, "serve", "--port", "0", "--data", str(tmp_path / "data")],
                         capture_output=True, text=True, timeout=60,
                         env=clean_environment(tmp_path, VECTOR_BACKEND="pgvector",
                                               DATABASE_URL=url))
    assert run.returncode in (1, 2) and words in run.stderr
    assert "SECRET" not in run.stdout + run.stderr and "CRET" not in run.stdout + run.stderr


def test_commands_read_beside_a_server(binary, serve, postgres, database, tmp_path):
    environment = clean_environment(tmp_path, VECTOR_BACKEND="pgvector",
                                    DATABASE_URL=postgres.url(database).replace(
                                        "postgresql:", "postgresql+psycopg:"))

    def run(*words):
        return subprocess.run([binary, *words, "--data", str(tmp_path / "data")], text=True,
                              capture_output=True, timeout=60, env=environment)

    assert "no pictures in this database yet" in run("images", "list").stderr
    client = serve().client
    image = upload(client, "a")["id"]
    assert image in run("images", "list").stdout
    assert image in run("search", "anything").stdout
    assert run("images", "delete", image).returncode == 0
    assert client.get(f"/images/{image}").status_code == 404


def test_a_newer_schema_is_refused(binary, serve, postgres, database, tmp_path):
    serve().stop()
    postgres.query("UPDATE imgrouter_schema SET version = 999", database)
    with pytest.raises(RuntimeError, match="version 999"):
        Server(binary, str(tmp_path / "data"), [],
               clean_environment(tmp_path, VECTOR_BACKEND="pgvector",
                                 DATABASE_URL=postgres.url(database)), tmp_path / "refused.log")
