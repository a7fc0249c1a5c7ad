"""Estimate whether what was asked for is in the mixture at all.

A separator always gives something. One that was trained like AudioSep has only ever seen mixtures that hold what was
asked for; asked for something else, it gives little, mostly. So the estimate is how much it took: the target's power
against the mixture's where it took most. It is no probability and no detection: a soft tambourine and an absent one can
look the same. The thresholds come from `benchmarks/lass.py`, which counts how often they are wrong on held-out
mixtures.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["ABSENT", "UNSURE", "Presence", "presence_of"]

#: Length of a window, s.
WINDOW = 0.5
#: Power of the target against the mixture, dB, in the windows in which it is strongest: below it is probably absent, up to the
#: other one it may be.
ABSENT, UNSURE = -12.0, -6.0
#: Share of the windows that count as those in which it is strongest.
_TOP = 0.1
#: Windows this far (dB) below the loudest say nothing.
_QUIET = 50.0


@dataclass(frozen=True)
class Presence:
    """How much was taken.

    Parameters
    ----------
    strongest : float
        Power of the target against the mixture in the tenth of the windows in which it is strongest, dB; -inf: nothing, NaN:
        the mixture is silent.
    overall : float
        The same over everything, dB.
    """

    strongest: float
    overall: float

    @property
    def verdict(self) -> str:
        """``"there"``, ``"unsure"``, ``"absent"`` or, where the mixture is silent, ``"silent"``."""
        if math.isnan(self.strongest):
            return "silent"
        if self.strongest < ABSENT:
            return "absent"
        return "unsure" if self.strongest < UNSURE else "there"

    def warning(self, query: str) -> str:
        """Say what the user should know, or nothing."""
        if self.verdict == "silent":
            return f"The mixture is silent here, so “{query}” cannot be in it."
        level = (
            "nothing was taken"
            if math.isinf(self.strongest)
            else f"at its strongest {self.strongest:.0f} dB of the mixture"
        )
        return {
            "absent": f"“{query}” is probably not here ({level}).",
            "unsure": f"“{query}” is faint or not here ({level}).",
        }.get(self.verdict, "")


def presence_of(mixture: np.ndarray, target: np.ndarray, rate: int) -> Presence:
    """Estimate it.

    Parameters
    ----------
    mixture, target : np.ndarray [shape=(c, n)]
        At the model's rate, so that the band which it does not hear does not count.
    rate : int
        Hz.
    """
    heard, taken = (_powers(signal, rate) for signal in (mixture, target))
    if not heard.sum() > 0:
        return Presence(math.nan, math.nan)
    loud = heard > heard.max() * 10 ** (-_QUIET / 10)
    ratios = np.sort(taken[loud] / heard[loud])[::-1]
    top = ratios[: max(1, math.ceil(_TOP * len(ratios)))]
    return Presence(_decibels(float(top.mean())), _decibels(float(taken.sum() / heard.sum())))


def _powers(signal: np.ndarray, rate: int) -> np.ndarray:
    """Give the energy of each window."""
    edges = np.arange(0, signal.shape[1], max(1, round(WINDOW * rate)))
    return np.add.reduceat(np.square(signal, dtype=np.float64).sum(axis=0), edges)


def _decibels(ratio: float) -> float:
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf
