"""Pictures to measure with, made of the photographs that scikit-image ships: what a phone takes
(12 megapixels, JPEG), and smaller ones to upload; and Pillow and torchvision making models' inputs
of them, as a service in Python does."""

import io
import pathlib

import numpy
from PIL import Image

PHONE_SIZE = (4000, 3000)
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png",
         "hubble_deep_field.jpg", "retina.jpg")
MEAN = (0.48145466, 0.4578275, 0.40821073)  # CLIP's training pictures; BLIP uses the same
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def photographs():
    import skimage

    folder = pathlib.Path(skimage.__file__).parent / "data"
    return [Image.open(folder / name).convert("RGB") for name in NAMES if (folder / name).exists()]


def save_phone_picture(path):
    """Photographs of twice their size side by side under a sensor's noise, so that there is as
    much in the file as in a phone's."""
    tiles = photographs()
    width, height = PHONE_SIZE
    picture = Image.new("RGB", PHONE_SIZE)
    left = top = row_height = number = 0
    while top < height:
        tile = tiles[number % len(tiles)]
        tile = tile.resize((2 * tile.width, 2 * tile.height), Image.Resampling.BICUBIC)
        picture.paste(tile, (left, top))
        left, row_height = left + tile.width, max(row_height, tile.height)
        if left >= width:
            left, top, row_height = 0, top + row_height, 0
        number += 1
    noise = numpy.random.default_rng(0).normal(0, 3, (height, width, 1))
    pixels = numpy.clip(numpy.asarray(picture) + noise, 0, 255).astype(numpy.uint8)
    Image.fromarray(pixels).save(path, "JPEG", quality=90)


def upload_pictures(count):
    """JPEG files, each of another picture: parts of the photographs, a megapixel each."""
    tiles = [tile.resize((1600, 1200), Image.Resampling.BICUBIC) for tile in photographs()]
    for number in range(count):
        left, top = 7 * number % 400, 11 * number % 300
        part = tiles[number % len(tiles)].crop((left, top, left + 1200, top + 900))
        file = io.BytesIO()
        part.save(file, "JPEG", quality=90)
        yield file.getvalue()


class PillowInputs:
    """One picture file to both models' inputs: BLIP's square, CLIP's centre."""

    def __init__(self, file):
        from torchvision import transforms

        bicubic = transforms.InterpolationMode.BICUBIC
        finish = [transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
        self.file = file
        self.caption = transforms.Compose([transforms.Resize((384, 384), bicubic), *finish])
        self.vector = transforms.Compose(
            [transforms.Resize(224, bicubic), transforms.CenterCrop(224), *finish])

    def __call__(self):
        with Image.open(self.file) as file:
            picture = file.convert("RGB")
        return self.caption(picture), self.vector(picture)
