"""Train the heads of the built-in encoder `mini`, or measure its recipe on held-out photos.

    python scripts/train_mini.py --validate     # the tables of docs/mini.md
    python scripts/train_mini.py                # writes retrieval/encoders/mini_heads.safetensors

The first run computes backbone outputs and tunes the text tower (about 40 minutes on one core) and
keeps both in --cache; later runs take minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads cost 10x on shared cores
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np
import torch
from mini import evaluate
from mini.data import PHOTO_SETS, Corpus, class_photos, class_prompts, read_corpus
from mini.features import image_features, rows
from mini.heads import Settings, Texts, fit, pack
from mini.text import States, Tuning, encode_all, encode_new, tune
from safetensors.torch import load_file, save_file
from torch import Tensor

from retrieval.encoders._mini_heads import (
    Features,
    ImageHead,
    TextHead,
    read_head_tensors,
)
from retrieval.encoders.mini import HEADS_PATH

SPLITS = (0, 1, 2)
#: What --validate holds out: both galleries, or one of them so that more photos train.
PROTOCOLS = (
    {"flickr8k-700": 300, "coco-470": 200},
    {"flickr8k-700": 300},
    {"coco-470": 200},
)
#: What --validate printed for the present recipe; goes into the heads file.
HELD_OUT = (
    "recipe trained on 670 photos, mean of 3 splits, R@1/5/10 in percent: 300 Flickr8k photos "
    "33.8/66.2/79.2 text to image, 40.6/67.0/78.9 image to text; 200 COCO photos "
    "48.4/88.3/94.9, 52.5/83.3/93.0"
)


@dataclass(frozen=True)
class Prepared:
    """Everything the heads are fitted on."""

    corpus: Corpus
    photos: Features
    class_photos: Features
    corrections: dict[str, Tensor]
    vectors: Tensor  # float32 (texts, 384), unit
    classes: Tensor  # float32 (1000, 384), unit

    def fitted(self, chosen: list[int]) -> bytes:
        """A heads file trained on the chosen captioned photos."""
        captions = [self.corpus.photos[i].captions for i in chosen]
        others = self.vectors[[group[0] for group in self.corpus.others]]
        texts = Texts(self.vectors, captions, self.classes, others.mean(0), others)
        state = fit(rows(self.photos, chosen), self.class_photos, texts, Settings())
        return pack(state | self.corrections, _metadata(len(chosen)))


def main() -> None:
    """Parse the options and do the one or the other."""
    parser = argparse.ArgumentParser(description="Train or validate the heads of `mini`.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "mini")
    parser.add_argument("--validate", action="store_true", help="measure on held-out photos")
    parser.add_argument("--curve", action="store_true", help="with --validate: learning curve")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    prepared = prepare(options.data, options.cache)
    if options.validate:
        (learning_curve if options.curve else validate)(prepared)
        return
    data = prepared.fitted(list(range(len(prepared.corpus.photos))))
    HEADS_PATH.write_bytes(data)
    print(f"{HEADS_PATH}: {len(data) / 1e6:.2f} MB")


def prepare(data: Path, cache: Path) -> Prepared:
    """Read the data, compute (or read from `cache`) features and the tuned text tower."""
    corpus = read_corpus(data)
    sets = [
        image_features([p.path for p in corpus.photos if p.dataset == name], cache / f"{name}.npz")
        for name in PHOTO_SETS
    ]
    photos = Features(*(torch.cat([getattr(s, f.name) for s in sets]) for f in fields(Features)))
    classes = class_photos(data)
    class_features = image_features(classes, cache / "imagenet-1000.npz")
    states = States(corpus.texts, cache / "captions.f16")
    corrections = _tuned(states, corpus, cache / "text.safetensors")
    vectors = _vectors(states, corrections, len(corpus.texts), cache / "texts.pt")
    prompts = encode_new(states, corrections, class_prompts(classes))
    return Prepared(corpus, photos, class_features, corrections, vectors, prompts)


def validate(prepared: Prepared) -> None:
    """Print recall for each protocol and gallery, mean over the splits and each split."""
    print("recall at 1/5/10 in percent, text -> image then image -> text")
    for held_out in PROTOCOLS:
        results: dict[str, list[evaluate.Recall]] = {name: [] for name in held_out}
        for seed in SPLITS:
            split = evaluate.split(prepared.corpus.photos, held_out, seed)
            heads = read_head_tensors(prepared.fitted(split.train))
            for name, gallery in split.galleries.items():
                results[name].append(_measure(prepared, heads, gallery))
        for name, values in results.items():
            trained = len(prepared.corpus.photos) - sum(held_out.values())
            print(f"\n{held_out[name]} of {name}, trained on {trained} photos")
            print(evaluate.line("mean of splits", evaluate.mean(values)))
            for seed, value in zip(SPLITS, values, strict=True):
                print(evaluate.line(f"split {seed}", value), flush=True)


def learning_curve(prepared: Prepared) -> None:
    """Print recall in galleries of 100 for several numbers of training photos."""
    held_out = dict.fromkeys(PHOTO_SETS, 100)
    for count in (240, 485, 970):
        results: dict[str, list[evaluate.Recall]] = {name: [] for name in held_out}
        for seed in range(5):
            split = evaluate.split(prepared.corpus.photos, held_out, seed)
            chosen = np.random.default_rng(seed).permutation(split.train)[:count].tolist()
            heads = read_head_tensors(prepared.fitted(chosen))
            for name, gallery in split.galleries.items():
                results[name].append(_measure(prepared, heads, gallery))
        for name, values in results.items():
            print(evaluate.line(f"{name}, trained on {count}", evaluate.mean(values)), flush=True)


def _measure(prepared: Prepared, heads: dict[str, Tensor], gallery: list[int]) -> evaluate.Recall:
    captions = [prepared.corpus.photos[i].captions for i in gallery]
    owners = torch.tensor([n for n, own in enumerate(captions) for _ in own])
    chosen = [caption for own in captions for caption in own]
    images = ImageHead(heads)(rows(prepared.photos, gallery))
    return evaluate.recall(images, TextHead(heads)(prepared.vectors[chosen]), owners)


def _tuned(states: States, corpus: Corpus, cache: Path) -> dict[str, Tensor]:
    """The text corrections, from `cache` or trained on captions of photos never measured on."""
    if not cache.is_file():
        save_file(tune(states, corpus.others, Tuning()), cache)
    return load_file(cache)


def _vectors(states: States, corrections: dict[str, Tensor], count: int, cache: Path) -> Tensor:
    if not cache.is_file():
        torch.save(encode_all(states, corrections, count), cache)
    vectors: Tensor = torch.load(cache, weights_only=True)
    return vectors


def _metadata(photos: int) -> dict[str, str]:
    return {
        "recipe": "mini 2: LoRA text tower, kernel ridge regression, linear maps, CSLS columns",
        "trained on": f"{photos} captioned photos (Flickr8k, COCO), 1,000 ImageNet photos, "
        "about 100,000 captions of other photos",
        "held out": HELD_OUT,
    }


if __name__ == "__main__":
    main()
