"""A language model from a GGUF file, run in this process by llama.cpp (xllamacpp).

Nothing leaves the machine, so nothing is asked of the gate. llama.cpp's server engine opens a port
on 127.0.0.1 whether it is wanted or not: it is given a random key that nobody is told.

What llama.cpp asserts ends the process, and no Python code can catch it. `gguf` looks for what was
found to do so; a file made to be harmful may know more. Take models from who you trust.
"""

from __future__ import annotations

import base64
import secrets
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from retrieval.errors import (
    ConfigError,
    MissingExtraError,
    ModelError,
    ModelReplyError,
    NoVisionError,
)
from retrieval.machine import available_cpus
from retrieval.models import MOST_TOKENS, Message, ModelSpec, Reply
from retrieval.models.gguf import Head, read_head
from retrieval.models.limits import seconds_left
from retrieval.models.yesno import yes_share
from retrieval.records import NoticeCallback, TextCallback, ignore_notice, ignore_text

if TYPE_CHECKING:
    from retrieval.privacy import Gate

MOST_CONTEXT = 16_384  # tokens: what a model of 8 billion weights remembers of them takes 2 GB
BATCH = 256  # tokens read at a time; between two of them an interruption is seen
ALTERNATIVES = 1000  # likeliest next tokens that yes and no are looked for among
VISION_PART = "clip"  # the architecture that an mmproj file names


class LocalModel:
    """Implements LanguageModel. The weights are loaded on first use.

    Raises ConfigError for files that are absent or hold something else, ModelError for damaged
    ones. Usable from several threads: requests wait for each other.
    """

    def __init__(
        self, spec: ModelSpec, gate: Gate | None = None, on_notice: NoticeCallback = ignore_notice
    ) -> None:
        self._path = Path(spec.llm).expanduser()
        self._mmproj = Path(spec.mmproj).expanduser() if spec.mmproj else None
        self._lock = threading.Lock()
        self._engine: Any = None
        head = _text_model(self._path)
        if self._mmproj:
            _check_vision_part(self._mmproj)
        elif spec.vision == "on":
            raise ConfigError(
                "A GGUF model sees pictures only with its mmproj file. Name it with --mmproj, or "
                "set vision to auto."
            )
        self.name = spec.name or self._path.stem
        self.sees = self._mmproj is not None and spec.vision != "off"
        self.context = min(head.context or MOST_CONTEXT, MOST_CONTEXT)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: str,
        schema: Mapping[str, Any] | None = None,
        most_tokens: int = MOST_TOKENS,
        on_text: TextCallback = ignore_text,
    ) -> Reply:
        """See LanguageModel. With `schema` only tokens that fit it can be chosen."""
        request = self._request(messages, most_tokens)
        if schema is not None:
            wanted = {"name": purpose, "schema": dict(schema)}
            request["response_format"] = {"type": "json_schema", "json_schema": wanted}
        pieces: list[str] = []
        reason, tokens = None, None
        with closing(self._chunks(request)) as chunks:
            for chunk in chunks:
                tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
                for choice in chunk.get("choices") or ():
                    reason = choice.get("finish_reason") or reason
                    if piece := (choice.get("delta") or {}).get("content"):
                        pieces.append(piece)
                        on_text(piece)
        text = "".join(pieces)
        if not text.strip():
            raise ModelReplyError(f"{self.name} wrote nothing. Ask again, or use another model.")
        return Reply(text, complete=reason != "length", tokens=tokens)

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
        """See LanguageModel. None where neither word is among the 1000 likeliest tokens."""
        request = {**self._request(messages, 1), "logprobs": True, "top_logprobs": ALTERNATIVES}
        found: list[tuple[str, float]] = []
        with closing(self._chunks(request)) as chunks:
            for chunk in chunks:
                for choice in chunk.get("choices") or ():
                    written = (choice.get("logprobs") or {}).get("content") or ()
                    for token in written[: 0 if found else 1]:
                        found += [(t["token"], t["logprob"]) for t in token["top_logprobs"]]
        return yes_share(found)

    def _request(self, messages: Sequence[Message], most_tokens: int) -> dict[str, Any]:
        if not self.sees and any(message.pictures for message in messages):
            raise NoVisionError(
                f"{self.name} takes no pictures. Name its mmproj file with --mmproj, or use a "
                "model that sees."
            )
        return {
            "messages": [_as_json(message) for message in messages],
            "max_tokens": most_tokens,
            "temperature": 0,
            # Else the same chat gets another reply, by what was read before it: where the reading
            # is cut into batches shows in the numbers (0.22 and 0.19 for one yes of SmolLM2).
            "cache_prompt": False,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # calls back while the prompt is read: what can be stopped
        }

    def _chunks(self, request: dict[str, Any]) -> Generator[dict[str, Any]]:
        """The pieces of a streamed reply. Closing it ends the request.

        llama.cpp runs in a thread of its own: an interruption that hit Python code called from C++
        would be lost there. That thread sees the wish to stop at its next piece and is waited for.
        """
        engine = self._loaded()
        arrived: SimpleQueue[dict[str, Any] | Exception | None] = SimpleQueue()
        stop = threading.Event()

        def take(chunk: dict[str, Any]) -> bool:
            arrived.put(chunk)
            return stop.is_set()

        def work() -> None:
            try:
                engine.handle_chat_completions(request, take)
            except Exception as exc:
                arrived.put(exc)
            finally:
                arrived.put(None)

        thread = threading.Thread(target=work, name="language model")
        try:
            thread.start()
            while (chunk := self._next(arrived)) is not None:
                if isinstance(chunk, Exception):
                    raise ModelError(
                        f"{self.name} cannot answer: {chunk}. Use another model."
                    ) from chunk
                if "error" in chunk:
                    raise self._refusal(chunk["error"])
                yield chunk
        finally:
            stop.set()
            if thread.ident is not None:
                thread.join()

    def _next(
        self, arrived: SimpleQueue[dict[str, Any] | Exception | None]
    ) -> dict[str, Any] | Exception | None:
        try:
            return arrived.get(timeout=seconds_left())
        except Empty:
            raise ModelError(
                f"{self.name} was not done in the time that it had. Ask less, or use a smaller "
                "model."
            ) from None

    def _refusal(self, error: Mapping[str, Any]) -> ModelError:
        if error.get("type") == "exceed_context_size_error":
            return ModelError(
                f"The question and its evidence take {error.get('n_prompt_tokens', 0):,} tokens, "
                f"and {self.name} reads {error.get('n_ctx', 0):,}. Ask with fewer photos (-k), or "
                "use a model that reads more."
            )
        return ModelError(
            f"{self.name} cannot answer: {error.get('message', error)}. Use another model."
        )

    def _loaded(self) -> Any:
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            return self._engine

    def _load(self) -> Any:
        try:
            import xllamacpp
        except ImportError as exc:
            raise MissingExtraError(
                f"Models from GGUF files need xllamacpp, which cannot be loaded ({exc}). Install "
                f"it with: {sys.executable} -m pip install 'retrieval[llm]'"
            ) from exc
        params = xllamacpp.CommonParams()
        params.verbosity = -1  # nothing to stderr
        params.model.path = str(self._path)
        if self.sees:
            params.mmproj.path = str(self._mmproj)
        else:  # a picture is read in one piece, which may be larger
            params.n_batch = params.n_ubatch = BATCH
        params.n_ctx = self.context
        params.n_parallel = 1
        params.cpuparams_batch.n_threads = available_cpus()
        # Writing waits for the slowest thread at every layer of every token: on two processors,
        # one of them busy otherwise, two threads wrote 10 tokens a second and one wrote 50.
        params.cpuparams.n_threads = max(1, available_cpus() - 1)
        params.warmup = False
        params.cache_ram_mib = 0  # of prompts that were put aside; it would take up to 8 GB
        params.enable_reasoning = 0
        params.api_keys = [secrets.token_hex(32)]
        params.ui = False
        params.endpoint_slots = False
        try:
            return xllamacpp.Server(params)
        except (RuntimeError, ValueError, MemoryError) as exc:
            files = f"{self._path} with the mmproj {self._mmproj}" if self.sees else self._path
            fitting = ", do not belong together" if self.sees else ""
            raise ModelError(
                f"llama.cpp cannot load {files}: damaged{fitting}, of a kind that xllamacpp "
                f"{xllamacpp.__version__} does not know, or larger than the memory. Use another "
                "model, or a newer xllamacpp."
            ) from exc


def _text_model(path: Path) -> Head:
    head = read_head(path)
    if head.architecture == VISION_PART:
        raise ConfigError(
            f"{path} only lets another model see. Name that one with --llm, and this with --mmproj."
        )
    return head


def _check_vision_part(path: Path) -> None:
    if read_head(path).architecture != VISION_PART:
        raise ConfigError(
            f"{path} does not let a model see. Name the mmproj file that belongs to the model."
        )


def _as_json(message: Message) -> dict[str, Any]:
    if not message.pictures:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {
            "type": "image_url",
            "image_url": {
                "url": "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()
            },
        }
        for picture in message.pictures
    ]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}
