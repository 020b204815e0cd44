"""The web page at /: the gallery, in a real browser."""
import re

import pytest
from pictures import png
from web_browser import browser, drop, open_page, take_picture  # noqa: F401

from server_process import model_arguments, wait_until

CAPTIONS = ".tile-caption"


def fill(server, count, first=0):
    """Their ids, newest first, as the gallery shows them."""
    for seed in range(first, first + count):
        server.upload(png(seed, *[(60, 40), (40, 60), (90, 40), (50, 50)][seed % 4]))
    return [image["id"] for image in server.client.get("/images", params={"limit": 1000}).json()["images"]]


def shown_ids(page):
    return page.eval_on_selector_all(".tile", "tiles => tiles.map(tile => tile.dataset.id)")


def wait_for_count(page, text):
    page.locator(".status", has_text=re.compile(f"^{text}$")).wait_for()


def focused_id(page):
    return page.evaluate("document.activeElement.closest('[data-id]')?.dataset.id ?? null")


def test_nothing_yet_is_said_kindly(server, open_page):
    page = open_page(server)
    page.get_by_role("heading", name="No pictures yet").wait_for()
    take_picture(page, "empty")


@pytest.mark.parametrize("view", ["light", "dark", "phone"])
def test_the_gallery_shows_all_pictures(server, open_page, view):
    ids = fill(server, 12)
    page = open_page(server, view=view)
    wait_for_count(page, "12 pictures")
    assert shown_ids(page) == ids
    captions = [server.client.get(f"/images/{id}").json()["caption"] for id in ids]
    assert page.locator(CAPTIONS).all_inner_texts() == captions
    page.wait_for_function("() => [...document.querySelectorAll('.tile img')].every(image => image.naturalWidth > 0)")
    assert page.evaluate("innerWidth") == page.viewport_size["width"]  # a phone widens for what is wider
    # Rows fill the width, and no picture lies over another.
    boxes = page.eval_on_selector_all(".tile", "tiles => tiles.map(tile => tile.getBoundingClientRect().toJSON())")
    end = page.locator(".picture-grid").evaluate("grid => grid.getBoundingClientRect().right")
    for left, right in zip(boxes, boxes[1:]):
        if left["bottom"] <= right["top"]:
            assert abs(left["right"] - end) < 1
        else:
            assert left["right"] < right["left"] and right["right"] < end + 1
    take_picture(page, f"gallery-{view}")


def test_a_banner_tells_of_mock_models_only(server, start_server, open_page, tmp_path):
    page = open_page(server)
    page.get_by_role("note").get_by_text("MOCK MODELS answered").wait_for()
    page.get_by_role("button", name="Hide this note").click()
    assert page.locator("#banner").is_hidden()
    full = start_server(data=tmp_path / "full", **model_arguments("plain"))
    page = open_page(full)
    page.get_by_role("heading", name="No pictures yet").wait_for()
    assert page.locator("#banner").is_hidden()


def test_names_and_captions_are_text(server, open_page):
    markup = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
    image = server.client.post("/images", files={"file": (markup, png(1), "image/png")}).json()["id"]
    changed = server.client.patch(f"/images/{image}", json={"caption": markup, "tags": [markup]})
    assert changed.status_code == 200
    page = open_page(server)
    page.locator(".tile").wait_for()
    assert page.locator(CAPTIONS).inner_text() == markup
    assert page.locator("main b").count() == 0 and "broken" not in page.title()
    page.fill("#search", markup)
    page.get_by_role("button", name="Show the nearest all the same").click()
    page.locator(".tile-score").wait_for()
    page.goto(f"{server.url}/#/?like={image}&tags={markup}")
    page.get_by_text("like this picture").wait_for()
    assert page.locator("main b").count() == 0 and "broken" not in page.title()


def test_going_back_finds_the_place_again(server, open_page):
    fill(server, 60)
    page = open_page(server)
    wait_for_count(page, "60 pictures")
    page.evaluate("scrollTo(0, 900)")
    tile = page.locator(".tile").nth(20)
    image = tile.get_attribute("data-id")
    tile.locator("a").focus()
    scroll = page.evaluate("scrollY")
    page.goto(f"{server.url}/#/elsewhere")
    page.get_by_text("There is no such page.").wait_for()
    page.go_back()
    page.locator(".picture-grid").wait_for()
    page.wait_for_function("scroll => Math.abs(scrollY - scroll) < 5", arg=scroll)
    assert focused_id(page) == image


def test_what_changed_meanwhile_is_seen_on_coming_back(server, open_page):
    ids = fill(server, 6)
    page = open_page(server, "docs")
    page.route("**/events", lambda route: route.abort())
    page.expected += ["net::ERR", "404"]
    page.goto(server.url)
    wait_for_count(page, "6 pictures")
    page.locator(".tile a").nth(3).focus()
    page.goto(f"{server.url}/#/elsewhere")
    page.get_by_text("There is no such page.").wait_for()
    server.client.patch(f"/images/{ids[3]}", json={"caption": "changed meanwhile"})
    page.go_back()
    page.get_by_text("changed meanwhile").wait_for()
    page.goto(f"{server.url}/#/elsewhere")
    page.get_by_text("There is no such page.").wait_for()
    server.client.delete(f"/images/{ids[3]}")
    page.go_back()
    page.locator(".tile").first.wait_for()
    page.locator(f'[data-id="{ids[3]}"]').wait_for(state="detached")
    assert shown_ids(page) == ids[:3] + ids[4:]


def test_pictures_of_others_appear(server, open_page):
    fill(server, 3)
    page = open_page(server)
    wait_for_count(page, "3 pictures")
    new = server.upload(png(100))["id"]
    wait_for_count(page, "4 pictures")
    assert shown_ids(page)[0] == new
    server.client.patch(f"/images/{new}", json={"caption": "written elsewhere"})
    page.get_by_text("written elsewhere").wait_for()
    server.client.delete(f"/images/{new}")
    wait_for_count(page, "3 pictures")
    assert new not in shown_ids(page)


def test_a_page_that_nobody_sees_keeps_no_connection(server, open_page):
    fill(server, 3)
    page = open_page(server)
    wait_for_count(page, "3 pictures")
    see = """is_hidden => {
        Object.defineProperty(document, "hidden", { value: is_hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(see, True)
    server.upload(png(100))
    page.wait_for_timeout(1500)
    assert len(shown_ids(page)) == 3
    page.evaluate(see, False)
    wait_for_count(page, "4 pictures")
    page.locator(".tile").nth(3).wait_for()


def test_deleting_can_be_undone(server, open_page):
    ids = fill(server, 6)
    page = open_page(server)
    wait_for_count(page, "6 pictures")
    tile = page.locator(f'[data-id="{ids[2]}"]')
    tile.hover()
    tile.get_by_role("button", name=re.compile("^Delete")).click()
    page.wait_for_function("id => !document.querySelector(`.tile[data-id='${id}']`)", arg=ids[2])
    assert server.client.get(f"/images/{ids[2]}").status_code == 200
    page.get_by_role("button", name="Undo").click()
    tile.wait_for()
    assert shown_ids(page) == ids
    tile.locator("a").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Undo").wait_for()
    assert focused_id(page) == ids[3]
    page.keyboard.press("Control+z")
    tile.wait_for()
    assert page.get_by_role("button", name="Undo").count() == 0
    page.wait_for_timeout(300)
    assert server.client.get(f"/images/{ids[2]}").status_code == 200


def test_many_are_selected_and_deleted_together(server, open_page):
    ids = fill(server, 8)
    page = open_page(server)
    wait_for_count(page, "8 pictures")
    page.locator(".tile a").nth(1).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_text("3 pictures selected").first.wait_for()
    take_picture(page, "selected")
    page.keyboard.press("Escape")
    assert page.locator(".selection").is_hidden()
    page.locator(".tile a").nth(5).click(modifiers=["Control"])
    page.locator(".tile a").nth(7).click(modifiers=["Shift"])
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("3 pictures deleted").first.wait_for()
    assert shown_ids(page) == ids[:5]
    # Closing the notice is as good as waiting.
    page.get_by_role("button", name="Close this notice").click()
    wait_until(lambda: [server.client.get(f"/images/{id}").status_code for id in ids]
               == [200] * 5 + [404] * 3)
    wait_for_count(page, "5 pictures")


def test_leaving_the_page_ends_the_time_for_undo(server, open_page):
    ids = fill(server, 3)
    page = open_page(server)
    wait_for_count(page, "3 pictures")
    page.locator(".tile a").first.focus()
    page.keyboard.press("Delete")
    page.get_by_text("1 picture deleted").first.wait_for()
    assert server.client.get(f"/images/{ids[0]}").status_code == 200
    page.goto(server.url + "/docs")
    wait_until(lambda: server.client.get(f"/images/{ids[0]}").status_code == 404)
    assert server.client.get(f"/images/{ids[1]}").status_code == 200


def test_what_was_deleted_is_gone_on_coming_back(server, open_page):
    ids = fill(server, 5)
    page = open_page(server)
    wait_for_count(page, "5 pictures")
    page.locator(".tile a").nth(1).focus()
    page.keyboard.press("Delete")
    page.goto(f"{server.url}/#/elsewhere")
    page.get_by_text("There is no such page.").wait_for()
    page.get_by_role("button", name="Close this notice").click()
    server.client.delete(f"/images/{ids[3]}")
    wait_until(lambda: server.client.get(f"/images/{ids[1]}").status_code == 404)
    page.wait_for_timeout(300)
    page.go_back()
    page.locator(".tile").first.wait_for()
    assert shown_ids(page) == [ids[0], ids[2], ids[4]]


def test_a_deletion_that_fails_comes_back(server, open_page):
    ids = fill(server, 3)
    page = open_page(server)
    page.expected.append("500")
    page.route("**/images/*", lambda route: route.fulfill(
        status=500, content_type="application/problem+json", body='{"detail": "The disk is broken."}')
        if route.request.method == "DELETE" else route.continue_())
    wait_for_count(page, "3 pictures")
    page.locator(".tile a").first.focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Close this notice").click()
    page.get_by_text("1 picture could not be deleted. The disk is broken.").first.wait_for()
    assert shown_ids(page) == ids


def test_the_keyboard_reaches_everything(server, open_page):
    ids = fill(server, 30)
    page = open_page(server)
    wait_for_count(page, "30 pictures")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("ArrowDown")
    assert focused_id(page) == ids[0]
    page.keyboard.press("ArrowRight")
    assert focused_id(page) == ids[1]
    page.keyboard.press("ArrowDown")
    below = focused_id(page)
    boxes = [page.locator(f'[data-id="{id}"]').bounding_box() for id in (ids[1], below)]
    assert boxes[0]["y"] < boxes[1]["y"]
    assert boxes[1]["x"] < boxes[0]["x"] + boxes[0]["width"]
    assert boxes[1]["x"] + boxes[1]["width"] > boxes[0]["x"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+End")
    assert focused_id(page) == ids[-1]
    assert page.evaluate("document.activeElement.getBoundingClientRect().bottom <= innerHeight")
    page.keyboard.press("Control+Home")
    assert focused_id(page) == ids[0]
    # Tab goes through the tools of this picture, then leaves the grid.
    names = []
    for _ in range(3):
        page.keyboard.press("Tab")
        assert focused_id(page) == ids[0]
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label').split(':')[0]"))
    assert names == ["Select", "More like this", "Delete"]
    page.keyboard.press("Tab")
    assert focused_id(page) is None


def test_a_server_that_is_gone_is_told_and_asked_again(server, open_page):
    fill(server, 2)
    page = open_page(server)
    page.expected.append("net::ERR_FAILED")
    wait_for_count(page, "2 pictures")
    page.route("**/search?*", lambda route: route.abort())
    page.fill("#search", "dog")
    page.get_by_text("The server does not answer.").first.wait_for()
    page.unroute("**/search?*")
    page.get_by_role("button", name="Try again").click()
    page.locator(".message, .status", has_text="found").first.wait_for()


def test_pages_that_do_not_exist_lead_back(server, open_page):
    page = open_page(server, "#/nowhere")
    page.get_by_text("There is no such page.").wait_for()
    page.get_by_role("link", name="To the pictures").click()
    page.get_by_role("heading", name="No pictures yet").wait_for()
