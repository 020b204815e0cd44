"""SIGTERM: what runs is finished, what was answered is there, the exit code is 0."""
import signal
import socket
import threading
import time

import httpx
from pictures import plain_png, png


def test_running_uploads_are_answered(start_server):
    server = start_server(IMGROUTER_QUEUE_CAPACITY=64)
    results = []

    def upload(n):
        try:
            with httpx.Client(base_url=server.url, timeout=60) as client:
                answer = client.post("/images", files={"file": ("a.png", plain_png(2000, 2000, n))})
            results.append((n, answer.status_code, answer.json()))
        except httpx.ConnectError:
            results.append((n, "refused", None))  # came too late: not accepted any more
        except httpx.HTTPError as error:
            results.append((n, repr(error), None))

    threads = [threading.Thread(target=upload, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while not results and time.monotonic() < deadline:  # some are done, others under way
        time.sleep(0.005)
    server.signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert server.wait() == 0
    statuses = [status for _, status, _ in results]
    assert set(statuses) <= {200, 503, "refused"}, statuses
    answered = {answer["id"] for _, status, answer in results if status == 200}
    assert answered

    again = start_server()
    assert answered <= {image["id"] for image in again.client.get("/images").json()["images"]}


def half_a_request(server):
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                       b"Content-Length: 100000\r\n\r\nxxxx")
    time.sleep(0.2)  # the server has read it and waits for the rest
    return connection


def test_an_idle_server_ends_at_once(start_server):
    server = start_server()
    assert server.client.get("/healthz").status_code == 200  # a kept-alive connection stays open
    started = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - started < 5


def test_interrupt_ends_as_well(start_server):
    server = start_server()
    server.signal(signal.SIGINT)
    assert server.wait() == 0


def test_a_client_that_never_finishes_does_not_hold_the_end(start_server):
    server = start_server(IMGROUTER_DRAIN_TIMEOUT_MS=500)
    connection = half_a_request(server)
    started = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - started < 10
    connection.close()


def test_a_second_signal_ends_now(start_server):
    server = start_server(IMGROUTER_DRAIN_TIMEOUT_MS=60_000)
    connection = half_a_request(server)
    server.signal(signal.SIGTERM)
    time.sleep(0.5)
    if server.process.poll() is None:  # half a request may be dropped at once instead
        server.signal(signal.SIGTERM)
    started = time.monotonic()
    assert server.wait() in (0, 1)
    assert time.monotonic() - started < 5
    connection.close()


def test_the_store_is_closed_well(start_server):
    server = start_server()
    assert server.client.post("/images", files={"file": ("a.png", png(1))}).status_code == 200
    server.stop()
    assert start_server().client.get("/healthz").json()["store"]["images"] == 1
