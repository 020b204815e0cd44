"""Many pictures in one request: each has its own answer, none is in the way of the others."""
import concurrent.futures
import json
import signal

from pictures import golden, plain_png, png, png_that_claims
from web_server import web_server


def form(pictures):
    return [("file", (name, content)) for name, content in pictures]


def test_every_picture_has_its_own_answer(client):
    known = client.post("/images", files={"file": ("first.png", png(1))}).json()
    pictures = [("one.png", png(2)), ("known.png", png(1)), ("text.png", b"no picture"),
                ("empty.png", b""), ("cut.png", png(3)[:60]), ("bomb.png", png_that_claims(60000, 60000)),
                ("twin.png", png(2)), ("misnamed.txt", golden("cmyk_plain.jpg"))]
    answer = client.post("/images/batch", files=form(pictures))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    results = body["results"]
    assert [result["index"] for result in results] == list(range(len(pictures)))
    assert [result["filename"] for result in results] == [name for name, _ in pictures]
    statuses = [result.get("problem", {}).get("status", 200) for result in results]
    assert statuses == [200, 200, 415, 422, 422, 413, 200, 200], results
    assert body["stored"] == 2 and body["known"] == 2 and body["failed"] == 4
    assert results[1]["id"] == known["id"] and results[1]["was_known"]
    assert results[0]["id"] == results[6]["id"]
    assert results[7]["mime"] == "image/jpeg"
    for result in results:
        if "problem" in result:
            assert result["problem"]["detail"] and result["problem"]["title"]
        else:
            stored = client.get(f"/images/{result['id']}").json()
            assert stored["caption"] == result["caption"]
    assert client.get("/healthz").json()["store"]["images"] == 3


def test_names_with_folders_are_kept(client):
    names = ["2019/summer/a.png", "b\u00e4r.png"]
    answer = client.post("/images/batch", data={"names": json.dumps(names)},
                         files=form([("a.png", png(1)), ("b.png", png(2))]))
    assert [result["payload"]["src"]["filename"] for result in answer.json()["results"]] == names


def test_addresses(start_server):
    server = start_server(IMGROUTER_URL_ALLOW_PRIVATE="true")
    with web_server() as web:
        good = web.add("/a.png", png(1))
        urls = [good, web.add("/gone.png", status=404), web.add("/text", b"no picture")]
        answer = server.client.post("/images/batch", json={"urls": urls})
    results = answer.json()["results"]
    assert [result.get("problem", {}).get("status", 200) for result in results] == [200, 502, 415]
    assert results[0]["payload"]["src"] == {"source": "url", "url": good}


def test_batches_leave_the_queue_to_others(start_server):
    """Whatever waits in batches, an upload finds a place in a queue of two and is not refused."""
    server = start_server(IMGROUTER_QUEUE_CAPACITY=2, IMGROUTER_THREADS=1)

    def send(number):
        pictures = [(f"{i}.png", plain_png(700, 700 + number, i)) for i in range(24)]
        answer = server.client.post("/images/batch", files=form(pictures))
        return answer.status_code, answer.json().get("failed")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        batches = [pool.submit(send, number) for number in range(3)]
        seed = 1000
        while not all(batch.done() for batch in batches) or seed == 1000:
            seed += 1
            answer = server.client.post("/images", files={"file": ("a.png", png(seed))})
            assert answer.status_code == 200, answer.text
        assert [batch.result() for batch in batches] == [(200, 0)] * 3
    assert server.client.get("/healthz").json()["store"]["images"] == 3 * 24 + seed - 1000


def test_a_batch_is_no_reason_to_stop_late(start_server):
    server = start_server(IMGROUTER_THREADS=1)
    pictures = [(f"{i}.png", plain_png(2500, 2500, i)) for i in range(64)]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        batch = pool.submit(server.client.post, "/images/batch", files=form(pictures))
        while server.client.get("/healthz").json()["store"]["images"] == 0:
            pass
        server.signal(signal.SIGTERM)
        body = batch.result().json()
    assert body["stored"] + body["failed"] == 64 and body["failed"] > 0
    assert {result["problem"]["status"] for result in body["results"] if "problem" in result} <= {503}
    assert server.wait() == 0
