"""imgrouter check: what it says of a machine where all is well, and of everything that can be wrong."""
import json
import subprocess

import pytest
from pictures import png
from server_process import GOLDEN_MODELS, clean_environment
from web_server import WebServer

NAMES = ["processor", "memory", "open files", "data folder", "store", "caption model",
         "search model", "network", "tags", "cloud providers", "cloud prices", "cloud budget"]


@pytest.fixture
def check(binary, tmp_path):
    def run(*arguments, code=0, **settings):
        settings = {"IMGROUTER_DATA": tmp_path / "data", "USE_MOCK_MODELS": "auto", **settings}
        done = subprocess.run([binary, "check", "--json", *map(str, arguments)],
                              env=clean_environment(tmp_path, **settings), timeout=120,
                              capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stderr == ""
        answer = json.loads(done.stdout)
        assert [each["check"] for each in answer["checks"]] == NAMES
        assert answer["is_well"] == (code == 0)
        return {each["check"]: each for each in answer["checks"]} | {"times": answer.get("times")}

    return run


def test_a_fresh_machine_can_serve_demo_models(check, tmp_path):
    found = check()
    assert {name for name in NAMES if found[name]["state"] == "warning"} <= {
        "caption model", "search model", "processor", "memory", "open files"}
    assert found["caption model"]["mend"] == "imgrouter models pull"
    assert "nothing is stored yet" in found["store"]["detail"]
    assert "will be made" in found["data folder"]["detail"]
    assert not (tmp_path / "data").exists()  # it only looks


def test_beside_a_server(check, start_server, tmp_path):
    server = start_server(data=str(tmp_path / "data"))
    server.upload(png(1))
    assert "sqlite answers, with 1 images" in check()["store"]["detail"]
    server.upload(png(2))


def test_models_that_are_here(check):
    found = check("--models-folder", GOLDEN_MODELS / "nowhere", code=1, USE_MOCK_MODELS="false")
    assert found["caption model"]["state"] == "failed"
    found = check(USE_MOCK_MODELS="true")
    assert "made-up" in found["caption model"]["detail"]
    assert found["network"]["detail"] == "nothing has to be downloaded"


def test_models_are_timed_beside_mocks(check):
    own, mock = check("--models")["times"]
    assert own["caption_model"] == "imgrouter-demo-blip" and mock["caption_model"] == "mock"
    for times in (own, mock):
        assert all(0 < times[f"{what}_ms"] < 60000
                   for what in ("caption", "picture_vector", "text_vector"))


@pytest.mark.parametrize("settings, name, words", [
    ({"IMGROUTER_DATA": "/proc/nothing"}, "data folder", "/proc"),
    ({"VECTOR_BACKEND": "pgvector", "DATABASE_URL": "postgresql://u:sesame@127.0.0.1:1/x"}, "store",
     "Connection refused"),
    ({"VECTOR_BACKEND": "qdrant", "QDRANT_URL": "http://127.0.0.1:1", "QDRANT_API_KEY": "sesame"},
     "store", "cannot be reached"),
    ({"VECTOR_BACKEND": "mongo"}, "store", "mongo"),
    ({"OPENCLIP_MODEL": "ViT-Z"}, "search model", "ViT-Z"),
    ({"IMGROUTER_TAGS": "/nowhere"}, "tags", "/nowhere"),
    ({"CLOUD_PROVIDER": "openrouter"}, "cloud providers", "OPENROUTER_API_KEY"),
    ({"CLOUD_PROVIDER": "fake", "IMGROUTER_PRICES": "/nowhere"}, "cloud prices", "/nowhere"),
    ({"CLOUD_PROVIDER": "clippy"}, "cloud providers", "clippy"),
])
def test_what_is_wrong_is_told(check, settings, name, words):
    found = check(code=1, **settings)
    assert found[name]["state"] == "failed" and words in found[name]["detail"]
    assert "sesame" not in json.dumps(found)


def test_keys_are_never_shown(check):
    found = check(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY="sesame")
    assert found["cloud providers"]["state"] == "ok" and "sesame" not in json.dumps(found)


def test_the_budget(check, start_server, tmp_path):
    settings = {"CLOUD_PROVIDER": "fake", "CLOUD_DAILY_BUDGET_USD": "0.002"}
    assert "nothing has been spent yet" in check(**settings)["cloud budget"]["detail"]
    server = start_server(data=str(tmp_path / "data"), **settings)
    server.upload(png(1), quality="high")
    server.upload(png(2), quality="high")
    found = check(**settings)["cloud budget"]
    assert found["state"] == "warning" and "0.00 USD of today's" in found["detail"]


def test_the_hub(check):
    hub = WebServer()
    try:
        hub.add("/", b"")
        found = check(HF_HUB_OFFLINE="0", HF_ENDPOINT=hub.url)
        assert found["network"]["state"] == "ok" and hub.url in found["network"]["detail"]
    finally:
        hub.close()
    found = check(HF_HUB_OFFLINE="0", HF_ENDPOINT=hub.url)
    assert found["network"]["state"] == "warning" and "HF_ENDPOINT" in found["network"]["mend"]


def test_as_text(binary, tmp_path):
    done = subprocess.run([binary, "check"], timeout=120, capture_output=True, text=True,
                          env=clean_environment(tmp_path, IMGROUTER_TAGS="/nowhere"))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("failed   tags") for line in lines)
    assert any("mend it: mend the file, or turn tags off" in line for line in lines)
    assert lines[-1].startswith("Mend what failed")
