"""More than the server can do: what is beyond the queue is told to come back, health answers
meanwhile, and afterwards everything is as before."""
import concurrent.futures
import threading
import time

import httpx
from pictures import plain_png, png

BURST = 80


def burst(server, count=BURST):
    """Pictures that take long to decode and to shrink, all at once."""
    pictures = [plain_png(1500, 1500, grey) for grey in range(count)]
    limits = httpx.Limits(max_connections=count)
    with httpx.Client(base_url=server.url, timeout=120, limits=limits) as client, \
            concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(
            lambda picture: client.post("/images", files={"file": ("a.png", picture)}), pictures))


class HealthWatch:
    def __init__(self, server):
        self.slowest_s = 0
        self.statuses = []
        self.is_done = threading.Event()
        self.thread = threading.Thread(target=self._watch, args=(server.url,))
        self.thread.start()

    def _watch(self, url):
        with httpx.Client(base_url=url, timeout=30) as client:
            while not self.is_done.is_set():
                for path in ("/healthz", "/metrics"):
                    started = time.monotonic()
                    self.statuses.append(client.get(path).status_code)
                    self.slowest_s = max(self.slowest_s, time.monotonic() - started)
                time.sleep(0.02)

    def stop(self):
        self.is_done.set()
        self.thread.join()


def test_a_burst_beyond_the_queue(start_server):
    server = start_server(IMGROUTER_QUEUE_CAPACITY=1, IMGROUTER_THREADS=1)
    watch = HealthWatch(server)
    answers = burst(server)
    watch.stop()
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}, {status: statuses.count(status) for status in set(statuses)}
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 0
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
    assert set(watch.statuses) == {200}
    assert watch.slowest_s < 5  # two cores are shared by 80 clients and the server

    # It recovers by itself, and the refused can come back.
    for grey, answer in enumerate(answers):
        if answer.status_code == 503:
            again = server.client.post("/images", files={
                "file": ("a.png", plain_png(1500, 1500, grey))})
            assert again.status_code == 200, again.text
    assert server.client.get("/healthz").json()["store"]["images"] == BURST
    assert server.client.get("/healthz").json()["queue"]["depth"] == 0


def test_slow_clients_do_not_stop_others(server):
    import socket
    idle = []
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                           b"Content-Length: 100000\r\n\r\nxxxx")
        idle.append(connection)
    started = time.monotonic()
    assert server.client.post("/images", files={"file": ("a.png", png(1))}).status_code == 200
    assert time.monotonic() - started < 5
    for connection in idle:
        connection.close()
