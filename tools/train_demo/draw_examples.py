"""Draws examples/pictures, with which README's walk-through and the tests of meaning work, and
writes what they show to examples/captions.json.

    python tools/train_demo/draw_examples.py [--out examples/pictures]
"""

import argparse
import json
import pathlib
import random

from PIL import Image

import drawing
from world import Landscape, Pair, Several, Single, Thing

SEED = 8

EXAMPLES = {
    "red-circle.png": Single(Thing("red", "circle"), "", "white"),
    "small-blue-square.png": Single(Thing("blue", "square"), "small", "yellow"),
    "large-green-star.jpg": Single(Thing("green", "star"), "large", "black"),
    "pink-heart.jpg": Single(Thing("pink", "heart"), "", "gray"),
    "circle-above-square.png": Pair(Thing("red", "circle"), "above", Thing("blue", "square"),
                                    "white"),
    "square-above-circle.png": Pair(Thing("blue", "square"), "above", Thing("red", "circle"),
                                    "white"),
    "star-left-of-triangle.jpg": Pair(Thing("yellow", "star"), "left of",
                                      Thing("purple", "triangle"), "green"),
    "cross-inside-circle.png": Pair(Thing("white", "cross"), "inside", Thing("red", "circle"),
                                    "gray"),
    "heart-inside-square.jpg": Pair(Thing("black", "heart"), "inside", Thing("orange", "square"),
                                    "blue"),
    "two-white-rings.png": Several(2, Thing("white", "ring"), "purple"),
    "three-green-triangles.png": Several(3, Thing("green", "triangle"), "white"),
    "four-yellow-stars.jpg": Several(4, Thing("yellow", "star"), "blue"),
    "five-brown-diamonds.png": Several(5, Thing("brown", "diamond"), "pink"),
    "house-and-tree.jpg": Landscape("house next to a tree", "red", "field", "sunny"),
    "house-in-the-snow.jpg": Landscape("house", "blue", "snow", "night"),
    "tree-in-the-desert.png": Landscape("tree", "", "desert", "day"),
    "mountains-at-sunset.jpg": Landscape("mountains", "", "desert", "sunset"),
    "mountains-and-moon.jpg": Landscape("mountains", "", "snow", "moon"),
    "boat-at-sea.png": Landscape("boat", "red", "sea", "day"),
    "boat-at-night.jpg": Landscape("boat", "white", "sea", "moon"),
}
SIZES = ((480, 480), (640, 480), (560, 420), (420, 480))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--out", type=pathlib.Path, default=root / "examples" / "pictures")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, scene) in enumerate(EXAMPLES.items()):
        canvas = drawing.draw(scene, random.Random(f"{SEED}/{name}"), *SIZES[number % len(SIZES)])
        Image.fromarray(canvas.pixels).save(folder / name, optimize=True, quality=90)
    captions = {name: scene.caption() for name, scene in EXAMPLES.items()}
    (folder.parent / "captions.json").write_text(json.dumps(captions, indent=1) + "\n")


if __name__ == "__main__":
    main()
