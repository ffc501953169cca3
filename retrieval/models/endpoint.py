"""One server that speaks HTTP: connecting, keys, limits, and errors as sentences."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retrieval.errors import ConfigError, ModelError, ModelReplyError
from retrieval.models.addresses import base_url
from retrieval.models.limits import seconds_left, within
from retrieval.models.refusals import refusal
from retrieval.models.wire import MOST_BYTES
from retrieval.privacy.endpoints import parse_endpoint, proxy_for, shown_proxy
from retrieval.privacy.keys import api_key

if TYPE_CHECKING:
    import httpcore

CONNECT_S = 5.0
HEAD_S = (
    600.0  # until a reply begins: a local model first reads the prompt, without a graphics card
)
PIECE_S = 120.0  # between two pieces of a reply
SEND_S = 60.0
LIST_S = 5.0  # for the list of models, which takes no model
MOST_ERROR = 64 << 10  # bytes of an answer that is an error


class Trouble(ModelError):
    """A connection that failed; asking `tries` times in all is worth while."""

    def __init__(self, message: str, tries: int = 1) -> None:
        super().__init__(message)
        self.tries = tries


class Endpoint:
    """A server below one address. Nothing is sent before it is asked something."""

    def __init__(self, llm: str) -> None:
        """Raises ConfigError for an address or a key that cannot be used."""
        self.base = base_url(llm)
        self.where = f"{urlsplit(self.base).scheme}://{urlsplit(self.base).netloc}"
        target = parse_endpoint(self.base)
        self.loopback = target.is_loopback
        self.proxy = proxy_for(target)  # as the gate tells it
        self.key = _key(self.base)
        self._pool: httpcore.ConnectionPool | None = None

    @property
    def chat_url(self) -> str:
        return f"{self.base}/chat/completions"

    @property
    def models_url(self) -> str:
        return f"{self.base}/models"

    @contextmanager
    def posting(self, body: bytes) -> Iterator[Iterator[bytes]]:
        """Send a chat; in the block, the bytes of the reply as they come.

        However the block ends, the connection is free or closed after it. All of it takes no longer
        than `limits.within` says. Raises Refusal for a status other than 200, Trouble for a
        connection that fails, also in the block.
        """
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, */*",
        }
        timeout = {"connect": CONNECT_S, "read": HEAD_S, "write": SEND_S, "pool": SEND_S}
        with self._asking("POST", self.chat_url, timeout, headers, body) as response:
            timeout["read"] = PIECE_S  # looked at anew before each piece
            yield self._limited(response, MOST_BYTES)

    def models(self) -> dict[str, Any]:
        """What it says of its models; raises as `posting`, ModelReplyError for what is no JSON."""
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), LIST_S)
        with (
            within(2 * LIST_S),
            self._asking("GET", self.models_url, timeout, {"Accept": "*/*"}) as response,
        ):
            content = b"".join(self._limited(response, MOST_BYTES))
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError) as exc:
            raise self.not_chat() from exc
        return parsed if isinstance(parsed, dict) else {}

    def not_chat(self) -> ModelReplyError:
        """The error of an answer that is nothing of a chat."""
        return ModelReplyError(
            f"{self.where} answers with something that is no chat of a language model. Correct "
            "--llm: it usually ends in /v1."
        )

    @contextmanager
    def _asking(
        self,
        method: str,
        url: str,
        timeout: Mapping[str, float],
        headers: Mapping[bytes | str, bytes | str],
        body: bytes | None = None,
    ) -> Iterator[httpcore.Response]:
        """The answer to a request, whose status is 200. Raises as `posting`."""
        pool = self._open()
        sent: dict[bytes | str, bytes | str] = {
            "Host": urlsplit(self.base).netloc,
            "User-Agent": "retrieval",
            "Accept-Encoding": "identity",
            **headers,
        }
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        extensions = {"timeout": timeout}
        with (
            self._translated(),
            pool.stream(method, url, headers=sent, content=body, extensions=extensions) as response,
        ):
            if response.status != 200:
                raise self._refusal(response)
            yield response

    def _open(self) -> httpcore.ConnectionPool:
        """Connections, which are kept for the next chat and closed with this.

        Raises ModelError where the environment asks for what cannot be done.
        """
        if self._pool is None:
            from retrieval.models.transport import open_pool

            try:
                self._pool = open_pool(secure=self.base.startswith("https:"), proxy=self.proxy)
            except (RuntimeError, OSError, ValueError) as exc:
                raise self._unusable(exc) from exc
            weakref.finalize(self, self._pool.close)
        return self._pool

    def _unusable(self, exc: Exception) -> ModelError:
        """The error of an environment in which no client can be made."""
        if isinstance(exc, OSError):  # ssl.SSLError is one, too
            return ModelError(
                f"{self.where} cannot be asked: the certificates that SSL_CERT_FILE or "
                f"SSL_CERT_DIR names cannot be read ({exc.strerror or exc}). Correct or unset it."
            )
        return ModelError(
            f"{self.where} cannot be asked: the proxy {shown_proxy(self.proxy)} is of a kind that "
            "is not supported (http and https are). Correct http_proxy, https_proxy or all_proxy, "
            f"or put {urlsplit(self.base).hostname} into no_proxy."
        )

    def _refusal(self, response: httpcore.Response) -> ModelError:
        content = b"".join(self._limited(response, MOST_ERROR, cut=True))
        return refusal(response.status, content, _headers(response), self.where, self.key)

    def _limited(
        self, response: httpcore.Response, most: int, *, cut: bool = False
    ) -> Iterator[bytes]:
        from retrieval.models.transport import unpacked

        read = 0
        encoding = _headers(response).get("content-encoding", "").strip().lower()
        try:
            for piece in unpacked(response.iter_stream(), encoding):
                read += len(piece)
                if read > most and not cut:
                    raise ModelReplyError(
                        f"{self.where} writes without an end. Try another model, or ask less."
                    )
                yield piece
                if read > most:
                    return
        except ValueError as exc:
            raise ModelReplyError(
                f"{self.where} packs its reply in a way that cannot be read ({exc}). Switch off "
                "compression there."
            ) from exc

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import httpcore

        try:
            yield
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
            raise self._unreachable(exc) from exc
        except (httpcore.ReadTimeout, httpcore.WriteTimeout) as exc:
            if seconds_left() == 0:
                raise Trouble(
                    f"{self.where} was not done in the time that it had. Ask less, or use a faster "
                    "model."
                ) from exc
            raise Trouble(
                f"{self.where} has not gone on for too long. Look whether its model is loaded, and "
                "try again."
            ) from exc
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as exc:
            raise Trouble(
                f"{self.where} ended the connection before it had answered. Try again, or look at "
                "its log.",
                tries=2,
            ) from exc
        except (
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
        ) as exc:
            raise Trouble(
                f"{self.where} cannot be asked ({type(exc).__name__}). Correct --llm."
            ) from exc

    def _unreachable(self, exc: Exception) -> Trouble:
        if self.proxy:
            return Trouble(
                f"Nothing answers at {self.where} through the proxy {shown_proxy(self.proxy)}. "
                "Correct the proxy in the environment, or --llm."
            )
        if "CERTIFICATE" in str(exc).upper() or "SSL" in str(exc).upper():
            return Trouble(
                f"There is no secure connection to {self.where}. Correct --llm (http or https?), "
                "or the certificate of that server."
            )
        return Trouble(
            f"Nothing answers at {self.where}. Start the server there, or correct --llm.",
            tries=1 if "Timeout" in type(exc).__name__ else 2,
        )


def _headers(response: httpcore.Response) -> dict[str, str]:
    """By their names in small letters; of two with one name the last."""
    return {
        name.decode("ascii", "replace").lower(): value.decode("latin-1")
        for name, value in response.headers
    }


def _key(base: str) -> str | None:
    key = (api_key(base) or "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(
            "The key in RETRIEVAL_LLM_KEY holds characters that no key has, such as a line break. "
            "Set it again."
        )
    return key or None
