"""The command line's manners: help, man page, completions in real shells, words that were mistyped."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest
from server_process import clean_environment


def run(binary, *arguments, code=0):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def names(binary):
    found = re.findall(r"^  (\w+)  ", run(binary, "--help").stdout, re.MULTILINE)
    assert {"serve", "caption", "check", "version"} <= set(found)
    return found


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None,
                              reason=f"{program} is not installed (Debian package {program})")


def test_help_has_one_form(binary, names):
    for name in names:
        text = run(binary, name, "--help").stdout
        parts = re.fullmatch(
            rf"(.+\.)\n\nUsage: imgrouter {name} \[OPTIONS\].*\n\nOptions:\n((?:  --.+\n      .+\n"
            rf"(?:      \[.+\]\n)?)+)\nExample:\n  (imgrouter {name}\b.*)\n\n"
            r"Exit codes: 0 done, 1 failed, 2 wrong usage\.\n", text)
        assert parts, text


def test_examples_have_only_options_that_exist(binary, names):
    for name in names:
        text = run(binary, name, "--help").stdout
        example = text[text.index("Example:"):]
        for option in re.findall(r"--[\w-]+", example):
            assert f"  {option}" in text[:text.index("Example:")], (name, option)


@pytest.mark.parametrize("arguments, likely", [
    (["serch"], '"search"'), (["caption", "--jsno"], "--json"), (["serve", "--prot", "1"], "--port"),
    (["verison"], '"version"'), (["serve", "--max-upload-byte=1"], "--max-upload-bytes"),
])
def test_what_was_likely_meant(binary, arguments, likely):
    assert f"did you mean {likely}" in run(binary, *arguments, code=2).stderr


@pytest.mark.parametrize("arguments", [["xyzzy"], ["serve", "--frobnicate"], ["serve", "-"]])
def test_nothing_is_made_up(binary, arguments, tmp_path):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=60,
                          env=clean_environment(tmp_path))
    assert done.returncode == 2 and "did you mean" not in done.stderr


def test_the_man_page_has_everything(binary, names):
    page = run(binary, "version", "--man").stdout
    for name in names:
        assert f".SS imgrouter {name} " in page
    settings = set(re.findall(r"^\| `--([\w-]+)", run(binary, "version", "--settings").stdout,
                              re.MULTILINE))
    described = set(re.findall(r"^\.TP\n\.B \\-\\-(\S+)", page, re.MULTILINE))
    assert {option.replace(r"\-", "-") for option in described} == settings


@needs("mandoc")
def test_the_man_page_is_good(binary):
    page = run(binary, "version", "--man").stdout
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=page, capture_output=True,
                          text=True)
    faults = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert faults == []
    shown = subprocess.run(["mandoc", "-Tutf8"], input=page, capture_output=True, text=True).stdout
    text = re.sub(".\b", "", shown)
    assert "imgrouter serve [OPTIONS]" in text and "--port PORT" in text


def bash(binary, line):
    """What bash offers for the last word of this line."""
    words = line.split(" ")
    script = run(binary, "version", "--completion", "bash").stdout + (
        f"\nCOMP_WORDS=({' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n"
        "_imgrouter\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.stdout.split()


def fish(binary, line):
    script = run(binary, "version", "--completion", "fish").stdout + f'\ncomplete -C"{line}"\n'
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                          timeout=60)
    assert done.stderr == ""
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def zsh(binary, line, completed, folder):
    """zsh completes in a terminal only: what the line becomes."""
    (folder / "_imgrouter").write_text(run(binary, "version", "--completion", "zsh").stdout)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "PS1": "> "})
    try:
        os.write(terminal, f"fpath=({folder} $fpath); autoload -Uz compinit; "
                           f"compinit -u -d {folder}/dump; echo rea''dy\n".encode())
        read_until(terminal, "ready")
        os.write(terminal, f"imgrouter {line}\t".encode())
        return read_until(terminal, completed)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


def read_until(terminal, words):
    text = ""
    deadline = time.monotonic() + 30
    while words not in text and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text


SHELLS = [pytest.param(shell, marks=needs(shell.__name__)) for shell in (bash, fish)]


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_are_completed(shell, binary, names):
    assert set(shell(binary, "imgrouter se")) == {"serve", "search"}
    assert sorted(shell(binary, "imgrouter ")) == sorted(names)


@pytest.mark.parametrize("shell", SHELLS)
def test_options_and_their_values_are_completed(shell, binary, tmp_path):
    assert shell(binary, "imgrouter serve --max-u") == ["--max-upload-bytes"]
    assert set(shell(binary, "imgrouter serve --vector-backend ")) == {"sqlite", "pgvector", "qdrant"}
    assert "--port" not in shell(binary, "imgrouter caption --po")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    found = shell(binary, f"imgrouter serve --data {tmp_path}/f")
    assert f"{tmp_path}/folder" in [path.rstrip("/") for path in found]


@pytest.mark.parametrize("shell", SHELLS)
def test_words_and_files_are_completed(shell, binary, tmp_path):
    assert shell(binary, "imgrouter models pu") == ["pull"]
    assert set(shell(binary, "imgrouter images ")) >= {"list", "show", "delete"}
    (tmp_path / "cat.jpg").write_text("")
    assert shell(binary, f"imgrouter caption {tmp_path}/ca") == [f"{tmp_path}/cat.jpg"]


@needs("zsh")
@pytest.mark.parametrize("line, completed", [
    ("ser", "imgrouter serve"), ("models pu", "models pull"),
    ("serve --max-u", "--max-upload-bytes"), ("serve --vector-backend=pg", "=pgvector")])
def test_zsh_completes(binary, tmp_path, line, completed):
    assert completed in zsh(binary, line, completed, tmp_path)


def test_no_other_shell(binary):
    assert "bash, zsh or fish" in run(binary, "version", "--completion", "tcsh", code=2).stderr
