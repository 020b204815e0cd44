"""Search: parameters, shapes, order, odd queries."""
import pytest
from pictures import png


@pytest.fixture
def filled(client):
    client.ids = [client.post("/images", files={"file": (f"{n}.png", png(n))}).json()["id"]
                  for n in range(12)]
    return client


def test_nothing_stored_finds_nothing(client):
    answer = client.get("/search", params={"q": "anything"})
    assert answer.status_code == 200
    assert answer.json()["results"] == []


def test_ten_are_answered_by_default(filled):
    assert len(filled.get("/search", params={"q": "x"}).json()["results"]) == 10
    assert len(filled.get("/search", params={"q": "x", "k": 1000}).json()["results"]) == 12


def test_the_same_query_has_the_same_answer(filled):
    first = filled.get("/search", params={"q": "a boat"}).json()["results"]
    assert filled.get("/search", params={"q": "a boat"}).json()["results"] == first
    few = filled.get("/search", params={"q": "a boat", "k": 3}).json()["results"]
    assert few == first[:3]


@pytest.mark.parametrize("k", ["0", "-1", "1001", "x", "", "2.5", "99999999999999999999"])
def test_k_is_checked(client, k):
    answer = client.get("/search", params={"q": "x", "k": k})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "k"]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%20", "?k=3", "?q=-a", "?image_id=", "?mode=keyword"])
def test_a_subject_is_needed(client, query):
    assert client.get(f"/search{query}").status_code in (404, 422)


def test_bytes_that_are_no_text(client):
    assert client.get("/search?q=%ff%fe").status_code in (400, 422)


@pytest.mark.parametrize("query", ["🚗", "赤い車", "سيارة حمراء", "<end_of_text>", "a" * 2000,
                                   "'; DROP TABLE images; --", "100 %", "\"quoted\"", "a\tb", "&amp;"])
def test_odd_queries(filled, query):
    answer = filled.get("/search", params={"q": query})
    assert answer.status_code == 200, answer.text
    assert answer.json()["query"] == query
    assert len(answer.json()["results"]) == 10


def test_like_a_stored_image(filled):
    answer = filled.get("/search", params={"image_id": filled.ids[3], "k": 4})
    assert answer.status_code == 200
    assert answer.json()["image_id"] == filled.ids[3]
    assert answer.json()["results"]
    assert filled.get("/search", params={"image_id": "0123456789abcdef"}).status_code == 404


def test_like_a_picture_that_is_not_stored(filled):
    before = filled.get("/healthz").json()["store"]["images"]
    for options in ({"files": {"file": ("x.png", png(99))}},
                    {"content": png(99), "headers": {"Content-Type": "image/png"}}):
        answer = filled.post("/search", params={"k": 5}, **options)
        assert answer.status_code == 200, answer.text
        assert answer.json()["query"] is None
        assert len(answer.json()["results"]) == 5
    assert filled.get("/healthz").json()["store"]["images"] == before
    assert filled.post("/search", files={"file": ("x", b"no picture")}).status_code == 415
    assert filled.post("/search", files={"other": ("x", png(1))}).status_code == 422


def test_mock_models_say_so(filled):
    assert "MOCK MODELS" in filled.get("/search", params={"q": "x"}).json()["notice"]
    assert "MOCK MODELS" in filled.get("/healthz").json()["notice"]


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [result["id"] for result in answer.json()["results"]]


def test_pages_go_through_all_once(filled):
    whole = ids_of(filled.get("/search", params={"q": "a boat", "k": 1000}))
    seen, cursor = [], ""
    while cursor is not None:
        answer = filled.get("/search", params={"q": "a boat", "k": 5, "cursor": cursor})
        seen += ids_of(answer)
        cursor = answer.json()["next_cursor"]
    assert seen == whole
    cursor = filled.get("/search", params={"q": "a boat", "k": 5}).json()["next_cursor"]
    assert filled.get("/search", params={"q": "a car", "cursor": cursor}).status_code == 422


def test_filters_hold_before_anything_is_compared(filled):
    some = sorted(filled.ids[2:5])
    assert sorted(ids_of(filled.get("/search", params={"q": "x", "ids": ",".join(some)}))) == some
    created = sorted(filled.get(f"/images/{image_id}").json()["created_at"] for image_id in filled.ids)
    late = ids_of(filled.get("/search", params={"q": "x", "k": 100, "from": created[6]}))
    early = ids_of(filled.get("/search", params={"q": "x", "k": 100, "until": created[6]}))
    assert len(late) == 6 and sorted(late + early) == sorted(filled.ids)
    assert ids_of(filled.get("/search", params={"q": "x", "origin": "nobody"})) == []
    answer = filled.get("/search", params={"q": "x", "tags": "none"})
    assert answer.json()["results"] == [] and "filters" in answer.json()["reason"]


def test_exact_gives_the_same(filled):
    query = {"q": "a boat", "k": 12}
    assert ids_of(filled.get("/search", params=query | {"exact": "true"})) == ids_of(
        filled.get("/search", params=query))


def test_words_of_file_names_are_found(filled):
    answer = filled.get("/search", params={"q": "7", "mode": "keyword"})
    assert ids_of(answer) == [filled.ids[7]]
    assert -1 <= answer.json()["results"][0]["score"] <= 1
    assert len(ids_of(filled.get("/search", params={"q": "7", "mode": "hybrid"}))) == 10
