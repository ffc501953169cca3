"""Measure the answers to questions over albums, on photos that the encoder was not trained on.

    python scripts/evaluate_questions.py --heldout DIR            # invented albums, three splits
    python scripts/evaluate_questions.py --album                  # ../shared/data/album as it is
    python scripts/evaluate_questions.py --heldout DIR --fit      # numbers of the softmax, HEARD
    python scripts/evaluate_questions.py --heldout DIR --presence # yes or no, and its fit

--heldout is the folder of split-N.npz and heads-N.safetensors; those of --splits that are not there
are made by what scripts/train_mini.py does (half an hour from an empty --cache, then a minute
each). Each album is made of the photos that a split holds out, with
invented dates, places and cameras in their EXIF, and is indexed by the heads of that split; once
alone and once with its captions as linked documents, those that questions quote left out. The
photos of --album are photos that `mini` was trained on, so figures are better there than elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np  # noqa: E402
from albums.asking import questions as questions_about  # noqa: E402
from albums.fitting import heard, observe, sharpness  # noqa: E402
from albums.making import make_album, write_captions  # noqa: E402
from albums.presence import Answered, answered, captions_of, fitted, report, texts  # noqa: E402

from retrieval import Collection, EncoderSpec, index_folder  # noqa: E402
from retrieval.encoders import ENCODERS  # noqa: E402
from retrieval.evaluation.outcomes import QuestionReport  # noqa: E402
from retrieval.evaluation.questions import evaluate_questions, read_questions  # noqa: E402

SPLITS = (0, 1, 2)


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description="Measure answers to questions over albums.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--heldout", type=Path, help="folder of split-N.npz, heads-N.safetensors")
    parser.add_argument("--album", action="store_true", help="the album of the data instead")
    parser.add_argument("--each", type=int, default=80, help="questions of find, when and where")
    parser.add_argument("--splits", type=int, nargs="*", default=SPLITS)
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "mini")
    parser.add_argument("--keep", type=Path, help="folder of the albums; used if they are there")
    parser.add_argument("--fit", action="store_true", help="print fitted numbers instead")
    parser.add_argument("--presence", action="store_true", help="ask whether photos are there")
    parser.add_argument("--wrong", action="store_true", help="print what was wrong")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.album == bool(options.heldout):
        parser.error("name --heldout or --album")
    reports: dict[str, QuestionReport] = {}
    told: list[Answered] = []
    with tempfile.TemporaryDirectory() as temporary:
        keep = options.keep or Path(temporary)
        if options.album:
            album, asked = options.data / "album", options.data / "album-questions.json"
            table = options.data / "album-captions.csv"
            reports |= measure("album", keep, album, asked, table)
        if options.heldout:
            make_splits(options.heldout, options.splits, options.data, options.cache)
        for split in options.splits if options.heldout else ():
            use_heads(options.heldout / f"heads-{split}.safetensors")
            folder = keep / f"split-{split}"
            if not (folder / "questions.json").is_file():
                make(folder, options.heldout / f"split-{split}.npz", options.each, options.data)
            asked, table = folder / "questions.json", folder / "captions.csv"
            if options.presence:
                told += present(f"split {split}", keep, folder, options.heldout, split)
                continue
            if options.fit:
                fit(f"split {split}", keep, folder / "album", asked, table)
                continue
            reports |= measure(f"split {split}", keep, folder / "album", asked, table)
    if told:
        print(f"\nwith captions, all splits\n{report(told)}\n{fitted(told)}")
    for name, measured in reports.items():
        show(name, measured, options.wrong)
    if options.json:
        figures = {name: figures_of(measured) for name, measured in reports.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


def make_splits(folder: Path, splits: Sequence[int], data: Path, cache: Path) -> None:
    """Train the heads of splits that are not there, and embed what they hold out."""
    if all((folder / f"heads-{split}.safetensors").is_file() for split in splits):
        return
    import torch
    from relevance import heldout
    from train_mini import prepare

    torch.set_num_threads(1)
    heldout.make(folder, prepare(data, cache), splits)


def use_heads(path: Path) -> None:
    """Let "mini" be the encoder with these heads."""

    def load(spec: EncoderSpec) -> Any:
        from retrieval.encoders.mini import MiniEncoder

        return MiniEncoder(spec.device, spec.threads, heads=path)

    module = sys.modules[__name__]
    sys.modules.setdefault("evaluate_questions", module)
    vars(sys.modules["evaluate_questions"])["load_held_out"] = load
    ENCODERS["mini"] = "evaluate_questions:load_held_out"


def make(folder: Path, split: Path, each: int, data: Path) -> None:
    """Make the album of a split, its captions and the questions about it."""
    with np.load(split, allow_pickle=False) as stored:
        paths = [Path(str(path)) for path in stored["held_paths"]]
        captions: list[list[str]] = [[] for _ in paths]
        for text, owner in zip(stored["caption_texts"], stored["caption_owner"], strict=True):
            captions[owner].append(str(text))
    here = [data / Path(*path.parts[-3:]) for path in paths]
    shots = make_album(folder / "album", list(zip(here, captions, strict=True)))
    asked, quoted = questions_about(shots, each)
    write_captions(folder / "captions.csv", shots, quoted)
    (folder / "questions.json").write_text(json.dumps(asked, indent=1), "utf-8")


def indexed(name: str, keep: Path, album: Path, table: Path) -> Iterator[tuple[str, Collection]]:
    """An album indexed alone, then with its captions as well."""
    for way, sources in (("photos", [album]), ("with captions", [album, table])):
        place = keep / f"{name} {way}".replace(" ", "-")
        if len(sources) > 1 and not place.exists():
            shutil.copytree(keep / f"{name} photos".replace(" ", "-"), place)
        with Collection.open(place, create=True, spec=EncoderSpec("mini")) as collection:
            index_folder(collection, sources)
            yield f"{name}, {way}", collection


def measure(
    name: str, keep: Path, album: Path, asked: Path, table: Path
) -> dict[str, QuestionReport]:
    """Ask all questions of an album without and with its captions."""
    questions = read_questions(asked)
    return {
        way: evaluate_questions(collection, questions, album)
        for way, collection in indexed(name, keep, album, table)
    }


def fit(name: str, keep: Path, album: Path, asked: Path, table: Path) -> None:
    """Print the numbers that suit an album best, without and with its captions."""
    questions = json.loads(asked.read_text("utf-8"))
    for way, collection in indexed(name, keep, album, table):
        seen = list(observe(collection, album, questions))
        print(f"{way}: sharpness {sharpness(seen)}", flush=True)
        if any(each.told is not None for each in seen):
            print(f"{way}: own, told, silence {heard(seen)}", flush=True)


def present(name: str, keep: Path, folder: Path, heldout: Path, split: int) -> list[Answered]:
    """Ask an album whether photos are there; what is told with captions."""
    captions = captions_of(heldout)
    with np.load(heldout / f"split-{split}.npz", allow_pickle=False) as stored:
        own = {str(path) for path in stored["held_paths"]}
    others = [text for path, told in captions.items() if path not in own for text in told]
    asked = json.loads((folder / "questions.json").read_text("utf-8"))
    wanted = texts(asked, [captions[path] for path in sorted(own)], others)
    found: list[Answered] = []
    for way, collection in indexed(name, keep, folder / "album", folder / "captions.csv"):
        found = list(answered(collection, wanted))
        print(f"{way}\n{report(found)}", flush=True)
    return found


def figures_of(report: QuestionReport) -> dict[str, Any]:
    """All figures of a report, for JSON."""
    return {
        "kinds": report.kinds,
        "citations": report.citations,
        "latency_ms": report.latency_ms,
        "wrong_grounded": report.wrong_grounded,
    }


def _cell(key: str, value: float, counts: dict[str, float]) -> str:
    """A figure as a share: of all, or of those whose right photo is the first."""
    of = {"first_right": counts.get("first") or 1}.get(key, counts["n"])
    return f"{key} {value if key.startswith('R@') else value / of:.3f}"


def show(name: str, report: QuestionReport, wrong: bool) -> None:
    """Print the table of one album."""
    print(f"\n{name}: wrong and grounded {report.wrong_grounded:.3f} of {len(report.outcomes)}")
    for kind, counts in report.kinds.items():
        cells = "  ".join(_cell(key, value, counts) for key, value in counts.items() if key != "n")
        print(f"  {kind:7s} n {counts['n']:4.0f}  {cells}")
    print(f"  citations {report.citations}  {report.latency_ms}")
    for outcome in report.outcomes if wrong else ():
        if not outcome.right:
            told = f"{outcome.status}, rank {outcome.rank}: {outcome.text!r}"
            print(f"    {outcome.question.question!r} ({outcome.question.answer}) -> {told}")


if __name__ == "__main__":
    main()
