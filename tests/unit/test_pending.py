"""Which changes become a run, and what it looks at."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from retrieval.scan import COLLECTION_MARKS
from retrieval.watching.pending import MOST_PATHS, MOST_WAIT_S, Pending, is_of_interest, to_index


def nobody(_: str) -> bool:
    return False


def test_a_burst_becomes_one_run() -> None:
    pending = Pending(2.0)
    for step in range(100):
        pending.note([f"/p/{step}.jpg"], step * 0.1)
        assert pending.take(step * 0.1, nobody) == []
    assert len(pending.take(12.0, nobody)) == 100
    assert len(pending) == 0


def test_changes_that_never_end_do_not_hold_up_the_others() -> None:
    pending = Pending(2.0)
    pending.note(["/p/a.jpg"], 0.0)
    taken: list[str] = []
    for second in range(1, 40):
        pending.note(["/p/log"], float(second))
        taken += pending.take(float(second), nobody)
        assert taken == (["/p/a.jpg"] if second >= MOST_WAIT_S else [])


def test_a_file_that_is_being_written_waits() -> None:
    pending = Pending(1.0)
    pending.note(["/p/a.jpg", "/p/b.jpg"], 0.0)
    assert pending.take(2.0, lambda path: path.endswith("a.jpg")) == ["/p/b.jpg"]
    assert pending.take(2.5, nobody) == []
    assert pending.take(3.1, nobody) == ["/p/a.jpg"]


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.lists(st.sampled_from("abcdef"), max_size=3)), max_size=30
    )
)
def test_every_change_is_handed_out_after_it_happened(
    steps: list[tuple[float, list[str]]],
) -> None:
    pending, now, open_since = Pending(1.0), 0.0, dict[str, float]()
    for pause, paths in steps:
        now += pause
        pending.note(paths, now)
        open_since |= dict.fromkeys(paths, now)
        for path in pending.take(now, nobody):
            assert now - open_since.pop(path) >= 1.0
    for path in pending.take(now + 60, nobody):
        del open_since[path]
    assert open_since == {}


def test_what_is_of_interest(tmp_path: Path) -> None:
    root = str(tmp_path)
    own = tmp_path / "indexes/default"
    own.mkdir(parents=True)
    for mark in COLLECTION_MARKS:
        (own / mark).touch()
    cases = {
        "a.jpg": True,
        "deep/b.jpg": True,
        ".hidden.jpg": False,
        ".git/a.jpg": False,
        "indexes/default/catalog.db-wal": False,
        "indexes/default/thumbs/ab/x.jpg": False,
        "indexes/other.jpg": True,
    }
    for name, expected in cases.items():
        assert is_of_interest(os.path.join(root, name), [root], {}) is expected, name
    assert is_of_interest(root, [root], {})
    assert not is_of_interest("/elsewhere/a.jpg", [root], {})
    assert not is_of_interest(root + "-more/a.jpg", [root], {})


def test_what_a_run_looks_at(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for name in ("a.jpg", "new/b.jpg", "new/c.jpg"):
        (tmp_path / name).touch()
    root = str(tmp_path)

    def indexed(*names: str, known: tuple[str, ...] = ()) -> list[str]:
        paths = to_index(
            [os.path.join(root, name) for name in names],
            [root],
            lambda path: os.path.relpath(path, root) in known,
        )
        return [os.path.relpath(path, root) for path in paths]

    assert indexed("a.jpg", "new", "new/b.jpg") == ["a.jpg", "new"]
    assert indexed("came-and-went.jpg") == []
    assert indexed("gone/x.jpg", "gone/deep/y.jpg", "gone", known=("gone",)) == ["gone"]
    (tmp_path / "link").symlink_to(tmp_path / "new")
    assert indexed("link/b.jpg") == ["."]
    for number in range(MOST_PATHS + 1):
        (tmp_path / f"{number}.jpg").touch()
    assert indexed(*(f"{number}.jpg" for number in range(MOST_PATHS + 1))) == ["."]
