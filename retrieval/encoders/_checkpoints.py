"""What a --model name of open_clip means: its configuration, weights, pixels and tokenizer.

    ARCH/TAG         published weights, such as ViT-B-32-256/datacomp_s34b_b86k
    ARCH             the same where ARCH has exactly one TAG
    hf-hub:ORG/NAME  a repository with open_clip_config.json
    FOLDER           open_clip_config.json + weights (+ tokenizer files); also local-dir:FOLDER
    FILE             weights with open_clip_config.json beside them
    ARCH/TAG@FILE    weights of that architecture, prepared as TAG was
    ARCH@FILE        the same where all published weights of ARCH agree on it

Preprocessing and tokenizer always come from one of these statements. A file alone has neither,
and guessing them gives embeddings that are quietly worse (open_clip issue 1068), so it is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from retrieval.encoders._configurations import (
    CONFIG_NAME,
    builtin,
    read_config,
    stated_tokenizer,
    what_differs,
)
from retrieval.encoders._hub import WEIGHT_FILES, fetch, fetch_tokenizer, has_tokenizer
from retrieval.errors import EncoderError, UnknownModelError

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")

# Where a folder holds several weight files, these are the ones that open_clip itself prefers.
_PREFERRED = (
    *WEIGHT_FILES,
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
)


@dataclass(frozen=True)
class Checkpoint:
    """Everything that defines a model, found but not yet loaded.

    `tokenizer` is a folder with a Hugging Face tokenizer, or None for open_clip's own. `published`
    says that weights and configuration come from one publisher.
    """

    name: str
    quality: str
    model_cfg: dict[str, Any]
    pixel_cfg: dict[str, Any]
    weights: Path
    tokenizer: Path | None
    published: bool


def resolve(model: str, open_clip: Any) -> Checkpoint:
    """Find the checkpoint that `model` names; published ones are downloaded if need be.

    Raises UnknownModelError for a name that means nothing, and EncoderError for a checkpoint that
    is incomplete or cannot be had.
    """
    if model.startswith("hf-hub:"):
        return _from_hub(model.removeprefix("hf-hub:"))
    if model.startswith("local-dir:"):
        return _from_path(Path(model.removeprefix("local-dir:")))
    stated, at, file = model.partition("@")
    if at and stated.split("/")[0] in open_clip.list_models():
        return _from_stated_file(stated, Path(file), open_clip)
    arch, _, tag = model.partition("/")
    # The table wins over the disk, so that a name means the same in every working folder.
    if arch in open_clip.list_models() and not Path(model).is_absolute():
        return _from_tag(arch, tag or _only_tag(arch, open_clip), open_clip)
    path = Path(model)
    if path.expanduser().exists() or (_looks_like_path(model) and not at):
        return _from_path(path)
    raise _unknown(stated, open_clip)


def published_name(model: str, open_clip: Any) -> str | None:
    """The canonical name of published weights, without fetching them; None for a local checkpoint.

    Raises UnknownModelError for a name that means nothing.
    """
    if model.startswith("hf-hub:"):
        return model
    arch, _, tag = model.partition("/")
    if arch in open_clip.list_models() and "@" not in model:
        tag = tag or _only_tag(arch, open_clip)
        if not open_clip.get_pretrained_cfg(arch, tag):
            raise _unknown(f"{arch}/{tag}", open_clip)
        return f"{arch}/{_spelled(tag)}"
    if "@" in model or _looks_like_path(model) or Path(model).expanduser().exists():
        return None
    raise _unknown(model, open_clip)


def _spelled(tag: str) -> str:
    return tag.lower().replace("-", "_")  # as open_clip spells them


def _from_hub(repo: str) -> Checkpoint:
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise EncoderError(f"hf-hub:{repo} is no repository name; write it as hf-hub:ORG/NAME.")
    config_path = fetch(repo, [CONFIG_NAME])
    model_cfg, pixel_cfg = read_config(config_path)
    named = stated_tokenizer(model_cfg, config_path)
    return Checkpoint(
        name=f"hf-hub:{repo}",
        quality=f"open_clip model {repo} from the hub; its quality was not measured here",
        model_cfg=model_cfg,
        pixel_cfg=pixel_cfg,
        weights=fetch(repo, WEIGHT_FILES),
        tokenizer=fetch_tokenizer(named) if named else None,
        published=True,
    )


def _from_tag(arch: str, tag: str, open_clip: Any) -> Checkpoint:
    published = open_clip.get_pretrained_cfg(arch, tag)
    if not published:
        raise _unknown(f"{arch}/{tag}", open_clip)
    repo, _, file = published.get("hf_hub", "").rpartition("/")
    if not repo:
        raise EncoderError(
            f"open_clip lists {arch}/{tag} without a hub repository; download its weights yourself "
            f"and run again with --model {arch}/{tag}@FILE."
        )
    names = [f"{file.rpartition('.')[0]}.safetensors", file] if file else WEIGHT_FILES
    tag = _spelled(tag)
    return Checkpoint(
        name=f"{arch}/{tag}",
        quality=f"open_clip {arch}, weights {tag}",
        weights=fetch(repo, names),
        published=True,
        **builtin(arch, published, open_clip),
    )


def _from_stated_file(stated: str, file: Path, open_clip: Any) -> Checkpoint:
    path = file.expanduser().absolute()
    if not path.is_file():
        raise UnknownModelError(f"There is no checkpoint file {path}; check the path after the @.")
    arch, _, tag = stated.partition("/")
    known = {each: open_clip.get_pretrained_cfg(arch, each) for each in _tags(arch, open_clip)}
    if tag:
        published = open_clip.get_pretrained_cfg(arch, tag)
        if not published:
            raise _unknown(stated, open_clip)
    else:
        variants = {json.dumps(what_differs(each), sort_keys=True) for each in known.values()}
        if len(variants) != 1:
            raise EncoderError(_cannot_tell(arch, path, list(known)))
        published = next(iter(known.values()))
    return Checkpoint(
        name=f"{stated}@{path}",
        quality=f"open_clip {arch}, weights from {path.name}; its quality was not measured here",
        weights=path,
        published=False,
        **builtin(arch, published, open_clip),
    )


def _from_path(path: Path) -> Checkpoint:
    path = path.expanduser().absolute()
    if not path.exists():
        raise UnknownModelError(f"There is no checkpoint file or folder {path}; check the path.")
    folder = path if path.is_dir() else path.parent
    config_path = folder / CONFIG_NAME
    if not config_path.is_file():
        raise EncoderError(
            f"{path} does not say which architecture, preprocessing and tokenizer it needs; put "
            f"its {CONFIG_NAME} into {folder}"
            + ("." if path.is_dir() else f", or run again with --model ARCH/TAG@{path}.")
        )
    model_cfg, pixel_cfg = read_config(config_path)
    named = stated_tokenizer(model_cfg, config_path)
    if named and not has_tokenizer(folder):
        raise EncoderError(
            f"The tokenizer files of {named} are missing in {folder}; copy tokenizer.json and "
            "tokenizer_config.json there."
        )
    return Checkpoint(
        name=str(path),
        quality=f"open_clip checkpoint {path.name}; its quality was not measured here",
        model_cfg=model_cfg,
        pixel_cfg=pixel_cfg,
        weights=_find_weights(path) if path.is_dir() else path,
        tokenizer=folder if named else None,
        published=False,
    )


def _find_weights(folder: Path) -> Path:
    for name in _PREFERRED:
        if (folder / name).is_file():
            return folder / name
    found = sorted(path for path in folder.iterdir() if path.suffix in WEIGHT_SUFFIXES)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found[:4])
        raise EncoderError(
            f"{folder} holds several weight files ({names}); name one, as --model {found[0]}."
        )
    raise EncoderError(f"{folder} holds no weights; put {WEIGHT_FILES[0]} there.")


def _cannot_tell(arch: str, path: Path, tags: list[str]) -> str:
    if not tags:
        return (
            f"open_clip does not say how pictures are prepared for {arch}; put the {CONFIG_NAME} "
            f"that belongs to the weights into {path.parent} and run again with --model {path}."
        )
    return (
        f"The published weights of {arch} differ in activation or preprocessing; say which one "
        f"yours are like, as --model {arch}/{tags[0]}@{path} (or {_some(tags[1:])})."
    )


def _tags(arch: str, open_clip: Any) -> list[str]:
    return list(open_clip.list_pretrained_tags_by_model(arch))


def _only_tag(arch: str, open_clip: Any) -> str:
    tags = _tags(arch, open_clip)
    if len(tags) == 1:
        return tags[0]
    if tags:
        raise UnknownModelError(
            f"{arch} has several published weights; choose one, as --model {arch}/{tags[0]} (or "
            f"{_some(tags[1:])})."
        )
    raise UnknownModelError(
        f"{arch} has no published weights; give a folder with weights and {CONFIG_NAME}, as "
        "--model FOLDER."
    )


def _unknown(model: str, open_clip: Any) -> UnknownModelError:
    arch, slash, _ = model.partition("/")
    tags = _tags(arch, open_clip)
    if slash and tags:
        return UnknownModelError(f"{arch} has no weights of that name; it has {_some(tags, 8)}.")
    pairs = open_clip.list_pretrained()
    names = ["mini", *open_clip.list_models(), *(f"{arch}/{tag}" for arch, tag in pairs)]
    by_lower = {name.lower(): name for name in names}
    asked = model.lower().replace(":", "/")
    near = get_close_matches(asked, by_lower, n=3, cutoff=0.5)
    hint = f"did you mean {_some([by_lower[each] for each in near])}?" if near else "try mini."
    return UnknownModelError(f'There is no model "{model}"; {hint}')


def _some(names: list[str], limit: int = 4) -> str:
    """Join a few names in plain words."""
    shown = names[:limit]
    if len(names) > limit:
        return f"{', '.join(shown)} and {len(names) - limit} more"
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else "another"


def _looks_like_path(model: str) -> bool:
    return model.startswith((".", "~", "/")) or Path(model).suffix in WEIGHT_SUFFIXES
