"""What a proposal may aim at: stems that are heard, a lead as loud as listeners are known to like, a remix of good quality.

An objective is a few facts that the user states. Given a :class:`Material`, it becomes a function of the gains, which the
search maximises.

Audible
    The mean audible share of the chosen stems (:mod:`cadenza_core.hearing.audibility`), less `trade_off` times the mean of
    what the other stems lose of theirs against equal gains.
Preference
    The lead-to-accompaniment ratio, raised by a given number of dB. Benjamin & Siedenburg 2023 ("Exploring level- and
    spectrum-based music mixing transforms for hearing-impaired listeners", J. Acoust. Soc. Am. 154(2), 1048) found that
    hearing-impaired listeners set it higher than normal-hearing ones, and higher still without their hearing aids. In
    Siedenburg, Röttges, Wagener & Hohmann 2020 ("Can you hear out the melody?", Trends in Hearing 24), older listeners with a
    moderate loss needed a melody 10 dB stronger than young normal-hearing ones to recognise it in an accompaniment. Users of
    cochlear implants, who have a profound loss, set vocals 8 dB higher (Tahmasebi, Gajęcki & Nogueira 2020, Frontiers in
    Neuroscience 14, 434). How much suits one audiogram is not published: :func:`preferred_raise` is a choice of ours between
    those findings.
Quality
    HAAQI: see :mod:`.objective_haaqi`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import STEMS
from ..catalog import pure_tone_average
from ..errors import CadenzaError
from ..hearing import ear_of
from ..progress import Progress, silent
from ..remix import EARS
from .material import Material

__all__ = ["Audible", "Objective", "Preference", "Value", "percent", "preferred_raise"]

#: A function of gains, dB by stem and ear: shape (stems, 2).
Value = Callable[[np.ndarray], float]


def percent(share: float, digits: int = 0) -> str:
    """Write a share as per cent: ``41 %``."""
    return f"{100 * share:.{digits}f} %"


class Objective(ABC):
    """What a proposal aims at."""

    #: One word; and what its value is called in a sentence.
    name: ClassVar[str]
    noun: ClassVar[str]
    #: An improvement by less is none.
    smallest: ClassVar[float]
    #: Mixes that the search may try; and tries, as a rule, with linked ears.
    budget: ClassVar[int]
    typical: ClassVar[int]

    @abstractmethod
    def describe(self, material: Material) -> str:
        """Say what is aimed at, in words."""

    @abstractmethod
    def show(self, value: float) -> str:
        """Write a value for people."""

    def groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Give the stems that are moved together: each by itself."""
        return tuple((name,) for name in names)

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones, shape (stems, 2), dB: none."""
        return ()

    @abstractmethod
    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised.

        Raises
        ------
        CadenzaError
            If the material lacks something, or from `progress`.
        """

    def gained(self, value: Value, decibels: np.ndarray) -> str:
        """Say what an improvement over equal gains consists of; empty if there is nothing to say."""
        return ""


def _check_stems(stems: tuple[str, ...], what: str) -> None:
    if not stems or any(stem not in STEMS for stem in stems) or len(set(stems)) < len(stems):
        given = ", ".join(str(stem)[:40] for stem in stems) or "none"
        raise CadenzaError(f"{what} are {given}; one or more of {', '.join(STEMS)} are accepted, once each.")


@dataclass(frozen=True)
class Audible(Objective):
    """Hear these stems better.

    Parameters
    ----------
    stems : tuple of str
    trade_off : float, 0 to 10
        What a lost share of the other stems counts, relative to a won one of these; 0: nothing.

    Raises
    ------
    CadenzaError
        If a stem is unknown or the trade-off out of range.
    """

    stems: tuple[str, ...] = ("vocals",)
    trade_off: float = 0.5

    name, noun, smallest, budget, typical = "audibility", "the objective", 0.005, 1500, 250

    def __post_init__(self) -> None:
        _check_stems(self.stems, "The stems to be heard")
        if not 0.0 <= self.trade_off <= 10.0:
            raise CadenzaError(
                f"The trade-off is {self.trade_off:g}; 0 (only the chosen stems count) to 10 is accepted."
            )

    def describe(self, material: Material) -> str:
        """Say what is aimed at, in words."""
        others = f", less {self.trade_off:g} times what the other stems lose on average" if self.trade_off else ""
        return f"audible share of {' and '.join(self.stems)}{others}"

    def show(self, value: float) -> str:
        """Write a value for people."""
        return percent(value, 1)

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones."""
        chosen = np.array([name in self.stems for name in names])
        return (np.where(chosen, 3.0, -3.0)[:, None].repeat(2, axis=1),)

    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised."""
        model = material.audibility
        chosen = np.array([name in self.stems for name in model.names])
        if not chosen.any():
            raise CadenzaError(
                f"There is no sound of {' and '.join(self.stems)} in this excerpt. Choose other stems or another excerpt."
            )
        equal = model.total(model.shares(np.zeros((len(model.names), 2))))

        def value(decibels: np.ndarray) -> float:
            shares = model.total(model.shares(decibels))
            lost = np.maximum(equal - shares, 0.0)[~chosen]
            return float(shares[chosen].mean() - (self.trade_off * lost.mean() if len(lost) else 0.0))

        return value


def preferred_raise(listener: Listener) -> float:
    """Give by how much the lead is raised for a listener if nothing is said: 0.1 dB for each dB HL, at most 8 dB.

    Of the better ear's average over 500, 1000, 2000 and 4000 Hz. From 80 dB HL on, where implants begin to be considered, it
    is the 8 dB that users of implants set. See the top of this module: a choice of ours between published findings.
    """
    average = min(pure_tone_average(ear_of(listener, ear)) for ear in EARS)
    return round(min(max(0.1 * average, 0.0), 8.0), 1)


@dataclass(frozen=True)
class Preference(Objective):
    """Raise the lead above its accompaniment.

    Parameters
    ----------
    lead : tuple of str
        Stems; the others are the accompaniment, whose balance is kept.
    raise_db : float or None
        By how much the ratio of their loudnesses rises, 0.5 to 20 dB; None: :func:`preferred_raise`.

    Raises
    ------
    CadenzaError
        If a stem is unknown or the raise out of range.
    """

    lead: tuple[str, ...] = ("vocals",)
    raise_db: float | None = None

    name, noun, smallest, budget, typical = "preference", "the ratio", 0.25, 500, 40

    def __post_init__(self) -> None:
        _check_stems(self.lead, "The lead's stems")
        if self.raise_db is not None and not 0.5 <= self.raise_db <= 20.0:
            raise CadenzaError(f"The lead is to be raised by {self.raise_db:g} dB; 0.5 to 20 dB is accepted.")

    def wanted(self, listener: Listener) -> float:
        """Give by how much the ratio shall rise, dB."""
        return preferred_raise(listener) if self.raise_db is None else self.raise_db

    def describe(self, material: Material) -> str:
        """Say what is aimed at, in words."""
        source = ", as suits this audiogram" if self.raise_db is None else ""
        lead, wanted = " and ".join(self.lead), self.wanted(material.listener)
        return f"lead-to-accompaniment ratio (lead: {lead}) {wanted:g} dB higher than with equal gains{source}"

    def show(self, value: float) -> str:
        """Write a value for people."""
        return f"{abs(value):.1f} dB off"

    def groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Give the stems that are moved together: the lead, and the accompaniment."""
        lead = tuple(name for name in names if name in self.lead)
        return tuple(group for group in (lead, tuple(name for name in names if name not in self.lead)) if group)

    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised."""
        heard = material.heard
        lead = np.array([name in self.lead for name in heard.names])
        mute = np.where(np.stack([lead, ~lead]), 0.0, -math.inf)[:, :, None]

        def ratio(decibels: np.ndarray) -> float:
            own, others = (heard.loudness(decibels + only) for only in mute)
            return own - others

        equal = ratio(np.zeros((len(heard.names), 2)))
        if not math.isfinite(equal):
            raise CadenzaError(
                f"Both {' and '.join(self.lead)} and the other stems must be heard in the excerpt, for 0.4 s at least. Choose "
                "another lead or excerpt."
            )
        goal = equal + self.wanted(material.listener)
        return lambda decibels: -abs(ratio(decibels) - goal)
