"""Index text corpora: read passages, embed texts that are new, remember where each stands."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.corpora import Columns, Passage, read_passages, text_hash
from retrieval.errors import CorpusError, NotTextError
from retrieval.indexing.session import BEING_WRITTEN, COMMIT_FILES, UNREADABLE, Session
from retrieval.pictures.images import READER
from retrieval.records import FileStat, Progress
from retrieval.storage.commits import Batch, FileEntry, Line, NewDocument

COMMIT_TEXTS = 512  # texts that are embedded between two commits


class TextIndexer:
    """Gathers passages of many small files, or parts of a large one, into batches."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.catalog = session.collection.catalog
        self._waiting: list[tuple[FileStat, Columns, list[Passage]]] = []

    def index(self, stats: Sequence[FileStat]) -> list[FileStat]:
        """Index text files; returns those whose content is no text, whatever their names say."""
        misnamed: list[FileStat] = []
        passages_waiting = 0
        for done, stat in enumerate(stats, 1):
            try:
                if self.session.is_busy(stat.path):
                    raise CorpusError(f"{UNREADABLE}: {BEING_WRITTEN}")
                columns = self._columns(stat)
                passages = read_passages(stat.path, columns)
            except NotTextError:
                misnamed.append(stat)
            except CorpusError as exc:
                self._skip(stat, str(exc))
            else:
                if not self.session.known_only or self._all_known(passages):
                    self._waiting.append((stat, columns, passages))
                    passages_waiting += len(passages)
            full = passages_waiting >= COMMIT_TEXTS or len(self._waiting) >= COMMIT_FILES
            if self._waiting and (full or done == len(stats)):
                self._commit()
                passages_waiting = 0
        return misnamed

    def _all_known(self, passages: list[Passage]) -> bool:
        texts = {text_hash(passage.text) for passage in passages}
        space = self.catalog.active_space()
        return texts <= self.catalog.embedded(space, "documents", list(texts))

    def _columns(self, stat: FileStat) -> Columns:
        """The columns that the user names, or else those the file was read with before."""
        if self.session.columns.chosen:
            return self.session.columns
        old = self.session.before.get(stat.path)
        return Columns.from_signature(old.reader if old is not None else None)

    def _skip(self, stat: FileStat, reason: str) -> None:
        self.session.skip(stat.path, reason)
        # What is known of a file stays if it may be readable another time, or with other columns.
        entry: FileEntry | None
        if reason.startswith(UNREADABLE) or self.session.columns.chosen:
            entry = self.session.entry_to_retry(stat, reason)
        else:
            columns = self._columns(stat)
            reader = columns.signature if columns.chosen else READER  # chosen ones are kept
            entry = FileEntry(stat, reason=reason, reader=reader)
        if entry is not None:
            self.session.collection.commit(Batch(entries=[entry]))

    def _commit(self) -> None:
        texts = {text_hash(p.text): p.text for _, _, passages in self._waiting for p in passages}
        space = self.catalog.active_space()
        known = self.catalog.embedded(space, "documents", list(texts))
        new = [key for key in texts if key not in known]
        for start in range(0, len(new), COMMIT_TEXTS):
            part = new[start : start + COMMIT_TEXTS]
            rows = self.session.embedder.embed_texts([texts[key] for key in part])
            batch = Batch(documents=[NewDocument(key, texts[key]) for key in part])
            self.session.collection.commit(batch, documents=rows)
            self.session.counts.embedded += len(part)
            self.session.on_progress(Progress("reading texts", start + len(part), len(new)))
        entries = [self._entry(*waiting) for waiting in self._waiting]
        described = [
            NewDocument(key, text) for key, text in texts.items() if key in self.session.undescribed
        ]
        self.session.collection.commit(Batch(entries=entries, described=[*described]))
        self._waiting = []

    def _entry(self, stat: FileStat, columns: Columns, passages: list[Passage]) -> FileEntry:
        old, counts = self.session.before.get(stat.path), self.session.counts
        if old is None or old.reason is not None:
            counts.added += 1
        else:
            counts.changed += 1
        lines = tuple(Line(text_hash(p.text), p.line, p.photo_path, p.guessed) for p in passages)
        return FileEntry(stat, reader=columns.signature, lines=lines)
