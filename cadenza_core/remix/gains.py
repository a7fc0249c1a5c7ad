"""Gains in dB, one for each stem and ear: what a remix is made of.

Beside the four stems a mix may have lanes of its own, such as what was extracted by description: their names begin with
``x_``.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..audio import STEMS
from ..errors import CadenzaError

__all__ = ["EARS", "MAX_GAIN", "MIN_GAIN", "UNITY", "Gains", "is_lane", "ordered_lanes"]

EARS = ("left", "right")
#: Accepted gains, dB; ``-inf`` mutes.
MIN_GAIN, MAX_GAIN = -60.0, 24.0
_EXTRA = re.compile("x_[a-z0-9]{1,20}")


def is_lane(name: str) -> bool:
    """Tell whether a name can be a lane's: a stem's, or that of a further lane."""
    return name in STEMS or _EXTRA.fullmatch(name) is not None


def ordered_lanes(names: Iterable[str]) -> tuple[str, ...]:
    """Give the four stems, then those of `names` that are further lanes, in their order, each once."""
    return (*STEMS, *dict.fromkeys(name for name in names if name not in STEMS))


@dataclass(frozen=True)
class Gains:
    """Gains of the stems.

    Parameters
    ----------
    decibels : mapping of (stem, ear) to float
        dB, -60 to 24 or -inf; what is not named is 0 dB. Further lanes (``x_...``) may be named.

    Raises
    ------
    CadenzaError
        If a stem or ear is unknown or a gain is out of range.
    """

    decibels: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (stem, ear), gain in self.decibels.items():
            if not is_lane(stem) or ear not in EARS:
                raise CadenzaError(f"There is no stem {stem!r} for the ear {ear!r}: {', '.join(STEMS)}; left, right.")
            if not (MIN_GAIN <= gain <= MAX_GAIN or gain == -math.inf):
                raise CadenzaError(
                    f"The gain of {stem} is {gain:g} dB; {MIN_GAIN:g} to {MAX_GAIN:g} or -inf is accepted."
                )
        lanes = ordered_lanes(stem for stem, _ in self.decibels)
        full = {(lane, ear): float(self.decibels.get((lane, ear), 0.0)) for lane in lanes for ear in EARS}
        object.__setattr__(self, "decibels", MappingProxyType(full))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Gains":
        """Read ``STEM=DB`` or ``STEM.EAR=DB`` (``vocals=3``, ``drums.left=-6``, ``bass=mute``); the last one wins.

        Raises
        ------
        CadenzaError
            If a text is not of that form, or as for the gains themselves.
        """
        gains: dict[tuple[str, str], float] = {}
        for text in texts:
            name, equals, value = text.partition("=")
            stem, dot, ear = name.strip().partition(".")
            try:
                if not equals or (dot and not ear):
                    raise ValueError
                gain = -math.inf if value.strip() == "mute" else float(value)
            except ValueError:
                raise CadenzaError(
                    f"The gain {text!r} is not of the form STEM=DB or STEM.EAR=DB, such as vocals=3."
                ) from None
            gains.update({(stem, side): gain for side in ([ear] if ear else EARS)})
        return cls(gains)

    def __hash__(self) -> int:
        return hash(tuple(self.decibels.items()))

    def __reduce__(self) -> tuple[type["Gains"], tuple[dict[tuple[str, str], float]]]:
        return Gains, (dict(self.decibels),)  # a mapping proxy cannot be pickled for another process

    def factor(self, stem: str, ear: str) -> float:
        """Give the gain as a factor."""
        return 10.0 ** (self.decibels.get((stem, ear), 0.0) / 20.0)

    @property
    def is_unity(self) -> bool:
        """Whether all gains are 0 dB."""
        return not any(self.decibels.values())

    def as_dict(self) -> dict[str, dict[str, float | None]]:
        """Give ``{stem: {ear: dB}}`` for JSON; None stands for muted."""
        return {
            stem: {ear: gain if math.isfinite(gain := self.decibels[stem, ear]) else None for ear in EARS}
            for stem in ordered_lanes(lane for lane, _ in self.decibels)
        }


#: All stems as they are.
UNITY = Gains()
