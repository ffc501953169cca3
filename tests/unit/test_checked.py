"""Small files that carry their checksum: what was written is read, and no byte changes unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import CorruptError
from retrieval.storage.checked import CHECK, read_checked, write_checked

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.dictionaries(
    st.text().filter(lambda name: name != CHECK),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
    ),
    max_size=4,
)


@given(values=VALUES)
def test_what_was_written_is_read(
    values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "written.json"
    write_checked(file, values)
    assert read_checked(file) == values


@given(at=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_no_byte_changes_unseen(
    at: int, mask: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "flipped.json"
    write_checked(file, {"roots": ["/photos", "/größer"], "n": 0.5, "on": True})
    data = bytearray(file.read_bytes())
    data[at % len(data)] ^= mask
    file.write_bytes(data)
    with pytest.raises(CorruptError, match="Mend it with: retrieval repair"):
        read_checked(file)


@pytest.mark.parametrize("indent", [None, 3])
def test_the_same_values_in_another_form(indent: int | None, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_checked(file, {"roots": ["/photos"]})
    file.write_text(json.dumps(json.loads(file.read_bytes()), indent=indent) + "\n")
    with pytest.raises(CorruptError, match="not in the form"):
        read_checked(file)
