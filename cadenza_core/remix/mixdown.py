"""Render exactly what the mixer plays: mode, gains, mute, solo, loudness matching, master, simulated hearing, limiter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio.levels import Levels, measure
from ..errors import CadenzaError
from ..hearing import NFIR, ear_of
from ..hearing.live import live_ear, simulate_live
from ..hearing.simulation import simulate_hearing
from ..progress import Progress, silent
from .gains import EARS
from .limiter import limit
from .render import render
from .settings import MixSettings

__all__ = ["Mixdown", "mixdown"]

#: Samples after the end that the live approximation looks at.
_AFTER = NFIR


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
    progress: Progress = silent,
) -> Mixdown:
    """Render what is heard.

    The order is the mixer's: mode, loudness matching and master; then what the listener hears of it, if that is simulated
    (MSBG's rendering has the master before it, too); then the limiter. The listening volume is no part of it.

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
        Whom the aided modes amplify for, by the settings' prescription, and whose hearing is simulated.
    progress : function
        Told how far MSBG is, which takes a third of the sound's length; the rest takes no time.

    Raises
    ------
    CadenzaError
        If what is to be heard needs true stems or a listener, and there are none.
    """

    # What the amplification's filter rings after the end is heard by the ear's model and by the limiter, which looks ahead;
    # what it rings before the beginning, by the limiter. (The ear's model smears in blocks that begin with the excerpt.)
    rings = (settings.simulated_ears or settings.limiter) and not settings.is_rendered_simulation
    around = (0 if settings.simulated_ears else NFIR // 2, _AFTER) if rings else (0, 0)

    def mode(name: str, around: tuple[int, int] = (0, 0)) -> np.ndarray:
        return _mode(
            name,
            settings,
            rate,
            _longer(stems, around),
            np.pad(original, ((0, 0), around)),
            truth and _longer(truth, around),
            listener,
        )

    samples = mode(settings.hear, around)
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
    samples = _simulated(samples, settings, rate, listener, progress)
    limited = 0.0
    if settings.limiter:
        samples, limited = limit(samples, rate)
    samples = samples[:, around[0] : around[0] + original.shape[1]]
    return Mixdown(samples, rate, measure(samples, rate), matched, limited)


def _longer(stems: Mapping[str, np.ndarray], around: tuple[int, int]) -> Mapping[str, np.ndarray]:
    """Put silence before and after stems, into which amplification rings."""
    return {name: np.pad(samples, ((0, 0), around)) for name, samples in stems.items()} if any(around) else stems


def _simulated(
    samples: np.ndarray, settings: MixSettings, rate: int, listener: Listener | None, progress: Progress
) -> np.ndarray:
    """Give what the listener hears, of the ears that are simulated."""
    if not settings.is_rendered_simulation and not settings.simulated_ears:
        return samples
    if listener is None:
        raise CadenzaError("There is no listener whose hearing could be simulated. Choose one.")
    calibration = settings.calibration_db_spl
    if settings.is_rendered_simulation:
        return simulate_hearing(samples, rate, listener, calibration_db_spl=calibration, progress=progress)
    heard = samples.copy()
    for row, ear in enumerate(EARS):
        if ear in settings.simulated_ears:  # in the browser, the sound comes out of the delays of NAL-R's length before
            heard[row] = simulate_live(samples[row], live_ear(ear_of(listener, ear), calibration), lead=NFIR // 2)
    return heard


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
