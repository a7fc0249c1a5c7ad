"""Hear as a listener does: the hearing-loss model MSBG (Moore, Stone, Baer & Glasberg), as pyclarity has it.

Three things are simulated, each for the audiogram of one ear: elevated thresholds and loudness recruitment (Moore & Glasberg
1993, J. Acoust. Soc. Am. 94(4), 2050-2062) by expanding the envelopes of gammatone bands so that 105 dB SPL stays what it
is and what is at the threshold vanishes, and broader auditory filters by smearing the spectrum (Baer & Moore 1993, J. Acoust.
Soc. Am. 94(3), 1229-1241). Before and after, the sound passes from the free field to the cochlea and back.

What is ours here
-----------------
pyclarity's own parts are run, one after the other, on pieces of some seconds, so that a long song needs no more memory than
a short one; the result is that of `Ear.process` to 1e-9, in time with the input (the filters' delay of 1080 samples, and 192
more where there is smearing, is taken out). Differences, all on purpose:

- The level is absolute: a root mean square of 1.0 is `calibration_db_spl`. `Ear.process` adds 20 dB (`ahr`) to its
  `equiv_0db_spl`, and scales its input by the ratio of its plain to its gated root mean square, which lowers music with
  pauses by some dB; neither is done here. The calibration tone and noise that it can put before the signal are left out.
- Hearing levels are limited to 0 to 100 dB HL. Below 0, the model would raise soft sounds; at 105 its expansion is infinite,
  and negative beyond. Its authors mean it for up to 80 or 90 dB HL (pyclarity's README): :func:`simulation_notes` says so.
- pyclarity's smearing puts a copy of the first 192 samples at the beginning. Here silence goes before the sound.

What pyclarity does and stays: envelopes are limited to the level of 105 dB SPL, so that no gain exceeds 1, and to 1e-9 of full
scale; above 18 kHz the sound is cut off; the degree of smearing and the width of the bands go by the mean hearing level
from 2 to 8 kHz in four steps (:attr:`Audiogram.severity`); and the bands add up to within 1 or 2 dB, not exactly.
"""

import functools
import math
from typing import Any

import numpy as np
import scipy
from clarity.utils.audiogram import Audiogram, Listener

from ..audio import resample
from ..audio.signal import check_samples
from ..progress import Progress, part, silent
from .prescription import ear_of
from .thresholds import CALIBRATION_DB_SPL, check_calibration

__all__ = ["LOSSES", "MODEL_RATE", "model_audiogram", "simulate_ear", "simulate_hearing", "simulation_notes"]

#: The only sample rate of the model, Hz.
MODEL_RATE = 44100
#: Hearing levels that are simulated, dB HL; others are limited to them.
LOSSES = (0.0, 100.0)
#: Hearing level up to which the model is meant to be used, dB HL.
TRUSTED = 90.0
_PIECE = 64 * 3445  # samples of a piece, 5 s: 36 bands of them, twice, are 130 MB
_BEFORE = 64 * 350  # samples before a piece for the filters' memory; smearing works on a grid of 64
_AFTER = 4410  # and after it, beyond the delay: for the envelopes' filters, which run backwards as well
_SMEARING_DELAY = 192
_UPPER_TAPS = 133


def model_audiogram(audiogram: Audiogram) -> Audiogram:
    """Give the audiogram that is simulated: hearing levels limited to :data:`LOSSES`."""
    return Audiogram(levels=np.clip(audiogram.levels, *LOSSES), frequencies=audiogram.frequencies)


def simulation_notes(listener: Listener) -> tuple[str, ...]:
    """Say what a user should know about the simulation of this listener."""
    notes = []
    for side in ("left", "right"):
        levels = ear_of(listener, side).levels
        if levels.max() > LOSSES[1]:
            notes.append(
                f"{side} ear: hearing levels above {LOSSES[1]:g} dB HL are simulated as {LOSSES[1]:g}; what is there is "
                f"silent below {LOSSES[1]:g} dB SPL as well"
            )
        elif levels.max() > TRUSTED:
            notes.append(
                f"{side} ear: the model is meant for up to {TRUSTED:g} dB HL; of the frequencies beyond it, expect no more "
                "than whether they are heard"
            )
        if levels.min() < LOSSES[0]:
            notes.append(f"{side} ear: hearing levels better than 0 dB HL are simulated as 0")
    return tuple(notes)


def simulate_ear(
    signal: np.ndarray,
    rate: int,
    audiogram: Audiogram,
    *,
    calibration_db_spl: float = CALIBRATION_DB_SPL,
    progress: Progress = silent,
) -> np.ndarray:
    """Render what one ear hears, for an ear that hears normally.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
        Full scale 1.0.
    rate : int
        Sample rate, Hz. The model has 44100 Hz: others are resampled (soxr, HQ) before and after.
    audiogram : Audiogram
        dB HL.
    calibration_db_spl : float
        Level of a root mean square of 1.0, 60 to 130 dB SPL.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
        In time with the input. Silence stays silence.

    Raises
    ------
    CadenzaError
        If the signal is empty or not finite, or the calibration out of range.
    """
    check_samples(np.atleast_2d(signal), "The signal to simulate hearing for")
    full_scale = check_calibration(calibration_db_spl)
    if not signal.any():
        return np.zeros(len(signal))
    model = _model(tuple(audiogram.frequencies.tolist()), tuple(model_audiogram(audiogram).levels.tolist()))
    at_rate = resample(np.asarray(signal, dtype=np.float64), rate, MODEL_RATE)
    out = np.zeros(len(at_rate))
    for start in range(0, len(at_rate), _PIECE):
        progress(start / len(at_rate), "simulating an ear")
        stop = min(start + _PIECE, len(at_rate))
        out[start:stop] = model.piece(at_rate, start, stop, full_scale)
    return _fitted(resample(out, MODEL_RATE, rate), len(signal))


def simulate_hearing(
    samples: np.ndarray,
    rate: int,
    listener: Listener,
    *,
    calibration_db_spl: float = CALIBRATION_DB_SPL,
    progress: Progress = silent,
) -> np.ndarray:
    """Render what a listener hears, both ears: see :func:`simulate_ear`; `samples` and result have shape (2, n)."""
    ears = []
    for row, side in enumerate(("left", "right")):
        share = part(progress, row / 2, (row + 1) / 2)
        ears.append(
            simulate_ear(
                samples[row], rate, ear_of(listener, side), calibration_db_spl=calibration_db_spl, progress=share
            )
        )
    return np.stack(ears)


def _fitted(signal: np.ndarray, length: int) -> np.ndarray:
    return np.pad(signal, (0, max(0, length - len(signal))))[:length]


@functools.lru_cache(maxsize=8)
def _model(frequencies: tuple[float, ...], levels: tuple[float, ...]) -> "_Model":
    return _Model(Audiogram(levels=np.array(levels), frequencies=np.array(frequencies)))


class _Model:
    """pyclarity's model of one ear, ready to run on pieces."""

    def __init__(self, audiogram: Audiogram) -> None:
        from clarity.evaluator.msbg import msbg
        from clarity.evaluator.msbg.cochlea import Cochlea

        self.cochlea = Cochlea(audiogram, fs=MODEL_RATE)
        self.transfer: Any = functools.partial(
            msbg.Ear.src_to_cochlea_filt, src_correction=msbg.Ear.get_src_correction("ff"), sample_rate=MODEL_RATE
        )
        cutoff = msbg.UPPER_CUTOFF_HZ / (MODEL_RATE / 2)
        self.upper = scipy.signal.firwin(_UPPER_TAPS, cutoff, window=("kaiser", 8))
        transfer_order = 2 * math.floor(MODEL_RATE / 16e3 * 368 / 2)  # twice half of it: there and back
        smearing = _SMEARING_DELAY if self.cochlea.smearer else 0
        self.delay = transfer_order + _UPPER_TAPS // 2 + smearing

    def piece(self, signal: np.ndarray, start: int, stop: int, full_scale: float) -> np.ndarray:
        """Give samples `start` to `stop` of what is heard of `signal`."""
        first, last = start - _BEFORE, stop + self.delay + _AFTER
        inner = signal[max(first, 0) : last]
        if not inner.any():
            return np.zeros(stop - start)
        padded = np.pad(inner, (max(-first, 0), max(last - len(signal), 0)))
        heard = self.transfer(padded[np.newaxis])[0]
        heard = self.cochlea.simulate(heard, full_scale)
        heard = self.transfer(heard[np.newaxis, : len(padded)], backward=True)[0]
        heard = scipy.signal.lfilter(self.upper, 1, heard)
        return heard[_BEFORE + self.delay : _BEFORE + self.delay + stop - start]
