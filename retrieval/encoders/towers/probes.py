"""Texts that an exported text tower is compared with its model on: what people search for.

Short and long, plain and odd, so that every length of a tower and every corner of a tokenizer is
met. Made by rule, so that they are the same everywhere.
"""

from __future__ import annotations

_WHO = (
    *("a dog", "two children", "an old man", "a woman in a red coat", "a black cat"),
    *("a group of friends", "a white horse", "my grandmother", "a cyclist", "three birds"),
    *("a baby", "a bride and a groom", "a football team", "an empty chair", "a small boat"),
)
_DOES = (
    *("", "running", "sleeping", "jumping over a fence", "eating breakfast", "looking away"),
    *("playing the guitar", "crossing the street", "waving at the camera", "reading a book"),
)
_WHERE = (
    *("", "on the beach", "in the snow", "at night", "in a crowded market in Kyoto"),
    *("under a bridge", "on a mountain top", "in the kitchen", "beside a lake at sunset"),
    *("in front of a church", "at the airport", "on the sofa"),
)
_ODD = (
    *("sunset", "IMG_2041", "receipt 12.50 €", "“no smoking” sign", "café à Paris", "京都の桜"),
    *("Hund im Schnee", "черная кошка", "😀 birthday 🎂", "NEW YORK", "black & white", "1/2 pizza"),
    "a photo of " + " and ".join(_WHO) + ", all of them in one very long sentence that goes on",
)


def _sentences() -> tuple[str, ...]:
    """Sentences that combine the three lists differently."""
    return tuple(
        " ".join(
            part
            for part in (
                _WHO[at % len(_WHO)],
                _DOES[(at // 3) % len(_DOES)],
                _WHERE[(at // 7 + at) % len(_WHERE)],
            )
            if part
        )
        for at in range(240)
    )


TEXTS: tuple[str, ...] = tuple(dict.fromkeys((*_sentences(), *_ODD)))
