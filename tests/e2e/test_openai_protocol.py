"""OpenAI's own client, with nothing changed but the address: vectors, captions, models, errors."""
import base64
import threading
import time

import numpy
import pytest
from pictures import golden, png, png_that_claims
from protocol_models import (CAPTION_MODEL, PICTURES, SEARCH_MODEL, TEXTS, CommandLine,
                             assert_nothing_is_stored, assert_same)
from web_server import web_server

openai = pytest.importorskip("openai")


def data_uri(picture, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"


def client_of(server, **options):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, **options)


@pytest.fixture
def demo(start_server):
    return start_server(USE_MOCK_MODELS="auto", IMGROUTER_URL_ALLOW_PRIVATE="true")


@pytest.fixture
def client(demo):
    return client_of(demo)


@pytest.fixture
def command_line(binary, tmp_path):
    return CommandLine(binary, tmp_path)


def vectors_of(answer):
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return [item.embedding for item in answer.data]


def test_texts_have_the_vectors_of_the_command_line(demo, client, command_line):
    expected = command_line.text_vectors(*TEXTS)
    # The client asks for base64 when nothing is said, and reads it with numpy.
    answer = client.embeddings.create(model=SEARCH_MODEL, input=TEXTS)
    assert_same(vectors_of(answer), expected)
    assert answer.model.startswith(SEARCH_MODEL + "@")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 3 * len(TEXTS)
    floats = client.embeddings.create(model=SEARCH_MODEL, input=TEXTS, encoding_format="float")
    assert_same(vectors_of(floats), expected)
    one = client.embeddings.create(model=SEARCH_MODEL, input=TEXTS[0])
    assert_same(vectors_of(one), expected[:1])
    assert numpy.array_equal(numpy.float32(vectors_of(client.embeddings.create(
        model=SEARCH_MODEL, input=TEXTS[0], encoding_format="float"))),
        numpy.float32(vectors_of(one)))  # the digits of a float are all there
    assert_nothing_is_stored(demo.client)


def test_pictures_have_the_vectors_of_the_command_line(demo, client, command_line):
    expected = command_line.vectors(*PICTURES)
    uris = [data_uri(path.read_bytes()) for path in PICTURES]
    answer = client.embeddings.create(model=SEARCH_MODEL, input=uris,
                                      extra_body={"modality": "image"})
    assert_same(vectors_of(answer), expected)
    assert answer.usage.total_tokens == 0
    with web_server() as web:
        urls = [web.add(f"/{path.name}", path.read_bytes()) for path in PICTURES]
        answer = client.embeddings.create(model=SEARCH_MODEL, input=urls,
                                          extra_body={"modality": "image"})
    assert_same(vectors_of(answer), expected)
    mixed = client.embeddings.create(model=SEARCH_MODEL, input=[TEXTS[0], uris[0]])
    assert_same(vectors_of(mixed), command_line.text_vectors(TEXTS[0]) + expected[:1])
    infinity = demo.client.post("/embeddings", json={"modality": "image", "input": uris[0]}).json()
    assert_same([infinity["data"][0]["embedding"]], expected[:1])
    assert_nothing_is_stored(demo.client)


def ask(client, picture, model=CAPTION_MODEL, **options):
    return client.chat.completions.create(model=model, messages=[
        {"role": "system", "content": "You describe pictures."},
        {"role": "user", "content": [{"type": "text", "text": "What is in this picture?"},
                                     {"type": "image_url", "image_url": {"url": picture}}]}],
        **options)


def test_a_picture_in_a_chat_is_captioned(demo, client, command_line):
    expected = command_line.captions(*PICTURES)
    for path, caption in zip(PICTURES, expected, strict=True):
        answer = ask(client, data_uri(path.read_bytes(), "image/jpeg"))
        assert answer.choices[0].message.content == caption
        assert answer.choices[0].finish_reason == "stop"
        assert answer.model == CAPTION_MODEL
        assert answer.usage.completion_tokens > 1
        assert answer.imgrouter["receipt"]["reason"] == "no_provider"
        assert "DEMO MODELS" in answer.imgrouter["notice"]
    with web_server() as web:
        assert ask(client, web.add("/a.png", PICTURES[1].read_bytes())) \
            .choices[0].message.content == expected[1]
    assert_nothing_is_stored(demo.client)


def test_a_caption_is_streamed(client, command_line):
    [caption] = command_line.captions(PICTURES[0])
    picture = data_uri(PICTURES[0].read_bytes())
    chunks = list(ask(client, picture, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == caption
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    chunks = list(ask(client, picture, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 1


def test_captions_are_routed_as_uploads_are(start_server):
    """The provider `fake` stands for any: asked, paid for once, and in the receipt and the metrics."""
    server = start_server(CLOUD_PROVIDER="fake")
    client = client_of(server)
    first = ask(client, data_uri(png(1)), "mock", extra_body={"quality": "high"})
    assert first.imgrouter["origin"] == "cloud"
    assert first.imgrouter["receipt"]["reason"] == "quality_high"
    assert first.usage.completion_tokens == 0  # the provider's are in the cost
    again = ask(client, data_uri(png(1)), "mock", extra_body={"quality": "high"})
    assert again.imgrouter["receipt"]["cache_hit"]
    assert again.choices[0].message.content == first.choices[0].message.content
    assert ask(client, data_uri(png(1)), "mock", extra_body={"quality": "fast"}) \
        .imgrouter["origin"] == "mock"
    metrics = server.client.get("/metrics").text
    assert 'imgrouter_captions_total{reason="quality_high"} 2' in metrics
    assert_nothing_is_stored(server.client)


def test_models_are_listed(client):
    names = {model.id: model for model in client.models.list()}
    assert [name.split("@")[0] for name in names] == [CAPTION_MODEL, SEARCH_MODEL]
    assert all(model.owned_by == "imgrouter" and model.source == "demo" for model in names.values())
    assert client.models.retrieve(SEARCH_MODEL).id in names
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_mocks_say_so(server):
    client = client_of(server)
    assert {model.id for model in client.models.list()} == {"mock"}
    assert client.embeddings.create(model="mock", input="a cat").model == "mock"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="CLIP-ViT-B-32-laion2B-s34B-b79K", input="a cat")


def test_errors_are_those_of_the_client(client):
    with pytest.raises(openai.NotFoundError) as other:
        client.embeddings.create(model="text-embedding-3-small", input="a cat")
    assert other.value.code == "model_not_found" and other.value.param == "model"
    assert SEARCH_MODEL in other.value.message  # what is served here
    with pytest.raises(openai.BadRequestError) as cut:
        client.embeddings.create(model=SEARCH_MODEL, extra_body={"modality": "image"},
                                 input=[data_uri(png(1)), data_uri(png(2)[:60]), data_uri(b"text")])
    assert "input 1" in cut.value.message and cut.value.param == "input"
    with pytest.raises(openai.APIStatusError) as bomb:
        ask(client, data_uri(png_that_claims(60000, 60000)))
    assert bomb.value.status_code == 413 and bomb.value.code == "too_large"
    for words in ([1, 2], [[1, 2]]):  # token ids
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model=SEARCH_MODEL, input=words)
    with pytest.raises(openai.BadRequestError) as silent:
        client.chat.completions.create(model=CAPTION_MODEL,
                                       messages=[{"role": "user", "content": "hello"}])
    assert "picture" in silent.value.message
    with pytest.raises(openai.BadRequestError):
        ask(client, data_uri(png(1)), response_format={"type": "json_object"})


def test_private_addresses_are_not_fetched(start_server):
    client = client_of(start_server())
    with web_server() as web:
        url = web.add("/a.png", png(1))
        with pytest.raises(openai.BadRequestError) as refused:
            client.embeddings.create(model="mock", input=url, extra_body={"modality": "image"})
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="mock", messages=[{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": url}}]}])
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="mock", input="file:///etc/passwd",
                                     extra_body={"modality": "image"})
        assert "private" in refused.value.message and web.requests == []


def test_many_inputs_leave_the_queue_to_others(start_server):
    """Whatever waits in requests of many inputs, an upload finds a place in a queue of two."""
    server = start_server(USE_MOCK_MODELS="auto", IMGROUTER_QUEUE_CAPACITY=2, IMGROUTER_THREADS=1)
    picture = data_uri(golden("cmyk_plain.jpg"), "image/jpeg")
    ends = []

    def embed():
        client = client_of(server, timeout=120)
        client.embeddings.create(model=SEARCH_MODEL, input=[picture] * 64)
        ends.append(time.monotonic())

    threads = [threading.Thread(target=embed) for _ in range(3)]
    for thread in threads:
        thread.start()
    uploads = []
    while not ends and len(uploads) < 200:
        answer = server.client.post("/images", files={"file": ("a.png", png(len(uploads)))})
        uploads.append(answer.status_code)
    for thread in threads:
        thread.join()
    assert len(ends) == 3 and set(uploads) == {200}
