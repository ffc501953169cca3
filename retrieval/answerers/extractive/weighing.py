"""Which answers the photos give, how likely each is, and the words for that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrieval.records import Brief, Evidence

#: From here on an answer stands alone: other ones are named below. From this share on an answer is
#: called grounded (answering.confidence.GROUNDED, which lies in a layer above).
ENOUGH = 0.6
#: From here on an answer is said plainly.
SURE = 0.8
#: Below SURE: "most likely" from LIKELY on, "perhaps" from PERHAPS on, else it is called unsure.
LIKELY = 0.5
PERHAPS = 0.25
#: Another answer is named where it has this share, and at most so many are.
WORTH_NAMING = 0.1
MOST_NAMED = 2
#: What stands for a probability where nothing tells one: less than would be called likely.
UNTOLD = 0.4
#: A count by meaning is seldom exact to the photo, whatever its photos' relevance.
MOST_ABOUT = 0.5
#: So many words that carry meaning, or characters of Chinese, describe one photo.
ONE_WORDS = 5
ONE_CHARACTERS = 12

_DEFINITE = re.compile(
    r"\b(?:the|this|that|which|what)\s+(?:\w+\s+)?(?:photo|picture|image|shot|snapshot|one)\b"
    r"|[那这哪]一?[张幅]",
    re.IGNORECASE,
)
_PHOTOS = re.compile(r"\b(?:photos|pictures|images|shots)\b", re.IGNORECASE)
_EMPTY = re.compile(
    r"an?|the|of|in|on|at|to|for|from|by|with|and|or|is|are|was|were|be|his|her|its|their|my|our|"
    r"some|while|as|it|who|that|which|['’]?s"
)
_HAN = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer, the photos that give it, best first, and its probability (None: untold)."""

    value: str
    photos: tuple[Evidence, ...]
    share: float | None

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(each.n for each in self.photos)


def is_certain(brief: Brief) -> bool:
    """Whether exact filters alone chose the photos."""
    return bool(brief.totals) and brief.totals[0].certain


def relevant(brief: Brief) -> tuple[Evidence, ...]:
    """The photos that match, best first; all, where filters alone chose or nobody can tell."""
    if is_certain(brief) or brief.relevant is None:
        return brief.evidence
    return tuple(each for each in brief.evidence if each.relevant)


def one_is_meant(brief: Brief) -> bool:
    """Whether the question is about one photo, and not about all of a sort.

    So it is where only one matches, where a follow-up names one, where it says "the photo of", and
    where it describes one at length: nobody asks about all of "a boy in a red shirt on a swing".
    """
    if len(relevant(brief)) == 1 or len(brief.plan.among) == 1:
        return True
    return not (is_certain(brief) or brief.plan.pick) and describes_one(brief)


def describes_one(brief: Brief) -> bool:
    """Whether the words of a question are of one photo: "the photo of …", or a long description."""
    if _PHOTOS.search(brief.plan.question):
        return False
    return bool(_DEFINITE.search(brief.plan.question)) or at_length(brief)


def at_length(brief: Brief) -> bool:
    """Whether it is described in so many words that hardly two photos are meant.

    Where and when it was taken, and with what, are filters, and describe nothing.
    """
    text = brief.plan.box if brief.meaning is None else brief.meaning
    if len(_HAN.findall(text)) >= ONE_CHARACTERS:
        return True
    words = re.findall(r"[\w'’]+", text.casefold())
    return len([word for word in words if not _EMPTY.fullmatch(word)]) >= ONE_WORDS


def candidates(
    photos: Sequence[Evidence], value: Callable[[Evidence], str | None]
) -> list[Candidate]:
    """The different answers of photos: that of the best photo first, then the likeliest.

    The probability of an answer is the sum over the photos that give it. Photos without an answer
    are left out.
    """
    groups: dict[str, list[Evidence]] = {}
    for each in photos:
        answer = value(each)
        if answer is not None:
            groups.setdefault(answer, []).append(each)
    found = [Candidate(answer, tuple(group), _share(group)) for answer, group in groups.items()]
    return found[:1] + sorted(found[1:], key=lambda each: -(each.share or 0.0))


def _share(photos: Sequence[Evidence]) -> float | None:
    told = [each.probability for each in photos if each.probability is not None]
    return min(sum(told), 1.0) if told else None


def expected_right(brief: Brief, photos: Sequence[Evidence]) -> float | None:
    """The share of photos that likely match; None where exact filters chose them."""
    if is_certain(brief) or not photos:
        return None
    told = [each.relevance for each in photos if each.relevance is not None]
    if brief.relevant is None or not told:
        return UNTOLD
    mean = sum(told) / len(told)
    return mean if brief.presence is None else min(mean, brief.presence)


def is_there(brief: Brief, best: Evidence) -> float:
    """The probability that there is any photo of what is asked for, where `best` is the best."""
    if brief.presence is not None:
        return brief.presence
    return UNTOLD if best.relevance is None or brief.relevant is None else best.relevance


def words_for(confidence: float | None) -> str:
    """How sure an answer is said to be: the name of a template of Wording."""
    if confidence is None or confidence >= SURE:
        return "plain"
    if confidence >= LIKELY:
        return "likely"
    return "perhaps" if confidence >= PERHAPS else "unsure"
