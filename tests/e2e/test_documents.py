"""The documents are true: their commands run and print what they say, their links lead somewhere.

A block marked `sh` is run, all of a document in one shell, from the top of the source tree; the block
marked `text` behind it is what it prints, with … for anything. A line that starts the server starts it on
a free port. A comment `<!-- not run: why -->` before a block leaves it out."""
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from server_process import ROOT, clean_environment

DOCUMENTS = sorted(path for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"),
                                     *ROOT.glob("clients/*/README.md"), ROOT / "CONTRIBUTING.md",
                                     ROOT / "ARCHITECTURE.md", ROOT / "SECURITY.md",
                                     ROOT / "models" / "demo" / "README.md"] if path.exists())
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
FENCE = re.compile(r"^(?P<mark>```+)(?P<language>\w*)\n(?P<text>.*?)^(?P=mark)$", re.M | re.S)
MARK = "-----end-of-block-----"
BEGINNING = """
set -eu
cd "$ROOT"
serve() {
    if [ -n "${SERVER:-}" ]; then kill "$SERVER"; wait "$SERVER" || return 1; fi
    "$@" --port "$PORT" >"$HOME/server.log" 2>&1 &
    SERVER=$!
    for _ in $(seq 300); do
        if curl -sf "http://127.0.0.1:$PORT/readyz" >"$HOME/ready"; then return 0; fi
        kill -0 "$SERVER" || break
        sleep 0.1
    done
    tail -3 "$HOME/server.log"
    return 1
}
trap 'if [ -n "${SERVER:-}" ]; then kill "$SERVER"; wait "$SERVER"; fi' EXIT
"""


def blocks_of(path):
    """(language, text, line) of every block that is to be run or compared."""
    document = path.read_text()
    for match in FENCE.finditer(document):
        before = document[:match.start()].rstrip("\n").rsplit("\n", 1)[-1]
        if not before.startswith("<!-- not run:"):
            yield match["language"], match["text"], document.count("\n", 0, match.start()) + 1


def script_of(blocks):
    lines = [BEGINNING]
    for language, text, line in blocks:
        if language != "sh":
            continue
        # `NAME=value build/imgrouter serve …` is a command in the foreground; here it is not.
        text = re.sub(r"^((?:\w+=\S+ )*)(build/imgrouter serve\b[^\n]*)$", r"\1serve \2", text, flags=re.M)
        lines += [text, f"echo; echo {MARK} {line}"]
    return "\n".join(lines)


def fits(expected, printed):
    pattern = ".*".join(re.escape(piece) for piece in expected.strip().replace("…\n…", "…").split("…"))
    return re.fullmatch(pattern, printed.strip(), re.S) is not None


def run(path, home, port, replacements=(), **settings):
    blocks = list(blocks_of(path))
    script = script_of(blocks)
    for text, other in replacements:
        assert text in script, f"{path.name} does not say {text} any more"
        script = script.replace(text, other)
    script = script.replace("127.0.0.1:8001", f"127.0.0.1:{port}")
    environment = clean_environment(home, **settings) | {"ROOT": str(ROOT), "PORT": str(port)}
    environment.pop("USE_MOCK_MODELS")
    done = subprocess.run(["bash", "-c", script], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    printed = dict(zip([line for language, _, line in blocks if language == "sh"],
                       re.split(rf"\n?{MARK} \d+\n", done.stdout)))
    compared = 0
    for (language, _, line), (next_language, expected, next_line) in zip(blocks, blocks[1:]):
        if language == "sh" and next_language == "text":
            assert fits(expected, printed[line]), f"{path.name}:{next_line} says otherwise:\n{printed[line]}"
            compared += 1
    return compared


@pytest.fixture
def home():
    # The path is short and not below pytest's folder: PostgreSQL's user has to get there.
    with tempfile.TemporaryDirectory(prefix="imgrouter-documents-") as folder:
        yield pathlib.Path(folder)


@pytest.fixture
def port():
    from postgres_server import free_port

    return free_port()


@pytest.fixture(autouse=True)
def build(binary):
    if pathlib.Path(binary).resolve() != ROOT / "build" / "imgrouter":
        pytest.skip("the documents' commands run build/imgrouter")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")


def test_the_tutorial(home, port):
    assert run(ROOT / "docs" / "tutorial.md", home, port) >= 12


def test_models(home, port):
    assert run(ROOT / "docs" / "models.md", home, port) == 1


def test_offline(home, port):
    assert run(ROOT / "docs" / "how-to" / "offline.md", home, port) == 2


def test_budget(home, port):
    assert run(ROOT / "docs" / "how-to" / "budget.md", home, port) == 2


def test_heic(home, port, binary):
    linked = subprocess.run(["ldd", binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    if "libheif" not in linked:
        pytest.skip("this build has no libheif")
    assert run(ROOT / "docs" / "how-to" / "heic.md", home, port) == 2


def test_mirrors(home, port):
    from fake_hub import FakeHub, Repository

    hub = FakeHub()
    hub.repositories["tests/tiny-model"] = Repository({"config.json": b"{}", "pytorch_model.bin": bytes(1000)})
    try:
        assert run(ROOT / "docs" / "how-to" / "mirrors.md", home, port,
                   [("https://hub.example.org", hub.address)]) == 2
    finally:
        hub.close()


def test_postgres(home, port):
    from postgres_server import pgserver_folder, start_pgserver

    if pgserver_folder() is None:
        pytest.skip("pgserver is not installed")
    folder = home / "postgres"
    folder.mkdir()
    home.chmod(0o755)
    server = start_pgserver(folder)
    try:
        server.query("CREATE DATABASE imgrouter")
        assert run(ROOT / "docs" / "how-to" / "postgres.md", home, port,
                   [("postgresql://imgrouter:secret@127.0.0.1:5432/imgrouter", server.url("imgrouter"))]) == 1
    finally:
        server.end()


def test_qdrant(home, port):
    fake_qdrant = pytest.importorskip("fake_qdrant", reason="qdrant-edge-py is not installed")
    if not fake_qdrant.DESCRIPTION.exists():
        pytest.skip(f"{fake_qdrant.DESCRIPTION} is not there")
    fake = fake_qdrant.FakeQdrant(home / "qdrant")
    try:
        assert run(ROOT / "docs" / "how-to" / "qdrant.md", home, port,
                   [("http://127.0.0.1:6333", fake.url)]) == 1
        assert not fake.complaints
    finally:
        fake.close()


def test_every_how_to_is_run():
    tried = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in HOW_TOS} <= tried


def anchors_of(path):
    """As GitHub makes them of headings."""
    anchors = set()
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.M):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = 0
        while (anchor if count == 0 else f"{anchor}-{count}") in anchors:
            count += 1
        anchors.add(anchor if count == 0 else f"{anchor}-{count}")
    return anchors


def links_of(path):
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text()))
    return re.findall(r"\[[^]]*\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for link in links_of(path):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{path.name}: {link}"
        assert target.is_relative_to(ROOT), f"{path.name}: {link} leads out of the source tree"
        if anchor:
            assert anchor in anchors_of(target), f"{path.name}: {link}"


def test_the_index_names_every_document():
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / link.partition("#")[0]).resolve() for link in links_of(index)}
    documents = {path for path in ROOT.glob("docs/**/*.md")
                 if path != index and path.parent.name != "adr"}
    assert documents <= named
