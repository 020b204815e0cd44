"""Immich's server, as its code sends it (machine-learning.repository.ts: Node's FormData with a
Blob, which has the file name "blob"): the recorded bodies of requests, and what it reads of the
answers."""
import json
import shutil

import pytest
from protocol_models import (PICTURES, SEARCH_MODEL, TEXTS, CommandLine, assert_nothing_is_stored,
                             assert_same)
from server_process import GOLDEN_MODELS

BOUNDARY = "----formdata-undici-038402171904"
CLIP = "CLIP-ViT-B-32-laion2B-s34B-b79K"


def part(name, value):
    return (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
            + value + b"\r\n")


def blob(picture):
    return (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="blob"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode() + picture + b"\r\n")


def predict(client, entries, payload):
    body = part("entries", json.dumps(entries, separators=(",", ":")).encode()) + payload
    return client.post("/predict", content=body + f"--{BOUNDARY}--\r\n\r\n".encode(), headers={
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Accept": "*/*",
        "Accept-Language": "*", "Sec-Fetch-Mode": "cors", "User-Agent": "node"})


def encode_image(client, picture, model=SEARCH_MODEL):
    return predict(client, {"clip": {"visual": {"modelName": model}}}, blob(picture))


def encode_text(client, text, model=SEARCH_MODEL, **options):
    return predict(client, {"clip": {"textual": {"modelName": model, "options": options}}},
                   part("text", text.encode()))


@pytest.fixture
def client(start_server):
    return start_server(USE_MOCK_MODELS="auto").client


def test_it_is_healthy(client):
    answer = client.get("/ping")
    assert (answer.status_code, answer.text) == (200, "pong")


def test_pictures_and_texts_are_encoded(client, binary, tmp_path):
    command_line = CommandLine(binary, tmp_path)
    answers = [encode_image(client, path.read_bytes()).json() for path in PICTURES]
    assert all(set(answer) == {"clip", "imageHeight", "imageWidth"} for answer in answers)
    assert all(isinstance(answer["clip"], str) for answer in answers)
    assert_same([json.loads(answer["clip"]) for answer in answers], command_line.vectors(*PICTURES))
    told = client.post("/images", files={"file": ("a.png", PICTURES[0].read_bytes())}).json()
    assert (answers[0]["imageHeight"], answers[0]["imageWidth"]) == (told["height"], told["width"])
    client.delete(f"/images/{told['id']}")

    answers = [encode_text(client, text, language="de-DE").json() for text in TEXTS]
    assert all(set(answer) == {"clip"} for answer in answers)
    assert_same([json.loads(answer["clip"]) for answer in answers],
                command_line.text_vectors(*TEXTS))
    assert_nothing_is_stored(client)


def test_the_name_that_immich_has_is_the_models(start_server, tmp_path):
    """The full model, here a small one in its place, by the name in Immich's settings."""
    shutil.copytree(GOLDEN_MODELS / "plain", tmp_path / "full")
    client = start_server(arguments=["--models", str(tmp_path / "full")],
                          USE_MOCK_MODELS="false").client
    assert client.get("/healthz").json()["models"]["embedding"]["name"].startswith(CLIP)
    picture = PICTURES[0].read_bytes()
    assert encode_image(client, picture, "ViT-B-32__laion2b-s34b-b79k").status_code == 200
    assert encode_text(client, "a cat", "ViT-B-32__laion2b-s34b-b79k").status_code == 200
    for other in ("ViT-B-32__openai", "ViT-B-32__laion400m_e32", "nllb-clip-base-siglip__v1"):
        answer = encode_image(client, picture, other)
        assert answer.status_code == 409 and CLIP in answer.json()["detail"]


def test_other_models_and_tasks_are_refused(client):
    """Anything but 2xx makes Immich try its next server: nothing is made up."""
    picture = PICTURES[0].read_bytes()
    assert encode_image(client, picture, "ViT-B-32__laion2b-s34b-b79k").status_code == 409
    faces = predict(client, {"facial-recognition": {
        "detection": {"modelName": "buffalo_l", "options": {"minScore": 0.7}},
        "recognition": {"modelName": "buffalo_l"}}}, blob(picture))
    words = predict(client, {"ocr": {
        "detection": {"modelName": "PP-OCRv5_mobile",
                      "options": {"minScore": 0.5, "maxResolution": 736}},
        "recognition": {"modelName": "PP-OCRv5_mobile", "options": {"minScore": 0.8}}}}, blob(picture))
    assert faces.status_code == words.status_code == 501
    assert encode_image(client, b"no picture").status_code == 415
    assert encode_image(client, picture[:200]).status_code == 422
    assert predict(client, {"clip": {"visual": {"modelName": SEARCH_MODEL}}}, b"").status_code == 400
