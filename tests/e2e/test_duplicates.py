"""Duplicates of real photographs, and what a user changes of an image."""
import io
import pathlib

import pytest
from PIL import Image, ImageEnhance

skimage = pytest.importorskip("skimage")
PHOTOGRAPHS = pathlib.Path(skimage.__file__).parent / "data"
NAMES = [name for name in ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "camera.png",
                           "hubble_deep_field.jpg", "motorcycle_left.png", "ihc.png")
         if (PHOTOGRAPHS / name).exists()]


def photograph(name):
    return Image.open(PHOTOGRAPHS / name).convert("RGB")


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def upload(client, data):
    answer = client.post("/images", files={"file": ("a", data)})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def server(start_server):
    return start_server(USE_MOCK_MODELS="auto").client  # mocks' vectors mean nothing


def ids_of(tier):
    return [duplicate["id"] for duplicate in tier]


@pytest.mark.skipif(len(NAMES) < 2, reason="scikit-image came without its pictures")
def test_photographs_are_told_apart_and_their_copies_together(server):
    originals = {name: upload(server, encode(photograph(name))) for name in NAMES}
    for answer in originals.values():
        assert answer["duplicates"]["same_bytes"] == []
        assert answer["duplicates"]["same_picture"] == []
    for name, original in originals.items():
        image = photograph(name)
        half = image.resize((image.width // 2, image.height // 2), Image.LANCZOS)
        for copy in (encode(image, "JPEG", quality=40), encode(half, "JPEG", quality=80),
                     encode(half, "WEBP", quality=70)):
            tiers = upload(server, copy)["duplicates"]
            assert original["id"] in ids_of(tiers["same_picture"]), name
            others = {answer["id"] for other, answer in originals.items() if other != name}
            assert not others & set(ids_of(tiers["same_picture"])), name
    again = upload(server, encode(photograph(NAMES[0])))
    assert again["was_known"]
    assert again["duplicates"]["same_bytes"] == [again["id"]]
    assert len(again["duplicates"]["same_picture"]) == 3
    answer = server.get(f"/images/{again['id']}/duplicates").json()
    assert answer["duplicates"]["same_picture"] == again["duplicates"]["same_picture"]
    first = answer["duplicates"]["same_picture"][0]["id"]
    assert server.delete(f"/images/{first}").status_code == 204
    answer = server.get(f"/images/{again['id']}/duplicates").json()
    assert first not in ids_of(answer["duplicates"]["same_picture"])


def test_shapes_are_not_taken_for_each_other(server):
    examples = pathlib.Path(__file__).resolve().parents[2] / "examples" / "pictures"
    for file in sorted(examples.iterdir()):
        assert upload(server, file.read_bytes())["duplicates"]["same_picture"] == [], file.name


def test_plain_pictures_are_no_copies_of_each_other(server):
    for colour in ("white", "black", "red", "gray"):
        assert upload(server, encode(Image.new("RGB", (300, 200), colour)))["duplicates"][
            "same_picture"] == []


def test_a_change_is_found_and_stays(start_server):
    server = start_server()
    image_id = upload(server.client, encode(Image.new("RGB", (64, 64), "red")))["id"]
    change = {"caption": "Grandmother's zebra", "tags": ["zoo", "summer holiday"]}
    answer = server.client.patch(f"/images/{image_id}", json=change)
    assert answer.status_code == 200, answer.text
    assert answer.json()["origin"] == "user" and answer.json()["tags"] == change["tags"]
    for query in ({"q": "zebra", "mode": "keyword"}, {"q": "x", "tags": "summer holiday,zoo"},
                  {"q": "x", "words": "grandmother"}, {"q": "x", "origin": "user"}):
        found = server.client.get("/search", params=query).json()
        assert ids_of(found["results"]) == [image_id], query
    assert server.client.patch(f"/images/{image_id}", json={"tags": []}).json()["tags"] == []
    assert server.client.get("/search", params={"q": "x", "tags": "zoo"}).json()["results"] == []
    assert server.client.get(f"/images/{image_id}").json()["caption"] == change["caption"]
    again = upload(server.client, encode(Image.new("RGB", (64, 64), "red")))
    assert again["caption"] == change["caption"]
    assert server.client.patch("/images/0123456789abcdef", json={"tags": []}).status_code == 404
    assert server.client.delete(f"/images/{image_id}").status_code == 204
    assert server.client.get("/search", params={"q": "zebra", "mode": "keyword"}).json()["results"] == []
