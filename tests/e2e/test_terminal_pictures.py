"""Pictures and colours in terminals: commands run on pseudo-terminals that answer as terminals do, and what they draw is
decoded again."""
import base64
import io
import os
import re
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat
from pseudo_terminal import Terminal
from server_process import ROOT, clean_environment, wait_until

PICTURES = ROOT / "tests" / "golden" / "pictures"
SIDE = 200  # ten lines of 20 pixels
QUESTION = b"\x1b[c"
KITTY = re.compile(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\")
ITERM = re.compile(rb"\x1b\]1337;File=([^:]*):([A-Za-z0-9+/=]*)\x07")
SIXEL = re.compile(rb"\x1bP0;1q([^\x1b]*)\x1b\\")
TERMINALS = {
    "kitty": {"TERM": "xterm-kitty"},
    "kitty_by_window": {"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"},
    "ghostty": {"TERM": "xterm-ghostty"},
    "iterm": {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"},
    "iterm_remote": {"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"},
    "wezterm": {"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"},
}
PROTOCOLS = {"kitty": KITTY, "kitty_by_window": KITTY, "ghostty": KITTY, "iterm": ITERM, "iterm_remote": ITERM,
             "wezterm": ITERM}


def environment_of(home, **settings):
    environment = clean_environment(home)
    for name in ["NO_COLOR", "TMUX", "STY", "KITTY_WINDOW_ID", "TERM_PROGRAM", "LC_TERMINAL"]:
        environment.pop(name, None)
    environment.update({"TERM": "xterm-256color", **settings})
    return environment


@pytest.fixture
def wide(tmp_path):
    """A picture that is shown smaller; each of its corners looks different."""
    path = tmp_path / "wide.png"
    parts = [Image.linear_gradient("L").resize((600, 360)), Image.linear_gradient("L").rotate(90).resize((600, 360)),
             Image.radial_gradient("L").resize((600, 360))]
    Image.merge("RGB", parts).save(path)
    return path


@pytest.fixture
def on_terminal(binary, tmp_path):
    """Runs a command to its end; answers the question for device attributes with `answer`."""
    def on_terminal(*words, answer=None, cell=(10, 20), code=0, **settings):
        terminal = Terminal([binary, *map(str, words)], environment_of(tmp_path, **settings), cell=cell)
        try:
            is_answered = False

            def is_over():
                nonlocal is_answered
                is_ended = terminal.process.poll() is not None
                terminal.read(0.02)
                if answer is not None and not is_answered and QUESTION in terminal.output:
                    os.write(terminal.main, answer)
                    is_answered = True
                return is_ended
            wait_until(is_over)
            assert terminal.process.returncode == code, terminal.output
            assert termios.tcgetattr(terminal.side) == terminal.before
            return terminal.output
        finally:
            terminal.close()
    return on_terminal


def expected(path, side=SIDE):
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    longest = max(width, height)
    if longest <= side:
        return picture
    size = tuple(max(1, (length * side + longest // 2) // longest) for length in (width, height))
    return picture.resize(size, Image.Resampling.BICUBIC)


def kitty_pictures(output):
    pictures, keys, data = [], None, b""
    for control, chunk in KITTY.findall(output):
        fields = dict(field.split("=") for field in control.decode().split(","))
        assert len(chunk) <= 4096
        if keys is None:
            keys = fields
            assert (keys["a"], keys["f"], keys["q"]) == ("T", "24", "2")
        else:
            assert set(fields) == {"m"}
        data += chunk
        if fields["m"] == "0":
            size = int(keys["s"]), int(keys["v"])
            pictures.append(Image.frombytes("RGB", size, base64.b64decode(data, validate=True)))
            keys, data = None, b""
    assert keys is None
    return pictures


def iterm_pictures(output):
    pictures = []
    for control, data in ITERM.findall(output):
        fields = dict(field.split("=") for field in control.decode().split(";"))
        content = base64.b64decode(data, validate=True)
        picture = Image.open(io.BytesIO(content))
        assert int(fields["size"]) == len(content) and fields["inline"] == "1"
        assert (fields["width"], fields["height"]) == tuple(f"{length}px" for length in picture.size)
        pictures.append(picture.convert("RGB"))
    return pictures


def sixel_picture(text):
    """What a terminal would draw; every pixel must be drawn, and none twice."""
    raster = re.match(r'"1;1;(\d+);(\d+)', text)
    width, height = map(int, raster.groups())
    picture, drawn = Image.new("RGB", (width, height)), set()
    palette, colour, x, y = {}, None, 0, 0
    tokens = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])")
    at = raster.end()
    while at < len(text):
        token = tokens.match(text, at)
        assert token, text[at:at + 20]
        at = token.end()
        number, red, green, blue, chosen, count, run, single, move = token.groups()
        if number is not None:
            palette[int(number)] = tuple(round(int(part) * 2.55) for part in (red, green, blue))
        elif chosen is not None:
            colour = palette[int(chosen)]
        elif move is not None:
            x, y = 0, y + (6 if move == "-" else 0)
        else:
            for _ in range(int(count or 1)):
                for bit in range(6):
                    if (ord(run or single) - 63) >> bit & 1:
                        assert (x, y + bit) not in drawn
                        drawn.add((x, y + bit))
                        picture.putpixel((x, y + bit), colour)
                x += 1
    assert len(drawn) == width * height
    return picture


def sixel_pictures(output):
    return [sixel_picture(text.decode()) for text in SIXEL.findall(output)]


DECODERS = {KITTY: kitty_pictures, ITERM: iterm_pictures, SIXEL: sixel_pictures}


def difference(one, other):
    assert one.size == other.size
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def protocols_in(output):
    return [protocol for protocol in DECODERS if protocol.search(output)]


@pytest.mark.parametrize("name", TERMINALS)
def test_known_terminals_get_their_protocol_unasked(on_terminal, name, wide):
    output = on_terminal("caption", wide, **TERMINALS[name])
    assert protocols_in(output) == [PROTOCOLS[name]]
    assert QUESTION not in output
    picture, = DECODERS[PROTOCOLS[name]](output)
    assert difference(picture, expected(wide)) < (0.01 if PROTOCOLS[name] is KITTY else 4)


@pytest.mark.parametrize("answer", [b"\x1b[?62;4;22c", b"\x1b[?4c", b"keys\x1b[?1;2;4c"])
@pytest.mark.parametrize("name", ["wide.png", "banner.png", "gradient.png", "rings.jpg", "dot.png"])
def test_terminals_that_tell_of_sixels_get_them(on_terminal, answer, name, wide):
    path = wide if name == wide.name else PICTURES / name
    output = on_terminal("caption", path, answer=answer)
    assert protocols_in(output) == [SIXEL]
    picture, = sixel_pictures(output)
    # Dithered: right on the whole, not at each pixel. A single one and few rows have little to share the rest with.
    bound = {"dot.png": 26, "banner.png": 2.5}.get(name, 1.1)
    blur = ImageFilter.BoxBlur(4)
    assert difference(picture.filter(blur), expected(path).filter(blur)) < bound


@pytest.mark.parametrize("answer", [b"\x1b[?62;22c", b"\x1b[?64;14;44c", b"\x1b[?c", b"4c", b"\x1b[?62;4"])
def test_other_terminals_get_none(on_terminal, answer, wide):
    output = on_terminal("caption", wide, answer=answer)
    assert QUESTION in output and protocols_in(output) == []


def test_a_terminal_that_does_not_answer_is_not_waited_for_long(on_terminal, wide):
    started = time.monotonic()
    output = on_terminal("caption", wide)
    assert QUESTION in output and protocols_in(output) == []
    assert b"mock: a " in output
    assert time.monotonic() - started < 10


def test_a_dumb_terminal_is_not_even_asked(on_terminal, wide):
    output = on_terminal("caption", wide, TERM="dumb")
    assert b"\x1b" not in output


@pytest.mark.parametrize("multiplexer", [{"TMUX": "/tmp/tmux,1,0"}, {"STY": "1.tty"}, {"TERM": "screen-256color"},
                                         {"TERM": "tmux-256color"}], ids=lambda settings: list(settings.values())[0])
def test_within_a_multiplexer_only_its_own_answer_counts(on_terminal, multiplexer, wide):
    around = {"TERM_PROGRAM": "iTerm.app", "KITTY_WINDOW_ID": "1", **multiplexer}
    assert protocols_in(on_terminal("caption", wide, answer=b"\x1b[?1;2c", **around)) == []
    assert protocols_in(on_terminal("caption", wide, answer=b"\x1b[?1;2;4c", **around)) == [SIXEL]


def test_the_option_decides(on_terminal, wide):
    kitty = TERMINALS["kitty"]
    assert protocols_in(on_terminal("caption", "--pictures", "never", wide, **kitty)) == []
    assert protocols_in(on_terminal("caption", wide, IMGROUTER_PICTURES="never", **kitty)) == []
    assert protocols_in(on_terminal("caption", "--json", wide, **kitty)) == []
    always = on_terminal("caption", "--pictures", "always", wide)
    assert protocols_in(always) == [SIXEL] and QUESTION not in always
    assert protocols_in(on_terminal("caption", "--pictures", "always", wide, **kitty)) == [KITTY]


@pytest.mark.parametrize("choice", ["auto", "always"])
def test_never_into_a_pipe(binary, tmp_path, choice, wide):
    result = subprocess.run([binary, "caption", "--pictures", choice, wide], capture_output=True, timeout=60,
                            env=environment_of(tmp_path, **TERMINALS["kitty"]), stdin=subprocess.DEVNULL)
    assert result.returncode == 0
    assert result.stdout.startswith(bytes(wide)) and b"\x1b" not in result.stdout


@pytest.mark.parametrize("command", [["caption", "x.png"], ["search", "x"], ["images", "show", "0" * 16]])
def test_a_wrong_choice_is_told(binary, tmp_path, server, command):
    data = [] if command[0] == "caption" else ["--data", server.data]
    result = subprocess.run([binary, *command, *data, "--pictures", "some"], capture_output=True, text=True, timeout=60,
                            env=environment_of(tmp_path), stdin=subprocess.DEVNULL)
    assert result.returncode == 2
    assert '--pictures must be auto, always or never, not "some"' in result.stderr


def test_the_size_follows_the_lines_of_text(on_terminal, wide):
    kitty = TERMINALS["kitty"]
    for cell, side in [((12, 30), 300), ((0, 0), 200), ((2, 4), 80), ((40, 90), 480)]:
        picture, = kitty_pictures(on_terminal("caption", wide, cell=cell, **kitty))
        assert picture.size == expected(wide, side).size


@pytest.mark.parametrize("protocol, settings", [(KITTY, TERMINALS["kitty"]), (ITERM, TERMINALS["iterm"])],
                         ids=["kitty", "iterm"])
def test_search_and_show_show_what_they_found(on_terminal, server, protocol, settings, wide):
    paths = [wide, PICTURES / "shapes.png", PICTURES / "rings.jpg"]
    ids = {server.client.post("/images", files={"file": (path.name, path.read_bytes())}).json()["id"]: path
           for path in paths}
    data = ["--data", server.data]
    output = on_terminal("search", *data, "a", "dog", **settings)
    found = [ids[match.decode()] for match in re.findall(rb"\x1b\[2m([0-9a-f]{16})\x1b", output)]
    assert sorted(found) == sorted(paths)
    pictures = DECODERS[protocol](output)
    assert len(pictures) == len(found)
    for picture, path in zip(pictures, found):
        assert difference(picture, expected(path)) < 4
    for image_id, path in ids.items():
        output = on_terminal("images", "show", image_id, *data, **settings)
        picture, = DECODERS[protocol](output)
        assert difference(picture, expected(path)) < 4
    assert protocols_in(on_terminal("images", "list", *data, **settings)) == []


def test_a_picture_that_is_gone_is_told_beside_the_answer(on_terminal, server, wide):
    stored = server.client.post("/images", files={"file": ("a.png", wide.read_bytes())}).json()
    for file in Path(server.data, "pictures").glob("*/*"):
        file.unlink()
    output = on_terminal("images", "show", stored["id"], "--data", server.data, **TERMINALS["kitty"])
    assert stored["id"].encode() in output and protocols_in(output) == []
    assert b"a picture is not shown: " in output


def test_a_signal_while_the_terminal_is_asked_leaves_it_as_it_was(binary, tmp_path, wide):
    for _ in range(10):  # on a busy machine the half second of asking may be over first
        terminal = Terminal([binary, "caption", str(wide)], environment_of(tmp_path))
        try:
            terminal.wait_for(QUESTION)
            terminal.process.send_signal(signal.SIGINT)
            code = terminal.process.wait(30)
            assert termios.tcgetattr(terminal.side) == terminal.before
        finally:
            terminal.close()
        if code == -signal.SIGINT:
            return
        assert code == 0
    pytest.fail("no signal came while the terminal was asked")


def test_colours_are_for_terminals_that_want_them(on_terminal, server, wide):
    stored = server.client.post("/images", files={"file": ("a.png", wide.read_bytes())}).json()
    faint_id = f"\x1b[2m{stored['id']}\x1b[0m".encode()
    search = ["search", "--pictures", "never", "--data", server.data, "a", "dog"]
    show = ["images", "show", "--pictures", "never", "--data", server.data, stored["id"]]
    assert re.search(rb"\x1b\[1m-?[01]\.\d{3}\x1b\[0m", on_terminal(*search))
    for command in [search, show]:
        assert faint_id in on_terminal(*command)
        assert b"\x1b" not in on_terminal(*command, NO_COLOR="1")
        assert b"\x1b" not in on_terminal(*command, TERM="dumb")
        assert faint_id in on_terminal(*command, NO_COLOR="")


def test_names_do_not_steer_the_terminal(on_terminal, tmp_path, wide):
    evil = tmp_path / "a\x1b[31m\x9bb\n.png"
    evil.write_bytes(wide.read_bytes())
    output = on_terminal("caption", "--pictures", "never", evil, NO_COLOR="1")
    assert b"a?[31m?b?.png: " in output


def test_index_marks_failures(on_terminal, tmp_path, wide):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.png").write_bytes(wide.read_bytes())
    (folder / "bad.png").write_bytes(wide.read_bytes()[:200])
    output = on_terminal("index", "--data", tmp_path / "data", folder, code=1)
    assert b"\x1b[31m1 failed\x1b[0m" in output
    assert re.search(rb"\x1b\[31m[^\x1b]*bad\.png\x1b\[0m: ", output)
    listed = on_terminal("index", "--data", tmp_path / "data", "--failed", NO_COLOR="1")
    assert b"bad.png: " in listed and b"\x1b[31m" not in listed
