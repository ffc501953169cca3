"""How search results are written: a table for people, JSON for programs, paths for scripts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from retrieval.cli.output import printable, to_json
from retrieval.records import Chip, Hit, SearchResult

MOST_NAMED = 120  # characters of a query that are repeated


def likely(result: SearchResult, *, everything: bool = False) -> SearchResult:
    """The result as people are to see it: without the hits that are most likely wrong."""
    if everything or result.relevant is None:
        return result
    return replace(result, hits=tuple(hit for hit in result.hits if hit.relevant))


# --- for programs ---------------------------------------------------------------------------


def hit_record(hit: Hit) -> dict[str, Any]:
    """A hit as JSON keys; those that its kind does not have are left out."""
    record: dict[str, Any] = {
        "rank": hit.rank,
        "kind": hit.kind,
        "path": hit.path,
        "score": _rounded(hit.score),
        "relevance": _rounded(hit.relevance),
        "relevant": hit.relevant,
        "id": hit.id,
        "also": list(hit.also),
        "found_by": list(hit.found_by),
    }
    photo = ("width", "height", "taken_at", "place", "folded")
    extra = photo if hit.kind == "photo" else ("text", "line", "photo_path")
    values = {name: getattr(hit, name) for name in extra}
    return record | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def chip_record(chip: Chip) -> dict[str, Any]:
    """A chip as JSON keys."""
    record: dict[str, Any] = {
        "kind": chip.kind,
        "label": chip.label,
        "text": chip.text,
        "without": chip.without,
        "weight": chip.weight,
    }
    if chip.filter is not None:
        record["filter"] = {
            "field": chip.filter.field,
            "op": chip.filter.op,
            "values": list(chip.filter.values),
            "negated": chip.filter.negated,
        }
    return record


def result_record(result: SearchResult) -> dict[str, Any]:
    """A search result as JSON keys."""
    return {
        "query": str(result.query),
        "parts": [
            {"kind": part.kind, "value": part.value, "weight": part.weight}
            for part in result.query.parts
        ],
        "plan": [chip_record(chip) for chip in result.query.chips],
        "kind": result.kind,
        "hits": [hit_record(hit) for hit in result.hits],
        "considered": result.considered,
        "matched": result.matched,
        "relevant": result.relevant,
        "next": result.next,
        "elapsed_ms": round(result.elapsed_ms, 2),
        "encoder": result.encoder,
        "method": result.method,
    }


def hit_lines(result: SearchResult) -> str:
    """One JSON object a hit."""
    return "\n".join(to_json(hit_record(hit), indent=None) for hit in result.hits)


# --- for people -----------------------------------------------------------------------------


def result_table(result: SearchResult) -> str:
    """Lines of rank, relevance, score and path (or text), as wide as they need to be."""
    lines = [f"rank  match  score  {'path' if result.kind == 'photos' else 'text'}"]
    for hit in result.hits:
        shown = hit.path if hit.kind == "photo" else f"{hit.text}  [{hit.path}:{hit.line}]"
        match = "-" if hit.relevance is None else f"{hit.relevance:.0%}"
        score = "-" if hit.score is None else f"{hit.score:.3f}"
        lines.append(f"{hit.rank:>4}  {match:>5}  {score:>5}  {printable(shown)}{_more(hit)}")
    return "\n".join(lines)


def _more(hit: Hit) -> str:
    about = [part for part in ((hit.taken_at or "")[:10], hit.place or "") if part]
    if hit.also:
        about.append(f"+{len(hit.also)} {'copy' if len(hit.also) == 1 else 'copies'}")
    if hit.folded:
        about.append(f"+{len(hit.folded)} alike")
    return f"  ({', '.join(map(printable, about))})" if about else ""


def plan_line(result: SearchResult) -> str:
    """How the query was understood: its chips; "" where it is nothing but words."""
    chips = result.query.chips
    if all(chip.kind == "meaning" and chip.weight == 1 for chip in chips) and len(chips) <= 1:
        return ""
    return " ".join(f"[{printable(chip.label)}]" for chip in chips)


def summary(result: SearchResult, shown: SearchResult) -> str:
    """One or two sentences about a result: how many match, of how many, and how it was found."""
    of = f"{result.considered:,} {result.kind}"
    if result.matched != result.considered:
        of = f"{result.matched:,} that pass the filters, {of} in all"
    how = f", {result.method}" if result.method and not result.method.startswith("exact") else ""
    how = f"{result.elapsed_ms:.0f} ms, encoder {result.encoder}{how}"
    words = printable(str(result.query))
    words = words if len(words) <= MOST_NAMED else f"{words[:MOST_NAMED]}…"
    name = f" for “{words}”" if result.query.parts else ""
    if result.relevant is None:
        return f"{len(shown.hits)} of {of}{name}, {how}"
    if result.relevant == 0:
        return f"0 {result.kind} match{name}{_closest(result)}; {of}, {how}"
    match = "1 matches" if result.relevant == 1 else f"{result.relevant:,} match"
    return f"{len(shown.hits)} shown, {match}{name}; {of}, {how}"


def _closest(result: SearchResult) -> str:
    if not result.hits:
        return ""
    best = result.hits[0]
    name = printable(os.path.basename(best.path) if best.kind == "photo" else best.text or "")
    return f" (closest: {name:.80}; --all shows the rest)"
