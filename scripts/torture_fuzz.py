"""Push damaged pictures through `retrieval.pictures`, which must refuse them and never fall over.

    python scripts/torture_fuzz.py --inputs 20000 --seed 0 [FOLDER]

Seeds are pictures of many formats made here and, with FOLDER, the files in it. Each input is a seed
that was changed: bits flipped, bytes spliced in from another, cut off, pieces repeated or removed,
extreme numbers written over the head. Input i of a seed number is the same in every run. Prints one
JSON object; `escaped_exceptions` must be 0, and reaching that line means that nothing crashed this
process.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import os
import random
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

from retrieval import pictures
from retrieval.embedding import look_ahead
from retrieval.errors import ImageError

LEAST_SIDE = 448  # what the built-in encoder asks for
MOST_SEED_BYTES = 300_000  # longer seeds are cut: mutations matter near the head, speed as well
_PNG = b"\x89PNG\r\n\x1a\n"
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_SAVED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "I;16", {}),
    ("GIF", "P", {}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("AVIF", "RGB", {"speed": 10}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "CMYK", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "F", {}),
    ("JPEG2000", "RGB", {}),
    ("BMP", "RGB", {}),
    ("ICO", "RGBA", {}),
    ("ICNS", "RGBA", {}),
    ("PPM", "RGB", {}),
    ("TGA", "RGB", {"compression": "tga_rle"}),
    ("SGI", "RGB", {}),
    ("PCX", "P", {}),
    ("DDS", "RGBA", {}),
    ("MPO", "RGB", {"save_all": True}),
)


def run(
    inputs: int, seed: int, folder: Path | None = None, keep: Path | None = None
) -> dict[str, Any]:
    """Decode that many inputs; return the counts. `keep` gets inputs that did harm, as files."""
    seeds = list(made_seeds()) + ([] if folder is None else list(read_seeds(folder)))
    counts: Counter[str] = Counter()
    begun = time.monotonic()

    def work(index: int) -> str:
        data = mutated(seeds, random.Random(f"{seed}:{index}"))
        outcome = attempt(data)
        if keep is not None and outcome not in ("decoded", "refused"):
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{seed}-{index}-{outcome}").write_bytes(data)
        return outcome

    with peak_memory() as peak:
        for done, outcome in enumerate(look_ahead(range(inputs), work, 2), 1):
            counts[outcome] += 1
            if done % 1000 == 0:
                print(f"{done:,} of {inputs:,}: {dict(counts)}", file=sys.stderr)
    return {
        "inputs": inputs,
        "seed": seed,
        "seeds": len(seeds),
        "decoded": counts["decoded"],
        "refused": inputs - counts["decoded"] - counts["escaped_exceptions"],
        "worker_crashes": counts["worker_crashes"],
        "worker_timeouts": counts["worker_timeouts"],
        "escaped_exceptions": counts["escaped_exceptions"],
        "peak_memory_mib": peak[0] >> 20,
        "seconds": round(time.monotonic() - begun, 1),
    }


def attempt(data: bytes) -> str:
    """Decode one input and name what came of it."""
    try:
        picture = pictures.decode(data, LEAST_SIDE)
    except ImageError as exc:
        reason = str(exc)
        if "crashed" in reason or "was killed" in reason:
            return "worker_crashes"
        return "worker_timeouts" if "took longer" in reason else "refused"
    except BaseException as exc:
        print(f"escaped: {exc!r}", file=sys.stderr)
        return "escaped_exceptions"
    sane = picture.image.mode == "RGB" and picture.width > 0 and picture.height > 0
    return "decoded" if sane else "escaped_exceptions"


def made_seeds() -> Iterator[bytes]:
    """Small pictures of every format that can be written here."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8)
    noise[8:40, 8:56] = 128  # not only noise: codecs have special ways for what is flat
    picture = Image.fromarray(noise)
    for kind, mode, options in _SAVED:
        if kind == "AVIF" and not features.check("avif"):
            continue
        buffer = io.BytesIO()
        grey = mode in ("F", "I;16", "1")
        image = picture.convert("L" if grey else "RGB" if mode in ("CMYK", "P") else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        elif mode != image.mode:
            image = image.convert(mode)
        image.save(buffer, kind, **options)
        yield buffer.getvalue()


def read_seeds(folder: Path) -> Iterator[bytes]:
    """The files of a folder, by name; the heads of long ones."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with open(path, "rb") as file:
                yield file.read(MOST_SEED_BYTES)


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """One seed, changed in one to four ways."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        rng.choice(_MUTATIONS)(data, rng, seeds)
    if data.startswith(_PNG) and rng.random() < 0.8:
        _mend_sums(data)
    return bytes(data)


def _mend_sums(data: bytearray) -> None:
    """Make a PNG's checksums right again: else nothing behind them is ever reached."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 8 + struct.unpack_from(">I", data, at)[0]
        if end + 4 > len(data):
            return
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4


def _place(data: bytearray, rng: random.Random) -> int:
    """Anywhere, half the time within the first bytes, where the head is."""
    return rng.randrange(max(min(len(data), rng.choice((256, len(data)))), 1))


def _flip_bits(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    for _ in range(rng.choice((1, 2, 8, 64)) if data else 0):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _set_bytes(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    at = _place(data, rng)
    data[at : at + rng.choice((1, 4, 32))] = rng.randbytes(rng.choice((1, 4, 32)))


def _splice(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    other = rng.choice(seeds)
    begin = rng.randrange(max(len(other), 1))
    at, count = _place(data, rng), rng.choice((4, 64, 1024, 16384))
    piece = other[begin : begin + count]
    data[at : at + (len(piece) if rng.random() < 0.5 else 0)] = piece


def _truncate(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    del data[_place(data, rng) :]


def _repeat(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    at, count = _place(data, rng), rng.choice((1, 16, 256, 4096))
    data[at:at] = bytes(data[at : at + count]) * rng.choice((1, 1, 2, 16))


def _remove(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 16, 256, 4096))]


def _extreme_number(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    value = rng.choice((*_EXTREMES, rng.getrandbits(32), rng.randrange(70_000)))
    size = rng.choice((1, 2, 4, 4))
    packed = struct.pack(rng.choice("<>") + "I", value)
    at = _place(data, rng)
    data[at : at + size] = packed[:size]


_MUTATIONS = (_flip_bits, _set_bytes, _splice, _truncate, _repeat, _remove, _extreme_number)


@contextmanager
def peak_memory(every: float = 0.1) -> Iterator[list[int]]:
    """Watch the memory of this process and its children; the list's one number is the peak."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(every):
            peak[0] = max(peak[0], sum(_held_bytes(process) for process in _family(os.getpid())))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            for child in Path(f"/proc/{process}/task/{task}/children").read_text().split():
                yield from _family(int(child))


def _held_bytes(process: int) -> int:
    """Proportional set size; 0 where it is not known or the process is gone."""
    with suppress(OSError), open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for inputs that did harm")
    parser.add_argument("folder", type=Path, nargs="?", help="files to mutate as well")
    given = parser.parse_args()
    faulthandler.enable()
    result = run(given.inputs, given.seed, given.folder, given.keep)
    print(json.dumps(result, indent=2))
    sys.exit(result["escaped_exceptions"] > 0)


if __name__ == "__main__":
    main()
