"""What is asked of the answers, and what stands beside them."""

from dataclasses import dataclass, fields

import pandas as pd

from ...errors import CadenzaError
from ...statistics import PROPORTION_INTERVALS, TESTS
from .scales import scale_named

__all__ = ["OPTIONS", "Beside", "Choice"]

#: Values of each option, and how people call them.
OPTIONS: dict[str, dict[str, str]] = {
    "over": {"participants": "participants", "both": "participants and excerpts"},
    "test": dict(zip(TESTS, ("Wilcoxon signed-rank", "paired t"), strict=True)),
    "points": {"stimulus": "stimuli", "song": "systems and songs", "system": "systems"},
    "unit": {"answers": "answers", "participants": "participants"},
    "interval": dict(zip(PROPORTION_INTERVALS, ("Wilson", "Clopper-Pearson"), strict=True)),
}


@dataclass(frozen=True)
class Choice:
    """What is asked for.

    Parameters
    ----------
    scale : str
        Empty: the first that was answered on.
    screened : bool
        Leave out participants by the post-screening of BS.1534-3.
    over : str
        What intervals of means are drawn over: ``participants``, or ``both`` them and excerpts.
    test : str
        ``wilcoxon`` or ``t``.
    against : str
        Compare with this condition only; empty: all with all.
    anchors : bool
        Compare reference and anchors too.
    points : str
        What is correlated with HAAQI: ``stimulus``, ``song`` (system and song) or ``system``.
    unit : str
        What counts once in a proportion: ``answers`` or ``participants``.
    interval : str
        Of a proportion: ``wilson`` or ``clopper-pearson``.

    Raises
    ------
    CadenzaError
        If an option has no such value.
    """

    scale: str = ""
    screened: bool = False
    over: str = "participants"
    test: str = "wilcoxon"
    against: str = ""
    anchors: bool = False
    points: str = "stimulus"
    unit: str = "answers"
    interval: str = "wilson"

    def __post_init__(self) -> None:
        for one in fields(self):
            known = OPTIONS.get(one.name)
            if known is not None and getattr(self, one.name) not in known:
                raise CadenzaError(f"There is no {one.name} {getattr(self, one.name)!r}: {', '.join(known)}.")

    @property
    def title(self) -> str:
        """The scale's title."""
        return scale_named(self.scale).title

    @property
    def level(self) -> str:
        """The scale's level."""
        return scale_named(self.scale).level


@dataclass(frozen=True)
class Beside:
    """What other tables say of what was rated.

    Parameters
    ----------
    haaqi : pd.DataFrame, optional
        `system`, `song`, `listener`, `excerpt`, `haaqi`; as :func:`~.haaqi.stored_haaqi` gives it.
    teams : pd.DataFrame, optional
        `system`, `team`.
    """

    haaqi: pd.DataFrame | None = None
    teams: pd.DataFrame | None = None
