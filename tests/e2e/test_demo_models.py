"""Which models answer: the full ones where they are, the demo models in their place, mocks only
when asked for; and that every place says so. Small random models stand in for both kinds here, what
the real demo models see is the matter of test_meaning.py."""
import json
import pathlib
import shutil
import subprocess

import pytest

from server_process import GOLDEN_MODELS, ROOT, clean_environment

BLIP, CLIP = "blip-image-captioning-base", "CLIP-ViT-B-32-laion2B-s34B-b79K"
DEMO_BLIP, DEMO_CLIP = "imgrouter-demo-blip", "imgrouter-demo-clip"
PICTURE = ROOT / "tests" / "golden" / "pictures" / "shapes.png"
DEMO_WARNING = ("they know coloured shapes and simple scenes only. "
                "Get the full models with: imgrouter models pull")


def copy_model(source, target):
    shutil.copytree(GOLDEN_MODELS / source, target)
    return target


@pytest.fixture
def demo(tmp_path):
    """A folder of demo models: other weights than the full ones of this file, "plain"."""
    copy_model(f"squashed/{BLIP}", tmp_path / "demo" / DEMO_BLIP)
    copy_model(f"squashed/{CLIP}", tmp_path / "demo" / DEMO_CLIP)
    return tmp_path / "demo"


@pytest.fixture
def full(tmp_path):
    """full("caption", "search") makes a folder for --models that holds these and no others."""
    def full(*kinds):
        folder = tmp_path / "full"
        folder.mkdir()
        for kind in kinds:
            name = BLIP if kind == "caption" else CLIP
            copy_model(f"plain/{name}", folder / name)
        return folder
    return full


@pytest.fixture
def run(binary, demo, tmp_path):
    def run(*words, program=binary, **settings):
        settings = {"USE_MOCK_MODELS": "auto", "IMGROUTER_DEMO_MODELS": demo} | settings
        return subprocess.run([program, *map(str, words)], capture_output=True, text=True,
                              timeout=120, env=clean_environment(tmp_path, **settings),
                              stdin=subprocess.DEVNULL)
    return run


@pytest.fixture
def serve(start_server, demo):
    def serve(*arguments, **settings):
        return start_server(arguments=list(map(str, arguments)),
                            **{"USE_MOCK_MODELS": "auto", "IMGROUTER_DEMO_MODELS": demo} | settings)
    return serve


def warnings_of(log):
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["level"] == "warning"]


def upload(server, name="a.png"):
    answer = server.client.post("/images", files={"file": (name, PICTURE.read_bytes())})
    assert answer.status_code == 200, answer.text
    return answer.json()


def reference_caption(configuration):
    expected = GOLDEN_MODELS.parent / "expected" / f"{configuration}.json"
    return json.loads(expected.read_text())["pictures"][PICTURE.name]["caption"]


# Without the full models


def assert_model(model, name, source):
    assert model == {"name": name, "source": source, "precision": model["precision"]}
    assert model["precision"] in ("f32", "f16", "int8")


def test_every_answer_of_the_server_says_that_demo_models_gave_it(serve):
    server = serve()
    models = server.client.get("/healthz").json()["models"]
    assert_model(models["caption"], DEMO_BLIP, "demo")
    assert models["embedding"]["name"].startswith(f"{DEMO_CLIP}@")
    assert models["embedding"]["source"] == "demo"
    image = upload(server)
    assert image["caption"] == reference_caption("squashed")
    assert image["model"] == DEMO_BLIP
    assert image["embedding_model"] == models["embedding"]["name"]
    assert image["origin"] == "local"
    found = server.client.get("/search", params={"q": "a red circle"}).json()
    assert found["model"] == models["embedding"]["name"]
    assert [result["id"] for result in found["results"]] == [image["id"]]
    for answer in (image, found, server.client.get("/healthz").json(),
                   server.client.get("/images").json(),
                   server.client.get(f"/images/{image['id']}").json()):
        assert answer["notice"].startswith("DEMO MODELS answered: they know coloured shapes")
        assert "imgrouter models pull" in answer["notice"]
    assert warnings_of(server.log_text()) == [f"DEMO MODELS ANSWER: {DEMO_WARNING}"]


def test_the_commands_say_it_on_standard_error(run, tmp_path):
    caption = run("caption", "--json", PICTURE)
    assert caption.returncode == 0, caption.stderr
    assert json.loads(caption.stdout)["model"] == DEMO_BLIP
    assert json.loads(caption.stdout)["caption"] == reference_caption("squashed")
    text = run("embed", "--json", "--text", "a red circle")
    assert json.loads(text.stdout)["model"].startswith(f"{DEMO_CLIP}@")
    bench = run("bench", "--runs", 1, PICTURE)
    assert DEMO_BLIP in bench.stdout and DEMO_CLIP in bench.stdout
    for result in (caption, text, bench):
        assert warnings_of(result.stderr) == [f"DEMO MODELS ANSWER: {DEMO_WARNING}"]


def test_the_list_of_models_shows_who_answers(run, full, demo):
    def answering(*words):
        lines = map(json.loads, run("models", "list", "--json", *words).stdout.splitlines())
        return [(line["repository"], line["source"], line["folder"]) for line in lines
                if line["answers"]]

    assert answering() == [(DEMO_BLIP, "demo", str(demo / DEMO_BLIP)),
                           (DEMO_CLIP, "demo", str(demo / DEMO_CLIP))]
    shown = run("models", "list").stdout
    assert f"\n+ {DEMO_BLIP} " in shown and f"\n+ {DEMO_CLIP} " in shown
    assert "DEMO MODEL" in shown and "imgrouter models pull" in shown
    models = full("caption")
    assert answering("--models", models) == [
        (f"Salesforce/{BLIP}", "full", str(models / BLIP)),
        (DEMO_CLIP, "demo", str(demo / DEMO_CLIP))]
    copy_model(f"plain/{CLIP}", models / CLIP)
    shown = run("models", "list", "--models", models).stdout
    assert "DEMO MODEL" not in shown and f"\n  {DEMO_BLIP} " in shown


@pytest.mark.parametrize("words", [["caption", PICTURE], ["embed", PICTURE], ["bench"],
                                   ["serve", "--port", 0]])
def test_false_takes_no_demo_model(run, tmp_path, words):
    data = ["--data", tmp_path / "data"] if words[0] == "serve" else []
    result = run(*words, *data, USE_MOCK_MODELS="false")
    assert result.returncode == 1 and result.stdout == ""
    assert "imgrouter models pull" in result.stderr
    assert "DEMO" not in result.stderr


def test_true_asks_for_mocks_whatever_is_there(run, full):
    result = run("caption", "--models", full("caption", "search"), PICTURE, USE_MOCK_MODELS="true")
    assert result.stdout.startswith(f"{PICTURE}: mock: a ")
    assert len(warnings_of(result.stderr)) == 1
    assert warnings_of(result.stderr)[0].startswith("MOCK MODELS ANSWER")


# With one of the full models, or both


def test_each_model_decides_for_itself(serve, full):
    captions_only = serve("--models", full("caption"))
    models = captions_only.client.get("/healthz").json()["models"]
    assert_model(models["caption"], BLIP, "full")
    assert models["embedding"]["source"] == "demo"
    assert warnings_of(captions_only.log_text()) == [
        f"DEMO MODELS ANSWER FOR SEARCH: {DEMO_WARNING}"]
    image = upload(captions_only)
    assert image["caption"] == reference_caption("plain")
    assert image["embedding_model"].startswith(f"{DEMO_CLIP}@")
    assert image["notice"].startswith("DEMO MODELS made the search vectors")


def test_the_other_way_round(serve, full):
    search_only = serve("--models", full("search"))
    models = search_only.client.get("/healthz").json()["models"]
    assert_model(models["caption"], DEMO_BLIP, "demo")
    assert models["embedding"]["name"].startswith(f"{CLIP}@")
    assert models["embedding"]["source"] == "full"
    assert warnings_of(search_only.log_text()) == [
        f"DEMO MODELS ANSWER FOR CAPTIONS: {DEMO_WARNING}"]
    assert upload(search_only)["notice"].startswith("DEMO MODELS wrote the captions")


def test_full_models_are_not_spoken_of(serve, full):
    server = serve("--models", full("caption", "search"))
    assert "notice" not in upload(server)
    assert "notice" not in server.client.get("/healthz").json()
    assert warnings_of(server.log_text()) == []


def test_better_models_caption_known_pictures_anew_and_worse_ones_never(serve, full):
    models = full("caption", "search")
    steps = [  # how the server is started, and which model's caption the same picture then has
        ({"USE_MOCK_MODELS": "true"}, [], "mock"),
        ({}, [], DEMO_BLIP),
        ({"USE_MOCK_MODELS": "true"}, [], DEMO_BLIP),
        ({}, ["--models", models], BLIP),
        ({}, [], BLIP),
        ({"USE_MOCK_MODELS": "true"}, [], BLIP),
    ]
    for settings, arguments, model in steps:
        server = serve(*arguments, **settings)
        assert upload(server)["model"] == model
        assert server.client.get("/images").json()["images"][0]["model"] == model
        assert server.client.get("/healthz").json()["store"]["images"] == 1
        server.stop()


@pytest.mark.parametrize("kind", ["full", "demo"])
def test_a_damaged_model_is_an_error_and_nothing_takes_its_place(run, full, demo, kind):
    models = full("caption") if kind == "full" else full()
    folder = models / BLIP if kind == "full" else demo / DEMO_BLIP
    weights, = [file for file in folder.iterdir() if file.suffix in (".bin", ".safetensors")]
    weights.write_bytes(weights.read_bytes()[:-100])
    result = run("caption", "--models", models, PICTURE)
    assert result.returncode == 1 and result.stdout == ""
    assert str(weights) in result.stderr


# Where they are found


def test_they_are_found_beside_the_program(run, binary, demo, tmp_path):
    for place, bin in (("tree/models/demo", "tree/build"),
                       ("prefix/share/imgrouter/models/demo", "prefix/bin")):
        (tmp_path / bin).mkdir(parents=True)
        program = shutil.copy(binary, tmp_path / bin / "imgrouter")
        missing = run("caption", PICTURE, program=program, IMGROUTER_DEMO_MODELS="")
        assert missing.returncode == 1
        assert str(tmp_path / place) in missing.stderr
        shutil.copytree(demo, tmp_path / place)
        link = tmp_path / f"link-to-{place.split('/')[0]}"
        link.symlink_to(program)
        for start in (program, link):
            result = run("caption", "--json", PICTURE, program=start, IMGROUTER_DEMO_MODELS="")
            assert result.returncode == 0, result.stderr
            assert json.loads(result.stdout)["model"] == DEMO_BLIP


def test_where_they_were_looked_for_is_told(run, tmp_path):
    result = run("caption", PICTURE, IMGROUTER_DEMO_MODELS=tmp_path / "nothing")
    assert result.returncode == 1 and result.stdout == ""
    for part in (f"Salesforce/{BLIP}", "imgrouter models pull", "IMGROUTER_DEMO_MODELS",
                 str(tmp_path / "nothing" / DEMO_BLIP)):
        assert part in result.stderr
    result = run("caption", "--demo-models", tmp_path / "demo", PICTURE,
                 IMGROUTER_DEMO_MODELS=tmp_path / "nothing")
    assert result.returncode == 0, result.stderr


def test_an_installation_has_them(run, binary, tmp_path):
    build = pathlib.Path(binary).parent
    if not (build / "cmake_install.cmake").exists():
        pytest.skip("needs the folder that the program was built in")
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path / "prefix"], check=True,
                   capture_output=True, timeout=60)
    result = run("caption", "--json", PICTURE, program=tmp_path / "prefix" / "bin" / "imgrouter",
                 IMGROUTER_DEMO_MODELS="")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["model"] == DEMO_BLIP
