"""Peaks of a sound, to draw it from: the least and the greatest sample of each of many short stretches."""

import numpy as np

__all__ = ["BINS", "peaks"]

#: Stretches that a song is drawn from: two for each of a wide screen's pixels, at 16 KiB.
BINS = 8192


def peaks(samples: np.ndarray, bins: int = BINS) -> bytes:
    """Give int8 pairs ``min, max``, 127 = full scale, over all samples of all channels: no click is lost.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n)]
        Full scale 1.0; beyond it the pairs are limited.
    bins : int
        At most one for each sample. Bin b covers frames ``floor(b * n / bins)`` to ``floor((b + 1) * n / bins)``.

    Returns
    -------
    bytes
        Two for each bin: min rounded down, max rounded up, neither beyond 0.
    """
    frames = samples.shape[1]
    bins = min(bins, frames)
    edges = np.arange(bins) * frames // bins
    low = np.minimum.reduceat(samples, edges, axis=1).min(axis=0)
    high = np.maximum.reduceat(samples, edges, axis=1).max(axis=0)
    pairs = np.stack([np.floor(127.0 * np.minimum(low, 0)), np.ceil(127.0 * np.maximum(high, 0))], axis=1)
    return np.clip(pairs, -128, 127).astype(np.int8).tobytes()
