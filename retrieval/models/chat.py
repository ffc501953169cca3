"""Language models behind an address: any server of `/v1/chat/completions`.

That is llama.cpp's server, vLLM, Ollama, LM Studio, OpenAI and others. Each understands a little
less than all of it, so what a server refuses (a JSON schema, pictures, the name of a limit) is
left out or said otherwise, and remembered for it as long as the process lives.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from retrieval.errors import ConfigError, ModelError, ModelReplyError, NoVisionError, TooLongError
from retrieval.models import MOST_TOKENS, Message, ModelSpec, Reply, sent_photos
from retrieval.models.endpoint import Endpoint, Trouble
from retrieval.models.limits import seconds_left, within
from retrieval.models.reading import OnlyThought, Shown, read_first_tokens, read_reply
from retrieval.models.refusals import Refusal, scrubbed
from retrieval.models.wire import FEW, FORMATS, Ways, chat_body, encoded, yes_body
from retrieval.models.yesno import yes_share
from retrieval.records import NoticeCallback, TextCallback, ignore_notice, ignore_text

if TYPE_CHECKING:
    from retrieval.privacy import Gate

BACK_OFF_S = (0.5, 2.0, 5.0)  # before the second, third, fourth attempt
MOST_WAIT_S = 30.0  # a server that asks for more is not waited for
THINKING_TOKENS = 4096  # for a model that was seen to think, besides those of the reply
REPLY_S = 600.0  # for a whole reply, however slowly it comes, attempts and pauses included
YES_S = 60.0  # for one word
MOST_NAMES = 10  # of models that an error lists

T = TypeVar("T")

#: What was found out of each server and model, by address and name.
_WAYS: dict[tuple[str, str], Ways] = {}


class ChatModel:
    """The LanguageModel of an endpoint.

    `sees` is what the spec says, and under "auto" true until the server refuses a picture. A local
    server is asked once what it serves before the first chat, and so is any where no name of a
    model is given. `context` is 0 until a server has told it.

    A server that is busy or fails (429, 500, 502, 503, 504) is asked up to four times, with pauses
    or as long as it asks to wait; one that cannot be reached, or that stops in the middle of a
    reply, twice. The second reply goes on, for `on_text`, where the first one stopped as long as it
    repeats it, else it is silent. What stays half is no reply: ModelError. So is what takes longer
    than REPLY_S or YES_S, or than a caller allows (`limits.within`).
    """

    def __init__(
        self, spec: ModelSpec, gate: Gate, on_notice: NoticeCallback = ignore_notice
    ) -> None:
        """Nothing is sent yet. Raises ConfigError for an address or a key that cannot be used."""
        self._endpoint = Endpoint(spec.llm)
        self._gate = gate
        self._on_notice = on_notice
        self._model = spec.name
        self._vision = spec.vision
        self._asked_what = False
        self._ways = _WAYS.setdefault((self._endpoint.base, spec.name), Ways())
        self.name = spec.name or self._endpoint.where
        self.sees = spec.vision != "off" and self._ways.pictures
        self.context = self._ways.context

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: str,
        schema: Mapping[str, Any] | None = None,
        most_tokens: int = MOST_TOKENS,
        on_text: TextCallback = ignore_text,
    ) -> Reply:
        """See LanguageModel; raises TooLongError as well."""
        shown = Shown(on_text)

        def ask() -> Reply:
            return self._converse(
                messages,
                purpose,
                lambda: chat_body(self._model, messages, self._ways, most_tokens, schema),
                lambda pieces: read_reply(pieces, shown, self._endpoint, self.name),
            )

        with within(REPLY_S):
            try:
                return ask()
            except OnlyThought:
                if self._ways.thinking:
                    raise
                self._ways.thinking = THINKING_TOKENS
                return ask()

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
        """See LanguageModel. A server that told no probabilities once is not asked again."""
        if not self._ways.logprobs:
            return None
        try:
            with within(YES_S):
                tokens = self._converse(
                    messages,
                    purpose,
                    lambda: yes_body(self._model, messages, self._ways),
                    lambda pieces: read_first_tokens(pieces, self._endpoint),
                )
        except Refusal as exc:
            if not (exc.about("logprobs") or exc.about("top_logprobs")):
                raise
            tokens = None
        self._ways.logprobs = tokens is not None
        return yes_share(tokens) if tokens else None

    # --- one conversation with the server ---------------------------------------------------

    def _converse(
        self,
        messages: Sequence[Message],
        purpose: str,
        body: Callable[[], Mapping[str, Any]],
        read: Callable[[Iterator[bytes]], T],
    ) -> T:
        """Ask, and again where that may help: otherwise at once, or the same after a pause."""
        attempt = 0
        while True:
            try:
                self._ask_what_is_served()
                return self._attempt(encoded(body()), messages, purpose, read)
            except Refusal as exc:
                if self._give_way(exc, body()):
                    continue
                if exc.tries == 1:
                    final = self._final(exc, messages)
                    raise final from (None if final is exc else exc)
                trouble: Refusal | Trouble = exc
            except Trouble as exc:
                trouble = exc
            attempt += 1
            left = seconds_left()
            if attempt >= trouble.tries or (left is not None and left <= BACK_OFF_S[0]):
                raise trouble
            self._pause(trouble, attempt)

    def _attempt(
        self,
        body: bytes,
        messages: Sequence[Message],
        purpose: str,
        read: Callable[[Iterator[bytes]], T],
    ) -> T:
        photos = sent_photos(messages)
        if photos and not self.sees:
            raise NoVisionError(f"{self.name} does not take pictures. Ask it without them.")
        with (
            self._gate.sending(
                self._endpoint.chat_url,
                model=self.name if self._model else "",
                purpose=purpose,
                size=len(body),
                photos=photos,
            ),
            self._endpoint.posting(body) as pieces,
        ):
            return read(pieces)

    def _pause(self, trouble: Refusal | Trouble, attempt: int) -> None:
        wait = BACK_OFF_S[min(attempt, len(BACK_OFF_S)) - 1]
        if isinstance(trouble, Refusal) and trouble.wait is not None:
            wait = trouble.wait
            if wait > MOST_WAIT_S:
                raise ModelError(
                    f"{self._endpoint.where} asks to wait {_span(wait)}. Try again then."
                ) from trouble
        left = seconds_left()
        if left is not None and wait >= left:
            raise trouble
        if wait >= 1:
            self._on_notice(
                f"{self._endpoint.where} did not answer; asking again in {wait:.0f} seconds."
            )
        time.sleep(wait)

    # --- what a server does not understand --------------------------------------------------

    def _give_way(self, refused: Refusal, body: Mapping[str, Any]) -> bool:
        """Change how the server is asked where that is what it refuses; False where nothing is."""
        ways = self._ways
        if refused.too_long:  # which some say of the limit
            return False
        if refused.about("max_tokens") and "max_tokens" in body:
            ways.limit = "max_completion_tokens"
        elif refused.about("temperature") and "temperature" in body:
            ways.temperature = False
        elif refused.about("top_logprobs") and body.get("top_logprobs", 0) > FEW:
            ways.top = FEW
        elif "response_format" in body and refused.formats:
            ways.format = FORMATS[FORMATS.index(ways.format) + 1]
        else:
            return False
        return True

    def _final(self, refused: Refusal, messages: Sequence[Message]) -> ModelError:
        """The error of a refusal that repeating cannot help."""
        pictures = any(message.pictures for message in messages)
        if pictures and refused.fewer_pictures:
            return NoVisionError(f"{self.name} does not take so many pictures. Ask with fewer.")
        if pictures and refused.no_pictures:
            self._ways.pictures = self.sees = False
            self._on_notice(f"{self.name} does not take pictures; it is asked without them.")
            return NoVisionError(f"{self.name} does not take pictures. Ask it without them.")
        if refused.too_long:
            self.context = self._ways.context = refused.context or self.context
            told = f" (it reads {self.context:,} tokens)" if self.context else ""
            return TooLongError(
                f"This is more than {self.name} reads{told}. Ask with fewer photos, or start it "
                "with a larger context."
            )
        if refused.unknown_model:
            return ModelError(
                f"{self._endpoint.where} has no model {self._model!r}.{self._served()} "
                "Name another with --llm-model."
            )
        return refused

    # --- what a server serves ---------------------------------------------------------------

    def _ask_what_is_served(self) -> None:
        if self._asked_what or (self._model and not self._endpoint.loopback):
            return
        try:
            models = self._models()
        except (Refusal, ModelReplyError):
            models = []  # not every server tells; the chat itself will say what is wrong
        self._asked_what = True
        if not self._model and len(models) > 1:
            names = _listed([str(model["id"]) for model in models], self._endpoint.key)
            raise ConfigError(
                f"{self._endpoint.where} serves several models: {names}. Name one with --llm-model."
            )
        if not self._model and models:
            self._model = models[0]["id"]
            shown = scrubbed(self._model, self._endpoint.key)
            # llama.cpp calls a model by the path of its file.
            self.name = PurePath(shown).name if ".gguf" in shown else shown
        named = [model for model in models if model["id"] == self._model]
        for model in named or (models if len(models) == 1 else []):  # llama.cpp answers to any name
            self.context = self._ways.context = _context_of(model) or self.context
            if self._vision == "auto" and _only_text(model):
                self._ways.pictures = self.sees = False

    def _models(self) -> list[dict[str, Any]]:
        """The models that the server lists, each with its "id"."""
        with self._gate.sending(self._endpoint.models_url, model="", purpose="models", size=0):
            listed = self._endpoint.models().get("data")
        models = listed if isinstance(listed, list) else []
        return [m for m in models if isinstance(m, dict) and isinstance(m.get("id"), str)]

    def _served(self) -> str:
        try:
            names = [model["id"] for model in self._models()]
        except ModelError:
            return ""
        return f" It has {_listed(names, self._endpoint.key)}." if names else ""


def _listed(names: Sequence[str], key: str | None) -> str:
    clean = [scrubbed(name, key)[:80] for name in names[:MOST_NAMES]]
    return ", ".join(filter(None, clean)) + (", …" if len(names) > MOST_NAMES else "")


def _span(seconds: float) -> str:
    """A time to wait, as people say it."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            number = math.ceil(seconds / size)
            return f"{number} {unit}" if number <= 366 else "for more than a year"
    return f"{math.ceil(seconds)} seconds"


def _only_text(model: Mapping[str, Any]) -> bool:
    """Whether a listed model is told to read no pictures, as llama.cpp and OpenRouter tell it."""
    architecture = model.get("architecture")
    reads = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    return isinstance(reads, list) and bool(reads) and "image" not in reads


def _context_of(model: Mapping[str, Any]) -> int:
    """How many tokens a listed model reads, as vLLM and llama.cpp tell it; 0 where they do not."""
    meta = model.get("meta")
    told = (model.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None)
    return next((n for n in told if isinstance(n, int) and n > 0), 0)
