"""A server that stands in for Google's Cloud Vision, the method images:annotate with one picture.
Every request, and every answer of its own that is not wrong on purpose, is held against the fields
that Google's reference names. Stricter than the real one: headers and fields that the program has
no reason to send are refused, and so is a picture with metadata, or larger than it needs to be."""
import base64
import json

from cloud_stand_in import Answer, StandIn, Wrong, check_headers, check_jpeg, check_unknown

PATH = "/v1/images:annotate"
MAX_SIDE = 1024
MAX_JSON = 10 * 1000 * 1000
FEATURES = {"LABEL_DETECTION", "OBJECT_LOCALIZATION"}
HEADERS = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length",
           "x-goog-api-key", "traceparent", "tracestate"}
# google.rpc.Code, and the HTTP status that each comes with.
CODES = {"INVALID_ARGUMENT": (3, 400), "DEADLINE_EXCEEDED": (4, 504), "NOT_FOUND": (5, 404),
         "PERMISSION_DENIED": (7, 403), "RESOURCE_EXHAUSTED": (8, 429),
         "FAILED_PRECONDITION": (9, 400), "INTERNAL": (13, 500), "UNAVAILABLE": (14, 503),
         "UNAUTHENTICATED": (16, 401)}


# Answers

def label(description, score, mid="/m/0bt9lr"):
    return {"mid": mid, "description": description, "score": score, "topicality": score}


def localized(name, score, mid="/m/01g317"):
    """Its first corner lies at 0, 0: zeros are left out."""
    return {"mid": mid, "name": name, "score": score, "boundingPoly": {"normalizedVertices": [
        {}, {"x": 0.5}, {"x": 0.5, "y": 0.75}, {"y": 0.75}]}}


def annotated(labels=(), objects=(), error=None):
    response = {}
    if labels:
        response["labelAnnotations"] = [label(*each) for each in labels]
    if objects:
        response["localizedObjectAnnotations"] = [localized(*each) for each in objects]
    if error:
        response["error"] = error
    return Answer(body={"responses": [response]})


def dog_in_a_park():
    return annotated(
        [("Dog", 0.97), ("Plant", 0.94), ("Carnivore", 0.9), ("Dog breed", 0.89), ("Grass", 0.88),
         ("Companion dog", 0.84), ("Lawn", 0.72), ("Ball", 0.71), ("Tree", 0.65)],
        [("Dog", 0.93), ("Ball", 0.81), ("Person", 0.77), ("Person", 0.61)])


def refusal(name, message, status=None, reason=None, headers=None):
    details = []
    if reason:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                        "domain": "googleapis.com", "metadata": {"service": "vision"}})
    code = status or CODES[name][1]
    error = {"code": code, "message": message, "status": name}
    if details:
        error["details"] = details
    return Answer(status=code, body={"error": error}, headers=headers or {})


# What requests and answers must be

def check_score(annotation, where):
    for name in ("score", "topicality", "confidence"):
        value = annotation.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise Wrong(f"{name} is {value!r} in {where}")


def check_status(error, where):
    check_unknown(error, ("code", "message", "details"), where)
    if error.get("code") not in {code for code, _ in CODES.values()}:
        raise Wrong(f"the code is {error.get('code')} in {where}")


def check_responses(body):
    check_unknown(body, ("responses",), "the answer")
    for response in body["responses"]:
        check_unknown(response, ("labelAnnotations", "localizedObjectAnnotations", "error"),
                      "a response")
        for each in response.get("labelAnnotations", ()):
            check_unknown(each, ("mid", "locale", "description", "score", "confidence",
                                 "topicality"), "a label")
            check_score(each, "a label")
        for each in response.get("localizedObjectAnnotations", ()):
            check_unknown(each, ("mid", "languageCode", "name", "score", "boundingPoly"),
                          "an object")
            check_score(each, "an object")
            check_unknown(each["boundingPoly"], ("vertices", "normalizedVertices"), "a polygon")
        if "error" in response:
            check_status(response["error"], "a response")


class FakeGoogleVision(StandIn):
    def __init__(self, key="AIza-test-0123456789"):
        self.key = key
        super().__init__()

    def success(self):
        return dog_in_a_park()

    def error_body(self, wrong):
        return refusal(wrong.name or "INVALID_ARGUMENT", str(wrong), wrong.status).body

    def check_request(self, handler, text):
        headers = handler.headers
        if handler.command != "POST" or handler.path != PATH:
            raise Wrong(f"there is no {handler.command} {handler.path}", 404, "NOT_FOUND")
        check_headers(headers, HEADERS)
        if headers.get("Host") != self.host:
            raise Wrong(f"Host is {headers.get('Host')}")
        if headers.get("X-goog-api-key") != self.key:
            raise Wrong("The request is missing a valid API key.", 403, "PERMISSION_DENIED")
        if headers.get("Content-Type") != "application/json":
            raise Wrong(f"the body is called {headers.get('Content-Type')}")
        if len(text) > MAX_JSON:
            raise Wrong("Request payload size exceeds the limit: 10485760 bytes.")
        return self.check_body(text)

    def check_body(self, text):
        try:
            body = json.loads(text)
        except ValueError as error:
            raise Wrong(f"Invalid JSON payload received. {error}") from error
        check_unknown(body, ("requests",), "the body")
        if len(body["requests"]) != 1:
            raise Wrong(f"there are {len(body['requests'])} pictures")
        request = body["requests"][0]
        check_unknown(request, ("image", "features"), "the request")
        check_unknown(request["image"], ("content",), "the image")
        for feature in request["features"]:
            check_unknown(feature, ("type", "maxResults"), "a feature")
            if type(feature["maxResults"]) is not int or feature["maxResults"] != 10:
                raise Wrong(f"maxResults is {feature['maxResults']!r}")
        # Each one is a unit of its own on the bill.
        if sorted(feature["type"] for feature in request["features"]) != sorted(FEATURES):
            raise Wrong(f"the features are {request['features']}")
        try:
            data = base64.b64decode(request["image"]["content"], validate=True)
        except ValueError as error:
            raise Wrong(f"Base64 decoding failed: {error}") from error
        check_jpeg(data, MAX_SIDE)
        return body

    def check_answer(self, answer):
        try:
            if answer.status == 200:
                check_responses(answer.body)
                return
            check_unknown(answer.body, ("error",), "the answer")
            error = answer.body["error"]
            check_unknown(error, ("code", "message", "status", "details"), "the error")
            if error["code"] != answer.status or CODES[error["status"]][1] != answer.status:
                raise Wrong(f"the error is {error}")
        except (Wrong, KeyError) as problem:
            self.complain(f"the stand-in's own answer: {problem!r}")
