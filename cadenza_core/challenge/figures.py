"""A run as a picture: a cell for each song and listener, coloured by what has become of it."""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .estimate import Status
from .folder import RunFolder

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["run_figure"]

#: What a cell can be, with colours of Tol's "bright" set that are told apart without colour vision.
_STATES = {"left": "#98a3b0", "running": "#CCBB44", "failed": "#EE6677", "done": "#4477AA"}
_LONGEST = 34


def run_figure(folder: RunFolder, status: Status) -> "go.Figure":
    """Draw the pairs of a run.

    Raises
    ------
    CadenzaError
        If the run's plan cannot be read.
    """
    import plotly.graph_objects as go

    plan = folder.plan()
    done = folder.journal().done
    songs = [str(group["song"]) for group in plan["groups"]]
    listeners = list(dict.fromkeys(key[1] for group in plan["groups"] for key in group["keys"]))
    cells = np.full((len(songs), len(listeners)), np.nan)
    words = np.full(cells.shape, "", dtype=object)
    names = list(_STATES)
    for row, group in enumerate(plan["groups"]):
        for song, listener in group["keys"]:
            key = (song, listener)
            state = _state(key, done, status)
            cells[row, listeners.index(listener)] = names.index(state)
            why = f": {status.failed[key][:120]}" if key in status.failed else ""
            words[row, listeners.index(listener)] = html.escape(f"{song}, {listener}: {state}{why}", quote=False)
    edges = np.linspace(0, 1, len(names) + 1)
    scale = [(edge, colour) for n, colour in enumerate(_STATES.values()) for edge in edges[n : n + 2]]
    figure = go.Figure(
        go.Heatmap(
            z=cells,
            x=listeners,
            y=[_short(song, row) for row, song in enumerate(songs)],
            customdata=words,
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=scale,
            zmin=-0.5,
            zmax=len(names) - 0.5,
            xgap=1,
            ygap=1,
            showscale=False,
        )
    )
    for name, colour in _STATES.items():  # a legend
        figure.add_scatter(
            x=[None], y=[None], mode="markers", marker={"color": colour, "symbol": "square", "size": 11}, name=name
        )
    figure.update_layout(
        height=110 + 20 * max(2, min(len(songs), 30)),
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={
            "orientation": "h",
            "y": 1.0,
            "yanchor": "bottom",
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        yaxis={"autorange": "reversed", "showgrid": False},
        xaxis={"showgrid": False, "tickangle": -60, "type": "category"},
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _state(key: tuple[str, str], done: Mapping[tuple[str, str], object], status: Status) -> str:
    if key in done:
        return "done"
    return "failed" if key in status.failed else "running" if key in status.running else "left"


def _short(name: str, row: int) -> str:
    """Give a label; zero-width marks keep two that are cut to the same apart."""
    text = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    return html.escape(text, quote=False) + "\u200b" * row
