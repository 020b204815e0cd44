"""HEIC and AVIF are decoded in confined children: pictures come through, bombs that claim 64x64 and
hold 81 megapixels cost the server nothing, and no child or descriptor is left behind."""
import concurrent.futures
import fcntl
import os
import pathlib
import re
import signal
import struct
import subprocess
import time

import pytest
from pictures import GOLDEN, golden, png
from server_process import ROOT, clean_environment

BOMBS = ROOT / "tests" / "suites" / "image" / "bombs"
MIB = 1 << 20
MEMORY_RISE_MAX = 150 * MIB  # a bomb takes 500 MiB where it is not confined


def variant(picture, number):
    """The same picture as other bytes: the server computes equal bytes once."""
    return picture + struct.pack(">I4sI", 12, b"free", number)


def post(client, picture):
    return client.post("/images", files={"file": ("picture", picture)})


def status_number(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1])


def memory_peak(pid):
    return status_number(pid, "VmHWM") * 1024


def children(pid):
    """Zombies too."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_until(is_so, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


def skip_unless_read(answer):
    if answer.status_code == 415:
        pytest.skip("this build does not read this format")


def is_sanitized(binary):
    return b"__asan_init" in pathlib.Path(binary).read_bytes()


@pytest.mark.parametrize("line", (GOLDEN / "close.txt").read_text().splitlines())
def test_pictures_come_through(client, line):
    name, width, height, _ = line.split()
    answer = post(client, golden(name))
    skip_unless_read(answer)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (int(width), int(height))


@pytest.mark.parametrize("name", ["81_megapixels.avif", "81_megapixels.heic"])
def test_a_bomb_is_refused(server, name):
    post(server.client, golden("plain.heic"))
    known = server.client.get("/images").json()["images"]
    before = memory_peak(server.process.pid)
    answer = post(server.client, (BOMBS / name).read_bytes())
    skip_unless_read(answer)
    assert answer.status_code in (413, 422), answer.text
    assert len(answer.json()["detail"]) > 20
    assert memory_peak(server.process.pid) - before < MEMORY_RISE_MAX
    assert children(server.process.pid) == []
    assert server.client.get("/images").json()["images"] == known


def test_fifty_bombs_at_once(start_server, binary):
    count = 6 if is_sanitized(binary) else 50  # without the limit on memory each takes seconds
    server = start_server(IMGROUTER_QUEUE_CAPACITY=64)
    bombs = [path.read_bytes() for path in sorted(BOMBS.iterdir())]
    skip_unless_read(post(server.client, golden("plain.heic")))
    descriptors_before = descriptors(server.process.pid)
    memory_before = memory_peak(server.process.pid)
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        refused = [pool.submit(post, server.client, variant(bombs[n % len(bombs)], n))
                   for n in range(count)]
        taken = [pool.submit(post, server.client, picture) for n in range(5)
                 for picture in (variant(golden("plain.heic"), n), png(n))]
        assert {answer.result().status_code for answer in taken} == {200}
        statuses = {answer.result().status_code for answer in refused}
    assert statuses <= {413, 415, 422}
    assert memory_peak(server.process.pid) - memory_before < MEMORY_RISE_MAX
    server.client.close()
    assert children(server.process.pid) == []
    assert wait_until(lambda: descriptors(server.process.pid) <= descriptors_before)
    server.stop()
    assert "libdav1d" not in server.log_text()


class Child:
    """`imgrouter decode-heif` as the server starts it, with an answer that nobody reads yet: it
    stays, in its limits, for us to look at."""

    def __init__(self, binary, picture):
        request = os.memfd_create("picture")
        os.write(request, struct.pack("<QQ", 64_000_000, 65_535) + picture)
        self.answer, end = os.pipe()
        self.size = fcntl.fcntl(end, fcntl.F_GETPIPE_SZ)
        os.write(end, bytes(self.size))
        self.process = subprocess.Popen([binary, "decode-heif"], stdin=request, stdout=end,
                                        stderr=subprocess.DEVNULL, env={})
        os.close(request)
        os.close(end)

    def limit(self, name):
        """The soft one."""
        text = pathlib.Path(f"/proc/{self.process.pid}/limits").read_text()
        return re.search(rf"^Max {name}\s+(\S+)", text, re.MULTILINE)[1]

    def processor_ticks(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def memory_peak_when_done(self):
        """It is done when it waits to write its answer: no more processor time passes. (What the
        kernel tells of an ended child would not do: that begins at our own size.)"""
        ticks = [-2, -1]
        while ticks[-1] != ticks[-2]:
            time.sleep(0.5)
            ticks.append(self.processor_ticks())
        return memory_peak(self.process.pid)

    def finish(self):
        """Its answer."""
        whole = b""
        while part := os.read(self.answer, 1 << 16):
            whole += part
        os.close(self.answer)
        self.process.wait()
        return whole[self.size:]


def test_a_child_is_confined(binary):
    child = Child(binary, golden("plain.heic"))
    assert wait_until(lambda: child.limit("open files") == "16")
    assert wait_until(lambda: status_number(child.process.pid, "NoNewPrivs") == 1)
    assert child.limit("core file size") == "0"
    assert wait_until(lambda: child.limit("cpu time") == "20")
    if not is_sanitized(binary):
        assert wait_until(lambda: status_number(child.process.pid, "Seccomp") == 2)
        peak = status_number(child.process.pid, "VmPeak") * 1024
        assert peak < int(child.limit("address space")) < peak + 200 * MIB
    answer = child.finish()
    magic, kind, width, height, _ = struct.unpack_from("<5I", answer)
    assert magic == 0x46494548
    if kind == 0:
        assert (width, height) == (64, 48) and len(answer) == 20 + 64 * 48 * 3


@pytest.mark.parametrize("name", ["81_megapixels.avif", "81_megapixels.heic"])
def test_a_bomb_costs_its_child_little(binary, name):
    if is_sanitized(binary):
        pytest.skip("sanitizers need more address space than the limit leaves")
    child = Child(binary, (BOMBS / name).read_bytes())
    memory = child.memory_peak_when_done()
    answer = child.finish()
    assert struct.unpack_from("<I", answer, 4)[0] != 0
    assert memory < MEMORY_RISE_MAX


def test_commands_are_safe_too(binary, tmp_path):
    environment = clean_environment(tmp_path)

    def caption(path):
        # Whoever starts us may ignore dead children, which would take ours from us.
        return subprocess.run([binary, "caption", path], env=environment, capture_output=True,
                              text=True, timeout=60,
                              preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    fine = caption(GOLDEN / "plain.avif")
    if "cannot read" in fine.stderr:
        pytest.skip("this build does not read AVIF")
    assert fine.returncode == 0 and fine.stdout, fine.stderr
    refused = caption(BOMBS / "81_megapixels.avif")
    assert refused.returncode == 1 and "81_megapixels.avif: " in refused.stderr
    assert "dav1d" not in refused.stderr


def test_the_internal_command_is_not_for_people(binary):
    assert "decode-heif" not in subprocess.run([binary, "--help"], capture_output=True,
                                               text=True).stdout
    by_hand = subprocess.run([binary, "decode-heif"], stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=60)
    assert struct.unpack_from("<I", by_hand.stdout, 4)[0] != 0
