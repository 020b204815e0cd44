"""Plants outliers into a model without changing what it computes: a few channels of a norm's gain and
bias, or of a layer's outputs, become 10 to 60 times larger, and the columns that read them as much
smaller. Real CLIP and BLIP models have such channels; random ones do not, and a quantiser that looks at
random ones only would be taken in.

    python tools/reference/outliers.py MODEL PLANTED   # the folder of a model, and of the copy
"""

import argparse
import pathlib
import re
import shutil

import torch
from safetensors.torch import load_file, save_file

CHANNELS = 6
LEAST, MOST = 10, 60
SEED = 20


def plant(tensors, writers, readers, axis, generator, last_rows=None):
    """Makes channels of the writers larger, of the readers smaller. Writers' channels are rows,
    counted from `last_rows` before the end (of a stacked matrix); readers' are along `axis`."""
    width = tensors[readers[0]].shape[axis]
    first = 0 if last_rows is None else tensors[writers[0]].shape[0] - last_rows
    channels = torch.randperm(width, generator=generator)[:CHANNELS]
    factors = LEAST + (MOST - LEAST) * torch.rand(CHANNELS, generator=generator)
    factors = factors.to(tensors[readers[0]].dtype)
    for name in writers:
        changed = tensors[name].clone()
        shape = (-1,) + (1,) * (changed.dim() - 1)
        changed[first + channels] *= factors.reshape(shape)
        tensors[name] = changed
    for name in readers:
        changed = tensors[name].clone()
        if axis == 0:
            changed[channels] /= factors[:, None]
        else:
            changed[:, channels] /= factors
        tensors[name] = changed


def pair(name):
    return [name + ".weight", name + ".bias"]


def layers(tensors, pattern):
    """The prefixes of all layers, such as "visual.transformer.resblocks.3."."""
    found = {match.group(0) for name in tensors for match in [re.match(pattern, name)] if match}
    return sorted(found)


def plant_blip(tensors, generator):
    for layer in layers(tensors, r"vision_model\.encoder\.layers\.\d+\."):
        width = tensors[layer + "self_attn.projection.weight"].shape[1]
        plant(tensors, pair(layer + "layer_norm1"), [layer + "self_attn.qkv.weight"], 1, generator)
        plant(tensors, pair(layer + "layer_norm2"), [layer + "mlp.fc1.weight"], 1, generator)
        plant(tensors, pair(layer + "self_attn.qkv"), [layer + "self_attn.projection.weight"], 1,
              generator, last_rows=width)
    decoder = layers(tensors, r"text_decoder\.bert\.encoder\.layer\.\d+\.")
    plant(tensors, pair("vision_model.post_layernorm"),
          [f"{layer}crossattention.self.{part}.weight" for layer in decoder
           for part in ("key", "value")], 1, generator)
    for layer in decoder:
        for part in ("attention", "crossattention"):
            plant(tensors, pair(f"{layer}{part}.self.value"),
                  [f"{layer}{part}.output.dense.weight"], 1, generator)
    head = "text_decoder.cls.predictions."
    if head + "decoder.weight" in tensors:
        plant(tensors, pair(head + "transform.LayerNorm"), [head + "decoder.weight"], 1, generator)


def plant_clip(tensors, generator):
    """open_clip's names."""
    for layer in layers(tensors, r"(visual\.)?transformer\.resblocks\.\d+\."):
        width = tensors[layer + "attn.out_proj.weight"].shape[1]
        plant(tensors, pair(layer + "ln_1"), [layer + "attn.in_proj_weight"], 1, generator)
        plant(tensors, pair(layer + "ln_2"), [layer + "mlp.c_fc.weight"], 1, generator)
        plant(tensors, [layer + "attn.in_proj_weight", layer + "attn.in_proj_bias"],
              [layer + "attn.out_proj.weight"], 1, generator, last_rows=width)
    plant(tensors, pair("visual.ln_post"), ["visual.proj"], 0, generator)
    plant(tensors, pair("ln_final"), ["text_projection"], 0, generator)


def plant_file(path):
    """Changes a weight file: torch.save's BLIP or CLIP, or safetensors of either."""
    is_safetensors = path.suffix == ".safetensors"
    tensors = load_file(path) if is_safetensors else torch.load(path, weights_only=True)
    is_blip = any(name.startswith("text_decoder.") for name in tensors)
    (plant_blip if is_blip else plant_clip)(tensors, torch.Generator().manual_seed(SEED))
    if is_safetensors:
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path)


def copy_with_outliers(model, planted):
    """Copies the folder of a model; the copy's weights have outliers."""
    shutil.copytree(model, planted)
    for path in pathlib.Path(planted).iterdir():
        if path.suffix in (".safetensors", ".bin"):
            plant_file(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("planted", type=pathlib.Path)
    arguments = parser.parse_args()
    copy_with_outliers(arguments.model, arguments.planted)


if __name__ == "__main__":
    main()
