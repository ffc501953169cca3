"""`retrieval verify`"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, encoder_options, encoder_spec
from retrieval.cli.output import emit, printable, tell, to_json
from retrieval.config import load_settings

if TYPE_CHECKING:
    from retrieval.records import VerifyReport


@click.command("verify")
@collection_option
@encoder_options
@click.option("--no-encoder", is_flag=True, help="Do not load the encoder.")
@click.option("--content", is_flag=True, help="Read and compare every photo file as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_command(no_encoder: bool, content: bool, as_json: bool, **flags: Any) -> None:
    """Check everything in a collection; exit code 1 if anything is wrong."""
    from retrieval.maintenance.verifying import verify

    settings = load_settings(**flags)
    report = verify(
        settings.collection,
        home=settings.home,
        spec=encoder_spec(settings),
        encoder=not no_encoder,
        content=content,
    )
    if as_json:
        emit(to_json({"ok": not report.problems, **asdict(report)}))
    else:
        _show(report)
    if report.problems:
        sys.exit(1)


def _show(report: VerifyReport) -> None:
    for problem in report.problems:
        emit(f"{printable(problem.place)}: {printable(problem.text)}")
    for note in report.notes:
        tell(f"note: {printable(note)}")
    checked = ", ".join(f"{count:,} {what}" for what, count in report.checked.items())
    if report.problems:
        count = "1 problem" if len(report.problems) == 1 else f"{len(report.problems)} problems"
        emit(f"{count} in {printable(report.path)}. Mend with: retrieval repair")
    else:
        emit(f"All is well in {printable(report.path)}: {checked} checked, {report.seconds:.1f} s")
