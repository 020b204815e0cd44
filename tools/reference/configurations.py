"""The models that the makers make: a table of architectures and of ways to store them.

Each entry is one models folder with a captioning and an embedding model. The small ones differ in
everything that a reader of such files may get wrong: widths (equal and unequal between the towers,
not multiples of a vector register), head sizes, depths, picture and patch sizes, activations, layer
norm epsilons, tied heads, names of the tensors, storage types and containers.
"""

from dataclasses import dataclass

BLIP_FOLDER = "blip-image-captioning-base"
CLIP_FOLDER = "CLIP-ViT-B-32-laion2B-s34B-b79K"


@dataclass(frozen=True)
class Tower:
    width: int
    layers: int
    heads: int
    mlp: int
    epsilon: float = 1e-5


@dataclass(frozen=True)
class Blip:
    vision: Tower
    text: Tower
    image: int
    patch: int
    positions: int = 64
    is_tied: bool = False
    file: str = "pytorch_model.bin"
    type: str = "float32"


@dataclass(frozen=True)
class Clip:
    vision: Tower
    text: Tower
    image: int
    patch: int
    embedding: int
    context: int = 77
    is_quick_gelu: bool = False
    has_pre_norm: bool = True
    is_squashed: bool = False  # the picture, instead of cropped
    has_open_clip_names: bool = True
    file: str = "open_clip_model.safetensors"
    type: str = "float32"


@dataclass(frozen=True)
class Configuration:
    blip: Blip
    clip: Clip
    full_size: bool = False
    has_outliers: bool = False  # see outliers.py
    # Pictures on which a caption should end early; see widening.py.
    wanted_tokens: int = 14
    first_seed: int = 1


SMALL = {
    # As published: PyTorch's zip for BLIP, open_clip's names in float32 for CLIP.
    "plain": Configuration(
        Blip(Tower(64, 2, 4, 256), Tower(64, 2, 4, 256, 1e-12), image=32, patch=8),
        Clip(Tower(48, 2, 3, 192), Tower(32, 2, 2, 128), image=32, patch=8, embedding=512),
    ),
    # Vision wider than text, a tied head, half precision, transformers' names.
    "wide_vision": Configuration(
        Blip(Tower(96, 2, 2, 384), Tower(64, 2, 8, 256, 1e-12), image=48, patch=16,
             is_tied=True, file="model.safetensors", type="float16"),
        Clip(Tower(80, 2, 5, 320, 0.02), Tower(64, 2, 2, 256, 0.05), image=48, patch=16,
             embedding=64, has_open_clip_names=False, file="model.safetensors", type="float16"),
    ),
    # Text wider and deeper than vision, bfloat16, OpenAI's activation in transformers' names.
    "deep_text": Configuration(
        Blip(Tower(48, 2, 3, 192), Tower(72, 4, 6, 288, 1e-12), image=64, patch=16,
             file="model.safetensors", type="bfloat16"),
        Clip(Tower(48, 2, 3, 192), Tower(64, 3, 4, 256), image=64, patch=16, embedding=128,
             is_quick_gelu=True, has_open_clip_names=False, file="pytorch_model.bin",
             type="float16"),
    ),
    # Nothing is a power of two, MLPs are not four times as wide, a short context. The epsilons here
    # and above are large because those of real models are too small to show.
    "odd_widths": Configuration(
        Blip(Tower(40, 3, 5, 100, 0.02), Tower(56, 3, 7, 150, 0.05), image=56, patch=14,
             positions=40, is_tied=True, type="float16"),
        Clip(Tower(60, 2, 5, 150), Tower(36, 3, 3, 126), image=42, patch=14, embedding=100,
             context=24, is_quick_gelu=True, type="bfloat16"),
    ),
    # What open_clip lets a configuration change: no norm before the blocks, pictures squashed to
    # the square. Half precision in open_clip's names, as the demo models are stored.
    "squashed": Configuration(
        Blip(Tower(32, 2, 2, 128), Tower(40, 2, 5, 160, 1e-12), image=40, patch=8,
             positions=40, file="model.safetensors", type="float16"),
        Clip(Tower(32, 2, 2, 128), Tower(32, 2, 4, 128), image=36, patch=12, embedding=64,
             context=32, has_pre_norm=False, is_squashed=True, type="float16"),
    ),
    # With channels tens of times larger than the rest, as trained models have them.
    "outliers": Configuration(
        Blip(Tower(64, 2, 4, 256), Tower(64, 2, 4, 256, 1e-12), image=32, patch=8, positions=40,
             file="model.safetensors", type="float16"),
        Clip(Tower(64, 2, 2, 256), Tower(48, 2, 3, 192), image=32, patch=8, embedding=64,
             context=32, type="float16"),
        has_outliers=True,
    ),
}

FULL_SIZE = Configuration(
    Blip(Tower(768, 12, 12, 3072), Tower(768, 12, 12, 3072, 1e-12), image=384, patch=16,
         positions=512),
    Clip(Tower(768, 12, 12, 3072), Tower(512, 12, 8, 2048), image=224, patch=32, embedding=512),
    full_size=True,
    wanted_tokens=12,
    first_seed=6,  # the first that is accepted: each trial takes half a minute
)
