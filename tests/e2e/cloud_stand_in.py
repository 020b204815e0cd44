"""What the servers that stand in for cloud providers have in common: a server on threads of a test,
answers that follow a script, ways not to answer, and what a picture that leaves must be.

What was wrong with requests is in `complaints`; a test is to find it empty. What a server answers
follows `script`: an Answer for each request, in order, then successes."""
import dataclasses
import http.server
import io
import json
import re
import socket
import struct
import threading
import time

import PIL.Image

CLOUD_KEY = "sk-or-0123456789abcdef"  # that servers are given for providers
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")


@dataclasses.dataclass
class Answer:
    """`kind`: "json", or a way not to answer: "raw" (these bytes), "cut" (half of the bytes that
    were announced, then the end), "silent" (the end, without a byte), "headers" (the end, after
    them), "reset", "endless"."""

    kind: str = "json"
    status: int = 200
    body: object = None
    headers: dict = dataclasses.field(default_factory=dict)
    delay_s: float = 0
    is_checked: bool = True


def jpeg(width=96, height=84, **options):
    """A picture for providers, without metadata unless `options` bring it."""
    buffer = io.BytesIO()
    PIL.Image.linear_gradient("L").resize((width, height)).convert("RGB").save(
        buffer, "JPEG", **options)
    return buffer.getvalue()


def check_failure(found, outcome, may_cost, retry_after_ms=-1, tokens=(-1, -1), cost=-1):
    """What ask_provider printed of a failure. No key of a stand-in may be in its words."""
    assert found["outcome"] == outcome, found
    assert found["may_cost"] is may_cost, found
    assert found["retry_after_ms"] == retry_after_ms, found
    assert (found["input_tokens"], found["output_tokens"]) == tokens, found
    assert found["cost_nano_usd"] == cost, found
    assert found["words"] and "test-0123456789" not in found["words"], found


class Wrong(Exception):
    """What is wrong with a request; `name` is what the provider calls it."""

    def __init__(self, text, status=400, name=None):
        super().__init__(text)
        self.status = status
        self.name = name


def check_jpeg(data, max_side, min_side=1):
    """No segment may tell anything about the picture but how to decode it."""
    if data[:2] != b"\xff\xd8":
        raise Wrong("the picture is not a JPEG")
    place = 2
    while True:
        if place + 4 > len(data) or data[place] != 0xFF:
            raise Wrong("the JPEG's segments are broken")
        marker, size = data[place + 1], struct.unpack(">H", data[place + 2:place + 4])[0]
        if marker == 0xDA:
            break
        if marker == 0xFE:
            raise Wrong("the JPEG has a comment")
        if 0xE1 <= marker <= 0xEF and marker != 0xEE:  # APP14 tells decoders the colours
            raise Wrong(f"the JPEG has metadata: APP{marker - 0xE0}")
        place += 2 + size
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            width, height = picture.size
    except (OSError, SyntaxError) as error:
        raise Wrong(f"the picture does not decode: {error}") from error
    if max(width, height) > max_side:
        raise Wrong(f"the picture is {width} by {height}; the models look at {max_side}")
    if min(width, height) < min_side:
        raise Wrong(f"the picture is {width} by {height}, less than {min_side}")
    return width, height


def check_unknown(value, known, where):
    unknown = set(value) - set(known)
    if unknown:
        raise Wrong(f"Unrecognized request argument supplied: {sorted(unknown)} in {where}")


def check_headers(headers, known):
    """Each once, none but these, and no compressed answer wanted."""
    for name in headers:
        if len(headers.get_all(name)) != 1:
            raise Wrong(f"the header {name} came twice")
    check_unknown({name.lower() for name in headers}, known, "the headers")
    if headers.get("Accept-Encoding") != "identity":
        raise Wrong("a compressed answer would be taken")
    if not TRACEPARENT.fullmatch(headers.get("traceparent", f"00-{1:032x}-{1:016x}-01")):
        raise Wrong(f"traceparent is {headers['traceparent']}")


class StandIn:
    """A provider says what it refuses in check_request, how in error_body, and what it answers
    otherwise in success; check_answer holds its own answers against what they must be."""

    base_path = ""

    def __init__(self):
        self.script = []
        self.requests = []  # the bodies of those that were well-formed
        self.headers = []
        self.attempts = 0  # all of them
        self.complaints = []
        self.closing = threading.Event()
        self.lock = threading.Lock()

        class Bound(Handler):
            owner = self

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}{self.base_path}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def next_answer(self):
        with self.lock:
            return self.script.pop(0) if self.script else self.success()

    def complain(self, text):
        with self.lock:
            self.complaints.append(text[:1000])

    def success(self):
        raise NotImplementedError

    def check_request(self, handler, text):
        """The body, read; Wrong when it is not to be taken."""
        raise NotImplementedError

    def error_body(self, wrong):
        raise NotImplementedError

    def check_answer(self, answer):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the other side went away

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass

    def send(self, status, body, headers=None, announced=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_POST(self):
        owner = self.owner
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with owner.lock:
            owner.attempts += 1
        try:
            body = owner.check_request(self, text)
        except Wrong as wrong:
            owner.complain(f"{self.command} {self.path}: {wrong}")
            self.send(wrong.status, json.dumps(owner.error_body(wrong)).encode())
            return
        with owner.lock:
            owner.requests.append(body)
            owner.headers.append(dict(self.headers.items()))
        self.answer(owner.next_answer())

    do_GET = do_PUT = do_DELETE = do_PATCH = do_POST

    def answer(self, answer):
        if answer.delay_s:
            self.owner.closing.wait(answer.delay_s)
        if answer.kind == "json":
            if answer.is_checked:
                self.owner.check_answer(answer)
            self.send(answer.status, json.dumps(answer.body).encode(), answer.headers)
        elif answer.kind == "raw":
            self.send(answer.status, answer.body, answer.headers)
        else:
            self.break_off(answer)

    def break_off(self, answer):
        self.close_connection = True
        whole = json.dumps(self.owner.success().body).encode()
        if answer.kind == "cut":
            self.send(200, whole[:len(whole) // 2], announced=len(whole))
        elif answer.kind == "headers":
            self.send(200, b"", announced=len(whole))
        elif answer.kind == "reset":  # lingering for no time: RST instead of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif answer.kind == "endless":
            self.send(200, b'{"choices": "', announced=1 << 40)
            while not self.owner.closing.is_set():
                self.wfile.write(b"x" * 65536)
                time.sleep(0.001)
        elif answer.kind != "silent":
            raise ValueError(answer.kind)
