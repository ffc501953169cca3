"""Thumbnails in the terminal: what each protocol sends, how a grid lies; no terminal is asked."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from retrieval.cli import opening, pictures
from retrieval.cli.pictures import (
    CELLS,
    GAP,
    LINES,
    PROTOCOLS,
    Thumbnail,
    caption_of,
    grid,
    picture_protocol,
    pictures_of,
    wants_pictures,
)
from retrieval.errors import StorageError, UsageError
from retrieval.records import Hit
from tests.conftest import LONGEST_S, ROOT
from tests.pictures import encoded, paint

ESC = "\x1b"


@pytest.fixture(autouse=True)
def cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Characters of one size, whatever terminal the tests run in."""
    monkeypatch.setattr(pictures, "_cell_pixels", lambda: pictures.PIXELS)


def thumbnail(colour: str = "red", size: tuple[int, int] = (240, 180), *caption: str) -> Thumbnail:
    return Thumbnail(encoded(paint(colour, size), "JPEG"), *size, caption or (colour,))


def bare(text: str) -> str:
    """The text without colours."""
    return re.sub(rf"{ESC}\[[\d;]*m", "", text)


class TestProtocol:
    @pytest.mark.parametrize(
        ("environment", "protocol"),
        [
            ({}, None),
            ({"TERM": "dumb"}, None),
            ({"TERM": "xterm-256color"}, "blocks"),
            ({"TERM": "xterm-kitty"}, "kitty"),
            ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
            ({"TERM": "xterm-ghostty"}, "kitty"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
            ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
            ({"TERM": "foot"}, "sixel"),
            ({"TERM": "mlterm-256color"}, "sixel"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "blocks"),
            ({"TERM": "screen-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, "blocks"),
            ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, "blocks"),
        ],
    )
    def test_by_environment(self, environment: Mapping[str, str], protocol: str | None) -> None:
        assert picture_protocol(environment) == protocol

    def test_only_a_terminal_is_shown_pictures_unasked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "foot")
        monkeypatch.delenv("TMUX", raising=False)
        for asked, on_terminal, elsewhere in (
            (None, "sixel", None),
            ("auto", "sixel", "sixel"),
            ("never", None, None),
            ("kitty", "kitty", "kitty"),
        ):
            monkeypatch.setattr(pictures, "_is_terminal", lambda: True)
            assert wants_pictures(asked) == on_terminal
            monkeypatch.setattr(pictures, "_is_terminal", lambda: False)
            assert wants_pictures(asked) == elsewhere
        monkeypatch.setenv("TERM", "dumb")
        assert wants_pictures("auto") == "blocks"  # somebody insists
        assert wants_pictures(None) is None


class TestPayload:
    def test_blocks_have_the_picture_s_colours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLORTERM", "truecolor")
        image = Image.new("RGB", (240, 180), (0, 0, 255))
        image.paste((255, 0, 0), (0, 0, 240, 90))
        text = grid([Thumbnail(encoded(image, "PNG"), 240, 180, ("x",))], "blocks", 80)
        lines = text.split("\n")
        assert bare(lines[0]) == "▀" * CELLS
        assert set(re.findall(r"[34]8;2;(\d+;\d+;\d+)", lines[0])) == {"255;0;0"}
        assert set(re.findall(r"[34]8;2;(\d+;\d+;\d+)", lines[LINES - 1])) == {"0;0;255"}
        monkeypatch.setenv("COLORTERM", "")
        few = grid([Thumbnail(encoded(image, "PNG"), 240, 180, ("x",))], "blocks", 80)
        assert "8;5;" in few
        assert "8;2;" not in few

    def test_iterm_gets_the_file(self) -> None:
        one = thumbnail()
        text = grid([one], "iterm", 80)
        options, data = re.findall(rf"{ESC}\]1337;File=([^:]*):([^\a]*)\a", text)[0]
        assert base64.b64decode(data) == one.data
        assert f"inline=1;size={len(one.data)};width={CELLS};height={LINES}" in options

    def test_kitty_gets_a_png_and_placeholders(self) -> None:
        text = grid([thumbnail("green")], "kitty", 80)
        chunks = re.findall(rf"{ESC}_G([^;{ESC}]*)(?:;([^{ESC}]*))?{ESC}\\", text)
        image = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in chunks))))
        assert image.size == (CELLS * 10, LINES * 20)
        assert max(abs(a - b) for a, b in zip(image.getpixel((9, 9)), (0, 255, 0), strict=True)) < 4
        (placed,) = (options for options, _ in chunks if "a=p" in options)
        assert f"c={CELLS},r={LINES},U=1" in placed
        assert text.count("\U0010eeee") == CELLS * LINES
        # The colour of the placeholders names the picture, so it is sent whole.
        number = int(re.findall(r"i=(\d+)", placed)[0])
        red, green, blue = re.findall(r"38;2;(\d+);(\d+);(\d+)", text)[0]
        assert number & 0xFFFFFF == int(red) << 16 | int(green) << 8 | int(blue)

    def test_sixels_are_as_large_as_the_cells(self) -> None:
        text = grid([thumbnail("blue")], "sixel", 80)
        (body,) = re.findall(rf'{ESC}P0;0;0q"1;1;(\d+;\d+)#0;2;0;0;[\d]+', text)
        assert body == f"{CELLS * 10};{LINES * 20}"
        assert text.count(f"{ESC}\\") == 1

    @pytest.mark.parametrize("protocol", ["sixel", "iterm"])
    def test_what_is_drawn_at_the_cursor_leaves_it_where_text_goes_on(self, protocol: str) -> None:
        text = grid([thumbnail(), thumbnail("blue")], protocol, 80)  # type: ignore[arg-type]
        assert text.startswith("\n" * LINES + f"{ESC}[{LINES}A{ESC}7")
        assert f"{ESC}8{ESC}7{ESC}[{CELLS + GAP}C" in text
        after = text.rpartition(f"{ESC}8")[2]
        assert after.startswith(f"{ESC}[{LINES}B\nred ")


class TestGrid:
    def test_side_by_side(self) -> None:
        text = bare(grid([thumbnail("red", (100, 100))] * 5, "blocks", 80))
        lines = text.split("\n")
        captions = [at for at, line in enumerate(lines) if line.startswith("red")]
        assert [lines[at].split() for at in captions] == [["red"] * 3, ["red"] * 2]
        assert captions[0] == LINES  # a square is as high as there is room
        assert lines[captions[0] + 1] == ""

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    @pytest.mark.parametrize("columns", [1, 5, CELLS, 200])
    def test_any_width(self, protocol: str, columns: int) -> None:
        shapes = [(240, 180), (1, 3000), (3000, 1), (180, 240)]
        text = grid([thumbnail("red", s) for s in shapes], protocol, columns)  # type: ignore[arg-type]
        if protocol == "blocks":
            assert max(len(line) for line in bare(text).split("\n")) <= max(columns, 1)

    def test_captions_cannot_steer_the_terminal(self) -> None:
        name = f"{ESC}]0;x\a日本国京都府京都市左京区の写真"
        text = grid([thumbnail("red", (240, 180), name)], "blocks", 80)
        assert "\a" not in text
        assert bare(text).split("\n")[LINES].startswith(r"\x1b]0;x\x07日本")
        assert "…" in text

    def test_caption(self) -> None:
        hit = Hit(3, "photo", 7, 0.5, "/a/b.jpg", relevance=0.934, taken_at="2021-04-03T10:00:00")
        assert caption_of(hit) == ("3 93% 2021-04-03", "b.jpg")


class Fake:
    """A collection that has one photo whose thumbnail cannot be made, and knows no other."""

    class reader:
        @staticmethod
        def photos_by_id(ids: list[int]) -> dict[int, object]:
            return {}


def test_nothing_to_show_is_no_text() -> None:
    hits = [Hit(1, "photo", 7, 0.5, "/a/b.jpg"), Hit(2, "document", 7, 0.5, "/a/b.txt")]
    assert pictures_of(Fake(), hits, "blocks") == ""  # type: ignore[arg-type]


def test_no_terminal_is_ever_asked() -> None:
    """On a terminal that answers nothing: no question is sent, and nothing is waited for."""
    code = (
        "import base64, sys, time\n"
        "from retrieval.cli.pictures import Thumbnail, grid\n"
        "data = base64.b64decode(sys.argv[1])\n"
        "for protocol in ('blocks', 'sixel', 'kitty', 'iterm'):\n"
        "    sys.stdout.write(grid([Thumbnail(data, 24, 18, ('x',))], protocol, 80))\n"
        "print('DONE')\n"
    )
    data = base64.b64encode(encoded(paint("red", (24, 18)), "JPEG")).decode()
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, data],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(follower)
    shown, until = b"", time.monotonic() + 60
    while b"DONE" not in shown and time.monotonic() < until:
        if select.select([leader], [], [], 1)[0]:
            try:
                shown += os.read(leader, 65536)
            except OSError:
                break
    process.wait(LONGEST_S)
    os.close(leader)
    assert b"DONE" in shown, shown
    for question in (b"\x1b[c", b"\x1b[16t", b"a=q"):
        assert question not in shown


class TestOpening:
    @pytest.fixture
    def started(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        commands: list[list[str]] = []

        class Started:
            returncode: int | None = None

            def __init__(self, command: list[str], **options: object) -> None:
                assert "shell" not in options
                commands.append(command)

        monkeypatch.setattr(opening.subprocess, "Popen", Started)
        monkeypatch.setattr(opening.shutil, "which", lambda name: f"/bin/{name}")
        return commands

    @staticmethod
    def hits(folder: Path, count: int) -> list[Hit]:
        paths = [folder / f"-rf $(x) {at}.jpg" for at in range(count)]
        for path in paths:
            path.touch()
        return [Hit(at, "photo", at, 0.5, str(path)) for at, path in enumerate(paths, 1)]

    @pytest.mark.parametrize(("platform", "name"), [("linux", "xdg-open"), ("darwin", "open")])
    def test_with_the_desktop_s_viewer(
        self,
        started: list[list[str]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        platform: str,
        name: str,
    ) -> None:
        monkeypatch.setattr(opening.sys, "platform", platform)
        hits = self.hits(tmp_path, 3)
        assert opening.open_hits(hits, 2) == 2
        paths = [hit.path for hit in hits[:2]]
        one_each = [[f"/bin/{name}", path] for path in paths]
        assert started == (one_each if platform == "linux" else [[f"/bin/{name}", *paths]])

    def test_at_most_twenty(self, started: list[list[str]], tmp_path: Path) -> None:
        assert opening.open_hits(self.hits(tmp_path, 30), 100) == 20
        assert opening.open_hits([]) == 0

    def test_files_that_are_gone(self, started: list[list[str]], tmp_path: Path) -> None:
        hits = self.hits(tmp_path, 2)
        Path(hits[0].path).unlink()
        assert opening.open_hits(hits) == 1
        Path(hits[1].path).unlink()
        with pytest.raises(StorageError, match="not there any more"):
            opening.open_hits(hits)

    def test_without_a_viewer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(opening.shutil, "which", lambda name: None)
        with pytest.raises(UsageError, match="xdg-utils"):
            opening.open_hits(self.hits(tmp_path, 1))

    def test_a_viewer_that_cannot_be_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opening.shutil, "which", lambda name: str(tmp_path / "none"))
        with pytest.raises(StorageError, match="cannot be started"):
            opening.open_hits(self.hits(tmp_path, 1))
