"""Measure a result: peak, true peak, loudness, clipped samples.

True peak after ITU-R BS.1770-5, Annex 2 (four times oversampled); integrated loudness after its Annex 1, with pyloudnorm's
filters. A long song is measured in blocks: little memory is needed.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.signal

__all__ = ["Levels", "decibels", "measure"]

_OVERSAMPLING = 4
_BLOCK = 1 << 18  # samples worked on at once
_CONTEXT = 64  # samples on each side of a block: more than the interpolation filter reaches
_HOPS = 4  # a gating block of 0.4 s begins every 0.1 s
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = 0.1  # of the mean power above the absolute gate: -10 LU

#: Gain (dB), Q and frequency (Hz) of the K-weighting's two stages: De Man 2018, "Evaluation of implementations of the EBU
#: R128 loudness measurement"; they give BS.1770's own coefficients at 48 kHz, and the same filter at other rates.
_SHELF = (3.99984385397, 0.7071752369554193, 1681.9744509555319)
_HIGH_PASS = (0.0, 0.5003270373253953, 38.13547087613982)


@dataclass(frozen=True)
class Levels:
    """Levels of one signal.

    Parameters
    ----------
    peak : float
        Largest sample, dB FS; -inf for silence.
    true_peak : float
        Largest value between the samples as well, dB TP.
    loudness : float
        Integrated loudness, LUFS; -inf for what is never above -70 LUFS, NaN for less than 0.4 s: BS.1770 does not define it.
    clipped : int
        Samples at or beyond full scale, all channels together.
    """

    peak: float
    true_peak: float
    loudness: float
    clipped: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Give plain numbers for JSON: None stands for what is not a finite number."""
        numbers = {"peak_dbfs": self.peak, "true_peak_dbtp": self.true_peak, "loudness_lufs": self.loudness}
        finite = {name: round(value, 3) if math.isfinite(value) else None for name, value in numbers.items()}
        return {**finite, "clipped_samples": self.clipped}


def measure(samples: np.ndarray, rate: int) -> Levels:
    """Measure a signal.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n)], full scale 1.0
    rate : int
        Sample rate, Hz.

    Returns
    -------
    Levels
    """
    peak = float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))
    full_scale = 32767 / 32768  # the largest positive value that 16 bit can hold
    clipped = int(np.count_nonzero(samples >= full_scale)) + int(np.count_nonzero(samples <= -full_scale))
    return Levels(decibels(peak), decibels(_true_peak(samples, peak)), _loudness(samples, rate), clipped)


def decibels(factor: float) -> float:
    """Give ``20 log10(factor)``; -inf for 0."""
    return 20.0 * math.log10(factor) if factor > 0 else -math.inf


def _true_peak(samples: np.ndarray, peak: float) -> float:
    highest = peak
    for channel in samples:
        for start in range(0, len(channel), _BLOCK):
            first = max(0, start - _CONTEXT)
            fine = scipy.signal.resample_poly(channel[first : start + _BLOCK + _CONTEXT], _OVERSAMPLING, 1)
            inner = fine[_OVERSAMPLING * (start - first) :][: _OVERSAMPLING * _BLOCK]
            highest = max(highest, float(inner.max()), -float(inner.min()))
    return highest


def _loudness(samples: np.ndarray, rate: int) -> float:
    hops = _weighted_power(samples, rate)
    if len(hops) < _HOPS:
        return math.nan
    power = np.convolve(hops, np.full(_HOPS, 1 / _HOPS), "valid")  # of each gating block
    loud = power[power > 10.0 ** ((_ABSOLUTE_GATE + 0.691) / 10.0)]
    if len(loud) == 0:
        return -math.inf
    return -0.691 + 10.0 * math.log10(loud[loud > _RELATIVE_GATE * loud.mean()].mean())


def _weighted_power(samples: np.ndarray, rate: int) -> np.ndarray:
    """Give the K-weighted mean square of each whole 0.1 s, summed over the channels (left and right weigh 1)."""
    from pyloudnorm.iirfilter import IIRfilter

    hop = rate / 10
    edges = np.round(np.arange(int(samples.shape[1] / hop + 1e-9) + 1) * hop).astype(int)
    filters = [IIRfilter(*_SHELF, rate, "high_shelf_DeMan"), IIRfilter(*_HIGH_PASS, rate, "high_pass_DeMan")]
    states = [np.zeros((len(samples), 2)) for _ in filters]
    power = np.zeros(len(edges) - 1)
    step = max(1, int(_BLOCK / hop))
    for first in range(0, len(power), step):
        inside = edges[first : first + step + 1]
        weighted = samples[:, inside[0] : inside[-1]].astype(np.float64)
        for index, one in enumerate(filters):
            weighted, states[index] = scipy.signal.lfilter(one.b, one.a, weighted, axis=1, zi=states[index])
            weighted *= one.passband_gain
        energy = np.add.reduceat(np.square(weighted).sum(axis=0), inside[:-1] - inside[0])
        power[first : first + step] = energy / np.diff(inside)
    return power
