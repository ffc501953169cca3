"""`retrieval ledger [--photos] [--since DATE] [--endpoint URL] [--endpoints] [--revoke URL]`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from retrieval.cli.output import emit, human_bytes, printable, tell, to_json

if TYPE_CHECKING:
    from retrieval.records import LedgerEntry


@click.command("ledger")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only from this day on.")
@click.option("--endpoint", metavar="URL", help="Only what went to this endpoint.")
@click.option("--photos", is_flag=True, help="Each photo that was sent, below its request.")
@click.option("--endpoints", is_flag=True, help="The endpoints you agreed to, instead.")
@click.option("--revoke", metavar="URL", help="Take your consent to an endpoint back.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ledger_command(
    since: datetime | None,
    endpoint: str | None,
    photos: bool,
    endpoints: bool,
    revoke: str | None,
    as_json: bool,
) -> None:
    """Show what has left this machine: when, where to, what for, which photos."""
    if revoke is not None:
        _revoke(revoke)
    elif endpoints:
        _show_endpoints(as_json)
    else:
        _show_requests(since, endpoint, photos, as_json)


def _revoke(url: str) -> None:
    from retrieval.privacy.consents import Consents
    from retrieval.privacy.endpoints import parse_endpoint

    endpoint = str(parse_endpoint(url))
    if Consents().revoke(endpoint):
        tell(f"{endpoint} gets nothing any more, unless you agree again.")
    else:
        tell(f"You had not agreed to {endpoint}. See: retrieval ledger --endpoints")


def _show_endpoints(as_json: bool) -> None:
    from retrieval.privacy.consents import Consents

    consents = Consents().all()
    if as_json:
        emit(to_json([asdict(consent) for consent in consents]))
    elif not consents:
        tell("You have agreed to no endpoint: nothing may leave this machine.")
    for consent in () if as_json else consents:
        without = f"  without {', '.join(consent.redacted)}" if consent.redacted else ""
        through = f"  through {printable(consent.proxy)}" if consent.proxy else ""
        emit(f"{_local(consent.at)}  {printable(consent.endpoint)}{through}{without}")


def _show_requests(
    since: datetime | None, endpoint: str | None, photos: bool, as_json: bool
) -> None:
    from retrieval.privacy.endpoints import parse_endpoint
    from retrieval.privacy.ledger import Ledger, selected

    reading = Ledger().read()
    only = str(parse_endpoint(endpoint)) if endpoint else ""
    found = selected(reading.entries, since=since, endpoint=only)
    if as_json:
        emit(to_json([asdict(entry) for entry in found]))
    elif found:
        _show_table(found, photos)
    elif since or only:
        tell("Nothing of that kind has left this machine.")
    elif not reading.damaged:
        tell("Nothing has left this machine.")
    if reading.damaged:
        tell(
            f"note: damaged, and left out: {_counted(reading.damaged, 'line')} of the ledger. A "
            "write was cut off, or something else changed the file."
        )


def _show_table(found: Sequence[LedgerEntry], photos: bool) -> None:
    width = max(len(entry.endpoint) for entry in found)
    for entry in found:
        without = f", without {', '.join(entry.redacted)}" if entry.redacted else ""
        model = f" {entry.model}" if entry.model else ""
        emit(
            f"{_local(entry.at)}  {printable(entry.endpoint):<{width}}  "
            f"{human_bytes(entry.bytes):>10}  {_counted(len(entry.photos), 'picture'):>11}  "
            f"{printable(entry.purpose)}{printable(model)}: {printable(entry.outcome)}{without}"
        )
        for sent in entry.photos if photos else ():
            emit(f"    {printable(sent.path)}  {human_bytes(sent.bytes)}  {sent.sha256[:12]}")
    sent_bytes = human_bytes(sum(entry.bytes for entry in found))
    pictures = _counted(sum(len(entry.photos) for entry in found), "picture")
    photos_sent = _counted(len({sent.path for each in found for sent in each.photos}), "photo")
    endpoints = _counted(len({entry.endpoint for entry in found}), "endpoint")
    requests = _counted(len(found), "request")
    tell(f"{requests}, {sent_bytes}, {pictures} of {photos_sent}, to {endpoints}.")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _local(at: str) -> str:
    """A time of the ledger on the clock of this machine; as it is where it is none."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return printable(at)
