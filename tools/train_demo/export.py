"""Writes a trained network as the two shipped models: a BLIP captioner under transformers' names
and a CLIP under open_clip's, in half precision, with their vocabularies and configurations.

    python tools/train_demo/export.py --network DIR/network.pt --out models/demo
"""

import argparse
import pathlib
import re

import open_clip
import torch
from safetensors.torch import save_file
from transformers import BlipForConditionalGeneration

import batches
import drawing
import network as net
import world
from configurations import Blip, Clip, Tower
from make_models import blip_config, open_clip_config, save_blip_settings, write_json
from vocabularies import write_clip_vocabulary

BLIP_FOLDER, CLIP_FOLDER = "imgrouter-demo-blip", "imgrouter-demo-clip"

BLIP = Blip(Tower(net.WIDTH, net.VISION_LAYERS, net.HEADS, 4 * net.WIDTH, net.VISION_EPSILON),
            Tower(net.WIDTH, net.DECODER_LAYERS, net.HEADS, 4 * net.WIDTH, net.TEXT_EPSILON),
            image=net.IMAGE, patch=net.PATCH, positions=net.POSITIONS, file="model.safetensors",
            type="float16")
CLIP = Clip(BLIP.vision, Tower(net.WIDTH, net.TEXT_LAYERS, net.HEADS, 4 * net.WIDTH),
            image=net.IMAGE, patch=net.PATCH, embedding=net.EMBEDDING, context=net.CONTEXT)

# How the parts of a norm-first block are called here and in the three towers that have them.
BLOCK_PARTS = ("norm_1", "norm_2", "attention.qkv", "attention.projection", "feedforward.0",
               "feedforward.2")
BLIP_VISION_PARTS = ("layer_norm1", "layer_norm2", "self_attn.qkv", "self_attn.projection",
                     "mlp.fc1", "mlp.fc2")
OPEN_CLIP_PARTS = ("ln_1", "ln_2", "attn.in_proj", "attn.out_proj", "mlp.c_fc", "mlp.c_proj")


def parts_of(state, prefix):
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()
            if name.startswith(prefix)}


def rename_block(name, parts):
    for ours, theirs in zip(BLOCK_PARTS, parts):
        if name.startswith(ours + "."):
            kind = name.rpartition(".")[2]
            return theirs + ("_" if theirs.endswith("in_proj") else ".") + kind
    raise KeyError(name)


def rename_blocks(state, prefix, parts):
    renamed = {}
    for name, tensor in state.items():
        if match := re.fullmatch(r"blocks\.(\d+)\.(.+)", name):
            renamed[f"{prefix}{match[1]}.{rename_block(match[2], parts)}"] = tensor
    return renamed


def blip_vision(vision):
    return rename_blocks(vision, "vision_model.encoder.layers.", BLIP_VISION_PARTS) | {
        "vision_model.embeddings.class_embedding": vision["class_token"].view(1, 1, -1),
        "vision_model.embeddings.position_embedding": vision["positions"][None],
        "vision_model.embeddings.patch_embedding.weight": vision["patches.weight"],
        "vision_model.embeddings.patch_embedding.bias": torch.zeros(net.WIDTH),
        "vision_model.post_layernorm.weight": vision["norm.weight"],
        "vision_model.post_layernorm.bias": vision["norm.bias"],
    }


def bert_attention(state, ours, theirs):
    tensors = {}
    for kind in ("weight", "bias"):
        for part, values in zip(("query", "key", "value"), state[f"{ours}.qkv.{kind}"].chunk(3)):
            tensors[f"{theirs}.self.{part}.{kind}"] = values
        tensors[f"{theirs}.output.dense.{kind}"] = state[f"{ours}.projection.{kind}"]
    return tensors


def blip_decoder(decoder):
    bert, head = "text_decoder.bert.", "text_decoder.cls.predictions."
    tensors = {
        bert + "embeddings.word_embeddings.weight": decoder["words.weight"],
        bert + "embeddings.position_embeddings.weight": decoder["positions.weight"],
        head + "decoder.weight": decoder["words.weight"],
        head + "bias": decoder["head.bias"], head + "decoder.bias": decoder["head.bias"],
    }
    for kind in ("weight", "bias"):
        tensors[f"{bert}embeddings.LayerNorm.{kind}"] = decoder[f"norm.{kind}"]
        tensors[f"{head}transform.dense.{kind}"] = decoder[f"transform.0.{kind}"]
        tensors[f"{head}transform.LayerNorm.{kind}"] = decoder[f"transform.2.{kind}"]
    for layer in range(net.DECODER_LAYERS):
        ours, theirs = f"blocks.{layer}", f"{bert}encoder.layer.{layer}"
        tensors |= bert_attention(decoder, f"{ours}.attention", f"{theirs}.attention")
        tensors |= bert_attention(decoder, f"{ours}.cross", f"{theirs}.crossattention")
        for kind in ("weight", "bias"):
            for number, name in enumerate(("attention.output", "crossattention.output", "output")):
                tensors[f"{theirs}.{name}.LayerNorm.{kind}"] = decoder[
                    f"{ours}.norms.{number}.{kind}"]
            tensors[f"{theirs}.intermediate.dense.{kind}"] = decoder[f"{ours}.feedforward.0.{kind}"]
            tensors[f"{theirs}.output.dense.{kind}"] = decoder[f"{ours}.feedforward.2.{kind}"]
    return tensors


def open_clip_vision(vision, projection):
    return rename_blocks(vision, "visual.transformer.resblocks.", OPEN_CLIP_PARTS) | {
        "visual.class_embedding": vision["class_token"],
        "visual.positional_embedding": vision["positions"],
        "visual.conv1.weight": vision["patches.weight"],
        "visual.ln_post.weight": vision["norm.weight"], "visual.ln_post.bias": vision["norm.bias"],
        "visual.proj": projection.T,
    }


def open_clip_text(text, scale):
    return rename_blocks(text, "transformer.resblocks.", OPEN_CLIP_PARTS) | {
        "token_embedding.weight": text["words.weight"], "positional_embedding": text["positions"],
        "ln_final.weight": text["norm.weight"], "ln_final.bias": text["norm.bias"],
        "text_projection": text["projection.weight"].T, "logit_scale": scale,
    }


def save_half(model, tensors, path):
    """Only what the library itself accepts, with nothing missing, is written."""
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    buffers = {name for name, _ in model.named_buffers()}
    assert not unexpected and set(missing) <= buffers, (missing, unexpected)
    halves = {name: tensor.half().contiguous().clone() for name, tensor in tensors.items()}
    assert all(tensor.isfinite().all() for tensor in halves.values())
    save_file(halves, path, metadata={"format": "pt"})


def export_blip(state, folder):
    pieces = batches.word_pieces()
    config = blip_config(BLIP, pieces)
    save_blip_settings(config, BLIP, folder, pieces)
    tensors = blip_vision(parts_of(state, "vision.")) | blip_decoder(parts_of(state, "decoder."))
    save_half(BlipForConditionalGeneration(config), tensors, folder / BLIP.file)


def export_clip(state, folder):
    folder.mkdir(parents=True, exist_ok=True)
    config = open_clip_config(CLIP, write_clip_vocabulary(folder, batches.merges()))
    config["vision_cfg"]["no_ln_pre"] = True  # BLIP has no norm there, and the tower is the same
    write_json(folder / "open_clip_config.json", {"model_cfg": config, "preprocess_cfg": {
        "mean": batches.MEAN, "std": batches.DEVIATION, "interpolation": "bicubic",
        "resize_mode": "squash"}})
    tensors = open_clip_vision(parts_of(state, "vision."), state["image_projection.weight"])
    tensors |= open_clip_text(parts_of(state, "text."), state["scale"])
    save_half(open_clip.CLIP(**config), tensors, folder / CLIP.file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", type=pathlib.Path, required=True,
                        help="network.pt, or a checkpoint.pt for a look on the way")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    state = torch.load(options.network, map_location="cpu")
    state = state.get("network", state)
    net.Network(batches.vocabulary(), len(drawing.KINDS), len(world.COLOURS)).load_state_dict(state)
    export_blip(state, options.out / BLIP_FOLDER)
    export_clip(state, options.out / CLIP_FOLDER)


if __name__ == "__main__":
    main()
