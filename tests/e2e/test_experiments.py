"""Experiments against the real program: who gets which variant, what the receipts and the report
say, and the shadow. The provider is the fake one, or a strict stand-in."""
import collections
import json
import math
import statistics
import subprocess
import time

import pytest
from cloud_stand_in import CLOUD_KEY, Answer
from fake_openai import completion
from pictures import png
from server_process import ROOT, clean_environment, wait_until

# No mock is ever as sure as 1, and always surer than 0.2.
EXPERIMENT = """
name: trial
variants:
  - name: cloud
    share_percent: 40
    confidence_threshold: 1
  - name: here
    share_percent: 20
    confidence_threshold: 0.2
"""
SHADOW = """
name: beside
variants:
  - name: cloud
    share_percent: 0
    confidence_threshold: 1
shadow: {variant: cloud, percent: 100, daily_budget_usd: %s}
"""


@pytest.fixture
def run(start_server, tmp_path):
    """run(text, SETTING=value, ...): a server that runs this experiment."""

    def start(text, **settings):
        path = tmp_path / "experiment.yaml"
        path.write_text(text)
        return start_server(**{"IMGROUTER_EXPERIMENTS": path, "CLOUD_PROVIDER": "fake",
                               "CLOUD_MAX_REQUESTS_PER_MINUTE": "10000",
                               "CAPTION_CONFIDENCE_THRESHOLD": "0.2", **settings})

    return start


def wired(provider):
    return {"CLOUD_PROVIDER": "openrouter", "OPENROUTER_API_KEY": CLOUD_KEY,
            "OPENROUTER_BASE_URL": provider.url}


def results(server):
    answer = server.client.get("/experiments")
    assert answer.status_code == 200, answer.text
    return {(line["variant"], line["is_shadow"]): line for line in answer.json()["results"]}


def metric(server, result):
    name = f'imgrouter_shadow_captions_total{{result="{result}"}} '
    for line in server.client.get("/metrics").text.splitlines():
        if line.startswith(name):
            return float(line.split()[-1])
    return 0


def report(binary, server, tmp_path, *words, **settings):
    done = subprocess.run([binary, "experiments", "report", "--data", server.data, *words],
                          env=clean_environment(tmp_path, **settings), capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wilson(hits, count):
    z = statistics.NormalDist().inv_cdf(0.975)
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = (z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
            / (1 + z * z / count))
    return share, middle - half, middle + half


def student(values):
    """Mean and the interval's half width. The quantile is found from the density, by summing it."""
    count = len(values)
    degrees = count - 1
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(
        degrees * math.pi)
    area, at, step = 0.0, 0.0, 1e-4
    while area < 0.475:
        area += step * scale * (1 + (at + step / 2) ** 2 / degrees) ** (-(degrees + 1) / 2)
        at += step
    return statistics.fmean(values), at * statistics.stdev(values) / math.sqrt(count)


def test_the_report_is_that_of_the_receipts(run, binary, tmp_path):
    server = run(EXPERIMENT)
    images = [server.upload(png(seed)) for seed in range(100)]
    by_variant = collections.defaultdict(list)
    for image in images:
        by_variant[image["receipt"]["variant"]].append(image)
    shares = {name: len(group) for name, group in by_variant.items()}
    assert 25 <= shares["cloud"] <= 55 and 8 <= shares["here"] <= 34 and 25 <= shares["control"] <= 55
    assert {image["origin"] for image in by_variant["cloud"]} == {"cloud"}
    assert {image["origin"] for name in ("here", "control") for image in by_variant[name]} == {"mock"}

    told = results(server)
    assert set(told) == {(name, False) for name in shares}
    for name, group in by_variant.items():
        line = told[name, False]
        hits = sum(image["receipt"]["provider"] != "local" for image in group)
        assert (line["experiment"], line["images"], line["cloud_images"]) == (
            "trial", len(group), hits)
        share, low, high = wilson(hits, len(group))
        assert line["cloud_share"]["value"] == pytest.approx(share, abs=1e-6)
        assert line["cloud_share"]["low"] == pytest.approx(max(low, 0), abs=1e-6)
        assert line["cloud_share"]["high"] == pytest.approx(min(high, 1), abs=1e-6)
        for key, values in (
                ("cost_usd", [image["receipt"]["cost_usd"] for image in group]),
                ("confidence", [image["confidence"] for image in group]),
                ("clip_score", [image["clip_score"] for image in group])):
            mean, half = student(values)
            near = {"rel": 1e-4, "abs": 1e-6 if key != "cost_usd" else 1e-12}
            assert line[key]["value"] == pytest.approx(mean, **near), key
            assert line[key]["high"] - line[key]["low"] == pytest.approx(2 * half, **near), key
        # A caption takes at least as long as its longest part, and is an upload's part itself.
        least = statistics.fmean(max(image["receipt"]["timings"][part]
                                     for part in ("local_ms", "cloud_ms")) for image in group)
        assert least <= line["latency_ms"]["value"] < least + 200
        assert line["agreement"] == {"value": None, "low": None, "high": None}
    assert server.client.get("/experiments").json()["running"] == {
        "name": "trial", "shadow": None, "variants": [
            {"name": "cloud", "share_percent": 40}, {"name": "here", "share_percent": 20},
            {"name": "control", "share_percent": 40}]}

    # The same on the command line, beside the server.
    lines = [json.loads(line) for line in report(binary, server, tmp_path, "--json").splitlines()]
    assert {(line["variant"], line["is_shadow"]): line for line in lines} == told
    table = report(binary, server, tmp_path)
    assert table.splitlines()[0] == "trial" and "to the cloud, %" in table.splitlines()[1]
    row = next(line for line in table.splitlines() if line.startswith("cloud "))
    assert row.split()[:2] == ["cloud", str(shares["cloud"])] and "100.0 (" in row


def test_an_image_keeps_its_variant(run):
    server = run(EXPERIMENT)
    first = {seed: server.upload(png(seed)) for seed in range(20)}
    assert len({image["receipt"]["variant"] for image in first.values()}) == 3
    for image in first.values():
        assert server.client.delete(f"/images/{image['id']}").status_code == 204
    server.kill()
    server.is_expected_to_fail = True
    server = run(EXPERIMENT)
    again = {seed: server.upload(png(seed)) for seed in range(20)}
    for seed, image in again.items():
        assert not image["was_known"]
        assert image["receipt"]["variant"] == first[seed]["receipt"]["variant"]
    # It is the same image to the experiment, not one more.
    assert sum(line["images"] for line in results(server).values()) == 20


def test_without_an_experiment_nothing_changes(start_server, binary, tmp_path):
    server = start_server(CLOUD_PROVIDER="fake")
    assert server.upload(png(1))["receipt"]["variant"] is None
    assert server.client.get("/experiments").json() == {"running": None, "results": []}
    assert report(binary, server, tmp_path) == "no experiment has run yet\n"
    assert report(binary, server, tmp_path, "--json") == ""


def test_the_report_needs_the_book_alone(server, binary, tmp_path):
    """A store whose server is away does not matter: the book is in the data folder."""
    assert report(binary, server, tmp_path, VECTOR_BACKEND="qdrant",
                  QDRANT_URL="http://127.0.0.1:1") == "no experiment has run yet\n"
    done = subprocess.run([binary, "experiments", "report", "--data", server.data],
                          env=clean_environment(tmp_path, VECTOR_BACKEND="pgvectr"),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "it must be one of" in done.stderr


def test_model_and_prompt_are_the_variants(run, provider):
    server = run("""
name: words
variants:
  - name: other
    share_percent: 100
    confidence_threshold: 1
    providers: [openrouter]
    model: openai/gpt-4o
    prompt: What is to be seen?
""", **wired(provider))
    image = server.upload(png(1))
    assert image["receipt"]["variant"] == "other" and image["origin"] == "cloud"
    (request,) = provider.requests
    assert request["model"] == "openai/gpt-4o"
    assert "What is to be seen?" in json.dumps(request["messages"])
    assert server.client.get("/costs").json()["days"][0]["model"] == "openai/gpt-4o"


def test_the_shadow_compares_and_changes_nothing(run):
    server = run(SHADOW % "0.5")
    images = [server.upload(png(seed)) for seed in range(8)]
    assert {image["origin"] for image in images} == {"mock"}
    server.upload(png(100), quality="fast")  # wants no cloud, and gets none beside either
    wait_until(lambda: metric(server, "observed") == 8)
    for image in images:
        assert server.client.get(f"/images/{image['id']}").json()["receipt"] == image["receipt"]
    told = results(server)
    assert told["control", False]["images"] == 9 and told["control", False]["cloud_images"] == 0
    beside = told["cloud", True]
    assert beside["images"] == beside["cloud_images"] == 8
    assert -1 <= beside["agreement"]["low"] <= beside["agreement"]["value"] <= 1
    assert beside["clip_score"]["value"] is not None
    (line,) = server.client.get("/costs").json()["days"]
    assert (line["reason"], line["requests"]) == ("shadow", 8)
    assert beside["cost_usd"]["value"] == pytest.approx(line["cost_usd"] / 8, abs=1e-12)


def test_the_shadow_stays_within_its_purse(run, start_server, tmp_path):
    """The price of the fake provider is known: so many pictures the purse pays for, and no more."""
    server = run(SHADOW % "0.5")
    server.upload(png(1))
    wait_until(lambda: metric(server, "observed") == 1)
    price = server.client.get("/costs").json()["days"][0]["cost_usd"]
    server.stop()
    server = run(SHADOW % f"{3.5 * price:.9f}", data=tmp_path / "other")
    for seed in range(8):
        server.upload(png(seed))
    wait_until(lambda: metric(server, "impeded") == 1)  # the fourth, and the others behind it
    assert metric(server, "observed") == 3
    costs = server.client.get("/costs").json()
    assert costs["today"]["spent_usd"] == pytest.approx(3 * price, abs=1e-12)
    # Uploads still have all of the day's budget.
    assert server.upload(png(100), quality="high")["receipt"]["reason"] == "quality_high"


def test_nobody_waits_for_the_shadow(run, provider):
    server = run(SHADOW % "0.5", IMGROUTER_CLOUD_TIMEOUT_MS="2000", **wired(provider))
    provider.script = [Answer(body=completion(dialect="openrouter"), delay_s=1)] * 10
    started = time.monotonic()
    for seed in range(4):
        assert server.upload(png(seed))["origin"] == "mock"
    assert time.monotonic() - started < 1
    wait_until(lambda: provider.attempts == 1)
    started = time.monotonic()
    server.stop()  # those that wait are left, the one under way ends
    assert time.monotonic() - started < 4
    assert provider.attempts == 1


def test_a_folder_takes_part(binary, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(12):
        (folder / f"{seed}.png").write_bytes(png(seed))
    path = tmp_path / "experiment.yaml"
    path.write_text(EXPERIMENT)
    done = subprocess.run(
        [binary, "index", "--data", str(tmp_path / "data"), "--experiments", str(path), str(folder)],
        env=clean_environment(tmp_path, CLOUD_PROVIDER="fake"), capture_output=True, text=True,
        timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        [binary, "experiments", "report", "--json", "--data", str(tmp_path / "data")],
        env=clean_environment(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert sum(json.loads(line)["images"] for line in shown.stdout.splitlines()) == 12


@pytest.mark.parametrize("text, words", [
    (EXPERIMENT + "budget: 5\n", ["experiment.yaml, line 10", "budget", "name, variants, shadow"]),
    (EXPERIMENT.replace("20", "90"), ["130 %"]),
    (EXPERIMENT.replace("here", "cloud"), ["\"cloud\" already"]),
    (EXPERIMENT + "    providers: [openai]\n", ["openai is not configured", "CLOUD_PROVIDER"]),
    (EXPERIMENT.replace("0.2", "1.2"), ["0 to 1"]),
    (None, ["cannot", "experiment.yaml"]),
])
def test_what_cannot_run_is_told_at_start(binary, tmp_path, text, words):
    path = tmp_path / "experiment.yaml"
    if text is not None:
        path.write_text(text)
    done = subprocess.run([binary, "serve", "--port", "0", "--data", str(tmp_path / "data")],
                          env=clean_environment(tmp_path, CLOUD_PROVIDER="fake",
                                                IMGROUTER_EXPERIMENTS=path),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stderr.count("imgrouter:") == 1


def test_the_command_explains_itself(binary, tmp_path):
    done = subprocess.run([binary, "experiments", "list", "--data", str(tmp_path)],
                          env=clean_environment(tmp_path), capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 2 and "experiments report" in done.stderr


def test_the_example_runs(start_server, provider):
    """examples/experiments.yaml, as docs/experiments.md says."""
    server = start_server(IMGROUTER_EXPERIMENTS=ROOT / "examples" / "experiments.yaml",
                          **wired(provider))
    running = server.client.get("/experiments").json()["running"]
    assert {each["name"]: each["share_percent"] for each in running["variants"]} == {
        "eager": 20, "plain-words": 10, "control": 70}
    assert running["shadow"]["variant"] == "eager"
    text = (ROOT / "docs" / "experiments.md").read_text()
    assert (ROOT / "examples" / "experiments.yaml").read_text() in text
