"""The scales that answers are given on, as the analysis needs them."""

import math
from dataclasses import dataclass

import numpy as np

from ..kinds import KINDS

__all__ = ["CHOICES", "SCALES", "Measure", "scale_named"]

#: Scales of which less is better.
_LESS = ("harshness", "distortion")
_TITLES = {
    "relevance": "relevance (REL)",
    "overall": "overall quality (OVL)",
    "correct": "ABX",
    "preference": "preference",
}
#: The scale of designs whose answers are choices.
CHOICES = {kind.name: kind.scales[0].name for kind in KINDS.values() if kind.pairs}


@dataclass(frozen=True)
class Measure:
    """A scale.

    Parameters
    ----------
    name, title : str
    low, high : float
    level : str
        ``interval`` (a slider), ``ordinal`` (a few steps in order) or ``choice`` (0 or 1).
    more_is_better : bool
    """

    name: str
    title: str
    low: float = -math.inf
    high: float = math.inf
    level: str = "interval"
    more_is_better: bool = True

    def accepts(self, values: np.ndarray) -> np.ndarray:
        """Tell which values can be answers."""
        inside = (values >= self.low) & (values <= self.high)
        return inside & (values == np.round(values)) if self.level == "choice" else inside

    @property
    def span(self) -> str:
        """Which values can be answers, in words."""
        if math.isinf(self.high):
            return "a finite number"
        return "0 or 1" if self.level == "choice" else f"{self.low:g} to {self.high:g}"


def _known() -> dict[str, Measure]:
    found = {}
    for kind in KINDS.values():
        level = "choice" if kind.pairs else "ordinal" if kind.name == "relovl" else "interval"
        for scale in kind.scales:
            title = _TITLES.get(scale.name, scale.title.lower())
            found[scale.name] = Measure(scale.name, title, scale.low, scale.high, level, scale.name not in _LESS)
    return found


#: The scales of all kinds of tests.
SCALES = _known()


def scale_named(name: str) -> Measure:
    """Give a scale; one that is not known takes any number."""
    return SCALES.get(name) or Measure(name, name.replace("_", " "))
