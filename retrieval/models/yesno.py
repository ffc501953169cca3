"""Yes or no, from the probabilities of the next token."""

from __future__ import annotations

import math
from collections.abc import Iterable

YES = frozenset({"yes", "是", "是的"})
NO = frozenset({"no", "否", "不", "不是"})


def yes_share(tokens: Iterable[tuple[str, float]]) -> float | None:
    """P(yes) / (P(yes) + P(no)) of the likeliest next tokens, given as (text, log probability).

    All ways to write them count together ("Yes", " yes", "YES", "是"). A word that is not among
    them counts as 0; None where neither is, or where no token has a probability.
    """
    yes = no = 0.0
    for text, logprob in tokens:
        word = text.strip(" \t\r\n.,!\"'*`▁Ġ").casefold()
        if math.isnan(logprob) or word not in YES | NO:
            continue
        probability = math.exp(min(logprob, 0.0))
        if word in YES:
            yes += probability
        else:
            no += probability
    return yes / (yes + no) if yes + no > 0 else None
