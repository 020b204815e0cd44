"""Uploads: every format, the same bytes again, many at once, the body forms, the limits, what is
refused and how, and deletion."""
import concurrent.futures
import hashlib
import urllib.parse

import pytest
from pictures import golden, plain_png, png, png_that_claims

FORMATS = [
    ("plain.jpg", "image/jpeg"), ("progressive.jpg", "image/jpeg"), ("grey.jpg", "image/jpeg"),
    ("cmyk_adobe.jpg", "image/jpeg"), ("orientation_6.jpg", "image/jpeg"),
    ("alpha_8.png", "image/png"), ("palette_4.png", "image/png"), ("colour_16.png", "image/png"),
    ("colour_8_interlaced.png", "image/png"), ("dot.png", "image/png"), ("tall.png", "image/png"),
    ("lossy.webp", "image/webp"), ("lossless_alpha.webp", "image/webp"),
    ("animated.webp", "image/webp"), ("plain.gif", "image/gif"), ("frames.gif", "image/gif"),
]
OPTIONAL_FORMATS = [("plain.heic", "image/heic"), ("plain.avif", "image/avif")]


def post(client, picture, name="picture"):
    return client.post("/images", files={"file": (name, picture)})


def assert_refused(answer, *statuses):
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert isinstance(problem["detail"], str) and len(problem["detail"]) > 10
    return problem


@pytest.mark.parametrize("name, mime", FORMATS + OPTIONAL_FORMATS)
def test_every_format(client, name, mime):
    picture = golden(name)
    answer = post(client, picture, "misleading.txt")
    if answer.status_code == 415 and (name, mime) in OPTIONAL_FORMATS:
        pytest.skip(f"this build does not read {mime}")
    assert answer.status_code == 200, answer.text
    upload = answer.json()
    assert upload["mime"] == mime
    assert upload["size_bytes"] == len(picture)
    assert upload["sha256"] == hashlib.sha256(picture).hexdigest()
    content = client.get(f"/images/{upload['id']}/content")
    assert content.content == picture
    assert content.headers["content-type"] == mime
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-security-policy"] == "default-src 'none'; sandbox"
    thumbnail = client.get(f"/images/{upload['id']}/thumbnail", params={"size": 64})
    assert thumbnail.status_code == 200
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert thumbnail.content[:3] == b"\xff\xd8\xff"


def test_orientation_is_applied(client):
    as_stored = post(client, golden("orientation_1.jpg")).json()
    turned = post(client, golden("orientation_6.jpg")).json()  # the same size, a quarter turn
    assert as_stored["width"] != as_stored["height"]
    assert (turned["width"], turned["height"]) == (as_stored["height"], as_stored["width"])


def test_same_bytes_twice(client):
    first = post(client, png(1), "a.png").json()
    second = post(client, png(1), "b.png").json()
    assert (first["was_known"], second["was_known"]) == (False, True)
    for name in ("id", "caption", "confidence", "created_at"):
        assert first[name] == second[name]
    assert len(client.get("/images").json()["images"]) == 1


def test_same_bytes_fifty_at_once(client):
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: post(client, png(1), f"{n}.png"), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.json()["was_known"] for answer in answers].count(False) == 1
    assert len(client.get("/images").json()["images"]) == 1


def test_fifty_different_at_once(start_server):
    client = start_server(IMGROUTER_QUEUE_CAPACITY=64).client
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: post(client, png(n)), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    listed = client.get("/images", params={"limit": 100}).json()["images"]
    assert {image["id"] for image in listed} == {answer.json()["id"] for answer in answers}


def test_body_forms(client):
    raw = client.post("/images", params={"filename": "raw.png"}, content=png(2),
                      headers={"Content-Type": "image/png"})
    assert raw.status_code == 200, raw.text
    assert raw.json()["payload"]["src"] == {"source": "upload", "filename": "raw.png"}
    octets = client.post("/images", content=png(3),
                         headers={"Content-Type": "application/octet-stream"})
    assert octets.status_code == 200
    assert octets.json()["payload"]["src"]["filename"] == ""
    for quality in ("fast", "auto", "high"):
        answer = client.post("/images", files={"file": ("a.png", png(4))},
                             data={"quality": quality})
        assert answer.status_code == 200
    chunked = client.post("/images", content=iter([png(5)[:20], png(5)[20:]]),
                          headers={"Content-Type": "image/png"})
    assert chunked.status_code == 200
    assert chunked.json()["sha256"] == hashlib.sha256(png(5)).hexdigest()


def test_file_names_are_only_names(client):
    names = ["../../etc/passwd", "C:\\holiday\\ö.png", "a\"b.png", "x" * 251 + ".png", "日本.png"]
    for n, name in enumerate(names):
        upload = post(client, png(n), name).json()
        shown = upload["payload"]["src"]["filename"]
        assert "/" not in shown and "\\" not in shown and len(shown.encode()) <= 255
        content = client.get(f"/images/{upload['id']}/content")
        plain, _, real = content.headers["content-disposition"].partition("; filename*=UTF-8''")
        assert plain == f'inline; filename="{upload["id"]}.png"'
        assert urllib.parse.unquote(real) == shown + ("" if shown.endswith(".png") else ".png")
    # Longer than any file system allows: cut or refused, never more than that.
    answer = post(client, png(99), "x" * 300 + ".png")
    assert answer.status_code in (200, 400)
    answer = client.post("/images", params={"filename": "ö" * 200}, content=png(98),
                         headers={"Content-Type": "image/png"})
    assert answer.status_code == 200
    assert answer.json()["payload"]["src"]["filename"] == "ö" * 127


def test_byte_limit(start_server):
    limit = 4096
    client = start_server(IMGROUTER_MAX_UPLOAD_BYTES=limit).client
    base = len(png(1, 4, 4, 1)) - 1
    for size, status in ((limit - 1, 200), (limit, 200), (limit + 1, 413)):
        picture = png(1, 4, 4, size - base)
        assert len(picture) == size
        for answer in (post(client, picture),
                       client.post("/images", content=picture,
                                   headers={"Content-Type": "image/png"})):
            assert answer.status_code == status, (size, answer.text)
    assert_refused(post(client, bytes(10_000_000)), 413)
    assert post(client, png(2, 4, 4)).status_code == 200


def test_pixel_limit(start_server):
    client = start_server(IMGROUTER_MAX_PIXELS=10_000).client
    assert post(client, plain_png(100, 100)).status_code == 200
    assert_refused(post(client, plain_png(101, 100)), 413)


REFUSED = [
    ("text", b"just some words\n", {415}),
    ("host name file", b"localhost\n", {415}),
    ("html", b"<!doctype html><script>alert(1)</script>", {415}),
    ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', {415}),
    ("pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", {415}),
    ("zip", b"PK\x03\x04" + bytes(60), {415}),
    ("zeros", bytes(1000), {415}),
    ("one byte", b"\xff", {415}),
    ("png signature alone", b"\x89PNG\r\n\x1a\n", {422, 415}),
    ("jpeg signature alone", b"\xff\xd8\xff", {422, 415}),
    ("truncated png", png(1, 64, 64)[:6000], {422}),
    ("png with a flipped byte", png(1)[:60] + b"\x00" + png(1)[61:], {422}),
    ("bomb", png_that_claims(50_000, 50_000), {413, 422}),
    ("overflow", png_that_claims(0x7fffffff, 0x7fffffff), {413, 422}),
    ("no width", png_that_claims(0, 10), {422, 413}),
    ("no pixels", png_that_claims(64, 64), {422}),
]


@pytest.mark.parametrize("picture, statuses", [case[1:] for case in REFUSED],
                         ids=[case[0] for case in REFUSED])
def test_what_is_no_picture_is_refused(client, picture, statuses):
    assert_refused(post(client, picture, "picture.png"), *statuses)
    assert client.get("/images").json()["images"] == []
    assert client.get("/healthz").status_code == 200


def test_truncated_jpeg_is_refused(client):
    assert_refused(post(client, golden("plain.jpg")[:-400]), 422)


def test_missing_and_wrong_fields(client):
    problem = assert_refused(client.post("/images", files={"picture": ("a.png", png(1))}), 422)
    assert problem["errors"] == [
        {"loc": ["body", "file"], "msg": "Field required", "type": "missing"}]
    assert_refused(post(client, b""), 422)
    assert_refused(client.post("/images", files=[("file", ("a", png(1))), ("file", ("b", png(2)))]),
                   422)
    assert_refused(client.post("/images", files={"file": ("a", png(1))}, data={"quality": "best"}),
                   422)
    assert_refused(client.post("/images", json={}), 422)
    assert_refused(client.post("/images", content=b"{", headers={
        "Content-Type": "application/json"}), 400)
    assert_refused(client.post("/images"), 415)
    refused = client.post("/images", content=b"x", headers={"Content-Type": "text/plain"})
    assert_refused(refused, 415)
    assert "multipart/form-data" in refused.headers["accept-post"]


def test_unknown_ids(client):
    for path in ("/images/0123456789abcdef", "/images/nonsense", "/images/0123456789abcdef/content",
                 "/images/0123456789abcdef/thumbnail"):
        assert_refused(client.get(path), 404)
    assert_refused(client.delete("/images/0123456789abcdef"), 404)


def test_deletion(client):
    keep = post(client, png(1)).json()["id"]
    gone = post(client, png(2)).json()["id"]
    answer = client.delete(f"/images/{gone}")
    assert answer.status_code == 204 and answer.content == b""
    for path in ("", "/content", "/thumbnail"):
        assert_refused(client.get(f"/images/{gone}{path}"), 404)
    assert_refused(client.delete(f"/images/{gone}"), 404)
    assert [image["id"] for image in client.get("/images").json()["images"]] == [keep]
    found = client.get("/search", params={"q": "x", "k": 10}).json()["results"]
    assert [result["id"] for result in found] == [keep]
    again = post(client, png(2)).json()
    assert again["id"] == gone and not again["was_known"]
    assert client.get(f"/images/{gone}/content").content == png(2)


def test_paging_shows_everything_once(client):
    ids = [post(client, png(n)).json()["id"] for n in range(7)]
    seen, cursor, pages = [], None, 0
    while True:
        page = client.get("/images", params={"limit": 3, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        seen += [image["id"] for image in page.json()["images"]]
        pages += 1
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 7 and set(seen) == set(ids)
    assert pages == 3
    times = [client.get(f"/images/{image}").json()["created_at"] for image in seen]
    assert times == sorted(times, reverse=True)
    for bad in ("x", "0" * 31, "0" * 33, "Z" * 32):
        assert_refused(client.get("/images", params={"cursor": bad}), 422)


def test_etag(client):
    upload = post(client, png(1)).json()
    for path in ("content", "thumbnail"):
        first = client.get(f"/images/{upload['id']}/{path}")
        tag = first.headers["etag"]
        again = client.get(f"/images/{upload['id']}/{path}", headers={"If-None-Match": tag})
        assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag
        head = client.head(f"/images/{upload['id']}/{path}")
        assert head.status_code == 200 and head.content == b""
        assert head.headers["content-length"] == str(len(first.content))
