"""Find photos by words: what is typed becomes an expression for FTS5, which ranks by BM25.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009); FTS5 computes
it with k1 = 1.2 and b = 0.75 over weighted columns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from retrieval.storage.readable import Readable
from retrieval.storage.words import tokens

_STOP_WORDS = """
a an the and or of in on at to with for from by as is are was were be been being am it its this
that these those there their his her he she they them him i me my we us our you your who whom
whose which what where when while how why into onto over under up down out off near next some
any all each both has have had do does did done not no so than then very just only also s t
photo photos photograph photographs picture pictures image images pic pics find show search give
get take taken took
"""
#: Words that say nothing about what a picture shows, and those by which it is asked for.
STOP_WORDS = frozenset(_STOP_WORDS.split())
ENDINGS = ("ings", "ing", "ies", "es", "ed", "s")
LEAST_STEM = 3  # letters that are left
MOST_WORDS = 32  # of a query; the first count
#: Rows that may be ranked: each costs about 2.3 microseconds, so 5 ms in all.
MOST_ROWS = 2_000
#: Rows that may be fetched without ranking: 0.45 microseconds each.
MOST_EQUAL_ROWS = 20_000
LEAST_WEIGHT = 1e-6  # of a word that most photos have; FTS5 has the same


@dataclass(frozen=True, slots=True)
class WordMatch:
    """A photo that has some of the words.

    `score` is its BM25 in units of what the words of the query weigh together: about 1 for a photo
    that has all of them once, near 0 for one that has only what many have.
    """

    id: int
    score: float


def content_words(text: str) -> list[str]:
    """The words of a text that say what is looked for: lower case, each once, in order."""
    words = (word.lower() for word in tokens(text))
    return list(dict.fromkeys(word for word in words if word not in STOP_WORDS))[:MOST_WORDS]


def stem_of(word: str) -> str:
    """A word without its English ending: "dog" for "dogs", "run" for "running"."""
    if not _is_english(word):
        return word
    for ending in ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= LEAST_STEM:
            doubled = stem[-1] == stem[-2] and stem[-1] not in "lsz"  # as Porter has it
            return stem[:-1] if doubled and len(stem) > LEAST_STEM else stem
    return word


def term(word: str) -> str:
    """The FTS5 expression for a word in all its forms: ``"snow" *`` for "snowing".

    The stem may go on. Measured on captions, this finds what Porter's stemmer does, and exact
    words stay searchable beside it. Of a short stem, which would begin too many words ("cat",
    "catholic"), the forms are named; numbers and other scripts stand for themselves.
    """
    stem = stem_of(word)
    if not _is_english(word) or len(stem) < LEAST_STEM:
        return f'"{word}"'
    if len(stem) > LEAST_STEM:
        return f'"{stem}" *'
    forms = dict.fromkeys((stem, f"{stem}s", f"{stem}{stem[-1]}ing", word))
    return "(" + " OR ".join(f'"{form}"' for form in forms) + ")"


def _is_english(word: str) -> bool:
    return word.isascii() and word.isalpha()


def ranked(
    reader: Readable, text: str, limit: int, allowed: Container[int] | None = None
) -> list[WordMatch]:
    """The photos whose words fit `text` best, at most `limit`, best first, ties by lower id.

    Only photos among `allowed` (ids), if given. Words that very many photos have are left out
    where there are rarer ones: what they tell is little and ranking them takes long. If there is
    no rarer one, all photos with the least common word are equals. Whatever the text holds, FTS5
    sees its words only.
    """
    words = content_words(text)
    if not words or limit < 1:
        return []
    with reader.snapshot():
        ((total,),) = reader.fetch("SELECT count(*) FROM words_docsize")
        counts = dict(_counted(reader, word) for word in words)
        whole = sum(_weight(total, count) for count in counts.values())
        there = sorted((count, term) for term, count in counts.items() if count)
        found = _matching(reader, there, total)
    found = [pair for pair in found if allowed is None or pair[0] in allowed]
    found.sort(key=lambda pair: (-pair[1], pair[0]))
    return [WordMatch(photo, score / whole) for photo, score in found[:limit]]


def holding_all(reader: Readable, text: str, photos: Sequence[int]) -> set[int]:
    """Those of the photos (ids) that have every content word of a text, their folders apart."""
    words = content_words(text)
    if not words:
        return set()
    found = reader.fetch(
        "SELECT rowid FROM words WHERE words MATCH ? AND rowid IN (SELECT value FROM json_each(?))",
        "{name keywords caption documents writing} : (" + " AND ".join(map(term, words)) + ")",
        json.dumps(list(photos)),
    )
    return {photo for (photo,) in found}


def stands_somewhere(reader: Readable, word: str) -> bool:
    """Whether any photo has a word, in any of its forms."""
    return bool(reader.fetch("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", term(word)))


def stand_together(reader: Readable, name: str) -> bool:
    """Whether words follow each other so in what people wrote of any photo, or in its folders."""
    words = content_words(name)
    if not words:
        return False
    phrase = '"' + " ".join(words) + '"'
    columns = "{folder keywords caption documents} : "
    return bool(reader.fetch("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", columns + phrase))


def _counted(reader: Readable, word: str) -> tuple[str, int]:
    """The expression for a word and how many photos have it; of a common one only this form."""
    expression, plain = term(word), f'"{stem_of(word)}"'
    count = _count(reader, plain)
    if count > MOST_ROWS or expression == plain:
        return plain, count
    return expression, _count(reader, expression)


def _count(reader: Readable, expression: str) -> int:
    ((count,),) = reader.fetch("SELECT count(*) FROM words WHERE words MATCH ?", expression)
    return int(count)


def _weight(total: int, count: int) -> float:
    """How much a word tells that `count` of `total` photos have: BM25's idf, as FTS5 has it."""
    return max(math.log((total - count + 0.5) / (count + 0.5)), LEAST_WEIGHT)


def _matching(
    reader: Readable, there: Sequence[tuple[int, str]], total: int
) -> list[tuple[int, float]]:
    """Photos and their BM25, for words with their counts, the rarest first."""
    chosen: list[str] = []
    rows = 0
    for count, expression in there:
        rows += count
        if rows > MOST_ROWS:
            break
        chosen.append(expression)
    if chosen:
        # The weights of columns: name, folder, keywords, caption, documents, writing.
        found = reader.fetch(
            "SELECT rowid, -rank FROM words WHERE words MATCH ?"
            " AND rank MATCH 'bm25(0.8, 0.5, 1.0, 1.0, 1.0, 0.8)'",
            " OR ".join(chosen),
        )
        return [(photo, score) for photo, score in found]
    if there and there[0][0] <= MOST_EQUAL_ROWS:
        count, expression = there[0]
        equals = reader.fetch("SELECT rowid FROM words WHERE words MATCH ?", expression)
        return [(photo, _weight(total, count)) for (photo,) in equals]
    return []
