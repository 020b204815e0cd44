"""The Model Context Protocol below what its client sends: broken messages, limits, headers, and how
`imgrouter mcp` lives and ends as a process."""
import base64
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time

import pytest
from pictures import png
from server_process import clean_environment
from web_server import web_server

ACCEPT = {"Accept": "application/json, text/event-stream"}
ENVELOPE = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}
STATELESS = {"MCP-Protocol-Version": "2026-07-28"}


def request(method, number=1, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def call(tool, number=1, **arguments):
    return request("tools/call", number, name=tool, arguments=arguments)


# Over HTTP.

@pytest.fixture
def post(client):
    def post(message, headers=ACCEPT):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return client.post("/mcp", content=body,
                           headers={"Content-Type": "application/json", **headers})
    return post


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body["jsonrpc"] == "2.0" and body["error"]["message"]
    return body["error"]["code"]


def test_there_is_no_stream_and_no_session(client):
    for method in ("GET", "DELETE", "PUT"):
        answer = client.request(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert answer.status_code == 405 and answer.headers["Allow"] == "POST"
    answer = client.post("/mcp", json=request("ping"))
    assert answer.status_code == 200 and answer.json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("origin", [
    "http://example.org", "https://example.org:8001", "null", "", "http://localhost.example.org",
    "http://127.0.0.1.example.org", "http://127.0.0.1@example.org", "http://127.0.0.1:80@evil",
    "http://1270.0.0.1", "http://128.0.0.1", "http://[::2]", "http://[::1", "http://[::1].evil",
    "http://localhost:8001x", "http://localhost:", "file://localhost", "localhost",
    "http://LOCALHOST/", "http://127.1"])
def test_pages_of_other_sites_are_refused(post, origin):
    answer = post(request("ping"), {"Origin": origin})
    assert answer.status_code == 403 and answer.json()["status"] == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["http://localhost", "https://localhost:3000", "http://[::1]:9",
                                    "http://127.0.0.1:8001", "http://127.8.9.1"])
def test_pages_of_this_machine_are_not(post, origin):
    assert post(request("ping"), {"Origin": origin}).status_code == 200


def test_two_origins_are_refused(client):
    answer = client.post("/mcp", content=json.dumps(request("ping")),
                         headers=[("Content-Type", "application/json"),
                                  ("Origin", "http://localhost"),
                                  ("Origin", "http://example.org")])
    assert answer.status_code == 403


def test_types_are_checked(client, post):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post("/mcp", content=json.dumps(request("ping")),
                             headers={"Content-Type": kind})
        assert answer.status_code == 415 and answer.headers["Accept-Post"] == "application/json"
    assert post(request("ping"), {"Accept": "text/event-stream"}).status_code == 406
    assert post(request("ping"), {"Accept": "application/json;q=0"}).status_code == 406
    for accept in ("*/*", "application/*", "application/json"):
        assert post(request("ping"), {"Accept": accept}).status_code == 200


def test_revisions_are_checked(post):
    for revision in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
        assert post(request("ping"), {"MCP-Protocol-Version": revision}).status_code == 200
        answer = post(request("initialize", protocolVersion=revision, capabilities={}))
        assert answer.json()["result"]["protocolVersion"] == revision
    for revision in ("2024-01-01", "2099-01-01", "latest", "\xe9"):
        answer = post(request("ping"), {"MCP-Protocol-Version": revision.encode("latin-1")})
        assert error_of(answer, 400) == -32022
        assert "2025-11-25" in answer.json()["error"]["data"]["supported"]
    for revision in ("2026-07-28", "2099-01-01"):  # none that has a handshake
        answer = post(request("initialize", protocolVersion=revision))
        assert answer.json()["result"]["protocolVersion"] == "2025-11-25"
    assert error_of(post(request("initialize")), 200) == -32602


@pytest.mark.parametrize("body", [
    b"", b"{", b"\xff", b'{"jsonrpc":"2.0","id":1,"method":"ping"', b"nope", b"[1,]",
    b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', b"[" * 5000, b'{"a":' * 3000,
    b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', b'{"jsonrpc":"2.0","id":1,"method":"\xc3"}'])
def test_what_is_no_json_is_a_parse_error(post, body):
    answer = post(body)
    assert error_of(answer, 400) == -32700 and answer.json()["id"] is None


@pytest.mark.parametrize("message", [
    7, "ping", None, {}, {"jsonrpc": "2.0"}, {"jsonrpc": "1.0", "id": 1, "method": "ping"},
    {"id": 1, "method": "ping"}, {"jsonrpc": "2.0", "id": 1, "method": 7},
    {"jsonrpc": "2.0", "id": None, "method": "ping"}, {"jsonrpc": "2.0", "id": {}, "method": "ping"},
    {"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, {"jsonrpc": "2.0", "id": True, "method": "ping"},
    {"jsonrpc": 2.0, "id": 1, "method": "ping"}])
def test_what_is_no_message_is_an_invalid_request(post, message):
    assert error_of(post(message), 400) == -32600


def most_memory(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_many_small_values_are_refused_before_they_take_memory(server, post):
    before = most_memory(server.process)
    for body in (b"[" * 100_000, b"[" + b"0," * 10_000_000 + b"0]", b'{"a":' * 1_000_000):
        assert error_of(post(body), 400) == -32600
    assert most_memory(server.process) - before < 200_000_000


def test_wrong_methods_and_parameters(post):
    assert error_of(post(request("no/such")), 200) == -32601
    assert error_of(post(request("server/discover")), 200) == -32601
    assert error_of(post({"jsonrpc": "2.0", "id": "a", "method": "ping", "params": [1]}), 200) == -32602
    assert error_of(post(request("tools/call")), 200) == -32602
    assert error_of(post(request("tools/call", name="search", arguments=[])), 200) == -32602
    assert error_of(post(request("tools/call", name=7)), 200) == -32602
    assert error_of(post(request("resources/read")), 200) == -32602


def test_notifications_and_answers_get_no_answer(post):
    for message in ({"jsonrpc": "2.0", "method": "notifications/initialized"},
                    {"jsonrpc": "2.0", "method": "notifications/cancelled",
                     "params": {"requestId": 1}},
                    {"jsonrpc": "2.0", "method": "no/such", "params": [1]},
                    {"jsonrpc": "2.0", "id": 1, "result": {}},
                    {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": ""}}):
        answer = post(message)
        assert answer.status_code == 202 and answer.content == b""


def test_batches_are_of_one_revision(post):
    batch = [request("ping", 1), {"jsonrpc": "2.0", "method": "notifications/initialized"}, 7,
             request("ping", "b")]
    answer = post(batch)
    assert answer.status_code == 200
    assert [one.get("id") for one in answer.json()] == [1, None, "b"]
    assert post(batch[1:2]).status_code == 202
    for revision in ("2025-06-18", "2025-11-25", "2026-07-28"):
        assert error_of(post(batch, {"MCP-Protocol-Version": revision}), 400) == -32600
    assert error_of(post([]), 400) == -32600
    assert error_of(post([request("ping")] * 33), 400) == -32600
    assert len(post([request("ping")] * 32).json()) == 32


def test_a_request_without_handshake_repeats_itself_in_headers(post):
    ask = request("tools/call", name="search", arguments={"query": "x"}, _meta=ENVELOPE)
    right = {**STATELESS, "Mcp-Method": "tools/call", "Mcp-Name": "search"}
    answer = post(ask, right)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert result["resultType"] == "complete" and result["structuredContent"]["results"] == []
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "imgrouter"
    in_base64 = "=?base64?" + base64.b64encode(b"search").decode() + "?="
    assert post(ask, {**right, "Mcp-Name": in_base64}).status_code == 200
    for wrong in ({"Mcp-Name": "similar"}, {"Mcp-Method": "tools/list"}, {"Mcp-Name": ""},
                  {"MCP-Protocol-Version": "2025-11-25"}, {"Mcp-Name": "=?base64?c2Vhcm?="},
                  {"Mcp-Name": "=?base64??="}):
        assert error_of(post(ask, {**right, **wrong}), 400) == -32020, wrong
    for missing in right:
        headers = {name: value for name, value in right.items() if name != missing}
        assert error_of(post(ask, headers), 400) == -32020, missing


def test_a_request_without_handshake_tells_all_it_must(post):
    headers = {**STATELESS, "Mcp-Method": "tools/list"}
    for meta in ({}, {"io.modelcontextprotocol/protocolVersion": "2026-07-28"},
                 {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": 3}):
        assert error_of(post(request("tools/list", _meta=meta), headers), 400) == -32602
    assert error_of(post(request("tools/list"), headers), 400) == -32602
    listed = post(request("tools/list", _meta=ENVELOPE), headers).json()["result"]
    assert len(listed["tools"]) == 4 and listed["ttlMs"] > 0 and listed["cacheScope"] == "private"
    for method in ("ping", "initialize", "no/such"):
        headers["Mcp-Method"] = method
        assert error_of(post(request(method, _meta=ENVELOPE), headers), 404) == -32601
    answer = post(request("server/discover", _meta=ENVELOPE),
                  {**STATELESS, "Mcp-Method": "server/discover"})
    assert answer.json()["result"]["supportedVersions"][-1] == "2026-07-28"


def test_files_of_the_server_are_out_of_reach(post, tmp_path):
    picture = tmp_path / "secret.png"
    picture.write_bytes(png(1))
    for tool in ("caption", "similar"):
        result = post(call(tool, path=str(picture))).json()["result"]
        assert result["isError"] and 'no "path"' in result["content"][0]["text"]
        result = post(call(tool, url=f"file://{picture}")).json()["result"]
        assert result["isError"]


def test_large_messages_are_bounded(start_server):
    server = start_server(IMGROUTER_MAX_UPLOAD_BYTES=100_000)
    def send(size):
        data = base64.b64encode(png(1, padding=size)).decode()
        return server.client.post("/mcp", json=call("caption", data=data, store=True))
    assert not send(90_000).json()["result"]["isError"]
    answer = send(110_000).json()["result"]
    assert answer["isError"] and "100000" in answer["content"][0]["text"]
    assert send(200_000).status_code == 413


def test_calls_are_counted(server, post):
    post(call("search", query="x"))
    post(call("search"))
    post(call("describe", image_id="0" * 16))
    post(call("nothing"))
    counted = {line.split(" ")[0]: float(line.split(" ")[1])
               for line in server.client.get("/metrics").text.splitlines()
               if line.startswith("imgrouter_mcp_calls_total{")}
    assert len(counted) == 12
    assert {name: value for name, value in counted.items() if value} == {
        'imgrouter_mcp_calls_total{tool="search",outcome="answered"}': 1,
        'imgrouter_mcp_calls_total{tool="search",outcome="refused"}': 1,
        'imgrouter_mcp_calls_total{tool="describe",outcome="refused"}': 1}
    assert 'http_requests_total{route="POST /mcp",code="200"} 4' in server.client.get("/metrics").text


# On standard input and output.

class Process:
    def __init__(self, binary, tmp_path, *arguments, **settings):
        self.log_path = tmp_path / "mcp.log"
        self.log = open(self.log_path, "ab")
        self.unread = b""
        self.process = subprocess.Popen(
            [binary, "mcp", "--data", str(tmp_path / "own"), *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, cwd=tmp_path,
            env=clean_environment(tmp_path, **settings))

    def send(self, *messages):
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self, seconds=30):
        while b"\n" not in self.unread:
            ready = select.select([self.process.stdout], [], [], seconds)[0]
            assert ready, self.log_path.read_text()
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            assert more, self.log_path.read_text()
            self.unread += more
        line, _, self.unread = self.unread.partition(b"\n")
        return json.loads(line)

    def rest(self):
        """What is still answered before it ends well."""
        answers = [json.loads(line)
                   for line in (self.unread + self.process.stdout.read()).splitlines()]
        assert self.process.wait(30) == 0, self.log_path.read_text()
        return answers

    def ask(self, message):
        self.send(message)
        return self.read()

    def finish(self):
        """Ends the input; what was still answered."""
        self.process.stdin.close()
        return self.rest()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            try:
                stream.close()
            except OSError:
                pass


@pytest.fixture
def start(binary, tmp_path):
    made = []

    def start(*arguments, **settings):
        made.append(Process(binary, tmp_path, *arguments, **settings))
        return made[-1]

    yield start
    for process in made:
        process.close()


def test_the_end_of_the_input_ends_it_when_all_is_answered(start):
    process = start()
    process.send(*(call("caption", number, data=base64.b64encode(png(number)).decode(), store=True)
                   for number in range(30)))
    answers = process.finish()
    assert sorted(answer["id"] for answer in answers) == list(range(30))
    assert not any(answer["result"]["isError"] for answer in answers)


def test_nothing_but_messages_comes_out(start):
    process = start("--log-level", "debug")
    process.send(b"\n", b"  \r\n", request("ping"), b'{"jsonrpc":"2.0","id":2,"method":"ping"}\r\n',
                 {"jsonrpc": "2.0", "method": "notifications/initialized"},
                 {"jsonrpc": "2.0", "id": 9, "result": {}}, b"{\n",
                 b'{"jsonrpc":"2.0","id":3,"method":"ping"}')  # no line end: the input ends here
    answers = process.finish()
    assert [answer.get("id") for answer in answers] == [1, 2, None, 3]
    assert answers[2]["error"]["code"] == -32700
    assert "imgrouter" in process.log_path.read_text()


def test_what_else_is_printed_goes_to_standard_error(start):
    process = start()
    process.ask(request("ping"))
    assert os.readlink(f"/proc/{process.process.pid}/fd/1") == str(process.log_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(start, number):
    process = start()
    assert process.ask(request("ping"))["result"] == {}
    process.process.send_signal(number)
    assert process.rest() == []


def test_a_signal_does_not_wait_for_what_has_not_begun(start):
    with web_server() as web:
        process = start(IMGROUTER_URL_ALLOW_PRIVATE="true", IMGROUTER_URL_TIMEOUT_MS="2000")
        process.send(*(call("caption", number, url=f"{web.url}/slow", store=True)
                       for number in range(16)), request("ping", "last"))
        assert process.read()["id"] == "last"
        started = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        answers = process.rest()
        assert time.monotonic() - started < 10
        assert len(answers) < 16 and all(answer["result"]["isError"] for answer in answers)


def test_nobody_reading_ends_it(start):
    process = start()
    assert process.ask(request("ping"))["result"] == {}
    process.process.stdout.close()
    process.send(request("ping"), request("ping"))
    assert process.process.wait(30) == 0


def test_a_long_line_is_refused_and_passed_over(start):
    process = start("--max-upload-bytes", "100000")
    long = b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 5_000_000
    process.send(long + b'"}\n', request("ping", 2))
    first, second = process.read(), process.read()
    assert first["error"]["code"] == -32600 and first["id"] is None
    assert second == {"jsonrpc": "2.0", "id": 2, "result": {}}
    process.send(long)  # and then nothing more
    answers = process.finish()
    assert [answer["error"]["code"] for answer in answers] == [-32600]


def test_a_cancelled_call_is_not_answered(start):
    with web_server() as web:
        process = start(IMGROUTER_URL_ALLOW_PRIVATE="true", IMGROUTER_URL_TIMEOUT_MS="1500")
        process.send(call("caption", "slow", url=f"{web.url}/slow", store=True),
                     call("caption", 1, url=f"{web.url}/slow", store=True),
                     {"jsonrpc": "2.0", "method": "notifications/cancelled",
                      "params": {"requestId": "slow", "reason": "no patience"}},
                     {"jsonrpc": "2.0", "method": "notifications/cancelled",
                      "params": {"requestId": "1"}},  # another id than 1
                     {"jsonrpc": "2.0", "method": "notifications/cancelled"},
                     request("ping", 2))
        assert process.read()["id"] == 2  # while both are under way
        assert [answer["id"] for answer in process.finish()] == [1]


def test_the_handshake_decides_about_batches(start):
    process = start()
    batch = [request("ping", 1), call("search", 2, query="x")]
    assert process.ask(batch)["error"]["code"] == -32600
    process.ask(request("initialize", protocolVersion="2025-03-26", capabilities={}))
    assert [answer["id"] for answer in process.ask(batch)] == [1, 2]
    process.ask(request("initialize", protocolVersion="2025-06-18", capabilities={}))
    assert process.ask(batch)["error"]["code"] == -32600
    told = process.ask(request("tools/list", _meta=ENVELOPE))["result"]
    assert told["resultType"] == "complete"
    error = process.ask(request("tools/list", _meta={
        **ENVELOPE, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}))["error"]
    assert error["code"] == -32022 and "2026-07-28" in error["data"]["supported"]


@pytest.fixture(params=["own folder", "server"])
def path_door(request, start, start_server):
    if request.param == "own folder":
        return start()
    return start("--server", start_server().url)


def test_files_are_read_by_their_path(path_door, tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "text.png").write_bytes(b"root:x:0:0\n" * 10)
    (tmp_path / "empty.png").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.png")
    for path in (str(tmp_path / "a.png"), "a.png", "~/a.png"):
        result = path_door.ask(call("caption", path=path, store=True))["result"]
        assert not result["isError"], result
    described = path_door.ask(call("describe", image_id=result["structuredContent"]["id"]))
    assert described["result"]["structuredContent"]["payload"]["src"]["filename"] == "a.png"
    alike = path_door.ask(call("similar", path="a.png"))["result"]["structuredContent"]
    assert alike["results"][0]["score"] > 0.99
    for path in ("text.png", "empty.png", "pipe.png", "gone.png", ".", "/dev/zero", "x" * 5000, ""):
        result = path_door.ask(call("caption", path=path, store=True))["result"]
        assert result["isError"] and result["content"][0]["text"], path
    for more in ({"data": "AAAA"}, {"url": "http://example.org/a.png"}, {"image_id": "0" * 16}):
        result = path_door.ask(call("similar", path="a.png", **more))["result"]
        assert result["isError"] and "exactly one way" in result["content"][0]["text"]
    for wrong in (7, None, ["a.png"]):
        result = path_door.ask(call("similar", path=wrong))["result"]
        assert result["isError"] and "string" in result["content"][0]["text"]
    assert path_door.ask(call("describe", path="a.png"))["result"]["isError"]


def test_what_is_no_picture_does_not_leave_the_machine(start, tmp_path):
    (tmp_path / "key.png").write_bytes(b"PRIVATE KEY")
    with web_server() as web:
        process = start("--server", web.url)
        result = process.ask(call("caption", path="key.png"))["result"]
        assert result["isError"] and "not a picture" in result["content"][0]["text"]
        assert web.connections == 0


def test_a_folder_that_a_server_holds_says_how_to_go_on(start_server, binary, tmp_path):
    server = start_server()
    done = subprocess.run([binary, "mcp", "--data", server.data], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60,
                          env=clean_environment(tmp_path))
    assert done.returncode == 1 and done.stdout == ""
    assert "imgrouter mcp --server http://127.0.0.1:8001" in done.stderr


def test_wrong_usage_is_told(binary, tmp_path):
    for words in (["now"], ["--server", "example.org"], ["--json"]):
        done = subprocess.run([binary, "mcp", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60,
                              env=clean_environment(tmp_path))
        assert done.returncode == 2 and done.stdout == "" and done.stderr


def test_a_server_that_is_away_or_another_is_told_of(start, start_server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    process = start("--server", f"http://127.0.0.1:{port}")
    assert process.ask(request("initialize", protocolVersion="2025-11-25"))["result"]
    error = process.ask(call("search", query="x"))["error"]
    assert error["code"] == -32603 and f"127.0.0.1:{port}" in error["message"]
    server = start_server(arguments=["--port", str(port)])
    assert not process.ask(call("search", query="x"))["result"]["isError"]
    server.stop()
    assert process.ask(request("tools/list"))["error"]["code"] == -32603
    with web_server() as web:
        process = start("--server", web.url)
        error = process.ask(call("search", query="x"))["error"]
        assert error["code"] == -32603 and "POST /mcp" in error["message"]


def test_errors_of_the_server_come_through(start, start_server):
    server = start_server(IMGROUTER_MAX_UPLOAD_BYTES=10_000)
    process = start("--server", server.url)
    error = process.ask(request("tools/call", name="nothing"))["error"]
    assert error["code"] == -32602 and "tools/list" in error["message"]
    error = process.ask(request("resources/read", uri="imgrouter://image/" + "0" * 16))["error"]
    assert error["code"] == -32002 and error["data"]["uri"].endswith("0" * 16)
    data = base64.b64encode(png(1, padding=200_000)).decode()
    error = process.ask(call("caption", data=data))["error"]
    assert error["code"] == -32603 and "413" in error["message"]
