"""From a question to its plan: what is asked, and the box that is searched for it.

Rules alone, in English and Chinese: a question is a frame around that which is looked for, and only
the frame tells the intent. What the frame holds is the box, as it was typed.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import replace

from retrieval.answering.planning import chinese, comparing, english
from retrieval.answering.planning.boxes import finished
from retrieval.answering.planning.frames import Block, Framed, match, pick_of
from retrieval.answering.planning.words import FIELDS, INTENTS, POLITE, group_of
from retrieval.errors import QueryError
from retrieval.queries import MAX_CHARACTERS, shells
from retrieval.records import Language, QuestionPlan
from retrieval.storage.vocabulary import Vocabulary

_HAN = re.compile(r"[\u3400-\u9fff]")
_IS = re.compile(r"(?<=^when|^what)['’]s |(?<=^where)['’]s |(?<=^who)['’]s ", re.IGNORECASE)
_THANKS = re.compile(r",? (?:please|thanks|thank you|in total|altogether|in all)$", re.IGNORECASE)
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
    bare = _MARKS.sub("", text)
    han = bool(_HAN.search(bare))
    names = vocabulary or Vocabulary()
    if han and (plan := chinese.plan(text, bare, names, today)):
        return replace(plan, question=question)
    asked = bare[polite.end() :] if (polite := POLITE.match(bare)) else bare
    asked = _IS.sub(" is ", _THANKS.sub("", asked))
    open_ended = text.endswith(("?", "？")) or asked != bare
    plan = comparing.plan(asked, names, today) or _framed(asked, names, open_ended)
    plan = plan or QuestionPlan("", "find", sought(bare, names))
    return replace(plan, question=question, language=language_of(bare) if han else "en")


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


def _framed(text: str, vocabulary: Vocabulary, open_ended: bool) -> QuestionPlan | None:
    blocks: tuple[Block, ...] = english.FRAMES
    found = match(text, blocks)
    if found is None and open_ended:
        found = match(text, english.OPEN)
    return None if found is None else _plan(found, vocabulary)


def _plan(found: Framed, vocabulary: Vocabulary) -> QuestionPlan:
    """The plan of a question in English that was taken apart."""
    asked = found.frame
    field = FIELDS.get(found.word("field"), asked.field)
    return QuestionPlan(
        question="",
        intent=INTENTS.get(field, asked.intent) if asked.intent == "what" else asked.intent,
        box=finished(found.body, vocabulary, place=asked.place),
        field=field,
        pick=pick_of(found.word("pick")),
        group=group_of(found.word("group")) or asked.group,
    )
