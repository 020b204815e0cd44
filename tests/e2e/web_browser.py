"""Debian's Chromium, driven by Playwright: pages that remember what went wrong in them, and pictures of
them, which go to build/test-artefacts or the folder that IMGROUTER_SCREENSHOTS names."""
import os
import pathlib
import shutil

import pytest
from server_process import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed", allow_module_level=True)

VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 860}},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True,
              "device_scale_factor": 2},
}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        # Without a sandbox only because containers forbid it; the page is our own.
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """open_page(server, "#/", view="phone") -> a page. What it must not do is checked at the end: errors
    of scripts, refused scripts or styles, other hosts. `page.expected` lists parts of console errors
    that a test asks for."""
    pages = []

    def open_page(server, address="#/", view="light", **options):
        context = browser.new_context(**VIEWS[view] | options)
        page = context.new_page()
        page.faults, page.hosts, page.expected = [], set(), []
        page.on("console", lambda message: page.faults.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("request", lambda sent: page.hosts.add(sent.url.split("/")[2]
                                                       if sent.url.startswith("http") else ""))
        page.set_default_timeout(15_000)
        page.server = server
        page.goto(f"{server.url}/{address}")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    for page in pages:
        unexpected = [fault for fault in page.faults
                      if not any(part in fault for part in page.expected)]
        assert unexpected == [], unexpected
        assert page.hosts - {""} == {f"127.0.0.1:{page.server.port}"}


def take_picture(page, name):
    folder = pathlib.Path(os.environ.get("IMGROUTER_SCREENSHOTS", ROOT / "build" / "test-artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{name}.png"))


def drop(page, selector, files):
    """Files, as {name: (type, bytes)}, dragged from outside and let go over what the selector names; the
    page shows that only while something is dragged."""
    listed = [[name, kind, list(content)] for name, (kind, content) in files.items()]
    page.evaluate("""([selector, listed]) => {
        const transfer = new DataTransfer();
        for (const [name, type, bytes] of listed)
            transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
        const fire = (node, event) => node.dispatchEvent(
            new DragEvent(event, { bubbles: true, cancelable: true, dataTransfer: transfer }));
        fire(document.body, "dragover");
        const target = document.querySelector(selector);
        if (target.checkVisibility()) { fire(target, "dragover"); fire(target, "drop"); }
    }""", [selector, listed])


def paste(page, selector, files=None, text=""):
    listed = [[name, kind, list(content)] for name, (kind, content) in (files or {}).items()]
    page.evaluate("""([selector, listed, text]) => {
        const transfer = new DataTransfer();
        for (const [name, type, bytes] of listed)
            transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
        if (text) transfer.setData("text/plain", text);
        document.querySelector(selector).dispatchEvent(
            new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer }));
    }""", [selector, listed, text])


def accessibility_faults(page):
    """What axe finds serious or critical, a line each."""
    carrier = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    page.evaluate((pathlib.Path(carrier.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("() => axe.run().then((results) => results.violations)")
    return [f"{fault['id']}: {node['target']} {node['failureSummary']}"
            for fault in found if fault["impact"] in ("serious", "critical") for node in fault["nodes"]]
