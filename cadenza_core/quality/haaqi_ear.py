"""HAAQI's ear, stage by stage: resampling, alignment, NAL-R, middle ear, gammatone filters, compression.

The first stages work on whole signals with SciPy; from the gammatone filters on, sixteen bands at a time go through one
loop over the samples (:mod:`.haaqi_simd`).
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from clarity.enhancer.nalr import NALR
from clarity.utils.audiogram import Audiogram
from numba import njit
from scipy.signal import butter, cheby2, lfilter, oaconvolve, resample_poly

from .haaqi_constants import AUDIOGRAM_FREQUENCIES, RATE, delay_filter
from .haaqi_simd import LANES, exp2, load, log2, maximum, minimum, sqrt, store, total, zero

__all__ = ["OPTIONS", "add_nalr", "compress", "control_power", "input_align", "middle_ear", "resample_24khz"]

#: How every kernel is compiled: without the interpreter's lock, cached on disk, a*b+c in one instruction.
OPTIONS = {"cache": True, "nogil": True, "fastmath": {"contract"}}

#: Added to every sample: keeps a decaying filter out of the slow denormal numbers; 340 dB below the signal.
_FLOOR = np.float32(1e-17)
_DELAY_POLE = np.float32(delay_filter()[1])
#: 10 log10(2)
_DB_OF_LOG2 = np.float32(10 * np.log10(2.0))
_HIGH_KNEE = np.float32(100.0)
_CHUNK = 64


def resample_24khz(signal: np.ndarray, rate: float) -> np.ndarray:
    """Resample to 24 kHz and keep the RMS, as the reference does: rates are rounded to whole kHz.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
    rate : float > 0
        Hz.
    """
    target, source = round(RATE / 1000), float(np.round(rate / 1000))
    if source == target:
        return signal
    resampled = resample_poly(signal, target, source)
    if source < target:
        return (_rms(signal) / _rms(resampled)) * resampled
    # match the levels within 10.5 kHz, where the ear's filters are
    before = lfilter(*cheby2(7, 30, 21 / source), signal)
    after = lfilter(*cheby2(7, 30, 21 / target), resampled)
    return (_rms(before) / _rms(after)) * resampled


def _rms(signal: np.ndarray) -> float:
    return np.sqrt(np.mean(signal**2))


def input_delay(reference: np.ndarray, processed: np.ndarray) -> int:
    """Give the delay of the processed signal, samples, less 2 ms: where the cross-correlation's magnitude is largest."""
    n = len(reference)
    x, y = reference - np.mean(reference), processed - np.mean(processed)
    size = scipy.fft.next_fast_len(2 * n - 1, real=True)
    spectrum = scipy.fft.rfft(x, size)
    spectrum *= np.conj(scipy.fft.rfft(y, size))
    correlation = np.abs(scipy.fft.irfft(spectrum, size))
    # the reference's order is from lag -(n - 1) up; of equal ones the first is taken
    negative, positive = correlation[size - n + 1 :], correlation[:n]
    lag = int(np.argmax(positive))
    if n > 1:
        lowest = int(np.argmax(negative))
        if negative[lowest] >= positive[lag]:
            lag = lowest - (n - 1)
    return -lag - round(2 * RATE / 1000)


def input_align(reference: np.ndarray, processed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Align two signals of one length roughly and cut them to where the reference is above -60 dB of its peak.

    Raises
    ------
    IndexError
        If the reference is silent.
    """
    delay = input_delay(reference, processed)
    if delay > 0:
        processed = np.concatenate((processed[delay:], np.zeros(delay)))
    else:
        processed = np.concatenate((np.zeros(-delay), processed[: len(processed) + delay]))
    magnitude = np.abs(reference)
    loud = magnitude > 0.001 * np.max(magnitude)
    first = int(np.argmax(loud))
    if not loud[first]:
        raise IndexError("the reference is silent")
    stop = len(loud) - int(np.argmax(loud[::-1]))
    return reference[first:stop], processed[first:stop]


def add_nalr(reference: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Amplify the reference with NAL-R for `levels` (dB HL at `AUDIOGRAM_FREQUENCIES`)."""
    taps = 140
    fir, _ = NALR(taps, RATE).build(Audiogram(levels=levels, frequencies=AUDIOGRAM_FREQUENCIES))
    # the slice starts at twice the filter's delay; the numbers of the index were found with it
    return oaconvolve(reference, fir)[taps : taps + len(reference)]


@lru_cache(1)
def _middle_ear_filters() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    return butter(1, 5000 / (0.5 * RATE)), butter(2, 350 / (0.5 * RATE), "high")


def middle_ear(signal: np.ndarray) -> np.ndarray:
    """Filter with a low pass at 5 kHz (first order) and a high pass at 350 Hz (second order)."""
    low, high = _middle_ear_filters()
    return lfilter(*high, lfilter(*low, signal))


@njit(**OPTIONS)
def control_power(x, table, power):
    """Sum the squared envelope of one group's control filters.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
        After the middle ear.
    table : np.ndarray [shape=(6 * LANES,)], float32
        See `gammatone_table`.
    power : np.ndarray [shape=(LANES,)], float64
        The sum is added to it; without the filters' gain.
    """
    pr, pi = load(table, 0), load(table, LANES)
    t1r, t1i, t2r, t2i = load(table, 2 * LANES), load(table, 3 * LANES), load(table, 4 * LANES), load(table, 5 * LANES)
    ar, ai, br, bi, cr, ci, dr, di = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    x1 = x2 = np.float32(0)
    for start in range(0, x.size, _CHUNK):
        power_here = zero()
        for n in range(start, min(start + _CHUNK, x.size)):
            x0 = x[n] + _FLOOR
            ur, ui = t1r * x1 + t2r * x2 + x0, t1i * x1 + t2i * x2
            x2, x1 = x1, x0
            ar, ai = pr * ar - pi * ai + ur, pr * ai + pi * ar + ui
            br, bi = pr * br - pi * bi + ar, pr * bi + pi * br + ai
            cr, ci = pr * cr - pi * ci + br, pr * ci + pi * cr + bi
            dr, di = pr * dr - pi * di + cr, pr * di + pi * dr + ci
            power_here = power_here + (dr * dr + di * di)
        total(power, power_here)


@njit(**OPTIONS)
def compress(x, control_table, table, compression, envelope, motion, front, power):
    """Filter one group's bands, compress them by the outer hair cells' gain.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
    control_table, table : np.ndarray [shape=(6 * LANES,)], float32
        Filters of the control and the signal path.
    compression : np.ndarray [shape=(5 * LANES,)], float32
        See `compression_table`.
    envelope, motion : np.ndarray [shape=((front + n + ...) * LANES,)], float32
        Out: sample n of band k stands at ``(front + n) * LANES + k``.
    power : np.ndarray [shape=(LANES,)], float64
        Out: the squared envelope before compression is added, without the filters' gain.
    """
    kr, ki = load(control_table, 0), load(control_table, LANES)
    k1r, k1i = load(control_table, 2 * LANES), load(control_table, 3 * LANES)
    k2r, k2i = load(control_table, 4 * LANES), load(control_table, 5 * LANES)
    pr, pi = load(table, 0), load(table, LANES)
    t1r, t1i, t2r, t2i = load(table, 2 * LANES), load(table, 3 * LANES), load(table, 4 * LANES), load(table, 5 * LANES)
    level, low_knee = load(compression, 0), load(compression, LANES)
    slope, offset, tap = load(compression, 2 * LANES), load(compression, 3 * LANES), load(compression, 4 * LANES)
    ar, ai, br, bi, cr, ci, dr, di = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    er, ei, fr, fi, gr, gi, hr, hi = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    gain, delayed = zero(), zero()
    x1 = x2 = np.float32(0)
    for start in range(0, x.size, _CHUNK):
        power_here = zero()
        for n in range(start, min(start + _CHUNK, x.size)):
            x0 = x[n] + _FLOOR
            ur, ui = k1r * x1 + k2r * x2 + x0, k1i * x1 + k2i * x2
            ar, ai = kr * ar - ki * ai + ur, kr * ai + ki * ar + ui
            br, bi = kr * br - ki * bi + ar, kr * bi + ki * br + ai
            cr, ci = kr * cr - ki * ci + br, kr * ci + ki * cr + bi
            dr, di = kr * dr - ki * di + cr, kr * di + ki * dr + ci
            ur, ui = t1r * x1 + t2r * x2 + x0, t1i * x1 + t2i * x2
            er, ei = pr * er - pi * ei + ur, pr * ei + pi * er + ui
            fr, fi = pr * fr - pi * fi + er, pr * fi + pi * fr + ei
            gr, gi = pr * gr - pi * gi + fr, pr * gi + pi * gr + fi
            hr, hi = pr * hr - pi * hi + gr, pr * hi + pi * hr + gi
            x2, x1 = x1, x0
            decibels = maximum(minimum(log2(dr * dr + di * di) * _DB_OF_LOG2 + level, _HIGH_KNEE), low_knee)
            previous, gain = gain, exp2(offset - (decibels - low_knee) * slope) * tap
            delayed = delayed * _DELAY_POLE + (gain + previous)
            magnitude = hr * hr + hi * hi
            power_here = power_here + magnitude
            store(envelope, (front + n) * LANES, delayed * sqrt(magnitude))
            store(motion, (front + n) * LANES, delayed * hr)
        total(power, power_here)
