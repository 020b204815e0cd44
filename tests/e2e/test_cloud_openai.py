"""Providers that speak OpenAI's language, one at a time, against their stand-in (fake_openai.py):
what they send, and what they make of every kind of answer."""
import base64
import http.server
import io
import json
import threading
import time

import openai
import PIL.Image
import pytest
from cloud_stand_in import Answer, check_failure, jpeg
from fake_openai import FakeOpenAI, completion, openai_error, openrouter_error, success

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KINDS = ("openrouter", "openai", "openai_compatible")


@pytest.fixture
def start_stand_in():
    started = []

    def start(*arguments, **options):
        started.append(FakeOpenAI(*arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()
        assert each.complaints == []


@pytest.fixture
def ask(start_stand_in, ask_provider):
    """ask(answer, ..., kind=...) -> what came of it, and the stand-in."""
    def run(*script, kind="openai", picture=None, model="gpt-4o-mini", **values):
        stand_in = start_stand_in(kind)
        stand_in.script = list(script)
        found = ask_provider(kind, stand_in.url, model, picture or jpeg(), KEY=stand_in.key,
                             **values)
        return found, stand_in

    return run


# What is sent

@pytest.mark.parametrize("kind", KINDS)
def test_request_and_answer(ask, kind):
    picture = jpeg()
    prompt = 'Quote "this", a \\ and ünïcode\nin two lines.'
    found, stand_in = ask(kind=kind, picture=picture, model="a/model", PROMPT=prompt,
                          TRACEPARENT=TRACEPARENT)
    body = stand_in.requests[0]
    text, image = body["messages"][0]["content"]
    assert body["model"] == "a/model" and text["text"] == prompt
    data = image["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
    assert base64.b64decode(data) == picture
    assert stand_in.headers[0]["traceparent"] == TRACEPARENT
    assert found == {"outcome": "answered", "caption": "A red boat on a lake.", "tags": "",
                     "model": "openai/gpt-4o-mini" if kind == "openrouter"
                     else "gpt-4o-mini-2024-07-18",
                     "confidence": None, "input_tokens": 2845, "output_tokens": 9,
                     "cost_nano_usd": 432150 if kind == "openrouter" else -1}


def test_large_picture_in_pieces(ask):
    """Longer than the pieces in which base64 is made, and of lengths that need padding."""
    noise = PIL.Image.effect_noise((512, 512), 120)
    for quality in (60, 75, 90):
        buffer = io.BytesIO()
        noise.save(buffer, "JPEG", quality=quality)
        _, stand_in = ask(picture=buffer.getvalue())
        image = stand_in.requests[0]["messages"][0]["content"][1]["image_url"]["url"]
        assert base64.b64decode(image.split(",")[1]) == buffer.getvalue()


def test_compatible_server_without_a_key(start_stand_in, ask_provider):
    stand_in = start_stand_in("openai_compatible", key=None)
    found = ask_provider("openai_compatible", stand_in.url + "/", "llava", jpeg())
    assert found["outcome"] == "answered"
    assert "traceparent" not in stand_in.headers[0]


@pytest.mark.parametrize("kind, url, model, key, error, name", [
    ("openrouter", None, "m", None, "unauthorized", "OPENROUTER_API_KEY"),
    ("openrouter", None, None, "k", "usage", "OPENROUTER_MODEL"),
    ("openai", None, "m", None, "unauthorized", "OPENAI_API_KEY"),
    ("openai", None, "m", "", "unauthorized", "OPENAI_API_KEY"),
    ("openai_compatible", None, "m", None, "usage", "IMGROUTER_COMPATIBLE_URL"),
    ("openai_compatible", "http://127.0.0.1:9/v1", None, None, "usage",
     "IMGROUTER_COMPATIBLE_MODEL"),
    ("imgrouter", None, None, None, "usage", "IMGROUTER_UPSTREAM_URL"),
])
def test_settings_that_are_missing(ask_provider, kind, url, model, key, error, name):
    found = ask_provider(kind, url, model, jpeg(), KEY=key)
    assert found["error"] == error and name in found["text"]


def test_prompt_that_is_no_text(ask):
    found, stand_in = ask(PROMPT="\udcff")
    check_failure(found, "refused", False)
    assert stand_in.attempts == 0


# Answers that are none

@pytest.mark.parametrize("answer, outcome, may_cost, retry_after_ms", [
    (openai_error(400, "Invalid image.", "invalid_request_error", "invalid_image_format"),
     "refused", False, -1),
    (openai_error(401, "Incorrect API key provided: sk-test-0123456789.", "invalid_request_error",
                  "invalid_api_key"), "denied", False, -1),
    (openai_error(403, "Country not supported.", "request_forbidden",
                  "unsupported_country_region_territory"), "denied", False, -1),
    (openai_error(404, "The model does not exist.", "invalid_request_error", "model_not_found"),
     "refused", False, -1),
    (openai_error(413, "Too large.", "invalid_request_error"), "refused", False, -1),
    (openai_error(429, "Rate limit reached.", "requests", "rate_limit_exceeded"), "limited", False,
     -1),
    (openai_error(429, "Rate limit reached.", "requests", "rate_limit_exceeded", Retry_After="7"),
     "limited", False, 7000),
    (openai_error(429, "Rate limit reached.", "requests", "rate_limit_exceeded",
                  x_ratelimit_reset_requests="6m0s"), "limited", False, 360000),
    (openai_error(429, "Rate limit reached.", "requests", "rate_limit_exceeded",
                  x_ratelimit_reset_requests="20ms"), "limited", False, 20),
    (openai_error(429, "Rate limit reached.", "requests", "rate_limit_exceeded", Retry_After="2",
                  x_ratelimit_reset_requests="6m0s"), "limited", False, 2000),
    (openai_error(429, "You exceeded your current quota.", "insufficient_quota",
                  "insufficient_quota"), "broke", False, -1),
    (openai_error(500, "The server had an error.", "server_error"), "failed", True, -1),
    (openai_error(502, "Bad gateway.", "server_error"), "failed", True, -1),
    (openai_error(503, "Overloaded.", "service_unavailable"), "failed", False, -1),
    (openai_error(503, "Overloaded.", "service_unavailable", Retry_After="3"), "failed", False,
     3000),
], ids=lambda value: str(getattr(value, "status", value)))
def test_statuses_of_openai(ask, answer, outcome, may_cost, retry_after_ms):
    found, _ = ask(answer)
    check_failure(found, outcome, may_cost, retry_after_ms)
    assert str(answer.status) in found["words"]


@pytest.mark.parametrize("answer, outcome, may_cost, retry_after_ms", [
    (openrouter_error(402, "Insufficient credits."), "broke", False, -1),
    (openrouter_error(402, "Insufficient credits.", Retry_After="60"), "broke", False, 60000),
    (openrouter_error(403, "Flagged.", metadata={"reasons": ["violence"], "flagged_input": "…"}),
     "refused", False, -1),
    (openrouter_error(403, "Key limit exceeded."), "denied", False, -1),
    (openrouter_error(408, "Timed out."), "failed", True, -1),
    (openrouter_error(429, "Limited.", metadata={"retry_after_seconds": 2.5}), "limited", False,
     2500),
    (openrouter_error(429, "Limited.", metadata={"headers": {"Retry-After": "4"}}), "limited",
     False, 4000),
    (openrouter_error(429, "Limited upstream.", status=200,
                      metadata={"retry_after_seconds": 1}), "limited", True, 1000),
    (openrouter_error(502, "Provider returned error.", status=200), "failed", True, -1),
    (openrouter_error(502, "Provider returned error."), "failed", True, -1),
    (openrouter_error(503, "No provider."), "failed", False, -1),
], ids=lambda value: str(getattr(value, "status", value)))
def test_statuses_of_openrouter(ask, answer, outcome, may_cost, retry_after_ms):
    found, _ = ask(answer, kind="openrouter")
    check_failure(found, outcome, may_cost, retry_after_ms)
    assert str(answer.body["error"]["code"]) in found["words"]


def test_limit_until_a_point_in_time(ask):
    until = {"headers": {"X-RateLimit-Reset": str(int((time.time() + 3600) * 1000))}}
    found, _ = ask(openrouter_error(429, "free-models-per-day", metadata=until), kind="openrouter")
    assert found["outcome"] == "limited"
    assert 3500_000 < found["retry_after_ms"] <= 3600_000


def test_empty_content_is_paid_for(ask):
    """A cold start, as OpenRouter's documentation tells: no caption, but tokens."""
    for caption in (None, "", " \n"):
        found, _ = ask(success(caption, dialect="openrouter"), kind="openrouter")
        check_failure(found, "failed", True, tokens=(2845, 9), cost=432150)


def test_content_filter(ask):
    found, _ = ask(success("", finish_reason="content_filter"))
    check_failure(found, "refused", True, tokens=(2845, 9))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices": [', b"[]", b"\xff\xfe", b"null",
                                  b'{"choices": [{"message": "text"}]}'])
def test_malformed_bodies(ask, body):
    found, _ = ask(Answer("raw", body=body))
    check_failure(found, "failed", True)


def test_redirects_are_not_followed(ask, start_stand_in):
    other = start_stand_in("openai")
    found, _ = ask(Answer("raw", 307, b"", {"Location": other.url + "/chat/completions"}))
    check_failure(found, "failed", False)
    assert other.attempts == 0


# Connections that break

@pytest.mark.parametrize("kind", ["cut", "headers", "silent", "reset"])
def test_half_closed_connections(ask, kind):
    found, stand_in = ask(Answer(kind))
    check_failure(found, "cut_off", True)
    assert stand_in.attempts == 1


@pytest.mark.parametrize("kind", ["silent", "reset"])
def test_a_paid_request_is_sent_once(ask, kind):
    """Over a connection that was kept: libcurl would send it again, unasked, and both may be
    billed."""
    found, stand_in = ask(success(), Answer(kind), success("After it."), TIMES=3)
    assert [each["outcome"] for each in found] == ["answered", "cut_off", "answered"]
    assert found[2]["caption"] == "After it." and stand_in.attempts == 3


def test_slow_answer(ask):
    started = time.monotonic()
    found, _ = ask(Answer(delay_s=30, body=completion()), TIMEOUT_MS=300)
    check_failure(found, "timed_out", True)
    assert time.monotonic() - started < 10


def test_answer_that_takes_its_time(ask):
    found, _ = ask(Answer(delay_s=0.3, body=completion()), TIMEOUT_MS=20000)
    assert found["outcome"] == "answered"


def test_endless_body(ask):
    found, _ = ask(Answer("endless"), TIMEOUT_MS=20000)
    check_failure(found, "failed", True)


def test_nobody_listens(ask_provider):
    found = ask_provider("openai", "http://127.0.0.1:9/v1", "m", jpeg(), KEY="sk-test")
    check_failure(found, "unreachable", False)


# Another imgrouter, and none at all

class Upstream(http.server.ThreadingHTTPServer):
    """Answers `status`, `headers`, `body` to every request, and keeps what came."""

    def __init__(self, status, body, headers):
        self.answer = status, body, headers
        self.seen = []
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.daemon_threads = True
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class UpstreamHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers.items()), data))
        status, body, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def ask_upstream(ask_provider):
    def run(status, body, **headers):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        upstream = Upstream(status, text, {n.replace("_", "-"): v for n, v in headers.items()})
        try:
            return ask_provider("imgrouter", upstream.url, None, jpeg(),
                                TRACEPARENT=TRACEPARENT), upstream.seen
        finally:
            upstream.close()

    return run


def test_real_upstream(start_server, ask_provider):
    server = start_server(USE_MOCK_MODELS="true")
    picture = jpeg()
    found = ask_provider("imgrouter", server.url, None, picture)
    image = server.client.get("/images").json()["images"][0]
    assert found["outcome"] == "answered" and found["cost_nano_usd"] == 0
    assert (found["caption"], found["model"]) == (image["caption"], image["model"])
    assert found["confidence"] == pytest.approx(image["confidence"])
    refused = ask_provider("imgrouter", server.url, None, b"not a picture")
    check_failure(refused, "refused", False)


def test_upstream_request(ask_upstream):
    found, seen = ask_upstream(201, {"caption": "A dog.", "model": "blip", "confidence": 0.75})
    assert (found["caption"], found["model"], found["confidence"]) == ("A dog.", "blip", 0.75)
    path, headers, data = seen[0]
    assert path == "/images?quality=fast"  # so that it never asks a cloud itself
    assert headers["Content-Type"] == "image/jpeg" and headers["traceparent"] == TRACEPARENT
    assert data == jpeg()


@pytest.mark.parametrize("status, headers, outcome, retry_after_ms", [
    (503, {"Retry_After": "2"}, "limited", 2000),
    (503, {}, "failed", -1),
    (500, {}, "failed", -1),
    (507, {}, "failed", -1),
    (415, {}, "refused", -1),
    (422, {}, "refused", -1),
    (401, {}, "denied", -1),
    (302, {"Location": "http://127.0.0.1:9/"}, "failed", -1),
])
def test_upstream_problems(ask_upstream, status, headers, outcome, retry_after_ms):
    found, _ = ask_upstream(status, {"title": "No", "detail": "Not today."}, **headers)
    assert (found["outcome"], found["retry_after_ms"]) == (outcome, retry_after_ms)
    assert found["words"] == f"imgrouter answered {status}: Not today."


@pytest.mark.parametrize("body", [b"", b"<html>", {"caption": "A dog."}, {"model": "blip"},
                                  {"caption": "", "model": "blip"}, {"caption": 1, "model": "blip"},
                                  {"caption": "A dog.", "model": "x" * 128}])
def test_upstream_answers_nonsense(ask_upstream, body):
    found, _ = ask_upstream(200, body)
    assert found["outcome"] == "failed"


@pytest.mark.parametrize("confidence", [None, -0.1, 1.5, "high"])
def test_upstream_confidence_that_is_none(ask_upstream, confidence):
    found, _ = ask_upstream(200, {"caption": "A dog.", "model": "blip", "confidence": confidence})
    assert found["outcome"] == "answered" and found["confidence"] is None


def test_fake_provider(ask_provider):
    first, again = (ask_provider("fake", None, None, jpeg()) for _ in range(2))
    other = ask_provider("mock", None, None, jpeg(80, 80))
    assert first == again and first["caption"] != other["caption"]
    assert first["caption"].startswith("mock: ") and first["model"] == "mock"
    assert first["input_tokens"] > 85 and first["output_tokens"] > 3
    assert first["cost_nano_usd"] == -1 and first["confidence"] is None


# The stand-in itself

def test_stand_in_takes_the_official_client(start_stand_in):
    stand_in = start_stand_in("openai")
    client = openai.OpenAI(base_url=stand_in.url, api_key=stand_in.key, max_retries=0)
    reference = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()
    answer = client.chat.completions.create(
        model="gpt-4o-mini", max_tokens=100, temperature=0.2, messages=[{
            "role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": reference, "detail": "low"}}]}])
    assert answer.choices[0].message.content == "A red boat on a lake."
    client.close()


@pytest.mark.parametrize("kind, picture, complaint", [
    ("exif", None, "metadata: APP1"),
    ("comment", None, "comment"),
    ("large", None, "513 by 8"),
    ("text", b"not a picture", "not a JPEG"),
    ("cut", jpeg()[:-200], "does not decode"),
])
def test_stand_in_refuses_pictures(ask_provider, kind, picture, complaint):
    exif = PIL.Image.Exif()
    exif[0x010F] = "a camera"
    picture = picture or {"exif": lambda: jpeg(exif=exif), "comment": lambda: jpeg(comment=b"hi"),
                          "large": lambda: jpeg(513, 8)}[kind]()
    stand_in = FakeOpenAI("openai")
    try:
        found = ask_provider("openai", stand_in.url, "m", picture, KEY=stand_in.key)
        assert found["outcome"] == "refused" and complaint in found["words"]
        assert len(stand_in.complaints) == 1
    finally:
        stand_in.close()


def test_stand_in_refuses_other_keys(ask_provider):
    stand_in = FakeOpenAI("openai")
    try:
        found = ask_provider("openai", stand_in.url, "m", jpeg(), KEY="sk-other")
        assert found["outcome"] == "denied" and len(stand_in.complaints) == 1
    finally:
        stand_in.close()
