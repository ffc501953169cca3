"""What client and server say to each other: lines of JSON.

    request   {"protocol": 5, "program": PROGRAM, "ask": ASK, …}, where ASK is
              "search", "look" (plan a question and search what its answer begins with),
              "warm" (load a collection, after the answer), "status" or "stop"
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
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from retrieval._version import __version__
from retrieval.records import Chip, Filter, Hit, Part, Query, SearchOptions, SearchResult

if TYPE_CHECKING:
    from socket import socket

PROTOCOL = 5
#: Which code it is: only the same program may answer for another process.
PROGRAM = f"{__version__} {Path(__file__).parent.parent}"
MOST_BYTES = 1 << 20  # of a request
RECEIVED = {"received": True}


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


def plain(record: Any) -> Any:
    """A record, and what it holds, as JSON values: a dict of its fields."""
    if is_dataclass(record):
        return {field.name: plain(getattr(record, field.name)) for field in fields(record)}
    return [plain(value) for value in record] if isinstance(record, (tuple, list)) else record


def query_from_json(values: Any) -> Query:
    """The query that `plain` made these values of. Raises ProtocolError."""
    try:
        return Query(
            parts=tuple(Part(**part) for part in values["parts"]),
            filters=tuple(_filter(each) for each in values["filters"]),
            chips=tuple(_chip(each) for each in values["chips"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ProtocolError("values that are no query") from exc


def options_from_json(values: Any) -> SearchOptions:
    """The options that `plain` made these values of. Raises ProtocolError."""
    try:
        return SearchOptions(**_with_tuples(values))
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ProtocolError("values that are no options") from exc


def result_from_json(values: Any) -> SearchResult:
    """The result that `plain` made these values of. Raises ProtocolError."""
    try:
        hits = tuple(Hit(**_with_tuples(hit)) for hit in values["hits"])
        query = query_from_json(values["query"])
        return SearchResult(**{**values, "hits": hits, "query": query})
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ProtocolError("an answer that is no result") from exc


def _filter(values: dict[str, Any]) -> Filter:
    return Filter(**_with_tuples(values))


def _chip(values: dict[str, Any]) -> Chip:
    given = values["filter"]
    return Chip(**{**values, "filter": None if given is None else _filter(given)})


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
