"""The same binary on processors without AVX-512, without AVX2, without anything but SSE2, as QEMU
plays them: it must start, choose the tier that is there, and give the same caption."""
import platform
import shutil
import subprocess

import pytest

from server_process import GOLDEN_MODELS, ROOT, clean_environment

EMULATOR = shutil.which("qemu-x86_64")
pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="QEMU plays x86-64 processors here"),
    pytest.mark.skipif(EMULATOR is None, reason="qemu-x86_64 is not installed (Debian: qemu-user)"),
]
PICTURE = ROOT / "tests" / "golden" / "pictures" / "rings.jpg"


@pytest.fixture
def run(binary, tmp_path):
    def run(processor, *words):
        command = [binary, *map(str, words)]
        if processor is not None:
            command = [EMULATOR, "-cpu", processor, *command]
        return subprocess.run(command, capture_output=True, text=True, timeout=300,
                              env=clean_environment(tmp_path, USE_MOCK_MODELS="false"))
    return run


@pytest.mark.parametrize("processor, tiers", [("qemu64", "scalar"), ("Haswell", "scalar avx2")])
def test_the_tier_that_is_there_gives_the_same_caption(run, processor, tiers):
    assert f"kernels here: {tiers}\n" in run(processor, "version").stdout
    caption = ["caption", "--models", GOLDEN_MODELS / "plain", "--threads", 1, PICTURE]
    emulated = run(processor, *caption)
    assert emulated.returncode == 0, emulated.stderr
    assert emulated.stdout == run(None, *caption).stdout


def test_a_tier_that_is_not_there_is_refused(run):
    result = run("qemu64", "caption", "--kernels", "avx2", "--models", GOLDEN_MODELS / "plain",
                 PICTURE)
    assert result.returncode == 1
    assert "cannot run the avx2 kernels" in result.stderr
