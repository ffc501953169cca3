"""What the benchmark reports with: figures, paired runs, processes, goals and the table."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import benchmark
from scripts.bench import common, machine
from scripts.bench.goals import GOALS, Goal, judged, value_at
from scripts.bench.report import leaves, markdown


@given(st.lists(st.floats(0.001, 1e6), min_size=1))
def test_a_figure_lies_within_its_spread(values: list[float]) -> None:
    figure = common.figure_of(iter(values))
    assert min(values) == figure.low <= figure.median <= figure.high == max(values)
    assert figure.runs == len(values)


def test_a_figure_needs_a_run() -> None:
    with pytest.raises(ValueError, match="at least one"):
        common.figure_of([])


def test_pairs_are_measured_in_turn() -> None:
    order: list[str] = []

    def work(name: str, seconds: float) -> float:
        order.append(name)
        return seconds

    both = common.paired(lambda: work("a", 6), lambda: work("b", 2), runs=3)
    assert "".join(order) == "abababab"
    assert (both.first.median, both.second.median, both.ratio.median) == (6, 2, 3)


def test_cpu_seconds_count_work_and_not_sleep() -> None:
    assert common.cpu_seconds(lambda: sum(range(3_000_000))) > 0
    assert common.cpu_seconds(lambda: __import__("time").sleep(0.2)) < 0.1


def test_a_process_and_what_it_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEFT_OUT", "1")
    code = "import os; print(os.environ['GIVEN'], 'LEFT_OUT' in os.environ, len(b'x' * 10**8))"
    environment = {"GIVEN": "yes", "LEFT_OUT": None}
    spent = common.run_process([sys.executable, "-c", code], env=environment)
    assert spent.output.split() == ["yes", "False", "100000000"]
    assert spent.cpu_s > 0
    assert spent.wall_s > 0
    assert spent.peak_bytes > 10**8


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(common.RunError, match=r"ended with 1: … .*ouch"):
        common.run_process([sys.executable, "-c", "raise SystemExit('ouch')"])


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(common.RunError, match="took longer than 0 s"):
        common.run_process([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)


def test_threads_are_pinned_in_time_or_not_at_all() -> None:
    assert "numpy" in sys.modules
    with pytest.raises(RuntimeError, match="numpy"):
        machine.pin_threads(1)


def test_the_machine_is_described() -> None:
    told = machine.describe()
    assert told["processor"]
    assert told["memory_gib"] > 0
    assert "numpy" in told["versions"]


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.path)
def test_goals_can_be_judged(goal: Goal) -> None:
    assert goal.part in benchmark.PARTS
    assert goal.judge(goal.stretch) == "stretch"
    assert goal.judge(goal.must) == ("must" if goal.must != goal.stretch else "stretch")
    worse = goal.must * (0.9 if goal.sense == ">=" else 1.1)
    assert goal.judge(worse) == "no"
    assert goal.judge(None) == goal.judge(float("nan")) == "not measured"


def test_values_at_paths() -> None:
    figures = {"a": {"b": {"median": 2.0, "min": 1}, "c": 3, "d": "text", "e": True}}
    values = [value_at(figures, path) for path in ("a/b", "a/c", "a/d", "a/e", "a/x", "a/c/x", "a")]
    assert values == [2.0, 3.0, None, None, None, None, None]


def test_leaves_show_every_figure() -> None:
    tree = {
        "a": {"median": 0.12345, "min": 0.1, "max": 2, "runs": 3, "unit": "ms"},
        "q": {"median": 2, "low": 1, "high": 3},
        "r": {"median": 2, "p95": 3, "least": 1, "most": 3, "runs": 9},
        "b": {"c": 123456.7, "d": [1, 2], "e": [{"f": True}]},
    }
    assert list(leaves(tree)) == [
        ("a", "0.1235 ms", "0.1 to 2, 3 runs"),
        ("q", "2", "1 to 3, quartiles"),
        ("r", "2", "1 to 3, 9 runs"),
        ("b/c", "123,457", ""),
        ("b/d", "1, 2", ""),
        ("b/e/0/f", "True", ""),
    ]


@pytest.mark.parametrize(("size", "shown"), [("small", "| stretch |"), ("tiny", "proves nothing")])
def test_the_table_shows_goals_beside_their_figures(size: str, shown: str) -> None:
    goal = GOALS[0]
    part, _, rest = goal.path.partition("/")
    figures: Any = goal.stretch
    for name in reversed(rest.split("/")):
        figures = {name: figures}
    result = {
        "command": "benchmark",
        "size": size,
        "threads": 1,
        "machine": machine.describe(),
        "seconds": 1.0,
        "parts": {part: {**figures, "note": "one | two"}, "query": {"unavailable": "no package"}},
    }
    text = markdown(result)
    row = next(line for line in text.splitlines() if line.startswith(f"| {part} | {rest} |"))
    assert goal.bound in row
    assert shown in row
    assert "one \\| two" in text
    missing = [line for line in text.splitlines() if line.startswith("- G")]
    parts = (part, "query")
    open_goals = [g for g, value, _ in judged(result["parts"]) if value is None and g.part in parts]
    assert len(missing) == len(open_goals) > 0


def test_a_part_that_lacks_a_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(benchmark.PARTS, "start", benchmark.Part("no_such_package:measure"))
    assert benchmark.measure("start", "tiny") == {
        "unavailable": "needs the Python module no_such_package, which is not installed"
    }


def test_a_part_that_fails_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    part = benchmark.Part("json:loads", {"tiny": {"s": "{"}})
    monkeypatch.setitem(benchmark.PARTS, "start", part)
    assert "JSONDecodeError" in benchmark.measure("start", "tiny")["failed"]


def test_the_command_line() -> None:
    assert "peers" not in benchmark.parse([]).parts
    assert benchmark.parse(["decode", "--peers"]).parts == ["decode", "peers"]
    with pytest.raises(SystemExit):
        benchmark.parse(["nothing"])
