"""Signal-to-distortion ratio of separated stems: the global SDR of the music demixing challenges.

``10 log10(sum(s^2) / sum((s - e)^2))`` over a whole song and both channels (Mitsufuji et al. 2022, "Music Demixing
Challenge 2021", Frontiers in Signal Processing 1:808395, eq. 1). A silent estimate scores 0 dB. It is not museval's BSS
Eval v4, which allows a distortion filter and takes medians over windows.
"""

import math
from collections.abc import Mapping

import numpy as np

from ..errors import CadenzaError

__all__ = ["sdr", "stem_sdr"]


def sdr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Give the SDR of one stem.

    Parameters
    ----------
    estimate, reference : np.ndarray [shape=(channels, n)]

    Returns
    -------
    float
        dB; infinite for a perfect estimate, NaN for a silent reference, which has no SDR.

    Raises
    ------
    CadenzaError
        If the shapes differ.
    """
    if estimate.shape != reference.shape:
        raise CadenzaError(f"SDR: the estimate has shape {estimate.shape} and the reference {reference.shape}.")
    power = sum(_power(row) for row in reference)
    error = sum(_power(np.subtract(*rows, dtype=np.float64)) for rows in zip(reference, estimate, strict=True))
    if power == 0.0:
        return math.nan
    return math.inf if error == 0.0 else 10.0 * math.log10(power / error)


def _power(signal: np.ndarray) -> float:
    return float(np.square(signal, dtype=np.float64).sum())


def stem_sdr(estimates: Mapping[str, np.ndarray], references: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Give the SDR of each stem that both have, dB."""
    return {name: sdr(estimates[name], references[name]) for name in references if name in estimates}
