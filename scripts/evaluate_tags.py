"""Measure how often words of the vocabulary are right, by their share, on photos never trained on.

    python scripts/evaluate_tags.py FOLDER

FOLDER holds split-N.npz and heads-N.safetensors, as scripts/evaluate_relevance.py makes them. Of
each photo the best five words are looked at; one is right where it stands in a caption, in the
singular or the plural. captioning.describing.RATES are these numbers.
"""

from __future__ import annotations

import argparse
import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from retrieval.encoders.mini import MiniEncoder
from retrieval.grouping.tags import best_words, embed_words, vocabulary, zero_shot

EDGES = (0.0, 0.05, 0.1, 0.3, 0.5, 0.7, 1.01)
WORDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found = [pair for heads in sorted(folder.glob("heads-*")) for pair in judged(heads)]
    shares, right = np.array([pair[0] for pair in found]), np.array([pair[1] for pair in found])
    for low, high in pairwise(EDGES):
        inside = (shares >= low) & (shares < high)
        print(f"share {low:4.2f}  {inside.sum():6,} words  right {right[inside].mean():.3f}")


def judged(heads: Path) -> list[tuple[float, bool]]:
    """Share of each word, and whether it stands in a caption of its photo."""
    encoder = MiniEncoder(device="cpu", threads=1, heads=heads)
    number = heads.stem.partition("-")[2]
    with np.load(heads.with_name(f"split-{number}.npz")) as stored:
        vectors = stored["held_vectors"].astype(np.float32)
        captions = [""] * len(vectors)
        for text, owner in zip(stored["caption_texts"], stored["caption_owner"], strict=True):
            captions[owner] += f" {text}"
    words = vocabulary()
    scores = zero_shot(vectors, embed_words(encoder, [word.english for word in words]), vectors)
    return [
        (scored.share, f" {singular(scored.word)} " in f" {singular(caption)} ")
        for caption, row in zip(captions, scores, strict=True)
        for scored in best_words(row, words, WORDS)
    ]


def singular(text: str) -> str:
    """The words of a text in lower case, without the s of a plural."""
    words = re.findall("[a-z]+", text.lower())
    return " ".join(re.sub(r"(?<=[^s])s$", "", re.sub("ies$", "y", word)) for word in words)


if __name__ == "__main__":
    main()
