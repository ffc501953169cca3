"""The figures of a run as Markdown: one table, one row a figure, goals beside what they judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.bench.goals import Goal, judged
from scripts.bench.growth import Growth, curves

_HEAD = "| part | what | figure | spread | goal | reached |\n|---|---|---|---|---|---|\n"


def markdown(result: Mapping[str, Any]) -> str:
    """Render what `scripts/benchmark.py` writes as JSON; the table is complete."""
    parts: Mapping[str, Any] = result["parts"]
    proof = result["size"] != "tiny"
    goals: dict[str, list[tuple[Goal, str]]] = {}
    for goal, _, reached in judged(parts):
        goals.setdefault(goal.path, []).append((goal, reached if proof else "tiny: proves nothing"))
    rows = [
        _row(part, path, shown, spread, goals)
        for part, figures in parts.items()
        for path, shown, spread in leaves(figures)
    ]
    return "\n".join(
        (
            f"`{result['command']}` ({result['seconds']:.0f} s)\n",
            *_machine(result["machine"], result["threads"]),
            "",
            _HEAD + "\n".join(rows),
            *_unmeasured(parts),
            *_growth(parts),
            "",
        )
    )


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Every figure of a part in order: its path, its value as text, its spread as text."""
    if isinstance(tree, Mapping) and "median" in tree:
        unit = f" {tree['unit']}" if tree.get("unit") else ""
        yield path, _number(tree["median"]) + unit, _spread(tree)
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, f"{path}/{key}" if path else str(key))
    elif isinstance(tree, list | tuple) and any(isinstance(item, Mapping) for item in tree):
        for number, item in enumerate(tree):
            yield from leaves(item, f"{path}/{number}")
    elif isinstance(tree, list | tuple):
        yield path, ", ".join(map(_number, tree)), ""
    else:
        yield path, _number(tree), ""


#: How parts name the ends of a spread; with many runs they hand on quartiles.
_ENDS = (("min", "max", ""), ("least", "most", ""), ("low", "high", ", quartiles"))


def _spread(figure: Mapping[str, Any]) -> str:
    for low, high, kind in _ENDS:
        if low in figure and high in figure:
            runs = f", {figure['runs']} runs" if "runs" in figure else ""
            return f"{_number(figure[low])} to {_number(figure[high])}{kind}{runs}"
    return ""


def _row(
    part: str, path: str, shown: str, spread: str, goals: Mapping[str, list[tuple[Goal, str]]]
) -> str:
    here = goals.get(f"{part}/{path}", [])
    bounds = "; ".join(goal.bound for goal, _ in here)
    reached = "; ".join(text for _, text in here)
    cells = (part, path, shown, spread, bounds, reached)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (abs(value) >= 1000 and value == value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _machine(machine: Mapping[str, Any], threads: int) -> Iterator[str]:
    packages = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    variables = ", ".join(f"{name}={value}" for name, value in machine["environment"].items())
    flags = " ".join(machine["flags"])
    yield f"- {machine['date']}, commit {machine['commit']}"
    yield (
        f"- {machine['processor']} ({flags}), {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, load {machine['load']}"
    )
    yield f"- {threads} thread(s) in matrix libraries; {variables}"
    yield f"- Python {machine['python']}, {packages}"


def _unmeasured(parts: Mapping[str, Any]) -> Iterator[str]:
    missing = [
        goal
        for goal, _, reached in judged(parts)
        if reached == "not measured" and goal.part in parts
    ]
    if missing:
        yield "\nNot measured in this run:\n"
        yield from (f"- {goal.bound}, {goal.text} (`{goal.path}`)" for goal in missing)


def _growth(parts: Mapping[str, Any]) -> Iterator[str]:
    fitted = curves(parts)
    if fitted:
        yield "\nGrowth, time = fixed + each × n:\n"
        yield "| what | fixed | each, a million | exponent | worst error of the line |"
        yield "|---|---|---|---|---|"
        yield from (_curve(name, growth) for name, growth in fitted.items())


def _curve(name: str, growth: Growth) -> str:
    return (
        f"| {name} | {growth.fixed:.3g} | {growth.each * 1e6:.3g} | {growth.exponent:.2f} | "
        f"{growth.worst:.0%} |"
    )
