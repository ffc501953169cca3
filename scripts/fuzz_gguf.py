"""Ask damaged copies of a GGUF model: python scripts/fuzz_gguf.py MODEL.gguf [--count 200]

Each copy is truncated, or has bytes of its head, counts, names, offsets of tensors or weights
changed. What becomes of each is counted: an answer, or an error of one sentence. Anything else
fails, and ends this process: that is what is looked for.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from retrieval.errors import RetrievalError
from retrieval.models import Message, ModelSpec
from retrieval.models.limits import within
from retrieval.models.local import LocalModel

ASKED = (Message("user", "Say hello."),)
SECONDS = 60.0  # for a copy

#: A change: where, and the bytes that stand there afterwards; None as bytes cuts the file off.
Change = tuple[int, bytes | None]


def infos_begin(data: bytes) -> int:
    """Where the entries of tensors begin, about: at the name of the first one."""
    found = data.find(b"token_embd.weight")
    return found - 8 if found > 0 else 4096


def flipped(rng: random.Random, data: bytes, begin: int, end: int) -> list[Change]:
    """A few bytes between two places, changed."""
    places = (rng.randrange(begin, min(end, len(data))) for _ in range(rng.choice((1, 1, 4, 32))))
    return [(at, bytes([data[at] ^ rng.randrange(1, 256)])) for at in places]


def changes(rng: random.Random, data: bytes, size: int) -> tuple[str, list[Change]]:
    """One kind of damage, by name. `data` is the head of a file of `size` bytes."""
    infos = infos_begin(data)
    kinds: dict[str, Callable[[], list[Change]]] = {
        "truncated": lambda: [(rng.randrange(size), None)],
        "cut a little": lambda: [(size - rng.randrange(1, 4096), None)],
        "first bytes": lambda: flipped(rng, data, 4, 64),
        "values": lambda: flipped(rng, data, 24, 2048),
        "words": lambda: flipped(rng, data, 2048, infos),
        "tensors": lambda: flipped(rng, data, infos, infos + 20_000),
        "a number": lambda: [(rng.randrange(24, 2048), struct.pack("<I", rng.choice(NUMBERS)))],
        "weights": lambda: [(rng.randrange(len(data), size - 4096), rng.randbytes(4096))],
        "no weights": lambda: [(rng.randrange(len(data), size - (1 << 20)), b"\xff" * (1 << 20))],
    }
    kind = rng.choice(list(kinds))
    return kind, kinds[kind]()


NUMBERS = (0, 1, 2, 7, 255, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


def ask(path: Path) -> str:
    """What becomes of asking a copy."""
    try:
        with within(SECONDS):
            model = LocalModel(ModelSpec(str(path)))
            model.complete(ASKED, purpose="fuzz", most_tokens=4)
    except RetrievalError as exc:
        text = re.sub(r"[\d,]+ bytes", "N bytes", str(exc).replace(str(path), "FILE"))
        return text if "\n" in text else " ".join(text.split()[:8])
    return "an answer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    size = args.model.stat().st_size
    with args.model.open("rb") as file:
        data = file.read(min(4 << 20, size // 2))
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for number in range(args.count):
        kind, damage = changes(random.Random(args.seed * 1_000_003 + number), data, size)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "copy.gguf"
            shutil.copyfile(args.model, path)
            with path.open("r+b") as file:
                for at, written in damage:
                    file.seek(at)
                    if written is None:
                        file.truncate()
                    else:
                        file.write(written)
            begun = time.monotonic()
            outcome = ask(path)
        longest = max(longest, time.monotonic() - begun)
        outcomes[outcome] += 1
        print(f"{number:4} {kind:14} {outcome}", flush=True)
    print(f"\n{args.count} copies, at most {longest:.1f} s each:")
    for outcome, count in outcomes.most_common():
        print(f"{count:6}  {outcome}")


if __name__ == "__main__":
    main()
