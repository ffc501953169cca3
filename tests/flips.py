"""Flip random bits in the files of a collection: each must be noticed, none served, all mended.

A flip is noticed when opening or using the collection raises one of our errors, or when `verify`
reports a problem. Nothing is served: before that, every answer equals that of the whole collection.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval import Collection, EncoderSpec, index_folder, search
from retrieval.encoders import ENCODERS
from retrieval.errors import RetrievalError
from retrieval.maintenance.repairing import repair
from retrieval.maintenance.verifying import verify
from tests.pictures import picture

COLOURS = ("red", "green", "blue", "yellow", "white")
#: Files without data: an empty lock.
EMPTY = ("lock",)
SPEC = EncoderSpec("toy")


@dataclass
class Figures:
    """What happened to the flips."""

    flips: int = 0
    noticed_by_use: int = 0
    noticed_by_verify: int = 0
    mended: int = 0
    served: list[str] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)
    not_mended: list[str] = field(default_factory=list)
    by_file: dict[str, int] = field(default_factory=dict)


def make(folder: Path) -> Path:
    """A collection with photos, a copy, a deleted photo, texts, a broken file and thumbnails."""
    photos = folder / "photos"
    for colour in COLOURS:
        picture(photos / f"{colour}.png", colour)
    shutil.copy(photos / "red.png", photos / "red copy.png")
    (photos / "notes.txt").write_text("a red thing\n\na blue thing\n")
    (photos / "broken.jpg").write_bytes(b"no picture")
    with Collection.open(folder / "whole", create=True, spec=SPEC) as collection:
        index_folder(collection, [photos])
        (photos / "white.png").unlink()
        index_folder(collection, [photos])
        for photo in collection.catalog.photos_by_id(range(1, 10)).values():
            if photo.paths:
                collection.thumbnail(photo)
    return folder / "whole"


def answers(place: Path) -> dict[str, Any]:
    """Everything that a user can be shown."""
    with Collection.open(place) as collection:
        found = {
            f"{kind} {words}": sorted(  # rows that were embedded again tie in another order
                (-round(hit.score, 3), hit.path, sorted(hit.also), hit.text, hit.line, hit.width)
                for hit in search(collection, words, kind=kind).hits  # type: ignore[arg-type]
            )
            for kind in ("photos", "documents")
            for words in ("red", "green", "blue", "yellow")
        }
        info = collection.info()
        ids = range(1, 30)
        thumbnails = {
            tuple(sorted(photo.paths)): collection.thumbnail_data(photo)
            for photo in collection.catalog.photos_by_id(ids).values()
            if photo.paths
        }
        return {
            **found,
            "thumbnails": thumbnails,
            "counts": (info.photos, info.files, info.documents, info.skipped, info.encoder),
            "skipped": collection.catalog.skipped(),
        }


def files_of(place: Path) -> list[Path]:
    """The files of a collection that hold data."""
    return sorted(p for p in place.rglob("*") if p.is_file() and p.name not in EMPTY)


def flip(path: Path, at: int, mask: int) -> None:
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= mask
    path.write_bytes(data)


def run(flips: int, seed: int, folder: Path, *, mend: bool = True) -> dict[str, Any]:
    """Flip `flips` bytes, one after the other, spread over all files; see Figures."""
    ENCODERS["toy"] = "tests.toy:load"
    whole = make(folder)
    expected = answers(whole)
    assert not verify(whole, spec=SPEC).problems
    dice, figures = random.Random(seed), Figures()
    files = files_of(whole)
    for number in range(flips):
        file = files[number % len(files)]
        at, mask = dice.randrange(file.stat().st_size), dice.randrange(1, 256)
        damaged = folder / "damaged"
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(whole, damaged)
        relative = file.relative_to(whole)
        flip(damaged / relative, at, mask)
        case = f"{relative} byte {at} ^ {mask:#x}"
        figures.flips += 1
        figures.by_file[file.name] = figures.by_file.get(file.name, 0) + 1
        _judge(damaged, expected, case, figures)
        if mend:
            _mend(damaged, expected, case, figures)
    return vars(figures)


def _judge(damaged: Path, expected: dict[str, Any], case: str, figures: Figures) -> None:
    before = {path: path.read_bytes() for path in files_of(damaged)}
    noticed = False
    try:
        if answers(damaged) != expected:
            figures.served.append(case)
    except RetrievalError:
        noticed = True
        figures.noticed_by_use += 1
    for path, data in before.items():  # using it may have mended what is derived
        path.write_bytes(data)
    try:
        told = bool(verify(damaged, spec=SPEC).problems)
    except RetrievalError:
        told = True
    figures.noticed_by_verify += told
    if not (noticed or told):
        figures.unnoticed.append(case)


def _mend(damaged: Path, expected: dict[str, Any], case: str, figures: Figures) -> None:
    try:
        report = repair(damaged, spec=SPEC)
        whole_again = not report.left and answers(damaged) == expected
    except RetrievalError as exc:
        figures.not_mended.append(f"{case}: {exc}")
        return
    if whole_again:
        figures.mended += 1
    else:
        figures.not_mended.append(f"{case}: done {report.done}, left {report.left}")
