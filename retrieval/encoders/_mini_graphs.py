"""The towers of the built-in encoder as modules that can be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval.encoders.towers.exporting import Graph

if TYPE_CHECKING:
    from retrieval.encoders.mini import ImageTower, TextTower


def image_graph(tower: ImageTower) -> Graph:
    """The image tower: `pixels` uint8 (n, 2, 304, 304, 3) -> float32 (n, 388)."""
    import torch

    class Module(torch.nn.Module):
        def forward(self, pixels: Any) -> Any:
            return tower.head(tower.describe(pixels))

    return Graph(Module(), ("pixels",), {"pixels": "mini"})


def text_graph(tower: TextTower) -> Graph:
    """The text tower: `ids` int64 (n, t), `mask` bool (n, t) -> float32 (n, 388)."""
    import torch

    class Module(torch.nn.Module):
        def forward(self, ids: Any, mask: Any) -> Any:
            return tower.head(tower.pooled(ids, mask))

    axes = {"ids": {1: "t"}, "mask": {1: "t"}}
    return Graph(Module(), ("ids", "mask"), {"tokenizer": "minilm", "mask": True}, axes)
