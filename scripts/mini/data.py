"""The training data as records: captioned photos, the caption bank, one photo for each class."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PHOTO_SETS = ("flickr8k-700", "coco-470")


@dataclass(frozen=True)
class Photo:
    """A captioned photo. `key` names the same photo in every source."""

    path: Path
    key: str
    dataset: str  # one of PHOTO_SETS
    captions: tuple[int, ...]  # positions in Corpus.texts


@dataclass(frozen=True)
class Corpus:
    """All captions once, the captioned photos, and the captions of other photos in groups."""

    texts: list[str]
    photos: list[Photo]
    others: list[tuple[int, ...]]  # at least two captions of one photo that is not in `photos`


def read_corpus(data: Path) -> Corpus:
    """Read the captioned photos and the caption bank under `data`.

    `others` holds no caption of a photo in `photos`, whichever source it came from: what is tuned
    on `others` alone has seen nothing of any photo that it may be measured on.
    """
    texts: list[str] = []
    seen: set[tuple[str, str]] = set()
    groups: dict[str, list[int]] = {}
    paths: dict[str, Path] = {}
    own: dict[str, list[int]] = {}

    def add(key: str, caption: str) -> None:
        caption = caption.strip()
        if (key, caption.lower()) not in seen:
            seen.add((key, caption.lower()))
            groups.setdefault(key, []).append(len(texts))
            texts.append(caption)

    for folder in PHOTO_SETS:
        for row in _rows(data / folder / "captions.csv"):
            key = _key(folder, row["image"])
            paths[key] = data / folder / "images" / row["image"]
            add(key, row["caption"])
    own = {key: list(groups[key]) for key in paths}
    for row in _rows(data / "caption-bank.csv.gz"):
        add(_key(row["source"], row["image_id"]), row["caption"])
    ordered = sorted(
        paths, key=lambda key: (PHOTO_SETS.index(_dataset(paths[key])), paths[key].name)
    )
    photos = [Photo(paths[key], key, _dataset(paths[key]), tuple(own[key])) for key in ordered]
    others = [tuple(g) for key, g in groups.items() if key not in paths and len(g) > 1]
    return Corpus(texts, photos, others)


def class_photos(data: Path) -> list[Path]:
    """One photo for each ImageNet class, in the order of the classes."""
    return sorted((data / "imagenet-1000").glob("*.JPEG"))


def class_prompts(paths: Iterable[Path]) -> list[str]:
    """`n01440764_tench.JPEG` -> `a photo of a tench`."""
    return [f"a photo of a {path.stem.split('_', 1)[1].replace('_', ' ')}" for path in paths]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _key(source: str, image: str) -> str:
    """Flickr8k photos go by file name, COCO photos by number: several sources share them."""
    if source.startswith("flickr8k"):
        return image
    return str(int(re.findall(r"\d{6,12}", image)[-1]))


def _dataset(path: Path) -> str:
    return path.parent.parent.name
