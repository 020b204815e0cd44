"""Weaviate's module multi2vec-clip, as its Go code sends it (clients/vectorizer.go, startup.go):
recorded requests, without a Content-Type, with null in place of an empty list."""
import base64
import json

import pytest
from protocol_models import (PICTURES, SEARCH_MODEL, TEXTS, CommandLine, assert_nothing_is_stored,
                             assert_same)

HEADERS = {"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}


def vectorize(client, texts, images):
    body = json.dumps({"texts": texts, "images": images}, separators=(",", ":")).encode()
    return client.post("/vectorize", content=body, headers=HEADERS)


def encoded(picture):
    return base64.b64encode(picture).decode()


@pytest.fixture
def client(start_server):
    return start_server(USE_MOCK_MODELS="auto").client


def test_weaviate_starts(client):
    assert client.get("/.well-known/ready", headers=HEADERS).status_code == 204
    assert client.get("/.well-known/live").status_code == 204
    meta = client.get("/meta", headers=HEADERS).json()
    assert meta["model"].startswith(SEARCH_MODEL) and meta["source"] == "demo"


def test_objects_have_the_vectors_of_the_command_line(client, binary, tmp_path):
    command_line = CommandLine(binary, tmp_path)
    pictures = [encoded(path.read_bytes()) for path in PICTURES]
    answer = vectorize(client, TEXTS, pictures).json()
    assert set(answer) == {"textVectors", "imageVectors"}
    assert_same(answer["textVectors"], command_line.text_vectors(*TEXTS))
    assert_same(answer["imageVectors"], command_line.vectors(*PICTURES))
    query = vectorize(client, TEXTS[:1], None).json()
    assert query["imageVectors"] == [] and len(query["textVectors"][0]) == client.get(
        "/meta").json()["dimensions"]
    assert len(vectorize(client, None, pictures[:1]).json()["imageVectors"]) == 1
    assert_nothing_is_stored(client)


def test_errors_are_where_weaviate_reads_them(client):
    picture = encoded(PICTURES[0].read_bytes())
    for images, status in (([picture, encoded(b"no picture")], 415), (["%%%"], 422),
                           (["https://example.org/a.png"], 422), ([picture] * 65, 422)):
        answer = vectorize(client, None, images)
        assert answer.status_code == status, answer.text
        assert len(answer.json()["error"]) > 10
