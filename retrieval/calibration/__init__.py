"""How likely a hit is what the query means, for any encoder: no photos of its training are needed.

A cosine has no meaning across queries. Here it gets one from a null distribution for each query:
what photos of this collection score against it, and against a fixed bank of texts, of which almost
none describes any one photo. `Calibration` holds the bank as one encoder embeds it, `Background`
what one collection is like, `Judgement` what that says about the hits of one query.
"""

from __future__ import annotations

from retrieval.calibration.bank import bank_texts
from retrieval.calibration.judging import Background, Calibration, Judgement, count_words
from retrieval.calibration.keeping import load_calibration, make_calibration
from retrieval.calibration.rarity import rarity, surprise

__all__ = [
    "Background",
    "Calibration",
    "Judgement",
    "bank_texts",
    "count_words",
    "load_calibration",
    "make_calibration",
    "rarity",
    "surprise",
]
