"""Exact search with the project's TorchStore, on vectors that are made on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gpu.machine import seconds
from retrieval.stores.torch_store import TorchStore

DIM = 512
K = 10
BLOCK = 1 << 20  # rows that are made at a time, which takes 5 GB for a moment
ROOM_BYTES = 8 << 30  # for that, or for a search


def fill(store: TorchStore, count: int, seed: int = 0) -> None:
    """Add random unit vectors up to `count` in all."""
    store.reserve(count)
    generator = torch.Generator(store.device).manual_seed(seed)
    for start in range(len(store), count, BLOCK):
        shape = (min(BLOCK, count - start), store.dim)
        rows = torch.randn(shape, generator=generator, device=store.device)
        unit = torch.nn.functional.normalize(rows, dim=1).half()
        store.add(np.arange(start, start + len(rows)), unit)


def queries(count: int, dim: int) -> NDArray[np.float32]:
    """Random unit vectors, float32 (count, dim)."""
    found = np.random.default_rng(7).standard_normal((count, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def rates(store: TorchStore, bandwidth: float, repeats: int) -> dict[str, Any]:
    """Milliseconds of one query, of batches that share a scan, with a filter and with deletes."""
    held = len(store)
    size = 2 * held * store.dim

    def timed(many: int, allowed: NDArray[np.int64] | None = None) -> float:
        asked = queries(many, store.dim)
        run = seconds(lambda: store.search(asked, K, allowed), store.device, repeats)
        return 1e3 * run["median"]

    one = timed(1)
    found = {
        "vectors": held,
        "ms": one,
        "gb_s": size / one / 1e6,
        "of_bandwidth": size / one / 1e6 / bandwidth,
        "ms_16_queries": timed(16),
        "ms_256_queries": timed(256),
    }
    if held <= 10_000_000:  # above, it is the filter's ids that take long to make
        some = np.random.default_rng(1).permutation(held)
        found["ms_1_percent_allowed"] = timed(1, some[: max(held // 100, 1)])
        found["ms_half_allowed"] = timed(1, some[: held // 2])
        store.remove(some[: held // 20])
        found["ms_5_percent_deleted"] = timed(1)
    return found


def correctness(device: torch.device, count: int, dim: int) -> dict[str, float]:
    """`count` rows against float64 on the CPU, all of them and half: scores, and which are found.

    Two that differ by less than the last bits of a float32 sum may change places; `wrong` counts
    those found that are worse than that.
    """
    store = TorchStore(dim, device)
    fill(store, count, seed=1)
    asked = queries(16, dim)
    rows = store.rows(count).cpu().numpy().astype(np.float64)
    exact = asked.astype(np.float64) @ rows.T  # (q, n)
    found: dict[str, float] = {"vectors": count}
    for name, allowed in (("", None), ("_half_allowed", np.arange(0, count, 2))):
        if allowed is not None:
            exact[:, 1::2] = -np.inf
        scores, ids = store.search(asked, K, allowed)
        of_found = np.take_along_axis(exact, ids, 1)
        right = np.argsort(-exact, axis=1)[:, :K]
        least = np.take_along_axis(exact, right[:, -1:], 1)
        same = [len(set(a) & set(b)) / K for a, b in zip(ids.tolist(), right.tolist(), strict=True)]
        found[f"largest_score_error{name}"] = float(np.abs(scores - of_found).max())
        found[f"same_ten{name}"] = float(np.mean(same))
        found[f"wrong{name}"] = int((of_found < least - 1e-5).sum())
    return found


def measure(device: torch.device, bandwidth: float, tiny: bool) -> dict[str, Any]:
    """Each size that fits the device; 100 million are extrapolated where they do not."""
    sizes = [2_000, 4_000] if tiny else [1_000_000, 10_000_000, 100_000_000]
    dim = 32 if tiny else DIM
    found: dict[str, Any] = {"dim": dim, "k": K, "measured": []}
    found["against_cpu_fp64"] = correctness(device, 2_000 if tiny else 100_000, dim)
    for count in sizes:
        if device.type == "cuda":
            torch.cuda.empty_cache()
            free, _ = torch.cuda.mem_get_info(device)
            if free < 2 * dim * count + ROOM_BYTES:
                break
        store = TorchStore(dim, device)
        fill(store, count)
        found["measured"].append(rates(store, bandwidth, 3 if tiny else 15))
        del store
    last = found["measured"][-1] if found["measured"] else None
    if last and last["vectors"] < sizes[-1]:
        factor = sizes[-1] / last["vectors"]
        found["extrapolated"] = {"vectors": sizes[-1], "ms": last["ms"] * factor}
    return found
