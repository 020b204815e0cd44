"""AWS Rekognition as a provider, against its stand-in (fake_rekognition.py), which computes every
signature again: what is sent, and what becomes of every kind of answer."""
import base64
import datetime
import http.client
import io
import json
import random
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import PIL.Image
import pytest
from cloud_stand_in import Answer, check_failure, jpeg
from fake_rekognition import FakeRekognition, dog_in_a_park, labelled, refusal

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# Of the length and with the characters of real ones.
TOKEN = "IQoJb3JpZ2luX2VjE/+=" * 40


@pytest.fixture
def start_stand_in():
    started = []

    def start(**options):
        started.append(FakeRekognition(**options))
        return started[-1]

    yield start
    for each in started:
        each.close()
        assert each.complaints == []


def ask_of(ask_provider, stand_in, picture=None, **values):
    return ask_provider("aws_rekognition", stand_in.url, None, picture or jpeg(), **{
        "KEY": stand_in.secret, "KEY_ID": stand_in.key_id, "REGION": stand_in.region,
        "SESSION_TOKEN": stand_in.token, "WIDTH": 96, "HEIGHT": 84, **values})


@pytest.fixture
def ask(start_stand_in, ask_provider):
    def run(*script, **values):
        stand_in = start_stand_in()
        stand_in.script = list(script)
        found = ask_of(ask_provider, stand_in, **values)
        assert stand_in.secret not in json.dumps(found)
        return found

    return run


# What is sent

@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2"])
def test_request_and_answer(start_stand_in, ask_provider, region, token):
    stand_in = start_stand_in(region=region, token=token)
    picture = jpeg(1024, 80)
    found = ask_of(ask_provider, stand_in, picture)
    assert base64.b64decode(stand_in.requests[0]["Image"]["Bytes"]) == picture
    assert stand_in.headers[0].get("X-Amz-Security-Token") == token
    assert found["outcome"] == "answered"
    assert found["caption"] == "two people and a dog; grass, probably outdoors"
    assert found["tags"].split("\n") == [
        "grass", "plant", "animal", "canine", "mammal", "pet", "dog", "person", "outdoors",
        "golden retriever"]
    assert found["confidence"] == pytest.approx((0.95 + 0.98 + 0.995 + 0.75) / 4)
    assert found["model"] == "DetectLabels 3.0"
    assert (found["input_tokens"], found["output_tokens"], found["cost_nano_usd"]) == (-1, -1, -1)


def test_trace_context_is_not_sent(start_stand_in, ask_provider):
    """AWS has another; and every header would have to be signed."""
    stand_in = start_stand_in()
    ask_of(ask_provider, stand_in, TRACEPARENT=TRACEPARENT)
    assert "traceparent" not in stand_in.headers[0]


@pytest.mark.parametrize("secret", ["a/b+c=d", "%2F%41", "x" * 200])
def test_secrets_with_other_characters(start_stand_in, ask_provider, secret):
    assert ask_of(ask_provider, start_stand_in(secret=secret))["outcome"] == "answered"


def test_empty_session_token_is_none(start_stand_in, ask_provider):
    found = ask_of(ask_provider, start_stand_in(), SESSION_TOKEN="")
    assert found["outcome"] == "answered"


@pytest.mark.parametrize("width, height", [(79, 500), (500, 79)])
def test_small_pictures(start_stand_in, ask_provider, width, height):
    stand_in = start_stand_in()
    found = ask_of(ask_provider, stand_in, jpeg(width, height), WIDTH=width, HEIGHT=height)
    assert "80 pixels" in found["objection"] and stand_in.attempts == 0


def test_smallest_picture(start_stand_in, ask_provider):
    found = ask_of(ask_provider, start_stand_in(), jpeg(80, 80), WIDTH=80, HEIGHT=80)
    assert found["outcome"] == "answered"


def test_largest_picture(start_stand_in, ask_provider):
    """Noise, hardly compressed: over 1 MB, which libcurl announces before it is sent."""
    noise = PIL.Image.frombytes("RGB", (1024, 1024), random.Random(1).randbytes(3 << 20))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=95)
    assert 1 << 20 < len(buffer.getvalue()) < 5 << 20
    stand_in = start_stand_in()
    found = ask_of(ask_provider, stand_in, buffer.getvalue(), WIDTH=1024, HEIGHT=1024)
    assert found["outcome"] == "answered"
    assert base64.b64decode(stand_in.requests[0]["Image"]["Bytes"]) == buffer.getvalue()


@pytest.mark.parametrize("values, error, word", [
    ({"KEY": None}, "unauthorized", "AWS_SECRET_ACCESS_KEY"),
    ({"KEY_ID": ""}, "unauthorized", "AWS_ACCESS_KEY_ID"),
    ({"REGION": None}, "usage", "AWS_REGION"),
    ({"REGION": ""}, "usage", "AWS_REGION"),
    ({"REGION": "us-east-1.example.org/"}, "usage", "AWS_REGION"),
    ({"REGION": "us east"}, "usage", "AWS_REGION"),
    ({"REGION": "a" * 33}, "usage", "AWS_REGION"),
])
def test_settings_that_are_wrong(ask_provider, values, error, word):
    found = ask_provider("aws_rekognition", None, None, jpeg(), **{
        "KEY": "secret", "KEY_ID": "AKID", "REGION": "us-east-1", **values})
    assert found["error"] == error and word in found["text"]


def test_nobody_listens(ask_provider):
    found = ask_provider("aws_rekognition", "http://127.0.0.1:9", None, jpeg(), KEY="secret",
                         KEY_ID="AKID", REGION="us-east-1", WIDTH=96, HEIGHT=84)
    check_failure(found, "unreachable", False)


def test_a_paid_request_is_sent_once(ask):
    found = ask(dog_in_a_park(), Answer("silent"), dog_in_a_park(), TIMES=3)
    assert [each["outcome"] for each in found] == ["answered", "cut_off", "answered"]


# Answers that are none

@pytest.mark.parametrize("answer, outcome, may_cost, retry_after_ms", [
    # Nearly all with status 400, whatever it is.
    (refusal("ThrottlingException"), "limited", False, -1),
    (refusal("ThrottlingException", headers={"Retry-After": "2"}), "limited", False, 2000),
    (refusal("ThrottlingException", status=500), "limited", False, -1),
    (refusal("ProvisionedThroughputExceededException"), "limited", False, -1),
    (refusal("LimitExceededException"), "limited", False, -1),
    (refusal("AccessDeniedException"), "denied", False, -1),
    (refusal("UnrecognizedClientException"), "denied", False, -1),
    (refusal("InvalidSignatureException"), "denied", False, -1),
    (refusal("IncompleteSignatureException"), "denied", False, -1),
    (refusal("ExpiredTokenException"), "denied", False, -1),
    (refusal("MissingAuthenticationTokenException", status=403), "denied", False, -1),
    (refusal("ImageTooLargeException"), "refused", False, -1),
    (refusal("InvalidImageFormatException"), "refused", False, -1),
    (refusal("InvalidParameterException"), "refused", False, -1),
    (refusal("SerializationException"), "refused", False, -1),
    (refusal("InternalServerError", status=500), "failed", True, -1),
    (refusal("ServiceUnavailable", status=503, headers={"Retry-After": "5"}), "failed", False,
     5000),
    # The same names as other parts of AWS write them.
    (refusal("com.amazonaws.rekognition#ThrottlingException"), "limited", False, -1),
    (refusal("ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral/"), "limited",
     False, -1),
    (refusal("com.amazon.coral.service#AccessDeniedException:http://a/b"), "denied", False, -1),
], ids=lambda value: value.body["__type"][-40:] if isinstance(value, Answer) else str(value))
def test_types_of_errors(ask, answer, outcome, may_cost, retry_after_ms):
    found = ask(answer)
    check_failure(found, outcome, may_cost, retry_after_ms)


@pytest.mark.parametrize("answer, outcome, may_cost", [
    (Answer("raw", 400, b"{}", {"x-amzn-ErrorType": "ThrottlingException:http://x"}), "limited",
     False),
    (Answer("raw", 400, b"{}"), "refused", False),
    (Answer("raw", 401, b""), "denied", False),
    (Answer("raw", 402, b""), "broke", False),
    (Answer("raw", 403, b"<html>"), "denied", False),
    (Answer("raw", 413, b"<html>"), "refused", False),
    (Answer("raw", 429, b""), "limited", False),
    (Answer("raw", 500, b"<html>"), "failed", True),
    (Answer("raw", 503, b"<html>"), "failed", False),
])
def test_errors_without_a_type_in_the_body(ask, answer, outcome, may_cost):
    check_failure(ask(answer), outcome, may_cost)


def test_what_is_told_of_signatures_is_kept_back(start_stand_in, ask_provider):
    """AWS quotes the request, with its token."""
    stand_in = start_stand_in(token=TOKEN)
    stand_in.script = [refusal("InvalidSignatureException", f"x-amz-security-token:{TOKEN}")]
    found = ask_of(ask_provider, stand_in)
    assert found["outcome"] == "denied" and TOKEN[:20] not in found["words"]


def test_who_may_not_is_told(ask):
    found = ask(refusal("AccessDeniedException", "User: arn:aws:iam::1:user/a is not authorized"))
    assert "user/a is not authorized" in found["words"]


def test_nothing_found(ask):
    check_failure(ask(labelled()), "refused", True)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Labels": [', b"[]", b"\xff\xfe", b"{}",
                                  b'{"Labels": {}}', b'{"Labels": ["Dog"]}'])
def test_malformed_bodies(ask, body):
    check_failure(ask(Answer("raw", body=body)), "failed", True)


def test_redirects_are_not_followed(ask):
    check_failure(ask(Answer("raw", 307, b"", {"Location": "http://127.0.0.1:9/"})), "failed",
                  False)


# Connections that break

@pytest.mark.parametrize("kind", ["cut", "headers", "silent", "reset"])
def test_half_closed_connections(ask, kind):
    check_failure(ask(Answer(kind)), "cut_off", True)


def test_slow_answer(ask):
    started = time.monotonic()
    found = ask(Answer(delay_s=30, body=dog_in_a_park().body), TIMEOUT_MS=300)
    check_failure(found, "timed_out", True)
    assert time.monotonic() - started < 10


def test_endless_body(ask):
    check_failure(ask(Answer("endless"), TIMEOUT_MS=20000), "failed", True)


# The stand-in itself

@pytest.fixture
def strict():
    stand_in = FakeRekognition()
    yield stand_in
    stand_in.close()
    assert len(stand_in.complaints) == 1


@pytest.mark.parametrize("values", [{"KEY": "another"}, {"KEY_ID": "AKIDOTHER"},
                                    {"REGION": "eu-west-1"}, {"SESSION_TOKEN": TOKEN}])
def test_stand_in_refuses_other_keys(strict, ask_provider, values):
    check_failure(ask_of(ask_provider, strict, **values), "denied", False)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_stand_in_refuses_other_times(strict, ask_provider, minutes):
    strict.clock_error = datetime.timedelta(minutes=minutes)
    check_failure(ask_of(ask_provider, strict), "denied", False)


EXIF = PIL.Image.Exif()
EXIF[0x010F] = "a camera"


@pytest.mark.parametrize("picture, complaint", [
    (jpeg(exif=EXIF), "metadata: APP1"),
    (jpeg(comment=b"hi"), "comment"),
    (jpeg(1025, 80), "1025 by 80"),
    (jpeg(500, 79), "500 by 79"),
    (b"not a picture", "not a JPEG"),
])
def test_stand_in_refuses_pictures(strict, ask_provider, picture, complaint):
    found = ask_of(ask_provider, strict, picture)
    assert found["outcome"] == "refused" and complaint in found["words"]


def request_body(**changes):
    return {"Image": {"Bytes": base64.b64encode(jpeg()).decode()}, "MaxLabels": 20,
            "MinConfidence": 55, "Features": ["GENERAL_LABELS"], **changes}


def send_signed(stand_in, body, headers=(), signed=None, sent=None):
    """As botocore signs it, with the headers that `signed` names; `sent` goes out instead."""
    text = json.dumps(body).encode()
    request = botocore.awsrequest.AWSRequest("POST", stand_in.url + "/", data=text, headers={
        "Accept-Encoding": "identity", "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "RekognitionService.DetectLabels", **dict(headers)})
    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(stand_in.key_id, stand_in.secret), "rekognition",
        "us-east-1")
    left_out = {name: request.headers[name] for name in list(request.headers)
                if signed is not None and name.lower() not in signed}
    for name in left_out:
        del request.headers[name]
    signer.add_auth(request)
    connection = http.client.HTTPConnection(stand_in.host, timeout=10)
    connection.request("POST", "/", sent or text, {**dict(request.headers), **left_out})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def test_stand_in_takes_what_botocore_signs(start_stand_in):
    status, body = send_signed(start_stand_in(), request_body())
    assert status == 200 and body["LabelModelVersion"] == "3.0"


@pytest.mark.parametrize("options", [
    {"signed": {"host", "content-type", "x-amz-date"}},  # as libcurl did before 7.87
    {"signed": {"host", "x-amz-target", "x-amz-date"}},
    {"sent": json.dumps(request_body(MaxLabels=21)).encode()},  # not what was signed
    {"body": request_body(MaxLabels=-1)},
    {"body": request_body(MinConfidence=101)},
    {"body": request_body(Features=["IMAGE_PROPERTIES"])},
    {"body": request_body(Features=["FACES"])},
    {"body": request_body(Other=1)},
    {"body": request_body(Image={"Bytes": "***"})},
    {"body": request_body(Image={})},
    {"headers": {"X-Title": "imgrouter"}},
    {"headers": {"X-Amz-Target": "RekognitionService.DetectFaces"}},
    {"headers": {"Content-Type": "application/json"}},
])
def test_stand_in_is_strict(strict, options):
    status, body = send_signed(strict, **{"body": request_body(), **options})
    assert status in (400, 403) and body["__type"]
