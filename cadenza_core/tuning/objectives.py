"""What a proposal may aim at: stems that are heard, a remix of good quality, a lead as loud as listeners are known to like.

An objective is a few facts that the user states. Given a :class:`Material`, it becomes a function of the gains, which the
search maximises.

Audible
    The mean audible share of the chosen stems (:mod:`cadenza_core.hearing.audibility`), less `trade_off` times the mean of what
    the other stems lose of theirs against equal gains.
Quality
    HAAQI of the amplified remix, mean of both ears, against the amplified remix of the *true* stems with fixed *target* gains:
    the form of the ICASSP 2024 challenge, whose target gains are part of the task. Equal target gains mean the true mixture.
    (CAD1's own score, of single stems, does not depend on a remix's gains.) The target is what the remix should be with clean
    stems; the search finds the gains with which the separated stems, with their leakage, come nearest to it.
Preference
    The lead-to-accompaniment ratio, raised by a given number of dB. Benjamin & Siedenburg 2023 ("Exploring level- and
    spectrum-based music mixing transforms for hearing-impaired listeners", J. Acoust. Soc. Am. 154(2), 1048) found that
    hearing-impaired listeners set it higher than normal-hearing ones, and higher still without their hearing aids; in
    Siedenburg, Röttges, Wagener & Hohmann 2020 ("Can you hear out the melody?", Trends in Hearing 24) they needed a melody
    10 dB stronger than young normal-hearing listeners did to hear it in an accompaniment; users of cochlear implants, who have
    a profound loss, set vocals 8 dB higher (Tahmasebi, Gajęcki & Nogueira 2020, Frontiers in Neuroscience 14, 434). How much
    suits one audiogram is not published: :func:`preferred_raise` is a choice of ours between those findings.
"""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE, STEMS, resample
from ..catalog import pure_tone_average
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, amplify, compensate_delay, ear_of, get_prescription, nalr_filter
from ..hearing.audibility import AudibilityModel, band_powers
from ..hearing.prescriptions import ear_responses
from ..hearing.thresholds import CALIBRATION_DB_SPL
from ..progress import Progress, part, silent
from ..quality import reference_level, song_seed
from ..quality.haaqi_model import HaaqiReference
from ..quality.haaqi_noise import Position, advance, position_of
from ..quality.scores import HAAQI_RATE
from ..remix import EARS, UNITY, Gains, mix
from .heard import HeardStems

__all__ = ["Audible", "Material", "Objective", "Preference", "Quality", "Value", "preferred_raise"]

#: A function of gains, dB by stem and ear: shape (stems, 2).
Value = Callable[[np.ndarray], float]


class Material:
    """An excerpt for one listener, as the objectives need it; what takes long is computed when it is first asked for.

    Parameters
    ----------
    song : str
        Name: it seeds HAAQI's noise.
    listener : Listener
    stems : mapping of str to np.ndarray [shape=(2, n)]
        The stems to be remixed, at 44.1 kHz, full scale 1.0.
    truth : mapping of str to np.ndarray [shape=(2, n)], optional
        The true stems.
    prescription : str or None
        Id of the listener's amplification; None: there is none.
    calibration_db_spl : float
        Level of 0 dB FS at the ear, dB SPL.

    Raises
    ------
    CadenzaError
        If all stems are silent, or the prescription is unknown or no filter.
    """

    def __init__(
        self,
        song: str,
        listener: Listener,
        stems: Mapping[str, np.ndarray],
        truth: Mapping[str, np.ndarray] | None = None,
        *,
        prescription: str | None = DEFAULT_PRESCRIPTION,
        calibration_db_spl: float = CALIBRATION_DB_SPL,
    ) -> None:
        self.song, self.listener, self.truth, self.prescription = song, listener, truth, prescription
        #: Stems with any sound in them: a gain for the others would do nothing.
        self.stems = {name: stems[name] for name in STEMS if name in stems and np.any(stems[name])}
        if not self.stems:
            raise CadenzaError("This excerpt is silent; there is nothing to remix. Pick another one.")
        self.names = tuple(self.stems)
        response = None if prescription is None else ear_responses(listener, prescription, RATE)
        self.heard = HeardStems({name: self._amplified(samples) for name, samples in self.stems.items()}, RATE)
        sound = band_powers(self.stems, RATE)
        self.audibility = AudibilityModel(sound, listener, calibration_db_spl=calibration_db_spl, response_db=response)

    def _amplified(self, samples: np.ndarray) -> np.ndarray:
        if self.prescription is None:
            return samples
        chosen = get_prescription(self.prescription)
        ears = [chosen.amplify(samples[row], ear_of(self.listener, ear), RATE) for row, ear in enumerate(EARS)]
        return np.stack([compensate_delay(ear) for ear in ears]).astype(np.float32)

    def reference(self, target: Gains) -> np.ndarray:
        """Give the remix of the true stems, not amplified, shape (2, n).

        Raises
        ------
        CadenzaError
            If the true stems are not known.
        """
        if self.truth is None:
            raise CadenzaError("HAAQI compares with the true stems, and this song has none. Choose another objective.")
        return mix(self.truth, target)


class Objective(Protocol):
    """What a proposal aims at."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def smallest(self) -> float:
        """An improvement by less is none."""

    @property
    def budget(self) -> int:
        """Mixes that the search may try."""

    def describe(self, material: Material) -> str:
        """Say what is maximised, in words."""

    def show(self, value: float) -> str:
        """Write a value for people."""

    def groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Give the stems that are moved together."""

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones: shape (stems, 2), dB."""

    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised.

        Raises
        ------
        CadenzaError
            If the material lacks something, or from `progress`.
        """


def _each(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in names)


def _check_stems(stems: tuple[str, ...], what: str) -> None:
    if not stems or any(stem not in STEMS for stem in stems) or len(set(stems)) < len(stems):
        raise CadenzaError(f"{what} are {', '.join(stems) or 'none'}; one or more of {', '.join(STEMS)} are accepted, once each.")


@dataclass(frozen=True)
class Audible:
    """Hear these stems better.

    Parameters
    ----------
    stems : tuple of str
    trade_off : float >= 0
        What a lost share of the other stems counts, relative to a won one of these; 0: nothing.

    Raises
    ------
    CadenzaError
        If a stem is unknown or the trade-off is not a number of 0 to 10.
    """

    stems: tuple[str, ...] = ("vocals",)
    trade_off: float = 0.5
    name: str = field(default="audibility", init=False)
    smallest: float = field(default=0.005, init=False)
    budget: int = field(default=1500, init=False)

    def __post_init__(self) -> None:
        _check_stems(self.stems, "The stems to be heard")
        if not 0.0 <= self.trade_off <= 10.0:
            raise CadenzaError(f"The trade-off is {self.trade_off:g}; 0 (only the chosen stems count) to 10 is accepted.")

    def describe(self, material: Material) -> str:
        """Say what is maximised, in words."""
        others = "" if not self.trade_off else f", less {self.trade_off:g} times what the other stems lose on average"
        return f"audible share of {' and '.join(self.stems)}{others}"

    def show(self, value: float) -> str:
        """Write a value for people."""
        return f"{value:.1%}"

    def groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Give the stems that are moved together."""
        return _each(names)

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones."""
        chosen = np.array([name in self.stems for name in names])
        return (np.where(chosen, 3.0, -3.0)[:, None].repeat(2, axis=1),)

    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised."""
        model = material.audibility
        chosen = np.array([name in self.stems for name in model.names])
        if not chosen.any():
            raise CadenzaError(f"{' and '.join(self.stems).capitalize()}: silent in this excerpt. Choose other stems or another excerpt.")
        equal = model.total(model.shares(np.zeros((len(model.names), 2))))

        def value(decibels: np.ndarray) -> float:
            shares = model.total(model.shares(decibels))
            lost = np.maximum(equal - shares, 0.0)[~chosen]
            return float(shares[chosen].mean() - (self.trade_off * lost.mean() if len(lost) else 0.0))

        return value


@dataclass(frozen=True)
class Quality:
    """Sound as the same remix of clean stems would.

    Parameters
    ----------
    target : Gains
        Of the true stems in the reference; all 0 dB: the original mixture.
    """

    target: Gains = UNITY
    name: str = field(default="haaqi", init=False)
    smallest: float = field(default=0.002, init=False)
    budget: int = field(default=80, init=False)

    def describe(self, material: Material) -> str:
        """Say what is maximised, in words."""
        words = "the original mixture" if self.target.is_unity else f"the true stems at {_gains_in_words(self.target)}"
        return f"HAAQI of the amplified remix, mean of both ears, against {words}"

    def show(self, value: float) -> str:
        """Write a value for people."""
        return f"{value:.3f}"

    def groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Give the stems that are moved together."""
        return _each(names)

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones: the target itself."""
        if self.target.is_unity:
            return ()
        return (np.array([[self.target.decibels[name, ear] for ear in EARS] for name in names]),)

    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised; two threads, one for each ear."""
        reference = material.reference(self.target)
        if min(float(np.abs(ear).max()) for ear in reference) == 0.0:
            raise CadenzaError("The reference is silent in one ear, which HAAQI cannot score. Choose another target or excerpt.")
        ears = []
        for row, ear in enumerate(EARS):
            progress(row / len(EARS), f"preparing HAAQI, {ear} ear")
            ears.append(_QualityEar(material, reference[row], row))
        pool = ThreadPoolExecutor(len(ears), "haaqi")
        start = position_of(np.random.RandomState(song_seed(material.song)))

        def value(decibels: np.ndarray) -> float:
            # the right ear's noise goes on where the left ear's stops, as in score_remix
            left = ears[0].mixed(decibels[:, 0])
            first = pool.submit(ears[0].score, left, start)
            second = ears[1].score(ears[1].mixed(decibels[:, 1]), ears[0].after(left, start))
            return (first.result() + second) / 2

        return value


class _QualityEar:
    """One ear's reference, and its separated stems as HAAQI takes them: all that comes before the score is linear."""

    def __init__(self, material: Material, reference: np.ndarray, row: int) -> None:
        audiogram = ear_of(material.listener, EARS[row])
        amplified = compensate_delay(amplify(reference, nalr_filter(audiogram, RATE)))
        target = resample(amplified, RATE, HAAQI_RATE)
        self._reference = HaaqiReference(target, HAAQI_RATE, audiogram, 2, reference_level(reference))
        samples = material.heard.samples[row]
        self._stems = np.stack([resample(one.astype(np.float64), RATE, HAAQI_RATE) for one in samples])
        self._draws: dict[int, int] = {}

    def mixed(self, decibels: np.ndarray) -> np.ndarray:
        return np.einsum("s,sn->n", 10.0 ** (decibels / 20.0), self._stems)

    def score(self, signal: np.ndarray, position: Position) -> float:
        return self._reference.parts(self._reference.prepare(signal, HAAQI_RATE), position)[0].score

    def after(self, signal: np.ndarray, position: Position) -> Position:
        prepared = self._reference.prepare(signal, HAAQI_RATE)
        if prepared.length not in self._draws:
            self._draws[prepared.length] = self._reference.draws(prepared)
        return advance(position, self._draws[prepared.length])


def _gains_in_words(gains: Gains) -> str:
    said = []
    for stem in STEMS:
        both = [f"{gain:+g}" if math.isfinite(gain := gains.decibels[stem, ear]) else "silent" for ear in EARS]
        if both != ["+0", "+0"]:
            said.append(f"{stem} {both[0] if both[0] == both[1] else ' / '.join(both)}")
    return ", ".join(said) + " dB"


def preferred_raise(listener: Listener) -> float:
    """Give by how much the lead is raised for a listener if nothing is said: 0.1 dB for each dB HL, at most 8 dB.

    Of the better ear's average over 500, 1000, 2000 and 4000 Hz. At 80 dB HL, where implants begin to be considered, it is the 8 dB
    that users of implants set. See the top of this module: a choice of ours between published findings.
    """
    average = min(pure_tone_average(ear_of(listener, ear)) for ear in EARS)
    return round(min(max(0.1 * average, 0.0), 8.0), 1)


@dataclass(frozen=True)
class Preference:
    """Raise the lead above its accompaniment.

    Parameters
    ----------
    lead : tuple of str
        Stems; the others are the accompaniment, whose balance is kept.
    raise_db : float or None
        By how much the ratio of their loudnesses rises, dB; None: :func:`preferred_raise`.

    Raises
    ------
    CadenzaError
        If a stem is unknown or the raise is not 0.5 to 20 dB.
    """

    lead: tuple[str, ...] = ("vocals",)
    raise_db: float | None = None
    name: str = field(default="preference", init=False)
    smallest: float = field(default=0.25, init=False)
    budget: int = field(default=500, init=False)

    def __post_init__(self) -> None:
        _check_stems(self.lead, "The lead's stems")
        if self.raise_db is not None and not 0.5 <= self.raise_db <= 20.0:
            raise CadenzaError(f"The lead is to be raised by {self.raise_db:g} dB; 0.5 to 20 dB is accepted.")

    def wanted(self, listener: Listener) -> float:
        """Give by how much the ratio shall rise, dB."""
        return preferred_raise(listener) if self.raise_db is None else self.raise_db

    def describe(self, material: Material) -> str:
        """Say what is maximised, in words."""
        wanted = self.wanted(material.listener)
        source = ", for this audiogram" if self.raise_db is None else ""
        return f"lead-to-accompaniment ratio of {' and '.join(self.lead)} as near as possible to {wanted:g} dB more than with equal gains{source}"

    def show(self, value: float) -> str:
        """Write a value for people."""
        return f"{abs(value):.1f} dB from it"

    def groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Give the stems that are moved together."""
        lead = tuple(name for name in names if name in self.lead)
        return tuple(group for group in (lead, tuple(name for name in names if name not in self.lead)) if group)

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones: none."""
        return ()

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
                f"{' and '.join(self.lead).capitalize()} and the other stems must both be heard in the excerpt, for 0.4 s at least. "
                "Choose another lead or excerpt."
            )
        goal = equal + self.wanted(material.listener)
        return lambda decibels: -abs(ratio(decibels) - goal)
