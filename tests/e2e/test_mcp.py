"""The Model Context Protocol as its official Python client speaks it: on standard input and output,
with the data folder or with a server behind, and over HTTP; with the handshake, and without."""
import asyncio
import base64
import contextlib
import io
import json

import mcp
import pytest
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from PIL import Image
from pictures import png
from server_process import ROOT, clean_environment
from web_server import web_server


PICTURES = ROOT / "examples" / "pictures"
DOORS = ["stdio", "stdio-server", "http"]
MODES = ["legacy", "auto"]  # with the handshake; the newest revision both sides speak
TIMEOUT_S = 60


class Door:
    """A way in, with pictures behind it."""

    def __init__(self, kind, mode, binary, server, tmp_path, environment):
        self.kind, self.mode, self.server = kind, mode, server
        self.log_path = tmp_path / "mcp.log"
        arguments = ["mcp", "--data", str(tmp_path / "own"), "--log-level", "warning"]
        if kind == "stdio-server":
            arguments += ["--server", server.url + "/"]
        self.parameters = mcp.StdioServerParameters(command=binary, args=arguments,
                                                    env=environment)

    @contextlib.asynccontextmanager
    async def client(self, **options):
        with open(self.log_path, "a") as log:
            target = self.server.url + "/mcp" if self.kind == "http" else stdio_client(
                self.parameters, errlog=log)
            async with mcp.Client(target, mode=self.mode, **options) as client:
                yield client

    def use(self, act, **options):
        """What act(client) comes to."""
        async def run():
            async with self.client(**options) as client:
                return await act(client)

        return asyncio.run(asyncio.wait_for(run(), TIMEOUT_S))

    def call(self, tool, **arguments):
        return self.use(lambda client: client.call_tool(tool, arguments))


@pytest.fixture(params=[(kind, mode) for kind in DOORS for mode in MODES],
                ids=lambda pair: "-".join(pair))
def door(request, binary, start_server, tmp_path):
    kind, mode = request.param
    server = start_server() if kind != "stdio" else None
    return Door(kind, mode, binary, server, tmp_path, clean_environment(tmp_path))


def encoded(picture):
    return base64.b64encode(picture).decode()


def answered(result):
    """The structured answer, which the text repeats for clients that know no structure."""
    assert not result.is_error, result
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def refused(result):
    assert result.is_error and result.structured_content is None, result
    return result.content[0].text


async def keep(client, *pictures):
    return [answered(await client.call_tool("caption", {"data": encoded(picture), "store": True}))
            for picture in pictures]


def shown(content):
    """The sizes of the thumbnails."""
    sizes = []
    for part in content:
        if part.type == "image":
            assert part.mime_type == "image/jpeg"
            picture = Image.open(io.BytesIO(base64.b64decode(part.data)))
            assert picture.format == "JPEG"
            sizes.append(picture.size)
    return sizes


def test_the_server_says_what_it_is_and_has(door):
    async def look(client):
        tools = (await client.list_tools()).tools
        return client.protocol_version, client.server_info, client.server_capabilities, tools

    version, info, capabilities, tools = door.use(look)
    assert version == ("2025-11-25" if door.mode == "legacy" else "2026-07-28")
    assert info.name == "imgrouter" and info.version
    assert capabilities.tools is not None and capabilities.resources is not None
    assert capabilities.prompts is None
    assert [tool.name for tool in tools] == ["search", "similar", "caption", "describe"]
    for tool in tools:
        assert tool.annotations.read_only_hint is (tool.name != "caption")
        assert tool.output_schema["type"] == "object" and tool.description
        has_path = "path" in tool.input_schema["properties"]
        assert has_path == (door.kind != "http" and tool.name in ("similar", "caption"))


def test_pictures_are_kept_found_and_described(door):
    async def act(client):
        kept = await keep(client, png(1), png(2), png(3))
        found = await client.call_tool("search", {"query": "anything", "k": 2, "thumbnails": True})
        described = await client.call_tool(
            "describe", {"image_id": kept[0]["id"], "thumbnail": True})
        alike = await client.call_tool("similar", {"image_id": kept[1]["id"]})
        seen = await client.call_tool("similar", {"data": "data:image/png;base64,"
                                                  + encoded(png(2)), "k": 1})
        return kept, found, described, alike, seen

    kept, found, described, alike, seen = door.use(act)
    ids = {image["id"] for image in kept}
    assert len(ids) == 3 and all(image["is_stored"] and not image["was_known"] for image in kept)
    answer = answered(found)
    assert answer["query"] == "anything" and answer["has_more"]
    assert len(answer["results"]) == 2
    for result in answer["results"]:
        assert result["id"] in ids and result["uri"] == f"imgrouter://image/{result['id']}"
        assert result["caption"] and -1 <= result["score"] <= 1
    assert shown(found.content) == [(24, 16), (24, 16)]
    image = answered(described)
    assert image["id"] == kept[0]["id"] and image["caption"] == kept[0]["caption"]
    assert image["width"] == 24 and image["mime"] == "image/png" and image["tags"] == []
    assert set(image["duplicates"]) == {"same_bytes", "same_picture", "same_meaning"}
    assert shown(described.content) == [(24, 16)]
    for result in (alike, seen):
        best = answered(result)["results"][0]
        assert best["id"] == kept[1]["id"] and best["score"] > 0.99, answered(result)
    assert shown(alike.content) == []


def test_describe_tells_what_http_tells(door, start_server, tmp_path):
    image = answered(door.call("caption", data=encoded(png(7)), store=True))["id"]
    server = door.server or start_server(data=tmp_path / "own")
    server.client.patch(f"/images/{image}", json={"tags": ["garden"]})
    expected = server.client.get(f"/images/{image}").json()
    duplicates = server.client.get(f"/images/{image}/duplicates").json()
    if door.server is None:
        server.stop()  # the folder is one process's at a time
    told = answered(door.call("describe", image_id=image))
    assert told.pop("uri") == f"imgrouter://image/{image}"
    assert told.pop("duplicates") == duplicates["duplicates"]
    assert told == expected and told["tags"] == ["garden"]


def test_filters_and_bounds_hold(door):
    async def act(client):
        kept = await keep(client, png(1), png(2))
        return kept, [await client.call_tool("search", {"query": "x", **more}) for more in (
            {"filters": {"tags": ["nowhere"]}}, {"filters": {"origin": "mock"}},
            {"filters": {"from": "2001-01-01", "until": "2002-01-01"}},
            {"filters": {"words": ["zebra"]}}, {"min_score": 1},
            {"mode": "keyword"}, {"k": 1.0})]

    kept, results = door.use(act)
    counts = [len(answered(result)["results"]) for result in results]
    assert counts == [0, 2, 0, 0, 0, 0, 1]
    assert answered(results[0])["reason"]
    assert kept[0]["receipt"]["reason"] and "MOCK" in kept[0]["notice"]


def test_what_is_wrong_is_an_answer_the_model_can_read(door):
    many = [("search", {}, "query"), ("search", {"query": " "}, "empty"),
            ("search", {"query": "x", "limit": 3}, "limit"),
            ("search", {"query": "x", "k": 0}, "from 1 to 50"),
            ("search", {"query": "x", "k": 2.5}, "integer"),
            ("search", {"query": 3}, "string"),
            ("search", {"query": "x", "mode": "magic"}, "semantic, keyword, hybrid"),
            ("search", {"query": "x", "min_score": 0.5, "relevant_only": True}, "not both"),
            ("search", {"query": "x", "filters": {"from": "tomorrow"}}, "2026-01-31"),
            ("search", {"query": "x", "filters": {"words": ["..."]}}, "letter"),
            ("search", {"query": "x" * 2001}, "2000"),
            ("similar", {}, "exactly one way"),
            ("similar", {"image_id": "0" * 16, "data": "AAAA"}, "exactly one way"),
            ("similar", {"image_id": "0" * 16}, "0000"),
            ("similar", {"image_id": "../../etc"}, "16 hexadecimal"),
            ("similar", {"data": "?"}, "base64"), ("similar", {"data": "data:,x"}, "base64"),
            ("similar", {"data": encoded(b"no picture")}, "picture"),
            ("caption", {"data": " \n"}, "picture"), ("similar", {"data": "data:;base64,"}, "picture"),
            ("similar", {"url": "http://127.0.0.1/a.png"}, ""),
            ("caption", {}, "exactly one way"),
            ("caption", {"url": "file:///etc/passwd"}, ""),
            ("caption", {"data": encoded(png(1)), "store": "yes"}, "boolean"),
            ("describe", {"image_id": "f" * 16}, "ffff"), ("describe", {}, "image_id")]

    async def act(client):
        return [await client.call_tool(tool, arguments) for tool, arguments, _ in many]

    for (tool, arguments, words), result in zip(many, door.use(act), strict=True):
        assert words in refused(result), (tool, arguments, result)


def test_unknown_tools_and_resources_are_errors(door):
    async def act(client):
        codes = []
        for ask in (client.call_tool("delete", {}), client.read_resource("file:///etc/passwd"),
                    client.read_resource("imgrouter://image/" + "0" * 16),
                    client.list_resources(cursor="far")):
            with pytest.raises(MCPError) as problem:
                await ask
            codes.append(problem.value.error.code)
        return codes

    missing = -32002 if door.mode == "legacy" else -32602
    assert door.use(act) == [-32602, missing, missing, -32602]


def test_caption_keeps_nothing_unless_asked(door):
    async def act(client):
        first = answered(await client.call_tool("caption", {"data": encoded(png(5))}))
        listed = (await client.list_resources()).resources
        kept = answered(await client.call_tool(
            "caption", {"data": encoded(png(5)), "store": True, "quality": "fast"}))
        return first, listed, kept

    first, listed, kept = door.use(act)
    assert listed == []
    assert first["caption"] == kept["caption"] and first["model"] == kept["model"]
    assert first["receipt"]["reason"] and first["receipt"]["cost_usd"] == 0
    assert not first["is_stored"] and "id" not in first
    assert kept["is_stored"] and not kept["was_known"]


def test_pictures_are_resources(door):
    async def act(client):
        kept = await keep(client, *(png(seed) for seed in range(103)))
        page = await client.list_resources()
        rest = await client.list_resources(cursor=page.next_cursor)
        templates = (await client.list_resource_templates()).resource_templates
        return kept, page, rest, templates, await client.read_resource(kept[0]["uri"])

    kept, page, rest, templates, read = door.use(act)
    assert len(page.resources) == 100 and len(rest.resources) == 3 and rest.next_cursor is None
    assert {str(one.uri) for one in page.resources + rest.resources} \
        == {image["uri"] for image in kept}
    assert [template.uri_template for template in templates] == ["imgrouter://image/{id}"]
    thumbnail, facts = read.contents
    assert thumbnail.mime_type == "image/jpeg"
    assert Image.open(io.BytesIO(base64.b64decode(thumbnail.blob))).size == (24, 16)
    assert json.loads(facts.text)["id"] == kept[0]["id"]


def test_calls_run_beside_each_other(door):
    async def act(client):
        return await asyncio.gather(*(
            client.call_tool("caption", {"data": encoded(png(seed)), "store": True})
            for seed in range(40)))

    ids = [answered(result)["id"] for result in door.use(act)]
    assert len(set(ids)) == 40


def test_a_cancelled_call_leaves_the_others_alone(door):
    async def act(client):
        tasks = [asyncio.create_task(client.call_tool(
            "caption", {"data": encoded(png(seed, 2000, 1500)), "store": True}))
            for seed in range(4)]
        await asyncio.sleep(0.05)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return results, await client.call_tool("search", {"query": "x", "k": 1})

    results, later = door.use(act)
    assert isinstance(results[3], asyncio.CancelledError)
    assert all(answered(result)["is_stored"] for result in results[:3])
    assert len(answered(later)["results"]) == 1


def test_pictures_come_by_address(door, binary, start_server, tmp_path):
    with web_server() as web:
        url = web.add("/a.png", png(9), Content_Type="image/png")
        server = start_server(data=tmp_path / "private", IMGROUTER_URL_ALLOW_PRIVATE="true")
        open_door = Door(door.kind, door.mode, binary, server, tmp_path, clean_environment(
            tmp_path, IMGROUTER_URL_ALLOW_PRIVATE="true"))
        captioned = answered(open_door.call("caption", url=url, store=True))
        assert captioned["is_stored"]
        alike = answered(open_door.call("similar", url=url))
        assert [result["id"] for result in alike["results"]] == [captioned["id"]]
        if door.kind != "stdio":
            before = len(web.requests)
            assert refused(door.call("caption", url=url))
            assert len(web.requests) == before


def test_words_find_what_the_demo_models_see(binary, tmp_path):
    environment = clean_environment(tmp_path, USE_MOCK_MODELS="auto")
    door = Door("stdio", "auto", binary, None, tmp_path, environment)

    async def act(client):
        for name in ("boat-at-sea.png", "four-yellow-stars.jpg", "house-in-the-snow.jpg"):
            answered(await client.call_tool("caption", {"path": str(PICTURES / name),
                                                        "store": True}))
        seen = await client.call_tool("caption", {"path": str(PICTURES / "boat-at-sea.png")})
        found = await client.call_tool("search", {"query": "a boat at sea", "k": 3,
                                                  "relevant_only": True})
        far = await client.call_tool("search", {"query": "a boat at sea", "min_score": 0.99})
        return answered(seen), answered(found), answered(far)

    seen, found, far = door.use(act)
    assert "boat" in seen["caption"] and seen["confidence"] > 0
    assert "boat" in found["results"][0]["caption"]
    assert all(result["relevance"] >= 0.5 for result in found["results"])
    scores = [result["score"] for result in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert far["results"] == [] and far["reason"]
    assert "DEMO MODELS" in found["notice"]
