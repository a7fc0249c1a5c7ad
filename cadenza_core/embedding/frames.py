"""Cut sounds into frames at exact times, a block at a time, so that long sounds need little memory.

The rule is that of HEAR's baseline: half a frame of zeros on each side, frame k starts at sample ``round(k * hop)`` of
the padded sound, and so is centred at ``k * hop`` of the sound itself. The hop is never rounded before it is multiplied,
so nothing drifts over long audio.
"""

from collections.abc import Iterator

import torch

from ..errors import CadenzaError

__all__ = ["check_audio", "frame_blocks", "frame_starts", "timestamps_of"]

#: Frames that are worked on at once.
BLOCK = 512


def check_audio(audio: torch.Tensor) -> None:
    """Check that `audio` is what HEAR's API says: floating point, shape (n_sounds, n_samples), neither of them 0.

    Raises
    ------
    CadenzaError
        If it is not.
    """
    if audio.ndim != 2 or 0 in audio.shape or not audio.is_floating_point():
        raise CadenzaError(
            f"The audio is {audio.dtype} of shape {tuple(audio.shape)}; floating point of shape (n_sounds, n_samples), at "
            "least one of each, is accepted."
        )


def frame_starts(n_samples: int, hop: float) -> list[int]:
    """Give where each frame starts, in samples of the padded sound.

    Parameters
    ----------
    n_samples : int
        Length of the sound.
    hop : float
        Samples between frames, not rounded.
    """
    starts, number = [0], 1
    while (start := round(number * hop)) <= n_samples:
        starts.append(start)
        number += 1
    return starts


def timestamps_of(n_sounds: int, n_frames: int, hop_ms: float, device: torch.device) -> torch.Tensor:
    """Give the frames' centres, ms: float32, shape (n_sounds, n_frames). Computed in double precision, then rounded once."""
    times = torch.arange(n_frames, dtype=torch.float64) * hop_ms
    return times.to(torch.float32).to(device).expand(n_sounds, n_frames)


def frame_blocks(sound: torch.Tensor, size: int, hop: float) -> Iterator[tuple[int, torch.Tensor]]:
    """Give the frames of one sound in blocks of at most `BLOCK`: the number of the first frame, and the frames.

    Parameters
    ----------
    sound : torch.Tensor [shape=(n_samples,)]
    size : int
        Samples of a frame.
    hop : float
        Samples between frames, not rounded.

    Yields
    ------
    int, torch.Tensor [shape=(frames, size)]
    """
    starts = frame_starts(len(sound), hop)
    for first in range(0, len(starts), BLOCK):
        block = starts[first : first + BLOCK]
        low, high = block[0] - size // 2, block[-1] + size - size // 2
        part = sound[max(low, 0) : min(high, len(sound))]
        part = torch.nn.functional.pad(part, (max(-low, 0), max(high - len(sound), 0)))
        yield first, torch.stack([part[start - block[0] :][:size] for start in block])
