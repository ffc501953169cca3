"""`retrieval trips`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, printable, tell, to_json

if TYPE_CHECKING:
    from retrieval.grouping.trips import Trip

SHOWN_PLACES = 3


@click.command("trips")
@click.option("--events", is_flag=True, help="Also show the events of each trip.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@collection_option
def trips_command(events: bool, as_json: bool, **flags: Any) -> None:
    """Show the trips in a collection, as dates and places of its photos tell them.

    Search one with: retrieval search 'trip:"Kyoto 2023"'
    """
    collection, _ = open_collection(flags)
    from retrieval.grouping.trips import list_trips

    with collection:
        trips = list_trips(collection)
        covers = collection.reader.photos_by_id([trip.cover for trip in trips])
    paths = {i: photo.paths[0] for i, photo in covers.items() if photo.paths}
    if as_json:
        emit(to_json([_record(trip, paths.get(trip.cover, "")) for trip in trips]))
        return
    if not trips:
        tell(
            "No trips are known: that takes photos with dates and places, indexed by this version."
        )
        return
    width = max(len(trip.label) for trip in trips)
    for trip in trips:
        emit(_line(trip, width, paths.get(trip.cover, "")))
        for event in trip.events if events else ():
            begins, ends = event.begins[:16].replace("T", " "), event.ends[:16].replace("T", " ")
            emit(f"  {begins} – {ends}  {event.photos:>5,} photos")


def _record(trip: Trip, cover: str) -> dict[str, Any]:
    return asdict(trip) | {"place": trip.place._asdict(), "cover_path": cover}


def _line(trip: Trip, width: int, cover: str) -> str:
    places = ", ".join(trip.places[:SHOWN_PLACES])
    if len(trip.places) > SHOWN_PLACES:
        places += f" and {len(trip.places) - SHOWN_PLACES} more"
    when = f"{trip.begins[:10]} – {trip.ends[:10]}"
    label = printable(trip.label).ljust(width)
    return f"{label}  {when}  {trip.photos:>5,} photos  {printable(places)}  {printable(cover)}"
