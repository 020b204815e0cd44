"""Draws the small pictures of tests/golden/pictures, always the same ones.

Odd on purpose: one pixel, very wide, very tall, transparent, grey, palette, and a JPEG with halved
colour planes. Their bytes are committed; run this file only to change them.
"""

import math
import pathlib
import random

from PIL import Image, ImageDraw

PICTURES = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "pictures"


def draw_shapes():
    picture = Image.new("RGB", (160, 120), (90, 140, 220))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 80, 160, 120), fill=(60, 120, 50))
    draw.ellipse((110, 10, 145, 45), fill=(250, 220, 60))
    draw.polygon([(20, 80), (55, 30), (90, 80)], fill=(170, 40, 40))
    draw.rectangle((32, 60, 78, 100), fill=(200, 180, 150), outline=(40, 30, 20), width=2)
    return picture


def draw_gradient():
    picture = Image.new("RGB", (97, 61))
    picture.putdata([(x * 255 // 96, y * 255 // 60, 255 - (x + y) * 255 // 156)
                     for y in range(61) for x in range(97)])
    return picture


def draw_noise():
    source = random.Random(7)
    picture = Image.new("RGB", (40, 56))
    picture.putdata([tuple(source.randrange(256) for _ in range(3)) for _ in range(40 * 56)])
    return picture


def draw_dot():
    return Image.new("RGB", (1, 1), (220, 30, 120))


def draw_banner():
    picture = Image.new("RGB", (1500, 40), (250, 245, 230))
    draw = ImageDraw.Draw(picture)
    for i in range(0, 1500, 60):
        draw.rectangle((i, 5, i + 25, 34), fill=((i * 7) % 256, (i * 3) % 256, (i * 11) % 256))
    return picture


def draw_transparent():
    picture = Image.new("RGBA", (80, 100), (255, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for i in range(20):
        draw.ellipse((2 * i, 3 * i, 78 - i, 98 - i), fill=(12 * i, 200 - 9 * i, 60 + 5 * i, 13 * i))
    return picture


def draw_tall_grey():
    picture = Image.new("L", (30, 200))
    picture.putdata([int(127 + 120 * math.sin(x / 5) * math.cos(y / 17))
                     for y in range(200) for x in range(30)])
    return picture


def draw_rings():
    picture = Image.new("RGB", (144, 96))
    picture.putdata([(int(128 + 100 * math.sin(math.hypot(x - 50, y - 40) / 6)),
                      int(128 + 90 * math.cos(x / 13)), int(40 + y))
                     for y in range(96) for x in range(144)])
    return picture


DRAWINGS = {
    "shapes.png": draw_shapes,
    "gradient.png": lambda: draw_gradient().quantize(64),
    "noise.png": draw_noise,
    "dot.png": draw_dot,
    "banner.png": draw_banner,
    "transparent.png": draw_transparent,
    "tall_grey.png": draw_tall_grey,
    "rings.jpg": draw_rings,
}


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        is_jpeg = name.endswith(".jpg")
        options = {"quality": 88, "subsampling": "4:2:0"} if is_jpeg else {"optimize": True}
        draw().save(PICTURES / name, **options)


if __name__ == "__main__":
    main()
