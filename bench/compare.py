"""Compares imgrouter with PyTorch (transformers, open_clip) on this machine: one run, one thread
count, full-size models with random weights, the same picture, caption and query.

What is fair: neither side's start is counted. Each round is one `imgrouter bench` process (whose
first run warms it and is not counted) followed by as many runs of PyTorch in this process, so that
both meet the same moods of the machine; the figures are medians over all rounds. Both sides start
from decoded RGB pixels or from the words, and end with the caption or a unit vector. PyTorch runs
in float32 under inference_mode. A caption takes as long as it is, so both must give the same.

    python bench/compare.py [--models DIR] [--rounds N] [--runs N] [--threads N] [--json]

Needs tests/requirements-reference.txt and 6 GB of memory. The models are made once (1.6 GB, kept
in build/full_size_models).
"""

import argparse
import importlib.util
import json
import os
import pathlib
import select
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("IMGROUTER_BINARY", ROOT / "build" / "imgrouter"))
MODELS = ROOT / "build" / "full_size_models"
PACKAGES = ("torch", "transformers", "open_clip", "skimage")
QUERY = "a dog on a beach in summer"  # the query of `imgrouter bench`: 9 tokens
WANTED_TOKENS = 10  # a usual caption
# Stage, what it is, and how many times faster than PyTorch it must be.
STAGES = (
    ("caption_ms", "caption", 1),
    ("image_vector_ms", "image vector", 1),
    ("text_vector_ms", "text vector, 9 tokens", 5),
)
MOST_FIRST_CAPTION_S = 2.0
MOST_PEAK_MIB = 2048


def need_packages():
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"bench/compare.py needs {', '.join(missing)}: "
                 f"{sys.executable} -m pip install -r tests/requirements-reference.txt")
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not there: build it first (make build)")
    sys.path.insert(0, str(ROOT / "tools" / "reference"))


class Program:
    """Runs the program and watches its peak memory. (A child's ru_maxrss would not do: it starts
    at the size of this process, which holds PyTorch.)"""

    def __init__(self, command, *words):
        self.started = time.monotonic()
        self.process = subprocess.Popen([BINARY, *command, "--json", *words],
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.peak_mib = 0
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    def _watch(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        while self.process.poll() is None:
            try:
                for line in status.read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.peak_mib = int(line.split()[1]) / 1024
            except OSError:  # ended meanwhile
                break
            time.sleep(0.01)

    def seconds_to_first_line(self):
        select.select([self.process.stdout], [], [])
        return time.monotonic() - self.started

    def answers(self):
        text = self.process.stdout.read()
        self._watcher.join()
        if self.process.wait() != 0:
            sys.exit(f"imgrouter ended with exit code {self.process.returncode}")
        return [json.loads(line) for line in text.splitlines()]


def choose_picture(models):
    """The photograph whose caption is nearest to a usual length."""
    import skimage

    folder = pathlib.Path(skimage.__file__).parent / "data"
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
    files = [str(folder / name) for name in names if (folder / name).exists()]
    answers = Program(["caption", "--models", models], *files).answers()
    best = min(answers, key=lambda answer: abs(len(answer["token_ids"]) - WANTED_TOKENS))
    return best["file"], best["token_ids"]


class PyTorch:
    def __init__(self, models, file, threads):
        import torch

        from configurations import BLIP_FOLDER, CLIP_FOLDER
        from reference import CaptionReference, EmbeddingReference, open_picture

        torch.set_num_threads(threads)
        self.inference_mode = torch.inference_mode
        self.captioner = CaptionReference(models / BLIP_FOLDER)
        self.embedder = EmbeddingReference(models / CLIP_FOLDER)
        self.picture = open_picture(file)

    def caption_ids(self):
        """As the original service calls it; no logits are kept."""
        pixels = self.captioner.pixels(self.picture)
        ids = self.captioner.model.generate(pixels, max_new_tokens=30, num_beams=1,
                                            do_sample=False)
        return ids[0, 1:].tolist()

    def measure(self, runs, notes):
        work = {"caption_ms": self.caption_ids,
                "image_vector_ms": lambda: self.embedder.image_vector(self.picture),
                "text_vector_ms": lambda: self.embedder.text_vector(QUERY)}
        with self.inference_mode():
            for _ in range(runs):
                for stage, call in work.items():
                    started = time.perf_counter()
                    call()
                    notes[stage].append((time.perf_counter() - started) * 1000)


def compare(arguments):
    from configurations import FULL_SIZE
    from make_models import make_models

    models = arguments.models or MODELS
    if arguments.models is None and not MODELS.exists():
        print("making the models, once ...", file=sys.stderr)
        made = MODELS.with_name("full_size_models.part")
        make_models(FULL_SIZE, made)
        made.rename(MODELS)
    file, token_ids = choose_picture(models)
    settings = ["--models", models, "--threads", str(arguments.threads)]
    first = Program(["caption", *settings], file)
    first_caption_s = first.seconds_to_first_line()
    first.answers()

    torch_side = PyTorch(models, file, arguments.threads)
    if torch_side.caption_ids() != token_ids:  # also warms PyTorch
        sys.exit(f"PyTorch captions {file} differently: there is nothing to compare")
    torch_side.measure(1, {stage: [] for stage, *_ in STAGES})
    ours, theirs = ({stage: [] for stage, *_ in STAGES} for _ in range(2))
    peak_mib = 0
    for round_number in range(arguments.rounds):
        print(f"round {round_number + 1} of {arguments.rounds}", file=sys.stderr)
        program = Program(["bench", *settings, "--runs", str(arguments.runs)], file)
        answer = program.answers()[0]
        peak_mib = max(peak_mib, program.peak_mib)
        for stage in ours:
            ours[stage].append(answer[stage])
        torch_side.measure(arguments.runs, theirs)
    return {
        "processor": answer["processor"], "kernels": answer["kernels"],
        "threads": answer["threads"], "precision": answer["precision"],
        "picture": pathlib.Path(file).name, "caption_tokens": len(token_ids),
        "rounds": arguments.rounds, "runs": arguments.runs, "versions": versions(),
        "stages": {stage: stage_result(ours[stage], theirs[stage], bar)
                   for stage, _, bar in STAGES},
        "first_caption_s": first_caption_s, "peak_mib": peak_mib,
    }


def stage_result(ours, theirs, bar):
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    return {"imgrouter_ms": ours, "pytorch_ms": theirs, "times_faster": theirs / ours,
            "meets_bar": theirs / ours >= bar}


def versions():
    import open_clip
    import torch
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__,
            "open_clip": open_clip.__version__}


def print_table(result):
    print(f"{result['processor']}, {result['kernels']} kernels, {result['threads']} threads, "
          f"{result['precision']}; {result['picture']}, caption of {result['caption_tokens']} "
          f"tokens; medians of {result['rounds']} rounds of {result['runs']} runs; "
          + ", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    print(f"{'':24}{'imgrouter':>12}{'PyTorch':>12}{'faster':>9}   bar")
    for stage, words, bar in STAGES:
        row = result["stages"][stage]
        print(f"{words:24}{row['imgrouter_ms']:9.2f} ms{row['pytorch_ms']:9.2f} ms"
              f"{row['times_faster']:8.2f}x   {bar}x {verdict(row['meets_bar'])}")
    print(f"{'first caption':24}{result['first_caption_s']:9.2f} s, from the start of the process"
          f" (bar {MOST_FIRST_CAPTION_S} s "
          f"{verdict(result['first_caption_s'] < MOST_FIRST_CAPTION_S)})")
    print(f"{'peak memory':24}{result['peak_mib']:7.0f} MiB, both models"
          f" (bar {MOST_PEAK_MIB} MiB {verdict(result['peak_mib'] < MOST_PEAK_MIB)})")


def verdict(is_met):
    return "met" if is_met else "MISSED"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=pathlib.Path, help="full-size models made earlier")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3, help="of each side in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    need_packages()
    result = compare(arguments)
    if arguments.json:
        print(json.dumps(result))
    else:
        print_table(result)


if __name__ == "__main__":
    main()
