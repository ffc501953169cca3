"""`retrieval dupes`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, human_bytes, printable, tell, to_json
from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.grouping.duplicates import DuplicateFile, DuplicateReport, Likeness

NAMES = {"exact": "copies", "near": "near-duplicates", "burst": "bursts"}


@click.command("dupes")
@click.option("--exact", is_flag=True, help="Only files of the same bytes.")
@click.option("--near", is_flag=True, help="Only pictures that show the same, and bursts.")
@click.option("--paths", is_flag=True, help="Print the superfluous files, one a line.")
@click.option("--paths0", is_flag=True, help="The same with NUL behind each, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@collection_option
def dupes_command(
    exact: bool, near: bool, paths: bool, paths0: bool, as_json: bool, **flags: Any
) -> None:
    """Show photos that are there more than once. Nothing is deleted.

    Near-duplicates and bursts are told by how they look: have a look at them before you delete any.
    --paths and --paths0 name copies only, unless --near is given.
    """
    if paths + paths0 + as_json > 1:
        raise UsageError("Give one of --paths, --paths0 and --json.")
    if paths or paths0:
        exact = exact or not near
    wanted: list[Likeness] = []
    if exact or not near:
        wanted.append("exact")
    if near or not exact:
        wanted += ["near", "burst"]
    collection, _ = open_collection(flags)
    from retrieval.grouping.duplicates import find_duplicates

    with collection:
        report = find_duplicates(collection, wanted)
    if as_json:
        emit(to_json(_record(report)))
    elif paths or paths0:
        _show_paths(report, "\0" if paths0 else "\n")
    else:
        _show(report, wanted)


def _show_paths(report: DuplicateReport, end: str) -> None:
    names = [file.path for group in report.groups for file in group.others]
    if end == "\n" and (odd := sum("\n" in name for name in names)):
        tell(f"{odd} files with a line break in their names are left out; --paths0 lists them")
        names = [name for name in names if "\n" not in name]
    if names:
        emit(end.join(names), end)


def _record(report: DuplicateReport) -> dict[str, Any]:
    record = asdict(report)
    for group, shown in zip(report.groups, record["groups"], strict=True):
        shown["bytes"] = group.superfluous
    return record | {
        "deleted": 0,
        "bytes": {name: report.superfluous(name) for name in ("exact", "near", "burst")},
    }


def _show(report: DuplicateReport, wanted: list[Likeness]) -> None:
    for group in report.groups:
        emit(f"keep  {_line(group.keep)}  {group.why}")
        for file in group.others:
            emit(f"{group.likeness:<5} {_line(file)}")
        emit("")
    for likeness in wanted:
        groups = [group for group in report.groups if group.likeness == likeness]
        count = sum(len(group.others) for group in groups)
        emit(
            f"{NAMES[likeness]}: {count:,} files beside {len(groups):,} to keep, "
            f"{human_bytes(report.superfluous(likeness))}"
        )
    if report.unknown and wanted != ["exact"]:
        tell(
            f"note: {report.unknown:,} of {report.photos:,} photos were indexed by an older "
            "version and are not compared; index their folders again"
        )
    if report.left_out:
        tell(
            f"note: {report.left_out:,} files are gone, were changed since, or are other names of "
            "the same file, and are left out"
        )
    tell("Nothing was deleted.")


def _line(file: DuplicateFile) -> str:
    size = f"{file.width} × {file.height}"
    return f"{human_bytes(file.size):>10}  {size:>13}  {printable(file.path)}"
