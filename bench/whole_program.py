"""What a user meets of the whole program: the wait for the first caption, and how much memory the
server keeps."""

import json
import pathlib
import select
import subprocess
import tempfile
import time
import urllib.request

from photographs import upload_pictures
from sides import BINARY, own_settings
from stages import CAPTION_TOKENS

STARTS = 5
UPLOADS = 100
CHOICES = 20  # pictures, to find a caption of usual length


def choose_picture(options, folder):
    """The file whose caption is nearest to a usual length, and that length."""
    files = []
    for number, picture in enumerate(upload_pictures(CHOICES)):
        files.append(pathlib.Path(folder) / f"{number}.jpg")
        files[-1].write_bytes(picture)
    captions = subprocess.run([BINARY, "caption", "--json", *own_settings(options, "f32"), *files],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
    lengths = [len(json.loads(line)["token_ids"]) for line in captions.splitlines()]
    best = min(range(CHOICES), key=lambda number: abs(lengths[number] - CAPTION_TOKENS))
    return files[best], lengths[best]


def first_caption_s(options, precision, picture):
    """From the start of the process to its line, several times, files in the page cache. A start
    before, not counted, leaves the packed cache behind where there is one."""
    seconds = []
    for _ in range(STARTS + 1):
        started = time.monotonic()
        process = subprocess.Popen([BINARY, "caption", *own_settings(options, precision), picture],
                                   stdout=subprocess.PIPE)
        select.select([process.stdout], [], [])
        seconds.append(time.monotonic() - started)
        process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"imgrouter caption ended with {process.returncode}")
    return seconds[1:]


def memory_mib(process_id):
    """Resident memory, all of it and what is not files mapped."""
    status = pathlib.Path(f"/proc/{process_id}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return {name: int(fields[field].split()[0]) / 1024
            for name, field in (("resident_mib", "VmRSS"), ("anonymous_mib", "RssAnon"),
                                ("peak_mib", "VmHWM"))}


def memory_after_uploads(options, precision):
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen(
            [BINARY, "serve", "--port", "0", "--data", data, *own_settings(options, precision)],
            stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().split()[-1]
            for picture in upload_pictures(UPLOADS):
                request = urllib.request.Request(f"{url}/images", picture,
                                                 {"Content-Type": "image/jpeg"})
                urllib.request.urlopen(request, timeout=120).read()
            return memory_mib(server.pid)
        finally:
            server.terminate()
            server.wait()
