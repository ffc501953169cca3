"""Every part of the benchmark runs at its smallest size, so that none of them rots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.report import leaves
from scripts.benchmark import PARTS
from tests.conftest import LONGEST_S, ROOT


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one run over all parts wrote."""
    folder = tmp_path_factory.mktemp("benchmark")
    files = ("--json", str(folder / "figures.json"), "--markdown", str(folder / "figures.md"))
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/benchmark.py", *PARTS, "--size", "tiny", *files],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("RETRIEVAL_")},
        capture_output=True,
        text=True,
        timeout=6 * LONGEST_S,
    )
    written = Path(files[1])
    assert written.exists(), done.stderr
    figures: dict[str, Any] = json.loads(written.read_text("utf-8"))
    assert done.returncode == any("failed" in part for part in figures["parts"].values())
    assert "| part | what |" in Path(files[3]).read_text("utf-8")
    return figures


@pytest.mark.parametrize("part", PARTS)
def test_a_part_yields_figures(result: dict[str, Any], part: str) -> None:
    figures = result["parts"][part]
    if "unavailable" in figures:
        pytest.skip(figures["unavailable"])
    assert "failed" not in figures
    failures = [path for path, *_ in leaves(figures) if path.endswith("failure")]
    assert not failures, figures
    assert any(text[:1].isdigit() for _, text, _ in leaves(figures))


def test_threads_and_machine_are_stated(result: dict[str, Any]) -> None:
    assert result["threads"] == 1
    assert result["machine"]["environment"]["OMP_NUM_THREADS"] == "1"
    assert result["machine"]["environment"]["OMP_WAIT_POLICY"] == "passive"
