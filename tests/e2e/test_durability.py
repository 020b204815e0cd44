"""kill -9 in the middle of uploads: whatever was answered is there after a restart, whole."""
import hashlib
import os
import random
import threading
import time

import httpx
import pytest
from pictures import png

ROUNDS = int(os.environ.get("IMGROUTER_KILL_ROUNDS", "5"))
UPLOADERS = 6


class Uploaders:
    """Threads that upload ever new pictures until the server is gone, and keep what it answered."""

    def __init__(self, server, seed):
        self.answered = {}  # id -> (seed, caption)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._upload, args=(server.url, f"{seed}-{n}"))
                        for n in range(UPLOADERS)]
        for thread in self.threads:
            thread.start()

    def _upload(self, url, name):
        with httpx.Client(base_url=url, timeout=30) as client:
            for number in range(1_000_000):
                seed = f"{name}-{number}"
                try:
                    answer = client.post("/images", files={"file": ("a.png", png(seed))})
                except httpx.HTTPError:
                    return  # killed
                if answer.status_code == 503:
                    time.sleep(0.01)
                    continue
                assert answer.status_code == 200, answer.text
                with self.lock:
                    self.answered[answer.json()["id"]] = (seed, answer.json()["caption"])

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


def assert_whole(server, answered):
    client = server.client
    for image, (seed, caption) in answered.items():
        record = client.get(f"/images/{image}")
        assert record.status_code == 200, (image, record.text)
        assert record.json()["caption"] == caption
        content = client.get(f"/images/{image}/content")
        assert content.content == png(seed)
    for image in random.sample(sorted(answered), min(5, len(answered))):
        found = client.post("/search", params={"k": 1},
                            files={"file": ("a.png", png(answered[image][0]))}).json()["results"]
        assert found[0]["id"] == image


def assert_nothing_is_half_there(server):
    """What was not answered may be there or not, but never in parts."""
    cursor = ""
    while cursor is not None:
        page = server.client.get("/images", params={"limit": 100, "cursor": cursor}).json()
        for image in page["images"]:
            content = server.client.get(f"/images/{image['id']}/content").content
            assert hashlib.sha256(content).hexdigest() == image["sha256"]
        cursor = page["next_cursor"]


def test_answered_uploads_survive_kill(start_server):
    dice = random.Random(20)
    everything = {}
    for round_number in range(ROUNDS):
        server = start_server()
        if round_number > 0:
            assert_whole(server, everything)
        uploaders = Uploaders(server, round_number)
        time.sleep(dice.uniform(0.05, 0.8))
        server.kill()
        uploaders.join()
        everything.update(uploaders.answered)
    assert len(everything) >= ROUNDS, "the server was killed before it answered anything"
    server = start_server()
    assert_whole(server, everything)
    assert_nothing_is_half_there(server)
    assert server.client.get("/readyz").status_code == 200


def test_deletions_survive_kill(start_server):
    server = start_server()
    ids = [server.client.post("/images", files={"file": ("a.png", png(n))}).json()["id"]
           for n in range(10)]
    for image in ids[:5]:
        assert server.client.delete(f"/images/{image}").status_code == 204
    server.kill()
    server = start_server()
    left = {image["id"] for image in server.client.get("/images").json()["images"]}
    assert left == set(ids[5:])
    found = server.client.get("/search", params={"q": "x", "k": 100}).json()["results"]
    assert {result["id"] for result in found} == left


def test_two_servers_do_not_share_a_folder(start_server):
    start_server()
    with pytest.raises(RuntimeError, match="did not start"):
        start_server()
