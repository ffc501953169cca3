"""What a photo's file says of it: EXIF, XMP, IPTC, the sidecar beside it, and its name.

FIELDS says which tag is which; here is which of several counts. The camera's own (time, place,
settings): EXIF, XMP, IPTC, the sidecar. What people wrote (rating, title, caption, keywords): the
sidecar first, as Lightroom has it, then XMP, IPTC, EXIF; what a model guessed is no caption. Of
two sidecars the one closer by its name goes first, and the other fills in what it lacks. The time
of a file on disk never counts: copying changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from retrieval.metadata import FACTS_VERSION, FROM_NAME, cleaning
from retrieval.metadata.containers import find_blocks
from retrieval.metadata.dates import Moment, moment, offset_minutes
from retrieval.metadata.fields import FIELDS
from retrieval.metadata.file_names import date_in_name
from retrieval.metadata.iptc import read_iptc
from retrieval.metadata.positions import position_in_exif, position_in_xmp
from retrieval.metadata.tags import Tags, read_tags
from retrieval.metadata.xmp import Properties, hashes_of_guesses, read_xmp
from retrieval.records import Facts

__all__ = ["FACTS_VERSION", "is_sidecar", "read_facts", "sidecars_of"]

SIDECAR_ENDS = (".xmp", ".XMP")
Source = Mapping[str, tuple[Any, ...]]

#: How values become those of a column of Facts; what is not named here is read apart.
_CLEAN: dict[str, Callable[[cleaning.Values], Any]] = {
    "lens": cleaning.lens,
    "exposure": cleaning.between(0, 1e6),
    "aperture": cleaning.between(0, 1000),
    "iso": cleaning.sensitivity,
    "focal": cleaning.between(0, 100_000),
    "rating": cleaning.whole(-1, 5),
    "title": cleaning.short_text,
    "caption": cleaning.caption,
    "keywords": cleaning.keywords,
}
_WRITTEN_BY_PEOPLE = ("rating", "title", "caption", "keywords")
_TREES = ("digiKam:TagsList", "lr:hierarchicalSubject")
_PLACES = ("city", "region", "country")


@dataclass(frozen=True, slots=True)
class _Sources:
    """The tags of each source by name; empty where it is not there."""

    exif: Tags
    xmp: Properties
    iptc: Mapping[str, tuple[str, ...]]
    sidecars: tuple[Properties, ...]
    #: The hashes of captions that a model guessed.
    guesses: tuple[str, ...] = ()

    def in_order(self, *, people: bool) -> Iterator[tuple[str, str, Source]]:
        """Name, the attribute of Field that holds its tags, and the source; the best first."""
        inside: list[tuple[str, str, Source]] = [
            ("exif", "exif", self.exif),
            ("xmp", "xmp", self.xmp),
            ("iptc", "iptc", self.iptc),
        ]
        beside: list[tuple[str, str, Source]] = [("sidecar", "xmp", each) for each in self.sidecars]
        yield from [*beside, *inside[1:], inside[0]] if people else [*inside, *beside]


def read_facts(data: bytes, path: str, *sidecars: bytes) -> Facts:
    """What the file with content `data`, named `path`, says of the photo it holds.

    `sidecars` are the contents of the XMP files beside it, the closest first. Never raises: what
    cannot be read is missing. The place's names are those that someone wrote; `places.locate`
    finds those of a position.
    """
    try:
        return facts_in(data, path, *sidecars)
    except Exception:  # a fault of this program in an odd file must not end a run over a library
        return Facts()


def facts_in(data: bytes, path: str, *sidecars: bytes) -> Facts:
    """The same, without the net below it that `read_facts` has."""
    blocks = find_blocks(data)
    exif: Tags = {}
    for block in blocks.exif:
        exif = {**read_tags(block), **exif}
    packet = blocks.xmp or _bytes_of(exif.get("XMP"))
    sources = _Sources(
        exif,
        read_xmp(packet) or {},
        read_iptc(blocks.iptc or _bytes_of(exif.get("IPTC"))),
        tuple(read_xmp(sidecar) or {} for sidecar in sidecars),
        tuple(known for sidecar in sidecars for known in hashes_of_guesses(sidecar)),
    )
    described = (text for each in sources.sidecars for text in each.get("dc:description", ()))
    return Facts(
        **_taken(sources, path),
        **_position(sources),
        **_named_place(sources),
        **_camera(sources),
        **_by_table(sources),
        guess=cleaning.guess(tuple(described), sources.guesses),
        orientation=_orientation(sources),
    )


def is_sidecar(path: str) -> bool:
    """Whether a file is, by its name, an XMP sidecar."""
    return path.endswith(SIDECAR_ENDS)


def sidecars_of(path: str) -> tuple[str, ...]:
    """The names that a sidecar of the photo at `path` may have, the closest first.

    darktable and digiKam write IMG_1.jpg.xmp, Lightroom and Bridge IMG_1.xmp.
    """
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return tuple(
        f"{folder}{slash}{base}{end}"
        for base in dict.fromkeys((name, stem))
        for end in SIDECAR_ENDS
    )


def _by_table(sources: _Sources) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in FIELDS:
        column = field.columns[0].removeprefix("facts.") if field.columns else ""
        if column not in _CLEAN:
            continue
        clean = _CLEAN[column]
        if column == "caption":
            clean = partial(cleaning.caption, guesses=sources.guesses)
        for _, tags, source in sources.in_order(people=column in _WRITTEN_BY_PEOPLE):
            value = _first(source, getattr(field, tags), clean)
            if value not in (None, ()):
                found[column] = value
                break
    return found


def _first(source: Source, tags: tuple[str, ...], clean: Callable[[Any], Any]) -> Any:
    for tag in tags:
        if tag in source:
            value = (cleaning.branches if tag in _TREES else clean)(source[tag])
            if value not in (None, ()):
                return value
    return None


def _taken(sources: _Sources, path: str) -> dict[str, Any]:
    field = next(field for field in FIELDS if field.name == "taken")
    for name, tags, source in sources.in_order(people=False):
        for tag in getattr(field, tags):
            if tag in source and (when := _moment(source, tag)):
                return _as_taken(when, name)
    when = date_in_name(path)
    return {} if when is None else _as_taken(when, FROM_NAME)


def _as_taken(when: Moment, source: str) -> dict[str, Any]:
    return {"taken_at": when.text, "taken_from": source, "utc_offset": when.offset}


def _moment(source: Source, tag: str) -> Moment | None:
    """The moment at a tag, with what stands of it in others: fraction, offset, IPTC's time."""
    written = _letters(source[tag])
    if tag == "DateCreated":  # IPTC: 20210403, and 172005+0900
        day, time = written[:8], _letters(source.get("TimeCreated"))
        text = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        clock = f"T{time[:2]}:{time[2:4]}:{time[4:6]}{time[6:]}"
        return (moment(text + clock) if len(time) >= 6 else None) or moment(text)
    end = tag.removeprefix("DateTime")
    fraction, offset = (_letters(source.get(name + end)) for name in ("SubsecTime", "OffsetTime"))
    return moment(written, offset_minutes(offset), fraction)


def _position(sources: _Sources) -> dict[str, Any]:
    found = position_in_exif(sources.exif) or next(
        filter(None, map(position_in_xmp, (sources.xmp, *sources.sidecars))), None
    )
    return found._asdict() if found else {}


def _named_place(sources: _Sources) -> dict[str, Any]:
    """City, region and country of the first source that names one of them: never of several."""
    fields = {field.name: field for field in FIELDS if field.name in _PLACES}
    for _, tags, source in sources.in_order(people=True):
        named = {
            name: _first(source, getattr(field, tags), cleaning.short_text)
            for name, field in fields.items()
        }
        if any(named.values()):
            return named
    return {}


def _camera(sources: _Sources) -> dict[str, Any]:
    for make, model in (
        (sources.exif.get("Make", ()), sources.exif.get("Model", ())),
        *(
            (each.get("tiff:Make", ()), each.get("tiff:Model", ()))
            for each in (sources.xmp, *sources.sidecars)
        ),
    ):
        found = {"make": cleaning.maker(make), "camera": cleaning.short_text(model)}
        if any(found.values()):
            return found
    return {}


def _orientation(sources: _Sources) -> int | None:
    read = cleaning.whole(1, 8)
    return read(sources.exif.get("Orientation", ())) or read(
        sources.xmp.get("tiff:Orientation", ())
    )


def _letters(values: tuple[Any, ...] | None) -> str:
    value = values[0] if values else ""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip("\0 ")


def _bytes_of(values: tuple[Any, ...] | None) -> bytes:
    """The content of a tag that holds another format; TIFF may give it as numbers."""
    if not values:
        return b""
    if isinstance(values[0], bytes):
        return values[0]
    return bytes(value & 255 for value in values if isinstance(value, int))
