"""Loudness and true peak of any mix of some stems, a thousand times over: the numbers of :mod:`cadenza_core.audio.levels`.

Loudness (BS.1770-4, pyloudnorm's meter) is a mean of block powers. The power of a weighted sum of stems in a block is a
quadratic form of the gains, so the blocks' products of stems are taken once, and any mix then costs microseconds. The true
peak needs the sum itself, but only where it comes near the peak.
"""

import functools
import math
from collections.abc import Mapping

import numpy as np
import scipy

__all__ = ["HeardStems"]

_OVERSAMPLING, _CONTEXT, _BLOCK = 4, 64, 1024
#: Blocks whose true peak is looked at in one go.
_AT_ONCE = 32


class HeardStems:
    """Stems as the listener gets them, ready to be mixed with any gains.

    Parameters
    ----------
    stems : mapping of str to np.ndarray [shape=(2, n)]
        Full scale 1.0.
    rate : int
        Sample rate, Hz.
    """

    def __init__(self, stems: Mapping[str, np.ndarray], rate: int) -> None:
        self.names = tuple(stems)
        self.rate = rate
        #: shape (2, stems, n)
        self.samples = np.ascontiguousarray(np.stack(list(stems.values()), axis=1), dtype=np.float32)
        self._products = _block_products(self.samples, rate)
        length = self.samples.shape[-1]
        fill = _CONTEXT, -length % _BLOCK + _CONTEXT
        padded = np.pad(self.samples, ((0, 0), (0, 0), fill))
        #: Blocks with some samples on either side: (2, stems, blocks, samples); and the highest of each.
        self._windows = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK + 2 * _CONTEXT, axis=-1)[:, :, ::_BLOCK]
        self._loudest = np.maximum(self._windows.max(axis=-1), -self._windows.min(axis=-1))

    def loudness(self, decibels: np.ndarray) -> float:
        """Give the integrated loudness of a mix, LUFS; -inf if it is never above -70, NaN if shorter than 0.4 s."""
        if not len(self._products):
            return math.nan
        factors = 10.0 ** (decibels / 20.0)
        powers = np.einsum("se,jest,te->j", factors, self._products, factors)
        levels = _decibels(powers)
        loud = levels >= -70.0
        if not loud.any():
            return -math.inf
        gate = _decibels(powers[loud].mean()) - 10.0
        kept = powers[loud & (levels > -70.0) & (levels > gate)]
        return float(_decibels(kept.mean())) if len(kept) else -math.inf

    def true_peak(self, decibels: np.ndarray) -> float:
        """Give the true peak of a mix, dB TP (four times oversampled); -inf for silence.

        Few calls on much data: between many small ones, other threads of a server would each time get their turn.
        """
        factors = (10.0 ** (decibels.T / 20.0)).astype(np.float32)
        # no block is louder than its stems together, nor its true peak much more than its samples
        highest, bounds = 0.0, _interpolation_bound() * np.einsum("es,esb->eb", factors, self._loudest).max(axis=0)
        order = np.argsort(-bounds)
        for first in range(0, len(order), _AT_ONCE):
            blocks = order[first : first + _AT_ONCE]
            blocks = blocks[bounds[blocks] > highest]
            if not len(blocks):
                break
            highest = max(highest, self._peak_of(blocks, factors))
        return 20.0 * math.log10(highest) if highest > 0 else -math.inf

    def _peak_of(self, blocks: np.ndarray, factors: np.ndarray) -> float:
        highest = 0.0
        for ear, windows in enumerate(self._windows):
            mixed = factors[ear, 0] * windows[0, blocks]
            for stem in range(1, len(windows)):
                mixed += factors[ear, stem] * windows[stem, blocks]
            fine = scipy.signal.resample_poly(mixed, _OVERSAMPLING, 1, axis=1)
            highest = max(highest, float(np.abs(fine[:, _OVERSAMPLING * _CONTEXT : -_OVERSAMPLING * _CONTEXT]).max()))
        return highest


def _decibels(power: np.ndarray | float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10.0 * np.log10(np.maximum(power, 0.0)))


def _block_products(samples: np.ndarray, rate: int) -> np.ndarray:
    """Give the stems' mean products in BS.1770's blocks: shape (blocks, 2, stems, stems)."""
    import pyloudnorm

    meter = pyloudnorm.Meter(rate)
    length = samples.shape[-1]
    if length < meter.block_size * rate:
        return np.zeros((0, 2, samples.shape[1], samples.shape[1]))
    weighted = samples.astype(np.float64)
    for stage in meter._filters.values():
        weighted = stage.apply_filter(weighted)
    step = 1.0 - meter.overlap
    count = round((length / rate - meter.block_size) / (meter.block_size * step)) + 1
    products = []
    for block in range(count):
        # as pyloudnorm rounds them
        start = int(meter.block_size * (block * step) * rate)
        stop = int(meter.block_size * (block * step + 1) * rate)
        piece = weighted[..., start:stop]
        products.append(np.einsum("esn,etn->est", piece, piece) / (meter.block_size * rate))
    return np.array(products)


@functools.cache
def _interpolation_bound() -> float:
    """Give how much higher than its neighbouring samples the oversampled signal can be at most."""
    impulse = np.zeros(4 * _CONTEXT + 1)
    impulse[2 * _CONTEXT] = 1.0
    response = np.abs(scipy.signal.resample_poly(impulse, _OVERSAMPLING, 1))
    return max(float(response[phase::_OVERSAMPLING].sum()) for phase in range(_OVERSAMPLING))
