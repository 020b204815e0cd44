"""Google's Cloud Vision as a provider, against its stand-in (fake_google_vision.py): what is sent,
and what becomes of every kind of answer."""
import base64
import http.client
import json
import time

import PIL.Image
import pytest
from cloud_stand_in import Answer, check_failure, jpeg
from fake_google_vision import FakeGoogleVision, annotated, dog_in_a_park, refusal

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def stand_in():
    server = FakeGoogleVision()
    yield server
    server.close()
    assert server.complaints == []


@pytest.fixture
def ask(stand_in, ask_provider):
    def run(*script, picture=None, **values):
        stand_in.script = list(script)
        return ask_provider("google_vision", stand_in.url, None, picture or jpeg(),
                            **{"KEY": stand_in.key, **values})

    return run


# What is sent

def test_request_and_answer(ask, stand_in):
    picture = jpeg(1024, 700)
    found = ask(picture=picture, TRACEPARENT=TRACEPARENT)
    sent = stand_in.requests[0]["requests"][0]["image"]["content"]
    assert base64.b64decode(sent) == picture
    assert stand_in.headers[0]["traceparent"] == TRACEPARENT
    assert found["outcome"] == "answered"
    assert found["caption"] == "two people, a dog and a ball; plant, grass, lawn"
    assert found["tags"].split("\n") == [
        "dog", "plant", "carnivore", "dog breed", "grass", "companion dog", "ball", "person",
        "lawn", "tree"]
    assert found["confidence"] == pytest.approx((0.77 + 0.97 + 0.81 + 0.94 + 0.88 + 0.72) / 6)
    assert found["model"] == "google_vision"
    assert (found["input_tokens"], found["output_tokens"], found["cost_nano_usd"]) == (-1, -1, -1)


def test_address_with_a_slash(ask_provider, stand_in):
    found = ask_provider("google_vision", stand_in.url + "/", None, jpeg(), KEY=stand_in.key)
    assert found["outcome"] == "answered"


@pytest.mark.parametrize("key", [None, ""])
def test_no_key(ask_provider, key):
    found = ask_provider("google_vision", None, None, jpeg(), KEY=key)
    assert found["error"] == "unauthorized" and "GOOGLE_VISION_API_KEY" in found["text"]


def test_a_paid_request_is_sent_once(ask, stand_in):
    """Also over a connection that was kept."""
    found = ask(dog_in_a_park(), Answer("silent"), dog_in_a_park(), TIMES=3)
    assert [each["outcome"] for each in found] == ["answered", "cut_off", "answered"]
    assert stand_in.attempts == 3


# Answers that are none

@pytest.mark.parametrize("answer, outcome, may_cost, retry_after_ms, word", [
    (refusal("INVALID_ARGUMENT", "Invalid value."), "refused", False, -1, "Invalid value."),
    (refusal("INVALID_ARGUMENT", "API key AIza-test-0123456789 not valid.",
             reason="API_KEY_INVALID"), "denied", False, -1, "API_KEY_INVALID"),
    (refusal("UNAUTHENTICATED", "No AIza-test-0123456789."), "denied", False, -1,
     "UNAUTHENTICATED"),
    (refusal("PERMISSION_DENIED", "Consumer 'api_key:AIza-test-0123456789' has been suspended.",
             reason="CONSUMER_SUSPENDED"), "denied", False, -1, "CONSUMER_SUSPENDED"),
    (refusal("NOT_FOUND", "No such method."), "refused", False, -1, "404"),
    (refusal("RESOURCE_EXHAUSTED", "Quota exceeded."), "limited", False, -1, "Quota exceeded."),
    (refusal("RESOURCE_EXHAUSTED", "Quota exceeded.", headers={"Retry-After": "7"}), "limited",
     False, 7000, "429"),
    (refusal("INTERNAL", "Internal error."), "failed", True, -1, "500"),
    (refusal("UNAVAILABLE", "Overloaded.", headers={"Retry-After": "3"}), "failed", False, 3000,
     "503"),
    (refusal("DEADLINE_EXCEEDED", "Too slow."), "failed", True, -1, "504"),
    (Answer("raw", 413, b"<html>"), "refused", False, -1, "413"),
    (Answer("raw", 502, b"<html>"), "failed", True, -1, "502"),
    (Answer("raw", 401, b""), "denied", False, -1, "401"),
    (Answer("raw", 402, b"{}"), "broke", False, -1, "402"),
    (Answer("raw", 429, b"[]", {"Retry-After": "1"}), "limited", False, 1000, "429"),
], ids=lambda value: str(getattr(value, "status", value)))
def test_statuses(ask, answer, outcome, may_cost, retry_after_ms, word):
    found = ask(answer)
    check_failure(found, outcome, may_cost, retry_after_ms)
    assert word in found["words"]


@pytest.mark.parametrize("code, outcome, may_cost", [
    (3, "refused", False), (7, "denied", False), (8, "limited", False), (13, "failed", True),
    (14, "failed", True), (16, "denied", False)])
def test_errors_of_the_picture(ask, code, outcome, may_cost):
    """They come with status 200."""
    found = ask(annotated(error={"code": code, "message": "Bad image data."}))
    check_failure(found, outcome, may_cost)
    assert ("Bad image data." in found["words"]) is (outcome != "denied")


def test_labels_beside_an_error(ask):
    found = ask(annotated([("Beach", 0.9)], error={"code": 13, "message": "Objects failed."}))
    assert (found["outcome"], found["caption"]) == ("answered", "beach")


def test_nothing_found(ask):
    """A request that was billed; the same again would find as little."""
    check_failure(ask(annotated()), "refused", True)
    check_failure(ask(annotated([("Fog", 0.4)], [("Cat", 0.3)])), "refused", True)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"responses": [', b"[]", b"\xff\xfe", b"{}",
                                  b'{"responses": []}', b'{"responses": [[]]}',
                                  b'{"responses": [{"labelAnnotations": [{"score": 0.9}]}]}'])
def test_malformed_bodies(ask, body):
    check_failure(ask(Answer("raw", body=body)), "failed", True)


def test_redirects_are_not_followed(ask, stand_in):
    found = ask(Answer("raw", 307, b"", {"Location": stand_in.url + "/v1/images:annotate"}))
    check_failure(found, "failed", False)
    assert stand_in.attempts == 1


# Connections that break

@pytest.mark.parametrize("kind", ["cut", "headers", "silent", "reset"])
def test_half_closed_connections(ask, stand_in, kind):
    check_failure(ask(Answer(kind)), "cut_off", True)
    assert stand_in.attempts == 1


def test_slow_answer(ask):
    started = time.monotonic()
    found = ask(Answer(delay_s=30, body=dog_in_a_park().body), TIMEOUT_MS=300)
    check_failure(found, "timed_out", True)
    assert time.monotonic() - started < 10


def test_endless_body(ask):
    check_failure(ask(Answer("endless"), TIMEOUT_MS=20000), "failed", True)


def test_nobody_listens(ask_provider):
    found = ask_provider("google_vision", "http://127.0.0.1:9", None, jpeg(), KEY="AIza")
    check_failure(found, "unreachable", False)


# The stand-in itself

EXIF = PIL.Image.Exif()
EXIF[0x010F] = "a camera"


@pytest.mark.parametrize("picture, complaint", [
    (jpeg(exif=EXIF), "metadata: APP1"),
    (jpeg(comment=b"hi"), "comment"),
    (jpeg(1025, 8), "1025 by 8"),
    (b"not a picture", "not a JPEG"),
    (jpeg()[:-200], "does not decode"),
])
def test_stand_in_refuses_pictures(ask_provider, picture, complaint):
    stand_in = FakeGoogleVision()
    try:
        found = ask_provider("google_vision", stand_in.url, None, picture, KEY=stand_in.key)
        assert found["outcome"] == "refused" and complaint in found["words"]
        assert len(stand_in.complaints) == 1
    finally:
        stand_in.close()


def request_body(**changes):
    content = base64.b64encode(jpeg()).decode()
    features = [{"type": kind, "maxResults": 10} for kind in ("LABEL_DETECTION",
                                                              "OBJECT_LOCALIZATION")]
    return {"requests": [{"image": {"content": content}, "features": features, **changes}]}


@pytest.mark.parametrize("body, headers, path, status", [
    (request_body(), {}, "/v1/images:annotate", 200),
    (request_body(imageContext={}), {}, "/v1/images:annotate", 400),
    (request_body(features=[{"type": "LABEL_DETECTION", "maxResults": 10}]), {},
     "/v1/images:annotate", 400),
    (request_body(features=[{"type": "TEXT_DETECTION", "maxResults": 10}]), {},
     "/v1/images:annotate", 400),
    (request_body(image={"content": "***"}), {}, "/v1/images:annotate", 400),
    (request_body(), {"X-Title": "imgrouter"}, "/v1/images:annotate", 400),
    (request_body(), {"X-goog-api-key": "other"}, "/v1/images:annotate", 403),
    (request_body(), {"Content-Type": "text/plain"}, "/v1/images:annotate", 400),
    (request_body(), {"traceparent": "00-1-1-01"}, "/v1/images:annotate", 400),
    (request_body(), {}, "/v1/images:annotate?key=AIza", 404),
])
def test_stand_in_is_strict(body, headers, path, status):
    stand_in = FakeGoogleVision()
    try:
        connection = http.client.HTTPConnection(stand_in.host, timeout=10)
        connection.request("POST", path, json.dumps(body), {
            "Content-Type": "application/json", "X-goog-api-key": stand_in.key, **headers})
        assert connection.getresponse().status == status
        connection.close()
        assert len(stand_in.complaints) == (status != 200)
    finally:
        stand_in.close()
