"""The connections of a client of HTTP: each waits no longer than `limits.within` allows.

httpx limits each step of a request (a connection, one read) and never all of it, so a server that
sends a byte now and then is read for ever: also before its reply has begun, where nothing but the
connection itself can be told to end.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import httpcore

from retrieval.models.limits import seconds_left

if TYPE_CHECKING:
    import httpx

_SLICE = 16 << 10  # bytes written at a time, between which the limit is looked at


def open_client(
    headers: dict[str, str], timeout: dict[str, float], *, secure: bool, proxy: str = ""
) -> httpx.Client:
    """A client that follows no redirect, and takes nothing from the environment but certificates.

    `secure` is for https; without it no certificates are read, which takes 70 ms. `proxy` is a URL,
    "" for none. Raises ImportError, OSError or ValueError for a proxy, or a file of certificates
    (SSL_CERT_FILE), that cannot be used.
    """
    import httpx

    try:
        transport = httpx.HTTPTransport(
            verify=httpx.create_ssl_context() if secure else False,
            proxy=proxy or None,
            trust_env=False,
        )
    except httpx.InvalidURL as exc:
        raise ValueError(str(exc)) from exc
    pool = transport._pool  # httpx takes no backend to pass on; a test tells when this has moved
    pool._network_backend = _Backend(pool._network_backend)
    return httpx.Client(
        transport=transport,
        headers=headers,
        timeout=httpx.Timeout(**timeout),
        follow_redirects=False,  # the user has agreed to this server and to no other
        trust_env=False,
    )


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
