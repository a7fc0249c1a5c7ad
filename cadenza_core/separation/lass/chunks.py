"""Long sounds in chunks: exactly what the network gives for the whole, in bounded memory.

What the network gives for a sample depends on the mixture only as far as its convolutions and windows reach
(:attr:`~.network.NetworkConfig.reach`, 3.8 s for the official sizes). So each chunk is computed with that much of its
neighbourhood on both sides, which is thrown away; chunks start on the grid of the network's coarsest frames, so that its
pooling cuts the time as it cuts the whole. There is nothing to fade and no seam: only float rounding tells the two apart.
"""

import numpy as np
import torch

from ...progress import Progress, silent
from .network import NetworkConfig

__all__ = ["CHUNK_FRAMES", "separate_long"]

#: Frames that are computed at once, the neighbourhood included: 31 s at the official hops. About 0.5 MB each at 32 kHz.
CHUNK_FRAMES = 3072


def separate_long(
    model: torch.nn.Module,
    mixture: np.ndarray,
    condition: torch.Tensor,
    *,
    channels: np.ndarray | None = None,
    without: tuple[torch.Tensor, ...] = (),
    chunk_frames: int = CHUNK_FRAMES,
    progress: Progress = silent,
) -> np.ndarray:
    """Separate a sound of any length.

    Parameters
    ----------
    model : torch.nn.Module
        Called as :meth:`.network.ResUNet.forward`, with its sizes as ``config``; on any device, in evaluation mode.
    mixture : np.ndarray [shape=(1, n), dtype=float32]
        At the model's sample rate, n > 0.
    condition : torch.Tensor [shape=(1, size)]
        What is wanted.
    channels : np.ndarray [shape=(c, n), dtype=float32], optional
        What the mask is put on; None: the mixture.
    without : tuple of torch.Tensor [shape=(1, size)]
        What is not wanted.
    chunk_frames : int
        Frames computed at once. A sound that has no more is computed in one piece.
    progress : Progress
        Called before each chunk and at the end; may raise Cancelled.

    Returns
    -------
    np.ndarray [shape=(c, n), dtype=float32]
    """
    device = condition.device
    signals = mixture if channels is None else channels
    length = mixture.shape[1]
    out = np.empty_like(signals, dtype=np.float32)
    parts = _plan(length, model.config, chunk_frames)  # type: ignore[arg-type]
    for number, (part, core) in enumerate(parts):
        progress(
            number / len(parts), f"listening to part {number + 1} of {len(parts)}" if len(parts) > 1 else "listening"
        )
        mono = _tensor(mixture[:, part], device)
        others = None if channels is None else _tensor(channels[:, part], device)
        separated = model(mono, condition, others, without)[0]
        out[:, core] = separated[:, core.start - part.start : core.stop - part.start].cpu().numpy()
    progress(1.0, "separated")
    return out


def _tensor(samples: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None].to(device)


def _plan(length: int, config: NetworkConfig, chunk_frames: int) -> list[tuple[slice, slice]]:
    """Give what is computed and what is kept of it, in samples, one pair for each chunk."""
    hop = config.hop
    if length <= chunk_frames * hop:
        return [(slice(0, length), slice(0, length))]
    cell, context = config.grid * hop, config.reach * hop
    step = max(cell, (chunk_frames * hop - 2 * context) // cell * cell)
    plan = []
    for start in range(0, length, step):
        stop = min(start + step, length)
        # One hop less: a whole number of cells in frames, for there is a frame at both ends.
        end = min(stop + context + cell - hop, length)
        plan.append((slice(max(0, start - context), end), slice(start, stop)))
    return plan
