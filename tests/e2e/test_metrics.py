"""/metrics in both formats, read by the parsers that others use, and /metrics/summary."""
import concurrent.futures
import shutil
import subprocess

import pytest
from pictures import png
from server_process import ROOT, wait_until

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as prometheus

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus 2.49 and newer send.
PROMETHEUS_ACCEPT = ("application/openmetrics-text;version=1.0.0;q=0.5,"
                     "application/openmetrics-text;version=0.0.1;q=0.4,"
                     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")


@pytest.fixture
def loaded(client):
    for seed in range(6):
        assert client.post("/images", files={"file": ("a.png", png(seed))}).status_code == 200
    assert client.post("/images", files={"file": ("a.txt", b"text")}).status_code == 415
    assert client.get("/search", params={"q": "x"}).status_code == 200
    return client


def scrape(client, accept):
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200 and answer.headers["vary"] == "Accept"
    return answer


def samples(families):
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families for sample in family.samples}


def with_float_bounds(found):
    return {(name, tuple((k, str(float(v)) if k == "le" else v) for k, v in labels)): value
            for (name, labels), value in found.items()}


def test_openmetrics_is_read_strictly_and_says_the_same(loaded):
    answer = scrape(loaded, PROMETHEUS_ACCEPT)
    assert answer.headers["content-type"] == OPEN
    assert answer.text.endswith("\n# EOF\n") and "\n\n" not in answer.text
    families = list(openmetrics.text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.type != "unknown" and family.documentation
        assert not family.name.endswith("_total")
    plain = scrape(loaded, "text/plain")
    assert plain.headers["content-type"] == PLAIN
    others = list(prometheus.text_string_to_metric_families(plain.text))
    open_names = set(with_float_bounds(samples(families)))
    assert open_names == set(with_float_bounds(samples(others)))
    found = samples(families)
    assert found["imgrouter_images", ()] == 6
    assert found["imgrouter_upload_results_total", (("result", "new"), ("source", "upload"))] == 6
    assert found["imgrouter_store_up", ()] == 1 and found["imgrouter_ready", ()] == 1
    assert found["imgrouter_index_vectors", ()] == 6 and found["imgrouter_index_bytes", ()] > 0
    assert found["imgrouter_stage_duration_seconds_count", (("stage", "accept"),)] >= 8
    assert found["imgrouter_caption_confidence_count", ()] == 6
    assert found["imgrouter_model_source", (("model", "caption"), ("source", "mock"))] == 1
    assert found["process_start_time_seconds", ()] > 1.6e9
    assert found["imgrouter_http_active_requests", ()] == 1  # this one
    connections = [found["imgrouter_store_connections", (("state", state),)]
                   for state in ("in_use", "idle")]
    assert sum(connections) == found["imgrouter_store_connections_max", ()] == 4


def test_the_relevance_bank_becomes_ready(client):
    wait_until(lambda: "\nimgrouter_relevance_ready 1\n" in client.get("/metrics").text)


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "application/openmetrics-text;q=high",
                                    "application/openmetrics-text;version=9", ";;,,\x01",
                                    "application/openmetrics-text;q=0", "x" * 4000])
def test_everything_else_gets_the_text_format(client, accept):
    answer = client.get("/metrics", headers={"Accept": accept.replace("\x01", "")})
    assert answer.status_code == 200 and answer.headers["content-type"] == PLAIN


def test_promtool_has_nothing_to_complain_of(loaded):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(loaded, "").text,
                          capture_output=True, text=True)
    # The name is the original service's.
    complaints = [line for line in (done.stdout + done.stderr).splitlines()
                  if not line.startswith("request_latency_ms ")]
    assert complaints == []


def test_no_scrape_contradicts_itself(client):
    """Every histogram's +Inf bucket is its count, also while requests are counted."""

    def ask(seed):
        client.post("/images", files={"file": ("a.png", png(seed))})
        return scrape(client, OPEN).text

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        texts = list(threads.map(ask, range(40)))
    for text in texts:
        found = samples(openmetrics.text_string_to_metric_families(text))
        for (name, labels), value in found.items():
            if name.endswith("_bucket") and ("le", "+Inf") in labels:
                rest = tuple(label for label in labels if label[0] != "le")
                assert value == found[name.removesuffix("_bucket") + "_count", rest]


def test_every_metric_is_in_the_documentation(client):
    document = (ROOT / "docs" / "metrics.md").read_text()
    families = prometheus.text_string_to_metric_families(client.get("/metrics").text)
    # The parser takes _total off the names of counters.
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    missing = sorted(name for name in names if f"`{name}`" not in document)
    assert missing == []


def test_the_summary_says_what_was_done(loaded):
    summary = loaded.get("/metrics/summary").json()
    assert summary["requests"]["uploads"] == {"answered": 7, "refused": 1, "failed": 0}
    assert summary["requests"]["searches"]["answered"] == 1
    assert summary["uploads"] == {"new": 6, "known": 0, "refused": 1, "failed": 0}
    assert summary["captions"]["local"] == 6 == summary["captions"]["reasons"]["no_provider"]
    assert summary["store"]["images"] == 6 and summary["is_ready"]
    decode = summary["stages"]["decode"]
    assert decode["count"] == decode["recent"] == 6
    assert 0 < decode["p50_s"] <= decode["p95_s"] <= decode["p99_s"]
    assert summary["cost"] is None and summary["cloud"] == []
    text = loaded.get("/metrics/summary", headers={"Accept": "text/plain"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    lines = text.text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert "uploads   new 6  known 0  refused 1  failed 0" in lines


def test_the_summary_tells_the_costs(start_server):
    server = start_server(CLOUD_PROVIDER="fake", CAPTION_CONFIDENCE_THRESHOLD="1",
                          CLOUD_DAILY_BUDGET_USD="3")
    assert server.client.post("/images", files={"file": ("a.png", png(1))}).status_code == 200
    summary = server.client.get("/metrics/summary").json()
    assert summary["cost"]["budget_usd"] == 3
    assert summary["cost"]["remaining_usd"] + summary["cost"]["today_usd"] == 3
    assert [provider["name"] for provider in summary["cloud"]] == ["fake"]
    text = server.client.get("/metrics").text
    assert "\ncloud_daily_budget_usd 3\n" in text
    assert '\nimgrouter_cloud_duration_seconds_count{provider="fake"} 1\n' in text
