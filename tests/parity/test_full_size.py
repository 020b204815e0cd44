"""BLIP-base and ViT-B/32 at their true size, with random weights made on the spot, against
transformers and open_clip in this very process, on photographs and on odd pictures.

Needs tests/requirements-reference.txt (PyTorch) and about 5 GB of memory and of disk for a minute
or two; skips without the packages. IMGROUTER_FULL_SIZE_MODELS names a folder of such models made
earlier by `tools/reference/make_models.py --full-size`.
"""

import importlib.util
import pathlib
import shutil
import sys

import pytest

PACKAGES = ("torch", "transformers", "open_clip", "skimage")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.skip("the reference libraries are not installed (pip install -r "
                f"tests/requirements-reference.txt): {', '.join(MISSING)}", allow_module_level=True)

import numpy
import skimage
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import program
from comparison import assert_same_caption, assert_same_vector

sys.path.insert(0, str(program.ROOT / "tools" / "reference"))
from configurations import BLIP_FOLDER, CLIP_FOLDER
from reference import CaptionReference, EmbeddingReference, open_picture

pytestmark = pytest.mark.timeout(3600)

TIERS = ("auto", "avx2" if "avx2" in program.TIERS else "neon")
# Those that the package's wheel contains; the rest of its pictures would be downloads.
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png",
               "camera.png")
TEXTS = ("a red car", "a dog on a beach in summer", "Two people, sitting next to a campfire!",
         "café über naïve 42 &amp; more", "🐶 😀", "waterfall " * 200)
FEW = 3  # pictures for what is proven once more in another container


def draw_odd_pictures(folder):
    """One pixel, a strip, transparency, a palette, CMYK, and one that the camera held sideways."""
    photograph = Image.open(photograph_files()[0]).convert("RGB").resize((320, 240))
    Image.new("RGB", (1, 1), (12, 200, 99)).save(folder / "dot.png")
    photograph.resize((1500, 40)).save(folder / "strip.png")
    photograph.putalpha(Image.linear_gradient("L").resize(photograph.size))
    photograph.save(folder / "transparent.png")
    photograph = photograph.convert("RGB")
    photograph.quantize(32).save(folder / "palette.png")
    photograph.convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise by a quarter
    photograph.save(folder / "sideways.jpg", quality=90, exif=exif)
    return sorted(folder.iterdir())


def photograph_files():
    folder = pathlib.Path(skimage.__file__).parent / "data"
    files = [folder / name for name in PHOTOGRAPHS if (folder / name).exists()]
    assert len(files) >= 4, f"{folder} holds hardly any photographs"
    return files


@pytest.fixture(scope="module")
def models(full_size_models):
    return full_size_models


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return photograph_files() + draw_odd_pictures(tmp_path_factory.mktemp("odd_pictures"))


@pytest.fixture(scope="module")
def expected_captions(models, pictures):
    reference = CaptionReference(models / BLIP_FOLDER)
    answers = [reference.caption(open_picture(file)) for file in pictures]
    assert len({tuple(answer["token_ids"].tolist()) for answer in answers}) > len(answers) / 2, (
        "these random weights hardly look at the picture")
    return answers


@pytest.fixture(scope="module")
def expected_vectors(models, pictures):
    reference = EmbeddingReference(models / CLIP_FOLDER)
    return ([reference.image_vector(open_picture(file)) for file in pictures],
            [reference.text_vector(text) for text in TEXTS])


@pytest.mark.parametrize("tier", TIERS)
def test_captions(models, pictures, expected_captions, tier):
    for file, answer, expected in zip(pictures, program.caption(models, pictures, tier),
                                      expected_captions):
        assert_same_caption(answer, expected["token_ids"].tolist(),
                            expected["token_probs"].numpy(), expected["caption"],
                            expected["margins"].tolist(), file.name)


@pytest.mark.parametrize("tier", TIERS)
def test_picture_vectors(models, pictures, expected_vectors, tier):
    for file, answer, expected in zip(pictures, program.embed_pictures(models, pictures, tier),
                                      expected_vectors[0]):
        assert_same_vector(answer, expected.numpy(), file.name)


@pytest.mark.parametrize("tier", TIERS)
def test_text_vectors(models, expected_vectors, tier):
    for text, answer, expected in zip(TEXTS, program.embed_texts(models, TEXTS, tier),
                                      expected_vectors[1]):
        assert_same_vector(answer, expected.numpy(), text)


def test_vectors_tell_inputs_apart(expected_vectors):
    """Photographs and texts; the odd pictures show one photograph in several ways."""
    photographs, texts = expected_vectors
    for vectors in (photographs[: len(photograph_files())], texts):
        likeness = numpy.corrcoef(torch.stack(vectors).numpy()) - 2 * numpy.eye(len(vectors))
        assert likeness.max() < 0.999


def enlarged(file, width, height):
    """As a camera would have taken it: that large, with a sensor's noise."""
    photograph = Image.open(file).convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    noise = numpy.random.default_rng(1).normal(0, 3, (height, width, 1))
    return Image.fromarray((numpy.asarray(photograph) + noise).clip(0, 255).astype(numpy.uint8))


@pytest.fixture(scope="module")
def large_photographs(tmp_path_factory):
    """Of 12 megapixels; with as little left after scaling as there ever is, 1.75 times CLIP's side,
    an odd size and fine texture; the smallest that is scaled; and all of them side by side, sharp
    to the last pixel."""
    folder = tmp_path_factory.mktemp("large_photographs")
    files = photograph_files()
    for file in files:
        enlarged(file, 4000, 3000).save(folder / f"{file.stem}.jpg", quality=90)
    enlarged(files[0], 2091, 1569).save(folder / "odd.jpg", quality=90)
    enlarged(files[1], 1203, 897).save(folder / "small.jpg", quality=90)
    for texture in ("grass", "gravel"):
        file = files[0].parent / f"{texture}.png"
        if not file.exists():
            continue
        tile = Image.open(file).convert("RGB")
        tiled = Image.new("RGB", (2091, 1569))
        for left in range(0, 2091, tile.width):
            for top in range(0, 1569, tile.height):
                tiled.paste(tile, (left, top))
        tiled.save(folder / f"{texture}.jpg", quality=90)
    mosaic = Image.new("RGB", (4000, 3000))
    tiles = [Image.open(file).convert("RGB").crop((0, 0, 400, 300)) for file in files]
    for number in range(100):
        mosaic.paste(tiles[number % len(tiles)], (number % 10 * 400, number // 10 * 300))
    mosaic.save(folder / "mosaic.jpg", quality=90)
    return sorted(folder.iterdir())


def test_scaled_decoding_keeps_the_vectors(models, large_photographs):
    exact, scaled = (program.embed_pictures(models, large_photographs, is_exact=is_exact)
                     for is_exact in (True, False))
    for file, one, other in zip(large_photographs, exact, scaled):
        assert one["embedding"] != other["embedding"], f"{file.name} was not scaled"
        cosine = numpy.dot(one["embedding"], other["embedding"])
        assert cosine >= 0.9995, f"{file.name}: {cosine}"


@pytest.fixture(scope="module")
def other_containers(models, tmp_path_factory):
    """The same models with the captioning weights as safetensors and the embedding ones as a
    pickle, the other way round from `models`."""
    folder = tmp_path_factory.mktemp("other_containers")
    for name in (BLIP_FOLDER, CLIP_FOLDER):
        (folder / name).mkdir()
        for file in (models / name).iterdir():
            if file.suffix not in (".bin", ".safetensors"):
                shutil.copy(file, folder / name)
    tensors = torch.load(models / BLIP_FOLDER / "pytorch_model.bin", weights_only=True)
    del tensors["text_decoder.cls.predictions.decoder.bias"]
    save_file(tensors, folder / BLIP_FOLDER / "model.safetensors", metadata={"format": "pt"})
    tensors = load_file(models / CLIP_FOLDER / "open_clip_model.safetensors")
    torch.save(tensors, folder / CLIP_FOLDER / "open_clip_pytorch_model.bin")
    yield folder
    shutil.rmtree(folder)


def test_container_does_not_matter(models, pictures, other_containers):
    few = pictures[:FEW]
    for first, second in zip(program.caption(models, few), program.caption(other_containers, few)):
        assert first["token_ids"] == second["token_ids"]
        assert first["token_probs"] == second["token_probs"]
    for first, second in zip(program.embed_pictures(models, few),
                             program.embed_pictures(other_containers, few)):
        assert first["embedding"] == second["embedding"]
