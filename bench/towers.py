"""The stages as PyTorch modules, from transformers' BLIP and open_clip's CLIP: what PyTorch runs
here, and what is exported for the other runtimes."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools" / "reference"))

import torch

from configurations import BLIP_FOLDER, CLIP_FOLDER
from reference import CaptionReference, EmbeddingReference, open_picture

QUERY = "a dog on a beach in summer"  # the query of `imgrouter bench`: 9 tokens
MODULES = ("text_vector", "text_vector_short", "image_vector", "caption_vision")


class CaptionVision(torch.nn.Module):
    """BLIP's image tower and every decoder layer's cross-attention keys and values, which a
    caption needs once: what `imgrouter bench` calls caption_vision."""

    def __init__(self, blip):
        super().__init__()
        self.tower = blip.vision_model
        attentions = [layer.crossattention.self for layer in blip.text_decoder.bert.encoder.layer]
        self.keys = torch.nn.ModuleList(attention.key for attention in attentions)
        self.values = torch.nn.ModuleList(attention.value for attention in attentions)

    def forward(self, planes):  # [1, 3, 384, 384]
        states = self.tower(planes).last_hidden_state
        return tuple(layer(states) for pair in zip(self.keys, self.values) for layer in pair)


class ImageVector(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.tower = clip.visual

    def forward(self, planes):  # [batch, 3, 224, 224]
        return torch.nn.functional.normalize(self.tower(planes), dim=-1)


class TextVector(torch.nn.Module):
    """open_clip's encode_text for any count of tokens. open_clip itself always computes the whole
    context; the tower is causal, so a shorter one gives the same vector."""

    def __init__(self, clip, count):
        super().__init__()
        self.tokens, self.tower = clip.token_embedding, clip.transformer
        self.norm, self.projection = clip.ln_final, clip.text_projection
        self.register_buffer("positions", clip.positional_embedding.detach()[:count])
        self.register_buffer("mask", clip.attn_mask.detach()[:count, :count].contiguous())

    def forward(self, ids):  # [1, count], zeros behind the end token
        states = self.tower(self.tokens(ids) + self.positions, attn_mask=self.mask)
        last = states[torch.arange(states.shape[0]), ids.argmax(dim=-1)]
        return torch.nn.functional.normalize(self.norm(last) @ self.projection, dim=-1)


class Towers:
    """The models of a folder, and what makes their inputs."""

    def __init__(self, models):
        models = pathlib.Path(models)
        self.captioner = CaptionReference(models / BLIP_FOLDER)
        self.embedder = EmbeddingReference(models / CLIP_FOLDER)

    def module(self, stage):
        clip = self.embedder.model
        if stage == "caption_vision":
            module = CaptionVision(self.captioner.model)
        elif stage == "image_vector":
            module = ImageVector(clip)
        else:
            module = TextVector(clip, self.text_input(stage, QUERY).shape[1])
        return module.eval()

    def text_input(self, stage, text):
        """[1, 77], as open_clip runs it, or [1, tokens] for text_vector_short."""
        if stage == "text_vector_short":
            return self.embedder.token_ids(text)[None]
        return self.embedder.tokenizer([text])

    def inputs(self, picture_file):
        """Each module's input."""
        picture = open_picture(picture_file)
        return {"caption_vision": self.captioner.pixels(picture),
                "image_vector": self.embedder.pixels(picture),
                "text_vector": self.text_input("text_vector", QUERY),
                "text_vector_short": self.text_input("text_vector_short", QUERY)}
