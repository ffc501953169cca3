"""Captions go into XMP sidecars without a change to anything else in them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrieval.captioning.sidecars import (
    Mark,
    plain,
    read_caption,
    with_caption,
    without_caption,
)
from retrieval.errors import UsageError
from retrieval.metadata.guesses import text_hash
from retrieval.metadata.reading import read_facts
from retrieval.metadata.xmp import read_xmp
from tests.pictures import sidecar

MARK = Mark("IMG_1.jpg", "ab" * 32, "1024", "1700000000000000000", "seer", "en")
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"

#: As darktable writes it: two prefixes of its own, a history, white space everywhere.
DARKTABLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating="4"
   darktable:params="a &gt; b; c = 'd'">
   <darktable:history>
    <rdf:Seq>
     <rdf:li darktable:num="0" darktable:operation="exposure &amp; &quot;more&quot;"/>
    </rdf:Seq>
   </darktable:history>
   <!-- <rdf:RDF> in a comment </rdf:RDF> -->
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


def described(caption: str, attribute: bool = False, prefix: str = "dc") -> bytes:
    """A sidecar with a caption that a person wrote, in one of the two ways there are."""
    alone = f'{prefix}:description="{caption}"' if attribute else ""
    element = (
        f'<{prefix}:description><r:Alt><r:li xml:lang="x-default">{caption}</r:li>'
        f'<r:li xml:lang="de">Hund</r:li></r:Alt></{prefix}:description>'
    )
    return (
        f'<r:RDF xmlns:r="{RDF}"><r:Description r:about="uuid:1" xmlns:{prefix}="{DC}" {alone}>'
        f"{'' if attribute else element}<{prefix}:subject><r:Bag><r:li>a</r:li></r:Bag>"
        f"</{prefix}:subject></r:Description></r:RDF>"
    ).encode()


def test_a_new_sidecar_says_the_caption_and_nothing_else() -> None:
    made = with_caption(None, "A dog & a <cat>", MARK)
    assert read_xmp(made) == {"dc:description": ("A dog & a <cat>", "A dog & a <cat>")}
    assert read_facts(b"", "IMG_1.jpg", made).guess == "A dog & a <cat>"
    known = read_caption(made)
    assert known is not None
    assert known.is_ours
    assert known.mark == replace(MARK, text=text_hash("A dog & a <cat>"))


@pytest.mark.parametrize("data", [DARKTABLE.encode(), sidecar("a", "b", rating=3, title="T")])
def test_all_bytes_that_were_there_stay(data: bytes) -> None:
    made = with_caption(data, "A dog.", MARK)
    begin = next(n for n, (a, b) in enumerate(zip(data, made, strict=False)) if a != b)
    grown = len(made) - len(data)
    # What was put in begins like what follows it, so it is found by what remains without it.
    assert any(
        made[:at] + made[at + grown :] == data for at in range(max(begin - 30, 0), begin + 1)
    )
    assert with_caption(made, "A dog.", MARK) == made
    again = with_caption(with_caption(made, "A cat.", MARK), "A dog.", MARK)
    assert again == made


@pytest.mark.parametrize("attribute", [True, False])
@pytest.mark.parametrize("prefix", ["dc", "other"])
def test_a_caption_of_a_person_is_replaced_as_a_whole(attribute: bool, prefix: str) -> None:
    data = described("a dog", attribute, prefix)
    known = read_caption(data)
    assert known is not None
    assert not known.is_ours
    made = with_caption(data, "A cat.", MARK)
    assert read_xmp(made) == {"dc:description": ("A cat.", "A cat."), "dc:subject": ("a",)}
    assert b'rdf:about="uuid:1"' in made


def test_one_that_a_person_changed_since_is_theirs() -> None:
    made = with_caption(DARKTABLE.encode(), "A dog.", MARK)
    for old, new in ((b"A dog.", b"My dog."), (b"</rdf:Alt></dc", b"<rdf:li/></rdf:Alt></dc")):
        known = read_caption(made.replace(old, new))
        assert known is not None
        assert known.is_ours is (old != b"A dog.")  # an item without words says nothing
    one = made.replace(b">A dog.<", b">My dog.<", 1)
    known = read_caption(one)
    assert known is not None
    assert not known.is_ours


def test_our_caption_is_found_where_another_program_moved_it() -> None:
    ours = with_caption(None, "A dog.", MARK).decode()
    marks = re.findall(r'retrieval:(\w+)="([^"]*)"', ours)
    space = 'xmlns:retrieval="https://retrieval.invalid/caption/1.0/"'
    elements = "".join(f"<retrieval:{name}>{value}</retrieval:{name}>" for name, value in marks)
    caption = ours[ours.index("<dc:description") : ours.index("</rdf:Description")]
    moved = sidecar("a", rating=2, more=space).decode()
    moved = moved.replace("</rdf:Description>", f"{elements}{caption}</rdf:Description>")
    known = read_caption(moved.encode())
    assert known is not None
    assert known.is_ours
    made = with_caption(moved.encode(), "A cat.", MARK)
    assert made.count(b"description>") == 2
    assert made.count(b"retrieval:source") == 1
    assert read_xmp(made) == {
        "xmp:Rating": ("2",),
        "dc:subject": ("a",),
        "dc:description": ("A cat.", "A cat."),
    }


@pytest.mark.parametrize(("mark", "code"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
def test_wide_ones_stay_wide(mark: bytes, code: str) -> None:
    wide = mark + DARKTABLE.replace("UTF-8", "UTF-16").encode(code)
    made = with_caption(wide, "沙滩上的狗", MARK)
    assert made.startswith(mark)
    assert read_xmp(made) == {"xmp:Rating": ("4",), "dc:description": ("沙滩上的狗",) * 2}


def test_a_byte_order_mark_stays() -> None:
    made = with_caption(b"\xef\xbb\xbf" + sidecar("a"), "A dog.", MARK)
    assert made.startswith(b"\xef\xbb\xbf<x:xmpmeta")
    assert read_xmp(made) == {"dc:subject": ("a",), "dc:description": ("A dog.",) * 2}


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"<x/>",
        (BOMB + DARKTABLE.split("?>")[1]).encode(),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + sidecar("a"),
        DARKTABLE.encode()[:-30],
        f'<rdf:RDF xmlns:rdf="{RDF}"/>'.encode(),
        DARKTABLE.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        b"\xff\xfe<\0x",
    ],
)
def test_what_cannot_be_changed_safely_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match=r"stays (as it is|so)"):
        with_caption(data, "A dog.", MARK)


@pytest.mark.parametrize("caption", ["", " \n", "\x00\x1b"])
def test_no_caption_is_none(caption: str) -> None:
    with pytest.raises(UsageError, match="stays as it is"):
        with_caption(None, caption, MARK)


@given(caption=st.text(max_size=60), name=st.text(min_size=1, max_size=20), more=st.booleans())
def test_any_caption_comes_back(caption: str, name: str, more: bool) -> None:
    data = DARKTABLE.encode() if more else None
    assume(" ".join(plain(caption).replace("?", " ").split()))
    mark = replace(MARK, file=plain(name))
    try:
        made = with_caption(data, caption, mark)
    except UsageError:
        assert not re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", caption).strip()
        return
    known = read_caption(made)
    assert known is not None
    assert known.is_ours
    assert len(set(known.captions)) == 1
    assert with_caption(made, caption, mark) == made
    if more:
        assert (read_xmp(made) or {})["xmp:Rating"] == ("4",)
        assert b"&quot;more&quot;" in made


# --- forms that we do not write ---------------------------------------------------------------


def holding(body: str, more: str = "") -> bytes:
    """A sidecar whose one description holds `body`."""
    return (
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" xmlns:dc="{DC}" {more}>'
        f"{body}</rdf:Description></rdf:RDF>"
    ).encode()


READ = [
    '<dc:description rdf:parseType="Resource"><rdf:value>HUMAN</rdf:value></dc:description>',
    "<dc:description><rdf:Description><rdf:value>HUMAN</rdf:value></rdf:Description>"
    "</dc:description>",
    '<dc:description><rdf:Description rdf:value="HUMAN"/></dc:description>',
    '<dc:description rdf:value="HUMAN"/>',
    '<dc:description rdf:resource="HUMAN"/>',
    '<dc:description><rdf:Alt><rdf:li rdf:parseType="Resource"><rdf:value>HUMAN</rdf:value>'
    "</rdf:li></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt><rdf:li><rdf:Description><rdf:value>HUMAN</rdf:value>"
    "</rdf:Description></rdf:li></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt><rdf:_1>HUMAN</rdf:_1></rdf:Alt></dc:description>",
    '<dc:description rdf:parseType="Literal"><b>HUMAN</b></dc:description>',
    "<dc:description>HU<b>MAN</b></dc:description>",
]
UNREAD = [
    "<dc:description><b>HUMAN</b></dc:description>",
    "<dc:description><!-- HUMAN --></dc:description>",
    "<dc:description><rdf:Alt><?human HUMAN?></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt>HUMAN<rdf:li/></rdf:Alt></dc:description>",
    '<dc:description x="HUMAN"/>',
]


@pytest.mark.parametrize("body", READ)
def test_a_caption_in_another_form_is_read(body: str) -> None:
    assert read_xmp(holding(body)) == {"dc:description": ("HUMAN",)}
    assert read_facts(b"", "a.jpg", holding(body)).caption == "HUMAN"


@pytest.mark.parametrize("body", [*READ, *UNREAD])
@pytest.mark.parametrize("ours", [False, True])
def test_what_is_not_understood_stays(body: str, ours: bool) -> None:
    data = holding(body)
    if ours:
        data = with_caption(holding(""), "A dog.", MARK).replace(
            b"</rdf:RDF>", data[data.index(b"<rdf:Desc") :]
        )
        assert data.count(b"<rdf:Description") >= 2
    known = read_caption(data)
    assert known is not None
    assert known.is_odd
    assert known.by_people
    assert not known.is_ours
    with pytest.raises(UsageError, match="not understood; it stays as it is"):
        with_caption(data, "A cat.", MARK)


def test_a_caption_of_a_node_with_a_type_is_not_covered() -> None:
    for inner in ('dc:description="HUMAN">', "><dc:description>HUMAN</dc:description>"):
        data = holding("").replace(
            b"</rdf:RDF>",
            f'<x:Photo xmlns:x="y" xmlns:dc="{DC}" {inner}</x:Photo></rdf:RDF>'.encode(),
        )
        known = read_caption(data)
        assert known is not None
        assert known.is_odd


def test_a_part_of_another_picture_is_no_caption_of_this_one() -> None:
    body = (
        '<x:Pantry xmlns:x="y"><rdf:Bag><rdf:li rdf:parseType="Resource"><dc:description>other'
        "</dc:description></rdf:li></rdf:Bag></x:Pantry>"
    )
    made = with_caption(holding(body), "A dog.", MARK)
    assert body.encode() in made
    assert without_caption(made) == holding(body)


@pytest.mark.parametrize("remark", ["<!-- mine -->", "<?mine x?>", "mine"])
@pytest.mark.parametrize("empty", ["<dc:description/>", "<dc:description> </dc:description>"])
def test_a_remark_beside_an_empty_caption_stays(remark: str, empty: str) -> None:
    made = with_caption(holding(remark + empty), "A dog.", MARK)
    assert remark.encode() in made
    known = read_caption(made)
    assert known is not None
    assert known.is_ours


@pytest.mark.parametrize("data", [DARKTABLE.encode(), sidecar("a", rating=3)])
def test_ours_goes_without_a_trace(data: bytes) -> None:
    assert without_caption(with_caption(data, "A dog.", MARK)) == data
    assert without_caption(with_caption(None, "A dog.", MARK)) is None


def test_text_of_people_in_other_properties_is_known() -> None:
    spaces = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    for name in ("tiff:ImageDescription", "exif:UserComment"):
        data = holding(f"<{name}><rdf:Alt><rdf:li>HUMAN</rdf:li></rdf:Alt></{name}>", spaces)
        for each in (data, with_caption(data, "A dog.", MARK)):
            known = read_caption(each)
            assert known is not None
            assert known.by_people == ("HUMAN",)
        copied = read_caption(with_caption(data.replace(b"HUMAN", b"A dog."), "A dog.", MARK))
        assert copied is not None
        assert copied.by_people == ()
        assert read_facts(b"", "a.jpg", data).caption == "HUMAN"
    camera = read_caption(holding("", f'{spaces} tiff:ImageDescription="OLYMPUS DIGITAL CAMERA"'))
    assert camera is not None
    assert camera.by_people == ()
