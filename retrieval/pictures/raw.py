"""Camera raw files: what they are known by, their embedded preview, and developing them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from retrieval.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIGNATURES = (  # (offset, bytes): Fuji, Sigma, Minolta, Olympus, Panasonic, Canon
    *((0, b"FUJIFILMCCD-RAW"), (0, b"FOVb"), (0, b"\0MRM"), (0, b"IIRO"), (0, b"IIRS")),
    *((0, b"MMOR"), (0, b"IIU\0"), (4, b"ftypcrx "), (6, b"HEAPCCDR"), (8, b"CR\2\0")),
)
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 262, 330, 50706
_SENSOR = (32803, 34892)  # colour filter array, linear raw
_MOST_IFDS = 32
_FLIPS = {3: 3, 5: 8, 6: 6}  # LibRaw's flip -> EXIF orientation

#: Bytes that developing at half size holds for each pixel of the sensor, and a preview's share.
BYTES_A_PIXEL = 8


def reader() -> str:
    """Name and version of the library, "" where it is not installed."""
    try:
        return f"rawpy {version('rawpy')}"
    except PackageNotFoundError:
        return ""


def has_raw_signature(head: bytes) -> bool:
    """Whether the first bytes are those of a raw format that is no TIFF."""
    return any(head[at : at + len(mark)] == mark for at, mark in _SIGNATURES)


def is_raw(data: bytes) -> bool:
    """Whether this is a camera raw file: by its first bytes, or a TIFF that holds sensor values."""
    if has_raw_signature(data[:32]):
        return True
    order = _TIFF.get(data[:4])
    try:
        return order is not None and _holds_sensor_values(data, order)
    except struct.error:  # leads out of the file: no matter what it is, it is damaged
        return False


def _holds_sensor_values(data: bytes, order: str) -> bool:
    waiting = list(struct.unpack_from(order + "I", data, 4))
    for _ in range(_MOST_IFDS):
        if not waiting:
            return False
        at = waiting.pop(0)
        if not 8 <= at < len(data) - 2:
            continue
        count = struct.unpack_from(order + "H", data, at)[0]
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", data, entry)
            value = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)[0]
            if tag == _DNG_VERSION or (tag == _PHOTOMETRIC and value in _SENSOR):
                return True
            if tag == _SUB_IFDS and number == 1:
                waiting.append(value)
            elif tag == _SUB_IFDS and number <= _MOST_IFDS:
                waiting += struct.unpack_from(f"{order}{number}I", data, value)
        waiting += struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    return False


class RawFile:
    """A raw file that LibRaw has opened."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        sizes = handle.sizes
        #: EXIF orientation of what stands in the file.
        self.orientation = _FLIPS.get(sizes.flip, 1)
        sides = (int(sizes.width), int(sizes.height))
        #: Upright full size in pixels.
        self.size = sides[::-1] if self.orientation in (6, 8) else sides
        self.sensor_pixels = int(sizes.raw_width) * int(sizes.raw_height)

    def preview(self) -> bytes | NDArray[np.uint8] | None:
        """The largest embedded picture as it stands: a JPEG, or uint8 (H, W, 3); None without."""
        try:
            found = self._handle.extract_thumb()
        except Exception:  # none, of an unknown kind, or damaged: it is developed then
            return None
        data: bytes | NDArray[np.uint8] = found.data
        return data

    def develop(self) -> NDArray[np.uint8]:
        """Make a picture out of the sensor's values: upright uint8 (H / 2, W / 2, 3)."""
        try:
            developed: NDArray[np.uint8] = self._handle.postprocess(
                half_size=True, use_camera_wb=True, output_bps=8
            )
        except Exception as exc:
            raise ImageError(_reason(exc)) from exc
        return developed


@contextmanager
def opened(data: bytes) -> Iterator[RawFile]:
    """Open a raw file. Raises ImageError."""
    try:
        import rawpy
    except ImportError as exc:
        raise ImageError("camera raw file; install rawpy to read it") from exc
    try:
        handle = rawpy.imread(io.BytesIO(data))
        shot = RawFile(handle)
    except Exception as exc:  # the library raises whatever it stumbles over
        raise ImageError(_reason(exc)) from exc
    with handle:
        yield shot


def _reason(exc: Exception) -> str:
    detail = exc.args[0] if exc.args else type(exc).__name__
    words = detail.decode("ascii", "replace") if isinstance(detail, bytes) else str(detail)
    return f"damaged or unknown camera raw file: {words}"
