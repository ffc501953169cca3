"""What the code may not do, read from the code itself: no pickle, no SQL made of values, one door
to the disk. And what a collection looks like to others on the same machine."""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

import retrieval
from retrieval import Collection, compact, index_folder
from retrieval.storage import disk
from tests.conftest import open_toy
from tests.pictures import paint, picture
from tests.toy import ToyEncoder

PACKAGE = Path(retrieval.__file__).parent
TREES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8"), str(path))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call in the package: file, node, and the name that is called, such as "os.open"."""
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield file, node, ast.unparse(node.func)


def argument(call: ast.Call, name: str) -> object:
    """The constant given for a keyword; None if it is missing or no constant."""
    for keyword in call.keywords:
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return keyword.value.value
    return None


def test_the_package_is_read() -> None:
    assert {"storage/disk.py", "storage/database.py", "encoders/mini.py", "cli/search.py"} <= set(
        TREES
    )


# --- code in data -----------------------------------------------------------------------------

UNSAFE = {"pickle", "cPickle", "_pickle", "shelve", "marshal", "dill", "joblib", "cloudpickle"}


def test_nothing_that_runs_what_it_reads() -> None:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not UNSAFE & {name.split(".")[0] for name in names}, file


def test_weights_and_arrays_are_only_data() -> None:
    for file, call, name in calls():
        place = f"{file}:{call.lineno}"
        if name == "torch.load":
            assert argument(call, "weights_only") is True, place
        if name in ("np.load", "numpy.load"):
            assert argument(call, "allow_pickle") is False, place
        assert name not in ("eval", "exec", "os.system", "os.popen", "__import__"), place
        assert argument(call, "shell") is not True, place


# --- SQL --------------------------------------------------------------------------------------

#: Calls that take a statement as text.
SQL_CALLS = ("text", "exec_driver_sql", "execute", "executemany", "executescript", "scalar")
EXPRESSIONS = ("text", "select", "insert", "update", "delete", "upsert_into")
TEXT_METHODS = ("format", "format_map", "replace", "strip", "decode")
#: (file, what fills the statement): values that cannot come from outside.
FIXED_SQL = {
    ("storage/database.py", "pragma"): "a loop over constants",
    (
        "storage/database.py",
        "statement",
    ): "a parameter that gets constants only, see the test below",
    ("storage/database.py", "sql"): "constants only, see the test below",
    ("storage/reading.py", "sql"): "the same",
    ("storage/migrations.py", "statement"): "a loop over constants",
    ("storage/upgrading.py", "query"): "one of two constants of the module",
    ("places/__init__.py", "sql"): "constants of the module",
    ("places/compiling.py", "_SCHEMA"): "a constant of the module",
    ("storage/salvaging.py", "order"): "a loop over ASC and DESC",
    ("storage/salvaging.py", "query"): "constants, or with `order` in them",
}


def sql_arguments() -> Iterator[tuple[str, ast.expr]]:
    """The first argument of each call that may take SQL as text."""
    for file, call, _ in calls():
        function = call.func
        named = (
            function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        )
        if named in SQL_CALLS and call.args:
            yield file, call.args[0]


def is_fixed(file: str, value: ast.expr) -> bool:
    """Whether a statement consists of constants, of numbers, and of what FIXED_SQL allows."""
    if isinstance(value, ast.JoinedStr):
        return all(is_fixed(file, part) for part in value.values)
    if isinstance(value, ast.FormattedValue):
        is_number = value.format_spec is not None and ast.unparse(value.format_spec) == "f'd'"
        return is_number or is_fixed(file, value.value)
    if isinstance(value, ast.Name):
        return (file, value.id) in FIXED_SQL or is_expression(file, value.id)
    return isinstance(value, ast.Constant) or builds_expression(value)


def builds_expression(value: ast.expr) -> bool:
    """Whether this is a call chain that builds an expression of SQLAlchemy: select(…).where(…)."""
    while isinstance(value, (ast.Call, ast.Attribute)):
        if isinstance(value, ast.Attribute) and value.attr in TEXT_METHODS:
            return False
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return value.func.id in EXPRESSIONS
        value = value.func if isinstance(value, ast.Call) else value.value
    return isinstance(value, ast.Name)


def is_expression(file: str, name: str) -> bool:
    """Whether all that `name` is set to in a file are expressions of SQLAlchemy, never text."""
    values = [
        node.value
        for node in ast.walk(TREES[file])
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == name
    ]
    return bool(values) and all(builds_expression(value) for value in values)


def alternatives(value: ast.expr) -> list[ast.expr]:
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]


def test_sql_never_holds_a_value() -> None:
    loose = [
        f"{file}:{value.lineno} {ast.unparse(value)}"
        for file, value in sql_arguments()
        if not all(is_fixed(file, either) for either in alternatives(value))
    ]
    assert loose == []


def test_statements_handed_on_are_constants() -> None:
    handed = [call for _, call, name in calls() if name.endswith("._run_alone")]
    assert len(handed) >= 3
    fetched = [call for _, call, name in calls() if name in ("self.fetch", "reader.fetch")]
    assert len(fetched) > 25
    assert all(is_constant(call.args[0]) for call in fetched)
    assert all(isinstance(call.args[0], ast.Constant) for call in handed)


def is_constant(node: ast.expr) -> bool:
    """Whether a text is written down: itself, by the name of a constant, or pieces of such."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and is_constant(node.left) and is_constant(node.right)
    if isinstance(node, ast.IfExp):
        return is_constant(node.body) and is_constant(node.orelse)
    if isinstance(node, ast.Subscript):
        return is_constant(node.value)
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return isinstance(node, ast.Constant) or bool(re.fullmatch(r"_?[A-Z][A-Z_]*", name))


def test_the_check_of_sql_notices() -> None:
    for wrong in (
        *("f'SELECT {x}'", "'SELECT ' + x", "x", "'SELECT %s' % x", "f'{x:s}'", "str(x)"),
        *("'SELECT {}'.format(x)", "x.format(1)", "' '.join(x)", "made(x)"),
    ):
        assert not is_fixed("storage/catalog.py", ast.parse(wrong, mode="eval").body), wrong
    for right in ("'SELECT 1'", "f'PRAGMA user_version = {n + 1:d}'", "select(files)"):
        assert is_fixed("storage/catalog.py", ast.parse(right, mode="eval").body), right


# --- the one door to the disk -----------------------------------------------------------------

#: Functions of `os` and of pathlib that change files.
OS_CHANGES = {
    *("replace", "rename", "renames", "unlink", "remove", "removedirs", "mkdir", "makedirs"),
    *("rmdir", "truncate", "ftruncate", "fsync", "fdatasync", "pwrite", "pwritev", "link"),
    *("symlink", "chmod", "fchmod", "chown", "utime", "mkfifo", "mknod"),
}
PATH_CHANGES = {
    *("write_text", "write_bytes", "unlink", "mkdir", "rmdir", "touch", "chmod", "rename"),
    *("symlink_to", "hardlink_to", "tofile", "savez", "save_file", "open_memmap"),
}
#: (file, call): why it is allowed elsewhere than in disk.py.
ALLOWED = {
    ("cli/html.py", "target.write_bytes"): "a pipe or /dev/stdout, which cannot be replaced",
    ("cli/__init__.py", "os.open"): "/dev/null, in place of a stdout that nobody reads",
    ("pictures/worker.py", "os.open"): "/dev/null, in place of stdin and stdout",
    ("models/worker.py", "os.open"): "the same",
    ("encoders/towers/exporting.py", "shutil.rmtree"): "what a process that died was making",
    ("encoders/towers/exporting.py", "part.chmod"): "what another library wrote, before it counts",
    ("machine.py", "shutil.which"): "looks only",
    ("cli/opening.py", "shutil.which"): "looks only",
    ("cli/pictures.py", "shutil.get_terminal_size"): "looks only",
    ("storage/failures.py", "shutil.disk_usage"): "looks only",
}
OURS = {"disk.remove", "disk.rename", "disk.truncate", "disk.system.remove"}


def changes_files(call: ast.Call, name: str) -> bool:
    start, _, last = name.rpartition(".")
    if name in OURS or start in ("disk", "disk.system"):
        return False
    if start == "os" and last == "open":
        return bool({"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"} & names_in(call))
    if start == "os":
        return last in OS_CHANGES
    if name in ("np.save", "torch.save") or start == "shutil" or (last in PATH_CHANGES and start):
        return True
    if name == "open" or last == "open":
        mode = call.args[1] if len(call.args) > 1 else call.args[0] if start and call.args else None
        given = [k.value for k in call.keywords if k.arg == "mode"] or ([mode] if mode else [])
        return any(
            isinstance(value, ast.Constant)
            and isinstance(value.value, str)
            and bool(set("wax+") & set(value.value))
            and len(value.value) <= 3
            for value in given
        )
    return False


def names_in(call: ast.Call) -> set[str]:
    return {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}


#: The second one only changes the daemon's runtime folder, where nothing is kept.
DOORS = ("storage/disk.py", "daemon/place.py")


def test_only_one_module_changes_files() -> None:
    found = {
        (file, name): f"{file}:{call.lineno} {name}"
        for file, call, name in calls()
        if file not in DOORS and changes_files(call, name)
    }
    assert [place for key, place in found.items() if key not in ALLOWED] == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open('x', 'w')", True),
        ("open('x', mode='ab')", True),
        ("path.open('r+')", True),
        ("path.open('rb')", False),
        ("open('x')", False),
        ("os.open(p, os.O_RDONLY | os.O_CLOEXEC)", False),
        ("os.open(p, os.O_RDWR)", True),
        ("os.replace(a, b)", True),
        ("a.replace(b, c)", False),
        ("Path(x).unlink(missing_ok=True)", True),
        ("shutil.rmtree(x)", True),
        ("disk.remove(x)", False),
        ("names.remove(x)", False),
    ],
)
def test_the_check_of_files_notices(code: str, expected: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert changes_files(call, ast.unparse(call.func)) is expected


def test_names_of_temporary_files_cannot_be_foreseen(tmp_path: Path) -> None:
    for name in ("a.jpg", "长" * 80, "x" * 255):
        made = {disk.temporary_name(name) for _ in range(3)}
        assert len(made) == 3
        assert all(len(os.fsencode(each)) <= 255 and each.endswith(".tmp") for each in made)
        if len(os.fsencode(name)) < 255:
            disk.write_atomically(tmp_path / name, b"words")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "长" * 80]


@pytest.mark.parametrize("kind", ["file", "link", "link to nothing"])
def test_a_file_that_is_new_is_never_one_that_is_there(tmp_path: Path, kind: str) -> None:
    place, other = tmp_path / "place", tmp_path / "other"
    other.write_bytes(b"words")
    if kind == "file":
        place.write_bytes(b"words")
    else:
        place.symlink_to(other if kind == "link" else tmp_path / "nothing")
    with pytest.raises(FileExistsError):
        disk.system.create(place, 0o600, True)
    assert other.read_bytes() == b"words"
    assert not (tmp_path / "nothing").exists()


# --- what others on the machine see -----------------------------------------------------------


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(place: Path) -> dict[str, str]:
    """Files and folders that others than their owner may do something with, or that run."""
    wrong = {}
    for path in (place, *place.rglob("*")):
        status = path.lstat()
        expected = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        if stat.S_IMODE(status.st_mode) != expected:
            wrong[str(path)] = oct(stat.S_IMODE(status.st_mode))
    return wrong


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_a_collection_belongs_to_its_owner_alone(
    toy: list[ToyEncoder], tmp_path: Path, mask: int
) -> None:
    photos, place = tmp_path / "photos", tmp_path / "new/deep/collection"
    for colour in ("red", "green"):
        picture(photos / f"{colour}.png", colour)
    (photos / "a.txt").write_text("red")
    with umask(mask):
        with open_toy(place) as collection:
            with collection.writing():
                assert modes(place) == {}
                assert (place / "lock.json").exists()
            index_folder(collection, photos)
            for photo in collection.catalog.photos_by_id([1, 2]).values():
                collection.thumbnail(photo)
            collection.catalog.back_up(place / "catalog.v1.backup.db")
            (photos / "red.png").unlink()
            index_folder(collection, photos)
            compact(collection)
            names = {path.name for path in place.rglob("*")}
            assert {"lock", "catalog.db-wal", "catalog.db-shm", "photos-1.f16"} <= names
            assert modes(place) == {}
        with Collection.open(place) as collection:
            collection.info()
            assert modes(place) == {}
    assert modes(place) == {}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_thumbnails_tell_nothing_about_the_place(toy: list[ToyEncoder], tmp_path: Path) -> None:
    image, exif = paint("red", (900, 600)), Image.Exif()
    exif[0x010F] = "Secretcam"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (47.0, 11.0, 8.0)
    xmp = b"<x:xmpmeta>Secretplace</x:xmpmeta>"
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos/a.jpg"
    image.save(path, exif=exif, xmp=xmp, icc_profile=b"Secretprofile" * 40, comment=b"Secretword")
    assert path.read_bytes().count(b"Secret") >= 4
    with open_toy(tmp_path / "collection") as collection:
        index_folder(collection, tmp_path / "photos")
        (photo,) = collection.catalog.photos_by_id([1]).values()
        thumbnail = collection.thumbnail(photo)
    data = thumbnail.read_bytes()
    assert b"Secret" not in data
    with Image.open(thumbnail) as shown:
        assert dict(shown.getexif()) == {}
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(shown.info)
    assert not any(
        b"Secret" in p.read_bytes()
        for p in tmp_path.glob("collection/**/*.*")
        if p.is_file() and not p.name.startswith("catalog.")  # which keeps the name of the camera
    )
