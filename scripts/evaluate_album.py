"""Measure the search box on an album of photos whose dates, places and cameras are known.

    python scripts/evaluate_album.py                 # ../shared/data/album, encoder mini
    python scripts/evaluate_album.py --captions      # with album-captions.csv as linked documents

`album/` is indexed into a temporary collection. Questions to find a photo, captions together with
a place, a month or a camera, counts, and questions for what is not there are asked as they stand;
then again with one piece of the search box left out at a time. The photos of the album are photos
that `mini` was trained on, so its ranks are better here than elsewhere: what counts are the
differences.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from retrieval import (  # noqa: E402
    Collection,
    EncoderSpec,
    SearchResult,
    index_folder,
    make_query,
    search,
)

LEVELS = (1, 5, 10)
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)

#: A way to ask: what is typed -> the result.
Ask = Callable[[str], SearchResult]


@dataclass(frozen=True)
class Case:
    """A query, and the files that are right (none: it is not there)."""

    text: str
    files: frozenset[str]


@dataclass(frozen=True)
class Album:
    """What is asked of an album, by kind."""

    cases: dict[str, list[Case]]
    counts: list[tuple[str, int]]


def main() -> None:
    """Index, ask, print one table."""
    parser = argparse.ArgumentParser(description="Measure the search box on an album.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--captions", action="store_true", help="index album-captions.csv as well")
    parser.add_argument("--combined", type=int, default=150, help="photos to make queries of")
    parser.add_argument("--keep", type=Path, help="folder of the collection; used if it is there")
    parser.add_argument("--only", help="one way to ask, by the beginning of its name")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    album = read_album(options.data, options.combined)
    with tempfile.TemporaryDirectory() as temporary:
        place = options.keep or Path(temporary) / "album"
        spec = EncoderSpec(options.model)
        with Collection.open(place, create=True, spec=spec, on_notice=_tell) as collection:
            sources = [options.data / "album"]
            sources += [options.data / "album-captions.csv"] if options.captions else []
            index_folder(collection, sources)
            measured = measure(collection, options.data / "album", album, options.only or "")
    print(json.dumps(measured, indent=2) if options.json else as_table(measured))


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


# --- what is asked --------------------------------------------------------------------------


def read_album(data: Path, combined: int, seed: int = 0) -> Album:
    """The questions of album-questions.json, and queries made of album-truth.json."""
    questions = json.loads((data / "album-questions.json").read_text("utf-8"))
    truth = json.loads((data / "album-truth.json").read_text("utf-8"))
    cases: dict[str, list[Case]] = {"find": [], "when": [], "where": [], "absent": []}
    counts = []
    for each in questions:
        if each["kind"] == "count":
            counts.append((each["question"], int(each["answer"])))
        else:
            cases[each["kind"]].append(Case(each["question"], frozenset(each["files"])))
    chosen = [photo for photo in truth if photo["gps"]]
    random.Random(seed).shuffle(chosen)
    for kind, ending in _ENDINGS.items():
        cases[kind] = [
            Case(f"{_caption(photo)}{ending(photo)}", frozenset([photo["file"]]))
            for photo in chosen[:combined]
        ]
    return Album(cases, counts)


def _caption(photo: dict[str, Any]) -> str:
    text: str = photo["captions"][-1]
    return text.strip().rstrip(".").strip()


def _month(photo: dict[str, Any]) -> str:
    year, month = photo["taken_at"][:7].split("-")
    return f"{MONTHS[int(month) - 1]} {year}"


_ENDINGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "caption": lambda photo: "",
    "caption + place": lambda photo: f" in {photo['city']}",
    "caption + month": lambda photo: f", {_month(photo)}",
    "caption + camera": lambda photo: f", taken with the {photo['camera']}",
    "caption + place + year": lambda photo: f" in {photo['city']} {photo['taken_at'][:4]}",
}


# --- how it is asked ------------------------------------------------------------------------


def ways(collection: Collection) -> dict[str, Ask]:
    """The whole search box, and with one piece left out at a time."""

    def with_box(**options: Any) -> Ask:
        return lambda text: search(collection, text, **options)

    def raw(**options: Any) -> Ask:
        return lambda text: search(collection, make_query(text, raw=True), **options)

    return {
        "all": with_box(),
        "without the box (--raw)": raw(),
        "without words and documents (early)": with_box(fusion="early"),
        "fused lists (late)": with_box(fusion="late"),
        "without folding": with_box(fold=False),
        "without any": raw(fusion="early", fold=False),
    }


def measure(collection: Collection, root: Path, album: Album, only: str = "") -> dict[str, Any]:
    """Figures by way and kind."""
    return {
        way: {kind: _scores(ask, root, cases) for kind, cases in album.cases.items()}
        | {"count": _counts(ask, album.counts)}
        for way, ask in ways(collection).items()
        if way.startswith(only)
    }


def _scores(ask: Ask, root: Path, cases: Iterable[Case]) -> dict[str, float]:
    ranks, kept, nothing, milliseconds = [], [], [], []
    for case in cases:
        result = ask(case.text)
        right = [hit.rank for hit in result.hits if _files(root, hit) & case.files]
        ranks.append(min(right, default=10**6))
        relevant = result.relevant or 0
        nothing.append(relevant == 0)
        kept.append(any(hit.rank == ranks[-1] and hit.relevant for hit in result.hits))
        milliseconds.append(result.elapsed_ms)
    count = len(ranks)
    found = {f"R@{level}": sum(rank <= level for rank in ranks) / count for level in LEVELS}
    seen = [k for k, rank in zip(kept, ranks, strict=True) if rank <= LEVELS[-1]]
    return {
        **found,
        "nothing": sum(nothing) / count,
        "above the cut": sum(seen) / len(seen) if seen else float("nan"),
        "p50 ms": sorted(milliseconds)[count // 2],
        "n": count,
    }


def _files(root: Path, hit: Any) -> set[str]:
    return {os.path.relpath(path, root) for path in (hit.path, *hit.also)}


def _counts(ask: Ask, counts: Iterable[tuple[str, int]]) -> dict[str, float]:
    right = [ask(text).relevant == count for text, count in counts]
    return {"right": sum(right) / len(right), "n": len(right)}


def as_table(measured: dict[str, Any]) -> str:
    """One line a way and kind."""
    lines = [f"{'':36}{'':24}   R@1   R@5  R@10  nothing  above cut   p50 ms    n"]
    for way, kinds in measured.items():
        for kind, row in kinds.items():
            if kind == "count":
                lines.append(f"{way:36}{kind:24} right {row['right']:.2f}, n {row['n']}")
                continue
            cells = "".join(f"{row[f'R@{level}']:6.2f}" for level in LEVELS)
            lines.append(
                f"{way:36}{kind:24}{cells}{row['nothing']:9.2f}{row['above the cut']:11.2f}"
                f"{row['p50 ms']:9.1f}{row['n']:5}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
