"""An answer as one HTML file: the text, the photos that it cites, what else was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.answerers.citing import numbers_in
from retrieval.cli.answers import basis, first_cited, shortened
from retrieval.cli.html import data_image, escape, link, page_of, section, write_html
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Answer, Evidence

SHOWN = 24  # cited photos


def write_answer(collection: Collection, answer: Answer, path: str) -> None:
    """Write the page of an answer to a file, a pipe or a device. Raises StorageError."""
    write_html(render_answer(collection, answer), path)


def render_answer(collection: Collection, answer: Answer) -> str:
    """One page: the answer, its citations as links to the photos below, then all that was found."""
    cited = {citation.n for citation in answer.citations}
    shown = set(first_cited(answer, SHOWN))
    pieces = [piece for piece in answer.evidence if piece.n in shown]
    struck = "".join(
        f'<p class="struck"><s>{escape(each.claim)}</s> {escape(each.reason)}</p>'
        for each in answer.struck
    )
    cards = "".join(_card(collection, piece) for piece in pieces)
    left = len(cited) - len(shown)
    more = f'<p class="note">and {left:,} more</p>' if left else ""
    sources = f'<h2>Cited photos</h2><div class="grid">{cards}</div>{more}' if cards else ""
    body = (
        f"<section><h1>{escape(answer.question)}</h1>"
        f'<p class="answer">{_linked(answer.text, shown)}</p>'
        f'<p class="note"><span class="status {escape(answer.status)}">{escape(answer.status)}'
        f"</span> {escape(basis(answer))}</p>{struck}{sources}</section>"
        f"<h2>What was found</h2>{section(collection, answer.result)}"
    )
    return page_of(f"retrieval: {answer.question}", body)


def _linked(text: str, shown: set[int]) -> str:
    """The text with each citation as links to the cards of its photos."""
    parts, place = [], 0
    for start, end, numbers in numbers_in(text):
        target = next((n for n in numbers if n in shown), None)
        marker = escape(shortened(text[start:end]))
        parts.append(escape(text[place:start]))
        full = escape(text[start:end])
        link_ = f'<a href="#photo-{target}" title="{full}">{marker}</a>'
        parts.append(marker if target is None else link_)
        place = end
    return "".join([*parts, escape(text[place:])])


def _card(collection: Collection, piece: Evidence) -> str:
    when = (piece.facts.taken_at or "").replace("T", " ")[:16]
    known = " · ".join(text for text in (when, piece.place, piece.camera) if text)
    return (
        f'<figure id="photo-{piece.n}"><a class="shot" href="{link(piece.path)}">'
        f"{_shot(collection, piece)}</a><figcaption>"
        f'<div class="score"><span class="rank">[{piece.n}]</span></div>'
        f'<div class="known">{escape(known)}</div><div class="path">{escape(piece.path)}</div>'
        "</figcaption></figure>"
    )


def _shot(collection: Collection, piece: Evidence) -> str:
    photo = collection.reader.photos_by_id([piece.photo_id]).get(piece.photo_id)
    try:
        return data_image(collection.thumbnail_data(photo), piece.path) if photo else ""
    except RetrievalError:
        return "the file cannot be shown"
