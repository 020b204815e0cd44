"""f16 and int8 at full size against PyTorch's f32, as the models are and with outliers planted, which
change no answer but defeat a plain quantiser (tools/reference/outliers.py).

Needs what test_full_size.py needs, and skips with it.
"""

import shutil

import pytest

from test_full_size import (TEXTS, TIERS, CaptionReference, EmbeddingReference, open_picture,
                            photograph_files)

import program
from comparison import (LEAST_COSINE_AT, LEAST_EQUAL_TOKENS, assert_same_vector, count_clear_tokens)
from configurations import BLIP_FOLDER, CLIP_FOLDER
from outliers import copy_with_outliers

pytestmark = pytest.mark.timeout(3600)

LEAST_CLEAR_TOKENS = 300  # fewer would prove little about one in a hundred


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Photographs, their quarters and their middles."""
    folder = tmp_path_factory.mktemp("pictures")
    for file in photograph_files():
        picture = open_picture(file)
        width, height = picture.size
        corners = [(0, 0), (width // 2, 0), (0, height // 2), (width // 2, height // 2),
                   (width // 4, height // 4)]
        picture.save(folder / f"{file.stem}.png")
        for i, (left, top) in enumerate(corners):
            part = picture.crop((left, top, left + width // 2, top + height // 2))
            part.save(folder / f"{file.stem}_{i}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def expected_captions(full_size_models, pictures):
    reference = CaptionReference(full_size_models / BLIP_FOLDER)
    return [reference.caption(open_picture(file)) for file in pictures]


@pytest.fixture(scope="module")
def expected_vectors(full_size_models, pictures):
    reference = EmbeddingReference(full_size_models / CLIP_FOLDER)
    return ([reference.image_vector(open_picture(file)).numpy() for file in pictures],
            [reference.text_vector(text).numpy() for text in TEXTS])


@pytest.fixture(scope="module", params=["as they are", "with outliers"])
def models(request, full_size_models, tmp_path_factory):
    if request.param == "as they are":
        yield full_size_models
        return
    folder = tmp_path_factory.mktemp("models_with_outliers")
    for name in (BLIP_FOLDER, CLIP_FOLDER):
        copy_with_outliers(full_size_models / name, folder / name)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("precision", LEAST_COSINE_AT)
def test_captions(models, pictures, expected_captions, precision, tier):
    clear = equal = 0
    for answer, expected in zip(program.caption(models, pictures, tier, precision),
                                expected_captions):
        counts = count_clear_tokens(answer["token_ids"], expected["token_ids"].tolist(),
                                    expected["margins"].tolist())
        clear += counts[0]
        equal += counts[1]
    print(f"{precision} on {tier}: {equal} of {clear} clear tokens are equal")
    assert clear >= LEAST_CLEAR_TOKENS
    assert equal >= LEAST_EQUAL_TOKENS * clear, f"{equal} of {clear} clear tokens are equal"


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("precision", LEAST_COSINE_AT)
def test_vectors(models, pictures, expected_vectors, precision, tier):
    least = LEAST_COSINE_AT[precision]
    for file, answer, expected in zip(
            pictures, program.embed_pictures(models, pictures, tier, precision=precision),
            expected_vectors[0]):
        assert_same_vector(answer, expected, file.name, least)
    for text, answer, expected in zip(TEXTS, program.embed_texts(models, TEXTS, tier, precision),
                                      expected_vectors[1]):
        assert_same_vector(answer, expected, text, least)
