"""A claim as it is checked: its clean text, what it quotes and cites, and which photos each part
of it stands on."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from retrieval.answerers.citing import numbers_in
from retrieval.answerers.extractive.saying import tame
from retrieval.answering.checking.cleaning import clean_text
from retrieval.answering.checking.known import Known, known_of
from retrieval.answering.checking.words import content_of, fold, words_in
from retrieval.records import Brief, Evidence

#: What tells whether a word names a place, whatever the evidence says (`places().named`).
IsPlace = Callable[[str], bool]

_QUOTED = re.compile(
    r"“([^”]*)”|\"([^\"]*)\"|«([^»]*)»|„([^“”]*)[“”]|「([^」]*)」|『([^』]*)』|《([^》]*)》"
    r"|(?<!\w)‘([^’]+(?:’\w[^’]*)*)’(?!\w)|(?<!\w)'([^']{2,}(?:'\w[^']*)*)'(?!\w)"
)
_SENTENCE = re.compile(r"[.!?](?=\s|$)|[;。；！？]")
_CLAUSE = re.compile(r"[.,!?](?=\s|$)|[;。；！？，、()（）—]|\band\b|\bwhile\b|\bbut\b|而|和|及")
_NEGATION = re.compile(
    r"\bno(?! *[,.])\b|\bnot\b|\bnone\b|\bnothing\b|\bnever\b|\bneither\b|\bwithout\b|n['’]t\b"
    r"|\bcannot\b|没|无|不|未",
    re.IGNORECASE,
)

#: Says that it is not known, or not there.
_KNOWS_NOTHING = re.compile(
    r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|can(?:not|['’]t)|could not|couldn['’]t|unable to"
    r"|not) (?:\w+ ){0,2}?"
    r"(?:know|tell|say|sure|certain|determine|answer|find|found|see|shown?|clear"
    r"|enough|mention\w*|available|known|identif\w+|help|match\w*|contain\w*|possible"
    r"|provide\w*|include\w*)\b"
    r"|\bno (?:\w+ ){0,3}?(?:photo|picture|image|evidence|information|match|answer|date|place"
    r"|caption|one|result)\w*\b|\bnone of\b|\bnothing\b|\bunknown\b|\bunclear\b|\bsorry\b"
    r"|不知道|不清楚|无法|不能确定|没有|未找到|找不到|抱歉|不确定|未知",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"\b(?:says?|reads?|writ\w+|sign|label|text|lettering|inscription|printed|words?|name[ds]?"
    r"|titled?|poster|banner|spells?)\b|写|字|牌",
    re.IGNORECASE,
)
_SPARE = 3


@dataclass(frozen=True)
class Surroundings:
    """What a claim is compared with: the brief, and what is asked of the world besides.

    `seen`: the answerer was shown the pictures, so that it may know what no text says. `composed`:
    code made the claims out of the evidence, and repeats in them what was asked for.
    """

    brief: Brief
    seen: bool
    is_place: IsPlace
    today: datetime.date
    refused: bool = False
    composed: bool = False

    @cached_property
    def evidence(self) -> dict[int, Evidence]:
        """The evidence by its number."""
        return {each.n: each for each in self.brief.evidence}

    @cached_property
    def numbers(self) -> frozenset[int]:
        """All numbers that may be cited: photos of totals have one too."""
        counted = (n for total in self.brief.totals for n in total.numbers)
        return frozenset((*self.evidence, *counted))

    @cached_property
    def everything(self) -> Known:
        """What all of the evidence says."""
        return known_of(self.brief.evidence)

    @property
    def question(self) -> str:
        return self.brief.plan.question

    @cached_property
    def asked(self) -> frozenset[str]:
        """The stems of the words of the question."""
        return frozenset(content_of(f"{self.question} {self.brief.plan.box}"))

    @cached_property
    def _boxes(self) -> tuple[re.Pattern[str], ...]:
        """What was searched, as templates repeat it; the longest first, which may hold others."""
        plan = self.brief.plan
        asked = {plan.box or plan.question, *plan.alternatives}
        longest = sorted(asked, key=lambda box: (-len(box), box))
        return tuple(pattern for box in longest for pattern in _as_repeated(box))

    @cached_property
    def _trips(self) -> tuple[re.Pattern[str], ...]:
        """The labels of trips: "Berlin 2019" may end in another year."""
        labels = [total.label for total in self.brief.totals if self.brief.plan.group == "trip"]
        return tuple(pattern for label in labels for pattern in _as_repeated(label))

    def unasked(self, text: str) -> str:
        """A text with blanks for what a composed claim only repeats; others are as they are."""
        return _blank(text, (*self._boxes, *self._trips)) if self.composed else text

    def labelling(self, part: str) -> str:
        """A part of a claim as labels of totals are looked for in it: groups not in what was asked,
        which in a composed claim has names as well ("46 photos were taken in Berlin or Oslo").
        """
        asks = self.composed and not self.brief.plan.alternatives
        return _blank(part, self._boxes) if asks else part

    def repeats(self, asked: str, part: str) -> bool:
        """Whether a part of a composed claim repeats this box."""
        return self.composed and any(each.search(part) for each in _as_repeated(asked))


@dataclass(frozen=True)
class Reading:
    """A claim that is being checked. What has been understood is blanked in `rest`.

    `proven` until something in it is neither proven nor refuted.
    """

    text: str
    rest: str
    cites: tuple[int, ...]
    markers: tuple[tuple[int, int, tuple[int, ...]], ...]
    around: Surroundings
    proven: bool = True

    def doubted(self) -> Reading:
        """The same, with something in it that is not proven."""
        return replace(self, proven=False)

    @cached_property
    def known(self) -> Known:
        """What all cited photos say."""
        return known_of(self._evidence(self.cites))

    def known_at(self, at: int) -> Known:
        """What the photos say on which the words at `at` stand."""
        numbers = self.numbers_at(at)
        return self.known if numbers == self.cites else known_of(self._evidence(numbers))

    def numbers_at(self, at: int) -> tuple[int, ...]:
        """The photos that the words at `at` of the text stand on.

        Where several citations stand in a claim, it is the next one ("2021 [1], 2022 [2]"), or the
        one before where they come first ("[1] is of 2021, [2] of 2022"); both where that is open.
        """
        if len(self.markers) < 2:
            return self.cites
        before = [numbers for _, end, numbers in self.markers if end <= at]
        behind = [numbers for start, _, numbers in self.markers if start >= at]
        if not before or not behind:
            return behind[0] if behind else before[-1]
        leads = not re.search(r"\w", _without(self.text[: self.markers[0][0]]))
        closes = not re.search(r"\w", self.text[self.markers[-1][1] :])
        if leads == closes:
            return (*before[-1], *behind[0])
        return before[-1] if leads else behind[0]

    def blanked(self, spans: Iterable[tuple[int, int]]) -> Reading:
        """The same, with blanks for what stands at these spans."""
        rest = self.rest
        for start, end in spans:
            rest = rest[:start] + " " * (end - start) + rest[end:]
        return replace(self, rest=rest)

    def unasked(self) -> Reading:
        """The same, with blanks for what a composed claim only repeats."""
        return replace(self, rest=self.around.unasked(self.rest))

    def negated(self, at: int) -> bool:
        """Whether the sentence at `at` says that something is not there."""
        return bool(_NEGATION.search(_part(self.text, at, _SENTENCE)))

    def clause(self, at: int) -> str:
        """The part of a sentence around `at`, up to the nearest signs and citations."""
        text = self.text
        for start, end, _ in self.markers:
            text = text[:start] + ";" * (end - start) + text[end:]
        return _part(text, at, _CLAUSE)

    def sentence(self, at: int) -> str:
        return _part(self.text, at, _SENTENCE)

    def is_counted(self, at: int, name: str) -> bool:
        """Whether a total that has this name in its label is made of the photos cited there."""
        numbers, wanted = set(self.numbers_at(at)), set(words_in(name))
        return any(
            wanted <= set(words_in(total.label)) and numbers <= set(total.numbers)
            for total in self.around.brief.totals
        )

    @property
    def says_nothing(self) -> bool:
        """Whether a claim without citations only says that something is not known."""
        return not self.cites and bool(_KNOWS_NOTHING.search(self.text))

    @property
    def spare(self) -> int:
        """How many words of its own a claim may have: if it quotes, or says that it knows not."""
        return _SPARE if self.says_nothing or _QUOTED.search(self.text) else 0

    @property
    def attributes(self) -> bool:
        """Whether it says that something is written in a photo."""
        return bool(_WRITTEN.search(self.text))

    def _evidence(self, numbers: Iterable[int]) -> Iterator[Evidence]:
        known = self.around.evidence
        return (known[n] for n in dict.fromkeys(numbers) if n in known)


def read_claim(text: str, cites: Iterable[int], around: Surroundings) -> Reading:
    """A claim, read: `cites` and the citations in its text are one."""
    markers = tuple(numbers_in(text))
    inside = (n for *_, numbers in markers for n in numbers)
    reading = Reading(text, text, tuple(dict.fromkeys((*cites, *inside))), markers, around)
    return reading.blanked((start, end) for start, end, _ in markers)


def _as_repeated(asked: str) -> Iterator[re.Pattern[str]]:
    """Finds what was asked for in an answer by templates (Voice.matching), raw and cleaned."""
    for text in dict.fromkeys((tame(asked), clean_text(tame(asked)))):
        words = re.findall(r"\w+", text)
        if not words:
            continue
        first = f"(?:{words[0]}" + r"\W+)?" if words[0] in ("taken", "shot", "made") else ""
        rest = r"\W+".join(map(re.escape, words[bool(first) :]))
        begins = r"(?:(?<![A-Za-z0-9-])|(?<![A-Za-z0-9])-)"
        yield re.compile(rf"{begins}{first}{rest}(?![A-Za-z0-9-])", re.IGNORECASE)


def _blank(text: str, patterns: Iterable[re.Pattern[str]]) -> str:
    for pattern in patterns:
        text = pattern.sub(lambda found: " " * len(found[0]), text, count=1)
    return text


def quotes_in(text: str) -> Iterator[tuple[int, int, str]]:
    """What stands in quotation marks: (start, end, inside)."""
    for match in _QUOTED.finditer(text):
        yield *match.span(), next(group for group in match.groups() if group is not None)


def clauses_of(text: str) -> list[str]:
    """The parts of a text between signs, and words that join them."""
    return _CLAUSE.split(text)


def unquoted(text: str) -> str:
    """A text without what stands in quotation marks."""
    return _QUOTED.sub(" ", text)


def _part(text: str, at: int, signs: re.Pattern[str]) -> str:
    start = max((m.end() for m in signs.finditer(text) if m.end() <= at), default=0)
    end = min((m.start() for m in signs.finditer(text) if m.start() >= at), default=len(text))
    return text[start:end]


def _without(text: str) -> str:
    """What stands before the first citation, less a word for it ("Photo [1]", "In [2]")."""
    folded = fold(text)
    return re.sub(
        r"\b(?:in|on|of|the|photos?|pictures?|images?|no|number|for|yes)\b|照片|图|在", "", folded
    )
