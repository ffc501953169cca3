"""Where something would be sent: the address of an endpoint, read strictly.

Addresses that other programs read differently are refused, because the host that is shown and
agreed to must be the one that is connected to.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from retrieval.errors import PrivacyError

PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_PLACE = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(:[0-9]*)?")
_NUMBER_AT_END = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Scheme ("http" or "https"), host (lower case, an IPv6 address without brackets), port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_loopback(self) -> bool:
        """Whether this is certainly the machine itself: 127.0.0.0/8, ::1 or "localhost".

        Any other name may be resolved to anything at any time, so it never counts.
        """
        if self.host == "localhost":
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)


def parse_endpoint(url: str) -> Endpoint:
    """The endpoint of a URL; its path does not matter. Raises PrivacyError where it is doubtful."""
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise _doubtful(
            url, "it holds spaces or letters other than a to z; write such a host as xn--"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise _doubtful(url, f"it cannot be read ({exc})") from exc
    if parts.scheme not in PORTS:
        raise _doubtful(url, "it must begin with http:// or https://")
    if "@" in parts.netloc:
        raise _doubtful(
            url,
            "it names a user or a password; leave out what is before the @, and put the key into "
            "RETRIEVAL_LLM_KEY",
        )
    if not _PLACE.fullmatch(parts.netloc):  # urlsplit finds [::1] within "evil[::1]", too
        raise _doubtful(url, "its host is not a name, such as api.example.com")
    if port == 0 or parts.netloc.endswith(":"):
        raise _doubtful(url, "its port must be 1 to 65535")
    return Endpoint(parts.scheme, _checked_host(url, host), port or PORTS[parts.scheme])


def proxy_for(endpoint: Endpoint) -> str:
    """The URL of the proxy that requests to an endpoint go through, "" for none.

    As the environment says (http_proxy, https_proxy, all_proxy, no_proxy), on Windows and macOS
    the system. None stands between this machine and itself.
    """
    from urllib.request import getproxies, proxy_bypass

    if endpoint.is_loopback:
        return ""
    named = getproxies()
    proxy = named.get(endpoint.scheme) or named.get("all") or ""
    if not proxy or proxy_bypass(f"{endpoint.host}:{endpoint.port}"):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def shown_proxy(proxy: str) -> str:
    """A proxy as it may be shown and kept: without the user and the password, without a path."""
    scheme, _, rest = proxy.partition("://")
    place = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
    return ascii(f"{scheme}://{place}"[:200])[1:-1] if proxy else ""


def _checked_host(url: str, host: str) -> str:
    """The host as it is compared: numbers only as four of them, or as IPv6."""
    if ":" in host or _NUMBER_AT_END.fullmatch(host):
        try:
            address = ipaddress.ip_address(host)
        except ValueError as exc:
            raise _doubtful(
                url, "its host is a number; write four of them, such as 192.168.1.20"
            ) from exc
        if address.is_unspecified:
            raise _doubtful(url, "0.0.0.0 is no address to send to; for this machine: 127.0.0.1")
        if "%" in host:
            raise _doubtful(url, "its address names a network interface; leave that out")
        return str(address)
    if not _NAME.fullmatch(host) or not _is_readable(host):
        raise _doubtful(url, "its host is not a name, such as api.example.com")
    return host


def _is_readable(host: str) -> bool:
    """Whether what is written as xn-- stands for letters; httpx stumbles over others."""
    if "xn--" not in host:
        return True
    import idna

    try:
        idna.decode(host)
    except UnicodeError:
        return False
    return True


def _doubtful(url: str, reason: str) -> PrivacyError:
    """The error; a password before an @ and a key behind a ? are not shown."""
    shown = ascii(re.split(r"[?#]", url.rpartition("@")[2])[0][:100])[1:-1]
    return PrivacyError(f"Nothing was sent: the address {shown} is not taken, because {reason}.")
