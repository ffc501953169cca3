"""The result page: what is known of a hit, the plan, and where relevance ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retrieval import Collection, index_folder, make_query, search
from retrieval.cli.html import END, NOTHING, render_page
from retrieval.cli.pictures import pictures_of
from retrieval.records import Chip, Filter, Query, SearchResult
from retrieval.searching.feedback import with_feedback
from tests.pictures import picture


@pytest.fixture
def found(collection: Collection, tmp_path: Path) -> tuple[Collection, SearchResult]:
    for colour in ("red", "green", "blue"):
        picture(tmp_path / f"photos/{colour}.png", colour, (30, 20))
    index_folder(collection, [tmp_path / "photos"])
    return collection, search(collection, "red", k=3)


def test_what_is_known_of_a_hit(found: tuple[Collection, SearchResult]) -> None:
    collection, result = found
    first = replace(
        result.hits[0],
        relevance=0.934,
        taken_at="2021-04-03T17:20:05",
        place="<Kyoto>, Japan",
        folded=(8, 9),
    )
    page = render_page(collection, [replace(result, hits=(first, *result.hits[1:]))])
    for told in ("93%", "2021-04-03 17:20 · &lt;Kyoto&gt;, Japan · 2 alike", "2 more like them"):
        assert told in page
    assert "Percentages" in page
    bare = tuple(replace(hit, relevance=None) for hit in result.hits)
    assert "Percentages" not in render_page(collection, [replace(result, hits=bare)])
    only_words = replace(result, hits=(replace(first, score=None),))
    assert '<span class="number">–</span>' in render_page(collection, [only_words])


@pytest.mark.parametrize(("relevant", "before"), [(None, None), (0, 0), (1, 1), (2, 2), (3, None)])
def test_the_line_where_relevance_ends(
    found: tuple[Collection, SearchResult], relevant: int | None, before: int | None
) -> None:
    collection, result = found
    page = render_page(collection, [replace(result, relevant=relevant)])
    line = NOTHING if relevant == 0 else END
    assert page.count('<p class="end">') == (before is not None)
    if before is not None:
        assert page[: page.index(line)].count("<figure>") == before
    assert '<p class="end">' not in render_page(
        collection, [replace(result, relevant=relevant)], "newest"
    )


def test_the_line_on_a_later_page(found: tuple[Collection, SearchResult]) -> None:
    collection, result = found
    later = tuple(replace(hit, rank=hit.rank + 10) for hit in result.hits)
    page = render_page(collection, [replace(result, hits=later, relevant=12)])
    assert page[: page.index(END)].count("<figure>") == 2


def test_the_plan(found: tuple[Collection, SearchResult]) -> None:
    collection, result = found
    chips = (
        Chip("meaning", "red", "red", ""),
        Chip("place", "place: <Kyoto>", 'in "Kyoto"', "red", Filter("place", "is", ("Kyoto",))),
    )
    query = replace(result.query, chips=chips)
    page = render_page(collection, [replace(result, query=query)])
    assert '<li class="part" title="typed: red">red</li>' in page
    assert (
        '<li class="filter" title="typed: in &quot;Kyoto&quot;">place: &lt;Kyoto&gt;</li>' in page
    )
    filters_only = replace(result, query=Query(chips=chips[1:]))
    assert "<h1>place: &lt;Kyoto&gt;</h1>" in render_page(collection, [filters_only])


def test_photos_that_were_marked(found: tuple[Collection, SearchResult]) -> None:
    collection, result = found
    ids = [hit.id for hit in result.hits]
    marked = replace(result, query=with_feedback(make_query("red"), ids[:1], [ids[1], 99]))
    page = render_page(collection, [marked])
    assert page.count("data:image/jpeg") == 5
    assert "marked right" in page
    assert "like 99" in page  # it is in the collection no more
    assert "<script" not in page


def test_thumbnails_of_hits(found: tuple[Collection, SearchResult], tmp_path: Path) -> None:
    collection, result = found
    text = pictures_of(collection, result.hits, "blocks", columns=80)
    assert [name for name in ("red.png", "green.png", "blue.png") if name in text] == [
        "red.png",
        "green.png",
        "blue.png",
    ]
    for name in ("red", "green", "blue"):
        (tmp_path / f"photos/{name}.png").unlink()
    assert "red.png" in pictures_of(collection, result.hits, "blocks", columns=80)  # kept
