"""Measures the demo models on unseen scenes, through build/imgrouter and through PyTorch.

    python tools/train_demo/evaluate.py [--models models/demo] [--scenes 500] [--json FILE]

The scenes have captions that differ from each other; their pictures were in no training batch.
They are written as PNG and JPEG files of 120 to 640 pixels and read by both sides from there.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile

import numpy as np
from PIL import Image

import drawing
import judge
import world
from export import BLIP_FOLDER, CLIP_FOLDER

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 20_000_003  # no training seed that anybody would choose
ALLOWED_DIFFERENCE = 0.005  # between the two sides, in every figure


def write_scenes(folder, count):
    chance, noise = random.Random(SEED), np.random.default_rng(SEED)
    scenes, files, seen = [], [], set()
    while len(scenes) < count:
        scene = world.choose_scene(chance)
        if scene.caption() in seen:
            continue
        seen.add(scene.caption())
        height = chance.randrange(120, 481)
        canvas = drawing.draw(scene, chance, round(height * chance.uniform(0.8, 1.33)), height)
        picture = Image.fromarray(drawing.spoil(canvas.pixels, chance, noise))
        file = folder / f"{len(scenes):04}.{chance.choice(('png', 'jpg'))}"
        picture.save(file, **({"quality": 88} if file.suffix == ".jpg" else {}))
        scenes.append(scene)
        files.append(str(file))
    return scenes, files


def partial_queries(scenes):
    """Everything short of the caption that is true of some scene: "a red circle", "four stars"."""
    chance = random.Random(SEED)
    facts = sorted({fact for scene in scenes for fact in scene.facts()})
    holds = np.array([[fact in world.all_facts(scene) for fact in facts] for scene in scenes])
    return [plainly(fact, chance) for fact in facts], holds


def plainly(fact, chance):
    """As a user would write it, without the frames and strangers of training."""
    if fact in world.PHRASES:
        return world.PHRASES[fact][0]
    return fact if fact.startswith(("a ", "an ")) else world.say_things(fact, chance)


def run_imgrouter(options, *arguments):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("IMGROUTER_", "HF_"))}
    environment |= {"IMGROUTER_DEMO_MODELS": str(options.models), "HF_HOME": "/nonexistent",
                    "USE_MOCK_MODELS": "auto"}
    command = [str(options.program), *arguments[:1], "--json", "--log-level", "error",
               *arguments[1:]]
    answers = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in answers.stdout.splitlines()]
    assert all(line["model"].startswith("imgrouter-demo-") for line in lines)
    return lines


def through_imgrouter(options, files, texts):
    captions = [line["caption"] for line in run_imgrouter(options, "caption", *files)]
    images = [line["embedding"] for line in run_imgrouter(options, "embed", *files)]
    words = [line["embedding"] for line in run_imgrouter(options, "embed", "--text", *texts)]
    return captions, np.array(images), np.array(words)


def through_pytorch(options, files, texts):
    from reference import CaptionReference, EmbeddingReference, open_picture

    captioner = CaptionReference(options.models / BLIP_FOLDER)
    embedder = EmbeddingReference(options.models / CLIP_FOLDER)
    pictures = [open_picture(file) for file in files]
    captions = [captioner.caption(picture)["caption"] for picture in pictures]
    images = [embedder.image_vector(picture).numpy() for picture in pictures]
    return captions, np.array(images), np.array([embedder.text_vector(t).numpy() for t in texts])


def figures_of(scenes, answers, holds):
    captions, images, texts = answers
    count = len(scenes)
    figures = judge.judge_captions(scenes, captions)
    whole = judge.judge_search(images, texts[:count], np.eye(count, dtype=bool))
    parts = judge.judge_search(images, texts[count:], holds)
    return (figures | {f"caption as query, {name}": value for name, value in whole.items()} |
            {f"part as query, {name}": value for name, value in parts.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models" / "demo")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "imgrouter")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scenes, files = write_scenes(pathlib.Path(folder), options.scenes)
        partial, holds = partial_queries(scenes)
        texts = [scene.caption() for scene in scenes] + partial
        ours = through_imgrouter(options, files, texts)
        theirs = through_pytorch(options, files, texts)
    sides = [figures_of(scenes, answers, holds) for answers in (ours, theirs)]
    print(f"{len(scenes)} scenes, {len(partial)} partial queries\n"
          f"{'':28}{'imgrouter':>10}{'PyTorch':>10}")
    for name, value in sides[0].items():
        print(f"{name:28}{100 * value:9.1f}%{100 * sides[1][name]:9.1f}%")
    if options.json:
        options.json.write_text(json.dumps(dict(zip(("imgrouter", "pytorch"), sides)), indent=1))
    apart = [name for name in sides[0] if abs(sides[0][name] - sides[1][name]) > ALLOWED_DIFFERENCE]
    if apart:
        raise SystemExit(f"more than {ALLOWED_DIFFERENCE:.1%} apart: {', '.join(apart)}")


if __name__ == "__main__":
    main()
