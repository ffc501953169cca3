"""Citations in text: numbers as "[1-3, 7]", and back."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: So many photos of a match set get a number, in the order of their relevance.
MOST_CITED = 1_000

#: What no number of a photo reaches; a longer row of digits in a text reads as this.
_HUGE = 10**9

_DASHES = "-‐‑‒–—~～至"
_NUMBER = rf"\s*[0-9]+(?:\s*[{_DASHES}]\s*[0-9]+)?\s*"
_MARKER = re.compile(rf"[\[【［]({_NUMBER}(?:[,，、;；]{_NUMBER})*)[\]】］]")


def marker(numbers: Iterable[int]) -> str:
    """Numbers as a citation, in order and each once: "[1]", "[1, 3]", "[1-3, 7]"; "" for none.

    Three or more in a row are written as a range.
    """
    parts = []
    for first, last in _runs(sorted(set(numbers))):
        if last - first >= 2:
            parts.append(f"{first}-{last}")
        else:
            parts.extend(str(number) for number in range(first, last + 1))
    return f"[{', '.join(parts)}]" if parts else ""


def numbers_in(text: str) -> list[tuple[int, int, tuple[int, ...]]]:
    """The citations in a text, each as (start, end, numbers), in the order they stand.

    Reads what a model may write as well: other dashes and commas, "【1】", "[3-1]". Of a range over
    more than MOST_CITED numbers only both ends are given, of which one is surely no photo's.
    A date in brackets ("[2023-02-15]") is no citation.
    """
    return [(*found.span(), _numbers(found[1])) for found in _MARKER.finditer(text)]


def cited_numbers(text: str) -> tuple[int, ...]:
    """All numbers that a text cites, each once, in the order they are first cited."""
    return tuple(dict.fromkeys(n for *_, numbers in numbers_in(text) for n in numbers))


def without_markers(text: str) -> str:
    """The text without its citations and the space before them."""
    return re.sub(rf"\s*{_MARKER.pattern}", "", text)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _numbers(inside: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in re.split(r"[,，、;；]", inside):
        ends = sorted(_value(digits) for digits in re.findall(r"[0-9]+", part))
        first, last = ends[0], ends[-1]
        found.extend(range(first, last + 1) if last - first < MOST_CITED else (first, last))
    return tuple(dict.fromkeys(found))


def _value(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) < 10 else _HUGE
