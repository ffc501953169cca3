"""Read photos again that are known, without embedding them.

Their facts or looks are those of an older version, or were never read (a collection of an older
format); a sidecar beside them changed; or a file whose name gave the date. Each batch that is
committed is done with, so an interrupted run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from retrieval.embedding import look_ahead
from retrieval.errors import ImageError
from retrieval.indexing.session import COMMIT_FILES, Session
from retrieval.knowing import facts_in
from retrieval.pictures import decode
from retrieval.pictures.images import FileContent, read_content
from retrieval.pictures.looks import LEAST_SIDE, measure_looks
from retrieval.records import Photo, Progress
from retrieval.storage.commits import Batch
from retrieval.storage.knowledge import Known


class _Job(NamedTuple):
    photo: Photo
    facts: bool  # whether these are to be read,
    looks: bool  # and these measured


def reread(session: Session, met: Collection[str]) -> None:
    """Bring up to date what is known of photos with a file among those `met` in this run."""
    jobs = _jobs(session, met)
    for start in range(0, len(jobs), COMMIT_FILES):
        part = jobs[start : start + COMMIT_FILES]
        results = look_ahead(part, lambda job: _read(session, job), session.threads, COMMIT_FILES)
        known = [result for result in results if result is not None]
        if known:
            session.collection.commit(Batch(known=known))
        session.on_progress(Progress("reading metadata", start + len(part), len(jobs)))


def _jobs(session: Session, met: Collection[str]) -> list[_Job]:
    catalog = session.collection.catalog
    outdated = catalog.outdated_photos()
    photos = catalog.photos_by_id([photo_id for photo_id, _, _ in outdated])
    return [
        _Job(photos[photo_id], facts, looks)
        for photo_id, facts, looks in outdated
        if any(path in met for path in photos[photo_id].paths)
    ]


def _read(session: Session, job: _Job) -> Known | None:
    """What a photo's files say; None where none of them holds it any more. Runs in threads."""
    paths = sorted(job.photo.paths)  # the same whichever was indexed first
    content = _content(paths, job.photo.content_hash)
    if content is None:
        return None
    facts = facts_in(paths, content.data, session.collection.cache) if job.facts else None
    looks = None
    if job.looks:
        try:
            looks = measure_looks(decode(content.data, LEAST_SIDE).image)
        except ImageError:  # a decoder that once read it is gone
            if facts is None:
                return None
    return Known(job.photo.id, facts, looks)


def _content(paths: Sequence[str], content_hash: bytes) -> FileContent | None:
    for path in paths:
        try:
            content = read_content(path)
        except (OSError, ImageError):
            continue
        if content.content_hash == content_hash:
            return content
    return None
