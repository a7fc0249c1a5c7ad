"""HAAQI, the hearing-aid audio quality index, as CAD1 computes it: fast, with pyclarity's numbers.

Kates & Arehart 2016, "The Hearing-Aid Audio Quality Index (HAAQI)", IEEE/ACM TASLP 24(2), 354-365. An ear model turns
the reference and the processed signal into what 32 auditory bands hear: resample to 24 kHz, align, prune, NAL-R for the
reference (:mod:`.haaqi_ear`), filter and compress as the cochlea does (:mod:`.haaqi_ear`), align each band
(:mod:`.haaqi_lags`), adapt and add noise as the inner hair cells do (:mod:`.haaqi_cells`, :mod:`.haaqi_noise`). Then
the two are compared: changes of the spectrum, fine structure, long-term spectrum (:mod:`.haaqi_features`).

The numbers are pyclarity's to about 1e-7. The noise is the same, draw by draw: given the same seed, the random
stream is left in the same place. An *engine* is a function with the arguments of pyclarity's `compute_haaqi`:
:func:`fast_engine` or :func:`reference_engine`.

Two bands' correlations may be so nearly equal at two lags that rounding chooses one (a tone against another tone); there
the score may differ by 1e-3, and would between any two computers. A faster noise (a fixed table) would save a seventh of
the time; it is not worth another number.

Memory: 1.6 MB per second of sound while it is aligned, and 15 MB of buffers, for each score that is being computed.
"""

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from clarity.utils.audiogram import Audiogram

from ..errors import CadenzaError
from ..progress import Progress, silent
from .haaqi_batch import HaaqiPair, score_in_order
from .haaqi_check import MIN_DURATION, check_input
from .haaqi_compile import compiling, is_compiled
from .haaqi_model import HaaqiParts
from .haaqi_noise import Position, position_of

__all__ = [
    "MIN_DURATION",
    "Engine",
    "HaaqiCheck",
    "HaaqiPair",
    "HaaqiParts",
    "Seed",
    "check_haaqi",
    "compute_haaqi",
    "engine_by_name",
    "fast_engine",
    "haaqi_parts",
    "haaqi_parts_of_pairs",
    "reference_engine",
    "reference_level",
    "warm_up",
    "warm_up_aside",
]

#: ``engine(processed, reference, processed_rate, reference_rate, audiogram, equalisation, level1) -> score``.
Engine = Callable[[np.ndarray, np.ndarray, float, float, Audiogram, int, float], float]
#: Where noise comes from: an integer as `np.random.seed` takes it, a generator, a legacy state, or None for NumPy's
#: global state. All but the integer are advanced.
Seed = int | np.random.Generator | np.random.RandomState | None


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


def fast_engine(
    processed_signal: np.ndarray,
    reference_signal: np.ndarray,
    processed_sample_rate: float,
    reference_sample_rate: float,
    audiogram: Audiogram,
    equalisation: int = 1,
    level1: float = 65.0,
) -> float:
    """Our own implementation: pyclarity's number from NumPy's global state, which it leaves as pyclarity does."""
    rates = processed_sample_rate, reference_sample_rate
    return haaqi_parts(processed_signal, reference_signal, *rates, audiogram, equalisation, level1).score


def engine_by_name(name: str) -> Engine:
    """Give the engine called ``"fast"`` or ``"reference"``.

    Raises
    ------
    CadenzaError
        If there is no such engine.
    """
    engines: dict[str, Engine] = {"fast": fast_engine, "reference": reference_engine}
    if name not in engines:
        raise CadenzaError(f"There is no HAAQI engine {name!r}; there are {', '.join(engines)}.")
    return engines[name]


def compute_haaqi(
    processed_signal: np.ndarray,
    reference_signal: np.ndarray,
    processed_sample_rate: float,
    reference_sample_rate: float,
    audiogram: Audiogram,
    equalisation: int = 1,
    level1: float = 65.0,
    *,
    engine: Engine = fast_engine,
) -> float:
    """Compute HAAQI, with the arguments of pyclarity's function of that name.

    Parameters
    ----------
    processed_signal, reference_signal : np.ndarray [shape=(n,)]
        Floating point; the level is set by `level1`. The longer one is cut to the length of the shorter.
    processed_sample_rate, reference_sample_rate : float >= 1000
        Hz.
    audiogram : Audiogram
        Of the ear, dB HL; interpolated to HAAQI's six frequencies where it lacks them.
    equalisation : {1, 2, 0}
        1: NAL-R is added to the reference; 2: it has been already; 0: the reference is for a normal ear.
    level1 : float
        dB SPL of a signal with an RMS of 1.
    engine : Engine
        Who computes. Draws its noise from NumPy's global random state.

    Returns
    -------
    float
        0 (worst) to 1. An empty reference gives 1 if the processed signal is empty too, else 0.

    Raises
    ------
    CadenzaError
        If a signal is not one-dimensional, floating point and finite, or shorter than :data:`MIN_DURATION`, a rate is
        too low, the audiogram lacks a level, the reference is silent, or `level1` is not finite, as for a silent
        reference. Where pyclarity raises an IndexError or ValueError, the error is one too.
    """
    arguments = (processed_sample_rate, reference_sample_rate, audiogram, equalisation, level1)
    check_input(processed_signal, reference_signal, *arguments)
    return engine(processed_signal, reference_signal, *arguments)


def _position(seed: Seed) -> Position:
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**32))
    return position_of(np.random.RandomState(seed) if isinstance(seed, int) else seed)


def _leave(seed: Seed, position: Position) -> None:
    """Advance a legacy state to where pyclarity would have left it."""
    if seed is None:
        np.random.set_state(position.state())  # noqa: NPY002
    elif isinstance(seed, np.random.RandomState):
        seed.set_state(position.state())


def haaqi_parts(
    processed_signal: np.ndarray,
    reference_signal: np.ndarray,
    processed_sample_rate: float,
    reference_sample_rate: float,
    audiogram: Audiogram,
    equalisation: int = 1,
    level1: float = 65.0,
    *,
    seed: Seed = None,
    detailed: bool = False,
) -> HaaqiParts:
    """Compute HAAQI and what it consists of: see :func:`compute_haaqi` and :class:`HaaqiParts`.

    Parameters
    ----------
    seed : int, np.random.Generator, np.random.RandomState or None
        Where the noise comes from. An integer gives the number that pyclarity gives after `np.random.seed` with it.
    detailed : bool
        Also tell the bands' cepstral losses.

    Raises
    ------
    CadenzaError
        As `compute_haaqi`.
    """
    rates = processed_sample_rate, reference_sample_rate
    pair = HaaqiPair(processed_signal, reference_signal, *rates, audiogram, equalisation, level1)
    return haaqi_parts_of_pairs([pair], seed=seed, threads=1, detailed=detailed)[0]


def haaqi_parts_of_pairs(
    pairs: Iterable[HaaqiPair],
    *,
    seed: Seed = None,
    threads: int | None = None,
    progress: Progress = silent,
    detailed: bool = False,
) -> list[HaaqiParts]:
    """Compute HAAQI of many pairs, several at a time: the numbers of one call after the other.

    Parameters
    ----------
    pairs : iterable of HaaqiPair
        Taken as they are needed, in the calling thread. Neighbours with the same reference share what hangs on it.
    seed : int, np.random.Generator, np.random.RandomState or None
        Where the noise comes from: of the first pair; each further one goes on where the one before has stopped.
    threads : int or None
        Scores computed at a time; None: one for each processor. The numbers do not depend on it.
    progress : Progress
    detailed : bool
        Also tell the bands' cepstral losses: some hundredths of a second each.

    Raises
    ------
    CadenzaError
        If a pair is faulty, as `compute_haaqi`.
    """
    parts, position = score_in_order(pairs, _position(seed), threads=threads, progress=progress, detailed=detailed)
    _leave(seed, position)
    return parts


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


@dataclass(frozen=True)
class HaaqiCheck:
    """Both engines' scores of the same signals and noise."""

    fast: float
    reference: float

    @property
    def difference(self) -> float:
        """Fast less reference."""
        return self.fast - self.reference

    @property
    def agrees(self) -> bool:
        """Whether the difference is at most 1e-4, what may be expected of the most awkward signals."""
        return abs(self.difference) <= 1e-4 or (math.isnan(self.fast) and math.isnan(self.reference))


def check_haaqi(
    processed_signal: np.ndarray,
    reference_signal: np.ndarray,
    processed_sample_rate: float,
    reference_sample_rate: float,
    audiogram: Audiogram,
    equalisation: int = 1,
    level1: float = 65.0,
    *,
    seed: int = 0,
) -> HaaqiCheck:
    """Compare the fast engine with pyclarity's own on one's own signals: see :func:`compute_haaqi`.

    Takes about a second for a second of sound. NumPy's global state is put back.
    """
    rates = processed_sample_rate, reference_sample_rate
    scores = []
    state = np.random.get_state()  # noqa: NPY002
    try:
        for engine in (fast_engine, reference_engine):
            np.random.seed(seed)  # noqa: NPY002
            scores.append(
                compute_haaqi(
                    processed_signal, reference_signal, *rates, audiogram, equalisation, level1, engine=engine
                )
            )
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return HaaqiCheck(*scores)


def warm_up() -> None:
    """Compile all that is compiled, or load it from the disk: the first score then takes no longer than the others.

    About a minute if nothing was compiled before on this machine, else half a second. Of several processes one compiles.
    """
    signal = 0.1 * np.random.default_rng(0).standard_normal(12000)
    audiogram = Audiogram(levels=np.zeros(6), frequencies=np.array([250, 500, 1000, 2000, 4000, 6000]))
    pair = HaaqiPair(signal, signal, 24000, 24000, audiogram, 2, 85.0)
    with compiling():
        haaqi_parts_of_pairs([pair, pair], seed=0, threads=2)


def warm_up_aside(progress: Progress = silent) -> None:
    """Warm up; what has to be compiled is in another process: a compiler holds Python's lock, and a server must answer.

    Raises
    ------
    Cancelled
        From `progress`; the other process is stopped.
    """
    if not is_compiled():
        _compile_aside(progress)
    warm_up()
    progress(1.0, "HAAQI is ready")


def _compile_aside(progress: Progress) -> None:
    politely = "import os; getattr(os, 'nice', int)(10)"  # whoever listens meanwhile goes first
    command = [sys.executable, "-c", f"{politely}; from cadenza_core.quality import warm_up; warm_up()"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL) as compiler:
        try:
            while compiler.poll() is None:
                progress(0.1, "preparing HAAQI, at the first start only")
                time.sleep(0.1)
        finally:
            compiler.terminate()
