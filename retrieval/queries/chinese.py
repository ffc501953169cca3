"""Dates and question forms in Chinese, which is written without blanks: found by expressions."""

from __future__ import annotations

import datetime
import re

from retrieval.queries import calendar as cal
from retrieval.queries.calendar import Period

_NUMBER = r"(?:\d{1,4}|[一二两三四五六七八九十]{1,3})"
_DIGITS = {c: n for n, c in enumerate("〇一二三四五六七八九十")} | {"两": 2, "零": 0}
_SEASONS = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}
_FEASTS = {"圣诞": "christmas", "聖誕": "christmas", "万圣": "halloween", "萬聖": "halloween"}
_FEASTS |= {"情人": "valentine", "复活": "easter", "復活": "easter", "感恩": "thanksgiving"}
_FEASTS |= {"元旦": "new year"}
_YEARS = {"今年": 0, "去年": 1, "前年": 2, "大前年": 3}
_DAYS = {"今天": 0, "昨天": 1, "前天": 2, "大前天": 3}
_UNITS = {"天": "day", "日": "day", "周": "week", "星期": "week", "礼拜": "week", "月": "month"}
_UNITS |= {"年": "year"}
_UNIT = r"(?:天|个?星期|个?礼拜|周|个?月|年)"
_ONE = (
    rf"(?:(?P<year>\d{{4}}年?|大?前年|[去今]年)的?"
    rf"(?:(?P<month>{_NUMBER})月份?(?:(?P<day>{_NUMBER})[日号])?|(?P<season>[春夏秋冬])[天季]?"
    rf"|(?P<feast>{'|'.join(_FEASTS)})节?)?"
    rf"|(?P<anymonth>{_NUMBER})月份?(?:(?P<anyday>{_NUMBER})[日号])?"
    rf"|(?P<rel>今天|昨天|大?前天)"
    rf"|(?P<back>[上这本])(?:个)?(?P<what>周末|周|星期|礼拜|月)"
    r"|(?P<half>半年(?:以|之)?前)"
    rf"|(?P<ago>{_NUMBER})(?P<agounit>{_UNIT})(?:以|之)?前"
    rf"|(?:最近|过去)的?(?P<past>{_NUMBER})(?P<pastunit>{_UNIT}))"
)
#: A date is Chinese only where a character of the script belongs to it: 2021 alone is English too.
_STARTS = re.compile(rf"在?{_ONE}")
_JOINT = re.compile(r"\s*(?:到|至|—|–|-|~|～)\s*")
_BARE_YEAR = re.compile(r"(\d{4})(?=\s*(?:[到至]\s*\d{4}|[-–—~～]\s*\d{4}年))")
_PARTS = {"早上": "morning", "早晨": "morning", "上午": "morning", "中午": "noon"}
_PARTS |= {"下午": "afternoon"}
_RETURNING = re.compile(
    rf"在?(?:(?P<season>[春夏秋冬])[天季]|(?P<feast>{'|'.join(_FEASTS)})节?|(?P<part>{'|'.join(_PARTS)})"
    r"|周末|每个?(?:周|星期|礼拜)(?P<day>[一二三四五六日]))(?:的时候|期间|里)?(?=\s*(?:$|[，,、。？?]|在))"
)
_TAIL = re.compile(r"(?P<bound>(?:以|之)?前|(?:以|之)?后|以来|起)?(?:期间|的时候|里|份|间)?的?")


def read(text: str, at: int, today: datetime.date) -> tuple[int, Period] | None:
    """The Chinese date at text[at:] and where it ends. Raises QueryError for an impossible one."""
    first = _one(text, at, today)
    if first is None:
        return None
    end, period = first
    if joint := _JOINT.match(text, end):
        last = _one(text, joint.end(), today, plain=True)
        if last is not None and not period.any_year and period.last:
            until = last[1]
            if until.any_year and until.last:  # 2019年4月到6月: of the same year
                until = cal.only(period.last[:4] + until.last[1:])
            end, period = last[0], cal.between(period, until)
    if not re.search(r"[\u4e00-\u9fff]", text[at:end]):
        return None
    tail = _TAIL.match(text, end)
    bound = tail["bound"] if tail else None
    if tail and tail.end() > end and not (period.any_year and bound):
        end = tail.end()
        if bound and "前" in bound:
            period = cal.before(period)
        elif bound and "后" in bound:
            period = cal.after(period)
        elif bound:
            period = cal.since(period)
    return end, period


def returning(text: str, at: int) -> tuple[int, Period] | None:
    """A season, feast, part of the day or weekday of any year at text[at:], and where it ends.

    Only where nothing is described by it: "冬天在京都", and not "冬天的雪景".
    """
    match = _RETURNING.match(text, at)
    if match is None:
        return None
    if match["season"]:
        period: Period | None = cal.every_season(cal.SEASONS[_SEASONS[match["season"]]])
    elif match["feast"]:
        period = cal.every_feast(_FEASTS[match["feast"]])
    elif match["part"]:
        period = cal.PARTS_OF_DAY[_PARTS[match["part"]]]
    else:
        day = match["day"]
        period = cal.only(f"*W{'一二三四五六日'.index(day) + 1}") if day else cal.WEEKEND
    return (match.end(), period) if period else None


def _one(
    text: str, at: int, today: datetime.date, plain: bool = False
) -> tuple[int, Period] | None:
    if at and text[at - 1].isdigit() and text[at].isdigit():
        return None
    year = _BARE_YEAR.match(text, at) or (
        re.match(r"\d{4}(?!\d)", text[at : at + 5]) if plain else None
    )
    match = _STARTS.match(text, at)
    if match is None:
        if year is None:
            return None
        return at + 4, cal.on(int(year[0][:4]))
    period = _period(match, today)
    if period is None:
        return None
    if (
        match["year"]
        and match.end("year") == match.end()
        and match["year"].isdigit()
        and not (year or plain)
    ):
        return None
    return match.end(), period


def _period(match: re.Match[str], today: datetime.date) -> Period | None:
    if match["year"]:
        typed = match["year"]
        year = int(typed[:4]) if typed[0].isdigit() else today.year - _YEARS[typed]
        if match["season"]:
            return cal.season(year, cal.SEASONS[_SEASONS[match["season"]]])
        if match["feast"]:
            return cal.holiday(_FEASTS[match["feast"]], year)
        return cal.on(year, _value(match["month"]), _value(match["day"]))
    if match["anymonth"]:
        return cal.on(None, _value(match["anymonth"]), _value(match["anyday"]))
    if match["rel"]:
        return cal.of_day(today - datetime.timedelta(days=_DAYS[match["rel"]]))
    if match["back"]:
        return _back(match["what"], match["back"] == "上", today)
    if match["half"]:
        return cal.on(*cal.months_back(today, 6))
    if match["ago"]:
        return cal.ago(today, _value(match["ago"]) or 0, _unit(match["agounit"]))
    return cal.last_of(today, _value(match["past"]) or 0, _unit(match["pastunit"]))


def _back(what: str, back: bool, today: datetime.date) -> Period | None:
    if what == "周末":
        saturday = datetime.timedelta(days=5 - today.weekday())
        here = cal.days(today + saturday, today + saturday + datetime.timedelta(days=1))
        return cal.weekend_before(today) if back else here
    if what == "月":
        return cal.on(*cal.months_back(today, int(back)))
    return cal.week_of(today - datetime.timedelta(days=7 * back))


def _unit(typed: str) -> str:
    return _UNITS[typed.removeprefix("个")]


def _value(typed: str | None) -> int | None:
    """A number in digits or in characters up to 99."""
    if typed is None:
        return None
    if typed.isdigit():
        return int(typed)
    tens, ten, ones = typed.rpartition("十")
    if not ten:
        return int("".join(str(_DIGITS[c]) for c in typed))
    return (_DIGITS[tens[-1]] if tens else 1) * 10 + (_DIGITS[ones[-1]] if ones else 0)


_ASK = r"(?:请|麻烦)?(?:帮我|给我)?"
_PHOTO = r"(?:照片|相片|图片|图像|相|图|照)"
#: What a question in Chinese begins and ends with: the groups "head" and "tail" say nothing.
SHELLS = (
    re.compile(
        rf"^\s*(?P<head>{_ASK}(?:查找|寻找|搜索|找出|找|搜|显示|展示|列出|看看|查看|看(?![到见見过過着著]))(?:一下|一找)?"
        rf"(?:所有|全部|一张|一些|那张|几张)?(?:我)?)(?P<body>.*?)"
        rf"(?P<tail>(?:拍摄|拍|照)?(?:的|下的)?(?:所有|全部)?{_PHOTO}?[。？?！!]*)\s*$"
    ),
    re.compile(
        rf"^\s*(?P<head>(?:我)?有?(?:多少|几)张?)(?P<body>.*?)"
        rf"(?P<tail>(?:拍摄|拍|照)?(?:的)?{_PHOTO}[。？?！!]*)\s*$"
    ),
    re.compile(
        rf"^\s*(?P<head>我?)(?P<body>.*?)"
        rf"(?P<tail>(?:拍摄?了?|照了?)?(?:的)?{_PHOTO}?(?:有)?(?:多少|几)张(?:{_PHOTO})?[。？?！!]*)\s*$"
    ),
    re.compile(
        rf"^\s*(?P<head>我(?:是)?(?:什么时候|何时|在哪里|在哪儿|哪里)(?:拍摄?|照)(?:了|的|过)?)"
        rf"(?P<body>.*?)(?P<tail>(?:的)?{_PHOTO}?[。？?！!]*)\s*$"
    ),
    re.compile(
        rf"^\s*(?P<head>我?)(?P<body>.*?)"
        rf"(?P<tail>(?:的)?{_PHOTO}?(?:是)?(?:什么时候|何时|在哪里|在哪儿|哪里)(?:拍摄?|照)的?[。？?！!]*)\s*$"
    ),
    re.compile(
        rf"^\s*(?P<head>我?)(?P<body>.+?)(?P<tail>(?:拍摄的|拍的|照的|的){_PHOTO}[。？?！!]*)\s*$"
    ),
)
