"""What is stated of a model: its architecture, how pictures are prepared for it, its tokenizer.

An open_clip_config.json states it, or the table that open_clip has of published weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrieval.encoders._devices import first_line
from retrieval.encoders._hub import fetch_tokenizer
from retrieval.errors import EncoderError

CONFIG_NAME = "open_clip_config.json"
_PIXEL_KEYS = ("mean", "std", "interpolation", "resize_mode", "fill_color")
_CLIP_VOCABULARY = 49408  # of the tokenizer that open_clip brings along


def builtin(arch: str, published: dict[str, Any], open_clip: Any) -> dict[str, Any]:
    """Return what open_clip itself knows of an architecture and one of its published weights."""
    model_cfg = open_clip.get_model_config(arch)
    if published.get("quick_gelu"):
        # These weights were trained with another activation than ARCH states, and open_clip only
        # warns about it.
        model_cfg["quick_gelu"] = True
    named = stated_tokenizer(model_cfg, Path(arch))
    return {
        "model_cfg": model_cfg,
        "pixel_cfg": {key: published[key] for key in _PIXEL_KEYS if key in published},
        "tokenizer": fetch_tokenizer(named) if named else None,
    }


def read_config(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return model_cfg and preprocess_cfg of an open_clip_config.json."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        model_cfg, pixel_cfg = config["model_cfg"], config["preprocess_cfg"]
        absent = [key for key in ("embed_dim", "vision_cfg", "text_cfg") if key not in model_cfg]
        absent += [key for key in ("mean", "std") if key not in pixel_cfg]
        chosen = {key: pixel_cfg[key] for key in _PIXEL_KEYS if pixel_cfg.get(key) is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"{path} is not a complete open_clip configuration ({type(error).__name__}: "
            f"{first_line(error)}); it needs model_cfg and preprocess_cfg."
        ) from error
    if absent:
        raise EncoderError(
            f"{path} lacks {', '.join(absent)}; copy the configuration that belongs to the weights."
        )
    return model_cfg, chosen


def stated_tokenizer(model_cfg: dict[str, Any], source: Path) -> str | None:
    """Return the name of the Hugging Face tokenizer, or None where open_clip's own is meant."""
    text_cfg = model_cfg["text_cfg"]
    name = text_cfg.get("hf_tokenizer_name")
    if name:
        return str(name)
    own = text_cfg.get("vocab_size", _CLIP_VOCABULARY) == _CLIP_VOCABULARY
    if not own or text_cfg.get("hf_model_name"):
        raise EncoderError(
            f"{source} has a vocabulary that is not CLIP's and names no tokenizer; add "
            "hf_tokenizer_name to its text_cfg."
        )
    return None


def what_differs(published: dict[str, Any]) -> dict[str, Any]:
    keys = (*_PIXEL_KEYS, "quick_gelu")
    return {key: published[key] for key in keys if published.get(key)}
