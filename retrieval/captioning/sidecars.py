"""A caption in an XMP sidecar: put in beside all else that stands there, and known again as ours.

What we write is one rdf:Description of its own, which XMP allows, so every other byte of a sidecar
stays as it is. It carries a mark: of which file and content it was made, by what, and the caption's
hash. A caption that a person changed since no longer fits its mark and is theirs. What is there and
not understood stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from html import escape

from retrieval.captioning.locating import DC, RDF, look
from retrieval.errors import UsageError
from retrieval.metadata import cleaning, field_named
from retrieval.metadata.guesses import NAMESPACE, text_hash
from retrieval.metadata.xmp import Properties, read_xmp

_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ODD = "its sidecar has a caption in a form that is not understood; it stays as it is"
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="retrieval">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n'
    " </rdf:RDF>\n</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a caption of ours was made of and by: `file` is the name of the photo's file.

    `sha256` (hex), `size` in bytes and `modified` in nanoseconds are the photo's; `text` is the
    hash of the caption; `over` that of what people wrote beside it, which it was told to cover.
    """

    file: str
    sha256: str
    size: str
    modified: str
    source: str
    language: str
    text: str = ""
    over: str = ""


@dataclass(frozen=True, slots=True)
class Captioned:
    """What a sidecar says: its captions, the default one first, and the mark of ours if any.

    `others` are texts in other properties that hold a caption as well; `is_odd`: it has a caption
    in a form that we do not write and so cannot replace.
    """

    captions: tuple[str, ...]
    mark: Mark | None
    others: tuple[str, ...] = ()
    is_odd: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether all that stands there as a caption is what we wrote."""
        known = bool(self.captions) and not self.is_odd
        return known and all(self._is_marked(caption) for caption in self.captions)

    @property
    def by_people(self) -> tuple[str, ...]:
        """What people wrote there; copies of our caption that another program made are not."""
        odd = ("",) if self.is_odd else ()  # it may have no text that is read
        theirs = () if self.is_ours else (*self.captions, *odd)
        return (*theirs, *(text for text in self.others if not self._is_marked(text)))

    def _is_marked(self, text: str) -> bool:
        return self.mark is not None and text_hash(text) == self.mark.text


def plain(name: str) -> str:
    """A name of a file as XML can hold it."""
    return _NO_XML.sub("?", name)


def read_caption(data: bytes) -> Captioned | None:
    """The captions of a sidecar; None where it is no XMP that can be read."""
    properties = read_xmp(data)
    if properties is None:
        return None
    found = look(_as_utf8(data)[0])
    known = {name for name in (f.name for f in fields(Mark)) if name in found.marks}
    whole = len(known | {"over"}) == len(fields(Mark))
    mark = Mark(**{name: found.marks[name] for name in known}) if whole else None
    captions = properties.get("dc:description", ())
    return Captioned(captions, mark, _other_captions(properties), found.is_odd)


def _other_captions(properties: Properties) -> tuple[str, ...]:
    """Texts in other properties that hold a caption, without what cameras write there."""
    field = field_named("caption")
    tags = field.xmp if field else ()
    texts = (cleaning.caption(properties.get(tag, ())) for tag in tags if tag != "dc:description")
    return tuple(text for text in texts if text)


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
    found = look(text)
    if found.end is None:
        raise UsageError("the sidecar has no place for a caption; it stays as it is")
    if found.is_odd:
        raise UsageError(ODD)
    line = " ".join(_NO_XML.sub(" ", caption).split())
    edits = [(start, end, b"") for start, end in found.ours]
    edits.append((found.end, found.end, _block(line, mark, found.about).encode()))
    changed = _encoded(_edited(text, edits), encoding)
    after = read_xmp(changed) or {}
    if not line or set(after.pop("dc:description", ())) != {line}:
        raise UsageError("the caption does not fit into the sidecar; it stays as it is")
    if after != {k: v for k, v in before.items() if k != "dc:description"}:
        raise UsageError("the sidecar would lose something else; it stays as it is")
    return changed


def without_caption(data: bytes) -> bytes | None:
    """The sidecar without the caption that we wrote; None where it says nothing else.

    Raises UsageError where it cannot be changed safely.
    """
    text, encoding = _as_utf8(data)
    changed = _edited(text, [(start, end, b"") for start, end in look(text).ours])
    if changed == _EMPTY.encode():
        return None
    before, after = read_xmp(data) or {}, read_xmp(_encoded(changed, encoding))
    if after != {k: v for k, v in before.items() if k != "dc:description"}:
        raise UsageError("the sidecar would lose something else; it stays as it is")
    return _encoded(changed, encoding)


def _edited(text: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """The text with other bytes in place of some ranges."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


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
        f'<rdf:Description rdf:about="{escape(about)}" xmlns:rdf="{RDF}"\n    xmlns:dc="{DC}"'
        f' xmlns:retrieval="{NAMESPACE}"{attributes}>\n'
        f"   <dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>\n"
        "  </rdf:Description>\n "
    )


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
