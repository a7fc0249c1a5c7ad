"""A multiband compressor fitted with CAMFIT: the hearing aid of the Cadenza challenge CAD2's baseline.

Six bands (Linkwitz-Riley crossovers at 250, 500, 1000, 2000 and 4000 Hz times the square root of 2), in each the feedforward
compressor of Giannoulis, Massberg & Reiss 2012, "Digital dynamic range compressor design", J. Audio Eng. Soc. 60(6), as
in pyclarity's `MultibandCompressor`. Attack, release and threshold are those of `recipes/cad2/task1/baseline/config.yaml`;
gain and ratio of each band follow from compressive CAMFIT's table as in `recipes/cad2/common/amplification.py`: the gain is
the one for 65 dB SPL, the ratio that between 55 and 85 dB SPL. Where the table's limit of 100 dB SPL lets the output not
rise at all, the recipe takes a ratio of 1, no compression; here it is 20, the most, so that loud sounds are not raised.

The crossover is pyclarity's own; the compressor's recursion over samples is ours, equal to 1e-12 and some hundred times
faster. (pyclarity writes 1e-12 where a sample is exactly 0; here 0 stays 0.) CAD2 compresses music of -40 LUFS; here it
works on what it is given, at its level.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from clarity.utils.audiogram import Audiogram

from .rules import TABLE_FREQUENCIES, camfit_table

__all__ = ["fitting", "multiband_compressor"]

CENTRES = np.array([250, 500, 1000, 2000, 4000, 6000])
CROSSOVERS = CENTRES[:5] * np.sqrt(2.0)
ATTACK_MS = (11.0, 11.0, 14.0, 13.0, 11.0, 11.0)
RELEASE_MS = (80.0, 80.0, 80.0, 80.0, 100.0, 100.0)
THRESHOLD_DB = -30.0
#: Largest ratio that pyclarity recommends.
MAX_RATIO = 20.0
_GAIN_LEVEL, _LOW_LEVEL, _HIGH_LEVEL = 65.0, 55.0, 85.0  # dB SPL
_FLOOR_DB = -120.0


def fitting(audiogram: Audiogram) -> tuple[np.ndarray, np.ndarray]:
    """Give the makeup gains in dB and the compression ratios of the six bands [shape=(6,) each]."""
    low, gain, high = camfit_table(audiogram, np.array([_LOW_LEVEL, _GAIN_LEVEL, _HIGH_LEVEL]))
    rise = np.maximum((_HIGH_LEVEL + high) - (_LOW_LEVEL + low), 1e-9)
    ratio = np.clip((_HIGH_LEVEL - _LOW_LEVEL) / rise, 1.0, MAX_RATIO)
    return np.interp(CENTRES, TABLE_FREQUENCIES, gain), np.interp(CENTRES, TABLE_FREQUENCIES, ratio)


def multiband_compressor(signal: np.ndarray, audiogram: Audiogram, rate: int) -> np.ndarray:
    """Amplify and compress a signal for an ear.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
        Full scale 1.0.
    audiogram : Audiogram
        dB HL.
    rate : int > 11314
        Sample rate, Hz.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
        The crossover's phase is not linear; it delays low frequencies by some milliseconds.
    """
    from clarity.enhancer.multiband_compressor.crossover import Crossover

    gains, ratios = fitting(audiogram)
    bands = Crossover(CROSSOVERS, rate)(np.asarray(signal, dtype=np.float64))
    total = np.zeros(len(signal))
    for band, gain, ratio, attack, release in zip(bands, gains, ratios, ATTACK_MS, RELEASE_MS, strict=True):
        keep = [float(np.exp(-1.0 / (0.001 * rate * time))) for time in (attack, release)]
        total += _recursion()(band, float(gain), float(ratio), *keep, THRESHOLD_DB, _FLOOR_DB)
    return total


@functools.cache
def _recursion() -> Callable[..., np.ndarray]:
    """Compile the compressor of one band when it is first needed (half a second)."""
    import numba

    compiled: Any = numba.njit(nogil=True)(_compress)
    return compiled


def _compress(signal, gain, ratio, keep_attack, keep_release, threshold, floor):  # type: ignore[no-untyped-def]
    out = np.empty_like(signal)
    reduction = 0.0
    for index in range(signal.size):
        magnitude = abs(signal[index])
        level = max(20.0 * np.log10(magnitude), floor) if magnitude > 0.0 else floor
        wanted = (level - threshold) * (1.0 - 1.0 / ratio) if level >= threshold else 0.0
        keep = keep_attack if wanted > reduction else keep_release
        reduction = keep * reduction + (1.0 - keep) * wanted
        out[index] = signal[index] * 10.0 ** ((gain - reduction) / 20.0)
    return out
