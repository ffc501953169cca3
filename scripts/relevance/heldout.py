"""Photos that the encoder's heads were not trained on: read from a folder, or made.

split-N.npz             held_vectors (n, dim) and held_paths of photos, caption_vectors (m, dim),
                        caption_texts and caption_owner, the place of a caption's photo
heads-N.safetensors     the heads, trained on the other photos
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mini import evaluate
from mini.data import Corpus
from mini.features import image_features, rows

from retrieval.calibration import Calibration, bank_texts
from retrieval.encoders._mini_heads import Features, ImageHead, TextHead, read_head_tensors
from retrieval.encoders.mini import MiniEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLITS = (0, 1, 2)
HELD_OUT = {"flickr8k-700": 300, "coco-470": 200}


@dataclass(frozen=True)
class Gallery:
    """Held-out photos: vectors (n, dim) and captions; the bank and texts by the same encoder.

    `seen` are the photos it was trained on with their captions, `many` photos without captions.
    """

    vectors: NDArray[np.float32]
    captions: list[list[str]]
    seen: NDArray[np.float32]
    seen_captions: list[list[str]]
    many: NDArray[np.float32]
    calibration: Calibration
    encode: Callable[[Sequence[str]], NDArray[np.float32]]


def make(folder: Path, prepared: Any, splits: Sequence[int] = SPLITS) -> None:
    """Fit heads without the photos that are held out, and embed these; `prepared` by train_mini."""
    folder.mkdir(parents=True, exist_ok=True)
    p = prepared
    for seed in splits:
        heads = folder / f"heads-{seed}.safetensors"
        if heads.is_file() and (folder / f"split-{seed}.npz").is_file():
            continue
        split = evaluate.split(p.corpus.photos, HELD_OUT, seed)
        held = [i for gallery in split.galleries.values() for i in gallery]
        data = p.fitted(split.train)
        own = [p.corpus.photos[i].captions for i in held]
        tensors = read_head_tensors(data)
        head = ImageHead(tensors)
        np.savez(
            folder / f"split-{seed}.npz",
            held_paths=np.array([str(p.corpus.photos[i].path) for i in held]),
            held_vectors=head(rows(p.photos, held)).numpy(),
            train_vectors=head(rows(p.photos, split.train)).numpy(),
            train_paths=np.array([str(p.corpus.photos[i].path) for i in split.train]),
            caption_vectors=TextHead(tensors)(
                p.vectors[[c for captions in own for c in captions]]
            ).numpy(),
            caption_texts=np.array([p.corpus.texts[c] for captions in own for c in captions]),
            caption_owner=np.array([n for n, captions in enumerate(own) for _ in captions]),
        )
        heads.write_bytes(data)


def read(folder: Path, corpus: Corpus, many: Features) -> Iterator[Gallery]:
    """The splits in `folder`. Embedding the bank takes some seconds for each."""
    own = {p.path.name: [corpus.texts[c] for c in p.captions] for p in corpus.photos}
    for seed in SPLITS:
        heads = folder / f"heads-{seed}.safetensors"
        encoder = MiniEncoder(device="cpu", threads=1, heads=heads)
        head = ImageHead(read_head_tensors(heads.read_bytes()))
        with np.load(folder / f"split-{seed}.npz") as stored:
            vectors = stored["held_vectors"].astype(np.float32)
            captions: list[list[str]] = [[] for _ in vectors]
            for text, owner in zip(stored["caption_texts"], stored["caption_owner"], strict=True):
                captions[owner].append(str(text))
            seen = stored["train_vectors"].astype(np.float32)
            seen_captions = [own[Path(str(path)).name] for path in stored["train_paths"]]
            usable = np.isfinite(seen).all(1)  # heads of an older version: see _hub_columns
            seen_captions = [c for c, good in zip(seen_captions, usable, strict=True) if good]
            seen = seen[usable]
        bank = Calibration(encoder.encode_texts(bank_texts()).astype(np.float16))
        yield Gallery(
            vectors, captions, seen, seen_captions, head(many).numpy(), bank, encoder.encode_texts
        )


def photos_without_captions(data: Path, cache: Path) -> Features:
    """Backbone outputs of 1,200 photos that nothing was ever trained on."""
    paths = sorted((data / "coco-unlabeled-1200").glob("*.jpg"))
    return image_features(paths, cache / "coco-unlabeled-1200.npz")
