"""The networks as training sees them: one vision tower that captioning (BLIP) and search (CLIP)
share, a BERT-like decoder and CLIP's text tower. Plain PyTorch, because it trains faster than the
libraries' classes; export.py writes the weights under the names that those read.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

IMAGE, PATCH = 96, 12
GRID = IMAGE // PATCH
WIDTH, HEADS = 128, 4
VISION_LAYERS, TEXT_LAYERS, DECODER_LAYERS = 6, 3, 3
EMBEDDING = 512
CONTEXT = 32  # tokens of a query
POSITIONS = 32  # tokens of a caption
VISION_EPSILON, TEXT_EPSILON = 1e-5, 1e-12


@dataclass(frozen=True)
class Vocabulary:
    caption: int  # entries, with [DEC] and [ENC] behind the last line of vocab.txt
    query: int


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.projection = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, context=None, is_causal=False):
        context = x if context is None else context
        if context is x:
            query, key, value = self.qkv(x).chunk(3, dim=-1)
        else:
            query = F.linear(x, self.qkv.weight[:WIDTH], self.qkv.bias[:WIDTH])
            key, value = F.linear(context, self.qkv.weight[WIDTH:],
                                  self.qkv.bias[WIDTH:]).chunk(2, dim=-1)
        query, key, value = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
                             for part in (query, key, value))
        # By hand, for PyTorch's fused kernel is several times slower backwards on a processor.
        scores = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        if is_causal:
            scores = scores + torch.full(scores.shape[-2:], -1e4, device=x.device).triu(1)
        mixed = scores.softmax(dim=-1).to(value.dtype) @ value
        return self.projection(mixed.transpose(1, 2).flatten(-2))


class Feedforward(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))


class Block(nn.Module):
    """Norm first, as in both vision towers and CLIP's text tower."""

    def __init__(self, is_causal=False):
        super().__init__()
        self.is_causal = is_causal
        self.norm_1, self.norm_2 = (nn.LayerNorm(WIDTH, VISION_EPSILON) for _ in range(2))
        self.attention, self.feedforward = Attention(), Feedforward()

    def forward(self, x):
        x = x + self.attention(self.norm_1(x), is_causal=self.is_causal)
        return x + self.feedforward(self.norm_2(x))


class DecoderBlock(nn.Module):
    """Norm last, with a look at the picture in the middle, as in BERT and BLIP's decoder."""

    def __init__(self):
        super().__init__()
        self.attention, self.cross, self.feedforward = Attention(), Attention(), Feedforward()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, TEXT_EPSILON) for _ in range(3))

    def forward(self, x, image):
        x = self.norms[0](x + self.attention(x, is_causal=True))
        x = self.norms[1](x + self.cross(x, image))
        return self.norms[2](x + self.feedforward(x))


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.class_token = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.positions = nn.Parameter(0.02 * torch.randn(1 + GRID * GRID, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(VISION_LAYERS))
        self.norm = nn.LayerNorm(WIDTH, VISION_EPSILON)

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Decoder(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, TEXT_EPSILON)
        self.blocks = nn.ModuleList(DecoderBlock() for _ in range(DECODER_LAYERS))
        self.transform = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(),
                                       nn.LayerNorm(WIDTH, TEXT_EPSILON))
        self.head = nn.Linear(WIDTH, vocabulary)
        self.head.weight = self.words.weight

    def forward(self, ids, image):
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for block in self.blocks:
            x = block(x, image)
        return self.head(self.transform(x))


class Text(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Parameter(0.01 * torch.randn(CONTEXT, WIDTH))
        self.blocks = nn.ModuleList(Block(is_causal=True) for _ in range(TEXT_LAYERS))
        self.norm = nn.LayerNorm(WIDTH, VISION_EPSILON)
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)

    def forward(self, ids):
        """The end token has the highest id; what comes behind it cannot be seen from it."""
        x = self.words(ids) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        ends = self.norm(x)[torch.arange(len(ids)), ids.argmax(dim=1)]
        return self.projection(ends)


class Network(nn.Module):
    def __init__(self, vocabulary, kinds, colours):
        super().__init__()
        self.vision, self.decoder = Vision(), Decoder(vocabulary.caption)
        self.text = Text(vocabulary.query)
        self.image_projection = nn.Linear(WIDTH, EMBEDDING, bias=False)
        self.scale = nn.Parameter(torch.tensor(2.6))
        # What each patch shows: these teach the tower to see and are not shipped.
        self.patch_kind, self.patch_colour = nn.Linear(WIDTH, kinds), nn.Linear(WIDTH, colours)
        self.patch_centre = nn.Linear(WIDTH, 1)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02 if isinstance(module, nn.Embedding)
                                else module.in_features ** -0.5 / 2)
                if getattr(module, "bias", None) is not None:
                    nn.init.zeros_(module.bias)

    def image_vectors(self, image):
        return F.normalize(self.image_projection(image[:, 0]), dim=-1)

    def text_vectors(self, ids):
        return F.normalize(self.text(ids), dim=-1)

    def losses(self, pixels, captions, queries, holds, kinds, colours, centres):
        """`captions` [batch, tokens] with [DEC] first and -1 behind the end; `holds` [batch, batch]
        says of which picture (row) which query (column) is true."""
        image = self.vision(pixels)
        logits = self.decoder(captions[:, :-1].clamp(min=0), image)
        caption = F.cross_entropy(logits.flatten(0, 1), captions[:, 1:].flatten(), ignore_index=-1)
        similar = self.scale.exp() * self.image_vectors(image) @ self.text_vectors(queries).T
        wanted = holds.float()
        contrast = (F.cross_entropy(similar, wanted / wanted.sum(1, keepdim=True)) +
                    F.cross_entropy(similar.T, wanted.T / wanted.T.sum(1, keepdim=True))) / 2
        patches = image[:, 1:]
        patch = (F.cross_entropy(self.patch_kind(patches).flatten(0, 1), kinds.flatten()) +
                 F.cross_entropy(self.patch_colour(patches).flatten(0, 1), colours.flatten(),
                                 ignore_index=-1) +
                 F.binary_cross_entropy_with_logits(self.patch_centre(patches)[..., 0], centres))
        return caption, contrast, patch

    @torch.no_grad()
    def captions(self, pixels, start, end):
        """Greedy captions as rows of ids, without the start and from the first `end` on useless."""
        image = self.vision(pixels)
        ids = torch.full((len(pixels), 1), start)
        while ids.shape[1] < POSITIONS and not (ids == end).any(dim=1).all():
            best = self.decoder(ids, image)[:, -1].argmax(dim=-1, keepdim=True)
            ids = torch.cat([ids, best], dim=1)
        return ids[:, 1:]
