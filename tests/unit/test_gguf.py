"""Heads of GGUF files: what is damaged or something else is told in a sentence, before loading."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cli.options import usable_model
from retrieval.config import Settings
from retrieval.errors import ConfigError, ModelError
from retrieval.models import ModelSpec, load_model
from retrieval.models.gguf import read_head
from tests.ggufs import smollm, write_gguf
from tests.pictures import picture

VALUES = {"general.architecture": "llama", "llama.context_length": 2048, "other": "x", "yes": True}
TENSORS = {"a": np.ones((3, 5), np.float32), "b": np.ones(7, np.float32)}


def test_a_whole_file(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", VALUES, TENSORS)
    head = read_head(path)
    assert (head.architecture, head.context) == ("llama", 2048)
    assert 0 <= path.stat().st_size - head.bytes < 32  # padding


def test_a_real_file_is_as_long_as_its_head_says() -> None:
    path = smollm()
    head = read_head(path)
    assert (head.architecture, head.context, head.bytes) == ("llama", 8192, path.stat().st_size)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_part_of_a_file(tmp_path: Path, share: float) -> None:
    path = write_gguf(tmp_path / "m.gguf", VALUES, TENSORS)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(ModelError, match="again"):
        read_head(path)


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(ConfigError, match="not a GGUF file"):
        read_head(tmp_path / "empty.gguf")
    with pytest.raises(ConfigError, match="not a GGUF file"):
        read_head(picture(tmp_path / "a.jpg"))
    with pytest.raises(ConfigError, match="is not a file"):
        read_head(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a file"):
        read_head(tmp_path / "pipe")
    for absent in ("absent.gguf", "a\0b", "x" * 5000):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_head(tmp_path / absent)


def test_counts_beyond_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    for tensors, pairs in [(2**63, 0), (0, 2**63)]:
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs))
        with pytest.raises(ModelError, match="damaged"):
            read_head(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.block_count", 0),
        ("llama.block_count", 600),
        ("llama.block_count", 10**9),
        ("llama.context_length", 1),
        ("clip.vision.block_count", 10**9),
        ("llama.embedding_length", 2**32 - 1),
    ],
)
def test_numbers_that_would_end_the_process(tmp_path: Path, key: str, value: int) -> None:
    """llama.cpp asserts these: it aborts, and the search that was done with it."""
    path = write_gguf(tmp_path / "m.gguf", {**VALUES, key: value}, TENSORS)
    with pytest.raises(ModelError, match="damaged"):
        read_head(path)


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_any_bytes_are_a_head_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, count: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, count % 3, count) + data)
    with suppress(ModelError):
        assert read_head(path).bytes <= path.stat().st_size


def test_the_parts_are_told_apart(tmp_path: Path) -> None:
    model = str(write_gguf(tmp_path / "m.gguf", VALUES, TENSORS))
    sight = str(write_gguf(tmp_path / "p.gguf", {"general.architecture": "clip"}, TENSORS))
    with pytest.raises(ConfigError, match="--mmproj"):
        load_model(ModelSpec(sight), None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="belongs to the model"):
        load_model(ModelSpec(model, mmproj=model), None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="--mmproj"):
        load_model(ModelSpec(model, vision="on"), None)  # type: ignore[arg-type]
    seeing = load_model(ModelSpec(model, mmproj=sight), None)  # type: ignore[arg-type]
    assert seeing.sees
    assert seeing.context == 2048
    blind = load_model(ModelSpec(model, mmproj=sight, vision="off"), None)  # type: ignore[arg-type]
    assert not blind.sees


def test_a_damaged_model_keeps_no_photos_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_gguf(tmp_path / "m.gguf", VALUES, TENSORS)
    os.truncate(path, 60)
    assert usable_model(Settings(llm=str(path))) is None
    assert "damaged" in capsys.readouterr().err
    with pytest.raises(ConfigError):  # a mistyped name is told at once
        usable_model(Settings(llm=str(tmp_path / "absent.gguf")))
