"""The towers of an open_clip model as modules that can be exported.

Pixels arrive as bytes and leave as unit rows. Text towers that read from left to right are cut
behind the end-of-text token: what follows cannot change it, and a query has 10 tokens rather than
77. Towers of other kinds are taken whole, at their full length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval.encoders._cleaning import HOWS
from retrieval.encoders.towers.exporting import Graph
from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from retrieval.encoders._pixels import Pixels


CLIP_VOCABULARY = 49408


def image_graph(model: Any, pixels: Pixels) -> Graph:
    """The image tower: `pixels` uint8 (n, 1, H, W, 3) -> float32 (n, dim)."""
    import torch
    from torch.nn import functional

    class ImageTower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            shape = (1, 3, 1, 1)
            self.register_buffer("mean", torch.tensor(pixels.mean).view(shape))
            self.register_buffer("std", torch.tensor(pixels.std).view(shape))

        def forward(self, batch: Any) -> Any:
            images = batch[:, 0].permute(0, 3, 1, 2).float() / 255
            features = self.model.encode_image((images - self.mean) / self.std)
            return functional.normalize(features, dim=-1)

    return Graph(ImageTower().eval(), ("pixels",), {"pixels": pixels.describe()})


def text_graph(model: Any, tokenizer: Any) -> Graph:
    """The text tower: `ids` int64 (n, t) -> float32 (n, dim).

    Raises EncoderError for a tokenizer that does not work without torch.
    """
    from open_clip.tokenizer import SimpleTokenizer

    length = int(tokenizer.context_length)
    if not isinstance(tokenizer, SimpleTokenizer):
        backend, inputs = _from_file(tokenizer)
        return Graph(_whole(model), ("ids",), {**inputs, "length": length}, tokenizer=backend)
    if tokenizer.reduction_fn is not None or tokenizer.vocab_size != CLIP_VOCABULARY:
        raise EncoderError("its tokenizer is not CLIP's own, and needs torch")
    inputs = {"tokenizer": "clip", "context": length}
    text = _reads_from_left(model)
    if text is None:
        return Graph(_whole(model), ("ids",), {**inputs, "length": length})
    return Graph(_cut(text), ("ids",), inputs, axes={"ids": {1: "t"}})


def _from_file(tokenizer: Any) -> tuple[str, dict[str, Any]]:
    """A Hugging Face tokenizer as a file, and how it is to be used."""
    inner = tokenizer.tokenizer
    backend = getattr(inner, "backend_tokenizer", None)
    clean = tokenizer.clean_fn.__name__.removeprefix("_clean_")
    unusual = tokenizer.tokenizer_mode or tokenizer.strip_sep_token
    if backend is None or unusual or clean not in HOWS or inner.padding_side != "right":
        raise EncoderError("its tokenizer has no form that works without torch")
    inputs = {"tokenizer": "file", "clean": clean, "pad": int(inner.pad_token_id)}
    return backend.to_str(), inputs


def _reads_from_left(model: Any) -> Any | None:
    """The part that holds the text tower's layers, if no token sees a later one."""
    text = getattr(model, "text", model)
    pooling = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
    plain = getattr(text, "cls_emb", None) is None and not getattr(text, "use_pad_mask", False)
    masked = getattr(text, "attn_mask", None) is not None
    return text if pooling == "argmax" and plain and masked else None


def _whole(model: Any) -> Any:
    import torch
    from torch.nn import functional

    class TextTower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any) -> Any:
            return functional.normalize(self.model.encode_text(ids), dim=-1)

    return TextTower().eval()


def _cut(text: Any) -> Any:
    import torch
    from torch.nn import functional

    class CutTextTower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text = text

        def forward(self, ids: Any) -> Any:
            tower, length = self.text, ids.shape[1]
            x = tower.token_embedding(ids) + tower.positional_embedding[:length]
            x = tower.transformer(x, attn_mask=tower.attn_mask[:length, :length])
            x = tower.ln_final(x)
            x = x[torch.arange(x.shape[0]), ids.argmax(dim=-1)]  # the end mark is the highest id
            projection = tower.text_projection
            if isinstance(projection, torch.nn.Linear):
                x = projection(x)
            elif projection is not None:
                x = x @ projection
            return functional.normalize(x, dim=-1)

    return CutTextTower().eval()
