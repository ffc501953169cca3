"""The text of a box, read into pieces: what is meant, what is subtracted, and filters.

One pass from left to right; at each word the recognisers are asked in turn, and what none takes is
the meaning, in its order.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from retrieval.errors import QueryError
from retrieval.metadata import field_named
from retrieval.queries import chinese, shells
from retrieval.queries.dates import Dates
from retrieval.queries.lexing import Token, gaps, lex
from retrieval.queries.meaning import ARTICLES, EMPTY, NOT, VERBS, trimmed
from retrieval.queries.names import (
    GEAR_CUES,
    PLACE_CUES,
    Index,
    Named,
    Names,
    PlaceKnower,
    index_of,
)
from retrieval.queries.ordinary import words
from retrieval.queries.periods import CUES
from retrieval.queries.pieces import Piece, Span, called, dated, joined, meant, subtracted
from retrieval.queries.quality import ALONE, ANYWHERE
from retrieval.queries.syntax import field_piece, is_field, quote_piece
from retrieval.queries.values import parse_other
from retrieval.records import Filter
from retrieval.storage.vocabulary import Vocabulary

MAX_PIECES = 200

_HAN = re.compile(r"[\u3400-\u9fff]")
#: A word in which a Chinese date may begin: "去年夏天的狗", or the number of "2021年".
_DATED_HAN = re.compile(r"[^\W_]*?[\u4e00-\u9fff]|\d{4}\s*[-–—~～]\s*\d{4}年")


@dataclass(frozen=True, slots=True)
class Context:
    """What words are compared with."""

    vocabulary: Vocabulary
    today: datetime.date
    known_place: PlaceKnower
    is_said: Callable[[str], bool]

    @property
    def index(self) -> Index:
        return index_of(self.vocabulary)


def read(text: str, context: Context) -> list[Piece]:
    """The pieces of a query, in order. Raises QueryError for what cannot be meant."""
    pieces = _Reader(text, context, 0, len(text), 1.0).read()
    if len(pieces) > MAX_PIECES:
        raise QueryError(
            f"The query has {len(pieces):,} pieces; at most {MAX_PIECES} are taken. "
            "Leave some out, or search several times."
        )
    return sorted(joined(pieces), key=lambda piece: piece.spans[0])


@dataclass(slots=True)
class _Reader:
    """Reads text[start:end]; a group in parentheses is read by one of its own."""

    text: str
    context: Context
    start: int
    end: int
    weight: float
    pieces: list[Piece] = field(default_factory=list)
    cuts: list[Span] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    stop: int = 0

    def read(self) -> list[Piece]:
        begin, stop = shells.strip(self.text[self.start : self.end])
        begin, stop = self.start + begin, self.start + stop
        if (begin, stop) != (self.start, self.end):
            self.cuts += [(self.start, begin), (stop, self.end)]
        self.stop = stop
        self.tokens = self._lexed(begin, stop)
        if _HAN.search(self.text, begin, stop) and self.context.index.places:
            self.tokens = self._without_places(begin)
        i = 0
        while i < len(self.tokens):
            token = self.tokens[i]
            i = self._syntax(i, token) if token.kind != "word" else self._words(i)
        self._rest()
        return self.pieces

    def _lexed(self, begin: int, stop: int) -> list[Token]:
        """Tokens, where Chinese dates are taken out of the words first."""
        found: list[Token] = []
        behind = begin  # the last of those dates
        for token in lex(self.text, begin, stop):
            if token.end <= behind:
                continue
            if token.kind == "word" and token.start < behind:
                token = self._part(token, behind, token.end)
            if token.kind == "word" and _DATED_HAN.match(self.text, token.start):
                parts, behind = self._chinese(token, stop)
                found += parts
            else:
                found.append(token)
        return found

    def _chinese(self, token: Token, stop: int) -> tuple[list[Token], int]:
        """The token without the dates that begin in it, and where the last of these ends."""
        at = last = token.start
        parts: list[Token] = []
        while at < token.end:
            found = chinese.read(self.text[:stop], at, self.context.today)
            if found is None:
                at += 1
                continue
            if at > last:
                parts.append(self._part(token, last, at))
            self._add(dated(found[1], (at, found[0]), False))
            at = last = found[0]
        if last < token.end:
            parts.append(self._part(token, last, token.end))
        return parts, last

    def _without_places(self, begin: int) -> list[Token]:
        """The tokens, where Chinese names of places are taken out of the words."""
        from retrieval.queries.chinese_places import places_in  # only Chinese needs its table

        kept: list[Token] = []
        for token in self.tokens:
            if token.kind != "word":
                kept.append(token)
                continue
            at = token.start
            found = places_in(self.text, token.start, token.end, begin, self.context.index)
            for each in found:
                if each.start > at:
                    kept.append(self._part(token, at, each.start))
                asked = Filter("place", "is", (each.value,), each.negated)
                self._add(called(asked, (each.start, each.end), each.value))
                at = each.end
            if at < token.end:
                kept.append(self._part(token, at, token.end) if found else token)
        return kept

    def _in_english(self, token: Token) -> Token:
        """`place:京都` as `place:Kyoto`, unless the collection writes it in Chinese."""
        from retrieval.queries.chinese_places import in_english

        known = field_named(token.name)
        if known is None or known.name not in ("place", "city", "region", "country"):
            return token
        return replace(token, text=in_english(token.text, self.context.index))

    def _part(self, token: Token, start: int, end: int) -> Token:
        text = self.text[start:end]
        return replace(token, text=text, folded=text.casefold(), start=start, end=end)

    # --- syntax -----------------------------------------------------------------------------

    def _syntax(self, i: int, token: Token) -> int:
        """Read a token that has a syntax of its own; the index behind it."""
        if token.kind == "field":
            if not is_field(token, self.context.today):
                return self._as_words(i, token)
            if _HAN.search(token.text):
                token = self._in_english(token)
            trips = self.context.vocabulary.trips
            self._add(field_piece(self.text, token, self.context.today, trips))
        elif token.kind == "marked":
            self._marked(token, (token.start, token.end))
        elif token.text:
            self._add(quote_piece(token))
        else:
            self.cuts.append((token.start, token.end))
        return i + 1

    def _as_words(self, i: int, token: Token) -> int:
        """Read what looked like a field as words after all."""
        colon = token.start + len(token.name) + token.negated
        inside = [t for t in lex(self.text, colon + 1, token.end) if t.start > colon]
        self.tokens[i : i + 1] = [
            Token("word", token.name, colon - len(token.name), colon, token.name.casefold()),
            *inside,
        ]
        return i

    def _marked(self, token: Token, span: Span) -> None:
        weight = _checked(token.weight) * self.weight
        if not token.text.strip():
            self.cuts.append(span)
        elif token.negated:
            if token.group or token.quoted or not self._not_there(token, span):
                self._add(subtracted(token.text.strip(), span, weight))
        elif token.group and self.start == 0:
            end = token.inside + len(token.text)
            inner = _Reader(self.text, self.context, token.inside, end, weight).read()
            self.pieces += inner
            # What of the group stands for nothing goes with whatever it means.
            self.cuts.append(span)
        else:
            self._add(meant(token.text.strip(), (span,), weight))

    def _not_there(self, token: Token, span: Span) -> bool:
        """ "-Kyoto", "-2021": a filter, where that is what the word names."""
        inner = _Reader(token.text, self.context, 0, len(token.text), 1.0).read()
        if len(inner) != 1 or inner[0].filter is None or inner[0].filter.negated:
            return False
        piece = inner[0]
        if piece.spans != ((0, len(token.text)),) or piece.filter is None:
            return False
        asked = replace(piece.filter, negated=True)
        label = re.sub(": ", ": not ", piece.label, count=1)
        self._add(replace(piece, label=label, spans=(span,), plain=f"-{piece.plain}", filter=asked))
        return True

    # --- words ------------------------------------------------------------------------------

    def _words(self, i: int) -> int:
        """Read what begins at word i; the index behind it."""
        start = self.tokens[i].start
        if (end := self._quality(i)) is not None:
            return end
        j, negated, verb = i, False, False
        if self._word(i) == "outside":
            return self._outside(i) or i + 1
        if self._word(j) in NOT:
            j, negated = j + 1, True
        if self._word(j) in VERBS:
            j, verb = j + 1, True
        for k in (j,) if negated or verb else (i,):
            if (end := self._date(k, start, negated, cue=False)) is not None:
                return end
        cue, k = "", j
        if self._word(j) in CUES | PLACE_CUES | GEAR_CUES:
            cue, k = self._word(j), j + 1
            if (end := self._date(k, start, negated, cue=cue in CUES)) is not None:
                return end
        if self._word(k) in _USED:
            cue, k, verb = "with", k + 1, True
        return self._named(k, start, cue, negated, verb) or i + 1

    def _named(self, k: int, start: int, cue: str, negated: bool, verb: bool) -> int | None:
        names, first = self._names(), k
        if cue and self._word(k) in ARTICLES:
            first = k + 1
        if first >= len(self.tokens) or self.tokens[first].kind != "word":
            return None
        alone = not cue and self._begins(first)
        gear = names.gear(first, cue if cue in GEAR_CUES else "", verb, alone)
        if gear is not None:
            return self._add_named([gear], start, negated)
        if trip := names.trip(first):
            return self._add_named([trip], start, negated)
        place_cue = cue if cue in PLACE_CUES else self._cue_before(first)
        for at in (k, first) if self._word(k) == "the" else (k,):
            if self._word(at) and (found := names.place(at, place_cue, alone)):
                return self._add_named(found, start, negated)
        return None

    def _add_named(self, found: list[Named], start: int, negated: bool) -> int:
        begin = start
        for before, name in zip([None, *found], found, strict=False):
            if before is not None and before.next < name.next:
                begin = self.tokens[before.next - 1].end
            span = (begin, self.tokens[name.next - 1].end)
            self._add(called(replace(name.filter, negated=negated), span, name.label))
        return found[-1].next

    def _outside(self, i: int) -> int | None:
        """ "outside Japan": not there; before anything else it is a word like others."""
        k = i + 1 + (self._word(i + 1) == "of")
        if not self._word(k) or not self.tokens[k].capital:
            return None
        found = self._names().place(k, "in", False)
        return self._add_named(found, self.tokens[i].start, True) if found else None

    def _names(self) -> Names:
        text, context = self.text[: self.end], self.context
        return Names(text, self.tokens, context.index, context.known_place, context.is_said)

    def _cue_before(self, i: int) -> str:
        """ "in" for what goes on from a place: "in Lisbon or Paris"."""
        if self._word(i - 1) not in ("or", "and") or not self.tokens[i].capital or i < 2:
            return ""
        end = self.tokens[i - 2].end
        return "in" * any(
            p.kind == "place" and (end in [s[1] for s in p.spans]) for p in self.pieces
        )

    def _date(self, k: int, start: int, negated: bool, cue: bool) -> int | None:
        if k >= len(self.tokens) or self.tokens[k].kind != "word":
            return None
        dates = Dates(self.text[: self.end], self.tokens, self.context.today)
        found = dates.read(k)
        if found is None:
            return self._other_date(k, start, negated)
        if found.strength == "cue" and not cue:
            return None
        if found.strength == "year" and not self._is_year(dates, k, cue):
            return None
        if cue and found.strength == "cue" and not self._month_ends(found.next):
            return None
        self._add(dated(found.period, (start, self.tokens[found.next - 1].end), negated))
        return found.next

    def _is_year(self, dates: Dates, k: int, cue: bool) -> bool:
        """Whether a number of four digits is a year: it looks like one, and a cue or the
        collection says so, or nothing but it is asked.
        """
        if not dates.plausible(k):
            return (
                cue
                and self._word(k - 1) in ("in", "from", "during", "of")
                and (dates.plausible(k) or self._lonely(k))
            )
        if cue or self._lonely(k):
            return True
        first, last = self.context.vocabulary.years or (1990, self.context.today.year)
        year = int(self._word(k))
        if first <= year <= last:
            return True
        before = self.tokens[k - 1] if k else None
        named = before is not None and before.kind == "word" and before.capital
        return 1900 <= year <= self.context.today.year and (k == 0 or not named or self._comma(k))

    def _lonely(self, k: int) -> bool:
        """Whether nothing else is asked."""
        return all(
            i == k or (token.kind == "word" and token.folded in EMPTY)
            for i, token in enumerate(self.tokens)
        )

    def _month_ends(self, k: int) -> bool:
        """Whether "in May" is a time: "in march order" is none."""
        return (
            k >= len(self.tokens)
            or self.tokens[k].kind != "word"
            or bool(
                self._comma(k) or self._word(k) in _AFTER_MONTH or not self.tokens[k].text.isalpha()
            )
            or self.tokens[k - 1].capital
        )

    def _other_date(self, k: int, start: int, negated: bool) -> int | None:
        """ "half a year ago": what only dateparser may know; asked where "ago" follows."""
        if not (self._word(k).isdigit() or self._word(k) in _COUNTS):
            return None
        for j in range(k + 2, min(k + 7, len(self.tokens))):
            if self._word(j) == "ago":
                span = (start, self.tokens[j].end)
                typed = self.text[self.tokens[k].start : span[1]]
                period = parse_other(typed, self.context.today)
                if period is not None:
                    self._add(dated(period, span, negated))
                    return j + 1
        return None

    def _quality(self, i: int) -> int | None:
        token = self.tokens[i]
        qualities = (*ANYWHERE, *ALONE) if self._begins(i) else ANYWHERE
        for quality in qualities:
            match = quality.pattern.match(self.text, token.start, self.end)
            if match is None:
                continue
            j = i
            while j < len(self.tokens) and self.tokens[j].start < match.end():
                j += 1
            if quality in ALONE and not (j >= len(self.tokens) or self._comma(j)):
                continue
            known = field_named(quality.filter.field)
            label = f"{known.label if known else ''}: {quality.label}"
            span = (token.start, match.end())
            self._add(Piece(quality.filter.field, label, (span,), quality.plain, quality.filter))
            return j
        return None

    def _word(self, i: int) -> str:
        if 0 <= i < len(self.tokens) and self.tokens[i].kind == "word":
            return self.tokens[i].folded
        return ""

    def _comma(self, i: int) -> bool:
        """Whether punctuation stands before token i."""
        before = self.text[self.tokens[i - 1].end : self.tokens[i].start]
        return bool(re.search(r"[,;.:!?()，。、]", before))

    def _begins(self, i: int) -> bool:
        """Whether a part of the sentence begins at token i."""
        if i == 0 or self.tokens[i - 1].kind != "word" or self._comma(i):
            return True
        return any(last == self.tokens[i - 1].end for p in self.pieces for _, last in p.spans)

    # --- pieces -----------------------------------------------------------------------------

    def _add(self, piece: Piece) -> None:
        self.pieces.append(piece)

    def _rest(self) -> None:
        """What nothing took is what is meant, without the words that lost their sense."""
        taken = [*self.cuts, *(span for piece in self.pieces for span in piece.spans)]
        bounds = (self.start, self.end), (self.start, self.stop)
        spans: list[Span] = []
        meaning = ""
        for first, last in gaps(self.text, taken, self.start, self.end):
            span = trimmed(self.text, self.tokens, first, last, bounds)
            if span is None:
                continue
            if spans:
                between = self.text[spans[-1][1] : span[0]]
                meaning += ", " if re.search(r"[,;，；、]", between) else " "
            spans.append(span)
            meaning += re.sub(r"\s+", " ", self.text[span[0] : span[1]])
        if spans:
            self._add(meant(meaning, spans, self.weight))


_USED = words("用 使用 是用")  # a camera follows: "用iPhone"
_COUNTS = words("a an half one two three four five six seven eight nine ten about couple few")
_AFTER_MONTH = words("in at on with and or near of by during from to the for")


def _checked(weight: float) -> float:
    if not 0 < abs(weight) <= 100:
        raise QueryError(f"A weight must lie between 0 and 100, not {abs(weight):g}.")
    return weight
