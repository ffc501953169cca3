"""Captions for whole folders: beside the photos as XMP, or in one table. Photos never change.

A run may end at any moment and goes on where it was: what is captioned already is told by the mark
in a sidecar or the row of a table, with the size and the modification time of the photo; where
these differ its content decides. What people wrote stays, unless it is to be replaced, and is asked
for again when a caption is written: a model may think for long.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.captioning.describing import Describer
from retrieval.captioning.targets import CaptionForm, Content, State, Target, target_of
from retrieval.corpora import is_corpus
from retrieval.errors import (
    ImageError,
    ModelError,
    ModelReplyError,
    NoVisionError,
    StorageError,
    UsageError,
)
from retrieval.metadata.reading import is_sidecar
from retrieval.records import (
    FileStat,
    Language,
    NoticeCallback,
    Progress,
    ProgressCallback,
    Redaction,
    Skipped,
    ignore_notice,
    ignore_progress,
)
from retrieval.scan import FORGOTTEN, walk

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.models import LanguageModel

MOST_FAILURES = 3  # of a model one after the other: then it is gone, and the run ends
#: What keeps one sidecar from being written, while others may be.
LOCAL = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class CaptionReport:
    """What a run did. Each photo that was met is in exactly one of the first four.

    `captioned` got a caption (with `dry_run` would), `unchanged` have one of ours already, `kept`
    have one that a person wrote, `skipped` could not be captioned, with the reason. `path` is the
    folder, or the table; `made_by` a model's name, or "tags".
    """

    captioned: tuple[str, ...]
    unchanged: int
    kept: int
    skipped: tuple[Skipped, ...]
    form: CaptionForm
    path: str
    made_by: str
    dry_run: bool
    seconds: float


def caption_folder(
    folder: str | Path,
    model: LanguageModel | None = None,
    *,
    form: CaptionForm = "xmp",
    out: str | Path | None = None,
    collection: Collection | None = None,
    language: Language = "en",
    redact: Sequence[Redaction] = (),
    replace: bool = False,
    dry_run: bool = False,
    cache: str = "",
    on_progress: ProgressCallback = ignore_progress,
    on_notice: NoticeCallback = ignore_notice,
) -> CaptionReport:
    """Write a caption for every photo below `folder`: into XMP sidecars, or into the table `out`.

    With a model that sees it writes them; without, they are guesses of tags with date and place,
    and say so. `replace` also replaces what people or another model wrote; `dry_run` tells which
    photos would get one. A photo that cannot be captioned is listed and stops nothing; a model that
    fails several times in a row does, and what was written until then is kept. Raises UsageError,
    StorageError, and what the model raises.
    """
    begun = time.monotonic()
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}. Name one that holds photos.")
    if model is not None and not model.sees:
        raise NoVisionError(
            f"The model {model.name} takes no pictures, so it cannot caption photos. Name one that "
            "sees, or none at all."
        )
    describer = Describer(collection, model, language, redact, cache, on_notice)
    target = target_of(form, out, describer, replace)
    run = _Run(describer, target, collection, dry_run)
    photos = list(run.photos(root))
    for done, photo in enumerate(photos, 1):
        run.caption(photo)
        rate = done / max(time.monotonic() - begun, 1e-3)
        on_progress(Progress("captioning", done, len(photos), rate))
    if not dry_run:
        target.end()
    return CaptionReport(
        captioned=tuple(run.captioned),
        unchanged=run.counts["unchanged"],
        kept=run.counts["kept"],
        skipped=tuple(run.skipped),
        form=form,
        path=str(target.path or root),
        made_by=describer.made_by,
        dry_run=dry_run,
        seconds=time.monotonic() - begun,
    )


@dataclass
class _Run:
    """One run over the photos of a folder."""

    describer: Describer
    target: Target
    collection: Collection | None
    dry_run: bool
    captioned: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"unchanged": 0, "kept": 0})
    _failures: int = 0

    def photos(self, root: Path) -> Iterator[FileStat]:
        """The files below a folder that may be photos."""
        met = [each for each in walk([root]) if not _is_hidden(each.path)]
        self.skipped += [each for each in met if isinstance(each, Skipped)]
        files = [each for each in met if isinstance(each, FileStat)]
        forgotten = self._forgotten([file.path for file in files])
        beside = {*forgotten, str(self.target.path or "")}
        for file in files:
            if not (is_corpus(file.path) or is_sidecar(file.path) or file.path in beside):
                yield file

    def _forgotten(self, paths: list[str]) -> set[str]:
        """Files that the collection was to forget: they are never opened again unasked."""
        if self.collection is None:
            return set()
        known = self.collection.catalog.files_at(paths)
        return {path for path, file in known.items() if file.reader == FORGOTTEN}

    def caption(self, file: FileStat) -> None:
        """Caption one photo, or list why not. Raises what is wrong with more than this photo."""
        photo = Content(file.path, str(file.size), str(file.mtime_ns))
        try:
            state: State | None = self.target.state(photo)
            if state == "new":
                state = self._write(photo)
            if state == "new":
                self.captioned.append(file.path)
            elif state is not None:
                self.counts[state] += 1
            if state == "kept" and not self.dry_run:
                self.target.keep(photo)
        except NoVisionError:
            raise
        except (ImageError, UsageError, StorageError, ModelError) as exc:
            self._failed(exc)
            self.skipped.append(Skipped(file.path, _reason(exc, file.path)))

    def _write(self, photo: Content) -> State | None:
        """Write a caption if one is still due; None where there is nothing to say."""
        if self.dry_run:
            from retrieval.pictures import thumbnail_of_file

            thumbnail_of_file(photo.path)  # a file that is no picture would get none
            return "new"
        _ = photo.sha256  # before it is looked at, or a change meanwhile would go unnoticed
        caption = self.describer.caption(photo.path)
        self._failures = 0
        if not caption:
            self.skipped.append(Skipped(photo.path, "nothing is known of it without a model"))
            return None
        return self.target.write(photo, caption)

    def _failed(self, exc: Exception) -> None:
        """A full disk ends a run, and a model that is gone; one photo does not."""
        if isinstance(exc, StorageError):
            cause = exc.__cause__
            if self.target.path or not isinstance(cause, OSError) or cause.errno not in LOCAL:
                raise exc
        if isinstance(exc, ModelError) and not isinstance(exc, ModelReplyError):
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise exc


def _reason(exc: Exception, path: str) -> str:
    """Why a photo got no caption, without its path, which stands beside it."""
    return str(exc).removeprefix(f"{path} cannot be shown: ").removesuffix(" Name a picture.")


def _is_hidden(path: str) -> bool:
    return os.path.basename(path).startswith(".")
