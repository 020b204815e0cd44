"""Starts the real program for each test and speaks HTTP with it. Set IMGROUTER_BINARY to test
another build than build/imgrouter."""
import json
import os
import pathlib
import subprocess

import pytest
from server_process import GOLDEN_MODELS, ROOT, Server, clean_environment  # noqa: F401


@pytest.fixture(scope="session")
def binary():
    path = pathlib.Path(os.environ.get("IMGROUTER_BINARY", ROOT / "build" / "imgrouter"))
    if not path.exists():
        pytest.fail(f"{path} is not there; build it with make build")
    return str(path)


@pytest.fixture
def start_server(binary, tmp_path):
    """start_server(data=..., arguments=[...], SETTING=value, ...) -> Server. All are stopped at
    the end of the test and must exit with 0."""
    servers = []

    def start(data=None, arguments=(), **settings):
        server = Server(binary, str(data or tmp_path / "data"), list(arguments),
                        clean_environment(tmp_path, **settings),
                        tmp_path / f"server-{len(servers)}.log")
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture
def client(server):
    return server.client


@pytest.fixture
def ask_provider(binary, tmp_path):
    """ask_provider(kind, url, model, picture, KEY=value, ...) -> what tests/unit/cloud/ask_provider.c
    prints, read; with TIMES a list. The values become ASK_KEY and so on."""
    program = pathlib.Path(binary).parent / "tests" / "unit" / "cloud" / "ask_provider"
    if not program.exists():
        pytest.fail(f"{program} is not there; build it with make test-unit")

    def ask(kind, url, model, picture, **values):
        path = tmp_path / "asked.jpg"
        path.write_bytes(picture)
        environment = clean_environment(tmp_path) | {
            f"ASK_{name}": str(value) for name, value in values.items() if value is not None}
        done = subprocess.run([program, kind, url or "-", model or "-", path], env=environment,
                              stdout=subprocess.PIPE, timeout=60, check=False)
        assert done.returncode in (0, 1), done
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines if "TIMES" in values else lines[0]

    return ask


@pytest.fixture
def provider():
    """A stand-in for OpenRouter, which has nothing to complain of at the end."""
    # Only here: what they import takes a second.
    from cloud_stand_in import CLOUD_KEY
    from fake_openai import FakeOpenAI

    stand_in = FakeOpenAI(dialect="openrouter", key=CLOUD_KEY)
    yield stand_in
    stand_in.close()
    assert stand_in.complaints == []
