"""What is compared, and how many times faster than its peers each stage has to be."""

from dataclasses import dataclass, field

CAPTION_TOKENS = 10  # a usual caption
BULK_PICTURES = 16  # as `imgrouter bench` sends them


@dataclass(frozen=True)
class Stage:
    key: str
    words: str
    # Precision: (must, aim), ratios to the fastest peer's time. Without bars it is only told. ""
    # is for what does not depend on the models' precision.
    bars: dict = field(default_factory=dict)
    peers: tuple = ("PyTorch", "ONNX Runtime", "OpenVINO")
    turn: str = None  # the peers' key; the stage's own when None

    @property
    def peer_key(self):
        return self.turn or self.key


# In the order of the turns. The bars are those of the project's plan.
STAGES = (
    Stage("text_vector", "CLIP text, 9 tokens (peers pad to 77)",
          {"f32": (6, 9), "int8": (6, 10)}),
    Stage("text_vector_short", "the same, peers without padding"),
    Stage("image_vector", "CLIP image", {"f32": (1.1, 1.4), "int8": (1.3, 1.6)}),
    Stage("image_bulk", "CLIP image in bulk of 16, each", {"int8": (1.3, 1.8)}),
    Stage("caption_vision", "BLIP vision, cross-attention keys",
          {"f32": (1.05, 1.15), "int8": (1.3, 1.6)}),
    Stage("caption", "caption of 10 tokens", {"f32": (1.5, 1.9), "int8": (2.2, 3)}, ("PyTorch",)),
    Stage("inputs_exact", "12 MP JPEG to both inputs, exact", {"": (3, 4)}, ("Pillow",), "inputs"),
    Stage("inputs", "12 MP JPEG to both inputs, scaled", {"": (8, 12)}, ("Pillow",)),
)
# Precision: (must, aim), at most.
FIRST_CAPTION_S = (0.8, 0.4)
RESIDENT_MIB = {"int8": (600, 450)}


def verdict(value, bars, is_least=False):
    """is_least: smaller is better."""
    if bars is None:
        return ""
    must, aim = ((value <= bar if is_least else value >= bar) for bar in bars)
    return "aim met" if aim else "must met" if must else "MISSED"
