"""Building open_clip's towers from a configuration, and filling them with weights that fit."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders._checkpoints import Checkpoint
from retrieval.encoders._compat import without_random_init
from retrieval.encoders._devices import first_line
from retrieval.encoders._hub import fetch
from retrieval.errors import EncoderError, MissingExtraError

if TYPE_CHECKING:
    import torch

# Only training uses them, and checkpoints store them in several forms or not at all.
_TRAINING_ONLY = {"logit_scale", "logit_bias"}


def build_model(checkpoint: Checkpoint, open_clip: Any) -> Any:
    """Return the model of `checkpoint` in evaluation mode, fp32, on the CPU, with its weights.

    Raises EncoderError when the configuration cannot be built or the weights do not fit it.
    """
    state = read_state(checkpoint.weights)
    cfg = _construction(checkpoint.model_cfg)
    custom_text = cfg.pop("custom_text", False) or "hf_model_name" in cfg["text_cfg"]
    if custom_text and "multimodal_cfg" in cfg:
        kind = open_clip.CoCa
    else:
        kind = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    try:
        with without_random_init():
            model = kind(**cfg)
    except Exception as error:  # wrong values surface as any kind of error, deep inside
        raise EncoderError(
            f"open_clip cannot build the model of {checkpoint.name} ({first_line(error)}); check "
            "its configuration, or update open_clip_torch."
        ) from error
    _fill(model, state, checkpoint)
    return model.eval()


def _construction(model_cfg: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that downloads no weights while it is built."""
    cfg: dict[str, Any] = deepcopy(model_cfg)
    if "timm_model_name" in cfg["vision_cfg"]:
        cfg["vision_cfg"]["timm_model_pretrained"] = False
    repo = cfg["text_cfg"].get("hf_model_name")
    if repo:
        cfg["text_cfg"]["hf_model_pretrained"] = False
        # The shape of the text tower is known by this name only.
        cfg["text_cfg"]["hf_model_name"] = str(fetch(repo, ["config.json"]).parent)
    return cfg


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read named weights without running code of the file, from safetensors or torch's format.

    open_clip's own reader falls back to an unsafe load in one case, so it is not used.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise errors of pickle, zipfile, safetensors, torch
        raise EncoderError(
            f"{path} cannot be read as weights ({first_line(error)}); download or export it again."
        ) from error
    if isinstance(state, dict):
        state = state.get("state_dict", state)  # a training checkpoint of open_clip
    if isinstance(state, dict):
        tensors = {key: value for key, value in state.items() if torch.is_tensor(value)}
        if tensors:
            return {str(key).removeprefix("module."): value for key, value in tensors.items()}
    raise EncoderError(f"{path} holds no named weights; give a checkpoint of an open_clip model.")


def _fill(model: Any, state: dict[str, torch.Tensor], checkpoint: Checkpoint) -> None:
    """Load `state` into `model`, or say in one sentence why it does not fit."""
    state = _as_open_clip_names(model, state)
    if checkpoint.published:
        # Some published weights rely on it; for anyone's own file another size is a mistake.
        from open_clip.model import resize_pos_embed, resize_text_pos_embed

        resize_pos_embed(state, model)
        resize_text_pos_embed(state, model)
    own = {key: value for key, value in model.state_dict().items() if key not in _TRAINING_ONLY}
    state = {key: value for key, value in state.items() if key not in _TRAINING_ONLY}
    problems = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "of another shape": [
            key for key in own if key in state and own[key].shape != state[key].shape
        ],
    }
    if any(problems.values()):
        parts = [f"{len(keys)} {what}, as {_few(keys)}" for what, keys in problems.items() if keys]
        raise EncoderError(
            f"The weights in {checkpoint.weights} do not fit the architecture they are said to "
            f"have ({'; '.join(parts)}); state the right one, as --model ARCH/TAG@FILE, or put "
            "their own open_clip_config.json beside them."
        )
    model.load_state_dict(state, strict=False)


def _as_open_clip_names(model: Any, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename what older versions and other publishers call differently."""
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    state = convert_state_dict(model, state)
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    # Stored by older versions of transformers, computed by newer ones.
    key = "text.transformer.embeddings.position_ids"
    return state if key in model.state_dict() else {k: v for k, v in state.items() if k != key}


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3])


def build_tokenizer(checkpoint: Checkpoint, open_clip: Any) -> Any:
    """Return the tokenizer of `checkpoint`: a callable from texts to int64 (n, context length).

    Raises EncoderError when its files cannot be read, and MissingExtraError when they need
    transformers, which open_clip does not bring along.
    """
    from open_clip.tokenizer import HFTokenizer

    text_cfg = checkpoint.model_cfg["text_cfg"]
    options = dict(text_cfg.get("tokenizer_kwargs", {}))
    length = text_cfg.get("context_length", 77)
    try:
        if checkpoint.tokenizer is None:
            return open_clip.SimpleTokenizer(context_length=length, **options)
        # A configuration from elsewhere may not ask for its own code to be run.
        options |= {"trust_remote_code": False, "local_files_only": True}
        return HFTokenizer(
            str(checkpoint.tokenizer),
            context_length=length,
            tokenizer_mode=text_cfg.get("tokenizer_mode"),
            **options,
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The tokenizer of {checkpoint.name} needs the package {error.name}; install it with: "
            f"pip install {error.name}"
        ) from error
    except Exception as error:  # transformers and tokenizers raise many kinds
        raise EncoderError(
            f"The tokenizer of {checkpoint.name} cannot be read ({first_line(error)}); copy its "
            "files again."
        ) from error
