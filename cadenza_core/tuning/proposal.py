"""Propose a remix: gains that maximise an objective and keep to constraints, for an excerpt and a listener.

The search (:mod:`.search`) climbs from equal gains, from what the objective suggests, and, where a mix is judged in
milliseconds, from seeded random gains. All stems are raised or lowered together until the loudness is right, so the search is
about the balance. At last every gain is taken back towards 0 dB as far as a fiftieth of the improvement pays for it: no dB is
proposed that does nothing. Equal gains are among what is tried, so a proposal is never worse than they are; where nothing is
better by an amount that counts, the proposal is equal gains and says so.

The same input, constraints and seed give the same proposal.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..progress import Progress, part, silent
from ..remix import EARS, UNITY, Gains, Lane, MixSettings
from .constraints import Constraints, Fitter, Levels
from .material import Material
from .objectives import Objective, Value
from .reasons import Reason, reasons_for
from .search import Point, climb

__all__ = ["Proposal", "propose"]

#: Random starts, where a mix is judged in milliseconds; and from how large a budget on that is.
_RANDOM_STARTS, _CHEAP = 3, 200
#: Share of the improvement that may be given up for smaller gains.
_SLACK = 0.02


@dataclass(frozen=True)
class Proposal:
    """What is proposed, and why.

    Parameters
    ----------
    gains : Gains
        Equal gains (0 dB) if nothing better was found.
    objective, description : str
        Name of the objective; what was maximised under which constraints, in words.
    before, after : float
        The objective's value at equal gains and at the proposal's.
    shown : tuple of str
        Both, written for people.
    improved : bool
        Whether the proposal is better by an amount that counts.
    summary : str
        The result in a sentence.
    reasons : tuple of Reason
        For each gain.
    limits : tuple of str
        The constraints that stop it from going further.
    levels_before, levels_after : Levels
        Of the mix as heard, at equal gains and at the proposal's.
    audible_before, audible_after : mapping of str to float
        Audible share of each stem.
    notes : tuple of str
    evaluations : int
        Mixes tried.
    seconds : float
        Time it took.
    """

    gains: Gains
    objective: str
    description: str
    before: float
    after: float
    shown: tuple[str, str]
    improved: bool
    summary: str
    reasons: tuple[Reason, ...]
    limits: tuple[str, ...]
    levels_before: Levels
    levels_after: Levels
    audible_before: Mapping[str, float]
    audible_after: Mapping[str, float]
    notes: tuple[str, ...]
    evaluations: int
    seconds: float

    def settings(self, now: MixSettings) -> MixSettings:
        """Give the mixer's settings with the proposed gains: these stems not muted nor solo, all else as it is now."""
        lanes = dict(now.lanes)
        for stem in dict.fromkeys(stem for stem, _ in self.gains.decibels):
            left, right = (self.gains.decibels[stem, ear] for ear in EARS)
            lanes[stem] = Lane(left, right, linked=left == right)
        return replace(now, lanes=lanes)

    def as_dict(self) -> dict[str, Any]:
        """Give plain numbers and texts for JSON."""
        levels = {"equal_gains": self.levels_before, "proposal": self.levels_after}
        return {
            "improved": self.improved,
            "summary": self.summary,
            "objective": self.objective,
            "description": self.description,
            "gains_db": self.gains.as_dict(),
            "value": {"equal_gains": self.before, "proposal": self.after},
            "reasons": [{"stem": one.stem, "gain_db": one.gain, "words": one.words} for one in self.reasons],
            "limits_reached": list(self.limits),
            "loudness_lufs": {name: each.loudness for name, each in levels.items()},
            "true_peak_dbtp": {name: each.true_peak for name, each in levels.items()},
            "audible_share": {"equal_gains": dict(self.audible_before), "proposal": dict(self.audible_after)},
            "notes": list(self.notes),
            "evaluations": self.evaluations,
            "seconds": round(self.seconds, 2),
        }


class _Task:
    """The search's function of a point: group gains in steps of the grid, both ears or each."""

    def __init__(
        self, objective: Objective, value: Value, material: Material, fitter: Fitter, progress: Progress
    ) -> None:
        self.objective, self.value, self.fitter, self.progress = objective, value, fitter, progress
        names = material.names
        self.groups = objective.groups(names)
        self._ears = 1 if fitter.constraints.linked else 2
        member = [next(index for index, group in enumerate(self.groups) if name in group) for name in names]
        self._member = np.array(member)
        self._known: dict[bytes, float] = {}
        self.best = -math.inf

    @property
    def tried(self) -> int:
        return len(self._known)

    @property
    def moves(self) -> list[Point]:
        """Each variable by itself, both ears of a group, all together."""
        size = len(self.groups) * self._ears
        single = [tuple(int(row == column) for column in range(size)) for row in range(size)]
        pairs = [tuple(int(column // 2 == row) for column in range(size)) for row in range(size // 2)]
        return [*(pairs if self._ears == 2 else ()), *single, (1,) * size]

    def point(self, decibels: np.ndarray) -> Point:
        """Give the grid's point of gains of shape (stems, 2): of a group, its first stem's; of linked ears, the left's."""
        step = self.fitter.constraints.step
        first = [int(np.flatnonzero(self._member == group)[0]) for group in range(len(self.groups))]
        limits = self.fitter.constraints
        inside = np.clip(np.nan_to_num(decibels, neginf=limits.lowest), limits.lowest, limits.highest)
        return tuple(round(float(inside[row, ear]) / step) for row in first for ear in range(self._ears))

    def decibels(self, point: Point) -> np.ndarray:
        """Give the gains of a point: shape (stems, 2)."""
        grid = np.array(point, dtype=np.float64).reshape(len(self.groups), self._ears) * self.fitter.constraints.step
        return np.round(grid[self._member].repeat(2 // self._ears, axis=1), 6) + 0.0

    def __call__(self, point: Point) -> float:
        fitted = self.fitter.fit(self.decibels(point))
        return -math.inf if fitted is None else self.judge(fitted)

    def judge(self, decibels: np.ndarray) -> float:
        """Give the value of gains that keep to range and loudness; -inf if the true peak is too high."""
        key = np.round(decibels, 6).tobytes()
        if key not in self._known:
            # nobody knows how many it will be: as far as of what is typical, then slower
            share = 0.9 * min(1.0, self.tried / (self.objective.typical * self._ears))
            share += 0.1 * min(1.0, self.tried / self.objective.budget)
            said = f", best {self.objective.show(self.best)}" if math.isfinite(self.best) else ""
            self.progress(share, f"{self.tried} mixes tried{said}")
            value = self.value(decibels)
            # The peak takes longer than some objectives: it is looked at where it decides. What is not better than the best
            # is never the result.
            if value > self.best and not self.fitter.peak_fits(decibels):
                value = -math.inf
            self.best = max(self.best, value)
            self._known[key] = value
        return self._known[key]


def propose(
    objective: Objective,
    material: Material,
    constraints: Constraints | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Proposal:
    """Search for gains that maximise an objective.

    Parameters
    ----------
    objective : Objective
    material : Material
        Excerpt and listener.
    constraints : Constraints, optional
        The default ones if left out.
    seed : int
        Of the random starts.
    progress : Progress
        Called before each mix; may raise Cancelled.

    Raises
    ------
    CadenzaError
        If the objective cannot be had for this material, or from `progress`.
    """
    began = time.perf_counter()
    constraints = constraints or Constraints()
    fitter = Fitter(material.heard, constraints)
    value = objective.prepare(material, part(progress, 0.0, 0.05))
    task = _Task(objective, value, material, fitter, part(progress, 0.05, 0.97))
    equal = np.zeros((len(material.names), 2))
    before = task.judge(equal)
    starts = [
        task.point(gains) for gains in (equal, *objective.starts(material.names), *_random(task, objective, seed))
    ]
    span = max(1, round(4.0 / constraints.step))
    spans = [span // 2**n for n in range(span.bit_length())]
    found = climb(task, starts, task.moves, spans=spans, budget=objective.budget)
    fitted = fitter.fit(task.decibels(found.point))
    best = equal if fitted is None else fitted
    if found.value - before >= objective.smallest:
        best = _smaller(task, best, found.value - _SLACK * (found.value - before))
    after = value(best)
    improved = after - before >= objective.smallest
    progress(0.98, "writing the reasons")
    chosen = best if improved else equal
    return _proposal(objective, material, fitter, value, chosen, (before, after, found.value), task.tried, began)


def _random(task: _Task, objective: Objective, seed: int) -> list[np.ndarray]:
    if objective.budget < _CHEAP:
        return []
    limits = task.fitter.constraints
    random = np.random.default_rng(seed)
    size = len(task.groups) * task._ears
    low, high = (round(limit / limits.step) for limit in (limits.lowest, limits.highest))
    return [task.decibels(tuple(random.integers(low, high + 1, size).tolist())) for _ in range(_RANDOM_STARTS)]


def _smaller(task: _Task, decibels: np.ndarray, enough: float) -> np.ndarray:
    """Take the gains back towards 0 dB, the largest first, while the value stays enough and the constraints hold."""
    point = task.point(decibels)
    for variable in sorted(range(len(point)), key=lambda index: -abs(point[index])):
        while point[variable]:
            step = -1 if point[variable] > 0 else 1
            nearer = (*point[:variable], point[variable] + step, *point[variable + 1 :])
            gains = task.decibels(nearer)
            if not task.fitter.loudness_fits(gains) or task.judge(gains) < enough or not task.fitter.peak_fits(gains):
                break
            point = nearer
    return task.decibels(point)


def _proposal(
    objective: Objective,
    material: Material,
    fitter: Fitter,
    value: Value,
    decibels: np.ndarray,
    values: tuple[float, float, float],
    tried: int,
    began: float,
) -> Proposal:
    before, after, _ = values
    equal = np.zeros_like(decibels)
    improved = bool(decibels.any())
    gains = {
        (stem, ear): float(decibels[row, column])
        for row, stem in enumerate(material.names)
        for column, ear in enumerate(EARS)
    }
    audible = [
        dict(zip(material.names, material.audibility.report(each).total.tolist(), strict=True))
        for each in (equal, decibels)
    ]
    shown = objective.show(before), objective.show(after if improved else before)
    description = f"{objective.describe(material)}; {fitter.constraints.describe()}"
    if improved:
        words = objective.describe(material)
        summary = f"{words[0].upper()}{words[1:]}: {shown[0]} at equal gains, {shown[1]} with the proposal."
        summary = f"{summary} {objective.gained(value, decibels)}".rstrip()
    else:
        summary = (
            f"Nothing better than equal gains was found: {objective.describe(material)}: {shown[0]} there, and the best of "
            f"{tried} mixes is better by less than {objective.show(objective.smallest)}."
        )
    return Proposal(
        gains=Gains(gains) if improved else UNITY,
        objective=objective.name,
        description=description,
        before=before,
        after=after if improved else before,
        shown=shown,
        improved=improved,
        summary=summary,
        reasons=reasons_for(objective, material, fitter, value, decibels) if improved else (),
        limits=_limits(material, fitter, decibels) if improved else (),
        levels_before=fitter.equal,
        levels_after=fitter.levels(decibels),
        audible_before=audible[0],
        audible_after=audible[1],
        notes=_notes(material, fitter),
        evaluations=tried,
        seconds=time.perf_counter() - began,
    )


def _limits(material: Material, fitter: Fitter, decibels: np.ndarray) -> tuple[str, ...]:
    """Say which constraints are reached: those that one more step would break."""
    limits, reached = fitter.constraints, []
    for row, stem in enumerate(material.names):
        for bound, word in ((limits.highest, "highest"), (limits.lowest, "lowest")):
            if np.isclose(decibels[row], bound).any():
                reached.append(f"{stem} is at the {word} gain allowed, {bound:+g} dB")
    change = fitter.change(decibels)
    if abs(change) > limits.loudness_change - limits.step:
        reached.append(f"the loudness is {change:+.1f} LU from equal gains; {limits.loudness_change:g} LU is allowed")
    peak = fitter.heard.true_peak(decibels)
    if peak > fitter.peak_limit - limits.step:
        reached.append(f"the true peak is {peak:.1f} dBTP; {fitter.peak_limit:.1f} is allowed")
    return tuple(reached)


def _notes(material: Material, fitter: Fitter) -> tuple[str, ...]:
    notes = []
    if fitter.peak_limit > fitter.constraints.true_peak:
        notes.append(
            f"Equal gains already reach a true peak of {fitter.equal.true_peak:+.1f} dBTP, above "
            f"{fitter.constraints.true_peak:g}; the proposal may reach {fitter.peak_limit:+.1f}. The mixer's limiter catches "
            "it."
        )
    if math.isnan(fitter.equal.loudness):
        notes.append("The excerpt is shorter than 0.4 s: loudness is not defined and was not looked at.")
    return tuple(notes)
