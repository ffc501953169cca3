"""Pages of hits: one after the other they are the whole list."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import UsageError
from retrieval.queries import make_query
from retrieval.records import Filter, Hit, Query
from retrieval.searching.pages import (
    MOST_CHARACTERS,
    Cursor,
    digest,
    needed,
    page,
    read_cursor,
)

ASKED = digest(make_query("red"), "photos", "relevance", "here")
MOST = 1_000


def hit(item: int, taken_at: str | None = None, place: str | None = None) -> Hit:
    return Hit(item, "photo", item, 1.0, f"/{item}.jpg", taken_at=taken_at, place=place)


dates = st.none() | st.sampled_from(
    ["2019-04-02T07:22:20", "2019-04-02T07:22:20.5", "2019-05", "2021-01-01T00:00:00", ""]
)
places = st.none() | st.sampled_from(["Kyoto, Japan", "kyoto, japan", "Ōsaka", "Ulm", ""])
lists = st.lists(st.tuples(dates, places), max_size=30).map(
    lambda known: [hit(at, *each) for at, each in enumerate(known, 1)]
)


def walked(hits: list[Hit], k: int, generation: int = 5) -> list[list[Hit]]:
    pages, text = [], ""
    while True:
        cursor = read_cursor(text, ASKED, generation)
        enough = hits[: needed(cursor, k, generation, MOST)]
        found = page(enough, k, cursor, generation)
        assert not found.changed
        pages.append(list(found.hits))
        text = found.next
        if not text:
            return pages


class TestPages:
    @given(lists, st.integers(1, 12))
    def test_all_pages_are_the_whole_list(self, hits: list[Hit], k: int) -> None:
        pages = walked(hits, k)
        assert [h for each in pages for h in each] == hits
        assert all(len(each) == k for each in pages[:-1])
        assert hits == [] or pages[-1]

    @given(st.data())
    def test_new_photos_repeat_and_hide_none_that_was_there(self, data: st.DataObject) -> None:
        """The collection changes between any two pages: photos come, some go."""
        hits = [hit(at) for at in range(1, data.draw(st.integers(1, 25)) + 1)]
        k, generation, text, seen, fresh = data.draw(st.integers(1, 6)), 1, "", [], 1_000
        there = {h.id for h in hits}
        for _ in range(100):
            cursor = read_cursor(text, ASKED, generation)
            found = page(hits[: needed(cursor, k, generation, MOST)], k, cursor, generation)
            seen += [h.id for h in found.hits if h.id < 1_000]
            text = found.next
            if not text:
                break
            if data.draw(st.booleans()):
                generation += 1
                at = data.draw(st.integers(0, len(hits)))
                hits = [*hits[:at], hit(fresh), *hits[at:]]
                fresh += 1
                assert page(hits, k, read_cursor(text, ASKED, generation), generation).changed
        else:
            raise AssertionError("the pages do not end")
        assert seen == sorted(there)

    def test_a_photo_that_is_gone_is_no_anchor(self) -> None:
        hits = [hit(at) for at in range(1, 11)]
        first = page(hits, 4, read_cursor("", ASKED, 1), 1)
        left = [h for h in hits if h.id != 4]
        second = page(left, 4, read_cursor(first.next, ASKED, 2), 2)
        assert [h.id for h in second.hits] == [5, 6, 7, 8]
        assert second.changed
        emptied = page([], 4, read_cursor(first.next, ASKED, 2), 2)
        assert (emptied.hits, emptied.next, emptied.changed) == ((), "", True)

    def test_how_much_is_needed(self) -> None:
        assert needed(read_cursor("", ASKED, 5), 10, 5, MOST) == 11
        assert needed(Cursor(ASKED, 5, 30, ()), 10, 5, MOST) == 41
        assert needed(Cursor(ASKED, 4, 30, ()), 10, 5, MOST) == MOST
        assert needed(Cursor(ASKED, 5, 995, ()), 10, 5, MOST) == MOST


def forged(values: object) -> str:
    data = json.dumps(values).encode()
    return f"{base64.urlsafe_b64encode(data).decode().rstrip('=')}.{zlib.crc32(data):08x}"


class TestCursor:
    text = page([hit(at) for at in range(1, 9)], 3, read_cursor("", ASKED, 7), 7).next

    def test_comes_back(self) -> None:
        assert read_cursor(self.text, ASKED, 7) == Cursor(ASKED, 7, 3, (1, 2, 3))
        assert len(self.text) < 200
        assert read_cursor(f" {self.text}\n", ASKED, 7).shown == 3

    @given(st.integers(0, len(text) - 1), st.characters())
    def test_one_wrong_character_is_noticed(self, at: int, character: str) -> None:
        wrong = self.text[:at] + character + self.text[at + 1 :]
        if wrong.strip() in (self.text, self.text.strip()):
            return
        try:
            assert read_cursor(wrong, ASKED, 7) == read_cursor(self.text, ASKED, 7)
        except UsageError as exc:
            assert "first page" in str(exc)  # noqa: PT017

    @pytest.mark.parametrize(
        "wrong",
        [
            *("x", "…", ".", "a.b", "'; DROP TABLE photos; --", "\0", "x" * (MOST_CHARACTERS + 1)),
            *(text[:-1], text[1:], text.upper(), text + "0", text.partition(".")[0]),
            forged([1, ASKED, 7, 3]),
            forged([1, ASKED, 7, -3, []]),
            forged([1, ASKED, 7, True, []]),
            forged([1, ASKED, 7, 1e400, []]),
            forged([1, ASKED, 7, 1 << 60, []]),
            forged([1, ASKED, 7, 3, list(range(50))]),
            forged([1, ASKED, 7, 3, "abc"]),
            forged([1, 5, 7, 3, []]),
            forged({}),
            forged([]),
            forged(None),
            forged([[[[[[[]]]]]]]),
        ],
    )
    def test_what_is_none(self, wrong: str) -> None:
        with pytest.raises(UsageError, match="first page") as caught:
            read_cursor(wrong, ASKED, 7)
        assert caught.value.exit_code == 2

    def test_of_another_search(self) -> None:
        query = make_query("red")
        others = [
            digest(make_query("green"), "photos", "relevance", "here"),
            digest(query, "documents", "relevance", "here"),
            digest(query, "photos", "newest", "here"),
            digest(query, "photos", "relevance", "elsewhere"),
            digest(
                replace(query, filters=(Filter("city", "is", ("Kyoto",)),)), "photos", "relevance"
            ),
        ]
        for other in others:
            with pytest.raises(UsageError, match="belongs to another search"):
                read_cursor(self.text, other, 7)
        assert len({ASKED, *others}) == 6

    def test_of_another_time(self) -> None:
        with pytest.raises(UsageError, match="newer than the collection"):
            read_cursor(self.text, ASKED, 6)
        with pytest.raises(UsageError, match="another version of the program"):
            read_cursor(forged([2, ASKED, 7, 3, [], "more"]), ASKED, 7)

    def test_names_that_are_not_utf8(self) -> None:
        assert digest(Query(), "photos", "relevance", "\udce9") != ASKED
