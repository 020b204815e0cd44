"""Models at full size are made once for all tests that want them."""

import os
import pathlib
import shutil

import pytest


@pytest.fixture(scope="session")
def full_size_models(tmp_path_factory):
    """A folder of BLIP-base and ViT-B/32 with random weights. Only for tests that have checked that
    the reference libraries are there."""
    ready = os.environ.get("IMGROUTER_FULL_SIZE_MODELS")
    if ready:
        yield pathlib.Path(ready).resolve()
        return
    from configurations import FULL_SIZE
    from make_models import make_models

    folder = tmp_path_factory.mktemp("full_size_models")
    make_models(FULL_SIZE, folder)
    yield folder
    shutil.rmtree(folder)
