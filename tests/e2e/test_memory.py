"""Memory that pictures needed goes back when they are done: a server that has seen many large
ones is as small as before."""
import concurrent.futures
import io
import pathlib

import pytest
from PIL import Image

SANITIZED_VIRTUAL_KB = 1 << 30  # AddressSanitizer maps terabytes
MOST_GROWTH_KB = 100 * 1024  # measured: 15 MB; 340 MB when freed pictures were kept


def status_kb(server, name):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise KeyError(name)


def noisy_picture(number):
    width, height = 1200 + 97 * number, 900 + 71 * number
    file = io.BytesIO()
    Image.effect_noise((width, height), 40).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def test_memory_of_pictures_goes_back(server):
    if status_kb(server, "VmSize") > SANITIZED_VIRTUAL_KB:
        pytest.skip("a sanitizer keeps freed memory on purpose")
    pictures = [noisy_picture(number) for number in range(16)]
    before = status_kb(server, "VmRSS")

    def use(number):
        answer = server.client.post("/images", content=pictures[number % len(pictures)],
                                    headers={"Content-Type": "image/jpeg"})
        assert answer.status_code == 200, answer.text
        image = f"/images/{answer.json()['id']}"
        assert server.client.get(f"{image}/thumbnail").status_code in (200, 404)
        assert server.client.delete(image).status_code in (204, 404)

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(use, range(120)))
    assert status_kb(server, "VmRSS") - before < MOST_GROWTH_KB
