"""Captions for whole folders: beside the photos as XMP, or in one table. Photos never change.

A run may end at any moment and goes on where it was: what is captioned already is told by the mark
in a sidecar or the row of a table, with the size and the modification time of the photo; where
these differ its content decides. What people wrote stays, unless it is to be replaced.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from retrieval.captioning.describing import Describer
from retrieval.captioning.sidecars import Captioned, Mark, plain, read_caption, with_caption
from retrieval.captioning.tables import CaptionTable, Row
from retrieval.corpora import is_corpus
from retrieval.errors import (
    ImageError,
    ModelError,
    ModelReplyError,
    NoVisionError,
    StorageError,
    UsageError,
)
from retrieval.metadata.reading import is_sidecar, sidecars_of
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
from retrieval.storage import disk
from retrieval.storage.layout import storage_errors

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.models import LanguageModel

CaptionForm = Literal["xmp", "csv"]
MOST_FAILURES = 3  # of a model one after the other: then it is gone, and the run ends
#: What keeps one sidecar from being written, while others may be.
LOCAL = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENAMETOOLONG)
FILE_MODE = 0o666  # of a sidecar that is new; the umask takes its part


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
    target = _target(form, out, describer, replace)
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
class _Content:
    """A photo's file as it is now."""

    path: str
    size: str
    modified: str

    def is_that(self, size: str, modified: str, sha256: str) -> bool:
        """Whether a caption was made of this content."""
        return (size, modified) == (self.size, self.modified) or sha256 == self.sha256

    @cached_property
    def sha256(self) -> str:
        """In hex; raises ImageError where the file cannot be read."""
        from retrieval.pictures.images import read_content

        try:
            return read_content(self.path).content_hash.hex()
        except OSError as exc:
            raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc


#: What is to be done about a photo: "new", or why nothing.
_State = Literal["new", "unchanged", "kept"]


class _Target(Protocol):
    """Where captions go."""

    @property
    def path(self) -> Path | None:
        """Of the one file that all captions go to, if it is one."""
        ...

    def state(self, photo: _Content) -> _State:
        """Whether a photo is to get a caption. Raises ImageError, UsageError, StorageError."""
        ...

    def write(self, photo: _Content, caption: str) -> None:
        """Write a caption, durably. Raises the same."""
        ...

    def end(self) -> None: ...


def _target(
    form: CaptionForm, out: str | Path | None, describer: Describer, replace: bool
) -> _Target:
    if form == "xmp":
        if out is not None:
            raise UsageError("Sidecars stand beside their photos. Leave the name of a table away.")
        return _Sidecars(describer, replace)
    if form != "csv" or out is None or not str(out):
        raise UsageError("Choose where captions go: XMP sidecars, or a CSV table with its name.")
    path = Path(os.path.abspath(os.path.expanduser(out)))
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}. Make it first, or name another.")
    return _Table(CaptionTable(path), describer, replace)


@dataclass
class _Run:
    """One run over the photos of a folder."""

    describer: Describer
    target: _Target
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
        photo = _Content(file.path, str(file.size), str(file.mtime_ns))
        try:
            state = self.target.state(photo)
            if state != "new":
                self.counts[state] += 1
            elif self._write(photo):
                self.captioned.append(file.path)
        except NoVisionError:
            raise
        except (ImageError, UsageError, StorageError, ModelError) as exc:
            self._failed(exc)
            self.skipped.append(Skipped(file.path, _reason(exc, file.path)))

    def _write(self, photo: _Content) -> bool:
        if self.dry_run:
            from retrieval.pictures import thumbnail_of_file

            thumbnail_of_file(photo.path)  # a file that is no picture would get none
            return True
        _ = photo.sha256  # before it is looked at, or a change meanwhile would go unnoticed
        caption = self.describer.caption(photo.path)
        self._failures = 0
        if not caption:
            self.skipped.append(Skipped(photo.path, "nothing is known of it without a model"))
            return False
        self.target.write(photo, caption)
        return True

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


# --- sidecars ---------------------------------------------------------------------------------


@dataclass
class _Sidecars:
    """Captions in the sidecar that counts for a photo, or in a new NAME.jpg.xmp."""

    describer: Describer
    replace: bool
    path: Path | None = None

    def state(self, photo: _Content) -> _State:
        place, data = _sidecar(photo.path)
        known = self._known(data)
        if known is not None and known.is_ours and known.mark is not None:
            return self._state_of_ours(photo, known.mark, place)
        if self.replace:
            return "new"
        if known is not None and known.captions:
            return "kept"
        return "kept" if self._has_its_own(photo) else "new"

    def _known(self, data: bytes | None) -> Captioned | None:
        if data is None:
            return None
        known = read_caption(data)
        if known is None:
            raise UsageError("its sidecar is no XMP that can be read; it stays as it is")
        return known

    def _state_of_ours(self, photo: _Content, mark: Mark, place: Path) -> _State:
        if mark.file != plain(os.path.basename(photo.path)) and _is_shared(place, photo.path):
            raise UsageError(f"its sidecar {place.name} holds the caption of {mark.file}")
        made = (mark.source, mark.language)
        if self.replace and made != (self.describer.made_by, self.describer.language):
            return "new"
        same = photo.is_that(mark.size, mark.modified, mark.sha256)
        return "unchanged" if same else "new"

    def _has_its_own(self, photo: _Content) -> bool:
        """Whether a person's caption stands in the photo itself, which a sidecar would cover."""
        from retrieval.metadata.reading import read_facts
        from retrieval.pictures.images import read_content

        try:
            return bool(read_facts(read_content(photo.path).data, photo.path).caption)
        except OSError as exc:
            raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc

    def write(self, photo: _Content, caption: str) -> None:
        place, data = _sidecar(photo.path)
        mark = Mark(
            file=plain(os.path.basename(photo.path)),
            sha256=photo.sha256,
            size=photo.size,
            modified=photo.modified,
            source=plain(self.describer.made_by),
            language=self.describer.language,
        )
        with storage_errors(place):
            mode = FILE_MODE if data is None else os.stat(place).st_mode & 0o777
            disk.write_atomically(place, with_caption(data, caption, mark), mode)

    def end(self) -> None:
        pass


def _sidecar(path: str) -> tuple[Path, bytes | None]:
    """The sidecar that counts for a photo and what it says; None for one that is to be made.

    Raises UsageError for one that must not be touched.
    """
    name = next((name for name in sidecars_of(path) if os.path.lexists(name)), None)
    if name is None:
        return Path(f"{path}.xmp"), None
    place = Path(name)
    if place.is_symlink() or not place.is_file():
        raise UsageError(f"its sidecar {place.name} is a link or no file; it stays as it is")
    try:
        return place, place.read_bytes()
    except OSError as exc:
        raise UsageError(f"its sidecar {place.name} cannot be read: {exc.strerror}") from exc


def _is_shared(place: Path, path: str) -> bool:
    """Whether a sidecar, IMG_1.xmp, is that of another photo beside, IMG_1.dng, as well."""
    if place.name.startswith(os.path.basename(path)):
        return False
    with suppress(OSError):
        others = [n for n in os.listdir(place.parent) if n.rpartition(".")[0] == place.stem]
        return sum(not is_sidecar(name) for name in others) > 1
    return False


# --- a table ----------------------------------------------------------------------------------


@dataclass
class _Table:
    """Captions in one CSV table, by the names of their files as seen from it."""

    table: CaptionTable
    describer: Describer
    replace: bool

    @property
    def path(self) -> Path | None:
        return self.table.path

    def state(self, photo: _Content) -> _State:
        row = self.table.rows.get(self._name(photo.path))
        if row is None or (self.replace and row.source != self.describer.made_by):
            return "new"
        return "unchanged" if photo.is_that(row.bytes, row.modified, row.sha256) else "new"

    def write(self, photo: _Content, caption: str) -> None:
        name, made_by = self._name(photo.path), self.describer.made_by
        row = Row(name, caption, made_by, photo.sha256, photo.size, photo.modified)
        self.table.add(row)

    def end(self) -> None:
        self.table.tidy()

    def _name(self, path: str) -> str:
        try:
            path.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise UsageError("the name of the file is not UTF-8, which a table must be") from exc
        return os.path.relpath(path, self.table.path.parent)
