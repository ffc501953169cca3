"""`retrieval daemon start|stop|status`"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import click

from retrieval.cli.options import collection_option, encoder_options, open_settings, spec_of
from retrieval.cli.output import emit, human_bytes, printable, to_json
from retrieval.config import load_settings

IDLE_S = 900


class _Seconds(click.FloatRange):
    """At least one second, and an end: neither nan nor infinity, which click lets pass."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


@click.group("daemon")
def daemon_command() -> None:
    """Keep collections open in the background, so that searches answer at once."""


@daemon_command.command("start")
@click.option(
    "--idle",
    type=_Seconds(1),
    default=IDLE_S,
    show_default=True,
    help="Seconds without a search after which a new one ends; one that runs keeps its own.",
)
@collection_option
@encoder_options
@click.option("--json", "as_json", is_flag=True, help="Print its status as JSON.")
def start_command(idle: float, as_json: bool, **flags: Any) -> None:
    """Start it, unless it runs, and let it load the collection."""
    settings = load_settings(**flags)
    if flags["collection"] is not None:
        open_settings(settings, one_shot=True).close()  # it must be there
    from retrieval.daemon.client import start
    from retrieval.storage.layout import collection_path

    place = collection_path(settings.collection, settings.home)
    _show(start(idle_s=idle, warm=(place, spec_of(settings))), as_json)


@daemon_command.command("stop")
def stop_command() -> None:
    """End it, after the searches that are going on."""
    from retrieval.daemon.client import stop

    emit("the daemon has ended" if stop() else "no daemon was running")


@daemon_command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status_command(as_json: bool) -> None:
    """Show whether it runs, since when, and what it holds; exit code 1 if it does not run."""
    from retrieval.daemon.client import status

    found = status()
    if found is None:
        emit(to_json({"running": False}) if as_json else "no daemon is running")
        sys.exit(1)
    _show(found, as_json)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(to_json({"running": True, **found}))
        return
    rows = {
        "process": str(found["process"]),
        "since": _time(found["started_at"]),
        "searches": f"{found['served']:,}",
        "memory": human_bytes(found["memory_bytes"]),
        "ends after": f"{found['idle_s']:g} s without a search",
        "socket": found["socket"],
    }
    for name, value in rows.items():
        emit(f"{name:<12}{printable(value)}")
    for held in found["collections"]:
        model = "" if held["model"] == "auto" else f", model {held['model']}"
        line = f"{held['path']}{model}, last searched {_time(held['used_at'])}"
        emit(f"{'collection':<12}{printable(line)}")


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
