"""scripts/gpu_check.py: all of it at a tiny size on the CPU, and what it says without a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LONGEST_S

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "gpu_check.py"

# The project's own packages that the script must do without.
LAUNCH = f"""
import runpy, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"sqlalchemy", "click", "faiss", "pi_heif", "rawpy", *ABSENT}}:
            raise ImportError(f"{{name}} is not here")

ABSENT = sys.argv.pop(1).split(",")
sys.meta_path.insert(0, Refuse())
sys.argv[0] = {str(SCRIPT)!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(*arguments: str, absent: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [sys.executable, "-c", LAUNCH, absent, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )


@pytest.mark.parametrize(("absent", "package"), [("", "open_clip"), ("open_clip", "timm")])
def test_all_of_it_at_a_tiny_size(tmp_path: Path, absent: str, package: str) -> None:
    path = tmp_path / "gpu.json"
    out = () if absent else ("--out", str(path))  # else to stdout
    done = run("--device", "cpu", "--tiny", *out, absent=absent)
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text() if out else done.stdout)
    assert report["checks"] == {"encode tiny": True, "pipeline tiny": True, "search": True}
    encode, pipeline, search = (report[name] for name in report["checks"])
    assert encode["package"] == package
    assert encode["against_cpu_fp32"]["least_cosine"] > 0.999
    assert encode["from_host_memory"]["images_s"] > 0
    assert pipeline["of_the_slower"] > 0
    assert [row["vectors"] for row in search["measured"]] == [2000, 4000]
    assert search["against_cpu_fp64"]["same_ten"] > 0.99
    for words in ("images/s", "GB/s", "torch", "as on the CPU: nothing"):
        assert words in done.stderr


@pytest.mark.parametrize("absent", ["", "torch"])
def test_without_a_gpu_it_says_so(absent: str, tmp_path: Path) -> None:
    done = run("--out", str(tmp_path / "gpu.json"), absent=absent)
    assert done.returncode == 0
    assert "nothing was measured" in done.stderr
    assert not (tmp_path / "gpu.json").exists()


def test_a_wrong_result_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import gpu_check

    good, bad = ({"least_cosine": cosine} for cosine in (0.9995, 0.998))
    report = {
        "date": "",
        "encode a": {"against_cpu_fp32": good, "compiled": good},
        "encode b": {"against_cpu_fp32": bad},
        "encode c": {"against_cpu_fp32": good, "compiled": bad},
        "pipeline a": {"error": "RuntimeError: no"},
        "search": {"against_cpu_fp64": {"wrong": 0, "wrong_half_allowed": 1}},
    }
    right = [name for name, is_right in gpu_check.checks(report).items() if is_right]
    assert right == ["encode a"]
    assert len(gpu_check.checks(report)) == 5
