"""CLIP's tokenizer without torch: byte-pair encoding (Sennrich et al. 2016) of cleaned, lower text.

Gives the ids of open_clip's SimpleTokenizer (a test compares them), reads its vocabulary file and
needs neither torch nor open_clip to be imported. Plain ASCII takes a path of the standard library
alone; anything else goes through ftfy and regex as in open_clip.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from retrieval.encoders._cleaning import cleaned, is_plain
from retrieval.errors import EncoderError

MERGES = 49152 - 256 - 2  # as many as CLIP's vocabulary has
_END = "</w>"
_SPECIAL = ("<start_of_text>", "<end_of_text>")
_WORDS = "|'s|'t|'re|'ve|'m|'ll|'d|"
_ASCII = re.compile(
    "|".join(_SPECIAL) + _WORDS + "[a-z]+|[0-9]|[^\\sa-z0-9]+", re.IGNORECASE | re.ASCII
)


class ClipTokenizer:
    """Texts to ids of CLIP's vocabulary, `<start_of_text>` and `<end_of_text>` included."""

    def __init__(self, context_length: int = 77) -> None:
        """Read the vocabulary that open_clip brings along. Raises EncoderError without it."""
        self.context_length = context_length
        merges = _read_merges()
        self._ranks = dict(zip(merges, range(MERGES), strict=True))
        self._letters = _byte_letters()
        letters = [*self._letters.values()]
        names = letters + [letter + _END for letter in letters]
        self._ids = dict(zip(names, range(len(names)), strict=True))
        self._first_joined = len(names)  # joined symbols follow, in the order of their ranks
        self._start, self._end = (len(names) + MERGES + place for place in (0, 1))
        self._known = {_SPECIAL[0]: [self._start], _SPECIAL[1]: [self._end]}

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of ids for each text; a long one is cut and keeps its end mark."""
        rows = ([self._start, *self._encode(text)] for text in texts)
        return [[*ids[: self.context_length - 1], self._end] for ids in rows]

    def _encode(self, text: str) -> list[int]:
        text = cleaned(text, "lower")
        words = _ASCII.findall(text) if is_plain(text) else _any_words(text)
        return [id_ for word in words for id_ in self._word(word)]

    def _word(self, word: str) -> list[int]:
        if word not in self._known:
            symbols = [self._letters[byte] for byte in word.encode("utf-8")]
            symbols[-1] += _END
            self._known[word] = [self._ids[symbol] for symbol in self._merged(symbols)]
        return self._known[word]

    def _merged(self, symbols: list[str]) -> list[str]:
        """Join the pair that was learnt first, everywhere, until no pair is known."""
        unknown = len(self._ranks)
        while len(symbols) > 1:
            pairs = [f"{a} {b}" for a, b in pairwise(symbols)]
            best = min(pairs, key=lambda pair: self._ranks.get(pair, unknown))
            if best not in self._ranks:
                break
            self._ids[best.replace(" ", "")] = self._first_joined + self._ranks[best]
            joined: list[str] = []
            at = 0
            while at < len(symbols):
                here = at < len(pairs) and pairs[at] == best
                joined.append(symbols[at] + symbols[at + 1] if here else symbols[at])
                at += 2 if here else 1
            symbols = joined
        return symbols


def _any_words(text: str) -> list[str]:
    import regex  # type: ignore[import-untyped]

    pattern = "|".join(_SPECIAL) + _WORDS + r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    words: list[str] = regex.findall(pattern, text, regex.IGNORECASE)
    return words


def _byte_letters() -> dict[int, str]:
    """A printable letter for each byte, in the order of CLIP's vocabulary (as in GPT-2)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    plain += range(ord("®"), ord("ÿ") + 1)
    others = [byte for byte in range(256) if byte not in set(plain)]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(256 + index) for index, byte in enumerate(others)
    }


def _read_merges() -> list[str]:
    """The pairs that CLIP joins, such as "t h", best first; they are the file's first lines."""
    spec = find_spec("open_clip")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "bpe_simple_vocab_16e6.txt.gz")
        if path.is_file():
            unpacked = zlib.decompressobj(wbits=31)  # 31: gzip's own head
            text = unpacked.decompress(path.read_bytes(), 1 << 19)
            while text.count(b"\n") <= MERGES and unpacked.unconsumed_tail:
                text += unpacked.decompress(unpacked.unconsumed_tail, 1 << 16)
            return text.decode("utf-8", "ignore").split("\n", MERGES + 1)[1 : MERGES + 1]
    raise EncoderError(
        "CLIP's vocabulary, which open_clip brings along, is missing: pip install open_clip_torch"
    )
