"""The public surface: a new name is a decision, so it stands here as well."""

from __future__ import annotations

import re

import pytest

import retrieval

NAMES = [
    "Answer",
    "AskOptions",
    "Chip",
    "Citation",
    "Collection",
    "CollectionInfo",
    "CompactReport",
    "Encoder",
    "EncoderSpec",
    "Evidence",
    "Facts",
    "Filter",
    "ForgetReport",
    "Hit",
    "IndexReport",
    "ModelSpec",
    "Part",
    "Query",
    "QuestionPlan",
    "RepairReport",
    "RetrievalError",
    "RunRecord",
    "SearchOptions",
    "SearchResult",
    "VerifyReport",
    "__version__",
    "ask",
    "caption_folder",
    "compact",
    "describe_photo",
    "evaluate_folder",
    "evaluate_questions",
    "export_collection",
    "find_duplicates",
    "find_tags",
    "forget",
    "import_set",
    "index_folder",
    "list_trips",
    "load_encoder",
    "load_model",
    "make_query",
    "migrate",
    "open_gate",
    "read_writing",
    "repair",
    "search",
    "show_photo",
    "similar",
    "tell_story",
    "verify",
    "watch",
]


def test_the_exact_list() -> None:
    assert retrieval.__all__ == NAMES
    assert dir(retrieval) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_resolves_and_is_documented(name: str) -> None:
    value = retrieval.__getattr__(name) if name in retrieval._HOMES else getattr(retrieval, name)
    assert getattr(retrieval, name) is value
    if name != "__version__":
        assert value.__doc__


def test_other_names_do_not() -> None:
    with pytest.raises(AttributeError, match="module 'retrieval' has no attribute 'nothing'"):
        _ = retrieval.nothing


def test_the_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", retrieval.__version__)
