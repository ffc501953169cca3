"""What stands around words of a box: whether a name may begin, go on or end there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.queries.lexing import Token
from retrieval.queries.ordinary import words

#: Words inside of names that are written small.
LINKS = words("of the de da do del la le les los las di du den der am an upon und sur y e")
_INSIDE = re.compile(r"[\s.\-–_/'’&]*")
#: Words that a name ends before.
FUNCTION_WORDS = words(
    """
    a an and as at before after behind between but by during for from in is last of on or over
    since near next not that the then this to until under was were when where which while with
    without january february march april may june july august september october november
    december spring summer autumn fall winter christmas easter yesterday today
    """
)


@dataclass(frozen=True, slots=True)
class Wording:
    """Tells how words are written, and where a phrase ends, in the tokens of `text`."""

    text: str
    tokens: Sequence[Token]

    def _folded(self, i: int, j: int) -> tuple[str, ...]:
        words = []
        for token in self.tokens[i:j]:
            if token.kind != "word":
                break
            words.append(token.folded)
        return tuple(words)

    def _joined(self, i: int, j: int) -> bool:
        return all(_INSIDE.fullmatch(self._gap(k)) for k in range(i + 1, j))

    def _capital(self, i: int, j: int) -> bool:
        """Written like a name, in a text that is not all capitals."""
        if self.text.isupper() and len(self.tokens) > j - i:
            return False
        return self.tokens[i].capital and all(
            t.capital or t.folded in LINKS or not t.text[0].isalpha() for t in self.tokens[i:j]
        )

    def _word(self, i: int) -> str:
        if 0 <= i < len(self.tokens) and self.tokens[i].kind == "word":
            return self.tokens[i].folded
        return ""

    def _gap(self, i: int) -> str:
        """What stands before token i."""
        if not 0 < i < len(self.tokens):
            return ""
        return self.text[self.tokens[i - 1].end : self.tokens[i].start]

    def _stops(self, j: int) -> bool:
        """Whether the sentence, or a part of it, ends before token j."""
        if j >= len(self.tokens) or self.tokens[j].kind != "word":
            return True
        return self._comma(j) or self._dated(j)

    def _comma(self, i: int) -> bool:
        """Whether punctuation stands before token i."""
        return bool(re.search(r"[,;.:!?()，。、]", self._gap(i)))

    def _dated(self, j: int) -> bool:
        return bool(re.fullmatch(r"(?:1[89]|20)\d\d", self._word(j)))

    def _ends(self, j: int) -> bool:
        """Whether no noun follows, which the name would only describe ("in Orange jackets")."""
        return self._stops(j) or self._word(j) in FUNCTION_WORDS
