"""`imgrouter index`: folders of pictures, resumable, and whatever a file is, it never stops the
run."""
import ctypes
import json
import os
import pty
import resource
import signal
import subprocess
import time

import pytest
from pictures import golden, plain_png, png, png_that_claims
from server_process import clean_environment


@pytest.fixture
def index(binary, tmp_path):
    """index(words..., data=...) runs the command; index.start(...) leaves it running."""
    environment = clean_environment(tmp_path, IMGROUTER_LOG_LEVEL="off")

    def command(words, data):
        return [binary, "index", *map(str, words), "--data", str(data or tmp_path / "data")]

    def run(*words, data=None, **options):
        return subprocess.run(command(words, data), env=environment, capture_output=True, text=True,
                              timeout=120, check=False, **options)

    def start(*words, data=None):
        return subprocess.Popen(command(words, data), env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    run.start = start
    return run


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photographs"
    place.mkdir()
    return place


def fill(folder, count, first=0, side=24):
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        (folder / f"{number}.png").write_bytes(png(number, side, side))


def fill_slow(folder, count):
    """Pictures that take a while to decode, so that a run can be met on its way."""
    for number in range(count):
        (folder / f"{number}.png").write_bytes(plain_png(1600, 1600 + number, 100))


def summary(answer):
    return json.loads(answer.stdout.splitlines()[-1])["summary"]


def files(answer):
    """file name -> what was said of it"""
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    return {os.path.basename(line["file"]): line for line in lines if "file" in line}


def counts(answer):
    return {name: count for name, count in summary(answer).items()
            if name in ("new", "known", "unchanged", "failed", "skipped") and count}


def names_in(start_server, data):
    server = start_server(data=data)
    images = server.client.get("/images", params={"limit": 1000}).json()["images"]
    server.stop()
    return {image["payload"]["src"]["filename"]: image for image in images}


def test_pictures_are_found_by_their_bytes(index, folder, start_server, tmp_path):
    (folder / "a.png").write_bytes(png(1))
    (folder / "2019" / "summer").mkdir(parents=True)
    (folder / "2019" / "summer" / "b.jpg").write_bytes(png(2))  # a PNG, whatever it says
    (folder / "2019" / "bär.txt").write_bytes(golden("cmyk_plain.jpg"))
    (folder / "twin.png").write_bytes(png(1))
    (folder / "notes.txt").write_text("no picture")
    (folder / "empty").write_bytes(b"")
    (folder / ".hidden.png").write_bytes(png(3))
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "x.png").write_bytes(png(4))
    outside = tmp_path / "outside"
    fill(outside, 3, first=100)
    (folder / "way_out").symlink_to(outside)
    (folder / "2019" / "circle").symlink_to("..")
    (folder / "link.png").symlink_to(outside / "100.png")
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.png")
    answer = index(folder, "--json")
    assert answer.returncode == 0, answer.stderr
    assert counts(answer) == {"new": 3, "known": 1, "skipped": 2}
    assert set(files(answer)) == {"a.png", "b.jpg", "bär.txt", "twin.png", "notes.txt", "empty"}
    for line in files(answer).values():
        assert ("caption" in line and len(line["id"]) == 16) == (line["state"] in ("new", "known"))
    stored = names_in(start_server, tmp_path / "data")
    named = set(stored)
    assert named - {"a.png", "twin.png"} == {"2019/summer/b.jpg", "2019/bär.txt"}
    assert len(named) == 3
    assert stored["2019/summer/b.jpg"]["mime"] == "image/png"


def test_bad_files_are_rows_of_the_ledger(index, folder):
    (folder / "good.png").write_bytes(png(1))
    (folder / "cut.png").write_bytes(png(2)[:60])
    (folder / "bomb.png").write_bytes(png_that_claims(60000, 60000))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture at all")
    (folder / "large.png").write_bytes(png(3, padding=5000))
    (folder / "bad\nname\x1b[31m.png").write_bytes(b"")
    answer = index(folder, "--max-upload-bytes", 4000)
    assert answer.returncode == 1
    assert answer.stdout.startswith("1 new, 0 known, 0 unchanged, 6 failed, 0 skipped")
    assert len(answer.stderr.splitlines()) == 7  # one for each, and how to go on
    assert "\x1b" not in answer.stderr
    assert "index --failed" in answer.stderr and "index --retry" in answer.stderr
    listed = index("--failed")
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 6
    reasons = {name: line["reason"] for name, line in files(index("--failed", "--json")).items()}
    for name, word in {"cut.png": "damaged", "bomb.png": "pixels", "empty.jpg": "empty",
                       "text.jpg": "named like a picture", "large.png": "at most 4000"}.items():
        assert word in reasons[name], (name, reasons[name])

    # Retrying takes them alone; what is well now leaves the list, what is gone is forgotten.
    (folder / "cut.png").write_bytes(png(2))
    (folder / "bomb.png").unlink()
    (folder / "new.png").write_bytes(png(9))
    again = index("--retry", "--json", "--max-upload-bytes", 4000)
    assert again.returncode == 1
    assert counts(again) == {"new": 1, "failed": 4, "skipped": 1}
    assert files(again)["cut.png"]["state"] == "new"
    assert "gone" in files(again)["bomb.png"]["reason"]
    assert set(files(index("--failed", "--json"))) == set(reasons) - {"cut.png", "bomb.png"}
    assert counts(index("--retry", "--json")) == {"new": 1, "failed": 3}  # large.png is not too large
    # A plain run looks at the failed ones of its folder again too.
    assert counts(index(folder, "--json")) == {"new": 1, "unchanged": 3, "failed": 3}


def as_anybody():
    """Root without its right to read everything: the capabilities 1 and 2 leave the bounding set."""
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            assert prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP


def test_what_may_not_be_read(index, folder):
    fill(folder / "locked", 2)
    (folder / "closed.png").write_bytes(png(7))
    (folder / "locked").chmod(0)
    (folder / "closed.png").chmod(0)
    try:
        assert counts(index(folder, "--json", preexec_fn=as_anybody)) == {"failed": 2}
        assert "Permission denied" in files(index("--failed", "--json"))["locked"]["reason"]
    finally:
        (folder / "locked").chmod(0o755)
        (folder / "closed.png").chmod(0o644)
    retried = index("--retry", "--json")
    assert counts(retried) == {"new": 3}
    assert index("--failed").stdout == ""


def test_done_files_are_not_read_again(index, folder):
    fill(folder, 5)
    assert counts(index(folder, "--json")) == {"new": 5}
    # Other bytes of the same size, and the old time: only reading would tell.
    path = folder / "3.png"
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    answer = index(folder, "--json")
    assert answer.returncode == 0 and counts(answer) == {"unchanged": 5}
    os.utime(path)  # now it is a changed file
    (folder / "4.png").write_bytes(png(99))
    os.utime(folder / "2.png")
    assert counts(index(folder, "--json")) == {"new": 1, "known": 1, "unchanged": 2, "failed": 1}


def test_the_data_folder_is_left_out(index, folder):
    fill(folder, 3)
    assert counts(index(folder, "--json", data=folder / "data")) == {"new": 3}
    assert counts(index(folder, "--json", data=folder / "data")) == {"unchanged": 3}


def test_single_files_and_many_folders(index, folder, tmp_path):
    fill(folder, 2)
    fill(tmp_path / "more", 2, first=50)
    answer = index(folder / "0.png", tmp_path / "more", "--json")
    assert counts(answer) == {"new": 3}
    for words in ([], [tmp_path / "nowhere"], [folder, "--failed"], ["--failed", "--retry"],
                  [folder, "--server", "ftp://127.0.0.1"]):
        wrong = index(*words)
        assert wrong.returncode in (1, 2) and wrong.stderr.startswith("imgrouter: "), words
    assert index("--failed").stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on(index, folder, number):
    fill_slow(folder, 40)
    running = index.start(folder, "--json")
    for _ in range(3):
        assert json.loads(running.stdout.readline())["state"] == "new"
    running.send_signal(number)
    rest, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert "run the same command again" in said
    done = json.loads(rest.splitlines()[-1])["summary"]["new"]
    assert 3 <= done < 40
    answer = index(folder, "--json")
    assert answer.returncode == 0
    assert counts(answer) == {"new": 40 - done, "unchanged": done}


def test_a_killed_run_goes_on(index, folder):
    fill_slow(folder, 30)
    running = index.start(folder, "--json")
    for _ in range(3):
        running.stdout.readline()
    running.kill()
    running.communicate(timeout=60)
    answer = index(folder, "--json")
    assert answer.returncode == 0
    total = counts(answer)
    assert sum(total.values()) == 30 and total["unchanged"] >= 3 and "failed" not in total


def test_a_full_disk_stops_the_run_and_blames_no_file(index, folder):
    def with_little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    fill(folder, 3)
    (folder / "large.png").write_bytes(png(50, padding=500_000))
    answer = index(folder, "--json", preexec_fn=with_little_room)
    assert answer.returncode == 1
    assert "stopped: " in answer.stderr and "go on" in answer.stderr, answer.stderr
    assert "failed" not in counts(answer)
    assert index("--failed").stdout == ""
    answer = index(folder, "--json")
    assert answer.returncode == 0 and sum(counts(answer).values()) == 4


def test_a_bar_on_terminals_only(index, folder, binary, tmp_path):
    fill_slow(folder, 12)
    assert "\r" not in index(folder).stderr
    leader, follower = pty.openpty()
    running = subprocess.Popen(
        [binary, "index", str(folder), "--data", str(tmp_path / "other")], stderr=follower,
        stdout=subprocess.PIPE, text=True,
        env=clean_environment(tmp_path, IMGROUTER_LOG_LEVEL="off"))
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 4096):
            shown += piece
    except OSError:  # Linux's way to say that the other side is closed
        pass
    os.close(leader)
    assert running.wait(30) == 0
    assert b"indexing [" in shown and b"12 of 12 files" in shown
    assert shown.endswith(b"\r\x1b[K")  # and wiped at the end
    assert running.stdout.read().startswith("12 new")


def test_beside_a_server(index, folder, start_server, tmp_path):
    server = start_server()
    fill(folder, 40)
    (folder / "sub").mkdir()
    (folder / "sub" / "cut.png").write_bytes(png(77)[:60])
    (folder / "sub" / "deep.png").write_bytes(png(78))
    locked = index(folder)  # the server's own data folder
    assert locked.returncode == 1
    assert "imgrouter index DIR --server http://127.0.0.1:8001" in locked.stderr
    answer = index(folder, "--json", "--server", server.url + "/")
    assert answer.returncode == 1 and counts(answer) == {"new": 41, "failed": 1}, answer.stderr
    images = server.client.get("/images", params={"limit": 100}).json()["images"]
    assert {image["payload"]["src"]["filename"] for image in images} \
        == {f"{number}.png" for number in range(40)} | {"sub/deep.png"}
    again = index(folder, "--json", "--server", server.url)
    assert counts(again) == {"unchanged": 41, "failed": 1}
    assert "damaged" in files(index("--failed", "--json"))["cut.png"]["reason"]
    (folder / "sub" / "cut.png").write_bytes(png(77))
    assert counts(index("--retry", "--json", "--server", server.url)) == {"new": 1}
    server.stop()
    gone = index(folder, "--json", "--server", server.url)
    assert gone.returncode == 0 and counts(gone) == {"unchanged": 42}  # nothing to ask it for
    fill(folder, 1, first=500)
    gone = index(folder, "--json", "--server", server.url)
    assert gone.returncode == 1 and "stopped: " in gone.stderr and counts(gone) == {"unchanged": 42}
    # What went to the server is not taken for stored in a folder of ours.
    assert counts(index(folder, "--json")) == {"new": 1, "known": 42}


def test_a_server_with_smaller_limits(index, folder, start_server, tmp_path):
    server = start_server(data=tmp_path / "theirs", IMGROUTER_MAX_UPLOAD_BYTES=20_000)
    for number in range(30):
        (folder / f"{number}.png").write_bytes(png(number, padding=15_000))
    (folder / "large.png").write_bytes(png(99, padding=200_000))
    answer = index(folder, "--json", "--server", server.url)
    assert counts(answer) == {"new": 30, "failed": 1}, answer.stderr
    assert "bytes" in files(index("--failed", "--json"))["large.png"]["reason"]


def test_more_batches_than_the_server_takes_at_once(index, tmp_path, start_server):
    server = start_server(data=tmp_path / "theirs", IMGROUTER_THREADS=1)
    running = []
    for number in range(4):
        folder = tmp_path / f"folder-{number}"
        folder.mkdir()
        for i in range(40):
            (folder / f"{i}.png").write_bytes(plain_png(500, 500 + number, i))
        running.append(index.start(folder, "--json", "--server", server.url))
    for one in running:
        said, complaints = one.communicate(timeout=120)
        assert one.returncode == 0, complaints
        assert json.loads(said.splitlines()[-1])["summary"]["new"] == 40
    assert server.client.get("/healthz").json()["store"]["images"] == 160


def test_uploads_go_first(index, folder, start_server, tmp_path):
    """Beside a run that fills the bulk lane, an upload is answered long before the run is done."""
    server = start_server(data=tmp_path / "theirs", IMGROUTER_QUEUE_CAPACITY=2)
    fill_slow(folder, 60)
    running = index.start(folder, "--json", "--server", server.url)
    while server.client.get("/healthz").json()["store"]["images"] == 0:
        time.sleep(0.01)
    uploads = 0
    while running.poll() is None:
        answer = server.client.post("/images", files={"file": ("a.png", png(9000 + uploads))})
        assert answer.status_code == 200, answer.text
        uploads += 1
    assert running.returncode == 0, running.communicate()
    assert uploads > 3
    running.communicate()
