"""imgrouter models pull | list | verify against a server that behaves as the hub, and misbehaves."""

import hashlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import pytest

from fake_hub import FakeHub, Fault, Repository, git_hash

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("IMGROUTER_BINARY", str(ROOT / "build" / "imgrouter"))
NAME = "tests/tiny-model"
WEIGHTS = random.Random(7).randbytes(3_000_000)
FILES = {
    "config.json": b'{"model_type": "blip"}',
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "pytorch_model.bin": WEIGHTS,
}
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def hub():
    server = FakeHub()
    server.repositories[NAME] = Repository(dict(FILES))
    yield server
    server.close()


class Client:
    def __init__(self, hub, home):
        self.home = home
        self.cache = home / "hub"
        self.folder = self.cache / "models--tests--tiny-model"
        self.snapshot = self.folder / "snapshots" / Repository({}).commit
        self.blob = self.folder / "blobs" / SHA256
        self.incomplete = self.folder / "blobs" / f"{SHA256}.incomplete"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HF_HOME": str(home),
            "HF_ENDPOINT": hub.address + "/",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def start(self, *words, **environment):
        return subprocess.Popen(
            [BINARY, "models", *words],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, **environment):
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=60)
        assert "ERROR: " not in err, err  # a sanitizer's
        return process.returncode, out, err

    def pull(self, **environment):
        return self.run("pull", "--repository", NAME, **environment)

    def pulls(self, **environment):
        code, out, err = self.pull(**environment)
        assert code == 0, err
        self.is_whole()
        return out

    def fails(self, *sentences, **environment):
        code, out, err = self.pull(**environment)
        assert code == 1, (code, out, err)
        assert err.count("\n") >= 1 and err.splitlines()[-1].startswith("imgrouter: "), err
        for sentence in sentences:
            assert sentence in err, err
        assert "secret" not in err
        return err

    def is_whole(self):
        for name, data in FILES.items():
            assert (self.snapshot / name).read_bytes() == data
            assert os.readlink(self.snapshot / name).startswith("../../blobs/")
        assert not list(self.folder.glob("blobs/*.incomplete"))
        assert not list(self.folder.glob("**/*.tmp"))

    def holds_nothing_bad(self):
        """No file stands under a final name that is not what was published."""
        assert not self.blob.exists() or self.blob.read_bytes() == WEIGHTS
        assert not (self.snapshot / "pytorch_model.bin").exists()
        assert not (self.folder / "refs" / "main").exists()


@pytest.fixture
def client(hub, tmp_path):
    return Client(hub, tmp_path / "home")


# The ordinary case


def test_pull_fills_the_ordinary_cache(hub, client):
    out = client.pulls()
    assert out == f"{NAME}: pulled to {client.snapshot}\n"
    assert client.blob.read_bytes() == WEIGHTS
    assert (client.folder / "blobs" / git_hash(FILES["config.json"])).exists()
    assert (client.folder / "refs" / "main").read_text() == Repository({}).commit
    # model.safetensors and the like were asked for, were not there, and leave no trace
    assert sorted(p.name for p in client.snapshot.iterdir()) == sorted(FILES)


def test_files_are_found_by_the_hubs_own_library(hub, client):
    library = pytest.importorskip("huggingface_hub")
    client.pulls()
    found = library.try_to_load_from_cache(NAME, "pytorch_model.bin", cache_dir=client.cache)
    assert pathlib.Path(found).read_bytes() == WEIGHTS
    assert pathlib.Path(
        library.snapshot_download(NAME, cache_dir=client.cache, local_files_only=True)
    ) == pathlib.Path(client.snapshot)


def test_what_is_here_is_not_fetched_again(hub, client):
    client.pulls()
    asked = len(hub.requests)
    assert client.pulls() == f"{NAME}: is in {client.snapshot}\n"
    assert len(hub.requests) == asked


def test_only_what_is_missing_is_fetched(hub, client):
    client.pulls()
    (client.snapshot / "vocab.txt").unlink()
    (client.folder / "blobs" / git_hash(FILES["vocab.txt"])).unlink()
    hub.repositories[NAME].files["vocab.txt"] = FILES["vocab.txt"]
    (client.snapshot / "config.json").unlink()
    gets = len(hub.gets()), len(hub.gets(hub.store))
    client.pulls()
    # the blob of config.json was still there, the weights were too
    assert [r[1].split("/")[-1] for r in hub.gets()[gets[0] :]] == ["vocab.txt"]
    assert len(hub.gets(hub.store)) == gets[1]


def test_json(hub, client):
    code, out, _ = client.run("pull", "--repository", NAME, "--json")
    assert code == 0
    assert json.loads(out) == {
        "repository": NAME,
        "status": "pulled",
        "folder": str(client.snapshot),
    }
    code, out, _ = client.run("verify", "--repository", NAME, "--json")
    assert json.loads(out) == {
        "repository": NAME,
        "ok": True,
        "checked_files": 3,
        "problem": None,
    }


def test_nothing_is_drawn_without_a_terminal(hub, client):
    _, _, err = client.pull()
    assert err == ""


def test_a_renamed_repository(hub, client):
    hub.repositories["tests/new-name"] = hub.repositories[NAME]
    hub.repositories[NAME] = Repository({}, renamed_to="tests/new-name")
    client.pulls()


def test_first_weights_of_the_list_win(hub, client):
    hub.repositories[NAME].files["model.safetensors"] = b"safe"
    code, _, err = client.pull()
    assert code == 0, err
    assert (client.snapshot / "model.safetensors").exists()
    assert not (client.snapshot / "pytorch_model.bin").exists()


# The token


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, client):
    hub.repositories[NAME].token = "hf_secret"
    client.pulls(HF_TOKEN=" hf_secret\n")
    assert all(r[2]["Authorization"] == "Bearer hf_secret" for r in hub.requests)
    assert hub.store.requests
    assert all("Authorization" not in r[2] for r in hub.store.requests)


def test_the_token_file(hub, client):
    hub.repositories[NAME].token = "hf_secret"
    client.home.mkdir()
    (client.home / "token").write_text("hf_secret\n")
    client.fails("without a token", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
    client.pulls()


def test_a_missing_or_private_repository(hub, client):
    hub.repositories[NAME].token = "hf_secret"
    client.fails("without a token", "set HF_TOKEN")
    client.fails("to this token", HF_TOKEN="hf_wrong")
    client.holds_nothing_bad()


def test_a_gated_repository(hub, client):
    hub.repositories[NAME].token = "hf_secret"
    hub.repositories[NAME].is_gated = True
    client.fails("accepted its terms", f"{hub.address}/{NAME}")


# Broken lines and misbehaving servers


def test_a_broken_connection_is_resumed(hub, client):
    hub.faults = [Fault("breaks-after", ".bin", times=3, value=700_000)]
    client.pulls()
    ranges = [r[2].get("Range") for r in hub.gets(hub.store)]
    assert ranges == [None, "bytes=700000-", "bytes=1400000-", "bytes=2100000-"]


def test_a_later_run_goes_on_where_the_first_broke_off(hub, client):
    hub.faults = [
        Fault("breaks-after", ".bin", times=1, value=1_000_000),
        Fault("breaks-after", ".bin", value=0),
    ]
    client.fails("does not come through", "kept")
    client.holds_nothing_bad()
    assert client.incomplete.stat().st_size == 1_000_000
    hub.faults = []
    client.pulls()
    assert hub.gets(hub.store)[-1][2]["Range"] == "bytes=1000000-"


def test_a_kill_in_the_middle_leaves_something_to_go_on_from(hub, client):
    hub.faults = [Fault("slow", ".bin", value=100_000)]
    process = client.start("pull", "--repository", NAME)
    while not (client.incomplete.exists() and client.incomplete.stat().st_size > 300_000):
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    client.holds_nothing_bad()
    there = client.incomplete.stat().st_size
    hub.faults = []
    client.pulls()
    assert hub.gets(hub.store)[-1][2]["Range"] == f"bytes={there}-"


def test_a_server_that_ignores_ranges(hub, client):
    hub.faults = [
        Fault("breaks-after", ".bin", times=1, value=1_000_000),
        Fault("ignores-range", ".bin"),
    ]
    client.pulls()


def test_a_server_that_sends_another_part(hub, client):
    hub.faults = [
        Fault("breaks-after", ".bin", times=1, value=1_000_000),
        Fault("wrong-part", ".bin", times=1),
    ]
    client.pulls()


def test_an_incomplete_file_that_is_too_long(hub, client):
    client.incomplete.parent.mkdir(parents=True)
    client.incomplete.write_bytes(WEIGHTS + b"and more")
    client.pulls()


def test_an_incomplete_file_that_is_whole(hub, client):
    client.incomplete.parent.mkdir(parents=True)
    client.incomplete.write_bytes(WEIGHTS)
    client.pulls()
    assert not hub.gets(hub.store)


def test_an_incomplete_file_with_wrong_bytes(hub, client):
    client.incomplete.parent.mkdir(parents=True)
    client.incomplete.write_bytes(b"x" * 1000)
    client.fails("arrived damaged", "deleted")
    client.holds_nothing_bad()
    assert not client.incomplete.exists()
    client.pulls()


def test_a_wrong_checksum(hub, client):
    hub.faults = [Fault("damaged", ".bin")]
    client.fails("pytorch_model.bin", "arrived damaged", "deleted")
    client.holds_nothing_bad()
    assert not client.incomplete.exists()
    hub.faults = []
    client.pulls()


def test_a_wrong_git_checksum(hub, client):
    hub.faults = [Fault("damaged", "config.json")]
    client.fails("config.json", "arrived damaged")
    assert not (client.snapshot / "config.json").exists()


def test_more_bytes_than_announced(hub, client):
    hub.faults = [Fault("longer", ".bin")]
    client.fails("more bytes than it announced")
    client.holds_nothing_bad()


def test_fewer_bytes_than_announced(hub, client):
    hub.faults = [Fault("shorter", ".bin", times=1)]
    client.pulls()


def test_a_wrong_size_that_never_comes_right(hub, client):
    hub.repositories[NAME].claimed_sizes["pytorch_model.bin"] = len(WEIGHTS) + 5
    client.fails("does not come through")
    client.holds_nothing_bad()


def test_an_expired_address_is_asked_for_anew(hub, client):
    hub.faults = [
        Fault("breaks-after", ".bin", times=1, value=1_000_000),
        Fault("expires", ".bin", times=1),
    ]
    client.pulls()
    assert len(hub.gets()) > len(FILES)


def test_an_address_that_expires_every_time(hub, client):
    hub.faults = [Fault("expires", ".bin")]
    client.fails("does not come through", "403")


@pytest.mark.parametrize("kind", ["status-500", "status-503", "hangs-up"])
def test_a_passing_fault_of_the_hub(hub, client, kind):
    hub.faults = [Fault(kind, times=2)]
    client.pulls()


def test_a_lasting_fault_of_the_hub(hub, client):
    hub.faults = [Fault("status-500")]
    client.fails("status 500", "try again later")


def test_a_short_wait_is_made(hub, client):
    hub.faults = [Fault("rate-limit", "config.json", times=1, value=1)]
    started = time.monotonic()
    client.pulls()
    assert time.monotonic() - started > 0.9


def test_a_long_wait_is_told(hub, client):
    hub.faults = [Fault("rate-limit", value=250)]
    started = time.monotonic()
    client.fails("too many requests", "250 seconds", "HF_TOKEN")
    assert time.monotonic() - started < 5


def test_something_that_is_no_hub(hub, client):
    hub.faults = [Fault("no-hub")]
    client.fails("no model hub", "HF_ENDPOINT")


def test_redirects_that_lead_nowhere_good(hub, client):
    hub.faults = [Fault("circle", ".bin")]
    client.fails("circle")
    hub.faults = [Fault("insecure", ".bin")]
    client.fails("insecure")
    client.holds_nothing_bad()


def test_a_repository_without_a_model(hub, client):
    hub.repositories[NAME].files = {"README.md": b"hello"}
    client.fails("no configuration")
    hub.repositories[NAME].files = {"config.json": b"{}"}
    client.fails("no weights")


def test_a_commit_that_is_no_commit(hub, client):
    hub.repositories[NAME].commit = "../../../../etc"
    client.fails("no model hub")
    assert not (client.cache / "models--tests--tiny-model").exists()


# No answer


def test_nobody_listens(hub, client):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client.fails("does not answer", address, "HF_ENDPOINT", "--models", HF_ENDPOINT=address)


def test_a_hub_that_is_silent_is_given_up_after_ten_seconds(hub, client):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        client.fails("does not answer", "HF_ENDPOINT", HF_ENDPOINT=address)
        assert 9 < time.monotonic() - started < 12


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_asks_nobody(hub, client, name):
    client.fails("HF_HUB_OFFLINE", **{name: "1"})
    assert not hub.requests
    client.pulls()
    assert "is in" in client.pulls(**{name: "1"})


def test_proxies_of_the_environment_are_used(hub, client):
    # A proxy is asked for the whole address; the hub here answers 404 to such a path.
    client.fails(http_proxy=hub.address, HF_ENDPOINT="http://hub.invalid")
    assert hub.requests[0][1].startswith("http://hub.invalid/")


# Two at once, and no room


def test_two_processes_at_once(hub, client):
    hub.faults = [Fault("slow", ".bin", value=200_000)]
    both = [client.start("pull", "--repository", NAME) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    client.is_whole()
    assert len(hub.gets(hub.store)) == 1


def test_a_disk_that_is_too_small(hub, client):
    hub.repositories[NAME].claimed_sizes["pytorch_model.bin"] = 10**15
    client.fails("make room", "HF_HOME")


def test_a_cache_that_cannot_be_written(hub, client):
    client.home.mkdir()
    client.cache.write_text("a file where the folder should be")
    client.fails(str(client.cache))
    assert client.cache.read_text().startswith("a file")


# The models that are known by name


def test_the_catalog_is_compared_with_what_the_hub_offers(hub, client):
    for name in (
        "Salesforce/blip-image-captioning-base",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    ):
        hub.repositories[name] = Repository(dict(FILES))
    code, _, err = client.run("pull")
    assert code == 1
    assert "does not have the version" in err
    hub.repositories["Salesforce/blip-image-captioning-base"].commit = (
        "82a37760796d32b1411fe092ab5d4e227313294b"
    )
    code, _, err = client.run("pull")
    assert code == 1
    assert "another config.json" in err and "mirror" in err
    assert not hub.gets()


def test_list(hub, client):
    code, out, _ = client.run("list", "--json")
    models = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [m["source"] for m in models[-2:]] == ["demo", "demo"]
    models = models[:-2]
    assert all(m["source"] == "full" and not m["answers"] for m in models)
    served = [m for m in models if m["served"]]
    assert [m["purpose"] for m in served] == ["caption", "embedding"]
    assert sum(m["download_bytes"] for m in served) == 1_596_592_140
    assert all(m["folder"] is None for m in models)
    code, out, _ = client.run("list", "--json", "--openclip-pretrained", "openai")
    models = [json.loads(line) for line in out.splitlines()]
    assert [m["repository"] for m in models if m["served"]] == [
        "Salesforce/blip-image-captioning-base",
        "openai/clip-vit-base-patch32",
    ]
    code, _, err = client.run("list", "--openclip-model", "RN50")
    assert code == 1 and "ViT-B-32/laion2b_s34b_b79k" in err
    assert not hub.requests


def test_list_and_verify_of_a_pulled_model(hub, client):
    client.pulls()
    code, out, _ = client.run("list", "--repository", NAME)
    assert code == 0 and str(client.snapshot) in out
    code, out, _ = client.run("verify", "--repository", NAME)
    assert code == 0 and "3 files" in out
    client.blob.write_bytes(b"\0" + WEIGHTS[1:])
    code, out, err = client.run("verify", "--repository", NAME)
    assert code == 1 and "pytorch_model.bin is not the file" in err
    (client.snapshot / "pytorch_model.bin").unlink()
    client.pulls()  # the damaged blob is noticed and fetched again


def test_a_folder_of_ones_own(hub, client, tmp_path):
    own = tmp_path / "models" / "tiny-model"
    own.mkdir(parents=True)
    words = ("--repository", NAME, "--models", str(tmp_path / "models"))
    code, _, err = client.run("verify", *words)
    assert code == 1 and "is not in" in err and "config.json" in err
    for name, data in FILES.items():
        (own / name).write_bytes(data)
    code, out, _ = client.run("list", *words)
    assert code == 0 and str(own) in out
    code, _, err = client.run("pull", *words)
    assert code == 2 and "HF_HOME" in err
    assert not hub.requests


@pytest.mark.parametrize(
    "name", ["", "tiny", "a/b/c", "../etc/passwd", "a/..", "-a/b", "a/b?x", "a b/c", "a/" + "b" * 300]
)
def test_names_that_are_none(hub, client, name):
    code, _, err = client.run("pull", "--repository", name)
    assert code == 2, err
    assert "must look like" in err
    assert not hub.requests


def test_wrong_usage(hub, client):
    for words in (["push"], ["pull", "twice"], ["pull", "--no-such-option"]):
        code, _, err = client.run(*words)
        assert code == 2 and err
    code, _, err = client.run("list", HF_ENDPOINT="huggingface.co")
    assert code == 1 and "HF_ENDPOINT" in err
    code, _, err = client.run("list", HF_TOKEN="a\nb")
    assert code == 1 and "HF_TOKEN" in err
