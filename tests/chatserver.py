"""A server of chats on 127.0.0.1 that does what a test scripts, and keeps what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Answers one request by writing to its handler.
Behaviour = Callable[["Handler"], None]


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class ChatServer:
    """What tests see of it: where it is, what it was asked, and whether somebody hung up."""

    url: str = ""
    script: list[Behaviour] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    listed: int = 0
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [asked.body for asked in self.asked]


class Handler(BaseHTTPRequestHandler):
    """One request; the helpers below write to it."""

    protocol_version = "HTTP/1.1"
    chats: ChatServer
    body: dict[str, Any]

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.chats.listed += 1
        if self.path.endswith("/models") and self.chats.models:
            return self.plain(200, {"object": "list", "data": self.chats.models})
        return self.plain(404, {"error": {"message": "File Not Found"}})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.body = json.loads(content)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.chats.asked.append(Asked(self.path, headers, self.body))
        script = self.chats.script
        behaviour = script.pop(0) if len(script) > 1 else script[0]  # the last one stays
        with suppress(BrokenPipeError, ConnectionResetError):
            behaviour(self)

    def plain(self, status: int, content: Any, **headers: str) -> None:
        """Answer with one body: JSON, or bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> None:
        """Begin a stream of events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, data: bytes) -> None:
        """One chunk, as it is."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def finish(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def break_off(self) -> None:
        """End the connection in the middle of what is said."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


# --- behaviours -----------------------------------------------------------------------------


def event(text: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    """One event of a stream."""
    said = delta if text is None else {"content": text, **delta}
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"


def pieces(text: str, size: int = 7) -> list[str]:
    """A text cut as a model would write it."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def streams(*texts: str, finish: str = "stop", done: bool = True) -> Behaviour:
    """Write these pieces as they are."""

    def behave(handler: Handler) -> None:
        handler.begin()
        handler.send(event(role="assistant", content=None))
        for text in texts:
            handler.send(event(text))
        handler.send(event(finish=finish))
        if done:
            handler.send(b"data: [DONE]\n\n")
        handler.finish()

    return behave


def sends(*chunks: bytes) -> Behaviour:
    """A stream of these bytes, ended as it should be."""

    def behave(handler: Handler) -> None:
        handler.begin()
        for chunk in chunks:
            handler.send(chunk)
        handler.finish()

    return behave


def says(content: Any, status: int = 200, **headers: str) -> Behaviour:
    """One body with a status."""
    return lambda handler: handler.plain(status, content, **headers)


def refuses(message: str, status: int = 400, **headers: str) -> Behaviour:
    """An error as OpenAI writes it."""
    return says({"error": {"message": message, "type": "error", "code": None}}, status, **headers)


def stops_after(*texts: str) -> Behaviour:
    """Write these pieces, and end the connection."""

    def behave(handler: Handler) -> None:
        handler.begin()
        for text in texts:
            handler.send(event(text))
        handler.break_off()

    return behave


def hangs_up(handler: Handler) -> None:
    """End the connection without a word."""
    handler.break_off()


def never_ends(handler: Handler) -> None:
    """Write until the other side hangs up."""
    handler.begin()
    try:
        for _ in range(100_000):
            handler.send(event("word " * 20))
            time.sleep(0.001)
    except OSError:
        handler.chats.hung_up.set()
        raise


def falls_silent(handler: Handler) -> None:
    """Say nothing more, and wait until the other side hangs up."""
    with suppress(OSError):
        handler.connection.recv(1)
    handler.chats.hung_up.set()
    handler.close_connection = True


def echoes_the_key(status: int) -> Behaviour:
    """Tell in an error which headers came, the key among them."""

    def behave(handler: Handler) -> None:
        key = handler.headers.get("Authorization", "")
        handler.plain(status, {"error": {"message": f"Incorrect API key provided: {key}"}})

    return behave


def does(choose: Callable[[dict[str, Any]], Behaviour]) -> Behaviour:
    """What `choose` says for the body that came."""
    return lambda handler: choose(handler.body)(handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Connections end as a test wants them to: nobody need read of it."""


@contextmanager
def serve_chats(*script: Behaviour, models: Sequence[dict[str, Any]] = ()) -> Iterator[ChatServer]:
    """A server that answers chats one after the other as `script` says; the last one repeats."""
    chats = ChatServer(script=list(script), models=list(models))
    kind = type("Bound", (Handler,), {"chats": chats})
    server = _Server(("127.0.0.1", 0), kind)
    chats.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chats
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
