"""Inject a fault into every step that changes a disk, and judge what is left.

For each step of a small run and each mode the run is done in a forked child, which dies, fails or
loses power there; another child then judges the collection and runs the operation again. What must
hold: exactly the transactions that were committed before the fault are there, whole and found, and
the operation run again ends as if nothing had happened. Deaths that leave the very same bytes on
disk are judged once.

    python -m tests.faults --scenarios "add;move" --modes "die before;power"    prints JSON
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import RetrievalError
from retrieval.storage import database
from tests import sabotage
from tests.durability import LOSSES
from tests.judging import EMPTY, read_results, read_state, use_toy
from tests.scenarios import LONG_SCENARIOS, SCENARIOS, Scenario, judge
from tests.steps import DEATHS, DIED, Layer, Recording

ROOT = Path(__file__).parents[1]
MODES = ("die before", "die after", "cut", "cut, fail", "fail", "power", "power, names stay")
LONG_MODES = (*MODES, "full", "fail, again", "power, contents stay", "power, by chance")
DONE = 0  # the exit code of a child
LIMIT_S = 60  # for one point


# --- children -------------------------------------------------------------------------------

_channel = -1  # where a child reports


def report(value: Any) -> None:
    with os.fdopen(os.dup(_channel), "wb") as file:
        pickle.dump(value, file)


def in_child(act: Callable[[], Any]) -> tuple[int, Any]:
    """Run `act` in a forked child; its exit code, and what it reported or returned."""
    global _channel
    with tempfile.TemporaryFile() as channel:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _channel = channel.fileno()
                report(act())
                code = DONE
            except BaseException:
                report(traceback.format_exc())
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        channel.seek(0)
        data = channel.read()
        return os.waitstatus_to_exitcode(status), pickle.loads(data) if data else None


# --- one scenario ---------------------------------------------------------------------------


@dataclass
class Case:
    """A scenario that was prepared in a folder, with its undisturbed run."""

    name: str
    folder: Path
    scenario: Scenario
    recording: Recording
    whole: Any

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    def copy(self, worker: str) -> Path:
        """A fresh copy of the prepared collection, alone in a folder."""
        shutil.rmtree(self.folder / worker, ignore_errors=True)
        (self.folder / worker).mkdir()
        if (self.folder / "base").exists():
            shutil.copytree(self.folder / "base", self.folder / worker / "place")
        return self.folder / worker / "place"

    def points(self, modes: Sequence[str]) -> list[tuple[int, str]]:
        """Each step with each mode that can apply to it."""
        steps = self.recording.steps
        points = [
            (at, mode)
            for at, name in enumerate(steps, 1)
            for mode in modes
            if name == "write" or not mode.startswith("cut")
        ]
        return points + [(len(steps) + 1, mode) for mode in modes if mode in LOSSES]

    def distinct(self, points: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """One point of those deaths that leave the very same bytes on disk."""
        left = self.recording.left
        return list({left.get(point, point): point for point in reversed(points)}.values())[::-1]

    def inject(self, worker: str, at: int, mode: str, seed: int) -> list[str]:
        """Run with one fault, judge, and return what is wrong."""
        place = self.copy(worker)
        layer = Layer(place, at, mode, seed)
        layer.tell = report
        told: Any
        if mode in DEATHS:
            code, told = in_child(lambda: self._disturbed(layer))
        else:
            code, told = DONE, self._disturbed(layer)
        steps = self.recording.steps
        wanted = steps[at - 1] if at <= len(steps) else ""
        if code not in (DIED, DONE) or told is None:
            return [f"the run ended with {code}: {told}"]
        hit, commits, message = told
        problems = [] if hit == wanted else [f"another step: {hit!r} instead of {wanted!r}"]
        if message and not ("space" in message and str(place) in message):
            problems.append(f"the message does not say what to do: {message}")
        ended = code == DONE and not message
        acceptable = self.recording.states[-1 if ended else commits]
        return problems + judge(self.scenario, place, self.photos, acceptable, self.whole)

    def _disturbed(self, layer: Layer) -> tuple[str, int, str]:
        """The step that went wrong, the commits that were done, and what a user is told."""
        message = ""
        with layer.installed():
            try:
                self.scenario.operate(layer.place, self.photos)
            except RetrievalError as exc:
                message = str(exc)
            if layer.mode == "fail, again" and message:
                self.scenario.operate(layer.place, self.photos)
                message = ""
            if layer.durability:
                layer.die()
        return layer.hit, layer.committed, message


def prepare(name: str, folder: Path, scale: int) -> Case:
    """Prepare a scenario and record its undisturbed run."""
    scenario = (SCENARIOS | LONG_SCENARIOS)[name]
    database.SEALING_SHARE = scenario.sealing_share
    case = Case(name, folder, scenario, Recording(), None)
    code, told = in_child(lambda: scenario.prepare(folder / "base", folder / "photos", scale))
    if code:
        raise RuntimeError(told)
    place = case.copy("whole")

    def record() -> Any:
        layer = Layer(place)
        assert layer.recording is not None
        layer.recording.states.append(read_state(place))
        with layer.installed():
            scenario.operate(place, folder / "photos")
        layer.count += 1
        layer.note_losses(layer.recording)
        return layer.recording, read_results(place, folder / "photos")

    code, told = in_child(record)
    if code:
        raise RuntimeError(told)
    case.recording, case.whole = told
    assert case.recording.states[0] == EMPTY or (folder / "base").exists()
    return case


# --- all of them ----------------------------------------------------------------------------


def run(
    scenarios: Sequence[str] = tuple(SCENARIOS),
    modes: Sequence[str] = MODES,
    seed: int = 0,
    scale: int = 1,
    processes: int = 0,
    stop: bool = False,
) -> dict[str, Any]:
    """Inject every fault; with `stop` until something is lost.

    Needs a process without threads: elsewhere use `run_apart`.
    """
    use_toy()
    _warm_up()

    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        for name in scenarios:
            begun = time.monotonic()
            (Path(folder) / name).mkdir()
            case = prepare(name, Path(folder) / name, scale)
            points = list(case.points(modes))
            distinct = case.distinct(points)
            losses = _share_out(case, distinct, seed, processes or os.cpu_count() or 1, stop)
            figures[name] = {
                "steps": len(case.recording.steps),
                "commits": len(case.recording.states) - 1,
                "faults": len(points),
                "distinct": len(distinct),
                "losses": losses,
                "seconds": round(time.monotonic() - begun, 1),
            }
    return figures


def _warm_up() -> None:
    """Load and do everything once here, so that no child has to."""
    with tempfile.TemporaryDirectory() as folder:
        place, photos = Path(folder) / "place", Path(folder) / "photos"
        SCENARIOS["add"].prepare(place, photos, 1)
        SCENARIOS["add"].operate(place, photos)
        read_results(place, photos)
    gc.collect()
    gc.freeze()


def _share_out(
    case: Case, points: list[tuple[int, str]], seed: int, processes: int, stop: bool
) -> list[str]:
    """Do the points in several processes; what was wrong, with the step and the mode."""
    results = [case.folder / f"losses-{number}" for number in range(processes)]
    workers = []
    for number, result in enumerate(results):
        worker = os.fork()
        if worker == 0:
            losses = []
            for at, mode in points[number::processes]:
                if stop and losses:
                    break
                steps = [*case.recording.steps, "the end"]
                where = f"{case.name}, step {at} ({steps[at - 1]}), {mode}: "
                signal.alarm(LIMIT_S)
                losses += [where + p for p in case.inject(f"worker-{number}", at, mode, seed)]
            result.write_text(json.dumps(losses))
            os._exit(0)
        workers.append(worker)
    for worker in workers:
        os.waitpid(worker, 0)
    found: list[str] = []
    for result in results:
        found += json.loads(result.read_text()) if result.exists() else ["a worker died"]
    return found


def memory() -> str | None:
    """A folder in memory, where syncing costs nothing; None where there is none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def run_apart(module: str, *options: str) -> dict[str, Any]:
    """Run a module that prints JSON in a process of its own, which has no threads."""
    quiet = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-m", module, *options],
        cwd=ROOT,
        env={**os.environ, **quiet, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenarios", default=";".join(SCENARIOS), help="separated by ;")
    parser.add_argument("--modes", default=";".join(MODES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--sabotage", choices=sabotage.WAYS, help="break the library on purpose")
    options = parser.parse_args()
    if options.sabotage:
        sabotage.WAYS[options.sabotage]()
    names, modes = options.scenarios.split(";"), options.modes.split(";")
    print(json.dumps(run(names, modes, options.seed, options.scale, stop=bool(options.sabotage))))


if __name__ == "__main__":
    main()
