"""A language model from a GGUF file, run by llama.cpp (xllamacpp) in a process beside this one.

Nothing leaves the machine, so nothing is asked of the gate. `gguf` looks at the file before, and
says what is wrong with it; what it does not find, such as damaged weights that llama.cpp aborts
over, ends the other process (`engine`). That is no prison: take models from who you trust.
"""

from __future__ import annotations

import base64
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
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
from retrieval.models.engine import Dead, Engine, Late, Unloadable
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
    """Implements LanguageModel. The weights are loaded on first use, and given back with this.

    Raises ConfigError for files that are absent or hold something else, ModelError for damaged
    ones. Usable from several threads: requests wait for each other. After an error it can be asked
    again, and loads the weights again where that was what failed.
    """

    def __init__(
        self, spec: ModelSpec, gate: Gate | None = None, on_notice: NoticeCallback = ignore_notice
    ) -> None:
        self._path = Path(spec.llm).expanduser()
        self._mmproj = Path(spec.mmproj).expanduser() if spec.mmproj else None
        self._lock = threading.Lock()
        self._engine: Engine | None = None
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
        """The pieces of a streamed reply. Closing it ends the request."""
        with (
            self._turn(),
            self._translated(),
            closing(self._started().chunks(request)) as chunks,
        ):
            for chunk in chunks:
                if "error" in chunk:
                    raise self._refusal(chunk["error"])
                yield chunk

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One request at a time. Raises ModelError where the time is over before."""
        left = seconds_left()
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise self._late()
        try:
            yield
        finally:
            self._lock.release()

    def _started(self) -> Engine:
        """The engine, loaded or loading."""
        if self._engine is None or not self._engine.alive:
            if find_spec("xllamacpp") is None:
                raise _missing("it is not installed")
            self._engine = Engine(self._settings())
        return self._engine

    def _settings(self) -> dict[str, Any]:
        return {
            "model": str(self._path),
            "mmproj": str(self._mmproj) if self.sees else "",
            "context": self.context,
            "batch": BATCH,
            "reading_threads": available_cpus(),
            # Writing waits for the slowest thread at every layer of every token: on two processors,
            # one of them busy otherwise, two threads wrote 10 tokens a second and one wrote 50.
            "writing_threads": max(1, available_cpus() - 1),
        }

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ImportError as exc:
            raise _missing(str(exc)) from exc
        except OSError as exc:
            raise ModelError(
                f"No process can be started for {self.name} ({exc.strerror or exc}). Close other "
                "programs, and try again."
            ) from exc
        except Late as exc:
            raise self._late() from exc
        except Unloadable as exc:
            raise self._unloadable(exc.version) from exc
        except Dead as exc:
            if self._engine and self._engine.address:
                raise ModelError(
                    f"llama.cpp {exc} while {self.name} answered. Ask again, or use another model."
                ) from exc
            raise ModelError(
                f"llama.cpp {exc} while it loaded {self._files}: damaged, or more than it can "
                "take. Copy or download it again, or use another model."
            ) from exc
        except RuntimeError as exc:
            raise ModelError(f"{self.name} cannot answer: {exc}. Use another model.") from exc

    def _late(self) -> ModelError:
        return ModelError(
            f"{self.name} was not done in the time that it had. Ask less, or use a smaller model."
        )

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

    def _unloadable(self, version: str) -> ModelError:
        fitting = ", do not belong together" if self.sees else ""
        return ModelError(
            f"llama.cpp cannot load {self._files}: damaged{fitting}, of a kind that xllamacpp "
            f"{version} does not know, or larger than the memory. Use another model, or a newer "
            "xllamacpp."
        )

    @property
    def _files(self) -> str:
        return f"{self._path} with the mmproj {self._mmproj}" if self.sees else str(self._path)


def _missing(why: str) -> MissingExtraError:
    return MissingExtraError(
        f"Models from GGUF files need xllamacpp, which cannot be loaded ({why}). Install it with: "
        f"{sys.executable} -m pip install 'retrieval[llm]'"
    )


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
