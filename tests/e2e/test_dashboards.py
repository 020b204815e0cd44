"""Grafana's files that ship: what Grafana would refuse or show badly. That their queries have data
is asked of a real Prometheus in test_prometheus.py."""
import re

import pytest
import yaml
from dashboards import FOLDER, NAMES, PATHS, dashboard, panels
from server_process import ROOT

PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
# Of Grafana's units, those used here: none of them is misspelt.
UNITS = {"none", "s", "bytes", "percentunit", "currencyUSD", "reqps", "ops"}
PANEL_TYPES = {"row", "stat", "gauge", "timeseries", "table", "heatmap", "state-timeline"}


def test_dashboards_are_told_apart():
    assert NAMES == ["operation", "routing-and-cost"]
    boards = [dashboard(name) for name in NAMES]
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == 2
    for board in boards:
        assert re.fullmatch(r"[A-Za-z0-9_-]{8,40}", board["uid"])
        assert board["id"] is None and board["schemaVersion"] == 39  # Grafana 10 and 11
        assert "__inputs" not in board and board["tags"] == ["imgrouter"]
    for path in PATHS:  # what an export for others has in place of the data source
        assert "${DS_" not in path.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_whole(name):
    board = dashboard(name)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    variables = {variable["name"] for variable in board["templating"]["list"]}
    for panel in board["panels"]:
        assert panel["type"] in PANEL_TYPES and panel["title"]
        assert panel["description"].endswith("."), panel["title"]
    for panel in panels(name):
        assert panel["datasource"] == PROMETHEUS, panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS, panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references), panel["title"]
        for target in panel["targets"]:
            used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
            assert used <= variables, (panel["title"], used)
            assert not re.search(r"\[\d*[smh]\]", target["expr"].replace("[1h]", "")), \
                f"{panel['title']}: $__rate_interval fits the chosen span"
        legends = [target.get("legendFormat") for target in panel["targets"]]
        assert panel["type"] == "table" or all(legends) and len(set(legends)) == len(legends)


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_covers_another(name):
    taken = {}
    for panel in dashboard(name)["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] and place["x"] + place["w"] <= 24 and place["h"] > 0, panel["title"]
        for y in range(place["y"], place["y"] + place["h"]):
            for x in range(place["x"], place["x"] + place["w"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"], f"{other} and {panel['title']} overlap"


def test_data_sources_are_those_of_the_dashboards():
    (path,) = (PROVISIONING / "datasources").glob("*.yml")
    sources = {each["uid"]: each for each in yaml.safe_load(path.read_text())["datasources"]}
    assert {uid: each["type"] for uid, each in sources.items()} == {
        "prometheus": "prometheus", "jaeger": "jaeger"}
    settings = sources["prometheus"]["jsonData"]
    assert settings["exemplarTraceIdDestinations"] == [
        {"name": "trace_id", "datasourceUid": "jaeger"}]
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert settings["timeInterval"] == config["global"]["scrape_interval"]


def test_dashboards_are_where_grafana_is_told_to_look():
    (path,) = (PROVISIONING / "dashboards").glob("*.yml")
    (provider,) = yaml.safe_load(path.read_text())["providers"]
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    mounted = {target: source for source, target in mounts.items()}
    assert (ROOT / "deploy" / mounted[provider["options"]["path"]]).resolve() == FOLDER
    assert (ROOT / "deploy" / mounted["/etc/grafana/provisioning"]).resolve() == PROVISIONING


def test_panels_that_the_manual_names_exist():
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", (ROOT / "docs/operations.md").read_text()))
    titles = {panel["title"] for name in NAMES for panel in panels(name)}
    assert len(named) > 10 and named <= titles, named - titles
