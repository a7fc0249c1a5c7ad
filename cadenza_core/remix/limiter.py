"""The mixer's limiter, sample for sample: what `assets/mixer/limiter.worklet.js` does, for exports.

Look-ahead, both ears together, by true peak: for each sample, the gain that brings the louder ear there, and the wave
between it and the next sample (four times oversampled, as :func:`cadenza_core.audio.measure` does), to the ceiling; its
minimum over 87 samples; let go exponentially (80 ms); averaged over 65 samples. So the gain is at its lowest for ten samples
on either side of a peak, which is as far as the interpolation reaches, and the true peak stays at or below -1 dBTP.
"""

import math

import numpy as np
import scipy

__all__ = ["CEILING", "interpolation", "limit"]

CEILING = 10.0 ** (-1.0 / 20.0)
RELEASE = 0.08
#: The gain is made for that much less, dB: it moves a little while the interpolation reaches over a peak.
MARGIN_DB = 0.05
OVERSAMPLING = 4
REACH = 10  # samples that the interpolation looks to either side
AVERAGE = 65
HELD = AVERAGE + 2 * REACH + 2
#: The worklet's delay, samples.
LOOKAHEAD = AVERAGE - 1 + 2 * REACH
#: A gain that is nearer to 1 than this is 1, as in the worklet.
_DONE = 1e-6


def interpolation() -> np.ndarray:
    """Give the filters for the values at a quarter, a half and three quarters between two samples.

    Returns
    -------
    np.ndarray [shape=(3, 20)]
        Factors for the samples from ten after the first one to nine before it: `scipy.signal.resample_poly`'s own filter.
    """
    half = REACH * OVERSAMPLING
    filter_ = OVERSAMPLING * scipy.signal.firwin(2 * half + 1, 1.0 / OVERSAMPLING, window=("kaiser", 5.0))
    return np.stack([filter_[phase::OVERSAMPLING][: 2 * REACH] for phase in range(1, OVERSAMPLING)])


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
        In time with the input: the worklet's delay of 84 samples is taken out.
    float
        Deepest gain reduction, dB; 0 if it did nothing.
    """
    peak = _peaks(samples)
    if not (peak > CEILING).any():
        return samples, 0.0
    count = samples.shape[1]
    target = CEILING * 10.0 ** (-MARGIN_DB / 20.0)
    # Index: the moment at which the worklet knows a peak. What follows the last one is averaged as the worklet averages it.
    need = np.ones(count + LOOKAHEAD + REACH)
    need[: peak.size] = np.where(peak > CEILING, target / np.maximum(peak, CEILING), 1.0)
    held = scipy.ndimage.minimum_filter1d(need, HELD, origin=HELD // 2, mode="constant", cval=1.0)
    envelope = _release(held, math.exp(-1.0 / (RELEASE * rate)))
    # The average of the last 65 belongs to the sample 84 ago.
    average = scipy.ndimage.uniform_filter1d(envelope, AVERAGE, origin=-(AVERAGE // 2), mode="constant", cval=1.0)
    gain = np.minimum(1.0, average[LOOKAHEAD - AVERAGE + 1 :][:count])
    return samples * gain, -20.0 * math.log10(float(gain.min()))


def _peaks(samples: np.ndarray) -> np.ndarray:
    """Give, for each moment, the peak of the sample ten before and of the wave from there to the next [shape=(n + 19,)]."""
    highest = np.zeros(samples.shape[1] + 2 * REACH - 1)
    for ear in samples:
        highest[REACH : REACH + ear.size] = np.maximum(highest[REACH : REACH + ear.size], np.abs(ear))
        if np.abs(ear).max(initial=0.0) < 0.4 * CEILING:  # no wave through samples this small comes near the ceiling
            continue
        for phase in interpolation():
            np.maximum(highest, np.abs(np.convolve(ear, phase)), out=highest)
    return highest


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
