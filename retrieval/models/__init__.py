"""Language models behind one protocol: an endpoint that speaks OpenAI's, or a GGUF file.

What they are asked is made in `answerers.language`, `reranking` and `captioning`; here is only how
they are reached. A backend is named in MODELS and imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

from retrieval.errors import ConfigError
from retrieval.records import (
    Evidence,
    NoticeCallback,
    SentPhoto,
    TextCallback,
    ignore_notice,
    ignore_text,
)

if TYPE_CHECKING:
    from retrieval.privacy import Gate

#: The picture of a piece of evidence, None where it cannot be read or may not be shown.
PictureOf = Callable[[Evidence], "Picture | None"]

MOST_SIDE = 448  # pixels of the longer side of pictures that a model is given
MOST_TOKENS = 512  # of a reply, unless told otherwise


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a model: JPEG of at most MOST_SIDE pixels, and the file it was made of."""

    path: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; its pictures come before its text."""

    role: Literal["system", "user", "assistant"]
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote. `complete` is False where it was cut off by its limit of tokens."""

    text: str
    complete: bool = True
    tokens: int | None = None


class LanguageModel(Protocol):
    """Writes text. `sees` says whether it takes pictures, `context` how many tokens it reads.

    `context` is 0 where that is not known.
    """

    name: str
    sees: bool
    context: int

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: str,
        schema: Mapping[str, Any] | None = None,
        most_tokens: int = MOST_TOKENS,
        on_text: TextCallback = ignore_text,
    ) -> Reply:
        """Answer a chat. `purpose` names the request in the ledger ("answer", "caption", …).

        With `schema` (JSON schema) the reply is to be JSON that fits it, as far as the backend can
        see to that: callers parse with care. `on_text` gets the pieces as they are written.
        Greedy: the same chat gets the same reply as far as the backend can. Interrupting (Ctrl-C)
        ends the request. Raises NoVisionError, ModelReplyError, ModelError, PrivacyError.
        """
        ...

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
        """The probability that the next word is yes and not no, by the tokens' probabilities.

        P(yes) / (P(yes) + P(no)), in [0, 1]; None where the backend does not tell probabilities.
        Raises as `complete`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model: `llm` is a URL or a GGUF file, `name` what the endpoint calls it.

    `mmproj` is the file that lets a GGUF model see; `vision` whether pictures are sent ("auto":
    where the model takes them).
    """

    llm: str
    name: str = ""
    mmproj: str = ""
    vision: str = "auto"


#: Each backend as "module:attribute", called with (spec, gate, on_notice).
MODELS: dict[str, str] = {
    "chat": "retrieval.models.chat:ChatModel",
    "local": "retrieval.models.local:LocalModel",
}


def load_model(
    spec: ModelSpec, gate: Gate, on_notice: NoticeCallback = ignore_notice
) -> LanguageModel:
    """The model of a spec. Nothing is sent yet.

    Raises ConfigError for a spec that names none, ModelError, MissingExtraError.
    """
    if not spec.llm:
        raise ConfigError(
            "No language model is configured. Name one: --llm URL --llm-model NAME, or "
            "--llm FILE.gguf."
        )
    kind = "chat" if spec.llm.startswith(("http://", "https://")) else "local"
    module, _, attribute = MODELS[kind].partition(":")
    model: LanguageModel = getattr(import_module(module), attribute)(spec, gate, on_notice)
    return model


def sent_photos(messages: Sequence[Message]) -> tuple[SentPhoto, ...]:
    """The pictures of a chat as the ledger records them."""
    import hashlib

    return tuple(
        SentPhoto(picture.path, len(picture.jpeg), hashlib.sha256(picture.jpeg).hexdigest())
        for message in messages
        for picture in message.pictures
    )
