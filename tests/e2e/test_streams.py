"""Streams that cannot be written to, and names that would steer a terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from retrieval.cli import main
from retrieval.cli.output import printable, tell
from tests.conftest import ROOT
from tests.pictures import picture

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")

CODE = """
import sys
from retrieval.encoders import ENCODERS
from retrieval.cli import main
ENCODERS["toy"] = "tests.toy:load"
main(sys.argv[1:], prog_name="retrieval")
"""


def run(*words: str, **options) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", CODE, *words], env=environment, text=True, check=False, **options
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(9):
        picture(tmp_path / "photos" / f"{number}.png", "red", (20 + number, 20))
    return tmp_path / "photos"


@needs_full
def test_work_goes_on_when_nobody_can_read_the_progress(photos):
    with open("/dev/full", "w") as full:
        done = run(
            *("index", str(photos), "-c", "./c", "-m", "toy", "--batch-size", "2"),
            stdout=subprocess.PIPE,
            stderr=full,
        )
    assert done.returncode == 0
    assert "9 added" in done.stdout


@needs_full
def test_a_full_output_is_one_sentence(photos):
    run("index", str(photos), "-c", "./c", "-m", "toy", capture_output=True)
    with open("/dev/full", "w") as full:
        done = run("search", "red", "-c", "./c", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "The output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_stderr_is_ignored(monkeypatch):
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Broken())
    tell("hello")


def test_names_that_look_like_colours_come_out_whole(toy, tmp_path):
    name = "\x1b[31mred\x1b[0m.png"
    picture(tmp_path / "photos" / name, "red")
    runner = CliRunner()
    runner.invoke(main, ["index", "photos", "-c", "./c", "-m", "toy"])
    paths = runner.invoke(main, ["search", "red", "-c", "./c", "--paths"]).stdout
    assert paths.rstrip("\n") == str(tmp_path / "photos" / name)
    table = runner.invoke(main, ["search", "red", "-c", "./c"]).stdout
    assert "\\x1b[31mred" in table
    assert "\x1b" not in table


def test_printable_keeps_what_people_write():
    assert printable("Zürich 東京 🐕.jpg") == "Zürich 東京 🐕.jpg"
    assert printable("a\nb\x07") == "a\\nb\\x07"


def test_as_a_module():
    shown = subprocess.run(
        [sys.executable, "-m", "retrieval", "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith("Usage: retrieval ")
