"""Whether the vectors of a space are whole, and those of the items that the catalog names."""

from __future__ import annotations

from pathlib import Path

from retrieval.errors import CorruptError
from retrieval.maintenance.findings import Findings
from retrieval.records import Kind, Space
from retrieval.storage import audits
from retrieval.storage.catalog import Catalog
from retrieval.storage.checked import read_checked
from retrieval.storage.codefile import CodeFile, code_file
from retrieval.storage.layout import space_folder
from retrieval.storage.vectors import VectorFile, vector_file


def check_space(path: Path, space: Space) -> None:
    """Compare what the folder of a space says of itself with the catalog. Raises CorruptError."""
    file = space_folder(path, space.fingerprint) / "space.json"
    try:
        told = read_checked(file)
    except OSError as exc:
        raise CorruptError(f"{file} cannot be read: {exc.strerror}.") from exc
    if (told["fingerprint"], told["dim"]) != (space.fingerprint, space.dim):
        raise CorruptError(f"{file} and the catalog name different encoders.")


def check_vectors(path: Path, catalog: Catalog, space: Space, kind: Kind, found: Findings) -> None:
    """Compare each row with its key and its codes, and the keys with what the catalog says."""
    file, count = vector_file(path, space, kind), space.rows[kind]
    found.count(f"{kind} vectors", count)
    erased = catalog.erased_rows(space, kind)
    damaged = file.damaged(count, erased).tolist()
    if damaged:
        found.damaged_rows.setdefault(space.fingerprint, {})[kind] = damaged
        found.problem(
            str(file.path),
            f"{len(damaged):,} of {count:,} rows do not fit their checksums, are cut off, or "
            "are no unit vectors",
        )
    overwritten = catalog.erased_rows(space, kind, done=True)
    if filled := file.not_empty(overwritten):
        found.filled_rows.setdefault(space.fingerprint, {})[kind] = filled
        found.problem(str(file.path), f"{len(filled):,} forgotten rows hold something again")
    _check_codes(code_file(path, space, kind), count, found)
    _compare_keys(catalog, file, space, kind, {*damaged, *erased}, found)
    if wrong := audits.wrongly_live(catalog, space, kind):
        found.catalog_problem(f"{wrong:,} {kind} are searched or left out wrongly")
    if unwiped := catalog.erased_rows(space, kind, done=False):
        found.note(f"{len(unwiped):,} rows of {kind} are still to be overwritten")


def check_complete(catalog: Catalog, space: Space, kind: Kind, found: Findings) -> None:
    """Whether searches can find all that stands in a file."""
    waiting = audits.waiting(catalog, space, kind)
    lacking = set(audits.without_embedding(catalog, space, kind)) - {*waiting}
    if lacking:
        found.unembedded[kind] = sorted(lacking)
        found.problem("catalog.db", f"{len(lacking):,} {kind} have no embedding")
    if waiting:
        found.note(
            f"{len(waiting):,} {kind} could not be read when the encoder was changed to "
            f"{space.encoder}, and are not found until their folder is indexed again"
        )


def _check_codes(file: CodeFile, count: int, found: Findings) -> None:
    if problem := file.problem(count):
        found.damaged_codes.append(file)
        found.problem(str(file.path), f"{problem}; searches may do without these codes")
    elif file.note_path.exists():
        found.count("files of codes", 1)


def _compare_keys(
    catalog: Catalog,
    file: VectorFile,
    space: Space,
    kind: Kind,
    unusable: set[int],
    found: Findings,
) -> None:
    count = space.rows[kind]
    keys = file.keys(min(count, file.length()))
    rows = wrong = 0
    for row, content_hash in audits.hashes_by_row(catalog, space, kind):
        rows += 1
        if row not in unusable and (
            row >= len(keys) or keys[row]["hash"].tobytes() != content_hash
        ):
            wrong += 1
    erased = len(catalog.erased_rows(space, kind))
    if wrong or rows + erased != count:
        found.catalog_problem(
            f"{wrong:,} rows of {kind} hold other items than it says, and {rows + erased:,} "
            f"of {count:,} rows are accounted for"
        )
