"""Uploads by URL: no way into the private network by default, and bounded when the other server
misbehaves."""
import contextlib
import socket
import time

import pytest
from pictures import golden, png
from web_server import WebServer, web_server


@contextlib.contextmanager
def traps():
    """Servers on loopback, on port 80 where we may, since other ports are refused anyway."""
    made = []
    for address in ("127.0.0.1", "::1"):
        for port in (80, 0):
            with contextlib.suppress(OSError):
                made.append(WebServer(address, port))
                break
    try:
        yield made
    finally:
        for trap in made:
            trap.close()


FORBIDDEN_HOSTS = ["127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001",
                   "0.0.0.0", "0", "localhost", "LOCALHOST.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
                   "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1",
                   "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]",
                   "[fd00::1]", "%31%32%37.0.0.1", "①②⑦.0.0.1"]


def test_private_addresses_are_refused_and_see_nothing(client):
    with traps() as made:
        ports = {trap.port for trap in made} | {80}
        for host in FORBIDDEN_HOSTS:
            for port in ports:
                url = f"http://{host}:{port}/picture.png"
                started = time.monotonic()
                answer = client.post("/images", json={"url": url})
                # 502: a name that does not resolve is the other side's fault
                assert answer.status_code in (422, 502), (url, answer.text)
                assert answer.json()["detail"]
                assert time.monotonic() - started < 10
        time.sleep(0.1)
        assert [(trap.connections, trap.requests) for trap in made] == [(0, [])] * len(made)


def test_other_ports_are_refused(client):
    answer = client.post("/images", json={"url": "http://192.0.2.1:22/"})
    assert answer.status_code == 422


@pytest.mark.parametrize("url", ["", "picture.png", "//example.org/a.png", "file:///etc/passwd",
                                 "ftp://example.org/a.png", "gopher://127.0.0.1:25/", "data:,x",
                                 "javascript:alert(1)", "http://",
                                 "http://user:secret@example.org/a.png", "http://exa mple.org/",
                                 "http://example.org:99999/", "http://example.org/\r\nX: y"])
def test_odd_addresses_are_refused(client, url):
    answer = client.post("/images", json={"url": url})
    assert answer.status_code == 422, answer.text
    assert "secret" not in answer.json()["detail"]


@pytest.fixture
def open_client(start_server):
    return start_server(IMGROUTER_URL_ALLOW_PRIVATE="true", IMGROUTER_URL_TIMEOUT_MS=1000,
                        IMGROUTER_MAX_UPLOAD_BYTES=1_000_000).client


@pytest.fixture
def web():
    with web_server() as server:
        yield server


def test_a_picture_is_fetched(open_client, web):
    picture = golden("plain.jpg")
    url = web.add("/a.jpg?size=large", picture, Content_Type="text/plain")  # the bytes decide
    answer = open_client.post("/images", json={"url": url})
    assert answer.status_code == 200, answer.text
    assert answer.json()["mime"] == "image/jpeg"
    assert open_client.get(f"/images/{answer.json()['id']}/content").content == picture
    headers = {name.lower() for name in web.requests[0][1]}
    assert not headers & {"authorization", "cookie", "referer"}


def test_the_same_picture_by_file_and_by_url_is_one_image(open_client, web):
    by_file = open_client.post("/images", files={"file": ("a.png", png(1))}).json()
    by_url = open_client.post("/images", json={"url": web.add("/a.png", png(1))}).json()
    assert by_url["id"] == by_file["id"] and by_url["was_known"]


def test_redirects_are_followed_to_an_end(open_client, web):
    web.add("/end.png", png(2))
    web.add("/relative", status=302, Location="/end.png")
    web.add("/absolute", status=301, Location=f"{web.url}/relative")
    answer = open_client.post("/images", json={"url": f"{web.url}/absolute"})
    assert answer.status_code == 200, answer.text
    web.add("/loop", status=302, Location="/loop")
    assert open_client.post("/images", json={"url": f"{web.url}/loop"}).status_code in (422, 502)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/a", "gopher://x/",
                                    "data:image/png;base64,AAAA"])
def test_redirects_to_other_schemes_are_refused(open_client, web, target):
    web.add("/away", status=302, Location=target)
    answer = open_client.post("/images", json={"url": f"{web.url}/away"})
    assert answer.status_code in (422, 502), answer.text


def test_what_another_server_may_answer(open_client, web):
    html = web.add("/page", b"<!doctype html><title>secret words</title>", Content_Type="text/html")
    assert open_client.post("/images", json={"url": html}).status_code == 415
    missing = open_client.post("/images", json={"url": f"{web.url}/missing"})
    assert missing.status_code in (422, 502)
    failing = web.add("/failing", b"secret words", status=500)
    answer = open_client.post("/images", json={"url": failing})
    assert answer.status_code in (422, 502)
    assert "secret words" not in answer.text
    empty = web.add("/empty")
    assert open_client.post("/images", json={"url": empty}).status_code in (415, 422)
    assert open_client.get("/images").json()["images"] == []


def test_time_and_size_are_bounded(open_client, web):
    started = time.monotonic()
    assert open_client.post("/images", json={"url": f"{web.url}/endless"}).status_code == 413
    assert open_client.post("/images", json={"url": f"{web.url}/slow"}).status_code == 504
    large = web.add("/large", bytes(1_000_001))
    assert open_client.post("/images", json={"url": large}).status_code == 413
    assert time.monotonic() - started < 10


def test_nobody_listens_there(open_client):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        answer = open_client.post("/images", json={"url": f"http://127.0.0.1:{port}/"})
    assert answer.status_code == 502
    answer = open_client.post("/images", json={"url": "http://does-not-exist.invalid/a.png"})
    assert answer.status_code in (422, 502, 504)


def test_search_by_url(open_client, web):
    image = open_client.post("/images", files={"file": ("a.png", png(7))}).json()["id"]
    url = web.add("/same.png", png(7))
    found = open_client.post("/search", params={"k": 1}, json={"url": url})
    assert found.status_code == 200, found.text
    assert found.json()["results"][0]["id"] == image


def test_a_proxy_in_the_environment_is_not_used(start_server, web):
    server = start_server(http_proxy=web.url, https_proxy=web.url, all_proxy=web.url,
                          IMGROUTER_URL_TIMEOUT_MS=1000)
    server.client.post("/images", json={"url": "http://192.0.2.1/a.png"})  # goes nowhere
    assert web.connections == 0
