"""HAAQI as an objective: the separated stems' remix shall sound as the same remix of clean stems would.

What is scored is the amplified remix of the separated stems, mean of both ears, against the NAL-R amplified remix of the
*true* stems with fixed *target* gains: the form of the ICASSP 2024 challenge, whose target gains are part of the task. Equal
target gains mean the true mixture. (CAD1's own score, that of single stems, does not depend on a remix's gains.) Separated
stems leak into each other, so the gains that come nearest to the target need not be the target's own; the search finds them.
A separation whose stems sum to the mixture can do no better than equal gains for the mixture as the target: the remix then is
the mixture, and a proposal says that it cannot.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..audio import RATE, STEMS, resample
from ..errors import CadenzaError
from ..hearing import amplify, compensate_delay, ear_of, nalr_filter
from ..progress import Progress, silent
from ..quality import HaaqiParts, explain_haaqi, reference_level, song_seed
from ..quality.explain import TERMS
from ..quality.haaqi_model import HaaqiReference, Prepared
from ..quality.haaqi_noise import Position, advance, position_of
from ..quality.scores import HAAQI_RATE
from ..remix import EARS, UNITY, Gains
from .material import Material
from .objectives import Objective, Value

__all__ = ["Quality"]


@dataclass(frozen=True)
class Quality(Objective):
    """Sound as the same remix of clean stems would.

    Parameters
    ----------
    target : Gains
        Of the true stems in the reference; all 0 dB: the original mixture.
    """

    target: Gains = UNITY

    name, noun, smallest, budget, typical = "haaqi", "HAAQI", 0.002, 46, 45

    def describe(self, material: Material) -> str:
        """Say what is aimed at, in words."""
        words = "the original mixture" if self.target.is_unity else f"the true stems at {_gains_in_words(self.target)}"
        return f"HAAQI of the amplified remix, mean of both ears, against {words}"

    def show(self, value: float) -> str:
        """Write a value for people."""
        return f"{value:.3f}"

    def starts(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Give gains worth starting from besides equal ones: the target itself."""
        if self.target.is_unity:
            return ()
        return (np.array([[self.target.decibels[name, ear] for ear in EARS] for name in names]),)

    def prepare(self, material: Material, progress: Progress = silent) -> Value:
        """Give the function of the gains that is to be maximised; two threads, one for each ear."""
        if material.prescription is None:
            raise CadenzaError("HAAQI scores an amplified remix. Choose a prescription, or another objective.")
        reference = material.reference(self.target)
        if min(float(np.abs(ear).max()) for ear in reference) == 0.0:
            raise CadenzaError(
                "The reference is silent in one ear, which HAAQI cannot score. Choose another target or excerpt."
            )
        ears = []
        for row, ear in enumerate(EARS):
            progress(row / len(EARS), f"preparing HAAQI, {ear} ear")
            ears.append(_Ear(material, reference[row], row))
        return _BothEars(ears, position_of(np.random.RandomState(song_seed(material.song))))

    def gained(self, value: Value, decibels: np.ndarray) -> str:
        """Say which terms of HAAQI an improvement consists of."""
        assert isinstance(value, _BothEars)
        before, after = value.losses(np.zeros_like(decibels)), value.losses(decibels)
        won = {name: before[name] - after[name] for name in before}
        said = [f"{name} {won[name]:+.3f}" for name in sorted(won, key=lambda name: -abs(won[name]))]
        return f"HAAQI's terms bring {', '.join(said)}."


class _BothEars:
    """HAAQI of a remix, mean of both ears: the number of :func:`cadenza_core.quality.score_remix`."""

    def __init__(self, ears: list["_Ear"], start: Position) -> None:
        self._ears, self._start = ears, start
        self._pool = ThreadPoolExecutor(1, "haaqi")

    def __call__(self, decibels: np.ndarray) -> float:
        return sum(parts.score for parts in self._parts(decibels)) / len(self._ears)

    def _parts(self, decibels: np.ndarray) -> list[HaaqiParts]:
        left, right = (ear.prepared(decibels[:, row]) for row, ear in enumerate(self._ears))
        first = self._pool.submit(self._ears[0].parts, left, self._start)
        # the right ear's noise goes on where the left ear's stops
        second = self._ears[1].parts(right, self._ears[0].after(left, self._start))
        return [first.result(), second]

    def losses(self, decibels: np.ndarray) -> dict[str, float]:
        """Give what each term of HAAQI loses, mean of both ears."""
        explained = [explain_haaqi(parts) for parts in self._parts(decibels)]
        return {name: float(np.mean([one.term(name).lost for one in explained])) for name in TERMS}


class _Ear:
    """One ear's reference, and its stems as HAAQI takes them: all that comes before the score is linear."""

    def __init__(self, material: Material, reference: np.ndarray, row: int) -> None:
        audiogram = ear_of(material.listener, EARS[row])
        amplified = compensate_delay(amplify(reference, nalr_filter(audiogram, RATE)))
        target = resample(amplified, RATE, HAAQI_RATE)
        self._reference = HaaqiReference(target, HAAQI_RATE, audiogram, 2, reference_level(reference))
        samples = material.heard.samples[row]
        self._stems = np.stack([resample(one.astype(np.float64), RATE, HAAQI_RATE) for one in samples])
        self._draws: dict[int, int] = {}

    def prepared(self, decibels: np.ndarray) -> Prepared:
        return self._reference.prepare(np.einsum("s,sn->n", 10.0 ** (decibels / 20.0), self._stems), HAAQI_RATE)

    def parts(self, prepared: Prepared, position: Position) -> HaaqiParts:
        return self._reference.parts(prepared, position)[0]

    def after(self, prepared: Prepared, position: Position) -> Position:
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
