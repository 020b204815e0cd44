"""Tags that pictures are given by the search model: with the demo models on the pictures that ship."""
import pytest
from pictures import png
from server_process import ROOT

PICTURES = ROOT / "examples" / "pictures"
EXPECTED = {
    "boat-at-sea.png": {"sea", "boat"},
    "house-in-the-snow.jpg": {"house", "snow", "night"},
    "mountains-at-sunset.jpg": {"mountain", "sunset", "desert"},
    "red-circle.png": {"circle"},
    "star-left-of-triangle.jpg": {"star", "triangle"},
}


@pytest.fixture
def server(start_server):
    return start_server(USE_MOCK_MODELS="auto")


def upload(server, name):
    return server.upload((PICTURES / name).read_bytes())


def test_pictures_are_given_what_they_show(server):
    for name, expected in EXPECTED.items():
        image = upload(server, name)
        assert expected <= set(image["tags"]), name
        assert len(image["tags"]) <= 8 and image["tags_origin"] == "model"
        assert not {"circle", "boat", "house"} - expected & set(image["tags"]), name


def test_they_can_be_searched_for(server):
    images = {name: upload(server, name)["id"] for name in EXPECTED}
    found = server.client.get("/search", params={"q": "a picture", "tags": "snow"}).json()
    assert [result["id"] for result in found["results"]] == [images["house-in-the-snow.jpg"]]
    found = server.client.get("/search", params={"q": "triangle", "mode": "keyword"}).json()
    assert [result["id"] for result in found["results"]] == [images["star-left-of-triangle.jpg"]]


@pytest.mark.parametrize("tags", [["mine"], []])
def test_what_a_user_says_stays(start_server, server, tags):
    image = upload(server, "red-circle.png")
    changed = server.client.patch(f"/images/{image['id']}", json={"tags": tags}).json()
    assert (changed["tags"], changed["tags_origin"]) == (tags, "user")
    server.stop()
    # Other models describe it anew; its tags are the user's all the same.
    server = start_server(data=server.data, USE_MOCK_MODELS="true")
    assert upload(server, "red-circle.png")["tags"] == tags
    server.stop()
    server = start_server(data=server.data, USE_MOCK_MODELS="auto")
    again = upload(server, "red-circle.png")
    assert (again["tags"], again["tags_origin"]) == (tags, "user")


def test_another_model_gives_its_own(start_server):
    """What mocks were shown has no tags; the demo models then give some."""
    server = start_server()
    image = upload(server, "red-circle.png")
    assert (image["tags"], image["tags_origin"]) == ([], None)
    server.stop()
    server = start_server(data=server.data, USE_MOCK_MODELS="auto")
    image = upload(server, "red-circle.png")
    assert (image["tags"], image["tags_origin"]) == (["circle"], "model")


def test_an_own_list(start_server, tmp_path):
    (tmp_path / "labels").write_text("round = a circle\nbox = a square\n# star\n")
    server = start_server(USE_MOCK_MODELS="auto", IMGROUTER_TAGS=tmp_path / "labels")
    assert upload(server, "red-circle.png")["tags"] == ["round"]
    assert upload(server, "small-blue-square.png")["tags"] == ["box"]


def test_none_where_none_are_wanted(start_server):
    server = start_server(USE_MOCK_MODELS="auto", arguments=["--tags", "off"])
    assert upload(server, "red-circle.png")["tags"] == []


def test_a_bad_list_is_told_at_the_start(start_server, tmp_path):
    (tmp_path / "labels").write_text("dog\ncat, mouse\n")
    with pytest.raises(RuntimeError, match="line 2 of the tags in .*labels: a tag must be"):
        start_server(USE_MOCK_MODELS="auto", IMGROUTER_TAGS=tmp_path / "labels")
    with pytest.raises(RuntimeError, match="nowhere"):
        start_server(USE_MOCK_MODELS="auto", IMGROUTER_TAGS=tmp_path / "nowhere")


def test_mocks_need_no_list(start_server, tmp_path):
    assert start_server(IMGROUTER_TAGS=tmp_path / "nowhere").upload(png(1))["tags"] == []
