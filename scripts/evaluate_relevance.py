"""Measure calibrated relevance on photos that the encoder was not trained on, or fit its numbers.

    python scripts/evaluate_relevance.py                      # tables
    python scripts/evaluate_relevance.py --fit                # the numbers of judging.CURVES

Without --heldout the held-out heads are made first, by what scripts/train_mini.py does (half an
hour from an empty --cache, then a minute each).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np
import torch
from mini.data import read_corpus
from relevance import heldout, measure
from relevance.questions import (
    ABSENT,
    HARD,
    KINDS,
    PRESENT,
    many_questions,
    questions,
    seen_questions,
)

from retrieval.calibration.judging import CURVES, Curves

SIZES = (500, 100, 20)
#: How much each kind of question counts in fitting, in all.
WEIGHTS = {"caption": 0.45, "word": 0.12, "far": 0.2, "far word": 0.12, "made up": 0.15}
WEIGHTS |= {"seen": 0.05, "seen made up": 0.05, "many made up": 0.05}


def main() -> None:
    """Parse the options and do the one or the other."""
    parser = argparse.ArgumentParser(description="Measure calibrated relevance with `mini`.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--heldout", type=Path, help="folder of split-N.npz, heads-N.safetensors")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "mini")
    parser.add_argument("--fit", action="store_true", help="print fitted numbers, and their tables")
    parser.add_argument("--present-cut", type=float, default=CURVES.present_cut)
    parser.add_argument("--hit-cut", type=float, default=CURVES.hit_cut)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.heldout or options.cache / "relevance"
    if options.heldout is None:
        from train_mini import prepare

        heldout.make(folder, prepare(options.data, options.cache))
    splits = ask_all(options.data, options.cache, folder)
    cuts = options.present_cut, options.hit_cut
    if options.fit:
        fitted = [
            measure.with_cuts(fit([s for j, s in enumerate(splits) if j != i]), *cuts)
            for i in range(len(splits))
        ]
        print("fitted on all splits:", measure.with_cuts(fit(splits), *cuts))
        print("each split is measured with the numbers of the other two")
        report(splits, fitted)
    else:
        report(splits, [measure.with_cuts(CURVES, *cuts)] * len(splits))


def ask_all(data: Path, cache: Path, folder: Path) -> list[dict[int, list[measure.Asked]]]:
    """For each split and size of gallery, every question asked."""
    corpus = read_corpus(data)
    others = [[corpus.texts[c] for c in group] for group in corpus.others]
    many = heldout.photos_without_captions(data, cache)
    found = []
    for seed, own in enumerate(heldout.read(folder, corpus, many)):
        galleries = [
            (own.vectors, questions(own.captions, others, seed)),
            (own.seen, seen_questions(own.seen_captions, seed)),
            (own.many, many_questions(len(own.many))),
        ]
        sizes: dict[int, list[measure.Asked]] = {size: [] for size in SIZES}
        for photos, asked in galleries:
            vectors = own.encode([question.text for question in asked])
            for size, result in sizes.items():
                if photos is own.many and size != SIZES[0]:
                    continue
                most = len(photos) if size == SIZES[0] else size
                result += measure.ask(photos, own.calibration, asked, vectors, most)
        found.append(sizes)
        print(f"split {seed}: {len(sizes[SIZES[0]])} questions", file=sys.stderr)
    return found


def fit(splits: list[dict[int, list[measure.Asked]]]) -> Curves:
    """Fit on all sizes of galleries of these splits."""
    asked = [a for split in splits for some in split.values() for a in some]
    return measure.fit(asked, WEIGHTS, CURVES.hit_cut)


def report(splits: list[dict[int, list[measure.Asked]]], curves: list[Curves]) -> None:
    """Print all tables, means over the splits."""
    print("\n(seen: photos that the encoder was trained on; many: 1,200 others, with the first)")
    for size in SIZES:
        results = {
            kind: [measure.judge(s[size], kind, c) for s, c in zip(splits, curves, strict=True)]
            for kind in KINDS
        }
        print(f"\ngalleries of at most {size} photos")
        for kind, each in results.items():
            if not len(each[0].presence):
                continue
            answered = np.mean([r.answered for r in each])
            line = f"  {kind:9s} answered {answered:.3f}  nothing {1 - answered:.3f}"
            line += f"  shown {np.mean([r.shown for r in each]):5.1f}"
            if kind in PRESENT:
                line += f"  right kept {np.mean([r.right_kept for r in each]):.3f}"
                line += f"  precision {np.mean([r.precision for r in each]):.3f}"
            print(line)
        for kind in PRESENT:
            for absent in (*ABSENT, *HARD):
                both = zip(results[kind], results[absent], strict=True)
                value = np.mean([measure.auc(a.presence, b.presence) for a, b in both])
                print(f"  ROC-AUC {kind} against {absent}: {value:.3f}")
    tradeoff(splits, curves)
    words(splits, curves)
    for kinds in (PRESENT, (*PRESENT, *ABSENT)):
        pairs = zip(splits, curves, strict=True)
        tables = [measure.reliability(s[500], c, kinds) for s, c in pairs]
        print(f"\nrelevance of the ten best, {', '.join(kinds)}:")
        print(f"  expected calibration error {np.mean([error for error, _ in tables]):.3f}")
        for told, true, count in tables[0][1]:
            print(f"  split 0: told {told:.2f} found {true:.2f} ({count})")


def tradeoff(splits: list[dict[int, list[measure.Asked]]], curves: list[Curves]) -> None:
    """Print what other cuts for there being anything would give."""
    print(
        "\ncut  present answered (caption, word)  nothing for (far, far word, made up;"
        " near; seen, many)"
    )
    kinds = (*PRESENT, *ABSENT, "near", "seen made up", "many made up")
    told = {
        kind: [measure.judge(s[500], kind, c).presence for s, c in zip(splits, curves, strict=True)]
        for kind in kinds
    }
    for cut in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        share = {kind: np.mean([np.mean(p >= cut) for p in told[kind]]) for kind in kinds}
        cells = [share[k] if k in PRESENT else 1 - share[k] for k in kinds]
        print(f"{cut:.2f}  " + "  ".join(f"{cell:.3f}" for cell in cells))


def words(splits: list[dict[int, list[measure.Asked]]], curves: list[Curves]) -> None:
    """Print precision and recall of single words over the cut of a hit."""
    print("\ncut of a hit  single words: recall precision  captions: right kept, shown")
    for cut in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        some = [
            [measure.judge(s[500], kind, measure.with_cuts(c, 0.0, cut)) for kind in PRESENT]
            for s, c in zip(splits, curves, strict=True)
        ]
        mean = [
            [
                np.mean([getattr(r[i], n) for r in some])
                for n in ("right_kept", "precision", "shown")
            ]
            for i in (1, 0)
        ]
        print(f"{cut:.2f}  {mean[0][0]:.3f} {mean[0][1]:.3f}   {mean[1][0]:.3f} {mean[1][2]:.1f}")


if __name__ == "__main__":
    main()
