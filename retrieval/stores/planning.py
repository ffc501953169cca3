"""How a search is carried out: all rows, only the allowed ones, or a shortlist that is rescored.

The measure of a filter is the share of rows it keeps. Where that is small the allowed rows are
compared one by one; else the shortlist is made longer by as much as the filter will throw away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EXACT_SHARE = 0.1  # of the rows: up to here a filter is searched exactly
EXACT_ROWS = 20_000  # and up to here: gathering costs 0.25 µs a row, the codes 2 ns a row
SPARE = 1.2  # a shortlist is longer by this than the filter calls for: it keeps more or less


@dataclass(frozen=True, slots=True)
class Plan:
    """What a search does. `count` is the rows compared exactly, or the shortlist's length."""

    way: Literal["exact", "exact over allowed", "shortlist", "over-fetch"]
    count: int

    def __str__(self) -> str:
        """Say it in words: ``exact over 1,204 allowed rows``."""
        words = {
            "exact": "exact over {:,} rows",
            "exact over allowed": "exact over {:,} allowed rows",
            "shortlist": "shortlist of {:,} rows, rescored exactly",
            "over-fetch": "over-fetch of {:,} rows, filtered, rescored exactly",
        }
        return words[self.way].format(self.count)


def exact_plan(held: int, kept: int | None) -> Plan:
    """The plan of a store that compares everything; a filter keeps `kept` of `held` rows."""
    return Plan("exact", held) if kept is None else Plan("exact over allowed", kept)


def choose_plan(held: int, kept: int | None, depth: int) -> Plan:
    """The plan of a store with codes for `held` rows; `depth` candidates are rescored unfiltered.

    `kept` is how many of the rows may be found, None without a filter.
    """
    if kept is None:
        return Plan("shortlist", depth) if depth < held else Plan("exact", held)
    if kept <= max(min(EXACT_SHARE * held, EXACT_ROWS), depth):
        return Plan("exact over allowed", kept)
    length = int(SPARE * depth * held / kept)
    return Plan("over-fetch", length) if length < held else Plan("exact over allowed", kept)
