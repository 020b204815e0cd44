"""A server that stands in for a collector of OpenTelemetry. It takes POST /v1/traces as JSON, gzipped
or not, and reads it into the protobuf messages of PyPI's opentelemetry-proto, stricter than a real
one: a field that the messages do not have, ids that are not hex, numbers that are not as OTLP's JSON
wants them and headers that the program has no reason to send are complaints, and a test is to find
none. How it answers follows `script`, then it takes everything."""
import base64
import gzip
import http.server
import json
import re
import threading
import time

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

HEADERS = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length",
           "content-encoding"}
ID_DIGITS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
INT64_NAMES = {"startTimeUnixNano", "endTimeUnixNano", "intValue"}
EMPTY_ANSWER = {}
KINDS = {1: "internal", 2: "server", 3: "client"}


class Wrong(Exception):
    pass


def strict_ids(value, name=None):
    """JSON of OTLP as protobuf's own reader wants it: ids in base64. Checks what that reader lets
    through and OTLP does not."""
    if isinstance(value, dict):
        return {key: strict_ids(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [strict_ids(each) for each in value]
    if name in ID_DIGITS:
        if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{%d}" % ID_DIGITS[name], value):
            raise Wrong(f"{name} is {value!r}")
        if not value.strip("0"):
            raise Wrong(f"{name} is zero")
        return base64.b64encode(bytes.fromhex(value)).decode()
    if name in INT64_NAMES and not (isinstance(value, str) and re.fullmatch(r"-?\d+", value)):
        raise Wrong(f"{name} is {value!r}, not a decimal string")
    if name in ("kind", "code") and not (isinstance(value, int) and not isinstance(value, bool)):
        raise Wrong(f"{name} is {value!r}, not a number")
    return value


def refuse_twice(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise Wrong(f"a member is there twice: {pairs}")
    return dict(pairs)


class Span:
    def __init__(self, message, resource):
        self.trace_id = message.trace_id.hex()
        self.id = message.span_id.hex()
        self.parent_id = message.parent_span_id.hex()
        self.name = message.name
        self.kind = KINDS[message.kind]
        self.flags = message.flags
        self.state = message.trace_state
        self.start, self.end = message.start_time_unix_nano, message.end_time_unix_nano
        self.status = message.status.code
        self.resource = resource
        self.attributes = attributes_of(message.attributes)

    def __repr__(self):
        return f"{self.name} {(self.end - self.start) / 1e6:.2f} ms {self.attributes}"


def attributes_of(pairs):
    found = {}
    for pair in pairs:
        if pair.key in found:
            raise Wrong(f"the attribute {pair.key} is there twice")
        kind = pair.value.WhichOneof("value")
        if kind is None:
            raise Wrong(f"the attribute {pair.key} has no value")
        found[pair.key] = getattr(pair.value, kind)
    return found


class Collector:
    """script: for each request a status, or (status, headers, body), in order; then 200. `delay_s`
    is waited before each answer. `extra_headers` are those that a test had the program send."""

    def __init__(self, port=0, extra_headers=()):
        self.spans, self.complaints, self.script, self.requests = [], [], [], []
        self.delay_s = 0
        self.allowed = HEADERS | set(extra_headers)
        self.lock = threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = collector.take(self, body)
                time.sleep(collector.delay_s)
                text = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(text)))
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, handler, body):
        with self.lock:
            self.requests.append((handler.path, dict(handler.headers), len(body)))
            answer = self.script.pop(0) if self.script else 200
            status, headers, reply = answer if isinstance(answer, tuple) else (answer, {}, {})
            try:
                spans = self.read(handler, body)
                if status == 200:
                    self.spans += spans
            except (Wrong, ValueError, KeyError, OSError, json_format.ParseError) as error:
                self.complaints.append(f"{type(error).__name__}: {error}")
                return 400, {}, {}
            return status, headers, reply

    def read(self, handler, body):
        headers = handler.headers
        for name in headers:
            if name.lower() not in self.allowed:
                raise Wrong(f"the header {name} is not expected")
        if len(headers.keys()) != len({name.lower() for name in headers}):
            raise Wrong("a header is there twice")
        if headers["Content-Type"] != "application/json" or headers["User-Agent"] != "imgrouter":
            raise Wrong(f"the headers are {dict(headers)}")
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        elif "Content-Encoding" in headers:
            raise Wrong(f"the encoding is {headers['Content-Encoding']}")
        value = json.loads(body.decode(), object_pairs_hook=refuse_twice)
        message = json_format.ParseDict(strict_ids(value),
                                        trace_service_pb2.ExportTraceServiceRequest())
        spans = []
        for group in message.resource_spans:
            resource = attributes_of(group.resource.attributes)
            for scope in group.scope_spans:
                if scope.scope.name != "imgrouter" or not scope.scope.version:
                    raise Wrong(f"the scope is {scope.scope}")
                spans += [Span(span, resource) for span in scope.spans]
        for span in spans:
            if not span.name or span.end < span.start or not span.trace_id or not span.id:
                raise Wrong(f"the span is {span}")
        return spans

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
