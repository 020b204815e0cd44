"""Starts the real program for each test and speaks HTTP with it. Set IMGROUTER_BINARY to test
another build than build/imgrouter."""
import os
import pathlib

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
