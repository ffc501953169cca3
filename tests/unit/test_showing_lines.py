"""The lines of `show`: a label never runs into what it names."""

from __future__ import annotations

import pytest

from retrieval.cli.show import WIDTH, _line
from retrieval.metadata.fields import FIELDS


@pytest.mark.parametrize("label", ["", *sorted({field.label for field in FIELDS}), "x" * WIDTH])
def test_a_label_stands_apart(label: str, capsys: pytest.CaptureFixture[str]) -> None:
    _line(label, "a green dragon")
    line = capsys.readouterr().out.rstrip("\n")
    assert line == label + " " * max(WIDTH - len(label), 1) + "a green dragon"
