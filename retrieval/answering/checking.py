"""Interim: replaced by the checker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.records import Brief, Claim, Draft, Status, Struck


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of a draft."""

    claims: tuple[Claim, ...]
    struck: tuple[Struck, ...]
    status: Status


def check(draft: Draft, brief: Brief, grounded: float = 0.8) -> Checked:
    """Interim."""
    sure = all(c.confidence is None or c.confidence >= grounded for c in draft.claims)
    return Checked(
        draft.claims, (), "refused" if draft.refused else "grounded" if sure else "partly-grounded"
    )
