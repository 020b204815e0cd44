"""imgrouter search: the same filters, modes and bounds as GET /search, beside a running server."""
import json
import subprocess

import pytest

from server_process import ROOT, clean_environment

PICTURES = ROOT / "tests" / "golden" / "pictures"


@pytest.fixture
def search(binary, tmp_path):
    def search(*words):
        return subprocess.run([binary, "search", *map(str, words)], capture_output=True, text=True, timeout=120,
                              env=clean_environment(tmp_path), stdin=subprocess.DEVNULL)
    return search


@pytest.fixture
def stored(server):
    """File names by id; one picture is tagged, another has a caption of its user's."""
    names = {}
    for path in sorted(PICTURES.iterdir()):
        answer = server.client.post("/images", files={"file": (path.name, path.read_bytes())}).json()
        names.setdefault(answer["id"], path.name)
    ids = list(names)
    assert server.client.patch(f"/images/{ids[0]}", json={"tags": ["beach", "summer"]}).status_code == 200
    assert server.client.patch(f"/images/{ids[1]}", json={"tags": ["beach"]}).status_code == 200
    assert server.client.patch(f"/images/{ids[2]}", json={"caption": "a zebra in the snow"}).status_code == 200
    return names


def found(result):
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("options, parameters", [
    ([], {}),
    (["--mode", "semantic"], {"mode": "semantic"}),
    (["--mode", "keyword"], {"mode": "keyword"}),
    (["--mode=hybrid"], {"mode": "hybrid"}),
    (["--tags", "beach"], {"tags": "beach"}),
    (["--tags", "beach,summer"], {"tags": "beach,summer"}),
    (["--words", "zebra,snow"], {"words": "zebra,snow"}),
    (["--origin", "user"], {"origin": "user"}),
    (["--from", "2020-01-01"], {"from": "2020-01-01"}),
    (["--from", "2999-01-01"], {"from": "2999-01-01"}),
    (["--until", "2020-01-01T00:00:00Z"], {"until": "2020-01-01T00:00:00Z"}),
    (["--min-score", "-1"], {"min_score": "-1"}),
    (["--min-score", "0.999"], {"min_score": "0.999"}),
    (["--min-score", "auto"], {"min_score": "auto"}),
])
def test_options_do_what_parameters_do(search, server, stored, options, parameters):
    data = ["--data", server.data, "--json", "-k", 50]
    answered = server.client.get("/search", params={"q": "a zebra", "k": 50, **parameters}).json()["results"]
    printed = found(search(*data, *options, "a", "zebra"))
    assert [line["id"] for line in printed] == [image["id"] for image in answered]
    for line, image in zip(printed, answered):
        assert line["score"] == pytest.approx(image["score"], abs=1e-5)
        assert line.get("relevance") == pytest.approx(image.get("relevance"), abs=1e-3)


def test_filters_leave_what_they_say(search, server, stored):
    ids = list(stored)
    data = ["--data", server.data, "--json", "-k", 50]
    assert {line["id"] for line in found(search(*data, "--tags", "beach", "x"))} == set(ids[:2])
    assert [line["id"] for line in found(search(*data, "--tags", "beach,summer", "x"))] == ids[:1]
    assert [line["id"] for line in found(search(*data, "--words", "zebra", "x"))] == ids[2:3]
    assert [line["id"] for line in found(search(*data, "--origin", "user", "x"))] == ids[2:3]
    assert [line["id"] for line in found(search(*data, "--mode", "keyword", "zebra"))] == ids[2:3]
    assert found(search(*data, "--until", "2020-01-01", "x")) == []
    assert len(found(search(*data, "--from", "2020-01-01", "x"))) == len(ids)


def test_text_has_a_line_for_each_result(search, server, stored):
    result = search("--data", server.data, "--mode", "keyword", "zebra")
    (image_id, name), = list(stored.items())[2:3]
    line, = result.stdout.splitlines()
    score, rest = line.split("  ", 1)
    assert -1 <= float(score) <= 1 and rest == f"{image_id}  a zebra in the snow  {name}"


def test_nothing_found_says_why(search, server, stored):
    result = search("--data", server.data, "--mode", "keyword", "unheard")
    assert result.returncode == 0 and result.stdout == ""
    assert "No picture that the filters let through has one of these words" in result.stderr


@pytest.mark.parametrize("option, value, parameter", [
    ("--mode", "magic", "mode"),
    ("--min-score", "much", "min_score"),
    ("--min-score", "1.5", "min_score"),
    ("--min-score", "nan", "min_score"),
    ("--min-score", "", "min_score"),
    ("--tags", "beach,,summer", "tags"),
    ("--tags", ",".join(["tag"] * 100), "tags"),
    ("--words", "!?", "words"),
    ("--words", ",", "words"),
    ("--from", "yesterday", "from"),
    ("--until", "2026-02-30", "until"),
])
def test_wrong_values_are_told_as_the_server_tells_them(search, server, option, value, parameter):
    result = search("--data", server.data, option, value, "a dog")
    assert result.returncode == 2 and result.stdout == ""
    answer = server.client.get("/search", params={"q": "a dog", parameter: value})
    assert answer.status_code == 422
    assert result.stderr == "imgrouter: " + \
        answer.json()["detail"].replace(f"The parameter {parameter}", option) + "\n"
