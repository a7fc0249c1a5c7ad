"""Formulas from an audiogram to gains, and the filter that has them.

Half-gain rule: half of the hearing level at every frequency. S. F. Lybarger 1944, U.S. patent application SN 543,278; see
Dillon 2012, "Hearing Aids", 2nd ed., chapter 10.

CAMFIT, linear: 0.48 times the hearing level plus an intercept for each frequency, never below 0 dB. Moore & Glasberg 1998,
"Use of a loudness model for hearing-aid fitting. I. Linear hearing aids", Brit. J. Audiol. 32, 317-335; computed by
pyclarity's `gainrule_camfit_linear`, a translation of openMHA's.

CAMFIT, compressive: gains for each level. Moore, Alcantara, Stone & Glasberg 1999, "Use of a loudness model for hearing aid
fitting: II. Hearing aids with multi-channel compression", Brit. J. Audiol. 33, 157-170; pyclarity's
`gainrule_camfit_compr`. For its use see :mod:`.multiband`.
"""

import functools
import importlib
import logging
from typing import Any

import numpy as np
import scipy
from clarity.utils.audiogram import Audiogram

from .thresholds import BANDS

__all__ = ["camfit_filter", "camfit_gains", "camfit_table", "gain_filter", "half_gain_filter"]

#: Where gains are computed, Hz: third-octave centres from 125 Hz to 10 kHz.
FREQUENCIES = BANDS[4:24]
#: openMHA's bands, of which pyclarity makes the table of gains, Hz.
TABLE_FREQUENCIES = (177, 297, 500, 841, 1414, 2378, 4000, 6727, 11314)
_TABLE_EDGES = (1e-8, 229.2793, 385.3570, 648.4597, 1090.5, 1833.7, 3084.2, 5187.3, 8724.1, 1e7)
_POINTS = 1025


def gain_filter(frequencies: np.ndarray, gains: np.ndarray, rate: int, nfir: int) -> np.ndarray:
    """Design a linear-phase filter.

    Parameters
    ----------
    frequencies : np.ndarray [shape=(n,)]
        Hz, ascending.
    gains : np.ndarray [shape=(n,)]
        dB; linear over log frequency between the frequencies, constant beyond them.
    rate : int
        Sample rate, Hz.
    nfir : even int
        Order. 220 at 44.1 kHz resolves about 650 Hz (the main lobe's half of a Hamming window): steps below 1 kHz are
        smoothed, as they are in the challenge's NAL-R filter of the same length.

    Returns
    -------
    np.ndarray [shape=(nfir + 1,), dtype=float64]
        Delays by ``nfir / 2`` samples. Without any gain, a one in the middle and zeros.
    """
    if not np.any(gains):
        taps = np.zeros(nfir + 1)
        taps[nfir // 2] = 1.0
        return taps
    grid = np.linspace(0.0, 1.0, _POINTS)
    hertz = np.maximum(grid * rate / 2.0, 1.0)
    decibels = np.interp(np.log(hertz), np.log(frequencies), gains)
    filtered: np.ndarray = scipy.signal.firwin2(nfir + 1, grid, 10.0 ** (decibels / 20.0))
    return filtered


def half_gain_filter(audiogram: Audiogram, rate: int, nfir: int) -> np.ndarray:
    """Give the filter of the half-gain rule; a level better than 0 dB HL asks for no gain. See :func:`gain_filter`."""
    gains = np.maximum(0.5 * audiogram.resample(FREQUENCIES).levels, 0.0)
    return gain_filter(FREQUENCIES, gains, rate, nfir)


def camfit_filter(audiogram: Audiogram, rate: int, nfir: int) -> np.ndarray:
    """Give the filter of linear CAMFIT. See :func:`gain_filter`."""
    return gain_filter(FREQUENCIES, camfit_gains(audiogram), rate, nfir)


def camfit_gains(audiogram: Audiogram, frequencies: np.ndarray = FREQUENCIES) -> np.ndarray:
    """Give linear CAMFIT's insertion gains [shape=(n,)], dB, at frequencies in Hz."""
    fit = {"frequencies": np.asarray(frequencies), "levels": np.zeros(1)}
    gains: np.ndarray = _camfit().gainrule_camfit_linear(audiogram, audiogram, fit)[3][:, 0]
    return gains


def camfit_table(audiogram: Audiogram, levels: np.ndarray) -> np.ndarray:
    """Give compressive CAMFIT's insertion gains.

    Parameters
    ----------
    audiogram : Audiogram
    levels : np.ndarray [shape=(n,)]
        Of the input in each band, dB SPL, above the noise gate's 45.

    Returns
    -------
    np.ndarray [shape=(n, 9)]
        dB, for the bands of :data:`TABLE_FREQUENCIES`; at most what brings the output to 100 dB SPL.
    """
    fit = {
        "frequencies": np.array(TABLE_FREQUENCIES),
        "edge_frequencies": np.array(_TABLE_EDGES),
        "levels": np.asarray(levels),
    }
    table: np.ndarray = _camfit().gainrule_camfit_compr(audiogram, audiogram, fit)[0][:, :, 0]
    return table


@functools.cache
def _camfit() -> Any:
    """Import pyclarity's module when it is needed, and take back what it does to the process's log."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    module = importlib.import_module("clarity.enhancer.gha.gainrule_camfit")
    root.handlers[:] = handlers
    root.setLevel(level)
    return module
