"""A result page in one HTML file: thumbnails inside, no script, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from retrieval.errors import RetrievalError
from retrieval.pictures import thumbnail_of_file

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Hit, Part, Photo, SearchResult

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
.grid {{ display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }}
figure {{ margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; display: flex; flex-direction: column; }}
figure a.shot {{ display: flex; height: 200px; align-items: center; justify-content: center;
  background: var(--line); color: var(--soft); text-decoration: none; }}
figure img {{ width: 100%; height: 100%; object-fit: cover; display: block; }}
figcaption {{ padding: 10px 12px; display: grid; gap: 2px; }}
.score {{ display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }}
.rank {{ color: var(--accent); font-weight: 600; }}
.path {{ color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }}
blockquote {{ margin: 0; padding: 4px 0; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def render_page(collection: Collection, results: Iterable[SearchResult]) -> str:
    """Write one page with a section for each search result."""
    found = list(results)
    title = f"retrieval: {found[0].query}" if found else "retrieval"
    body = "\n".join(_section(collection, result) for result in found)
    return _PAGE.format(title=_escape(title), body=body)


def _section(collection: Collection, result: SearchResult) -> str:
    asked = "".join(_part(part, first=index == 0) for index, part in enumerate(result.query.parts))
    photos = collection.reader.photos_by_id([h.id for h in result.hits if h.kind == "photo"])
    cards = "\n".join(
        _card(hit, _thumbnail(collection, photos[hit.id]) if hit.id in photos else _linked(hit))
        for hit in result.hits
    )
    note = (
        f"{len(result.hits)} best of {result.considered:,} {result.kind}, "
        f"{result.elapsed_ms:.0f} ms, encoder {result.encoder}. "
        "The score is the cosine: it orders these hits and says nothing across searches."
    )
    return (
        f'<section><div class="asked">{asked}</div><p class="note">{_escape(note)}</p>'
        f'<div class="grid">{cards}</div></section>'
    )


def _part(part: Part, *, first: bool) -> str:
    sign = "−" if part.weight < 0 else "" if first else "+"
    factor = "" if abs(part.weight) == 1 else f"{abs(part.weight):g} × "
    if part.kind == "text":
        return f"<h1>{sign} {factor}{_escape(part.value)}</h1>"
    try:
        shown = _data_image(thumbnail_of_file(part.value), part.value)
    except RetrievalError:
        shown = _escape(part.value)
    before = f"<h1>{sign} {factor}</h1>" if sign or factor else ""
    return f"{before}{shown}"


def _card(hit: Hit, shown: str) -> str:
    score = f'<span class="rank">{hit.rank}</span><span>{hit.score:.3f}</span>'
    more = f" and {len(hit.also)} more" if hit.also else ""
    place = f"{hit.path}:{hit.line}" if hit.kind == "document" else hit.path
    quoted = f"<blockquote>{_escape(hit.text)}</blockquote>" if hit.text else ""
    linked = hit.path if hit.kind == "photo" else hit.photo_path
    shot = f'<a class="shot" href="{_link(linked)}">{shown}</a>' if linked and shown else ""
    return (
        f'<figure>{shot}<figcaption><div class="score">{score}</div>{quoted}'
        f'<div class="path">{_escape(place)}{more}</div></figcaption></figure>'
    )


def _thumbnail(collection: Collection, photo: Photo) -> str:
    try:
        return _data_image(collection.thumbnail_data(photo), photo.paths[0])
    except RetrievalError:
        return "the file cannot be shown"


def _linked(hit: Hit) -> str:
    """The photo that a document names, where it can be shown."""
    if hit.photo_path is None:
        return ""
    try:
        return _data_image(thumbnail_of_file(hit.photo_path), hit.photo_path)
    except RetrievalError:
        return ""


def _data_image(data: bytes, name: str) -> str:
    encoded = base64.b64encode(data).decode()
    return f'<img src="data:image/jpeg;base64,{encoded}" alt="{_escape(Path(name).name)}">'


def _link(path: str) -> str:
    return "file://" + quote_from_bytes(os.fsencode(path))


def _escape(text: str) -> str:
    return html.escape(os.fsencode(text).decode("utf-8", "replace"))
