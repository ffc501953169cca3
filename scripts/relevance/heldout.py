"""Photos that the encoder's heads were not trained on: read from a folder, or made.

split-N.npz             held_vectors (n, dim), caption_texts, caption_owner
heads-N.safetensors     the heads, trained on the other photos
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mini import evaluate
from mini.data import read_corpus
from mini.features import rows

from retrieval.calibration import Calibration, bank_texts
from retrieval.encoders._mini_heads import ImageHead, read_head_tensors
from retrieval.encoders.mini import MiniEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLITS = (0, 1, 2)
HELD_OUT = {"flickr8k-700": 300, "coco-470": 200}


@dataclass(frozen=True)
class Gallery:
    """Held-out photos: vectors (n, dim) and captions; the bank and texts by the same encoder."""

    vectors: NDArray[np.float32]
    captions: list[list[str]]
    calibration: Calibration
    encode: Callable[[Sequence[str]], NDArray[np.float32]]


def make(folder: Path, prepared: Any) -> None:
    """Fit heads without the photos that are held out, and embed these; `prepared` by train_mini."""
    folder.mkdir(parents=True, exist_ok=True)
    p = prepared
    for seed in SPLITS:
        heads = folder / f"heads-{seed}.safetensors"
        if heads.is_file() and (folder / f"split-{seed}.npz").is_file():
            continue
        split = evaluate.split(p.corpus.photos, HELD_OUT, seed)
        held = [i for gallery in split.galleries.values() for i in gallery]
        data = p.fitted(split.train)
        own = [p.corpus.photos[i].captions for i in held]
        np.savez(
            folder / f"split-{seed}.npz",
            held_vectors=ImageHead(read_head_tensors(data))(rows(p.photos, held)).numpy(),
            caption_texts=np.array([p.corpus.texts[c] for captions in own for c in captions]),
            caption_owner=np.array([n for n, captions in enumerate(own) for _ in captions]),
        )
        heads.write_bytes(data)


def read(folder: Path) -> Iterator[Gallery]:
    """The splits in `folder`. Embedding the bank takes some seconds for each."""
    for seed in SPLITS:
        encoder = MiniEncoder(device="cpu", threads=1, heads=folder / f"heads-{seed}.safetensors")
        with np.load(folder / f"split-{seed}.npz") as stored:
            vectors = stored["held_vectors"].astype(np.float32)
            captions: list[list[str]] = [[] for _ in vectors]
            for text, owner in zip(stored["caption_texts"], stored["caption_owner"], strict=True):
                captions[owner].append(str(text))
        bank = Calibration(encoder.encode_texts(bank_texts()).astype(np.float16))
        yield Gallery(vectors, captions, bank, encoder.encode_texts)


def captions_elsewhere(data: Path) -> list[list[str]]:
    """Captions of photos that are in none of the captioned sets, in groups."""
    corpus = read_corpus(data)
    return [[corpus.texts[c] for c in group] for group in corpus.others]
