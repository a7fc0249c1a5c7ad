"""The mixer's limiter, sample for sample: what `assets/mixer/limiter.worklet.js` does, for exports.

Look-ahead, both ears together. For each sample, the gain that brings the louder ear to the ceiling; its minimum over the
last 65 samples; let go exponentially (80 ms); averaged over 65 samples. No sample exceeds the ceiling of -1 dB FS.
"""

import math

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

__all__ = ["CEILING", "limit"]

LOOKAHEAD = 64
CEILING = 10.0 ** (-1.0 / 20.0)
RELEASE = 0.08
#: A gain that is nearer to 1 than this is 1, as in the worklet.
_DONE = 1e-6


def limit(samples: np.ndarray, rate: int) -> tuple[np.ndarray, float]:
    """Limit a signal.

    Parameters
    ----------
    samples : np.ndarray [shape=(2, n)]
    rate : int
        Sample rate, Hz.

    Returns
    -------
    np.ndarray [shape=(2, n)]
        In time with the input: the worklet's delay of 64 samples is taken out.
    float
        Deepest gain reduction, dB; 0 if it did nothing.
    """
    peak = np.abs(samples).max(axis=0)
    if not (peak > CEILING).any():
        return samples, 0.0
    # 64 samples more at the end, so that the last ones are averaged as the worklet averages them.
    need = np.ones(peak.size + LOOKAHEAD)
    need[: peak.size] = np.minimum(1.0, CEILING / np.maximum(peak, CEILING))
    window = LOOKAHEAD + 1
    held = minimum_filter1d(need, window, origin=LOOKAHEAD // 2, mode="constant", cval=1.0)
    envelope = _release(held, math.exp(-1.0 / (RELEASE * rate)))
    # The average of the last 65 belongs to the sample 64 ago: of the 65 that follow it, itself among them.
    average = uniform_filter1d(envelope, window, origin=-(LOOKAHEAD // 2), mode="constant", cval=1.0)
    gain = np.minimum(1.0, average[: peak.size])
    return samples * gain, -20.0 * math.log10(float(gain.min()))


def _release(need: np.ndarray, keep: float) -> np.ndarray:
    """Follow `need` down at once and up exponentially, stretch by stretch of constant need."""
    out = np.empty_like(need)
    envelope = 1.0
    edges = np.flatnonzero(np.diff(need)) + 1
    for start, stop in zip([0, *edges], [*edges, need.size], strict=True):
        target = need[start]
        if target < envelope:
            out[start:stop] = envelope = target
            continue
        stretch = target + (envelope - target) * keep ** np.arange(1, stop - start + 1)
        stretch[1.0 - stretch < _DONE] = 1.0
        out[start:stop] = stretch
        envelope = stretch[-1]
    return out
