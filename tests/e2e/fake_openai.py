"""A server that stands in for OpenRouter, OpenAI, and servers that speak like them. It takes chat
completions with one picture and holds every request, and every answer of its own that is not wrong
on purpose, against the models of the official client (pip package openai). Stricter than the real
ones: headers and fields that the program has no reason to send are refused, and so is a picture
with metadata, or larger than its models look at.

What was wrong with requests is in `complaints`; a test is to find it empty. What it answers follows
`script`: an Answer for each request, in order, then successes."""
import base64
import json

import pydantic
from cloud_stand_in import Answer, StandIn, Wrong, check_headers, check_jpeg, check_unknown
from openai.types.chat import (ChatCompletion, ChatCompletionContentPartParam,
                               ChatCompletionUserMessageParam)
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.shared import ErrorObject

PATHS = {"openrouter": "/api/v1", "openai": "/v1", "openai_compatible": "/v1"}
FIELDS = {"model", "max_tokens", "temperature", "messages"}
HEADERS = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length",
           "authorization", "x-title", "traceparent", "tracestate"}
PREFIX = "data:image/jpeg;base64,"


# Answers

def completion(caption="A red boat on a lake.", dialect="openai", model="gpt-4o-mini-2024-07-18",
               finish_reason="stop", **changes):
    message = {"role": "assistant", "content": caption, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": model,
            "choices": [choice],
            "usage": {"prompt_tokens": 2845, "completion_tokens": 9, "total_tokens": 2854,
                      "prompt_tokens_details": {"cached_tokens": 0}}}
    if dialect == "openrouter":
        body.update(id="gen-1", provider="OpenAI", model="openai/gpt-4o-mini")
        choice["native_finish_reason"] = "stop"
        body["usage"].update(cost=0.00043215, is_byok=False,
                             cost_details={"upstream_inference_cost": 0.00043215})
    body.update(changes)
    return body


def success(*arguments, **changes):
    return Answer(body=completion(*arguments, **changes))


def openai_error(status, message, kind, code=None, **headers):
    return Answer(status=status, headers={n.replace("_", "-"): v for n, v in headers.items()},
                  body={"error": {"message": message, "type": kind, "param": None, "code": code}})


def openrouter_error(code, message, status=None, metadata=None, **headers):
    """With status 200 when a model had begun: the error is in the body then."""
    error = {"code": code, "message": message}
    if metadata is not None:
        error["metadata"] = metadata
    return Answer(status=status or code, body={"error": error}, is_checked=False,
                  headers={n.replace("_", "-"): v for n, v in headers.items()})


# What a request must be

class FakeOpenAI(StandIn):
    def __init__(self, dialect="openai", key="sk-test-0123456789", max_side=512):
        self.dialect = dialect
        self.key = key
        self.max_side = max_side
        self.base_path = PATHS[dialect]
        super().__init__()

    def success(self):
        return success(dialect=self.dialect)

    def error_body(self, wrong):
        return {"error": {"message": str(wrong), "type": "invalid_request_error", "param": None,
                          "code": None}}

    def check_request(self, handler, text):
        self.check_headers(handler)
        return self.check_body(text)

    def check_headers(self, handler):
        headers = handler.headers
        if handler.command != "POST" or handler.path != PATHS[self.dialect] + "/chat/completions":
            raise Wrong(f"Invalid URL ({handler.command} {handler.path})", 404)
        if headers.get("Authorization") != (f"Bearer {self.key}" if self.key else None):
            raise Wrong("Incorrect API key provided.", 401)
        if headers.get("Content-Type") != "application/json":
            raise Wrong(f"Unsupported content type: {headers.get('Content-Type')}")
        if headers.get("User-Agent") != "imgrouter":
            return  # the official client, which sends headers of its own
        check_headers(headers, HEADERS)
        if headers.get("X-Title") != ("imgrouter" if self.dialect == "openrouter" else None):
            raise Wrong(f"X-Title is {headers.get('X-Title')}")

    def check_body(self, text):
        try:
            body = json.loads(text)
        except ValueError as error:
            raise Wrong(f"We could not parse the JSON body of your request: {error}") from error
        check_unknown(body, FIELDS, "the request")
        try:
            # Lists are checked where they are walked through; see below.
            pydantic.TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)
            messages = list(body["messages"])
            if len(messages) != 1:
                raise Wrong(f"there are {len(messages)} messages")
            message = messages[0]
            check_unknown(message, ("role", "content"), "the message")
            pydantic.TypeAdapter(ChatCompletionUserMessageParam).validate_python(message)
            part = pydantic.TypeAdapter(ChatCompletionContentPartParam)
            for each in message["content"]:
                part.validate_python(each)
        except pydantic.ValidationError as error:
            raise Wrong(str(error)) from error
        for name in ("max_tokens", "temperature"):
            if name not in body:
                raise Wrong(f"{name} is missing")
        if body["max_tokens"] != 100 or not 0 <= body["temperature"] <= 0.3:
            raise Wrong("max_tokens or temperature is not as it was agreed")
        self.check_parts(message["content"])
        return body

    def check_parts(self, parts):
        if [part["type"] for part in parts] != ["text", "image_url"]:
            raise Wrong("the content is not a text and then a picture")
        text, image = parts
        check_unknown(text, ("type", "text"), "the text")
        check_unknown(image, ("type", "image_url"), "the picture")
        if not text["text"]:
            raise Wrong("the text is empty")
        reference = image["image_url"]
        expected = {"url"} if self.dialect == "openai_compatible" else {"url", "detail"}
        if set(reference) != expected or reference.get("detail", "low") != "low":
            raise Wrong("detail is not low, or given to a server that may not know it")
        if not reference["url"].startswith(PREFIX):
            raise Wrong("the picture is not a data URI of a JPEG")
        try:
            data = base64.b64decode(reference["url"][len(PREFIX):], validate=True)
        except ValueError as error:
            raise Wrong(f"the picture is not base64: {error}") from error
        check_jpeg(data, self.max_side)

    def check_answer(self, answer):
        try:
            if answer.status == 200:
                ChatCompletion.model_validate(answer.body, strict=True)
            elif self.dialect == "openai":
                ErrorObject.model_validate(answer.body["error"], strict=True)
        except pydantic.ValidationError as error:
            self.complain(f"the stand-in's own answer: {error}")
