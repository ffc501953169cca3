"""Search photos by text or by picture: local, private, fast.

    from retrieval import Collection, index_folder, search

    with Collection.open("holiday", create=True) as collection:
        index_folder(collection, ["~/Pictures"])
        for hit in search(collection, "a dog in the snow", k=5).hits:
            print(f"{hit.score:.3f}", hit.path)

Public names are loaded on first use, so that `import retrieval` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retrieval._version import __version__

if TYPE_CHECKING:
    from retrieval.answering import ask
    from retrieval.captioning.describing import describe_photo
    from retrieval.captioning.folders import caption_folder
    from retrieval.captioning.story import tell_story
    from retrieval.collection import Collection
    from retrieval.encoders import Encoder, EncoderSpec, load_encoder
    from retrieval.errors import RetrievalError
    from retrieval.evaluation import evaluate_folder
    from retrieval.evaluation.questions import evaluate_questions
    from retrieval.exchange.exporting import export_collection
    from retrieval.exchange.importing import import_set
    from retrieval.grouping.duplicates import find_duplicates
    from retrieval.grouping.tags import find_tags
    from retrieval.grouping.trips import list_trips
    from retrieval.indexing import index_folder
    from retrieval.maintenance.compacting import compact
    from retrieval.maintenance.forgetting import forget
    from retrieval.maintenance.repairing import repair
    from retrieval.maintenance.verifying import verify
    from retrieval.migrating import migrate
    from retrieval.models import ModelSpec, load_model
    from retrieval.privacy import open_gate
    from retrieval.queries import make_query
    from retrieval.records import (
        Answer,
        AskOptions,
        Chip,
        Citation,
        CollectionInfo,
        CompactReport,
        Evidence,
        Facts,
        Filter,
        ForgetReport,
        Hit,
        IndexReport,
        Part,
        Query,
        QuestionPlan,
        RepairReport,
        RunRecord,
        SearchOptions,
        SearchResult,
        VerifyReport,
    )
    from retrieval.searching import search
    from retrieval.searching.similar import similar
    from retrieval.showing import show_photo
    from retrieval.watching import watch
    from retrieval.writing import read_writing

_HOMES = {
    "Answer": "retrieval.records",
    "AskOptions": "retrieval.records",
    "Chip": "retrieval.records",
    "Citation": "retrieval.records",
    "Collection": "retrieval.collection",
    "CollectionInfo": "retrieval.records",
    "CompactReport": "retrieval.records",
    "Encoder": "retrieval.encoders",
    "EncoderSpec": "retrieval.encoders",
    "Evidence": "retrieval.records",
    "Facts": "retrieval.records",
    "Filter": "retrieval.records",
    "ForgetReport": "retrieval.records",
    "Hit": "retrieval.records",
    "IndexReport": "retrieval.records",
    "ModelSpec": "retrieval.models",
    "Part": "retrieval.records",
    "Query": "retrieval.records",
    "QuestionPlan": "retrieval.records",
    "RepairReport": "retrieval.records",
    "RetrievalError": "retrieval.errors",
    "RunRecord": "retrieval.records",
    "SearchOptions": "retrieval.records",
    "SearchResult": "retrieval.records",
    "VerifyReport": "retrieval.records",
    "ask": "retrieval.answering",
    "caption_folder": "retrieval.captioning.folders",
    "compact": "retrieval.maintenance.compacting",
    "describe_photo": "retrieval.captioning.describing",
    "evaluate_folder": "retrieval.evaluation",
    "evaluate_questions": "retrieval.evaluation.questions",
    "export_collection": "retrieval.exchange.exporting",
    "find_duplicates": "retrieval.grouping.duplicates",
    "find_tags": "retrieval.grouping.tags",
    "forget": "retrieval.maintenance.forgetting",
    "import_set": "retrieval.exchange.importing",
    "index_folder": "retrieval.indexing",
    "list_trips": "retrieval.grouping.trips",
    "load_encoder": "retrieval.encoders",
    "load_model": "retrieval.models",
    "make_query": "retrieval.queries",
    "migrate": "retrieval.migrating",
    "open_gate": "retrieval.privacy",
    "read_writing": "retrieval.writing",
    "repair": "retrieval.maintenance.repairing",
    "search": "retrieval.searching",
    "show_photo": "retrieval.showing",
    "similar": "retrieval.searching.similar",
    "tell_story": "retrieval.captioning.story",
    "verify": "retrieval.maintenance.verifying",
    "watch": "retrieval.watching",
}

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'retrieval' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
