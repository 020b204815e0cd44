"""Adding pictures on the web page, in a real browser."""
import io
import re

import pytest
from PIL import Image
from pictures import png
from web_browser import browser, drop, open_page, paste, take_picture  # noqa: F401
from web_server import WebServer

from server_process import ROOT, wait_until


def file(name, content, kind="image/png"):
    return {"name": name, "mimeType": kind, "buffer": content}


def open_uploads(page):
    page.get_by_role("button", name="Add pictures").click()
    return page.get_by_role("region", name="Add pictures")


def row(page, name):
    return page.locator(".upload", has=page.locator(".upload-title", has_text=name))


def test_many_are_picked_and_each_tells_what_it_became(server, open_page):
    page = open_page(server)
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files(
        [file(f"picture-{seed}.png", png(seed, 90, 60)) for seed in range(20)])
    page.get_by_text("20 of 20 added").first.wait_for()
    assert page.locator(".upload[data-state=done]").count() == 20
    one = row(page, "picture-7.png")
    image = {i["payload"]["src"]["filename"]: i
             for i in server.client.get("/images").json()["images"]}["picture-7.png"]
    caption = one.get_by_role("link")
    assert caption.inner_text() == image["caption"]
    assert caption.get_attribute("href") == f"#/image/{image['id']}"
    one.get_by_text("Receipt").click()
    receipt = one.locator("dl").inner_text()
    assert "a mock model: it is made up" in receipt and image["receipt"]["detail"] in receipt
    assert "nothing" in receipt and "all together" in receipt
    page.wait_for_function("() => [...document.querySelectorAll('.upload img')].slice(0, 3)"
                           ".every(image => image.naturalWidth > 0)")
    # They are in the gallery behind, too.
    page.locator(".status", has_text=re.compile("^20 pictures$")).wait_for()
    take_picture(page, "uploads")
    page.get_by_role("button", name="Clear the finished").click()
    assert page.locator(".upload").count() == 0
    page.keyboard.press("Escape")
    assert panel.is_hidden()
    assert page.evaluate("document.activeElement.id") == "add"


def test_stages_are_told_as_they_happen(start_server, open_page):
    page = open_page(start_server(USE_MOCK_MODELS="auto"))  # mocks are too fast to be seen
    page.evaluate("""() => {
        window.told = new Set();
        new MutationObserver(() => {
            for (const node of document.querySelectorAll(".upload-text")) told.add(node.textContent);
        }).observe(document.body, { subtree: true, childList: true, characterData: true });
    }""")
    open_uploads(page)
    page.get_by_label("Choose pictures").set_input_files(
        [file(f"{seed}.png", png(seed, 1000, 800)) for seed in range(6)])
    page.get_by_text("6 of 6 added").first.wait_for()
    told = page.evaluate("() => [...told]")
    assert {"Sending 100 %", "Waiting its turn", "Reading the picture", "Writing the caption", "Storing"} <= set(told)


def test_dropped_and_pasted_pictures_are_added(server, open_page):
    page = open_page(server)
    drop(page, "[data-drop=add]", {"dropped.png": ("image/png", png(1)), "too.png": ("image/png", png(2))})
    row(page, "dropped.png").get_by_role("link").wait_for()
    row(page, "too.png").get_by_role("link").wait_for()
    assert page.locator(".drop-overlay").is_hidden()
    paste(page, "body", {"pasted.png": ("image/png", png(3))})
    row(page, "pasted.png").get_by_role("link").wait_for()
    wait_until(lambda: server.client.get("/healthz").json()["store"]["images"] == 3)


def test_addresses_are_fetched(start_server, open_page, tmp_path):
    web = WebServer()
    web.add("/cat.png", png(5), Content_Type="image/png")
    try:
        server = start_server(IMGROUTER_URL_ALLOW_PRIVATE="true")
        page = open_page(server)
        panel = open_uploads(page)
        panel.get_by_label("Addresses of pictures").fill(f"{web.url}/cat.png {web.url}/none.png")
        panel.get_by_label("Addresses of pictures").press("Enter")
        row(page, "/cat.png").get_by_role("link").wait_for()
        failed = row(page, "/none.png")
        failed.locator(".upload-text", has_text="404").wait_for()
        paste(page, "body", text=f"{web.url}/cat.png")
        page.get_by_text("Already here").wait_for()
    finally:
        web.close()


def test_an_address_that_may_not_be_fetched_says_why(server, open_page):
    page = open_page(server)
    panel = open_uploads(page)
    panel.get_by_label("Addresses of pictures").fill("http://127.0.0.1/x.png")
    panel.get_by_role("button", name="Fetch").click()
    said = server.client.post("/images", json={"url": "http://127.0.0.1/x.png"}).json()["detail"]
    row(page, "http://127.0.0.1/x.png").get_by_text(said).wait_for()


def test_what_is_no_picture_says_so_and_comes_first(server, open_page):
    page = open_page(server)
    page.expected.append("415")
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files(
        [file("good.png", png(1)), file("notes.txt", b"no picture", "text/plain")])
    page.get_by_text("1 of 2 added, 1 failed").first.wait_for()
    said = server.client.post("/images", params={"async": "true"},
                              files={"file": b"no picture"}).json()["detail"]
    assert row(page, "notes.txt").locator(".upload-text").inner_text() == said
    assert page.locator(".upload-title").first.inner_text() == "notes.txt"
    assert row(page, "notes.txt").get_by_role("button", name="Try again: notes.txt").is_visible()
    take_picture(page, "upload-failed")


def test_duplicates_are_noticed(start_server, open_page):
    server = start_server(USE_MOCK_MODELS="auto")  # mocks' vectors mean nothing
    path = ROOT / "examples" / "pictures" / "boat-at-night.jpg"
    known = server.upload(path.read_bytes())["id"]
    smaller = io.BytesIO()
    Image.open(path).resize((200, 200)).save(smaller, "PNG")
    page = open_page(server)
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files([file("again.jpg", path.read_bytes(), "image/jpeg")])
    row(page, "again.jpg").get_by_text("Already here").wait_for()
    panel.get_by_label("Choose pictures").set_input_files([file("smaller.png", smaller.getvalue())])
    note = row(page, "smaller.png").get_by_text("Looks the same as another picture")
    assert note.get_by_role("link").get_attribute("href") == f"#/image/{known}"


def test_a_busy_server_is_asked_again(server, open_page):
    page = open_page(server)
    page.expected.append("503")
    refused = []

    def answer(route):
        if route.request.method != "POST" or len(refused) == 2:
            route.continue_()
            return
        refused.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "1"}, content_type="application/problem+json",
                      body='{"detail": "Too much is waiting."}')

    page.route("**/images?*", answer)
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files([file("a.png", png(1))])
    page.get_by_text("The server is busy. Again in").wait_for()
    row(page, "a.png").get_by_role("link").wait_for()
    assert len(refused) == 2


def test_uploads_can_be_cancelled_and_begun_again(server, open_page):
    page = open_page(server)
    held = []
    page.route("**/images?*", lambda route: held.append(route) if route.request.method == "POST" and
               len(held) < 4 else route.continue_())
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files([file(f"{name}.png", png(seed))
                                                           for seed, name in enumerate("abcd")])
    row(page, "d.png").get_by_text("Waiting").wait_for()  # three at a time
    for name in "abcd":
        row(page, f"{name}.png").get_by_role("button", name="Cancel").click()
        row(page, f"{name}.png").get_by_text("Cancelled").wait_for()
    assert server.client.get("/healthz").json()["store"]["images"] == 0
    row(page, "b.png").get_by_role("button", name="Try again").click()
    row(page, "b.png").get_by_role("link").wait_for()
    assert server.client.get("/healthz").json()["store"]["images"] == 1


@pytest.mark.parametrize("loss", ["refused", "cut"])
def test_uploads_end_also_without_events(server, open_page, loss):
    page = open_page(server, "docs")
    page.expected += ["net::ERR", "503"]
    page.route("**/events", lambda route: route.fulfill(status=503) if loss == "refused" else route.abort())
    page.goto(server.url + "/")
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files([file("a.png", png(1))])
    row(page, "a.png").get_by_role("link").wait_for()


def test_events_that_are_refused_are_asked_for_again(server, open_page):
    page = open_page(server, "docs")
    page.expected.append("503")
    refused = []

    def answer(route):
        if len(refused) == 2:
            route.continue_()
            return
        refused.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "1"})

    page.route("**/events", answer)
    with page.expect_response(lambda answer: answer.url.endswith("/events") and answer.status == 200):
        page.goto(server.url)
    server.upload(png(1))
    page.locator(".status", has_text=re.compile("^1 picture$")).wait_for()
    assert len(refused) == 2


def test_events_come_again_after_the_server_was_away(start_server, open_page, tmp_path):
    server = start_server()
    page = open_page(server)
    page.expected.append("net::ERR")
    page.get_by_role("heading", name="No pictures yet").wait_for()
    port = server.port
    server.stop()
    again = start_server(arguments=["--port", str(port)])
    assert again.port == port
    page.wait_for_timeout(500)
    with page.expect_response("**/events"):
        pass
    again.upload(png(1))
    page.locator(".status", has_text=re.compile("^1 picture$")).wait_for()


def test_uploads_go_on_while_other_pages_are_looked_at(server, open_page):
    page = open_page(server)
    held = []
    page.route("**/images?*", lambda route: held.append(route) if route.request.method == "POST"
               else route.continue_())
    panel = open_uploads(page)
    panel.get_by_label("Choose pictures").set_input_files([file("a.png", png(1))])
    wait_for_held = lambda: held or page.wait_for_timeout(20)  # noqa: E731
    wait_until(wait_for_held)
    page.goto(f"{server.url}/#/elsewhere")
    page.get_by_text("There is no such page.").wait_for()
    held[0].continue_()
    row(page, "a.png").get_by_role("link").wait_for()
