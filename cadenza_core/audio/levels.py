"""Measure a result: peak, true peak, loudness, clipped samples.

True peak after ITU-R BS.1770-5, Annex 2 (four times oversampled); integrated loudness by pyloudnorm's
default meter (BS.1770-4, within 0.1 LU of the standard's own coefficients), which the ICASSP 2024 recipe uses as well.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import scipy

__all__ = ["Levels", "decibels", "measure"]

_OVERSAMPLING = 4
_BLOCK = 1 << 18  # samples worked on at once
_CONTEXT = 64  # samples on each side of a block: more than the interpolation filter reaches


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
    import pyloudnorm

    meter = pyloudnorm.Meter(rate)
    if samples.shape[1] < meter.block_size * rate:
        return math.nan
    if not samples.any():
        return -math.inf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")  # pyloudnorm takes the mean of no blocks where all are below the gate
        loudness = float(meter.integrated_loudness(samples.T.astype(np.float64)))
    return -math.inf if math.isnan(loudness) else loudness
