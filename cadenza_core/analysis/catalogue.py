"""Every view by its name: what the pages show and the command line prints is the same frame and the same figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ..errors import CadenzaError
from . import views
from .leaderboard import significance
from .scores import Filter, ScoreTable

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["VIEWS", "View", "view_named"]

Frame = Callable[[ScoreTable, Filter, str, tuple[str, ...]], pd.DataFrame]


@dataclass(frozen=True)
class View:
    """One view.

    Parameters
    ----------
    name, title : str
    about : str
        What it shows, in a sentence.
    frame : function
        Takes table, filter, target and the systems that are asked for by name.
    figure_name : str
        Function of :mod:`.figures`.
    systems : int
        How many systems must be named: 0, 1 (a heat map) or 2 (a difference).
    """

    name: str
    title: str
    about: str
    frame: Frame
    figure_name: str
    systems: int = 0

    def of(
        self,
        table: ScoreTable,
        chosen: Filter = Filter(),  # noqa: B008 - frozen
        *,
        target: str = "",
        systems: tuple[str, ...] = (),
    ) -> pd.DataFrame:
        """Give the view's data frame.

        Raises
        ------
        CadenzaError
            If it needs other systems to be named, or has no scores.
        """
        if len(systems) != self.systems:
            wanted = ("no system", "one system", "two systems")[self.systems]
            raise CadenzaError(f"The view {self.name!r} needs {wanted} to be named, not {len(systems)}.")
        return self.frame(table, chosen, target, systems)

    def figure(self, frame: pd.DataFrame, systems: tuple[str, ...] = ()) -> "go.Figure":
        """Draw the view's data frame."""
        from . import figures

        draw: Callable[..., go.Figure] = getattr(figures, self.figure_name)
        return draw(frame, *systems) if self.systems == 2 else draw(frame)


_ALL = (
    View(
        "stem",
        "By stem",
        "HAAQI of each stem for each ear",
        lambda t, f, g, _: views.by_stem(t, f, target=g),
        "by_stem_figure",
    ),
    View(
        "severity",
        "By severity",
        "mean HAAQI by the severity of the better ear's loss",
        lambda t, f, g, _: views.by_severity(t, f, target=g),
        "by_severity_figure",
    ),
    View(
        "average",
        "By hearing level",
        "mean HAAQI of each ear over its pure-tone average (500 to 4000 Hz)",
        lambda t, f, g, _: views.by_pure_tone_average(t, f, target=g),
        "by_pure_tone_average_figure",
    ),
    View(
        "song",
        "By song",
        "mean HAAQI of each song, the hardest first",
        lambda t, f, g, _: views.by_song(t, f, target=g),
        "by_song_figure",
    ),
    View(
        "listener",
        "By listener",
        "the distribution of each listener's scores, the mildest loss first",
        lambda t, f, g, _: views.by_listener(t, f, target=g),
        "by_listener_figure",
    ),
    View(
        "heatmap",
        "Song and listener",
        "one system's HAAQI of every pair",
        lambda t, f, g, s: views.heat_map(t, s[0], f, target=g),
        "heat_map_figure",
        systems=1,
    ),
    View(
        "sdr",
        "Against SDR",
        "HAAQI over SDR, a point for each song and stem that has both",
        lambda t, f, g, _: views.against_sdr(t, f, target=g),
        "against_sdr_figure",
    ),
    View(
        "difference",
        "Difference",
        "HAAQI of two systems by song, the greatest gain first",
        lambda t, f, g, s: views.difference(t, s[0], s[1], f, target=g),
        "difference_figure",
        systems=2,
    ),
    View(
        "outliers",
        "Outliers",
        "pairs whose score is not what song and listener let expect",
        lambda t, f, g, _: views.outliers(t, f, target=g),
        "outliers_figure",
    ),
    View(
        "help",
        "What would help",
        "which stem costs the score",
        lambda t, f, _, __: views.what_would_help(t, f),
        "what_would_help_figure",
    ),
    View(
        "significance",
        "Significance",
        "all systems against each other on the same pairs, corrected by Holm",
        lambda t, f, g, _: significance(t, f, target=g),
        "significance_figure",
    ),
)
#: The views by name, in their order.
VIEWS: Mapping[str, View] = {view.name: view for view in _ALL}


def view_named(name: str) -> View:
    """Give a view.

    Raises
    ------
    CadenzaError
        If there is none of that name.
    """
    if name not in VIEWS:
        raise CadenzaError(f"There is no view {name!r}: {', '.join(VIEWS)}.")
    return VIEWS[name]
