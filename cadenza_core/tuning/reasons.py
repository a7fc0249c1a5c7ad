"""Why each dB of a proposal: what is heard of the stem before and after, and what would be lost without it."""

from dataclasses import dataclass

import numpy as np

from ..hearing.thresholds import BANDS
from .constraints import Fitter
from .material import Material
from .objectives import Objective, Value, percent

__all__ = ["Reason", "reasons_for"]

#: Parts of the spectrum that a reason may name, and which one each band belongs to.
_PARTS = ("below 500 Hz", "from 500 Hz to 2 kHz", "above 2 kHz")
_PART_OF_BAND = np.digitize(BANDS, (500.0, 2000.0))
#: Changes of the audible share by less are not spoken of.
_SAID = 0.01


@dataclass(frozen=True)
class Reason:
    """Why a stem has its gain; `gain` in dB, the mean of both ears where they differ."""

    stem: str
    gain: float
    words: str


def reasons_for(
    objective: Objective, material: Material, fitter: Fitter, value: Value, decibels: np.ndarray
) -> tuple[Reason, ...]:
    """Say for each stem why it has its gain.

    Parameters
    ----------
    decibels : np.ndarray [shape=(stems, 2)]
    """
    effects = {}
    for group in objective.groups(material.names):
        effect = _effect(objective, material, fitter, value, decibels, group)
        effects.update(dict.fromkeys(group, effect))
    heard = _heard(material, decibels)
    return tuple(
        Reason(
            stem,
            float(decibels[row].mean()),
            f"{_gain(stem.capitalize(), decibels[row])}: {heard[stem]}. {effects[stem]}",
        )
        for row, stem in enumerate(material.names)
    )


def _gain(stem: str, both: np.ndarray) -> str:
    left, right = (f"{gain:+.1f}" if gain else "0" for gain in both)
    return f"{stem} {left} dB" if left == right else f"{stem} {left} dB left, {right} dB right"


def _heard(material: Material, decibels: np.ndarray) -> dict[str, str]:
    """Say what is heard of each stem, before and after."""
    model = material.audibility
    equal = np.zeros_like(decibels)
    before, after = model.report(equal), model.report(decibels)
    bands = [model.by_band(gains) for gains in (equal, decibels)]
    said = {}
    for row, stem in enumerate(model.names):
        words = f"{percent(before.total[row])} → {percent(after.total[row])} audible"
        if abs(after.total[row] - before.total[row]) >= _SAID:
            words += _where(*(audible[row] for audible, _ in bands), energy=bands[0][1][row])
        masker = after.maskers[row]
        said[stem] = words + (f", masked mostly by {masker}" if masker else "")
    return said


def _where(before: np.ndarray, after: np.ndarray, *, energy: np.ndarray) -> str:
    """Name the part of the spectrum that changes the whole most, with the audible share of the stem's energy in it."""
    said, most = "", 0.0
    for number, words in enumerate(_PARTS):
        inside = number == _PART_OF_BAND
        there, change = energy[inside].sum(), abs(float((after - before)[inside].sum()))
        if there > 0 and change > most:
            shares = tuple(float(each[inside].sum() / there) for each in (before, after))
            said, most = f", most of the change {words} ({percent(shares[0])} → {percent(shares[1])})", change
    return said


def _effect(
    objective: Objective,
    material: Material,
    fitter: Fitter,
    value: Value,
    decibels: np.ndarray,
    group: tuple[str, ...],
) -> str:
    """Say what it would be like without the gain of a group of stems."""
    members = np.array([name in group for name in material.names])
    if not decibels[members].any():
        return "It stays as it is."
    without = np.where(members[:, None], 0.0, decibels)
    now, then = value(decibels), value(without)
    together = " (together)" if members.sum() > 1 else ""
    words = []
    if now - then >= objective.smallest / 5:
        words.append(f"{objective.noun} would be {objective.show(then)} instead of {objective.show(now)}")
    if not fitter.loudness_fits(without):
        words.append(f"the mix would be {fitter.change(without):+.1f} LU from the loudness of equal gains")
    elif not fitter.peak_fits(without):
        words.append("the true peak would be above the limit")
    if not words:
        return "It matters little."
    return f"Left at 0 dB{together}, {' and '.join(words)}."
