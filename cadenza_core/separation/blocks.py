"""Long songs in blocks, and the short-time Fourier transform (STFT) in which the mask-based systems work.

A time-frequency mask at one moment depends on the mixture only as far as its window and its filters reach. So a song is
worked on in blocks with that much context on each side, and only the inside of each block is kept. When blocks start on
the grid of the STFT's frames and the context is as long as the reach, a block's frames hold the same numbers as the whole
song's: the result does not depend on the block length (but for float rounding), there is nothing to fade, and beyond the
song's own samples the memory is that of one block.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..audio import Audio, Stems
from ..errors import CadenzaError
from ..progress import Progress, silent
from .base import SystemInfo

__all__ = ["BLOCK", "check_mixture", "istft", "separate_in_blocks", "stft"]

#: Samples of a block: 20.06 s at 44.1 kHz, some 250 MB of work at the STFTs used here. A multiple of every hop in use.
BLOCK = 216 * 4096


def check_mixture(mixture: Audio, info: SystemInfo) -> None:
    """Check that `mixture` is what the system works on: stereo, at ``info.rate``.

    Raises
    ------
    CadenzaError
        Naming what was given and what is accepted.
    """
    channels = mixture.samples.shape[0]
    if channels != 2 or mixture.rate != info.rate:
        raise CadenzaError(
            f"System {info.id} was given a mixture of {channels} channel(s) at {mixture.rate} Hz; "
            f"it accepts 2 channels at {info.rate} Hz. Convert the mixture first."
        )


def separate_in_blocks(
    mixture: Audio,
    names: Sequence[str],
    estimate: Callable[[slice], Mapping[str, np.ndarray]],
    *,
    hop: int,
    context: int,
    block: int = BLOCK,
    progress: Progress = silent,
) -> Stems:
    """Separate a song block by block.

    Parameters
    ----------
    mixture : Audio [shape=(2, n)]
        Tells length and sample rate.
    names : sequence of str
        The stems to give.
    estimate : callable
        Given a part of the song as a slice of samples, returns each stem of that part, shape (2, stop - start).
    hop : int > 0
        Parts start at multiples of it, samples.
    context : int >= 0
        How far a stem's sample depends on the mixture to each side, samples; rounded up to a multiple of `hop`. A part is
        a block with this much context, less where the song begins or ends.
    block : int > 0
        Samples of a block, a multiple of `hop`.
    progress : Progress
        Called before each block and at the end; what it raises (Cancelled) passes through.

    Returns
    -------
    Stems
        Of the mixture's length and sample rate.

    Raises
    ------
    ValueError
        If `block` is not a positive multiple of `hop`.
    """
    if block <= 0 or block % hop:
        raise ValueError(f"block is {block} samples; a positive multiple of the hop ({hop}) is needed")
    context = -(-context // hop) * hop
    length = mixture.samples.shape[1]
    stems = {name: np.empty((2, length), np.float32) for name in names}
    starts = range(0, length, block)
    for done, start in enumerate(starts):
        progress(done / len(starts), f"block {done + 1} of {len(starts)}")
        stop = min(start + block, length)
        part = slice(max(start - context, 0), min(stop + context, length))
        estimates = estimate(part)
        for name, stem in stems.items():
            stem[:, start:stop] = estimates[name][:, start - part.start : stop - part.start]
    progress(1.0, "separated")
    return Stems(stems, mixture.rate)


def stft(samples: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Short-time Fourier transform with a periodic Hann window.

    Frame k starts at sample ``(k + 1) * hop - n_fft``; beyond its ends the signal is taken as silent. Every sample lies in
    ``n_fft / hop`` frames, so that :func:`istft` gives all of them back, however short the signal is.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n), dtype=float32]
        n > 0.
    n_fft : int
        Window, samples; a multiple of `hop`.
    hop : int
        Samples between frames.

    Returns
    -------
    np.ndarray [shape=(channels, frames, n_fft // 2 + 1), dtype=complex64]
    """
    import scipy.fft

    last = (samples.shape[1] - 1) // hop * hop  # where the last frame starts that holds a sample
    padded = np.pad(samples, [(0, 0), (n_fft - hop, last + n_fft - samples.shape[1])])
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)[:, ::hop]
    return scipy.fft.rfft(frames * _hann(n_fft), axis=2)


def istft(spectra: np.ndarray, n_fft: int, hop: int, length: int) -> np.ndarray:
    """Inverse of :func:`stft` by weighted overlap-add (Griffin & Lim, "Signal estimation from modified STFT", 1984).

    Parameters
    ----------
    spectra : np.ndarray [shape=(channels, frames, n_fft // 2 + 1), dtype=complex64]
    n_fft, hop : int
        As given to `stft`.
    length : int
        Number of samples of the signal.

    Returns
    -------
    np.ndarray [shape=(channels, length), dtype=float32]
    """
    import scipy.fft

    window, overlap = _hann(n_fft), n_fft // hop
    # Every sample is in `overlap` frames: the same sum of squared windows for each place in a hop.
    synthesis = window / np.tile(np.sum(window.reshape(overlap, hop) ** 2, axis=0), overlap)
    frames = scipy.fft.irfft(spectra, n_fft, axis=2)
    frames *= synthesis
    channels, count, _ = frames.shape
    hops = np.zeros((channels, count + overlap - 1, hop), np.float32)
    for k in range(overlap):
        hops[:, k : k + count] += frames[:, :, k * hop : (k + 1) * hop]
    return hops.reshape(channels, -1)[:, n_fft - hop : n_fft - hop + length]


def _hann(n: int) -> np.ndarray:
    """Periodic Hann window, shape (n,), float32."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
