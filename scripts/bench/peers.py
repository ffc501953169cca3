"""What a user would pick instead, on the same photos, model and cores: rclip and others from PyPI.

Each gets a virtual environment of its own under .cache/bench/envs, made on demand (3.5 GB in all),
and the random weights of `scripts.bench.random_weights`. For every program: the first indexing, the
search of a cold process, and indexing again when nothing has changed, each in processes of their
own on one core, the programs in turn. CPU counts all processes; on one core none of it is spent on
threads that wait for each other.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.bench.common import (
    CACHE,
    ROOT,
    RunError,
    Spent,
    figure_of,
    photos,
    retrieval_environment,
    run_process,
    significant,
)
from scripts.bench.machine import pin_cores
from scripts.bench.peer_programs import PROGRAMS, Command, Place, Steps

INSTALL_TIMEOUT_S = 900
#: For a size: photos, runs of the first indexing, runs of everything else.
_AMOUNTS = {"tiny": (4, 1, 1), "small": (300, 1, 3), "full": (1000, 3, 5)}


def measure(size: str) -> dict[str, Any]:
    """Measure all programs; at size tiny only this project, with its built-in model.

    A program that cannot be installed or run says so under "failure", and the others go on.
    """
    count, first_runs, runs = _AMOUNTS[size]
    result: dict[str, Any] = {"photos": count, "cores": pin_cores(1)}
    model = Path("mini") if size == "tiny" else random_model()
    names = ("retrieval",) if size == "tiny" else tuple(PROGRAMS)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        folder = photos(count, Path(temporary) / "photos")
        trials = {
            name: Trial(name, model, folder, Path(temporary) / "work" / name) for name in names
        }
        ready = dict(trials)
        _each(ready, Trial.prepare)
        for _ in range(first_runs):
            _each(ready, Trial.index)
        for _ in range(runs):
            _each(ready, Trial.search)
        for _ in range(runs):
            _each(ready, Trial.again)
        result |= {name: trial.figures(count) for name, trial in trials.items()}
    _compare(result)
    return result


class Trial:
    """One program's runs so far."""

    def __init__(self, name: str, model: Path, folder: Path, work: Path) -> None:
        self.name, self.program = name, PROGRAMS[name]
        self._model, self._photos, self._work = model, folder, work
        self._spent: dict[str, list[Spent]] = {"index": [], "search": [], "again": []}
        self._python: Path | None = None
        self._steps: Steps | None = None
        self._failure = ""
        self._found: list[str] = []

    def prepare(self) -> None:
        """Make its environment if need be."""
        self._python = environment(self.name, self.program.requirements)

    def index(self) -> None:
        """Index all photos into an empty folder."""
        assert self._python is not None
        work = self._work / str(len(self._spent["index"]))
        work.mkdir(parents=True)
        self._steps = self.program.steps(Place(self._python, self._model, self._photos, work))
        self._spent["index"].append(_run(self._steps.index))

    def search(self) -> None:
        """Search with a new process."""
        assert self._steps is not None
        spent = _run(self._steps.search)
        self._spent["search"].append(spent)
        self._found = self._steps.found(spent)

    def again(self) -> None:
        """Index again; a program that then does all its work again does so only once."""
        assert self._steps is not None
        if self.program.incremental or not self._spent["again"]:
            self._spent["again"].append(_run(self._steps.again))

    def fail(self, reason: str) -> None:
        """Keep why it could not go on."""
        self._failure = reason

    def figures(self, count: int) -> dict[str, Any]:
        """Everything measured, in seconds and MiB, and the names it found."""
        told: dict[str, Any] = {"version": _version(self._python, self.program.requirements)}
        told["note"] = self.program.note
        if self._failure:
            told["failure"] = self._failure
        for step, spent in self._spent.items():
            if spent:
                told[step] = _figures(spent)
        if "index" in told:
            cpu = figure_of((each.cpu_s / count * 1e3 for each in self._spent["index"]), "ms")
            told["index"]["cpu_per_photo_ms"] = cpu.as_dict()
        told["found"] = self._found
        return told


def _each(trials: dict[str, Trial], step: Callable[[Trial], None]) -> None:
    """Let every program take a step; one that fails takes part no longer."""
    for name, trial in list(trials.items()):
        print(f"benchmark: peers: {name}", file=sys.stderr, flush=True)
        try:
            step(trial)
        except RunError as exc:
            trial.fail(str(exc))
            del trials[name]


def _run(commands: Sequence[Command]) -> Spent:
    """Run commands one after another; the sum of what they took, the peak of the largest."""
    spent = [command.run() for command in commands]
    return Spent(
        sum(each.wall_s for each in spent),
        sum(each.cpu_s for each in spent),
        max(each.peak_bytes for each in spent),
        spent[-1].output,
    )


def _figures(spent: Sequence[Spent]) -> dict[str, Any]:
    return {
        "wall_s": figure_of((each.wall_s for each in spent), "s").as_dict(),
        "cpu_s": figure_of((each.cpu_s for each in spent), "s").as_dict(),
        "peak_mib": max(each.peak_bytes for each in spent) >> 20,
    }


def _compare(result: dict[str, Any]) -> None:
    """Add to every peer how much more it costs than this project, and how far the hits agree."""
    ours = result["retrieval"]
    for name in PROGRAMS.keys() & result.keys():
        theirs = result[name]
        found = theirs.pop("found") if name != "retrieval" else ours["found"]
        if name == "retrieval" or not (found and ours["found"]):
            continue
        theirs["hits_in_common"] = significant(
            len(set(found) & set(ours["found"])) / len(ours["found"])
        )
        theirs["times_ours"] = {
            f"{step}_{what}": significant(_median(theirs, step, what) / _median(ours, step, what))
            for step in ("index", "search", "again")
            for what in ("cpu_s", "wall_s")
            if step in theirs and step in ours
        }
    ours.pop("found")


def _median(figures: Mapping[str, Any], step: str, what: str) -> float:
    return float(figures[step][what]["median"])


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of a program's own environment, made if need be.

    The versions of torch that the project itself runs with hold for all. Raises RunError.
    """
    if not requirements:
        return Path(sys.executable)
    folder = CACHE / "envs" / name
    python = folder / "bin" / "python"
    complete = folder / "complete"
    wanted = "\n".join(requirements)
    if complete.exists() and complete.read_text("utf-8") == wanted:
        return python
    print(f"benchmark: peers: installing {name}", file=sys.stderr, flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_process([sys.executable, "-m", "venv", "--clear", folder])
    constraints = str(ROOT / "constraints.txt")
    pip = [str(python), "-m", "pip", "install", "--quiet", "-c", constraints, *requirements]
    run_process(pip, timeout_s=INSTALL_TIMEOUT_S)
    complete.write_text(wanted, "utf-8")
    return python


def _version(python: Path | None, requirements: Sequence[str]) -> str:
    """The version of the first requirement, asked of the environment itself."""
    if python is None:
        return "not installed"
    name = requirements[0] if requirements else "retrieval"
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def random_model() -> Path:
    """The folder of the model with random weights, made by a process of its own if need be."""
    folder = CACHE / "model"
    if not (folder / "complete").exists():
        module = ("-m", "scripts.bench.random_weights", str(folder))
        run_process([sys.executable, *module], env=retrieval_environment(), cwd=ROOT)
    return folder
