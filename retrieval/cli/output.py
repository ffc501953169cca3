"""How results are written: tables for people, JSON for programs, progress to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from retrieval.errors import StorageError
from retrieval.records import Progress, ProgressCallback

if TYPE_CHECKING:
    from rich.progress import TaskID

PLAIN_EVERY_S = 5.0


def emit(text: str, end: str = "\n") -> None:
    """Write a result to stdout, unchanged: a file name may hold what looks like colour codes.

    Raises StorageError where stdout cannot take it; a reader that left early is no error.
    """
    try:
        click.echo(text + end, nl=False, color=True)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise StorageError(
            f"The output cannot be written: {exc.strerror or exc}. Send it somewhere else."
        ) from exc


def tell(text: str) -> None:
    """Write something that is no result to stderr. Work never stops because nobody can read it."""
    with suppress(OSError):
        click.echo(text, err=True)


def printable(text: str) -> str:
    """The text with control characters written out, so that a name cannot steer a terminal."""
    return "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in text)


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Write JSON as UTF-8 text; names of files that are not UTF-8 force ASCII escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def human_bytes(count: int) -> str:
    """Bytes in the largest unit that keeps the number at 1 or more: 1.5 MiB."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


@contextmanager
def progress_display(quiet: bool = False) -> Iterator[ProgressCallback]:
    """Show progress on stderr: a bar in a terminal, else a plain line now and then."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield _plain_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn())
    rate = TextColumn("{task.fields[rate]}")
    tasks: dict[str, TaskID] = {}
    with Bar(*columns, rate, TimeRemainingColumn(), console=Console(stderr=True)) as bar:

        def show(event: Progress) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = bar.add_task(event.stage, total=event.total, rate="")
            speed = f"{event.rate:.1f} photos/s" if event.rate else ""
            bar.update(tasks[event.stage], completed=event.done, total=event.total, rate=speed)

        yield show


def _plain_lines() -> ProgressCallback:
    last = [time.monotonic()]

    def show(event: Progress) -> None:
        finished = event.total is not None and event.done == event.total
        if event.total is None or (time.monotonic() - last[0] < PLAIN_EVERY_S and not finished):
            return
        last[0] = time.monotonic()
        line = f"{event.stage}: {event.done:,} of {event.total:,}"
        if event.rate:
            left = (event.total - event.done) / event.rate
            line += f", {event.rate:.1f} photos/s" + (f", {left:.0f} s left" if left else "")
        tell(line)

    return show
