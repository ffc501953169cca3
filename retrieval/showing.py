"""All that is known of one photo, in the words of FIELDS."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import ImageError, UsageError
from retrieval.knowing import facts_in, read_sidecars
from retrieval.metadata import FIELDS
from retrieval.metadata.naming import camera_name
from retrieval.pictures import decode
from retrieval.pictures.images import read_content
from retrieval.pictures.looks import LEAST_SIDE, measure_looks
from retrieval.pictures.thumbnails import thumbnail_path
from retrieval.records import Document, Facts, Looks, Photo

if TYPE_CHECKING:
    from retrieval.collection import Collection


@dataclass(frozen=True, slots=True)
class KnownField:
    """One field of FIELDS that is known: its value, and how it is written for people."""

    name: str
    label: str
    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class PhotoDetails:
    """All that is known of a photo. `photo.id` is 0 and `indexed` False where only its file tells.

    `photo.paths` are all files of that content that the collection knows, `path` first; `documents`
    are texts that name one of them; `skipped` says why the collection left this file out. Sizes in
    bytes; `thumbnail_bytes` is None where none was made yet.
    """

    path: str
    indexed: bool
    photo: Photo
    bytes: int | None
    sidecar: str | None
    facts: Facts
    looks: Looks | None
    fields: tuple[KnownField, ...]
    documents: tuple[Document, ...] = ()
    writing: str | None = None
    thumbnail_bytes: int | None = None
    skipped: str | None = None


def show_photo(collection: Collection | None, path: str | Path, cache: str = "") -> PhotoDetails:
    """All that is known of the photo at `path`: by the collection, or else by its file alone.

    `cache` keeps the list of places. Raises UsageError where there is neither, ImageError for a
    file that is no picture.
    """
    name = os.path.abspath(os.path.expanduser(path))
    if collection is not None:
        with collection.reader.snapshot():
            details = _in_collection(collection, name)
        if details is not None:
            return details
    return _in_file(collection, name, cache)


def _in_collection(collection: Collection, path: str) -> PhotoDetails | None:
    """None where the collection does not know that file as a photo."""
    catalog = collection.catalog
    known = catalog.files_at([path]).get(path)
    if known is None or known.photo_id is None:
        return None
    photo = catalog.photos_by_id([known.photo_id])[known.photo_id]
    facts = catalog.facts_of([photo.id]).get(photo.id, Facts())
    looks = catalog.looks_of([photo.id]).get(photo.id)
    others = tuple(other for other in photo.paths if other != path)
    kept = thumbnail_path(collection.path / "thumbs", photo.content_hash)
    beside = read_sidecars(path)
    return PhotoDetails(
        path=path,
        indexed=True,
        photo=_with_paths(photo, (path, *others)),
        bytes=known.size,
        sidecar=beside[0][0] if beside else None,
        facts=facts,
        looks=looks,
        fields=known_fields(photo, path, facts, looks),
        documents=tuple(catalog.documents_naming(photo.paths)),
        writing=catalog.writing_in(photo.id),
        thumbnail_bytes=kept.stat().st_size if kept.is_file() else None,
    )


def _in_file(collection: Collection | None, path: str, cache: str) -> PhotoDetails:
    known = None if collection is None else collection.catalog.files_at([path]).get(path)
    if not os.path.lexists(path):
        raise UsageError(
            f"There is no file {path}, and no photo of that name is in the collection."
        )
    try:
        content = read_content(path)
        picture = decode(content.data, LEAST_SIDE)
    except (ImageError, OSError) as exc:
        reason = f"cannot be read: {exc.strerror}" if isinstance(exc, OSError) else str(exc)
        raise ImageError(f"{path} cannot be shown: {reason}. Name a picture.") from exc
    copies = _copies(collection, content.content_hash)
    photo = Photo(
        *(0, content.content_hash, picture.width, picture.height, picture.format),
        frames=picture.frames,
        paths=(path, *copies),
    )
    facts, looks = facts_in([path], content.data, cache), measure_looks(picture.image)
    beside = read_sidecars(path)
    return PhotoDetails(
        path=path,
        indexed=False,
        photo=photo,
        bytes=len(content.data),
        sidecar=beside[0][0] if beside else None,
        facts=facts,
        looks=looks,
        fields=known_fields(photo, path, facts, looks),
        skipped=None if known is None else known.reason,
    )


def _copies(collection: Collection | None, content_hash: bytes) -> tuple[str, ...]:
    """Files of the collection with the same content."""
    if collection is None:
        return ()
    ids = list(collection.catalog.photo_ids([content_hash]).values())
    return tuple(path for p in collection.catalog.photos_by_id(ids).values() for path in p.paths)


def _with_paths(photo: Photo, paths: tuple[str, ...]) -> Photo:
    sides = photo.width, photo.height
    return Photo(photo.id, photo.content_hash, *sides, photo.format, photo.frames, paths)


# --- fields -----------------------------------------------------------------------------------


def known_fields(
    photo: Photo, path: str, facts: Facts, looks: Looks | None
) -> tuple[KnownField, ...]:
    """The fields of FIELDS that are known of a photo, in their order."""
    tables = {"facts": facts, "looks": looks, "photos": photo}
    found = []
    for field in FIELDS:
        values = []
        for table, _, column in (name.partition(".") for name in field.columns):
            values.append(getattr(tables.get(table), column, None))
        value = _VALUES.get(field.name, _first)(photo, path, values)
        if value not in (None, "", ()):
            text = _TEXTS.get(field.name, _plain)(value, facts)
            unit = f"{'' if field.unit == '°' else ' '}{field.unit}" if field.unit else ""
            found.append(KnownField(field.name, field.label, value, text + unit))
    return tuple(found)


def _first(_: Photo, __: str, values: list[Any]) -> Any:
    return values[0] if values else None


def _camera(_: Photo, __: str, values: list[Any]) -> Any:
    return camera_name(*values)


def _place(_: Photo, __: str, values: list[Any]) -> Any:
    return ", ".join(dict.fromkeys(name for name in values[:3] if name))


def shape_of(width: int, height: int) -> str:
    """ "landscape", "portrait" or "square" (sides within a twentieth)."""
    if abs(width - height) <= max(width, height) / 20:
        return "square"
    return "landscape" if width > height else "portrait"


def _shape(photo: Photo, _: str, __: list[Any]) -> Any:
    return shape_of(photo.width, photo.height) if photo.width else None


def _file(_: Photo, path: str, __: list[Any]) -> Any:
    return os.path.basename(path)


def _folder(_: Photo, path: str, __: list[Any]) -> Any:
    return os.path.dirname(path)


#: Fields whose value is not just what stands in their column.
_VALUES: dict[str, Callable[[Photo, str, list[Any]], Any]] = {
    "camera": _camera,
    "place": _place,
    "shape": _shape,
    "file": _file,
    "folder": _folder,
}


def _plain(value: Any, _: Facts) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _taken(value: Any, facts: Facts) -> str:
    """The camera's clock, its offset, and where that stood."""
    offset = facts.utc_offset
    sign = "-" if offset is not None and offset < 0 else "+"
    zone = "" if offset is None else f" {sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    return f"{value.replace('T', ' ')}{zone} (from {facts.taken_from})"


def _exposure(value: Any, _: Facts) -> str:
    return f"1/{1 / value:.0f}" if 0 < value < 0.3 else f"{value:g}"


def _written(form: str) -> Callable[[Any, Facts], str]:
    """Writes a number in a form of `format`."""
    return lambda value, _: form.format(value)


_TEXTS: dict[str, Callable[[Any, Facts], str]] = {
    "taken": _taken,
    "exposure": _exposure,
    "aperture": _written("f/{:.3g}"),
    "latitude": _written("{:.6f}"),
    "longitude": _written("{:.6f}"),
    "focal": _written("{:.4g}"),
}
