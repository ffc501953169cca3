"""Dates as people write them, in English and Chinese, and what only looks like one."""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import QueryError
from retrieval.queries import calendar as cal
from retrieval.queries.calendar import Period
from tests.boxes import TODAY, compiled, read
from tests.conftest import LONGEST_S, ROOT


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2021", "2021", "2021"),
        ("in 2021", "2021", "2021"),
        ("in 1850", "1850", "1850"),
        ("March 2021", "2021-03", "2021-03"),
        ("march of 2021", "2021-03", "2021-03"),
        ("Sept 2021", "2021-09", "2021-09"),
        ("2021-03", "2021-03", "2021-03"),
        ("2021-03-05", "2021-03-05", "2021-03-05"),
        ("2021/3/5", "2021-03-05", "2021-03-05"),
        ("5.3.2021", "2021-03-05", "2021-03-05"),
        ("12/25/2020", "2020-12-25", "2020-12-25"),
        ("25/12/2020", "2020-12-25", "2020-12-25"),
        ("3 May 2021", "2021-05-03", "2021-05-03"),
        ("on the 3rd of May 2021", "2021-05-03", "2021-05-03"),
        ("May 3rd, 2021", "2021-05-03", "2021-05-03"),
        ("spring 2021", "2021-03", "2021-05"),
        ("in the summer of 2019", "2019-06", "2019-08"),
        ("2021 autumn", "2021-09", "2021-11"),
        ("winter 2020", "2020-12", "2021-02"),
        ("Q2 2021", "2021-04", "2021-06"),
        ("early 2021", "2021-01", "2021-04"),
        ("in the 1990s", "1990", "1999"),
        ("christmas 2020", "2020-12-24", "2020-12-26"),
        ("easter 2021", "2021-04-02", "2021-04-05"),
        ("Thanksgiving 2021", "2021-11-25", "2021-11-25"),
        ("New Year's Eve 2021", "2020-12-31", "2021-01-01"),
        ("2019-2021", "2019", "2021"),
        ("2019 to 2021", "2019", "2021"),
        ("from 2019 until 2021", "2019", "2021"),
        ("between 2019 and 2021", "2019", "2021"),
        ("2021..2019", "2019", "2021"),
        ("March to May 2021", "2021-03", "2021-05"),
        ("from May 2020 to June 2021", "2020-05", "2021-06"),
        ("3-5 May 2021", "2021-05-03", "2021-05-05"),
        ("May 3 to 5, 2021", "2021-05-03", "2021-05-05"),
        ("before 2020", None, "2019"),
        ("before March 2020", None, "2020-02"),
        ("until 2020", None, "2020"),
        ("after 2020", "2021", None),
        ("after 31 December 2020", "2021-01-01", None),
        ("since 2020", "2020", None),
        ("since May", "2026-05", None),
        ("since December", "2025-12", None),
        ("since last summer", "2026-06", None),
        ("after 2019 and before 2022", "2020", "2021"),
        ("today", "2026-11-24", "2026-11-24"),
        ("yesterday", "2026-11-23", "2026-11-23"),
        ("the day before yesterday", "2026-11-22", "2026-11-22"),
        ("last night", "2026-11-23T18", "2026-11-24T05"),
        ("last week", "2026-11-16", "2026-11-22"),
        ("last weekend", "2026-11-21", "2026-11-22"),
        ("last Monday", "2026-11-23", "2026-11-23"),
        ("last Tuesday", "2026-11-17", "2026-11-17"),
        ("last month", "2026-10", "2026-10"),
        ("last year", "2025", "2025"),
        ("last summer", "2026-06", "2026-08"),
        ("last winter", "2025-12", "2026-02"),
        ("last May", "2026-05", "2026-05"),
        ("last december", "2025-12", "2025-12"),
        ("last christmas", "2025-12-24", "2025-12-26"),
        ("this year", "2026", "2026"),
        ("3 weeks ago", "2026-11-02", "2026-11-08"),
        ("three days ago", "2026-11-21", "2026-11-21"),
        ("a year ago", "2025", "2025"),
        ("half a year ago", "2026-05", "2026-05"),
        ("a couple of months ago", "2026-09", "2026-09"),
        ("the last two weeks", "2026-11-10", "2026-11-24"),
        ("in the last 3 months", "2026-08-24", "2026-11-24"),
        ("2021年", "2021", "2021"),
        ("2021年3月", "2021-03", "2021-03"),
        ("2021年三月五日", "2021-03-05", "2021-03-05"),
        ("2021年春天", "2021-03", "2021-05"),
        ("去年夏天", "2025-06", "2025-08"),
        ("2019年圣诞节", "2019-12-24", "2019-12-26"),
        ("2021年元旦", "2020-12-31", "2021-01-01"),
        ("前年", "2024", "2024"),
        ("昨天", "2026-11-23", "2026-11-23"),
        ("三天前", "2026-11-21", "2026-11-21"),
        ("十二个月前", "2025-11", "2025-11"),
        ("上周末", "2026-11-21", "2026-11-22"),
        ("上个月", "2026-10", "2026-10"),
        ("最近三天", "2026-11-22", "2026-11-24"),
        ("2019年到2021年", "2019", "2021"),
        ("2019年4月到6月", "2019-04", "2019-06"),
        ("2019-2021年", "2019", "2021"),
        ("2020年以前", None, "2019"),
        ("2020年之后", "2021", None),
        ("2020年以来", "2020", None),
    ],
)
def test_dates(text: str, first: str | None, last: str | None) -> None:
    (chip,) = compiled(text).chips
    assert chip.filter is not None
    assert (chip.filter.field, chip.filter.values) == ("taken", (first, last))


@pytest.mark.parametrize(
    ("text", "value"),
    [("in May", "*-05"), ("5月", "*-05"), ("3 May", "*-05-03"), ("29 February", "*-02-29")],
)
def test_dates_of_any_year(text: str, value: str) -> None:
    (asked,) = compiled(text).filters
    assert (asked.op, asked.values) == ("is", (value,))


def test_a_month_and_its_year_may_stand_apart() -> None:
    assert read("in May, Kyoto 2021") == ["taken: 2021-05", "place: Kyoto"]


@pytest.mark.parametrize(
    "text",
    [
        "a dog that may bite",
        "May I see the dog",
        "march of soldiers",
        "soldiers march in the street",
        "a marching band in march order",
        "fall leaves",
        "a spring in the mountains",
        "a lake in winter",
        "summer dress",
        "second 2000 m race",
        "1200 to 1400 people",
        "route 66",
        "bus number 2021",
        "a 2015 Honda",
        "Cyberpunk 2077",
        "a 1950s car",
        "12:30 clock",
        "on the last day",
        "the last day in the mountains",
        "the last week of the holidays",
        "the last supper",
        "Saturday market",
        "christmas tree",
        "half past nine",
        "version 1.2.2021b",
        "IMG_2021",
        "sun",
        "at night",
        "fog in the morning",
    ],
)
def test_what_only_looks_like_a_date(text: str) -> None:
    assert read(text) == [f"meaning: {text}"]


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("dogs 2021", ["meaning: dogs", "taken: 2021"]),
        ("dogs 2015", ["meaning: dogs", "taken: 2015"]),
        ("dogs not in 2021", ["meaning: dogs", "taken: not 2021"]),
        ("dogs -2021", ["meaning: dogs", "taken: not 2021"]),
        ("去年夏天的狗", ["taken: 2025-06 … 2025-08", "meaning: 狗"]),
        ("2021年3月在京都的照片", ["taken: 2021-03", "place: Kyoto"]),
        ("beach last summer at night", ["meaning: beach at night", "taken: 2026-06 … 2026-08"]),
    ],
)
def test_what_stands_beside_them(text: str, plan: list[str]) -> None:
    assert read(text) == plan


@pytest.mark.parametrize(
    "text",
    ["31 April", "April 31st", "32 May", "2021-13-01", "2021-00", "29 February 2021", "2月30日"],
)
def test_days_that_are_not(text: str) -> None:
    with pytest.raises(QueryError, match=r"There is no (month )?\d+"):
        compiled(text)


days = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31))


@given(days, days)
def test_reversed_ranges_are_put_in_order(one: datetime.date, other: datetime.date) -> None:
    first, last = cal.of_day(one), cal.of_day(other)
    period = cal.between(first, last)
    assert period == Period(*sorted((one.isoformat(), other.isoformat())), one > other)


@given(days)
def test_before_and_after_leave_out_just_the_period(day: datetime.date) -> None:
    step = datetime.timedelta(days=1)
    assert cal.before(cal.of_day(day)).last == (day - step).isoformat()
    assert cal.after(cal.of_day(day)).first == (day + step).isoformat()
    month = cal.on(day.year, day.month)
    after, before = cal.after(month).first or "", cal.before(month).last or ""
    assert before < (month.first or "") < after
    assert len(after) == len(before) == 7


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        *((1954, "04-18"), (1981, "04-19"), (1999, "04-04"), (2000, "04-23"), (2008, "03-23")),
        *((2019, "04-21"), (2024, "03-31"), (2025, "04-20"), (2038, "04-25"), (2076, "04-19")),
    ],
)
def test_easter(year: int, sunday: str) -> None:
    first = datetime.date.fromisoformat(cal.holiday("easter", year).first or "")
    assert (first + datetime.timedelta(days=2)).isoformat() == f"{year}-{sunday}"


@pytest.mark.parametrize(
    ("value", "period"),
    [("3rd of last month", "2026-10-03"), ("2 fortnights ago", "2026-10-27")],
)
def test_what_only_dateparser_knows(value: str, period: str) -> None:
    (asked,) = compiled(f'taken:"{value}"').filters
    assert asked.values == (period, period)


def test_dateparser_is_loaded_only_then() -> None:
    code = (
        "import sys\n"
        "from tests.boxes import compiled\n"
        "for text in ('dogs last summer', '3 weeks ago', 'in May', 'taken:2021', '去年'):\n"
        "    compiled(text)\n"
        "assert not {'dateparser', 'numpy', 'sqlalchemy', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=LONGEST_S)


def test_today_is_the_day_of_the_tests() -> None:
    assert TODAY.strftime("%A") == "Tuesday"
