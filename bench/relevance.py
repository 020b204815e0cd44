#!/usr/bin/env python3
"""How well relevance tells what a picture shows from what it does not: docs/relevance.md.

Draws scenes of the demo models' world, or takes a folder of pictures with captions.jsonl in it
(one {"file", "captions": [what is true of it]} a line), has a server describe them, asks for every
sentence and counts on which side of the threshold the right and the wrong pictures fall.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import httpx
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
THRESHOLD = 0.5  # RELEVANCE_THRESHOLD of src/service/relevance.h
STRANGERS = ("dog", "a red car", "people on the beach", "pizza", "giraffe", "invoice from 2021",
             "my grandmother", "a bicycle")


def drawn(folder, count):
    sys.path.insert(0, str(ROOT / "tools/train_demo"))
    import evaluate  # needs tools/train_demo/requirements.txt
    scenes, files = evaluate.write_scenes(folder, count)
    queries, holds = evaluate.partial_queries(scenes)
    whole = [scene.caption() for scene in scenes]
    return files, queries + whole, np.concatenate([holds, np.eye(count, dtype=bool)], axis=1)


def given(folder):
    entries = [json.loads(line) for line in open(folder / "captions.jsonl", encoding="utf-8")]
    queries = sorted({caption for entry in entries for caption in entry["captions"]})
    holds = np.array([[query in entry["captions"] for query in queries] for entry in entries])
    return [str(folder / entry["file"]) for entry in entries], queries, holds


def curve(scores, holds):
    """The area under the ROC, and (bound, right ones that pass, wrong ones that pass) along it."""
    right, wrong = np.sort(scores[holds]), np.sort(scores[~holds])
    below = np.searchsorted(wrong, right, "left") + np.searchsorted(wrong, right, "right")
    points = [(bound, (right >= bound).mean(), (wrong >= bound).mean())
              for bound in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)]
    return below.mean() / 2 / len(wrong), points


def relevance_of(client, query, ids):
    answer = client.get("/search", params={"q": query, "k": 1000}).raise_for_status().json()
    found = {result["id"]: result["relevance"] for result in answer["results"]}
    return [found[image_id] for image_id in ids]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / "build/imgrouter")
    parser.add_argument("--models", help="folder of full models; otherwise the demo models")
    parser.add_argument("--pictures", type=pathlib.Path, help="folder with captions.jsonl")
    parser.add_argument("--count", type=int, default=300, help="scenes to draw (up to 1000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        environment = os.environ | ({"HF_HOME": "/nonexistent"} if not options.models else {})
        command = [options.program, "serve", "--port", "0", "--data", folder / "data",
                   *(["--models", options.models] if options.models else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as server:
            address = re.search(r"http://\S+", server.stdout.readline())[0]
            files, queries, holds = given(options.pictures) if options.pictures else drawn(
                folder, options.count)
            with httpx.Client(base_url=address, timeout=120) as client:
                ids = [client.post("/images", files={"file": open(file, "rb")}).json()["id"]
                       for file in files]
                scores = np.array([relevance_of(client, query, ids) for query in queries]).T
                strange = np.array([relevance_of(client, query, ids) for query in STRANGERS])
            server.terminate()
    passed = scores >= THRESHOLD
    print(f"{len(files)} pictures, {len(queries)} queries")
    print(f"right pictures that pass   {passed[holds].mean():8.2%}")
    print(f"wrong pictures that pass   {passed[~holds].mean():8.2%}")
    area, points = curve(scores, holds)
    print(f"area under the ROC         {area:8.4f}\nbound  right  wrong")
    for bound, right, wrong in points:
        print(f"{bound:5.2f} {right:6.1%} {wrong:6.2%}")
    print(f"pictures that pass queries for what no picture shows {(strange >= THRESHOLD).mean():.2%}")


if __name__ == "__main__":
    main()
