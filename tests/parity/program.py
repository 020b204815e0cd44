"""Runs `imgrouter caption` and `imgrouter embed` and reads their JSON lines.

IMGROUTER_BINARY names another build than build/imgrouter.
"""

import json
import os
import pathlib
import platform
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIERS = (("scalar", "neon") if platform.machine() in ("aarch64", "arm64")
         else ("scalar", "avx2", "avx512"))
TIMEOUT_S = 600  # a sanitized build in the scalar tier
PACKED = tempfile.TemporaryDirectory(prefix="imgrouter-packed-")  # removed at the end


def binary():
    path = pathlib.Path(os.environ.get("IMGROUTER_BINARY", ROOT / "build" / "imgrouter"))
    assert path.exists(), f"{path} is not there: build it first (make build)"
    return path


def run(command, models, words, tier=None, is_exact=True, precision="f32"):
    """The answers to all words, in one run of the program. Skips the test where this processor
    has no such kernels. Every pixel counts, as in the references, unless not is_exact."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("IMGROUTER_")}
    environment |= {"IMGROUTER_KERNELS": tier or "auto", "USE_MOCK_MODELS": "false",
                    "IMGROUTER_EXACT": str(is_exact).lower(),
                    "IMGROUTER_PRECISION": precision, "IMGROUTER_CACHE_DIR": PACKED.name}
    done = subprocess.run(
        [binary(), *command, "--models", models, "--json", "--", *words], env=environment,
        capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_S)
    if done.returncode != 0 and "cannot run the" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(words), done.stdout + done.stderr
    return answers


def caption(models, pictures, tier=None, precision="f32"):
    answers = run(["caption"], models, pictures, tier, precision=precision)
    assert [answer["file"] for answer in answers] == [str(picture) for picture in pictures]
    return answers


def embed_pictures(models, pictures, tier=None, is_exact=True, precision="f32"):
    answers = run(["embed"], models, pictures, tier, is_exact, precision)
    assert [answer["input"] for answer in answers] == [str(picture) for picture in pictures]
    return answers


def embed_texts(models, texts, tier=None, precision="f32"):
    answers = run(["embed", "--text"], models, texts, tier, precision=precision)
    assert [answer["input"] for answer in answers] == list(texts)
    return answers
