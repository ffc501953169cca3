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
    root = Path(os.path.expanduser(folder))
    captions = _read_captions(root)
    encoder = load_chosen(spec or EncoderSpec(), on_notice)
    embedder = BatchEmbedder(encoder, batch_size, on_notice)
    paths = {name: root / "images" / name for name in captions}
    names, images, skipped = _embed_photos(paths, embedder, threads, on_progress)
    if not names:
        raise UsageError(f"None of the photos that {root}/captions.csv names can be read.")
    texts = [caption for name in names for caption in captions[name]]
    owner = np.repeat(np.arange(len(names)), [len(captions[name]) for name in names])
    to_image, to_text = first_right_ranks(images, embedder.embed_texts(texts), owner)
    return Evaluation(
        text_to_image=summarize(to_image, owner),
        image_to_text=summarize(to_text, np.arange(len(names))),
        images=len(names),
        texts=len(texts),
        encoder=encoder.name,
        skipped=tuple(skipped),
    )


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


def _read_captions(root: Path) -> dict[str, list[str]]:
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
    return captions


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
    table = {f"R@{k}": (ranks <= k).astype(np.float64) for k in RECALL_AT}
    table["MRR"] = 1.0 / ranks
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
