"""What the checker knows of words, read from `tables.toml`."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Any

from retrieval.queries.ordinary import words

_TABLES: dict[str, Any] = tomllib.loads(
    files("retrieval.answering.checking").joinpath("tables.toml").read_text("utf-8")
)


def rows(name: str) -> list[list[str]]:
    """The words of a table that has groups of them, one a line."""
    return [line.split() for line in str(_TABLES[name]).strip().splitlines()]


def phrases(*names: str) -> re.Pattern[str]:
    """An expression for texts that have one of these kinds of phrases."""
    found = (each for name in names for each in _TABLES["phrases"][name])
    return re.compile("|".join(f"(?:{each})" for each in found), re.IGNORECASE)


def _numbered(name: str, first: int) -> dict[str, int]:
    return {word: n for n, line in enumerate(rows(name), first) for word in line}


COMMON = words(_TABLES["common"])
SMALL = words(_TABLES["small"])
ENGLISH = words(_TABLES["english"])
GEAR = words(_TABLES["gear"])
TURNING = words(_TABLES["turning"])
DOING = words(_TABLES["doing"])
MONTHS = _numbered("months", 1)  # of other languages than English
WEEKDAYS = _numbered("weekdays", 0)
COUNTRIES: dict[str, str] = _TABLES["countries"]
ABOUT: dict[str, tuple[float, float]] = _TABLES["about"]
