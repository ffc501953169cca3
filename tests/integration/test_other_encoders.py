"""Another encoder than the collection's is refused before anything is downloaded or loaded."""

from __future__ import annotations

import pytest

from retrieval.encoders import is_certainly_other
from retrieval.errors import UnknownModelError

CLIP = "ViT-B-32-256/datacomp_s34b_b86k"


@pytest.mark.parametrize(
    ("asked", "held", "other"),
    [
        ("mini", "mini", False),
        ("mini", CLIP, True),
        (CLIP, "mini", True),
        (CLIP, CLIP, False),
        ("ViT-B-32-256/datacomp-s34b-b86k", CLIP, False),  # as open_clip spells it, too
        ("ViT-B-32-256", CLIP, False),  # its only weights
        ("hf-hub:someone/else", CLIP, True),
        ("./checkpoint", CLIP, False),  # may be the same one, moved: loading it tells
        ("ViT-B-32/openai@weights.pt", CLIP, False),
    ],
)
def test_by_name(asked: str, held: str, other: bool) -> None:
    assert is_certainly_other(asked, held) is other


@pytest.mark.parametrize("asked", ["ViT-B-33", "ViT-B-32/nope", "dog"])
def test_a_name_that_means_nothing(asked: str) -> None:
    with pytest.raises(UnknownModelError):
        is_certainly_other(asked, "mini")
