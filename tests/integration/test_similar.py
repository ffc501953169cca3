"""Photos like one: of the collection by its stored vector, of a file, without itself and copies."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from retrieval import Collection, index_folder, make_query, search
from retrieval.cli import main
from retrieval.daemon.server import Server
from retrieval.errors import CorruptError, ImageError, QueryError
from retrieval.records import Part, Query
from retrieval.searching import MAX_K
from retrieval.searching.feedback import with_feedback
from retrieval.searching.similar import query_like, similar
from tests.conftest import open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

SHADES = {
    "red": (255, 0, 0),
    "reddish": (250, 40, 20),
    "orange": (255, 140, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, colour in SHADES.items():
        picture(tmp_path / f"photos/{name}.png", colour, (30, 20))
    shutil.copy(tmp_path / "photos/red.png", tmp_path / "photos/copy of red.png")
    return tmp_path / "photos"


@pytest.fixture
def full(collection: Collection, photos: Path) -> Collection:
    index_folder(collection, [photos])
    return collection


def names(result: object) -> list[str]:
    return [Path(hit.path).stem for hit in result.hits]  # type: ignore[attr-defined]


def ids(collection: Collection) -> dict[str, int]:
    found = search(collection, "red", k=10).hits
    return {Path(path).stem: hit.id for hit in found for path in (hit.path, *hit.also)}


class TestVectors:
    def test_are_those_that_were_stored(self, full: Collection, photos: Path) -> None:
        known = ids(full)
        wanted = ["blue", "red", "blue"]
        vectors = full.photo_vectors([known[name] for name in wanted])
        assert (vectors.shape, vectors.dtype) == ((3, 3), np.float32)
        encoder = ToyEncoder()
        colours = np.array([SHADES[name] for name in wanted], np.uint8)
        batch = np.broadcast_to(colours[:, None, None, None], (3, 1, 8, 8, 3))
        np.testing.assert_allclose(vectors, encoder.encode_images(batch), atol=2e-3)

    @pytest.mark.parametrize("unknown", [0, 99, -1, 1 << 62])
    def test_unknown_ids(self, full: Collection, unknown: int) -> None:
        with pytest.raises(QueryError, match=f"no photo of id {unknown}"):
            full.photo_vectors([1, unknown])

    def test_a_photo_whose_last_file_is_gone(self, full: Collection, photos: Path) -> None:
        blue = ids(full)["blue"]
        (photos / "blue.png").unlink()
        index_folder(full, [photos])
        with pytest.raises(QueryError, match=f"no photo of id {blue}"):
            full.photo_vectors([blue])

    def test_damage_is_noticed(self, full: Collection) -> None:
        space = full.reader.active_space()
        assert space is not None
        path = full.vector_file(space, "photos").path
        data = bytearray(path.read_bytes())
        data[0] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(CorruptError, match="retrieval repair"):
            full.photo_vectors([1])

    def test_a_sample_follows_commits(self, full: Collection, photos: Path) -> None:
        assert full.sample_vectors("photos").shape == (5, 3)
        assert full.sample_vectors("photos") is full.sample_vectors("photos")
        assert full.sample_vectors("documents").shape == (0, 3)
        (photos / "blue.png").unlink()
        picture(photos / "white.png", "white")
        picture(photos / "yellow.png", "yellow")
        index_folder(full, [photos])
        assert full.sample_vectors("photos").shape == (6, 3)


class TestSimilar:
    def test_by_the_name_alone(self, full: Collection, photos: Path) -> None:
        assert names(similar(full, "red.png", k=2)) == ["reddish", "orange"]
        picture(photos / "other/green.png", "yellow")
        picture(photos / "gre_n.png", "white")
        index_folder(full, [photos])
        with pytest.raises(QueryError, match=r"2 photos are called green\.png\. Give a path"):
            similar(full, "green.png")
        assert "yellow" not in names(similar(full, "gre_n.png", k=1))  # "_" is no wild card
        for nothing in ("%", "", "reddish", "\udcff.png"):
            with pytest.raises(QueryError, match="no picture file"):
                similar(full, nothing)

    def test_leaves_out_itself_and_its_copies(
        self, full: Collection, photos: Path, toy: list[ToyEncoder]
    ) -> None:
        before = sum(encoder.images_seen for encoder in toy)
        for name in ("red", "copy of red"):
            result = similar(full, photos / f"{name}.png", k=2)
            assert names(result) == ["reddish", "orange"]
            assert [hit.rank for hit in result.hits] == [1, 2]
        assert sum(encoder.images_seen for encoder in toy) == before  # nothing was embedded
        assert len(similar(full, photos / "red.png", k=10).hits) == 4

    def test_the_file_need_not_be_there(self, full: Collection, photos: Path) -> None:
        (photos / "red.png").unlink()
        assert names(similar(full, photos / "red.png", k=1)) == ["reddish"]

    def test_a_copy_elsewhere_is_known_by_its_bytes(
        self, full: Collection, photos: Path, tmp_path: Path
    ) -> None:
        shutil.copy(photos / "red.png", tmp_path / "elsewhere.png")
        assert query_like(full.reader, tmp_path / "elsewhere.png").parts[0].kind == "photo"
        assert names(similar(full, "elsewhere.png", k=1)) == ["reddish"]

    def test_another_picture_is_embedded(self, full: Collection, tmp_path: Path) -> None:
        picture(tmp_path / "new.png", (255, 5, 5))
        assert names(similar(full, "new.png", k=1)) == ["copy of red"]

    def test_a_file_that_has_changed_since(self, full: Collection, photos: Path) -> None:
        picture(photos / "red.png", "green", (40, 40))
        assert names(similar(full, photos / "red.png", k=1)) == ["green"]

    def test_refusals(self, full: Collection, tmp_path: Path) -> None:
        with pytest.raises(QueryError, match=r"There is no picture file .*none\.png"):
            similar(full, "none.png")
        (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no")
        with pytest.raises(ImageError, match="cannot be used as a query"):
            similar(full, "broken.jpg")
        (tmp_path / "empty.jpg").touch()
        with pytest.raises(ImageError, match="empty file"):
            similar(full, "empty.jpg")
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(QueryError, match="no picture file"):
            similar(full, "pipe.jpg")
        for k in (0, MAX_K + 1, "x", True):
            with pytest.raises(QueryError, match="k must"):
                similar(full, tmp_path / "photos/red.png", k=k)  # type: ignore[arg-type]


class TestMarks:
    def test_photos_lead_a_search(self, full: Collection) -> None:
        known = ids(full)
        plain = search(full, "red green", k=5)
        led = search(full, with_feedback(make_query("red green"), [known["green"]]), k=5)
        assert rank(led, "green") < rank(plain, "green") or rank(led, "green") == 1
        away = search(full, with_feedback(make_query("red"), (), [known["red"]]), k=5)
        assert len(away.hits) == 5
        alone = search(full, with_feedback(Query(), [known["blue"]]), k=1)
        assert names(alone) == ["blue"]

    def test_a_photo_of_the_collection_and_words(self, full: Collection) -> None:
        query = Query((Part("photo", str(ids(full)["red"])), Part("text", "green")))
        assert names(search(full, query, k=1, fusion="early")) == ["orange"]

    def test_unknown_photos(self, full: Collection) -> None:
        with pytest.raises(QueryError, match="no photo of id 77"):
            search(full, with_feedback(make_query("red"), [77]))


def rank(result: object, name: str) -> int:
    return names(result).index(name)


class TestCommand:
    def run(self, *arguments: object, code: int = 0) -> Result:
        done = CliRunner().invoke(main, ["similar", *map(str, arguments)])
        assert done.exit_code == code, done.output
        return done

    @pytest.fixture
    def place(self, toy: list[ToyEncoder], photos: Path, tmp_path: Path) -> Path:
        with open_toy(tmp_path / "place") as collection:
            index_folder(collection, [photos])
        return tmp_path / "place"

    def test_shows(self, place: Path, photos: Path) -> None:
        red = photos / "red.png"
        table = self.run(red, "-c", place, "-k", 2).stdout.splitlines()
        assert [line.split()[0] for line in table] == ["rank", "1", "2"]
        assert table[1].endswith("reddish.png")
        paths = self.run(red, "-c", place, "--paths").stdout.splitlines()
        assert paths[0] == str(photos / "reddish.png")
        assert not {str(red), str(photos / "copy of red.png")} & set(paths)
        found = json.loads(self.run(red, "-c", place, "--json").stdout)
        assert found["parts"][0]["kind"] == "photo"
        self.run(red, "-c", place, "--html", "page.html")
        assert Path("page.html").read_text().count("data:image/jpeg") == 5  # with the photo itself

    def test_by_the_daemon(self, place: Path, photos: Path, daemon: Server, tmp_path: Path) -> None:
        self.run(photos / "red.png", "-c", place, "--paths")
        assert daemon.served == 1
        picture(tmp_path / "new.png", (255, 5, 5))
        paths = self.run("new.png", "-c", place, "--paths").stdout.splitlines()
        assert daemon.served == 2
        assert paths[0].endswith(("/red.png", "/copy of red.png"))

    def test_refusals(self, place: Path) -> None:
        for arguments in (("none.png",), ("none.png", "--json", "--paths"), ("none.png", "-k0")):
            done = self.run(*arguments, "-c", place, code=2)
            assert done.stdout == ""
            assert done.stderr.startswith("retrieval: ")
