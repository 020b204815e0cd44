"""Searching on the web page, in a real browser."""
import re

import pytest
from pictures import png
from web_browser import browser, drop, open_page, paste, take_picture  # noqa: F401

ANIMALS = ["a dog in the snow", "a dog on the beach", "a cat on a chair", "a horse in a field"]


@pytest.fixture
def animals(server):
    """{caption: id}: what a person wrote, so that searches by words find it also with mock models."""
    ids = {}
    for seed, caption in enumerate(ANIMALS):
        ids[caption] = server.upload(png(seed, 60, 40))["id"]
        change = {"caption": caption, "tags": ["outside"] if "chair" not in caption else ["inside"]}
        assert server.client.patch(f"/images/{ids[caption]}", json=change).status_code == 200
    return ids


def found(page):
    return page.locator(".tile-caption").all_inner_texts()


def wait_for_status(page, text):
    page.locator(".status", has_text=re.compile(text)).wait_for()


def test_search_as_one_types(server, animals, open_page):
    page = open_page(server, "#/?mode=keyword&all=1")
    wait_for_status(page, "^4 pictures$")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/search?" in request.url else None)
    page.locator("#search").press_sequentially("dog", delay=20)
    wait_for_status(page, "^2 pictures found in [0-9.]+ ms")
    assert sorted(found(page)) == sorted(ANIMALS[:2])
    assert len(asked) == 1 and "q=dog" in asked[0] and "min_score" not in asked[0]
    assert "score" in page.locator(".tile-score").first.inner_text()
    assert page.url.endswith("#/?q=dog&mode=keyword&all=1")
    page.locator("#search").press_sequentially(" snow", delay=20)
    page.wait_for_url("**/#/?q=dog+snow&mode=keyword&all=1")
    page.locator(".tile-caption", has_text="snow").first.wait_for()
    # However much was typed, it is one step back.
    page.go_back()
    wait_for_status(page, "^4 pictures$")
    assert page.input_value("#search") == ""
    page.go_forward()
    wait_for_status(page, "found in")
    assert page.input_value("#search") == "dog snow"
    page.reload()
    wait_for_status(page, "found in")
    assert page.input_value("#search") == "dog snow" and found(page)[0] == ANIMALS[0]
    page.locator("#search").press("Escape")
    wait_for_status(page, "^4 pictures$")


def test_an_answer_that_comes_late_is_not_shown(server, animals, open_page):
    page = open_page(server, "#/?mode=keyword&all=1")
    wait_for_status(page, "^4 pictures$")
    held = []
    page.route("**/search?q=dog&*", lambda route: held.append(route))
    page.fill("#search", "dog")
    page.locator(".status.busy").wait_for()
    page.fill("#search", "cat")
    wait_for_status(page, "^1 picture found")
    assert found(page) == [ANIMALS[2]]
    assert held[0].request.failure == "net::ERR_ABORTED"


@pytest.mark.parametrize("mode, label", [("hybrid", "Both"), ("semantic", "Meaning"),
                                         ("keyword", "Words")])
def test_the_mode_is_chosen(server, animals, open_page, mode, label):
    page = open_page(server, "#/?q=dog&all=1&mode=" + ("keyword" if mode != "keyword" else "semantic"))
    wait_for_status(page, "found")
    with page.expect_request(lambda request: "/search?" in request.url and f"mode={mode}" in request.url):
        page.get_by_role("radio", name=label, exact=True).check()
    wait_for_status(page, "found")
    assert ("mode=" in page.url) == (mode != "hybrid")
    assert set(found(page)[:2]) == set(ANIMALS[:2]) if mode == "keyword" else len(found(page)) == 4


def test_only_what_fits_is_shown_unless_asked(server, animals, open_page):
    page = open_page(server, "#/?q=zeppelin")
    page.get_by_role("heading", name="Nothing found").wait_for()
    reason = server.client.get("/search", params={"q": "zeppelin", "mode": "hybrid",
                                                  "min_score": "auto"}).json()["reason"]
    assert page.locator(".empty p").inner_text() == reason
    page.get_by_role("button", name="Show the nearest all the same").click()
    wait_for_status(page, "^4 pictures found")
    assert not page.get_by_role("checkbox", name="Only what fits").is_checked()
    assert re.fullmatch(r"relevance\s\d+ % · score -?\d\.\d{3}", page.locator(".tile-score").first.inner_text())
    page.get_by_role("checkbox", name="Only what fits").check()
    page.get_by_role("heading", name="Nothing found").wait_for()


def test_filters(server, animals, open_page):
    page = open_page(server)
    wait_for_status(page, "^4 pictures$")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Tags").fill("inside")
    wait_for_status(page, "^1 picture found")
    assert found(page) == [ANIMALS[2]]
    page.get_by_role("button", name="Filters (1)").wait_for()
    page.get_by_label("Tags").fill("")
    wait_for_status(page, "^4 pictures$")
    page.get_by_label("Words in the caption").fill("dog, beach")
    wait_for_status(page, "^1 picture found")
    assert found(page) == [ANIMALS[1]]
    page.get_by_label("Words in the caption").fill("")
    page.get_by_label("Captioned by").select_option("local")
    page.get_by_role("heading", name="Nothing found").wait_for()
    page.get_by_label("Captioned by").select_option("user")
    wait_for_status(page, "^4 pictures found")
    take_picture(page, "filters")
    page.get_by_label("Added from").fill("2000-01-01")
    page.get_by_label("Added until").fill("2000-12-31")
    page.get_by_role("heading", name="Nothing found").wait_for()
    assert "from=2000-01-01&until=2000-12-31&origin=user" in page.url
    page.get_by_label("Added until").fill("2999-12-31")
    wait_for_status(page, "^4 pictures found")
    page.reload()
    wait_for_status(page, "^4 pictures found")
    assert page.get_by_label("Added until").input_value() == "2999-12-31"
    page.get_by_role("button", name="Clear the filters").click()
    wait_for_status(page, "^4 pictures$")
    assert page.url.endswith("#/")


def test_the_last_day_belongs_to_what_is_asked_for(server, animals, open_page):
    page = open_page(server, timezone_id="Pacific/Auckland")
    today = page.evaluate("new Date().toLocaleDateString('en-CA')")
    page.goto(f"{server.url}/#/?from={today}&until={today}")
    wait_for_status(page, "^4 pictures found")


def test_more_like_this(server, animals, open_page):
    page = open_page(server)
    wait_for_status(page, "^4 pictures$")
    image = animals[ANIMALS[3]]
    tile = page.locator(f'[data-id="{image}"]')
    tile.hover()
    tile.get_by_role("button", name="More like this").click()
    page.wait_for_url(f"**/#/?like={image}")
    wait_for_status(page, "found")
    expected = server.client.get("/search", params={"image_id": image}).json()["results"]
    assert found(page) == [match["caption"] for match in expected]
    take_picture(page, "more-like-this")
    page.get_by_role("button", name="Search without: like this picture").click()
    wait_for_status(page, "^4 pictures$")


def test_a_picture_that_is_dropped_on_the_search_is_searched_with(server, animals, open_page):
    page = open_page(server)
    wait_for_status(page, "^4 pictures$")
    drop(page, "[data-drop=search]", {"dog.png": ("image/png", png(0, 60, 40))})
    page.get_by_text("dog.png").wait_for()
    wait_for_status(page, "found")
    assert found(page)[0] == ANIMALS[0]
    assert server.client.get("/healthz").json()["store"]["images"] == 4  # and is not stored
    page.fill("#search", "cat")
    page.wait_for_url("**q=cat**")
    wait_for_status(page, "found")
    page.go_back()
    page.go_back()
    wait_for_status(page, "^4 pictures$")
    page.go_forward()
    page.get_by_text("dog.png").wait_for()
    page.reload()
    page.get_by_text("The picture that this search was made with is no longer here.").first.wait_for()
    paste(page, "#search", {"cat.png": ("image/png", png(2, 60, 40))})
    page.get_by_text("cat.png").wait_for()
    page.locator(".tile-caption").first.wait_for()
    assert found(page)[0] == ANIMALS[2]
    page.get_by_label("Search with a picture").set_input_files(
        {"name": "horse.png", "mimeType": "image/png", "buffer": png(3, 60, 40)})
    page.get_by_text("horse.png").wait_for()
    page.locator(".tile-caption", has_text="horse").wait_for()
    assert found(page)[0] == ANIMALS[3]


def test_results_come_in_pages_as_one_scrolls(server, open_page):
    for seed in range(150):
        server.upload(png(seed, 60, 40))
    page = open_page(server, "#/?q=anything&all=1&mode=semantic")
    wait_for_status(page, "more pictures found|150 pictures found")
    expected = server.client.get("/search", params={"q": "anything", "k": 200}).json()["results"]
    seen = []
    for _ in range(60):
        seen += [id for id in page.eval_on_selector_all(".tile", "tiles => tiles.map(tile => tile.dataset.id)")
                 if id not in seen]
        if len(seen) == 150:
            break
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(60)
    assert sorted(seen) == sorted(match["id"] for match in expected)
    wait_for_status(page, "^150 pictures found")


def test_a_search_that_the_server_refuses_is_explained(server, animals, open_page):
    page = open_page(server, "#/?q=dog&words=...")
    page.expected.append("422")
    page.get_by_text("The parameter words must have a letter or digit in every entry.").first.wait_for()
