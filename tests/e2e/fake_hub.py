"""A small server that behaves as the Hugging Face hub, and one that stands in for the store behind
it. Both run on threads of the test; faults are switched on by a test and told in `Fault`.

The hub answers HEAD and GET of /ORG/NAME/resolve/REVISION/FILE. Large files are redirected to the
store, which listens at another address (127.0.0.2) and must never see the token.
"""

import dataclasses
import hashlib
import http.server
import threading
import time
import urllib.parse


@dataclasses.dataclass
class Fault:
    """What goes wrong, for the files whose path ends in `path` (all when empty)."""

    kind: str
    path: str = ""
    times: int = 1_000_000  # how often, then it works again
    value: object = None

    def strikes(self, path):
        if not path.endswith(self.path) or self.times == 0:
            return False
        self.times -= 1
        return True


@dataclasses.dataclass
class Repository:
    files: dict  # name -> bytes
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    token: str = ""  # needed to see it
    is_gated: bool = False
    renamed_to: str = ""
    claimed_sizes: dict = dataclasses.field(default_factory=dict)
    # Names that are stored as large files; others are answered by the hub itself.
    large: tuple = (".bin", ".safetensors")


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Server:
    """A threaded HTTP server on a free port of `host`, until closed."""

    def __init__(self, host, handler):
        class Quiet(handler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

        Quiet.owner = self
        self.server = http.server.ThreadingHTTPServer((host, 0), Quiet)
        self.server.daemon_threads = True
        self.address = f"http://{host}:{self.server.server_address[1]}"
        self.requests = []  # (method, path, headers)
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.02,), daemon=True
        )
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class FakeHub(Server):
    def __init__(self):
        self.repositories = {}
        self.faults = []
        self.valid_signatures = set()
        self.delay_s = 0.0
        super().__init__("127.0.0.1", HubHandler)
        self.store = Server("127.0.0.2", StoreHandler)
        self.store.hub = self

    def close(self):
        super().close()
        self.store.close()

    def fault(self, kind, path):
        for fault in self.faults:
            if fault.kind == kind and fault.strikes(path):
                return fault
        return None

    def gets(self, server=None):
        return [r for r in (server or self).requests if r[0] == "GET"]


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, headers=None, body=b"", announced=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, data, headers, hub, path):
        """The body of a GET with its Range, and the faults that bodies have."""
        first = 0
        wanted = self.headers.get("Range")
        if wanted and not hub.fault("ignores-range", path):
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(data):
                return self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
        fault = hub.fault("wrong-part", path)
        if fault and wanted:
            first = 0
            headers = {**headers, "Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"}
            return self.answer(206, headers, data)
        status = 200
        if wanted and first > 0:
            status = 206
            headers = {**headers, "Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"}
        body = data[first:]
        if hub.fault("damaged", path):
            body = bytes([body[0] ^ 1]) + body[1:]
        fault = hub.fault("longer", path)
        if fault:
            return self.answer(status, headers, body + b"more")
        fault = hub.fault("shorter", path)
        if fault:
            return self.answer(status, headers, body[:-1])
        fault = hub.fault("breaks-after", path)
        if fault:
            self.answer(status, headers, body[: fault.value], announced=len(body))
            self.close_connection = True
            return None
        fault = hub.fault("slow", path)
        if fault:
            self.answer(status, headers, body[:1], announced=len(body))
            for i in range(1, len(body), fault.value):
                time.sleep(0.05)
                self.wfile.write(body[i : i + fault.value])
            return None
        return self.answer(status, headers, body)


class HubHandler(Handler):
    def do_HEAD(self):
        self.handle_request()

    def do_GET(self):
        self.handle_request()

    def handle_request(self):
        hub = self.owner
        hub.requests.append((self.command, self.path, dict(self.headers)))
        time.sleep(hub.delay_s)
        parts = urllib.parse.unquote(self.path).split("/")
        if len(parts) != 6 or parts[3] != "resolve":
            return self.answer(404)
        name, revision, path = "/".join(parts[1:3]), parts[4], parts[5]
        for status in (500, 503):
            if hub.fault(f"status-{status}", path):
                return self.answer(status)
        fault = hub.fault("rate-limit", path)
        if fault:
            return self.answer(429, {"RateLimit": f'"resolvers";r=0;t={fault.value}'})
        if hub.fault("hangs-up", path):
            self.close_connection = True
            return None
        if hub.fault("no-hub", path):
            return self.answer(200, {"ETag": '"abc"'}, b"<html>Welcome to the hotel</html>")
        repository = hub.repositories.get(name)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repository is None or (repository.token and token != repository.token):
            code = "RepoNotFound"
            if repository is not None and repository.is_gated:
                code = "GatedRepo"
            return self.answer(401, {"X-Error-Code": code, "X-Error-Message": "secret words"})
        if repository.renamed_to:
            target = self.path.replace(name, repository.renamed_to)
            return self.answer(307, {"Location": target})
        return self.resolve(hub, repository, revision, path)

    def resolve(self, hub, repository, revision, path):
        if revision not in ("main", repository.commit):
            return self.answer(404, {"X-Error-Code": "RevisionNotFound"})
        headers = {"X-Repo-Commit": repository.commit}
        if path not in repository.files:
            return self.answer(404, {**headers, "X-Error-Code": "EntryNotFound"})
        data = repository.files[path]
        size = repository.claimed_sizes.get(path, len(data))
        if not path.endswith(repository.large):
            headers["ETag"] = f'W/"{git_hash(data)}"'
            if self.command == "HEAD":
                return self.answer(200, headers, b"", announced=size)
            return self.send_file(data, headers, hub, path)
        headers["X-Linked-Etag"] = f'"{hashlib.sha256(data).hexdigest()}"'
        headers["X-Linked-Size"] = str(size)
        signature = str(len(hub.requests))
        hub.valid_signatures.add(signature)
        name = "/".join(self.path.split("/")[1:3])
        headers["Location"] = f"{hub.store.address}/{name}/{path}?signature={signature}"
        if hub.fault("insecure", path):
            headers["Location"] = "ftp://127.0.0.2/file"
        if hub.fault("circle", path):
            headers["Location"] = f"{hub.address}{self.path}"
        return self.answer(302, headers)


class StoreHandler(Handler):
    def do_GET(self):
        hub = self.owner.hub
        self.owner.requests.append((self.command, self.path, dict(self.headers)))
        parsed = urllib.parse.urlparse(self.path)
        _, organisation, name, path = parsed.path.split("/")
        if "Authorization" in self.headers:
            return self.answer(400, {}, b"two ways to sign in")
        if hub.fault("expires", path):
            hub.valid_signatures.clear()
        if urllib.parse.parse_qs(parsed.query)["signature"][0] not in hub.valid_signatures:
            return self.answer(403, {}, b"<Error>Request has expired</Error>")
        repository = hub.repositories[f"{organisation}/{name}"]
        return self.send_file(repository.files[path], {}, hub, path)
