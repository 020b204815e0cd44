"""The page at /docs in a real browser. Needs Playwright and Debian's chromium; screenshots go to
the folder that IMGROUTER_SCREENSHOTS names."""
import os
import pathlib
import shutil

import pytest
from pictures import png
from server_process import wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        # Without a sandbox only because containers forbid it; the page is our own.
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark", "phone"])
def page(request, browser, server, tmp_path):
    is_phone = request.param == "phone"
    context = browser.new_context(
        color_scheme="dark" if request.param == "dark" else "light",
        viewport={"width": 360, "height": 740} if is_phone else {"width": 1100, "height": 900})
    page = context.new_page()
    page.faults = []
    page.hosts = set()
    page.on("console", lambda message: page.faults.append(message.text)
            if message.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("request", lambda sent: page.hosts.add(sent.url.split("/")[2]
                                                   if sent.url.startswith("http") else ""))
    page.goto(server.url + "/docs")
    page.wait_for_selector(".endpoint")
    yield page
    folder = pathlib.Path(os.environ.get("IMGROUTER_SCREENSHOTS", tmp_path))
    page.screenshot(path=str(folder / f"docs-{request.param}.png"), full_page=True)
    context.close()


def open_endpoint(page, name):
    endpoint = page.locator(f'[data-endpoint="{name}"]')
    endpoint.locator("summary").click()
    return endpoint


def send(endpoint):
    endpoint.locator('button[type="submit"]').click()
    endpoint.locator(".reply").wait_for()
    return endpoint.locator(".status").inner_text(), endpoint.locator(".body").inner_text()


def test_every_endpoint_is_listed(page, server):
    described = {f"{method.upper()} {path}"
                 for path, methods in server.client.get("/openapi.json").json()["paths"].items()
                 for method in methods}
    listed = page.eval_on_selector_all(
        ".endpoint", "nodes => nodes.map(node => node.dataset.endpoint)")
    assert set(listed) == described and len(listed) == len(described)
    page.fill("#filter", "thumb")
    assert page.locator(".endpoint:visible").count() == 1
    page.fill("#filter", "")


def test_endpoints_can_be_tried(page, server, tmp_path):
    status, body = send(open_endpoint(page, "GET /healthz"))
    assert status.startswith("200") and '"status": "ok"' in body

    picture = tmp_path / "picture.png"
    picture.write_bytes(png(1, 200, 120))
    upload = open_endpoint(page, "POST /images")
    upload.locator('input[type="file"]').set_input_files(str(picture))
    status, body = send(upload)
    assert status.startswith("200") and '"caption"' in body
    image = server.client.get("/images").json()["images"][0]["id"]

    content = open_endpoint(page, "GET /images/{id}/content")
    content.locator('input[name="id"]').fill(image)
    send(content)
    page.wait_for_function("() => [...document.querySelectorAll('.picture')].some("
                           "picture => picture.naturalWidth === 200)")

    missing = open_endpoint(page, "GET /images/{id}")
    missing.locator('input[name="id"]').fill("0123456789abcdef")
    status, body = send(missing)
    assert status.startswith("404") and '"detail"' in body
    assert page.locator(".status.bad").count() == 1

    # The browser itself reports the 404 that was asked for, and nothing else.
    assert [fault for fault in page.faults if "404" not in fault] == []
    assert {host for host in page.hosts if host} == {f"127.0.0.1:{server.port}"}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_events_are_shown_as_they_come(page, server):
    events = open_endpoint(page, "GET /events")
    assert send(events)[0].startswith("200")
    image = server.upload(png(5))["id"]
    body = events.locator(".body")
    page.wait_for_function("([node, id]) => node.textContent.includes(id)",
                           arg=[body.element_handle(), image])
    send(events)  # again: the former stream is left
    page.wait_for_function("([node, id]) => node.textContent.startsWith('retry') && !node.textContent.includes(id)",
                           arg=[body.element_handle(), image])
    assert page.faults == []


def test_every_endpoint_can_be_tried(page, server, tmp_path):
    """With what the fields need and no more, each answers well; so does each body form."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(2, 64, 48))
    image = server.upload(png(3, 64, 48))["id"]
    names = page.eval_on_selector_all(".endpoint", "nodes => nodes.map(node => node.dataset.endpoint)")
    job = server.client.post("/images?async=true", files={"file": ("a.png", png(4))}).json()["id"]
    wait_until(lambda: server.client.get(f"/jobs/{job}").json()["state"] == "done")
    values = {"q": "a picture", "caption": "mine", "tags": "one two", "model": "mock", "name": "app.js",
              "entries": '{"clip": {"visual": {"modelName": "mock"}}}'}
    skipped = {"url", "urls"}  # nothing can be fetched here
    for name in sorted(names, key=lambda name: name.startswith("DELETE")):
        endpoint = open_endpoint(page, name)
        choices = endpoint.locator("select").filter(has=page.locator('option[value*="/"]'))
        forms = choices.locator("option").all_inner_texts() if choices.count() else [None]
        for form in forms:
            if form is not None:
                choices.select_option(form)
            inputs = endpoint.locator(".fields input[name]")
            fields = {inputs.nth(i).get_attribute("name"): inputs.nth(i) for i in range(inputs.count())}
            if skipped & set(fields):
                continue
            for key, field in fields.items():
                if field.get_attribute("type") == "file":
                    field.set_input_files(str(picture))
                elif key == "id":
                    field.fill(job if "/jobs/" in name else image)
                elif key in values:
                    field.fill(values[key])
            status, _ = send(endpoint)
            assert status.split()[0] in ("200", "204"), (name, form, status)
            endpoint.locator(".reply").evaluate("node => { node.hidden = true; }")
