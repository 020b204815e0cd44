"""Asks transformers and open_clip for what the small models answer, stage by stage, and writes
tests/golden/expected: one <configuration>.safetensors and one <configuration>.json each.

    python tools/reference/make_goldens.py                # write them
    python tools/reference/make_goldens.py --only plain   # those of one configuration
    python tools/reference/make_goldens.py --check        # compare with the committed ones instead

Tensors, for each picture and text: `<picture>/blip.token_ids` and `.token_probs` (generated tokens,
the closing separator included), `<picture>/clip.vector`, `text_<i>/clip.token_ids` and `.vector`.
For two pictures and two texts also the stages: `blip.pixels`, `blip.vision.block_0`, `.block_last`,
`.output`, `blip.logits_0`, `clip.pixels`, `clip.vision.block_0`, `.block_last`,
`clip.text.block_0`, `.block_last` (rows up to the end token). All float32 or int64.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import load_file, save_file

from configurations import BLIP_FOLDER, CLIP_FOLDER, SMALL
from make_models import MODELS
from proofs import TEXTS, committed_pictures
from reference import CaptionReference, EmbeddingReference

EXPECTED = MODELS.parent / "expected"
STAGED_PICTURES = ("shapes.png", "tall_grey.png")
STAGED_TEXTS = (0, 5)


def caption_goldens(folder):
    reference = CaptionReference(folder)
    tensors, words = {}, {}
    for name, picture in committed_pictures().items():
        answer = reference.caption(picture)
        stages = reference.stages(picture) if name in STAGED_PICTURES else {
            "token_ids": answer["token_ids"], "token_probs": answer["token_probs"]}
        tensors |= {f"{name}/blip.{stage}": value for stage, value in stages.items()}
        words[name] = {"caption": answer["caption"], "confidence": answer["confidence"],
                       "token_count": len(answer["token_ids"]),
                       "least_margin": float(answer["margins"].min())}
    return tensors, words


def embedding_goldens(folder):
    reference = EmbeddingReference(folder)
    tensors = {}
    for name, picture in committed_pictures().items():
        stages = (reference.image_stages(picture) if name in STAGED_PICTURES
                  else {"vector": reference.image_vector(picture)})
        tensors |= {f"{name}/clip.{stage}": value for stage, value in stages.items()}
    for i, text in enumerate(TEXTS):
        stages = reference.text_stages(text) if i in STAGED_TEXTS else {
            "token_ids": reference.token_ids(text), "vector": reference.text_vector(text)}
        tensors |= {f"text_{i}/clip.{stage}": value for stage, value in stages.items()}
    return tensors


def goldens(name):
    folder = MODELS / name
    tensors, pictures = caption_goldens(folder / BLIP_FOLDER)
    tensors |= embedding_goldens(folder / CLIP_FOLDER)
    tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    summary = {"models": f"tests/golden/models/{name}", "pictures": pictures, "texts": TEXTS}
    return tensors, summary


def worst_difference(name, tensors):
    """Between these tensors and the committed ones; ids must be equal."""
    committed = load_file(EXPECTED / f"{name}.safetensors")
    assert committed.keys() == tensors.keys(), f"{name}: other tensors are committed"
    worst = (0.0, "")
    for key, value in tensors.items():
        if value.dtype == torch.int64:
            assert torch.equal(value, committed[key]), f"{name}: {key} differs"
        else:
            worst = max(worst, (float((value - committed[key]).abs().max()), key))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--only", choices=SMALL, help="this small configuration alone")
    arguments = parser.parse_args()
    EXPECTED.mkdir(parents=True, exist_ok=True)
    for name in [arguments.only] if arguments.only else SMALL:
        tensors, summary = goldens(name)
        if arguments.check:
            print(name, "differs by at most", *worst_difference(name, tensors))
            continue
        save_file(tensors, EXPECTED / f"{name}.safetensors")
        text = json.dumps(summary, indent=1, ensure_ascii=False)
        (EXPECTED / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
