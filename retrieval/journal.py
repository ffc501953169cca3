"""The journal: one row for each run that writes, from "running" to how it ended."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import RetrievalError
from retrieval.storage import edits

if TYPE_CHECKING:
    from retrieval.collection import Collection

MESSAGE_LENGTH = 200


@contextmanager
def recorded(
    collection: Collection, command: str, roots: Iterable[str | Path] = ()
) -> Iterator[dict[str, int]]:
    """Keep a row about what is done inside; the numbers put into the yielded dict go with it.

    Must run inside `collection.writing()`. A process that dies leaves the row at "running".
    """
    catalog, begun = collection.catalog, time.monotonic()
    counts: dict[str, int] = {}
    with catalog.writing() as connection:
        names = [str(root) for root in roots]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        number = edits.begin_run(connection, command, names, now)

    def end(outcome: str) -> None:
        with catalog.writing() as connection:
            edits.end_run(connection, number, time.monotonic() - begun, outcome, counts)

    try:
        yield counts
    except (Exception, KeyboardInterrupt, SystemExit) as exc:
        failed = isinstance(exc, Exception)
        with suppress(RetrievalError):  # where the disk is full, this is as well
            end(f"failed: {str(exc)[:MESSAGE_LENGTH]}" if failed else "interrupted")
        raise
    end("done")
