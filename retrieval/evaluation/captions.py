"""How near captions come to what people wrote: BLEU-4, ROUGE-L and CIDEr-D, without Java.

Each follows its usual implementation to the last digit, and the tests compare with it: BLEU is
sacrebleu's (corpus, tokenizer 13a, smoothing "exp", references of any number), ROUGE-L is
rouge-score's without stemming, CIDEr-D is pycocoevalcap's. That one splits texts by Stanford's
Java; here `plain_words` does, so figures of papers are near these and not equal to them.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import UsageError
from retrieval.evaluation.folders import read_captions

ORDER = 4  # of the longest n-grams
SIGMA = 6.0  # of CIDEr-D's penalty for another length, in words

Words = list[str]
Grams = Counter[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CaptionScores:
    """`bleu4` in [0, 100], `rouge_l` in [0, 1], `cider` in [0, 10]; of so many `captions`.

    `cider` weighs words by how few photos' references have them: with a single photo it is 0.
    """

    bleu4: float
    rouge_l: float
    cider: float
    captions: int


def score_captions(
    candidates: Mapping[str, str], references: Mapping[str, Sequence[str]]
) -> CaptionScores:
    """Score one caption a photo against its references, both by the name of the photo.

    Raises UsageError where there is no caption, or one without references.
    """
    if not candidates:
        raise UsageError("There are no captions to score. Name a table that holds some.")
    alone = next((name for name in candidates if not references.get(name)), None)
    if alone is not None:
        raise UsageError(f"There are no captions to compare with for {alone}. Leave it out.")
    pairs = [(caption, list(references[name])) for name, caption in candidates.items()]
    return CaptionScores(bleu4(pairs), rouge_l(pairs), cider_d(pairs), len(pairs))


@dataclass(frozen=True, slots=True)
class CaptionEvaluation:
    """The scores of a table of captions against what people wrote about a folder's photos.

    `unknown` are photos of the table that the folder has no captions of, which are left out;
    `missing` counts photos of the folder that the table has no caption for.
    """

    scores: CaptionScores
    unknown: tuple[str, ...]
    missing: int


def evaluate_captions(folder: str | Path, table: str | Path) -> CaptionEvaluation:
    """Compare a table image,caption with the captions.csv of `folder`, of the form of `eval`.

    Photos are told by their names; of several rows of one photo the last counts. Raises UsageError.
    """
    _, references = read_captions(folder)
    candidates: dict[str, str] = {}
    unknown: dict[str, None] = {}
    for image, caption in _rows(Path(os.path.expanduser(table))):
        name = image if image in references else os.path.basename(image)
        if name in references:
            candidates[name] = caption
        else:
            unknown[image] = None
    scores = score_captions(candidates, references)
    return CaptionEvaluation(scores, tuple(unknown), len(references) - len(candidates))


def _rows(path: Path) -> list[tuple[str, str]]:
    """Image and caption of each row that has both. Raises UsageError."""
    csv.field_size_limit(1 << 24)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"image", "caption"} <= set(reader.fieldnames or ()):
                raise UsageError(f"The first line of {path} must name the columns image,caption.")
            return [(r["image"], r["caption"]) for r in reader if r["image"] and r["caption"]]
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror or exc}. Name a table.") from exc
    except (csv.Error, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} is not a UTF-8 CSV table: {exc}. Correct it.") from exc


# --- BLEU -------------------------------------------------------------------------------------

_13A = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def words_13a(text: str) -> Words:
    """Split a text as mteval-v13a does, which WMT and sacrebleu take; case is kept."""
    line = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        line = line.replace(entity, character)
    line = f" {line} "
    for pattern, replacement in _13A:
        line = pattern.sub(replacement, line)
    return line.split()


def bleu4(pairs: Iterable[tuple[str, Sequence[str]]]) -> float:
    """BLEU of all captions together, in [0, 100] (Papineni and others, 2002).

    An order without any match counts as half a match, the next such one as a quarter.
    """
    matches, totals = [0] * ORDER, [0] * ORDER
    length = wanted = 0
    for caption, references in pairs:
        words = words_13a(caption)
        others = [words_13a(reference) for reference in references]
        length += len(words)
        wanted += min((abs(len(o) - len(words)), len(o)) for o in others)[1]
        most: Grams = Counter()
        for other in others:
            most |= _grams(other)
        for gram, count in _grams(words).items():
            totals[len(gram) - 1] += count
            matches[len(gram) - 1] += min(count, most[gram])
    if not any(matches) or not all(totals):
        return 0.0
    penalty = min(1.0, math.exp(1 - wanted / length))
    mean = math.exp(sum(map(math.log, _precisions(matches, totals))) / ORDER)
    return min(penalty * mean, 100.0)


def _precisions(matches: Sequence[int], totals: Sequence[int]) -> list[float]:
    """In per cent, each above 0."""
    found, smooth = [], 1.0
    for match, total in zip(matches, totals, strict=True):
        smooth *= 1.0 if match else 2.0
        found.append(100.0 * match / total if match else 100.0 / (smooth * total))
    return found


def _grams(words: Sequence[str]) -> Grams:
    return Counter(
        tuple(words[start : start + n])
        for n in range(1, ORDER + 1)
        for start in range(len(words) - n + 1)
    )


# --- ROUGE-L ----------------------------------------------------------------------------------


def words_of_rouge(text: str) -> Words:
    """Letters a to z and digits, in lower case."""
    return re.findall("[a-z0-9]+", text.lower())


def rouge_l(pairs: Sequence[tuple[str, Sequence[str]]]) -> float:
    """The mean over captions of the best F1 with any reference, in [0, 1] (Lin, 2004).

    Precision and recall are the longest common subsequence's share of either text.
    """
    return sum(_best_f1(*pair) for pair in pairs) / len(pairs)


def _best_f1(caption: str, references: Sequence[str]) -> float:
    words, best = words_of_rouge(caption), 0.0
    for reference in references:
        other = words_of_rouge(reference)
        common = _common(words, other)
        if common:
            precision, recall = common / len(words), common / len(other)
            best = max(best, 2 * precision * recall / (precision + recall))
    return best


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    above = [0] * (len(other) + 1)
    for word in one:
        row = [0]
        for place, against in enumerate(other):
            same = above[place] + 1 if word == against else max(above[place + 1], row[-1])
            row.append(same)
        above = row
    return above[-1]


# --- CIDEr-D ----------------------------------------------------------------------------------


def plain_words(text: str) -> Words:
    """Words in lower case without punctuation; an apostrophe or a hyphen within one stays."""
    return re.findall(r"\w+(?:['’-]\w+)*", text.lower())


def cider_d(pairs: Sequence[tuple[str, Sequence[str]]]) -> float:
    """The mean over captions of CIDEr-D, in [0, 10] (Vedantam, Zitnick and Parikh, 2015).

    n-grams are weighed by tf-idf, over the photos' references; similarity is the clipped cosine,
    less where lengths differ, the mean over n = 1 to 4 and over references.
    """
    captions = [_grams(plain_words(caption)) for caption, _ in pairs]
    references = [[_grams(plain_words(text)) for text in texts] for _, texts in pairs]
    photos: Grams = Counter(gram for texts in references for gram in set().union(*texts))
    scores = []
    for caption, texts in zip(captions, references, strict=True):
        mine = _Weighed.of(caption, photos, len(pairs))
        others = [_Weighed.of(text, photos, len(pairs)) for text in texts]
        scores.append(sum(map(mine.likeness, others)) / len(others))
    return 10.0 * sum(scores) / len(scores)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A text as one sparse vector for each order of n-grams, with their norms.

    `length` counts its bigrams, as the reference implementation does.
    """

    vectors: tuple[dict[tuple[str, ...], float], ...]
    norms: tuple[float, ...]
    length: int

    @classmethod
    def of(cls, grams: Grams, photos: Grams, count: int) -> _Weighed:
        vectors: tuple[dict[tuple[str, ...], float], ...] = tuple({} for _ in range(ORDER))
        for gram, times in grams.items():
            rarity = math.log(count) - math.log(max(1, photos[gram]))
            vectors[len(gram) - 1][gram] = times * rarity
        norms = tuple(math.sqrt(sum(v * v for v in vector.values())) for vector in vectors)
        return cls(vectors, norms, sum(n for gram, n in grams.items() if len(gram) == 2))

    def likeness(self, reference: _Weighed) -> float:
        """The mean over orders, in [0, 1]."""
        total = 0.0
        for mine, its, norm, other in zip(
            self.vectors, reference.vectors, self.norms, reference.norms, strict=True
        ):
            if norm and other:
                shared = sum(min(mine[gram], its[gram]) * its[gram] for gram in mine.keys() & its)
                total += shared / (norm * other)
        apart = self.length - reference.length
        return total / ORDER * math.exp(-(apart**2) / (2 * SIGMA**2))
