"""Measure retrieval on a folder of captioned photos, with CLIP_benchmark's definitions.

A text finds its photo (text to image), a photo one of its texts (image to text): recall at k is
the share of queries with at least one right item among the k best, MRR the mean of 1 / rank of
the first right one. Intervals come from a bootstrap that resamples photos with all their texts,
because the texts of one photo are not independent.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.embedding import BatchEmbedder, look_ahead
from retrieval.encoders import EncoderSpec, load_chosen
from retrieval.errors import ImageError, UsageError
from retrieval.pictures import load_picture, side_for
from retrieval.records import (
    NoticeCallback,
    Progress,
    ProgressCallback,
    Skipped,
    ignore_notice,
    ignore_progress,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECALL_AT = (1, 5, 10)
RESAMPLES = 1000
BLOCK = 512  # queries whose scores against the whole gallery are held at a time


@dataclass(frozen=True, slots=True)
class Metrics:
    """Values in [0, 1] by name ("R@1", "R@5", "R@10", "MRR"), each with its 95 % interval."""

    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate_folder` measured, on how many photos and texts, and what it left out."""

    text_to_image: Metrics
    image_to_text: Metrics
    images: int
    texts: int
    encoder: str
    skipped: tuple[Skipped, ...]


def evaluate_folder(
    folder: str | Path,
    spec: EncoderSpec | None = None,
    *,
    batch_size: int = 0,
    threads: int = 0,
    on_progress: ProgressCallback = ignore_progress,
    on_notice: NoticeCallback = ignore_notice,
) -> Evaluation:
    """Evaluate an encoder on `folder`, which holds images/ and captions.csv (image,caption).

    Photos that cannot be read are left out with their captions. Raises UsageError for a folder of
    another shape, and what loading an encoder raises.
    """
    read_captions(folder)  # before a model is loaded
    encoder = load_chosen(spec or EncoderSpec(), on_notice)
    embedder = BatchEmbedder(encoder, batch_size, on_notice)
    ranks = rank_folder(folder, embedder, threads=threads, on_progress=on_progress)
    return Evaluation(
        text_to_image=summarize(ranks.to_image, ranks.owner),
        image_to_text=summarize(ranks.to_text, np.arange(len(ranks.names))),
        images=len(ranks.names),
        texts=len(ranks.owner),
        encoder=encoder.name,
        skipped=ranks.skipped,
    )


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks of the first right photo for each text (t,), and of the first right text for each photo
    (n,); `owner` (t,) is the photo of each text, an index of `names`.
    """

    names: tuple[str, ...]
    owner: NDArray[np.int64]
    to_image: NDArray[np.int64]
    to_text: NDArray[np.int64]
    skipped: tuple[Skipped, ...]


def rank_folder(
    folder: str | Path,
    embedder: BatchEmbedder,
    *,
    threads: int = 0,
    on_progress: ProgressCallback = ignore_progress,
) -> Ranks:
    """Embed the photos and captions of `folder` and rank each against all. Raises UsageError."""
    root, captions = read_captions(folder)
    paths = {name: root / "images" / name for name in captions}
    names, images, skipped = _embed_photos(paths, embedder, threads, on_progress)
    if not names:
        raise UsageError(f"None of the photos that {root}/captions.csv names can be read.")
    texts = [caption for name in names for caption in captions[name]]
    owner = np.repeat(np.arange(len(names)), [len(captions[name]) for name in names])
    to_image, to_text = first_right_ranks(images, embedder.embed_texts(texts), owner)
    return Ranks(tuple(names), owner, to_image, to_text, tuple(skipped))


def _embed_photos(
    paths: dict[str, Path], embedder: BatchEmbedder, threads: int, on_progress: ProgressCallback
) -> tuple[list[str], NDArray[np.float32], list[Skipped]]:
    encoder = embedder.encoder

    def prepare(path: Path) -> NDArray[np.uint8] | ImageError:
        try:
            return encoder.prepare(load_picture(path, side_for(encoder.image_size)).image)
        except ImageError as exc:
            return exc

    names: list[str] = []
    skipped: list[Skipped] = []
    prepared: list[NDArray[np.uint8]] = []
    vectors: list[NDArray[np.float32]] = []
    results = look_ahead(paths.values(), prepare, threads, embedder.decode_ahead)
    for (name, path), result in zip(paths.items(), results, strict=True):
        if isinstance(result, ImageError):
            skipped.append(Skipped(str(path), str(result)))
            continue
        names.append(name)
        prepared.append(result)
        if len(prepared) >= embedder.worth_gathering:
            vectors.append(embedder.embed_images(prepared))
            prepared = []
        on_progress(Progress("encoding photos", len(names), len(paths)))
    vectors.append(embedder.embed_images(prepared))
    return names, np.concatenate(vectors), skipped


def read_captions(folder: str | Path) -> tuple[Path, dict[str, list[str]]]:
    """The folder, and its captions by the name of their photo. Raises UsageError."""
    root = Path(os.path.expanduser(folder))
    path = root / "captions.csv"
    if not path.is_file() or not (root / "images").is_dir():
        raise UsageError(f"{root} must hold a folder images/ and a file captions.csv.")
    captions: dict[str, list[str]] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"image", "caption"} <= set(reader.fieldnames or ()):
                raise UsageError(f"The first line of {path} must be: image,caption")
            for record in reader:
                if record["image"] and record["caption"]:
                    captions.setdefault(record["image"], []).append(record["caption"])
    except (csv.Error, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} is not a UTF-8 CSV table: {exc}. Correct it.") from exc
    if not captions:
        raise UsageError(f"{path} holds no captions. Add lines of: image,caption")
    return root, captions


def first_right_ranks(
    images: NDArray[np.float32], texts: NDArray[np.float32], owner: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rank, from 1, of the first right item: for each text (t,) and for each image (n,).

    `images` (n, dim), `texts` (t, dim), `owner` (t,) the image of each text. A wrong item with the
    same score as the right one ranks before it, so that a constant encoder scores badly.
    """
    to_image = []
    for block in _blocks(len(texts)):
        scores = texts[block] @ images.T  # (b, n)
        right = scores[np.arange(len(scores)), owner[block]]
        to_image.append((scores >= right[:, None]).sum(1))
    to_text = []
    for block in _blocks(len(images)):
        scores = images[block] @ texts.T  # (b, t)
        mine = owner[None, :] == np.arange(len(images))[block, None]
        best = np.where(mine, scores, -np.inf).max(1)
        to_text.append(((scores >= best[:, None]) & ~mine).sum(1) + 1)
    return np.concatenate(to_image), np.concatenate(to_text)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, start + BLOCK)


def summarize(ranks: NDArray[np.int64], group: NDArray[np.int64], seed: int = 0) -> Metrics:
    """Turn first-right ranks (q,) into metrics; `group` (q,) says which queries resample as one."""
    return _bootstrapped(_table(ranks), group, seed)


def compare(
    old: NDArray[np.int64], new: NDArray[np.int64], group: NDArray[np.int64], seed: int = 0
) -> Metrics:
    """The metrics of `new` ranks minus those of `old` ones (q,), of the same queries.

    The bootstrap is paired: each resample takes both ranks of a query.
    """
    before = _table(old)
    return _bootstrapped({k: v - before[k] for k, v in _table(new).items()}, group, seed)


def _table(ranks: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """What each query (q,) scores in each metric."""
    table = {f"R@{k}": (ranks <= k).astype(np.float64) for k in RECALL_AT}
    table["MRR"] = 1.0 / ranks
    return table


def _bootstrapped(
    table: dict[str, NDArray[np.float64]], group: NDArray[np.int64], seed: int
) -> Metrics:
    count = int(group.max()) + 1
    sizes = np.bincount(group, minlength=count)
    draws = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    values, intervals = {}, {}
    for name, scores in table.items():
        sums = np.bincount(group, weights=scores, minlength=count)
        resampled = sums[draws].sum(1) / sizes[draws].sum(1)
        low, high = np.percentile(resampled, (2.5, 97.5))
        values[name] = float(scores.mean())
        intervals[name] = (float(low), float(high))
    return Metrics(values, intervals)
