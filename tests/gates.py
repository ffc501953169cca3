"""A gate that lets everything pass and keeps what passed, or lets nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from retrieval.errors import PrivacyError
from retrieval.records import Redaction, SentPhoto


@dataclass
class Passed:
    """One request and how it ended: "answered", or the name of what ended it."""

    endpoint: str
    model: str
    purpose: str
    size: int
    photos: tuple[SentPhoto, ...]
    outcome: str = "sending"


@dataclass
class OpenGate:
    """A Gate that records."""

    redact: tuple[Redaction, ...] = ()
    closed: bool = False
    passed: list[Passed] = field(default_factory=list)

    @contextmanager
    def sending(
        self,
        endpoint: str,
        *,
        model: str,
        purpose: str,
        size: int,
        photos: Sequence[SentPhoto] = (),
    ) -> Iterator[None]:
        if self.closed:
            raise PrivacyError("Nothing may leave this machine. Set offline to false.")
        one = Passed(endpoint, model, purpose, size, tuple(photos))
        self.passed.append(one)
        try:
            yield
        except BaseException as exc:
            one.outcome = f"{type(exc).__name__}: {exc}"
            raise
        one.outcome = "answered"

    @property
    def chats(self) -> list[Passed]:
        return [one for one in self.passed if one.purpose != "models"]
