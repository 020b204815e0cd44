"""What a trace says of a request: spans as a strict stand-in for a collector reads them."""
import http.server
import io
import random
import re
import socket
import threading

import PIL.Image
import pytest
from cloud_stand_in import CLOUD_KEY, Answer, jpeg
from fake_openai import completion
from otlp_collector import Collector
from pictures import png
from server_process import ROOT, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SUITE = ROOT / "tests" / "suites" / "trace_context"
ERROR = 2


@pytest.fixture
def collector():
    stand_in = Collector()
    yield stand_in
    stand_in.close()
    assert stand_in.complaints == []


@pytest.fixture
def traced(start_server, collector):
    """A server whose spans are at the collector's when it has stopped."""
    return lambda **settings: start_server(
        **{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **settings})


class Tree:
    """The spans of one trace."""

    def __init__(self, spans):
        self.spans = sorted(spans, key=lambda span: span.start)
        ids = {span.id for span in spans}
        assert len(ids) == len(spans)
        roots = [span for span in spans if span.parent_id not in ids]
        assert len(roots) == 1, roots
        self.root = roots[0]
        for span in spans:
            if span is self.root:
                continue
            parent = next(each for each in spans if each.id == span.parent_id)
            assert parent.start <= span.start <= span.end, (parent, span)
            # Another server's span ends when it has sent its answer, perhaps after we have it.
            if span.resource == parent.resource:
                assert span.end <= parent.end, (parent, span)
            assert span.trace_id == self.root.trace_id

    def children(self, parent=None):
        parent = parent or self.root
        return [span for span in self.spans if span.parent_id == parent.id]

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def only(self, name):
        found = self.named(name)
        assert len(found) == 1, (name, self.spans)
        return found[0]


def trees(collector):
    by_trace = {}
    for span in collector.spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    return sorted(map(Tree, by_trace.values()), key=lambda tree: tree.root.start)


def tree_of(server, collector):
    server.stop()
    found = trees(collector)
    assert len(found) == 1, found
    return found[0]


def upload(server, picture=None, headers=None, **parameters):
    answer = server.client.post("/images", params=parameters, headers=headers,
                                files={"file": ("a.jpg", picture or jpeg(), "image/jpeg")})
    assert answer.status_code == 200, answer.text
    return answer.json()


def squares():
    """A picture that has a perceptual hash."""
    buffer = io.BytesIO()
    small = PIL.Image.frombytes("L", (8, 8), random.Random(7).randbytes(64))
    small.resize((256, 256), PIL.Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


# Spans

def test_an_upload_and_its_stages(traced, collector):
    server = traced(USE_MOCK_MODELS="auto")
    answer = upload(server, squares())
    tree = tree_of(server, collector)
    assert [span.name for span in tree.children()] == [
        "get images", "decode", "preprocess", "route", "queue",
        f"embeddings {embedding_model(tree)}",
        "generate_content imgrouter-demo-blip", "route", "keep picture", "put images",
        "search_hash images", "get_vectors images", "search images"]
    writing = tree.only("generate_content imgrouter-demo-blip")
    assert [span.name for span in tree.children(writing)] == ["caption vision", "caption decode"]
    timings = answer["timings"]
    for name, timing in {"decode": "decode_ms", "preprocess": "preprocess_ms",
                         "queue": "queue_ms", "caption vision": "caption_vision_ms",
                         "caption decode": "caption_decode_ms"}.items():
        span = tree.only(name)
        assert (span.end - span.start) / 1e6 == pytest.approx(timings[timing], abs=0.01), name
    for earlier, later in zip(tree.children(), tree.children()[1:]):
        assert earlier.end <= later.start, (earlier, later)
    assert all(span.kind == "internal" for span in tree.spans
               if span is not tree.root and not span.name.endswith(" images"))
    assert all(span.status == 0 for span in tree.spans)


def embedding_model(tree):
    return next(span.attributes["gen_ai.request.model"] for span in tree.spans
                if span.name.startswith("embeddings "))


def test_local_models_follow_the_conventions_for_generative_ai(traced, collector):
    server = traced(USE_MOCK_MODELS="auto")
    upload(server)
    tree = tree_of(server, collector)
    writing = tree.only("generate_content imgrouter-demo-blip").attributes
    assert writing.pop("gen_ai.usage.output_tokens") > 1
    assert writing == {"gen_ai.operation.name": "generate_content",
                       "gen_ai.provider.name": "imgrouter",
                       "gen_ai.request.model": "imgrouter-demo-blip",
                       "gen_ai.response.model": "imgrouter-demo-blip"}
    assert tree.only(f"embeddings {embedding_model(tree)}").attributes[
        "gen_ai.operation.name"] == "embeddings"
    assert tree.only("queue").attributes == {"imgrouter.batch_size": 1}


def test_a_request_follows_the_conventions_for_http(traced, collector):
    server = traced()
    upload(server, headers={"X-Request-Id": "mine-1"})
    root = tree_of(server, collector).root
    size = root.attributes.pop("http.request.body.size")
    assert size > 500 and root.attributes.pop("http.response.body.size") > 100
    assert root.attributes == {
        "http.request.method": "POST", "http.route": "/images", "url.scheme": "http",
        "url.path": "/images", "server.address": "127.0.0.1", "server.port": server.port,
        "client.address": "127.0.0.1", "user_agent.original": "python-httpx/0.28.1",
        "http.response.status_code": 200, "imgrouter.request_id": "mine-1"}
    assert (root.name, root.kind, root.status) == ("POST /images", "server", 0)
    assert root.flags == 0x101


@pytest.mark.parametrize("method, path, name, status, attributes", [
    ("GET", "/images/0123456789abcdef", "GET /images/{id}", 404, {"http.route": "/images/{id}"}),
    ("HEAD", "/healthz", "HEAD /healthz", 200, {"http.request.method": "HEAD"}),
    ("GET", "/not/there", "GET", 404, {"url.path": "/not/there"}),
    ("PUT", "/images", "PUT", 405, {"http.request.method": "PUT"}),
    ("BREW", "/images", "HTTP", 405,
     {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}),
    ("POST", "/images", "POST /images", 415, {}),
])
def test_what_is_refused_is_no_failure_of_the_server(traced, collector, method, path, name, status,
                                                     attributes):
    server = traced()
    assert server.client.request(method, path).status_code == status
    root = tree_of(server, collector).root
    assert (root.name, root.status) == (name, 0)
    assert root.attributes["http.response.status_code"] == status
    assert attributes.items() <= root.attributes.items()
    assert "error.type" not in root.attributes
    assert ("http.route" in root.attributes) == (" " in name)


def test_a_failure_of_the_server_is_one(traced, collector):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = traced(IMGROUTER_URL_ALLOW_PRIVATE="true")
        answer = server.client.post(
            "/images", json={"url": f"http://127.0.0.1:{closed.getsockname()[1]}/a.png"})
    assert answer.status_code == 502
    tree = tree_of(server, collector)
    assert tree.root.status == ERROR
    assert tree.root.attributes["error.type"] == "upstream"
    fetch = tree.only("fetch picture")
    assert fetch.status == ERROR and fetch.attributes["error.type"] == "upstream"


def test_a_client_that_goes_away_ends_its_span_too(traced, collector):
    server = traced()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /images HTTP/1.1\r\nHost: me:99\r\nContent-Length: 100\r\n\r\nhalf")
        wait_until(lambda: 'imgrouter_http' in server.client.get("/metrics").text)
    server.client.get("/healthz")
    server.stop()
    gone = [span for span in collector.spans if span.attributes.get("error.type") == "client_gone"]
    assert len(gone) == 1 and gone[0].status == 0
    assert "http.response.status_code" not in gone[0].attributes
    assert gone[0].attributes["server.address"] == "me" and \
        gone[0].attributes["server.port"] == 99


def test_nothing_private_is_told(traced, collector):
    server = traced()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server.client.post("/images", json={"url": "http://sesame:xyzzy@127.0.0.1/?token=plugh"})
    server.client.get("/search", params={"q": "sesame xyzzy", "token": "plugh"},
                      headers={"Authorization": "Bearer plugh", "Cookie": "a=plugh"})
    upload(server)
    server.client.patch(f"/images/{upload(server)['id']}", json={"caption": "sesame xyzzy"})
    server.stop()
    told = repr([(span.name, span.attributes, span.resource) for span in collector.spans])
    assert len(collector.spans) > 10
    for secret in ("sesame", "xyzzy", "plugh"):
        assert secret not in told


def test_a_known_picture_computes_nothing(traced, collector):
    server = traced()
    upload(server)
    upload(server)
    server.stop()
    second = trees(collector)[1]
    assert "get images" in [span.name for span in second.children()]
    assert not {"decode", "queue", "put images"} & {span.name for span in second.children()}


def test_stores_follow_the_conventions_for_databases(traced, collector):
    server = traced()
    upload(server)
    server.client.get("/search", params={"q": "boat", "mode": "hybrid"})
    server.stop()
    first, second = trees(collector)
    put = first.only("put images")
    assert put.kind == "client" and put.attributes == {
        "db.system.name": "sqlite", "db.operation.name": "put", "db.collection.name": "images"}
    search = second.only("search images")
    assert search.attributes["db.response.returned_rows"] == 1
    assert second.only("search_words images").kind == "client"
    assert second.only("queue").end <= search.start


@pytest.mark.parametrize("method, path, body, operations", [
    ("GET", "/images", None, ["list"]),
    ("GET", "/images/{id}", None, ["get"]),
    ("GET", "/images/{id}/content", None, ["get", "get"]),  # for the entity tag, for the bytes
    ("PATCH", "/images/{id}", {"caption": "mine"}, ["update"]),
    ("GET", "/images/{id}/duplicates", None, ["get", "search_hash", "get_vectors", "search"]),
    ("GET", "/search?image_id={id}", None, ["get_vector", "search"]),
    ("DELETE", "/images/{id}", None, ["get", "remove"]),
])
def test_every_call_of_a_store_has_a_span(traced, collector, method, path, body, operations):
    server = traced()
    image_id = upload(server, squares())["id"]
    answer = server.client.request(method, path.format(id=image_id), json=body)
    assert answer.status_code < 300, answer.text
    server.stop()
    spans = trees(collector)[1].children()
    assert [span.name for span in spans if span.kind == "client"] == [
        f"{operation} images" for operation in operations]
    assert all(span.status == 0 for span in spans)


def test_what_is_not_there_is_no_failure_of_the_store(traced, collector):
    server = traced()
    assert server.client.get("/images/0123456789abcdef").status_code == 404
    assert tree_of(server, collector).only("get images").status == 0


def test_a_search_by_picture(traced, collector):
    server = traced(USE_MOCK_MODELS="auto")
    answer = server.client.post("/search", files={"file": ("a.png", png(3), "image/png")})
    assert answer.status_code == 200
    tree = tree_of(server, collector)
    names = [span.name for span in tree.children()]
    assert names == ["decode", "preprocess", "queue", f"embeddings {embedding_model(tree)}",
                     "search images"]


def test_a_batch_has_a_span_for_each_picture(traced, collector):
    server = traced()
    files = [("file", (f"{i}.png", png(i), "image/png")) for i in range(6)]
    files.append(("file", ("bad.png", b"no picture", "image/png")))
    answer = server.client.post("/images/batch", files=files)
    assert answer.json()["stored"] == 6 and answer.json()["failed"] == 1
    tree = tree_of(server, collector)
    pictures = tree.named("picture")
    assert sorted(span.attributes["imgrouter.batch.index"] for span in pictures) == list(range(7))
    assert all(span.parent_id == tree.root.id and span.status == 0 for span in pictures)
    stored = [span for span in pictures if "put images" in
              [child.name for child in tree.children(span)]]
    assert len(stored) == 6


# The trace's context

def test_a_trace_goes_on_from_the_caller(traced, collector):
    server = traced()
    upload(server, headers={"traceparent": PARENT, "tracestate": "congo=t61,rojo=1"})
    tree = tree_of(server, collector)
    assert tree.root.trace_id == TRACE and tree.root.parent_id == "b7ad6b7169203331"
    assert tree.root.state == "congo=t61,rojo=1" and tree.root.flags == 0x301
    assert all(span.flags == 0x101 for span in tree.spans if span is not tree.root)


def test_what_is_no_traceparent_begins_a_new_trace(traced, collector):
    server = traced()
    # HTTP takes blanks around a value off, so what is around it is no fault.
    cases = [path.read_bytes()[:-1] for path in sorted(SUITE.glob("*.parent"))
             if path.with_suffix(".expected").read_text() == "\n" and "ing_blank" not in path.stem]
    assert len(cases) > 25
    for text in cases:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: me\r\nConnection: close\r\n"
                           b"traceparent: " + text + b"\r\ntracestate: congo=1\r\n\r\n")
            while client.recv(65536):
                pass
    server.stop()
    roots = [tree.root for tree in trees(collector)]
    assert len(roots) == len(cases)
    assert all(root.parent_id == root.state == "" and root.trace_id != TRACE for root in roots)


@pytest.mark.parametrize("second", [PARENT, PARENT[:-2] + "00", "no context"])
def test_two_traceparents_are_none(traced, collector, second):
    server = traced()
    server.client.get("/healthz", headers=[("traceparent", PARENT), ("traceparent", second)])
    root = tree_of(server, collector).root
    assert root.parent_id == "" and root.trace_id != TRACE


def test_tracestate_may_come_in_parts(traced, collector):
    server = traced()
    server.client.get("/healthz", headers=[("traceparent", PARENT), ("tracestate", "a=1"),
                                           ("TraceState", "b=2")])
    assert tree_of(server, collector).root.state == "a=1,b=2"


@pytest.mark.parametrize("sampler, argument, parent, is_recorded", [
    (None, None, None, True),
    (None, None, "01", True),
    (None, None, "00", False),
    ("always_on", None, "00", True),
    ("always_off", None, "01", False),
    ("parentbased_always_off", None, None, False),
    ("parentbased_always_off", None, "01", True),
    ("traceidratio", "0", "01", False),
    ("traceidratio", "1", "00", True),
    ("parentbased_traceidratio", "0", None, False),
    ("parentbased_traceidratio", "0", "01", True),
    ("sometimes", None, "00", False),
])
def test_sampling(traced, collector, sampler, argument, parent, is_recorded):
    settings = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    server = traced(**{name: value for name, value in settings.items() if value})
    upload(server, headers={"traceparent": PARENT[:-2] + parent} if parent else None)
    server.stop()
    assert bool(collector.spans) == is_recorded
    assert ("is no sampler" in server.log_text()) == (sampler == "sometimes")


def test_a_part_of_the_traces(traced, collector):
    server = traced(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")
    for _ in range(200):
        server.client.get("/healthz")
    server.stop()
    assert 50 < len(collector.spans) < 150  # seven deviations of a binomial distribution


def test_log_lines_and_exemplars_lead_to_traces(traced, collector):
    server = traced()
    upload(server)
    text = server.client.get("/metrics", headers={
        "Accept": "application/openmetrics-text; version=1.0.0"}).text
    server.stop()
    trace_id = trees(collector)[0].root.trace_id
    assert re.search(f'^imgrouter_stage_duration_seconds_bucket.* # {{trace_id="{trace_id}"}}',
                     text, re.MULTILINE)
    assert re.search(f'^imgrouter_http_request_duration_seconds_bucket.*"{trace_id}"', text,
                     re.MULTILINE)
    lines = [line for line in server.log_text().splitlines() if '"POST /images 200"' in line]
    assert len(lines) == 1 and f'"trace_id":"{trace_id}"' in lines[0]


# Sent on

@pytest.fixture
def routed(traced, provider):
    return lambda **settings: traced(**{
        "CLOUD_PROVIDER": "openrouter", "OPENROUTER_API_KEY": CLOUD_KEY,
        "OPENROUTER_BASE_URL": provider.url, "CAPTION_CONFIDENCE_THRESHOLD": "1", **settings})


def test_a_cloud_call(routed, provider, collector):
    server = routed()
    upload(server, headers={"traceparent": PARENT, "tracestate": "congo=1"})
    tree = tree_of(server, collector)
    call = tree.only("chat openai/gpt-4o-mini")
    assert call.kind == "client" and call.status == 0 and call.parent_id == tree.root.id
    port = int(provider.url.split(":")[2].split("/")[0])
    assert call.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openrouter",
        "gen_ai.request.model": "openai/gpt-4o-mini", "gen_ai.request.max_tokens": 100,
        "gen_ai.response.model": "openai/gpt-4o-mini", "gen_ai.usage.input_tokens": 2845,
        "gen_ai.usage.output_tokens": 9, "server.address": "127.0.0.1", "server.port": port}
    headers = provider.headers[0]
    assert headers["traceparent"] == f"00-{TRACE}-{call.id}-01"
    assert headers["tracestate"] == "congo=1"
    routes = [span.attributes for span in tree.named("route")]
    assert routes[-1] == {"imgrouter.route.quality": "auto", "imgrouter.route.origin": "cloud",
                          "imgrouter.route.reason": "low_confidence"}


def test_a_cloud_call_beside_the_local_models(routed, collector):
    server = routed()
    upload(server, quality="high")
    tree = tree_of(server, collector)
    assert tree.only("chat openai/gpt-4o-mini").parent_id == tree.root.id
    assert [span.attributes["imgrouter.route.reason"] for span in tree.named("route")] == \
        ["quality_high"]


def test_each_attempt_has_its_span(routed, provider, collector):
    provider.script = [Answer(status=500, body={"error": {"message": "no", "code": 500}},
                              is_checked=False), Answer(body=completion(dialect="openrouter"))]
    server = routed()
    upload(server)
    tree = tree_of(server, collector)
    calls = tree.named("chat openai/gpt-4o-mini")
    assert [call.status for call in calls] == [ERROR, 0]
    assert calls[0].attributes["error.type"] == "failed"
    assert [headers["traceparent"][36:52] for headers in provider.headers] == \
        [call.id for call in calls]
    assert tree.root.status == 0


def test_a_trace_that_is_not_recorded_is_sent_on_all_the_same(routed, provider, collector):
    server = routed()
    upload(server, headers={"traceparent": PARENT[:-2] + "00"})
    server.stop()
    assert collector.spans == []
    sent = provider.headers[0]["traceparent"]
    assert sent.startswith(f"00-{TRACE}-") and sent.endswith("-00")


def test_without_tracing_nothing_is_sent_on(routed, provider, collector):
    server = routed(OTEL_SDK_DISABLED="True")
    upload(server, headers={"traceparent": PARENT})
    server.stop()
    assert collector.requests == [] and "traceparent" not in provider.headers[0]


def test_another_imgrouter_goes_on_with_the_trace(traced, start_server, collector, tmp_path):
    upstream = start_server(data=tmp_path / "upstream", OTEL_SERVICE_NAME="upstream",
                            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    server = traced(CLOUD_PROVIDER="imgrouter", IMGROUTER_UPSTREAM_URL=upstream.url,
                    CAPTION_CONFIDENCE_THRESHOLD="1")
    upload(server)
    server.stop()
    upstream.stop()
    tree = trees(collector)[0]
    call = next(span for span in tree.spans if
                span.attributes.get("gen_ai.provider.name") == "imgrouter" and
                span.kind == "client")
    upper = [span for span in tree.spans if span.parent_id == call.id]
    assert [span.name for span in upper] == ["POST /images"]
    assert upper[0].resource["service.name"] == "upstream"


def test_qdrant_gets_the_trace(traced, collector, tmp_path):
    fake_qdrant = pytest.importorskip("fake_qdrant", reason="qdrant-edge-py is not installed")
    if not fake_qdrant.DESCRIPTION.exists():
        pytest.skip(f"{fake_qdrant.DESCRIPTION} is not there")
    fake = fake_qdrant.FakeQdrant(tmp_path / "qdrant")
    server = traced(VECTOR_BACKEND="qdrant", QDRANT_URL=fake.url)
    fake.parents.clear()
    upload(server)
    seen = [parent for parent in fake.parents if parent]
    server.stop()
    fake.close()
    tree = trees(collector)[0]
    put = tree.only("put images")
    assert put.attributes["db.system.name"] == "qdrant"
    assert f"00-{put.trace_id}-{put.id}-01" in seen
    assert {parent[36:52] for parent in seen} <= {span.id for span in tree.spans}
    assert not fake.complaints


def test_strangers_get_no_trace(traced, collector, tmp_path):
    """An address that a user gave is nobody of ours."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(png(1))

        def log_message(self, *arguments):
            pass

    stranger = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=stranger.handle_request)
    thread.start()
    server = traced(IMGROUTER_URL_ALLOW_PRIVATE="true")
    answer = server.client.post(
        "/images", json={"url": f"http://127.0.0.1:{stranger.server_address[1]}/a.png"})
    thread.join()
    stranger.server_close()
    assert answer.status_code == 200
    assert tree_of(server, collector).only("fetch picture").status == 0
    assert not {"traceparent", "tracestate"} & {name.lower() for name in seen[0]}
