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
    from retrieval.indexing import index_folder
    from retrieval.maintenance.compacting import compact
    from retrieval.maintenance.forgetting import forget
    from retrieval.maintenance.repairing import repair
    from retrieval.maintenance.verifying import verify
    from retrieval.queries import make_query
    from retrieval.records import (
        CollectionInfo,
        CompactReport,
        ForgetReport,
        Hit,
        IndexReport,
        Part,
        Query,
        RepairReport,
        RunRecord,
        SearchResult,
        VerifyReport,
    )
    from retrieval.searching import search

_HOMES = {
    "Collection": "retrieval.collection",
    "CollectionInfo": "retrieval.records",
    "CompactReport": "retrieval.records",
    "Encoder": "retrieval.encoders",
    "EncoderSpec": "retrieval.encoders",
    "ForgetReport": "retrieval.records",
    "Hit": "retrieval.records",
    "IndexReport": "retrieval.records",
    "Part": "retrieval.records",
    "Query": "retrieval.records",
    "RepairReport": "retrieval.records",
    "RetrievalError": "retrieval.errors",
    "RunRecord": "retrieval.records",
    "SearchResult": "retrieval.records",
    "VerifyReport": "retrieval.records",
    "compact": "retrieval.maintenance.compacting",
    "evaluate_folder": "retrieval.evaluation",
    "forget": "retrieval.maintenance.forgetting",
    "index_folder": "retrieval.indexing",
    "load_encoder": "retrieval.encoders",
    "make_query": "retrieval.queries",
    "repair": "retrieval.maintenance.repairing",
    "search": "retrieval.searching",
    "verify": "retrieval.maintenance.verifying",
}

__all__ = [
    "Collection",
    "CollectionInfo",
    "CompactReport",
    "Encoder",
    "EncoderSpec",
    "ForgetReport",
    "Hit",
    "IndexReport",
    "Part",
    "Query",
    "RepairReport",
    "RetrievalError",
    "RunRecord",
    "SearchResult",
    "VerifyReport",
    "__version__",
    "compact",
    "evaluate_folder",
    "forget",
    "index_folder",
    "load_encoder",
    "make_query",
    "repair",
    "search",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'retrieval' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
