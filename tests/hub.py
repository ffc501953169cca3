"""A model hub of a few folders on 127.0.0.1, as far as the hub's client asks for one."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

COMMIT = "c" * 40


@contextmanager
def serve_hub(repos: dict[str, Path], status: int = 200) -> Iterator[str]:
    """Serve `repos` ("org/name" -> folder) and yield the address; another `status` answers all."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if status != 200 or self.path == "/":
                return self._answer(status, b"")
            parts = self.path.split("?")[0].strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                return self._describe("/".join(parts[2:4]), "tree" in parts)
            folder = repos.get("/".join(parts[:2]))
            path = folder / parts[-1] if folder else None
            if path is None or not path.is_file():
                code = "RepoNotFound" if folder is None else "EntryNotFound"
                return self._answer(404, b"", {"X-Error-Code": code})
            body = path.read_bytes()
            etag = hashlib.sha256(body).hexdigest()
            return self._answer(200, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

        def _describe(self, repo: str, tree: bool) -> None:
            if repo not in repos:
                return self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
            names = sorted(path.name for path in repos[repo].iterdir())
            info: Any = {
                "id": repo,
                "sha": COMMIT,
                "siblings": [{"rfilename": name} for name in names],
            }
            if tree:
                info = [{"type": "file", "path": n, "size": 1, "oid": "0" * 40} for n in names]
            return self._answer(200, json.dumps(info).encode())

        def _answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_server() -> Iterator[str]:
    """Yield the address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def refused_address() -> str:
    """Return an address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def use_hub(patch: pytest.MonkeyPatch, address: str) -> None:
    """Let the hub's client, which read its settings when it was imported, ask `address`."""
    patch.setenv("NO_PROXY", "127.0.0.1")
    patch.setattr(constants, "ENDPOINT", address)
    template = "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + template)


def use_empty_cache(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the hub's client look for nothing, and ask nobody, outside the test."""
    use_hub(patch, refused_address())
    patch.setattr(constants, "HF_HUB_CACHE", str(folder))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
