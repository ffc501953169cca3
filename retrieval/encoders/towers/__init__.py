"""Exported towers: an encoder's two halves without torch, in int8 where that is as good.

    folder.py      where they lie on this machine, and the note beside each
    inputs.py      texts to ids, pictures to pixels, from the note alone
    running.py     running one (ONNX Runtime, OpenVINO)
    encoder.py     an encoder made of towers, with its model behind it
    exporting.py   making one out of a torch module, and choosing among candidates
    quantising.py  the candidates; agreement.py: when one is good enough; probes.py: on what

Only exporting needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING

from retrieval.encoders.towers.encoder import Facts, TowerEncoder
from retrieval.encoders.towers.folder import SIDES, TowerFolder, stamp_of

if TYPE_CHECKING:
    from retrieval.encoders import Encoder


def wrap(
    encoder: Encoder, cache: str, on_notice: Callable[[str], None], threads: int
) -> TowerEncoder:
    """An encoder that is loaded, on its towers."""
    facts = Facts(**{each.name: getattr(encoder, each.name) for each in fields(Facts)})
    folder = TowerFolder(encoder.fingerprint, cache)
    with suppress(OSError):
        folder.trust(stamp_of(getattr(encoder, "source", None)))
    return TowerEncoder(facts, folder, lambda: encoder, on_notice, threads)


def unwrap(
    fingerprint: str,
    cache: str,
    model: Callable[[], Encoder],
    on_notice: Callable[[str], None],
    threads: int,
) -> TowerEncoder | None:
    """The encoder of a fingerprint from its towers; None where there is none at all.

    Nor where the weights have changed since: then loading the model tells what is to be done.
    """
    folder = TowerFolder(fingerprint, cache)
    found = [note for side in SIDES if (note := folder.read(side)) and not note.failed]
    notes = [] if any(note.is_outdated for note in found) else found
    if not notes:
        return None
    note = notes[0]
    facts = Facts(note.name, fingerprint, note.dim, note.image_size, note.quality)
    return TowerEncoder(facts, folder, model, on_notice, threads)
