"""The clients in clients/ against the description, against real servers, and against servers that misbehave."""
import http.server
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest
from pictures import png
from server_process import ROOT, wait_until

CLIENTS = ROOT / "clients"
PICTURES = ROOT / "examples" / "pictures"
sys.path.insert(0, str(CLIENTS / "python"))
from imgrouter_client import (Client, ConnectionFailed, ImgrouterError, JobFailed, ProblemError,  # noqa: E402
                              WaitTimeout)

NODE = shutil.which("node")
# Pages for people, and the protocols of others, which have clients of their own.
LEFT_OUT = {"getDocs", "getDocsStyle", "getDocsScript", "getPage", "getPageFile", "sendMcpMessage",
            "createOpenAiEmbeddings", "createInfinityEmbeddings", "createOpenAiChatCompletion",
            "listOpenAiModels", "getOpenAiModel", "pingForImmich", "predictForImmich", "vectorizeForWeaviate",
            "getWeaviateMeta", "getWeaviateLiveness", "getWeaviateReadiness", "captionForPhotoPrism"}
# Parameters that the clients do not set: what says the same is elsewhere in the request.
NOT_SENT = {("uploadImage", "filename"), ("getImageContent", "If-None-Match"),
            ("getImageThumbnail", "If-None-Match")}
IMAGE, JOB = "0123456789abcdef", "0123456789abcdef0123456789abcdef"


class Stub:
    """A server that answers with what `answer(method, path, count)` returns: (status, headers, body), or None to
    hang up; and keeps what it was asked."""

    def __init__(self, answer):
        self.requests = []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                size = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(size)
                stub.requests.append((self.command, self.path, dict(self.headers), body))
                answered = answer(self.command, self.path, len(stub.requests))
                if answered is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, headers, content = answered
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def fitting_answer(method, path, count):
    if path == "/events":
        return 200, {"Content-Type": "text/event-stream"}, b'id: a-2\nevent: image\ndata: {"id": "x"}\n\n'
    if method == "DELETE":
        return 204, {}, b""
    return 200, {"Content-Type": "application/json"}, json.dumps(
        {"images": [], "next_cursor": None, "duplicates": {}}).encode()


def call_every_method(url):
    picture = b"\1\2\3"
    filters = {"mode": "hybrid", "k": 3, "cursor": "0003abcdef01", "min_score": 0.5, "exact": True,
               "ids": [IMAGE, IMAGE], "since": "2026-01-01", "until": "2027-01-01", "origin": "local",
               "tags": ["a", "b"], "words": "c"}
    with Client(url, retries=0) as client:
        client.upload(picture, name="a.png", quality="fast")
        client.upload(url="http://picture.example/a.png", quality="fast")
        client.upload_many([picture, picture], quality="high")
        client.upload_many(urls=["http://picture.example/a.png"], quality="auto")
        client.list_page(limit=5, cursor="")
        assert list(client.list(page=7)) == []
        client.get(IMAGE)
        client.change(IMAGE, caption="a", tags=["b"])
        client.delete(IMAGE)
        client.duplicates(IMAGE)
        client.content(IMAGE)
        client.thumbnail(IMAGE, size=64)
        client.search("a boat", image_id=IMAGE, **filters)
        client.search("a boat", picture=picture, **filters)
        client.search(url="http://picture.example/a.png")
        client.upload_later(picture, name="a.png", quality="fast", priority="interactive")
        client.job(JOB)
        client.jobs(state="failed", limit=9)
        client.delete_job(JOB)
        assert [event.id for event in client.events(last_event_id="a-1")] == ["a-2"]
        client.health()
        client.is_ready()
        client.costs(days=3)
        client.experiments()
        client.summary()
        client.metrics()
        client.openapi()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """node(script, *words, **environment) runs a script that may import imgrouter-client."""
    if NODE is None:
        pytest.skip("node is not installed")
    folder = tmp_path_factory.mktemp("node")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "imgrouter-client").symlink_to(CLIENTS / "javascript")

    def run(source, *words, **environment):
        script = folder / f"script{len(list(folder.iterdir()))}.mjs"
        script.write_text(source)
        done = subprocess.run([NODE, str(script), *words], cwd=ROOT, text=True, timeout=300,
                              env=os.environ | environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout
    return run


def operation_of(document, method, path):
    """The operation that a request is of; concrete paths go before those with placeholders."""
    for template in sorted(document["paths"], key=lambda template: template.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        operation = document["paths"][template].get(method.lower())
        if operation is not None and re.fullmatch(pattern, path):
            return operation
    raise AssertionError(f"{method} {path} is no operation of the document")


def check_requests(document, requests):
    asked, sent = set(), set()
    for method, target, headers, _ in requests:
        path, _, query = target.partition("?")
        operation = operation_of(document, method, path)
        name = operation["operationId"]
        asked.add(name)
        known = {parameter["name"]: parameter for parameter in operation["parameters"]}
        for key, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            assert key in known, f"{name} has no parameter {key}"
            schema = known[key]["schema"]
            assert value in schema.get("enum", [value])
            sent.add((name, key))
        named = {key.lower(): value for key, value in headers.items()}
        sent |= {(name, key) for key in known if key.lower() in named}
        if "requestBody" in operation:
            types = operation["requestBody"]["content"]
            assert named["content-type"].split(";")[0].lower() in types, (name, headers)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert asked == {operation["operationId"] for operation in operations} - LEFT_OUT
    wanted = {(operation["operationId"], parameter["name"]) for operation in operations
              for parameter in operation["parameters"]
              if parameter["in"] != "path" and operation["operationId"] not in LEFT_OUT}
    assert sent == wanted - NOT_SENT


def test_python_covers_the_document(client):
    with Stub(fitting_answer) as stub:
        call_every_method(stub.url)
    check_requests(client.get("/openapi.json").json(), stub.requests)


def test_javascript_covers_the_document(client, node):
    with Stub(fitting_answer) as stub:
        node((CLIENTS / "javascript" / "tests" / "every_method.js").read_text(), stub.url)
    check_requests(client.get("/openapi.json").json(), stub.requests)


def test_every_method_names_its_operation(client):
    """The comments at the methods are true, in both languages."""
    operations = {operation["operationId"] for methods in client.get("/openapi.json").json()["paths"].values()
                  for operation in methods.values()}
    python = (CLIENTS / "python" / "imgrouter_client" / "client.py").read_text()
    javascript = (CLIENTS / "javascript" / "client.js").read_text()
    for named in (re.findall(r'"""(\w+)(?=[ :"])', python), re.findall(r"/\*\* (\w+)(?=[ :;])", javascript)):
        assert {name for name in named if name in operations} == operations - LEFT_OUT - {"searchByPicture"}


def test_types_are_those_of_the_document(client):
    specification = importlib.util.spec_from_file_location("generate_types", CLIENTS / "generate_types.py")
    generator = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generator)
    document = client.get("/openapi.json").json()
    advice = "run clients/generate_types.py with the address of /openapi.json"
    assert generator.PYTHON_FILE.read_text() == generator.python_text(document), advice
    assert generator.JAVASCRIPT_FILE.read_text() == generator.javascript_text(document), advice


# Python, with a real server

@pytest.fixture
def demo(start_server):
    return start_server(USE_MOCK_MODELS="auto")


def test_python_with_pictures(demo):
    with Client(demo.url) as client:
        assert client.is_ready() and client.health()["models"]["caption"]["source"] == "demo"
        boat = client.upload(PICTURES / "boat-at-night.jpg")
        assert "boat" in boat["caption"] and not boat["was_known"]
        assert boat["payload"]["src"] == {"source": "upload", "filename": "boat-at-night.jpg"}
        with open(PICTURES / "boat-at-night.jpg", "rb") as file:
            again = client.upload(file)
        assert again["was_known"] and again["id"] == boat["id"]
        named = client.upload((PICTURES / "red-circle.png").read_bytes(), name='a "red"\r\ncircle.png')
        assert "red" in named["payload"]["src"]["filename"]
        batch = client.upload_many([PICTURES / "pink-heart.jpg", b"text"])
        assert (batch["stored"], batch["failed"]) == (1, 1)

        assert [image["id"] for image in client.list(page=1)] == [
            batch["results"][0]["id"], named["id"], boat["id"]]
        assert client.list_page(limit=2)["next_cursor"] is not None
        found = client.search("a boat at night", k=1)
        assert found["results"][0]["id"] == boat["id"]
        following = client.search("a boat at night", k=1, cursor=found["next_cursor"])
        assert following["results"][0]["id"] != boat["id"]
        assert client.search(picture=PICTURES / "boat-at-night.jpg", k=1)["results"][0]["id"] == boat["id"]
        assert client.search(image_id=boat["id"], ids=[named["id"]])["results"][0]["id"] == named["id"]

        changed = client.change(boat["id"], caption="my boat", tags=["sea", "night"])
        assert (changed["caption"], changed["tags"]) == ("my boat", ["sea", "night"])
        assert [match["id"] for match in client.search("boat", mode="keyword", tags=["sea", "night"])["results"]] \
            == [boat["id"]]
        assert client.content(boat["id"]) == (PICTURES / "boat-at-night.jpg").read_bytes()
        assert client.thumbnail(boat["id"], size=32).startswith(b"\xff\xd8\xff")
        assert client.duplicates(boat["id"])["same_picture"] == []
        client.delete(boat["id"])
        with pytest.raises(ProblemError) as caught:
            client.get(boat["id"])
        assert caught.value.status == 404 and caught.value.code == "not_found" and boat["id"] in caught.value.detail
        assert client.costs()["currency"] == "USD" and "router_local_total" in client.metrics()
        assert client.summary()["uploads"]["new"] == 3 and client.openapi()["openapi"].startswith("3.1")
        assert client.experiments()["results"] == []


def test_python_with_jobs(demo):
    with Client(demo.url) as client:
        seen = []

        def follow():
            for event in client.events(timeout=60):
                seen.append(event)
                if event.name == "job" and event.data["state"] == "failed":
                    return

        follower = threading.Thread(target=follow)
        follower.start()
        wait_until(lambda: "imgrouter_event_streams 1\n" in client.metrics())
        job = client.upload_later(PICTURES / "pink-heart.jpg", priority="interactive")
        done = client.wait(job["id"], timeout=60)
        assert "heart" in done["image"]["caption"]
        assert client.jobs(state="done")["jobs"][0]["id"] == job["id"]
        client.delete_job(job["id"])
        with pytest.raises(ProblemError):
            client.job(job["id"])
        # A PNG that ends too early is found out only by decoding it.
        broken = client.upload_later(png(5, 64, 64)[:200])
        with pytest.raises(JobFailed) as caught:
            client.wait(broken["id"], timeout=60)
        assert caught.value.job["id"] == broken["id"] and caught.value.detail
        follower.join(30)
        assert not follower.is_alive()
        states = [event.data["state"] for event in seen if event.name == "job" and event.data["id"] == job["id"]]
        assert states[-1] == "done" and {"id": done["image"]["id"], "change": "stored"} in [
            event.data for event in seen]
        assert all(event.id for event in seen)


def test_python_is_one_for_all_threads(demo):
    with Client(demo.url) as client:
        answers = {}

        def upload(seed):
            answers[seed] = client.upload(png(seed), name=f"{seed}.png")

        threads = [threading.Thread(target=upload, args=(seed,)) for seed in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(answers[seed]["payload"]["src"]["filename"] == f"{seed}.png" for seed in range(12))
        assert len(list(client.list(page=5))) == 12


# Python, with servers that misbehave

def problem(status, **headers):
    body = json.dumps({"title": "x", "status": status, "detail": f"detail of {status}", "code": "x"}).encode()
    return status, {"Content-Type": "application/problem+json", **headers}, body


def test_python_waits_as_it_is_told():
    good = (200, {}, b'{"id": "a"}')
    with Stub(lambda method, path, count: problem(503, **{"Retry-After": "1"}) if count == 1 else good) as stub:
        started = time.monotonic()
        assert Client(stub.url).upload(b"x") == {"id": "a"}
        assert 0.9 < time.monotonic() - started < 10
        assert len(stub.requests) == 2
        assert stub.requests[0][3].split(b"\r\n")[1:] == stub.requests[1][3].split(b"\r\n")[1:]
    with Stub(lambda method, path, count: problem(429) if count < 3 else good) as stub:
        assert Client(stub.url).get(IMAGE) == {"id": "a"}
        assert len(stub.requests) == 3
    with Stub(lambda method, path, count: problem(503, **{"Retry-After": "0"})) as stub:
        with pytest.raises(ProblemError) as caught:
            Client(stub.url, retries=2).get(IMAGE)
        assert caught.value.status == 503 and caught.value.detail == "detail of 503" and len(stub.requests) == 3
    with Stub(lambda method, path, count: problem(503, **{"Retry-After": "86400"})) as stub:
        with pytest.raises(ProblemError):
            Client(stub.url).get(IMAGE)
        assert len(stub.requests) == 1
    for status in (400, 404, 413, 422, 500, 502, 504, 507):
        with Stub(lambda method, path, count, status=status: problem(status)) as stub:
            with pytest.raises(ProblemError) as caught:
                Client(stub.url).upload(b"x")
            assert caught.value.status == status and len(stub.requests) == 1


def test_python_repeats_only_what_may_be():
    good = (200, {}, b'{"id": "a"}')
    with Stub(lambda method, path, count: None if count < 3 else good) as stub:
        assert Client(stub.url).upload(b"x") == {"id": "a"} and len(stub.requests) == 3
    with Stub(lambda method, path, count: None) as stub:
        with pytest.raises(ConnectionFailed):
            Client(stub.url).upload_later(b"x")
        assert len(stub.requests) == 1
    # Its first answer was lost: the image is gone all the same.
    with Stub(lambda method, path, count: None if count == 1 else problem(404)) as stub:
        Client(stub.url).delete(IMAGE)
        assert len(stub.requests) == 2
    with Stub(lambda method, path, count: problem(404)) as stub:
        with pytest.raises(ProblemError):
            Client(stub.url).delete(IMAGE)
    # A kept connection that the server closed meanwhile is no failure, and no retry.
    with Stub(lambda method, path, count: None if count == 2 else good) as stub:
        client = Client(stub.url, retries=0)
        assert client.get(IMAGE) == client.get(IMAGE) == {"id": "a"} and len(stub.requests) == 3


def test_python_with_nobody_there():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{unused.getsockname()[1]}", retries=1)
        with pytest.raises(ConnectionFailed):
            client.health()
        assert not client.is_ready()
        with pytest.raises(ConnectionFailed):
            next(client.events())
    with Stub(lambda method, path, count: time.sleep(2) or (200, {}, b"{}")) as stub:
        with pytest.raises(ConnectionFailed):
            Client(stub.url, timeout=0.2, retries=0).health()


def test_python_with_strange_answers_and_words():
    with Stub(lambda method, path, count: (502, {"Content-Type": "text/html"}, b"<p>proxy")) as stub:
        with pytest.raises(ProblemError) as caught:
            Client(stub.url).health()
        assert caught.value.status == 502 and "proxy" in caught.value.detail
    queued = {"id": JOB, "state": "queued", "problem": None}
    with Stub(lambda method, path, count: (200, {}, json.dumps(queued).encode())) as stub:
        with pytest.raises(WaitTimeout):
            Client(stub.url).wait(JOB, timeout=0.1)
    with Stub(fitting_answer) as stub:
        client = Client(stub.url + "/images/api/", headers={"Authorization": "Bearer x"})
        client.get(IMAGE)
        assert stub.requests[0][1] == f"/images/api/images/{IMAGE}"
        assert stub.requests[0][2]["Authorization"] == "Bearer x"
        for word in ("", "..", "a/b", "a?b", "a b", "ä"):
            with pytest.raises(ImgrouterError):
                client.get(word)
        assert len(stub.requests) == 1
    for call in (lambda: client.upload(), lambda: client.upload(b"x", url="http://x/"),
                 lambda: client.upload_many(), lambda: client.search(picture=b"x", image_id=IMAGE),
                 lambda: Client("ftp://x")):
        with pytest.raises(ValueError):
            call()


# JavaScript

def test_javascript(demo, node):
    """clients/javascript/tests/client.test.js, by Node's own runner."""
    printed = node((CLIENTS / "javascript" / "tests" / "client.test.js").read_text(),
                   IMGROUTER_URL=demo.url, PICTURES=str(PICTURES))
    counts = dict(re.findall(r"^[#ℹ] (tests|pass|fail|skipped) (\d+)$", printed, re.M))
    assert int(counts["tests"]) >= 8 and counts["pass"] == counts["tests"] and counts["fail"] == "0", printed


# What the READMEs say

def blocks_of(path, language):
    return re.findall(rf"<!-- run -->\n```{language}\n(.*?)^```$", path.read_text(), re.M | re.S)


def test_the_readme_of_python(demo):
    blocks = blocks_of(CLIENTS / "python" / "README.md", "python")
    assert len(blocks) == 2
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block.replace("http://127.0.0.1:8001", demo.url)],
                              env=os.environ | {"PYTHONPATH": str(CLIENTS / "python")}, cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        assert done.returncode == 0, done.stdout
        assert done.stdout.strip()


def test_the_readme_of_javascript(demo, node):
    blocks = blocks_of(CLIENTS / "javascript" / "README.md", "javascript")
    assert len(blocks) == 2
    for block in blocks:
        assert node(block.replace("http://127.0.0.1:8001", demo.url)).strip()
