"""What client and server say to each other: lines of JSON.

    request   {"protocol": 3, "program": PROGRAM, "ask": ASK, …}, where ASK is
              "search", "warm" (load a collection, after the answer), "status" or "stop"
    at once   {"received": true}: the server lives; to the same protocol only
    answer    {"result": …, "notices": […]}
              or {"error": [class, message]}, an error of the library
              or {"refused": why}: the client is to do it by itself

Nothing here imports more than the standard library and records: a client is to start fast.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from retrieval._version import __version__
from retrieval.records import Hit, Kind, Query, SearchResult

if TYPE_CHECKING:
    from socket import socket

PROTOCOL = 3
#: Which code it is: only the same program may answer for another process.
PROGRAM = f"{__version__} {Path(__file__).parent.parent}"
MOST_BYTES = 1 << 20  # of a request
RECEIVED = {"received": True}
_HIT = tuple(field.name for field in fields(Hit))
_LISTS = ("also", "folded", "found_by")


class ProtocolError(Exception):
    """What came over the socket is not what it should be."""


# --- messages -------------------------------------------------------------------------------


def send(connection: socket, message: dict[str, Any]) -> None:
    """Send one message. Raises OSError."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(incoming: BinaryIO, most: int = -1) -> dict[str, Any]:
    """Receive one message of at most `most` bytes from what a socket's `makefile("rb")` gave.

    Raises ProtocolError, OSError.
    """
    line = incoming.readline(most)
    if not line.endswith(b"\n"):
        if len(line) == most:
            raise ProtocolError(f"a message of more than {most} bytes")
        raise ProtocolError("it ended in the middle of a message")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("a message that is no JSON") from exc
    if not isinstance(message, dict):
        raise ProtocolError("a message that is no JSON object")
    return message


def peer_user(connection: socket) -> int:
    """The user id of the process at the other end; our own where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return os.getuid()  # the folder lets nobody else in
    import struct
    from socket import SO_PEERCRED, SOL_SOCKET

    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", connection.getsockopt(SOL_SOCKET, SO_PEERCRED, size))
    return int(user)


# --- records --------------------------------------------------------------------------------


def result_to_json(result: SearchResult) -> dict[str, Any]:
    """A result without its query, which the client has."""
    return {
        "hits": [[getattr(hit, name) for name in _HIT] for hit in result.hits],
        "considered": result.considered,
        "elapsed_ms": result.elapsed_ms,
        "encoder": result.encoder,
        "method": result.method,
    }


def result_from_json(values: Any, query: Query, kind: Kind) -> SearchResult:
    """The same result again. Raises ProtocolError."""
    try:
        hits = [dict(zip(_HIT, hit, strict=True)) for hit in values["hits"]]
        return SearchResult(
            query=query,
            kind=kind,
            hits=tuple(
                Hit(**{**hit, **{name: tuple(hit[name]) for name in _LISTS}}) for hit in hits
            ),
            considered=values["considered"],
            elapsed_ms=values["elapsed_ms"],
            encoder=values["encoder"],
            method=values["method"],
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ProtocolError("an answer that is no result") from exc
