"""Alignment of each band's processed envelope and basilar-membrane motion to the reference's, within 100 ms.

The cross-correlation at 4800 lags is computed with a fast Fourier transform of blocks, for sixteen bands at once: the
reference's block is the real part and the processed one the imaginary part of a single complex transform, and the cross
spectra of all blocks are added up. The signals are filtered block by block as the transform needs them, so that
neither is ever in memory as a whole.
"""

import numpy as np
import scipy

from .haaqi_compile import kernel
from .haaqi_ear import STATE, compress
from .haaqi_simd import LANES, load, store

__all__ = ["RANGE", "band_delays", "cross_spectra", "delays_from"]

#: Largest delay that is looked for, samples (100 ms).
RANGE = 2400
#: Length of the transform, and of the reference in each.
SIZE = 16384
HOP = SIZE - 2 * RANGE


def _digit_reversed() -> np.ndarray:
    """Give where each frequency stands after the radix-4 transform in place."""
    place = np.zeros(1, np.int64)
    while place.size < SIZE:
        m = place.size
        # frequency r + 4 k stands in quarter r, at the place of k in the shorter transform
        place = (np.arange(4)[None, :] * m + place[:, None]).reshape(-1)
    return place


_PLACE = _digit_reversed()
_TURNS = np.exp(-2j * np.pi * np.arange(SIZE) / SIZE)
_COS, _SIN = _TURNS.real.astype(np.float32), _TURNS.imag.astype(np.float32)


@kernel
def _butterflies(source_re, source_im, re, im, first, length, cosine, sine):
    """Do one stage of a radix-4 transform (decimation in frequency) on the `length` vectors from `first` on."""
    quarter, stride = length // 4, SIZE // length
    for j in range(quarter):
        p0 = (first + j) * LANES
        p1, p2, p3 = p0 + quarter * LANES, p0 + 2 * quarter * LANES, p0 + 3 * quarter * LANES
        ar, ai, br, bi = load(source_re, p0), load(source_im, p0), load(source_re, p1), load(source_im, p1)
        cr, ci, dr, di = load(source_re, p2), load(source_im, p2), load(source_re, p3), load(source_im, p3)
        sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
        ur, ui, vr, vi = br + dr, bi + di, bi - di, dr - br
        w1r, w1i = cosine[j * stride], sine[j * stride]
        w2r, w2i = cosine[2 * j * stride], sine[2 * j * stride]
        w3r, w3i = cosine[3 * j * stride], sine[3 * j * stride]
        store(re, p0, sr + ur)
        store(im, p0, si + ui)
        yr, yi = tr + vr, ti + vi
        store(re, p1, yr * w1r - yi * w1i)
        store(im, p1, yr * w1i + yi * w1r)
        yr, yi = sr - ur, si - ui
        store(re, p2, yr * w2r - yi * w2i)
        store(im, p2, yr * w2i + yi * w2r)
        yr, yi = tr - vr, ti - vi
        store(re, p3, yr * w3r - yi * w3i)
        store(im, p3, yr * w3i + yi * w3r)


@kernel
def _transform(x, y, re, im, cosine, sine):
    """Transform x + iy; the frequencies come out digit-reversed. Finishes a part that fits the cache before the next."""
    _butterflies(x, y, re, im, 0, SIZE, cosine, sine)
    for outer in range(0, SIZE, SIZE // 4):
        _butterflies(re, im, re, im, outer, SIZE // 4, cosine, sine)
        for inner in range(outer, outer + SIZE // 4, SIZE // 16):
            length = SIZE // 16
            while length >= 4:
                for first in range(inner, inner + SIZE // 16, length):
                    _butterflies(re, im, re, im, first, length, cosine, sine)
                length //= 4


@kernel
def _add_cross_spectrum(re, im, place, sum_re, sum_im):
    """Add conj(X) Y of the transform Z = X + iY of a pair of real blocks (times 4)."""
    half = np.float32(2.0)
    for k in range(SIZE // 2 + 1):
        p, q = place[k] * LANES, place[(SIZE - k) % SIZE] * LANES
        ar, ai, cr, ci = load(re, p), load(im, p), load(re, q), load(im, q)
        store(sum_re, k * LANES, load(sum_re, k * LANES) + (ar * ci + ai * cr) * half)
        store(sum_im, k * LANES, load(sum_im, k * LANES) + ((cr * cr + ci * ci) - (ar * ar + ai * ai)))


@kernel
def cross_spectra(x, y, x_tables, y_tables, constants, sums, x_power, y_power):
    """Filter both signals in one group's bands; give the cross spectra of their envelopes and of their motions.

    Parameters
    ----------
    x, y : np.ndarray [shape=(n,)], float32
        Reference and processed signal after the middle ear.
    x_tables, y_tables : np.ndarray
        See `compress`.
    constants : tuple of np.ndarray
        Cosine, sine, places of frequencies.
    sums : np.ndarray [shape=(4, (SIZE // 2 + 1) * LANES)], float32
        Out: real and imaginary part for envelopes, for motions.
    x_power, y_power : np.ndarray [shape=(LANES,)], float64
        Out: see `compress`.
    """
    cosine, sine, place = constants
    x_state, y_state = np.zeros(STATE * LANES, np.float32), np.zeros(STATE * LANES, np.float32)
    x_envelope, x_motion = np.zeros(SIZE * LANES, np.float32), np.zeros(SIZE * LANES, np.float32)
    y_envelope, y_motion = np.zeros(SIZE * LANES, np.float32), np.zeros(SIZE * LANES, np.float32)
    re, im = np.empty(SIZE * LANES, np.float32), np.empty(SIZE * LANES, np.float32)
    known = 2 * RANGE
    compress(y, 0, RANGE, y_tables, y_state, y_envelope, y_motion, RANGE, y_power)
    for start in range(0, x.size, HOP):
        compress(x, start, start + HOP, x_tables, x_state, x_envelope, x_motion, 0, x_power)
        first = start + RANGE
        compress(y, first, first + HOP, y_tables, y_state, y_envelope, y_motion, known, y_power)
        _transform(x_envelope, y_envelope, re, im, cosine, sine)
        _add_cross_spectrum(re, im, place, sums[0], sums[1])
        _transform(x_motion, y_motion, re, im, cosine, sine)
        _add_cross_spectrum(re, im, place, sums[2], sums[3])
        for i in range(0, known * LANES, LANES):
            store(y_envelope, i, load(y_envelope, HOP * LANES + i))
            store(y_motion, i, load(y_motion, HOP * LANES + i))


def delays_from(spectrum: np.ndarray) -> np.ndarray:
    """Give each band's delay, samples, from the cross spectrum (SIZE // 2 + 1, LANES): where the correlation is largest.

    Of equal ones the largest delay.
    """
    correlation = scipy.fft.irfft(spectrum, SIZE, axis=0)[: 2 * RANGE]
    return RANGE - 1 - np.argmax(correlation[::-1], axis=0)


def band_delays(
    x: np.ndarray, y: np.ndarray, x_tables: np.ndarray, y_tables: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give the delays of envelope and motion in one group's bands, and the two signals' summed squared envelopes."""
    sums = np.zeros((4, (SIZE // 2 + 1) * LANES), np.float32)
    x_power, y_power = np.zeros(LANES), np.zeros(LANES)
    cross_spectra(x, y, x_tables, y_tables, (_COS, _SIN, _PLACE), sums, x_power, y_power)
    spectra = sums.reshape(2, 2, SIZE // 2 + 1, LANES)
    envelope, motion = (delays_from(pair[0].astype(np.float64) + 1j * pair[1]) for pair in spectra)
    return envelope, motion, x_power, y_power
