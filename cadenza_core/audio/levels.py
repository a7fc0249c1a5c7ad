"""Measure a result: peak, true peak, loudness, clipped samples.

True peak after ITU-R BS.1770-5, Annex 2 (four times oversampled); integrated loudness after BS.1770-4 by pyloudnorm.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import scipy.signal

__all__ = ["Levels", "decibels", "measure"]

_OVERSAMPLING = 4
_BLOCK = 1 << 18  # samples oversampled at once, so that a long song needs no copy of four times its size
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
        Integrated loudness, LUFS; -inf for silence, NaN for less than 0.4 s, which BS.1770 does not define.
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
    magnitude = np.abs(samples)
    peak = float(magnitude.max(initial=0.0))
    full_scale = 32767 / 32768  # the largest positive value that 16 bit can hold
    clipped = int(np.count_nonzero(magnitude >= full_scale))
    return Levels(decibels(peak), decibels(_true_peak(samples, peak)), _loudness(samples, rate), clipped)


def decibels(factor: float) -> float:
    """Give ``20 log10(factor)``; -inf for 0."""
    return 20.0 * math.log10(factor) if factor > 0 else -math.inf


def _true_peak(samples: np.ndarray, peak: float) -> float:
    highest = peak
    for channel in samples:
        padded = np.pad(channel, _CONTEXT)
        for start in range(0, len(channel), _BLOCK):
            block = padded[start : start + _BLOCK + 2 * _CONTEXT]
            fine = scipy.signal.resample_poly(block, _OVERSAMPLING, 1)
            inner = fine[_OVERSAMPLING * _CONTEXT : len(fine) - _OVERSAMPLING * _CONTEXT]
            highest = max(highest, float(np.max(np.abs(inner), initial=0.0)))
    return highest


def _loudness(samples: np.ndarray, rate: int) -> float:
    import pyloudnorm

    meter = pyloudnorm.Meter(rate)
    if samples.shape[1] < meter.block_size * rate:
        return math.nan
    if not samples.any():
        return -math.inf
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")  # pyloudnorm warns of blocks of silence
        return float(meter.integrated_loudness(samples.T.astype(np.float64)))
