"""What goes into an exported tower: texts to arrays of ids, pictures to pixels, without torch.

Each is made from plain JSON values, the `inputs` of a tower's note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.encoders.towers.folder import TOKENIZER_FILE
from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

#: Texts to one list of ids each.
Tokenize = Callable[[Sequence[str]], list[list[int]]]


class Texts:
    """Turns texts into the arrays of a text tower: `ids` int64 (n, t) and, if asked, `mask`."""

    def __init__(self, facts: dict[str, Any], folder: Path) -> None:
        """`folder` is where the tower lies. Raises EncoderError for a tokenizer that is lost."""
        self._tokenize = _tokenizer(facts, folder)
        self._mask = bool(facts.get("mask"))
        #: Where the model wants all texts at one length, that length, else 0.
        self._length = int(facts.get("length", 0))
        self._pad = int(facts.get("pad", 0))

    def batches(
        self, texts: Sequence[str], size: int
    ) -> Iterator[tuple[list[int], dict[str, NDArray[Any]]]]:
        """Yield which texts a batch holds, and its arrays; texts of like length go together."""
        ids = self._tokenize(texts)
        by_length = sorted(range(len(ids)), key=lambda at: len(ids[at]))
        for start in range(0, len(ids), size):
            places = by_length[start : start + size]
            yield places, self.arrays([ids[at] for at in places])

    def arrays(self, ids: Sequence[Sequence[int]]) -> dict[str, NDArray[Any]]:
        """Ragged ids -> `ids` int64 (n, longest), and `mask` bool of the real ones."""
        lengths = np.array([len(row) for row in ids])
        longest = self._length or int(lengths.max(initial=1))
        mask = np.arange(longest)[None, :] < lengths[:, None]
        table = np.full(mask.shape, self._pad, np.int64)
        table[mask] = np.concatenate([np.asarray(row, np.int64) for row in ids])
        return {"ids": table, "mask": mask} if self._mask else {"ids": table}


def _tokenizer(facts: dict[str, Any], folder: Path) -> Tokenize:
    kind = facts.get("tokenizer")
    if kind == "clip":
        from retrieval.encoders._bpe import ClipTokenizer

        return ClipTokenizer(int(facts["context"]))
    if kind == "minilm":
        from retrieval.encoders._mini_weights import TOKENIZER
        from retrieval.encoders._minilm import Tokenizer

        return Tokenizer(TOKENIZER.read())
    if kind == "file":
        return FileTokenizer(folder / TOKENIZER_FILE, int(facts["length"]), str(facts["clean"]))
    raise EncoderError(f"An exported model in {folder} asks for an unknown tokenizer {kind!r}.")


class FileTokenizer:
    """A Hugging Face tokenizer from its file, used as open_clip's HFTokenizer does."""

    def __init__(self, path: Path, length: int, clean: str) -> None:
        """Read it; texts are cut at `length` ids. Raises EncoderError."""
        from tokenizers import Tokenizer

        try:
            self._backend = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises Exception itself
            raise EncoderError(f"{path} cannot be read ({error})") from error
        self._backend.enable_truncation(length)
        self._backend.no_padding()
        self._clean = clean

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of ids for each text."""
        from retrieval.encoders._cleaning import cleaned

        found = self._backend.encode_batch([cleaned(text, self._clean) for text in texts])
        return [encoding.ids for encoding in found]


def preparation(facts: dict[str, Any]) -> Callable[[Image.Image], NDArray[np.uint8]]:
    """What turns an upright RGB picture into uint8 (views, H, W, 3). Raises EncoderError."""
    if facts.get("pixels") == "mini":
        from retrieval.encoders.mini import prepare

        return prepare
    if isinstance(facts.get("pixels"), dict):
        from retrieval.encoders._pixels import Pixels

        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts["pixels"].items()
        }
        return Pixels(**values)
    raise EncoderError("An exported model does not say how its pictures are prepared.")
