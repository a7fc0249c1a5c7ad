"""The mixer's limiter, sample for sample: what `assets/mixer/limiter.worklet.js` does, for exports.

Look-ahead, both ears together, and it holds the true peak, the largest value between the samples as well. For each sample
and the three values that four times oversampling (ITU-R BS.1770-5, Annex 2) puts between it and the next, the gain that
brings the louder ear to the ceiling; its minimum over the last 65 samples; let go exponentially (80 ms); averaged over 45
samples. So the gain stands still over the 10 samples to each side that the oversampling of a peak reaches, and what is
between the samples is lowered as they are.

Two ceilings are held, the lower one counts: -1 dBTP if the limiter is on, and always the level in dB SPL that the user
has set for what leaves the page (:mod:`cadenza_core.hearing.safety`).
"""

import functools
import math

import numpy as np
import scipy.signal
from scipy.ndimage import minimum_filter1d

__all__ = ["CEILING", "limit"]

LOOKAHEAD = 64
CEILING = 10.0 ** (-1.0 / 20.0)
RELEASE = 0.08
#: Samples to each side of a value between the samples that it is computed from: those of :func:`~..audio.levels.measure`.
REACH = 10
_OVERSAMPLING = 4
#: What is above the ceiling is brought this much below it, for the moving gain disturbs the values between the samples: by
#: 0.001 dB at most on noise, clicks, bursts and tones up to 20 kHz at any level.
_MARGIN = 10.0 ** (-0.01 / 20.0)
#: A gain that is nearer to 1 than this is 1, as in the worklet.
_DONE = 1e-6


def limit(samples: np.ndarray, rate: int, ceiling: float = CEILING) -> tuple[np.ndarray, float]:
    """Limit a signal.

    Parameters
    ----------
    samples : np.ndarray [shape=(2, n)]
    rate : int
        Sample rate, Hz.
    ceiling : float > 0
        Highest true peak, full scale 1.0.

    Returns
    -------
    np.ndarray [shape=(2, n)]
        In time with the input: the worklet's delay of 64 samples is taken out. The very input where nothing exceeds the
        ceiling.
    float
        Deepest gain reduction, dB; 0 if it did nothing.
    """
    count = samples.shape[1]
    peak = np.max([_true_peaks(channel) for channel in samples], axis=0)
    if not (peak > ceiling).any():
        return samples, 0.0
    # 64 samples more at the end, so that the last ones are averaged as the worklet averages them.
    need = np.ones(count + LOOKAHEAD)
    need[:count] = np.where(peak > ceiling, _MARGIN * ceiling / np.maximum(peak, ceiling), 1.0)
    held = minimum_filter1d(need, LOOKAHEAD + 1, origin=LOOKAHEAD // 2, mode="constant", cval=1.0)
    envelope = _release(held, math.exp(-1.0 / (RELEASE * rate)))
    # In the worklet, the need of a sample is known 10 samples after it; the average then belongs to the sample 64 ago.
    sums = np.concatenate([[0.0], np.cumsum(envelope)])
    first = np.arange(count) + REACH
    average = (sums[first + LOOKAHEAD - 2 * REACH + 1] - sums[first]) / (LOOKAHEAD - 2 * REACH + 1)
    gain = np.minimum(1.0, average)
    return samples * gain, -20.0 * math.log10(float(gain.min()))


def _true_peaks(channel: np.ndarray) -> np.ndarray:
    """Give the largest magnitude from each sample to the next."""
    fine = scipy.signal.upfirdn(_interpolator(), channel, _OVERSAMPLING)[_OVERSAMPLING * REACH :]
    between = np.abs(fine[: _OVERSAMPLING * channel.size]).reshape(-1, _OVERSAMPLING)[:, 1:].max(axis=1)
    return np.maximum(between, np.abs(channel))


@functools.cache
def _interpolator() -> np.ndarray:
    """Give the filter of :func:`~..audio.levels.measure`: SciPy's default for fourfold resampling [shape=(81,)]."""
    taps: np.ndarray = _OVERSAMPLING * scipy.signal.firwin(
        2 * _OVERSAMPLING * REACH + 1, 1.0 / _OVERSAMPLING, window=("kaiser", 5.0)
    )
    return taps


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
