"""Make a Query out of what a user gives: words, pictures and their weights.

A text is a box at first; `compiling.compile_query` makes parts and filters of it, for a collection.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import ImageError, QueryError
from retrieval.metadata import field_named
from retrieval.records import Part, Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.encoders import Encoder

MAX_CHARACTERS = 2_000  # several times what any text tower reads
# Not before a digit: 12:30 is a time and 16:9 a shape.
_WEIGHTED = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(?!\d)(.+)", re.DOTALL)

_FIELD_OF_WORDS = re.compile(r"(-?(\w+):=?)(?!\s)([^\"]*\s[^\"]*)")


def make_query(
    text: str | Iterable[str] = (),
    *,
    images: str | Path | Iterable[str | Path] = (),
    minus: str | Iterable[str] = (),
    minus_images: str | Path | Iterable[str | Path] = (),
    raw: bool = False,
    empty: bool = False,
) -> Query:
    """Collect the parts of a query. "2:a dog" weighs twice as much as "a dog".

    A text is a box, in which names, dates and `field:value` are understood once a collection is
    searched; with `raw` it is taken as it stands. In a box alone, a weight binds the next word; a
    text beside other parts is weighed as a whole. `minus` and `minus_images` are subtracted. Raises
    QueryError for a query that is empty, too long, has nothing positive in it, or names a picture
    file that does not exist. `empty` allows a query without parts, which marked photos lead.
    """
    texts, pictures = _listed(text), _listed(images)
    less, less_pictures = _listed(minus), _listed(minus_images)
    alone = not raw and len(texts) == 1 and not (pictures or less or less_pictures)
    parts = [
        *(_text_part(str(t), 1.0, raw, whole=not alone) for t in texts),
        *(_image_part(str(i), 1.0) for i in pictures),
        *(_text_part(str(t), -1.0, raw) for t in less),
        *(_image_part(str(i), -1.0) for i in less_pictures),
    ]
    if not parts and not empty:
        raise QueryError("The query is empty. Give some words, or a picture with --image FILE.")
    if parts and all(part.weight <= 0 for part in parts):
        raise QueryError("The query only subtracts. Add words or a picture that you do want.")
    return Query(tuple(parts))


def _listed(value: str | Path | Iterable[str | Path]) -> list[str | Path]:
    items: list[Any]  # what callers without a type checker pass
    if isinstance(value, (str, Path, bytes)) or not isinstance(value, Iterable):
        items = [value]
    else:
        items = list(value)
    for item in items:
        if not isinstance(item, (str, Path)):
            raise QueryError(
                f"A query is made of texts and of paths of pictures, not of {item!r:.60}. Give a "
                "str, or several in a list."
            )
    return items


def phrases(words: Sequence[str]) -> list[str]:
    """What command-line words mean: bare ones side by side make one phrase, others are parts.

    ``dog in snow`` is one phrase; ``a dog "at the beach"`` and ``2:dog snow`` are two parts. A
    field whose quotation marks the shell took away (``camera:"Canon EOS"``) gets them back.
    """
    found: list[str] = []
    bare: list[str] = []
    for word in words:
        if len(words) > 1 and (match := _field_of_words(word)):  # one alone is a whole box
            bare.append(f'{match[1]}"{match[3]}"')
        elif " " in word.strip() or _WEIGHTED.fullmatch(word):
            found += [" ".join(bare)] * bool(bare) + [word]
            bare = []
        else:
            bare.append(word)
    return found + [" ".join(bare)] * bool(bare)


def _field_of_words(word: str) -> re.Match[str] | None:
    match = _FIELD_OF_WORDS.fullmatch(word)
    return match if match and field_named(match[2]) else None


def _text_part(value: str, sign: float, raw: bool, whole: bool = True) -> Part:
    weight, words = 1.0, value
    if (match := _WEIGHTED.fullmatch(value.strip())) and whole:
        weight, words = float(match[1]), match[2]
    # What is no text (a byte that is not UTF-8) becomes a question mark before any tokenizer.
    words = words.encode("utf-8", "replace").decode("utf-8").strip()
    if not words:
        raise QueryError("The query is empty. Give some words, or a picture with --image FILE.")
    if len(words) > MAX_CHARACTERS:
        raise QueryError(
            f"The query has {len(words):,} characters; at most {MAX_CHARACTERS:,} are taken. "
            "Shorten it: encoders read only the first sentence or two."
        )
    return Part("text" if raw else "box", words, _checked(sign * weight))


def _image_part(value: str, sign: float) -> Part:
    weight, path = 1.0, value
    match = _WEIGHTED.fullmatch(value)
    if match and not os.path.exists(value):  # a file may really be called "2:x.jpg"
        weight, path = float(match[1]), match[2]
    picture = os.path.abspath(os.path.expanduser(path))  # as it is seen from anywhere
    if not os.path.isfile(picture):
        raise QueryError(f"There is no picture file {path}. Check the path.")
    return Part("image", picture, _checked(sign * weight))


def _checked(weight: float) -> float:
    if not 0 < abs(weight) <= 100:
        raise QueryError(f"A weight must lie between 0 and 100, not {abs(weight):g}.")
    return weight


def embed_picture(path: str, encoder: Encoder) -> NDArray[np.float32]:
    """Embed one picture file into a unit vector, float32 (dim,). Raises ImageError."""
    from retrieval.pictures import load_picture, side_for

    try:
        picture = load_picture(path, side_for(encoder.image_size))
    except ImageError as exc:
        raise ImageError(
            f"{path} cannot be used as a query: {exc}. Choose another picture."
        ) from exc
    vector: NDArray[np.float32] = encoder.encode_images(encoder.prepare(picture.image)[None])[0]
    return vector
