"""HAAQI's ear, stage by stage: resampling, alignment, NAL-R, middle ear, gammatone filters, compression.

The first stages work on whole signals with SciPy; from the gammatone filters on, sixteen bands at a time go through one
loop over the samples (:mod:`.haaqi_simd`).
"""

from functools import lru_cache

import numpy as np
import scipy
from clarity.utils.audiogram import Audiogram

from .haaqi_compile import kernel
from .haaqi_constants import AUDIOGRAM_FREQUENCIES, RATE, delay_filter
from .haaqi_simd import LANES, exp2, load, log2, maximum, minimum, sqrt, store, total, zero

__all__ = ["STATE", "add_nalr", "compress", "control_power", "input_align", "middle_ear", "resample_24khz"]

#: Added to every sample: keeps a decaying filter out of the slow denormal numbers. Below the 1e-30 that pyclarity adds to
#: envelopes before it divides by them, for where an envelope is less, the motion is not scaled.
_FLOOR = np.float32(1e-33)
_DELAY_POLE = np.float32(delay_filter()[1])
#: 10 log10(2)
_DB_OF_LOG2 = np.float32(10 * np.log10(2.0))
_UP, _DOWN, _LARGE = np.float32(2.0**60), np.float32(2.0**-60), np.float32(3e38)
_HIGH_KNEE = np.float32(100.0)
_CHUNK = 64
#: Vectors of state that `compress` keeps.
STATE = 18


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
    resampled = scipy.signal.resample_poly(signal, target, source)
    if source < target:
        return (_rms(signal) / _rms(resampled)) * resampled
    # match the levels within 10.5 kHz, where the ear's filters are
    before = scipy.signal.lfilter(*scipy.signal.cheby2(7, 30, 21 / source), signal)
    after = scipy.signal.lfilter(*scipy.signal.cheby2(7, 30, 21 / target), resampled)
    return (_rms(before) / _rms(after)) * resampled


def _rms(signal: np.ndarray) -> float:
    return np.sqrt(np.mean(signal**2))


def input_delay(reference: np.ndarray, processed: np.ndarray) -> int:
    """Give the delay of the processed signal, samples, less 2 ms: where the cross-correlation's magnitude is largest.

    All lags are computed in float32, and those again that come near the largest; of equal ones the largest delay.
    """
    n = len(reference)
    x, y = (np.asarray(signal, np.float64) - np.mean(signal) for signal in (reference, processed))
    # no BLAS here: its threads would make the sums depend on their number
    norm = float(np.sqrt(np.sum(x * x)) * np.sqrt(np.sum(y * y)))
    if norm == 0.0:
        lag = 1 - n
    else:
        correlation = np.abs(_correlation(x, y, np.float32))
        near = np.flatnonzero(correlation >= correlation.max() - _NEAR * norm) - (n - 1)
        if len(near) <= _MANY:
            lags = [int(k) for k in near]
            exact = [abs(np.sum(x[max(k, 0) : n + min(k, 0)] * y[max(-k, 0) : n - max(k, 0)])) for k in lags]
            lag = lags[int(np.argmax(exact))]
        else:
            lag = int(np.argmax(np.abs(_correlation(x, y, np.float64)))) - (n - 1)
    return -lag - round(2 * RATE / 1000)


#: How near to the largest correlation another may be to be looked at again, relative to both norms' product; the error
#: of the transform in float32 is below a tenth of it. And how many are.
_NEAR, _MANY = 1e-6, 64


def _correlation(x: np.ndarray, y: np.ndarray, dtype: type) -> np.ndarray:
    """Correlate at all lags, from ``1 - len(x)`` up, as `scipy.signal.correlate` orders them."""
    n = len(x)
    size = scipy.fft.next_fast_len(2 * n - 1, real=True)
    spectrum = scipy.fft.rfft((x / np.max(np.abs(x))).astype(dtype), size)
    spectrum *= np.conj(scipy.fft.rfft((y / np.max(np.abs(y))).astype(dtype), size))
    circular = scipy.fft.irfft(spectrum, size)
    scale = np.max(np.abs(x)) * np.max(np.abs(y))
    return scale * np.concatenate((circular[size - n + 1 :], circular[:n]))


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
    from clarity.enhancer.nalr import NALR  # brings scipy.signal: a second of a start

    taps = 140
    fir, _ = NALR(taps, RATE).build(Audiogram(levels=levels, frequencies=AUDIOGRAM_FREQUENCIES))
    # the slice starts at twice the filter's delay; the numbers of the index were found with it
    return scipy.signal.oaconvolve(reference, fir)[taps : taps + len(reference)]


@lru_cache(1)
def _middle_ear_filters() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    return scipy.signal.butter(1, 5000 / (0.5 * RATE)), scipy.signal.butter(2, 350 / (0.5 * RATE), "high")


def middle_ear(signal: np.ndarray) -> np.ndarray:
    """Filter with a low pass at 5 kHz (first order) and a high pass at 350 Hz (second order)."""
    low, high = _middle_ear_filters()
    return scipy.signal.lfilter(*high, scipy.signal.lfilter(*low, signal))


@kernel
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


@kernel
def compress(x, start, stop, tables, state, envelope, motion, at, power):
    """Filter one group's bands and compress them by the outer hair cells' gain, from sample `start` to `stop`.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
        After the middle ear; beyond its end the outputs are zero.
    tables : np.ndarray [shape=(17 * LANES,)], float32
        `gammatone_table` of the control path, of the signal path, and `compression_table`.
    state : np.ndarray [shape=(STATE * LANES,)], float32
        Of the filters: zeros before the first sample; advanced.
    envelope, motion : np.ndarray [shape=(... * LANES,)], float32
        Out: sample `start` of band k stands at ``at * LANES + k``.
    power : np.ndarray [shape=(LANES,)], float64
        Out: the squared envelope before compression is added, without the filters' gain.
    """
    kr, ki = load(tables, 0), load(tables, LANES)
    k1r, k1i = load(tables, 2 * LANES), load(tables, 3 * LANES)
    k2r, k2i = load(tables, 4 * LANES), load(tables, 5 * LANES)
    pr, pi = load(tables, 6 * LANES), load(tables, 7 * LANES)
    t1r, t1i = load(tables, 8 * LANES), load(tables, 9 * LANES)
    t2r, t2i = load(tables, 10 * LANES), load(tables, 11 * LANES)
    level, low_knee, slope = load(tables, 12 * LANES), load(tables, 13 * LANES), load(tables, 14 * LANES)
    offset, tap = load(tables, 15 * LANES), load(tables, 16 * LANES)
    ar, ai, br, bi = load(state, 0), load(state, LANES), load(state, 2 * LANES), load(state, 3 * LANES)
    cr, ci, dr, di = load(state, 4 * LANES), load(state, 5 * LANES), load(state, 6 * LANES), load(state, 7 * LANES)
    er, ei, fr, fi = load(state, 8 * LANES), load(state, 9 * LANES), load(state, 10 * LANES), load(state, 11 * LANES)
    gr, gi, hr, hi = load(state, 12 * LANES), load(state, 13 * LANES), load(state, 14 * LANES), load(state, 15 * LANES)
    gain, delayed = load(state, 16 * LANES), load(state, 17 * LANES)
    end = max(start, min(stop, x.size))
    x1 = x[start - 1] + _FLOOR if 0 < start <= x.size else np.float32(0)
    x2 = x[start - 2] + _FLOOR if 1 < start <= x.size else np.float32(0)
    for chunk in range(start, end, _CHUNK):
        power_here = zero()
        for n in range(chunk, min(chunk + _CHUNK, end)):
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
            # the square of what is below 1e-19 is zero, but not if it is scaled first
            sr, si = hr * _UP, hi * _UP
            root = maximum(sqrt(magnitude), sqrt(minimum(sr * sr + si * si, _LARGE)) * _DOWN)
            store(envelope, (at + n - start) * LANES, delayed * root)
            store(motion, (at + n - start) * LANES, delayed * hr)
        total(power, power_here)
    envelope[(at + end - start) * LANES : (at + stop - start) * LANES] = 0
    motion[(at + end - start) * LANES : (at + stop - start) * LANES] = 0
    store(state, 0, ar), store(state, LANES, ai), store(state, 2 * LANES, br), store(state, 3 * LANES, bi)
    store(state, 4 * LANES, cr), store(state, 5 * LANES, ci), store(state, 6 * LANES, dr), store(state, 7 * LANES, di)
    store(state, 8 * LANES, er), store(state, 9 * LANES, ei), store(state, 10 * LANES, fr), store(state, 11 * LANES, fi)
    store(state, 12 * LANES, gr), store(state, 13 * LANES, gi), store(state, 14 * LANES, hr)
    store(state, 15 * LANES, hi), store(state, 16 * LANES, gain), store(state, 17 * LANES, delayed)
