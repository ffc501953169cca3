"""Which encoder "auto" means: the recommended one where it can be had, else the built-in one.

Costs no torch import on a computer without an NVIDIA driver, and no network where the weights are
on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from retrieval.encoders import MINI_QUALITY, EncoderSpec
from retrieval.encoders._hub import PROBE_S, WEIGHT_FILES, Probe, cached_file, hub_url, is_offline
from retrieval.machine import has_nvidia_driver


@dataclass(frozen=True)
class Recommended:
    """A model worth choosing by itself, and the files it needs besides its weights."""

    model: str
    repo: str
    extra_files: tuple[str, ...] = ()


#: Light enough for a CPU (ViT-B/32, 256 px).
LIGHT = Recommended(
    "ViT-B-32-256/datacomp_s34b_b86k", "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"
)
#: Better and multilingual, four times the work (ViT-B/16, 256 px).
STRONG = Recommended("ViT-B-16-SigLIP2-256/webli", "timm/ViT-B-16-SigLIP2-256", ("tokenizer.json",))


@dataclass(frozen=True)
class Choice:
    """A definite model, and a sentence for the user where it is not the one hoped for."""

    model: str
    notice: str | None = None


def choose_model(spec: EncoderSpec) -> Choice:
    """Resolve "auto" to a definite model; any other name passes through untouched.

    "auto" is LIGHT on a CPU and STRONG on CUDA, if on disk or if the hub answers within 3 seconds;
    otherwise "mini" with a notice that says so.
    """
    if spec.model != "auto":
        return Choice(spec.model)
    # STRONG's tokenizer needs a package that open_clip does not bring along.
    strong = find_spec("transformers") is not None and may_have_cuda(spec.device)
    candidates = [LIGHT, STRONG] if strong else [LIGHT]
    # Started before torch is imported to look at the GPU: both take seconds, and neither computes.
    ask = not is_offline() and not all(is_on_disk(each) for each in candidates)
    probe = Probe(hub_url(f"{LIGHT.repo}/resolve/main/open_clip_config.json")) if ask else None
    wanted = STRONG if STRONG in candidates and has_cuda(spec.device) else LIGHT
    if is_on_disk(wanted):
        return Choice(wanted.model)
    status = probe.status() if probe else None
    if status is not None and status < 400:
        return Choice(wanted.model)
    if probe is None:
        return Choice("mini", _notice(wanted, "HF_HUB_OFFLINE forbids downloading it"))
    answer = "did not answer" if status is None else "did not offer it"
    reason = f"the server it comes from {answer} within {PROBE_S:.0f} seconds"
    return Choice("mini", _notice(wanted, reason))


def is_on_disk(recommended: Recommended) -> bool:
    """Say whether the hub's cache holds all that `recommended` needs."""
    weights = cached_file(recommended.repo, WEIGHT_FILES)
    return weights is not None and all(
        cached_file(recommended.repo, [name]) for name in recommended.extra_files
    )


def may_have_cuda(device: str) -> bool:
    """Say whether `device` could mean CUDA here, judging by the driver and without torch."""
    if device != "auto":
        return device.startswith("cuda")
    return has_nvidia_driver()


def has_cuda(device: str) -> bool:
    """Say whether `device` means CUDA here, asking torch only for "auto"."""
    if device != "auto":
        return device.startswith("cuda")
    from retrieval.encoders._compat import prepare_torch

    prepare_torch()
    import torch

    return torch.cuda.is_available()


def _notice(wanted: Recommended, reason: str) -> str:
    return (
        f"The recommended model {wanted.model} is not on this computer and {reason}, so the "
        f"built-in model mini is used: {MINI_QUALITY}; once it can be had, change to it by "
        f"retrieval migrate --model {wanted.model}."
    )
