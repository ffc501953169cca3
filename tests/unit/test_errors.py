"""The error classes, and the tree in the module's docstring."""

from __future__ import annotations

import inspect
import re

from retrieval import errors
from retrieval.errors import NoPhotosError, RetrievalError, UsageError


def drawn_tree() -> dict[str, str]:
    """Class name -> name of its parent, as drawn in the docstring."""
    parents: dict[str, str] = {}
    at_depth: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)([A-Z]\w+Error)\b", line):
            depth = len(match[1]) // 4
            at_depth[depth:] = [match[2]]
            parents[match[2]] = at_depth[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    real = {c.__name__: c.__base__.__name__ for c in classes if issubclass(c, Exception)}
    assert drawn_tree() == real


def test_all_are_ours_and_say_what_they_are() -> None:
    for name in drawn_tree():
        error = getattr(errors, name)
        assert issubclass(error, RetrievalError)
        assert error.__doc__


def test_exit_codes() -> None:
    for name in drawn_tree():
        error = getattr(errors, name)
        assert error.exit_code == (2 if issubclass(error, UsageError) else 1), name


def test_no_photos_carries_its_report() -> None:
    report = object()
    error = NoPhotosError("nothing", report)  # type: ignore[arg-type]
    assert error.report is report
    assert str(error) == "nothing"
