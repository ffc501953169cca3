"""Fit and measure whether there is a photo of what is asked for (answering.confidence.presence).

Three sorts of texts are asked for, as "Is there a photo of …?": captions of photos that are in an
album (there), captions of photos that are not (others; many fit a photo that is there as well, so
not every yes is wrong), and two things that captions of the album name, but none of one photo
(combined: "a zebra in a kitchen").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albums.asking import LEAST_WORDS, WAYS
from retrieval import Collection
from retrieval.answering import ask
from retrieval.answering.checking.words import content_of, stems_of
from retrieval.answering.confidence import GROUNDED, Seen, seen
from retrieval.answering.together import things_in
from retrieval.records import Status

SORTS = ("there", "others", "combined")
EACH = 150  # texts of others, and combined


@dataclass(frozen=True)
class Answered:
    """How a text was answered, and what is known of the best photo; None where none matched."""

    sort: str
    status: Status
    known: Seen | None


def captions_of(folder: Path) -> dict[str, list[str]]:
    """The captions of the photos that splits in a folder hold out, by the path of the photo."""
    captions: dict[str, list[str]] = {}
    for path in sorted(folder.glob("split-*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            held = [str(each) for each in stored["held_paths"]]
            told: dict[str, list[str]] = {each: [] for each in held}
            owners = stored["caption_owner"].tolist()
            for text, owner in zip(stored["caption_texts"].tolist(), owners, strict=True):
                told[held[owner]].append(text)
        captions |= told
    return captions


def texts(
    asked: Sequence[Mapping[str, Any]], own: Sequence[Sequence[str]], others: Iterable[str]
) -> list[tuple[str, str]]:
    """Sort and text: of the questions of an album, whose photos have captions `own`; and others."""
    random = np.random.default_rng(0)
    frames = [way.split("{}") for way in WAYS.values()]
    found = [
        ("there", question["question"].removeprefix(before).removesuffix(after))
        for question in asked
        for before, after in frames
        if question["files"] and question["question"].startswith(before)
    ]
    long = [text for text in others if len(text.split()) >= LEAST_WORDS]
    chosen = random.permutation(np.array(long))[:EACH].tolist()
    found += [("others", (text[:1].lower() + text[1:]).strip().rstrip(" .")) for text in chosen]
    return found + [("combined", text) for text in _combined(own, random)]


def _combined(own: Sequence[Sequence[str]], random: np.random.Generator) -> Iterator[str]:
    """Two things that captions name, no word of which stands beside one of the other anywhere."""
    told = [stems_of(texts) for texts in own]
    pairs = [things for texts in own for text in texts if len(things := things_in(text)) > 1]
    made = 0
    while made < EACH:
        one, other = (pairs[at] for at in random.integers(len(pairs), size=2))
        first, second = set(content_of(one[0].name)), set(content_of(other[-1].name))
        if first and second and not any(first & stems and second & stems for stems in told):
            made += 1
            yield f"a {one[0].name} {random.choice(['with', 'in', 'near'])} a {other[-1].name}"


def answered(collection: Collection, asked: Iterable[tuple[str, str]]) -> Iterator[Answered]:
    """Ask whether there is a photo of each text."""
    for sort, text in asked:
        answer = ask(collection, f"Is there a photo of {text}?")
        hits = {hit.id: hit for hit in answer.result.hits}
        best = next((e for e in answer.evidence if e.relevant and e.photo_id in hits), None)
        known = seen(text, best, hits[best.photo_id].share) if best else None
        yield Answered(sort, answer.status, known)


def report(found: Sequence[Answered]) -> str:
    """For each sort how many are answered by a sure yes, and how many are refused."""
    lines = []
    for sort in SORTS:
        some = [each.status for each in found if each.sort == sort]
        sure, no = (some.count(status) / max(len(some), 1) for status in ("grounded", "refused"))
        lines.append(f"  {sort:9s} n {len(some):4d}  grounded {sure:.3f}  refused {no:.3f}")
    return "\n".join(lines)


def fitted(found: Sequence[Answered]) -> str:
    """The numbers of confidence.TOLD, and what comes of them with more and less doubt."""
    from sklearn.linear_model import LogisticRegression

    some = [e for e in found if e.known is not None and e.sort != "combined"]
    there = np.array([each.sort == "there" for each in some])
    features = np.array([each.known for each in some])
    weights = np.where(there, 1 / there.sum(), 1 / (~there).sum()) * 1000
    model = LogisticRegression(C=1e5, max_iter=2000).fit(features, there, weights)
    odds = model.decision_function(features) - np.log(GROUNDED / (1 - GROUNDED))
    numbers = dict(zip(Seen._fields, model.coef_[0].round(2).tolist(), strict=True))
    lines = [f"chance {model.intercept_[0]:.2f}, {numbers}"]
    for doubt in (0.0, 0.2, 0.4, 0.6, 0.8):
        yes = [_share(odds[there == is_] > doubt, found, sort) for is_, sort in _SORTED]
        lines.append(f"  doubt {doubt}: there {yes[0]:.3f}, others {yes[1]:.3f}")
    return "\n".join(lines)


_SORTED = ((True, "there"), (False, "others"))


def _share(yes: NDArray[np.bool_], found: Sequence[Answered], sort: str) -> float:
    return float(yes.sum()) / sum(each.sort == sort for each in found)
