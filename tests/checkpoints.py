"""Small open_clip checkpoints with random weights, made in a moment and without a network.

Two architectures that differ in all that can go wrong: a CLIP (own vision tower, centre crop,
CLIP's own tokenizer) and a SigLIP (timm tower with attention pooling, picture squashed to a
square, mean and std .5, a Hugging Face tokenizer from files).
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch

CLIP_CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 48,
        "vision_cfg": {
            "image_size": 96,
            "layers": 2,
            "width": 64,
            "head_width": 32,
            "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 2,
            "layers": 2,
        },
    },
    "preprocess_cfg": {
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}

SIGLIP_CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 64,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 160,
            "timm_model_name": "test_vit",
            "timm_model_pretrained": False,
            "timm_pool": "map",
            "timm_proj": "none",
        },
        "text_cfg": {
            "context_length": 24,
            "vocab_size": 400,
            "hf_tokenizer_name": "test/siglip",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "width": 64,
            "heads": 2,
            "layers": 2,
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
            "norm_kwargs": {"eps": 1e-6},
            "act_kwargs": {"approximate": "tanh"},
        },
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
}

TEXTS = [
    "a dog",
    "A Dog!",
    "two children play on a beach near the water",
    "ein Hund läuft über den Strand",
    "snow",
    "a red car parked in front of an old house",
    "a man in a blue shirt rides a bicycle up the hill",
    "people sitting around a table, eating",
    "the sea at night",
    "a very long sentence " * 40,
    "",
    "犬が走る",
    "a cat asleep on a chair",
    "three white horses",
    "flowers & trees",
    "a girl   with\n a kite",
    "football players on green grass",
    "a child's birthday cake with 5 candles",
    "black and white photo of a street",
    "mountains",
]


def save_clip(folder: Path, seed: int = 0) -> Path:
    """Save a small CLIP in open_clip's folder layout and return the folder."""
    import open_clip

    return _save(folder, CLIP_CONFIG, open_clip.CLIP, seed)


def save_siglip(folder: Path, seed: int = 1) -> Path:
    """Save a small SigLIP with its tokenizer in open_clip's folder layout; return the folder."""
    import open_clip

    _save(folder, SIGLIP_CONFIG, open_clip.CustomTextCLIP, seed)
    save_tokenizer(folder)
    return folder


def save_tokenizer(folder: Path) -> None:
    """Train a byte-pair tokenizer on TEXTS and save it as transformers does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def _save(folder: Path, config: dict[str, Any], kind: Any, seed: int) -> Path:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    cfg = copy.deepcopy(config["model_cfg"])
    cfg.pop("custom_text", None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(**cfg)
        with torch.no_grad():
            # Fresh weights barely tell two pictures apart; these do, so that a fault shows.
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.08)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
