"""Every small model on every kernel tier against the committed answers of transformers and
open_clip (tools/reference/make_goldens.py). Needs neither library."""

import json

import pytest
from safetensors.numpy import load_file

import program
from comparison import (CLOSE_CALL, LEAST_COSINE_AT, assert_same_caption, assert_same_vector)

GOLDEN = program.ROOT / "tests" / "golden"
CONFIGURATIONS = sorted(path.stem for path in (GOLDEN / "expected").glob("*.json"))


class Golden:
    def __init__(self, name):
        summary = json.loads((GOLDEN / "expected" / f"{name}.json").read_text(encoding="utf-8"))
        self.tensors = load_file(GOLDEN / "expected" / f"{name}.safetensors")
        self.models = program.ROOT / summary["models"]
        self.pictures = summary["pictures"]
        self.files = [GOLDEN / "pictures" / picture for picture in self.pictures]
        self.texts = summary["texts"]


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def golden(request):
    return Golden(request.param)


@pytest.fixture(params=program.TIERS)
def tier(request):
    return request.param


def test_goldens_prove_something(golden):
    """Equal captions or close calls would let a wrong program pass."""
    captions = {entry["caption"] for entry in golden.pictures.values()}
    assert len(captions) == len(golden.pictures) >= 8
    assert len({entry["token_count"] for entry in golden.pictures.values()}) >= 3
    assert min(entry["least_margin"] for entry in golden.pictures.values()) > CLOSE_CALL
    assert len(golden.texts) >= 10


def test_captions(golden, tier):
    answers = program.caption(golden.models, golden.files, tier)
    for (name, entry), answer in zip(golden.pictures.items(), answers):
        expected_ids = golden.tensors[f"{name}/blip.token_ids"].tolist()
        assert_same_caption(
            answer, expected_ids, golden.tensors[f"{name}/blip.token_probs"], entry["caption"],
            [entry["least_margin"]] * len(expected_ids), name)
        assert abs(answer["confidence"] - entry["confidence"]) < 1e-3, name


def test_picture_vectors(golden, tier):
    answers = program.embed_pictures(golden.models, golden.files, tier)
    for name, answer in zip(golden.pictures, answers):
        assert_same_vector(answer, golden.tensors[f"{name}/clip.vector"], name)


def test_text_vectors(golden, tier):
    answers = program.embed_texts(golden.models, golden.texts, tier)
    for i, answer in enumerate(answers):
        assert_same_vector(answer, golden.tensors[f"text_{i}/clip.vector"], golden.texts[i])


@pytest.mark.parametrize("precision", LEAST_COSINE_AT)
def test_vectors_at_lower_precision(golden, tier, precision):
    """Captions of such small models are too close calls; test_precision.py has them at full size."""
    pictures = program.embed_pictures(golden.models, golden.files, tier, precision=precision)
    texts = program.embed_texts(golden.models, golden.texts, tier, precision=precision)
    for name, answer in zip(golden.pictures, pictures):
        assert_same_vector(answer, golden.tensors[f"{name}/clip.vector"], name,
                           LEAST_COSINE_AT[precision])
    for i, answer in enumerate(texts):
        assert_same_vector(answer, golden.tensors[f"text_{i}/clip.vector"], golden.texts[i],
                           LEAST_COSINE_AT[precision])


def test_order_and_company_do_not_matter(golden):
    """The same inputs alone, in another order, and twice in a row give the very same answers."""
    together = program.caption(golden.models, golden.files)
    backwards = program.caption(golden.models, golden.files[::-1] + golden.files[:1])
    for first, second in zip(together, backwards[len(together) - 1::-1]):
        assert first["token_ids"] == second["token_ids"]
        assert first["token_probs"] == second["token_probs"]
    assert backwards[-1]["token_probs"] == together[0]["token_probs"]
