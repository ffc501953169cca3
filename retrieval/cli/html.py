"""A result page in one HTML file: thumbnails inside, no script, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from retrieval.cli.output import tell
from retrieval.errors import RetrievalError, StorageError
from retrieval.pictures import thumbnail_of_file
from retrieval.storage.disk import write_atomically

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Chip, Hit, Order, Part, Photo, SearchResult

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c1d1f; --soft: #6a6d73; --card: #fff; --page: #f4f4f2;
  --line: #e2e2de; --accent: #2f6f5e; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #ececea; --soft: #9b9ea4; --card: #232426;
  --page: #18191a; --line: #333538; --accent: #7cc4ae; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 1280px; padding: 32px 24px 64px; background: var(--page);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }}
section {{ margin-bottom: 48px; }}
h1 {{ margin: 0 0 4px; font-size: 24px; font-weight: 600; overflow-wrap: anywhere; }}
.note {{ margin: 0 0 20px; color: var(--soft); }}
.asked {{ display: flex; gap: 12px; align-items: center; flex-wrap: wrap; margin-bottom: 6px; }}
.asked img {{ height: 72px; border-radius: 6px; display: block; }}
.chips {{ display: flex; gap: 8px; flex-wrap: wrap; margin: 8px 0 10px; padding: 0; }}
.chips li {{ list-style: none; padding: 2px 10px; border: 1px solid var(--line); font-size: 13px;
  border-radius: 12px; background: var(--card); overflow-wrap: anywhere; }}
.chips .filter {{ border-color: var(--accent); color: var(--accent); }}
.grid {{ display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }}
.end {{ grid-column: 1 / -1; margin: 12px 0 0; padding-top: 10px; color: var(--soft);
  border-top: 2px solid var(--accent); }}
.end ~ figure {{ opacity: 0.6; }}
figure {{ margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; display: flex; flex-direction: column; }}
figure a.shot {{ display: flex; height: 200px; align-items: center; justify-content: center;
  background: var(--line); color: var(--soft); text-decoration: none; }}
figure img {{ width: 100%; height: 100%; object-fit: cover; display: block; }}
figcaption {{ padding: 10px 12px; display: grid; gap: 2px; }}
.score {{ display: flex; gap: 10px; font-variant-numeric: tabular-nums; }}
.score .number {{ margin-left: auto; color: var(--soft); }}
.rank {{ color: var(--accent); font-weight: 600; }}
.known, .path {{ color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }}
.known {{ color: var(--ink); }}
blockquote {{ margin: 0; padding: 4px 0; }}
.answer {{ margin: 10px 0 14px; font-size: 19px; line-height: 1.5; overflow-wrap: anywhere; }}
.answer a {{ color: var(--accent); text-decoration: none; font-variant-numeric: tabular-nums; }}
.status {{ display: inline-block; padding: 1px 10px; border-radius: 12px; font-size: 13px;
  border: 1px solid currentColor; color: var(--soft); }}
.status.grounded {{ color: var(--accent); }}
.struck {{ color: var(--soft); }}
h2 {{ font-size: 16px; font-weight: 600; margin: 28px 0 10px; }}
h2 + section h1 {{ font-size: 15px; font-weight: 400; }}
h2 + section .asked:has(+ .chips) {{ display: none; }}
figure:target {{ outline: 2px solid var(--accent); }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
END = "Below this line nothing is likely to match."
NOTHING = "Nothing is likely to match. These come closest."


def write_page(collection: Collection, results: Iterable[SearchResult], path: str) -> None:
    """Write the page of some search results to a file, a pipe or a device. Raises StorageError."""
    write_html(render_page(collection, results), path)


def write_html(page: str, path: str) -> None:
    """Write a page to a file, a pipe or a device. Raises StorageError."""
    try:
        data, target = page.encode("utf-8", "surrogateescape"), Path(path)
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or /dev/stdout
        else:
            write_atomically(target, data, mode=0o666)  # a page of the user: as umask says
    except OSError as exc:
        raise StorageError(f"{path} cannot be written: {exc.strerror}. Choose another.") from exc
    tell(f"wrote {path}")


def render_page(
    collection: Collection, results: Iterable[SearchResult], by: Order = "relevance"
) -> str:
    """One page with a section for each search result, whose hits are ordered `by`."""
    found = list(results)
    title = f"retrieval: {_title(found[0])}" if found else "retrieval"
    return page_of(title, "\n".join(section(collection, result, by) for result in found))


def page_of(title: str, body: str) -> str:
    """A whole page around a body that is HTML."""
    return _PAGE.format(title=escape(title), body=body)


def _title(result: SearchResult) -> str:
    return str(result.query) or ", ".join(chip.label for chip in result.query.chips)


def section(collection: Collection, result: SearchResult, by: Order = "relevance") -> str:
    """The part of a page that shows one search result."""
    named = [int(part.value) for part in result.query.parts if part.kind in ("photo", "like")]
    shown = [hit.id for hit in result.hits if hit.kind == "photo"]
    photos = collection.reader.photos_by_id([*named, *shown])
    cards = "".join(_cards(collection, result, photos, by))
    return (
        f"<section>{_asked(collection, result, photos)}{_chips(result.query.chips)}"
        f'<p class="note">{escape(_note(result))}</p><div class="grid">{cards}</div></section>'
    )


def _asked(collection: Collection, result: SearchResult, photos: dict[int, Photo]) -> str:
    """What was asked: words and pictures, and below them the photos that were marked."""
    parts = [part for part in result.query.parts if part.kind != "like"]
    shown = "".join(
        _part(collection, photos, part, first=index == 0) for index, part in enumerate(parts)
    )
    lines = [shown or f"<h1>{escape(_title(result))}</h1>"] if parts or result.query.chips else []
    for label, sign in (("marked right", 1), ("marked wrong", -1)):
        marks = [p for p in result.query.parts if p.kind == "like" and p.weight * sign > 0]
        pictures = "".join(_shown_part(collection, photos, part) for part in marks)
        lines += [f"<span>{label}</span>{pictures}"] * bool(marks)
    return "".join(f'<div class="asked">{line}</div>' for line in lines)


def _note(result: SearchResult) -> str:
    found = f"{len(result.hits)} shown of {result.considered:,} {result.kind}"
    if result.relevant is not None:
        found = f"{result.relevant:,} likely to match, {found}"
    folded = sum(len(hit.folded) for hit in result.hits)
    if folded:
        found += f", {folded:,} more like them folded away"
    note = f"{found}, {result.elapsed_ms:.0f} ms, encoder {result.encoder}. "
    if any(hit.relevance is not None for hit in result.hits):
        note += "Percentages say how likely a hit is to match. "
    return note + "The score is the cosine: it orders these hits and says nothing across searches."


def _chips(chips: Iterable[Chip]) -> str:
    """The plan: how each piece of the query was understood, and what was typed for it."""
    pieces = [
        f'<li class="{"filter" if chip.filter else "part"}" '
        f'title="{escape(f"typed: {chip.text}")}">{escape(chip.label)}</li>'
        for chip in chips
    ]
    return f'<ul class="chips">{"".join(pieces)}</ul>' if pieces else ""


def _part(collection: Collection, photos: dict[int, Photo], part: Part, *, first: bool) -> str:
    sign = "−" if part.weight < 0 else "" if first else "+"
    factor = "" if abs(part.weight) == 1 else f"{abs(part.weight):g} × "
    if part.kind in ("text", "box"):
        return f"<h1>{sign} {factor}{escape(part.value)}</h1>"
    before = f"<h1>{sign} {factor}</h1>" if sign or factor else ""
    return f"{before}{_shown_part(collection, photos, part)}"


def _shown_part(collection: Collection, photos: dict[int, Photo], part: Part) -> str:
    """A picture that is part of the query, or its name where it cannot be shown."""
    try:
        if part.kind == "image":
            return data_image(thumbnail_of_file(part.value), part.value)
        photo = photos[int(part.value)]
        return data_image(collection.thumbnail_data(photo), photo.paths[0])
    except (RetrievalError, KeyError, IndexError):
        return escape(f"{part.kind} {part.value}")


def _cards(
    collection: Collection, result: SearchResult, photos: dict[int, Photo], by: Order
) -> Iterator[str]:
    """The cards, and the line where relevance ends if it ends on this page."""
    relevant, drawn = result.relevant, False
    for hit in result.hits:
        if by == "relevance" and relevant is not None and hit.rank > relevant and not drawn:
            drawn = True
            yield f'<p class="end">{END if relevant else NOTHING}</p>'
        yield _card(hit, _shot(collection, hit, photos))


def _card(hit: Hit, shown: str) -> str:
    chance = "" if hit.relevance is None else f'<span class="chance">{hit.relevance:.0%}</span>'
    number = "–" if hit.score is None else f"{hit.score:.3f}"
    score = f'<span class="rank">{hit.rank}</span>{chance}<span class="number">{number}</span>'
    known = " · ".join(text for text in (_when(hit.taken_at), hit.place) if text)
    more = f" and {len(hit.also)} more" if hit.also else ""
    folded = f" · {len(hit.folded)} alike" if hit.folded else ""
    place = f"{hit.path}:{hit.line}" if hit.kind == "document" else hit.path
    quoted = f"<blockquote>{escape(hit.text)}</blockquote>" if hit.text else ""
    told = f'<div class="known">{escape(known)}{folded}</div>' if known or folded else ""
    linked = hit.path if hit.kind == "photo" else hit.photo_path
    shot = f'<a class="shot" href="{link(linked)}">{shown}</a>' if linked and shown else ""
    return (
        f'<figure>{shot}<figcaption><div class="score">{score}</div>{quoted}{told}'
        f'<div class="path">{escape(place)}{more}</div></figcaption></figure>'
    )


def _when(taken_at: str | None) -> str:
    """ "2021-04-03 17:20" of "2021-04-03T17:20:05"."""
    return taken_at.replace("T", " ")[:16] if taken_at else ""


def _shot(collection: Collection, hit: Hit, photos: dict[int, Photo]) -> str:
    if hit.kind != "photo" or hit.id not in photos:
        return _linked(hit)
    try:
        return data_image(collection.thumbnail_data(photos[hit.id]), photos[hit.id].paths[0])
    except (RetrievalError, IndexError):
        return "the file cannot be shown"


def _linked(hit: Hit) -> str:
    """The photo that a document names, where it can be shown."""
    if hit.photo_path is None:
        return ""
    try:
        return data_image(thumbnail_of_file(hit.photo_path), hit.photo_path)
    except RetrievalError:
        return ""


def data_image(data: bytes, name: str) -> str:
    """A JPEG inside the page."""
    encoded = base64.b64encode(data).decode()
    return f'<img src="data:image/jpeg;base64,{encoded}" alt="{escape(Path(name).name)}">'


def link(path: str) -> str:
    """The URL of a file."""
    return "file://" + quote_from_bytes(os.fsencode(path))


def escape(text: str) -> str:
    """A text, or a path, as HTML."""
    return html.escape(os.fsencode(text).decode("utf-8", "replace"))
