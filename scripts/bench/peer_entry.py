"""Runs a peer inside its own environment: ENV/bin/python peer_entry.py PROGRAM ARGUMENT...

Uses nothing of this project. It adds only what a peer cannot be told on its command line, and its
docstrings say what that is; all the rest is the peer's own code. Nothing here is needed by rclip,
which is started as it is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []  # a torch Library takes its definitions back when it is collected


def mend_torchvision() -> None:
    """Let torchvision load beside a CPU build of torch that its compiled part does not fit."""
    try:
        import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torch

        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for schema in _SCHEMAS:
            library.define(schema)  # type: ignore[no-untyped-call]
        _kept.append(library)


def clip_retrieval(*arguments: str) -> None:
    """Its command line, unchanged."""
    sys.argv = ["clip-retrieval", *arguments]
    import_module("clip_retrieval.cli").main()


def clip_retrieval_filter(weights: str, query: str, results: str, index: str) -> None:
    """Its one-shot search, `clip-retrieval filter`, with the model that it indexed with.

    The command always loads OpenAI's ViT-B/32, which cannot be downloaded here; its loader is
    replaced by the one that `clip-retrieval inference` uses.
    """
    all_clip: Any = import_module("all_clip")
    clip: Any = import_module("clip")

    def load(*_: Any, **__: Any) -> Any:
        model, preprocess, _tokenizer = all_clip.load_clip(weights, use_jit=False)
        return model, preprocess

    clip.load = load
    filtering = import_module("clip_retrieval.clip_filter")
    filtering.clip_filter(query, results, index, num_results=10)


def deepimagesearch(weights: str, index: str, action: str, what: str) -> None:
    """Its Python interface, as its README shows it, with weights from a file.

    Its table of models knows downloads only, so the row of ViT-B-32 gets the file's path. It takes
    the model at 224 pixels, because it tries every model with a picture of that size.
    """
    embeddings: Any = import_module("DeepImageSearch.core.embeddings")
    embeddings.CLIP_PRESETS["clip-vit-b-32"] = ("ViT-B-32", weights)
    package: Any = import_module("DeepImageSearch.search_engine")
    engine = package.SearchEngine(model_name="clip-vit-b-32", index_dir=index)
    if action == "index":
        engine.index(what)
    else:
        for hit in engine.search(what, k=10):
            print(hit["metadata"]["image_path"])


_PROGRAMS: dict[str, Callable[..., None]] = {
    "clip-retrieval": clip_retrieval,
    "clip-retrieval-filter": clip_retrieval_filter,
    "deepimagesearch": deepimagesearch,
}

if __name__ == "__main__":
    mend_torchvision()
    _PROGRAMS[sys.argv[1]](*sys.argv[2:])
