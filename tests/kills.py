"""Kill a process that writes at random moments, and see that what was committed is there.

    python -m tests.kills --kills 100 --seed 0     prints JSON

Two kills of five hit an indexing run that goes on where the one before was killed; the others hit
compacting and forgetting, which also let SQLite rewrite its file, and a change of the encoder.
Moments are drawn from the time that a run took; one that came too late tells that runs are faster
now. There are more kills than were asked for until a third of those have hit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval import Collection, EncoderSpec, compact, forget, index_folder, migrating, verify
from retrieval.errors import NoCollectionError, RetrievalError
from tests.faults import memory
from tests.judging import (
    EMPTY,
    OWN,
    SPEC,
    Results,
    State,
    leftovers,
    read_results,
    read_state,
    use_toy,
)
from tests.pictures import picture
from tests.toy import ToyEncoder

KINDS_OF_RUN = ("index", "index", "compact", "forget", "migrate")
SLOW_S = 0.004  # a batch, so that kills hit everywhere
MOST_KILLS = 5  # for each that was asked for, where the machine is now slow and now fast


@dataclass
class Killing:
    """Folders, what undisturbed runs led to, and the figures."""

    folder: Path
    seed: int
    dice: random.Random = field(init=False)
    whole: dict[str, Results] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    worn: State = EMPTY
    figures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.figures = {"kills": 0, "in the middle": 0, "by run": {}, "completed": 0, "losses": []}

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    # --- the runs ---------------------------------------------------------------------------

    def index(self, place: Path, batch: int = 2) -> None:
        with Collection.open(place, create=True, spec=SPEC) as collection:
            index_folder(collection, [self.photos], batch_size=batch, threads=1)

    def compact(self, place: Path) -> None:
        with Collection.open(place, spec=SPEC) as collection:
            compact(collection)

    def forget(self, place: Path) -> None:
        with Collection.open(place, spec=SPEC) as collection:
            forget(collection, sorted(self.photos.glob("*1.png")))

    def migrate(self, place: Path) -> None:
        migrating.FEW = 8  # so that most is embedded without the lock
        with Collection.open(place, spec=OWN) as collection:
            migrating.migrate(collection, EncoderSpec("turned"), batch_size=4, threads=1)

    def prepare(self, photos: int) -> None:
        """Photos, texts, a worn collection with deleted photos, and the undisturbed runs."""
        for number in range(photos):
            colour = (30 + 53 * number % 226, 20 + 97 * number % 236, 10 + 151 * number % 246)
            picture(self.photos / f"{number:04}.png", colour)
        (self.photos / "notes.txt").write_text("a red thing\n\na blue thing\n\nyellow and green\n")
        for number in range(photos // 3):
            picture(self.photos / f"more{number}.png", (number * 5 % 256, 255, number * 11 % 256))
        worn = self.folder / "worn"
        self.index(worn)
        for path in self.photos.glob("more*.png"):
            path.unlink()
        self.index(worn)
        self.worn = read_state(worn)
        for name in dict.fromkeys(KINDS_OF_RUN):
            place = self.start(name, "whole")
            begun = time.monotonic()
            self.act(name, place)
            self.seconds[name] = time.monotonic() - begun
            self.whole[name] = read_results(place, self.photos)

    def start(self, name: str, where: str) -> Path:
        """Where a run begins: with nothing, or with the worn collection."""
        place = self.folder / where
        shutil.rmtree(place, ignore_errors=True)
        if name != "index":
            shutil.copytree(self.folder / "worn", place)
        return place

    def act(self, name: str, place: Path) -> None:
        runs: dict[str, Callable[[Path], None]] = {
            "index": self.index,
            "compact": self.compact,
            "forget": self.forget,
            "migrate": self.migrate,
        }
        runs[name](place)

    # --- killing ----------------------------------------------------------------------------

    def kill(self, name: str, place: Path) -> bool:
        """Kill a run at a random moment; whether it was still going on."""
        share = 0.5 if name == "index" else 1.0
        delay = self.dice.uniform(0, share * self.seconds[name])
        whole = name != "index" or not place.exists()  # else a part of it was done before
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.act(name, place)
                code = 0
            finally:
                os._exit(code)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        self.figures["kills"] += 1
        self.figures["in the middle"] += code == -signal.SIGKILL
        by_run = self.figures["by run"]
        by_run[name] = by_run.get(name, 0) + 1
        if code == 0 and whole:
            self.seconds[name] = min(self.seconds[name], delay / share)
        if code not in (0, -signal.SIGKILL):
            self.lose(name, f"the run ended with {code}")
        return code == -signal.SIGKILL

    def look(self, name: str, place: Path, before: State) -> State:
        """Open what a kill left, check everything, and compare it with what was there before."""
        try:
            now = read_results(place, self.photos).state
            if problems := verify(place, spec=OWN).problems:
                self.lose(name, str(problems))
        except NoCollectionError:
            now = EMPTY
        except (AssertionError, RetrievalError) as exc:
            self.lose(name, f"{type(exc).__name__}: {exc}")
            return before
        whole = self.whole[name].state
        if name == "index":
            for part in (0, 1):
                if not set(before[part]) <= set(now[part]) <= set(whole[part]):
                    self.lose(name, "committed items are gone, or others are there")
        elif now not in (before, whole):
            self.lose(name, "neither as before nor as after")
        return now

    def complete(self, name: str, place: Path) -> None:
        """Run it to the end: all must be as if nothing had happened."""
        try:
            self.act(name, place)
            if read_results(place, self.photos) != self.whole[name]:
                self.lose(name, "completed, and other than undisturbed")
            for left in leftovers(place):
                self.lose(name, f"left behind: {left}")
        except (AssertionError, RetrievalError) as exc:
            self.lose(name, f"when completed: {type(exc).__name__}: {exc}")
        self.figures["completed"] += 1

    def lose(self, name: str, what: str) -> None:
        self.figures["losses"].append(f"kill {self.figures['kills']} ({name}): {what}")


def run(kills: int, seed: int = 0, photos: int = 60) -> dict[str, Any]:
    """Kill `kills` runs, or some more.

    Needs a process without threads: elsewhere start this as a module.
    """
    import faiss  # noqa: F401  once, not in each child

    use_toy()
    encode = ToyEncoder.encode_images

    def slowly(self: ToyEncoder, batch: Any) -> Any:
        time.sleep(SLOW_S)
        return encode(self, batch)

    ToyEncoder.encode_images = slowly  # type: ignore[method-assign]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        killing = Killing(Path(folder), seed)
        killing.prepare(photos)
        indexed: Path | None = None
        state = EMPTY
        for number in range(MOST_KILLS * kills):
            if number >= kills and 3 * killing.figures["in the middle"] >= kills:
                break
            name = KINDS_OF_RUN[number % len(KINDS_OF_RUN)]
            if name != "index":
                place = killing.start(name, "place")
                killing.kill(name, place)
                killing.look(name, place, killing.worn)
                killing.complete(name, place)
                continue
            if indexed is None:
                indexed, state = killing.start("index", "indexed"), EMPTY
            in_the_middle = killing.kill(name, indexed)
            state = killing.look(name, indexed, state)
            if not in_the_middle:
                killing.complete(name, indexed)
                indexed = None
        if indexed is not None:
            killing.complete("index", indexed)
    return {**killing.figures, "seconds": round(time.monotonic() - begun, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photos", type=int, default=60)
    options = parser.parse_args()
    print(json.dumps(run(options.kills, options.seed, options.photos)))


if __name__ == "__main__":
    main()
