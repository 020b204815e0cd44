"""Moving between stores: export, import and migrate of what a real server has stored."""
import hashlib
import json
import sqlite3
import subprocess

import numpy as np
import pytest

from pictures import png
from server_process import ROOT, clean_environment

EXAMPLES = sorted((ROOT / "examples" / "pictures").iterdir())


@pytest.fixture
def run(binary, tmp_path):
    def run(*words, **settings):
        return subprocess.run([binary, *map(str, words)], capture_output=True, text=True,
                              timeout=120, env=clean_environment(tmp_path, **settings),
                              stdin=subprocess.DEVNULL)
    return run


def answer_of(result, exit_code=0):
    assert result.returncode == exit_code, result.stderr
    return json.loads(result.stdout)


def uploaded(client, files):
    ids = []
    for name, content in files:
        reply = client.post("/images", files={"file": (name, content)})
        assert reply.status_code == 200, reply.text
        ids.append(reply.json()["id"])
    return ids


QUERIES = ["a boat at night", "a red circle", "two dogs"]


def searches(client):
    return [[(match["id"], match["score"]) for match in
             client.get("/search", params={"q": query, "k": 50}).json()["results"]]
            for query in QUERIES]


def listing(client):
    return client.get("/images", params={"limit": 100}).json()["images"]


@pytest.fixture
def filled(start_server, tmp_path):
    """A data folder with the demo models' answers, and what its server said of it."""
    server = start_server(data=tmp_path / "first", arguments=["--mock", "auto"])
    filled = {"data": tmp_path / "first",
              "ids": uploaded(server.client, [(path.name, path.read_bytes())
                                              for path in EXAMPLES]),
              "searches": searches(server.client), "listing": listing(server.client)}
    filled["contents"] = {image: server.client.get(f"/images/{image}/content").content
                          for image in filled["ids"]}
    server.stop()
    return filled


def assert_same_server(start_server, data, filled):
    server = start_server(data=data, arguments=["--mock", "auto"])
    assert listing(server.client) == filled["listing"]
    assert searches(server.client) == filled["searches"]
    for image, content in filled["contents"].items():
        assert server.client.get(f"/images/{image}/content").content == content
    server.stop()


def test_numpy_reads_an_export(run, filled, tmp_path):
    folder = tmp_path / "export"
    summary = answer_of(run("export", folder, "--data", filled["data"], "--json"))
    assert summary["images"] == len(EXAMPLES)
    manifest = json.loads((folder / "manifest.json").read_text())
    lines = [json.loads(line) for line in (folder / "images.jsonl").read_text().splitlines()]
    assert manifest["images"] == len(lines) == len(EXAMPLES)
    assert [line["id"] for line in lines] == [image["id"] for image in filled["listing"]]
    [space] = manifest["spaces"]
    assert space["embedding_model"] == manifest["active_space"] or manifest["active_space"] == ""
    vectors = np.load(folder / space["file"], mmap_mode="r")
    assert vectors.shape == (len(EXAMPLES), space["width"]) and vectors.dtype == np.float32
    assert vectors.flags["C_CONTIGUOUS"]
    database = sqlite3.connect(filled["data"] / "imgrouter.db")
    stored = dict(database.execute("SELECT images.id, vectors.vector FROM images JOIN vectors "
                                   "ON vectors.key % (1 << 40) = images.row"))
    for line in lines:
        row = line["vectors"][space["embedding_model"]]
        assert vectors[row].tobytes() == stored[line["id"]]
        assert line["caption"] and isinstance(line["tags"], list) and len(line["sha256"]) == 64
    assert not (folder / "pictures").exists()


def test_an_import_is_the_same_server_again(run, start_server, filled, tmp_path):
    folder, data = tmp_path / "export", tmp_path / "second"
    summary = answer_of(run("export", folder, "--data", filled["data"], "--pictures", "--json"))
    assert summary["pictures"] == len(EXAMPLES) and summary["pictures_lost"] == 0
    summary = answer_of(run("import", folder, "--data", data, "--json"))
    assert summary["ok"] and summary["verified"]
    assert summary["copied"] == summary["images"] == len(EXAMPLES)
    assert summary["pictures"] == {"copied": len(EXAMPLES), "already_there": 0, "lost": 0}
    assert summary["checksum"] == summary["target_checksum"]
    assert_same_server(start_server, data, filled)
    again = answer_of(run("import", folder, "--data", data, "--json"))
    assert again["copied"] == 0 and again["already_there"] == len(EXAMPLES)
    assert again["checksum"] == summary["checksum"]


def test_migrate_moves_a_folder(run, start_server, filled, tmp_path):
    to = tmp_path / "second"
    summary = answer_of(run("migrate", "--from", f"sqlite:{filled['data']}", "--to",
                            f"sqlite:{to}", "--json"))
    assert summary["verified"] and summary["copied"] == len(EXAMPLES)
    assert summary["pictures"]["copied"] == len(EXAMPLES)
    assert_same_server(start_server, to, filled)
    result = run("migrate", "--from", "sqlite", "--to", f"sqlite:{to}",
                 IMGROUTER_DATA=filled["data"])
    assert result.returncode == 0
    assert f"{len(EXAMPLES)} were there already" in result.stdout
    assert "verified" in result.stdout


def test_a_served_folder_can_be_read_but_not_written(run, server, tmp_path):
    uploaded(server.client, [("a.png", png(1)), ("b.png", png(2))])
    assert answer_of(run("export", tmp_path / "export", "--data", server.data,
                         "--json"))["images"] == 2
    summary = answer_of(run("migrate", "--from", f"sqlite:{server.data}", "--to",
                            f"sqlite:{tmp_path / 'copy'}", "--json"))
    assert summary["copied"] == 2
    for words in (["import", tmp_path / "export", "--data", server.data],
                  ["migrate", "--from", f"sqlite:{tmp_path / 'copy'}", "--to",
                   f"sqlite:{server.data}"]):
        result = run(*words)
        assert result.returncode == 1 and "another imgrouter uses this data folder" in result.stderr


def test_lost_pictures_are_told(run, server, tmp_path):
    [kept, lost] = uploaded(server.client, [("a.png", png(1)), ("b.png", png(2))])
    [path] = (file for file in (tmp_path / "data" / "pictures").glob(f"*/{lost}*"))
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    result = run("migrate", "--from", f"sqlite:{server.data}", "--to",
                 f"sqlite:{tmp_path / 'copy'}", "--json")
    summary = answer_of(result, exit_code=1)
    assert not summary["ok"] and summary["verified"]
    assert summary["pictures"] == {"copied": 1, "already_there": 0, "lost": 1}
    assert lost in result.stderr and kept not in result.stderr


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_export(folder, count, width):
    """As another program would make one, with NumPy."""
    folder.mkdir()
    vectors = np.random.default_rng(1).standard_normal((count, width), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "vectors-0.npy", vectors)
    with open(folder / "images.jsonl", "w") as file:
        for number in range(count):
            sha256 = hashlib.sha256(str(number).encode()).hexdigest()
            file.write(json.dumps({
                "id": sha256[:16], "sha256": sha256, "caption": f"picture {number}",
                "origin": "local", "caption_model": "captioner", "embedding_model": "space",
                "mime": "image/jpeg", "file_name": f"{number}.jpg", "url": "", "source": "upload",
                "width": 640, "height": 480, "size_bytes": 1000, "confidence": 0.5,
                "created_ms": 1700000000000 - number, "clip_score": 0.3, "perceptual_hash": None,
                "tags": ["many"], "vectors": {"space": number}}) + "\n")
    manifest = {"format": "imgrouter export", "version": 1, "images": count, "pictures": False,
                "active_space": "space", "images_sha256": sha256_of(folder / "images.jsonl"),
                "spaces": [{"embedding_model": "space", "width": width, "count": count,
                            "file": "vectors-0.npy",
                            "sha256": sha256_of(folder / "vectors-0.npy")}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_import_that_was_killed_goes_on(run, binary, tmp_path):
    folder, data, count = tmp_path / "export", tmp_path / "data", 4000
    make_export(folder, count, 64)
    words = ["import", str(folder), "--data", str(data), "--json"]
    for wait_s in (0.05, 0.1, 0.2):
        process = subprocess.Popen([binary, *words], env=clean_environment(tmp_path),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    summary = answer_of(run(*words))
    assert summary["verified"] and summary["only_in_target"] == 0
    assert summary["copied"] + summary["already_there"] == summary["images"] == count
    assert summary["checksum"] == summary["target_checksum"]
    again = answer_of(run("export", tmp_path / "again", "--data", data, "--json"))
    assert again["images"] == count
    assert sha256_of(tmp_path / "again" / "vectors-0.npy") == sha256_of(folder / "vectors-0.npy")


def test_a_changed_export_is_refused_before_anything_is_made(run, filled, tmp_path):
    folder, data = tmp_path / "export", tmp_path / "second"
    answer_of(run("export", folder, "--data", filled["data"], "--json"))
    lines = (folder / "images.jsonl").read_text()
    (folder / "images.jsonl").write_text(lines.replace('"width":', '"width": ', 1))
    result = run("import", folder, "--data", data)
    assert result.returncode == 1 and "images.jsonl is not what was exported" in result.stderr
    assert not data.exists()


@pytest.mark.parametrize("words, sentence", [
    (["migrate"], "name both stores"),
    (["migrate", "--from", "sqlite"], "name both stores"),
    (["migrate", "--from", "sqlite", "--to", "sqlite"], "the same store"),
    (["migrate", "--from", "sqlite:a", "--to", "sqlite:./a/../a"], "there are no pictures in a"),
    (["migrate", "--from", "papyrus", "--to", "sqlite:a"], "--from must be the name of a store"),
    (["migrate", "--from", ":a", "--to", "sqlite:a"], "--from must be the name of a store"),
    (["migrate", "--from", "sqlite:", "--to", "sqlite:a"], "--from: "),
    (["migrate", "x", "--from", "sqlite", "--to", "sqlite:a"], "options only"),
    (["export"], "name the folder to make"),
    (["export", "a", "b"], "name the folder to make"),
    (["export", ""], "there are no pictures"),
    (["import"], "name the folder of the export"),
    (["import", "nowhere"], "nowhere is no export"),
])
def test_wrong_use_is_told(run, words, sentence, tmp_path):
    result = run(*words, IMGROUTER_DATA=tmp_path / "none")
    assert result.returncode in (1, 2) and result.stdout == ""
    assert sentence in result.stderr
