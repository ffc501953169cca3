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
from retrieval.queries import shells, unspaced
from retrieval.queries.asked_dates import AskedDates
from retrieval.queries.known_names import Index, index_of
from retrieval.queries.lexing import Token, gaps, lex
from retrieval.queries.meaning import ARTICLES, NOT, VERBS, trimmed
from retrieval.queries.names import GEAR_CUES, PLACE_CUES, Named, Names, PlaceKnower
from retrieval.queries.ordinary import words
from retrieval.queries.periods import CUES
from retrieval.queries.pieces import Piece, Span, called, joined, meant, subtracted
from retrieval.queries.quality import ALONE, ANYWHERE
from retrieval.queries.syntax import field_piece, is_field, quote_piece
from retrieval.storage.vocabulary import Vocabulary

MAX_PIECES = 200


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
        self.tokens, found = unspaced.without_dates(self.text, begin, stop, self.context.today)
        self.pieces += found
        if unspaced.HAN.search(self.text, begin, stop) and self.context.index.places:
            self.tokens, found = unspaced.without_places(
                self.text, begin, self.tokens, self.context.index
            )
            self.pieces += found
        i = 0
        while i < len(self.tokens):
            token = self.tokens[i]
            i = self._syntax(i, token) if token.kind != "word" else self._words(i)
        self._rest()
        return self.pieces

    # --- syntax -----------------------------------------------------------------------------

    def _syntax(self, i: int, token: Token) -> int:
        """Read a token that has a syntax of its own; the index behind it."""
        if token.kind == "field":
            if not is_field(token, self.context.today):
                return self._as_words(i, token)
            if unspaced.HAN.search(token.text):
                token = unspaced.field_in_english(token, self.context.index)
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
            if end := self._date(k, start, negated, cue=cue in CUES, alone=self._begins(i)):
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

    def _date(
        self, k: int, start: int, negated: bool, cue: bool, alone: bool = False
    ) -> int | None:
        today, years = self.context.today, self.context.vocabulary.years
        asked = AskedDates(self.text[: self.end], self.tokens, today, years)
        found = asked.piece(k, start, negated, cue)
        if found is None and cue and alone:
            found = asked.returning(k, start, negated)
        if found is None:
            return None
        self._add(found[0])
        return found[1]

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


def _checked(weight: float) -> float:
    if not 0 < abs(weight) <= 100:
        raise QueryError(f"A weight must lie between 0 and 100, not {abs(weight):g}.")
    return weight
