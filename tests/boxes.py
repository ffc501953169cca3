"""The vocabulary of a collection whose photos are from around the world, to compile boxes with."""

from __future__ import annotations

import datetime

from retrieval.queries.compiling import compile_query
from retrieval.records import Chip, Part, Query
from retrieval.storage.vocabulary import Vocabulary

TODAY = datetime.date(2026, 11, 24)  # a Tuesday
VOCABULARY = Vocabulary(
    places=(
        ("Kyoto", "Kyoto", "Japan", "JP"),
        ("Lisbon", "Lisbon", "Portugal", "PT"),
        ("Cape Town", "Western Cape", "South Africa", "ZA"),
        ("Chicago", "Illinois", "United States", "US"),
        ("Istanbul", "Istanbul", "Turkey", "TR"),
        ("Amman", "Amman", "Jordan", "JO"),
        ("Orange", "Provence-Alpes-Côte d'Azur", "France", "FR"),
        ("Nice", "Provence-Alpes-Côte d'Azur", "France", "FR"),
        ("Long Beach", "California", "United States", "US"),
        ("Saint-Étienne", "Auvergne-Rhône-Alpes", "France", "FR"),
        (None, None, "China", "CN"),
    ),
    gear=(
        ("Sony", "ILCE-7M3", None),
        ("Apple", "iPhone XS", None),
        ("Apple", "iPhone 15", None),
        ("Apple", "iPhone 15 Pro", None),
        ("Canon", "Canon EOS 80D", "EF50mm f/1.8 STM"),
    ),
    trips=("Kyoto 2023",),
    years=(2019, 2024),
)
ELSEWHERE = {"ulaanbaatar", "paris", "rome", "new york", "turkey", "reading", "santa claus", "asia"}


def known_place(name: str) -> bool:
    return name.casefold() in ELSEWHERE


def compiled(*texts: str, vocabulary: Vocabulary = VOCABULARY) -> Query:
    query = Query(tuple(Part("box", text) for text in texts))
    return compile_query(query, vocabulary, TODAY, known_place)


def plan(query: Query) -> list[str]:
    """The labels of the chips."""
    return [chip.label for chip in query.chips]


def read(text: str, vocabulary: Vocabulary = VOCABULARY) -> list[str]:
    """How a box is understood: the labels of its chips, in order."""
    return plan(compiled(text, vocabulary=vocabulary))


def without(query: Query, chip: Chip) -> list[tuple[object, ...]]:
    """What the other chips mean, in no order."""
    others = [each for each in query.chips if each is not chip]
    return meanings(others)


def meanings(chips: list[Chip] | tuple[Chip, ...]) -> list[tuple[object, ...]]:
    found = [
        (chip.kind, chip.filter, chip.weight, chip.label if chip.filter is None else "")
        for chip in chips
    ]
    return sorted(found, key=repr)
