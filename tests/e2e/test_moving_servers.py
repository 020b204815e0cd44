"""The way around all stores: SQLite, PostgreSQL, Qdrant and SQLite again, which is then the same
server it was."""
import pathlib
import tempfile

import pytest

from test_moving import (EXAMPLES, answer_of, assert_same_server, filled,  # noqa: F401
                         make_export, run)

postgres_server = pytest.importorskip("postgres_server")
fake_qdrant = pytest.importorskip("fake_qdrant", reason="qdrant-edge-py is not installed")
if not fake_qdrant.DESCRIPTION.exists():
    pytest.skip(f"{fake_qdrant.DESCRIPTION} is not there", allow_module_level=True)

KEY = "sesame-4a1f"


@pytest.fixture(scope="module")
def postgres():
    # Not below pytest's own folder: other users may not look into that.
    with tempfile.TemporaryDirectory(prefix="imgrouter-postgres-") as folder:
        server = postgres_server.start_pgserver(pathlib.Path(folder))
        yield server
        server.end()


@pytest.fixture
def qdrant(tmp_path):
    server = fake_qdrant.FakeQdrant(tmp_path / "qdrant", api_key=KEY)
    yield server
    server.close()
    assert not server.complaints


@pytest.fixture
def places(request, postgres, qdrant):
    name = f"moving_{abs(hash(request.node.name))}"
    postgres.query(f"CREATE DATABASE {name}")
    return {"DATABASE_URL": postgres.url(name), "QDRANT_URL": qdrant.url, "QDRANT_API_KEY": KEY}


def move(run, stores, data, places):
    """Along the stores; returns the summaries."""
    return [answer_of(run("migrate", "--from", source, "--to", target, "--data", data, "--json",
                          **places))
            for source, target in zip(stores, stores[1:])]


def test_around_all_stores(run, start_server, filled, places, tmp_path):
    last = f"sqlite:{tmp_path / 'last'}"
    there, across, back = move(run, [f"sqlite:{filled['data']}", "pgvector", "qdrant", last],
                               filled["data"], places)
    for summary in (there, across, back):
        assert summary["verified"] and summary["only_in_target"] == 0
        assert summary["copied"] == summary["images"] == len(EXAMPLES)
    assert there["pictures"] is None and across["pictures"] is None
    assert back["pictures"]["copied"] == len(EXAMPLES)
    assert there["checksum"] == there["target_checksum"] == across["checksum"]
    assert back["checksum"] == back["target_checksum"]  # whatever Qdrant rounded
    again = move(run, [f"sqlite:{filled['data']}", "pgvector", "qdrant", last], filled["data"],
                 places)
    assert all(summary["already_there"] == len(EXAMPLES) for summary in again)
    server = start_server(data=tmp_path / "last", arguments=["--mock", "auto"])
    listing = server.client.get("/images", params={"limit": 100}).json()["images"]
    assert listing == filled["listing"]
    server.stop()


def test_many_images_with_tags(run, places, tmp_path):
    make_export(tmp_path / "export", 1500, 32)
    data = tmp_path / "data"
    answer_of(run("import", tmp_path / "export", "--data", data, "--json", "--vector-backend",
                  "qdrant", **places))
    summaries = [answer_of(run("migrate", "--from", source, "--to", target, "--data", data,
                               "--json", **places))
                 for source, target in (("qdrant", "pgvector"), ("pgvector", "sqlite"))]
    assert [summary["copied"] for summary in summaries] == [1500, 1500]
    assert all(summary["verified"] for summary in summaries)
    for backend in ("sqlite", "pgvector", "qdrant"):
        exported = answer_of(run("export", tmp_path / f"of-{backend}", "--data", data, "--json",
                                 "--vector-backend", backend, **places))
        assert exported["images"] == 1500 and exported["vectors"][0]["count"] == 1500
    lines = [(tmp_path / f"of-{backend}" / "images.jsonl").read_text()
             for backend in ("sqlite", "pgvector", "qdrant")]
    assert lines[0] == lines[1] == lines[2]


def test_an_address_is_never_printed(run, places, tmp_path):
    secret = "postgresql://somebody:hunter2@127.0.0.1:9/none"
    result = run("migrate", "--from", f"pgvector:{secret}", "--to", f"sqlite:{tmp_path / 'a'}")
    assert result.returncode == 1 and "hunter2" not in result.stdout + result.stderr
    result = run("migrate", "--from", "pgvector", "--to", f"pgvector:{places['DATABASE_URL']}",
                 **places)
    assert result.returncode == 2 and "the same store" in result.stderr


def test_the_original_services_images_move_too(run, start_server, postgres, places, tmp_path):
    vector = "[" + ",".join(["0.0441941738"] * 512) + "]"  # unit length
    ids = [f"{number:016x}" for number in range(300)]
    rows = [f"('{image}', 'a dog', 0.9, 'local', '{vector}',"
            " '{\"src\": {\"source\": \"upload\", \"filename\": \"dog.png\"}}')" for image in ids]
    postgres.query(
        "CREATE EXTENSION vector;"
        "CREATE TABLE images (id varchar(64) PRIMARY KEY, caption text,"
        " caption_confidence double precision, caption_origin varchar(16),"
        " embed_vector vector(512), payload json NOT NULL);"
        "INSERT INTO images (id, caption, caption_confidence, caption_origin, embed_vector, payload)"
        f" VALUES {', '.join(rows)};", places["DATABASE_URL"].rsplit("/", 1)[1])
    start_server(VECTOR_BACKEND="pgvector", **places).stop()
    summary = answer_of(run("migrate", "--from", "pgvector", "--to", f"sqlite:{tmp_path / 'to'}",
                            "--data", tmp_path / "data", "--json", **places))
    assert summary["verified"] and summary["copied"] == len(ids)
    assert summary["pictures"] == {"copied": 0, "already_there": 0, "lost": 0}
    answer_of(run("export", tmp_path / "export", "--data", tmp_path / "to", "--json"))
    summary = answer_of(run("import", tmp_path / "export", "--data", tmp_path / "again", "--json"))
    assert summary["verified"] and summary["copied"] == len(ids)
