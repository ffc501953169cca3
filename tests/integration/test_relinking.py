"""Tables of captions that name photos by paths from another folder than their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import Collection, index_folder, search
from tests.pictures import picture


def links(collection: Collection) -> set[tuple[str, str]]:
    found = search(collection, "red", kind="documents", k=20).hits
    return {(hit.text or "", hit.photo_path or "") for hit in found}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("2019/a.png", "2020/a.png", "2020/b.png"):
        picture(tmp_path / "album" / name, "red" if name < "2020" else "green")
    return tmp_path / "album"


def captions(path: Path, *lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("image,caption\n" + "".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize("place", ["captions.csv", "elsewhere/captions.csv"])
@pytest.mark.parametrize("together", [True, False])
def test_a_path_within_the_folder_of_photos(
    collection: Collection, album: Path, tmp_path: Path, place: str, together: bool
) -> None:
    table = captions(tmp_path / place, "2019/a.png,red one")
    if together:
        index_folder(collection, [album, table])
    else:
        index_folder(collection, table)
        index_folder(collection, album)
    assert links(collection) == {("red one", str(album / "2019/a.png"))}
    (words,) = collection.reader.fetch("SELECT documents FROM words WHERE documents <> ''")
    assert words == ("red one",)


def test_what_could_mean_two_photos_is_not_linked(
    collection: Collection, album: Path, tmp_path: Path
) -> None:
    table = captions(tmp_path / "captions.csv", "a.png,red two", "b.png,red three")
    index_folder(collection, [album, table])
    assert links(collection) == {
        ("red two", str(tmp_path / "a.png")),
        ("red three", str(album / "2020/b.png")),
    }


def test_a_bare_name_is_not_looked_for_elsewhere(
    collection: Collection, album: Path, tmp_path: Path
) -> None:
    table = captions(tmp_path / "elsewhere/captions.csv", "b.png,red one")
    index_folder(collection, [album, table])
    assert links(collection) == {("red one", str(tmp_path / "elsewhere/b.png"))}


def test_an_absolute_path_means_itself(collection: Collection, album: Path, tmp_path: Path) -> None:
    table = captions(tmp_path / "captions.csv", "/nowhere/2020/b.png,red one")
    index_folder(collection, [album, table])
    assert links(collection) == {("red one", "/nowhere/2020/b.png")}
