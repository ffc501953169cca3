"""Where captions of a folder go: into the sidecar beside each photo, or into one table."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from retrieval.captioning.sidecars import (
    ODD,
    Captioned,
    Mark,
    plain,
    read_caption,
    with_caption,
    without_caption,
)
from retrieval.captioning.tables import CaptionTable, Row
from retrieval.errors import ImageError, UsageError
from retrieval.metadata.guesses import text_hash
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

    def write(self, photo: Content, caption: str) -> State:
        """Write a caption, durably: "new"; or say why none is due any more. Raises the same."""
        ...

    def keep(self, photo: Content) -> None:
        """See that a person's caption is not covered by one of ours. Raises the same."""
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
        return self._state(photo, _beside(photo.path))

    def _state(self, photo: Content, beside: list[_Sidecar]) -> State:
        known = beside[0].known if beside else None
        mark = known.mark if known is not None and known.is_ours else None
        of_another = mark is not None and mark.file != plain(os.path.basename(photo.path))
        if mark is not None and of_another and _is_shared(beside[0].place, photo.path):
            name = beside[0].place.name
            raise UsageError(f"its sidecar {name} holds the caption of {mark.file}")
        if self.replace:
            return self._state_to_replace(photo, known, mark)
        if _by_people(beside) != (mark.over if mark else ""):
            return "kept"
        if mark is not None and photo.is_that(mark.size, mark.modified, mark.sha256):
            return "unchanged"
        return "kept" if self._has_its_own(photo, mark) else "new"

    def _state_to_replace(
        self, photo: Content, known: Captioned | None, mark: Mark | None
    ) -> State:
        if known is not None and known.is_odd:
            raise UsageError(ODD)
        if mark is None or (mark.source, mark.language) != (
            self.describer.made_by,
            self.describer.language,
        ):
            return "new"
        same = photo.is_that(mark.size, mark.modified, mark.sha256)
        return "unchanged" if same else "new"

    def _has_its_own(self, photo: Content, mark: Mark | None) -> bool:
        """Whether a person's caption stands in the photo itself, which a sidecar would cover.

        A copy of ours that another program put there is not one.
        """
        from retrieval.metadata.reading import read_facts
        from retrieval.pictures.images import read_content

        try:
            own = read_facts(read_content(photo.path).data, photo.path).caption
        except OSError as exc:
            raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc
        return bool(own) and not (mark and text_hash(own or "") == mark.text)

    def write(self, photo: Content, caption: str) -> State:
        beside = _beside(photo.path)
        state = self._state(photo, beside)  # a person may have written one meanwhile
        if state != "new":
            return state
        mark = Mark(
            file=plain(os.path.basename(photo.path)),
            sha256=photo.sha256,
            size=photo.size,
            modified=photo.modified,
            source=plain(self.describer.made_by),
            language=self.describer.language,
        )
        place, data = (beside[0].place, beside[0].data) if beside else (_new(photo.path), None)
        changed = with_caption(data, caption, mark)
        covered = _by_people([_sidecar(place, changed), *beside[1:]])
        _put(place, data, with_caption(data, caption, replace(mark, over=covered)))
        return state

    def keep(self, photo: Content) -> None:
        """Take our guess away again where a person has written since, which it would cover."""
        for each in _beside(photo.path)[:1]:
            if each.known.is_ours:
                _put(each.place, each.data, without_caption(each.data))

    def end(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Sidecar:
    """One that is there: its bytes, and what they say."""

    place: Path
    data: bytes
    known: Captioned


def _beside(path: str) -> list[_Sidecar]:
    """The sidecars of a photo; the first one counts. Raises UsageError for one that is none."""
    return [_read(Path(name)) for name in sidecars_of(path) if os.path.lexists(name)]


def _new(path: str) -> Path:
    """The sidecar that is to be made."""
    return Path(f"{path}.xmp")


def _read(place: Path) -> _Sidecar:
    if place.is_symlink() or not place.is_file():
        raise UsageError(f"its sidecar {place.name} is a link or no file; it stays as it is")
    try:
        data = place.read_bytes()
    except OSError as exc:
        raise UsageError(f"its sidecar {place.name} cannot be read: {exc.strerror}") from exc
    return _sidecar(place, data)


def _sidecar(place: Path, data: bytes) -> _Sidecar:
    known = read_caption(data)
    if known is None:
        raise UsageError("its sidecar is no XMP that can be read; it stays as it is")
    return _Sidecar(place, data, known)


def _by_people(beside: list[_Sidecar]) -> str:
    """The hash of what people wrote in the sidecars; "" for nothing."""
    texts = [text for each in beside for text in each.known.by_people]
    return text_hash("\n".join(texts)) if texts else ""


def _put(place: Path, data: bytes | None, changed: bytes | None) -> None:
    """Put `changed` in place of `data`, None for no file, unless somebody else was faster."""

    def last_look() -> None:
        now = place.read_bytes() if os.path.lexists(place) else None
        if now != data:
            raise UsageError(f"its sidecar {place.name} changed just now; it stays as it is")

    with storage_errors(place):
        if changed is None:
            last_look()
            disk.remove(place)
        else:
            mode = FILE_MODE if data is None else os.stat(place).st_mode & 0o777
            disk.write_atomically(place, changed, mode, last_look)


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
        with self.table.alone():
            return self._state(photo)

    def _state(self, photo: Content) -> State:
        name = self._name(photo.path)
        if name in self.table.theirs:
            return "new" if self.replace else "kept"
        row = self.table.rows.get(name)
        if row is None or (self.replace and row.source != self.describer.made_by):
            return "new"
        return "unchanged" if photo.is_that(row.bytes, row.modified, row.sha256) else "new"

    def write(self, photo: Content, caption: str) -> State:
        row = Row(
            image=self._name(photo.path),
            caption=caption,
            source=self.describer.made_by,
            text=text_hash(caption),
            sha256=photo.sha256,
            bytes=photo.size,
            modified=photo.modified,
        )
        with self.table.alone():
            state = self._state(photo)  # a person or another run may have written it meanwhile
            if state == "new":
                self.table.put(row, replaces=self.replace)
        return state

    def keep(self, photo: Content) -> None:
        pass

    def end(self) -> None:
        self.table.tidy()

    def _name(self, path: str) -> str:
        try:
            path.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise UsageError("the name of the file is not UTF-8, which a table must be") from exc
        return os.path.relpath(path, self.table.path.parent)
