"""Asking the user whether something may leave this machine."""

from __future__ import annotations

import sys

import click

from retrieval.cli.output import printable, tell


def consent_prompt(text: str) -> bool:
    """Show what would be sent where, and ask; no where nobody can be asked.

    Given to privacy.open_gate as `on_consent`; its refusal names --consent.
    """
    _show(text)
    streams = (sys.stdin, sys.stderr)
    if not all(stream is not None and stream.isatty() for stream in streams):
        return False
    return click.confirm("Do you agree?", default=False, err=True)


def consent_given(text: str) -> bool:
    """Agree beforehand, as --consent does; what was agreed to is shown all the same."""
    _show(text)
    return True


def _show(text: str) -> None:
    for line in text.splitlines():
        tell(printable(line))
