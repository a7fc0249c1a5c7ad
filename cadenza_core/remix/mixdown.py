"""Render exactly what the mixer plays: mode, gains, mute, solo, loudness matching, master, limiter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio.levels import Levels, measure
from ..errors import CadenzaError
from .limiter import limit
from .render import render
from .settings import MixSettings

__all__ = ["Mixdown", "mixdown"]


@dataclass(frozen=True)
class Mixdown:
    """A rendered mix.

    Parameters
    ----------
    samples : np.ndarray [shape=(2, n), dtype=float64]
        May exceed full scale if the limiter is off.
    rate : int
    levels : Levels
        Of the samples.
    matched_db : float
        By how much it was lowered to match loudness, 0 or less.
    limited_db : float
        Deepest reduction by the limiter, dB.
    """

    samples: np.ndarray
    rate: int
    levels: Levels
    matched_db: float
    limited_db: float


def mixdown(
    settings: MixSettings,
    rate: int,
    stems: Mapping[str, np.ndarray],
    original: np.ndarray,
    *,
    truth: Mapping[str, np.ndarray] | None = None,
    listener: Listener | None = None,
) -> Mixdown:
    """Render what is heard.

    Parameters
    ----------
    settings : MixSettings
    rate : int
        Sample rate, Hz.
    stems, truth : mapping of str to np.ndarray [shape=(2, n)]
        The separated and, where known, the true stems.
    original : np.ndarray [shape=(2, n)]
        The mixture.
    listener : Listener, optional
        Whom the aided modes amplify for, by the settings' prescription.

    Raises
    ------
    CadenzaError
        If what is to be heard needs true stems or a listener, and there are none.
    """

    def mode(name: str) -> np.ndarray:
        return _mode(name, settings, rate, stems, original, truth, listener)

    samples = mode(settings.hear)
    matched = 0.0
    if settings.match_loudness:
        modes = ["original", "remix", *(["aided"] if listener else [])]
        if truth is not None:
            modes += ["reference", *(["reference_aided"] if listener else [])]
        loudness = {name: measure(mode(name), rate).loudness for name in modes}
        finite = [value for value in loudness.values() if math.isfinite(value)]
        own = loudness.get(settings.hear, math.nan)
        matched = min(0.0, min(finite) - own) if finite and math.isfinite(own) else 0.0
    samples = samples * 10.0 ** ((matched + settings.master_db) / 20.0)
    limited = 0.0
    if settings.limiter:
        samples, limited = limit(samples, rate)
    return Mixdown(samples, rate, measure(samples, rate), matched, limited)


def _mode(
    name: str,
    settings: MixSettings,
    rate: int,
    stems: Mapping[str, np.ndarray],
    original: np.ndarray,
    truth: Mapping[str, np.ndarray] | None,
    listener: Listener | None,
) -> np.ndarray:
    if name == "original":
        return np.asarray(original, dtype=np.float64)
    aided = name.endswith("aided")
    if aided and listener is None:
        raise CadenzaError("There is no listener to amplify for. Choose one, or listen to the remix.")
    if name.startswith("reference"):
        if truth is None:
            raise CadenzaError("This song has no true stems to make a reference of. Listen to the remix.")
        stems = truth
    heard_by = listener if aided else None
    return render(stems, rate, settings.gains, listener=heard_by, prescription=settings.prescription)
