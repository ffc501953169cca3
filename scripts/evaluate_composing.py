"""What composed queries and relevance feedback give, measured on captioned photos.

    python scripts/evaluate_composing.py --data ../shared/data
    python scripts/evaluate_composing.py --vectors split-0.npz --heads heads-0.safetensors

The first embeds the photos of DATA/*/captions.csv with mini, whose shipped heads were trained on
many of them; the second takes embeddings of photos that its heads have not seen (arrays
held_vectors, caption_texts, caption_owner). A photo has what its captions mention. Queries are
built from these: a photo of a dog without snow and the word "snow" ask for photos that have both.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.searching.composing import NEUTRAL, Piece, compose
from retrieval.storage.stored import SAMPLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.encoders import Encoder

#: What photos show, and the words by which captions say so; the name is the query.
THINGS = {
    "dog": "dogs puppy puppies",
    "cat": "cats kitten",
    "man": "men guy male gentleman",
    "woman": "women lady ladies",
    "boy": "boys",
    "girl": "girls",
    "baby": "infant toddler",
    "horse": "horses",
    "ball": "balls football soccer basketball",
    "bicycle": "bike bikes bicycles biker cyclist",
    "car": "cars truck van",
    "boat": "boats canoe kayak ship",
    "food": "pizza meal sandwich cake plate dinner",
    "bird": "birds duck ducks seagull",
    "child": "children kid kids toddler boy girl boys girls",
}
#: Where and how.
SETTINGS = {
    "snow": "snowy",
    "water": "pool lake river ocean stream sea wave waves",
    "beach": "sand sandy shore",
    "grass": "grassy lawn",
    "street": "road city sidewalk",
    "mountain": "mountains hill cliff",
    "forest": "woods trees tree wooded",
    "kitchen": "stove counter oven",
    "table": "desk",
    "jumping": "jumps leaps jump leaping leap",
    "running": "runs run",
    "sitting": "sits sit seated",
    "red": "",
    "black": "",
    "swimming": "swims swim",
    "indoors": "room bathroom kitchen bed couch floor",
}
MORE = (
    "ocean rock climbing bench skateboard train bus tennis baseball elephant giraffe zebra pizza "
    "umbrella surfboard kite laptop bathroom bed soccer guitar helmet tent crowd fire flowers sign "
    "toy hat"
)
PHOTOS_EACH = 8  # example photos for a pair of concepts
LEAST = 4  # photos that must be right for a query to count
FIRST = 20  # hits of which a user marks some


@dataclass(frozen=True)
class Captioned:
    """Vectors (n, dim) of photos, and for each concept who has it (n,) and the word's vector."""

    vectors: NDArray[np.float32]
    has: dict[str, NDArray[np.bool_]]
    words: dict[str, NDArray[np.float32]]
    neutral: NDArray[np.float32]

    @property
    def sample(self) -> NDArray[np.float32]:
        step = -(-len(self.vectors) // SAMPLE)
        return self.vectors[::step]


@dataclass(frozen=True)
class Task:
    """Pieces of a query, the photos that are its examples, and who is right (n,)."""

    pieces: tuple[Piece, ...]
    examples: tuple[int, ...]
    right: NDArray[np.bool_]


# --- queries from captions ------------------------------------------------------------------


def pairs(data: Captioned) -> Iterator[tuple[str, str]]:
    """Things and settings that enough photos have together."""
    for thing in THINGS:
        for setting in SETTINGS:
            if (data.has[thing] & data.has[setting]).sum() >= LEAST:
                yield thing, setting


def tasks(data: Captioned) -> dict[str, list[Task]]:
    """Composed queries by their sort."""
    lots = np.random.default_rng(0)
    found: dict[str, list[Task]] = {
        name: []
        for name in ("image + text", "image - text", "text + text", "text - text", "two images")
    }

    def word(name: str, weight: float = 1.0) -> Piece:
        return Piece("text", data.words[name], weight)

    def photo(at: int) -> Piece:
        return Piece("picture", data.vectors[at], 1.0)

    def drawn(who: NDArray[np.bool_]) -> list[int]:
        return [int(at) for at in lots.permutation(np.flatnonzero(who))[:PHOTOS_EACH]]

    for thing, setting in pairs(data):
        a, b = data.has[thing], data.has[setting]
        only_a, only_b, both = a & ~b, b & ~a, a & b
        found["text + text"].append(Task((word(thing), word(setting)), (), both))
        for at in drawn(only_a):
            found["image + text"].append(Task((photo(at), word(setting)), (at,), both))
        for one, other in zip(drawn(only_a), drawn(only_b), strict=False):
            found["two images"].append(Task((photo(one), photo(other)), (one, other), both))
        if only_a.sum() >= 10:
            found["text - text"].append(Task((word(thing), word(setting, -1)), (), only_a))
            for at in drawn(both):
                found["image - text"].append(Task((photo(at), word(setting, -1)), (at,), only_a))
    return found


# --- ways to answer them --------------------------------------------------------------------

Scorer = Callable[[Captioned, tuple[Piece, ...]], "NDArray[np.float32] | None"]


def plain_sum(data: Captioned, pieces: tuple[Piece, ...]) -> NDArray[np.float32]:
    total = sum(piece.weight * piece.vector for piece in pieces)
    return np.asarray(data.vectors @ total, np.float32)


def only(kind: str) -> Scorer:
    def score(data: Captioned, pieces: tuple[Piece, ...]) -> NDArray[np.float32] | None:
        wanted = tuple(piece for piece in pieces if piece.kind == kind and piece.weight > 0)
        return plain_sum(data, wanted) if wanted else None

    return score


def by_vector(*, neutral: bool) -> Scorer:
    def score(data: Captioned, pieces: tuple[Piece, ...]) -> NDArray[np.float32]:
        made = compose(pieces, data.sample, data.neutral if neutral else None)
        return np.asarray(data.vectors @ made.vector, np.float32)

    return score


def composed(data: Captioned, pieces: tuple[Piece, ...]) -> NDArray[np.float32]:
    return compose(pieces, data.sample, data.neutral).scores(data.vectors)


WAYS: dict[str, Scorer] = {
    "text only": only("text"),
    "image only": only("picture"),
    "plain sum": plain_sum,
    "equal spread": by_vector(neutral=False),
    "+ less neutral text": by_vector(neutral=True),
    "+ soft minimum": composed,
}


def quality(scores: NDArray[np.float32], right: NDArray[np.bool_], k: int) -> tuple[float, float]:
    """Right photos in the first k, as a part of what could be there; and average precision."""
    hits = right[np.argsort(-scores, kind="stable")]
    count = int(hits.sum())
    places = np.flatnonzero(hits)
    return (
        float(hits[:k].sum()) / min(k, count),
        float(np.mean(np.arange(1, count + 1) / (places + 1))),
    )


def composing_table(data: Captioned) -> Iterator[str]:
    asked = tasks(data)
    yield "precision@10 / average precision over " + ", ".join(
        f"{len(each)} {name}" for name, each in asked.items()
    )
    yield f"{'':20}" + "".join(f"{name:>16}" for name in asked)
    for name, way in WAYS.items():
        cells = []
        for each in asked.values():
            found = []
            for task in each:
                rest = np.ones(len(data.vectors), bool)
                rest[list(task.examples)] = False
                if (scores := way(data, task.pieces)) is not None and task.right[rest].any():
                    found.append(quality(scores[rest], task.right[rest], 10))
            mean = np.mean(found, axis=0) if found else (np.nan, np.nan)
            cells.append(f"{mean[0]:.3f} / {mean[1]:.3f}" if found else "-")
        yield f"{name:20}" + "".join(f"{cell:>16}" for cell in cells)


# --- feedback -------------------------------------------------------------------------------


def marked(
    data: Captioned, name: str, count: int, *, likes: bool, unlikes: bool, words: bool
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]] | None:
    """Quality of a word's query on the photos that stay unmarked: before, and after marking."""
    word, right = Piece("text", data.words[name], 1.0), data.has[name]
    before = composed(data, (word,))
    first = np.argsort(-before, kind="stable")[:FIRST]
    good, bad = first[right[first]][:count], first[~right[first]][:count]
    rest = np.ones(len(right), bool)
    rest[[*good, *bad]] = False
    marks = [Piece("like", data.vectors[at], 1.0) for at in good if likes]
    marks += [Piece("like", data.vectors[at], -1.0) for at in bad if unlikes]
    if not marks or right[rest].sum() < LEAST or not (words or any(m.weight > 0 for m in marks)):
        return None
    after = composed(data, (*([word] if words else []), *marks))
    # What leaving out the neutral text does by itself is no merit of the marks.
    unmarked = data.vectors @ compose((word, word), data.sample, data.neutral).vector
    return tuple(  # type: ignore[return-value]
        quality(scores[rest], right[rest], 20) for scores in (before, unmarked, after)
    )


def feedback_table(data: Captioned) -> Iterator[str]:
    yield "precision@20 / average precision on unmarked photos: the word, less neutral text, marked"
    for label, how in {
        "right and wrong": {"likes": True, "unlikes": True, "words": True},
        "right only": {"likes": True, "unlikes": False, "words": True},
        "wrong only": {"likes": False, "unlikes": True, "words": True},
        "right, no words": {"likes": True, "unlikes": False, "words": False},
    }.items():
        for count in (1, 3, 5):
            found = [marked(data, name, count, **how) for name in data.words]
            kept = np.array([each for each in found if each is not None])
            means = kept.mean(axis=0)
            shown = "  ".join(f"{p:.3f} / {ap:.3f}" for p, ap in means)
            yield f"{label:16} {count} marked, {len(kept):3} words   {shown}"


# --- data -----------------------------------------------------------------------------------


def captioned(
    vectors: NDArray[np.float32], captions: list[str], owners: list[int], encoder: Encoder
) -> Captioned:
    said: list[set[str]] = [set() for _ in vectors]
    for caption, owner in zip(captions, owners, strict=True):
        said[owner].update(re.findall(r"[a-z]+", caption.lower()))
    concepts = {**THINGS, **SETTINGS, **{word: f"{word}s" for word in MORE.split()}}
    has = {
        name: np.array([bool({name, *words.split()} & each) for each in said])
        for name, words in concepts.items()
    }
    has = {name: who for name, who in has.items() if name in {**THINGS, **SETTINGS} or sum(who) > 7}
    embedded = encoder.encode_texts(list(has))
    neutral = encoder.encode_texts(list(NEUTRAL)).mean(axis=0)
    return Captioned(vectors, has, dict(zip(has, embedded, strict=True)), neutral)


def embed_folder(folder: Path, encoder: Encoder) -> Captioned:
    from retrieval.pictures import load_picture, side_for

    places: dict[Path, int] = {}
    captions, owners = [], []
    for table in sorted(folder.glob("*/captions.csv")):
        with table.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                path = table.parent / "images" / row["image"]
                owners.append(places.setdefault(path, len(places)))
                captions.append(row["caption"])
    side, vectors = side_for(encoder.image_size), []
    for path in places:
        picture = load_picture(path, side).image
        vectors.append(encoder.encode_images(encoder.prepare(picture)[None])[0])
    return captioned(np.stack(vectors), captions, owners, encoder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of folders with images/, captions.csv")
    parser.add_argument("--vectors", type=Path, nargs="*", default=[], help="or embeddings, .npz")
    parser.add_argument("--heads", type=Path, nargs="*", default=[], help="and what made them")
    asked: Any = parser.parse_args()
    from retrieval.encoders.mini import HEADS_PATH, MiniEncoder

    if asked.data:
        show(embed_folder(asked.data, MiniEncoder("cpu", 1)), "shipped heads, seen photos")
    for vectors, heads in zip(asked.vectors, asked.heads or [HEADS_PATH], strict=True):
        with np.load(vectors, allow_pickle=False) as file:
            given = file["held_vectors"].astype(np.float32)
            captions, owners = file["caption_texts"].tolist(), file["caption_owner"].tolist()
        show(captioned(given, captions, owners, MiniEncoder("cpu", 1, heads)), str(vectors))


def show(data: Captioned, name: str) -> None:
    print(f"{name}: {len(data.vectors)} photos\n")
    for line in (*composing_table(data), "", *feedback_table(data), ""):
        print(line)


if __name__ == "__main__":
    main()
