"""Our figures are those of sacrebleu, rouge-score and pycocoevalcap, also on odd captions."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import UsageError
from retrieval.evaluation.captions import evaluate_captions, plain_words, score_captions

EXACT = pytest.approx
CAPTIONS = {
    "a.jpg": "A brown dog runs across the wet sand .",
    "b.jpg": "two children, in red coats, are playing in the snow!",
    "c.jpg": 'The 3.5-metre sign reads "STOP" &amp; nobody\'s there',
    "d.jpg": "a man",
}
REFERENCES = {
    "a.jpg": ["A dog is running on the beach.", "The brown dog runs across wet sand."],
    "b.jpg": ["Two kids in red coats play in snow .", "Children playing in the snow", "Snow"],
    "c.jpg": ["A stop sign.", 'The 3.5 metre sign reads "STOP".'],
    "d.jpg": ["A man rides a bicycle down a hill.", "a man on a bike"],
}


def sacrebleu_of(candidates: dict[str, str], references: dict[str, list[str]]) -> float:
    from sacrebleu.metrics import BLEU

    names = list(candidates)
    most = max(len(references[name]) for name in names)
    streams = [
        [references[name][n] if n < len(references[name]) else None for name in names]
        for n in range(most)
    ]
    return float(BLEU().corpus_score([candidates[name] for name in names], streams).score)


def rouge_of(candidates: dict[str, str], references: dict[str, list[str]]) -> float:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    scores = [
        scorer.score_multi(references[name], caption)["rougeL"].fmeasure
        for name, caption in candidates.items()
    ]
    return float(sum(scores) / len(scores))


def cider_of(candidates: dict[str, str], references: dict[str, list[str]]) -> float:
    from pycocoevalcap.cider.cider import Cider

    def split(text: str) -> str:
        return " ".join(plain_words(text))

    return float(
        Cider().compute_score(
            {name: [split(text) for text in references[name]] for name in candidates},
            {name: [split(caption)] for name, caption in candidates.items()},
        )[0]
    )


def compared(candidates: dict[str, str], references: dict[str, list[str]]) -> None:
    ours = score_captions(candidates, references)
    assert ours.bleu4 == EXACT(sacrebleu_of(candidates, references), abs=1e-9)
    assert ours.rouge_l == EXACT(rouge_of(candidates, references), abs=1e-9)
    assert ours.cider == EXACT(cider_of(candidates, references), abs=1e-9)
    assert ours.captions == len(candidates)


def test_made_up_captions() -> None:
    compared(CAPTIONS, REFERENCES)


def real(folder: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    with open(folder / "captions.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            captions.setdefault(row["image"], []).append(row["caption"])
    return {name: texts for name, texts in captions.items() if len(texts) > 1}


@pytest.mark.parametrize("name", ["flickr8k-700", "coco-470"])
def test_what_people_wrote_against_what_others_wrote(shared: Path, name: str) -> None:
    captions = dict(list(real(shared / name).items())[:200])
    first = {photo: texts[0] for photo, texts in captions.items()}
    compared(first, {photo: texts[1:] for photo, texts in captions.items()})
    turned = dict(zip(first, [*list(first.values())[1:], "A dog."], strict=True))  # of others
    compared(turned, captions)


TEXTS = st.text("ab.-, 1'&;ßé中\n", max_size=20)


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_odd_captions(pairs: list[tuple[str, list[str]]]) -> None:
    pairs = [*pairs, ("a dog", ["a cat"])]  # pycocoevalcap stumbles where there is no word at all
    candidates = {str(n): caption for n, (caption, _) in enumerate(pairs)}
    compared(candidates, {str(n): texts for n, (_, texts) in enumerate(pairs)})


def test_the_same_words_are_the_best_there_is() -> None:
    same = {name: texts[0] for name, texts in REFERENCES.items()}
    ours = score_captions(same, {name: [text] for name, text in same.items()})
    assert ours.bleu4 == EXACT(100)
    assert ours.rouge_l == EXACT(1)
    assert ours.cider > score_captions(CAPTIONS, REFERENCES).cider


@pytest.mark.parametrize(
    ("candidates", "says"), [({}, "no captions to score"), ({"x.jpg": "a"}, "compare with for x")]
)
def test_nothing_to_compare(candidates: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        score_captions(candidates, REFERENCES)


def folder(place: Path, captions: dict[str, list[str]]) -> Path:
    """A folder as `eval` takes it."""
    (place / "images").mkdir(parents=True)
    with open(place / "captions.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "caption"))
        rows.writerows((name, text) for name, texts in captions.items() for text in texts)
    return place


def test_a_table_is_compared_with_a_folder(tmp_path: Path) -> None:
    table = tmp_path / "ours.csv"
    table.write_text(
        "image,caption,source\n"
        "folder/images/a.jpg,an older one,x\n"
        f"folder/images/a.jpg,{CAPTIONS['a.jpg']},x\n"
        f'b.jpg,"{CAPTIONS["b.jpg"]}",x\n'
        "elsewhere.jpg,a cat,x\nc.jpg,,x\n"
    )
    found = evaluate_captions(folder(tmp_path / "folder", REFERENCES), table)
    wanted = {name: CAPTIONS[name] for name in ("a.jpg", "b.jpg")}
    assert found.scores == score_captions(wanted, REFERENCES)
    assert (found.unknown, found.missing) == (("elsewhere.jpg",), 2)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "cannot be read"),
        (b"a,b\n1,2\n", "image,caption"),
        (b"\xff\x00", "not a UTF-8"),
        (b"image,caption\nelsewhere.jpg,a cat\n", "no captions to score"),
        (b"", "image,caption"),
    ],
)
def test_tables_that_cannot_be_compared(tmp_path: Path, data: bytes | None, says: str) -> None:
    table = tmp_path / "ours.csv"
    if data is not None:
        table.write_bytes(data)
    with pytest.raises(UsageError, match=says):
        evaluate_captions(folder(tmp_path / "folder", REFERENCES), table)
