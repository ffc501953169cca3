"""Where captions and our marks stand in an XMP packet, byte by byte, and what is not understood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from retrieval.errors import UsageError
from retrieval.metadata.guesses import NAMESPACE

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
_CAPTION = (DC, "description")
_LANGUAGE = {("http://www.w3.org/XML/1998/namespace", "lang")}
_LISTS = {(RDF, name) for name in ("Alt", "Bag", "Seq")}
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=<>"'/]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


@dataclass
class Found:
    """Byte ranges of captions and marks, and where the properties end; None: nowhere."""

    ours: list[tuple[int, int]] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    end: int | None = None
    about: str = ""
    is_odd: bool = False  # a caption in a form that is not understood


def look(text: bytes) -> Found:
    finder = _Finder(text)
    try:
        finder.parser.Parse(text, True)
    except expat.ExpatError as exc:
        raise UsageError("the sidecar is no XMP that can be read; it stays as it is") from exc
    return finder.found


class _Finder:
    """Follows the events of a packet that `read_xmp` took: without a document type, and bounded."""

    def __init__(self, text: bytes) -> None:
        self.found = Found()
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.namespace_prefixes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.CommentHandler = self.parser.ProcessingInstructionHandler = self._remark
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._bytes = text
        self._path: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._begun: list[int] = []
        self._parts: list[tuple[int, int]] = []  # of the description that is open
        self._others = 0  # pieces of it that are not ours
        self._inside = 0  # depth of the property of ours that is open
        self._has_text = self._has_parts = False  # of that one
        self._seen_first = False

    def _refuse(self, *_: Any) -> None:
        raise UsageError("the sidecar declares a document type; it stays as it is")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        name, at = _name(full), self.parser.CurrentByteIndex
        self._path.append(name)
        self._begun.append(at)
        self._text = []
        names = {_name(attribute) for attribute in attributes}
        if self._inside:
            self._look_inside(name, names)
        elif self._is_description():
            self._parts, self._others = [], 0
            self._look_at(at, attributes)
        elif self._is_property() and _is_ours(name):
            self._inside = len(self._path)
            self._has_text = self._has_parts = False
            self.found.is_odd |= bool(names - _LANGUAGE)
        elif self._is_property():
            self._others += 1
        elif self._is_of_another_node(name, names):
            self.found.is_odd = True

    def _look_inside(self, name: tuple[str, str], attributes: set[tuple[str, str]]) -> None:
        """A part of a property of ours: a list of texts with their language is understood."""
        depth, of_caption = len(self._path) - self._inside, self._path[self._inside - 1] == _CAPTION
        is_list = depth == 1 and name in _LISTS and not attributes
        is_item = depth == 2 and name == (RDF, "li") and not attributes - _LANGUAGE
        self._has_parts = True
        self.found.is_odd |= not (of_caption and (is_list or is_item))

    def _is_of_another_node(self, name: tuple[str, str], attributes: set[tuple[str, str]]) -> bool:
        """Whether it is a caption of a node that has a type in place of rdf:Description."""
        is_node = self._path[-2:-1] == [(RDF, "RDF")]
        is_property = self._path[-3:-2] == [(RDF, "RDF")]
        return (is_node and _CAPTION in attributes) or (is_property and name == _CAPTION)

    def _remark(self, *_: Any) -> None:
        """A comment, or an instruction to a program."""
        self.found.is_odd |= bool(self._inside)
        self._others += self._is_description()

    def _look_at(self, at: int, attributes: dict[str, str]) -> None:
        """The attributes of a description, which stand for properties as well."""
        tag = _TAG.match(self._bytes, at)
        places = {m[1].decode(): m.span() for m in _ATTRIBUTE.finditer(tag[0])} if tag else {}
        for full, value in attributes.items():
            space, local, *prefix = full.split(" ")
            if (space, local) == (RDF, "about"):
                if not self._seen_first:
                    self.found.about = value
            elif _is_ours((space, local)):
                if space == NAMESPACE:
                    self.found.marks[local] = value
                begin, end = places.get(":".join([*prefix, local]), (0, 0))
                self._parts.append((at + begin, at + end))
            else:
                self._others += 1
        self._seen_first = True

    def _characters(self, text: str) -> None:
        self._text.append(text)
        if not text.strip():
            return
        self._others += self._is_description()
        if self._inside:
            self._has_text |= len(self._path) == self._inside
            self.found.is_odd |= len(self._path) == self._inside + 1  # of a list, among its texts

    def _end(self, _: str) -> None:
        name, begun = self._path[-1], self._begun.pop()
        at = self.parser.CurrentByteIndex
        if self._is_property() and _is_ours(name):
            if name[0] == NAMESPACE:
                self.found.marks[name[1]] = "".join(self._text)
            self._parts.append((self._with_space(begun), self._tag_end(begun, at)))
            self.found.is_odd |= self._has_text and self._has_parts
            self._inside = 0
        elif self._is_description():
            if self._parts and not self._others:
                self.found.ours.append((begun, self._tag_end(begun, at, space=True)))
            else:
                self.found.ours += self._parts
        elif name == (RDF, "RDF") and self._bytes[at : at + 2] == b"</" and not self.found.end:
            self.found.end = at
        self._path.pop()

    def _is_description(self) -> bool:
        return self._path[-2:] == [(RDF, "RDF"), (RDF, "Description")]

    def _is_property(self) -> bool:
        return self._path[-3:-1] == [(RDF, "RDF"), (RDF, "Description")]

    def _with_space(self, at: int) -> int:
        """Where the white space before a tag begins."""
        return len(self._bytes[:at].rstrip())

    def _tag_end(self, begun: int, at: int, *, space: bool = False) -> int:
        """Where an element ends that begins at `begun` and has its end tag, if any, at `at`."""
        alone = _TAG.match(self._bytes, begun)
        is_empty = alone is not None and alone[0].endswith(b"/>")
        tag = alone if is_empty else _TAG.match(self._bytes, at)
        end = tag.end() if tag else at
        after = self._bytes[end:]
        return end + (len(after) - len(after.lstrip()) if space else 0)


def _name(full: str) -> tuple[str, str]:
    space, _, rest = full.partition(" ")
    return (space, rest.partition(" ")[0]) if rest else ("", space)


def _is_ours(name: tuple[str, str]) -> bool:
    return name == _CAPTION or name[0] == NAMESPACE
