"""HAAQI, the hearing-aid audio quality index, as CAD1 computes it.

Kates & Arehart 2016, "The Hearing-Aid Audio Quality Index (HAAQI)", IEEE/ACM TASLP 24(2). The number comes from an
*engine*: a function with the arguments of pyclarity's `compute_haaqi`. `compute_haaqi` here checks its input first, so
that a faulty one is a sentence and not a NaN.
"""

import math
from collections.abc import Callable
from typing import cast

import numpy as np
from clarity.utils.audiogram import Audiogram

from ..errors import CadenzaError

__all__ = ["MIN_DURATION", "Engine", "compute_haaqi", "reference_engine", "reference_level"]

#: Shortest signal that is scored, s: pyclarity fails below 0.02 s, and a score says nothing there.
MIN_DURATION = 0.05
#: ``engine(processed, reference, processed_rate, reference_rate, audiogram, equalisation, level1) -> score``.
Engine = Callable[[np.ndarray, np.ndarray, float, float, Audiogram, int, float], float]


def reference_engine(
    processed_signal: np.ndarray,
    reference_signal: np.ndarray,
    processed_sample_rate: float,
    reference_sample_rate: float,
    audiogram: Audiogram,
    equalisation: int = 1,
    level1: float = 65.0,
) -> float:
    """Pyclarity's own implementation: about 0.75 s of one core for a second of sound."""
    from clarity.evaluator.haaqi import compute_haaqi as pyclarity_haaqi

    with np.errstate(divide="ignore"):  # it takes logarithms of silence, and means to
        return float(
            pyclarity_haaqi(
                processed_signal,
                reference_signal,
                processed_sample_rate,
                reference_sample_rate,
                audiogram,
                equalisation,
                level1,
            )
        )


def compute_haaqi(
    processed_signal: np.ndarray,
    reference_signal: np.ndarray,
    processed_sample_rate: float,
    reference_sample_rate: float,
    audiogram: Audiogram,
    equalisation: int = 1,
    level1: float = 65.0,
    *,
    engine: Engine = reference_engine,
) -> float:
    """Compute HAAQI, with the arguments of pyclarity's function of that name.

    Parameters
    ----------
    processed_signal, reference_signal : np.ndarray [shape=(n,)]
        Floating point; the level is set by `level1`.
    processed_sample_rate, reference_sample_rate : float > 0
        Hz.
    audiogram : Audiogram
        Of the ear, dB HL; interpolated to HAAQI's six frequencies where it lacks them.
    equalisation : {1, 2}
        1: NAL-R is added to the reference; 2: it has been already.
    level1 : float
        dB SPL of a signal with an RMS of 1.
    engine : Engine
        Who computes. Draws its noise from NumPy's global random state.

    Returns
    -------
    float
        0 (worst) to 1.

    Raises
    ------
    CadenzaError
        If a signal is not one-dimensional, floating point and finite, or shorter than :data:`MIN_DURATION`, a rate is
        not positive, or `level1` is not finite, as it is for a silent reference.
    """
    for name, signal, rate in (
        ("processed", processed_signal, processed_sample_rate),
        ("reference", reference_signal, reference_sample_rate),
    ):
        if signal.ndim != 1 or not np.issubdtype(signal.dtype, np.floating):
            raise CadenzaError(
                f"HAAQI: the {name} signal is {signal.dtype} of shape {signal.shape}; floating point of shape (n,) is needed."
            )
        if not np.isfinite(signal).all():
            raise CadenzaError(f"HAAQI: the {name} signal holds NaN or infinite samples.")
        if not rate > 0:
            raise CadenzaError(f"HAAQI: the {name} signal's sample rate is {rate}; it must be above 0 Hz.")
        if len(signal) < MIN_DURATION * rate:
            raise CadenzaError(
                f"HAAQI: the {name} signal lasts {len(signal) / rate:.3f} s; at least {MIN_DURATION:g} s are needed."
            )
    if not math.isfinite(level1):
        raise CadenzaError(f"HAAQI: level1 is {level1}; a silent reference cannot be scored.")
    arguments = (processed_sample_rate, reference_sample_rate, audiogram, equalisation, level1)
    return engine(processed_signal, reference_signal, *arguments)


def reference_level(reference: np.ndarray) -> float:
    """Give `level1` of the recipe: the reference is presented at 65 dB SPL.

    Parameters
    ----------
    reference : np.ndarray [shape=(n,)]
        At its own sample rate, before resampling (pyclarity 0.9.0).

    Returns
    -------
    float
        ``65 - 20 log10(rms)``, dB SPL; infinite for silence, NaN for NaN. For a float32 signal it is a NumPy float32,
        as in the recipe: pyclarity then computes parts in float32, and a Python float would change the score by 1e-12.
    """
    rms = np.sqrt(np.mean(np.square(reference)))
    return math.inf if rms == 0 else cast(float, 65 - 20 * np.log10(rms))
