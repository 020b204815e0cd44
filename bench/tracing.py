#!/usr/bin/env python3
"""What tracing every request costs: uploads and searches with and without it, in turns.

Starts four servers on the same kind of models: two that are traced, their spans sent to a sink on
loopback, and two that are not; how alike servers of a kind are tells the noise. They take turns of
some requests each (a server at work finds its code and data in the caches, as when it is alone), the
same for all, in an order that changes, so that what else the machine does hits all alike. Prints for
each the time of requests at p10, which other work on the machine hardly moves, and p50, and what
tracing adds to the two by the requests of both servers of a kind.
"""
import argparse
import http.client
import http.server
import multiprocessing
import os
import pathlib
import random
import subprocess
import tempfile
import time

from routing import percentile, png

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVERS = ("off", "on", "off again", "on again")


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def log_message(self, *arguments):
        pass


def run_sink(port):
    server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
    port.send(server.server_address[1])
    server.serve_forever()


def start_server(folder, models, sink_port):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("OTEL_")}
    environment.update(USE_MOCK_MODELS="true" if models == "mock" else "auto", HF_HUB_OFFLINE="1",
                       HF_HOME=folder + "-no-models")
    if models not in ("mock", "demo"):
        environment["IMGROUTER_MODELS"] = models
    if sink_port is not None:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{sink_port}"
    server = subprocess.Popen([ROOT / "build/imgrouter", "serve", "--port", "0", "--data", folder,
                               "--log-level", "error"], env=environment,
                              stdout=subprocess.PIPE, text=True)
    return server, http.client.HTTPConnection(
        server.stdout.readline().split("http://")[1].strip())


def ask(connection, method, path, body):
    started = time.perf_counter()
    connection.request(method, path, body, {"Content-Type": "image/png"} if body else {})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path} is answered {answer.status}")
    return (time.perf_counter() - started) * 1000


def measure(connections, count, turn, method, path_of, body_of):
    """{server: [ms]}, place by place of the same request."""
    times = {name: [] for name in SERVERS}
    for first in range(0, count, turn):
        for name in random.sample(SERVERS, len(SERVERS)):
            for number in range(first, first + turn):
                times[name].append(ask(connections[name], method, path_of(number),
                                       body_of(number)))
    return times


def report(title, times):
    print(f"{title}, {len(times['off'])} requests to each:")
    for name in SERVERS:
        print(f"  {name:9s}  p10 {percentile(times[name], .1):8.4f} ms  "
              f"p50 {percentile(times[name], .5):8.4f} ms")
    off, on = (times[kind] + times[f"{kind} again"] for kind in ("off", "on"))
    for share in (.1, .5):
        before, after = percentile(off, share), percentile(on, share)
        print(f"  tracing adds {(after - before) * 1000:+7.2f} us at p{share * 100:.0f}, "
              f"{100 * (after / before - 1):+5.2f} %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mock",
                        help="mock, demo, or a folder of models such as bench/compare.py makes")
    parser.add_argument("--turn", type=int, default=25, help="requests; few for slow models, since "
                        "connections that wait for 30 seconds are closed")
    parser.add_argument("--uploads", type=int, default=2000)
    parser.add_argument("--searches", type=int, default=5000)
    arguments = parser.parse_args()
    receiver, sender = multiprocessing.Pipe(False)
    sink = multiprocessing.Process(target=run_sink, args=(sender,), daemon=True)
    sink.start()
    port = receiver.recv()
    servers = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in SERVERS:
                servers[name] = start_server(f"{folder}/{name}", arguments.models,
                                             port if name.startswith("on") else None)
            connections = {name: connection for name, (_, connection) in servers.items()}
            random.seed(1)
            offset = 1 << 20
            measure(connections, 50, arguments.turn, "POST", lambda _: "/images", lambda number: png(offset + number))
            report(f"uploads, {arguments.models} models",
                   measure(connections, arguments.uploads, arguments.turn, "POST",
                           lambda _: "/images", png))
            report(f"searches, {arguments.models} models",
                   measure(connections, arguments.searches, arguments.turn, "GET",
                           lambda number: f"/search?q=boat+{number}", lambda _: None))
        finally:
            for server, _ in servers.values():
                server.terminate()
                server.wait()
            sink.kill()


if __name__ == "__main__":
    main()
