"""Index a folder, search it by text and by picture, and write a page; called by scripts/demo."""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

from retrieval import Collection, RetrievalError, index_folder, make_query, search
from retrieval.cli.html import render_page
from retrieval.cli.output import progress_display
from retrieval.cli.results import result_table
from retrieval.errors import EncoderMismatchError

DEMO = Path("demo")
#: Photographs inside installed packages.
SAMPLES = {
    "skimage": "data/{astronaut.png,brick.png,camera.png,chelsea.png,coffee.png,coins.png,"
    "grass.png,gravel.png,horse.png,hubble_deep_field.jpg,ihc.png,moon.png,motorcycle_left.png,"
    "motorcycle_right.png,page.png,retina.jpg,rocket.jpg,text.png}",
    "sklearn": "datasets/images/{china.jpg,flower.jpg}",
}


def copy_samples(target: Path) -> None:
    """Copy the photographs of SAMPLES into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for package, pattern in SAMPLES.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            sys.exit(f"demo: the package {package} is missing. Run: scripts/setup demo")
        folder, names = pattern.rstrip("}").split("{")
        for name in names.split(","):
            shutil.copyfile(Path(spec.origin).parent / folder / name, target / name)


def collection_of(folder: Path) -> Path:
    """One collection a folder, so that a search finds nothing of another one."""
    return DEMO.absolute() / f"collection-{zlib.crc32(os.fsencode(folder.absolute())):08x}"


def run(folder: Path, words: str, picture: Path | None) -> None:
    """Index `folder` into demo/collection, search for `words` and for `picture`, write the page."""

    def tell(text: str) -> None:
        print(f"note: {text}", file=sys.stderr)

    where = collection_of(folder)
    with Collection.open(where, create=True, on_notice=tell) as collection:
        with progress_display() as on_progress:
            report = index_folder(collection, [folder], on_progress=on_progress)
        print(
            f"{folder}: {report.added} added, {report.unchanged} unchanged, "
            f"{len(report.skipped)} skipped, {report.seconds:.1f} s"
        )
        by_text = search(collection, words, k=5)
        if picture is None:
            picture = Path(by_text.hits[0].path)
        by_image = search(collection, make_query(images=[picture]), k=5)
        for result in (by_text, by_image):
            print(f"\n“{result.query}”\n{result_table(result)}")
        page = DEMO / "results.html"
        page.write_text(render_page(collection, [by_text, by_image]), "utf-8")
        print(f"\nThe results with pictures: {page.absolute()}")


def main() -> None:
    """Run with the given folder and words, or with the samples."""
    samples = DEMO / "photos"
    if len(sys.argv) > 1:
        asked: tuple[Path, str, Path | None] = (Path(sys.argv[1]), sys.argv[2], None)
    else:
        copy_samples(samples)
        asked = (samples, "a cup of coffee", samples / "motorcycle_left.png")
    try:
        try:
            run(*asked)
        except EncoderMismatchError:  # another version of this project made it: make it again
            shutil.rmtree(collection_of(asked[0]))
            run(*asked)
    except RetrievalError as exc:
        sys.exit(f"demo: {exc}")


if __name__ == "__main__":
    main()
