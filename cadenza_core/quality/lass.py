"""The measures of language-queried source separation, as DCASE 2024 task 9 computes them.

Not those of music demixing (`sdr`): the floors differ, and a score is that of one mono estimate. A set's score is the
plain mean over its files.
"""

import math

import numpy as np

__all__ = ["lass_sdr", "lass_sdri", "si_sdr"]

#: Least power, of the reference and of the error: the official code's.
_FLOOR = 1e-10


def lass_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Give the signal-to-distortion ratio, dB: ``10 log10(max(mean(ref^2), 1e-10) / max(mean((est - ref)^2), 1e-10))``.

    Parameters
    ----------
    reference, estimate : np.ndarray [shape=(n,)]

    Returns
    -------
    float
        Finite for all finite input: the floors limit it.

    Raises
    ------
    ValueError
        If the shapes differ or there are no samples.
    """
    wanted, given = _pair(reference, estimate)
    signal, error = np.mean(wanted**2), np.mean((given - wanted) ** 2)
    return float(10.0 * math.log10(max(signal, _FLOOR) / max(error, _FLOOR)))


def lass_sdri(reference: np.ndarray, estimate: np.ndarray, mixture: np.ndarray) -> float:
    """Give by how much an estimate is better than the mixture itself, dB: ``SDR(est) - SDR(mixture)``.

    Raises
    ------
    ValueError
        As :func:`lass_sdr`.
    """
    return lass_sdr(reference, estimate) - lass_sdr(reference, mixture)


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Give the scale-invariant signal-to-distortion ratio, dB, without removing means (Le Roux et al. 2019, arXiv:1811.02508).

    ``a = (eps + ref.est) / (ref.ref + eps)``, then ``10 log10((eps + |a ref|^2) / (eps + |est - a ref|^2))``, with the
    eps of the reference's type (1.2e-7 for float32). Computed in double precision.

    Raises
    ------
    ValueError
        As :func:`lass_sdr`.
    """
    eps = float(np.finfo(reference.dtype).eps) if np.issubdtype(reference.dtype, np.floating) else np.finfo(float).eps
    wanted, given = _pair(reference, estimate)
    scaled = (eps + wanted @ given) / (wanted @ wanted + eps) * wanted
    rest = given - scaled
    return float(10.0 * math.log10((eps + scaled @ scaled) / (eps + rest @ rest)))


def _pair(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if reference.ndim != 1 or reference.shape != estimate.shape or not reference.size:
        raise ValueError(f"one signal each of the same length is scored, not {reference.shape} and {estimate.shape}")
    return reference.astype(np.float64), estimate.astype(np.float64)
