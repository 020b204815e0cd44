"""/openapi.json is a valid document, and the server answers as it says."""
import base64
import json

import pytest
from pictures import png
from server_process import wait_until

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def check(document, name, value):
    jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(value)
    check_is_described(document, document["components"]["schemas"][name], value, name)


def resolved(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def properties_of(document, schema):
    schema = resolved(document, schema)
    properties = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        properties |= properties_of(document, part)
    return properties


def check_is_described(document, schema, value, where):
    """No answer has a member that the document does not know."""
    schema = resolved(document, schema)
    if "oneOf" in schema and isinstance(value, dict):
        options = [resolved(document, option) for option in schema["oneOf"]]
        schema = next(option for option in options if option.get("type") != "null"
                      and set(option["required"]) <= set(value))
    properties = properties_of(document, schema)
    if isinstance(value, dict) and properties:
        for key, member in value.items():
            assert key in properties, f"{where}.{key} is not in the document"
            check_is_described(document, properties[key], member, f"{where}.{key}")
    if isinstance(value, list) and "items" in schema:
        for member in value:
            check_is_described(document, schema["items"], member, f"{where}[]")


def test_the_document_is_valid(document):
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(document)
    assert document["openapi"].startswith("3.1")


def test_schemas_and_their_examples_are_valid(document):
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for example in schema.get("examples", []):
            check(document, name, example)


def media_types(document):
    """(operation, status or "request", media type, what is said of it)"""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            for media_type, said in operation.get("requestBody", {}).get("content", {}).items():
                yield where, "request", media_type, said
            for status, response in operation["responses"].items():
                for media_type, said in response.get("content", {}).items():
                    yield where, status, media_type, said


def test_every_answer_has_a_true_example(document):
    for where, status, media_type, said in media_types(document):
        if status != "request" and (media_type.split(";")[0].endswith("json")
                                    and where != "get /openapi.json"):
            assert "example" in said, (where, status)
        if "example" in said:
            check(document, said["schema"]["$ref"].rsplit("/", 1)[1], said["example"])
        if media_type == "application/problem+json":
            assert said["example"]["status"] == int(status), (where, status)
            assert said["example"]["request_id"] and said["example"]["code"]


def test_every_answer_names_its_headers(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert "400" in operation["responses"]
            for status, response in operation["responses"].items():
                headers = set(response["headers"])
                assert "X-Request-Id" in headers
                assert ("Retry-After" in headers) == (status == "503")
                is_job = status == "202" and "Job" in str(response.get("content"))
                assert ("Location" in headers) == (is_job or status == "302")
                if status == "304":
                    assert "ETag" in headers and "ETag" in operation["responses"]["200"]["headers"]
    assert set(document["components"]["headers"]) == {
        "X-Request-Id", "Retry-After", "ETag", "Location", "Accept-Post", "Content-Disposition"}


def test_every_operation_is_described(document):
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def answers_as_described(document, method, path, answer):
    """The status is in the document, and the body fits its schema."""
    operation = document["paths"][path][method.lower()]
    responses = operation["responses"]
    assert str(answer.status_code) in responses, (method, path, answer.status_code, answer.text)
    for name in responses[str(answer.status_code)]["headers"]:
        if document["components"]["headers"][name]["required"]:
            assert answer.headers[name], (method, path, name)
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        assert answer.content == b""
        return
    sent = answer.headers["content-type"]
    described = [type for type in content
                 if sent == type or sent.split(";")[0] == type
                 or (type.endswith("/*") and sent.startswith(type[:-1]))]
    assert described, f"{method} {path} answered {sent}"
    schema = content[described[0]].get("schema", {})
    if "$ref" in schema and sent.split(";")[0].endswith("json"):
        check(document, schema["$ref"].rsplit("/", 1)[1], json.loads(answer.content))


def foreign_requests():
    """Those of other programs' protocols, and what each refuses."""
    uri = "data:image/png;base64," + base64.b64encode(png(1)).decode()
    chat = {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": uri}}]}]}

    def predict(task, model):
        return {"data": {"entries": json.dumps({task: {"visual": {"modelName": model}}})},
                "files": {"image": ("blob", png(1))}}

    json_routes = ("/v1/embeddings", "/embeddings", "/v1/chat/completions", "/vectorize",
                   "/api/v1/vision/caption")
    yield from (("POST", path, {}, options) for path in json_routes for options in (
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
        {"json": [[]] * 20001}, {"json": []}, {"content": bytes(90_000_000)}))
    yield from [
        ("POST", "/v1/embeddings", {}, {"json": {"input": ["a", uri]}}),
        ("POST", "/v1/embeddings", {}, {"json": {"input": "a", "encoding_format": "base64"}}),
        ("POST", "/v1/embeddings", {}, {"json": {"input": "a", "model": "gpt-4o"}}),
        ("POST", "/embeddings", {}, {"json": {"input": uri, "modality": "image"}}),
        ("POST", "/v1/chat/completions", {}, {"json": chat}),
        ("POST", "/v1/chat/completions", {}, {"json": chat | {"stream": True}}),
        ("POST", "/v1/chat/completions", {}, {"json": chat | {"model": "gpt-4o"}}),
        ("GET", "/v1/models", {}, {}),
        ("GET", "/v1/models/{model}", {"model": "mock"}, {}),
        ("GET", "/v1/models/{model}", {"model": "gpt-4o"}, {}),
        ("GET", "/ping", {}, {}),
        ("POST", "/predict", {}, predict("clip", "mock")),
        ("POST", "/predict", {}, predict("clip", "ViT-B-32__openai")),
        ("POST", "/predict", {}, predict("ocr", "PP-OCRv5_mobile")),
        ("POST", "/predict", {}, {"json": {}}),
        ("POST", "/predict", {}, {"files": {"image": ("blob", png(1))}}),
        ("POST", "/vectorize", {}, {"json": {"texts": ["a"], "images": [uri]}}),
        ("POST", "/vectorize", {}, {"json": {"images": ["%"]}}),
        ("GET", "/meta", {}, {}),
        ("GET", "/.well-known/live", {}, {}),
        ("GET", "/.well-known/ready", {}, {}),
        ("POST", "/api/v1/vision/caption", {}, {"json": {"images": [uri]}}),
        ("POST", "/api/v1/vision/caption", {}, {"json": {"url": "http://127.0.0.1/"}}),
        ("POST", "/api/v1/vision/caption", {}, {"json": {"images": [uri], "model": "kosmos-2"}}),
    ]


def test_every_route_answers_as_described(client, document):
    upload = client.post("/images", files={"file": ("a.png", png(1))})
    image = upload.json()["id"]
    job = client.post("/images", params={"async": "true"}, files={"file": png(6)}).json()["id"]
    wait_until(lambda: client.get(f"/jobs/{job}").json()["state"] == "done")
    gone = "0123456789abcdef"
    raw = {"headers": {"Content-Type": "image/png"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": "x"}}}
    requests = [
        ("POST", "/images", {}, {"files": {"file": ("a.png", png(1))}}),
        ("POST", "/images", {}, {"content": png(2), **raw}),
        ("POST", "/images", {}, {"content": b"text", **raw}),
        ("POST", "/images", {}, {"content": b"", **raw}),
        ("POST", "/images", {}, {"content": bytes(30_000_000), **raw}),
        ("POST", "/images", {}, {"files": {"wrong": ("a.png", png(1))}}),
        ("POST", "/images", {}, {"json": {"url": "http://127.0.0.1/"}}),
        ("POST", "/images", {}, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/images", {}, {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
        ("POST", "/images/batch", {}, {"files": [("file", ("a.png", png(1))),
                                                 ("file", ("b.png", png(4))),
                                                 ("file", ("c.png", b"text"))]}),
        ("POST", "/images/batch", {}, {"json": {"urls": ["http://127.0.0.1/", ""]}}),
        ("POST", "/images/batch", {}, {"files": {"wrong": ("a.png", png(1))}}),
        ("POST", "/images/batch", {}, {"content": b"{", "headers": {
            "Content-Type": "application/json"}}),
        ("POST", "/images/batch", {}, {"content": bytes(90_000_000), **raw}),
        ("POST", "/images/batch", {}, {"content": png(2), **raw}),
        ("GET", "/images", {}, {}),
        ("GET", "/images", {}, {"params": {"limit": 0}}),
        ("GET", "/images", {}, {"params": {"cursor": "x"}}),
        ("GET", "/images/{id}", {"id": image}, {}),
        ("GET", "/images/{id}", {"id": gone}, {}),
        ("PATCH", "/images/{id}", {"id": image}, {"json": {"caption": "mine", "tags": ["a", "b c"]}}),
        ("PATCH", "/images/{id}", {"id": image}, {"json": {"caption": ""}}),
        ("PATCH", "/images/{id}", {"id": image}, {"content": b"{", "headers": {
            "Content-Type": "application/json"}}),
        ("PATCH", "/images/{id}", {"id": image}, {"content": b"x", "headers": {
            "Content-Type": "text/plain"}}),
        ("PATCH", "/images/{id}", {"id": image}, {"json": {"caption": "x" * 70_000}}),
        ("PATCH", "/images/{id}", {"id": gone}, {"json": {"tags": []}}),
        ("GET", "/images/{id}/duplicates", {"id": image}, {}),
        ("GET", "/images/{id}/duplicates", {"id": gone}, {}),
        ("GET", "/images/{id}/content", {"id": image}, {}),
        ("GET", "/images/{id}/content", {"id": image}, {"headers": {"If-None-Match": "*"}}),
        ("GET", "/images/{id}/content", {"id": gone}, {}),
        ("GET", "/images/{id}/thumbnail", {"id": image}, {}),
        ("GET", "/images/{id}/thumbnail", {"id": image}, {"params": {"size": 5}}),
        ("GET", "/images/{id}/thumbnail", {"id": gone}, {}),
        ("POST", "/images", {}, {"content": png(5), "params": {"async": "true"}, **raw}),
        ("POST", "/images", {}, {"content": png(5), "params": {"async": "maybe"}, **raw}),
        ("POST", "/images", {}, {"content": b"text", "params": {"async": "true"}, **raw}),
        ("GET", "/jobs", {}, {}),
        ("GET", "/jobs", {}, {"params": {"state": "lost"}}),
        ("GET", "/jobs/{id}", {"id": job}, {}),
        ("GET", "/jobs/{id}", {"id": gone}, {}),
        ("DELETE", "/jobs/{id}", {"id": job}, {}),
        ("DELETE", "/jobs/{id}", {"id": job}, {}),
        ("GET", "/search", {}, {"params": {"q": "x"}}),
        ("GET", "/search", {}, {"params": {"image_id": image}}),
        ("GET", "/search", {}, {"params": {"image_id": gone}}),
        ("GET", "/search", {}, {}),
        ("POST", "/search", {}, {"content": png(3), **raw}),
        ("POST", "/search", {}, {"content": b"text", **raw}),
        ("GET", "/costs", {}, {}),
        ("GET", "/costs", {}, {"params": {"days": 0}}),
        ("POST", "/mcp", {}, {"json": call}),
        ("POST", "/mcp", {}, {"json": call | {"method": "no/such"}}),
        ("POST", "/mcp", {}, {"json": {"jsonrpc": "2.0", "method": "notifications/initialized"}}),
        ("POST", "/mcp", {}, {"json": [call, call]}),
        ("POST", "/mcp", {}, {"json": []}),
        ("POST", "/mcp", {}, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/mcp", {}, {"json": call, "headers": {"Origin": "http://example.org"}}),
        ("POST", "/mcp", {}, {"json": call, "headers": {"Accept": "text/html"}}),
        ("POST", "/mcp", {}, {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
        ("POST", "/mcp", {}, {"content": bytes(40_000_000), "headers": {
            "Content-Type": "application/json"}}),
        ("GET", "/experiments", {}, {}),
        *foreign_requests(),
        ("GET", "/healthz", {}, {}),
        ("GET", "/readyz", {}, {}),
        ("GET", "/metrics/summary", {}, {}),
        ("GET", "/metrics/summary", {}, {"params": {"format": "text"}}),
        ("GET", "/metrics/summary", {}, {"params": {"format": "x"}}),
        ("GET", "/metrics", {}, {}),
        ("GET", "/metrics", {}, {"headers": {"Accept": "application/openmetrics-text"}}),
        ("GET", "/readyz", {}, {"params": {"x": "\1"}}),
        ("GET", "/openapi.json", {}, {}),
        ("GET", "/docs", {}, {}),
        ("GET", "/docs/docs.css", {}, {}),
        ("GET", "/docs/docs.js", {}, {}),
        ("GET", "/", {}, {}),
        ("GET", "/ui/{name}", {"name": "app.js"}, {}),
        ("GET", "/ui/{name}", {"name": "none.js"}, {}),
        ("DELETE", "/images/{id}", {"id": image}, {}),
        ("DELETE", "/images/{id}", {"id": gone}, {}),
    ]
    for method, path, values, options in requests:
        answer = client.request(method, path.format(**values), **options)
        answers_as_described(document, method, path, answer)
    asked = {(method.lower(), path) for method, path, _, _ in requests}
    with client.stream("GET", "/events") as answer:  # which never ends
        assert answer.headers["content-type"] in document["paths"]["/events"]["get"]["responses"][
            "200"]["content"]
    asked.add(("get", "/events"))
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert asked == described


def test_parameters_are_checked_as_described(client, document):
    for path, methods in document["paths"].items():
        for parameter in methods.get("get", {"parameters": []})["parameters"]:
            schema = parameter["schema"]
            if schema.get("type") != "integer":
                continue
            image = client.post("/images", files={"file": ("a.png", png(1))}).json()["id"]
            target = path.replace("{id}", image)
            for value, is_fine in ((schema["minimum"], True), (schema["minimum"] - 1, False),
                                   (schema["maximum"], True), (schema["maximum"] + 1, False)):
                answer = client.get(target, params={"q": "x", parameter["name"]: value})
                assert (answer.status_code == 200) == is_fine, (target, parameter["name"], value)
                if not is_fine:
                    assert answer.status_code == 422
