"""imgrouter top: live on a terminal (a pseudo-terminal here), once elsewhere."""
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios

import pytest
from pictures import png
from pseudo_terminal import Terminal
from server_process import clean_environment, wait_until

RESTORED = b"\x1b[?25h\x1b[?1049l"


@pytest.fixture
def open_top(binary, server, tmp_path):
    terminals = []

    def start(*arguments, **size):
        arguments = arguments or ("--server", server.url)
        terminals.append(Terminal([binary, "top", *arguments], clean_environment(tmp_path), **size))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


def run(binary, tmp_path, *arguments):
    return subprocess.run([binary, "top", *arguments], capture_output=True, text=True, timeout=30,
                          env=clean_environment(tmp_path))


def test_it_lives_on_a_terminal_and_leaves_it_as_it_was(open_top, server):
    terminal = open_top()
    terminal.wait_for(b"stages")
    assert terminal.output.startswith(b"\x1b[?1049h\x1b[?25l")
    assert not termios.tcgetattr(terminal.side)[3] & termios.ECHO
    assert server.client.post("/images", files={"file": ("a.png", png(1))}).status_code == 200
    terminal.wait_for(b"new 1 ")
    terminal.wait_for(b"per s")
    rates = re.compile(r"uploads +1 +(\d+\.\d) +0 +0\x1b")
    assert any(match and float(match[1]) > 0 for match in map(rates.search, terminal.frames()))
    for frame in terminal.frames():
        lines = re.sub(r"\x1b\[\??[0-9]*[A-Za-z]", "", frame).split("\r\n")
        assert len(lines) <= 24 and max(map(len, lines)) <= 80
    os.write(terminal.main, b"\x03")  # Ctrl-C
    assert terminal.process.wait(10) == 0
    terminal.read()
    assert terminal.output.endswith(RESTORED)
    assert termios.tcgetattr(terminal.side) == terminal.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_restore_the_terminal_too(open_top, number):
    terminal = open_top()
    terminal.wait_for(b"stages")
    terminal.process.send_signal(number)
    assert terminal.process.wait(10) == 0
    terminal.read()
    assert terminal.output.endswith(RESTORED)
    assert termios.tcgetattr(terminal.side) == terminal.before


def test_a_small_window_is_not_overrun(open_top):
    terminal = open_top(rows=6, columns=30)
    terminal.wait_for(b"requests")
    fcntl.ioctl(terminal.side, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 20, 0, 0))
    before = len(terminal.frames())
    wait_until(lambda: terminal.read() or len(terminal.frames()) > before + 1)
    for frame, (rows, columns) in ((terminal.frames()[0], (6, 30)),
                                   (terminal.frames()[-1], (4, 20))):
        lines = re.sub(r"\x1b\[\??[0-9]*[A-Za-z]", "", frame).split("\r\n")
        assert len(lines) == rows and max(map(len, lines)) <= columns


def test_a_server_that_goes_is_told_and_waited_for(open_top, server):
    terminal = open_top()
    terminal.wait_for(b"stages")
    server.stop()
    terminal.wait_for(b"no server answers at " + server.url.encode())
    assert terminal.process.poll() is None
    os.write(terminal.main, b"\x03")
    assert terminal.process.wait(10) == 0


def test_elsewhere_it_prints_once(binary, server, tmp_path):
    done = run(binary, tmp_path, "--server", server.url + "/")
    assert done.returncode == 0 and done.stderr == "" and "\x1b" not in done.stdout
    assert done.stdout.startswith("imgrouter ") and "\nstages " in done.stdout
    assert "per s" not in done.stdout
    by_port = run(binary, tmp_path, "--port", str(server.port), "--host", "0.0.0.0")
    assert by_port.returncode == 0 and "\nstages " in by_port.stdout


def test_json_is_what_the_server_answers(binary, server, tmp_path):
    done = run(binary, tmp_path, "--server", server.url, "--json")
    assert done.returncode == 0 and done.stdout.count("\n") == 1
    assert set(json.loads(done.stdout)) == set(server.client.get("/metrics/summary").json())


def test_it_says_when_no_server_answers(binary, tmp_path, open_top):
    done = run(binary, tmp_path, "--port", "1")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("imgrouter: no server answers at http://127.0.0.1:1: ")
    assert "imgrouter serve" in done.stderr and "--server" in done.stderr
    terminal = open_top("--port", "1")
    assert terminal.process.wait(10) == 1
    terminal.read()
    assert b"\x1b" not in terminal.output and b"no server answers" in terminal.output
    assert termios.tcgetattr(terminal.side) == terminal.before


def test_wrong_use_is_refused(binary, tmp_path, server):
    for arguments in (["now"], ["--server", "nonsense"], ["--server", "http://a:b@c/"]):
        done = run(binary, tmp_path, *arguments)
        assert done.returncode == 2 and done.stdout == "", arguments
    done = run(binary, tmp_path, "--server", server.url + "/docs")
    assert done.returncode == 1 and "is it an imgrouter of this version?" in done.stderr
