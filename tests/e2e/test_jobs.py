"""Uploads that nobody waits for: POST /images?async=true, /jobs, and /events."""
import contextlib
import functools
import json
import queue
import socket
import threading
import time

import httpx
import pytest
from pictures import chunk, plain_png, png
from server_process import wait_until
from web_server import WebServer

RAW = {"Content-Type": "image/png"}
GONE = "0" * 32


def accept(server, picture, **parameters):
    answer = server.client.post("/images", params={"async": "true", **parameters}, content=picture,
                                headers=RAW)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert job["state"] == "queued" and job["image"] is None
    return job["id"]


def job_of(server, job):
    answer = server.client.get(f"/jobs/{job}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def end_of(server, job, seconds=30):
    wait_until(lambda: job_of(server, job)["state"] in ("done", "failed"), seconds)
    return job_of(server, job)


class Events:
    """What /events tells, read on a thread."""

    def __init__(self, server, last_id=None):
        self.received = queue.Queue()
        self.client = httpx.Client(base_url=server.url, timeout=60)
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        self.stream = self.client.stream("GET", "/events", headers=headers)
        self.answer = self.stream.__enter__()
        assert self.answer.status_code == 200
        self.lines = self.answer.iter_lines()
        assert next(self.lines).startswith("retry:")
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event = {}
        with contextlib.suppress(httpx.HTTPError):
            for line in self.lines:
                name, _, value = line.partition(": ")
                if line == "" and event:
                    self.received.put((event["event"], json.loads(event["data"]), event.get("id")))
                    event = {}
                elif line and not line.startswith(":"):
                    event[name] = value
        self.received.put(None)

    def next(self):
        event = self.received.get(timeout=20)
        assert event is not None, "the stream ended"
        return event

    def until(self, is_last):
        events = [self.next()]
        while not is_last(*events[-1][:2]):
            events.append(self.next())
        return events

    def close(self):
        with contextlib.suppress(Exception):
            self.stream.__exit__(None, None, None)
        self.client.close()


@pytest.fixture
def events(request):
    opened = []

    def follow(server, last_id=None):
        opened.append(Events(server, last_id))
        return opened[-1]

    yield follow
    for each in opened:
        each.close()


def test_a_job_makes_what_an_upload_makes(start_server):
    server = start_server(USE_MOCK_MODELS="auto")
    job = end_of(server, accept(server, png(1), filename="cat.png", priority="interactive"))
    assert job["state"] == "done" and job["problem"] is None and job["stage"] is None
    assert job["priority"] == "interactive" and not job["was_known"]
    assert job["src"] == {"source": "upload", "filename": "cat.png"}
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    image = server.client.get(f"/images/{job['image']['id']}").json()
    assert job["image"] == image
    other = start_server(data=server.data + "-other", USE_MOCK_MODELS="auto")
    assert other.upload(png(1))["caption"] == image["caption"]
    again = end_of(server, accept(server, png(1)))
    assert again["was_known"] and again["image"]["id"] == image["id"]
    assert server.client.get(f"/images/{image['id']}/content").content == png(1)


def test_a_form_and_an_address_are_taken_too(start_server, tmp_path):
    server = start_server(IMGROUTER_URL_ALLOW_PRIVATE="true")
    answer = server.client.post("/images?async=true", files={"file": ("b.png", png(2))})
    assert end_of(server, answer.json()["id"])["image"]["payload"]["src"]["filename"] == "b.png"
    web = WebServer()
    try:
        web.add("/c.png", png(3), 200, Content_Type="image/png")
        answer = server.client.post("/images?async=true", json={"url": web.url + "/c.png"})
        job = end_of(server, answer.json()["id"])
        assert job["state"] == "done", job
        assert job["src"] == {"source": "url", "url": web.url + "/c.png"}
        assert job["image"]["payload"]["src"] == job["src"]
    finally:
        web.close()


def test_what_is_no_picture_is_refused_at_once(server):
    answer = server.client.post("/images?async=true", content=b"hello", headers=RAW)
    assert answer.status_code == 415
    answer = server.client.post("/images?async=true", content=bytes(30_000_000), headers=RAW)
    assert answer.status_code == 413
    assert server.client.get("/jobs").json() == {"jobs": [], "waiting": 0, "running": 0}


def test_a_failure_is_kept_with_its_reason(start_server):
    server = start_server()
    job = end_of(server, accept(server, png(1)[:60]))
    assert job["state"] == "failed" and job["image"] is None and job["attempts"] == 1
    assert job["problem"]["status"] == 422 and job["problem"]["detail"]
    server.stop()
    server = start_server(data=server.data)
    assert job_of(server, job["id"]) == job
    assert [each["id"] for each in server.client.get("/jobs?state=failed").json()["jobs"]] == [
        job["id"]]
    assert server.client.get("/jobs?state=done").json()["jobs"] == []


def test_what_may_get_better_is_tried_again(start_server):
    """The address does not answer at first."""
    web = WebServer()
    server = start_server(IMGROUTER_URL_ALLOW_PRIVATE="true")
    try:
        web.add("/a.png", b"", 503, Content_Type="image/png")
        answer = server.client.post("/images?async=true", json={"url": web.url + "/a.png"})
        job = answer.json()["id"]
        wait_until(lambda: job_of(server, job)["attempts"] == 1)
        web.add("/a.png", png(3), 200, Content_Type="image/png")
        assert end_of(server, job)["state"] == "done"
        web.add("/b.png", b"", 503, Content_Type="image/png")
        answer = server.client.post("/images?async=true", json={"url": web.url + "/b.png"})
        job = end_of(server, answer.json()["id"])
        assert (job["state"], job["attempts"], job["problem"]["status"]) == ("failed", 3, 502)
    finally:
        web.close()


@functools.cache
def slow_parts():
    """A picture of 48 megapixels, small as a file, in two parts."""
    picture = plain_png(8000, 6000)
    return picture[:33], picture[33:]  # after the header


def busy(server, count=24):
    """Jobs that take a while, each of another picture."""
    head, rest = slow_parts()
    return [accept(server, head + chunk(b"prVt", bytes([number])) + rest)
            for number in range(count)]


def test_interactive_ones_overtake(start_server):
    server = start_server()
    bulk = busy(server)
    urgent = accept(server, png(1), priority="interactive")
    end_of(server, urgent)
    assert job_of(server, bulk[-1])["state"] == "queued"
    assert end_of(server, bulk[-1], 60)["state"] == "done"


def test_so_many_may_wait(start_server):
    server = start_server(IMGROUTER_JOBS_MAX="12")
    head, rest = slow_parts()
    answers = [server.client.post("/images?async=true", headers=RAW,
                                  content=head + chunk(b"prVt", bytes([number])) + rest)
               for number in range(40)]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused and all("12 uploads are waiting" in answer.json()["detail"] and
                           answer.headers["retry-after"] for answer in refused)
    wait_until(lambda: server.client.get("/jobs").json()["waiting"] == 0, 60)
    accept(server, png(1))


def test_waiting_ones_can_be_cancelled(start_server):
    server = start_server()
    jobs = busy(server)
    assert server.client.delete(f"/jobs/{jobs[-1]}").status_code == 204
    assert server.client.get(f"/jobs/{jobs[-1]}").status_code == 404
    running = server.client.get("/jobs?state=running").json()["jobs"]
    for job in running:
        answer = server.client.delete(f"/jobs/{job['id']}")
        assert answer.status_code in (204, 409)  # it may just have ended
    assert server.client.delete(f"/jobs/{GONE}").status_code == 404
    assert server.client.delete("/jobs/x").status_code == 404
    done = end_of(server, jobs[0]) if jobs[0] not in {job["id"] for job in running} else None
    if done:
        assert server.client.delete(f"/jobs/{jobs[0]}").status_code == 204
    wait_until(lambda: server.client.get("/jobs").json()["waiting"] == 0, 60)
    text = server.client.get("/metrics").text
    assert 'imgrouter_jobs_total{result="cancelled"} 1\n' in text


def test_the_image_of_a_job_may_be_gone(server):
    job = end_of(server, accept(server, png(1)))
    assert server.client.delete(f"/images/{job['image']['id']}").status_code == 204
    assert job_of(server, job["id"]) | {"image": None} == job | {"image": None}
    assert job_of(server, job["id"])["image"] is None


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_accepted_ones_go_on_after_a_restart(start_server, how):
    server = start_server()
    jobs = busy(server)
    wait_until(lambda: job_of(server, jobs[0])["state"] == "done")
    getattr(server, how)()
    server = start_server(data=server.data)
    assert server.client.get("/jobs").json()["waiting"] > 0
    for job in jobs:
        assert end_of(server, job, 60)["state"] == "done"
    assert len(server.client.get("/images?limit=100").json()["images"]) == len(jobs)


def test_nothing_accepted_is_lost_when_it_is_killed_again_and_again(start_server):
    server, jobs = start_server(), []
    for round_number in range(6):
        for number in range(20):
            jobs.append(accept(server, png(f"{round_number}-{number}")))
        time.sleep(0.01 * round_number)
        server.kill()
        server = start_server(data=server.data)
    ends = [end_of(server, job, 60) for job in jobs]
    assert {job["state"] for job in ends} == {"done"}
    assert len({job["image"]["id"] for job in ends}) == len(jobs)


# Events

def test_events_tell_a_job_s_way(server, events):
    followed = events(server)
    job = accept(server, png(1), filename="cat.png")
    seen = followed.until(lambda kind, data: kind == "job" and data["state"] == "done")
    own = [data for kind, data, _ in seen if kind == "job"]
    assert {data["id"] for data in own} == {job}
    assert [(data["state"], data["stage"]) for data in own] == [
        ("queued", None), ("running", None), ("running", "decode"), ("running", "caption"),
        ("running", "store"), ("done", None)]
    assert own[-1] == job_of(server, job)
    assert [data for kind, data, _ in seen if kind == "image"] == [
        {"id": own[-1]["image"]["id"], "change": "stored"}]


def test_events_tell_of_images_whoever_changes_them(server, events):
    followed = events(server)
    image = server.upload(png(1))["id"]
    server.upload(png(1))  # known: nothing happens
    assert server.client.patch(f"/images/{image}", json={"caption": "mine"}).status_code == 200
    assert server.client.delete(f"/images/{image}").status_code == 204
    seen = followed.until(lambda kind, data: data.get("change") == "deleted")
    assert [(kind, data) for kind, data, _ in seen] == [
        ("image", {"id": image, "change": change}) for change in ("stored", "changed", "deleted")]


def test_who_comes_back_misses_nothing(server, events):
    followed = events(server)
    image = server.upload(png(1))["id"]
    (_, _, last_id), = followed.until(lambda kind, data: True)
    followed.close()
    other = server.upload(png(2))["id"]
    seen = events(server, last_id).until(lambda kind, data: True)
    assert [(kind, data) for kind, data, _ in seen] == [
        ("image", {"id": other, "change": "stored"})] and image != other


def test_who_comes_back_after_a_restart_is_told_to_look(start_server, events):
    server = start_server()
    followed = events(server)
    server.upload(png(1))
    (_, _, last_id), = followed.until(lambda kind, data: True)
    server.stop()
    server = start_server(data=server.data)
    (kind, data, _), = events(server, last_id).until(lambda kind, data: True)
    assert (kind, data) == ("reset", {})


def test_followers_do_not_hold_up_a_stop(start_server, events):
    server = start_server()
    for _ in range(5):
        events(server)
    assert "imgrouter_event_streams 5" in server.client.get("/metrics").text
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 5


def test_a_follower_s_time_is_no_request_s(server):
    """Else one tab that is open for a day would be the slowest request."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"retry" in connection.recv(4096)
    counted = 'imgrouter_http_requests_total{route="GET /events",code="200"} 1'

    def is_counted():
        server.upload(png(time.monotonic_ns()))  # something to send, which finds that it has left
        return counted in server.client.get("/metrics").text

    wait_until(is_counted)
    assert 'imgrouter_http_request_duration_seconds_count{route="GET /events"} 0' in \
        server.client.get("/metrics").text
