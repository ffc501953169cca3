"""Defaults, then retrieval.toml, then RETRIEVAL_*, then flags."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from retrieval.config import Settings, load_settings
from retrieval.errors import ConfigError


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETRIEVAL_HOME")
    monkeypatch.delenv("RETRIEVAL_CACHE")


def test_defaults() -> None:
    assert load_settings() == Settings("", "", "auto", "auto", "auto", 0, 0)


def test_each_source_beats_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = 'home = "toml"\nmodel = "toml"\ndevice = "toml"\nthreads = 3\n'
    (tmp_path / "retrieval.toml").write_text(toml)
    monkeypatch.setenv("RETRIEVAL_MODEL", "environment")
    monkeypatch.setenv("RETRIEVAL_DEVICE", "environment")
    monkeypatch.setenv("RETRIEVAL_BATCH_SIZE", " 7 ")
    found = load_settings(device="flag", precision=None)
    assert found == Settings(
        home="toml", model="environment", device="flag", threads=3, batch_size=7
    )


def test_the_folder_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/retrieval.toml").write_text('collection = "ü"', "utf-8")
    assert load_settings(tmp_path / "sub").collection == "ü"
    assert load_settings().collection == ""


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_MODEL", "")
    assert load_settings().model == "auto"


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('modle = "mini"', r"retrieval\.toml has an unknown key 'modle'; known keys are home, "),
        ("threads = -1", "threads must be a whole number, 0 or more, not -1"),
        ("threads = 1.5", "threads must be a whole number, 0 or more, not 1.5"),
        ("threads = true", "threads must be a whole number, 0 or more, not True"),
        ("model = 3", "model must be a text, not 3"),
        ("model = [", r"retrieval\.toml cannot be read: .*Correct or remove it"),
    ],
)
def test_a_wrong_file(tmp_path: Path, toml: str, sentence: str) -> None:
    (tmp_path / "retrieval.toml").write_text(toml)
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_settings()
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "retrieval.toml").write_bytes(b'home = "\xff"')
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings()


@pytest.mark.parametrize("value", ["many", "-1", "1.0", "²", "9" * 5000])
def test_a_wrong_number_in_the_environment(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_THREADS", value)
    with pytest.raises(ConfigError, match="the environment: threads must be a whole number"):
        load_settings()


def test_an_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_MODLE", "mini")
    with pytest.raises(ConfigError, match="RETRIEVAL_MODLE is not a setting; known are RETRIEVAL_"):
        load_settings()


def test_an_unknown_flag() -> None:
    with pytest.raises(ConfigError, match="the flags has an unknown key 'modle'"):
        load_settings(modle="x")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("precision", "fp8", "precision must be one of auto, fp32, bf16, fp16, not 'fp8'"),
        ("batch_size", "4097", "batch_size must be at most 4,096, not 4,097"),
        ("threads", "257", "threads must be at most 256, not 257"),
    ],
)
@pytest.mark.parametrize("source", ["toml", "environment"])
def test_values_out_of_range(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    value: str,
    sentence: str,
    source: str,
) -> None:
    if source == "toml":
        shown = value if value.isdigit() else f'"{value}"'
        (tmp_path / "retrieval.toml").write_text(f"{key} = {shown}")
    else:
        monkeypatch.setenv(f"RETRIEVAL_{key.upper()}", value)
    with pytest.raises(ConfigError, match=sentence):
        load_settings()


def test_the_largest_values_are_taken() -> None:
    assert load_settings(precision="bf16", batch_size=4096, threads=256).threads == 256


@pytest.mark.parametrize(("written", "meant"), [("true", True), ("false", False)])
def test_a_switch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, meant: bool
) -> None:
    (tmp_path / "retrieval.toml").write_text(f"fast = {written}")
    assert load_settings().fast is meant
    assert load_settings(fast=not meant).fast is not meant
    monkeypatch.setenv("RETRIEVAL_FAST", "0" if meant else "1")
    assert load_settings().fast is not meant
    monkeypatch.setenv("RETRIEVAL_FAST", "very")
    with pytest.raises(ConfigError, match="fast must be true or false, not 'very'"):
        load_settings()


@pytest.mark.parametrize("kind", ["folder", "dead link", "pipe"])
def test_a_file_that_is_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "retrieval.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"retrieval\.toml is not a file that can be read"):
        load_settings()


def test_what_a_file_said_is_known_until_something_else_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "retrieval.toml").write_text('llm = "http://127.0.0.1:9000"\noffline = true\n')
    assert load_settings().from_file == {"llm", "offline"}
    assert load_settings(llm="http://127.0.0.1:9000").from_file == {"offline"}
    monkeypatch.setenv("RETRIEVAL_LLM", "http://127.0.0.1:9000")
    assert load_settings().from_file == {"offline"}
    with pytest.raises(ConfigError, match="from_file"):
        load_settings(from_file="x")
    (tmp_path / "retrieval.toml").write_text('from_file = "x"')
    with pytest.raises(ConfigError, match="from_file"):
        load_settings()
