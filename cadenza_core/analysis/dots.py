"""Values with their intervals, one line each: what a page draws by itself and a file by Plotly, of the same content."""

from dataclasses import dataclass

import pandas as pd

from ..store.published import MEASURES
from .leaderboard import ranked_by
from .marks import GREY, SYSTEM_COLOURS, labels_of

__all__ = ["Dot", "DotPlot", "Kind", "leaderboard_dots", "significance_dots"]


@dataclass(frozen=True)
class Dot:
    """One line.

    Parameters
    ----------
    label : str
        A name, safe to be shown as HTML text.
    value, low, high : float
        The interval is NaN where there is none.
    kind : int
        Its place in :attr:`DotPlot.kinds`.
    words : tuple of str
        What is said of it when it is pointed at, besides the label.
    """

    label: str
    value: float
    low: float
    high: float
    kind: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """How some of the dots look, and what that means."""

    name: str
    colour: str
    is_hollow: bool = False


@dataclass(frozen=True)
class DotPlot:
    """All lines, the first at the top.

    Parameters
    ----------
    title : str
        Of the axis.
    has_zero : bool
        Whether zero is marked.
    """

    title: str
    dots: tuple[Dot, ...]
    kinds: tuple[Kind, ...]
    has_zero: bool = False


def leaderboard_dots(board: pd.DataFrame) -> DotPlot:
    """Give the mean HAAQI (or SDR) of each system with its interval; published figures hollow, without one."""
    measure = ranked_by(board)
    title, unit = MEASURES[measure][0], "" if measure == "haaqi" else " dB"
    shown = board[board[measure].notna()]
    published = shown["published"].astype(bool).to_list()
    names = [f"{name} (published)" if one else str(name) for name, one in zip(shown["system"], published, strict=True)]
    labels = labels_of(names)
    numbers = shown[[measure, "low", "high"]].astype(float).to_numpy()
    dots = [
        Dot(labels[name], value, low, high, int(is_published), (f"{title} {value:.4f}{unit}",))
        for name, (value, low, high), is_published in zip(names, numbers.tolist(), published, strict=True)
    ]
    kinds = (Kind("here", SYSTEM_COLOURS[0]), Kind("published", GREY, is_hollow=True))
    return DotPlot(f"{title},{unit} mean and 95 % interval", tuple(dots), kinds)


def significance_dots(frame: pd.DataFrame, title: str = "difference of the mean HAAQI", unit: str = "pairs") -> DotPlot:
    """Give the differences between systems with their intervals; grey: not significant after Holm's correction."""
    labels = labels_of([*frame["system"], *frame["other"]])
    dots = [
        Dot(
            f"{labels[row.system]} - {labels[row.other]}",
            row.difference,
            row.low,
            row.high,
            int(not row.significant),
            (
                f"{row.difference:+.4f}",
                f"p = {row.p_holm:.3g} (Holm)",
                f"higher in {100 * row.share_better:.0f} % of {row.count} {unit}",
            ),
        )
        for row in frame.itertuples()
    ]
    kinds = (Kind("p < 0.05 (Holm)", SYSTEM_COLOURS[0]), Kind("not significant", GREY))
    return DotPlot(title, tuple(dots), kinds, has_zero=True)
