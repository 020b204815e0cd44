"""The command line as a person meets it: answers on standard output, sentences on standard error,
exit codes 0, 1 and 2, and what each setting refuses."""
import json
import math
import subprocess

import pytest

from server_process import GOLDEN_MODELS, ROOT, clean_environment

PICTURES = ROOT / "tests" / "golden" / "pictures"
COMMANDS = ["serve", "caption", "embed", "search", "images", "index", "estimate", "migrate", "export", "import",
            "models", "reindex", "bench", "version"]


@pytest.fixture
def run(binary, tmp_path):
    def run(*words, **settings):
        return subprocess.run([binary, *map(str, words)], capture_output=True, text=True,
                              timeout=120, env=clean_environment(tmp_path, **settings),
                              stdin=subprocess.DEVNULL)
    return run


def json_lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_command_explains_itself(run):
    overview = run("--help")
    assert overview.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in overview.stdout
        result = run(command, "--help")
        assert result.returncode == 0 and result.stderr == ""
        assert f"Usage: imgrouter {command}" in result.stdout


@pytest.mark.parametrize("words, sentence", [
    ([], "Usage"),
    (["dance"], 'there is no command "dance"'),
    (["serve", "--colour", "red"], "--colour is not an option of this command"),
    (["serve", "--port"], "--port needs a value"),
    (["serve", "--port", "8o"], 'a whole number from 0 to 65535, not "8o"'),
    (["serve", "--port=70000"], "a whole number from 0 to 65535"),
    (["serve", "extra"], "serve takes options only"),
    (["reindex", "extra"], "reindex takes options only"),
    (["caption"], "name at least one picture"),
    (["caption", "--mock", "perhaps", "x.png"], "auto, true or false"),
    (["caption", "--precision", "f8", "x.png"], "the precision must be auto, f32, f16 or int8"),
    (["caption", "--log-level", "loud", "x.png"], "--log-level must be"),
    (["embed"], "name at least one picture, or --text"),
    (["search"], "say what to look for"),
    (["images", "burn"], "say one of"),
    (["index"], "say one of"),
    (["estimate"], "name at least one folder"),
    (["estimate", "--quality", "best", "."], "fast, auto or high, not \"best\""),
    (["estimate", "--cloud-provider", "openrouter, cohere", "."], 'names "cohere"'),
    (["estimate", "--cloud-provider", "openai", "--openai-model", "gpt-9", "."],
     "has no price for openai's model gpt-9"),
    (["index", "--failed", "--retry"], "say one of"),
    (["index", "--server", "ftp://127.0.0.1", "."], "--server takes the address of a server"),
    (["bench", "a", "b"], "one picture at most"),
])
def test_wrong_usage_is_told_and_exits_2(run, words, sentence):
    result = run(*words)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_wrong_variable_is_named(run):
    result = run("serve", IMGROUTER_PORT="eight")
    assert result.returncode == 2
    assert "IMGROUTER_PORT must be a whole number" in result.stderr


def test_an_option_wins_over_its_variable(run):
    result = run("caption", "--mock=true", PICTURES / "shapes.png", USE_MOCK_MODELS="false")
    assert result.returncode == 0
    assert "mock: a " in result.stdout


def test_an_unknown_kernel_tier_is_refused(run):
    result = run("caption", PICTURES / "shapes.png", IMGROUTER_KERNELS="sse9")
    assert result.returncode == 2
    assert "sse9" in result.stderr


def test_one_bad_picture_does_not_stop_the_others(run, tmp_path):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    result = run("caption", PICTURES / "shapes.png", text, tmp_path / "absent.png",
                 PICTURES / "dot.png")
    assert result.returncode == 1
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == \
        [str(PICTURES / "shapes.png"), str(PICTURES / "dot.png")]
    assert "text.png: this is not a picture" in result.stderr
    assert "absent.png: No such file" in result.stderr


def test_caption_and_embed_for_machines(run):
    models = GOLDEN_MODELS / "plain"
    caption, = json_lines(run("caption", "--models", models, "--json", PICTURES / "shapes.png",
                              USE_MOCK_MODELS="false"))
    assert set(caption) == {"file", "caption", "confidence", "token_ids", "token_probs", "model",
                            "ms"}
    mean = math.exp(sum(map(math.log, caption["token_probs"])) / len(caption["token_probs"]))
    assert caption["confidence"] == pytest.approx(mean, rel=1e-5)
    assert caption["model"] == "blip-image-captioning-base"
    first, second = json_lines(run("embed", "--models", models, "--json", "--text", "a dog",
                                   "a cat", USE_MOCK_MODELS="false"))
    assert set(first) == {"input", "embedding", "model", "ms"}
    assert first["input"] == "a dog" and second["input"] == "a cat"
    assert math.fsum(x * x for x in first["embedding"]) == pytest.approx(1, abs=1e-5)
    assert first["embedding"] != second["embedding"]


def test_models_in_an_existing_hub_cache_are_used(run, tmp_path):
    commit = "a" * 40
    for repository in ["Salesforce/blip-image-captioning-base",
                       "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"]:
        folder = tmp_path / "hf" / "hub" / ("models--" + repository.replace("/", "--"))
        snapshot = folder / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(commit)
        for file in (GOLDEN_MODELS / "plain" / repository.split("/")[1]).iterdir():
            (snapshot / file.name).write_bytes(file.read_bytes())
    from_cache = run("caption", PICTURES / "rings.jpg", USE_MOCK_MODELS="false")
    assert from_cache.returncode == 0, from_cache.stderr
    assert from_cache.stdout == run("caption", "--models", GOLDEN_MODELS / "plain",
                                    PICTURES / "rings.jpg", USE_MOCK_MODELS="false").stdout
    verified = run("models", "verify")
    assert verified.returncode == 0
    assert verified.stdout.count("nothing tells how they were published") == 2


def test_search_and_images_read_beside_a_running_server(run, server):
    data = ["--data", server.data]
    ids = [server.client.post("/images", files={"file": (path.name, path.read_bytes())})
           .json()["id"] for path in sorted(PICTURES.iterdir())]
    listed = json_lines(run("images", "list", *data, "--json", "-k", 50))
    assert sorted(image["id"] for image in listed) == sorted(ids)
    shown, = json_lines(run("images", "show", ids[0], *data, "--json"))
    assert shown["id"] == ids[0]
    found = json_lines(run("search", *data, "--json", "-k", 3, *shown["caption"].split()))
    assert len(found) == 3
    assert found[0]["caption"] == shown["caption"]
    result = run("images", "delete", ids[0], *data)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert server.client.get(f"/images/{ids[0]}").status_code == 200
    server.stop()
    assert run("images", "delete", ids[0], *data).returncode == 0
    result = run("images", "show", ids[0], *data)
    assert result.returncode == 1 and ids[0] in result.stderr


def test_search_without_a_database_says_what_to_do(run, tmp_path):
    result = run("search", "--data", tmp_path / "none", "a dog")
    assert result.returncode == 1
    assert "start the server and upload one" in result.stderr
    assert not (tmp_path / "none").exists()


def test_bench_measures_every_stage(run):
    result = run("bench", "--models", GOLDEN_MODELS / "plain", "--precision", "f32", "--runs", 2,
                 "--json", PICTURES / "shapes.png", USE_MOCK_MODELS="false")
    figures, = json_lines(result)
    for stage in ["decode", "preprocess", "caption_vision", "caption_token", "caption",
                  "image_vector", "image_bulk", "text_vector", "scan"]:
        assert figures[f"{stage}_ms"] > 0
    assert figures["precision"] == "f32" and figures["runs"] == 2
    assert 1 <= figures["bulk_batch"] <= figures["bulk_pictures"] == 16
    assert figures["scan_vectors"] == 100000


def test_bench_takes_turns(binary, tmp_path):
    def bench(turns):
        return subprocess.run([binary, "bench", "--turns", "--models", GOLDEN_MODELS / "plain"],
                              input=turns, capture_output=True, text=True, timeout=120,
                              env=clean_environment(tmp_path, USE_MOCK_MODELS="false"))

    result = bench("text_vector\ncaption\ntext_vector\n")
    setup, text, caption, again = json_lines(result)
    assert set(setup["turns"]) == {"inputs", "caption", "image_vector", "image_bulk",
                                   "text_vector", "scan"}
    assert list(text) == list(again) == ["text_vector_ms"] and text["text_vector_ms"] > 0
    assert set(caption) == {"caption_ms", "caption_vision_ms", "caption_token_ms"}
    assert caption["caption_ms"] > caption["caption_vision_ms"] + caption["caption_token_ms"]
    result = bench("caption\nsupper\n")
    assert result.returncode == 2 and "\"supper\"" in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_the_settings_reference_is_current(run):
    assert run("version", "--settings").stdout == (ROOT / "docs" / "settings.md").read_text()


def test_a_full_disk_under_standard_output_is_a_failure(binary, tmp_path):
    with open("/dev/full", "w") as full:
        result = subprocess.run([binary, "version"], stdout=full, stderr=subprocess.PIPE,
                                text=True, timeout=60, env=clean_environment(tmp_path))
    assert result.returncode == 1
    assert "standard output" in result.stderr


def test_two_servers_do_not_share_a_folder(run, server):
    result = run("serve", "--port", 0, "--data", server.data)
    assert result.returncode == 1
    assert "imgrouter" in result.stderr and len(result.stderr.splitlines()) >= 1
    assert server.client.get("/healthz").status_code == 200


def test_a_taken_port_is_told(run, server, tmp_path):
    result = run("serve", "--port", server.port, "--data", tmp_path / "other")
    assert result.returncode == 1
    assert str(server.port) in result.stderr and "--port" in result.stderr
