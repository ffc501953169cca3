"""How a caption that a model guessed is known again among those that people wrote.

What `retrieval caption` writes carries the caption's hash: in a sidecar as the property MARK, in a
table as the column `text`. A caption that fits it is a guess, wherever another program copied it;
one that a person changed since fits it no longer.
"""

from __future__ import annotations

import hashlib

NAMESPACE = "https://retrieval.invalid/caption/1.0/"  # a name only, there is no such page
PREFIX = "retrieval"
MARK = f"{PREFIX}:text"
COLUMN = "text"


def text_hash(text: str) -> str:
    """By which a caption is known again: of its words, however they are spaced."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:32]
