"""How each program indexes a folder, does so again, and searches: the commands, as data.

This project is one of them, so that all are measured in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.common import (
    Spent,
    retrieval_command,
    retrieval_environment,
    run_process,
)

QUERY = "two children play on a beach near the water"
TOP = 10
_ENTRY = Path(__file__).with_name("peer_entry.py")


@dataclass(frozen=True)
class Place:
    """Where a program works: its interpreter, the model, the photos, a folder of its own."""

    python: Path
    model: Path
    photos: Path
    work: Path


@dataclass(frozen=True)
class Command:
    """One process to run."""

    arguments: Sequence[str | os.PathLike[str]]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    folder: Path | None = None

    def run(self) -> Spent:
        """Run it to its end. Raises RunError."""
        return run_process(self.arguments, env=self.environment, cwd=self.folder)


@dataclass(frozen=True)
class Steps:
    """The commands of a program; `found` reads the file names that a search found, best first.

    Only what `index` left behind may be used by `search`; `again` brings an index up to date after
    nothing has changed.
    """

    index: Sequence[Command]
    again: Sequence[Command]
    search: Sequence[Command]
    found: Callable[[Spent], list[str]]


@dataclass(frozen=True)
class Program:
    """A program to measure. `requirements` are what pip installs; none for this project itself.

    One that is not `incremental` does all its work again each time.
    """

    steps: Callable[[Place], Steps]
    requirements: tuple[str, ...]
    incremental: bool
    note: str


def _retrieval(place: Place) -> Steps:
    towers = place.model / "towers"  # `mini`, at size tiny, has none there
    return _ours(place, towers if towers.is_dir() else place.work / "cache")


def _first_run(place: Place) -> Steps:
    return _ours(place, place.work / "cache")


def _ours(place: Place, cache: Path) -> Steps:
    here = ("--collection", str(place.work / "collection"))
    environment = {**retrieval_environment(), "RETRIEVAL_CACHE": str(cache)}

    def run(*arguments: str) -> list[Command]:
        return [Command([*retrieval_command(), *arguments, *here], environment)]

    index = run("index", str(place.photos), "--model", str(place.model))
    search = run("search", QUERY, "-k", str(TOP), "--paths")
    return Steps(index, index, search, _names)


def _rclip(place: Place) -> Steps:
    environment = {"RCLIP_DATADIR": str(place.work)}
    for kind in (place.model / "rclip").iterdir():
        link = place.work / kind.name
        if not link.exists():
            link.symlink_to(kind)

    def run(*arguments: str) -> list[Command]:
        program = place.python.with_name("rclip")
        options = ("--filepath-only", "--top", str(TOP), *arguments)
        return [Command([program, *options, QUERY], environment, place.photos)]

    return Steps(run(), run(), run("--no-indexing"), _names)


def _clip_retrieval(place: Place) -> Steps:
    weights = f"open_clip:ViT-B-32-256/{place.model / 'open_clip_model.safetensors'}"
    embeddings, index = place.work / "embeddings", place.work / "index"
    results = place.work / "results"

    def run(program: str, *arguments: str | Path) -> Command:
        command: list[str | Path] = [place.python, _ENTRY, program, *arguments]
        return Command(command, {"WANDB_MODE": "disabled"})

    def indexing(copy_metadata: bool) -> list[Command]:
        inference = ("--clip_model", weights, "--enable_text", "False", "--batch_size", "32")
        folders = ("--input_dataset", place.photos, "--output_folder", embeddings)
        build = ("--embeddings_folder", embeddings, "--index_folder", index)
        return [
            run("clip-retrieval", "inference", *folders, *inference),
            run("clip-retrieval", "index", *build, "--copy_metadata", str(copy_metadata)),
        ]

    return Steps(
        indexing(True),
        indexing(False),
        [run("clip-retrieval-filter", weights, QUERY, results, index)],
        lambda _: [path.name for path in results.iterdir()],
    )


def _deepimagesearch(place: Place) -> Steps:
    weights, index = place.model / "open_clip_model.safetensors", place.work / "index"

    def run(action: str, what: str | Path) -> list[Command]:
        program: list[str | Path] = [place.python, _ENTRY, "deepimagesearch"]
        return [Command([*program, weights, index, action, what])]

    indexing = run("index", place.photos)
    return Steps(indexing, indexing, run("search", QUERY), _names)


def _names(search: Spent) -> list[str]:
    return [Path(line).name for line in search.output.splitlines() if line.strip()]


PROGRAMS: dict[str, Program] = {
    "retrieval": Program(_retrieval, (), True, "this checkout; the model's towers are exported"),
    "retrieval, first run": Program(
        _first_run, (), True, "the same with an empty cache: exports the text tower as well"
    ),
    "rclip": Program(
        _rclip,
        ("rclip",),
        True,
        "as installed, fp32 ONNX as it publishes; its index run answers a query as well",
    ),
    "clip-retrieval": Program(
        _clip_retrieval,
        # Its tokenizer's package imports pkg_resources, which newer setuptools do not have.
        ("clip-retrieval", "setuptools<81"),
        False,
        "inference (batches of 32, because it warms up with two whole batches) and index; search "
        "is filter with the loader of inference; peak memory leaves out its 4 readers",
    ),
    "DeepImageSearch": Program(
        _deepimagesearch,
        ("DeepImageSearch",),
        False,
        "its Python interface; at 224 pixels, 0.77 of the work, because it takes no other size",
    ),
}
