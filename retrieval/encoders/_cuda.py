"""open_clip's image tower at full speed on an NVIDIA GPU.

While one batch is computed the next is copied to the GPU on a stream of its own, from page-locked
memory, as bytes; results come back the same way. Long runs are compiled (torch.compile, which
fuses what lies between the matrix products). The layout is channels-last, in the precision of
`pick_precision`. On a CPU device the same code runs without any of the overlap, for tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from retrieval.encoders import Pending
from retrieval.encoders._devices import first_line, plain_errors, release_memory
from retrieval.encoders.openclip import OpenClipEncoder

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

MOST_FIRST_BATCH = 64
#: More than any model needs for one photo (ViT-SO400M at 384 pixels: about 30 MB).
IMAGE_BYTES = 64 << 20
#: Least cosine between rows of the compiled and of the plain tower.
AGREES = 0.999


class CudaEncoder(OpenClipEncoder):
    """An open_clip model on a GPU. See `StreamingEncoder` for the contract."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._compiled: Callable[[torch.Tensor], torch.Tensor] | None = None
        self._compiled_size = 0
        self._copies: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            import torch

            self._copies = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode uint8 (n, 1, H, W, 3) into float32 (n, dim), rows of unit length.

        Raises what OpenClipEncoder.encode_images does.
        """
        return self.submit_images(batch).result()

    def submit_images(self, prepared: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Pending:
        """Start encoding n arrays of `prepare`, each uint8 (1, H, W, 3), and return at once.

        Raises DeviceMemoryError when they do not fit the device.
        """
        import torch

        if not len(prepared):
            return _Rows(self, torch.zeros((0, self.dim)))
        self._check(prepared[0].shape)
        with plain_errors(self.device), torch.inference_mode():
            return _Rows(self, self.image_rows(self._upload(self._stack(prepared))))

    def image_rows(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode uint8 (n, H, W, 3) into float32 (n, dim), rows of unit length, on the device."""
        # Another number of photos would be compiled anew, which takes longer than it saves.
        if self._compiled is not None and len(pixels) == self._compiled_size:
            return self._compiled(pixels)
        return super().image_rows(pixels)

    def _stack(self, prepared: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> torch.Tensor:
        """One array of all photos, uint8 (n, H, W, 3), in page-locked memory for a GPU.

        torch keeps such memory for the next batch, and hands it out only when the copy is done.
        """
        import numpy as np
        import torch

        shape = (len(prepared), *prepared[0].shape[1:])
        stacked = torch.empty(shape, dtype=torch.uint8, pin_memory=self._copies is not None)
        np.stack([photo[0] for photo in prepared], out=stacked.numpy())
        return stacked

    def _upload(self, pixels: torch.Tensor) -> torch.Tensor:
        """Copy to the device, beside what is computed there; what is computed next waits for it."""
        import torch

        if self._copies is None:
            return pixels
        with torch.cuda.stream(self._copies):
            there = pixels.to(self.device, non_blocking=True)
        computing = torch.cuda.current_stream(self.device)
        computing.wait_stream(self._copies)
        there.record_stream(computing)  # or its memory could be used again for the next copy
        return there

    def first_batch(self) -> int:
        """A power of two, at most MOST_FIRST_BATCH, that fits the free memory of the device."""
        import torch

        if self._copies is None:
            return MOST_FIRST_BATCH
        free, _ = torch.cuda.mem_get_info(self.device)
        return fitting_batch(free)

    def compile_images(self, batch_size: int) -> str | None:
        """Compile the image tower for batches of just this size, which takes tens of seconds.

        Returns a sentence for the user when it cannot be compiled or then computes something else;
        the plain tower goes on in that case.
        """
        import torch

        # The default mode: CUDA graphs would overwrite rows that are still on their way back and
        # save launches only, which large batches hide; autotuning takes minutes more.
        plain = super().image_rows
        compiled = torch.compile(plain, dynamic=False)
        shape = (batch_size, *self._pixels.size, 3)
        try:
            with plain_errors(self.device), torch.inference_mode():
                noise = torch.randint(0, 256, shape, dtype=torch.uint8, device=self.device)
                cosine = float((compiled(noise) * plain(noise)).sum(-1).min())
        except Exception as error:  # no compiler, an operator it does not know, no memory, ...
            release_memory(self.device)
            reason = first_line(error.__cause__ or error)
        else:
            if cosine >= AGREES:
                self._compiled, self._compiled_size = compiled, batch_size
                return None
            reason = f"its results differ, cosine {cosine:.4f}"
        return f"{self.name} could not be compiled ({reason}); it runs as it is, somewhat slower."


class _Rows:
    """Rows on their way back to the host; see `Pending`."""

    def __init__(self, encoder: OpenClipEncoder, rows: torch.Tensor) -> None:
        import torch

        self._encoder = encoder
        self._rows = rows
        self._done: torch.cuda.Event | None = None
        if rows.is_cuda:
            self._rows = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
            self._rows.copy_(rows, non_blocking=True)
            # Blocking: the core that waits is free for decoding.
            self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            self._done.record(torch.cuda.current_stream(rows.device))

    def result(self) -> NDArray[np.float32]:
        """Wait for the rows: float32 (n, dim). Raises EncoderError when they are not finite."""
        with plain_errors(self._encoder.device):
            if self._done is not None:
                self._done.synchronize()
        return self._encoder.finite(self._rows).copy()  # so that page-locked memory is free again


def fitting_batch(free: int) -> int:
    """The largest power of two, at most MOST_FIRST_BATCH, of photos that fit `free` bytes."""
    most = max(min(free // IMAGE_BYTES, MOST_FIRST_BATCH), 1)
    return 1 << most.bit_length() - 1
