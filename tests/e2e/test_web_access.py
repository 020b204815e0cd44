"""The web page for everybody, and with many pictures: what axe finds, the size of the page, its
smoothness."""
import subprocess

import pytest
from pictures import png
from web_browser import accessibility_faults, browser, open_page, take_picture  # noqa: F401

from server_process import clean_environment

PICTURES = 10_000


@pytest.fixture(params=["light", "dark", "phone"])
def view(request):
    return request.param


def test_axe_finds_nothing_serious(server, open_page, view):
    page = open_page(server, view=view)
    page.get_by_role("heading", name="No pictures yet").wait_for()
    assert accessibility_faults(page) == []
    for seed in range(10):
        server.upload(png(seed, 60, 40))
    page.locator(".tile").nth(9).wait_for()
    page.wait_for_timeout(400)  # pictures fade in
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Filters").click()
    page.fill("#search", "dog")
    page.locator(".search-options").wait_for()
    page.get_by_role("checkbox", name="Only what fits").uncheck()
    page.locator(".tile-score").first.wait_for()
    page.wait_for_timeout(400)
    assert accessibility_faults(page) == []
    take_picture(page, f"search-{view}")
    page.get_by_role("button", name="Filters", exact=True).click()
    page.get_by_role("button", name="Select").click()
    page.locator(".tile input").first.check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Undo").wait_for()
    page.get_by_role("button", name="Add pictures").click()
    page.expected.append("415")
    page.get_by_label("Choose pictures").set_input_files(
        [{"name": "new.png", "mimeType": "image/png", "buffer": png(50)},
         {"name": "none.png", "mimeType": "image/png", "buffer": b"none"}])
    page.get_by_text("1 of 2 added, 1 failed").first.wait_for()
    page.locator("summary").first.click()
    page.wait_for_timeout(400)
    assert accessibility_faults(page) == []
    take_picture(page, f"upload-{view}")
    assert page.evaluate("() => innerWidth") == page.viewport_size["width"]  # a phone widens for what is wider


@pytest.fixture
def full_server(start_server, binary, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(PICTURES):
        (folder / f"{seed}.png").write_bytes(png(seed, *[(24, 16), (16, 24), (30, 12), (16, 16)][seed % 4]))
    subprocess.run([binary, "index", folder, "--data", tmp_path / "data"], check=True, timeout=300,
                   env=clean_environment(tmp_path), stdout=subprocess.DEVNULL)
    return start_server(data=tmp_path / "data")


WATCH_TASKS = """() => {
    window.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)))
        .observe({ type: "longtask" });
}"""
# Scrolls by a screen each frame to the end of what is there, as fast as a person can; more comes.
SCROLL = """async () => {
    let frames = 0, nodes = 0, seen = 0;
    for (let still = 0; still < 60; frames++) {
        const before = scrollY;
        scrollBy(0, innerHeight);
        await new Promise(requestAnimationFrame);
        nodes = Math.max(nodes, document.querySelectorAll("*").length);
        for (const node of document.querySelectorAll("[data-index]")) seen = Math.max(seen, Number(node.dataset.index));
        still = scrollY === before ? still + 1 : 0;
    }
    return { frames, nodes, seen };
}"""


def work_s(meter):
    """What the page's scripts, styles and layout have taken so far."""
    values = {value["name"]: value["value"] for value in meter.send("Performance.getMetrics")["metrics"]}
    return values["ScriptDuration"] + values["LayoutDuration"] + values["RecalcStyleDuration"]


def test_ten_thousand_pictures_scroll_smoothly(full_server, open_page):
    page = open_page(full_server)
    page.locator(".status", has_text="10,000 pictures").wait_for()
    page.evaluate(WATCH_TASKS)
    meter = page.context.new_cdp_session(page)
    meter.send("Performance.enable")
    before = work_s(meter)
    scrolled = page.evaluate(SCROLL)
    work_ms = (work_s(meter) - before) * 1000 / scrolled["frames"]
    assert scrolled["seen"] == PICTURES - 1
    assert scrolled["nodes"] < 1500, scrolled
    tasks = page.evaluate("() => tasks")
    # Less than a frame at 60 a second. Both also wait for others that use the machine.
    assert work_ms < 16, work_ms
    assert max(tasks, default=0) < 500, tasks
    page.locator(".tile a").last.focus()
    page.keyboard.press("Control+Home")
    assert page.evaluate("() => document.activeElement.closest('[data-index]').dataset.index") == "0"
    page.keyboard.press("Control+a")
    page.get_by_text("10,000 pictures selected").first.wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('.tile img')].some(image => image.naturalWidth > 0)")
    take_picture(page, "ten-thousand")
