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
    from retrieval.collection import Collection
    from retrieval.encoders import Encoder, EncoderSpec, load_encoder
    from retrieval.errors import RetrievalError
    from retrieval.evaluation import evaluate_folder
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
    from retrieval.queries import make_query
    from retrieval.records import (
        Chip,
        CollectionInfo,
        CompactReport,
        Facts,
        Filter,
        ForgetReport,
        Hit,
        IndexReport,
        Part,
        Query,
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
    "Chip": "retrieval.records",
    "Collection": "retrieval.collection",
    "CollectionInfo": "retrieval.records",
    "CompactReport": "retrieval.records",
    "Encoder": "retrieval.encoders",
    "EncoderSpec": "retrieval.encoders",
    "Facts": "retrieval.records",
    "Filter": "retrieval.records",
    "ForgetReport": "retrieval.records",
    "Hit": "retrieval.records",
    "IndexReport": "retrieval.records",
    "Part": "retrieval.records",
    "Query": "retrieval.records",
    "RepairReport": "retrieval.records",
    "RetrievalError": "retrieval.errors",
    "RunRecord": "retrieval.records",
    "SearchOptions": "retrieval.records",
    "SearchResult": "retrieval.records",
    "VerifyReport": "retrieval.records",
    "compact": "retrieval.maintenance.compacting",
    "evaluate_folder": "retrieval.evaluation",
    "export_collection": "retrieval.exchange.exporting",
    "find_duplicates": "retrieval.grouping.duplicates",
    "find_tags": "retrieval.grouping.tags",
    "forget": "retrieval.maintenance.forgetting",
    "import_set": "retrieval.exchange.importing",
    "index_folder": "retrieval.indexing",
    "list_trips": "retrieval.grouping.trips",
    "load_encoder": "retrieval.encoders",
    "make_query": "retrieval.queries",
    "migrate": "retrieval.migrating",
    "read_writing": "retrieval.writing",
    "repair": "retrieval.maintenance.repairing",
    "search": "retrieval.searching",
    "show_photo": "retrieval.showing",
    "similar": "retrieval.searching.similar",
    "verify": "retrieval.maintenance.verifying",
    "watch": "retrieval.watching",
}

__all__ = [
    "Chip",
    "Collection",
    "CollectionInfo",
    "CompactReport",
    "Encoder",
    "EncoderSpec",
    "Facts",
    "Filter",
    "ForgetReport",
    "Hit",
    "IndexReport",
    "Part",
    "Query",
    "RepairReport",
    "RetrievalError",
    "RunRecord",
    "SearchOptions",
    "SearchResult",
    "VerifyReport",
    "__version__",
    "compact",
    "evaluate_folder",
    "export_collection",
    "find_duplicates",
    "find_tags",
    "forget",
    "import_set",
    "index_folder",
    "list_trips",
    "load_encoder",
    "make_query",
    "migrate",
    "read_writing",
    "repair",
    "search",
    "show_photo",
    "similar",
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
