"""How a search is carried out: all rows, only the allowed ones, or a shortlist that is rescored.

What a filter keeps is either compared row by row, or the shortlist is made longer by as much as
the filter will throw away: whichever costs less. Where little is kept the former does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a row costs in ns, at 512 dimensions on one thread of a 2-core machine:
COMPARED = 500  # to gather and compare it
SCANNED = 2  # to look at its code
LISTED = 100  # to be on a shortlist, and filtered
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
    length = int(SPARE * depth * held / max(kept, 1))
    by_codes = SCANNED * held + LISTED * length + COMPARED * depth
    if length >= held or COMPARED * kept <= by_codes:
        return Plan("exact over allowed", kept)
    return Plan("over-fetch", length)
