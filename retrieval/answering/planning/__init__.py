"""From a question to its plan: what is asked, and the box that is searched for it.

Rules alone, in English and Chinese: a question is a frame around that which is looked for, and only
the frame tells the intent. What the frame holds is the box, as it was typed.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import replace

from retrieval.answering.planning import comparing, english, sharing
from retrieval.answering.planning.boxes import FILE, STEM, finished, geared, returns
from retrieval.answering.planning.frames import Framed, joined, match, pick_of
from retrieval.answering.planning.words import FIELDS, INTENTS, POLITE, group_of
from retrieval.errors import QueryError
from retrieval.queries import MAX_CHARACTERS, shells
from retrieval.records import Language, QuestionPlan
from retrieval.storage.vocabulary import Vocabulary

_HAN = re.compile(r"[\u3400-\u9fff]")
_IS = re.compile(r"(?<=^when|^what)['’]s |(?<=^where)['’]s |(?<=^who)['’]s ", re.IGNORECASE)
_THANKS = re.compile(r",? (?:please|thanks|thank you|in total|altogether|in all)$", re.IGNORECASE)
#: "In 2019, how many …": what is said ahead belongs to what is looked for.
_AHEAD = re.compile(
    r"(?P<said>(?:in|on|during|at|from|since|before|after|between|last|this) "
    r"(?!which|what|how)[^,]{1,40}), "
    r"(?=(?:how|when|where|which|what|who|did|do|was|were|is|are|have)\b)",
    re.IGNORECASE,
)
#: A file that is asked about, where photos are not spoken of: "What is in IMG_1.jpg?".
_NAMED = tuple(
    re.compile(
        rf"(?<![\w./\\-])(?<!photo )(?<!picture )(?<!image )(?<!file )(?={name.pattern})",
        re.IGNORECASE,
    )
    for name in (FILE, STEM)
)
_LIKE = re.compile(
    r"(?:(?:find|show|search(?: for)?|give|get|list|are there)(?: (?:me|us))? )?"
    r"(?:(?:any|some|all|more|other) )*(?:photos?|pictures?|images?|ones?|shots?)? ?"
    r"(?:that (?:are|look) )?(?:similar to|(?:just )?like|resembling)"
    rf" (?:the (?:photo|picture|image|file) )?(?:{FILE.pattern})",
    re.IGNORECASE,
)
#: "on the last day of our trip to Lisbon".
_DAY = re.compile(
    r"(?:\b(?:on|during) )?\b(?:the|my|our) (?:very )?(?P<pick>first|last) day"
    r" (?:(?=(?:in|at)\b)|of (?=(?:the|my|our)\b))|的?(?P<zh>最后|第)一天的?",
    re.IGNORECASE,
)
_VIDEOS = re.compile(
    r"(?:how many|do i have(?: any)?|are there(?: any)?|did i (?:take|make|shoot)(?: any)?) "
    r"(?:videos?|movies?|clips?|films?)"
    r"(?:$| (?:do|did|have|are|were|of|from|in|on|with|taken|at|during|show)\b.*)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\s?？!！.。…]+$")


def plan_question(
    question: str, vocabulary: Vocabulary | None, today: datetime.date
) -> QuestionPlan:
    """How a question is understood; a text that is no question is "find".

    `vocabulary` holds the names of the collection (None: none is known), which tell places from
    other words where both could be meant; `today` is what "last year" counts from. Raises
    QueryError for a question that is empty or longer than the search box takes.
    """
    text = cleaned(question)
    names = vocabulary or Vocabulary()
    bare, asked = _asked(text)
    if like := _LIKE.fullmatch(bare):
        raise QueryError(
            "What a photo looks like is not told in words. Use: retrieval similar "
            f"{like['folder']}{like['name']}"
        )
    found = _read(bare, asked, names, today)
    if found is None and (text.endswith(("?", "？")) or asked != bare):
        open_ended = match(asked, english.OPEN)
        found = _plan(open_ended, names) if open_ended else None
    if found is None or (found.intent == "find" and not (found.box or found.pick)):
        box = sought(_THANKS.sub("", bare), names)
        found = QuestionPlan("", "find", box, language=language_of(bare))
    if not found.alternatives and found.intent not in ("compare", "describe"):
        found = replace(found, alternatives=comparing.either(found.box, names, today))
    return replace(_on_a_day(found), question=question)


def _on_a_day(plan: QuestionPlan) -> QuestionPlan:
    """ "on the last day in Lisbon": no filter, so the last photo, or all days are counted."""
    found = _DAY.search(plan.box)
    if found is None or plan.pick or plan.group:
        return plan
    box = f"{plan.box[: found.start()]}{plan.box[found.end() :]}".strip()
    if plan.intent == "count":
        return replace(plan, intent="compare", box=box, group="day")
    if plan.intent in ("when", "where", "what", "find"):
        return replace(plan, box=box, pick=pick_of((found["pick"] or found["zh"]).casefold()))
    return plan


def is_framed(text: str) -> bool:
    """Whether the frame of a question shows by itself what is asked, so that the rules are sure.

    `text` is a question as `cleaned` leaves it.
    """
    bare, asked = _asked(text)
    seeks = shells.strip(bare) != (0, len(bare))
    return seeks or _read(bare, asked, Vocabulary(), datetime.date(2000, 1, 1)) is not None


def _asked(text: str) -> tuple[str, str]:
    """A question without the marks at its end, and also without what politeness adds."""
    bare = _MARKS.sub("", text)
    asked = bare[polite.end() :] if (polite := POLITE.match(bare)) else bare
    asked = _IS.sub(" is ", _THANKS.sub("", asked))
    for named in _NAMED:
        asked = named.sub("the photo ", asked)
    return bare, asked


def _read(
    bare: str, asked: str, vocabulary: Vocabulary, today: datetime.date
) -> QuestionPlan | None:
    """The plan of a question whose frame is known; None for any other text."""
    if _HAN.search(bare):
        from retrieval.answering.planning import chinese  # its table is made when it is needed

        if made := chinese.plan(bare, vocabulary, today):
            return made
    if _VIDEOS.fullmatch(asked):
        return QuestionPlan("", "what", "", field="video")
    if ahead := _AHEAD.match(asked):
        made = _read(asked[ahead.end() :], asked[ahead.end() :], vocabulary, today)
        return made and _everywhere(made, ahead["said"])
    if made := sharing.plan(asked, vocabulary, today) or comparing.plan(asked, vocabulary, today):
        return made
    found = match(asked, english.FRAMES)
    return None if found is None else _plan(found, vocabulary)


def _everywhere(plan: QuestionPlan, said: str) -> QuestionPlan:
    """The plan with what was said ahead of the question in all of its boxes."""
    said = said[:1].lower() + said[1:]
    return replace(
        plan,
        box=joined((plan.box, said)),
        alternatives=tuple(joined((box, said)) for box in plan.alternatives),
    )


def readable(question: str) -> str:
    """The question; of one that is longer than the search box takes, as much as fits."""
    if len(question) <= MAX_CHARACTERS:
        return question
    return question[:MAX_CHARACTERS].rpartition(" ")[0] or question[:MAX_CHARACTERS]


def cleaned(question: str) -> str:
    """A question without control characters, each white space a blank. Raises QueryError."""
    if len(question) > MAX_CHARACTERS:
        raise QueryError(
            f"The question has {len(question):,} characters; the search box takes at most "
            f"{MAX_CHARACTERS:,}. Shorten it to what you want to know."
        )
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in question)
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    if not any(unicodedata.category(c)[0] in "LNS" for c in text):
        raise QueryError("The question is empty. Ask for something, such as: when was I in Kyoto?")
    return text


def language_of(text: str) -> Language:
    """ "zh" where more of a text is Chinese than is not; a character counts as a word."""
    other = re.findall(r"[^\W\d_\u3400-\u9fff]+", text)
    return "zh" if len(_HAN.findall(text)) > len(other) else "en"


def sought(text: str, vocabulary: Vocabulary) -> str:
    """What is looked for where nothing is asked: "Find the photo of …" without its beginning."""
    begin, end = shells.strip(text)
    return finished(text[begin:end], vocabulary, place=False) or text


def _plan(found: Framed, vocabulary: Vocabulary) -> QuestionPlan:
    """The plan of a question in English that was taken apart."""
    asked = found.frame
    field = FIELDS.get(found.word("field"), asked.field)
    bodies = [f"with {body}" * bool(found.word("use")) or body for body in found.bodies]
    box = joined(geared(body, vocabulary) for body in bodies)
    if len(bodies) > 1 and returns(bodies[-1], vocabulary):  # "dogs, in winter": no snow is shown
        box = f"{joined(geared(body, vocabulary) for body in bodies[:-1])}, {bodies[-1].strip()}"
    box = finished(box, vocabulary, place=asked.place)
    moved = found.word("moved") and not box.startswith("in ")  # "get in the car"
    return QuestionPlan(
        question="",
        intent=INTENTS.get(field, asked.intent) if asked.intent == "what" else asked.intent,
        box=box,
        field=field,
        pick="" if moved else pick_of(found.word("pick")),
        group=group_of(found.word("group")) or asked.group,
    )
