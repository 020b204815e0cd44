"""/healthz tells what the process is made of; /readyz whether requests can be served now. That a store
that is away is named is in test_qdrant.py and test_pgvector.py."""
import signal
import socket
import time

import httpx
import pytest
from cloud_stand_in import Answer
from fake_openai import FakeOpenAI
from pictures import png
from server_process import model_arguments, small_models, wait_until

KEY = "sk-or-0123456789abcdef"


def not_ready(answer):
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Retry-After" in answer.headers
    problem = answer.json()
    assert problem["code"] == "unavailable" and problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem["failing"]


def test_health_tells_everything(client):
    health = client.get("/healthz").json()
    assert health["status"] == "ok" and health["version"] and health["uptime_s"] >= 0
    assert health["models"] == {
        "caption": {"name": "mock", "source": "mock", "precision": "f32"},
        "embedding": {"name": "mock", "source": "mock", "precision": "f32"}}
    assert health["precision"] == "f32" and health["kernel_tier"]
    assert health["failed_kernel_tier"] is None and health["threads"] >= 1
    assert health["queue"]["depth"] == 0 and health["queue"]["capacity"] >= 1
    assert health["store"] == {"name": "sqlite", "images": 0}
    assert health["reindex"]["failed"] == 0 and health["cloud"] == []
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("precision", ["f32", "f16", "int8"])
def test_each_model_tells_its_precision(start_server, precision):
    server = start_server(IMGROUTER_PRECISION=precision, **model_arguments(small_models()[0]))
    models = server.client.get("/healthz").json()["models"]
    assert {model["precision"] for model in models.values()} == {precision}


def test_a_cloud_that_is_away_leaves_it_ready(start_server):
    provider = FakeOpenAI(dialect="openrouter", key=KEY)
    provider.script = [Answer(status=503)] * 100
    server = start_server(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY=KEY,
                          OPENROUTER_BASE_URL=provider.url, CAPTION_CONFIDENCE_THRESHOLD="1")

    def breaker():
        return server.client.get("/healthz").json()["cloud"][0]["breaker"]

    assert breaker() == "closed"
    for number in range(20):
        if breaker() == "open":
            break
        assert server.client.post("/images", files={"file": png(number)}).status_code == 200
    assert breaker() == "open"
    assert server.client.get("/readyz").status_code == 200
    provider.close()
    assert server.client.get("/readyz").status_code == 200


def half_an_upload(server):
    """Keeps a stopping server at work: it waits for the other half."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    picture = png(1)
    connection.sendall(b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(picture) + picture[:20])
    time.sleep(0.2)  # the server has read it
    return connection, picture[20:]


def test_a_stopping_server_says_so_while_it_finishes(start_server):
    server = start_server(IMGROUTER_DRAIN_TIMEOUT_MS=20_000)
    connection, rest = half_an_upload(server)
    server.signal(signal.SIGTERM)
    wait_until(lambda: httpx.get(server.url + "/readyz").status_code == 503)
    assert not_ready(httpx.get(server.url + "/readyz")) == "stopping"  # a new connection
    assert not_ready(server.client.get("/readyz")) == "stopping"
    assert httpx.get(server.url + "/healthz").json()["status"] == "ok"
    connection.sendall(rest)
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    connection.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert server.wait() == 0
