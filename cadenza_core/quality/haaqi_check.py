"""What HAAQI may be given, and what is said otherwise."""

import math

import numpy as np
from clarity.utils.audiogram import Audiogram

from ..errors import CadenzaError
from .haaqi_model import HaaqiError, HaaqiParts, parts_without_bands

__all__ = ["MIN_DURATION", "check_input", "empty_score"]

#: Shortest signal that is scored, s: pyclarity fails below 0.02 s, and a score says nothing there.
MIN_DURATION = 0.05
#: Lowest sample rate, Hz: pyclarity rounds to whole kHz.
_MIN_RATE = 1000.0


def check_input(
    processed: np.ndarray,
    reference: np.ndarray,
    processed_rate: float,
    reference_rate: float,
    audiogram: Audiogram,
    equalisation: int,
    level1: float,
) -> None:
    """Raise `CadenzaError` if HAAQI cannot take its input; one that pyclarity fails at is a `HaaqiError` of its kind.

    An empty reference is none: pyclarity has a score for it.
    """
    for name, signal, rate in (("processed", processed, processed_rate), ("reference", reference, reference_rate)):
        if signal.ndim != 1 or not np.issubdtype(signal.dtype, np.floating):
            raise CadenzaError(
                f"HAAQI: the {name} signal is {signal.dtype} of shape {signal.shape}; floating point of shape (n,) is needed."
            )
        if not np.isfinite(signal).all():
            raise CadenzaError(f"HAAQI: the {name} signal holds NaN or infinite samples.")
        if not _MIN_RATE <= rate < math.inf:
            raise CadenzaError(
                f"HAAQI: the {name} signal's sample rate is {rate}; it must be at least {_MIN_RATE:g} Hz."
            )
    levels = np.asarray(audiogram.levels, dtype=np.float64)
    if not np.isfinite(levels).all():
        holes = ", ".join(f"{f:g}" for f in np.asarray(audiogram.frequencies)[~np.isfinite(levels)])
        raise CadenzaError(f"HAAQI: the audiogram has no level at {holes} Hz. Give one, or leave the frequency out.")
    if equalisation not in (0, 1, 2):
        raise CadenzaError(f"HAAQI: equalisation is {equalisation!r}; it may be 0, 1 or 2.")
    if len(reference) == 0:
        return
    for name, signal, rate in (("processed", processed, processed_rate), ("reference", reference, reference_rate)):
        if len(signal) < MIN_DURATION * rate:
            raise HaaqiError(
                f"HAAQI: the {name} signal lasts {len(signal) / rate:.3f} s; at least {MIN_DURATION:g} s are needed."
            )
    if not math.isfinite(level1):
        raise HaaqiError(f"HAAQI: level1 is {level1}; a silent reference cannot be scored.")


def empty_score(processed_empty: bool) -> HaaqiParts:
    """Give pyclarity's score of an empty reference: 1 if the processed signal is empty too, else 0."""
    return parts_without_bands(1.0 if processed_empty else 0.0, *[math.nan] * 6)
