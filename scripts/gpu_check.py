"""Measure encoding and exact search on an NVIDIA GPU, and check both against the CPU.

    python scripts/gpu_check.py --out gpu.json
    python scripts/gpu_check.py --device cpu --tiny    # runs all of it; its figures mean nothing

Needs torch, numpy, Pillow, and open_clip or timm; this project need not be installed. Weights and
vectors are random: speed does not depend on them. A JSON with every figure goes to --out (else to
stdout), a short table to stderr. Without a GPU it says so and exits with 0. Where a part fails, or
results are not those of the CPU ("checks" in the JSON), the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads cost 10x on shared cores
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

MODELS = ("ViT-B-32", "ViT-L-14")


def say(line: str) -> None:
    """A line for people."""
    print(line, file=sys.stderr, flush=True)


def attempt(report: dict[str, Any], name: str, part: Callable[[], dict[str, Any]]) -> None:
    """Run one part; one that fails must not cost the figures of the others."""
    say(f"gpu_check: {name} ...")
    try:
        report[name] = part()
    except Exception as error:
        traceback.print_exc()
        report[name] = {"error": f"{type(error).__name__}: {error}"}


def run(device_name: str, tiny: bool) -> dict[str, Any]:
    """All parts, as one report."""
    import torch
    from gpu import encode, machine, search

    device = torch.device(device_name)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", torch.cuda.current_device())
    report: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "tiny": tiny,
        **machine.describe(device),
    }
    report["limits"] = machine.measure(device, tiny)
    limits = report["limits"]
    models = ("tiny",) if tiny else MODELS
    for name in models:
        attempt(report, f"encode {name}", lambda n=name: encode.measure(n, device, limits, tiny))
    for name in models:
        attempt(report, f"pipeline {name}", lambda n=name: encode.pipeline(n, device, tiny))
    bandwidth = limits["bandwidth_gb_s"]
    attempt(report, "search", lambda: search.measure(device, bandwidth, tiny))
    return report


def checks(report: dict[str, Any]) -> dict[str, bool]:
    """Whether each part ran and computed what the CPU does: cosines above .999, no wrong hit."""
    found = {}
    for name, part in report.items():
        if not isinstance(part, dict) or not name.startswith(("encode", "pipeline", "search")):
            continue
        right = "error" not in part
        for rows in (part.get("against_cpu_fp32"), part.get("compiled")):
            right &= rows is None or rows["least_cosine"] > 0.999
        for key, value in part.get("against_cpu_fp64", {}).items():
            right &= not key.startswith("wrong") or value == 0
        found[name] = right
    return found


def table(report: dict[str, Any]) -> list[str]:
    """The figures that goals are stated for, one a line."""
    limits = report["limits"]
    lines = [
        f"{report['device']}, torch {report['versions']['torch']}, {report['date']}",
        f"  matmul bf16 {limits['bf16_tflops']:.0f} TFLOP/s, fp16 {limits['fp16_tflops']:.0f}; "
        f"memory {limits['bandwidth_gb_s']:.0f} GB/s",
    ]
    for name, part in report.items():
        if isinstance(part, dict) and "error" in part:
            lines.append(f"  {name}: failed, {part['error']}")
        elif name.startswith("encode"):
            rows = [("plain", max(part["on_device"], key=lambda row: row["images_s"]))]
            rows += [("compiled", part["compiled"])] if "compiled" in part else []
            for kind, row in rows:
                lines.append(
                    f"  {name}, {kind}, batch {row['batch']}: {row['images_s']:,.0f} images/s, "
                    f"{row['of_measured_bf16']:.0%} of measured bf16"
                )
            host, cosine = part["from_host_memory"], part["against_cpu_fp32"]["least_cosine"]
            lines.append(
                f"  {name}, from host memory: {host['images_s']:,.0f} images/s; "
                f"least cosine to CPU float32 {cosine:.5f}"
            )
        elif name.startswith("pipeline"):
            lines.append(
                f"  {name}: decode {part['decode_images_s']:,.0f}, encode "
                f"{part['encode_images_s']:,.0f}, together {part['pipeline_images_s']:,.0f} "
                f"images/s = {part['of_the_slower']:.2f} of the slower"
            )
        elif name == "search":
            for row in part["measured"]:
                lines.append(
                    f"  search of {row['vectors']:,}: {row['ms']:.2f} ms, {row['gb_s']:,.0f} GB/s "
                    f"= {row['of_bandwidth']:.0%} of bandwidth"
                )
            if more := part.get("extrapolated"):
                lines.append(f"  search of {more['vectors']:,}: {more['ms']:.1f} ms, extrapolated")
    failed = [name for name, right in report["checks"].items() if not right]
    lines.append(f"  failed, or not as on the CPU: {', '.join(failed) or 'nothing'}")
    return lines


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--out", type=Path, help="where to write the JSON; default: stdout")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        say("gpu_check: torch is not installed here, so nothing was measured: pip install torch")
        return 0
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        say("gpu_check: torch finds no CUDA GPU here, so nothing was measured. Run it on a machine")
        say("that has one, or see that the code runs: gpu_check.py --device cpu --tiny")
        return 0
    report = run(options.device, options.tiny)
    report["checks"] = checks(report)
    text = json.dumps(report, indent=2)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    for line in table(report):
        say(line)
    return int(not all(report["checks"].values()))


if __name__ == "__main__":
    sys.exit(main())
