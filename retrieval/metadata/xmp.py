"""XMP: the properties of a packet or a sidecar, by name.

Parsed by expat, event by event: a packet that declares a document type is refused before any
entity of it is known, so none can be expanded or fetched; size, depth and the number of values are
bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from retrieval.metadata.guesses import MARK, NAMESPACE, PREFIX

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
    NAMESPACE: PREFIX,
}
_DESCRIPTION = f"{_RDF} Description"
_VALUE = f"{_RDF} value"
_NUMBERED = re.compile(re.escape(f"{_RDF} ") + r"_\d+")
_CONTAINERS = {f"{_RDF} {name}" for name in ("Alt", "Bag", "Seq")}

#: Values by the name of their property, such as "dc:subject"; of texts in several languages the
#: default one comes first.
Properties = dict[str, tuple[str, ...]]


class _Refused(Exception):
    """This is no packet that is read."""


def read_xmp(data: bytes) -> Properties | None:
    """The simple properties and lists of an XMP packet; None where it is none. Never raises."""
    found = _read(data)
    return None if found is None else {k: v for k, v in found.items() if k != MARK}


def hashes_of_guesses(data: bytes) -> tuple[str, ...]:
    """The hashes of the captions in an XMP packet that a model guessed. Never raises."""
    return (_read(data) or {}).get(MARK, ())


def _read(data: bytes) -> Properties | None:
    """The same with marks of ours."""
    text = data if data.startswith(_WIDE) else data.strip(b"\0 \t\r\n")
    if not text or len(text) > MOST_BYTES:
        return None
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except (_Refused, expat.ExpatError, ValueError, LookupError, RecursionError):
        return None
    return reader.properties() if reader.found_rdf else None


@dataclass(slots=True)
class _Element:
    """One that is open: its own text, all text within, and whether it is in the default language.

    `value` is what it says in another way than by its text: by rdf:value or rdf:resource.
    """

    name: str
    is_literal: bool = False
    is_default: bool = False
    value: str = ""
    own: list[str] = field(default_factory=list)
    all: list[str] = field(default_factory=list)

    def said(self) -> str:
        """Its value, or its text; text among elements that are no RDF counts with theirs."""
        if self.value.strip():
            return self.value
        is_text = self.is_literal or "".join(self.own).strip()
        return "".join(self.all) if is_text else ""


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
        self._open: list[_Element] = []  # the property that is open, and all within it

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
        if name == f"{_RDF} RDF":
            self.found_rdf = True
        elif name == _DESCRIPTION and self._path[-2:-1] == [f"{_RDF} RDF"]:
            for attribute, value in attributes.items():
                self._add(attribute, value)
        if self._open or self._is_property():
            is_default = attributes.get(f"{_XML} lang", "").lower() == "x-default"
            is_literal = attributes.get(f"{_RDF} parseType") == "Literal"
            value = attributes.get(_VALUE, "") or attributes.get(f"{_RDF} resource", "")
            self._open.append(_Element(name, is_literal, is_default, value))

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].own.append(text)
            self._open[-1].all.append(text)

    def _end(self, _: str) -> None:
        self._path.pop()
        if not self._open:
            return
        element = self._open.pop()
        if not self._open:
            self._add(element.name, element.said())
        elif self._is_item(element):
            self._add(self._open[0].name, element.said(), element.is_default)
        elif element.name == _VALUE:
            self._open[-1].value = element.said()
        else:
            if element.name == _DESCRIPTION:
                self._open[-1].value = self._open[-1].value or element.value
            self._open[-1].all.append("".join(element.all))

    def _is_property(self) -> bool:
        return len(self._path) > 2 and self._path[-3:-1] == [f"{_RDF} RDF", _DESCRIPTION]

    def _is_item(self, element: _Element) -> bool:
        """Whether it is one of a list that is all of a property: rdf:li, or rdf:_1 and so on."""
        is_numbered = bool(_NUMBERED.fullmatch(element.name))
        is_listed = len(self._open) == 2 and self._open[-1].name in _CONTAINERS
        return is_listed and (is_numbered or element.name == f"{_RDF} li")

    def _add(self, full: str, value: str, is_default: bool = False) -> None:
        space, _, name = full.rpartition(" ")
        prefix, text = _PREFIXES.get(space), value.strip()
        if prefix is None or not text or (prefix == PREFIX and name != "text"):
            return
        self._count += 1
        if self._count > MOST_VALUES:
            raise _Refused
        self._values.setdefault(f"{prefix}:{name}", []).append((is_default, text))
