"""Thumbnails in the terminal: a grid of pictures with lines of caption below each.

Which protocol a terminal speaks is told from the environment that it sets. It is never asked: one
that does not answer would be waited for, and one that answers late would type into the shell.

    kitty    kitty, Ghostty       pictures laid over placeholder characters
    iterm    iTerm2, WezTerm, …   the JPEG itself, drawn at the cursor
    sixel    foot, mlterm, …      rows of six pixels, drawn at the cursor
    blocks   any other            half a character is a pixel

The library textual-image draws for kitty and in sixels; the others take a few lines.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retrieval.cli.output import printable
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Hit

Protocol = Literal["kitty", "iterm", "sixel", "blocks"]
PROTOCOLS: tuple[Protocol, ...] = ("kitty", "iterm", "sixel", "blocks")

CELLS = 24  # width of a picture; its height is at most half of that many lines
LINES = 9
GAP = 2
PIXELS = (10, 20)  # of a cell, where the terminal does not say
_ESC = "\x1b"


def picture_protocol(environment: Mapping[str, str] | None = None) -> Protocol | None:
    """The best protocol of the terminal that set this environment; None for a dumb one.

    Inside tmux and screen only characters get through.
    """
    env = os.environ if environment is None else environment
    term, program = env.get("TERM", ""), env.get("TERM_PROGRAM", "")
    if term in ("", "dumb", "linux"):
        return None
    if env.get("TMUX") or env.get("STY") or term.startswith(("screen", "tmux")):
        return "blocks"
    if env.get("KITTY_WINDOW_ID") or term in ("xterm-kitty", "xterm-ghostty"):
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty") or env.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    if term.startswith(("foot", "mlterm", "contour")) or "sixel" in term:
        return "sixel"
    return "blocks"


def wants_pictures(asked: str | None) -> Protocol | None:
    """Which protocol `--pictures[=PROTOCOL]` asks for; None for none.

    `asked` is None where the option is absent, "auto" for the terminal's best, a protocol, or
    "never". Without the option pictures are shown on a terminal only.
    """
    if asked in PROTOCOLS:
        return asked
    if asked == "never" or (asked is None and not _is_terminal()):
        return None
    return picture_protocol() or ("blocks" if asked else None)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def pictures_of(
    collection: Collection,
    hits: Sequence[Hit],
    protocol: Protocol,
    *,
    columns: int = 0,
) -> str:
    """A grid of the hits' thumbnails with a caption each, as text for stdout; "" if none is there.

    `columns` is the width of the terminal in characters, by default what it says. Photos whose
    thumbnail cannot be made, and documents, are left out.
    """
    width = columns or shutil.get_terminal_size().columns
    known = collection.reader.photos_by_id([hit.id for hit in hits if hit.kind == "photo"])
    shown = []
    for hit in hits:
        if hit.kind == "photo" and (photo := known.get(hit.id)):
            with suppress(RetrievalError):
                data = collection.thumbnail_data(photo)
                shown.append(Thumbnail(data, photo.width, photo.height, caption_of(hit)))
    return grid(shown, protocol, width) if shown else ""


def caption_of(hit: Hit) -> tuple[str, str]:
    """Two lines for people: rank, relevance, date and place; and the name of the file."""
    told = [f"{hit.rank}"]
    if hit.relevance is not None:
        told.append(f"{hit.relevance:.0%}")
    if hit.taken_at:
        told.append(hit.taken_at[:10])
    if hit.place:
        told.append(hit.place)
    more = f" (+{len(hit.folded)})" if hit.folded else ""
    return " ".join(told), os.path.basename(hit.path) + more


# --- the grid -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG of a photo whose sides are `width` and `height`, and lines to stand below it."""

    data: bytes
    width: int
    height: int
    caption: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A picture of `width` x `height` characters: as lines, or as one text drawn at the cursor."""

    width: int
    height: int
    lines: tuple[str, ...] = ()
    at_cursor: str = ""


def grid(pictures: Sequence[Thumbnail], protocol: Protocol, columns: int) -> str:
    """Pictures side by side in `columns` characters, with their captions."""
    across = max(1, (columns + GAP) // (CELLS + GAP))
    cells = max(1, min(CELLS, columns))
    with _quiet_library() as messages:
        drawn = [(_draw(each, protocol, cells), each.caption) for each in pictures]
    rows = [drawn[start : start + across] for start in range(0, len(drawn), across)]
    return messages.getvalue() + "\n".join(line for row in rows for line in _row(row, cells))


def _row(row: Sequence[tuple[_Drawn, tuple[str, ...]]], cells: int) -> Iterator[str]:
    height = max(picture.height for picture, _ in row)
    steps = [at * (cells + GAP) for at in range(len(row))]
    if any(picture.at_cursor for picture, _ in row):
        # Room first, since drawing at the bottom of a terminal scrolls; then back up to draw.
        overlay = "".join(
            f"{_ESC}7{_ESC}[{step}C{picture.at_cursor}{_ESC}8"
            if step
            else f"{_ESC}7{picture.at_cursor}{_ESC}8"
            for step, (picture, _) in zip(steps, row, strict=True)
        )
        yield "\n" * height + f"{_ESC}[{height}A{overlay}{_ESC}[{height}B"
    else:
        for line in range(height):
            parts = [_padded(picture, line, cells) for picture, _ in row]
            yield (" " * GAP).join(parts)
    for line in range(max(len(caption) for _, caption in row)):
        texts = [caption[line] if line < len(caption) else "" for _, caption in row]
        yield (" " * GAP).join(_fitted(text, cells) for text in texts).rstrip()
    yield ""


def _padded(picture: _Drawn, line: int, cells: int) -> str:
    if line >= picture.height:
        return " " * cells
    return picture.lines[line] + " " * (cells - picture.width)


def _fitted(text: str, cells: int) -> str:
    """A text of exactly so many cells, which is not so many characters in every script."""
    from rich.cells import cell_len, set_cell_size

    plain = printable(text)
    if cell_len(plain) > cells:
        plain = set_cell_size(plain, cells - 1) + "…"
    return set_cell_size(plain, cells)


# --- one picture ----------------------------------------------------------------------------


def _draw(picture: Thumbnail, protocol: Protocol, cells: int) -> _Drawn:
    width, height = _size(picture, cells)
    if protocol == "iterm":
        return _Drawn(width, height, at_cursor=_iterm(picture.data, width, height))
    if protocol == "blocks":
        return _Drawn(width, height, lines=_blocks(picture.data, width, height))
    from rich.console import Console
    from textual_image.renderable import SixelImage, TGPImage

    # Kitty finds a picture by the exact colour of its placeholders.
    console = Console(
        file=io.StringIO(), force_terminal=True, color_system="truecolor", width=width
    )
    source = io.BytesIO(picture.data)
    if protocol == "sixel":
        texts = (s.text for s in console.render(SixelImage(source, width, height)))
        drawn = next(text for text in texts if text.startswith(f"{_ESC}P"))
        return _Drawn(width, height, at_cursor=drawn)
    with console.capture() as captured:
        console.print(TGPImage(source, width, height), end="")
    return _Drawn(width, height, lines=tuple(captured.get().splitlines()[:height]))


def _blocks(data: bytes, width: int, height: int) -> tuple[str, ...]:
    """Half a character is a pixel: its upper half in one colour, what is behind it in another.

    Not textual-image's, which calls what Pillow 14 will not have any more.
    """
    from rich.color import Color, ColorSystem
    from rich.style import Style

    from retrieval.pictures import resized

    exact = os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
    system = ColorSystem.TRUECOLOR if exact else ColorSystem.EIGHT_BIT
    pixels = resized(data, width, 2 * height).tolist()
    return tuple(
        "".join(
            Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)).render(
                "▀", color_system=system
            )
            for upper, lower in zip(pixels[2 * line], pixels[2 * line + 1], strict=True)
        )
        for line in range(height)
    )


def _iterm(data: bytes, width: int, height: int) -> str:
    """iTerm2's inline image (iterm2.com/documentation-images.html)."""
    coded = base64.b64encode(data).decode()
    return (
        f"{_ESC}]1337;File=inline=1;size={len(data)};width={width};height={height};"
        f"preserveAspectRatio=1;doNotMoveCursor=1:{coded}\a"
    )


def _size(picture: Thumbnail, cells: int) -> tuple[int, int]:
    """How many characters a picture takes, as wide and high as fits into its place."""
    wide, high = _cell_pixels()
    scale = min(cells * wide / picture.width, LINES * high / picture.height)
    return (
        max(1, min(cells, round(picture.width * scale / wide))),
        max(1, min(LINES, round(picture.height * scale / high))),
    )


def _cell_pixels() -> tuple[int, int]:
    """Width and height of a character, as the terminal's driver knows them without being asked."""
    try:
        import fcntl
        import struct
        import termios

        answer = fcntl.ioctl(sys.__stdout__ or 1, termios.TIOCGWINSZ, bytes(8))
        rows, columns, width, height = struct.unpack("4H", answer)
    except (ImportError, OSError, ValueError):
        return PIXELS
    if not rows or not columns or width < columns or height < rows:
        return PIXELS
    return width // columns, height // rows


@contextmanager
def _quiet_library() -> Iterator[io.StringIO]:
    """Keep textual-image from asking the terminal, and collect what it would write to it.

    It asks when it is imported and for the size of a character, both only where sys.__stdout__ is a
    terminal, and sends kitty's pictures there by itself. The size it takes from variables, once.
    """
    before, collected = sys.__stdout__, io.StringIO()
    wide, high = _cell_pixels()
    told = {"TEXTUAL_CELL_WIDTH": str(wide), "TEXTUAL_CELL_HEIGHT": str(high)}
    kept = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    sys.__stdout__ = collected  # type: ignore[misc, assignment]
    try:
        yield collected
    finally:
        sys.__stdout__ = before  # type: ignore[misc]
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
