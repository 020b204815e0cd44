"""PhotoPrism's vision service, as its Go code sends it (internal/ai/vision, ApiRequest): recorded
requests, and what it reads of the answers (ApiResponse): `result.caption` is an object there, and
`code` a number."""
import base64
import json

import pytest
from pictures import png
from protocol_models import CAPTION_MODEL, PICTURES, CommandLine, assert_nothing_is_stored
from server_process import wait_until
from web_server import web_server

PATH = "/api/v1/vision/caption"


def request(**members):
    return {"id": "3487da77-246e-4b4c-9437-67507177bcd7", "model": f"{CAPTION_MODEL}:latest",
            "version": "latest", "prompt": "Describe the picture.", "suffix": "",
            "options": {"temperature": 0.1}, "stream": False} | members


def send(client, **members):
    return client.post(PATH, content=json.dumps(request(**members)).encode(), headers={
        "Content-Type": "application/json; charset=utf-8", "User-Agent": "Go-http-client/1.1",
        "Authorization": "Bearer none"})


def data_uri(picture):
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


@pytest.fixture
def client(start_server):
    return start_server(USE_MOCK_MODELS="auto", IMGROUTER_URL_ALLOW_PRIVATE="true").client


def test_pictures_have_the_captions_of_the_command_line(client, binary, tmp_path):
    expected = CommandLine(binary, tmp_path).captions(*PICTURES)
    for path, caption in zip(PICTURES, expected, strict=True):
        answer = send(client, images=[data_uri(path.read_bytes())]).json()
        assert answer["id"] == request()["id"] and answer["code"] == 200
        assert answer["model"]["name"] == CAPTION_MODEL
        assert answer["result"]["caption"]["text"] == caption
        assert 0 < answer["result"]["caption"]["confidence"] <= 1
    with web_server() as web:
        url = web.add("/a.png", PICTURES[1].read_bytes())
        assert send(client, url=url).json()["result"]["caption"]["text"] == expected[1]
        assert send(client, images=[url]).json()["result"]["caption"]["text"] == expected[1]
    assert_nothing_is_stored(client)


def test_a_receipt_is_in_the_log(start_server):
    server = start_server(CLOUD_PROVIDER="fake", CAPTION_CONFIDENCE_THRESHOLD=1)
    answer = send(server.client, model="mock", images=[data_uri(png(1))])
    assert answer.status_code == 200, answer.text
    wait_until(lambda: PATH in server.log_text())  # it is written when the answer is sent
    [line] = [json.loads(line) for line in server.log_text().splitlines() if PATH in line]
    assert line["origin"] == "cloud" and line["reason"] == "low_confidence"
    assert "image_id" not in line
    assert_nothing_is_stored(server.client)


def test_errors_are_where_photoprism_reads_them(client):
    picture = data_uri(PICTURES[0].read_bytes())
    for members, status in (({"images": []}, 422), ({"images": ["%%%"]}, 422),
                            ({"images": [picture, picture]}, 422),
                            ({"images": [data_uri(b"no picture")]}, 415),
                            ({"images": [picture], "model": "kosmos-2:latest"}, 404)):
        answer = send(client, **members)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["code"] == status and body["id"] == request()["id"] and len(body["error"]) > 10
