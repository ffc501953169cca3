"""A whole `retrieval search` process: cold, asking the daemon, and against a naive one.

CPU is user and system time of the process; wall time is only worth as much as the machine is idle.
The naive process is what a script of ten lines does: import open_clip, make the model, load its
weights and the embeddings from disk, encode the text, multiply, show ten paths.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.bench.making import COMMAND, environment, make_collection, named, repeat, run

NAIVE_MODEL = "ViT-B-32"  # what people load; random weights cost as much as trained ones
WORDS = "a dog in the snow"

_MAKE = """
import sys
import numpy as np
from retrieval.encoders._compat import import_open_clip, prepare_torch
prepare_torch()
open_clip = import_open_clip()
import torch
model = open_clip.create_model(sys.argv[1])
torch.save(model.state_dict(), sys.argv[2])
rows = np.random.default_rng(0).standard_normal((int(sys.argv[4]), 512), np.float32)
np.save(sys.argv[3], rows / np.linalg.norm(rows, axis=1, keepdims=True))
"""
_NAIVE = """
import sys
import numpy as np
from retrieval.encoders._compat import import_open_clip
open_clip = import_open_clip()
import torch
model = open_clip.create_model(sys.argv[1])
model.load_state_dict(torch.load(sys.argv[2], weights_only=True))
model.eval()
tokens = open_clip.get_tokenizer(sys.argv[1])([sys.argv[4]])
with torch.no_grad():
    vector = model.encode_text(tokens, normalize=True).numpy()[0]
scores = np.load(sys.argv[3]) @ vector
for row in np.argsort(-scores)[:10]:
    print(row, scores[row])
"""


def measure(
    photos: int = 20_000, runs: int = 7, *, model: str = NAIVE_MODEL, naive: bool = True
) -> dict[str, Any]:
    """CPU and wall milliseconds of the process, over a collection of `photos` vectors.

    `model` is "mini", or an architecture that gets random weights; the naive process loads
    NAIVE_MODEL.
    """
    with tempfile.TemporaryDirectory(prefix="cold-", dir="/tmp") as folder:
        place = Path(folder)
        # Bytecode of its own, so that neither side compiles anything while it is measured.
        env = environment(
            XDG_RUNTIME_DIR=folder,
            PYTHONPYCACHEPREFIX=f"{folder}/bytecode",
            RETRIEVAL_CACHE=f"{folder}/cache",
        )
        make_collection(place / "collection", photos, named(model, place), f"{folder}/cache")
        search = [*COMMAND, "search", WORDS, "--collection", str(place / "collection")]
        figures: dict[str, Any] = {"photos": photos, "words": WORDS, "model": model}
        figures["python"] = repeat([sys.executable, "-c", "pass"], env, place, runs)
        figures["numpy"] = repeat([sys.executable, "-c", "import numpy"], env, place, runs)
        figures["cold"] = repeat(search, env, place, runs)
        figures["daemon"] = _with_daemon(search, env, place, runs)
        if naive:
            figures["naive"] = _naive(NAIVE_MODEL, photos, env, place, max(3, runs // 2))
            ratio = figures["naive"]["cpu_ms"]["median"] / figures["cold"]["cpu_ms"]["median"]
            figures["naive_over_cold_cpu"] = round(ratio, 1)
    return figures


def _with_daemon(search: list[str], env: dict[str, str], place: Path, runs: int) -> dict[str, Any]:
    daemon = [*COMMAND, "daemon"]
    run([*daemon, "start", "--collection", search[-1]], env, place)
    try:
        return repeat(search, env, place, runs)
    finally:
        run([*daemon, "stop"], env, place)


def _naive(model: str, photos: int, env: dict[str, str], place: Path, runs: int) -> dict[str, Any]:
    files = [str(place / "weights.pt"), str(place / "rows.npy")]
    run([sys.executable, "-c", _MAKE, model, *files, str(photos)], env, place)
    found = repeat([sys.executable, "-c", _NAIVE, model, *files, WORDS], env, place, runs)
    return {"model": model, **found}


if __name__ == "__main__":
    import json

    print(json.dumps(measure(*(int(argument) for argument in sys.argv[1:])), indent=2))
