"""The rules that ship, by promtool, and the section of docs/operations.md that each alert names."""
import re
import subprocess

import pytest
import yaml
from prometheus_server import FOLDER, needs_prometheus
from server_process import ROOT

TESTS = sorted((FOLDER / "tests").glob("*.yml"))


def alerts():
    groups = yaml.safe_load((FOLDER / "alerts.rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*words):
    done = subprocess.run(["promtool", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    return done.stdout


@needs_prometheus("promtool")
def test_promtool_takes_configuration_and_rules():
    assert "2 rule files found" in promtool("check", "config", str(FOLDER / "prometheus.yml"))
    promtool("check", "rules", str(FOLDER / "recording.rules.yml"),
             str(FOLDER / "alerts.rules.yml"))


@needs_prometheus("promtool")
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_say_what_they_should(path):
    promtool("test", "rules", str(path))


def test_every_alert_is_tested_to_fire_and_not_to_fire():
    fires, stays = set(), set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test.get("alert_rule_test", []):
                (fires if check["exp_alerts"] else stays).add(check["alertname"])
    names = {rule["alert"] for rule in alerts()}
    assert fires == names
    assert stays == names - {"ImgrouterSelfTestFailed"}  # beside the tier that fails is one that does not


def slug(heading):
    """The anchor that GitHub and GitLab give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_alert_has_its_words_and_its_section():
    text = (ROOT / "docs" / "operations.md").read_text()
    sections = re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]
    anchors = {slug(section.split("\n", 1)[0]): section for section in sections}
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning")
        words = rule["annotations"]
        assert words.keys() == {"summary", "description", "runbook_url"}
        page, anchor = words["runbook_url"].split("#")
        assert page == "docs/operations.md" and anchor == slug(rule["alert"])
        section = anchors[anchor]
        assert f"**{rule['labels']['severity']}**" in section, rule["alert"]
        assert "**How to tell.**" in section and "**What to do.**" in section, rule["alert"]
    described = {anchor for anchor in anchors if anchor.startswith("imgrouter")}
    assert described == {slug(rule["alert"]) for rule in alerts()}
