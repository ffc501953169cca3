"""What is taken out before anything is sent, and put back into what comes.

- gps: coordinates, altitudes, plus codes, links and addresses wherever they stand; names of places
  below the country, in facts as in texts. The country stays. Names of files and folders, which
  name places in ways that no list knows. Picture data never carry metadata.
- names: names of files and folders, of people (`names` says by which rules), addresses of
  electronic mail, handles, numbers of telephones, links.
- faces: those that are found in pictures (`faces` says how well).

What is taken out becomes "[place 1]" or "[name 2]"; `restore` puts the words back on this machine.
It is a help and no guarantee: a picture still shows the sign over the door.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection as Container
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace

from retrieval.privacy.hiding import Hider, bare, restore
from retrieval.records import (
    Brief,
    Evidence,
    Facts,
    QuestionPlan,
    Redaction,
    TextCallback,
    Total,
    Turn,
)

__all__ = ["Redactor", "redact_picture", "restore"]


class Redactor:
    """Takes out what is named in `what`, the same for the same word, and puts it back.

    One for each conversation, so that its placeholders stay. Not for several threads.
    """

    def __init__(self, what: Container[Redaction]) -> None:
        self.gps, self.names = "gps" in what, "names" in what
        self._hider = Hider(gps=self.gps, names=self.names)

    @property
    def originals(self) -> dict[str, str]:
        """What each placeholder stands for, for `restore`."""
        return dict(self._hider.originals)

    def redact_text(self, text: str, *, strict: bool = False) -> str:
        """A text with placeholders. `strict`: its capital letters tell nothing of names."""
        return self._hider.redact(text, strict=strict)

    def restore(self, text: str) -> str:
        """Put back what was taken out."""
        return restore(text, self._hider.originals)

    def restoring(self, on_text: TextCallback) -> AbstractContextManager[TextCallback]:
        """A callback that restores pieces before `on_text` gets them, also across two of them."""
        return self._hider.restoring(on_text)

    def brief(self, brief: Brief) -> Brief:
        """A brief with everything taken out, in the same order and with the same numbers."""
        if not (self.gps or self.names):
            return brief
        self.learn(brief)
        hidden = tuple(map(self.evidence, brief.evidence))  # first, for its way of writing names
        return replace(
            brief,
            plan=self._plan(brief.plan),
            evidence=hidden,
            totals=tuple(self._total(total, brief.plan.group) for total in brief.totals),
            history=tuple(map(self._turn, brief.history)),
        )

    def learn(self, brief: Brief) -> None:
        """What is to be hidden, and what is not: a photo's keyword stands in another's text."""
        if not (self.gps or self.names):
            return
        for evidence in brief.evidence:
            self._learn(evidence)
        for text in _prose(brief) if self.names else ():
            self._hider.learn_names(text)

    def evidence(self, evidence: Evidence) -> Evidence:
        """One piece of evidence; its path becomes a placeholder."""
        if not (self.gps or self.names):
            return evidence
        self._learn(evidence)
        return replace(
            evidence,
            path=self._hider.hide("file", evidence.path),
            facts=self.facts(evidence.facts),
            place=self._place(evidence.place, evidence.facts.country),
            captions=tuple(map(self.redact_text, evidence.captions)),
            guesses=tuple(map(self.redact_text, evidence.guesses)),
            writing=self.redact_text(evidence.writing, strict=True) if evidence.writing else None,
        )

    def facts(self, facts: Facts) -> Facts:
        """Facts of a photo without position; the city and the region are placeholders."""
        self._learn_facts(facts)
        if self.gps:
            facts = replace(
                facts,
                latitude=None,
                longitude=None,
                altitude=None,
                city=self._hider.hide("place", facts.city) if facts.city else None,
                region=self._hider.hide("place", facts.region) if facts.region else None,
            )
        return replace(
            facts,
            title=self.redact_text(facts.title, strict=True) if facts.title else facts.title,
            caption=self.redact_text(facts.caption) if facts.caption else facts.caption,
            keywords=tuple(self.redact_text(keyword, strict=True) for keyword in facts.keywords),
            guess=self.redact_text(facts.guess) if facts.guess else facts.guess,
        )

    def _plan(self, plan: QuestionPlan) -> QuestionPlan:
        return replace(
            plan,
            question=self.redact_text(plan.question),
            box=self.redact_text(plan.box),
            alternatives=tuple(map(self.redact_text, plan.alternatives)),
        )

    def _total(self, total: Total, group: str) -> Total:
        if self.gps and group == "city" and total.label:
            return replace(total, label=self._hider.hide("place", total.label))
        return replace(total, label=self.redact_text(total.label))

    def _turn(self, turn: Turn) -> Turn:
        return replace(
            turn,
            question=self.redact_text(turn.question),
            answer=self.redact_text(turn.answer),
            plan=self._plan(turn.plan),
        )

    def _place(self, place: str | None, country: str | None) -> str | None:
        if not (place and self.gps):
            return place
        parts = (part.strip() for part in place.split(","))
        return ", ".join(
            part if part == country else self._hider.hide("place", part) for part in parts
        )

    def _learn(self, evidence: Evidence) -> None:
        """What is hidden, and what is not, wherever it stands."""
        self._learn_facts(evidence.facts)
        self._hider.keep(evidence.camera, None if self.gps else evidence.place)
        parts = re.split(r"[/\\]", evidence.path)
        for name in (evidence.path, parts[-1]):
            self._hider.know("file", name)
        for part in parts if self.names else ():
            self._hider.learn_words(part)

    def _learn_facts(self, facts: Facts) -> None:
        self._hider.keep(facts.country, facts.make, facts.camera, facts.lens)
        if self.gps:
            for name in (facts.city, facts.region):
                if name and name != facts.country:
                    self._hider.know("place", name)
                    self._hider.know("place", bare(name))
        else:
            self._hider.keep(facts.city, facts.region)
        for text in (*facts.keywords, facts.title or "") if self.names else ():
            self._hider.learn_words(text)


def redact_picture(jpeg: bytes, what: Container[Redaction]) -> bytes:
    """A picture as it may be sent: a JPEG without metadata, and without faces where that is asked.

    Raises ImageError for what is no picture, MissingExtraError where faces cannot be found.
    """
    from retrieval.pictures import decode

    image = decode(jpeg, 1 << 16).image.convert("RGB")  # never reduced
    if "faces" in what:
        from retrieval.privacy.faces import hide_faces

        image, _ = hide_faces(image)
    image.info.clear()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _prose(brief: Brief) -> Iterable[str]:
    """Texts in which capital letters tell of names."""
    yield brief.plan.question
    for evidence in brief.evidence:
        yield from (*evidence.captions, *evidence.guesses)
        yield evidence.facts.caption or ""
    for turn in brief.history:
        yield turn.question
