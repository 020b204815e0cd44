"""SIGTERM: what runs is finished, what was answered is there, the exit code is 0."""
import http.client
import json
import select
import signal
import socket
import time

import httpx
from pictures import plain_png, png


def send_upload(server, picture):
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                       + b"Content-Length: %d\r\n\r\n" % len(picture) + picture)
    return connection


def receive_answer(connection):
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, json.loads(answer.read())


def test_running_uploads_are_answered(start_server):
    server = start_server(IMGROUTER_QUEUE_CAPACITY=64)
    connections = [send_upload(server, plain_png(2000, 2000, grey)) for grey in range(20)]
    select.select(connections, [], [], 30)  # the first is done, the others are under way
    server.signal(signal.SIGTERM)
    answers = [receive_answer(connection) for connection in connections]
    assert server.wait() == 0
    statuses = [status for status, _ in answers]
    assert set(statuses) <= {200, 503}, statuses
    answered = {answer["id"] for status, answer in answers if status == 200}
    assert len(answered) > 1

    again = start_server()
    assert answered == {image["id"] for image in again.client.get("/images").json()["images"]}


def test_late_clients_are_turned_away(start_server):
    server = start_server(IMGROUTER_DRAIN_TIMEOUT_MS=2000)
    connection = half_a_request(server)
    server.signal(signal.SIGTERM)
    time.sleep(0.5)
    answer = httpx.get(server.url + "/images")
    assert answer.status_code == 503 and answer.headers["Connection"] == "close"
    assert "shutting down" in answer.json()["detail"]
    assert server.wait() == 0
    connection.close()


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
