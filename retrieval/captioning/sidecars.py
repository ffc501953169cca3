"""A caption in an XMP sidecar: put in beside all else that stands there, and known again as ours.

What we write is one rdf:Description of its own, which XMP allows, so every other byte of a sidecar
stays as it is. It carries a mark: of which file and content it was made, by what, and the caption's
hash. A caption that a person changed since no longer fits its mark and is theirs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any
from xml.parsers import expat

from retrieval.errors import UsageError
from retrieval.metadata.xmp import read_xmp

NAMESPACE = "https://retrieval.invalid/caption/1.0/"  # a name only, there is no such page
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_CAPTION = (_DC, "description")
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=<>"'/]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="retrieval">\n'
    f' <rdf:RDF xmlns:rdf="{_RDF}">\n'
    " </rdf:RDF>\n</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a caption of ours was made of and by: `file` is the name of the photo's file.

    `sha256` (hex), `size` in bytes and `modified` in nanoseconds are the photo's; `text` is the
    hash of the caption.
    """

    file: str
    sha256: str
    size: str
    modified: str
    source: str
    language: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Captioned:
    """What a sidecar says: its captions, the default one first, and the mark of ours if any."""

    captions: tuple[str, ...]
    mark: Mark | None

    @property
    def is_ours(self) -> bool:
        """Whether all that stands there as a caption is what we wrote."""
        marked = self.mark.text if self.mark else None
        return bool(self.captions) and all(text_hash(c) == marked for c in self.captions)


def plain(name: str) -> str:
    """A name of a file as XML can hold it."""
    return _NO_XML.sub("?", name)


def text_hash(text: str) -> str:
    """By which a caption is known again: of its words, however they are spaced."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:32]


def read_caption(data: bytes) -> Captioned | None:
    """The captions of a sidecar; None where it is no XMP that can be read."""
    properties = read_xmp(data)
    if properties is None:
        return None
    found = _look(_as_utf8(data)[0])
    known = {name for name in (f.name for f in fields(Mark)) if name in found.marks}
    whole = len(known) == len(fields(Mark))
    mark = Mark(**{name: found.marks[name] for name in known}) if whole else None
    return Captioned(properties.get("dc:description", ()), mark)


def with_caption(data: bytes | None, caption: str, mark: Mark) -> bytes:
    """The sidecar `data` (None: a new one) with this caption in place of those that it has.

    `caption` is one line. Raises UsageError where the sidecar cannot be changed safely; what else
    it says is compared before and after.
    """
    data = _EMPTY.encode() if data is None else data
    before = read_xmp(data)
    if before is None:
        raise UsageError("the sidecar is no XMP that can be read; it stays as it is")
    text, encoding = _as_utf8(data)
    found = _look(text)
    if found.end is None:
        raise UsageError("the sidecar has no place for a caption; it stays as it is")
    line = " ".join(_NO_XML.sub(" ", caption).split())
    edits = [(start, end, b"") for start, end in found.ours]
    edits.append((found.end, found.end, _block(line, mark, found.about).encode()))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    changed = _encoded(text, encoding)
    after = read_xmp(changed) or {}
    if not line or set(after.pop("dc:description", ())) != {line}:
        raise UsageError("the caption does not fit into the sidecar; it stays as it is")
    if after != {k: v for k, v in before.items() if k != "dc:description"}:
        raise UsageError("the sidecar would lose something else; it stays as it is")
    return changed


def _block(line: str, mark: Mark, about: str) -> str:
    marks = {f.name: str(getattr(mark, f.name)) for f in fields(Mark)} | {"text": text_hash(line)}
    attributes = "".join(
        f'\n    retrieval:{name}="{escape(plain(value))}"' for name, value in marks.items()
    )
    items = "".join(
        f'<rdf:li xml:lang="{language}">{escape(line, quote=False)}</rdf:li>'
        for language in ("x-default", escape(mark.language))
    )
    return (
        f'<rdf:Description rdf:about="{escape(about)}" xmlns:rdf="{_RDF}"\n    xmlns:dc="{_DC}"'
        f' xmlns:retrieval="{NAMESPACE}"{attributes}>\n'
        f"   <dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>\n"
        "  </rdf:Description>\n "
    )


# --- where it stands --------------------------------------------------------------------------


def _as_utf8(data: bytes) -> tuple[bytes, str]:
    """The same text in UTF-8, and the encoding to bring it back to. Raises UsageError."""
    encoding = _WIDE.get(data[:2], "")
    declared = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=["']([^"']*)""", data)
    if not encoding and declared and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        raise UsageError("the sidecar is not in UTF-8 or UTF-16; it stays as it is")
    try:
        return (data[2:].decode(encoding) if encoding else data.decode()).encode(), encoding
    except UnicodeError as exc:
        raise UsageError("the sidecar is not the text that it says it is; it stays so") from exc


def _encoded(text: bytes, encoding: str) -> bytes:
    mark = next((mark for mark, name in _WIDE.items() if name == encoding), b"")
    return mark + text.decode().encode(encoding) if encoding else text


@dataclass
class _Found:
    """Byte ranges of captions and marks, and where the properties end; None: nowhere."""

    ours: list[tuple[int, int]] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    end: int | None = None
    about: str = ""


def _look(text: bytes) -> _Found:
    finder = _Finder(text)
    try:
        finder.parser.Parse(text, True)
    except expat.ExpatError as exc:
        raise UsageError("the sidecar is no XMP that can be read; it stays as it is") from exc
    return finder.found


class _Finder:
    """Follows the events of a packet that `read_xmp` took: without a document type, and bounded."""

    def __init__(self, text: bytes) -> None:
        self.found = _Found()
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.namespace_prefixes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._bytes = text
        self._path: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._begun: list[int] = []
        self._parts: list[tuple[int, int]] = []  # of the description that is open
        self._others = 0  # pieces of it that are not ours
        self._seen_first = False

    def _refuse(self, *_: Any) -> None:
        raise UsageError("the sidecar declares a document type; it stays as it is")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        name, at = _name(full), self.parser.CurrentByteIndex
        self._path.append(name)
        self._begun.append(at)
        self._text = []
        if self._is_description():
            self._parts, self._others = [], 0
            self._look_at(at, attributes)
        elif self._is_property() and not _is_ours(name):
            self._others += 1

    def _look_at(self, at: int, attributes: dict[str, str]) -> None:
        """The attributes of a description, which stand for properties as well."""
        tag = _TAG.match(self._bytes, at)
        places = {m[1].decode(): m.span() for m in _ATTRIBUTE.finditer(tag[0])} if tag else {}
        for full, value in attributes.items():
            space, local, *prefix = full.split(" ")
            if (space, local) == (_RDF, "about"):
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

    def _end(self, _: str) -> None:
        name, begun = self._path[-1], self._begun.pop()
        at = self.parser.CurrentByteIndex
        if self._is_property() and _is_ours(name):
            if name[0] == NAMESPACE:
                self.found.marks[name[1]] = "".join(self._text)
            self._parts.append((self._with_space(begun), self._tag_end(at)))
        elif self._is_description():
            if self._parts and not self._others:
                self.found.ours.append((begun, self._tag_end(at, space=True)))
            else:
                self.found.ours += self._parts
        elif name == (_RDF, "RDF") and self._bytes[at : at + 2] == b"</" and not self.found.end:
            self.found.end = at
        self._path.pop()

    def _is_description(self) -> bool:
        return self._path[-2:] == [(_RDF, "RDF"), (_RDF, "Description")]

    def _is_property(self) -> bool:
        return self._path[-3:-1] == [(_RDF, "RDF"), (_RDF, "Description")]

    def _with_space(self, at: int) -> int:
        """Where the white space before a tag begins."""
        return len(self._bytes[:at].rstrip())

    def _tag_end(self, at: int, *, space: bool = False) -> int:
        tag = _TAG.match(self._bytes, at)
        end = tag.end() if tag else at
        after = self._bytes[end:]
        return end + (len(after) - len(after.lstrip()) if space else 0)


def _name(full: str) -> tuple[str, str]:
    space, _, rest = full.partition(" ")
    return (space, rest.partition(" ")[0]) if rest else ("", space)


def _is_ours(name: tuple[str, str]) -> bool:
    return name == _CAPTION or name[0] == NAMESPACE
