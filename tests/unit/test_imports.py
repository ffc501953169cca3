"""What starting costs: a help screen imports nothing heavy, an unchanged run no model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import index_folder
from retrieval.daemon.server import Server
from tests.conftest import LONGEST_S, ROOT, open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

HEAVY = (
    *("torch", "faiss", "sqlalchemy", "numpy", "PIL", "rich", "open_clip", "tokenizers"),
    *("safetensors", "torchvision", "timm", "transformers", "huggingface_hub", "filelock"),
)


def imported(code: str, *arguments: str) -> set[str]:
    """The top-level modules that `code` has loaded in a fresh interpreter."""
    tail = "\nimport json, sys\nprint(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code + tail, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST_S,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import retrieval",
        "import retrieval.cli",
        "from retrieval.cli import main\nmain(['--help'], standalone_mode=False)",
        "from retrieval.cli import main\nmain(['search', '--help'], standalone_mode=False)",
        "import retrieval as r\nr.Hit, r.RetrievalError, r.EncoderSpec, dir(r)",
    ],
)
def test_nothing_heavy(code: str) -> None:
    assert not imported(code) & set(HEAVY)


@pytest.mark.usefixtures("toy")
def test_an_unchanged_run_loads_no_model(tmp_path: Path) -> None:
    picture(tmp_path / "photos/a.jpg")
    with open_toy(tmp_path / "collection") as collection:
        index_folder(collection, [tmp_path / "photos"])
    code = (
        "import sys\n"
        "from retrieval.encoders import ENCODERS\n"
        "from retrieval.cli import main\n"
        "ENCODERS['toy'] = 'no.such.module:load'\n"
        "main(['index', sys.argv[1], '-c', sys.argv[2]], standalone_mode=False)"
    )
    found = imported(code, str(tmp_path / "photos"), str(tmp_path / "collection"))
    assert "sqlalchemy" in found
    assert not found & {"torch", "open_clip", "faiss", "tokenizers", "safetensors", "rich"}


SEARCH = (
    "import sys\n"
    "from retrieval.encoders import ENCODERS\n"
    "from retrieval.cli import main\n"
    "ENCODERS['toy'] = 'tests.toy:load'\n"
    "main(['search', 'red', '-c', sys.argv[1]], standalone_mode=False)"
)


@pytest.fixture
def indexed(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    picture(tmp_path / "photos/a.jpg")
    with open_toy(tmp_path / "collection") as collection:
        index_folder(collection, [tmp_path / "photos"])
    return tmp_path / "collection"


def test_a_search_loads_what_it_needs(indexed: Path) -> None:
    found = imported(SEARCH, str(indexed))
    assert {"numpy", "sqlite3"} <= found
    assert not found & (set(HEAVY) - {"numpy"} | {"platformdirs", "subprocess", "tomllib"})


def test_a_search_by_the_daemon_loads_next_to_nothing(indexed: Path, daemon: Server) -> None:
    found = imported(SEARCH, str(indexed))
    assert daemon.served == 1
    assert not found & (set(HEAVY) | {"sqlite3", "platformdirs", "subprocess", "tomllib"})


def test_an_answer_loads_no_more_than_a_search(indexed: Path) -> None:
    ask = SEARCH.replace("'search', 'red'", "'ask', 'When did I photograph something red?'")
    found = imported(ask, str(indexed))
    assert not found & (set(HEAVY) - {"numpy"} | {"httpx", "subprocess"})


def test_the_first_photos_are_shown_before_anything_heavy_is_loaded(
    indexed: Path, daemon: Server
) -> None:
    code = SEARCH.replace(
        "main(['search', 'red'",
        "from retrieval.cli.answers import Reader\n"
        "class Shown(BaseException): pass\n"
        "def stop(self, result): raise Shown\n"
        "Reader.show_result = stop\n"
        "main(['ask', 'When was the red one?'",
    )
    setup, _, call = code.rpartition("\n")
    found = imported(f"{setup}\ntry:\n    {call}\nexcept Shown:\n    pass", str(indexed))
    assert daemon.served == 1
    assert not found & (set(HEAVY) | {"sqlite3", "platformdirs", "subprocess", "tomllib"})
