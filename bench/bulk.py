"""Many pictures at once: `imgrouter index` and POST /images/batch against one upload after the
other, and what an upload waits for beside them.

    python bench/bulk.py [--pictures N] [--rounds N] [-- OPTION... of the program, e.g. --models DIR]

Every way gets the same pictures, parts of scikit-image's photographs of a megapixel each, and an
empty data folder. A round takes each way in turn, so that all meet the same moods of the machine;
models are loaded before anything is measured. Needs Pillow and scikit-image.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

from photographs import upload_pictures
from sides import BINARY

CLIENTS = 8  # that upload at the same time


def environment():
    return {**os.environ, "IMGROUTER_LOG_LEVEL": "error"}


@contextlib.contextmanager
def server(options, data):
    process = subprocess.Popen([BINARY, "serve", "--port", "0", "--data", data, *options],
                               stdout=subprocess.PIPE, text=True, env=environment())
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def upload(address, picture):
    """The answer, and the seconds until it was there."""
    request = urllib.request.Request(f"{address}/images", picture,
                                     {"Content-Type": "image/jpeg"})
    started = time.monotonic()
    with urllib.request.urlopen(request) as answer:
        body = json.load(answer)
    return body, time.monotonic() - started


def index(options, data, folder, *words):
    """The run's own summary."""
    answer = subprocess.run([BINARY, "index", "--json", "--data", data, *words, *options, folder],
                            stdout=subprocess.PIPE, text=True, check=True, env=environment())
    return json.loads(answer.stdout.splitlines()[-1])["summary"]


def by_uploads(options, data, folder, clients):
    pictures = [path.read_bytes() for path in sorted(folder.iterdir())]
    with server(options, data) as address, \
            concurrent.futures.ThreadPoolExecutor(clients) as pool:
        started = time.monotonic()
        for answer, _ in pool.map(lambda picture: upload(address, picture), pictures):
            assert not answer["was_known"]
        return len(pictures) / (time.monotonic() - started)


def by_index(options, data, folder):
    return index(options, data, folder)["pictures_per_second"]


def by_index_beside_a_server(options, data, folder):
    with server(options, data) as address:
        return index(options, f"{data}/ledger", folder, "--server",
                     address)["pictures_per_second"]


WAYS = {
    "one upload after the other": lambda *place: by_uploads(*place, clients=1),
    f"{CLIENTS} clients upload": lambda *place: by_uploads(*place, clients=CLIENTS),
    "`index DIR`": by_index,
    "`index DIR --server`": by_index_beside_a_server,
}


def uploads_beside(options, data, folder):
    """Uploads, one after the other, in an idle server and then beside an index run: seconds and
    milliseconds in the queue of each."""
    extra = list(upload_pictures(60))
    with server(options, data) as address:
        idle = [upload(address, extra.pop())[1] for _ in range(10)]
        run = threading.Thread(target=index,
                               args=(options, f"{data}/ledger", folder, "--server", address))
        run.start()
        time.sleep(0.3)
        beside = []
        while run.is_alive() and extra:
            answer, seconds = upload(address, extra.pop() + bytes(1))  # other bytes than in DIR
            beside.append((seconds, answer["timings"]["queue_ms"]))
            time.sleep(0.05)
        run.join()
    return idle, beside


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("options", nargs="*", help="of the program, after --")
    arguments = parser.parse_args()
    options = arguments.options
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "pictures"
        folder.mkdir()
        for number, picture in enumerate(upload_pictures(arguments.pictures)):
            (folder / f"{number:04}.jpg").write_bytes(picture)
        rates = {name: [] for name in WAYS}
        for number in range(arguments.rounds):
            for name, way in WAYS.items():
                rates[name].append(way(options, f"{place}/{number}-{len(name)}", folder))
        for name, values in rates.items():
            print(f"{name}: {statistics.median(values):.1f} pictures/s "
                  f"({', '.join(f'{value:.1f}' for value in values)})")
        idle, beside = uploads_beside(options, f"{place}/beside", folder)
        seconds, queued = zip(*beside)
        print(f"an upload: idle {1000 * statistics.median(idle):.0f} ms; beside an index run "
              f"{1000 * statistics.median(seconds):.0f} ms (most {1000 * max(seconds):.0f}), "
              f"in the queue {statistics.median(queued):.0f} ms (most {max(queued):.0f}), "
              f"{len(beside)} uploads")


if __name__ == "__main__":
    main()
