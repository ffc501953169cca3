"""The connections of a client of HTTP: each waits no longer than `limits.within` allows.

httpcore limits each step of a request (a connection, one read) and never all of it, so a server
that sends a byte now and then would be read for ever: also before its reply has begun, where
nothing but the connection itself can be told to end. httpx, which is built on httpcore, lets nobody
give it connections, and adds 0.1 s to the first question; of it only the certificates are taken.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore

from retrieval.models.limits import seconds_left

_SLICE = 16 << 10  # bytes written at a time, between which the limit is looked at
_UNPACKED = 64 << 10  # bytes that a packed reply is unpacked to at a time, however many they become
_KEPT_S = 5.0  # that a connection is kept for the next request
_GZIP_OR_ZLIB = 47  # zlib's number for "look at the head"


def open_pool(*, secure: bool, proxy: str = "") -> httpcore.ConnectionPool:
    """Connections that follow no redirect, and take nothing from the environment but certificates.

    `secure` is for https; without it no certificates are read, which takes 70 ms. `proxy` is a URL,
    "" for none. Raises RuntimeError, OSError or ValueError for a proxy, or a file of certificates
    (SSL_CERT_FILE), that cannot be used.
    """
    options: dict[str, Any] = {
        "ssl_context": _certificates() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        "keepalive_expiry": _KEPT_S,
        "network_backend": _Backend(httpcore.SyncBackend()),
    }
    if not proxy:
        return httpcore.ConnectionPool(**options)
    parts = urlsplit(proxy)
    if parts.scheme not in _PROXIES or not parts.hostname:
        raise ValueError(f"a proxy of the kind {parts.scheme!r}")
    if parts.username is not None:
        options["proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return _PROXIES[parts.scheme](proxy_url=f"{parts.scheme}://{host}{port}", **options)


#: The last two need the package socksio.
_PROXIES: dict[str, Callable[..., httpcore.ConnectionPool]] = {
    "http": httpcore.HTTPProxy,
    "https": httpcore.HTTPProxy,
    "socks5": httpcore.SOCKSProxy,
    "socks5h": httpcore.SOCKSProxy,
}


def _certificates() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces of a body as they were before a server packed them, which nobody asked it to.

    A small piece may unpack to a thousand times its size: that is handed on a part at a time, so
    that whoever reads can stop. Raises ValueError for damage, and an encoding other than gzip and
    deflate.
    """
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"packed as {encoding!r}")
    packed = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        for piece in pieces:
            while piece and not packed.eof:
                if data := packed.decompress(piece, _UNPACKED):
                    yield data
                piece = packed.unconsumed_tail
        yield packed.flush()
    except zlib.error as exc:
        raise ValueError(str(exc)) from exc


def _allowed(timeout: float | None, error: Callable[[str], Exception]) -> float | None:
    """The timeout of one step, cut to what is left of all."""
    left = seconds_left()
    if left is None:
        return timeout
    if left <= 0:
        raise error("no time is left")
    return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    """Opens connections that keep the limit."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        allowed = _allowed(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, allowed, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """One connection that keeps the limit at each read and write."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _allowed(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), _SLICE):
            self._inner.write(buffer[at : at + _SLICE], _allowed(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        allowed = _allowed(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, allowed))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
