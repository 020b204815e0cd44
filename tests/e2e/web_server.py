"""A small web server on loopback for uploads by URL: it hands out what a test gives it, misbehaves
on request, and remembers every request and every connection it saw."""
import contextlib
import http.server
import socket
import threading
import time


class WebServer:
    def __init__(self, address="127.0.0.1", port=0):
        self.pages = {}  # path -> (status, headers, body)
        self.requests = []
        self.connections = 0
        self.is_closing = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                owner.connections += 1
                super().setup()

            def do_GET(self):
                owner.requests.append((self.path, dict(self.headers)))
                with contextlib.suppress(OSError):
                    owner.answer(self)
                self.close_connection = True

            def log_message(self, *arguments):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True

        self.server = Listener((address, port), Handler)
        self.port = self.server.server_address[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"http://{host}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def add(self, path, body=b"", status=200, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Length": str(len(body)), **headers}, body)
        return self.url + path

    def answer(self, handler):
        if handler.path.startswith("/endless"):
            handler.send_response(200)
            handler.send_header("Content-Type", "image/png")
            handler.end_headers()
            while not self.is_closing.is_set():
                handler.wfile.write(b"\0" * 65536)
            return
        if handler.path.startswith("/slow"):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while not self.is_closing.is_set():
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.1)
            return
        status, headers, body = self.pages.get(handler.path, (404, {"Content-Length": "0"}, b""))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.is_closing.set()
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def web_server(address="127.0.0.1", port=0):
    server = WebServer(address, port)
    try:
        yield server
    finally:
        server.close()
