"""What every test gets: no network, no settings from outside, a working directory of its own."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from retrieval import Collection, EncoderSpec
from retrieval.daemon import client
from retrieval.daemon.place import make_runtime_folder
from retrieval.daemon.server import Server
from retrieval.encoders import ENCODERS
from tests import toy as toy_module
from tests.toy import ToyEncoder

os.environ["HF_HUB_OFFLINE"] = "1"  # the hub's client reads it once, when it is imported

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
#: Seconds that only a broken program reaches, however busy the machine is.
LONGEST_S = 300.0
LOCAL = {"127.0.0.1", "::1", "localhost", None, ""}

settings.register_profile(
    "retrieval",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("retrieval")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where exported towers lie: one place for all tests, since exporting takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and hub of the developer's machine must not leak into a test, nor out of it."""
    for name in list(os.environ):
        if name.startswith("RETRIEVAL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("RETRIEVAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RETRIEVAL_CACHE", str(cache))
    monkeypatch.setenv("RETRIEVAL_LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))  # no daemon is there
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tripwire: whatever wants to leave this machine fails the test."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    def guarded_look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in LOCAL:
            raise AssertionError(f"a test tried to look up {host}")
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture
def shared() -> Path:
    """The folder of real photos beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the real photos of {SHARED}, which are not here")
    return SHARED


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> list[ToyEncoder]:
    """Make `--model toy` work; the list holds every toy encoder that gets loaded, in order."""
    loaded: list[ToyEncoder] = []

    def load(spec: EncoderSpec) -> ToyEncoder:
        loaded.append(toy_module.make(spec.model))
        return loaded[-1]

    monkeypatch.setitem(ENCODERS, "toy", "tests.toy:load")
    for other in ("toy2", "turned"):
        monkeypatch.setitem(ENCODERS, other, "tests.toy:load")
    monkeypatch.setattr(toy_module, "load", load)
    return loaded


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for the daemon whose name is short enough for a socket; it has time to answer."""
    for name in ("CONNECT_S", "RECEIVED_S", "UNANSWERED_S"):
        monkeypatch.setattr(client, name, 60.0)
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder) / "retrieval"


@pytest.fixture
def daemon(runtime: Path, toy: list[ToyEncoder]) -> Iterator[Server]:
    """A daemon in a thread of this process, so that it knows the toy encoder."""
    server = Server(make_runtime_folder(), idle_s=600)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert until(client.status)
    yield server
    server.stop()
    thread.join(LONGEST_S)
    assert not thread.is_alive()


@pytest.fixture
def collection(toy: list[ToyEncoder], tmp_path: Path) -> Iterator[Collection]:
    """An empty collection that embeds with the toy encoder."""
    with open_toy(tmp_path / "collection") as opened:
        yield opened


def until(is_so: Callable[[], object], longest_s: float = LONGEST_S) -> bool:
    """Whether something becomes so."""
    end = time.monotonic() + longest_s
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def open_toy(path: Path, model: str = "toy", **options: Any) -> Collection:
    """Open or make the collection at `path`; needs the fixture `toy`."""
    return Collection.open(path, create=True, spec=EncoderSpec(model), **options)
