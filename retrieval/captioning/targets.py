"""Where captions of a folder go: into the sidecar beside each photo, or into one table."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from retrieval.captioning.sidecars import Captioned, Mark, plain, read_caption, with_caption
from retrieval.captioning.tables import CaptionTable, Row
from retrieval.errors import ImageError, UsageError
from retrieval.metadata.reading import is_sidecar, sidecars_of
from retrieval.storage import disk
from retrieval.storage.layout import storage_errors

if TYPE_CHECKING:
    from retrieval.captioning.describing import Describer

CaptionForm = Literal["xmp", "csv"]
FILE_MODE = 0o666  # of a sidecar that is new; the umask takes its part


@dataclass
class Content:
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
State = Literal["new", "unchanged", "kept"]


class Target(Protocol):
    """Where captions go."""

    @property
    def path(self) -> Path | None:
        """Of the one file that all captions go to, if it is one."""
        ...

    def state(self, photo: Content) -> State:
        """Whether a photo is to get a caption. Raises ImageError, UsageError, StorageError."""
        ...

    def write(self, photo: Content, caption: str) -> None:
        """Write a caption, durably. Raises the same."""
        ...

    def end(self) -> None: ...


def target_of(
    form: CaptionForm, out: str | Path | None, describer: Describer, replace: bool
) -> Target:
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


# --- sidecars ---------------------------------------------------------------------------------


@dataclass
class _Sidecars:
    """Captions in the sidecar that counts for a photo, or in a new NAME.jpg.xmp."""

    describer: Describer
    replace: bool
    path: Path | None = None

    def state(self, photo: Content) -> State:
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

    def _state_of_ours(self, photo: Content, mark: Mark, place: Path) -> State:
        if mark.file != plain(os.path.basename(photo.path)) and _is_shared(place, photo.path):
            raise UsageError(f"its sidecar {place.name} holds the caption of {mark.file}")
        made = (mark.source, mark.language)
        if self.replace and made != (self.describer.made_by, self.describer.language):
            return "new"
        same = photo.is_that(mark.size, mark.modified, mark.sha256)
        return "unchanged" if same else "new"

    def _has_its_own(self, photo: Content) -> bool:
        """Whether a person's caption stands in the photo itself, which a sidecar would cover."""
        from retrieval.metadata.reading import read_facts
        from retrieval.pictures.images import read_content

        try:
            return bool(read_facts(read_content(photo.path).data, photo.path).caption)
        except OSError as exc:
            raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc

    def write(self, photo: Content, caption: str) -> None:
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

    def state(self, photo: Content) -> State:
        row = self.table.rows.get(self._name(photo.path))
        if row is None or (self.replace and row.source != self.describer.made_by):
            return "new"
        return "unchanged" if photo.is_that(row.bytes, row.modified, row.sha256) else "new"

    def write(self, photo: Content, caption: str) -> None:
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
