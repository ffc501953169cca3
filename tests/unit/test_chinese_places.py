"""Chinese names of places: the table, how they are read in a box, and how answers say them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answerers.extractive import ExtractiveAnswerer
from retrieval.answering.checking import check
from retrieval.answering.planning import plan_question
from retrieval.errors import QueryError
from retrieval.grouping.tags import vocabulary
from retrieval.places import Places
from retrieval.places.chinese import _rows as rows
from retrieval.places.chinese import called_at, chinese_name, names_in, places_called
from retrieval.queries.chinese_places import places_in
from retrieval.queries.known_names import index_of
from retrieval.queries.ordinary import words
from retrieval.records import Brief, Claim, Draft, Evidence, Facts, Filter, QuestionPlan
from retrieval.storage.vocabulary import Vocabulary
from tests.boxes import TODAY, VOCABULARY, compiled, meanings, read, without
from tests.unit.test_imports import HEAVY, imported

#: A collection that has every place of the table.
WORLD = Vocabulary(
    places=tuple(
        (
            name if kind == "city" else None,
            name if kind == "region" else None,
            name if kind == "country" else "…",
            code,
        )
        for kind, code, name, _ in rows()
    )
)


# --- the table --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known(cache: Path) -> Iterator[Places]:
    found = Places(cache)
    yield found
    found.close()


def test_geonames_has_all_of_them(known: Places) -> None:
    missing = [
        (kind, code, name)
        for kind, code, name, _ in rows()
        if not any(p.kind == kind and p.country_code == code for p in known.named(name))
    ]
    assert missing == []


def test_its_names_are_chinese_and_stand_once() -> None:
    for kind, code, name, chinese in rows():
        names = chinese.split(" ")
        assert len(names) == len(set(names)), name
        for each in names:
            assert len(each) > 1
            assert all("\u3400" <= c <= "\u9fff" for c in each), each
            assert (kind, code, name) in [
                (p.kind, p.country_code, p.name) for p in places_called(each)
            ]


def test_every_country_is_there(known: Places) -> None:
    table = {code for kind, code, *_ in rows() if kind == "country"}
    sql = "SELECT DISTINCT country_code FROM places WHERE kind = 'country'"
    assert {code for (code,) in known._fetch(sql)} - table == {"GS", "TF"}  # nobody lives there


def test_names() -> None:
    assert chinese_name("Reykjavík", "city", "IS") == "雷克雅未克"
    assert chinese_name("reykjavik", "city") == "雷克雅未克"
    assert (
        chinese_name("Lagos", "city") is None
    )  # those of Nigeria and Portugal are not called the same
    assert chinese_name("Atlantis", "city") is None
    assert places_called("冰島") == places_called("冰岛") != ()
    assert called_at("我在北海道", 2) == "北海道"
    assert names_in("大理石和长沙发") == []


# --- in a box ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("京都", ["place: Kyoto"]),
        ("京都的寺庙", ["place: Kyoto", "meaning: 寺庙"]),
        ("京都寺庙", ["place: Kyoto", "meaning: 寺庙"]),
        ("京都市的夜景", ["place: Kyoto", "meaning: 夜景"]),
        ("开普敦的日落", ["place: Cape Town", "meaning: 日落"]),
        ("開普敦的日落", ["place: Cape Town", "meaning: 日落"]),
        ("2019年在里斯本拍的照片", ["taken: 2019", "place: Lisbon"]),
        ("去年夏天在里斯本拍的狗", ["taken: 2025-06 … 2025-08", "place: Lisbon", "meaning: 狗"]),
        ("小狗在京都奔跑", ["meaning: 小狗 奔跑", "place: Kyoto"]),
        ("日本京都的寺庙", ["place: Japan", "place: Kyoto", "meaning: 寺庙"]),
        ("狗 京都", ["meaning: 狗", "place: Kyoto"]),
        ("京都和芝加哥的照片", ["place: Kyoto", "place: Chicago"]),
        ("不在京都的狗", ["place: not Kyoto", "meaning: 狗"]),
        ("除了京都以外的狗", ["place: not Kyoto", "meaning: 狗"]),
        ("-京都", ["place: not Kyoto"]),
        ("place:京都", ["place: Kyoto"]),
        ("country:日本", ["country: Japan"]),
        ("看到日本的狗", ["meaning: 看到 狗", "place: Japan"]),
        # where the collection has none: only where it can be nothing else
        ("冰岛的照片", ["place: Iceland"]),
        ("在冰岛拍的照片", ["place: Iceland"]),
        ("冰岛的瀑布", ["meaning: 冰岛的瀑布"]),
        # what is called after a place
        ("在大阪城", ["meaning: 在大阪城"]),
        ("坐在日本料理店里", ["meaning: 坐在日本料理店里"]),
        ("关于日本的书", ["meaning: 关于日本的书"]),
        ("南美国家", ["meaning: 南美国家"]),
        ("在长沙发上的猫", ["meaning: 在长沙发上的猫"]),
    ],
)
def test_boxes(text: str, plan: list[str]) -> None:
    assert read(text) == plan


def test_a_name_in_chinese_in_the_collection_stays() -> None:
    chinese = Vocabulary(places=(("京都", None, "日本", "JP"),))
    assert compiled("京都", vocabulary=chinese).filters == (Filter("place", "is", ("京都",)),)
    assert compiled("place:京都", vocabulary=chinese).filters[0].values == ("京都",)


def test_without_places_all_is_meant() -> None:
    assert read("在京都拍的照片", Vocabulary()) == ["meaning: 在京都"]


THINGS = sorted(
    words(
        """
        海南鸡饭 北京烤鸭 日本料理 法国面包 意大利面 土耳其烤肉
        墨西哥帽 四川火锅 扬州炒饭 西班牙海鲜饭 法国斗牛犬 德国牧羊犬
        英国短毛猫 瑞士军刀 荷兰豆 印度飞饼 韩国泡菜 俄罗斯套娃
        中国结 中国象棋 大理石 长沙发 黑山羊 蒙古包
        比萨饼 大阪城 东京塔 维也纳香肠 金华火腿 兰州拉面
        加州卷 夏威夷衬衫 美国国旗 日本人 古巴雪茄 苏格兰裙
        大连衣裙 金边眼镜 舞台中央 社会安全 发展中国家 格里菲斯
        """
    )
)


@pytest.mark.parametrize("around", ["{}", "{}的照片", "一盘{}", "两个{}", "有{}", "在{}旁边的狗"])
def test_things_are_no_places(around: str) -> None:
    named = [*THINGS, *(word.chinese for word in vocabulary())]
    texts = [around.format(word) for word in named]
    found = [
        t for t in texts if any(f.field == "place" for f in compiled(t, vocabulary=WORLD).filters)
    ]
    assert found == []


@pytest.mark.parametrize("text", ["京都的寺庙", "2019年在里斯本拍的狗", "日本京都的狗", "狗 京都"])
def test_a_chip_can_be_removed(text: str) -> None:
    query = compiled(text)
    for chip in query.chips:
        assert meanings(compiled(chip.without).chips) == without(query, chip)


@given(
    st.lists(
        st.sampled_from(
            [
                *"在的去不和里拍照片狗城人市了 a1，",
                "京都",
                "日本",
                "里斯本",
                "冰岛",
                "大理石",
                "2019年",
                "除了",
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_places_are_cut_in_order_and_none_in_another(text: str) -> None:
    found = places_in(text, 0, len(text), 0, index_of(VOCABULARY))
    ends = [0, *(each.end for each in found)]
    assert all(first <= each.start < each.end for first, each in zip(ends, found, strict=False))
    assert all(each.end <= len(text) for each in found)
    for each in found:
        names = [name for name, _ in names_in(text[each.start : each.end])]
        assert each.value in [place.name for name in names for place in places_called(name)]


@pytest.mark.parametrize(
    "text", ["京都", "大阪城", "在京都", "日本京都大阪东京", "在", "的", "除了京都和"]
)
def test_much_of_it(text: str) -> None:
    with suppress(QueryError):  # more than 200 pieces are refused
        read((text * 2000)[:2000])


# --- questions and answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "intent", "box", "more"),
    [
        ("我在京都拍了多少张照片？", "count", "在京都", {}),
        ("我在日本拍了几张狗的照片？", "count", "在日本的狗", {}),
        ("哪个月在柏林拍照最多？", "compare", "在柏林", {"group": "month", "most": "most"}),
        ("我在哪些城市拍过照？", "compare", "", {"group": "city"}),
        ("我去过哪些国家", "compare", "", {"group": "country"}),
        ("2019年我去过哪些城市？", "compare", "2019年", {"group": "city"}),
        ("最近一次去里斯本是什么时候？", "when", "里斯本", {"pick": "last"}),
        ("长颈鹿", "find", "长颈鹿", {}),
    ],
)
def test_questions(question: str, intent: str, box: str, more: dict[str, str]) -> None:
    plan = plan_question(question, VOCABULARY, TODAY)
    assert (plan.intent, plan.box) == (intent, box)
    assert {name: getattr(plan, name) for name in more} == more


def test_more_here_or_there() -> None:
    plan = plan_question("在柏林拍的多还是在里斯本拍的多？", VOCABULARY, TODAY)
    assert (plan.intent, plan.most, plan.box) == ("compare", "most", "")
    assert plan.alternatives == ("在柏林", "在里斯本")


ICELAND = Evidence(
    *(1, 11, "/photos/1.jpg"),
    facts=Facts(city="Reykjavík", country="Iceland", country_code="IS"),
    relevance=0.9,
    relevant=True,
)


def brief(evidence: Evidence, field: str = "place") -> Brief:
    plan = QuestionPlan("在哪里？", "where", "瀑布", language="zh", field=field)
    return Brief(plan, (evidence,), considered=5, matched=1, relevant=1)


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        (ICELAND.facts, "place", "冰岛雷克雅未克（Reykjavík (Reykjavik), Iceland）"),
        (ICELAND.facts, "city", "雷克雅未克（Reykjavík (Reykjavik)）"),
        (ICELAND.facts, "country", "冰岛（Iceland）"),
        (replace(ICELAND.facts, city="Selfoss"), "place", "冰岛（Selfoss, Iceland）"),
        (Facts(city="Singapore", country="Singapore", country_code="SG"), "place", "新加坡（Sin"),
        (Facts(city="Nowhere", country="Utopia"), "place", "Nowhere, Utopia"),
    ],
)
def test_answers_name_places_in_chinese(facts: Facts, field: str, said: str) -> None:
    asked = brief(replace(ICELAND, facts=facts), field)
    draft = ExtractiveAnswerer().answer(asked)
    assert draft.claims[0].text.removeprefix("很可能是").startswith(said)
    assert not check(draft, asked).struck


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("冰岛雷克雅未克（Reykjavík, Iceland）[1]。", True),
        ("照片在冰島拍摄[1]。", True),
        ("照片在挪威奥斯陆拍摄[1]。", False),
        ("照片在冰岛，不，在法国拍摄[1]。", False),
        ("照片在斯里兰卡拍摄[1]。", False),
        ("照片在科隆拍摄[1]。", False),
    ],
)
def test_the_checker_knows_them(text: str, stands: bool) -> None:
    asked = brief(ICELAND)
    checked = check(Draft((Claim(text, (1,)),)), asked)
    assert bool(checked.claims) == stands


def test_reading_them_imports_nothing_heavy() -> None:
    code = (
        "import datetime\n"
        "from retrieval.queries.compiling import compile_query\n"
        "from retrieval.records import Part, Query\n"
        "from retrieval.storage.vocabulary import Vocabulary\n"
        "v = Vocabulary(places=(('Kyoto', 'Kyoto', 'Japan', 'JP'),))\n"
        "q = Query((Part('box', '在京都拍的照片'),))\n"
        "q = compile_query(q, v, datetime.date(2026, 1, 1), lambda name: False)\n"
        "assert q.filters[0].values == ('Kyoto',)"
    )
    assert not imported(code) & {*HEAVY, "dateparser"}


def test_english_does_not_read_the_table() -> None:
    code = (
        "import datetime\n"
        "from retrieval.queries.compiling import compile_query\n"
        "from retrieval.records import Part, Query\n"
        "from retrieval.storage.vocabulary import Vocabulary\n"
        "v = Vocabulary(places=(('Kyoto', 'Kyoto', 'Japan', 'JP'),))\n"
        "q = Query((Part('box', 'a dog in Kyoto'),))\n"
        "compile_query(q, v, datetime.date(2026, 1, 1), lambda name: False)\n"
        "import sys\n"
        "assert 'retrieval.places.chinese' not in sys.modules"
    )
    assert imported(code)
