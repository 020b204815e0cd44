"""One index of other people's in a process of its own, for index_compare.py: tells what loading took,
then answers lines "search FIRST LAST K" with one line of JSON. What is built is kept in FOLDER."""

import json
import os
import pathlib
import sys
import time

THREADS = int(os.environ.get("INDEX_THREADS", "2"))
HNSW_EDGES, HNSW_BUILD = 16, 100  # the libraries' own choice of edges; enough breadth for its recall


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def faiss_index(name, vectors, kept):
    import faiss

    faiss.omp_set_num_threads(THREADS)
    width = vectors.shape[1]
    inner = faiss.METRIC_INNER_PRODUCT
    if name == "faiss flat":
        index = faiss.IndexFlatIP(width)
    else:
        index = faiss.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_8bit, inner)
        index.train(vectors[:100_000])
    index.add(vectors)
    return lambda query, k: index.search(query[None], k)[1][0]


def hnswlib_index(name, vectors, kept):
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    if kept.exists():
        index.load_index(str(kept), max_elements=len(vectors))
    else:
        index.init_index(max_elements=len(vectors), M=HNSW_EDGES, ef_construction=HNSW_BUILD)
        index.add_items(vectors, num_threads=THREADS)
        index.save_index(str(kept))
    index.set_ef(int(name.split()[-1]))
    return lambda query, k: index.knn_query(query, k, num_threads=1)[0][0]


def usearch_index(name, vectors, kept):
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="i8" if "8" in name else "f32",
                  connectivity=HNSW_EDGES, expansion_add=HNSW_BUILD,
                  expansion_search=int(name.split()[-1]))
    if kept.exists():
        index.load(str(kept))
        index.expansion_search = int(name.split()[-1])
    else:
        import numpy

        index.add(numpy.arange(len(vectors)), vectors, threads=THREADS)
        index.save(str(kept))
    return lambda query, k: index.search(query, k).keys


def main():
    import numpy

    name, data, count, width = sys.argv[1], pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:5])
    make = {"faiss": faiss_index, "hnswlib": hnswlib_index, "usearch": usearch_index}
    library = name.split()[0]
    before = resident_bytes()
    vectors = numpy.fromfile(f"{data}.pictures", dtype=numpy.float32).reshape(count, width)
    queries = numpy.fromfile(f"{data}.queries", dtype=numpy.float32).reshape(-1, width)
    started = time.perf_counter()
    find = make[library](name, vectors, data.with_name(f"{data.name}.{library}"))
    load_s = time.perf_counter() - started
    del vectors
    print(json.dumps({"load_s": load_s, "memory_bytes": resident_bytes() - before}), flush=True)
    for line in sys.stdin:
        _, first, last, k, *_ = line.split()
        searches = []
        for query in queries[int(first):int(last)]:
            started = time.perf_counter()
            keys = find(query, int(k))
            ms = 1000 * (time.perf_counter() - started)
            searches.append({"ms": ms, "keys": [int(key) for key in keys]})
        print(json.dumps({"searches": searches}), flush=True)


if __name__ == "__main__":
    main()
