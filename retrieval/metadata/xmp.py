"""XMP: the properties of a packet or a sidecar, by name.

Parsed by expat, event by event: a packet that declares a document type is refused before any
entity of it is known, so none can be expanded or fetched; size, depth and the number of values are
bounded.
"""

from __future__ import annotations

from xml.parsers import expat

MOST_BYTES = 4 << 20  # of a packet; Lightroom's longest histories have some hundred thousand
MOST_DEPTH = 64
MOST_VALUES = 10_000
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16, in which zeros belong to the text

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
}
_DESCRIPTION = f"{_RDF} Description"
_CONTAINERS = {f"{_RDF} {name}" for name in ("Alt", "Bag", "Seq")}

#: Values by the name of their property, such as "dc:subject"; of texts in several languages the
#: default one comes first.
Properties = dict[str, tuple[str, ...]]


class _Refused(Exception):
    """This is no packet that is read."""


def read_xmp(data: bytes) -> Properties | None:
    """The simple properties and lists of an XMP packet; None where it is none. Never raises."""
    text = data if data.startswith(_WIDE) else data.strip(b"\0 \t\r\n")
    if not text or len(text) > MOST_BYTES:
        return None
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except (_Refused, expat.ExpatError, ValueError, LookupError, RecursionError):
        return None
    return reader.properties() if reader.found_rdf else None


class _Reader:
    """Follows the events of one packet."""

    def __init__(self) -> None:
        self.found_rdf = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self._values: dict[str, list[tuple[bool, str]]] = {}
        self._count = 0
        self._path: list[str] = []
        self._text: list[str] = []
        self._is_default = False

    def properties(self) -> Properties:
        """What was read."""
        return {
            name: tuple(text for _, text in sorted(values, key=lambda value: not value[0]))
            for name, values in self._values.items()
        }

    def _refuse(self, *_: object) -> None:
        raise _Refused

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > MOST_DEPTH:
            raise _Refused
        self._text = []
        if name == f"{_RDF} RDF":
            self.found_rdf = True
        elif name == _DESCRIPTION and self._path[-2:-1] == [f"{_RDF} RDF"]:
            for attribute, value in attributes.items():
                self._add(attribute, value)
        elif name == f"{_RDF} li":
            self._is_default = attributes.get(f"{_XML} lang", "").lower() == "x-default"
        elif self._is_property():
            self._is_default = False

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, _: str) -> None:
        if self._is_property():
            self._add(self._path[-1], "".join(self._text))
        elif self._is_item():
            self._add(self._path[-3], "".join(self._text), self._is_default)
        self._text = []
        self._path.pop()

    def _is_property(self) -> bool:
        return len(self._path) > 2 and self._path[-3:-1] == [f"{_RDF} RDF", _DESCRIPTION]

    def _is_item(self) -> bool:
        path = self._path
        return (
            len(path) > 4
            and path[-5:-3] == [f"{_RDF} RDF", _DESCRIPTION]
            and path[-2] in _CONTAINERS
            and path[-1] == f"{_RDF} li"
        )

    def _add(self, full: str, value: str, is_default: bool = False) -> None:
        space, _, name = full.rpartition(" ")
        prefix, text = _PREFIXES.get(space), value.strip()
        if prefix is None or not text:
            return
        self._count += 1
        if self._count > MOST_VALUES:
            raise _Refused
        self._values.setdefault(f"{prefix}:{name}", []).append((is_default, text))
