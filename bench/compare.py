"""Compares imgrouter with PyTorch, ONNX Runtime and OpenVINO on this machine: one run, one thread
count, full-size models with random weights, the same picture and query.

What is fair: every side is a process of its own that has loaded its models before anything is
measured. A round takes each stage in turn, and each side within it: one run that is not counted,
then the counted ones, so that all sides meet the same moods of the machine. The figures are
medians over all rounds, with the least beside them. The peers' time is the model's alone, from
tensors to tensors; imgrouter's has the request's way to the worker in it and, for text, the
tokenizer. Text is padded to 77 tokens by the peers, as open_clip does; what they would need
without that is told beside it. The fastest peer counts; with --tier, of those that can be held to
the same instructions.

    python bench/compare.py [--precisions f32 int8] [--tier avx2] [--rounds N] [--out FILE]

Needs tests/requirements-bench.txt (what is missing of it is left out) and 16 GB of memory. Models,
their exports and the picture are made once and kept.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial

from report import first_caption_row, memory_row, print_result, stage_rows
from sides import (BINARY, ONEDNN_TIERS, ROOT, UNBOUND, SideFailed, start_exact, start_own,
                   start_peer)
from stages import STAGES

MODELS = ROOT / "build" / "full_size_models"
RUNS = {"text_vector": 5, "text_vector_short": 5, "image_vector": 4}  # others: 1
PAUSE_S = 0.05  # other runtimes' threads spin a while before they sleep
PACKAGES = {"PyTorch": ("torch",), "ONNX Runtime": ("torch", "onnx", "onnxruntime"),
            "OpenVINO": ("torch", "onnx", "openvino", "nncf"), "Pillow": ("PIL", "torchvision")}


def tell(words):
    print(words, file=sys.stderr, flush=True)


def need(packages):
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise SideFailed(f"{', '.join(missing)} not installed (pip install -r "
                         "tests/requirements-bench.txt)")


def run_python(script, *words):
    result = subprocess.run([sys.executable, script, *map(str, words)], stdout=sys.stderr)
    if result.returncode != 0:
        raise SideFailed(f"{pathlib.Path(script).name} failed")


def make_models(folder):
    if folder.exists():
        return
    tell("making the models, once (minutes) ...")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    run_python(ROOT / "tools" / "reference" / "make_models.py", "--full-size", part)
    part.rename(folder)


def make_picture(options):
    need(("numpy", "PIL", "skimage"))
    from photographs import save_phone_picture

    options.made.mkdir(exist_ok=True)
    options.picture = options.made / "phone.jpg"
    if not options.picture.exists():
        save_phone_picture(options.picture)


def export_for(options, name):
    runtime = {"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}.get(name)
    if runtime is None or (options.made / runtime).exists():
        return
    tell(f"exporting the models for {name}, once (minutes) ...")
    run_python(pathlib.Path(__file__).with_name("exports.py"), options.models,
               options.picture, options.made / runtime)


def start_peer_if_installed(options, name, precision):
    need(PACKAGES[name])
    export_for(options, name)
    return start_peer(options, name, precision)


def start_sides(options, skipped):
    starts = []
    for precision in options.precisions:
        starts.append(("imgrouter", precision, partial(start_own, options, precision)))
        for name in ("PyTorch", "ONNX Runtime", "OpenVINO"):
            starts.append((name, precision,
                           partial(start_peer_if_installed, options, name, precision)))
    starts.append(("imgrouter exact", "", partial(start_exact, options)))
    starts.append(("Pillow", "", partial(start_peer_if_installed, options, "Pillow", "")))
    sides = []
    for name, precision, start in starts:
        tell(f"starting {name} {precision}")
        try:
            sides.append(start())
        except SideFailed as failure:
            skipped.append({"side": f"{name} {precision}".strip(), "reason": str(failure)})
    return sides


def take_turns(sides, rounds):
    """{(side, precision, stage): [ms]} and the load average of each round."""
    samples, load = {}, []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}, load average {os.getloadavg()[0]:.1f}")
        for turn in dict.fromkeys(stage.peer_key for stage in STAGES):
            for side in sides:
                if turn not in side.turns:
                    continue
                time.sleep(PAUSE_S)
                side.measure(turn)
                precision = "" if turn == "inputs" else side.precision
                for _ in range(RUNS.get(turn, 1)):
                    for stage, ms in side.measure(turn).items():
                        samples.setdefault((side.name, precision, stage), []).append(ms)
        load.append(os.getloadavg()[0])
    return samples, load


def whole_program(options, precisions):
    from whole_program import choose_picture, first_caption_s, memory_after_uploads

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        picture, tokens = choose_picture(options, folder)
        for precision in precisions:
            tell(f"first caption and memory of 100 uploads, {precision}")
            seconds = first_caption_s(options, precision, picture)
            rows.append(first_caption_row(precision, seconds, tokens))
            rows.append(memory_row(precision, memory_after_uploads(options, precision)))
    return rows


def compare(options):
    make_models(options.models)
    make_picture(options)
    skipped = []
    sides = start_sides(options, skipped)
    own = [side for side in sides if side.name == "imgrouter"]
    if not own:
        raise SideFailed(f"imgrouter itself does not start: {skipped}")
    samples, load = take_turns(sides, options.rounds)
    for side in sides:
        side.end()
    setup = {key: own[0].setup[key] for key in ("processor", "kernels", "threads", "bulk_pictures")}
    uncounted = () if options.tier == "auto" else UNBOUND
    return setup | {
        "precisions": options.precisions, "rounds": options.rounds, "load_average": load,
        "versions": {side.name.removesuffix(" exact"): side.setup["version"] for side in sides},
        "variants": {f"{side.name} {side.precision}": side.setup["variants"] for side in sides
                     if side.setup.get("variants")},
        "skipped": skipped, "uncounted": uncounted,
        "stages": stage_rows(samples, options.precisions, uncounted),
        "whole_program": whole_program(options, [side.precision for side in own]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=pathlib.Path, default=MODELS,
                        help="full-size models; made when they are not there. What the comparison "
                             "makes of them is kept in the folder bench inside")
    parser.add_argument("--precisions", nargs="+", choices=("f32", "int8"),
                        default=["f32", "int8"])
    parser.add_argument("--tier", default="auto", choices=("auto", *ONEDNN_TIERS),
                        help="our kernels, and what the peers are held to where they allow it")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, help="also write the result as JSON")
    options = parser.parse_args()
    options.made = options.models / "bench"
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not there: build it first (make build)")
    try:
        result = compare(options)
    except SideFailed as failure:
        sys.exit(f"bench/compare.py: {failure}")
    print_result(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
