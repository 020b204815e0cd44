"""`imgrouter estimate`: what captions of the cloud would cost, from the files alone, asking nobody."""
import json
import os
import shutil
import subprocess

import pytest
from pictures import golden, plain_png, png
from server_process import ROOT, clean_environment

PROMPT = "x" * 40
GPT_4O_MINI = {  # by hand: base 2833, 16 of a message, 40 / 4 of the prompt; a sentence of 30
    "expected": ((2833 + 16 + 10) * 0.15 + 30 * 0.60) / 1e6,
    "most": ((2833 + 16 + 40) * 0.15 + 100 * 0.60) / 1e6,
}


@pytest.fixture
def run(binary, tmp_path):
    def run(*words, program=binary, **settings):
        settings = {"IMGROUTER_CLOUD_PROMPT": PROMPT, **settings}
        return subprocess.run([program, "estimate", *map(str, words)], capture_output=True,
                              text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
                              env=clean_environment(tmp_path, **settings))
    return run


@pytest.fixture
def estimate(run):
    def estimate(*words, **settings):
        result = run(*words, "--json", **settings)
        assert (result.returncode, result.stderr) == (0, "")
        return json.loads(result.stdout)
    return estimate


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photographs"
    (place / "2019").mkdir(parents=True)
    for number in range(3):
        (place / "2019" / f"{number}.png").write_bytes(png(number))
    return place


def late_jpeg():
    """Its header is so far behind that the beginning of the file does not tell the size."""
    comment = b"\xff\xfe\xff\xff" + bytes(65533)
    jpeg = golden("plain.jpg")
    return jpeg[:2] + comment * 5 + jpeg[2:]


def test_counts_what_index_would_take(estimate, folder):
    (folder / "one.jpg").write_bytes(golden("plain.jpg"))
    (folder / "one.webp").write_bytes(golden("lossy.webp"))
    (folder / "one.gif").write_bytes(golden("plain.gif"))
    (folder / "notes.txt").write_text("no picture")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "large.png").write_bytes(plain_png(9000, 9000))
    (folder / "heavy.png").write_bytes(png(9, padding=300_000))
    (folder / ".hidden.png").write_bytes(png(10))
    (folder / "link.png").symlink_to(folder / "one.jpg")
    (folder / "late.jpg").write_bytes(late_jpeg())
    answer = estimate(folder, "--max-upload-bytes", 400_000)
    assert {key: answer[key] for key in ("pictures", "unsized", "too_large", "unreadable",
                                         "not_pictures")} == {
        "pictures": 8, "unsized": 1, "too_large": 1, "unreadable": 0, "not_pictures": 2}
    assert estimate(folder, "--max-upload-bytes", 300_000)["too_large"] == 3
    assert estimate(folder, "--max-pixels", 100)["pictures"] == 1  # the one whose size is not known


def test_what_cannot_be_looked_into_is_counted(estimate, folder):
    (folder / "/".join(["deep"] * 130)).mkdir(parents=True)  # index goes 128 deep
    answer = estimate(folder)
    assert (answer["pictures"], answer["unreadable"]) == (3, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_files_that_cannot_be_read_are_counted(estimate, folder):
    (folder / "0.png").write_bytes(png(7))
    (folder / "0.png").chmod(0)
    answer = estimate(folder)
    assert (answer["pictures"], answer["unreadable"]) == (3, 1)


def test_the_data_folder_is_left_out(estimate, folder):
    assert estimate(folder, "--data", folder / "2019")["pictures"] == 0
    assert estimate(folder, folder / "2019" / "0.png")["pictures"] == 4


def test_without_a_provider_all_prices_are_compared(estimate, run, folder):
    answer = estimate(folder)
    assert answer["is_configured"] is False and answer["quality"] == "auto"
    assert answer["prices"] == str(ROOT / "costs" / "providers.yaml")
    named = {(line["provider"], line["model"]): line for line in answer["providers"]}
    assert len(named) == len(answer["providers"]) >= 13
    assert named["google_vision", "*"]["expected_usd"] == pytest.approx(3 * 0.00375)
    assert named["openai_compatible", "*"]["most_usd"] == 0
    assert named["openrouter", "openai/gpt-4o-mini"]["price_date"] == "2025-10-19"
    for line in answer["providers"]:
        assert 0 <= line["expected_usd"] <= line["most_usd"]
    text = run(folder).stdout
    assert "No cloud provider is set" in text and "Pictures: 3" in text


def test_a_set_provider_is_told_to_the_nano_dollar(estimate, folder):
    answer = estimate(folder, CLOUD_PROVIDER="openrouter, mock")
    assert answer["is_configured"] is True
    first, second = answer["providers"]
    assert (first["provider"], first["model"]) == ("openrouter", "openai/gpt-4o-mini")
    assert first["expected_usd"] == pytest.approx(3 * GPT_4O_MINI["expected"], rel=1e-12)
    assert first["most_usd"] == pytest.approx(3 * GPT_4O_MINI["most"], rel=1e-12)
    assert first["expected_usd_per_1000"] == pytest.approx(1000 * GPT_4O_MINI["expected"], rel=1e-9)
    assert second["provider"] == "fake" and second["expected_usd"] == pytest.approx(0.003)


def test_a_picture_is_counted_as_small_as_it_is_sent(estimate, tmp_path):
    """Claude counts pixels; what is sent is 512 at its longer side."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "1.png").write_bytes(plain_png(2048, 1024))
    line = estimate(folder, "--cloud-provider", "openrouter", "--openrouter-model",
                    "anthropic/claude-3-haiku")["providers"][0]
    tokens = -(-512 * 256 // 750)
    assert line["expected_usd"] == pytest.approx(((tokens + 16 + 10) * 0.25 + 30 * 1.25) / 1e6,
                                                 rel=1e-12)
    # Where the beginning of a file does not tell the size, as large as any that is sent.
    (folder / "1.png").unlink()
    (folder / "1.jpg").write_bytes(late_jpeg())
    line = estimate(folder, "--cloud-provider", "openrouter", "--openrouter-model",
                    "anthropic/claude-3-haiku")["providers"][0]
    tokens = -(-512 * 512 // 750)
    assert line["expected_usd"] == pytest.approx(((tokens + 16 + 10) * 0.25 + 30 * 1.25) / 1e6,
                                                 rel=1e-12)


def test_how_long_it_takes_within_the_limits(estimate, folder):
    def takes(*words):
        line = estimate(folder, "--cloud-provider", "fake", *words)["providers"][0]
        return line["days"], line["minutes"], line["held_up_by"]

    assert takes() == (1, 1, None)
    assert takes("--cloud-max-requests-per-minute", 1) == (1, 3, None)
    assert takes("--cloud-max-requests-per-day", 2) == (2, 1, "requests_per_day")
    assert takes("--cloud-daily-budget-usd", 0.001) == (3, 1, "budget")
    # A day's money that has no room for a single picture never has.
    assert takes("--cloud-daily-budget-usd", 0.0009) == (None, None, "budget")
    assert takes("--cloud-daily-budget-usd", 0) == (None, None, "budget")
    assert takes("--cloud-max-requests-per-day", 0) == (None, None, "requests_per_day")
    assert takes("--cloud-max-requests-per-minute", 0) == (None, None, "requests_per_minute")
    free = estimate(folder, "--cloud-provider", "imgrouter", "--cloud-daily-budget-usd", 0)
    assert free["providers"][0]["days"] == 1


@pytest.mark.parametrize("quality, words", [
    ("fast", "no picture is sent"),
    ("auto", "only those are sent whose local caption is unsure"),
    ("high", "every picture is sent"),
])
def test_people_are_told_what_the_quality_means(run, folder, quality, words):
    result = run(folder, "--quality", quality, "--cloud-provider", "fake",
                 "--cloud-max-requests-per-day", 1)
    assert result.returncode == 0
    assert words in result.stdout
    row = next(line for line in result.stdout.splitlines() if line.startswith("fake"))
    assert row.split(maxsplit=5) == ["fake", "*", "1.0000", "0.0030", "0.0030",
                                     "3 days, for requests a day"]
    assert "60 requests a minute, 1 requests and 10.0000 USD a day" in result.stdout


def test_nothing_to_count(estimate, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    answer = estimate(empty, "--cloud-provider", "fake")
    assert answer["pictures"] == 0
    assert answer["providers"][0]["expected_usd_per_1000"] == 0
    assert answer["providers"][0]["days"] == 1


def test_prices_of_the_user(estimate, run, folder, tmp_path):
    """The file form of the original service, too."""
    prices = tmp_path / "providers_openrouter.yaml"
    prices.write_text("models:\n  a/b:\n    input_per_million: 1.00\n    output_per_million: 2.00\n")
    line = estimate(folder, "--prices", prices, "--cloud-provider", "openrouter",
                    "--openrouter-model", "a/b")["providers"][0]
    # How a/b counts pictures is not told: as the hungriest known, 2833 and a tile of 5667.
    assert line["expected_usd"] == pytest.approx(3 * (8500 + 26 + 60) / 1e6, rel=1e-12)

    prices.write_text("models:\n  a/b:\n    input_per_million: cheap\n")
    wrong = run(folder, IMGROUTER_PRICES=prices)
    assert wrong.returncode == 2
    assert f"{prices}, line 3, at models: a/b: input_per_million:" in wrong.stderr
    gone = run(folder, "--prices", tmp_path / "gone.yaml")
    assert gone.returncode == 1 and "gone.yaml" in gone.stderr


def test_an_installed_program_finds_its_prices(run, binary, folder, tmp_path):
    program = tmp_path / "usr" / "bin" / "imgrouter"
    program.parent.mkdir(parents=True)
    shutil.copy(binary, program)
    lost = run(folder, program=str(program))
    assert lost.returncode == 1
    assert "share/imgrouter/costs/providers.yaml; name their file with --prices" in lost.stderr
    shared = tmp_path / "usr" / "share" / "imgrouter" / "costs"
    shared.mkdir(parents=True)
    shutil.copy(ROOT / "costs" / "providers.yaml", shared)
    found = run(folder, "--json", program=str(program))
    assert json.loads(found.stdout)["prices"] == str(shared / "providers.yaml")


def test_the_documented_table_is_true(binary, tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    (folder / "1.png").write_bytes(plain_png(4032, 3024))
    result = subprocess.run([binary, "estimate", folder, "--json"], capture_output=True, text=True,
                            timeout=120, check=True, env=clean_environment(tmp_path))
    rows = [f"| {line['provider']} | {line['model']} | {line['expected_usd_per_1000']:.4f} "
            f"| {line['most_usd_per_1000']:.4f} | {line['price_date']} |"
            for line in json.loads(result.stdout)["providers"]]
    page = (ROOT / "docs" / "costs.md").read_text().splitlines()
    start = page.index("| provider | model | as a rule | at the most | price of |") + 2
    assert page[start:start + len(rows) + 1] == [*rows, ""]


def test_a_folder_that_is_not_there_is_told(run, tmp_path):
    result = run(tmp_path / "gone")
    assert result.returncode == 1 and "cannot find" in result.stderr
