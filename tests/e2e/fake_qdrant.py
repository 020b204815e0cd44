"""A server that stands in for Qdrant: it keeps points in Qdrant's own engine (qdrant-edge-py), one
shard a collection, and holds every request and every answer of its own against Qdrant's published
description of its REST interface, shared/qdrant-openapi.json beside the project, or the file that
QDRANT_OPENAPI names. What the engine lacks is done here: collections, their parameters, keys and
statuses. Stricter than the real one: a field that the description does not have is refused.

Runs on threads of a test (FakeQdrant), or as a program that prints its address:

    python tests/e2e/fake_qdrant.py --folder DIR [--port N] [--api-key KEY]
"""
import argparse
import copy
import dataclasses
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import threading
import time
import urllib.parse

import jsonschema_rs
import qdrant_edge as edge

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESCRIPTION = pathlib.Path(os.environ.get(
    "QDRANT_OPENAPI", ROOT.parent / "shared" / "qdrant-openapi.json"))
MAX_BODY = 32 * 1024 * 1024


# What the description says

def strict(schema):
    """OpenAPI 3.0 as JSON Schema, without room for fields that are not described."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: strict(value) for name, value in schema.items()
              if name not in ("example", "default", "description")}
    nullable = schema.pop("nullable", False)
    if nullable and not schema:
        return {"type": "null"}
    if nullable:
        schema["type"] = [schema["type"], "null"]
    if schema.get("type") == "object" and schema.get("properties"):
        schema.setdefault("additionalProperties", False)
    return schema


class Description:
    def __init__(self):
        document = json.loads(DESCRIPTION.read_text())
        self.components = {"schemas": {name: strict(schema) for name, schema
                                       in document["components"]["schemas"].items()}}
        self.routes = []
        for template, operations in document["paths"].items():
            pattern = re.compile(re.sub(r"\\{[^}]*\\}", "([^/]+)",
                                        re.escape(template)) + "$")
            for method, operation in operations.items():
                self.routes.append((method.upper(), pattern, template, operation))

    def find(self, method, path):
        for each, pattern, template, operation in self.routes:
            match = pattern.match(path)
            if match and each == method:
                return template, operation, [urllib.parse.unquote(g) for g in match.groups()]
        return None, None, []

    @functools.lru_cache(maxsize=None)
    def validator(self, template, method, part):
        operation = next(o for m, _, t, o in self.routes if t == template and m == method)
        if part == "request":
            content = operation.get("requestBody")
        else:
            content = operation["responses"][part]
        if content is None:
            return None
        schema = strict(copy.deepcopy(content["content"]["application/json"]["schema"]))
        return jsonschema_rs.Draft202012Validator(
            {**schema, "components": self.components}, validate_formats=True)

    def parameters(self, operation, query):
        """What is wrong with the query string, or None."""
        known = {p["name"]: p["schema"] for p in operation.get("parameters", ())
                 if p["in"] == "query"}
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            if name not in known:
                return f"there is no query parameter {name}"
            if known[name].get("type") == "boolean" and value not in ("true", "false"):
                return f"the query parameter {name} is {value}"
        return None


@functools.lru_cache(maxsize=None)
def description():
    return Description()


# JSON to the engine's types, and back

def listed(conditions):
    return conditions if isinstance(conditions, list) else [conditions]


def to_match(match):
    if "value" in match:
        return edge.MatchValue(match["value"])
    if "any" in match:
        return edge.MatchAny(match["any"])
    raise Refusal(501, f"the stand-in knows no match {match}")


def to_condition(condition):
    if "has_id" in condition:
        return edge.HasIdCondition(set(condition["has_id"]))
    if "key" in condition:
        bounds = condition.get("range")
        return edge.FieldCondition(
            condition["key"],
            match=to_match(condition["match"]) if condition.get("match") else None,
            range=edge.RangeFloat(**bounds) if bounds else None)
    return to_filter(condition)


def to_filter(body):
    if not body:
        return None
    unknown = set(body) - {"must", "should", "must_not"}
    if unknown:
        raise Refusal(501, f"the stand-in knows no clause {unknown}")
    return edge.Filter(**{name: [to_condition(c) for c in listed(conditions)]
                          for name, conditions in body.items()})


def to_selection(selection, otherwise):
    if selection is None:
        return otherwise
    if isinstance(selection, dict):
        if "exclude" in selection:
            return edge.PayloadSelector.Exclude(selection["exclude"])
        return edge.PayloadSelector.Include(selection["include"])
    return selection


def to_parameters(body):
    if not body:
        return None
    quantization = body.get("quantization")
    return edge.SearchParams(
        exact=body.get("exact", False),
        quantization=edge.QuantizationSearchParams(**quantization) if quantization else None)


def vector_parameters(parameters, quantization):
    datatypes = {"float32": edge.VectorStorageDatatype.Float32,
                 "float16": edge.VectorStorageDatatype.Float16,
                 "uint8": edge.VectorStorageDatatype.Uint8}
    scalar = (quantization or {}).get("scalar")
    return edge.EdgeVectorParams(
        size=parameters["size"], distance=getattr(edge.Distance, parameters["distance"]),
        datatype=datatypes[parameters.get("datatype") or "float32"],
        quantization_config=edge.ScalarQuantizationConfig(
            edge.ScalarType.Int8, scalar.get("quantile"), scalar.get("always_ram"))
        if scalar else None)


def vector_widths(vectors):
    """{name: width}; the vector without a name is ""."""
    if "size" in vectors:
        return {"": vectors["size"]}
    return {name: parameters["size"] for name, parameters in vectors.items()}


def record_json(record, with_payload, with_vector):
    found = {"id": str(record.id)}
    if with_payload is not False:
        found["payload"] = record.payload or {}
    if with_vector:
        found["vector"] = record.vector
    return found


class Refusal(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Collection:
    """A shard of the engine in a folder, with the parameters that the engine does not keep."""

    def __init__(self, folder, body=None):
        self.folder = folder
        self.parameters_file = folder / "parameters.json"
        if body is None:
            self.body = json.loads(self.parameters_file.read_text())
            self.shard = edge.EdgeShard.load(str(folder / "shard"))
            return
        folder.mkdir(parents=True)
        (folder / "shard").mkdir()
        self.body = body
        vectors = body["vectors"]
        quantization = body.get("quantization_config")
        if "size" in vectors:
            configuration = vector_parameters(vectors, quantization)
        else:
            configuration = {name: vector_parameters(each, quantization)
                             for name, each in vectors.items()}
        self.shard = edge.EdgeShard.create(
            str(folder / "shard"), edge.EdgeConfig(vectors=configuration))
        self.parameters_file.write_text(json.dumps(body))

    def check_vector(self, vector):
        widths = vector_widths(self.body["vectors"])
        named = vector if isinstance(vector, dict) else {"": vector}
        for name, values in named.items():
            if name not in widths:
                raise Refusal(400, f"Wrong input: Not existing vector name error: {name}")
            if len(values) != widths[name]:
                raise Refusal(400, "Wrong input: Vector dimension error: expected dim: "
                                   f"{widths[name]}, got {len(values)}")

    def info(self):
        found = self.shard.info()
        parameters = {name: self.body[name] for name in ("vectors", "on_disk_payload")
                      if name in self.body}
        return {
            "status": "green", "optimizer_status": "ok", "segments_count": found.segments_count,
            "points_count": found.points_count,
            "indexed_vectors_count": found.indexed_vectors_count,
            "config": {"params": parameters,
                       "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                       "optimizer_config": {"default_segment_number": 0, "flush_interval_sec": 5},
                       "quantization_config": self.body.get("quantization_config")},
            "payload_schema": {name: {"data_type": str(index.data_type).rsplit(".", 1)[1].lower(),
                                      "points": index.points}
                               for name, index in found.payload_schema.items()}}


# The server

@dataclasses.dataclass
class Fault:
    """What goes wrong, for requests whose path ends in `path` (all when empty)."""

    kind: str
    path: str = ""
    times: int = 1_000_000  # how often, then it works again
    value: object = None


class FakeQdrant:
    """Serves the collections in `folder` at 127.0.0.1, on `port` or a free one, until closed. What
    did not follow the description is in `complaints`; a test is to find it empty."""

    def __init__(self, folder, port=0, api_key=None, version="1.19.0"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.api_key = api_key
        self.version = version
        self.faults = []
        self.requests = []  # (method, path)
        self.keys = set()  # those that requests brought
        self.parents = []  # the traceparent of each request, or None
        self.complaints = []
        self.lock = threading.RLock()
        self.operations = 0
        self.collections = {each.name: Collection(each) for each in self.folder.iterdir()
                            if (each / "parameters.json").exists()}

        class Bound(Handler):
            owner = self

        self.connections = set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Bound)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        """As the end of the process: connections break; what was answered is kept."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        with self.lock:
            for connection in list(self.connections):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            for collection in self.collections.values():
                collection.shard.close()
            self.collections = {}

    def fault(self, path):
        for fault in self.faults:
            if path.endswith(fault.path) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def collection(self, name):
        if name not in self.collections:
            raise Refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        return self.collections[name]

    def update(self, collection, operation):
        try:
            collection.shard.update(operation)
        except Exception as error:
            if "No point with id" in str(error):
                raise Refusal(404, f"Not found: {error}") from error
            raise
        self.operations += 1
        return {"operation_id": self.operations, "status": "completed"}

    def points_of(self, body):
        """The selector of a request: its ids, or its filter."""
        if body.get("points") is not None:
            return body["points"], None
        return None, to_filter(body["filter"]) or edge.Filter()


def answer_root(server, groups, body):
    return {"title": "qdrant - vector search engine", "version": server.version}


def list_collections(server, groups, body):
    return {"collections": [{"name": name} for name in sorted(server.collections)]}


def get_collection(server, groups, body):
    return server.collection(groups[0]).info()


def put_collection(server, groups, body):
    name = groups[0]
    if not re.fullmatch(r"[^<>:\"/\\|?*\x00\x1f]{1,255}", name):
        raise Refusal(422, f"Validation error in path: {name}")
    if name in server.collections:
        raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")
    server.collections[name] = Collection(server.folder / name, body)
    return True


def delete_collection(server, groups, body):
    collection = server.collections.pop(groups[0], None)
    if collection is None:
        return False
    collection.shard.close()
    shutil.rmtree(collection.folder)
    return True


def put_index(server, groups, body):
    schema = body["field_schema"]
    if not isinstance(schema, str):
        raise Refusal(501, f"the stand-in knows no index {schema}")
    return server.update(server.collection(groups[0]), edge.UpdateOperation.create_field_index(
        body["field_name"], getattr(edge.PayloadSchemaType, schema.capitalize())))


def put_points(server, groups, body):
    collection = server.collection(groups[0])
    points = []
    for point in body["points"]:
        collection.check_vector(point["vector"])
        points.append(edge.Point(point["id"], point["vector"], point.get("payload")))
    return server.update(collection, edge.UpdateOperation.upsert_points(points))


def retrieve(server, groups, body):
    with_payload = body.get("with_payload", True)
    with_vector = body.get("with_vector", False)
    found = server.collection(groups[0]).shard.retrieve(
        list(dict.fromkeys(body["ids"])), to_selection(with_payload, True), with_vector)
    return [record_json(record, with_payload, with_vector) for record in found]


def delete_points(server, groups, body):
    ids, condition = server.points_of(body)
    return server.update(
        server.collection(groups[0]), edge.UpdateOperation.delete_points(ids) if ids is not None
        else edge.UpdateOperation.delete_points_by_filter(condition))


def set_payload(server, groups, body):
    ids, condition = server.points_of(body)
    return server.update(
        server.collection(groups[0]),
        edge.UpdateOperation.set_payload(ids, body["payload"]) if ids is not None
        else edge.UpdateOperation.set_payload_by_filter(condition, body["payload"]))


def delete_payload(server, groups, body):
    ids, condition = server.points_of(body)
    return server.update(
        server.collection(groups[0]),
        edge.UpdateOperation.delete_payload(ids, body["keys"]) if ids is not None
        else edge.UpdateOperation.delete_payload_by_filter(condition, body["keys"]))


def scroll(server, groups, body):
    order = body.get("order_by")
    if isinstance(order, str):
        order = {"key": order}
    if order and body.get("offset") is not None:
        raise Refusal(400, "Wrong input: Cannot use an `offset` when using `order_by`.")
    collection = server.collection(groups[0])
    if order and order["key"] not in collection.shard.info().payload_schema:
        raise Refusal(400, f"Wrong input: No range index for `order_by` key: `{order['key']}`.")
    with_payload = body.get("with_payload", True)
    with_vector = body.get("with_vector", False)
    directions = {"asc": edge.Direction.Asc, "desc": edge.Direction.Desc}
    records, following = collection.shard.scroll(edge.ScrollRequest(
        offset=body.get("offset"), limit=body.get("limit") or 10,
        filter=to_filter(body.get("filter")),
        with_payload=to_selection(with_payload, True), with_vector=with_vector,
        order_by=edge.OrderBy(order["key"], directions[order.get("direction", "asc")])
        if order else None))
    return {"points": [record_json(record, with_payload, with_vector) for record in records],
            "next_page_offset": None if following is None else str(following)}


def count(server, groups, body):
    return {"count": server.collection(groups[0]).shard.count(edge.CountRequest(
        filter=to_filter(body.get("filter")), exact=body.get("exact", True)))}


def find_nearest(server, name, vector, using, body):
    collection = server.collection(name)
    collection.check_vector({using: vector} if using else vector)
    with_payload = body.get("with_payload", False)
    found = collection.shard.query(edge.QueryRequest(
        limit=body.get("limit") or 10, query=edge.Query.Nearest(vector, using=using),
        filter=to_filter(body.get("filter")), score_threshold=body.get("score_threshold"),
        with_payload=to_selection(with_payload, False), params=to_parameters(body.get("params"))))
    return [{"version": point.version, "score": point.score,
             **record_json(point, with_payload, False)} for point in found]


def query(server, groups, body):
    return {"points": find_nearest(server, groups[0], body["query"], body.get("using"), body)}


def old_search(server, groups, body):
    """/points/search, which servers before 1.10 have and the description has not any more."""
    vector = body["vector"]
    if isinstance(vector, dict):
        return find_nearest(server, groups[0], vector["vector"], vector["name"], body)
    return find_nearest(server, groups[0], vector, None, body)


COLLECTION = "/collections/{collection_name}"
HANDLERS = {
    ("GET", "/"): answer_root,
    ("GET", "/collections"): list_collections,
    ("GET", COLLECTION): get_collection,
    ("PUT", COLLECTION): put_collection,
    ("DELETE", COLLECTION): delete_collection,
    ("PUT", COLLECTION + "/index"): put_index,
    ("PUT", COLLECTION + "/points"): put_points,
    ("POST", COLLECTION + "/points"): retrieve,
    ("POST", COLLECTION + "/points/delete"): delete_points,
    ("POST", COLLECTION + "/points/payload"): set_payload,
    ("POST", COLLECTION + "/points/payload/delete"): delete_payload,
    ("POST", COLLECTION + "/points/scroll"): scroll,
    ("POST", COLLECTION + "/points/count"): count,
    ("POST", COLLECTION + "/points/query"): query,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *arguments):
        pass

    def setup(self):
        super().setup()
        self.owner.connections.add(self.connection)

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the other side went away

    def finish(self):
        self.owner.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def send(self, status, body, headers=None, announced=None):
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def send_error_json(self, status, text):
        self.send(status, json.dumps({"status": {"error": text}, "time": 0.001}).encode())

    def complain(self, text):
        text = f"{self.command} {self.path}: {text}"[:2000]
        self.owner.complaints.append(text)
        self.send_error_json(400, text)

    def handle_request(self):
        size = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(size)
        owner = self.owner
        path, _, query_string = self.path.partition("?")
        with owner.lock:
            owner.requests.append((self.command, path))
            owner.keys.add(self.headers.get("api-key"))
            owner.parents.append(self.headers.get("traceparent"))
            fault = owner.fault(path)
        if fault is not None and self.strike(fault):
            return None
        if size > MAX_BODY:
            return self.send(413, b"")
        if owner.api_key and self.headers.get("api-key") != owner.api_key:
            return self.send(401, b"Must provide an API key or an Authorization bearer token",
                             {"Content-Type": "text/plain"})
        if owner.version < "1.10" and path.endswith("/points/query"):
            return self.send(404, b"", {})
        if owner.version < "1.10" and path.endswith("/points/search"):
            return self.answer(None, "POST", path.split("/")[2:3], old_search, json.loads(text))
        template, operation, groups = description().find(self.command, path)
        if template is None or (self.command, template) not in HANDLERS:
            return self.complain("there is no such operation, or the stand-in has it not")
        wrong = description().parameters(operation, query_string)
        if wrong:
            return self.complain(wrong)
        validator = description().validator(template, self.command, "request")
        body = None
        if validator is not None:
            if self.headers.get("Content-Type") != "application/json":
                return self.complain("the body is not called JSON")
            try:
                body = json.loads(text)
            except ValueError as error:
                return self.complain(f"Format error in JSON body: {error}")
            for error in validator.iter_errors(body):
                return self.complain(f"{error.message} at {list(error.instance_path)}")
        elif text:
            return self.complain("a body where there is none")
        return self.answer(template, self.command, groups, HANDLERS[self.command, template], body)

    def answer(self, template, method, groups, handler, body):
        owner = self.owner
        try:
            with owner.lock:
                result = handler(owner, groups, body)
        except Refusal as refusal:
            if refusal.status == 501:
                owner.complaints.append(f"{self.command} {self.path}: {refusal}")
            return self.send_error_json(refusal.status, str(refusal))
        except Exception as error:  # pylint: disable=broad-except
            owner.complaints.append(f"{self.command} {self.path}: {error!r}")
            return self.send_error_json(500, f"Service internal error: {error}")
        reply = result if handler is answer_root else {
            "result": result, "status": "ok", "time": 0.001}
        if template is not None:
            validator = description().validator(template, method, "200")
            for error in validator.iter_errors(reply):
                owner.complaints.append(f"the answer to {self.command} {self.path}: "
                                        f"{error.message} at {list(error.instance_path)}"[:2000])
        return self.send(200, json.dumps(reply).encode())

    def strike(self, fault):
        """Answers with a fault; False when the request goes on after it."""
        if fault.kind == "status":
            headers = {"Content-Type": "text/html"}
            if isinstance(fault.value, tuple):
                headers["Retry-After"] = str(fault.value[1])
            status = fault.value[0] if isinstance(fault.value, tuple) else fault.value
            self.send(status, b"<html>No</html>", headers)
        elif fault.kind == "body":
            self.send(200, fault.value)
        elif fault.kind == "half":
            self.send(200, b'{"result": ', announced=1000)
            self.close_connection = True
        elif fault.kind == "hangs-up":
            self.close_connection = True
        elif fault.kind == "redirect":
            self.send(307, b"", {"Location": fault.value + self.path})
        elif fault.kind == "slow":
            time.sleep(fault.value)
            return False
        elif fault.kind == "huge":
            self.send(200, b"[", announced=fault.value)
            try:
                for _ in range(fault.value // 65536):
                    self.wfile.write(b"0," * 32768)
            except OSError:
                pass
            self.close_connection = True
        elif fault.kind == "unfinished":
            self.send(200, b'{"result": {"operation_id": 1, "status": "acknowledged"}}')
        return True

    def do_GET(self):
        self.handle_request()

    do_PUT = do_POST = do_DELETE = do_GET


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key")
    options = parser.parse_args()
    server = FakeQdrant(options.folder, options.port, options.api_key)
    print(server.url, flush=True)
    shown = 0
    while True:
        time.sleep(0.2)
        for complaint in server.complaints[shown:]:
            print(complaint, flush=True)
            shown += 1


if __name__ == "__main__":
    main()
