"""HTTP below the API: raw bytes against the running server. Requests that two readers could cut
differently, heads and bodies beyond the limits, clients that are slow or go away. Whatever comes,
the answer is a documented refusal or a closed connection, and the next client is served."""
import json
import re
import socket
import time
import urllib.parse

import httpx
import pytest

PATIENCE_S = 15
# Answered with a body that no refusal has, when somebody takes it for a request.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /images HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\nContent-Type: image/png\r\n\r\n"


@pytest.fixture
def address(server):
    url = urllib.parse.urlsplit(server.url)
    yield url.hostname, url.port
    # Whatever a test did, others are served.
    assert httpx.get(f"{server.url}/healthz", timeout=PATIENCE_S).status_code == 200


def connect(address):
    connection = socket.create_connection(address, timeout=PATIENCE_S)
    connection.settimeout(PATIENCE_S)
    return connection


def send(connection, data):
    try:
        connection.sendall(data)
    except OSError:
        pass  # the server may hang up in the middle; its answer tells why


def read_to_end(connection):
    """What the server said until it closed; fails when it does not close."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def exchange(address, data):
    with connect(address) as connection:
        send(connection, data)
        return read_to_end(connection)


def status_of(answer):
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(match.group(1)) if match else None


SMUGGLING = {
    "length and chunked": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"0\r\n\r\n", {400}),
    "chunked and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
                           b"0\r\n\r\n", {400}),
    "two lengths": (POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nabcde", {400}),
    "two equal lengths": (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", {400}),
    "list of lengths": (POST + b"Content-Length: 5, 5\r\n\r\nabcde", {400}),
    "signed length": (POST + b"Content-Length: +5\r\n\r\nabcde", {400}),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n", {400}),
    "hexadecimal length": (POST + b"Content-Length: 0x5\r\n\r\nabcde", {400}),
    "length beyond 64 bits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", {413}),
    "blank before the colon": (POST + b"Content-Length : 5\r\n\r\nabcde", {400}),
    "folded length": (POST + b"Content-Length:\r\n 5\r\n\r\nabcde", {400}),
    "folded encoding": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", {400}),
    "gzip encoding": (POST + b"Transfer-Encoding: gzip\r\n\r\nabcde", {400}),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400}),
    "two encodings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
                      b"0\r\n\r\n", {400}),
    "chunked in HTTP/1.0": (b"POST /images HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"0\r\n\r\n", {400}),
    "bare CR in a header": (POST + b"X-A: b\rContent-Length: 5\r\n\r\n", {400}),
    "control character": (POST + b"X-A: \x02\r\n\r\n", {400}),
    "header without colon": (POST + b"broken\r\n\r\n", {400}),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", {400}),
    "HTTP/9.9": (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", {505}),
    "no version": (b"GET /healthz\r\n\r\n", {400}),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400, None}),
    "tabs": (b"GET\t/healthz\tHTTP/1.1\r\nHost: x\r\n\r\n", {400, None}),
    "blank in the address": (b"GET /heal thz HTTP/1.1\r\nHost: x\r\n\r\n", {400, None}),
    "bad chunk size": (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", {400}),
    "negative chunk size": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", {400}),
    "chunk size beyond 64 bits": (CHUNKED + b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n", {413}),
    "chunk longer than its size": (CHUNKED + b"3\r\nabcX\r\n0\r\n\r\n", {400}),
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling(address, name):
    data, statuses = SMUGGLING[name]
    answer = exchange(address, data + SMUGGLED)
    assert status_of(answer) in statuses, answer
    assert b'"status":"ok"' not in answer.replace(b" ", b""), answer


@pytest.mark.parametrize("data, statuses", [
    (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
    (b"GET /search?q=" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n", {431}),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n", {431}),
])
def test_oversized_heads(address, data, statuses):
    assert status_of(exchange(address, data)) in statuses


def test_announced_body_too_large_is_refused_before_it_comes(address):
    for expectation in (b"", b"Expect: 100-continue\r\n"):
        with connect(address) as connection:
            send(connection, POST + expectation + b"Content-Type: image/png\r\n"
                 b"Content-Length: 10000000000\r\n\r\n")
            answer = read_to_end(connection)
        assert status_of(answer) == 413
        problem = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        assert problem["status"] == 413 and problem["detail"]


def test_client_that_sends_everything_still_reads_the_refusal(server):
    """A connection closed while the body arrives would be reset, and the answer lost."""
    for content in (b"x" * 30_000_000, iter([b"x" * 1_000_000] * 22)):
        answer = httpx.post(f"{server.url}/images", content=content, timeout=60,
                            headers={"Content-Type": "image/png"})
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


def test_continue_is_sent_when_the_body_is_welcome(address):
    with connect(address) as connection:
        send(connection, POST + b"Expect: 100-continue\r\nContent-Type: image/png\r\n"
             b"Content-Length: 3\r\nConnection: close\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        send(connection, b"abc")
        assert status_of(read_to_end(connection)) == 415


def test_pipelined_requests_are_answered_in_order(address):
    answer = exchange(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                      b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                      b"DELETE /search HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED)
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", answer) == [b"200", b"404", b"405", b"200"]
    assert re.search(rb"\r\nAllow: GET, HEAD, POST\r\n", answer)


def test_head_is_get_without_body(server):
    get = httpx.get(f"{server.url}/openapi.json")
    head = httpx.head(f"{server.url}/openapi.json")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["content-type"] == get.headers["content-type"]


def test_every_answer_has_its_id_and_forbids_guessing(server):
    ids = set()
    for path in ("/healthz", "/nothing", "/search", "/%zz"):
        answer = httpx.get(server.url + path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 4


def test_compressed_bodies_are_refused(server):
    answer = httpx.post(f"{server.url}/images", content=b"x",
                        headers={"Content-Encoding": "gzip", "Content-Type": "image/png"})
    assert answer.status_code == 415


def test_slow_clients_disturb_nobody(address, server):
    """Two hundred that drip their heads or bodies, while others are answered at once."""
    beginnings = [b"GET /healthz HTTP/1.1\r\nX-A: ", POST + b"Content-Length: 1000\r\n\r\n", b"P"]
    slow = [connect(address) for _ in range(200)]
    for index, connection in enumerate(slow):
        send(connection, beginnings[index % len(beginnings)])
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        for _ in range(5):
            for connection in slow:
                send(connection, b"a")
            started = time.monotonic()
            assert client.get("/healthz").status_code == 200
            assert client.get("/search", params={"q": "a cat"}).status_code == 200
            assert time.monotonic() - started < 5
    for connection in slow:
        connection.close()


def test_clients_that_hang_up(address):
    beginnings = [b"", b"GET", POST, POST + b"Content-Length: 100\r\n\r\nsome",
                  CHUNKED + b"9\r\nso", b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"]
    for round_number in range(60):
        connection = connect(address)
        send(connection, beginnings[round_number % len(beginnings)])
        if round_number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  b"\x01\x00\x00\x00\x00\x00\x00\x00")  # close with a reset
        connection.close()


def test_metrics_can_be_parsed(server):
    parser = pytest.importorskip("prometheus_client.parser")
    httpx.get(f"{server.url}/nothing")
    text = httpx.get(f"{server.url}/metrics").text
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    assert families["process_cpu_seconds"].type == "counter"
    for family in families.values():
        if family.type != "histogram":
            continue
        samples = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
                   for sample in family.samples}
        for (name, labels), value in samples.items():
            if name.endswith("_count"):
                bucket = (family.name + "_bucket", tuple(sorted(labels + (("le", "+Inf"),))))
                assert samples[bucket] == value
    lost = [sample.value for sample in families["imgrouter_http_requests"].samples
            if sample.labels == {"route": "other", "code": "404"}]
    assert lost == [1]
