"""What is read of files: EXIF, XMP, IPTC, sidecars, names; and nothing that is not there."""

from __future__ import annotations

import io
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.metadata import FIELDS
from retrieval.metadata.dates import moment, offset_minutes
from retrieval.metadata.file_names import date_in_name
from retrieval.metadata.reading import facts_in, read_facts, sidecars_of
from retrieval.metadata.xmp import read_xmp
from retrieval.records import Facts
from tests.pictures import encoded, paint, sidecar

NOTHING = Facts()


def exif(**ifds: dict[int, Any]) -> Image.Exif:
    """EXIF with these tags in `main`, `photo` and `gps`."""
    made = Image.Exif()
    made.update(ifds.get("main", {}))
    made.get_ifd(0x8769).update(ifds.get("photo", {}))
    made.get_ifd(0x8825).update(ifds.get("gps", {}))
    return made


def facts_of(kind: str = "JPEG", name: str = "a.jpg", **ifds: dict[int, Any]) -> Facts:
    return facts_in(encoded(paint("red"), kind, exif=exif(**ifds)), name)


KYOTO = {1: "N", 2: (35.0, 0.0, 29.49), 3: "E", 4: (135.0, 45.0, 45.99)}
CAMERA = {
    "main": {0x010F: "NIKON CORPORATION", 0x0110: "NIKON D750", 0x0112: 6},
    "photo": {
        0x9003: "2021:04:03 17:20:05",
        0x9291: "12",
        0x9011: "+09:00",
        0x829A: 1 / 250,
        0x829D: 2.8,
        0x8827: 400,
        0x920A: 85.0,
        0xA434: "85mm f/1.8G",
    },
    "gps": {**KYOTO, 5: b"\x00", 6: 56.5},
}


class TestExif:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
    def test_all_of_it_in_every_format(self, kind: str) -> None:
        if kind == "TIFF":  # Pillow saves the directories of TIFFs otherwise
            data = exif(**CAMERA).tobytes().removeprefix(b"Exif\0\0")
            facts = facts_in(data, "a")
        else:
            facts = facts_of(kind, **CAMERA)
        assert facts == Facts(
            taken_at="2021-04-03T17:20:05.12",
            taken_from="exif",
            utc_offset=540,
            latitude=35.0081917,
            longitude=135.762775,
            altitude=56.5,
            make="Nikon",
            camera="NIKON D750",
            lens="85mm f/1.8G",
            exposure=pytest.approx(1 / 250),
            aperture=pytest.approx(2.8),
            iso=400,
            focal=85.0,
            orientation=None if kind == "AVIF" else 6,  # Pillow makes it a property of the picture
        )

    def test_heic(self) -> None:
        heif = pytest.importorskip("pillow_heif", reason="writing HEIC needs pillow-heif")
        heif.register_heif_opener()
        assert facts_of("HEIF", **CAMERA).camera == "NIKON D750"

    @pytest.mark.parametrize(
        "written",
        [
            *("0000:00:00 00:00:00", "    :  :     :  :  ", "2021:02:31 10:00:00", "", "2021"),
            *("2021:13:01 10:00:00", "2021:04:03 25:00:00", "1970:01:01 00:00:00", "yesterday"),
            *("1600:01:01 10:00:00", "9999:12:31 23:59:59", "2021:04:03 10:00:00 and more"),
        ],
    )
    def test_impossible_dates_are_missing(self, written: str) -> None:
        assert facts_of(photo={0x9003: written}) == NOTHING

    def test_the_first_date_that_is_possible_counts(self) -> None:
        photo = {0x9003: "0000:00:00 00:00:00", 0x9004: "2020:01:02 03:04:05"}
        assert facts_of(photo=photo).taken_at == "2020-01-02T03:04:05"
        assert facts_of(main={0x0132: "2019:01:02 03:04:05"}).taken_at == "2019-01-02T03:04:05"

    @pytest.mark.parametrize(
        "gps",
        [
            {**KYOTO, 2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},
            {2: KYOTO[2], 4: KYOTO[4]},  # of which hemisphere?
            {**KYOTO, 2: (91.0, 0.0, 0.0)},
            {**KYOTO, 2: (35.0, 61.0, 0.0)},
            {**KYOTO, 1: "X"},
            {1: "N", 2: (35.0, 0.0, 29.49)},
        ],
    )
    def test_positions_that_are_none_are_missing(self, gps: dict[int, Any]) -> None:
        assert facts_of(gps=gps) == NOTHING

    def test_south_west_and_below_the_sea(self) -> None:
        facts = facts_of(gps={**KYOTO, 1: "S", 3: "W", 5: b"\x01", 6: 20.0})
        assert (facts.latitude, facts.longitude, facts.altitude) == (-35.0081917, -135.762775, -20)

    def test_a_position_of_nothing_by_nothing_is_missing(self) -> None:
        """Pillow cannot write 0/0, cameras do."""
        rationals = struct.pack("<6I", 0, 0, 0, 0, 0, 0)
        gps = struct.pack("<H", 4)
        gps += struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack("<HHII", 2, 5, 3, 84)
        gps += struct.pack("<HHI4s", 3, 2, 2, b"E\0\0\0") + struct.pack("<HHII", 4, 5, 3, 84)
        main = struct.pack("<HHHII", 1, 0x8825, 4, 1, 30) + bytes(8)
        data = (b"II*\0" + struct.pack("<I", 8) + main).ljust(30, b"\0") + gps
        assert facts_in(data.ljust(84, b"\0") + rationals, "a") == NOTHING

    @pytest.mark.parametrize(
        ("make", "expected"),
        [
            *[("SONY", "Sony"), ("Canon", "Canon"), ("OLYMPUS IMAGING CORP.  ", "Olympus")],
            *[("EASTMAN KODAK COMPANY", "Kodak"), ("samsung", "Samsung"), ("LG Electronics", "LG")],
            *[("RICOH IMAGING COMPANY, LTD.  ", "Ricoh"), ("HUAWEI", "Huawei"), ("DJI", "DJI")],
            *[("Konica Minolta Camera, Inc.", "Konica Minolta"), ("  ", None), ("Apple", "Apple")],
        ],
    )
    def test_makers_as_people_call_them(self, make: str, expected: str | None) -> None:
        assert facts_of(main={0x010F: make}).make == expected

    def test_what_cameras_write_for_lack_of_words_is_missing(self) -> None:
        for words in ("OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "\0\0\0", "DCIM\\100MEDIA"):
            assert facts_of(main={0x010E: words}).caption is None
        assert facts_of(main={0x010E: "My Sony camera"}).caption == "My Sony camera"
        assert facts_of(photo={0xA434: "----", 0x8827: 65535}) == NOTHING

    def test_what_windows_writes(self) -> None:
        def wide(text: str) -> bytes:
            return text.encode("utf-16-le") + b"\0\0"

        tags = {0x9C9B: wide("Schloß"), 0x9C9E: wide("Kyoto; 京都;kyoto"), 0x4746: 4}
        facts = facts_of(main=tags)
        assert (facts.title, facts.keywords, facts.rating) == ("Schloß", ("Kyoto", "京都"), 4)


class TestXmp:
    def test_a_sidecar_wins_where_people_wrote_and_fills_in_the_rest(self) -> None:
        inside = sidecar("old", rating=2, title="Old", more='photoshop:City="Nara"')
        data = encoded(paint("red"), "JPEG", exif=exif(main=CAMERA["main"]), xmp=inside)
        assert facts_in(data, "a").keywords == ("old",)
        more = 'exif:DateTimeOriginal="2020-05-06T07:08:09.5+02:00" tiff:Model="X"'
        beside = sidecar("new", "newer", rating=-1, more=more.replace("tiff:Model", "exif:Model"))
        facts = facts_in(data, "a", beside)
        assert (facts.keywords, facts.rating, facts.title) == (("new", "newer"), -1, "Old")
        assert (facts.city, facts.camera) == ("Nara", "NIKON D750")
        assert (facts.taken_at, facts.taken_from) == ("2020-05-06T07:08:09.5", "sidecar")
        assert facts.utc_offset == 120

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
    def test_in_every_format(self, kind: str) -> None:
        packet = sidecar("dog", rating=5, title="A dog")
        if kind == "PNG":
            from PIL.PngImagePlugin import PngInfo

            info = PngInfo()
            info.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
            data = encoded(paint("red"), kind, pnginfo=info)
        elif kind == "TIFF":
            data = encoded(paint("red"), kind, tiffinfo={700: packet})
        else:
            data = encoded(paint("red"), kind, xmp=packet)
        facts = facts_in(data, "a")
        assert (facts.keywords, facts.rating, facts.title) == (("dog",), 5, "A dog")

    def test_the_default_language_comes_first(self) -> None:
        packet = sidecar(title="Dog").replace(
            b"<rdf:Alt>", b'<rdf:Alt><rdf:li xml:lang="de">Hund</rdf:li>'
        )
        found = read_xmp(packet)
        assert found is not None
        assert found["dc:title"] == ("Dog", "Hund")

    def test_positions(self) -> None:
        for north, east in (("35,0.4915N", "135,45.7665E"), ("35,0,29.49N", "135,45,45.99E")):
            more = f'exif:GPSLatitude="{north}" exif:GPSLongitude="{east}"'
            facts = facts_in(b"", "a", sidecar(more=more))
            assert (facts.latitude, facts.longitude) == pytest.approx((35.0081917, 135.762775))

    def test_no_entity_is_ever_known(self) -> None:
        for declared in (
            '<!ENTITY a "boom">',
            '<!ENTITY a SYSTEM "file:///etc/passwd">',
            '<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;',
        ):
            packet = f"<!DOCTYPE x [{declared}]>".encode() + sidecar(title="&a;")
            assert read_xmp(packet) is None

    @pytest.mark.parametrize(
        "packet",
        [
            *(b"", b"<", b"<x/>", b"not XML", sidecar(rating=1)[:-20], b"\xff\xfe<\0x\0"),
            b"<a>" * 100_000,
            b"<x>" + b"y" * (5 << 20),
            b'<?xml version="1.0" encoding="no-such"?>' + sidecar(rating=1),
        ],
    )
    def test_what_is_no_packet_is_none(self, packet: bytes) -> None:
        assert read_xmp(packet) is None
        assert read_facts(encoded(paint("red"), "JPEG"), "a", packet) == NOTHING

    def test_utf16(self) -> None:
        packet = sidecar("狗").decode()
        assert read_xmp(packet.encode("utf-16")) == {"dc:subject": ("狗",)}


def iptc(*datasets: tuple[int, bytes]) -> bytes:
    """A Photoshop resource with IPTC datasets, as APP13 of a JPEG holds it."""
    body = b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in datasets
    )
    head = b"Photoshop 3.0\x008BIM\x04\x04\0\0"
    content = head + struct.pack(">I", len(body)) + body
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def test_iptc() -> None:
    segment = iptc(
        *((5, b"A title"), (25, b"dog"), (25, "chien très".encode("latin-1")), (90, b"Kyoto")),
        *((101, b"Japan"), (55, b"20210403"), (60, b"172005+0900"), (120, b"Two\rlines")),
    )
    data = encoded(paint("red"), "JPEG")
    facts = facts_in(data[:2] + segment + data[2:], "a")
    assert facts == Facts(
        taken_at="2021-04-03T17:20:05",
        taken_from="iptc",
        utc_offset=540,
        city="Kyoto",
        country="Japan",
        title="A title",
        caption="Two\nlines",
        keywords=("dog", "chien très"),
    )


class TestNames:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("IMG_20210304_171500.jpg", "2021-03-04T17:15:00"),
            ("IMG20210304171500.jpg", "2021-03-04T17:15:00"),
            ("20210304_171500(0).jpg", "2021-03-04T17:15:00"),
            ("2021-03-04 17.15.00.jpg", "2021-03-04T17:15:00"),
            ("2021-03-04 17.15.00-1.jpg", "2021-03-04T17:15:00"),
            ("Screenshot 2021-03-04 at 5.15.00 PM.png", "2021-03-04T17:15:00"),
            ("Screenshot 2021-03-04 at 12.15.00 AM.png", "2021-03-04T00:15:00"),
            ("Screenshot_2021-03-04-17-15-00-12_abc.png", "2021-03-04T17:15:00"),
            ("photo_2021-03-04_17-15-00.jpg", "2021-03-04T17:15:00"),
            ("WhatsApp Image 2021-03-04 at 17.15.00.jpeg", "2021-03-04T17:15:00"),
            ("IMG-20210304-WA0012.jpg", "2021-03-04"),
            ("2021-03-04 party.jpg", "2021-03-04"),
            ("2021-03-04_1715.jpg", "2021-03-04"),
            ("IMG_20210231_171500.jpg", None),
            ("IMG_20211304.jpg", None),
            ("000000301718.jpg", None),
            ("1679565118_d36f0d6d52.jpg", None),
            ("IMG_2041.jpg", None),
            ("19210304.jpg", None),
            ("1921-03-04.jpg", "1921-03-04"),
            ("120210304.jpg", None),
            ("20210304999999.jpg", None),
            ("DSC_0001.JPG", None),
        ],
    )
    def test_patterns(self, name: str, expected: str | None) -> None:
        found = date_in_name(f"/2019-01-01/{name}")
        assert (found and found.text) == expected
        facts = facts_in(b"", f"/photos/{name}")
        assert (facts.taken_at, facts.taken_from) == (expected, expected and "file name")

    def test_googles_camera_tells_universal_time(self) -> None:
        found = date_in_name("PXL_20210304_171500123.jpg")
        assert found == ("2021-03-04T17:15:00.123", 0)

    def test_the_file_itself_knows_better(self) -> None:
        facts = facts_of(name="IMG_20210304_171500.jpg", **CAMERA)
        assert (facts.taken_at, facts.taken_from) == ("2021-04-03T17:20:05.12", "exif")


@given(st.datetimes(datetime(1826, 1, 1), datetime(2099, 12, 31)))
def test_every_moment_is_read_as_it_was_written(when: datetime) -> None:
    whole = when.replace(microsecond=0)
    if whole.isoformat() in ("1970-01-01T00:00:00", "1904-01-01T00:00:00"):
        return
    written = whole.strftime("%Y:%m:%d %H:%M:%S").rjust(19, "0")
    found = moment(written)
    assert found is not None
    assert datetime.fromisoformat(found.text) == whole
    found = moment(when.isoformat())
    assert found is not None
    assert datetime.fromisoformat(found.text) == when


def test_offsets() -> None:
    written = ["Z", "+09:00", "-0330", "+14:00", "+15:00", "+01:75", "9", ""]
    assert [offset_minutes(text) for text in written] == [0, 540, -210, 840, *[None] * 4]


def test_names_of_sidecars() -> None:
    assert sidecars_of("/p/a.b.jpg") == (
        *("/p/a.b.jpg.xmp", "/p/a.b.jpg.XMP", "/p/a.b.xmp", "/p/a.b.XMP"),
    )
    assert sidecars_of("/p.q/jpg") == ("/p.q/jpg.xmp", "/p.q/jpg.XMP")


def test_every_tag_of_fields_belongs_to_a_column_that_is_read() -> None:
    for field in FIELDS:
        if field.exif or field.xmp or field.iptc:
            assert all(column.partition(".")[2] in Facts.__slots__ for column in field.columns)


# --- whatever the bytes are -------------------------------------------------------------------


def samples() -> list[bytes]:
    """A file of each container with all kinds of metadata."""
    packet, tags = sidecar("dog", rating=3, title="T"), exif(**CAMERA)
    kinds = ("JPEG", "WEBP", "AVIF", "PNG")
    made = [encoded(paint("red"), kind, exif=tags, xmp=packet) for kind in kinds]
    made.append(encoded(paint("red"), "TIFF", tiffinfo={700: packet, 33723: iptc()[16:]}))
    jpeg = made[0]
    made.append(jpeg[:2] + iptc((5, b"t"), (25, b"k")) + jpeg[2:])
    return [*made, tags.tobytes().removeprefix(b"Exif\0\0")]


SAMPLES = samples()


@given(st.data())
def test_damaged_files_are_read_as_far_as_they_go(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SAMPLES)))
    places = st.integers(0, min(len(content), 900) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=30)):
        content[place] = value
    cut = data.draw(st.integers(0, len(content)))
    beside = data.draw(st.none() | st.binary(max_size=60))
    for version in (bytes(content), bytes(content[:cut])):
        facts = facts_in(version, "a", *([] if beside is None else [beside]))
        check_sane(facts)


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"8BPS"])
    | st.just(b"\0\0\0\x18ftypheic")
    | st.just(b"RIFF\0\0\0\0WEBP"),
    st.binary(max_size=300),
)
def test_any_bytes_at_all(head: bytes, rest: bytes) -> None:
    check_sane(facts_in(head + rest, "a", rest))


def check_sane(facts: Facts) -> None:
    if facts.taken_at is not None:
        assert 1826 <= datetime.fromisoformat(facts.taken_at).year <= 2099
    if facts.latitude is not None:
        assert facts.longitude is not None
        assert abs(facts.latitude) <= 90
        assert abs(facts.longitude) <= 180
    assert facts.orientation in (None, *range(1, 9))
    assert facts.rating in (None, *range(-1, 6))
    for name in ("exposure", "aperture", "focal", "iso"):
        value = getattr(facts, name)
        assert value is None or 0 < value < 1e8
    for text in (facts.title, facts.caption, facts.camera, facts.lens, *facts.keywords):
        if text is not None:
            assert text.strip() == text != ""
            text.encode("utf-8")
            assert "\0" not in text


def test_real_files(shared: Path) -> None:
    """Every difficult file is read without an error, below the net that `read_facts` has."""
    known = {}
    for path in sorted((shared / "odd-files").iterdir()):
        facts = facts_in(path.read_bytes(), path.name)
        check_sane(facts)
        known[path.name.partition("--")[2]] = facts
    assert known["CanonRaw.cr2"].camera == "Canon EOS 350D DIGITAL"
    assert known["Issue 437 (dotnet).heic"].utc_offset == 120
    assert known["Issue 649.avif"].lens == "EF50mm f/1.8 STM"
    assert known["DSCN0025.jpg"].latitude == pytest.approx(43.468365)
    assert known["long_description.jpg"].country == "Afghanistan"


def test_pillow_reads_the_same(shared: Path) -> None:
    """Another reader of EXIF agrees on every photo that it can read."""
    compared = 0
    for path in sorted((shared / "odd-files").glob("*.jpg")) + sorted(
        (shared / "exif-orientation").glob("*.jpg")
    ):
        data = path.read_bytes()
        try:
            tags = Image.open(io.BytesIO(data)).getexif()
        except (OSError, ValueError, SyntaxError):
            continue
        facts, written = facts_in(data, "a"), tags.get(0x0112)
        if isinstance(written, int) and 1 <= written <= 8:
            assert facts.orientation == written
            compared += 1
        taken = tags.get_ifd(0x8769).get(0x9003)
        if isinstance(taken, str) and facts.taken_from == "exif":
            assert facts.taken_at is not None
            assert facts.taken_at[:10] == taken[:10].replace(":", "-")
    assert compared >= 10
