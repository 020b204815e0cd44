"""Another search model: the server gives stored pictures its vectors in the background, and searches
use the former model's until all are there. Two of the small models of tests/golden play the parts."""
import json
import shutil
import subprocess
import time

import pytest
from pictures import plain_png, png
from server_process import GOLDEN_MODELS, Server, clean_environment

FORMER = "CLIP-ViT-B-32-laion2B-s34B-b79K"
OTHER = "CLIP-ViT-B-16-laion2B-s34B-b88K"
# Their folder in tests/golden, and the settings that choose them.
MODELS = {FORMER: ("plain", {}),
          OTHER: ("odd_widths", {"OPENCLIP_MODEL": "ViT-B-16",
                                 "OPENCLIP_PRETRAINED": "laion2b_s34b_b88k"})}
PICTURES = 40
SIDE = 2400  # so large that the work is seen while it goes on
PATIENCE_S = 120


def settings(home, model, without=()):
    """Starts the server with this model, out of a folder that has both but for `without`."""
    folder = home / f"models-without-{'-'.join(without)}"
    folder.mkdir(exist_ok=True)
    for name, (golden, _) in MODELS.items():
        link = folder / name
        if name not in without and not link.exists():
            link.symlink_to(GOLDEN_MODELS / golden / FORMER)
    captions = folder / "blip-image-captioning-base"
    if not captions.exists():
        captions.symlink_to(GOLDEN_MODELS / "plain" / "blip-image-captioning-base")
    return {"USE_MOCK_MODELS": "false", "IMGROUTER_MODELS": folder, **MODELS[model][1]}


def upload(server, picture):
    answer = server.client.post("/images", files={"file": ("a.png", picture)})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


@pytest.fixture(scope="module")
def former_data(binary, tmp_path_factory):
    """A data folder of the former model's server, and the ids of its pictures."""
    home = tmp_path_factory.mktemp("former")
    server = Server(binary, str(home / "data"), [],
                    clean_environment(home, **settings(home, FORMER)), home / "log")
    ids = [upload(server, plain_png(SIDE, SIDE - n, 5 * n)) for n in range(PICTURES)]
    await_complete(server)
    server.stop()
    return home / "data", ids


@pytest.fixture
def filled(former_data, tmp_path):
    data, ids = former_data
    shutil.copytree(data, tmp_path / "data")
    return ids


def reindex(server):
    return server.client.get("/healthz").json()["reindex"]


def search(server):
    answer = server.client.get("/search", params={"q": "a red car", "k": 1000})
    assert answer.status_code == 200, answer.text
    return answer.json()


def scores(answer):
    return {result["id"]: result["score"] for result in answer["results"]}


def name_of(answer):
    return answer["model"].split("@")[0]


def await_complete(server):
    deadline = time.monotonic() + PATIENCE_S
    while (progress := reindex(server))["state"] != "complete":
        assert time.monotonic() < deadline, progress
        time.sleep(0.02)
    return progress


def assert_all_moved(server, ids):
    progress = await_complete(server)
    assert progress["searched"] == progress["to"] and progress["failed"] == 0
    assert progress["done"] == progress["total"] == len(ids)
    answer = search(server)
    assert name_of(answer) == OTHER and set(scores(answer)) == set(ids)
    assert {result["embedding_model"] for result in answer["results"]} == {answer["model"]}


def test_searches_change_over_at_once(start_server, tmp_path, filled):
    server = start_server(**settings(tmp_path, FORMER))
    former = search(server)
    assert name_of(former) == FORMER and set(scores(former)) == set(filled)
    server.stop()

    server = start_server(**settings(tmp_path, OTHER))
    new = upload(server, png("new"))
    progress, seen, found_new = reindex(server), [], None
    assert progress["state"] == "running", "too fast to be seen: make SIDE larger"
    assert progress["from"] == progress["searched"] == former["model"]
    assert progress["to"].startswith(OTHER)
    while progress["state"] != "complete":
        answer = search(server)
        seen.append(name_of(answer))
        found = scores(answer)
        found_new = found.pop(new)  # at once, in either space
        assert set(found) == set(filled)
        if seen[-1] == FORMER:
            assert found == pytest.approx(scores(former), abs=1e-4)
        assert "notice" not in answer  # nothing is missed
        progress = reindex(server)
    assert found_new is not None
    assert seen[0] == FORMER
    assert seen == sorted(seen, reverse=True), "searches went back"  # B-32 sorts after B-16
    assert_all_moved(server, filled + [new])
    for result in search(server)["results"]:
        if result["id"] != new:
            assert result["score"] != pytest.approx(scores(former)[result["id"]], abs=1e-4)
    metrics = server.client.get("/metrics").text
    assert f'imgrouter_reindex_images{{state="done"}} {PICTURES + 1}\n' in metrics
    server.stop()

    server = start_server(**settings(tmp_path, OTHER, without=[FORMER]))
    assert_all_moved(server, filled + [new])
    assert reindex(server)["from"] is None


def test_work_survives_kill_and_goes_on(start_server, tmp_path, filled):
    done, kills = 0, 0
    while kills < 3:
        server = start_server(**settings(tmp_path, OTHER))
        deadline = time.monotonic() + PATIENCE_S
        while (progress := reindex(server))["done"] < min(done + 4, PICTURES):
            assert time.monotonic() < deadline, progress
            time.sleep(0.01)
        if progress["state"] == "complete":
            break
        # What was done before the kill has not been done again.
        assert progress["done"] >= done
        assert set(scores(search(server))) == set(filled)
        done = progress["done"]
        server.kill()
        kills += 1
    assert kills > 0
    server = start_server(**settings(tmp_path, OTHER))
    assert reindex(server)["done"] >= done or reindex(server)["state"] == "idle"
    assert_all_moved(server, filled)


def test_signal_ends_the_work_fast(start_server, tmp_path, filled):
    server = start_server(**settings(tmp_path, OTHER))
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 10
    server = start_server(**settings(tmp_path, OTHER))
    assert_all_moved(server, filled)


def test_without_the_former_model_what_is_missing_is_told(start_server, tmp_path, filled):
    server = start_server(**settings(tmp_path, OTHER, without=[FORMER]))
    answer = search(server)
    assert name_of(answer) == OTHER and len(answer["results"]) < PICTURES
    assert "cannot be found by vector yet" in answer["notice"]
    assert_all_moved(server, filled)
    assert "notice" not in search(server)


def test_lost_bytes_do_not_hold_it_up(start_server, tmp_path, filled):
    lost = next((tmp_path / "data" / "pictures").glob(f"*/{filled[3]}*"))
    lost.unlink()
    server = start_server(**settings(tmp_path, OTHER))
    progress = await_complete(server)
    assert (progress["done"], progress["failed"]) == (PICTURES - 1, 1)
    assert set(scores(search(server))) == set(filled) - {filled[3]}
    assert any(filled[3] in line for line in server.log_text().splitlines()
               if '"request_id"' not in line)
    assert server.client.delete(f"/images/{filled[3]}").status_code == 204
    server.stop()
    server = start_server(**settings(tmp_path, OTHER))
    assert_all_moved(server, [image for image in filled if image != filled[3]])


def test_a_worse_model_takes_nothing_away(start_server, tmp_path, filled):
    server = start_server(USE_MOCK_MODELS="auto", IMGROUTER_MODELS=tmp_path / "nothing")
    new = upload(server, png("new"))
    deadline = time.monotonic() + PATIENCE_S
    while (progress := reindex(server))["state"] != "held":
        assert time.monotonic() < deadline, progress
        time.sleep(0.02)
    answer = search(server)
    assert set(scores(answer)) == {new}
    assert "theirs are of the better model" in answer["notice"]
    server.stop()
    server = start_server(**settings(tmp_path, FORMER))
    progress = await_complete(server)
    assert progress["done"] == PICTURES + 1 and progress["from"] is None
    assert set(scores(search(server))) == {*filled, new}


def test_the_command_does_the_same(binary, start_server, tmp_path, filled):
    data = str(tmp_path / "data")

    def run(*words):
        environment = clean_environment(tmp_path, **settings(tmp_path, OTHER))
        return subprocess.run([binary, *words, "--data", data, "--json"], capture_output=True,
                              text=True, timeout=PATIENCE_S, env=environment)

    def found():
        result = run("search", "a red car", "--k", "1000")
        assert result.returncode == 0, result.stderr
        return {line["id"]: line["score"] for line in map(json.loads, result.stdout.splitlines())}

    server = start_server(**settings(tmp_path, FORMER))
    former = scores(search(server))
    refused = run("reindex")
    assert refused.returncode == 1 and "/healthz" in refused.stderr
    server.stop()
    assert found() == pytest.approx(former, abs=1e-4)
    result = run("reindex")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["from"].startswith(FORMER) and answer["to"].startswith(OTHER)
    assert (answer["done"], answer["total"], answer["failed"]) == (PICTURES, PICTURES, 0)
    moved = found()
    assert set(moved) == set(filled) and moved != pytest.approx(former, abs=1e-4)
    assert json.loads(run("reindex").stdout)["from"] is None
