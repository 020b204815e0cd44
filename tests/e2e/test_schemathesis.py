"""schemathesis asks the server what /openapi.json says can be asked, and what it says cannot: every
check of its own, in all of its phases. What a schema cannot say is in schemathesis_hooks.py."""
import os
import pathlib
import re
import subprocess
import sys

import pytest
from pictures import png
from server_process import ROOT
from web_server import WebServer

pytest.importorskip("schemathesis")
HERE = pathlib.Path(__file__).parent
SEED = 9
CASES = 30  # of each operation and phase; a run takes a quarter of a minute
DEADLINE_S = 110


@pytest.fixture
def picture_url():
    web = WebServer()
    yield web.add("/picture.png", png(7))
    web.close()


def test_no_check_fails(start_server, picture_url, tmp_path):
    server = start_server(USE_MOCK_MODELS="auto", IMGROUTER_URL_ALLOW_PRIVATE="true")
    for path in sorted((ROOT / "examples" / "pictures").iterdir()):
        server.upload(path.read_bytes())
    settings = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE),
                "PICTURE_URL": picture_url, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
         "--no-color", "run", server.url + "/openapi.json",
         "--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--mode", "all",
         "--seed", str(SEED), "--max-examples", str(CASES), "--continue-on-failure",
         "--generation-database", "none", "--request-timeout", "20"],
        env=os.environ | settings, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=DEADLINE_S, text=True, check=False)
    assert done.returncode == 0, done.stdout
    # All operations were tried, each in many ways; the one that it read the document from it leaves out.
    operations = sum(len(methods) for methods in
                     server.client.get("/openapi.json").json()["paths"].values()) - 1
    tested = int(re.search(r"Tested: (\d+)", done.stdout)[1])
    assert tested == operations, done.stdout
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 40 * operations, done.stdout
    # Nothing was left unchecked for want of a schema that can be read.
    assert "WARNINGS" not in done.stdout, done.stdout
