"""The same numbers on every device: what PyTorch does otherwise on a GPU, and what is done about it.

Two things, each seen on an NVIDIA H100 with PyTorch 2.11 (`benchmarks/gpu.py` prints what is left: below 1e-5 of the peak):

- TensorFloat-32, which PyTorch takes for convolutions and LSTMs on recent cards: ten bits of mantissa instead of 23. Off.
- An inverse real Fourier transform has no use for the imaginary parts of its first (0 Hz) and last (Nyquist) line, and on a
  processor they are left out. cuFFT lets the result depend on them as soon as it does a few hundred transforms at once (CUFFT
  library user's guide: a complex-to-real transform of what is not Hermitian is undefined). Networks that give a spectrum by
  real and imaginary part, Hybrid and Transformer Demucs among them, leave something there: stems came out up to 2 % of their
  peak away from the processor's. They are set to 0 before `torch.istft`, which is what the processor computes.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RealEnds", "full_precision"]


@contextlib.contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Compute in full float32 precision on `device`, with the processor's numbers (to about 1e-5 of the peak)."""
    cudnn = torch.backends.cudnn
    ends = contextlib.nullcontext() if device.type == "cpu" else RealEnds()
    with cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False), ends:
        yield


class RealEnds(TorchFunctionMode):
    """Within it, `torch.istft` sees no imaginary part at 0 Hz and at the Nyquist frequency."""

    def __torch_function__(
        self,
        function: Any,
        types: "Sequence[type]",
        arguments: tuple[Any, ...] = (),
        named: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function; of an inverse short-time transform, clear the input's ends before."""
        named = dict(named or {})
        if function in (torch.istft, torch.Tensor.istft):
            if arguments:
                arguments = (_cleared(arguments[0], arguments[1:2], named), *arguments[1:])
            else:
                named["input"] = _cleared(named["input"], (), named)
        return function(*arguments, **named)


def _cleared(spectra: torch.Tensor, n_fft: tuple[Any, ...], named: dict[str, Any]) -> torch.Tensor:
    """Clear the lines that have no imaginary part in a real signal's spectrum, shape (..., bins, frames)."""
    length = int(n_fft[0] if n_fft else named["n_fft"])
    if spectra.shape[-2] != length // 2 + 1:  # two-sided: of a complex signal
        return spectra
    ends = [0, length // 2] if length % 2 == 0 else [0]
    keep = torch.ones(spectra.shape[-2], 1, dtype=spectra.real.dtype, device=spectra.device)
    keep[ends] = 0
    return torch.complex(spectra.real, spectra.imag * keep)
