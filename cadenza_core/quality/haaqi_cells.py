"""HAAQI's inner hair cells, and the segments in which their output is compared.

One pass over the samples of a group of bands: shift by the alignment and the group delay, convert to dB above threshold,
adapt as the inner hair cells do, add their noise, smooth the envelope, correlate the motion in segments of 16 ms.
"""

import numpy as np

from .haaqi_compile import kernel
from .haaqi_constants import RATE
from .haaqi_ear import STATE, compress
from .haaqi_lags import RANGE
from .haaqi_noise import fill_noise
from .haaqi_simd import LANES, absolute, gather, load, log2, maximum, minimum, sqrt, store, where_from, zero

__all__ = ["CONSTANTS", "HALF", "SMOOTH_HALF", "analyse", "reference_envelope"]

#: Half a covariance segment (8 ms) and half an envelope segment (4 ms), samples.
HALF, SMOOTH_HALF = 192, 96
_LAGS = 24
#: Samples that one tile of the pass computes, and what must be at hand before and after them.
_TILE = 96 * HALF
_GROUP_DELAY = 512
_BEFORE = RANGE + _GROUP_DELAY
_SMALL = np.float32(1e-30)
#: 20 log10(2)
_DB_OF_LOG2 = np.float32(20 * np.log10(2.0))


def _adaptation() -> np.ndarray:
    """Give the inner hair cells' adaptation (overshoot 2; 2 ms and 60 ms), as increments of its two voltages.

    Backward differences of an RC circuit (Kates & Arehart 2014, HASQI). As increments the coefficients keep their
    precision in float32 although the time constants are long.

    Returns
    -------
    np.ndarray [shape=(6,)], float32
        Change of voltage 1 per input, voltage 1, voltage 2; of voltage 2 the same.
    """
    r1, r2 = 0.5, 0.25
    c1, c2 = 0.002 * (r1 + r2) / (r1 * r2), 0.06 / ((r1 + r2) * r2)
    p1, p2 = r1 * r2 * c1 * RATE, r2 * r2 * c2 * RATE
    a11, a12, a21, a22 = r1 + r2 + p1, -r1, -r2, 2 * r2 + p2
    scale = 1 / (a11 * a22 - a21 * a12)
    step1 = [a22 * r2 * scale, a22 * p1 * scale - 1, -a12 * p2 * scale]
    step2 = [-a21 * r2 * scale, -a21 * p1 * scale, a11 * p2 * scale - 1]
    return np.array(step1 + step2, np.float32)


def _windows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give the covariance window, its and its half's inverse autocorrelations and powers, and the smoothing window."""
    window = np.hanning(2 * HALF)
    inverse, power = [], []
    for part in (window, window[HALF:]):
        full = np.correlate(part, part, "full")
        inverse.append(1 / full[len(part) - 1 - _LAGS : len(part) + _LAGS])
        power.append(1 / np.sum(part**2))
    smooth = np.hanning(2 * SMOOTH_HALF)
    arrays = (window, np.array(inverse), np.array(power), smooth / smooth.sum())
    return tuple(array.astype(np.float32) for array in arrays)  # type: ignore[return-value]


#: What `analyse` takes as its constants.
CONSTANTS = (_adaptation(), *_windows())


@kernel
def _windowed(ring, first, count, window, shift, out, pad):
    """Window `count` samples of the ring, subtract their mean, store them in `out` behind `pad` samples; give power."""
    mean = zero()
    for i in range(count):
        value = load(ring, ((first + i) % (2 * HALF)) * LANES) * window[shift + i]
        mean = mean + value
        store(out, (pad + i) * LANES, value)
    mean = mean * np.float32(1.0 / count)
    power = zero()
    for i in range(count):
        value = load(out, (pad + i) * LANES) - mean
        power = power + value * value
        store(out, (pad + i) * LANES, value)
    return power


@kernel
def _largest_correlation(x, y, count, inverse):
    """Give the largest magnitude within 24 lags, each weighted by `inverse`; y stands behind as many zeros."""
    largest = zero()
    for lag in range(0, 2 * _LAGS + 1, 7):
        s0, s1, s2, s3, s4, s5, s6 = zero(), zero(), zero(), zero(), zero(), zero(), zero()
        for i in range(count):
            value, at = load(x, i * LANES), (i + lag) * LANES
            s0 = s0 + value * load(y, at)
            s1 = s1 + value * load(y, at + LANES)
            s2 = s2 + value * load(y, at + 2 * LANES)
            s3 = s3 + value * load(y, at + 3 * LANES)
            s4 = s4 + value * load(y, at + 4 * LANES)
            s5 = s5 + value * load(y, at + 5 * LANES)
            s6 = s6 + value * load(y, at + 6 * LANES)
        largest = maximum(largest, maximum(absolute(s0 * inverse[lag]), absolute(s1 * inverse[lag + 1])))
        largest = maximum(largest, maximum(absolute(s2 * inverse[lag + 2]), absolute(s3 * inverse[lag + 3])))
        largest = maximum(largest, maximum(absolute(s4 * inverse[lag + 4]), absolute(s5 * inverse[lag + 5])))
        largest = maximum(largest, absolute(s6 * inverse[lag + 6]))
    return largest


@kernel
def _segment(rings, number, half, shift, constants, work, covariance, power):
    """Compute segment `number`'s normalised covariance, and the reference's mean square (times 2)."""
    _, window, inverse, norm, _ = constants
    count = HALF if half else 2 * HALF
    kind = 1 if half else 0
    x_power = _windowed(rings[0], number * HALF, count, window, shift, work[0], 0) * norm[kind]
    y_power = _windowed(rings[1], number * HALF, count, window, shift, work[1], _LAGS) * norm[kind]
    for i in range(_LAGS):
        store(work[1], (_LAGS + count + i) * LANES, zero())
    largest = _largest_correlation(work[0], work[1], count, inverse[kind])
    # a power of 1e-30 or less counts as silence
    small = zero() + _SMALL
    largest = where_from(where_from(largest, small, x_power), small, y_power)
    root = sqrt(maximum(x_power, small)) * sqrt(maximum(y_power, small))
    store(covariance, number * LANES, minimum(largest / root, np.float32(1.0)))
    store(power, number * LANES, x_power * np.float32(2.0))


@kernel
def _segments_at(hop, count, rings, constants, work, covariance, power):
    """Compute the segments that end with the half segment `hop` of `count`."""
    if hop == 0:
        _segment(rings, 0, True, HALF, constants, work, covariance, power)
    elif hop > 1:
        _segment(rings, hop - 1, False, 0, constants, work, covariance, power)
    if hop == count - 1:
        _segment(rings, hop, True, 0, constants, work, covariance, power)


@kernel
def _hair_cells(signals, at, indices, n, delays, thresholds, noise_gain, constants, state, rings, sums):
    """Take half an envelope segment from `n` on through the inner hair cells.

    `state` holds the voltages of the adaptation; `sums` gets the envelopes' sums, weighted with the rising and the
    falling half of the smoothing window; the motion goes to `rings`.
    """
    xe, xm, ye, ym, x_noise, y_noise = signals
    x_at, ye_at, ym_at, noise_at = indices
    k = constants[0]
    k10, k11, k12, k20, k21, k22 = k[0], k[1], k[2], k[3], k[4], k[5]
    window = constants[4]
    delay, x_sl, y_sl = load(delays, 0), load(thresholds, 0), load(thresholds, LANES)
    small = load(thresholds, 2 * LANES)
    x_v1, x_v2, y_v1, y_v2 = load(state, 0), load(state, LANES), load(state, 2 * LANES), load(state, 3 * LANES)
    x_up, y_up, x_down, y_down = zero(), zero(), zero(), zero()
    none, two = np.float32(0), np.float32(2)
    for i in range(SMOOTH_HALF):
        e = gather(xe, (at + i + _GROUP_DELAY) * LANES, x_at)
        m = gather(xm, (at + i + _GROUP_DELAY) * LANES, x_at)
        f = where_from(gather(ye, (at + i + _BEFORE) * LANES, ye_at), delay, np.float32(n + i))
        p = where_from(gather(ym, (at + i + _BEFORE) * LANES, ym_at), delay, np.float32(n + i))
        # dB above threshold
        v = maximum(log2(e + _SMALL) * _DB_OF_LOG2 + x_sl, none)
        w = maximum(log2(f + _SMALL) * _DB_OF_LOG2 + y_sl, none)
        # rapid and short-term adaptation
        change = v * k10 + x_v1 * k11 + x_v2 * k12
        x_v2 = x_v2 + (v * k20 + x_v1 * k21 + x_v2 * k22)
        x_v1 = x_v1 + change
        change = w * k10 + y_v1 * k11 + y_v2 * k12
        y_v2 = y_v2 + (w * k20 + y_v1 * k21 + y_v2 * k22)
        y_v1 = y_v1 + change
        v, w = maximum((v - x_v1) * two, none), maximum((w - y_v1) * two, none)
        # the motion gets the envelope in dB, and noise; where the envelope has been shifted away it stays linear
        m = m * ((v + _SMALL) / (e + small))
        p = p * ((w + _SMALL) / (f + small)) + gather(y_noise, at + i, noise_at) * noise_gain
        if x_noise.size > 0:
            m = m + gather(x_noise, at + i, noise_at) * noise_gain
        store(rings[0], ((n + i) % (2 * HALF)) * LANES, m)
        store(rings[1], ((n + i) % (2 * HALF)) * LANES, p)
        rise, fall = window[i], window[SMOOTH_HALF + i]
        x_up, y_up, x_down, y_down = x_up + v * rise, y_up + w * rise, x_down + v * fall, y_down + w * fall
    store(state, 0, x_v1), store(state, LANES, x_v2), store(state, 2 * LANES, y_v1), store(state, 3 * LANES, y_v2)
    store(sums, 0, x_up), store(sums, LANES, x_down), store(sums, 2 * LANES, y_up), store(sums, 3 * LANES, y_down)


@kernel
def _smooth_at(half, count, sums, before, smooth):
    """Complete the envelope segment that ends with `half` of `count`; the first and the last are half ones."""
    two = np.float32(2)
    for k in range(2):
        rising, falling = load(sums, 2 * k * LANES), load(sums, (2 * k + 1) * LANES)
        if half == 0:
            store(smooth[k], 0, falling * two)
        elif half > 1:
            store(smooth[k], (half - 1) * LANES, load(before, k * LANES) + falling)
        if half == count - 1:
            store(smooth[k], half * LANES, rising * two)
        store(before, k * LANES, rising)


@kernel
def reference_envelope(x, tables, thresholds, delays, constants, smooth):
    """Compute one group's smoothed envelope of the reference alone: the first part of what `analyse` gives."""
    k = constants[0]
    k10, k11, k12, k20, k21, k22 = k[0], k[1], k[2], k[3], k[4], k[5]
    window = constants[4]
    halves = x.size // SMOOTH_HALF
    length = _GROUP_DELAY + _TILE
    xe, xm = np.zeros(length * LANES, np.float32), np.zeros(length * LANES, np.float32)
    state, unused = np.zeros(STATE * LANES, np.float32), np.zeros(LANES)
    x_at = np.arange(LANES) - delays * LANES
    threshold = load(thresholds, 0)
    v1, v2, before = zero(), zero(), zero()
    none, two = np.float32(0), np.float32(2)
    for tile in range(0, halves * SMOOTH_HALF, _TILE):
        compress(x, tile, tile + _TILE, tables, state, xe, xm, _GROUP_DELAY, unused)
        for half in range(tile // SMOOTH_HALF, min((tile + _TILE) // SMOOTH_HALF, halves)):
            rising, falling = zero(), zero()
            for i in range(SMOOTH_HALF):
                e = gather(xe, (half * SMOOTH_HALF + i - tile + _GROUP_DELAY) * LANES, x_at)
                v = maximum(log2(e + _SMALL) * _DB_OF_LOG2 + threshold, none)
                change = v * k10 + v1 * k11 + v2 * k12
                v2 = v2 + (v * k20 + v1 * k21 + v2 * k22)
                v1 = v1 + change
                v = maximum((v - v1) * two, none)
                rising, falling = rising + v * window[i], falling + v * window[SMOOTH_HALF + i]
            if half == 0:
                store(smooth, 0, falling * two)
            elif half > 1:
                store(smooth, (half - 1) * LANES, before + falling)
            if half == halves - 1:
                store(smooth, half * LANES, rising * two)
            before = rising
        _keep_tail(xe, _TILE, _GROUP_DELAY)


@kernel
def _keep_tail(buffer, tile, count):
    """Move the `count` samples that stand behind the first `tile` to the front."""
    for i in range(0, count * LANES, LANES):
        store(buffer, i, load(buffer, tile * LANES + i))


@kernel
def analyse(x, y, x_tables, y_tables, thresholds, shifts, streams, noise_gain, constants, smooth, covariance, power):
    """Compute one group's smoothed envelopes and covariances.

    Parameters
    ----------
    x, y : np.ndarray [shape=(n,)], float32
        Reference and processed signal after the middle ear.
    x_tables, y_tables : np.ndarray
        See `compress`.
    thresholds : np.ndarray [shape=(3 * LANES,)], float32
        dB SL of an envelope of 1, reference and processed; the envelope that the reference implementation adds to avoid
        a division by zero (1e-30), scaled as the signals are.
    shifts : np.ndarray [shape=(3, LANES)], int64
        Group delay to be added; the processed envelope's and motion's delay, to be removed.
    streams : tuple of np.ndarray [shape=(signals * LANES, ...)]
        The bands' noise (advanced), and room for what is drawn ahead; of the processed signal alone, or of the reference
        and the processed one. See `fill_noise`.
    noise_gain : float32
    constants : tuple of np.ndarray
        `CONSTANTS`.
    smooth : np.ndarray [shape=(2, (n // SMOOTH_HALF) * LANES)], float32
        Out: envelopes, reference and processed, in dB SL.
    covariance, power : np.ndarray [shape=((n // HALF) * LANES,)], float32
        Out: per segment, with the reference's mean square.
    """
    rows, pending = streams
    halves, hops = x.size // SMOOTH_HALF, x.size // HALF
    samples = halves * SMOOTH_HALF
    # buffers of a tile, with what comes before and after it
    xe, xm = np.zeros((_GROUP_DELAY + _TILE) * LANES, np.float32), np.zeros((_GROUP_DELAY + _TILE) * LANES, np.float32)
    length = (_BEFORE + _TILE + RANGE) * LANES
    ye, ym = np.zeros(length, np.float32), np.zeros(length, np.float32)
    noise = np.zeros((rows.shape[0], _TILE), np.float32)
    y_noise = noise[rows.shape[0] - LANES :].reshape(-1)
    x_noise = noise[: rows.shape[0] - LANES].reshape(-1)
    signals = (xe, xm, ye, ym, x_noise, y_noise)
    lanes = np.arange(LANES)
    indices = (
        lanes - shifts[0] * LANES,
        lanes + (shifts[1] - shifts[0]) * LANES,
        lanes + (shifts[2] - shifts[0]) * LANES,
        lanes * _TILE,
    )
    delays = shifts[0].astype(np.float32)
    x_state, y_state = np.zeros(STATE * LANES, np.float32), np.zeros(STATE * LANES, np.float32)
    cells, sums, before = (
        np.zeros(4 * LANES, np.float32),
        np.zeros(4 * LANES, np.float32),
        np.zeros(2 * LANES, np.float32),
    )
    rings = (np.zeros(2 * HALF * LANES, np.float32), np.zeros(2 * HALF * LANES, np.float32))
    work = (np.zeros(2 * HALF * LANES, np.float32), np.zeros((2 * HALF + 2 * _LAGS) * LANES, np.float32))
    unused = np.zeros(LANES)

    compress(y, 0, RANGE, y_tables, y_state, ye, ym, _BEFORE, unused)
    for tile in range(0, samples, _TILE):
        compress(x, tile, tile + _TILE, x_tables, x_state, xe, xm, _GROUP_DELAY, unused)
        compress(y, tile + RANGE, tile + _TILE + RANGE, y_tables, y_state, ye, ym, _BEFORE + RANGE, unused)
        stop = min(tile + _TILE, samples)
        for lane in range(rows.shape[0]):
            # a band's noise begins where its delayed signal does
            fill_noise(rows[lane], pending[lane], max(0, shifts[0, lane % LANES] - tile), noise[lane, : stop - tile])
        for half in range(tile // SMOOTH_HALF, stop // SMOOTH_HALF):
            n = half * SMOOTH_HALF
            _hair_cells(signals, n - tile, indices, n, delays, thresholds, noise_gain, constants, cells, rings, sums)
            _smooth_at(half, halves, sums, before, smooth)
            if half % 2 == 1:
                _segments_at(half // 2, hops, rings, constants, work, covariance, power)
        _keep_tail(xe, _TILE, _GROUP_DELAY)
        _keep_tail(xm, _TILE, _GROUP_DELAY)
        _keep_tail(ye, _TILE, _BEFORE + RANGE)
        _keep_tail(ym, _TILE, _BEFORE + RANGE)
