"""The parent's end of what is compared: processes that measure one turn when they are told to."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("IMGROUTER_BINARY", ROOT / "build" / "imgrouter"))
# How a tier of ours is asked of oneDNN (PyTorch's and OpenVINO's); "auto" asks for nothing.
ONEDNN_TIERS = {"avx2": "AVX2", "avxvnni": "AVX2_VNNI", "avx512": "AVX512_CORE"}
# And of PyTorch's own kernels, MKL and FBGEMM, for the tiers without AVX-512.
WITHOUT_AVX512 = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                  "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2"}
# Peers that take no such request, or only in part: at f32 OpenVINO ran BLIP's 127 GFLOP in 465 ms,
# more than the 256 GFLOP/s of AVX2 on that processor.
UNBOUND = ("ONNX Runtime", "OpenVINO")


class SideFailed(Exception):
    """With the reason; the side is left out."""


class Side:
    def __init__(self, name, precision, command, environment=()):
        self.name, self.precision = name, precision
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=os.environ | dict(environment), text=True, encoding="utf-8")
        self.setup = self._answer()
        self.turns = self.setup["turns"]

    def _answer(self):
        for line in self._process.stdout:
            if line.startswith("{"):  # some libraries greet on standard output
                return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        raise SideFailed((self._errors.read().strip() or "it ended").splitlines()[-1])

    def measure(self, turn):
        """{stage: ms} of one run."""
        self._process.stdin.write(turn + "\n")
        self._process.stdin.flush()
        return {key.removesuffix("_ms"): ms for key, ms in self._answer().items()}

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def own_settings(options, precision):
    """The program's options for a comparison, as every command with models takes them."""
    return ["--models", str(options.models), "--threads", str(options.threads),
            "--precision", precision, "--kernels", options.tier, "--log-level", "error",
            "--cache-dir", str(options.made / "cache")]


def start_own(options, precision):
    return Side("imgrouter", precision,
                [BINARY, "bench", "--turns", *own_settings(options, precision), options.picture])


def start_exact(options):
    """For the pictures' way to the models' inputs alone, which no precision changes."""
    side = Side("imgrouter exact", "",
                [BINARY, "bench", "--turns", "--exact", *own_settings(options, "f32"),
                 options.picture])
    side.turns = ["inputs"]
    return side


def start_peer(options, name, precision):
    environment = WITHOUT_AVX512 if options.tier in ("avx2", "avxvnni") else {}
    if options.tier in ONEDNN_TIERS:
        environment = environment | {"ONEDNN_MAX_CPU_ISA": ONEDNN_TIERS[options.tier]}
    command = [sys.executable, pathlib.Path(__file__).with_name("peers.py"), name, precision,
               options.models, options.picture, options.made, str(options.threads)]
    return Side(name, precision, command, environment)
