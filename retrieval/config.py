"""Settings: defaults, then retrieval.toml, then RETRIEVAL_* variables, then flags.

retrieval.toml is read from the working directory. Unknown keys are errors, because a misspelt
key that is silently ignored costs more than a refusal.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from retrieval.errors import ConfigError

PREFIX = "RETRIEVAL_"
FILE_NAME = "retrieval.toml"
#: Variables that are read where they are needed: a key that is never shown, and the folder of the
#: ledger and of consents, which a retrieval.toml that somebody else left must not choose.
ELSEWHERE = ("RETRIEVAL_LLM_KEY", "RETRIEVAL_LEDGER")
VISION = ("auto", "on", "off")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
MOST = {"batch_size": 4096, "threads": 256}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, each with its default.

    `home` is the folder that named collections live in ("" for the platform's data folder);
    `collection` a name or a path ("" for the default one); `model`, `device`, `precision` are
    those of EncoderSpec; `batch_size` photos are encoded at a time (0: the encoder's device
    decides), `threads` decode beside it (0: as many as there are processors); `cache` is the folder
    of exported towers ("" for the platform's). `fast` decodes JPEGs more coarsely. Embeddings then
    differ by less than half a percent of the distance between two photos, so one collection may
    hold both kinds and the fingerprint does not tell them apart.

    `llm` is the language model that answers: the URL of an OpenAI-compatible endpoint, or a GGUF
    file ("" for none); `llm_model` its name there, `mmproj` the file that lets a GGUF model see,
    `vision` whether it is given pictures ("auto", "on", "off"). `reranker` is the folder of a model
    that looks again at the first hits of a question. `offline` forbids that anything leaves this
    machine, `redact` names what is taken out before ("gps,faces,names").

    `from_file` is no setting: it names those whose value came from a retrieval.toml, which somebody
    else may have left in the folder.
    """

    home: str = ""
    collection: str = ""
    model: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    batch_size: int = 0
    threads: int = 0
    cache: str = ""
    fast: bool = False
    llm: str = ""
    llm_model: str = ""
    mmproj: str = ""
    vision: str = "auto"
    reranker: str = ""
    offline: bool = False
    redact: str = ""
    from_file: frozenset[str] = field(default=frozenset(), compare=False)


def load_settings(directory: Path | None = None, **flags: Any) -> Settings:
    """Merge all sources; a flag that is None was not given. Raises ConfigError."""
    settings = _overlay(Settings(), *_read_toml((directory or Path.cwd()) / FILE_NAME), file=True)
    known = {PREFIX + name.upper(): name for name in _defaults()}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in (*known, *ELSEWHERE):
            names = ", ".join(sorted((*known, *ELSEWHERE)))
            raise ConfigError(
                f"The environment variable {variable} is not a setting; "
                f"known are {names}. Unset it or correct its name."
            )
    from_environment = {known[v]: os.environ[v] for v in known if os.environ.get(v)}
    settings = _overlay(settings, from_environment, "the environment")
    return _overlay(settings, {k: v for k, v in flags.items() if v is not None}, "the flags")


def _read_toml(path: Path) -> tuple[dict[str, Any], str]:
    if not os.path.lexists(path):
        return {}, str(path)
    import tomllib

    if not os.path.isfile(path):  # a folder, a link to nothing, a pipe that would never end
        raise ConfigError(f"{path} is not a file that can be read. Correct or remove it.")
    try:
        return tomllib.loads(path.read_text("utf-8")), str(path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}. Correct or remove it.") from exc


def _defaults() -> dict[str, Any]:
    return {f.name: f.default for f in fields(Settings) if f.name != "from_file"}


def _overlay(
    settings: Settings, values: dict[str, Any], origin: str, *, file: bool = False
) -> Settings:
    defaults = _defaults()
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if key not in defaults:
            raise ConfigError(
                f"{origin} has an unknown key {key!r}; known keys are {', '.join(defaults)}."
            )
        changes[key] = _as_type(key, value, type(defaults[key]), origin)
    filed = frozenset(changes) if file else settings.from_file - set(changes)
    return replace(settings, from_file=filed, **changes)


def _as_type(key: str, value: Any, wanted: type, origin: str) -> Any:
    if wanted is bool:
        return _as_switch(key, value, origin)
    if wanted is int and isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        value = int(value)
    negative = isinstance(value, int) and value < 0
    if not isinstance(value, wanted) or isinstance(value, bool) or negative:
        kind = "a whole number, 0 or more" if wanted is int else "a text"
        raise ConfigError(f"{origin}: {key} must be {kind}, not {value!r}.")
    return _checked(key, value, origin)


def _as_switch(key: str, value: Any, origin: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    found = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if found is None:
        raise ConfigError(f"{origin}: {key} must be true or false, not {value!r}.")
    return found


def _checked(key: str, value: Any, origin: str) -> Any:
    if key in MOST and value > MOST[key]:
        raise ConfigError(f"{origin}: {key} must be at most {MOST[key]:,}, not {value:,}.")
    if key == "precision" and value not in PRECISIONS:
        raise ConfigError(
            f"{origin}: precision must be one of {', '.join(PRECISIONS)}, not {value!r}."
        )
    if key == "vision" and value not in VISION:
        raise ConfigError(f"{origin}: vision must be one of {', '.join(VISION)}, not {value!r}.")
    return value
