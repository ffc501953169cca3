"""The README says what is true: its Python block runs, its commands and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from retrieval.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_first_two_blocks_are_the_two_commands():
    first, second = blocks("sh")[:2]
    assert first.startswith("scripts/demo")
    assert second.startswith("scripts/test")
    for name in ("demo", "test", "setup"):
        assert (ROOT / "scripts" / name).stat().st_mode & 0o100, (
            f"scripts/{name} must be executable"
        )


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("retrieval ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_each_command_and_option_exists(words):
    command = main.commands[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words[1:]:
        if word.startswith("-"):
            assert word in known


def test_every_command_has_help_and_stands_in_the_readme():
    for name, command in main.commands.items():
        assert command.help
        assert f"retrieval {name}" in README


def test_the_python_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name, colour in (("rocket.jpg", "navy"), ("coffee.jpg", "saddlebrown")):
        Image.new("RGB", (320, 240), colour).save(Path("photos") / name)
    (block,) = blocks("python")
    exec(compile(block, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "2 photos added, 0 files skipped" in shown
    assert "coffee.jpg" in shown
