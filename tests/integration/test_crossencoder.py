"""A cross-encoder with random weights: shapes, and the same as transformers' own output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.encoders._compat import import_torchvision, prepare_torch
from retrieval.errors import ConfigError, ModelError
from retrieval.records import Evidence
from retrieval.reranking import rerank
from retrieval.reranking.crossencoder import CrossEncoder
from tests.pictures import paint, picture

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "red", "left", "of", "cat"]
IMAGES = [paint(colour, size) for colour, size in [("red", (50, 40)), ("blue", (32, 64))]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BLIP with an ITM head, as transformers saves it."""
    prepare_torch(1)
    import_torchvision()
    import torch
    import transformers as t

    place = tmp_path_factory.mktemp("blip")
    (place / "words.txt").write_text("\n".join(WORDS))
    tiny = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    config = t.BlipConfig(
        text_config={
            **tiny,
            "vocab_size": len(WORDS),
            "encoder_hidden_size": 16,
            "num_attention_heads": 2,
            "max_position_embeddings": 12,
            "projection_dim": 8,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "sep_token_id": 3,
        },
        vision_config={**tiny, "num_attention_heads": 2, "image_size": 32, "patch_size": 8},
        projection_dim=8,
        image_text_hidden_size=8,
    )
    torch.manual_seed(0)
    model = t.BlipForImageTextRetrieval(config).eval()
    with torch.no_grad():
        for weight in model.parameters():  # larger than usual, so that photos differ
            weight.normal_(std=0.3)
    saved = place / "tiny-itm"
    model.save_pretrained(saved)
    tokenizer = t.BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)})
    sizes = t.BlipImageProcessor(size={"height": 32, "width": 32})
    t.BlipProcessor(sizes, tokenizer).save_pretrained(saved)
    return saved


def own_output(folder: Path, text: str, image: Any) -> float:
    """What transformers says of one photo alone."""
    import torch
    import transformers as t

    model = t.BlipForImageTextRetrieval.from_pretrained(folder, local_files_only=True).eval()
    processor = t.BlipProcessor.from_pretrained(folder, local_files_only=True)
    with torch.inference_mode():
        scores = model(**processor(images=image, text=text, return_tensors="pt")).itm_score
    return float(torch.softmax(scores, 1)[0, 1])


def test_it_says_what_transformers_says(folder: Path) -> None:
    found = CrossEncoder(folder).scores("a red dog", IMAGES)
    assert found.shape == (2,)
    assert found.dtype == np.float32
    own = [own_output(folder, "a red dog", image) for image in IMAGES]
    np.testing.assert_allclose(found, own, atol=1e-6)
    assert abs(own[0] - own[1]) > 1e-4  # else the test could not fail
    assert own_output(folder, "a cat", IMAGES[0]) != pytest.approx(own[0], abs=1e-5)


def test_odd_texts_and_pictures(folder: Path) -> None:
    judge = CrossEncoder(folder)
    assert judge.scores("a dog", []).shape == (0,)
    for text in ("", "dog " * 5000, "🐕\0", "没有"):
        found = judge.scores(text, [paint("red", (1, 300)).convert("L")])
        assert np.isfinite(found).all()


def test_it_judges_files(folder: Path, tmp_path: Path) -> None:
    evidence = [
        Evidence(n, n, str(picture(tmp_path / f"{n}.png", colour)))
        for n, colour in enumerate(("red", "green", "blue"), 1)
    ]
    evidence.insert(1, Evidence(9, 9, str(tmp_path / "gone.jpg")))
    judge = CrossEncoder(folder)
    found = judge.judge("a red dog", evidence)
    assert found is not None
    assert [i for i, p in enumerate(found) if np.isnan(p)] == [1]
    assert len({round(p, 6) for p in found if not np.isnan(p)}) == 3
    ranked = rerank("a red dog", evidence, judge)
    assert ranked.complete
    assert sorted(ranked.after) == [1, 2, 3, 9]


def test_folders_without_a_model(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        CrossEncoder(tmp_path / "absent")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ConfigError, match="no BLIP model"):
        CrossEncoder(tmp_path)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoder(tmp_path).scores("a dog", IMAGES)


def test_a_head_that_is_missing_is_not_made_up(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    del weights["itm_head.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        CrossEncoder(tmp_path).scores("a dog", IMAGES)
