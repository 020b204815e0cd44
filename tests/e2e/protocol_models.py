"""What the demo models say on the command line, which other programs' protocols must say too."""
import json
import subprocess

import numpy
from server_process import ROOT, clean_environment

CAPTION_MODEL, SEARCH_MODEL = "imgrouter-demo-blip", "imgrouter-demo-clip"
PICTURES = sorted((ROOT / "examples" / "pictures").iterdir())[:6]
TEXTS = ["a red circle above a blue square", "a boat at night", "green diamonds"]


class CommandLine:
    """`imgrouter embed` and `imgrouter caption` on the demo models."""

    def __init__(self, binary, home):
        self.binary = binary
        self.environment = clean_environment(home, USE_MOCK_MODELS="auto")

    def run(self, *words):
        done = subprocess.run([self.binary, *map(str, words), "--json"], env=self.environment,
                              capture_output=True, text=True, timeout=120, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def vectors(self, *pictures):
        return [line["embedding"] for line in self.run("embed", *pictures)]

    def text_vectors(self, *texts):
        return [line["embedding"] for line in self.run("embed", "--text", *texts)]

    def captions(self, *pictures):
        return [line["caption"] for line in self.run("caption", *pictures)]


def assert_same(vectors, expected):
    """Batches may sum in another order than one does: the last digits may differ, no more."""
    assert numpy.array(vectors).shape == numpy.array(expected).shape
    assert numpy.abs(numpy.array(vectors) - numpy.array(expected)).max() < 1e-5
    assert numpy.abs(numpy.linalg.norm(vectors, axis=1) - 1).max() < 1e-5


def assert_nothing_is_stored(client):
    assert client.get("/healthz").json()["store"]["images"] == 0
