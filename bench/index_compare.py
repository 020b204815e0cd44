"""Compares the search index with faiss (flat and 8-bit), hnswlib and usearch on this machine: one run,
the same vectors and queries (index_vectors.py: near pictures, and text-like ones), two threads.

Every side is a process of its own. They take turns, a few queries each, so that all meet the same
moods of the machine; the figures are medians over all rounds, with the tenth part that was fastest
beside them. Recall is the part of the true ten best that was found. A query is asked for by itself, as a
server does; the peers answer one on one thread. Graphs are built up to --graphs vectors: beyond that it
takes long.

    python bench/index_compare.py [--counts 100000 1000000] [--rounds N] [--queries N] [--out FILE]

Needs tests/requirements-bench.txt (what is missing of it is left out) and 8 GB of memory at a million.
Vectors and graphs are made once and kept.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import numpy

import index_vectors

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "build" / "index_bench_data"
BINARY = ROOT / "build" / "index_bench"
PEERS = pathlib.Path(__file__).with_name("index_peers.py")
THREADS = 2
QUERIES, TURN, K = 500, 25, 10
SCANS = ("faiss flat", "faiss 8-bit")
GRAPHS = ("hnswlib 64", "hnswlib 256", "usearch 64", "usearch 256")


def tell(words):
    print(words, file=sys.stderr, flush=True)


class Side:
    def __init__(self, name, data, count):
        self.name = name
        words = [BINARY, f"{data}.pictures", count, index_vectors.WIDTH, f"{data}.queries", THREADS]
        if name != "imgrouter":
            words = [sys.executable, PEERS, name, data, count, index_vectors.WIDTH]
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "INDEX_THREADS": str(THREADS)})
        self.loaded = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended")
        return json.loads(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()["searches"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def true_best(data, count):
    """[queries, K] keys, by fp32 products of a batch at a time."""
    vectors = numpy.memmap(f"{data}.pictures", numpy.float32, "r").reshape(count, -1)
    queries = numpy.fromfile(f"{data}.queries", dtype=numpy.float32).reshape(-1, vectors.shape[1])
    keys, scores = [], []
    for start in range(0, count, 50_000):
        part = queries @ vectors[start:start + 50_000].T
        best = numpy.argpartition(-part, K, axis=1)[:, :K]
        keys.append(best + start)
        scores.append(numpy.take_along_axis(part, best, axis=1))
    keys, scores = numpy.concatenate(keys, 1), numpy.concatenate(scores, 1)
    return numpy.take_along_axis(keys, numpy.argsort(-scores, axis=1)[:, :K], axis=1)


def start_sides(names, data, count):
    sides = []
    for name in names:
        tell(f"starting {name} with {count} vectors")
        try:
            sides.append(Side(name, data, count))
        except RuntimeError as failure:
            tell(f"left out: {failure}")
    return sides


def measure(sides, truth, rounds, queries):
    """{(side, kind): ([ms], [found of K])}"""
    figures = {}
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}, load average {os.getloadavg()[0]:.1f}")
        for first in (*range(0, queries, TURN), *range(QUERIES, QUERIES + queries, TURN)):
            for side in sides:
                side.ask(f"search {first} {first + 2} {K} 0")  # not counted
                searches = side.ask(f"search {first} {first + TURN} {K} 0")
                kind = "near pictures" if first < QUERIES else "text-like"
                times, found = figures.setdefault((side.name, kind), ([], []))
                times += [search["ms"] for search in searches]
                found += [len(set(search["keys"]) & set(best)) for search, best
                          in zip(searches, truth[first:first + TURN])]
    return figures


def compare(count, options):
    DATA.mkdir(parents=True, exist_ok=True)
    data = DATA / str(count)
    if not data.with_name(f"{count}.pictures").exists():
        tell(f"drawing {count} vectors, once")
        index_vectors.write(data, count, QUERIES)
    names = ("imgrouter", *SCANS, *(GRAPHS if count <= options.graphs else ()))
    truth = true_best(data, count).tolist()
    sides = start_sides(names, data, count)
    figures = measure(sides, truth, options.rounds, options.queries)
    own = next(side for side in sides if side.name == "imgrouter")
    beside = [search["ms"] for search in own.ask(f"beside 0 {2 * QUERIES} {K}")]
    alone = [search["ms"] for search in own.ask(f"search 0 {2 * QUERIES} {K} 0")]
    rows = []
    for (name, kind), (times, found) in figures.items():
        side = next(side for side in sides if side.name == name)
        rows.append({"count": count, "side": name, "queries": kind,
                     "median_ms": float(numpy.median(times)),
                     "fast_ms": float(numpy.percentile(times, 10)),
                     "p99_ms": float(numpy.percentile(times, 99)),
                     "recall": sum(found) / (K * len(found)),
                     "load_s": side.loaded["load_s"],
                     "memory_mib": side.loaded["memory_bytes"] / 2**20})
    for side in sides:
        side.end()
    p99 = {"count": count, "p99_ms": float(numpy.percentile(alone, 99)),
           "p99_beside_writes_ms": float(numpy.percentile(beside, 99))}
    return rows, p99


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--graphs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=QUERIES, help="of each kind")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if subprocess.run(["cmake", "--build", str(ROOT / "build"), "--target", "index_bench"],
                      stdout=sys.stderr).returncode != 0:
        sys.exit("index_bench cannot be built: configure build with IMGROUTER_TESTS=ON")
    results, writes = [], []
    for count in options.counts:
        rows, p99 = compare(count, options)
        results += rows
        writes.append(p99)
    print("| vectors | index | queries | p50 ms | fastest tenth | p99 | recall@10 | load s | MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in results:
        print(f"| {row['count']:,} | {row['side']} | {row['queries']} | {row['median_ms']:.3f} | "
              f"{row['fast_ms']:.3f} | {row['p99_ms']:.2f} | {row['recall']:.4f} | "
              f"{row['load_s']:.1f} | {row['memory_mib']:.0f} |")
    for p99 in writes:
        print(f"{p99['count']:,}: p99 {p99['p99_ms']:.2f} ms alone, "
              f"{p99['p99_beside_writes_ms']:.2f} beside 2000 writes a second")
    if options.out is not None:
        options.out.write_text(json.dumps({"searches": results, "writes": writes}, indent=1))


if __name__ == "__main__":
    main()
