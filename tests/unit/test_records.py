"""Queries as they are shown."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from retrieval.records import Hit, Part, Query, ignore_notice, ignore_progress


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([("text", "a dog", 1)], "a dog"),
        ([("text", "a dog", 2)], "2×a dog"),
        (
            [("text", "a dog", 1), ("image", "park.jpg", 1), ("text", "people", -0.5)],
            "a dog + image:park.jpg − 0.5×people",
        ),
        ([("text", "people", -1), ("text", "dog", 1)], "− people + dog"),
        ([("image", "a.jpg", 1.25), ("image", "b.jpg", -1)], "1.25×image:a.jpg − image:b.jpg"),
    ],
)
def test_a_query_is_shown_as_it_was_meant(parts: list, shown: str) -> None:
    assert str(Query(tuple(Part(*part) for part in parts))) == shown


def test_records_cannot_be_changed() -> None:
    hit = Hit(1, "photo", 1, 0.5, "a.jpg")
    with pytest.raises(FrozenInstanceError):
        hit.rank = 2  # type: ignore[misc]


def test_ignoring() -> None:
    assert ignore_notice("x") is None
    assert ignore_progress(None) is None  # type: ignore[arg-type, func-returns-value]
