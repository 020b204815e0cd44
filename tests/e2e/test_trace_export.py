"""How spans get to a collector, and that a collector that is slow, gone or failing is nobody's
problem but its own."""
import socket
import statistics
import time

import pytest
from otlp_collector import Collector
from server_process import wait_until

PAUSE = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
REQUESTS = 150
NOISE_MS = 2  # between two medians of requests that take half a millisecond


@pytest.fixture
def collector():
    stand_in = Collector(extra_headers={"x-team", "authorization"})
    yield stand_in
    stand_in.close()
    assert stand_in.complaints == []


def settings_of(collector, **more):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **more}


def get_many(server, count=REQUESTS):
    """The median in milliseconds."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        assert server.client.get("/healthz").status_code == 200
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def dropped(server):
    text = server.client.get("/metrics").text
    return next(int(float(line.split()[-1])) for line in text.splitlines()
                if line.startswith('imgrouter_dropped_total{what="spans"}'))


# Where to and how

def test_the_base_address_is_completed(start_server, collector):
    server = start_server(**settings_of(collector))
    get_many(server, 3)
    server.stop()
    path, headers, _ = collector.requests[0]
    assert path == "/v1/traces" and "Content-Encoding" not in headers
    assert len(collector.spans) == 3


@pytest.mark.parametrize("traces, path", [("", "/"), ("/", "/"), ("/custom/place", "/custom/place")])
def test_the_address_of_traces_is_used_as_it_is(start_server, collector, traces, path):
    server = start_server(**settings_of(collector, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
                                        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.url + traces))
    get_many(server, 1)
    server.stop()
    assert [request[0] for request in collector.requests] == [path]


@pytest.mark.parametrize("base, path", [("/", "/v1/traces"), ("/otlp", "/otlp/v1/traces"),
                                        ("/otlp/", "/otlp/v1/traces")])
def test_a_base_address_with_a_path(start_server, collector, base, path):
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url + base)
    get_many(server, 1)
    server.stop()
    assert [request[0] for request in collector.requests] == [path]


def test_gzip_and_headers(start_server, collector):
    server = start_server(**settings_of(
        collector, OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_EXPORTER_OTLP_HEADERS="x-team=a%20b, Authorization=Bearer%20sesame"))
    get_many(server, 40)
    server.stop()
    _, headers, size = collector.requests[0]
    assert headers["Content-Encoding"] == "gzip" and headers["x-team"] == "a b"
    assert headers["Authorization"] == "Bearer sesame"
    assert len(collector.spans) == 40 and size < 40 * 300
    assert "sesame" not in server.log_text()


def test_the_form_for_traces_wins(start_server, collector):
    server = start_server(**settings_of(
        collector, OTEL_EXPORTER_OTLP_COMPRESSION="none",
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION="gzip", OTEL_EXPORTER_OTLP_HEADERS="x-other=1",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-team=1"))
    get_many(server, 1)
    server.stop()
    headers = collector.requests[0][1]
    assert headers["Content-Encoding"] == "gzip" and "x-other" not in headers


@pytest.mark.parametrize("settings, expected", [
    ({}, {"service.name": "imgrouter"}),
    ({"OTEL_SERVICE_NAME": "captions"}, {"service.name": "captions"}),
    ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,deployment.environment.name=K%C3%B6ln%2C1"},
     {"service.name": "a", "deployment.environment.name": "Köln,1"}),
    ({"OTEL_SERVICE_NAME": "b", "OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.version=9"},
     {"service.name": "b", "service.version": "9"}),
    ({"OTEL_RESOURCE_ATTRIBUTES": "broken=%zz"}, {"service.name": "imgrouter"}),
])
def test_the_resource(start_server, collector, settings, expected):
    server = start_server(**settings_of(collector, **settings))
    get_many(server, 1)
    server.stop()
    resource = collector.spans[0].resource
    assert expected.items() <= resource.items()
    assert resource["telemetry.sdk.name"] == "imgrouter" and resource["service.version"]
    assert ("OTEL_RESOURCE_ATTRIBUTES is not" in server.log_text()) == ("broken" in str(settings))


@pytest.mark.parametrize("settings", [
    {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    {"OTEL_SDK_DISABLED": "true"},
    {"OTEL_SDK_DISABLED": "TRUE"},
    {"OTEL_TRACES_EXPORTER": "none"},
    {"OTEL_TRACES_EXPORTER": "console"},
])
def test_nothing_is_sent_unless_it_is_wanted(start_server, collector, settings):
    server = start_server(**settings_of(collector, **settings))
    get_many(server, 3)
    server.stop()
    assert collector.requests == []
    assert ("otlp and none are known" in server.log_text()) == ("console" in str(settings))


@pytest.mark.parametrize("settings, words", [
    ({"OTEL_SDK_DISABLED": "1"}, None),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "sent as http/json"),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "sent as http/json"),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, None),
    ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "none is taken"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "10000 is taken"),
    ({"OTEL_BSP_SCHEDULE_DELAY": "0"}, "5000 is taken"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "2048 is taken"),
    ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1e3"}, "512 is taken"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "sesame"}, "no headers are sent"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "a=sesame%0D%0Ab"}, "no headers are sent"),
])
def test_what_is_not_understood_is_warned_of(start_server, collector, settings, words):
    server = start_server(**settings_of(collector, **settings))
    get_many(server, 2)
    server.stop()
    assert len(collector.spans) == 2
    warnings = [line for line in server.log_text().splitlines()
                if '"warning"' in line and "OTEL_" in line]
    assert bool(warnings) == bool(words)
    if words:
        assert words in warnings[0] and "sesame" not in server.log_text()


def test_an_address_that_is_none_is_told_at_the_start(start_server):
    with pytest.raises(RuntimeError, match="OTEL_EXPORTER_OTLP_ENDPOINT must be an address"):
        start_server(OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318")


def test_batches(start_server, collector):
    server = start_server(**settings_of(collector, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10"))
    get_many(server, 45)
    server.stop()
    assert len(collector.spans) == 45 and len(collector.requests) == 5


# A collector in trouble

def check_nobody_minds(server, start_server, count=REQUESTS):
    """Requests are answered, and as fast as those of a server that is not traced. The two take
    turns, so that what else the machine does hits both."""
    plain = start_server(data=str(server.data) + "-plain")
    traced_ms, plain_ms = [], []
    for _ in range(count // 10):
        traced_ms.append(get_many(server, 10))
        plain_ms.append(get_many(plain, 10))
    plain.stop()
    assert statistics.median(traced_ms) < statistics.median(plain_ms) + NOISE_MS


def test_a_collector_that_is_gone(start_server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
                              OTEL_BSP_EXPORT_TIMEOUT="200", **PAUSE)
        check_nobody_minds(server, start_server)
        wait_until(lambda: dropped(server) > 0)
        server.stop()
    assert server.log_text().count("the collector does not take traces") == 1


def test_a_collector_that_comes_back(start_server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
                          OTEL_BSP_EXPORT_TIMEOUT="200", **PAUSE)
    get_many(server, 10)
    wait_until(lambda: dropped(server) >= 10)
    collector = Collector(port)
    try:
        get_many(server, 10)
        wait_until(lambda: len(collector.spans) >= 10)
        server.stop()
    finally:
        collector.close()
    assert collector.complaints == []
    assert "the collector takes traces again" in server.log_text()


def test_a_collector_that_is_slow(start_server, collector):
    collector.delay_s = 1
    server = start_server(**settings_of(collector, **PAUSE))
    check_nobody_minds(server, start_server)
    server.stop()
    assert "does not take traces" not in server.log_text()


def test_a_collector_that_never_answers(start_server, collector):
    collector.delay_s = 30
    server = start_server(**settings_of(collector, OTEL_EXPORTER_OTLP_TIMEOUT="300",
                                        OTEL_BSP_EXPORT_TIMEOUT="500", **PAUSE))
    try:
        check_nobody_minds(server, start_server)
        wait_until(lambda: dropped(server) > 0)
    finally:
        collector.delay_s = 0


def test_a_collector_that_fails(start_server, collector):
    collector.script = [500] * 10000
    server = start_server(**settings_of(collector, **PAUSE))
    check_nobody_minds(server, start_server)
    wait_until(lambda: dropped(server) > 0)
    server.stop()
    assert collector.spans == []
    assert "it answers with status 500" in server.log_text()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_is_not_taken_now_is_sent_again(start_server, collector, status):
    collector.script = [(status, {"Retry-After": "1"}, {})]
    server = start_server(**settings_of(collector, **PAUSE))
    server.client.get("/healthz")
    started = time.monotonic()
    wait_until(lambda: collector.spans)
    assert time.monotonic() - started > 0.8
    assert dropped(server) == 0
    server.stop()
    assert [span.name for span in collector.spans][:1] == ["GET /healthz"]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 501, 301])
def test_what_is_refused_is_not_sent_again(start_server, collector, status):
    collector.script = [status]
    server = start_server(**settings_of(collector, **PAUSE))
    server.client.get("/healthz")
    wait_until(lambda: dropped(server) > 0)
    server.stop()
    assert "GET /healthz" not in [span.name for span in collector.spans]


@pytest.mark.parametrize("rejected", ["3", 3])
def test_spans_that_it_rejects_are_counted(start_server, collector, rejected):
    collector.script = [(200, {}, {"partialSuccess": {"rejectedSpans": rejected,
                                                      "errorMessage": "sesame"}})]
    server = start_server(**settings_of(collector, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="5"))
    get_many(server, 5)
    wait_until(lambda: dropped(server) == 3)
    server.stop()
    assert "it rejects 3 spans" in server.log_text() and "sesame" not in server.log_text()


def test_the_queue_is_bounded(start_server, collector):
    collector.delay_s = 30
    server = start_server(**settings_of(collector, OTEL_BSP_MAX_QUEUE_SIZE="50",
                                        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10", **PAUSE))
    try:
        get_many(server, 300)
        # 50 wait, and 10 at most are on their way.
        assert 300 - 60 <= dropped(server) <= 300 - 50 + 5
    finally:
        collector.delay_s = 0


# The end

def test_what_waits_is_sent_at_the_end(start_server, collector):
    server = start_server(**settings_of(collector, OTEL_BSP_SCHEDULE_DELAY="60000"))
    get_many(server, 100)
    assert collector.requests == []
    server.stop()
    assert len(collector.spans) == 100


def test_the_end_does_not_wait_for_a_collector_for_long(start_server, collector):
    collector.delay_s = 30
    server = start_server(**settings_of(collector, **PAUSE))
    get_many(server, 20)
    wait_until(lambda: collector.requests)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 8  # three seconds, and one to notice; a busy machine
    collector.delay_s = 0
