"""Walking folders, and comparing what was met with what is known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.records import FileStat, Skipped
from retrieval.scan import COLLECTION_MARKS, KnownFile, diff, walk


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def met(*roots: Path) -> list[str]:
    return [entry.path for entry in walk(roots) if isinstance(entry, FileStat)]


def skipped(*roots: Path) -> dict[str, str]:
    return {entry.path: entry.reason for entry in walk(roots) if isinstance(entry, Skipped)}


class TestWalk:
    def test_every_file_once_in_a_stable_order(self, tmp_path: Path) -> None:
        make(tmp_path, "b/2.jpg", "b/1.jpg", "a.jpg", "c/d/e.jpg", "z.txt")
        expected = [str(tmp_path / n) for n in ("a.jpg", "z.txt", "b/1.jpg", "b/2.jpg")]
        assert met(tmp_path) == [*expected, str(tmp_path / "c/d/e.jpg")]

    def test_size_and_time(self, tmp_path: Path) -> None:
        make(tmp_path, "a.jpg")
        status = (tmp_path / "a.jpg").stat()
        (entry,) = walk([tmp_path])
        assert entry == FileStat(str(tmp_path / "a.jpg"), status.st_size, status.st_mtime_ns)

    def test_a_root_may_be_a_file(self, tmp_path: Path) -> None:
        make(tmp_path, "a.jpg", "b.jpg")
        assert met(tmp_path / "b.jpg") == [str(tmp_path / "b.jpg")]

    def test_a_missing_root_is_skipped(self, tmp_path: Path) -> None:
        assert list(skipped(tmp_path / "none").values()) == [
            "cannot be read: No such file or directory"
        ]

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 1)])
    def test_overlapping_roots_give_each_file_once(
        self, tmp_path: Path, order: tuple[int, ...]
    ) -> None:
        make(tmp_path, "a/b/1.jpg", "a/2.jpg")
        roots = (tmp_path, tmp_path / "a", tmp_path / "a/b/1.jpg")
        found = met(*(roots[i] for i in order))
        assert sorted(found) == [str(tmp_path / "a/2.jpg"), str(tmp_path / "a/b/1.jpg")]

    def test_a_root_with_dots_gives_plain_paths(self, tmp_path: Path) -> None:
        make(tmp_path, "a/1.jpg", "b/2.jpg")
        assert met(tmp_path / "a" / ".." / "b") == [str(tmp_path / "b/2.jpg")]

    def test_hidden_folders_are_not_entered_and_hidden_files_are_named(
        self, tmp_path: Path
    ) -> None:
        make(tmp_path, ".git/1.jpg", ".2.jpg", "a/.3.jpg", "4.jpg")
        assert met(tmp_path) == [str(tmp_path / "4.jpg")]
        hidden = {str(tmp_path / n): "hidden file" for n in (".2.jpg", "a/.3.jpg")}
        assert skipped(tmp_path) == hidden | {str(tmp_path / ".git"): "hidden folder"}

    def test_a_hidden_root_is_what_was_asked_for(self, tmp_path: Path) -> None:
        make(tmp_path, ".photos/1.jpg")
        assert met(tmp_path / ".photos") == [str(tmp_path / ".photos/1.jpg")]

    def test_collections_are_not_entered(self, tmp_path: Path) -> None:
        make(tmp_path, *(f"indexes/mine/{mark}" for mark in COLLECTION_MARKS))
        make(tmp_path, "indexes/mine/thumbs/ab/abc.jpg", "indexes/half/manifest.json", "a.jpg")
        assert met(tmp_path) == [str(tmp_path / n) for n in ("a.jpg", "indexes/half/manifest.json")]
        assert met(tmp_path / "indexes/mine") == []

    def test_link_loops_end_and_real_folders_come_once(self, tmp_path: Path) -> None:
        make(tmp_path, "a/1.jpg")
        (tmp_path / "a/up").symlink_to(tmp_path)
        (tmp_path / "a/self").symlink_to(tmp_path / "a")
        (tmp_path / "twin").symlink_to(tmp_path / "a")
        assert met(tmp_path) == [str(tmp_path / "a/1.jpg")]

    def test_links_to_files_are_files(self, tmp_path: Path) -> None:
        make(tmp_path, "a/1.jpg")
        (tmp_path / "link.jpg").symlink_to(tmp_path / "a/1.jpg")
        assert met(tmp_path) == [str(tmp_path / "link.jpg"), str(tmp_path / "a/1.jpg")]

    def test_dead_links_and_fifos_are_named_and_never_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere")
        (tmp_path / "round.jpg").symlink_to(tmp_path / "round.jpg")
        assert met(tmp_path) == []
        assert skipped(tmp_path) == {
            str(tmp_path / "pipe.jpg"): "not a regular file",
            str(tmp_path / "dead.jpg"): "link to nothing",
            str(tmp_path / "round.jpg"): "link to nothing",
        }

    def test_names_that_are_not_utf8(self, tmp_path: Path) -> None:
        raw = os.fsencode(tmp_path) + b"/caf\xe9"
        os.mkdir(raw)
        with open(raw + b"/\xff.jpg", "wb") as file:
            file.write(b"x")
        (found,) = met(tmp_path)
        assert os.fsencode(found) == raw + b"/\xff.jpg"

    def test_an_unreadable_folder_is_named_and_the_rest_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg")
        forbid(monkeypatch, tmp_path / "b")
        assert met(tmp_path) == [str(tmp_path / "a/1.jpg"), str(tmp_path / "c/3.jpg")]
        assert skipped(tmp_path) == {
            str(tmp_path / "b"): "folder cannot be read: Permission denied"
        }


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder unreadable also for root, whom permissions do not stop."""
    scandir = os.scandir

    def guarded(path: Any) -> Any:
        if path == str(folder):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


names = st.sampled_from(["/r/a", "/r/b", "/r/d/a", "/r/d/b", "/r/d/e/a", "/r/dd/a", "/r/ü"])
stats = st.builds(FileStat, names, st.integers(0, 2), st.integers(0, 2))
known_files = st.builds(
    KnownFile,
    st.integers(1, 99),
    names,
    st.integers(0, 2),
    st.integers(0, 2),
    st.none() | st.integers(1, 5),
    st.none() | st.just("damaged"),
    st.sampled_from([None, "old", "new"]),
)
folders = st.sampled_from(["/r", "/r/d", "/r/d/e", "/r/a", "/r/dd", "/other"])


class TestDiff:
    @given(
        st.lists(known_files, unique_by=lambda f: f.path),
        st.lists(stats, unique_by=lambda f: f.path),
        st.lists(folders),
    )
    def test_each_file_falls_into_exactly_one_group(
        self, known: list[KnownFile], files: list[FileStat], unseen: list[str]
    ) -> None:
        by_path = {file.path: file for file in known}
        found = diff(by_path, files, unseen, "new")
        groups = [
            [file.path for file in found.unchanged],
            [file.path for file in found.fresh],
            [file.path for _, file in found.changed],
        ]
        assert sorted(path for group in groups for path in group) == sorted(
            file.path for file in files
        )
        assert not set(groups[1]) & set(by_path)
        assert set(groups[0] + groups[2]) <= set(by_path)
        assert all(before.path == now.path for before, now in found.changed)
        expected = {
            path
            for path in set(by_path) - {file.path for file in files}
            if not any(path == u or path.startswith(u + "/") for u in unseen)
        }
        assert {file.path for file in found.missing} == expected

    @given(known_files, st.integers(0, 2), st.integers(0, 2))
    def test_unchanged_means_size_time_and_reader(
        self, before: KnownFile, size: int, mtime: int
    ) -> None:
        found = diff({before.path: before}, [FileStat(before.path, size, mtime)], (), "new")
        same = (before.size, before.mtime_ns) == (size, mtime)
        retry = before.reason is not None and before.reader != "new"
        assert found.unchanged == ([before] if same and not retry else [])

    def test_a_neighbour_with_the_same_start_is_not_below(self) -> None:
        before = KnownFile(1, "/r/dd/a", 1, 1)
        assert diff({before.path: before}, [], ["/r/d"]).missing == [before]
