"""Exported towers: equal to their model within the stated bounds, and never used when damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval import Collection, EncoderSpec, index_folder, search
from retrieval.encoders import Encoder, load_encoder
from retrieval.encoders.towers import encoder as tower_encoder
from retrieval.encoders.towers import exporting, unwrap, wrap
from retrieval.encoders.towers.agreement import Agreement, compare
from retrieval.encoders.towers.encoder import TowerEncoder
from retrieval.encoders.towers.folder import TowerFolder
from retrieval.errors import EncoderError
from tests.checkpoints import TEXTS, save_clip, save_siglip
from tests.pairs import cosines, generated
from tests.pictures import picture

MAKERS: dict[str, Callable[[Path], Path]] = {"clip": save_clip, "siglip": save_siglip}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints and their towers, made once."""
    return tmp_path_factory.mktemp("towers")


@pytest.fixture(params=["mini", *MAKERS])
def model(request: pytest.FixtureRequest, places: Path) -> Encoder:
    name = request.param
    if name != "mini" and not (places / name).exists():
        MAKERS[name](places / name)
    return load_encoder(EncoderSpec("mini" if name == "mini" else str(places / name), "cpu"))


@pytest.fixture
def clip(places: Path) -> Encoder:
    if not (places / "clip").exists():
        save_clip(places / "clip")
    return load_encoder(EncoderSpec(str(places / "clip"), "cpu"))


def pictures(model: Encoder, count: int) -> NDArray[np.uint8]:
    shapes = [(90 + 7 * (at % 40), 240 - 3 * (at % 50)) for at in range(count)]
    return np.stack([model.prepare(generated(shape, at)) for at, shape in enumerate(shapes)])


def silent(_: str) -> None:
    """Take no notice."""


def never() -> Encoder:
    raise AssertionError("the model must not be loaded")


def exported_text(model: Encoder, cache: Path) -> TowerEncoder:
    towers = wrap(model, str(cache), silent, 1)
    towers.export_text()
    return towers


class TestTexts:
    def test_agree_with_the_model_without_it(self, model: Encoder, places: Path) -> None:
        exported_text(model, places / "cache")
        towers = unwrap(model.fingerprint, str(places / "cache"), never, silent, 1)
        assert towers is not None
        assert towers.has("text")
        rows, own = towers.encode_texts(TEXTS), model.encode_texts(TEXTS)
        assert rows.dtype == np.float32
        assert cosines(rows, own).min() > 0.995
        assert cosines(rows, own).mean() > 0.999
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        # A fault such as rows in another order would show: the texts are far apart.
        assert np.median(own @ own.T) < 0.95

    def test_float32_cut_behind_the_end_mark_is_exact(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def only_float32(side: str, whole: Path, probes: Any) -> list[Any]:
            return [exporting.Candidate("onnx", "fp32", lambda: whole)]

        monkeypatch.setattr(exporting, "_candidates", only_float32)
        towers = exported_text(clip, tmp_path)
        assert cosines(towers.encode_texts(TEXTS), clip.encode_texts(TEXTS)).min() > 0.999999

    def test_one_text_is_embedded_as_among_others(self, clip: Encoder, places: Path) -> None:
        towers = exported_text(clip, places / "cache")
        together = towers.encode_texts(TEXTS)
        alone = np.concatenate([towers.encode_texts([text]) for text in TEXTS])
        assert cosines(together, alone).min() > 0.999  # activations are quantised a batch at a time

    def test_none(self, clip: Encoder, places: Path) -> None:
        assert exported_text(clip, places / "cache").encode_texts([]).shape == (0, clip.dim)


class TestPictures:
    def test_a_long_run_changes_over_to_the_tower(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "seconds_of", lambda *_: 1.0)  # speed is not tested
        monkeypatch.setattr(tower_encoder, "EXPORTING_S", 0.0)
        towers = wrap(clip, str(tmp_path), silent, 2)
        towers.expect(images=10_000)
        batch = pictures(clip, 64)
        first = towers.encode_images(batch[:32])
        assert not towers.has("image")
        towers.encode_images(batch[32:])
        assert towers.has("image")
        assert np.array_equal(first, clip.encode_images(batch[:32]))
        again = unwrap(clip.fingerprint, str(tmp_path), never, silent, 2)
        assert again is not None
        rows = again.encode_images(batch)
        agreement = compare(clip.encode_images(batch), rows)
        assert agreement.enough, agreement
        assert np.array_equal(rows, towers.encode_images(batch))
        assert np.array_equal(again.prepare(generated((50, 80))), clip.prepare(generated((50, 80))))

    def test_a_short_run_does_not(self, clip: Encoder, tmp_path: Path) -> None:
        towers = wrap(clip, str(tmp_path), silent, 1)
        towers.expect(images=70)
        towers.encode_images(pictures(clip, 64))
        assert not towers.has("image")
        assert not TowerFolder(clip.fingerprint, str(tmp_path)).path.exists()


class TestTheGate:
    def test_what_does_not_agree_is_not_used(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = Agreement(0.9, 0.5, 100)
        verdicts = iter([bad, bad, Agreement(1.0, 1.0, 100)])  # int8, in blocks, float32
        monkeypatch.setattr(exporting, "compare", lambda *_: next(verdicts))
        notices: list[str] = []
        towers = wrap(clip, str(tmp_path), notices.append, 1)
        towers.export_text()
        assert "float32" in notices[-1]
        assert "does not agree" in notices[-1]
        assert towers.describe("text").startswith("fp32")

    def test_where_nothing_agrees_torch_goes_on(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "compare", lambda *_: Agreement(0.9, 0.5, 100))
        notices: list[str] = []
        towers = wrap(clip, str(tmp_path), notices.append, 1)
        towers.export_text()
        assert "runs in torch" in notices[-1]
        assert np.array_equal(towers.encode_texts(TEXTS), clip.encode_texts(TEXTS))
        monkeypatch.setattr(tower_encoder.TowerEncoder, "_export", lambda *_: pytest.fail("again"))
        wrap(clip, str(tmp_path), silent, 1).export_text()  # it is remembered

    def test_rows_that_are_not_finite(
        self, clip: Encoder, places: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        towers = exported_text(clip, places / "cache")
        towers.encode_texts(["a"])
        tower = towers._tower("text")
        assert tower is not None
        monkeypatch.setattr(tower, "_run", lambda _: np.full((1, clip.dim), np.nan, np.float32))
        with pytest.raises(EncoderError, match="not finite"):
            towers.encode_texts(["a dog"])

    @pytest.mark.parametrize("error", [MemoryError("no room"), ImportError("no onnx")])
    def test_a_failure_that_may_pass_is_not_remembered(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fail(*_: Any) -> Path:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("retrieval.encoders.towers.quantising.to_int8", fail)
            notices: list[str] = []
            towers = wrap(clip, str(tmp_path), notices.append, 1)
            towers.export_text()
            assert "the next run tries again" in notices[-1]
            assert towers.encode_texts(["a dog"]).shape == (1, clip.dim)
        assert exported_text(clip, tmp_path).has("text")

    def test_what_failed_is_tried_again_with_other_versions(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(exporting, "compare", lambda *_: Agreement(0.9, 0.5, 100))
            exported_text(clip, tmp_path)
        assert not exported_text(clip, tmp_path).has("text")
        monkeypatch.setattr("retrieval.encoders.towers.folder.versions", lambda: {"torch": "99"})
        assert exported_text(clip, tmp_path).has("text")


class TestDamage:
    @pytest.fixture
    def folder(self, clip: Encoder, tmp_path: Path) -> Path:
        exported_text(clip, tmp_path)
        return TowerFolder(clip.fingerprint, str(tmp_path)).path

    def flip(self, path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    @pytest.mark.parametrize("name", ["text.onnx", "text.data", "text.json"])
    def test_a_flipped_bit(self, folder: Path, clip: Encoder, tmp_path: Path, name: str) -> None:
        self.flip(folder / name)
        towers = unwrap(clip.fingerprint, str(tmp_path), lambda: clip, silent, 1)
        if towers is not None:
            assert np.array_equal(towers.encode_texts(TEXTS), clip.encode_texts(TEXTS))
            assert not towers.has("text")

    def test_a_damaged_tokenizer(self, places: Path, tmp_path: Path) -> None:
        if not (places / "siglip").exists():
            save_siglip(places / "siglip")
        siglip = load_encoder(EncoderSpec(str(places / "siglip"), "cpu"))
        exported_text(siglip, tmp_path)
        path = TowerFolder(siglip.fingerprint, str(tmp_path)).path / "tokenizer.json"
        path.write_text(path.read_text() + "\n")  # still a tokenizer, not the one that was tried
        towers = unwrap(siglip.fingerprint, str(tmp_path), lambda: siglip, silent, 1)
        assert towers is not None
        assert not towers.has("text")
        assert np.array_equal(towers.encode_texts(TEXTS), siglip.encode_texts(TEXTS))

    def test_it_is_made_again(self, folder: Path, clip: Encoder, tmp_path: Path) -> None:
        (folder / "text.onnx").unlink()
        towers = wrap(clip, str(tmp_path), silent, 1)
        towers.encode_texts(["a"])
        towers.export_text()
        assert towers.has("text")
        assert (folder / "text.onnx").is_file()

    def test_what_a_process_that_died_left_is_cleared_away(
        self, clip: Encoder, tmp_path: Path
    ) -> None:
        folder = TowerFolder(clip.fingerprint, str(tmp_path)).path
        for name in ("making-old", "making-now"):
            (folder / name).mkdir(parents=True)
            (folder / name / "traced.onnx").write_bytes(b"half")
        os.utime(folder / "making-old", (0, 0))
        exported_text(clip, tmp_path)
        assert {path.name for path in folder.glob("making-*")} == {"making-now"}

    def test_two_that_export_at_once_do_it_once(
        self, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (wrap(clip, str(tmp_path), silent, 1) for _ in range(2))
        first.export_text()
        monkeypatch.setattr(exporting, "_best", lambda *_: pytest.fail("made twice"))
        second.export_text()
        assert second.has("text")

    def test_an_older_format_is_not_read(
        self, folder: Path, clip: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retrieval.encoders.towers.folder.FORMAT", 3)
        assert unwrap(clip.fingerprint, str(tmp_path), never, silent, 1) is None

    def test_a_cache_that_cannot_be_written(self, clip: Encoder, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        notices: list[str] = []
        towers = wrap(clip, str(tmp_path / "file"), notices.append, 1)
        towers.export_text()
        assert "could not be exported" in notices[-1]
        assert towers.encode_texts(["a dog"]).shape == (1, clip.dim)


class TestInACollection:
    @pytest.fixture
    def indexed(self, clip: Encoder, places: Path, tmp_path: Path) -> Path:
        for number in range(3):
            picture(tmp_path / f"photos/{number}.jpg", (40 * number, 90, 200))
        spec = EncoderSpec(clip.name, cache=str(places / "cache"))
        with Collection.open(tmp_path / "collection", create=True, spec=spec) as collection:
            index_folder(collection, [tmp_path / "photos"])
            collection.prepare_queries()
        return tmp_path / "collection"

    def test_a_search_imports_no_torch(self, indexed: Path, places: Path, tmp_path: Path) -> None:
        code = (
            "import sys\n"
            "from retrieval.cli import main\n"
            "main(sys.argv[1:], standalone_mode=False)\n"
            "print(sorted({'torch', 'open_clip', 'transformers'} & set(sys.modules)))"
        )
        for query in (["a red car"], ["--image", str(tmp_path / "photos/1.jpg"), "--minus", "a"]):
            done = subprocess.run(
                [sys.executable, "-c", code, "search", *query, "--json", "-c", str(indexed)],
                env={"RETRIEVAL_CACHE": str(places / "cache"), "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                check=True,
            )
            text, _, modules = done.stdout.strip().rpartition("\n")
            assert len(json.loads(text)["hits"]) == 3
            if query[0] != "--image":  # its image tower is in torch: nothing was exported for 3
                assert modules == "[]"

    def test_finds_what_the_model_finds(self, indexed: Path, places: Path) -> None:
        def found(spec: EncoderSpec) -> dict[str, float]:
            with Collection.open(indexed, spec=spec) as collection:
                return {hit.path: hit.score for hit in search(collection, "two red cars").hits}

        fast = found(EncoderSpec(cache=str(places / "cache")))
        assert len(fast) == 3
        assert fast == pytest.approx(found(EncoderSpec(precision="fp32")), abs=0.02)

    def test_info_says_how_it_encodes(self, indexed: Path, places: Path) -> None:
        with Collection.open(indexed, spec=EncoderSpec(cache=str(places / "cache"))) as collection:
            towers = collection.info().towers
        assert "(onnx)" in towers["text"]
        assert towers["image"] == "torch"

    def test_changed_weights_are_refused(
        self, indexed: Path, places: Path, clip: Encoder, tmp_path: Path
    ) -> None:
        save_clip(places / "clip", seed=5)
        try:
            picture(tmp_path / "photos/new.jpg", (1, 2, 3))
            spec = EncoderSpec(cache=str(places / "cache"))
            for attempt in (
                lambda c: search(c, "a dog"),
                lambda c: index_folder(c, [tmp_path / "photos"]),
            ):
                with (
                    Collection.open(indexed, spec=spec) as collection,
                    pytest.raises(EncoderError, match="not the one"),
                ):
                    attempt(collection)
        finally:
            save_clip(places / "clip")

    def test_weights_that_were_only_touched_are_trusted_again(
        self, indexed: Path, places: Path
    ) -> None:
        os.utime(places / "clip" / "open_clip_model.safetensors")
        spec = EncoderSpec(cache=str(places / "cache"))
        with Collection.open(indexed, spec=spec) as collection:
            space = collection.reader.active_space()
            assert space is not None
            assert unwrap(space.fingerprint, spec.cache, never, silent, 1) is None
            collection.prepare_queries()  # loads the model, whose fingerprint is the same
            assert unwrap(space.fingerprint, spec.cache, never, silent, 1) is not None

    def test_an_unchanged_run_makes_a_lost_tower_again(
        self, indexed: Path, places: Path, clip: Encoder, tmp_path: Path
    ) -> None:
        spec = EncoderSpec(cache=str(tmp_path / "cache"))
        for _ in range(2):
            with Collection.open(indexed, spec=spec) as collection:
                index_folder(collection, [tmp_path / "photos"])
                collection.prepare_queries()
            tower = TowerFolder(clip.fingerprint, spec.cache).path / "text.onnx"
            assert tower.stat().st_mode & 0o077 == 0
            tower.unlink()
