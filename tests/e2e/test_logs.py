"""The log: one line for every request, valid whatever is sent, without secrets, never in the way."""
import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import time

import httpx
import pytest
from cloud_stand_in import Answer
from fake_openai import FakeOpenAI
from pictures import png
from server_process import ROOT, START_TIMEOUT_S, STOP_TIMEOUT_S, clean_environment, wait_until

KEY = "sk-or-0123456789abcdef"
SECRETS = ("hush", "sk-or-", "red boat")  # what the tests send and nobody may log


def strict(line):
    def once(pairs):
        assert len(pairs) == len(dict(pairs)), pairs
        return dict(pairs)

    def refuse(name):
        raise AssertionError(name)

    return json.loads(line, object_pairs_hook=once, parse_constant=refuse)


def lines_of(server):
    text = pathlib.Path(server.log_path).read_bytes().decode()  # UTF-8, strictly
    assert text == "" or text.endswith("\n")
    return [strict(line) for line in text.splitlines()]


def line_of(server, request_id):
    """The one line of a request, which comes at its end: a moment after the answer."""
    found = []

    def is_there():
        found[:] = [line for line in lines_of(server) if line.get("request_id") == request_id]
        return len(found) > 0

    wait_until(is_there)
    assert len(found) == 1
    return found[0]


def ask(server, method, path, request_id, **arguments):
    headers = {"X-Request-Id": request_id, **arguments.pop("headers", {})}
    answer = server.client.request(method, path, headers=headers, **arguments)
    assert answer.headers["X-Request-Id"] == request_id
    return answer, line_of(server, request_id)


def documented_fields():
    page = (ROOT / "docs" / "logs.md").read_text()
    table = page[page.index("## Fields"):page.index("## What is never in it")]
    return {name: of for name, of in re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", table, re.M)}


def test_every_field_is_documented_and_nothing_else(start_server):
    provider = FakeOpenAI(dialect="openrouter", key=KEY)
    server = start_server(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY=KEY,
                          OPENROUTER_BASE_URL=provider.url, CAPTION_CONFIDENCE_THRESHOLD="1",
                          IMGROUTER_LOG_LEVEL="debug")
    image, upload = ask(server, "POST", "/images", "u-1",
                        files={"file": ("hush.png", png(1), "image/png")})
    _, known = ask(server, "POST", "/images", "u-2", files={"file": png(1)})
    _, batch = ask(server, "POST", "/images/batch", "b-1",
                   files=[("file", png(1)), ("file", png(2)), ("file", b"none")])
    found, search = ask(server, "GET", "/search", "s-1", params={"q": "hush", "mode": "hybrid"})
    _, refused = ask(server, "GET", "/search", "s-2", params={"q": "hush", "mode": "hush"})
    _, gone = ask(server, "GET", "/images/0011223344556677", "g-1")
    _, nowhere = ask(server, "GET", "/nowhere", "n-1", params={"key": "hush"})
    _, health = ask(server, "GET", "/healthz", "h-1")

    image = image.json()
    assert upload["message"] == "POST /images 200" and upload["level"] == "info"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", upload["time"])
    assert (upload["method"], upload["route"], upload["path"]) == ("POST", "/images", "/images")
    assert upload["status"] == 200 and upload["client"] == "127.0.0.1"
    assert upload["image_id"] == image["id"] and upload["origin"] == "cloud"
    assert (upload["reason"], upload["provider"]) == ("low_confidence", "openrouter")
    assert upload["cost_usd"] == 0.00043215 and upload["was_known"] is False
    assert upload["timings"].pop("cloud_ms") == image["receipt"]["timings"]["cloud_ms"]
    assert upload["timings"] == image["timings"]
    assert upload["duration_ms"] >= image["timings"]["total_ms"]
    assert upload["request_bytes"] > len(png(1)) and upload["response_bytes"] > 500
    assert known["image_id"] == image["id"] and known["was_known"] and known["cost_usd"] == 0
    assert (batch["stored"], batch["known"], batch["failed"]) == (1, 1, 1)
    assert batch["cost_usd"] == 0.00043215
    assert (search["mode"], search["results"]) == ("hybrid", len(found.json()["results"]))
    assert search["timings"] == found.json()["timings"]
    assert refused["status"] == 422 and refused["code"] == "invalid"
    assert refused["detail"].startswith("query mode: ")
    assert (gone["route"], gone["path"]) == ("/images/{id}", "/images/0011223344556677")
    assert (gone["code"], gone["level"]) == ("not_found", "info")
    assert "route" not in nowhere and nowhere["path"] == "/nowhere"
    assert health["level"] == "debug"

    kinds = {"requests": [upload, known, batch, search, refused, gone, nowhere, health],
             "uploads": [upload, known], "batches": [batch], "searches": [search],
             "failures": [refused, gone, nowhere], "traces": []}
    kinds["every line"] = kinds["requests"]
    fields = documented_fields()
    for line in kinds["requests"]:
        wanted = {name for name, of in fields.items()
                  if any(line in kinds[kind] for kind in of.split(", "))}
        assert set(line) == wanted - ({"route"} if line is nowhere else set()), line
    others = [line for line in lines_of(server) if "method" not in line]
    assert others and all(set(line) == {"time", "level", "message"} for line in others)
    provider.close()
    for secret in SECRETS:
        assert secret not in server.log_text().lower()


def test_the_trace_is_named(start_server):
    """Also when nobody takes the spans."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    _, line = ask(server, "GET", "/images", "t-1",
                  headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert line["trace_id"] == trace
    _, line = ask(server, "POST", "/images", "t-2", files={"file": png(1)})
    assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"]) and line["trace_id"] != trace
    _, line = ask(server, "GET", "/images", "t-3",
                  headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
    assert "trace_id" not in line


def test_levels(start_server):
    quiet = start_server()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert quiet.client.get(path).status_code == 200
    ask(quiet, "GET", "/images", "i-1")
    requests = [line for line in lines_of(quiet) if "route" in line]
    assert [line["route"] for line in requests] == ["/images"]

    warned = start_server(data="{}-2".format(quiet.data), IMGROUTER_LOG_LEVEL="warning")
    assert warned.client.get("/images").status_code == 200
    assert warned.client.get("/nowhere").status_code == 404
    warned.stop()
    assert all(line["level"] == "warning" and "route" not in line for line in lines_of(warned))

    silent = start_server(data="{}-3".format(quiet.data), arguments=["--log-level", "off"])
    assert silent.client.get("/images").status_code == 200
    silent.stop()
    assert silent.log_text() == ""


def test_a_failure_is_a_warning(start_server, tmp_path):
    """The picture's file is lost: the server's own fault."""
    server = start_server()
    image = server.client.post("/images", files={"file": png(1)}).json()
    next((tmp_path / "data" / "pictures").glob(f"*/{image['id']}*")).unlink()
    answer, line = ask(server, "GET", f"/images/{image['id']}/content", "c-1")
    assert answer.status_code >= 500
    assert line["level"] == "warning" and line["status"] == answer.status_code
    problem = answer.json()
    assert (line["code"], line["detail"]) == (problem["code"], problem["detail"])
    assert problem["request_id"] == "c-1"


def raw(server, request):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


INJECTIONS = [b"/images\x1b[31m", b"/\xff\xfe", b"/a\x7fb", b"/a\xc2\x9b31m", b"/\xe2\x80\xae",
              b'/","level":"error', b"/" + b"\\" * 3000, b"/" + b"\x01" * 3000,
              b"/%0a%0d{}", b"/" + b"\xf0\x9f\x90\x88" * 1500]


@pytest.mark.parametrize("number", range(len(INJECTIONS)))
def test_nobody_forges_a_line_by_a_path(server, number):
    before = len(lines_of(server))
    raw(server, b"GET " + INJECTIONS[number] + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    ask(server, "GET", "/images", "after")
    text = pathlib.Path(server.log_path).read_bytes()
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae", text) is None
    assert max(map(len, text.splitlines(keepends=True))) <= 4096
    lines = lines_of(server)
    assert before < len(lines) <= before + 2
    assert all(line["level"] in ("info", "warning") for line in lines)


@pytest.mark.parametrize("request_id", [b"a b", b"a\tb", b"caf\xc3\xa9", b"\xff", b"a" * 129, b"",
                                        b'a\\"\xe2\x80\xae'])
def test_bad_request_ids_are_replaced(server, request_id):
    answer = raw(server, b"GET /images HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: "
                 + request_id + b"\r\n\r\n")
    given = re.search(rb"X-Request-Id: (.*)\r\n", answer).group(1).decode()
    assert re.fullmatch(r"[0-9a-f]{16}", given)
    assert line_of(server, given)["route"] == "/images"


def test_a_quoted_request_id_stays_what_it_is(server):
    answer, line = ask(server, "GET", "/nowhere", 'x","level":"\\error')
    assert line["level"] == "info"
    assert answer.json()["request_id"] == 'x","level":"\\error'


def test_no_secrets(start_server):
    """Keys, passwords and what is behind the question mark of addresses, where all goes wrong."""
    provider = FakeOpenAI(dialect="openrouter", key=KEY)
    provider.script = [Answer(status=401, body={"error": {"message": f"{KEY} is not known"}})] * 9
    server = start_server(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY=KEY,
                          OPENROUTER_BASE_URL=provider.url, CAPTION_CONFIDENCE_THRESHOLD="1",
                          IMGROUTER_LOG_LEVEL="debug")
    image, _ = ask(server, "POST", "/images", "u-1",
                   files={"file": ("hush.png", png(1), "image/png")})
    change, _ = ask(server, "PATCH", f"/images/{image.json()['id']}", "p-1",
                    json={"tags": ["hush" * 40]})
    assert "hush" in change.json()["detail"]  # for the client only
    for number, url in enumerate(("http://127.0.0.1:1/a.png?token=hush",
                                  "http://me:hush@127.0.0.1/a.png", "http://h.invalid/a?k=hush",
                                  "ftp://hush/a.png", "hush")):
        ask(server, "POST", "/images", f"url-{number}", json={"url": url})
        ask(server, "POST", "/search", f"search-{number}", json={"url": url})
    for number, parameters in enumerate(({"mode": "hush"}, {"k": "hush"}, {"cursor": "hush"},
                                         {"ids": "hush"}, {"from": "hush"}, {"tags": "hush" * 99},
                                         {"words": "hush," * 99}, {"min_score": "hush"})):
        ask(server, "GET", "/search", f"query-{number}", params={"q": "hush", **parameters})
    ask(server, "GET", "/images", "auth", headers={"Authorization": "Bearer hush"})
    ask(server, "GET", "/nowhere", "fragment", params={"hush": "hush"})
    provider.close()
    server.stop()
    log = server.log_text()
    for secret in ("hush", KEY, "sk-or-"):
        assert secret not in log.lower(), [line for line in log.splitlines() if secret in line]


@pytest.mark.parametrize("setting", [
    {"VECTOR_BACKEND": "pgvector", "DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/x"},
    {"VECTOR_BACKEND": "qdrant", "QDRANT_URL": "http://127.0.0.1:1", "QDRANT_API_KEY": "hush"}])
def test_no_database_password(start_server, setting):
    server = start_server(IMGROUTER_LOG_LEVEL="debug", **setting)
    _, line = ask(server, "GET", "/readyz", "r-1")
    assert (line["status"], line["level"], line["code"]) == (503, "warning", "unavailable")
    _, line = ask(server, "GET", "/images", "i-1")
    assert line["status"] >= 500
    server.stop()
    assert "hush" not in server.log_text()


class Piped:
    """A server whose standard error is the other end of `output`."""

    def __init__(self, binary, folder, write_end):
        self.process = subprocess.Popen(
            [binary, "serve", "--host", "127.0.0.1", "--port", "0", "--data", folder / "data"],
            stdout=subprocess.PIPE, stderr=write_end, env=clean_environment(folder))
        os.close(write_end)
        self.url = self.process.stdout.readline().decode().split()[-1]
        self.client = httpx.Client(base_url=self.url, timeout=START_TIMEOUT_S)

    def stop(self):
        self.client.close()
        self.process.terminate()
        assert self.process.wait(STOP_TIMEOUT_S) == 0
        self.process.stdout.close()


def read_all(descriptor):
    text = b""
    try:
        while piece := os.read(descriptor, 65536):
            text += piece
    except OSError:  # a terminal whose other end was closed
        pass
    return text


def test_text_on_a_terminal(binary, tmp_path):
    terminal, write_end = pty.openpty()
    server = Piped(binary, tmp_path, write_end)
    image = server.client.post("/images", files={"file": png(1)}).json()
    server.client.get("/search", params={"q": "hush"})
    server.client.get("/search", params={"q": "hush", "k": 0})
    server.client.get("/healthz")
    server.stop()
    lines = read_all(terminal).decode().split("\r\n")
    os.close(terminal)
    time_and_level = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info    "
    wanted = [
        r"POST /images 200 \d+\.\d ms \d+ bytes image_id=" + image["id"] +
        r" origin=mock reason=no_provider provider=local cost_usd=0 was_known=false",
        r"GET /search 200 \d+\.\d ms \d+ bytes mode=semantic results=1",
        r'GET /search 422 \d+\.\d ms \d+ bytes code=invalid detail="query k: [^"]+"',
    ]
    requests = [line for line in lines if " ms " in line]
    assert len(requests) == len(wanted)
    for line, pattern in zip(requests, wanted):
        assert re.fullmatch(time_and_level + pattern, line), line


def test_a_reader_that_sleeps_holds_nobody_up(binary, tmp_path):
    """A pipe holds 64 kB: after some 200 lines it is full."""
    reader, write_end = os.pipe()
    server = Piped(binary, tmp_path, write_end)
    for _ in range(1000):
        assert server.client.get("/images").status_code == 200
    first = os.read(reader, 1 << 20)  # a page or more of room
    while len(first) < 60000:
        first += os.read(reader, 1 << 20)
    assert server.client.get("/images").status_code == 200
    (counted,) = re.findall(r'^imgrouter_dropped_total{what="log_lines"} (\d+)$',
                            server.client.get("/metrics").text, re.MULTILINE)
    server.stop()
    lines = [strict(line) for line in (first + read_all(reader)).decode().splitlines()]
    os.close(reader)
    lost = [line for line in lines if "log lines were lost" in line["message"]]
    assert len(lost) == 1 and lost[0]["level"] == "warning"
    written = sum(line.get("route") == "/images" for line in lines)
    assert lost[0]["message"].split()[0] == counted
    assert written + int(counted) == 1001


def test_a_reader_that_left_holds_nobody_up(binary, tmp_path):
    reader, write_end = os.pipe()
    server = Piped(binary, tmp_path, write_end)
    os.close(reader)
    for _ in range(10):
        assert server.client.get("/images").status_code == 200
    server.stop()


def test_a_client_that_went_away(start_server):
    server = start_server()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                           b"X-Request-Id: gone\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.2)
    line = line_of(server, "gone")
    assert (line["status"], line["request_bytes"], line["response_bytes"]) == (499, 4, 0)
    assert line["level"] == "info" and "code" not in line
