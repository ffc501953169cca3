"""The gate, the ledger, consents and keys: nothing leaves unasked, nothing unrecorded."""

from __future__ import annotations

import os
import stat
import sys
import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answerers import prompting
from retrieval.errors import ConfigError, ModelError, PrivacyError, StorageError
from retrieval.models import MOST_SIDE
from retrieval.privacy import Gate, open_gate
from retrieval.privacy.consents import Consents
from retrieval.privacy.endpoints import parse_endpoint, proxy_for, shown_proxy
from retrieval.privacy.gate import consent_text
from retrieval.privacy.keys import api_key
from retrieval.privacy.ledger import Ledger, entries
from retrieval.records import LedgerEntry, SentPhoto
from retrieval.storage import disk

FAR = "https://api.example.com/v1/chat/completions"
ORIGIN = "https://api.example.com"


def agreeing(asked: list[str] | None = None) -> Callable[[str], bool]:
    def agree(text: str) -> bool:
        if asked is not None:
            asked.append(text)
        return True

    return agree


def send(gate: Gate, url: str = FAR, **more: Any) -> None:
    with gate.sending(url, model="m", purpose="answer", size=7, **more):
        pass


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "loopback"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080", True),
        ("http://127.9.9.9", "http://127.9.9.9", True),
        ("http://[::1]:1234/v1", "http://[::1]:1234", True),
        ("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]", True),
        ("http://LOCALHOST:11434", "http://localhost:11434", True),
        ("https://API.Example.com:443/x", "https://api.example.com", False),
        ("http://example.com:443", "http://example.com:443", False),
        ("http://localhost.example.com", "http://localhost.example.com", False),
        ("http://my.localhost", "http://my.localhost", False),
        ("http://127.0.0.1.example.com", "http://127.0.0.1.example.com", False),
        ("http://10.0.0.5:8000", "http://10.0.0.5:8000", False),
        ("http://[2001:DB8:0::1]", "http://[2001:db8::1]", False),
        ("http://evil.com/@127.0.0.1", "http://evil.com", False),
        ("http://evil.com#@127.0.0.1", "http://evil.com", False),
        ("http://gpu-1:8000", "http://gpu-1:8000", False),
    ],
)
def test_addresses(url: str, shown: str, loopback: bool) -> None:
    endpoint = parse_endpoint(url)
    assert str(endpoint).replace("127.0.0.1]", "7f00:1]") == shown
    assert endpoint.is_loopback is loopback
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1@evil.com",
            "http://user:secret@evil.com",
            "http://evil.com\\@127.0.0.1",
        ),
        *("http://2130706433", "http://0x7f000001", "http://127.1", "http://0177.0.0.1"),
        *("http://0.0.0.0:8000", "http://[::]", "http://localhost.", "http://127.0.0.1."),
        *("http://[fe80::1%25eth0]", "http://example.com:0", "http://example.com:99999"),
        *("http://example.com:", "http://example.com:x", "ftp://example.com", "file:///etc/passwd"),
        *("example.com", "", "http://", "http:///x", "http://a..b", "http://[::1", "http://%31"),
        *(
            "http://аpple.com",
            "http://１２７.0.0.1",
            "http://a b.com",
            "http://a\tb.com",
            "http://\n",
        ),
        *("http://evil.com[::1]", "http://[::1]evil.com", "http://[::1]:80:90"),
        *(" http://127.0.0.1", "http://exa\x00mple.com", "http://ⓛocalhost", "x" * 5000),
    ],
)
def test_doubtful_addresses_are_refused(url: str) -> None:
    with pytest.raises(PrivacyError, match=r"^Nothing was sent: .*\.$") as caught:
        parse_endpoint(url)
    assert "secret" not in str(caught.value)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 400


PARTS = st.sampled_from(
    [
        *(
            "http",
            "https",
            "://",
            "//",
            "/",
            "\\",
            "@",
            ":",
            "80",
            "443",
            "0",
            ".",
            "#",
            "?",
            "%31",
        ),
        *(
            "127.0.0.1",
            "localhost",
            "evil.com",
            "::1",
            "[",
            "]",
            "[::1]",
            "0x7f",
            "1",
            "xn--a",
            "-",
        ),
        *(" ", "\t", "é", "。", "a", "A", "_", "1e1"),
    ]
)


@given(st.lists(PARTS, max_size=8).map("".join), st.sampled_from(["", "http://", "https://"]))
def test_what_is_taken_is_what_is_connected_to(rest: str, scheme: str) -> None:
    try:
        endpoint = parse_endpoint(scheme + rest)
    except PrivacyError:
        return
    url = httpx.URL(scheme + rest)
    assert (url.scheme, url.port or {"http": 80, "https": 443}[url.scheme]) == (
        endpoint.scheme,
        endpoint.port,
    )
    assert url.host == endpoint.host or parse_endpoint(f"http://[{url.host}]").host == endpoint.host


# --- the gate ---------------------------------------------------------------------------------


def test_loopback_passes_unasked_and_unrecorded(tmp_path: Path) -> None:
    gate = open_gate(offline=True)
    send(gate, "http://127.0.0.1:8080/v1/chat/completions")
    assert not (tmp_path / "ledger").exists()


def test_offline_lets_nothing_leave(tmp_path: Path) -> None:
    asked: list[str] = []
    gate = open_gate(offline=True, on_consent=agreeing(asked))
    with pytest.raises(PrivacyError, match="offline is set"):
        send(gate)
    assert asked == []
    assert entries() == []


def test_nothing_leaves_without_consent() -> None:
    asked: list[str] = []

    def refuse(text: str) -> bool:
        asked.append(text)
        return False

    gate = open_gate(on_consent=refuse)
    for _ in range(3):
        with pytest.raises(PrivacyError, match="--consent"):
            send(gate)
    assert len(asked) == 1  # not again and again within one run
    assert entries() == []
    with pytest.raises(PrivacyError):
        send(open_gate())  # nobody can be asked


def test_consent_is_asked_once_for_each_endpoint() -> None:
    asked: list[str] = []
    for url in (FAR, FAR, f"{ORIGIN}/other", f"{ORIGIN}:8443", "http://api.example.com", FAR):
        send(open_gate(on_consent=agreeing(asked)), url)
    assert len(asked) == 3
    assert len(entries()) == 6


def test_less_redaction_is_asked_again() -> None:
    asked: list[str] = []
    for redact in (("faces", "gps"), ("faces", "gps", "names"), ("faces",), (), ("names",)):
        send(open_gate(redact=redact, on_consent=agreeing(asked)))
    assert len(asked) == 3


def test_a_revoked_consent_is_asked_again() -> None:
    asked: list[str] = []
    gate = open_gate(on_consent=agreeing(asked))
    send(gate)
    assert Consents().revoke(ORIGIN)
    assert not Consents().revoke(ORIGIN)
    send(gate)
    assert len(asked) == 2


def test_what_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = consent_text(parse_endpoint(FAR), ("gps",))
    for part in (ORIGIN, "positions", "--redact faces,names", "retrieval ledger", "--revoke"):
        assert part in text
    assert "key" not in text
    assert "not encrypted" not in text
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", "sk-secret-1")
    text = consent_text(parse_endpoint("http://10.0.0.5"), ())
    assert "Your key" in text
    assert "sk-secret-1" not in text
    assert "not encrypted" in text
    assert "Nothing is taken out" in text


def test_what_is_said_to_be_sent_is_what_is_sent() -> None:
    text = consent_text(parse_endpoint(FAR), ())
    assert f"up to {prompting.MOST_PICTURES} of them, at most {MOST_SIDE} pixels" in text
    assert text.index(ORIGIN) < text.index("would get") < text.index("read and keep")
    here = consent_text(parse_endpoint(NEAR), (), chosen=False)
    assert "on this machine, at http://127.0.0.1:9000" in here
    assert "recorded" not in here
    assert "retrieval.toml" in here


def test_a_request_is_on_disk_before_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_ino), fsync(fd))[1])
    photos = [SentPhoto("a/ä\udcff\n.jpg", 1234, "ab" * 32)]
    gate = open_gate(redact=("gps",), on_consent=agreeing())
    with gate.sending(FAR + "?key=s", model="m", purpose="answer", size=99, photos=photos):
        (entry,) = entries()
        assert Ledger().path.stat().st_ino in synced
    assert entry.outcome == "sending"
    assert (entry.endpoint, entry.model, entry.purpose, entry.bytes) == (ORIGIN, "m", "answer", 99)
    assert entry.photos == tuple(photos)
    assert entry.redacted == ("gps",)
    assert [e.outcome for e in entries()] == ["answered"]


def test_how_requests_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", "sk-secret-1")
    gate = open_gate(on_consent=agreeing())
    failure = ModelError(f"wrong key sk-secret-1\n{'x' * 999}")
    for error in (failure, KeyboardInterrupt(), GeneratorExit()):
        with pytest.raises(type(error)), gate.sending(FAR, model="", purpose="p", size=1):
            raise error
    failed, *others = [entry.outcome for entry in entries()]
    assert others == ["cancelled", "cancelled"]
    assert failed.startswith("failed: ModelError: wrong key [key] xxx")
    assert len(failed) < 220


@pytest.mark.parametrize("problem", ["a file", "full", "a folder"])
def test_without_a_ledger_nothing_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    Consents(tmp_path / "ledger").agree(ORIGIN, ())
    if problem == "full":
        write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:9]))
    elif problem == "a folder":
        (tmp_path / "ledger/ledger.jsonl").mkdir()
    else:
        (tmp_path / "file").touch()
        monkeypatch.setenv("RETRIEVAL_LEDGER", str(tmp_path / "file/ledger"))
    sent = False
    with (
        pytest.raises(PrivacyError, match=r"^Nothing was sent to .* recorded") as caught,
        open_gate(on_consent=agreeing()).sending(FAR, model="", purpose="p", size=1),
    ):
        sent = True
    assert not sent
    assert isinstance(caught.value.__cause__, StorageError)


def test_an_outcome_that_cannot_be_written_loses_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_gate(on_consent=agreeing()).sending(FAR, model="", purpose="p", size=1):
        monkeypatch.setattr(disk, "append_line", fail)
    assert [entry.outcome for entry in entries()] == ["sending"]


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


# --- the ledger -------------------------------------------------------------------------------


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = ledger.begin(ORIGIN, model="m", purpose="p", size=1)
    ledger.end(first, "answered")
    with ledger.path.open("ab") as file:
        file.write(b'{"id": "torn", "endpoint": "htt')
    assert (len(ledger.read().entries), ledger.read().damaged) == (1, 1)
    ledger.begin(ORIGIN, model="m", purpose="p", size=2)
    reading = ledger.read()
    assert [entry.bytes for entry in reading.entries] == [1, 2]
    assert reading.damaged == 1


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"[]", b"1", b'{"id":[]}', b"[" * 9999])))
def test_whatever_is_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    ledger.begin(ORIGIN, model="m", purpose="p", size=1)
    with ledger.path.open("ab") as file:
        file.write(b"\n".join(lines))
    ledger.begin(ORIGIN, model="m", purpose="p", size=2)
    reading = ledger.read()
    assert [entry.bytes for entry in reading.entries] == [1, 2]
    assert reading.damaged == sum(
        bool(part.strip()) for line in lines for part in line.split(b"\n")
    )


def test_what_is_asked_of_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.begin(ORIGIN, model="m", purpose="p", size=1, photos=[SentPhoto("a.jpg", 5, "")])
    ledger.begin("http://10.0.0.5", model="m", purpose="p", size=2)
    assert [e.bytes for e in entries(tmp_path, endpoint=ORIGIN)] == [1]
    assert [e.bytes for e in entries(tmp_path, photo="a.jpg")] == [1]
    now = datetime.now(UTC)
    assert len(entries(tmp_path, since=now - timedelta(minutes=1))) == 2
    assert entries(tmp_path, since=now + timedelta(minutes=1)) == []
    assert entries(tmp_path / "nowhere") == []


def test_the_owner_alone_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        send(open_gate(on_consent=agreeing()))
    finally:
        os.umask(before)
    folder = tmp_path / "ledger"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert {file.name for file in folder.iterdir()} >= {"ledger.jsonl", "consents.json"}


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"endpoints": {}}', b"[1]"])
def test_damaged_consents_count_as_none(tmp_path: Path, damage: bytes) -> None:
    consents = Consents(tmp_path)
    consents.agree(ORIGIN, ())
    assert consents.covers(ORIGIN, ())
    consents.path.write_bytes(damage)
    assert consents.all() == []
    consents.agree(ORIGIN, ("gps",))
    assert [consent.redacted for consent in consents.all()] == [("gps",)]


def test_a_consent_that_was_changed_by_hand_counts_as_none(tmp_path: Path) -> None:
    consents = Consents(tmp_path)
    consents.agree(ORIGIN, ())
    text = consents.path.read_text("utf-8")
    consents.path.write_text(text.replace("example", "another"), "utf-8")
    assert consents.all() == []


# --- keys -------------------------------------------------------------------------------------


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    kept: dict[tuple[str, str], str] = {}
    module = types.ModuleType("keyring")
    module.get_password = lambda service, user: kept.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    return kept


def test_where_a_key_comes_from(
    monkeypatch: pytest.MonkeyPatch, keyring: dict[tuple[str, str], str]
) -> None:
    assert api_key(FAR) is None
    monkeypatch.setenv("OPENAI_API_KEY", "openai-key")
    assert api_key(FAR) is None
    assert api_key("https://api.openai.com:443/v1") == "openai-key"
    for other in ("http://api.openai.com", "https://api.openai.com:8443", "https://api.openai.co"):
        assert api_key(other) is None
    keyring["retrieval", ORIGIN] = "kept-key"
    assert api_key(FAR) == "kept-key"
    assert api_key("http://api.example.com") is None
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", " own-key\n")
    assert api_key(FAR) == "own-key"
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", "  ")
    assert api_key(FAR) == "kept-key"


@pytest.mark.parametrize("module", [None, types.ModuleType("keyring")])
def test_a_missing_or_broken_keyring_is_no_key(
    monkeypatch: pytest.MonkeyPatch, module: types.ModuleType | None
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", module)
    assert api_key(FAR) is None


@pytest.mark.parametrize("key", ["a b", "a\r\nX-Evil: 1", "ключ", "a\x00b"])
def test_what_cannot_be_a_key_is_told_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str, keyring: dict[tuple[str, str], str]
) -> None:
    keyring["retrieval", ORIGIN] = key
    with pytest.raises(ConfigError) as caught:
        api_key(FAR)
    assert key not in str(caught.value)


def test_an_entry_keeps_what_it_says() -> None:
    gate = open_gate(on_consent=agreeing())
    send(gate)
    (entry,) = entries()
    assert isinstance(entry, LedgerEntry)
    assert entry.at.endswith("Z")
    assert abs(datetime.fromisoformat(entry.at) - datetime.now(UTC)) < timedelta(minutes=5)


# --- what a file names, and proxies -------------------------------------------------------------

NEAR = "http://127.0.0.1:9000/v1/chat/completions"


def test_what_a_file_names_is_asked_for_on_this_machine_too() -> None:
    """A retrieval.toml that somebody left in a folder names any port, and who listens there."""
    asked: list[str] = []
    refusing = open_gate(chosen=False)
    with pytest.raises(PrivacyError, match="not agreed"):
        send(refusing, NEAR)
    send(open_gate(), NEAR)  # named by the user
    for _ in range(2):
        send(open_gate(chosen=False, offline=True, on_consent=agreeing(asked)), NEAR)
    (text,) = asked  # once
    assert "retrieval.toml" in text
    assert "leave this machine" not in text
    assert entries() == []  # it stayed on this machine


@pytest.mark.parametrize("url", [NEAR, FAR])
def test_a_key_goes_where_a_file_says_only_if_that_was_agreed(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    asked: list[str] = []
    send(open_gate(chosen=False, on_consent=agreeing(asked)), url)  # without a key
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", "sk-abcdefghijkl")
    with pytest.raises(PrivacyError):
        send(open_gate(chosen=False), url)
    send(open_gate(chosen=True), url)  # who names it, names it for the key
    send(open_gate(chosen=False, on_consent=agreeing(asked)), url)
    assert ["Your key" in text for text in asked] == [False, True]
    send(open_gate(chosen=False), url)


def test_a_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    far = "http://llm.example.com/v1"
    send(open_gate(on_consent=agreeing()), far)
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy.example.com:3128/x")
    asked: list[str] = []
    send(open_gate(on_consent=agreeing(asked)), far)
    send(open_gate(), far)
    (text,) = asked  # the proxy reads it all, and was not agreed to before
    assert "proxy http://proxy.example.com:3128, which can read" in text
    assert "secret" not in text
    found = [entry.endpoint for entry in entries(endpoint="http://llm.example.com")]
    through = "http://llm.example.com through http://proxy.example.com:3128"
    assert found == ["http://llm.example.com", through, through]
    assert [consent.proxy for consent in Consents().all()] == ["http://proxy.example.com:3128"]


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"https_proxy": "http://p:1"}, "https://a.com", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://a.com", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https://a.com", ""),
        ({"all_proxy": "socks5h://p:1"}, "http://a.com", "socks5h://p:1"),
        ({"http_proxy": "http://p:1"}, "http://127.0.0.1:80", ""),
        ({"http_proxy": "http://p:1", "no_proxy": "b.com,a.com"}, "http://x.a.com", ""),
        ({"http_proxy": "http://p:1", "no_proxy": "a.com:81"}, "http://a.com", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, "http://a.com", ""),
    ],
)
def test_which_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(parse_endpoint(url)) == proxy


@given(st.text(max_size=40))
def test_a_shown_proxy_tells_no_password(text: str) -> None:
    shown = shown_proxy(f"http://user:pa55word@{text}")
    assert "pa55word" not in shown or "pa55word" in text
    assert shown.isascii()
