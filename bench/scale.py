#!/usr/bin/env python3
"""A server on a million images: how long it takes to start, what it keeps in memory, and what eight
people who search at once and one who uploads meet for a minute. Vectors are drawn like CLIP's
(index_vectors.py) and put into the database directly; the searches are by words and by stored
images, with and without filters. Figures go to docs/speed-log.md.

    python bench/scale.py [--count 1000000] [--seconds 60] [--data FOLDER]

Needs room for 3 GB a million images; a FOLDER that was filled before is used again.
"""

import argparse
import hashlib
import http.client
import io
import json
import os
import pathlib
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import numpy
from PIL import Image

import index_vectors
from whole_program import memory_mib

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build" / "imgrouter"
SEARCHERS = 8
THINGS = "dog cat car boat house tree street beach table flower bird train plate book lamp".split()
COLOURS = "red green blue white black yellow brown".split()
PLACES = "on the grass,in the snow,on a table,in a room,by the sea,on a street".split(",")


def start(data):
    """The process, its port, and the seconds until it listened."""
    started = time.monotonic()
    process = subprocess.Popen(
        [BINARY, "serve", "--port", "0", "--data", data, "--log-level", "warning"],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"HF_HOME": "/nonexistent"})
    port = int(re.search(r":(\d+)$", process.stdout.readline().strip())[1])
    return process, port, time.monotonic() - started


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait()


def draw_picture(number):
    pixels = numpy.random.default_rng(number).integers(0, 256, (96, 128, 3), dtype=numpy.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def rows(count, space, now_ms):
    random = numpy.random.default_rng(7)
    for row in range(1, count + 1):
        digest = hashlib.sha256(str(row).encode()).hexdigest()
        colour, thing, place = (words[random.integers(len(words))]
                                for words in (COLOURS, THINGS, PLACES))
        yield (row, digest[:16], digest, f"a {colour} {thing} {place}", "local", "bench", space,
               0.8, 0.3, "upload", f"IMG_{row}.jpg", "", "image/jpeg", 640, 480, 100_000,
               now_ms - (count - row) * 1000, "rare" if row % 1000 == 0 else "",
               int(digest[16:31], 16))


def vector_keys(count, space_number):
    world, row = index_vectors.World(), 0
    while row < count:
        batch = world.pictures(min(index_vectors.BATCH, count - row)).astype("<f4")
        for vector in batch:
            row += 1
            yield space_number << 40 | row, vector.tobytes()


def fill(data, count):
    """Writes the rows as the server would; it has made the database before."""
    process, port, _ = start(data)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/images", draw_picture(0), {"Content-Type": "image/png"})
    image = json.load(connection.getresponse())
    connection.request("DELETE", f"/images/{image['id']}")
    connection.getresponse().read()
    stop(process)
    database = sqlite3.connect(data / "imgrouter.db")
    database.execute("PRAGMA synchronous = OFF")
    space = image["embedding_model"]
    number = database.execute("SELECT space FROM spaces WHERE embedding_model = ?",
                              (space,)).fetchone()[0]
    with database:
        database.executemany(f"INSERT INTO images VALUES ({','.join('?' * 19)})",
                             rows(count, space, int(time.time() * 1000)))
        database.execute("INSERT INTO image_tags SELECT tags, row FROM images WHERE tags <> ''")
        database.execute("INSERT INTO image_words (image_words) VALUES ('rebuild')")
        database.executemany("INSERT INTO vectors VALUES (?, ?)", vector_keys(count, number))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


class Client(threading.Thread):
    """Asks one request after another until the time is over, and keeps the latencies by kind."""

    def __init__(self, port, ask, seconds, seed):
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.ask, self.deadline = ask, time.monotonic() + seconds
        self.random = numpy.random.default_rng(seed)
        self.ms, self.failures = {}, []

    def run(self):
        while time.monotonic() < self.deadline:
            kind, method, target, body = self.ask(self.random)
            started = time.monotonic()
            headers = {"Content-Type": "image/png"} if body else {}
            self.connection.request(method, target, body, headers)
            response = self.connection.getresponse()
            answer = response.read()
            self.ms.setdefault(kind, []).append((time.monotonic() - started) * 1000)
            if response.status != 200:
                self.failures.append((response.status, answer[:200]))


def search(random, ids):
    words = f"a {COLOURS[random.integers(len(COLOURS))]} {THINGS[random.integers(len(THINGS))]}"
    image_id = ids[random.integers(len(ids))]
    kind, query = [
        ("by words", {"q": words}), ("by words", {"q": words}), ("like an image", {"image_id": image_id}),
        ("like an image", {"image_id": image_id}), ("with a rare tag", {"q": words, "tags": "rare"}),
        ("only what is relevant", {"q": words, "min_score": "auto"}),
        ("keywords", {"q": f"{words} snow", "mode": "keyword"}), ("hybrid", {"q": words, "mode": "hybrid"}),
    ][random.integers(8)]
    return kind, "GET", "/search?" + urllib.parse.urlencode(query), None


def upload(random):
    return "upload", "POST", "/images", draw_picture(int(random.integers(1 << 60)))


def run_clients(clients):
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    latencies = {}
    for client in clients:
        for kind, ms in client.ms.items():
            latencies.setdefault(kind, []).extend(ms)
    return {"failures": [failure for client in clients for failure in client.failures][:5],
            "latencies_ms": {kind: {"count": len(ms), "p50": round(statistics.median(ms), 2),
                                    "p99": round(float(numpy.quantile(ms, 0.99)), 2)}
                             for kind, ms in sorted(latencies.items())}}


def measure(data, options):
    with sqlite3.connect(data / "imgrouter.db") as database:
        ids = [row[0] for row in database.execute("SELECT id FROM images WHERE row % 997 = 1")]
    starts = []
    for _ in range(3):
        process, port, seconds = start(data)
        starts.append(round(seconds, 2))
        report = {"images": options.count, "starts_s": starts,
                  "memory_after_start": memory_mib(process.pid)}
        if len(starts) < 3:
            stop(process)

    def asking(random):
        return search(random, ids)

    report["one searcher"] = run_clients([Client(port, asking, options.seconds / 6, 0)])
    report["eight searchers"] = run_clients(
        [Client(port, asking, options.seconds / 2, seed) for seed in range(SEARCHERS)])
    report["eight searchers and an uploader"] = run_clients(
        [Client(port, asking, options.seconds, 100 + seed) for seed in range(SEARCHERS)]
        + [Client(port, upload, options.seconds, 999)])
    report["memory_at_the_end"] = memory_mib(process.pid)
    stop(process)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--data", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or pathlib.Path(temporary) / "data"
        if not (data / "imgrouter.db").exists():
            print(f"filling {data}", file=sys.stderr)
            fill(data, options.count)
        json.dump(measure(data, options), sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
