"""Pieces of sentences: dates, places, quotes and lists, in the words of one language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

from retrieval.answerers.citing import marker, numbers_in
from retrieval.answerers.extractive.wanted import asks_weekday
from retrieval.answerers.extractive.weighing import words_for
from retrieval.answerers.extractive.wording import Wording
from retrieval.records import Brief, Evidence, Facts, QuestionPlan

LONGEST_QUOTE = 300
LONGEST_NAME = 100
#: How photos are searched that lack a fact, and what the fact is called here.
_LACKS = re.compile(r"-has:(date|gps|camera|caption|rating)")
_FACTS = {"date": "taken", "gps": "place"}
MOST_SPELLED = 2  # days that a list says in words too
_TAKEN = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}))?")


def tame(text: str, longest: int = LONGEST_NAME) -> str:
    """Text of a file as it may stand in an answer: one line, no control characters, no citation.

    Whoever wrote a caption, a keyword or the name of a camera into a file may have written
    anything. Text is cut off before something that reads as a citation, and double quotes in it
    become single ones, so that it cannot end the quote that it stands in. "" where nothing is left.
    """
    text = text[: 8 * longest]
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or _is_plain(c))
    kept = " ".join(kept.translate(_QUOTES).split())
    fake = numbers_in(kept)
    end = min(fake[0][0] if fake else len(kept), longest)
    return kept if end == len(kept) else kept[:end].rstrip() + "…" if kept[:end].strip() else ""


def _is_plain(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")


_QUOTES = str.maketrans({'"': "'", "“": "‘", "”": "’", "„": "‘", "「": "‘", "」": "’"})


def place_of(each: Evidence, *, plainly: bool = False) -> str | None:
    """City and country, else region and country, else what `place` says.

    `plainly` adds the narrowest name without its accents, where it has some.
    """
    facts = each.facts
    names = [tame(name) for name in (facts.city or facts.region, facts.country) if name]
    if names and plainly:
        names[0] = plain_too(names[0])
    return ", ".join(dict.fromkeys(filter(None, names))) or tame(each.place or "") or None


def chinese_of(facts: Facts) -> str:
    """Country and city or region in Chinese, "冰岛雷克雅未克"; "" where neither is known so."""
    from retrieval.places.chinese import chinese_name  # its table is read for Chinese answers only

    code = facts.country_code or None
    country = chinese_name(facts.country, "country", code) if facts.country else None
    city = chinese_name(facts.city, "city", code) if facts.city else None
    if not facts.city and facts.region:
        city = chinese_name(facts.region, "region", code)
    return "".join(dict.fromkeys(filter(None, (country, city))))


def plain_too(name: str) -> str:
    """ "Reykjavík (Reykjavik)": as it is written, and as it is typed and searched for."""
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return f"{name} ({plain})" if plain != name and plain.isascii() else name


def day_of(each: Evidence) -> str | None:
    """The day as "2023-02-15"; None where none is known or it is not one."""
    found = _TAKEN.match(each.facts.taken_at or "")
    if not found:
        return None
    try:
        return date(*map(int, found.groups()[:3])).isoformat()
    except ValueError:
        return None


def _plainly(box: str) -> str:
    """What was typed for a place or a time as it stands in a sentence: "IN BERLIN", "from 2019"."""
    shouted = re.fullmatch(r"(IN|AT|ON|FROM|DURING|SINCE|BEFORE|AFTER) ([A-Z][A-Z .'-]+)", box)
    if shouted:
        box = f"{shouted[1].lower()} {shouted[2].title()}"
    if re.search(r"\b(?:to|till|until|through)\b", box):
        return box
    return re.sub(r"^from (?=[A-Z]|\d{4}\b)", "in ", box)


class Voice:
    """Says things in the language of `wording`; `box` is what was searched."""

    def __init__(self, wording: Wording, plan: QuestionPlan) -> None:
        self.wording = wording
        self.box = tame(plan.box or plan.question)
        self.among = bool(plan.among)
        self.weekdays = asks_weekday(plan)
        self.in_chinese = "在" in plan.question

    # --- time -------------------------------------------------------------------------------

    def day(self, iso: str) -> str:
        """ "2023-02-15 (Wednesday, 15 February 2023)"."""
        return self.wording.day.format(iso=iso, words=self._words(iso))

    def spells(self, days: int) -> bool:
        """Whether a list of so many days says them in words too."""
        return days <= MOST_SPELLED or self.weekdays

    def moment(self, each: Evidence) -> str:
        """The day, with the time of day where that is known. Needs a photo with a day."""
        found = _TAKEN.match(each.facts.taken_at or "")
        assert found is not None
        iso, (hour, minute) = found[0][:10], found.groups()[3:]
        if hour is None:
            return self.day(iso)
        time = f"{hour}:{minute}"
        return self.wording.time.format(iso=iso, time=time, words=self._words(iso))

    def span(self, first: str, last: str) -> str:
        """From one day to another, or the one day that both are: without weekdays, to be short."""
        if first == last:
            return self.phrase("taken", first)
        return self.wording.span.format(first=first, last=last)

    def _words(self, iso: str) -> str:
        day, wording = date.fromisoformat(iso), self.wording
        return wording.day_words.format(
            weekday=wording.weekdays[day.weekday()],
            day=day.day,
            month=wording.months[day.month - 1],
            year=f"{day.year:04d}",
        )

    # --- photos -----------------------------------------------------------------------------

    def photo(self, each: Evidence) -> str:
        """A cited photo and when and where it was taken: "[1] (2021-06-09, Cusco, Peru)"."""
        place = self._named(place_of(each), each, self.wording.place_known)
        known = [fact for fact in (day_of(each), place) if fact]
        if not known:
            return marker([each.n])
        facts = self.wording.comma.join(known)
        return self.wording.known.format(cites=marker([each.n]), facts=facts)

    def place(self, field: str, name: str, each: Evidence) -> str:
        """The place of a photo with its name in Chinese, in Chinese: 冰岛（Iceland）."""
        facts = each.facts
        narrow = {
            "city": replace(facts, country=None),
            "region": replace(facts, country=None, city=None),
            "country": replace(facts, city=None, region=None),
        }
        each = replace(each, facts=narrow.get(field, facts))
        return self._named(name, each, self.wording.place) or name

    def _named(self, name: str | None, each: Evidence, template: str) -> str | None:
        chinese = chinese_of(each.facts) if name and template else ""
        return template.format(chinese=chinese, name=name) if chinese else name

    # --- lists and phrases ------------------------------------------------------------------

    def cite(self, numbers: Sequence[int]) -> str:
        return marker(numbers)

    def colour(self, name: str) -> str:
        return self.wording.colour_names.get(name, tame(name))

    def label(self, group: str, label: str) -> str:
        """A value of a group: days and months in words as well, all else as it is."""
        try:
            if group == "day":
                return self.day(label)
            if group == "month":
                return self._month(date.fromisoformat(f"{label}-01"))
        except ValueError:  # a file may say anything
            pass
        if self.wording.place and group in ("city", "country"):
            return self._group(group, label)
        return tame(label)

    def _group(self, group: str, label: str) -> str:
        """The label of a city or a country with its name in Chinese."""
        from retrieval.places.chinese import chinese_name

        kind: Literal["city", "country"] = "city" if group == "city" else "country"
        chinese = chinese_name(label, kind)
        name = tame(label)
        return self.wording.place.format(chinese=chinese, name=name) if chinese else name

    def _month(self, day: date) -> str:
        return self.wording.month.format(
            iso=day.isoformat()[:7],
            month=self.wording.months[day.month - 1],
            year=f"{day.year:04d}",
        )

    def also(self, parts: Sequence[str]) -> str:
        return self._joined(parts, self.wording.also)

    def either(self, parts: Sequence[str]) -> str:
        return self._joined(parts, self.wording.either)

    def _joined(self, parts: Sequence[str], last: str) -> str:
        *most, end = parts
        return self.wording.listed.join(most) + last + end if most else end

    def phrase(self, field: str, value: str) -> str:
        return self.wording.phrases.get(field, "{value}").format(value=value)

    def noun(self, field: str, *, many: bool = False) -> str:
        """What a field or a group is called; its own name where there is no word for it."""
        nouns = self.wording.nouns_many if many else self.wording.nouns
        return nouns.get(field) or (field if field.isidentifier() else "…")

    def weighed(self, answer: str, confidence: float | None) -> str:
        """An answer as a sentence, in words for how sure it is."""
        template: str = getattr(self.wording, words_for(confidence))
        return self.sentence(template.format(answer=answer).strip())

    def counted(self, phrase: str, count: int, numbers: Sequence[int]) -> str:
        text = self.wording.counted.format(phrase=phrase, count=count, cites=marker(numbers))
        return text.rstrip()

    def of_all(self, brief: Brief, text: str) -> str:
        """The sentence, with a word that it is of the best matches only, where there are more."""
        counted = brief.totals[0].count if brief.totals else 0
        whole = max(counted, brief.relevant or 0)
        known = sum(1 + len(each.folded) for each in brief.evidence)
        if whole <= known:
            return text
        return self.wording.among.format(count=len(brief.evidence), answer=text)

    def cited(self, phrase: str, numbers: Sequence[int]) -> str:
        return self.wording.cited.format(phrase=phrase, cites=marker(numbers)).rstrip()

    def sentence(self, text: str) -> str:
        return text[:1].upper() + text[1:] if self.wording.capitals else text

    def said(self, asked: str) -> str:
        """What was typed of a place, a time or a camera, as it stands behind "not"."""
        plain = _plainly(re.sub(r"^(?:taken|shot|made) ", "", tame(asked)))
        at = re.match(self.wording.before_place, plain, re.IGNORECASE)
        return plain if at else f"“{plain}”"

    # --- what was searched ------------------------------------------------------------------

    def matching(self, count: int, box: str, *, certain: bool, quoted: bool = True) -> str:
        """What `count` photos do that match a box: "were taken in Lisbon", "seem to show dogs".

        Not `quoted` is a box that the question does not have word for word.
        """
        text = self._matching(count, tame(box), certain)
        return text if quoted else text.translate({ord("“"): None, ord("”"): None})

    def _matching(self, count: int, box: str, certain: bool) -> str:
        wording = self.wording
        many = 0 if count == 1 else 1
        if not box:
            return (wording.are_those if self.among else wording.are_here)[many]
        if found := _LACKS.fullmatch(box):
            return wording.lacks[many].format(noun=self.noun(_FACTS.get(found[1], found[1])))
        box = _plainly(re.sub(r"^(?:taken|shot|made) (?=with |in |at |on |by |from )", "", box))
        if self.in_chinese:  # the plan has the place as the search box reads it
            box = re.sub(r"^in (?=[A-Z])", "在", box)
        simple = not re.search(r"[:\"'“”()*]|^-|\s-", box)
        if certain and re.match(wording.before_place, box, re.IGNORECASE) and simple:
            return wording.taken[many].format(box=box)
        if certain and re.fullmatch(r"\d{4}", box):
            return wording.taken_in[many].format(box=box)
        if certain or not simple or re.match(wording.before_place, box, re.IGNORECASE):
            return wording.matches[many].format(box=box)
        return wording.seems[many].format(box=re.sub(r"^with (?=\S)", "", box))
