"""What a check of a collection found: problems in words, and what repair needs to mend them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from retrieval.records import Kind, Problem
from retrieval.storage.codefile import CodeFile


@dataclass(slots=True)
class Findings:
    """What is wrong, what is worth a note, and how much was checked, by what it is."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    #: Whether the catalog contradicts its seal, itself or the vectors.
    catalog_damaged: bool = False
    #: Whether the seal is damaged or gone.
    seal_lost: bool = False
    #: Whether the list of indexed folders is damaged.
    roots_lost: bool = False
    #: Rows of the vectors that cannot be used, by fingerprint and kind.
    damaged_rows: dict[str, dict[Kind, list[int]]] = field(default_factory=dict)
    #: Items that stand in files and have no embedding in any space, by kind.
    unembedded: dict[Kind, list[int]] = field(default_factory=dict)
    #: Rows of what was forgotten that are not empty, by fingerprint and kind.
    filled_rows: dict[str, dict[Kind, list[int]]] = field(default_factory=dict)
    #: Whether the table of words does not say what the other tables do.
    words_wrong: bool = False
    #: Files of what is kept beside the catalog that are damaged.
    damaged_kept: list[str] = field(default_factory=list)
    damaged_codes: list[CodeFile] = field(default_factory=list)
    damaged_thumbnails: list[Path] = field(default_factory=list)

    def problem(self, place: str, text: str) -> None:
        """Note what is wrong at a place: a file, or "encoder"."""
        self.problems.append(Problem(place, text))

    def catalog_problem(self, text: str) -> None:
        """Note what makes the catalog one that cannot be trusted."""
        self.catalog_damaged = True
        self.problem("catalog.db", text)

    def note(self, text: str) -> None:
        """Note what is no damage, but worth knowing."""
        self.notes.append(text)

    def count(self, what: str, number: int) -> None:
        """Add to what was checked."""
        self.checked[what] = self.checked.get(what, 0) + number
