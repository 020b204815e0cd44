#!/usr/bin/env python3
"""What routing costs an upload: the decision, the book, the receipt.

Starts a server with mock models and the fake provider, uploads different pictures at a steady rate
over loopback, and reads `receipt.timings.route_ms` of each answer: what the server itself spent on
deciding and bookkeeping. `--share` sets how many of the captions are sure enough to stay local (a
mock's confidence is spread evenly from 0.5 to 1).
"""
import argparse
import http.client
import json
import os
import pathlib
import statistics
import struct
import subprocess
import tempfile
import threading
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def png(number):
    """A picture of 32x32 pixels, another for each number."""
    rows = b"".join(b"\0" + bytes((number >> shift & 255) for shift in (0, 8, 16)) * 32
                    for _ in range(32))

    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def start_server(folder, threshold):
    environment = {**os.environ, "USE_MOCK_MODELS": "true", "CLOUD_PROVIDER": "fake",
                   "CLOUD_MAX_REQUESTS_PER_MINUTE": "1000000",
                   "CLOUD_MAX_REQUESTS_PER_DAY": "10000000", "CLOUD_DAILY_BUDGET_USD": "100000",
                   "CAPTION_LATENCY_BUDGET_MS": "0", "CAPTION_CONFIDENCE_THRESHOLD": str(threshold)}
    server = subprocess.Popen([ROOT / "build/imgrouter", "serve", "--port", "0", "--data", folder,
                               "--log-level", "error"], env=environment,
                              stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().split("http://")[1].strip()
    return server, address


def upload(connection, number):
    started = time.perf_counter()
    connection.request("POST", "/images", png(number), {"Content-Type": "image/png"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    if answer.status != 200:
        raise RuntimeError(body)
    return body["receipt"], (time.perf_counter() - started) * 1000


def run(address, rate, seconds, clients):
    total = rate * seconds
    results, faults = [], []
    next_number = iter(range(total))
    lock = threading.Lock()
    begin = time.perf_counter() + 0.2

    def client():
        connection = http.client.HTTPConnection(address)
        while True:
            with lock:
                number = next(next_number, None)
            if number is None:
                return
            time.sleep(max(0, begin + number / rate - time.perf_counter()))
            try:
                results.append(upload(connection, number + 1))
            except Exception as fault:  # told at the end
                faults.append(fault)
                connection = http.client.HTTPConnection(address)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, faults, time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="uploads a second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.55, 0.75, 1.0],
                        help="confidence thresholds, a run each: 10 %%, half, all to the cloud")
    options = parser.parse_args()
    for threshold in options.thresholds:
        with tempfile.TemporaryDirectory() as folder:
            server, address = start_server(folder, threshold)
            try:
                results, faults, took = run(address, options.rate, options.seconds,
                                            options.clients)
            finally:
                server.terminate()
                server.wait()
        route = [receipt["timings"]["route_ms"] for receipt, _ in results]
        cloud = [receipt["timings"]["route_ms"] for receipt, _ in results
                 if receipt["provider"] != "local"]
        answers = [ms for _, ms in results]
        print(f"threshold {threshold}: {len(results) / took:.0f} uploads/s, {len(faults)} failed, "
              f"{len(cloud) / len(results):.0%} to the cloud; routing p50 "
              f"{statistics.median(route):.3f} p99 {percentile(route, 0.99):.3f} ms"
              + (f" (of those to the cloud p50 {statistics.median(cloud):.3f} p99 "
                 f"{percentile(cloud, 0.99):.3f})" if cloud else "")
              + f"; answers p50 {statistics.median(answers):.2f} p99 "
                f"{percentile(answers, 0.99):.2f} ms", flush=True)
        for fault in faults[:3]:
            print("  ", fault)


if __name__ == "__main__":
    main()
