"""One picture's page and the page of metrics, in a real browser."""
import io
import re

import PIL.Image
import pytest
from cloud_stand_in import CLOUD_KEY
from fake_openai import openrouter_error
from pictures import golden, png
from web_browser import accessibility_faults, browser, open_page, take_picture  # noqa: F401

from server_process import ROOT, wait_until

EXAMPLES = sorted((ROOT / "examples" / "pictures").glob("*.*"))


@pytest.fixture(params=["light", "dark", "phone"])
def view(request):
    return request.param


@pytest.fixture
def cloud_server(start_server, provider):
    """A server that asks the provider about every picture (no mock is ever quite sure)."""
    return start_server(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY=CLOUD_KEY,
                        OPENROUTER_BASE_URL=provider.url, CAPTION_CONFIDENCE_THRESHOLD="1")


def send(server, name, content, kind="image/png"):
    answer = server.client.post("/images", files={"file": (name, content, kind)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(server, image):
    return server.client.get(f"/images/{image}").json()


def open_picture(open_page, server, image, **options):
    page = open_page(server, f"#/image/{image}", **options)
    page.locator(".caption").wait_for()
    return page


def fact(page, name):
    """What stands beside this name, its explanation with it."""
    return page.locator("dd", has=page.locator(f"xpath=preceding-sibling::dt[1][.='{name}']")).inner_text()


def is_loaded(page, selector):
    page.wait_for_function("s => { const node = document.querySelector(s); return node?.complete && node.naturalWidth > 0; }",
                           arg=selector)


def test_a_picture_tells_how_its_caption_came_about(cloud_server, open_page, view):
    picture = next(path for path in EXAMPLES if path.suffix in (".jpg", ".png"))
    image = send(cloud_server, picture.name, picture.read_bytes())
    assert image["origin"] == "cloud"
    cloud_server.client.patch(f"/images/{image['id']}", json={"tags": ["holiday", "beach", "a day to remember"]})
    with PIL.Image.open(picture) as opened:
        smaller = opened.convert("RGB").resize((opened.width // 2, opened.height // 2))
    buffer = io.BytesIO()
    smaller.save(buffer, "JPEG", quality=70)
    again = send(cloud_server, "smaller.jpg", buffer.getvalue())
    page = open_picture(open_page, cloud_server, image["id"], view=view)
    is_loaded(page, ".stage img")
    assert page.locator(".stage img").get_attribute("alt") == page.locator(".caption").inner_text() == image["caption"]
    assert page.evaluate("document.querySelector('.stage img').naturalWidth") == image["width"]
    receipt = image["receipt"]
    assert fact(page, "Written by").startswith(image["model"]) and "openrouter" in fact(page, "Written by")
    why = fact(page, "Why")
    assert "The local model was not sure of its words, so the cloud wrote it." in why and receipt["detail"] in why
    assert f"${receipt['cost_usd']:.6f}" in fact(page, "Cost") and receipt["cost_usd"] > 0
    assert re.search(r"cloud [\d.]+ m?s", fact(page, "Time"))
    assert f"{image['clip_score']:.3f}" in fact(page, "Fit") and "How near" in fact(page, "Fit")
    assert fact(page, "Name") == picture.name
    assert f"{image['width']} × {image['height']}" in fact(page, "Format")
    assert fact(page, "Id") == image["id"]
    link = page.get_by_role("list", name="The same picture, in another file").get_by_role("link")
    assert link.get_attribute("href") == f"#/image/{again['id']}"
    page.wait_for_timeout(300)
    assert accessibility_faults(page) == []
    assert page.evaluate("innerWidth") == page.viewport_size["width"]  # a phone widens for what is wider
    take_picture(page, f"picture-{view}")
    page.get_by_role("button", name="Edit the caption").click()
    assert accessibility_faults(page) == []
    link.click()
    page.locator(".caption", has_text=again["caption"]).wait_for()
    page.get_by_text("smaller.jpg").wait_for()


def test_the_caption_is_edited_in_place(server, open_page):
    image = server.upload(png(1))
    page = open_picture(open_page, server, image["id"])
    edit = page.get_by_role("button", name="Edit the caption")
    field = page.get_by_label("Caption", exact=True).and_(page.locator("textarea"))
    edit.focus()
    page.keyboard.press("Enter")
    assert field.input_value() == image["caption"] and field.evaluate("node => node === document.activeElement")
    field.fill("not this")
    page.keyboard.press("Escape")
    assert page.locator(".caption").inner_text() == image["caption"]
    assert edit.evaluate("node => node === document.activeElement")
    assert stored(server, image["id"])["origin"] != "user"
    page.locator(".caption").click()
    field.fill("my cat on the sofa")
    page.keyboard.press("Control+Enter")
    edit.wait_for()
    assert page.locator(".caption").inner_text() == "my cat on the sofa"
    assert stored(server, image["id"])["caption"] == "my cat on the sofa"
    assert fact(page, "Written by").startswith("a person")
    page.expected.append("422")
    edit.click()
    field.fill("x" * 2000)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").filter(has_text="The caption is longer than 1023 bytes").wait_for()
    assert len(field.input_value()) == 2000
    page.get_by_role("button", name="Cancel").click()
    assert page.locator(".caption").inner_text() == "my cat on the sofa"


def test_what_others_change_is_shown_but_not_written_over(server, open_page):
    image = server.upload(png(1))["id"]
    page = open_picture(open_page, server, image)
    server.client.patch(f"/images/{image}", json={"caption": "written elsewhere", "tags": ["there"]})
    page.locator(".caption", has_text="written elsewhere").wait_for()
    page.get_by_role("link", name="there", exact=True).wait_for()
    page.get_by_role("button", name="Edit the caption").click()
    page.locator("textarea").fill("half written")
    server.client.patch(f"/images/{image}", json={"tags": ["there", "now"]})
    page.get_by_role("link", name="now", exact=True).wait_for()
    assert page.locator("textarea").input_value() == "half written"
    server.client.delete(f"/images/{image}")
    page.get_by_role("heading", name="This picture is gone").wait_for()


def test_tags_are_added_and_removed(server, open_page):
    image = server.upload(png(1))["id"]
    page = open_picture(open_page, server, image)
    field = page.get_by_label("Add a tag")
    field.fill("beach, summer")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove the tag summer").wait_for()
    assert stored(server, image)["tags"] == ["beach", "summer"]
    assert field.input_value() == "" and field.evaluate("node => node === document.activeElement")
    field.fill("beach")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#tag-field').value === ''")
    page.get_by_role("button", name="Remove the tag beach").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove the tag beach").wait_for(state="detached")
    assert stored(server, image)["tags"] == ["summer"]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove the tag summer"
    page.expected.append("422")
    field.fill("x" * 64)
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="not acceptable").wait_for()
    assert field.input_value() == "x" * 64
    page.get_by_role("link", name="summer").click()
    page.locator(".tile").wait_for()
    assert page.locator(".tile").get_attribute("data-id") == image and "tags=summer" in page.url


def test_names_captions_and_tags_are_text(server, open_page):
    markup = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
    name = markup.replace("</b>", "")  # servers take what is before a slash for a folder
    image = send(server, name, png(1))["id"]
    assert server.client.patch(f"/images/{image}", json={"caption": markup, "tags": [markup]}).status_code == 200
    page = open_picture(open_page, server, image)
    assert page.locator(".caption").inner_text() == markup
    assert fact(page, "Name") == name
    page.get_by_role("link", name=markup).wait_for()
    assert page.locator("main b").count() == 0 and page.title() == f"{markup} · imgrouter"
    page.get_by_role("button", name="Edit the caption").click()
    page.locator("textarea").fill(markup + " ")
    page.keyboard.press("Control+Enter")
    page.locator("button", has_text="Save").wait_for(state="hidden")
    assert page.locator("main b").count() == 0


@pytest.mark.parametrize("url, is_link", [("https://example.org/cat.png?a=<b>", True),
                                          ("javascript:document.title='broken'", False), ("//example.org/cat.png", False)])
def test_only_web_addresses_are_links(server, open_page, url, is_link):
    image = server.upload(png(1))
    page = open_page(server)
    answer = image | {"payload": {"src": {"source": "url", "url": url}}}
    page.route(f"**/images/{image['id']}", lambda route: route.fulfill(json=answer))
    page.goto(f"{server.url}/#/image/{image['id']}")
    page.locator(".caption").wait_for()
    assert fact(page, "From") == url
    links = page.locator("dd a")
    assert links.count() == (1 if is_link else 0)
    if is_link:
        assert links.get_attribute("href").startswith("https://example.org/")
        assert "noreferrer" in links.get_attribute("rel")


@pytest.mark.parametrize("name, saved", [("my cat.png", "my cat.png"), ("../../etc/passwd.png", "passwd.png"), ("", None)])
def test_the_file_itself_is_downloaded(server, open_page, name, saved):
    picture = png(1)
    answer = server.client.post("/images", params={"filename": name}, content=picture, headers={"Content-Type": "image/png"})
    image = answer.json()["id"]
    page = open_picture(open_page, server, image)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == (saved or f"{image}.png")
    assert open(download.value.path(), "rb").read() == picture


def test_formats_that_browsers_lack_are_shown(server, open_page):
    image = send(server, "a.heic", golden("full_colour.heic"), "image/heic")
    page = open_picture(open_page, server, image["id"])
    is_loaded(page, ".stage img")
    assert "thumbnail" in page.locator(".stage img").get_attribute("src")
    assert "HEIC" in fact(page, "Format") and "Shown here as a JPEG" in fact(page, "Format")


def test_deleting_can_be_undone(server, open_page):
    first, second = server.upload(png(1))["id"], server.upload(png(2))["id"]
    page = open_picture(open_page, server, first)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.locator(f'[data-id="{second}"]').wait_for()
    assert page.locator(".tile").count() == 1
    page.get_by_role("button", name="Undo").click()
    page.locator(f'[data-id="{first}"]').wait_for()
    assert server.client.get(f"/images/{first}").status_code == 200
    page.goto(f"{server.url}/#/image/{first}")
    page.locator(".caption").wait_for()
    page.keyboard.press("Delete")
    page.get_by_text("1 picture deleted").first.wait_for()
    page.get_by_role("button", name="Close this notice").click()
    wait_until(lambda: server.client.get(f"/images/{first}").status_code == 404)


def test_a_picture_that_is_gone_is_told(server, open_page):
    page = open_page(server)
    page.expected.append("404")
    page.goto(f"{server.url}/#/image/0123456789abcdef")
    page.get_by_role("heading", name="This picture is gone").wait_for()
    page.get_by_role("link", name="To the pictures").click()
    page.get_by_role("heading", name="No pictures yet").wait_for()


def test_a_server_that_fails_is_asked_again(server, open_page):
    image = server.upload(png(1))["id"]
    page = open_page(server)
    page.expected.append("net::ERR_FAILED")
    page.route(f"**/images/{image}", lambda route: route.abort())
    page.goto(f"{server.url}/#/image/{image}")
    page.get_by_text("The server does not answer.").first.wait_for()
    page.unroute(f"**/images/{image}")
    page.get_by_role("button", name="Try again").click()
    page.locator(".caption").wait_for()


def test_the_next_picture_is_one_key_away(server, open_page):
    for seed in range(4):
        server.upload(png(seed, 60, 40))
    page = open_page(server)
    page.locator(".tile").nth(3).wait_for()
    ids = page.eval_on_selector_all(".tile", "tiles => tiles.map(tile => tile.dataset.id)")
    page.locator(".tile a").nth(1).click()
    page.locator(".caption").wait_for()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/#/image/{ids[2]}")
    page.get_by_role("button", name="Next picture").click()
    page.wait_for_url(f"**/#/image/{ids[3]}")
    page.locator(".caption").wait_for()
    assert page.get_by_role("button", name="Next picture").is_disabled()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/#/image/{ids[2]}")
    page.locator(".caption").wait_for()
    page.get_by_label("Add a tag").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert ids[2] in page.url
    page.go_back()
    page.locator(".tile").nth(3).wait_for()
    page.goto(f"{server.url}/#/image/{ids[0]}")
    page.get_by_role("link", name="More like this").click()
    page.locator(".tile-score").first.wait_for()
    assert f"like={ids[0]}" in page.url


def open_metrics(open_page, server, **options):
    page = open_page(server, "#/metrics", **options)
    page.locator(".badge.good", has_text="ready").wait_for()
    return page


def figure(page, name):
    return page.locator(".figure", has_text=name).locator("dd").inner_text()


def test_metrics_show_what_happens(cloud_server, open_page, provider, view):
    for seed in range(6):
        cloud_server.upload(png(seed))
    cloud_server.client.get("/search", params={"q": "dog"})
    provider.script = [openrouter_error(502, "the model is overloaded")] * 3
    cloud_server.upload(png(50))
    page = open_metrics(open_page, cloud_server, view=view)
    page.locator("meter").wait_for()
    assert figure(page, "Pictures") == "7" and figure(page, "Searches") == "1"
    waiting = page.get_by_role("table", name="Waiting").get_by_role("row")
    # A request of the page itself may just be among the waiting ones.
    assert [re.sub(r"\b[01]\b", "0", text) for text in waiting.all_inner_texts()[1:]] == [
        "for the models\t0\t0", "requests for a thread\t0\t0", "accepted uploads\t0\t0"]
    stage = page.get_by_role("row", name=re.compile("^decode "))
    summary = cloud_server.client.get("/metrics/summary").json()
    assert stage.get_by_role("cell").nth(0).inner_text() == str(summary["stages"]["decode"]["count"]) == "7"
    assert re.fullmatch(r"\d+ µs|[\d.]+ m?s", stage.get_by_role("cell").nth(3).inner_text())
    assert stage.locator("rect").count() == 3
    page.get_by_text("1 (14 %) by the local models, 6 (86 %) by the cloud.").wait_for()
    reason = page.get_by_role("row", name=re.compile("^low_confidence"))
    assert reason.get_by_role("cell").all_inner_texts() == ["6", "86 %"]
    assert "The local model was not sure of its words" in reason.inner_text()
    costs = cloud_server.client.get("/costs").json()
    spent = costs["today"]["spent_usd"]
    assert spent > 0
    page.get_by_text(f"${spent:.6f} of ${costs['today']['budget_usd']:.2f} spent today").first.wait_for()
    assert page.get_by_role("meter", name="Spent of today's budget").evaluate("node => node.value") == pytest.approx(spent)
    page.get_by_text("As a table").click()
    day = page.get_by_role("row", name=re.compile("^" + costs["today"]["date"]))
    assert day.get_by_role("cell").all_inner_texts() == ["openrouter", str(costs["today"]["requests"]), f"${spent:.6f}"]
    drawn = page.locator("rect.fill.series-0[height]").evaluate_all("nodes => nodes.map(node => Number(node.getAttribute('height')))")
    assert max(drawn[1:]) > 50
    state = page.get_by_role("row", name=re.compile("^openrouter"))
    assert "in use" in state.inner_text() and "the model is overloaded" in state.inner_text()
    assert fact(page, "Captions by").startswith(summary["models"]["caption"]["name"])
    page.wait_for_timeout(2300)
    assert accessibility_faults(page) == []
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate("innerWidth") == page.viewport_size["width"]
    take_picture(page, f"metrics-{view}")
    page.get_by_role("heading", name="Who wrote the captions").evaluate("node => node.scrollIntoView({ block: 'center' })")
    take_picture(page, f"metrics-{view}-below")


def test_metrics_follow_the_server(server, open_page):
    page = open_metrics(open_page, server)
    assert figure(page, "Pictures") == "0"
    page.get_by_text("None were written since the start.").wait_for()
    for seed in range(20):
        server.upload(png(seed))
    page.locator(".figure", has_text="Pictures").locator("dd", has_text=re.compile("^20$")).wait_for()
    most = page.get_by_role("table", name="Requests a second").get_by_role("row", name=re.compile("^uploads")).get_by_role("cell").nth(1)
    assert float(most.inner_text()) > 0
    # Elsewhere and back: the lines go on.
    page.get_by_role("link", name="Pictures", exact=True).click()
    page.locator(".tile").first.wait_for()
    page.get_by_role("link", name="Metrics").click()
    page.locator(".badge.good").wait_for()
    assert float(most.inner_text()) > 0
    assert "L" in page.locator(".line.series-0").first.get_attribute("d")


def test_a_server_that_is_gone_is_told_on_the_metrics(server, open_page):
    page = open_metrics(open_page, server)
    page.expected.append("net::ERR_FAILED")
    page.route("**/metrics/summary", lambda route: route.abort())
    page.get_by_role("alert").filter(has_text="The server does not answer.").wait_for()
    assert figure(page, "Pictures") == "0"
    page.unroute("**/metrics/summary")
    page.locator(".badge.good").wait_for()
    assert page.locator(".metrics-problem").inner_text() == ""


def test_nobody_is_asked_while_nobody_looks(server, open_page):
    page = open_metrics(open_page, server)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/metrics/summary" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.wait_for_timeout(2500)
    asked.clear()
    page.wait_for_timeout(2500)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: page.wait_for_timeout(100) or asked)
    page.get_by_role("link", name="Pictures", exact=True).click()
    page.get_by_role("heading", name="No pictures yet").wait_for()
    asked.clear()
    page.wait_for_timeout(2500)
    assert asked == []


def test_what_goes_wrong_is_seen_on_the_metrics(cloud_server, open_page):
    def change(path, alter):
        answer = cloud_server.client.get(path).json()
        alter(answer)
        page.route(f"**{path}", lambda route: route.fulfill(json=answer))

    page = open_page(cloud_server, view="phone")
    change("/metrics/summary", lambda answer: (
        answer["cloud"][0].update(breaker="open", opens_in_s=41.7, last_failure="<b>HTTP 503</b>"),
        answer["store"].update(is_up=False), answer.update(is_ready=False),
        answer["requests"]["uploads"].update(failed=3)))
    change("/healthz", lambda answer: answer["reindex"].update(state="running", done=310, total=1204, failed=1))
    page.goto(f"{cloud_server.url}/#/metrics")
    page.locator(".badge.bad", has_text="not ready").wait_for()
    provider = page.get_by_role("row", name=re.compile("^openrouter"))
    assert "paused, asked again in 42 s" in provider.inner_text() and "<b>HTTP 503</b>" in provider.inner_text()
    assert page.locator(".figure.bad dd").inner_text() == "3"
    assert fact(page, "Store") == "sqlite, does not answer"
    page.get_by_text("310 of 1,204 are of the model that runs").wait_for()
    assert "1 picture cannot get one" in fact(page, "Vectors")
    drawn = page.locator("dd .share .part-of").get_attribute("width")
    assert float(drawn) == pytest.approx(100 * 310 / 1204)
    assert accessibility_faults(page) == []
    assert page.evaluate("innerWidth") == page.viewport_size["width"]


@pytest.mark.parametrize("origin, words", [("model", "Chosen by models."), ("user", "Chosen by a person")])
def test_whose_the_tags_are_is_told(server, open_page, origin, words):
    image = server.upload(png(1))
    page = open_page(server)
    page.route(f"**/images/{image['id']}", lambda route: route.fulfill(
        json=image | {"tags": ["tree"], "tags_origin": origin}))
    page.goto(f"{server.url}/#/image/{image['id']}")
    page.get_by_text(words).wait_for()


def test_words_that_are_not_saved_are_not_lost_unasked(server, open_page):
    page = open_picture(open_page, server, server.upload(png(1))["id"])
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("button", name="Edit the caption").click()
    page.locator("textarea").fill("half written")
    page.evaluate("location.reload()")
    wait_until(lambda: page.wait_for_timeout(50) or asked == ["beforeunload"])
    assert page.locator("textarea").input_value() == "half written"
