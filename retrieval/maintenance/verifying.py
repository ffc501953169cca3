"""Check everything in a collection, and say in words what is wrong.

Nothing is taken on trust that can be compared: the catalog with its seal, its own indexes and the
keys of the vectors, every vector with its key, every text with its hash, every thumbnail with its
checksum, every known file with what lies on disk, and the encoder with the fingerprint.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from retrieval.collection import LOCK_TIMEOUT_S, Collection
from retrieval.corpora import text_hash
from retrieval.encoders import EncoderSpec
from retrieval.errors import CorruptError, NoCollectionError, RetrievalError
from retrieval.matching import MatchingEncoder
from retrieval.pictures.images import read_content
from retrieval.pictures.thumbnails import read_thumbnail
from retrieval.records import (
    KINDS,
    Kind,
    Problem,
    Skipped,
    Space,
    VerifyReport,
    ignore_notice,
)
from retrieval.scan import stat_file
from retrieval.storage import audits, kept
from retrieval.storage.catalog import Catalog
from retrieval.storage.checked import read_checked
from retrieval.storage.codefile import CodeFile, code_file
from retrieval.storage.layout import (
    FORMAT,
    ROOTS,
    collection_path,
    read_manifest,
    read_roots,
    space_folder,
    storage_errors,
    write_lock,
)
from retrieval.storage.readable import SCHEMA_VERSION
from retrieval.storage.seals import read_seal, seal_path
from retrieval.storage.vectors import vector_file

NAMED = 3  # examples in a sentence


def verify(
    where: str | Path | Collection = "",
    *,
    home: str = "",
    spec: EncoderSpec | None = None,
    encoder: bool = True,
    content: bool = False,
) -> VerifyReport:
    """Check the collection `where` (a name, a path, or an open one); nothing is changed.

    `encoder` loads the encoder and compares its fingerprint; `content` reads and hashes every photo
    file. Raises NoCollectionError, FormatError for a newer format, LockedError while another
    process writes; whatever else is wrong comes as a problem.
    """
    path = find(where, home)
    writable = os.access(path, os.W_OK)
    with write_lock(path, LOCK_TIMEOUT_S) if writable else nullcontext():
        return Verification(path, spec or EncoderSpec()).run(encoder=encoder, content=content)


def find(where: str | Path | Collection, home: str) -> Path:
    """The folder of a collection, sound or not. Raises NoCollectionError."""
    if isinstance(where, Collection):
        return where.path
    path = where.absolute() if isinstance(where, Path) else collection_path(where, home)
    with storage_errors(path):
        is_one = any((path / name).exists() for name in ("manifest.json", "catalog.db", "spaces"))
    if not is_one:
        raise NoCollectionError(
            f"There is no collection at {path}. Make one with: retrieval index FOLDER"
        )
    return path


OTHER_SCHEMA = (
    "it is of schema {}, which another version of the program made, and was not checked. Where "
    "that is an older one, bring it up to date with: retrieval info"
)


class Verification:
    """One check of everything; needs the write lock, or a place where nobody writes."""

    def __init__(self, path: Path, spec: EncoderSpec) -> None:
        self.path = path
        self.spec = spec
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.checked: dict[str, int] = {}
        #: Whether the catalog contradicts its seal, itself or the vectors.
        self.catalog_damaged = False
        #: Whether the seal is damaged or gone.
        self.seal_lost = False
        #: Whether the list of indexed folders is damaged.
        self.roots_lost = False
        #: Rows of the vectors that cannot be used, by fingerprint and kind.
        self.damaged_rows: dict[str, dict[Kind, list[int]]] = {}
        #: Items that stand in files and have no embedding in any space, by kind.
        self.unembedded: dict[Kind, list[int]] = {}
        #: Rows of what was forgotten that are not empty, by fingerprint and kind.
        self.filled_rows: dict[str, dict[Kind, list[int]]] = {}
        #: Whether the table of words does not say what the other tables do.
        self.words_wrong = False
        #: Files of what is kept beside the catalog that are damaged.
        self.damaged_kept: list[str] = []
        self.damaged_codes: list[CodeFile] = []
        self.damaged_thumbnails: list[Path] = []
        self._known_photos: set[str] | None = None

    def run(self, *, encoder: bool = True, content: bool = False) -> VerifyReport:
        """Check everything and report."""
        begun = time.monotonic()
        self._try("manifest.json", self._check_manifest)
        if not (self.path / "catalog.db").is_file():
            self._catalog_is_damaged("it is lost")
        else:
            self._try("catalog.db", lambda: self._check_with_catalog(encoder, content))
        self._try(ROOTS, self._check_roots)
        for name in kept.KEPT:
            self._try(name, partial(self._check_kept, name))
        self._check_thumbnails()
        return VerifyReport(
            str(self.path),
            tuple(self.problems),
            tuple(self.notes),
            self.checked,
            time.monotonic() - begun,
        )

    def _try(self, place: str, check: Callable[[], None]) -> None:
        try:
            check()
        except CorruptError as exc:
            self.catalog_damaged = self.catalog_damaged or place == "catalog.db"
            self._problem(place, str(exc).removesuffix(" Mend it with: retrieval repair"))
        except RetrievalError as exc:
            self._problem(place, str(exc))

    def _problem(self, place: str, text: str) -> None:
        self.problems.append(Problem(place, text))

    def _catalog_is_damaged(self, text: str) -> None:
        self.catalog_damaged = True
        self._problem("catalog.db", text)

    # --- the catalog ------------------------------------------------------------------------

    def _check_manifest(self) -> None:
        manifest = read_manifest(self.path)
        if manifest["format"] != FORMAT:
            self._problem(
                "manifest.json",
                f"The collection has format {manifest['format']}, which is upgraded when it is "
                "opened, and can be checked then. Open it with: retrieval info",
            )

    def _check_roots(self) -> None:
        self.roots_lost = True
        read_roots(self.path)
        self.roots_lost = False

    def _check_kept(self, name: str) -> None:
        try:
            kept.check(self.path, name)
        except CorruptError:
            self.damaged_kept.append(name)
            raise

    def _check_with_catalog(self, encoder: bool, content: bool) -> None:
        with closing(Catalog(self.path / "catalog.db")) as catalog:
            self._try("catalog.seal", self._check_seal_file)
            if not self.seal_lost:
                catalog.check_seal(needed=False)
            for problem in catalog.integrity_problems():
                self._catalog_is_damaged(problem)
            version = catalog.version()
            if version == 0:
                self._catalog_is_damaged("it is empty")
            told = any(problem.place == "manifest.json" for problem in self.problems)
            if not (self.catalog_damaged or told) and version != SCHEMA_VERSION:
                self.problems.append(Problem("catalog.db", OTHER_SCHEMA.format(version)))
            if self.catalog_damaged or version != SCHEMA_VERSION:
                return
            if not self.seal_lost and not catalog.is_sealed():
                self.notes.append("The last run did not end properly; its newest state has no seal")
            self._check_rows(catalog)
            self._check_words(catalog)
            for space in catalog.spaces():
                self._try("space.json", partial(check_space, self.path, space))
                for kind in KINDS:
                    self._check_vectors(catalog, space, kind)
            active = catalog.active_space()
            if active is not None:
                for kind in KINDS:
                    self._check_complete(catalog, active, kind)
                if encoder:
                    self._try("encoder", lambda: self._check_encoder(active))
            self._check_files(catalog, content)
            if unread := len(catalog.outdated_photos()):
                self.notes.append(
                    f"Of {unread:,} photos it is not known what their files say; index them again"
                )
            self._known_photos = audits.photo_hashes(catalog)

    def _check_seal_file(self) -> None:
        self.seal_lost = True
        place = self.path / "catalog.db"
        if read_seal(place) is None and read_manifest(self.path)["format"] == FORMAT:
            raise CorruptError(f"{seal_path(place)} is lost.")
        self.seal_lost = False

    def _check_rows(self, catalog: Catalog) -> None:
        bad = sum(text_hash(text) != key for key, text in audits.texts(catalog))
        if bad:
            self._catalog_is_damaged(f"{bad:,} documents do not have the text they were made of")
        unclear = audits.unclear_files(catalog)
        if unclear:
            self._catalog_is_damaged(f"of {unclear:,} files it does not say what they are")

    def _check_words(self, catalog: Catalog) -> None:
        problem, missing = audits.words_problem(catalog)
        if problem:
            self.words_wrong = True
            self._problem("catalog.db", f"{problem}; they are found again after a repair")
        if missing:
            self.notes.append(
                f"{missing:,} photos are not found by words yet; the next run of index sees to it"
            )

    # --- vectors ----------------------------------------------------------------------------

    def _check_vectors(self, catalog: Catalog, space: Space, kind: Kind) -> None:
        file, count = vector_file(self.path, space, kind), space.rows[kind]
        self.checked[f"{kind} vectors"] = self.checked.get(f"{kind} vectors", 0) + count
        erased = catalog.erased_rows(space, kind)
        damaged = file.damaged(count, erased).tolist()
        if damaged:
            self.damaged_rows.setdefault(space.fingerprint, {})[kind] = damaged
            self._problem(
                str(file.path),
                f"{len(damaged):,} of {count:,} rows do not fit their checksums, are cut off, or "
                "are no unit vectors",
            )
        overwritten = catalog.erased_rows(space, kind, done=True)
        if filled := file.not_empty(overwritten):
            self.filled_rows.setdefault(space.fingerprint, {})[kind] = filled
            self._problem(str(file.path), f"{len(filled):,} forgotten rows hold something again")
        self._check_codes(code_file(self.path, space, kind), count)
        self._compare_keys(catalog, space, kind, {*damaged, *erased})
        if wrong := audits.wrongly_live(catalog, space, kind):
            self._catalog_is_damaged(f"{wrong:,} {kind} are searched or left out wrongly")
        if unwiped := catalog.erased_rows(space, kind, done=False):
            self.notes.append(f"{len(unwiped):,} rows of {kind} are still to be overwritten")

    def _check_complete(self, catalog: Catalog, space: Space, kind: Kind) -> None:
        """Whether searches can find all that stands in a file."""
        waiting = audits.waiting(catalog, space, kind)
        lacking = set(audits.without_embedding(catalog, space, kind)) - {*waiting}
        if lacking:
            self.unembedded[kind] = sorted(lacking)
            self._problem("catalog.db", f"{len(lacking):,} {kind} have no embedding")
        if waiting:
            self.notes.append(
                f"{len(waiting):,} {kind} could not be read when the encoder was changed to "
                f"{space.encoder}, and are not found until their folder is indexed again"
            )

    def _check_codes(self, file: CodeFile, count: int) -> None:
        if problem := file.problem(count):
            self.damaged_codes.append(file)
            self._problem(str(file.path), f"{problem}; searches may do without these codes")
        elif file.note_path.exists():
            self.checked["files of codes"] = self.checked.get("files of codes", 0) + 1

    def _compare_keys(self, catalog: Catalog, space: Space, kind: Kind, unusable: set[int]) -> None:
        file, count = vector_file(self.path, space, kind), space.rows[kind]
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
            self._catalog_is_damaged(
                f"{wrong:,} rows of {kind} hold other items than it says, and {rows + erased:,} "
                f"of {count:,} rows are accounted for"
            )

    def _check_encoder(self, space: Space) -> None:
        MatchingEncoder(self.path, self.spec, ignore_notice).load_model(space)
        self.checked["encoder fingerprints"] = 1

    # --- files ------------------------------------------------------------------------------

    def _check_files(self, catalog: Catalog, content: bool) -> None:
        """Files that changed since they were indexed are no damage: the next run sees to them."""
        gone: list[str] = []
        changed: list[str] = []
        silently: list[str] = []
        self.checked["files"] = 0
        for path, size, mtime_ns, key in audits.known_paths(catalog):
            self.checked["files"] += 1
            now = stat_file(path)
            if isinstance(now, Skipped):
                gone.append(path)
            elif (now.size, now.mtime_ns) != (size, mtime_ns):
                changed.append(path)
            elif content and key is not None and not _holds(path, key):
                silently.append(path)
        if silently:
            self._problem(
                silently[0],
                f"{_named(silently)} changed without a new modification time: damaged, or edited "
                "by a program that hides it. Restore from a backup, or touch and index again",
            )
        if gone:
            self.notes.append(f"{_named(gone)} cannot be found any more; the next run notes it")
        if changed:
            self.notes.append(f"{_named(changed)} changed since; index the folder again")

    def _check_thumbnails(self) -> None:
        there = sorted((self.path / "thumbs").glob("*/*.jpg"))
        self.damaged_thumbnails = [path for path in there if read_thumbnail(path) is None]
        self.checked["thumbnails"] = len(there)
        if self.damaged_thumbnails:
            names = [str(path) for path in self.damaged_thumbnails]
            self._problem(names[0], f"{_named(names)} is no whole thumbnail; it is made anew")
        known = self._known_photos
        strays = [p for p in there if known is not None and p.stem not in known]
        if strays:
            names = [str(path) for path in strays]
            self._problem(names[0], f"{_named(names)} shows no photo of the collection")
        self.damaged_thumbnails = sorted({*self.damaged_thumbnails, *strays})


def check_space(path: Path, space: Space) -> None:
    """Compare what the folder of a space says of itself with the catalog. Raises CorruptError."""
    file = space_folder(path, space.fingerprint) / "space.json"
    try:
        told = read_checked(file)
    except OSError as exc:
        raise CorruptError(f"{file} cannot be read: {exc.strerror}.") from exc
    if (told["fingerprint"], told["dim"]) != (space.fingerprint, space.dim):
        raise CorruptError(f"{file} and the catalog name different encoders.")


def _holds(path: str, content_hash: bytes) -> bool:
    try:
        return read_content(path).content_hash == content_hash
    except (OSError, RetrievalError):
        return False


def _named(paths: list[str]) -> str:
    if len(paths) == 1:
        return f"the file {paths[0]}"
    return f"{len(paths):,} files ({', '.join(paths[:NAMED])}{', …' * (len(paths) > NAMED)})"
