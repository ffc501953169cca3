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
from retrieval.maintenance.findings import Findings
from retrieval.maintenance.spaces import check_complete, check_space, check_vectors
from retrieval.matching import MatchingEncoder
from retrieval.pictures.images import read_content
from retrieval.pictures.thumbnails import read_thumbnail
from retrieval.records import (
    KINDS,
    Skipped,
    Space,
    VerifyReport,
    ignore_notice,
)
from retrieval.scan import stat_file
from retrieval.storage import audits, kept
from retrieval.storage.catalog import Catalog
from retrieval.storage.creating import is_own_catalog
from retrieval.storage.layout import (
    FORMAT,
    ROOTS,
    collection_path,
    read_manifest,
    read_roots,
    storage_errors,
    write_lock,
)
from retrieval.storage.readable import SCHEMA_VERSION
from retrieval.storage.seals import read_seal, seal_path

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
        is_one = any((path / name).exists() for name in ("manifest.json", "spaces"))
        is_one = is_one or is_own_catalog(path / "catalog.db")
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
        self.found = Findings()
        self._known_photos: set[str] | None = None

    def run(self, *, encoder: bool = True, content: bool = False) -> VerifyReport:
        """Check everything and report."""
        begun = time.monotonic()
        self._try("manifest.json", self._check_manifest)
        if not (self.path / "catalog.db").is_file():
            self.found.catalog_problem("it is lost")
        else:
            self._try("catalog.db", lambda: self._check_with_catalog(encoder, content))
        self._try(ROOTS, self._check_roots)
        for name in kept.KEPT:
            self._try(name, partial(self._check_kept, name))
        self._check_thumbnails()
        return VerifyReport(
            str(self.path),
            tuple(self.found.problems),
            tuple(self.found.notes),
            self.found.checked,
            time.monotonic() - begun,
        )

    def _try(self, place: str, check: Callable[[], None]) -> None:
        try:
            check()
        except CorruptError as exc:
            self.found.catalog_damaged = self.found.catalog_damaged or place == "catalog.db"
            self.found.problem(place, str(exc).removesuffix(" Mend it with: retrieval repair"))
        except RetrievalError as exc:
            self.found.problem(place, str(exc))

    # --- the catalog ------------------------------------------------------------------------

    def _check_manifest(self) -> None:
        manifest = read_manifest(self.path)
        if manifest["format"] != FORMAT:
            self.found.problem(
                "manifest.json",
                f"The collection has format {manifest['format']}, which is upgraded when it is "
                "opened, and can be checked then. Open it with: retrieval info",
            )

    def _check_roots(self) -> None:
        self.found.roots_lost = True
        read_roots(self.path)
        self.found.roots_lost = False

    def _check_kept(self, name: str) -> None:
        try:
            kept.check(self.path, name)
        except CorruptError:
            self.found.damaged_kept.append(name)
            raise

    def _check_with_catalog(self, encoder: bool, content: bool) -> None:
        with closing(Catalog(self.path / "catalog.db")) as catalog:
            self._try("catalog.seal", self._check_seal_file)
            if not self.found.seal_lost:
                catalog.check_seal(needed=False)
            for problem in catalog.integrity_problems():
                self.found.catalog_problem(problem)
            version = catalog.version()
            if version == 0:
                self.found.catalog_problem("it is empty")
            told = any(problem.place == "manifest.json" for problem in self.found.problems)
            if not (self.found.catalog_damaged or told) and version != SCHEMA_VERSION:
                self.found.problem("catalog.db", OTHER_SCHEMA.format(version))
            if self.found.catalog_damaged or version != SCHEMA_VERSION:
                return
            if not self.found.seal_lost and not catalog.is_sealed():
                self.found.note("The last run did not end properly; its newest state has no seal")
            self._check_rows(catalog)
            self._check_words(catalog)
            for space in catalog.spaces():
                self._try("space.json", partial(check_space, self.path, space))
                for kind in KINDS:
                    check_vectors(self.path, catalog, space, kind, self.found)
            active = catalog.active_space()
            if active is not None:
                for kind in KINDS:
                    check_complete(catalog, active, kind, self.found)
                if encoder:
                    self._try("encoder", lambda: self._check_encoder(active))
            self._check_files(catalog, content)
            if unread := len(catalog.outdated_photos()):
                self.found.note(
                    f"Of {unread:,} photos it is not known what their files say; index them again"
                )
            self._known_photos = audits.photo_hashes(catalog)

    def _check_seal_file(self) -> None:
        self.found.seal_lost = True
        place = self.path / "catalog.db"
        if read_seal(place) is None and read_manifest(self.path)["format"] == FORMAT:
            raise CorruptError(f"{seal_path(place)} is lost.")
        self.found.seal_lost = False

    def _check_rows(self, catalog: Catalog) -> None:
        bad = sum(text_hash(text) != key for key, text in audits.texts(catalog))
        if bad:
            self.found.catalog_problem(f"{bad:,} documents do not have the text they were made of")
        unclear = audits.unclear_files(catalog)
        if unclear:
            self.found.catalog_problem(f"of {unclear:,} files it does not say what they are")

    def _check_words(self, catalog: Catalog) -> None:
        problem, missing = audits.words_problem(catalog)
        if problem:
            self.found.words_wrong = True
            self.found.problem("catalog.db", f"{problem}; they are found again after a repair")
        if missing:
            self.found.note(
                f"{missing:,} photos are not found by words yet; the next run of index sees to it"
            )

    # --- the encoder ------------------------------------------------------------------------

    def _check_encoder(self, space: Space) -> None:
        MatchingEncoder(self.path, self.spec, ignore_notice).load_model(space)
        self.found.checked["encoder fingerprints"] = 1

    # --- files ------------------------------------------------------------------------------

    def _check_files(self, catalog: Catalog, content: bool) -> None:
        """Files that changed since they were indexed are no damage: the next run sees to them."""
        gone: list[str] = []
        changed: list[str] = []
        silently: list[str] = []
        self.found.checked["files"] = 0
        for path, size, mtime_ns, key in audits.known_paths(catalog):
            self.found.checked["files"] += 1
            now = stat_file(path)
            if isinstance(now, Skipped):
                gone.append(path)
            elif (now.size, now.mtime_ns) != (size, mtime_ns):
                changed.append(path)
            elif content and key is not None and not _holds(path, key):
                silently.append(path)
        if silently:
            self.found.problem(
                silently[0],
                f"{_named(silently)} changed without a new modification time: damaged, or edited "
                "by a program that hides it. Restore from a backup, or touch and index again",
            )
        if gone:
            self.found.note(f"{_named(gone)} cannot be found any more; the next run notes it")
        if changed:
            self.found.note(f"{_named(changed)} changed since; index the folder again")

    def _check_thumbnails(self) -> None:
        there = sorted((self.path / "thumbs").glob("*/*.jpg"))
        self.found.damaged_thumbnails = [path for path in there if read_thumbnail(path) is None]
        self.found.checked["thumbnails"] = len(there)
        if self.found.damaged_thumbnails:
            names = [str(path) for path in self.found.damaged_thumbnails]
            self.found.problem(names[0], f"{_named(names)} is no whole thumbnail; it is made anew")
        known = self._known_photos
        strays = [p for p in there if known is not None and p.stem not in known]
        if strays:
            names = [str(path) for path in strays]
            self.found.problem(names[0], f"{_named(names)} shows no photo of the collection")
        self.found.damaged_thumbnails = sorted({*self.found.damaged_thumbnails, *strays})


def _holds(path: str, content_hash: bytes) -> bool:
    try:
        return read_content(path).content_hash == content_hash
    except (OSError, RetrievalError):
        return False


def _named(paths: list[str]) -> str:
    if len(paths) == 1:
        return f"the file {paths[0]}"
    return f"{len(paths):,} files ({', '.join(paths[:NAMED])}{', …' * (len(paths) > NAMED)})"
