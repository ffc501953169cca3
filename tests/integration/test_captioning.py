"""Captions of whole folders: gone on with, never over what a person wrote, one photo stops none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrieval import Collection, index_folder, search
from retrieval.answering import ask
from retrieval.captioning.folders import MOST_FAILURES, CaptionReport, caption_folder
from retrieval.captioning.sidecars import read_caption
from retrieval.errors import (
    ModelError,
    ModelReplyError,
    NoVisionError,
    PrivacyError,
    StorageError,
    UsageError,
)
from retrieval.metadata.xmp import read_xmp
from retrieval.showing import show_photo
from retrieval.storage import disk
from retrieval.storage.lexical import ranked
from retrieval.storage.told import documents_about
from tests.captioners import Captioner
from tests.pictures import encoded, paint, picture, sidecar, touch

COLOURS = ("red", "green", "blue")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for colour in COLOURS:
        picture(tmp_path / "photos" / f"{colour}.jpg", colour)
    return tmp_path / "photos"


@pytest.fixture(params=["xmp", "csv"])
def run(request: pytest.FixtureRequest, photos: Path) -> Callable[..., CaptionReport]:
    def caption(model: Any = None, **options: Any) -> CaptionReport:
        out = photos.parent / "captions.csv" if request.param == "csv" else None
        return caption_folder(photos, model, form=request.param, out=out, **options)

    return caption


def captions_of(photos: Path) -> dict[str, str]:
    """Captions by the name of their photo, wherever they were written."""
    found = {}
    for path in photos.glob("*.xmp"):
        known = read_caption(path.read_bytes())
        assert known is not None
        found[path.name.removesuffix(".xmp")] = known.captions[0]
    table = photos.parent / "captions.csv"
    if table.exists():
        from retrieval.captioning.tables import CaptionTable

        rows = CaptionTable(table).rows.values()
        found |= {os.path.basename(row.image): row.caption for row in rows}
    return found


def numbered(number: int) -> str:
    return f"Picture {number}."


def test_every_photo_gets_one_and_only_once(run: Any, photos: Path) -> None:
    (photos / "notes.txt").write_text("words")
    (photos / "bad.jpg").write_bytes(b"no picture")
    before = {path.name: path.read_bytes() for path in photos.glob("*.jpg")}
    model = Captioner(numbered)
    report = run(model)
    assert sorted(map(os.path.basename, report.captioned)) == sorted(f"{c}.jpg" for c in COLOURS)
    assert [(os.path.basename(s.path), s.reason[:13]) for s in report.skipped] == [
        ("bad.jpg", "not a picture")
    ]
    assert sorted(captions_of(photos).values()) == ["Picture 1.", "Picture 2.", "Picture 3."]
    again = run(model)
    assert (again.captioned, again.unchanged) == ((), 3)
    assert len(model.asked) == 3
    assert {path.name: path.read_bytes() for path in photos.glob("*.jpg")} == before


def test_a_photo_that_changed_gets_another_and_one_that_was_touched_does_not(
    run: Any, photos: Path
) -> None:
    model = Captioner(numbered)
    run(model)
    touch(photos / "red.jpg")
    assert run(model).unchanged == 3
    picture(photos / "red.jpg", "yellow")
    report = run(model)
    assert report.captioned == (str(photos / "red.jpg"),)
    assert captions_of(photos)["red.jpg"] == "Picture 4."
    assert len(captions_of(photos)) == 3


def test_an_interrupted_run_goes_on(run: Any, photos: Path) -> None:
    def interrupted(number: int) -> str:
        if number == 3:
            raise KeyboardInterrupt
        return numbered(number)

    with pytest.raises(KeyboardInterrupt):
        run(Captioner(interrupted))
    assert len(captions_of(photos)) == 2
    model = Captioner(numbered)
    report = run(model)
    assert (len(report.captioned), report.unchanged) == (1, 2)
    assert len(model.asked) == 1


def test_a_reply_that_says_nothing_costs_one_photo(run: Any, photos: Path) -> None:
    report = run(Captioner(lambda number: "" if number == 2 else numbered(number)))
    assert len(report.captioned) == 2
    assert "no caption" in report.skipped[0].reason
    assert len(run(Captioner(numbered)).captioned) == 1


def test_a_model_that_is_gone_ends_the_run(run: Any, photos: Path) -> None:
    picture(photos / "white.jpg", "white")

    def gone(number: int) -> str:
        if number > 1:
            raise ModelError("It cannot be reached. Start it.")
        return numbered(number)

    model = Captioner(gone)
    with pytest.raises(ModelError, match="cannot be reached"):
        run(model)
    assert len(model.asked) == 1 + MOST_FAILURES
    assert len(captions_of(photos)) == 1
    with pytest.raises(PrivacyError):
        run(Captioner(PrivacyError("Nothing may leave. Set offline = false.")))


def test_a_model_that_does_not_see_is_refused_at_once(run: Any, photos: Path) -> None:
    with pytest.raises(NoVisionError, match="takes no pictures"):
        run(Captioner(sees=False))
    model = Captioner(NoVisionError("It takes no pictures. Name another."))
    with pytest.raises(NoVisionError):
        run(model)
    assert len(model.asked) == 1
    assert captions_of(photos) == {}


def test_a_bad_reply_is_no_failure_of_the_model(run: Any, photos: Path) -> None:
    picture(photos / "white.jpg", "white")
    report = run(Captioner(ModelReplyError("Not understood. Try another model.")))
    assert len(report.skipped) == 4


def test_another_model_replaces_only_when_told(run: Any, photos: Path) -> None:
    run(Captioner("Old."))
    assert run(Captioner("New.", "better")).unchanged == 3
    assert len(run(Captioner("New.", "better"), replace=True).captioned) == 3
    assert set(captions_of(photos).values()) == {"New."}
    assert run(Captioner("New.", "better"), replace=True).unchanged == 3


def test_a_dry_run_asks_and_writes_nothing(run: Any, photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    model = Captioner()
    report = run(model, dry_run=True)
    assert (len(report.captioned), len(report.skipped), model.asked) == (3, 1, [])
    assert captions_of(photos) == {}
    assert not (photos.parent / "captions.csv").exists()


def test_a_full_disk_ends_the_run_and_keeps_what_was_written(
    run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(Captioner("Old."))
    before = captions_of(photos)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.system, "write", full)
    monkeypatch.setattr(disk.system, "add", full)
    with pytest.raises(StorageError, match="No space left"):
        run(Captioner("New.", "better"), replace=True)
    monkeypatch.undo()
    assert captions_of(photos) == before
    assert not list(photos.parent.rglob("*.tmp"))


# --- what people wrote ------------------------------------------------------------------------


def test_a_caption_of_a_person_stays_unless_it_is_to_be_replaced(photos: Path) -> None:
    theirs = sidecar("dog", rating=5, more='dc:description="My dog"')
    (photos / "red.jpg.xmp").write_bytes(theirs)
    exif = paint("green").getexif()
    exif[0x010E] = "Written by hand"
    (photos / "green.jpg").write_bytes(encoded(paint("green"), "JPEG", exif=exif))
    report = caption_folder(photos, Captioner("Ours."))
    assert (report.captioned, report.kept) == ((str(photos / "blue.jpg"),), 2)
    assert (photos / "red.jpg.xmp").read_bytes() == theirs
    report = caption_folder(photos, Captioner("Ours."), replace=True)
    assert len(report.captioned) == 2
    assert read_xmp((photos / "red.jpg.xmp").read_bytes()) == {
        "xmp:Rating": ("5",),
        "dc:subject": ("dog",),
        "dc:description": ("Ours.", "Ours."),
    }


def test_ours_that_a_person_changed_is_theirs(photos: Path) -> None:
    caption_folder(photos, Captioner("Ours."))
    place = photos / "red.jpg.xmp"
    place.write_bytes(place.read_bytes().replace(b"Ours.", b"Mine."))
    picture(photos / "red.jpg", "yellow")
    assert caption_folder(photos, Captioner("New.")).kept == 1
    assert captions_of(photos)["red.jpg"] == "Mine."


def test_the_sidecar_that_counts_is_written_to(photos: Path) -> None:
    (photos / "red.xmp").write_bytes(sidecar("dog", rating=5))
    os.chmod(photos / "red.xmp", 0o640)
    caption_folder(photos, Captioner("Ours."))
    assert not (photos / "red.jpg.xmp").exists()
    assert (photos / "red.xmp").stat().st_mode & 0o777 == 0o640
    known = read_xmp((photos / "red.xmp").read_bytes()) or {}
    assert (known["xmp:Rating"], known["dc:description"][0]) == (("5",), "Ours.")


def test_two_photos_with_one_sidecar_do_not_take_turns(photos: Path) -> None:
    picture(photos / "red.png", "red")
    (photos / "red.xmp").write_bytes(sidecar("dog"))
    first = caption_folder(photos, Captioner(numbered))
    assert len(first.captioned) == 3
    assert "holds the caption of red.jpg" in first.skipped[0].reason
    assert caption_folder(photos, Captioner(numbered)).captioned == ()


@pytest.mark.parametrize("kind", ["damaged", "link", "folder", "entities"])
def test_sidecars_that_must_not_be_touched(photos: Path, kind: str) -> None:
    place, other = photos / "red.jpg.xmp", photos.parent / "elsewhere"
    bomb = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + sidecar("a", title="&e;")
    other.write_bytes(sidecar("dog"))
    if kind == "link":
        place.symlink_to(other)
    elif kind == "folder":
        place.mkdir()
    else:
        place.write_bytes(bomb if kind == "entities" else b"<x:xmpmeta")
    report = caption_folder(photos, Captioner("Ours."), replace=True)
    assert len(report.captioned) == 2
    assert "stays as it is" in report.skipped[0].reason
    assert other.read_bytes() == sidecar("dog")
    if place.is_file() and kind != "link":
        assert place.read_bytes() == (bomb if kind == "entities" else b"<x:xmpmeta")


def test_a_folder_that_cannot_be_written_costs_its_photos_only(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(photos / "locked/white.jpg", "white")
    create = disk.system.create

    def refusing(path: Path, *rest: Any) -> int:
        if path.parent.name == "locked":
            raise PermissionError(13, "Permission denied")
        return create(path, *rest)

    monkeypatch.setattr(disk.system, "create", refusing)
    report = caption_folder(photos, Captioner("Ours."))
    assert len(report.captioned) == 3
    assert "Permission denied" in report.skipped[0].reason


# --- with a collection ------------------------------------------------------------------------


def test_captions_are_read_by_the_index(collection: Collection, photos: Path) -> None:
    index_folder(collection, photos)
    caption_folder(photos, Captioner("A zebra."), collection=collection)
    index_folder(collection, photos)
    ids = collection.catalog.photo_ids([p.content_hash for p in _all(collection)])
    facts = collection.catalog.facts_of(list(ids.values())).values()
    assert {(f.caption, f.guess) for f in facts} == {(None, "A zebra.")}
    assert len(ranked(collection.reader, "zebra", 5)) == 3


def test_what_a_person_wrote_counts_before_our_guess_at_once(
    collection: Collection, photos: Path
) -> None:
    """Also without another run of caption, where the person wrote into the photo itself."""
    caption_folder(photos, Captioner("A zebra."))
    exif = paint("green").getexif()
    exif[0x010E] = "Grandma's horse"
    (photos / "green.jpg").write_bytes(encoded(paint("green"), "JPEG", exif=exif))
    place = photos / "red.jpg.xmp"
    place.write_bytes(place.read_bytes().replace(b"A zebra.", b"My horse."))
    index_folder(collection, photos)
    for shown in (collection, None):
        facts = {n: show_photo(shown, photos / f"{n}.jpg").facts for n in ("red", "green", "blue")}
        assert {name: (f.caption, f.guess) for name, f in facts.items()} == {
            "red": ("My horse.", None),
            "green": ("Grandma's horse", "A zebra."),
            "blue": (None, "A zebra."),
        }
    hit = search(collection, 'caption:"grandma\'s horse"').hits[0]
    assert hit.path == str(photos / "green.jpg")


def test_what_a_person_wrote_into_the_other_sidecar_counts(
    collection: Collection, photos: Path
) -> None:
    """Lightroom's red.xmp beside our red.jpg.xmp: changed, and gone again."""
    caption_folder(photos, Captioner("A zebra."))
    index_folder(collection, photos)
    place = photos / "red.xmp"

    def known() -> tuple[str | None, str | None, int | None, tuple[str, ...]]:
        index_folder(collection, photos)
        facts = show_photo(collection, photos / "red.jpg").facts
        assert facts == show_photo(None, photos / "red.jpg").facts
        return facts.caption, facts.guess, facts.rating, facts.keywords

    for words in ("Onkel Fritz on the bench", "Tante Anna on the bench"):
        said = f"<dc:description><rdf:Alt><rdf:li>{words}</rdf:li></rdf:Alt></dc:description>"
        made = sidecar("bench", rating=4).replace(b"<dc:subject>", said.encode() + b"<dc:subject>")
        place.write_bytes(made)
        assert known() == (words, "A zebra.", 4, ("bench",))
    assert search(collection, "caption:Anna").hits[0].path == str(photos / "red.jpg")
    place.unlink()
    assert known() == (None, "A zebra.", None, ())


def test_a_copy_of_our_guess_in_the_photo_is_no_persons(
    collection: Collection, photos: Path
) -> None:
    caption_folder(photos, Captioner("A zebra."))
    exif = paint("green").getexif()
    exif[0x010E] = "A zebra."
    (photos / "green.jpg").write_bytes(encoded(paint("green"), "JPEG", exif=exif))
    facts = show_photo(None, photos / "green.jpg").facts
    assert (facts.caption, facts.guess) == (None, "A zebra.")


def test_rows_of_a_table_are_guesses_until_a_person_changes_them(
    collection: Collection, photos: Path
) -> None:
    out = photos.parent / "captions.csv"
    caption_folder(photos, Captioner("A zebra."), form="csv", out=out)
    text = out.read_bytes().replace(b'red.jpg","A zebra."', b'red.jpg","My horse."')
    out.write_bytes(text)
    index_folder(collection, [photos, out])
    with collection.reader.snapshot():
        ids = [p.id for p in _all(collection)]
        written = documents_about(collection.reader, ids)
        guessed = documents_about(collection.reader, ids, guessed=True)
    assert list(written.values()) == [("My horse.",)]
    assert list(guessed.values()) == [("A zebra.",)] * 2
    hits = search(collection, "A zebra.").hits
    answer = ask(collection, "What is in the photo of a zebra?")
    assert hits
    assert "zebra" not in " ".join(c for e in answer.evidence for c in e.captions)
    assert any(e.guesses == ("A zebra.",) for e in answer.evidence)
    assert "“A zebra" not in answer.text


def test_what_only_a_guess_says_is_found_and_not_grounded(
    collection: Collection, photos: Path
) -> None:
    caption_folder(photos, Captioner("A zebra."), form="xmp")
    index_folder(collection, photos)
    answer = ask(collection, "Where was the zebra?")
    assert any(hit.relevant for hit in answer.result.hits)
    for question in ("When did I photograph a zebra?", "Is there a zebra?", "Find a zebra"):
        answer = ask(collection, question)
        assert answer.status != "grounded", question
        assert all((each.relevance or 0.0) < 0.5 for each in answer.evidence)


def test_a_forgotten_file_is_not_opened(collection: Collection, photos: Path) -> None:
    from retrieval import forget

    index_folder(collection, photos)
    forget(collection, [str(photos / "red.jpg")])
    model = Captioner("Ours.")
    report = caption_folder(photos, model, collection=collection)
    assert len(report.captioned) == len(model.asked) == 2


def test_without_a_model_it_is_guessed(collection: Collection, photos: Path) -> None:
    index_folder(collection, photos)
    picture(photos / "2019-04-02 12.00.00.jpg", "white")
    out = photos.parent / "captions.csv"
    report = caption_folder(photos, form="csv", out=out, collection=collection)
    assert report.made_by == "tags"
    assert captions_of(photos)["2019-04-02 12.00.00.jpg"].endswith("2019-04-02.")


def test_without_anything_there_is_nothing_to_say(photos: Path) -> None:
    report = caption_folder(photos)
    assert report.captioned == ()
    assert {skipped.reason for skipped in report.skipped} == {
        "nothing is known of it without a model"
    }


@pytest.mark.parametrize(
    "options",
    [{"form": "csv"}, {"form": "xmp", "out": "a.csv"}, {"form": "csv", "out": "no/where.csv"}],
)
def test_nowhere_to_write(photos: Path, options: Any) -> None:
    with pytest.raises(UsageError):
        caption_folder(photos, **options)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        caption_folder(tmp_path / "nowhere")


def _all(collection: Collection) -> list[Any]:
    from retrieval.grouping.tags import photo_vectors

    ids = [int(i) for i in photo_vectors(collection)[1]]
    return list(collection.catalog.photos_by_id(ids).values())


# --- what people write beside ours, or while a model thinks -------------------------------------


def written_in(path: Path, words: str) -> None:
    """Have a person write a caption into a photo itself."""
    exif = paint("red").getexif()
    exif[0x010E] = words
    path.write_bytes(encoded(paint("red"), "JPEG", exif=exif))


HUMAN = sidecar("dog", more='dc:description="HUMAN"')
OTHERWISE = (
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description rdf:parseType="Resource">'
    b"<rdf:value>HUMAN</rdf:value></dc:description></rdf:Description></rdf:RDF>"
)


def test_a_caption_that_is_not_understood_stays_even_if_all_are_to_be_replaced(
    photos: Path,
) -> None:
    (photos / "red.jpg.xmp").write_bytes(OTHERWISE)
    assert caption_folder(photos, Captioner("Ours.")).kept == 1
    model = Captioner("Ours.", "better")
    report = caption_folder(photos, model, replace=True)
    assert "not understood; it stays as it is" in report.skipped[0].reason
    assert len(model.asked) == 2
    assert (photos / "red.jpg.xmp").read_bytes() == OTHERWISE


@pytest.mark.parametrize("place", ["red.jpg.xmp", "red.xmp", "red.jpg"])
def test_what_a_person_writes_while_the_model_thinks_stays(photos: Path, place: str) -> None:
    for colour in ("green", "blue"):
        (photos / f"{colour}.jpg").unlink()

    def slow(number: int) -> str:
        if place.endswith(".jpg"):
            written_in(photos / place, "HUMAN")
        else:
            (photos / place).write_bytes(HUMAN)
        return "Ours."

    report = caption_folder(photos, Captioner(slow))
    assert (report.captioned, report.kept) == ((), 1)
    assert not list(photos.glob("*.tmp"))
    assert not any(b"Ours." in path.read_bytes() for path in photos.iterdir())


def test_a_sidecar_that_changes_at_the_last_moment_stays(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, place = disk.system.sync, photos / "red.jpg.xmp"
    for colour in ("green", "blue"):
        (photos / f"{colour}.jpg").unlink()

    def late(descriptor: int) -> None:
        place.write_bytes(HUMAN)
        sync(descriptor)

    monkeypatch.setattr(disk.system, "sync", late)
    report = caption_folder(photos, Captioner("Ours."))
    assert "changed just now; it stays as it is" in report.skipped[0].reason
    assert place.read_bytes() == HUMAN


def test_our_guess_makes_way_for_what_a_person_wrote_into_the_photo(photos: Path) -> None:
    darktable = sidecar("dog", rating=2)
    (photos / "green.jpg.xmp").write_bytes(darktable)
    caption_folder(photos, Captioner("Ours."))
    for colour in ("red", "green"):
        written_in(photos / f"{colour}.jpg", "HUMAN")
    dry = caption_folder(photos, Captioner("New."), dry_run=True)
    assert (dry.kept, (photos / "red.jpg.xmp").exists()) == (2, True)
    report = caption_folder(photos, Captioner("New."))
    assert (report.captioned, report.kept, report.unchanged) == ((), 2, 1)
    assert not (photos / "red.jpg.xmp").exists()
    assert (photos / "green.jpg.xmp").read_bytes() == darktable
    assert caption_folder(photos, Captioner("New.")).kept == 2


def test_a_copy_of_ours_in_the_photo_is_not_by_a_person(photos: Path) -> None:
    caption_folder(photos, Captioner("Ours."))
    written_in(photos / "red.jpg", "Ours.")
    assert caption_folder(photos, Captioner("New.")).captioned == (str(photos / "red.jpg"),)


@pytest.mark.parametrize("name", ["tiff:ImageDescription", "exif:UserComment"])
def test_captions_in_other_properties_are_kept_too(photos: Path, name: str) -> None:
    more = f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {name}="HUMAN"'
    (photos / "red.xmp").write_bytes(sidecar("dog", more=more))
    report = caption_folder(photos, Captioner("Ours."))
    assert (len(report.captioned), report.kept) == (2, 1)
    # Told to cover it, it stays covered, until the words change.
    assert len(caption_folder(photos, Captioner("New.", "better"), replace=True).captioned) == 3
    assert caption_folder(photos, Captioner("Ours.")).unchanged == 3
    place = photos / "red.xmp"
    place.write_bytes(place.read_bytes().replace(b"HUMAN", b"OTHER"))
    assert caption_folder(photos, Captioner("Ours.")).kept == 1
    assert place.read_bytes() == sidecar("dog", more=more.replace("HUMAN", "OTHER"))


def test_a_caption_in_a_sidecar_that_does_not_count_is_not_covered(photos: Path) -> None:
    (photos / "red.jpg.xmp").write_bytes(sidecar("dog"))
    (photos / "red.xmp").write_bytes(HUMAN)
    report = caption_folder(photos, Captioner("Ours."))
    assert (len(report.captioned), report.kept) == (2, 1)
    assert (photos / "red.jpg.xmp").read_bytes() == sidecar("dog")
    assert (photos / "red.xmp").read_bytes() == HUMAN


def test_corrected_rows_and_rows_of_people_are_kept(photos: Path) -> None:
    table = photos.parent / "captions.csv"

    def run(model: Any, **options: Any) -> CaptionReport:
        return caption_folder(photos, model, form="csv", out=table, **options)

    (photos / "blue.jpg").rename(photos.parent / "blue.jpg")
    run(Captioner("Ours."))
    rows = table.read_bytes().replace(b"Ours.", b"Mine, corrected.", 1)
    table.write_bytes(rows + b"photos/blue.jpg,HUMAN words,me")
    (photos.parent / "blue.jpg").rename(photos / "blue.jpg")
    for colour in COLOURS:
        picture(photos / f"{colour}.jpg", "yellow", (30, 40))
    report = run(Captioner("New."))
    assert (len(report.captioned), report.kept) == (1, 2)
    data = table.read_bytes()
    assert b"Mine, corrected." in data
    assert b"\nphotos/blue.jpg,HUMAN words,me\n" in data
    assert b"Ours." not in data
    assert len(run(Captioner("Newest.", "better"), replace=True).captioned) == 3
    assert table.read_bytes().count(b"\n") == 4
    assert b"HUMAN" not in table.read_bytes()


def test_a_row_that_a_person_writes_while_the_model_thinks_stays(photos: Path) -> None:
    table = photos.parent / "captions.csv"

    def slow(number: int) -> str:
        if number == 2:
            name = sorted(COLOURS)[1]
            with table.open("ab") as file:
                file.write(f"photos/{name}.jpg,HUMAN words\n".encode())
        return numbered(number)

    report = caption_folder(photos, Captioner(slow), form="csv", out=table)
    assert (len(report.captioned), report.kept) == (2, 1)
    assert b"HUMAN words" in table.read_bytes()


def test_no_link_that_somebody_put_there_is_written_through(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = photos.parent / "victim.jpg"
    victim.write_bytes(b"a photo")
    monkeypatch.setattr("retrieval.storage.disk.temporary_name", lambda name: f"{name}.tmp")
    (photos / "red.jpg.xmp.tmp").symlink_to(victim)
    (photos / "green.jpg.xmp.tmp").symlink_to(photos.parent / "new.jpg")
    with pytest.raises(StorageError, match="File exists"):
        caption_folder(photos, Captioner("Ours."))
    assert victim.read_bytes() == b"a photo"
    assert not (photos.parent / "new.jpg").exists()
    assert all((photos / f"{colour}.jpg.xmp.tmp").is_symlink() for colour in ("red", "green"))
