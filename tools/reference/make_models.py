"""Makes the random models that the parity tests run on, from seeds, and proves that they tell
pictures apart: see configurations.py for what is made and widening.py for the weights.

    python tools/reference/make_models.py                   # the small ones, tests/golden/models
    python tools/reference/make_models.py --full-size DIR   # BLIP-base and ViT-B/32, not committed

Run make_goldens.py afterwards. Needs tests/requirements-reference.txt.
"""

import argparse
import itertools
import json
import pathlib
import shutil
import tempfile
from collections import OrderedDict

import open_clip
import torch
from safetensors.torch import save_file
from transformers import (BlipConfig, BlipForConditionalGeneration, BlipTextConfig,
                          BlipVisionConfig, CLIPConfig, CLIPModel)
from transformers.modeling_utils import no_init_weights

import outliers
import proofs
import vocabularies
from configurations import BLIP_FOLDER, CLIP_FOLDER, FULL_SIZE, SMALL
from reference import CaptionReference
from widening import set_separator_bias, widen

MODELS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "models"
MEAN = [0.48145466, 0.4578275, 0.40821073]  # CLIP's training pictures; BLIP uses the same
DEVIATION = [0.26862954, 0.26130258, 0.27577711]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def tower_settings(tower):
    return {"hidden_size": tower.width, "num_hidden_layers": tower.layers,
            "num_attention_heads": tower.heads, "intermediate_size": tower.mlp,
            "layer_norm_eps": tower.epsilon}


def blip_config(blip, pieces):
    """The decoder's start token lies one past vocab.txt, and one more is never used, as in the
    published checkpoint (30522 lines, vocab_size 30524)."""
    text = BlipTextConfig(
        **tower_settings(blip.text), vocab_size=len(pieces) + 2, bos_token_id=len(pieces),
        sep_token_id=pieces.index("[SEP]"), pad_token_id=0, eos_token_id=2,
        max_position_embeddings=blip.positions, encoder_hidden_size=blip.vision.width,
        projection_dim=blip.text.width)
    vision = BlipVisionConfig(**tower_settings(blip.vision), image_size=blip.image,
                              patch_size=blip.patch)
    config = BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    config.architectures = ["BlipForConditionalGeneration"]
    return config


def save_tensors(path, tensors):
    if path.suffix == ".safetensors":
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(OrderedDict(tensors), path)


def stored_tensors(model, type_name):
    dtype = getattr(torch, type_name)
    return {name: value.detach().to(dtype).contiguous()
            for name, value in model.state_dict().items()}


def save_blip_settings(config, blip, folder, pieces):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config.to_dict() | {"torch_dtype": blip.type})
    write_json(folder / "preprocessor_config.json", {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": MEAN,
        "image_processor_type": "BlipImageProcessor", "image_std": DEVIATION,
        "processor_class": "BlipProcessor", "resample": 3, "rescale_factor": 0.00392156862745098,
        "size": {"height": blip.image, "width": blip.image}, "size_divisor": 32})
    vocabularies.write_word_pieces(folder / "vocab.txt", pieces)


def save_blip_weights(model, blip, folder):
    tensors = stored_tensors(model, blip.type)
    head = "text_decoder.cls.predictions."
    if blip.file.endswith(".safetensors"):  # this container knows no sharing
        del tensors[head + "decoder.bias"]
        if blip.is_tied:
            del tensors[head + "decoder.weight"]
    else:
        tensors[head + "decoder.bias"] = tensors[head + "bias"]  # one storage, two names
        if blip.is_tied:
            tensors[head + "decoder.weight"] = tensors[
                "text_decoder.bert.embeddings.word_embeddings.weight"]
        # The published file still has this buffer of an older library version.
        tensors["text_decoder.bert.embeddings.position_ids"] = torch.arange(blip.positions)[None]
    save_tensors(folder / blip.file, tensors)


def make_blip(configuration, seed, folder):
    blip, dtype = configuration.blip, getattr(torch, configuration.blip.type)
    pieces = (vocabularies.full_word_pieces() if configuration.full_size
              else vocabularies.small_word_pieces())
    config = blip_config(blip, pieces)
    with no_init_weights():
        model = BlipForConditionalGeneration(config)
    widen(model, seed, dtype)
    decoder = model.text_decoder
    if blip.is_tied:
        decoder.cls.predictions.decoder.weight = decoder.bert.embeddings.word_embeddings.weight
    save_blip_settings(config, blip, folder, pieces)
    reference = CaptionReference(folder, model=model)
    options = {"suppress_tokens": [pieces.index("[SEP]")]}
    if configuration.full_size:  # a step takes a while
        options["max_new_tokens"] = configuration.wanted_tokens + 6
    endless = [reference.step_logits(picture, **options)
               for picture in proofs.proving_pictures(configuration).values()]
    set_separator_bias(model, endless, configuration.wanted_tokens, dtype)
    save_blip_weights(model, blip, folder)


def open_clip_config(clip, vocabulary_size):
    vision, text = clip.vision, clip.text
    config = {
        "embed_dim": clip.embedding,
        "vision_cfg": {"image_size": clip.image, "layers": vision.layers, "width": vision.width,
                       "patch_size": clip.patch, "head_width": vision.width // vision.heads,
                       "mlp_ratio": vision.mlp / vision.width},
        "text_cfg": {"context_length": clip.context, "vocab_size": vocabulary_size,
                     "width": text.width, "heads": text.heads, "layers": text.layers,
                     "mlp_ratio": text.mlp / text.width},
    }
    # The published config leaves out what has its default value.
    defaults = (("vision_cfg", "head_width", 64), ("vision_cfg", "mlp_ratio", 4),
                ("text_cfg", "mlp_ratio", 4))
    for tower, name, default in defaults:
        if config[tower][name] == default:
            del config[tower][name]
    if not clip.has_pre_norm:
        config["vision_cfg"]["no_ln_pre"] = True
    return config | ({"quick_gelu": True} if clip.is_quick_gelu else {})


def transformers_clip_config(clip, vocabulary_size):
    activation = {"hidden_act": "quick_gelu" if clip.is_quick_gelu else "gelu"}
    # The published config keeps the library's old token ids: 2 means "the highest id of the row".
    text = tower_settings(clip.text) | activation | {
        "vocab_size": vocabulary_size, "max_position_embeddings": clip.context, "bos_token_id": 0,
        "eos_token_id": 2, "pad_token_id": 1, "projection_dim": clip.embedding}
    vision = tower_settings(clip.vision) | activation | {
        "image_size": clip.image, "patch_size": clip.patch, "projection_dim": clip.embedding}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=clip.embedding)
    config.architectures = ["CLIPModel"]
    return config


def make_clip(configuration, seed, folder):
    clip = configuration.clip
    folder.mkdir(parents=True, exist_ok=True)
    merges = vocabularies.full_merges() if configuration.full_size else vocabularies.small_merges()
    vocabulary_size = vocabularies.write_clip_vocabulary(folder, merges)
    if not clip.is_squashed:  # open_clip's own file says it all
        write_json(folder / "preprocessor_config.json", {
            "crop_size": clip.image, "do_center_crop": True, "do_normalize": True,
            "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor",
            "image_mean": MEAN, "image_std": DEVIATION, "resample": 3, "size": clip.image})
    if clip.has_open_clip_names:
        config = open_clip_config(clip, vocabulary_size)
        with no_init_weights():
            model = open_clip.CLIP(**config)
        resizing = {"interpolation": "bicubic", "resize_mode": "squash"} if clip.is_squashed else {}
        write_json(folder / "open_clip_config.json", {
            "model_cfg": config, "preprocess_cfg": {"mean": MEAN, "std": DEVIATION} | resizing})
    else:
        config = transformers_clip_config(clip, vocabulary_size)
        with no_init_weights():
            model = CLIPModel(config)
        write_json(folder / "config.json", config.to_dict() | {"torch_dtype": clip.type})
    widen(model, seed, getattr(torch, clip.type))
    tensors = stored_tensors(model, clip.type)
    if not clip.has_open_clip_names:  # buffers of older library versions, in published files too
        tokens = (clip.image // clip.patch) ** 2 + 1
        tensors["vision_model.embeddings.position_ids"] = torch.arange(tokens)[None]
        tensors["text_model.embeddings.position_ids"] = torch.arange(clip.context)[None]
    save_tensors(folder / clip.file, tensors)


def make_models(configuration, folder):
    """Tries seeds until the answers differ enough."""
    for maker, prove, name, part in ((make_blip, proofs.prove_captions, BLIP_FOLDER, "blip"),
                                     (make_clip, proofs.prove_vectors, CLIP_FOLDER, "clip")):
        for seed in itertools.count(configuration.first_seed):
            maker(configuration, seed, folder / name)
            if configuration.has_outliers:
                outliers.plant_file(folder / name / getattr(configuration, part).file)
            quarrel = prove(folder / name, configuration)
            print(f"{folder.name}/{name} seed {seed}: {quarrel or 'accepted'}", flush=True)
            if not quarrel:
                break


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--full-size", metavar="DIR", type=pathlib.Path,
                        help="make BLIP-base and ViT-B/32 into this folder instead")
    parser.add_argument("--only", choices=SMALL, help="make only this small configuration")
    arguments = parser.parse_args()
    if arguments.full_size:
        make_models(FULL_SIZE, arguments.full_size)
        return
    for name in [arguments.only] if arguments.only else SMALL:
        with tempfile.TemporaryDirectory() as temporary:
            made = pathlib.Path(temporary) / name
            make_models(SMALL[name], made)
            shutil.rmtree(MODELS / name, ignore_errors=True)
            shutil.copytree(made, MODELS / name)


if __name__ == "__main__":
    main()
