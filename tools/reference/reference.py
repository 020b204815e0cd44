"""The answers of the original libraries: transformers' BLIP and CLIP, and open_clip, in float32.

Both classes read a folder as it is published. Pictures are made RGB first and then go through
BlipImageProcessor and open_clip's image transform, as in the service that this project replaces.
"""

import json
import pathlib

import PIL
import open_clip
import torch
import transformers
from open_clip.factory import load_checkpoint
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from PIL import Image, ImageOps
from transformers import (BertTokenizerFast, BlipForConditionalGeneration, BlipImageProcessor,
                          CLIPModel)

from vocabularies import open_clip_tokenizer

MAX_NEW_TOKENS = 30

# Pillow 13 resizes tall pictures vertically first, which rounds differently; the original service
# pins 11.0.
assert int(PIL.__version__.split(".")[0]) < 13, (
    "install the packages of tests/requirements-reference.txt: this Pillow is too new")

transformers.logging.set_verbosity_error()  # a tied head is reported as missing


def open_picture(path):
    """Upright and RGB: transparency dropped, not blended."""
    with Image.open(path) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


class StageTap:
    """Collects what the first and the last of some blocks return while the `with` lasts."""

    def __init__(self, prefix, blocks):
        self.stages = {}
        self._hooks = [
            blocks[0].register_forward_hook(self._keep(prefix + "block_0")),
            blocks[-1].register_forward_hook(self._keep(prefix + "block_last")),
        ]

    def _keep(self, name):
        def keep(_module, _inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            self.stages[name] = output[0].clone()  # [tokens, width] of the only picture or text

        return keep

    def __enter__(self):
        return self.stages

    def __exit__(self, *_):
        for hook in self._hooks:
            hook.remove()


def load_blip(folder, dtype):
    model, info = BlipForConditionalGeneration.from_pretrained(
        folder, torch_dtype=dtype, output_loading_info=True)
    missing = set(info["missing_keys"])
    head = "text_decoder.cls.predictions.decoder.weight"
    if head in missing:  # this version of the library does not tie the head itself; newer ones do
        decoder = model.text_decoder
        decoder.cls.predictions.decoder.weight = decoder.bert.embeddings.word_embeddings.weight
    assert missing <= {head} and not info["mismatched_keys"], info
    assert all(name.endswith("position_ids") for name in info["unexpected_keys"]), info
    return model


class CaptionReference:
    def __init__(self, folder, dtype=torch.float32, model=None):
        folder = pathlib.Path(folder)
        self.model = (load_blip(folder, dtype) if model is None else model).eval()
        self.dtype = dtype
        self.processor = BlipImageProcessor.from_pretrained(folder)
        self.tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))

    def pixels(self, picture):
        # Left to guess, the library takes a picture one pixel high for one with its planes first.
        return self.processor(picture, return_tensors="pt",
                              input_data_format="channels_last").pixel_values  # [1, 3, size, size]

    @torch.no_grad()
    def image_tokens(self, picture):
        return self.model.vision_model(self.pixels(picture).to(self.dtype)).last_hidden_state

    @torch.no_grad()
    def step_logits(self, picture, max_new_tokens=MAX_NEW_TOKENS, **options):
        """The generated ids and the raw logits [steps, vocabulary] they were chosen from."""
        output = self.model.generate(
            self.pixels(picture).to(self.dtype), max_new_tokens=max_new_tokens, num_beams=1,
            do_sample=False, return_dict_in_generate=True, output_logits=True, **options)
        return output.sequences[0, 1:], torch.stack(output.logits)[:, 0]

    def caption(self, picture):
        ids, logits = self.step_logits(picture)
        probabilities = logits.softmax(dim=-1).gather(1, ids[:, None])[:, 0]
        best_two = logits.topk(2, dim=-1).values
        return {
            "caption": self.tokenizer.decode(ids, skip_special_tokens=True,
                                             clean_up_tokenization_spaces=True),
            "token_ids": ids,
            "token_probs": probabilities,
            "margins": best_two[:, 0] - best_two[:, 1],
            "confidence": float(probabilities.log().mean().exp()),
            "logits": logits,
        }

    @torch.no_grad()
    def stages(self, picture):
        answer = self.caption(picture)
        with StageTap("vision.", self.model.vision_model.encoder.layers) as stages:
            stages["vision.output"] = self.image_tokens(picture)[0]
        return stages | {"pixels": self.pixels(picture)[0], "logits_0": answer["logits"][0],
                         "token_ids": answer["token_ids"], "token_probs": answer["token_probs"]}


class EmbeddingReference:
    WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

    def __init__(self, folder, dtype=torch.float32):
        folder = pathlib.Path(folder)
        weights = [folder / name for name in self.WEIGHT_FILES if (folder / name).exists()]
        self.is_open_clip, preprocessing = bool(weights), {}
        if self.is_open_clip:
            settings = json.loads((folder / "open_clip_config.json").read_text())
            config, preprocessing = settings["model_cfg"], settings["preprocess_cfg"]
            self.model = open_clip.CLIP(**config)
            load_checkpoint(self.model, str(weights[0]))
            size, context = config["vision_cfg"]["image_size"], config["text_cfg"]["context_length"]
        else:
            self.model = CLIPModel.from_pretrained(folder)
            vision, text = self.model.config.vision_config, self.model.config.text_config
            size, context = vision.image_size, text.max_position_embeddings
        self.model = self.model.to(dtype).eval()
        self.dtype = dtype
        self.transform = image_transform_v2(
            PreprocessCfg(**merge_preprocess_dict(PreprocessCfg(size=size), preprocessing)),
            is_train=False)
        self.tokenizer = open_clip_tokenizer(folder, context)

    def pixels(self, picture):
        return self.transform(picture)[None]  # [1, 3, size, size]

    def token_ids(self, text):
        """Start, the text and end, without the padding behind."""
        ids = self.tokenizer([text])[0]
        return ids[: int(ids.argmax()) + 1]

    @torch.no_grad()
    def image_vector(self, picture):
        pixels = self.pixels(picture).to(self.dtype)
        features = (self.model.encode_image(pixels) if self.is_open_clip
                    else self.model.get_image_features(pixel_values=pixels))
        return torch.nn.functional.normalize(features, dim=-1)[0]

    @torch.no_grad()
    def text_vector(self, text):
        ids = self.tokenizer([text])
        features = (self.model.encode_text(ids) if self.is_open_clip
                    else self.model.get_text_features(input_ids=ids))
        return torch.nn.functional.normalize(features, dim=-1)[0]

    def image_stages(self, picture):
        blocks = (self.model.visual.transformer.resblocks if self.is_open_clip
                  else self.model.vision_model.encoder.layers)
        with StageTap("vision.", blocks) as stages:
            vector = self.image_vector(picture)
        return stages | {"pixels": self.pixels(picture)[0], "vector": vector}

    def text_stages(self, text):
        """The rows behind the end token cannot matter (the tower is causal) and are left out."""
        blocks = (self.model.transformer.resblocks if self.is_open_clip
                  else self.model.text_model.encoder.layers)
        ids = self.token_ids(text)
        with StageTap("text.", blocks) as stages:
            vector = self.text_vector(text)
        stages = {name: rows[: len(ids)] for name, rows in stages.items()}
        return stages | {"token_ids": ids, "vector": vector}
