"""What a JSON schema cannot say, told to schemathesis in its own process: pictures are pictures,
addresses lead to one, cursors come from the server. Requests meant to be refused stay as they are."""
import base64
import os
import pathlib

import schemathesis
from hypothesis import strategies
from schemathesis import GenerationMode

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = [path.read_bytes() for path in sorted((ROOT / "examples" / "pictures").iterdir())]
PICTURE_URL = os.environ["PICTURE_URL"]
LONGEST_CAPTION, LONGEST_TAG = 1023, 63  # bytes, which JSON schema cannot count

pictures = strategies.sampled_from(PICTURES)
for media_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, pictures)
for media_type in ("image/*", "image/jpeg", "application/openmetrics-text; version=1.0.0; charset=utf-8"):
    schemathesis.deserializer(media_type)(lambda context, response: response.text)


def bytes_up_to(text, limit):
    return text.encode(errors="ignore")[:limit].decode(errors="ignore")


def can_be_read(value):
    """The server's JSON has no zero character in a name and no integer beyond 64 bits."""
    if isinstance(value, dict):
        return all("\0" not in name and can_be_read(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(can_be_read, value))
    return not isinstance(value, int) or -2**63 <= value < 2**63


def mend_query(query, case):
    if case.path != "/search":
        return
    query.pop("cursor", None)  # its shape alone does not make one
    if case.method == "GET" and "q" not in query and "image_id" not in query:
        query["q"] = "a red circle"  # one of the two has to be there
    if "q" not in query:
        query.pop("mode", None)  # wants words, as min_score=auto does
        if query.get("min_score") == "auto":
            query.pop("min_score")
    elif not any(word[0].isalnum() for word in query["q"].split()):
        query["q"] += " a"  # words behind "-" say what not to find, and some characters cannot be seen


def mend_foreign_body(path, body):
    """Of other programs' protocols: texts that have words, pictures that are some."""
    picture = base64.b64encode(PICTURES[0]).decode()
    if path in ("/v1/embeddings", "/embeddings"):
        body.pop("dimensions", None)  # as many as the model has
        if body.pop("modality", None) == "image":
            body.update(modality="image", input=[PICTURE_URL])
        else:
            body["input"] = [f"a {text}" for text in body["input"]] \
                if isinstance(body["input"], list) else f"a {body['input']}"
    elif path == "/v1/chat/completions":
        body["messages"] = [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": PICTURE_URL}}]}]
    elif path == "/vectorize":
        body["texts"] = [f"a {text}" for text in body.get("texts") or []]
        body["images"] = [picture for _ in body.get("images") or []]
    elif path == "/api/v1/vision/caption":
        body["images"] = [picture]
    elif path == "/predict":
        body.clear()  # names of fields may be any, but a form's
        body.update(entries='{"clip": {"textual": {"modelName": "mock"}}}', text="a cat")


def mend_body(body):
    if "url" in body:
        body["url"] = PICTURE_URL
    if "urls" in body:
        body["urls"] = [PICTURE_URL for _ in body["urls"]]
    body.pop("names", None)  # as many as there are files
    if "caption" in body:
        body["caption"] = bytes_up_to(body["caption"], LONGEST_CAPTION)
    if "tags" in body:
        body["tags"] = [bytes_up_to(tag, LONGEST_TAG) for tag in body["tags"]]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is not None and case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    mend_query(case.query, case)
    if isinstance(case.body, dict):
        if case.media_type == "application/json":
            case.body = {name: value for name, value in case.body.items() if can_be_read({name: value})}
        mend_foreign_body(case.path, case.body)
        mend_body(case.body)
    elif isinstance(case.body, list):
        case.body = [each for each in case.body if can_be_read(each)]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # JSON-RPC tells what is wrong with a message in an error of its own, whose status is 200 or 400 by
    # rules of its own; test_mcp_raw.py holds these.
    if case.path == "/mcp" and failure.title in ("Schema-violating request accepted",
                                                 "Schema-valid request rejected"):
        return False
    # A form meant to be refused whose fault a picture has taken the place of; so says the tool itself.
    return not (failure.title == "Schema-violating request accepted"
                and case.meta.phase.data.description == "Positive test case")
