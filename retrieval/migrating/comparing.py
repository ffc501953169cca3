"""Compare two encoders before the switch: on queries, and on captioned photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.embedding import BatchEmbedder
from retrieval.errors import CollectionError, UsageError
from retrieval.evaluation import compare, rank_folder, read_captions, summarize
from retrieval.matching import MatchingEncoder
from retrieval.queries import make_query
from retrieval.records import Progress, Space
from retrieval.records.moves import Change, EvaluationComparison, Moved, QueryComparison
from retrieval.searching import search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.encoders import Encoder
    from retrieval.migrating.building import Builder

FIRST = 10  # hits whose overlap is told
DEEP = 100  # hits among which a rank is looked for
MOST_QUERIES = 1_000


def read_queries(path: str | Path) -> list[str]:
    """The queries in a text file, one a line; empty lines and those behind # are left out.

    Raises UsageError.
    """
    file = Path(os.path.expanduser(path))
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no UTF-8 text"
        raise UsageError(f"{file} cannot be read: {reason}. Name a file of queries.") from exc
    queries = [line.strip() for line in lines]
    return [query for query in queries if query and not query.startswith("#")]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found out."""

    queries: tuple[QueryComparison, ...] = ()
    evaluation: EvaluationComparison | None = None


class Comparison:
    """What two encoders are to be compared on; checked before hours are spent on embedding."""

    def __init__(self, queries: Sequence[str], folder: str | Path) -> None:
        """`queries` as users type them; `folder` as `evaluate_folder` takes it, "" for none.

        Raises UsageError, QueryError.
        """
        if len(queries) > MOST_QUERIES:
            raise UsageError(
                f"{len(queries):,} queries are too many to compare; at most {MOST_QUERIES:,} are "
                "taken. Choose some of them."
            )
        self.queries = {query: make_query(query) for query in queries}
        self.folder = folder
        if folder:
            read_captions(folder)

    def run(self, builder: Builder, old: Space) -> Compared:
        """Compare the encoder of `old` with the builder's, whose space is complete.

        Raises what loading the old encoder raises.
        """
        new = builder.space
        if new is None or not (self.queries or self.folder):
            return Compared()
        collection, spec = builder.collection, replace(builder.spec, model="auto")
        own = MatchingEncoder(collection.path, spec, collection.on_notice)
        queries: tuple[QueryComparison, ...] = ()
        if self.queries:
            found = [
                self._search(builder, space, matching, name)
                for name, space, matching in (("old", old, own), ("new", new, builder.matching))
            ]
            queries = tuple(map(compare_hits, self.queries, *found))
        if not self.folder:
            return Compared(queries)
        return Compared(queries, self._evaluate(builder, own.load(old)))

    def _search(
        self, builder: Builder, space: Space, matching: MatchingEncoder, name: str
    ) -> list[list[str]]:
        """The paths that each query finds in a space, best first."""
        found = []
        with builder.collection.looking_at(space, matching) as there:
            for done, query in enumerate(self.queries.values(), 1):
                found.append([hit.path for hit in search(there, query, k=DEEP).hits])
                told = Progress(f"searching, {name} encoder", done, len(self.queries))
                builder.work.on_progress(told)
        return found

    def _evaluate(self, builder: Builder, old: Encoder) -> EvaluationComparison:
        """Measure both encoders on the same captioned photos, as `evaluate_folder` does one."""
        work = builder.work
        before, after = (
            rank_folder(
                self.folder,
                BatchEmbedder(encoder, work.batch_size, builder.collection.on_notice),
                threads=work.threads,
                on_progress=work.on_progress,
            )
            for encoder in (old, builder.encoder)
        )
        if before.names != after.names:
            raise CollectionError(
                f"The photos in {self.folder} changed while they were read. Run it again."
            )
        photos = np.arange(len(after.names))
        return EvaluationComparison(
            images=len(after.names),
            texts=len(after.owner),
            text_to_image=_changes(before.to_image, after.to_image, after.owner),
            image_to_text=_changes(before.to_text, after.to_text, photos),
            skipped=after.skipped,
        )


def compare_hits(query: str, old: Sequence[str], new: Sequence[str]) -> QueryComparison:
    """Compare the paths that a query finds with two encoders, best first."""
    of = min(FIRST, max(len(old), len(new)))
    before = {path: rank for rank, path in enumerate(old, 1)}
    after = {path: rank for rank, path in enumerate(new, 1)}
    shared = len({*old[:of]} & {*new[:of]})
    moved = tuple(
        Moved(path, before.get(path), after.get(path))
        for path in dict.fromkeys([*new[:of], *old[:of]])
        if before.get(path) != after.get(path)
    )
    return QueryComparison(query, shared / of if of else 1.0, of, moved)


def _changes(
    old: NDArray[np.int64], new: NDArray[np.int64], group: NDArray[np.int64]
) -> dict[str, Change]:
    before, after = summarize(old, group).values, summarize(new, group).values
    intervals = compare(old, new, group).intervals
    return {name: Change(before[name], after[name], intervals[name]) for name in after}
