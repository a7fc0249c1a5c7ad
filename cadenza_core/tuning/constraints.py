"""What a proposal must keep to, and how gains are brought to keep to it."""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from ..remix.gains import MAX_GAIN, MIN_GAIN
from .heard import HeardStems

__all__ = ["Constraints", "Fitter", "Levels"]

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Constraints:
    """What a proposal must keep to.

    Parameters
    ----------
    lowest, highest : float
        Range of each stem's gain, dB.
    step : float
        Gains are multiples of it, dB.
    loudness_change : float
        How much louder or softer than with equal gains the mix may be, LU.
    true_peak : float
        Highest true peak of the mix, dB TP. Where equal gains exceed it already, as amplification for a severe loss does, the
        proposal may exceed equal gains by no more than its loudness may.
    linked : bool
        Whether both ears have the same gains.

    Raises
    ------
    CadenzaError
        If a number is out of range, or the range does not hold 0 dB, from which the search starts.
    """

    lowest: float = -12.0
    highest: float = 6.0
    step: float = 0.5
    loudness_change: float = 1.0
    true_peak: float = -1.0
    linked: bool = True

    def __post_init__(self) -> None:
        numbers = (self.lowest, self.highest, self.step, self.loudness_change, self.true_peak)
        if not all(math.isfinite(number) for number in numbers):
            raise CadenzaError(f"The constraints must be numbers; given are {numbers}.")
        if not MIN_GAIN <= self.lowest <= 0.0 <= self.highest <= MAX_GAIN or self.lowest == self.highest:
            raise CadenzaError(
                f"The range of gains is {self.lowest:g} to {self.highest:g} dB; it must hold 0 dB and something else, "
                f"within {MIN_GAIN:g} to {MAX_GAIN:g} dB."
            )
        if not 0.1 <= self.step <= 6.0:
            raise CadenzaError(f"The step of the gains is {self.step:g} dB; 0.1 to 6 dB is accepted.")
        if not self.step <= self.loudness_change <= 30.0:
            raise CadenzaError(
                f"The loudness may change by {self.loudness_change:g} LU; a step of the gains, {self.step:g}, to 30 LU is "
                "accepted."
            )

    def describe(self) -> str:
        """Say them in words."""
        ears = "" if self.linked else ", each ear by itself"
        return (
            f"gains from {self.lowest:+g} to {self.highest:+g} dB in steps of {self.step:g} dB{ears}; loudness within "
            f"{self.loudness_change:g} LU of equal gains; true peak at most {self.true_peak:g} dBTP, or, where "
            "equal gains exceed that, as much above theirs as the loudness may be"
        )


@dataclass(frozen=True)
class Levels:
    """Loudness (LUFS) and true peak (dB TP) of a mix."""

    loudness: float
    true_peak: float


class Fitter:
    """Brings gains to keep to the constraints, by raising or lowering all stems together.

    Parameters
    ----------
    heard : HeardStems
    constraints : Constraints
    """

    def __init__(self, heard: HeardStems, constraints: Constraints) -> None:
        self.heard, self.constraints = heard, constraints
        self.equal = self.levels(np.zeros((len(heard.names), 2)))
        #: Highest true peak allowed, dB TP.
        self.peak_limit = constraints.true_peak
        if self.equal.true_peak > constraints.true_peak:
            self.peak_limit = self.equal.true_peak + constraints.loudness_change

    def levels(self, decibels: np.ndarray) -> Levels:
        """Measure a mix; gains of shape (stems, 2), dB."""
        return Levels(self.heard.loudness(decibels), self.heard.true_peak(decibels))

    def fit(self, decibels: np.ndarray) -> np.ndarray | None:
        """Shift all gains by whole steps until the loudness is right; None if they leave their range then.

        The true peak is not looked at: see :meth:`peak_fits`.

        Parameters
        ----------
        decibels : np.ndarray [shape=(stems, 2)]
            Multiples of the step.
        """
        limits = self.constraints
        change = self.change(decibels)
        shift = 0.0
        if not math.isnan(change):
            allowed, step = limits.loudness_change, limits.step
            if change > allowed + _TOLERANCE:
                shift = -math.ceil((change - allowed) / step - _TOLERANCE) * step
            elif change < -allowed - _TOLERANCE:
                shift = math.ceil((-allowed - change) / step - _TOLERANCE) * step
        fitted = decibels + shift
        inside = (fitted >= limits.lowest - _TOLERANCE).all() and (fitted <= limits.highest + _TOLERANCE).all()
        return fitted if inside and self.loudness_fits(fitted) else None

    def change(self, decibels: np.ndarray) -> float:
        """Give how much louder than equal gains a mix is, LU; NaN where loudness is not defined."""
        now = self.heard.loudness(decibels)
        both = math.isfinite(now) and math.isfinite(self.equal.loudness)
        return now - self.equal.loudness if both else math.nan

    def loudness_fits(self, decibels: np.ndarray) -> bool:
        """Whether the loudness is near enough to that of equal gains."""
        change = self.change(decibels)
        return math.isnan(change) or abs(change) <= self.constraints.loudness_change + 1e-3

    def peak_fits(self, decibels: np.ndarray) -> bool:
        """Whether the true peak is low enough."""
        return self.heard.true_peak(decibels) <= self.peak_limit + _TOLERANCE
