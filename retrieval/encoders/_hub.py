"""Files of the model hub: from disk where they are, else one short question, then the download.

The hub's client retries an unreachable host for 20 seconds and more. Therefore nothing here asks
it before a HEAD request of at most PROBE_S seconds has had an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from retrieval.encoders._devices import first_line
from retrieval.errors import EncoderError

PROBE_S = 3.0

#: The names under which open_clip's repositories store weights, the safe format first.
WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

#: The files a Hugging Face tokenizer can consist of.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
)
# One of these makes a tokenizer; the others of TOKENIZER_FILES only describe it.
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")

_FILES_AT_HAND = "or give a checkpoint folder on this computer with --model FOLDER"


def is_offline() -> bool:
    """Say whether the user forbade the network (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def hub_url(path: str = "") -> str:
    """Return the address of `path` at the hub, which HF_ENDPOINT can move."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{path}".rstrip("/")


def cached_folder(repo: str) -> Path | None:
    """Return the folder that holds the cached files of the newest known version of `repo`.

    Reads the cache's layout itself: importing the client for it costs 0.15 s of CPU.
    """
    from huggingface_hub import constants

    root = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    try:
        commit = (root / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = root / "snapshots" / commit
    return folder if folder.is_dir() else None


def cached_file(repo: str, names: Sequence[str]) -> Path | None:
    """Return the first of `names` that the cache holds for `repo`."""
    folder = cached_folder(repo)
    if folder is None:
        return None
    return next((folder / name for name in names if (folder / name).is_file()), None)


def has_tokenizer(folder: Path) -> bool:
    """Say whether `folder` holds the vocabulary of a Hugging Face tokenizer."""
    return any(any(folder.glob(pattern)) for pattern in _VOCABULARIES)


class Probe:
    """A HEAD request in a thread of its own, so that no silent host or name server holds us up."""

    def __init__(self, url: str, timeout_s: float = PROBE_S) -> None:
        self._deadline = time.monotonic() + timeout_s
        self._status: int | None = None
        self._thread = threading.Thread(target=self._ask, args=(url, timeout_s), daemon=True)
        self._thread.start()

    def _ask(self, url: str, timeout_s: float) -> None:
        self._status = _head(url, timeout_s)

    def status(self) -> int | None:
        """Wait for the HTTP status, at most until the deadline; None when there was no answer."""
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        return self._status


def _head(url: str, timeout_s: float) -> int | None:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None  # a redirect is answer enough

    try:
        with build_opener(Stay()).open(Request(url, method="HEAD"), timeout=timeout_s) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code
    except (OSError, HTTPException, ValueError):
        return None


def require_hub(what: str) -> None:
    """Raise EncoderError unless the hub may be asked and answers within PROBE_S seconds."""
    if is_offline():
        raise EncoderError(
            f"{what} is not on this computer and HF_HUB_OFFLINE forbids downloading it; unset "
            f"HF_HUB_OFFLINE, use --model mini, {_FILES_AT_HAND}."
        )
    status = Probe(hub_url()).status()
    if status is None or status >= 500:
        raise EncoderError(
            f"{what} is not on this computer and {hub_url()} does not answer; check the network, "
            f"use --model mini, {_FILES_AT_HAND}."
        )


def fetch(repo: str, names: Sequence[str]) -> Path:
    """Return the first of `names` that `repo` has: from disk, else downloaded.

    Raises EncoderError when the hub cannot be reached or has none of them.
    """
    cached = cached_file(repo, names)
    if cached is not None:
        return cached
    require_hub(f"{names[0]} of {repo}")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for name in names:
        try:
            return Path(hf_hub_download(repo, name, etag_timeout=PROBE_S))
        # The client raises errors of several libraries, and others in other versions.
        except Exception as error:
            absent = isinstance(error, EntryNotFoundError)
            if absent and not isinstance(error, LocalEntryNotFoundError):
                continue
            raise _failed(repo, error) from error
    raise EncoderError(f"{repo} holds none of {', '.join(names)}; check the name of the model.")


def fetch_tokenizer(repo: str) -> Path:
    """Return a folder with the tokenizer files of `repo`: from disk, else downloaded.

    Raises EncoderError when the hub cannot be reached or has none.
    """
    folder = cached_folder(repo)
    if folder is not None and has_tokenizer(folder):
        return folder
    require_hub(f"The tokenizer of {repo}")
    from huggingface_hub import snapshot_download

    try:
        patterns = [*TOKENIZER_FILES, "config.json"]
        folder = Path(snapshot_download(repo, allow_patterns=patterns, etag_timeout=PROBE_S))
    except Exception as error:  # as in fetch
        raise _failed(repo, error) from error
    if not has_tokenizer(folder):
        raise EncoderError(f"{repo} holds no tokenizer; check the name of the model.")
    return folder


def _failed(repo: str, error: Exception) -> EncoderError:
    return EncoderError(
        f"{repo} could not be downloaded ({first_line(error)}); check the name and the network, "
        f"use --model mini, {_FILES_AT_HAND}."
    )
