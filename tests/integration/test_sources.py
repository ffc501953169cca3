"""What each source says of a query, and what comes of it together; words against brute force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import Collection, index_folder
from retrieval.searching import sources
from retrieval.searching.fusing import Ranking, fuse
from retrieval.searching.sources import BEST, rankings, together, unrelated
from retrieval.storage import lexical
from retrieval.storage.lexical import content_words, ranked, stem_of, term
from retrieval.storage.links import documents_of_photos, photos_of_documents, rows_of_photos
from tests.conftest import open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for n in range(12):
        picture(folder / f"IMG_{n:04}.png", (20 * n, 200 - 10 * n, 90))
    (folder / "captions.csv").write_text(
        "image,caption\n"
        "IMG_0003.png,two dogs running in the snow\n"
        "IMG_0003.png,yellow blankets\n"
        "IMG_0004.png,a dog on a sofa\n"
        "IMG_0005.png,snowy mountains\n"
        "missing.png,a dog that nobody photographed\n"
    )
    return folder


@pytest.fixture
def indexed(collection: Collection, photos: Path) -> Collection:
    index_folder(collection, photos)
    return collection


def ids_by_name(collection: Collection) -> dict[str, int]:
    found = collection.reader.fetch("SELECT path, photo_id FROM files WHERE photo_id IS NOT NULL")
    return {Path(path).stem: photo for path, photo in found}


def words_found(collection: Collection, text: str) -> list[str]:
    names = {photo: name for name, photo in ids_by_name(collection).items()}
    return [names[match.id] for match in ranked(collection.reader, text, 99)]


def vector(text: str) -> np.ndarray:
    return ToyEncoder().encode_texts([text])[0]


def asked(collection: Collection, text: str, **more: object) -> dict[str, Ranking]:
    found = rankings(collection, vector(text), text, **more)  # type: ignore[arg-type]
    assert found is not None
    return {ranking.source: ranking for ranking in found}


class TestWords:
    def test_all_forms_of_a_word(self, indexed: Collection) -> None:
        assert words_found(indexed, "dog") == ["IMG_0004", "IMG_0003"]  # the shorter text first
        assert words_found(indexed, "DOGS") == ["IMG_0004", "IMG_0003"]
        assert set(words_found(indexed, "snow")) == {"IMG_0003", "IMG_0005"}
        assert words_found(indexed, "run in a mountain")[0] == "IMG_0005"

    def test_more_words_count_more(self, indexed: Collection) -> None:
        assert words_found(indexed, "the dogs in the snow")[0] == "IMG_0003"
        best, *others = ranked(indexed.reader, "dogs running in the snow", 9)
        assert best.score > max(match.score for match in others)
        assert ranked(indexed.reader, "dog submarine", 9)[0].score < 0.6

    def test_names(self, indexed: Collection) -> None:
        assert words_found(indexed, "IMG_0007")[0] == "IMG_0007"

    def test_the_limit_and_what_is_allowed(self, indexed: Collection) -> None:
        only = {ids_by_name(indexed)["IMG_0003"]}
        assert [m.id for m in ranked(indexed.reader, "dog", 9, only)] == [*only]
        assert len(ranked(indexed.reader, "dog", 1)) == 1
        assert ranked(indexed.reader, "dog", 0) == []

    @pytest.mark.parametrize("text", ["", "the of a", "submarine", "?!", "🐕", "photo of the"])
    def test_no_word_that_anyone_has(self, indexed: Collection, text: str) -> None:
        assert ranked(indexed.reader, text, 9) == []

    def test_common_words_are_left_out_or_equal(
        self, indexed: Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lexical, "MOST_ROWS", 1)
        assert words_found(indexed, "dog mountains") == ["IMG_0005"]
        first, second = ranked(indexed.reader, "dog snow", 9)
        assert first.score == second.score
        monkeypatch.setattr(lexical, "MOST_EQUAL_ROWS", 1)
        assert ranked(indexed.reader, "dog snow", 9) == []

    def test_against_brute_force(self, indexed: Collection) -> None:
        rows = indexed.reader.fetch("SELECT rowid, name, folder, documents FROM words")
        for word in ("dogs", "snow", "running", "yellow", "png", "0004", "sofa"):
            stem, goes_on = stem_of(word), term(word).endswith("*")
            forms = {stem, f"{stem}s", f"{stem}{stem[-1]}ing", word}
            expected = {
                photo
                for photo, *texts in rows
                for each in " ".join(texts).lower().split()
                if (each.startswith(stem) if goes_on else each in forms)
            }
            assert {m.id for m in ranked(indexed.reader, word, 99)} == expected, word


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    from retrieval.encoders import ENCODERS

    ENCODERS["toy"] = "tests.toy:load"
    folder = tmp_path_factory.mktemp("kept")
    picture(folder / "photos/a.png")
    (folder / "photos/a.csv").write_text("image,caption\na.png,a dog AND a cat\n")
    with open_toy(folder / "collection") as collection:
        index_folder(collection, folder / "photos")
        yield collection
    del ENCODERS["toy"]


HOSTILE = st.lists(
    st.sampled_from(
        ["dog", "AND", "NEAR(", '"', "'", "*", "name:", "^", ")", "--", ";", "\0", "犬", "NOT", "-"]
    )
    | st.text(max_size=5),
    max_size=12,
).map(" ".join)


@given(HOSTILE)
def test_no_text_is_syntax(kept: Collection, text: str) -> None:
    found = ranked(kept.reader, text, 9)
    assert len(found) <= 1
    if "dog" in text.split():
        assert len(found) == 1


def test_words_of_a_query() -> None:
    assert content_words("Find the photo of two Dogs, dogs!") == ["two", "dogs"]
    assert len(content_words(" ".join(f"w{n}" for n in range(500)))) == lexical.MOST_WORDS
    assert [term(word) for word in ("snowing", "2041", "at", "犬", "bus")] == [
        '"snow" *',
        '"2041"',
        '"at"',
        '"犬"',
        '("bus" OR "buss" OR "bussing")',
    ]
    stems = [stem_of(word) for word in ("dogs", "running", "falling", "buses", "yes", "ing")]
    assert stems == ["dog", "run", "fall", "bus", "yes", "ing"]


class TestLinks:
    def test_both_ways(self, indexed: Collection) -> None:
        space, name = indexed.reader.active_space(), ids_by_name(indexed)
        assert space is not None
        three, four = name["IMG_0003"], name["IMG_0004"]
        pairs = documents_of_photos(indexed.reader, space, [three, four, name["IMG_0001"], 999])
        assert sorted(pairs[:, 1].tolist()) == [three, three, four]
        back = photos_of_documents(indexed.reader, space, pairs[:, 0].tolist())
        assert sorted(map(tuple, back.tolist())) == sorted(map(tuple, pairs.tolist()))

    def test_documents_without_a_photo_and_nothing(self, indexed: Collection) -> None:
        space = indexed.reader.active_space()
        assert space is not None
        every = photos_of_documents(indexed.reader, space, range(space.rows["documents"]))
        assert len(every) == 4
        assert documents_of_photos(indexed.reader, space, []).shape == (0, 2)

    def test_rows_of_photos(self, indexed: Collection, photos: Path) -> None:
        space, name = indexed.reader.active_space(), ids_by_name(indexed)
        assert space is not None
        pairs = rows_of_photos(indexed.reader, space, list(name.values()))
        assert pairs[:, 0].tolist() == list(range(12))
        items = indexed.reader.items_at(space, "photos", pairs[:, 0].tolist())
        assert items == dict(pairs.tolist())
        (photos / "IMG_0003.png").unlink()
        index_folder(indexed, photos)
        assert len(rows_of_photos(indexed.reader, space, list(name.values()))) == 11


class TestRankings:
    def test_each_source(self, indexed: Collection) -> None:
        name, by = ids_by_name(indexed), asked(indexed, "yellow dogs in the snow")
        assert list(by) == ["photos", "documents", "words"]
        assert by["photos"].ids.tolist()[: by["photos"].own()][0] in name.values()
        assert by["documents"].ids[0] == name["IMG_0003"]
        query, both = (
            vector("yellow dogs in the snow"),
            [vector("two dogs running in the snow"), vector("yellow blankets")],
        )
        best, whole = max(text @ query for text in both), sum(both) / np.linalg.norm(sum(both))
        assert by["documents"].scores[0] == pytest.approx(
            BEST * best + (1 - BEST) * whole @ query, abs=2e-3
        )
        assert set(by["words"].ids.tolist()) == {name[f"IMG_000{n}"] for n in (3, 4, 5)}

    def test_whatever_one_source_finds_the_others_are_asked(self, indexed: Collection) -> None:
        by = asked(indexed, "dogs in the snow", depth=1)
        proposed = {int(ranking.ids[0]) for ranking in by.values()}
        assert by["photos"].own() == 1
        assert set(by["photos"].ids.tolist()) >= proposed

    def test_cosines_are_right(self, indexed: Collection) -> None:
        space = indexed.reader.active_space()
        assert space is not None
        rows = indexed.vectors(space, "photos").astype(np.float32)
        pairs = dict(rows_of_photos(indexed.reader, space, range(1, 13))[:, ::-1].tolist())
        photos = asked(indexed, "dogs in the snow", depth=2)["photos"]
        for photo, score in zip(photos.ids.tolist(), photos.scores.tolist(), strict=True):
            cosine = rows[pairs[photo]] @ vector("dogs in the snow")
            assert score == pytest.approx(float(cosine), abs=1e-5)

    @pytest.mark.parametrize("depth", [1, 64])
    def test_only_what_is_allowed(self, indexed: Collection, depth: int) -> None:
        space, name = indexed.reader.active_space(), ids_by_name(indexed)
        assert space is not None
        some = sorted(name[f"IMG_00{n:02}"] for n in (1, 3, 9))
        allowed = rows_of_photos(indexed.reader, space, some)
        for text in ("dogs in the snow", "yellow", "IMG_0004"):
            by = asked(indexed, text, allowed=allowed, depth=depth)
            assert all(set(ranking.ids.tolist()) <= set(some) for ranking in by.values())
        assert asked(indexed, "dog", allowed=allowed)["words"].ids.tolist() == [name["IMG_0003"]]
        none = allowed[:0]
        assert all(not len(r.ids) for r in asked(indexed, "dog", allowed=none).values())

    def test_without_text_only_photos(self, indexed: Collection) -> None:
        found = rankings(indexed, vector("red"), "")
        assert found is not None
        assert [ranking.source for ranking in found] == ["photos"]

    def test_without_documents_fusing_is_the_embedding(
        self, collection: Collection, photos: Path
    ) -> None:
        (photos / "captions.csv").unlink()
        index_folder(collection, photos)
        by = asked(collection, "green dogs")
        assert not len(by["documents"].ids)
        order = [hit.id for hit in fuse([*by.values()], "hybrid")]
        assert order == by["photos"].ids.tolist()

    def test_what_words_find_comes_up(self, indexed: Collection) -> None:
        name = ids_by_name(indexed)
        by = asked(indexed, "IMG_0007")
        best = fuse([*by.values()], "hybrid")[0]
        assert best.id == name["IMG_0007"]
        assert "words" in best.sources

    def test_a_change_meanwhile_is_told(
        self, indexed: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = indexed.store

        def then_changed(kind: object) -> object:
            found = store(kind)  # type: ignore[arg-type]
            with indexed.catalog.writing() as connection:
                connection.exec_driver_sql("UPDATE spaces SET generation = generation + 1")
            return found

        monkeypatch.setattr(indexed, "store", then_changed)
        assert rankings(indexed, vector("dog"), "dog") is None


def unit(seed: int, count: int, dim: int = 6) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class TestTogether:
    @given(
        st.integers(0, 99),
        st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4)), unique=True, max_size=20),
        st.integers(1, 9),
    )
    def test_as_it_is_defined(self, seed: int, pairs: list[tuple[int, int]], at_once: int) -> None:
        rows, query = unit(seed, 8).astype(np.float16), unit(seed + 100, 1)[0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sources, "AT_ONCE", at_once)
            found = together(rows, query, np.array(pairs, np.int64).reshape(-1, 2))
        assert set(found) == {photo for _, photo in pairs}
        for photo, near in found.items():
            own = rows[[row for row, of in pairs if of == photo]].astype(np.float32)
            whole = own.sum(0) / np.linalg.norm(own.sum(0))
            expected = BEST * (own @ query).max() + (1 - BEST) * whole @ query
            assert near == pytest.approx(float(expected), abs=1e-5)
            if len(own) == 1:  # a document alone is as near as its embedding
                assert near == pytest.approx(float(own[0] @ query), abs=1e-3)

    def test_several_that_agree_are_nearer_than_each(self) -> None:
        query = np.array([1.0, 0.0, 0.0], np.float32)
        rows = np.array([[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.8, 0.0, 0.6]], np.float16)
        found = together(rows, query, np.array([[0, 1], [1, 1], [2, 2]]))
        assert found[1] > found[2] == pytest.approx(0.8, abs=1e-3)

    def test_opposite_ones(self) -> None:
        rows = np.array([[1.0, 0.0], [-1.0, 0.0]], np.float16)
        query = np.array([1.0, 0.0], np.float32)
        assert together(rows, query, np.array([[0, 1], [1, 1]])) == {1: pytest.approx(BEST)}


def test_unrelated_leaves_out_what_was_erased() -> None:
    rows = np.zeros((1000, 2), np.float16)
    rows[::2] = (0.6, 0.8)
    mean, spread, count = unrelated(rows, np.array([1.0, 0.0], np.float32))
    assert mean == pytest.approx(0.6, abs=1e-3)
    assert spread == pytest.approx(0, abs=1e-3)
    assert 0 < count < 256
    assert unrelated(rows[:0], np.array([1.0, 0.0], np.float32)) == (0.0, 0.0, 0)
