"""`retrieval repair`"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    encoder_spec,
    show_notice,
)
from retrieval.cli.output import emit, printable, progress_display, to_json
from retrieval.config import load_settings


@click.command("repair")
@collection_option
@encoder_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def repair_command(as_json: bool, **flags: Any) -> None:
    """Mend a damaged collection; embed again only what must be. Photos are only read."""
    from retrieval.maintenance.repairing import repair

    settings = load_settings(**flags)
    with progress_display() as on_progress:
        report = repair(
            settings.collection,
            home=settings.home,
            spec=encoder_spec(settings),
            on_notice=show_notice,
            on_progress=on_progress,
        )
    if as_json:
        emit(to_json({"ok": not report.left, **asdict(report)}))
    else:
        for line in report.done or ("nothing was damaged",):
            emit(printable(line))
        if report.embedded_again:
            emit(f"{report.embedded_again:,} embedded again, {report.seconds:.1f} s")
        for problem in report.left:
            emit(f"left: {printable(problem.place)}: {printable(problem.text)}")
    if report.left:
        sys.exit(1)
