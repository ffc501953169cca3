"""FIELDS: every piece of metadata, declared once.

Pure data, no import that costs anything: the parser of queries, the SQL of filters, the readers of
EXIF and XMP and `retrieval show` all go by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: How a field is compared. "date": a time or a part of one ("2021-04"); "number"; "words": has
#: these words, or words that begin so; "choice": equals one of a few names; "path": as a path.
Sort = Literal["date", "number", "words", "choice", "path"]


@dataclass(frozen=True, slots=True)
class Field:
    """One piece of metadata.

    `columns` are "table.column" of the catalog (a words field may search several); `exif`, `xmp`
    and `iptc` the tags it is read from, the first that is there counts; `aliases` what else it is
    called in a query (`alias:value`); `unit` is shown behind the value.
    """

    name: str
    sort: Sort
    columns: tuple[str, ...]
    label: str
    exif: tuple[str, ...] = ()
    xmp: tuple[str, ...] = ()
    iptc: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    unit: str = ""


FIELDS: tuple[Field, ...] = (
    Field(
        "taken",
        "date",
        ("facts.taken_at",),
        "taken",
        exif=("DateTimeOriginal", "DateTimeDigitized", "DateTime"),
        xmp=("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate"),
        iptc=("DateCreated",),
        aliases=("date", "when", "year"),
    ),
    Field(
        "place",
        "words",
        ("facts.city", "facts.region", "facts.country", "facts.country_code"),
        "place",
        aliases=("location", "where"),
    ),
    Field("city", "words", ("facts.city",), "city", xmp=("photoshop:City",), iptc=("City",)),
    Field(
        "region",
        "words",
        ("facts.region",),
        "region",
        xmp=("photoshop:State",),
        iptc=("Province-State",),
    ),
    Field(
        "country",
        "words",
        ("facts.country", "facts.country_code"),
        "country",
        xmp=("photoshop:Country",),
        iptc=("Country-PrimaryLocationName",),
    ),
    Field("latitude", "number", ("facts.latitude",), "latitude", unit="°"),
    Field("longitude", "number", ("facts.longitude",), "longitude", unit="°"),
    Field("altitude", "number", ("facts.altitude",), "altitude", unit="m"),
    Field(
        "camera",
        "words",
        ("facts.make", "facts.camera"),
        "camera",
        exif=("Model",),
        xmp=("tiff:Model",),
        aliases=("model", "make"),
    ),
    Field(
        "lens",
        "words",
        ("facts.lens",),
        "lens",
        exif=("LensModel",),
        xmp=("exifEX:LensModel", "aux:Lens"),
    ),
    Field(
        "exposure",
        "number",
        ("facts.exposure",),
        "exposure",
        exif=("ExposureTime",),
        xmp=("exif:ExposureTime",),
        unit="s",
    ),
    Field(
        "aperture",
        "number",
        ("facts.aperture",),
        "aperture",
        exif=("FNumber",),
        xmp=("exif:FNumber",),
        aliases=("f",),
    ),
    Field(
        "iso",
        "number",
        ("facts.iso",),
        "ISO",
        exif=("ISOSpeedRatings", "RecommendedExposureIndex", "StandardOutputSensitivity"),
        xmp=("exif:ISOSpeedRatings", "exifEX:PhotographicSensitivity"),
    ),
    Field(
        "focal",
        "number",
        ("facts.focal",),
        "focal length",
        exif=("FocalLength",),
        xmp=("exif:FocalLength",),
        unit="mm",
    ),
    Field("width", "number", ("photos.width",), "width", unit="px"),
    Field("height", "number", ("photos.height",), "height", unit="px"),
    Field("format", "choice", ("photos.format",), "format", aliases=("type",)),
    Field("shape", "choice", (), "shape", aliases=("orientation",)),
    Field("file", "path", ("files.path",), "file", aliases=("name", "filename")),
    Field("folder", "path", ("files.path",), "folder", aliases=("path", "dir", "in")),
    Field(
        "rating",
        "number",
        ("facts.rating",),
        "rating",
        exif=("Rating",),
        xmp=("xmp:Rating",),
        aliases=("stars",),
    ),
    Field(
        "keyword",
        "words",
        ("facts.keywords",),
        "keywords",
        exif=("XPKeywords",),
        xmp=("dc:subject", "digiKam:TagsList", "lr:hierarchicalSubject"),
        iptc=("Keywords",),
        aliases=("keywords", "tag", "subject"),
    ),
    Field(
        "title",
        "words",
        ("facts.title",),
        "title",
        exif=("XPTitle",),
        xmp=("dc:title",),
        iptc=("ObjectName",),
    ),
    Field(
        "caption",
        "words",
        ("facts.caption",),
        "caption",
        exif=("ImageDescription", "XPComment"),
        xmp=("dc:description", "tiff:ImageDescription", "exif:UserComment"),
        iptc=("Caption-Abstract",),
        aliases=("description",),
    ),
    Field("guess", "words", ("facts.guess",), "guess of a model"),
    Field("colour", "choice", ("looks.colours",), "colours", aliases=("color",)),
    Field("sharpness", "number", ("looks.sharpness",), "sharpness", aliases=("sharp",)),
    Field("brightness", "number", ("looks.brightness",), "brightness", aliases=("bright",)),
    Field("trip", "choice", (), "trip", aliases=("event",)),
    Field("has", "choice", (), "has"),
)

_NAMES = {name: each for each in FIELDS for name in (each.name, *each.aliases)}


def field_named(name: str) -> Field | None:
    """The field that a query calls `name`, in any case; None if there is none."""
    return _NAMES.get(name.casefold())
