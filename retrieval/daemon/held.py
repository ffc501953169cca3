"""The collections that the daemon has open: each is looked at anew before it answers."""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from retrieval.collection import Collection
from retrieval.encoders import EncoderSpec
from retrieval.errors import ImageError, QueryError, RetrievalError
from retrieval.records import Query, SearchOptions, SearchResult
from retrieval.searching import run
from retrieval.storage.reading import is_current

T = TypeVar("T")
FirstLook = tuple[Query, SearchOptions, SearchResult]

MOST = 4  # collections that are kept open
FILES = ("manifest.json", "catalog.db", "catalog.seal")


class OtherCatalogError(Exception):
    """The client sees another file at the collection's place than this process does."""


@dataclass(frozen=True)
class Wanted:
    """A collection as a client sees it; `catalog` is device and inode of its catalog.db."""

    place: str
    spec: EncoderSpec
    catalog: tuple[int, int]


class Held:
    """One open collection. It does one thing at a time."""

    def __init__(self, place: str, spec: EncoderSpec) -> None:
        self.place = Path(place)
        self.spec = spec
        self.used_at = time.time()
        self._collection: Collection | None = None
        self._files: list[tuple[int, int] | None] = []
        self._fingerprint: str | None = None
        self._notices: list[str] = []
        self._dropped = False  # made room for another one
        self._lock = threading.Lock()

    def do(self, catalog: tuple[int, int], work: Callable[[Collection], T]) -> tuple[T, list[str]]:
        """Do this with it, and return what is to be told besides. Raises OtherCatalogError too."""
        with self._lock:
            self.used_at = time.time()
            self._notices.clear()
            try:
                return work(self._opened(catalog)), list(self._notices)
            except (QueryError, ImageError):
                raise  # the query's fault
            except BaseException:
                self._close()  # so that the next search starts anew
                raise
            finally:
                if self._dropped:
                    self._close()

    def drop(self) -> None:
        """Close it, after the search that is going on."""
        with self._lock:
            self._dropped = True
            self._close()

    def is_over(self) -> bool:
        """Whether nothing is open, after closing what is not the same on disk any more.

        What was forgotten or removed is not to stay in memory until somebody searches. A search
        that is going on is not waited for: then the answer is no.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._collection is None or self._files != self._stamps():
                self._dropped = True
                self._close()
            return self._dropped
        finally:
            self._lock.release()

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(self.place / name) for name in FILES]

    def _opened(self, catalog: tuple[int, int]) -> Collection:
        files = self._stamps()
        if self._collection is not None and not self._is_still(self._collection, catalog, files):
            self._close()
        if self._collection is None:
            self._collection = Collection.open(
                self.place, spec=self.spec, on_notice=self._notices.append
            )
            space = self._collection.reader.active_space()
            self._fingerprint = space.fingerprint if space else None
            if self._collection.reader.identity() != catalog:
                raise OtherCatalogError
        self._files = files
        return self._collection

    def _is_still(
        self, held: Collection, catalog: tuple[int, int], files: list[tuple[int, int] | None]
    ) -> bool:
        """Whether what is open is the collection that is there now; damage is looked for."""
        if held.reader.identity() != catalog:
            return False
        try:
            if files != self._files:  # as opening it does
                if not is_current(self.place) or held.reader.is_old():
                    return False
                held.reader.check_seal()
            space = held.reader.active_space()
        except RetrievalError:
            return False  # opening it again says what is wrong
        return (space.fingerprint if space else None) == self._fingerprint

    def _close(self) -> None:
        if self._collection is not None:
            self._collection.close()
            self._collection = None


class Holdings:
    """The collections that were searched last. Safe to use from several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: OrderedDict[tuple[str, EncoderSpec], Held] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, wanted: Wanted) -> Held:
        """The collection that is wanted, to be opened by its first search."""
        with self._lock:
            key = (wanted.place, wanted.spec)
            held = self._held.setdefault(key, Held(*key))
            self._held.move_to_end(key)
        return held

    def _make_room(self) -> None:
        """Drop those that were used least recently. One that fails has not driven any out."""
        dropped: list[Held] = []
        with self._lock:
            while len(self._held) > self._most:
                dropped.append(self._held.popitem(last=False)[1])
        for each in dropped:
            each.drop()

    def search(
        self, wanted: Wanted, query: Query, options: SearchOptions
    ) -> tuple[SearchResult, list[str]]:
        """Search the collection that is wanted. Raises as `search`, OtherCatalogError."""
        return self._do(wanted, lambda collection: run(collection, query, options))

    def look(self, wanted: Wanted, question: str, k: int) -> tuple[FirstLook, list[str]]:
        """The search that a question's answer begins with, and its result. Raises the same."""
        from retrieval.answering.looking import first_search
        from retrieval.answering.planning import plan_question, readable

        def work(collection: Collection) -> FirstLook:
            today = datetime.date.today()
            plan = plan_question(readable(question), collection.vocabulary(), today)
            query, options = first_search(plan, k)
            return query, options, run(collection, query, options)

        return self._do(wanted, work)

    def _do(self, wanted: Wanted, work: Callable[[Collection], T]) -> tuple[T, list[str]]:
        try:
            return self.get(wanted).do(wanted.catalog, work)
        except BaseException:
            self.tidy()  # what could not be opened takes nobody's place
            raise
        finally:
            self._make_room()

    def tidy(self) -> None:
        """Let go of the collections that have changed or were removed since they were searched."""
        with self._lock:
            held = list(self._held.items())
        for key, each in held:
            if each.is_over():
                with self._lock:
                    if self._held.get(key) is each:
                        del self._held[key]

    def warm(self, wanted: Wanted) -> None:
        """Load what a first search would have to. Errors are told when somebody searches."""
        from retrieval.queries import make_query

        try:
            self.search(wanted, make_query("a photo"), SearchOptions(k=1))
            self.look(wanted, "Where is the photo?", 1)
        except (RetrievalError, OtherCatalogError):
            return

    def describe(self) -> list[dict[str, Any]]:
        """What is held, the one used last at the end."""
        with self._lock:
            held = list(self._held.values())
        return [{"path": str(h.place), "model": h.spec.model, "used_at": h.used_at} for h in held]

    def close(self) -> None:
        with self._lock:
            held, self._held = list(self._held.values()), OrderedDict()
        for each in held:
            each.drop()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
