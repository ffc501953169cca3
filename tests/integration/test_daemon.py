"""The daemon: the same answers as without it, whatever happens to it, its clients, collections."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from retrieval import Collection, SearchResult, index_folder, make_query, search
from retrieval.cli import main
from retrieval.daemon import client, protocol
from retrieval.daemon import place as where
from retrieval.daemon import server as server_module
from retrieval.daemon.held import Holdings, Wanted
from retrieval.daemon.server import Server, _wanted
from retrieval.encoders import EncoderSpec
from retrieval.errors import (
    CollectionError,
    CorruptError,
    DaemonError,
    LockedError,
    NoCollectionError,
    QueryError,
    RetrievalError,
    StorageError,
)
from retrieval.maintenance.forgetting import forget
from retrieval.records import Kind, Query, SearchOptions
from retrieval.searching import run
from tests.conftest import LONGEST_S, open_toy, until
from tests.flips import flip
from tests.pictures import picture
from tests.toy import ToyEncoder

SPEC = ("auto", "auto", "auto", "")
COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def place(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    """A collection of photos (one in two files, one whose name is not UTF-8) and two documents."""
    for colour in COLOURS:
        picture(tmp_path / f"photos/{colour}.png", colour)
    shutil.copy(tmp_path / "photos/red.png", tmp_path / "photos/again.png")
    shutil.copy(
        tmp_path / "photos/blue.png", os.fsdecode(bytes(tmp_path / "photos") + b"/\xff.png")
    )
    (tmp_path / "photos/notes.csv").write_text("image,caption\nred.png,a red thing\n,green\n")
    with open_toy(tmp_path / "collection") as made:
        index_folder(made, [tmp_path / "photos"])
    return tmp_path / "collection"


def asked(place: Path, query: Query, kind: Kind = "photos", k: int = 10) -> SearchResult | None:
    answer = client.search(place, SPEC, query, SearchOptions(kind, k))
    return answer and answer[0]


def without_time(result: SearchResult | None) -> SearchResult | None:
    return result and replace(result, elapsed_ms=0)


def here(place: Path, query: Query, kind: Kind = "photos", k: int = 10) -> SearchResult:
    with Collection.open(place) as collection:
        return search(collection, query, kind=kind, k=k)


def send_raw(runtime: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(runtime / where.SOCKET))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


# --- the same answers -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["photos", "documents"])
@pytest.mark.parametrize(
    "query",
    [
        {"text": "red"},
        {"text": ["2:red", "blue"], "minus": "green"},
        {"images": "photos/yellow.png"},  # relative: the daemon works in another folder
        {"text": "red", "images": "0.5:photos/blue.png", "minus_images": "photos/green.png"},
    ],
)
def test_the_same_as_without_it(
    query: dict[str, Any], kind: Kind, place: Path, daemon: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_query(**query)
    for k in (1, 3, 100):
        expected = here(place, made, kind, k)
        assert without_time(asked(place, made, kind, k)) == without_time(expected)
    assert daemon.served == 3


def test_names_that_are_not_utf8(place: Path, daemon: Server) -> None:
    result = asked(place, make_query("blue"), k=1)
    assert result is not None
    paths = {result.hits[0].path, *result.hits[0].also}
    assert {os.fsencode(path).rsplit(b"/")[-1] for path in paths} == {b"blue.png", b"\xff.png"}


def test_a_question_begins_with_its_first_page(place: Path, daemon: Server) -> None:
    look = client.look(place, SPEC, "Where did I photograph a red wall?", 2)
    assert look is not None
    query, options, result, notices = look
    assert (query, options) == (make_query("a red wall"), SearchOptions(k=2))
    assert without_time(result) == without_time(here(place, query, k=2))
    assert notices == []
    with pytest.raises(QueryError, match="The question is empty"):
        client.look(place, SPEC, "?", 2)
    assert daemon.served == 1


@pytest.mark.parametrize(
    "question",
    [
        "Where is a red wall?",
        "How many photos did I take?",
        "Did I take more red or green photos?",
        "red " * 1_000,
    ],
)
def test_answers_are_the_same(question: str, place: Path, daemon: Server) -> None:
    words = ["ask", question, "-c", str(place)]
    by_daemon = CliRunner().invoke(main, words)
    assert daemon.served >= 1
    assert by_daemon.stdout.count("rank  match") == 1  # shown once
    daemon.stop()
    assert until(lambda: client.status() is None)
    alone = CliRunner().invoke(main, words)
    assert (by_daemon.exit_code, alone.exit_code) == (0, 0)
    assert by_daemon.stdout == alone.stdout


def test_a_question_that_is_none_is_refused_the_same(place: Path, daemon: Server) -> None:
    result = CliRunner().invoke(main, ["ask", "?", "-c", str(place)])
    assert result.exit_code == 2
    assert result.output.count("The question is empty") == 1


@pytest.mark.parametrize("option", ["--json", "--jsonl", "--paths", None])
def test_the_command_shows_the_same(option: str | None, place: Path, daemon: Server) -> None:
    words = ["search", "2:red", "blue", "-c", str(place), "--image", "photos/green.png"]
    words += ["--all", option] if option else ["--all"]
    by_daemon = CliRunner().invoke(main, words)
    assert daemon.served == 1
    daemon.stop()
    assert until(lambda: client.status() is None)
    alone = CliRunner().invoke(main, words)
    assert (by_daemon.exit_code, alone.exit_code) == (0, 0)
    assert _without_time(by_daemon.stdout) == _without_time(alone.stdout)
    assert len(by_daemon.stdout) > 10


def _without_time(shown: str) -> str:
    return "\n".join(line for line in shown.splitlines() if "elapsed_ms" not in line)


def test_a_page_is_made_by_the_client(place: Path, daemon: Server, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = CliRunner().invoke(main, ["search", "red", "-c", str(place), "--html", str(page)])
    assert done.exit_code == 0
    assert daemon.served == 1
    assert page.read_text().count("data:image/jpeg") == 4


@pytest.mark.parametrize(
    ("kind", "k", "error"), [("photos", 0, QueryError), ("documents", 3, NoCollectionError)]
)
def test_errors_of_the_library_come_back(
    kind: Kind, k: int, error: type[RetrievalError], tmp_path: Path, daemon: Server
) -> None:
    picture(tmp_path / "only/red.png")
    with open_toy(tmp_path / "photos_only") as made:
        index_folder(made, [tmp_path / "only"])
    with pytest.raises(error) as alone:
        here(tmp_path / "photos_only", make_query("red"), kind, k)
    with pytest.raises(error) as by_daemon:
        asked(tmp_path / "photos_only", make_query("red"), kind, k)
    assert str(by_daemon.value) == str(alone.value)
    assert type(by_daemon.value) is type(alone.value)


def test_what_depends_on_the_process_is_done_by_the_client(place: Path, daemon: Server) -> None:
    Path("photos/broken.png").write_bytes(b"no picture")
    query = make_query(images="photos/broken.png")
    assert asked(place, query) is None
    with pytest.raises(RetrievalError, match=r"photos/broken.png cannot be used"):
        here(place, query)
    Path("checkpoint").mkdir()
    assert (
        client.search(place, ("checkpoint", "auto", "auto", ""), query, SearchOptions(k=1)) is None
    )
    assert client.search(place, ("toy2", "auto", "auto", ""), query, SearchOptions(k=1)) is None
    assert asked(place, make_query("red")) is not None


# --- collections that change ------------------------------------------------------------------


@pytest.fixture
def inattentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that looks at what it holds when it is asked, and not before."""
    monkeypatch.setattr(server_module, "WAKE_S", 600)


@pytest.mark.usefixtures("inattentive")
def test_new_photos_are_found(place: Path, daemon: Server, toy: list[ToyEncoder]) -> None:
    first = asked(place, make_query("white"))
    assert first is not None
    picture(Path("photos/white.png"), "white")
    with Collection.open(place) as collection:
        index_folder(collection, ["photos"])
    before = len(toy)
    second = asked(place, make_query("white"))
    assert second is not None
    assert Path(second.hits[0].path).name == "white.png"
    assert second.considered == first.considered + 1
    assert len(toy) == before  # the encoder stays


def test_one_that_is_made_anew_with_another_encoder(
    place: Path, daemon: Server, toy: list[ToyEncoder]
) -> None:
    assert asked(place, make_query("red")) is not None
    shutil.rmtree(place)
    assert asked(place, make_query("red")) is None
    with open_toy(place, model="toy2") as made:
        index_folder(made, ["photos"])
    result = asked(place, make_query("red"))
    assert result is not None
    assert result.encoder == "toy2"
    assert without_time(result) == without_time(here(place, make_query("red")))


@pytest.mark.parametrize("way", ["forget", "index", "remove"])
def test_what_has_changed_is_let_go_of(way: str, place: Path, daemon: Server) -> None:
    held = daemon._open_holdings().get(_wanted(client._wanted(place, SPEC) or {}))
    assert asked(place, make_query("red")) is not None
    assert held._collection is not None
    if way == "remove":
        shutil.rmtree(place)
    else:
        picture(Path("photos/white.png"), "white")
        with Collection.open(place) as collection:
            if way == "index":
                index_folder(collection, ["photos"])
            else:
                forget(collection, paths=["photos/red.png"])
    assert until(lambda: held._collection is None)
    assert until(lambda: (client.status() or {})["collections"] == [])
    assert (asked(place, make_query("red")) is None) == (way == "remove")


def test_a_search_that_goes_on_is_not_disturbed(place: Path) -> None:
    wanted = _wanted(client._wanted(place, SPEC) or {})
    holdings = Holdings()
    holdings.warm(wanted)
    held = holdings.get(wanted)
    os.utime(place / "catalog.db", (0, 0))
    with held._lock:  # as a search does
        holdings.tidy()
        assert held._collection is not None
    holdings.tidy()
    assert held._collection is None
    assert holdings.describe() == []
    holdings.close()


def test_one_that_fails_takes_no_place(place: Path, daemon: Server) -> None:
    query = make_query("red")
    for cache in range(4):
        made = (*SPEC[:3], str(place / str(cache)))
        assert client.search(place, made, query, SearchOptions(k=1)) is not None
    before = (client.status() or {})["collections"]
    assert client.search(place, ("nonsense/zz", *SPEC[1:]), query, SearchOptions(k=1)) is None
    assert (client.status() or {})["collections"] == before
    assert len(before) == 4


def test_one_that_runs_loads_another_collection(place: Path, daemon: Server) -> None:
    other = shutil.copytree(place, place.parent / "other")
    assert asked(place, make_query("red")) is not None
    done = CliRunner().invoke(main, ["daemon", "start", "-c", str(other), "--json"])
    assert json.loads(done.stdout)["process"] == os.getpid()

    def held() -> set[str]:
        return {each["path"] for each in (client.status() or {})["collections"]}

    assert until(lambda: held() == {str(place), str(other)})


def test_one_that_is_not_there_is_not_loaded(place: Path, daemon: Server) -> None:
    missing = ["-c", str(place.parent / "missing")]
    by_search = CliRunner().invoke(main, ["search", "red", *missing])
    by_start = CliRunner().invoke(main, ["daemon", "start", *missing])
    assert "There is no collection at" in by_start.stderr
    assert (by_start.exit_code, by_start.stderr) == (by_search.exit_code, by_search.stderr)
    assert CliRunner().invoke(main, ["daemon", "start"]).exit_code == 0  # the default one


def test_what_cannot_be_loaded_is_logged(daemon: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert client._ask({"ask": "warm", "wanted": {"place": 3}}) == {"result": {}}
    logged = ""

    def is_logged() -> bool:
        nonlocal logged
        logged += capfd.readouterr().err
        return "loading a collection failed with KeyError" in logged

    assert until(is_logged)
    assert client.status() is not None


def test_one_that_moves(place: Path, daemon: Server, tmp_path: Path) -> None:
    assert asked(place, make_query("red")) is not None
    place.rename(tmp_path / "elsewhere")
    assert asked(place, make_query("red")) is None
    expected = here(tmp_path / "elsewhere", make_query("red"))
    assert without_time(asked(tmp_path / "elsewhere", make_query("red"))) == without_time(expected)


@pytest.mark.parametrize("name", ["catalog.db", "catalog.seal", "manifest.json"])
@pytest.mark.parametrize("way", ["flip", "remove"])
def test_damage_is_noticed_as_without_it(name: str, way: str, place: Path, daemon: Server) -> None:
    assert asked(place, make_query("red")) is not None
    if way == "flip":
        flip(place / name, (place / name).stat().st_size // 2, 1)
    else:
        (place / name).unlink()
    with pytest.raises(CollectionError) as alone:
        here(place, make_query("red"))
    if name == "catalog.db" and way == "remove":
        assert asked(place, make_query("red")) is None  # the client says what is wrong
        return
    for _ in range(2):
        with pytest.raises(CorruptError) as by_daemon:
            asked(place, make_query("red"))
        assert str(by_daemon.value) == str(alone.value)


def test_a_writer_at_work_hinders_nobody(place: Path, daemon: Server) -> None:
    with Collection.open(place) as collection, collection.writing():
        assert asked(place, make_query("red")) is not None


def test_the_client_sees_another_file_at_the_same_place(
    place: Path, daemon: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"place": str(place), "catalog": [1, 2], "spec": list(SPEC)}
    monkeypatch.setattr(client, "_wanted", lambda *_: wanted)
    assert asked(place, make_query("red")) is None


def test_the_least_used_makes_room(place: Path, tmp_path: Path) -> None:
    status = (place / "catalog.db").stat()
    holdings = Holdings(most=2)
    specs = [EncoderSpec(device=device) for device in ("auto", "cpu", "cuda")]
    wanted = [Wanted(str(place), spec, (status.st_dev, status.st_ino)) for spec in specs]
    first = holdings.get(wanted[0])
    for each in wanted[:2]:
        holdings.warm(each)
    assert holdings.get(wanted[0]) is first
    holdings.warm(wanted[2])
    assert [each["path"] for each in holdings.describe()] == [str(place)] * 2
    assert holdings.get(wanted[0]) is first
    open_files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    holdings.close()
    # one that was handed out before it was closed works, and holds nothing afterwards
    red = make_query("red")
    found, _ = first.do(wanted[0].catalog, lambda held: run(held, red, SearchOptions(k=1)))
    assert found.hits
    if open_files:
        assert len(os.listdir("/proc/self/fd")) < open_files


# --- clients ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"no json\n",
        b"[]\n",
        b'{"half": ',
        b"[" * 100_000 + b"\n",
        b"x" * (protocol.MOST_BYTES + 100_000) + b"\n",
        b'{"ask": "search"',
    ],
)
def test_what_is_no_request_harms_nobody(
    data: bytes, place: Path, daemon: Server, runtime: Path
) -> None:
    try:
        answer = send_raw(runtime, data)
    except OSError:
        answer = b'{"refused": "it hung up"}\n'
    assert "refused" in json.loads(answer or b"{}")
    assert asked(place, make_query("red")) is not None


@pytest.mark.parametrize(
    "request_",
    [
        {"ask": "search"},
        {"ask": "dance"},
        {"ask": "warm"},
        {},
        {"ask": "search", "wanted": {}, "query": {"parts": []}, "options": {"k": 1}},
        {"ask": "search", "wanted": {"place": 3, "catalog": "x", "spec": []}, "query": 1},
    ],
)
def test_requests_that_mean_nothing(
    request_: dict[str, Any], place: Path, daemon: Server, runtime: Path
) -> None:
    head = {"protocol": protocol.PROTOCOL, "program": protocol.PROGRAM}
    lines = send_raw(runtime, json.dumps({**head, **request_}).encode() + b"\n").splitlines()
    assert json.loads(lines[0]) == protocol.RECEIVED
    assert [set(json.loads(line)) for line in lines[1:]] == [{"refused"}]
    assert asked(place, make_query("red")) is not None


def test_a_client_that_leaves(place: Path, daemon: Server, runtime: Path) -> None:
    for data in (b"", b'{"protocol"', json.dumps({"ask": "status"}).encode() + b"\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(runtime / where.SOCKET))
            connection.sendall(data)
    assert asked(place, make_query("red")) is not None


def test_many_at_once(place: Path, daemon: Server) -> None:
    expected = {colour: without_time(here(place, make_query(colour))) for colour in COLOURS}
    wrong: list[Any] = []

    def ask(colour: str) -> None:
        for _ in range(5):
            found = without_time(asked(place, make_query(colour)))
            wrong.extend([found] * (found != expected[colour]))

    threads = [threading.Thread(target=ask, args=(colour,)) for colour in COLOURS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert daemon.served == 20


def test_another_version_is_refused_and_the_daemon_ends(place: Path, daemon: Server) -> None:
    request = {"protocol": 1, "program": "another", "ask": "search"}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(where.runtime_folder() / where.SOCKET))
        protocol.send(connection, request)
        with connection.makefile("rb") as incoming:
            assert "refused" in protocol.receive(incoming)
    assert until(lambda: client.status() is None)
    assert asked(place, make_query("red")) is None


# --- the socket -------------------------------------------------------------------------------


def test_nobody_listens(place: Path, runtime: Path) -> None:
    assert asked(place, make_query("red")) is None
    assert client.status() is None
    assert client.stop() is False
    where.make_runtime_folder()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(runtime / where.SOCKET))
    assert asked(place, make_query("red")) is None  # a stale socket
    done = CliRunner().invoke(main, ["search", "red", "-c", str(place), "-k1", "--paths"])
    assert (done.exit_code, Path(done.stdout.strip()).name) == (0, "again.png")


def test_who_answers_nonsense_is_not_believed(place: Path, runtime: Path) -> None:
    answers = [b"", b"no json\n", b"[1]\n", b'{"result": 7}\n', b'{"error": ["os", "x"]}\n']
    answers += [b'{"error": ["KeyError", "x"]}\n', b'{"result": {"hits": [[1, 2]]}}\n', b"{}\n"]
    answers += [b'{"received": true}\n' + answer for answer in answers]
    where.make_runtime_folder()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / where.SOCKET))
        listener.listen()

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert [asked(place, make_query("red")) for _ in answers] == [None] * len(answers)
        thread.join()


@pytest.fixture
def impatient(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a daemon that will not answer."""
    for name in ("RECEIVED_S", "UNANSWERED_S"):
        monkeypatch.setattr(client, name, 0.3)


@pytest.mark.usefixtures("impatient")
def test_one_that_hangs_is_not_waited_for(place: Path, runtime: Path) -> None:
    done: list[Any] = []

    def ask() -> None:
        done.extend([asked(place, make_query("red")), client.status()])
        try:
            client.stop()
        except DaemonError as exc:
            done.append(str(exc))

    folder = where.make_runtime_folder()
    with where.only_one(folder), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / where.SOCKET))
        listener.listen()  # a connection is made though nobody accepts it
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(LONGEST_S)
    assert done[:2] == [None, None]
    assert f"kill -9 {os.getpid()}" in done[2]


def test_a_folder_that_others_can_enter_is_not_used(
    place: Path, daemon: Server, runtime: Path
) -> None:
    runtime.chmod(0o755)
    assert asked(place, make_query("red")) is None
    with pytest.raises(StorageError, match="open to others"):
        where.make_runtime_folder()
    runtime.chmod(0o700)
    assert asked(place, make_query("red")) is not None


def test_a_file_where_the_folder_is_to_be(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.write_text("")
    with pytest.raises(StorageError, match=f"^{runtime} is a file. Remove it"):
        client.start()
    file = tmp_path / "run"
    file.write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(file))
    monkeypatch.setattr(where, "LONGEST", 1000)  # of a name
    with pytest.raises(StorageError, match=f"^{file} is a file. Remove it"):
        client.start()


def test_a_name_that_is_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    with pytest.raises(StorageError, match="too long a name"):
        client.start()


def test_only_one_listens(daemon: Server, runtime: Path) -> None:
    with pytest.raises(LockedError):
        Server(runtime, 600).run()
    assert client.status() is not None


def test_who_asks_for_the_holder_does_not_hinder_a_start(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "LOCK_S", 60.0)
    folder = where.make_runtime_folder()
    lock = os.open(folder / where.LOCK, os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)  # as `holder` does
    later = threading.Timer(0.2, os.close, [lock])
    later.start()
    with where.only_one(folder):
        assert where.holder() == str(os.getpid())
    later.join()


def test_modes(daemon: Server, runtime: Path) -> None:
    assert runtime.stat().st_mode & 0o777 == 0o700
    assert {p.name: p.stat().st_mode & 0o077 for p in runtime.iterdir()} == {"socket": 0, "lock": 0}


def test_it_ends_when_idle(runtime: Path, place: Path) -> None:
    server = Server(where.make_runtime_folder(), idle_s=600)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert until(client.status)
    assert asked(place, make_query("red")) is not None
    assert not server._is_idle()
    server.idle_s = 0.2
    thread.join(LONGEST_S)
    assert not thread.is_alive()
    assert {path.name for path in runtime.iterdir()} == {"lock"}


def test_it_ends_when_its_folder_is_taken_away(runtime: Path) -> None:
    server = Server(where.make_runtime_folder(), idle_s=600)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert until(client.status)
    shutil.rmtree(runtime)
    thread.join(LONGEST_S)
    assert not thread.is_alive()


# --- a process of its own ---------------------------------------------------------------------


#: The daemon, and the toy encoder.
WITH_TOY = """
import json, sys
from retrieval.daemon.__main__ import main
from retrieval.encoders import ENCODERS
ENCODERS["toy"] = "tests.toy:load"
main(json.loads(sys.argv[1]))
"""


@pytest.fixture
def ended(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", WITH_TOY))
    monkeypatch.setattr(client, "START_S", 120.0)
    monkeypatch.setattr(client, "ENDING_S", 60.0)
    yield
    client.stop()


@pytest.mark.usefixtures("ended")
def test_start_status_stop(runtime: Path) -> None:
    run = CliRunner().invoke
    assert run(main, ["daemon", "status"]).exit_code == 1
    assert json.loads(run(main, ["daemon", "status", "--json"]).stdout) == {"running": False}
    started = json.loads(run(main, ["daemon", "start", "--idle", "60", "--json"]).stdout)
    again = json.loads(run(main, ["daemon", "start", "--json"]).stdout)
    assert started["process"] == again["process"] != os.getpid()
    shown = run(main, ["daemon", "status"])
    assert shown.exit_code == 0
    assert str(started["process"]) in shown.stdout
    assert "60 s without a search" in shown.stdout
    assert os.getsid(started["process"]) == started["process"]  # it outlives the terminal
    assert run(main, ["daemon", "stop"]).stdout == "the daemon has ended\n"
    assert run(main, ["daemon", "stop"]).stdout == "no daemon was running\n"
    assert {path.name for path in runtime.iterdir()} == {"daemon.log", "lock"}


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_is_killed_is_started_anew(number: signal.Signals) -> None:
    first = client.start()["process"]
    os.kill(first, number)
    assert until(lambda: where.holder() is None)
    assert client.status() is None
    assert client.start()["process"] != first


@pytest.mark.usefixtures("ended")
def test_two_starts_at_once() -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(client.start()["process"])) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


@pytest.mark.usefixtures("ended")
def test_keep_warm_starts_it_and_no_query_is_written(place: Path, runtime: Path) -> None:
    words = ["search", "2:red", "secret blue", "-c", str(place), "--keep-warm", "--paths"]
    first = CliRunner().invoke(main, words)
    assert first.exit_code == 0
    assert until(client.status)
    status = client.status()
    assert status is not None
    again = CliRunner().invoke(main, words)
    assert again.stdout == first.stdout
    then = client.status()
    assert then is not None
    assert (then["process"], then["served"]) == (status["process"], 1)
    assert [held["path"] for held in then["collections"]] == [str(place)]
    shown = CliRunner().invoke(main, ["daemon", "status"]).stdout
    assert str(place) in shown
    client.stop()
    log = (runtime / "daemon.log").read_text()
    assert "listening" in log
    assert "secret" not in log


@pytest.mark.usefixtures("ended")
def test_a_start_while_another_one_is_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process finds the lock taken and ends, and then the one that held it ends."""
    once = "import pathlib, os; pathlib.Path('tried').exists() or (open('tried', 'w'), os._exit(0))"
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", f"{once}\n{WITH_TOY}"))
    started = client.start()["process"]
    assert (client.status() or {})["process"] == started
    assert Path("tried").exists()


@pytest.mark.usefixtures("daemon")
def test_one_too_many_says_why_it_ends() -> None:
    command = [*client.COMMAND, '{"idle_s": 60}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    assert done.returncode == 0
    assert "ends: Another daemon is listening already." in done.stderr


@pytest.mark.usefixtures("ended")
def test_one_that_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    process = client.start()["process"]
    os.kill(process, signal.SIGSTOP)
    try:
        with monkeypatch.context() as patch:
            for name in ("RECEIVED_S", "UNANSWERED_S"):
                patch.setattr(client, name, 0.3)
            for act in (client.start, client.stop):
                with pytest.raises(DaemonError, match=f"kill -9 {process}$"):
                    act()
    finally:
        os.kill(process, signal.SIGCONT)
    assert client.status() is not None


def test_one_that_cannot_start(runtime: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "COMMAND", ("false",))
    with pytest.raises(DaemonError, match=r"did not start. See .*daemon.log"):
        client.start()
    monkeypatch.setattr(client, "COMMAND", ("/no/such/program",))
    with pytest.raises(DaemonError, match="cannot be started: No such file"):
        client.start()
    done = CliRunner().invoke(main, ["search", "red", "-c", str(place), "--keep-warm", "--paths"])
    assert done.exit_code == 0
    assert "note: The daemon cannot be started" in done.stderr


@pytest.mark.parametrize("idle", ["nan", "inf", "-inf", "1e400", "0", "soon"])
def test_an_idle_time_that_is_none(idle: str, runtime: Path) -> None:
    done = CliRunner().invoke(main, ["daemon", "start", "--idle", idle])
    assert done.exit_code == 2
    assert "--idle" in done.stderr
    assert not runtime.exists()


@pytest.mark.usefixtures("impatient")
def test_one_that_does_not_answer(runtime: Path) -> None:
    folder = where.make_runtime_folder()
    with (
        where.only_one(folder),
        pytest.raises(DaemonError, match=f"kill -9 {os.getpid()}"),
    ):
        client.stop()
