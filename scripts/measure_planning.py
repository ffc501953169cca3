"""How often questions that quote a caption are understood: right intent, and the caption whole.

    python scripts/measure_planning.py ../shared/data --captions 2000

Puts captions of FOLDER (flickr8k-700, coco-470, caption-bank.csv.gz) into every question of
tests/frames.py and prints, for each, how many plans have its intent, its field and the caption as
their box. A caption counts as whole where only white space and marks at its ends differ, or "a
picture of" at its beginning, which the search box takes off as well.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import gzip
import random
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from retrieval.answering.planning import plan_question
from retrieval.queries.shells import strip
from retrieval.storage.vocabulary import Vocabulary
from tests.frames import CHINESE, ENGLISH

FILES = ("flickr8k-700/captions.csv", "coco-470/captions.csv", "caption-bank.csv.gz")
TODAY = datetime.date(2026, 11, 24)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--captions", type=int, default=0, help="a random sample; 0: all")
    parser.add_argument("--show", type=int, default=3, help="failures shown for each question")
    given = parser.parse_args()
    captions = sorted({c for name in FILES for c in captions_of(given.folder / name)})
    if given.captions:
        captions = random.Random(0).sample(captions, min(given.captions, len(captions)))
    begun, right, asked = time.perf_counter(), 0, 0
    for asked_as in (*ENGLISH, *CHINESE):
        failures = [c for c in captions if not understood(c, *asked_as)]
        right, asked = right + len(captions) - len(failures), asked + len(captions)
        print(f"{1 - len(failures) / len(captions):8.3%}  {asked_as[0]}", flush=True)
        for caption in failures[: given.show]:
            plan = plan_question(asked_as[0].format(caption), None, TODAY)
            print(f"          {caption!r}\n       -> {plan.intent} {plan.field} {plan.box!r}")
    spent = (time.perf_counter() - begun) / asked * 1e3
    print(f"{right:,} of {asked:,} right: {right / asked:.4%}; {spent:.2f} ms each")


def captions_of(path: Path) -> Iterator[str]:
    """The captions of a table, each with blanks for white space."""
    opened = partial(gzip.open, mode="rt") if path.suffix == ".gz" else open
    with opened(path, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if caption := bare(row["caption"]):
                yield caption


def bare(text: str) -> str:
    return " ".join(text.split()).strip(" .,;:!?'\"")


def understood(caption: str, question: str, intent: str, field: str, box: str = "{}") -> bool:
    plan = plan_question(question.format(caption), Vocabulary(), TODAY)
    begin, _ = strip(caption)
    boxes = {box.format(caption), box.format(caption[begin:])}
    return (plan.intent, plan.field) == (intent, field) and bare(plan.box) in boxes


if __name__ == "__main__":
    main()
