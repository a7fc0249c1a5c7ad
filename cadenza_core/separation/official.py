"""The CAD1 baseline's way to take a song apart: segments, fades, overlap-add, and its standardisation.

The arithmetic is that of pyclarity's ``recipes.cad1.task1.baseline.enhance`` (``separate_sources``, ``decompose_signal``)
with torchaudio's ``Fade``, neither of which is imported: pyclarity's module needs the compiled torchaudio. What that
arithmetic does, wanted or not, is kept, because published results were made with it:

- A song of at most 0.1 s (4,410 samples at 44.1 kHz) is never given to the model: its stems are silent.
- The first segment always ends with a fade to 0, also where it is the last one: a song of at most 11 s ends faded out.
- The first segment has 11 s, all later ones 11.1 s: they start 0.1 s before the one before them ends.
- The last segment may be as short as 0.1 s and a sample.
- The fades of two neighbours are linear and add up to 1; the last sample of a fade-out is 0.
- The standardisation divides by the population's standard deviation of the mean of the two channels. Where that is 0
  (silence, or opposite channels) the recipe gives NaN; here the deviation is then 1e-8.

A song is never held on the GPU, and of the model's work only one segment exists at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..progress import Progress, silent
from .neural import FLOOR

if TYPE_CHECKING:
    import torch

__all__ = ["Segment", "decompose_signal", "overlap_add", "recipe_plan", "smooth_plan"]


@dataclass(frozen=True)
class Segment:
    """Samples `start` to `stop` of a song, and the lengths of the linear fades at both ends, in samples."""

    start: int
    stop: int
    fade_in: int
    fade_out: int


def recipe_plan(length: int, rate: int, *, segment: float = 10.0, overlap: float = 0.1) -> list[Segment]:
    """Cut a song as the recipe's ``separate_sources`` does.

    Parameters
    ----------
    length : int >= 0
        Samples.
    rate : int > 0
        Sample rate, Hz.
    segment : float > 0
        Seconds.
    overlap : float
        A share of `segment` where it lengthens it, and seconds where it is the fade: the recipe uses it as both.
    """
    chunk = int(rate * segment * (1 + overlap))
    fade = overlap * rate
    start, stop, fade_in, fade_out = 0, chunk, 0, int(fade)
    plan = []
    while start < length - fade:
        plan.append(Segment(start, min(stop, length), fade_in, fade_out))
        start += chunk if start else int(chunk - fade)
        stop += chunk
        fade_in = int(fade)
        if stop >= length:
            fade_out = 0
    return plan


def smooth_plan(length: int, segment: int, fade: int) -> list[Segment]:
    """Cut a song into segments that overlap by `fade` samples, with fades only where two meet.

    A song of at most `segment` samples is one segment without fades: the model's own result. No segment is shorter than
    `fade`, so each has at least that much sound before it.
    """
    starts = range(0, max(1, length - fade), segment - fade)
    last = len(starts) - 1
    return [
        Segment(start, min(start + segment, length), fade if i else 0, fade if i < last else 0)
        for i, start in enumerate(starts)
    ]


def overlap_add(
    model: Callable[["torch.Tensor"], "torch.Tensor"],
    mix: np.ndarray,
    plan: Sequence[Segment],
    stems: int,
    *,
    device: "torch.device | str" = "cpu",
    progress: Progress = silent,
) -> np.ndarray:
    """Separate a song segment by segment.

    Parameters
    ----------
    model : callable
        From (1, channels, m) to (1, stems, channels, m), on `device`.
    mix : np.ndarray [shape=(channels, n)]
        In the model's floating-point type.
    plan : sequence of Segment
    stems : int
        Number of stems.
    device : torch.device or str
        Where the model computes.
    progress : Progress
        Called before each segment and at the end; may raise Cancelled.

    Returns
    -------
    np.ndarray [shape=(stems, channels, n), dtype=float32]
    """
    import torch

    source = torch.from_numpy(np.require(mix, requirements="W"))[None]
    final = torch.zeros(stems, *mix.shape)
    for i, segment in enumerate(plan):
        progress(i / len(plan), f"segment {i + 1} of {len(plan)}")
        with torch.no_grad():
            out = model(source[:, :, segment.start : segment.stop].to(device))
            final[:, :, segment.start : segment.stop] += _faded(out, segment)[0].to("cpu")
    progress(1.0, f"{len(plan)} segments done")
    return final.numpy()


def _faded(out: "torch.Tensor", segment: Segment) -> "torch.Tensor":
    """Apply both fades, as ``torchaudio.transforms.Fade(fade_shape="linear")``."""
    import torch

    def ones(fade: int) -> torch.Tensor:
        return torch.ones(out.shape[-1] - fade, device=out.device)

    rise = torch.linspace(0, 1, segment.fade_in, device=out.device)
    fall = -torch.linspace(0, 1, segment.fade_out, device=out.device) + 1
    return torch.cat((rise, ones(segment.fade_in))) * torch.cat((ones(segment.fade_out), fall)) * out


def decompose_signal(
    model: Callable[["torch.Tensor"], "torch.Tensor"],
    signal: np.ndarray,
    stems: int,
    *,
    rate: int,
    normalise: bool,
    device: "torch.device | str" = "cpu",
    progress: Progress = silent,
) -> np.ndarray:
    """Take a song apart as the recipe's ``decompose_signal`` does.

    Parameters
    ----------
    model : callable
        From (1, channels, m) to (1, stems, channels, m).
    signal : np.ndarray [shape=(channels, n) or (1, channels, n)]
        With the second shape, which pyclarity's own test uses, the standardisation takes each channel for itself: the
        mean over the first axis then leaves both channels.
    stems : int
        Number of stems.
    rate : int > 0
        Sample rate, Hz.
    normalise : bool
        Standardise the input and undo it in the stems: True for HDemucs, False for Open-Unmix.
    device, progress :
        As in :func:`overlap_add`.

    Returns
    -------
    np.ndarray [shape=(stems, channels, n), dtype=float32]
    """
    mean, std = 0.0, 1.0
    if normalise:
        ref = signal.mean(0)
        mean, std = ref.mean(), ref.std() or FLOOR
        signal = signal - mean
        signal /= std
    mix: np.ndarray = signal.reshape(signal.shape[-2:])
    plan = recipe_plan(mix.shape[-1], rate)
    sources = overlap_add(model, mix, plan, stems, device=device, progress=progress)
    if normalise:
        sources *= std
        sources += mean
    return sources
