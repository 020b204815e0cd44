"""A real Prometheus scrapes a loaded server: every query of the dashboards and every recording
rule has data, and the alerts that the load earns fire, no others."""
import concurrent.futures
import contextlib
import math
import threading
import time

import pytest
import yaml
from dashboards import NAMES, dashboard, panels, queries
from pictures import png
from postgres_server import free_port
from prometheus_server import FOLDER, PrometheusServer, needs_prometheus
from server_process import wait_until

pytestmark = needs_prometheus("prometheus")
BUDGET_USD = 0.02  # of the provider fake: twenty pictures
DEADLINE_S = 40


@contextlib.contextmanager
def load(server):
    """Uploads of every kind, searches and mistakes, until the block ends."""
    is_over = threading.Event()

    def ask():
        for round_number in range(10000):
            if is_over.is_set():
                return
            for step in range(3):
                quality = ("fast", "auto", "high")[step]
                answer = server.client.post("/images", params={"quality": quality},
                                            files={"file": png(round_number * 3 + step)})
                assert answer.status_code == 200, answer.text
            # The caption from the cloud was paid for, so it is there again.
            assert server.client.delete(f"/images/{answer.json()['id']}").status_code == 204
            again = server.client.post("/images", params={"quality": "high"},
                                       files={"file": png(round_number * 3 + 2)})
            assert again.status_code == 200
            assert server.client.post("/images/batch", files=[
                ("file", png(-1 - round_number)), ("file", b"text")]).status_code == 200
            assert server.client.post("/images", files={"file": b"text"}).status_code == 415
            assert server.client.get("/images/0000000000000000").status_code == 404
            assert server.client.get("/search", params={"q": "boat"}).status_code == 200
            is_over.wait(0.25)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield
        finally:
            is_over.set()
            asking.result()


@pytest.fixture
def watched(start_server, tmp_path):
    server = start_server(CLOUD_PROVIDER="fake", CLOUD_DAILY_BUDGET_USD=BUDGET_USD,
                          CLOUD_MAX_REQUESTS_PER_MINUTE=10000)
    prometheus = PrometheusServer(tmp_path / "prometheus", server.url.removeprefix("http://"))
    yield server, prometheus
    prometheus.stop()


def recorded():
    groups = yaml.safe_load((FOLDER / "recording.rules.yml").read_text())["groups"]
    return [("recording rule", rule["record"]) for group in groups for rule in group["rules"]]


def has_data(prometheus, expression):
    return any(math.isfinite(value) for _, value in prometheus.query(expression))


def test_every_query_has_data_and_no_alert_fires_without_reason(watched):
    server, prometheus = watched
    missing = [(name, *each) for name in NAMES for each in queries(name)]
    missing += [("rules", *each) for each in recorded()]
    assert len(missing) >= 80  # so many there are: none is overlooked
    with load(server):
        deadline = time.monotonic() + DEADLINE_S
        while missing and time.monotonic() < deadline:
            missing = [each for each in missing if not has_data(prometheus, each[2])]
            time.sleep(0.3)
        assert missing == []
        spent = {"ImgrouterBudgetNearlySpent", "ImgrouterBudgetSpent"}
        wait_until(lambda: prometheus.alerts("firing") >= spent, DEADLINE_S)
        assert prometheus.alerts("firing") == spent
        assert prometheus.alerts("pending") == set()
    assert has_data(prometheus, 'count(ALERTS{alertstate="firing"})')
    for rules in prometheus.get("/rules")["groups"]:
        for rule in rules["rules"]:
            assert rule["health"] == "ok", rule
    server.stop()  # and that is noticed
    wait_until(lambda: "ImgrouterNotScraped" in prometheus.alerts("pending"))


def test_variables_and_annotations_can_be_asked(watched):
    server, prometheus = watched
    for name in NAMES:
        board = dashboard(name)
        (instance,) = [each for each in board["templating"]["list"] if each["type"] == "query"]
        metric, label = instance["query"]["query"].removeprefix("label_values(")[:-1].split(", ")
        assert {labels[label] for labels, _ in prometheus.query(metric)} == {
            server.url.removeprefix("http://")}
        for annotation in board["annotations"]["list"]:
            prometheus.query(annotation["expr"].replace("$instance", ".*"))


def test_a_curve_leads_to_the_trace_of_a_slow_upload(start_server, tmp_path):
    """The links of the dashboard, from a curve's point to Jaeger. Nobody takes the spans, which
    the uploads do not mind."""
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    prometheus = PrometheusServer(tmp_path / "prometheus", server.url.removeprefix("http://"))
    try:
        panel = [panel for panel in panels("operation") if panel["title"] == "Uploads"]
        (expression,) = {query for title, query in queries("operation")
                         if title == "Uploads" and "0.99" in query}
        assert all(target["exemplar"] for target in panel[0]["targets"])
        trace = "0af7651916cd43dd8448eb211c80319c"
        began = time.time()
        answer = server.client.post("/images", files={"file": png(1)}, headers={
            "traceparent": f"00-{trace}-b7ad6b7169203331-01"})
        assert answer.status_code == 200, answer.text

        def exemplars():
            found = prometheus.get("/query_exemplars", query=expression, start=began - 60,
                                   end=time.time() + 60)
            return [each["labels"] for series in found for each in series["exemplars"]]

        wait_until(exemplars, DEADLINE_S)
        assert exemplars() == [{"trace_id": trace}]
    finally:
        prometheus.stop()
