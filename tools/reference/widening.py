"""Random weights wide enough that every part of a model shows in its answers.

The libraries' own initial values prove nothing: BlipConfig's default starts the vision tower at
1e-10, biases at zero and norms at one, and a random head is nearly uniform. So every tensor gets
its own seeded normal values, scaled by what it feeds, and the separator's bias is set so that some
captions end early and some reach the limit.
"""

import zlib

import numpy
import torch

# Standard deviations relative to 1/sqrt(inputs) for matrices, absolute for the rest. Found by
# trial: large enough to tell pictures apart, small enough that float32 follows float64 closely.
MATRIX_GAINS = (
    ("crossattention.self.query", 2.5),
    ("crossattention.self.key", 2.5),
    ("crossattention.self.value", 1.2),
    ("crossattention.output.dense", 1.0),
    ("word_embeddings", 5.0),
    ("cls.predictions.decoder", 2.5),
    ("token_embedding", 8.0),
    ("patch_embedding", 1.2),
    ("conv1", 1.2),
)
VECTOR_DEVIATIONS = (
    ("class_embedding", 0.7),
    ("bert.embeddings.position", 2.0),
    ("position", 0.6),  # also open_clip's positional_embedding
    ("norm", 0.2),
    ("ln_", 0.2),
    ("layrnorm", 0.2),
    ("bias", 0.1),
)
DEFAULT_MATRIX_GAIN = 1.2
LEAST_TOKENS = 4  # of a caption, the separator included


def is_norm(name):
    return any(part in name.lower() for part in ("norm", "ln_"))


def input_count(name, shape):
    if name.endswith(("visual.proj", "text_projection")):  # open_clip multiplies from the left
        return shape[0]
    return int(numpy.prod(shape[1:]))


def random_tensor(name, shape, seed):
    values = numpy.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(
        shape, dtype=numpy.float32)
    if len(shape) >= 2 and "position" not in name and "class_embedding" not in name:
        gain = next((gain for part, gain in MATRIX_GAINS if part in name), DEFAULT_MATRIX_GAIN)
        values *= gain / input_count(name, shape) ** 0.5
    else:
        values *= next(deviation for part, deviation in VECTOR_DEVIATIONS if part in name.lower())
        if is_norm(name) and name.endswith("weight"):
            values += 1
    return torch.from_numpy(values)


def text_depth(model):
    layers = {name.split("layer.")[1].split(".")[0]
              for name, _ in model.named_parameters() if "bert.encoder.layer." in name}
    return len(layers)


@torch.no_grad()
def widen(model, seed, storage_type):
    """Fills a model with values that the storage type holds exactly, so that a file of that type
    and the model in float32 are the same model."""
    depth = text_depth(model)
    for name, parameter in model.named_parameters():
        if name == "logit_scale":
            continue
        values = random_tensor(name, tuple(parameter.shape), seed)
        # What a layer of the decoder adds is nearly the same at every step (the picture does not
        # change), and twelve of them would drown the words: the caption would repeat one word.
        if "bert.encoder" in name and name.endswith("output.dense.weight"):
            values *= 2 / depth
        parameter.copy_(values.to(storage_type).to(parameter.dtype))


@torch.no_grad()
def set_separator_bias(model, endless, wanted_tokens, storage_type):
    """`endless` holds, for every picture, the ids and the logits of each step of a caption that was
    not allowed to end. The separator's bias does not change what comes before it, so every value
    can be tried on these: the best one gives the most different captions and lengths."""
    separator = model.config.text_config.sep_token_id
    bias = model.text_decoder.cls.predictions.decoder.bias
    gaps = []  # [pictures][steps] what the bias must exceed for the caption to end here
    for _, logits in endless:
        others = logits.clone()
        others[:, separator] = -torch.inf
        gaps.append(others.max(dim=1).values - (logits[:, separator] - bias[separator]))

    def worth(value):
        lengths = [length_before_end(gap, value) for gap in gaps]
        captions = {tuple(ids[:length].tolist()) for (ids, _), length in zip(endless, lengths)}
        middle = sorted(lengths)[len(lengths) // 2]
        is_short = min(lengths) < LEAST_TOKENS - 1
        return len(captions), not is_short, len(set(lengths)), -abs(middle + 1 - wanted_tokens)

    candidates = [float(value) + 0.05 for gap in gaps for value in gap]
    chosen = max(candidates, key=worth)
    bias[separator] = torch.tensor(chosen).to(storage_type).to(bias.dtype)


def length_before_end(gap, value):
    ends = (gap < value).nonzero()
    return int(ends[0]) if len(ends) else len(gap)
