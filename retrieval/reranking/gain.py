"""What a second look brings, on questions whose right photos are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import comb, inf

RECALL_AT = (1, 5, 10)


def compare_rankings(
    before: Sequence[Sequence[str]],
    after: Sequence[Sequence[str]],
    right: Sequence[Collection[str]],
) -> dict[str, object]:
    """Compare two rankings of photos for each of the same questions.

    `right` names the right photos of each. Returns {"n", "before": {"R@1", "R@5", "R@10", "MRR"},
    "after": …, "gain": …, "better", "worse", "p"}: how many questions have their first right photo
    further up and further down, and how often chance alone would share them out as unevenly (the
    two-sided sign test). Raises ValueError where the three are not of one length.
    """
    old = [_first_right(*pair) for pair in zip(before, right, strict=True)]
    new = [_first_right(*pair) for pair in zip(after, right, strict=True)]
    return compare_ranks(old, new)


def compare_ranks(old: Sequence[float], new: Sequence[float]) -> dict[str, object]:
    """The same for ranks of the first right photos, from 1 (inf where there is none)."""
    first, second = _metrics(old), _metrics(new)
    better = sum(b < a for a, b in zip(old, new, strict=True))
    worse = sum(b > a for a, b in zip(old, new, strict=True))
    return {
        "n": len(old),
        "before": first,
        "after": second,
        "gain": {name: second[name] - first[name] for name in first},
        "better": better,
        "worse": worse,
        "p": _sign_test(better, worse),
    }


def _first_right(ranking: Sequence[str], right: Collection[str]) -> float:
    """The rank, from 1, of the first right one; infinite where there is none."""
    return next((rank for rank, photo in enumerate(ranking, 1) if photo in right), inf)


def _metrics(ranks: Sequence[float]) -> dict[str, float]:
    count = max(1, len(ranks))
    metrics = {f"R@{k}": sum(rank <= k for rank in ranks) / count for k in RECALL_AT}
    return {**metrics, "MRR": sum(1 / rank for rank in ranks) / count}


def _sign_test(better: int, worse: int) -> float:
    total = better + worse
    tail = sum(comb(total, i) for i in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**total))
