"""Pictures of predictions: ranking, scatter, residuals by hearing loss, calibration."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from cadenza_core.intelligibility.compare import Published, Row, reliability

__all__ = ["calibration_figure", "ranking_figure", "residual_figure", "scatter_figure"]

#: By degree of hearing loss, from the Okabe-Ito set.
_COLOURS = {"No Loss": "#0072B2", "Mild": "#E69F00", "Moderate": "#CC79A7"}
_OTHER = "#8a96a3"
#: Most points that a scatter draws; of more, every so many are taken.
_POINTS = 4000


def ranking_figure(rows: Sequence[Row], others: Sequence[Published], split: Literal["valid", "eval"]) -> go.Figure:
    """Draw RMSE with 95 % error bars, the best at the top; published results as hollow marks."""
    entries = [(row.overall.rmse, row.name, 1.96 * row.overall.rmse_error, row.is_complete) for row in rows]
    figure = go.Figure()
    figure.add_scatter(
        x=[entry[0] for entry in entries],
        y=[entry[1] for entry in entries],
        error_x={"array": [entry[2] for entry in entries], "thickness": 1.5},
        mode="markers",
        marker={
            "size": 11,
            "color": "#0072B2",
            "symbol": ["circle" if entry[3] else "x" for entry in entries],
        },
        hovertemplate="%{y}: RMSE %{x:.3f}<extra></extra>",
    )
    if others:
        figure.add_scatter(
            x=[one.rmse(split) for one in others],
            y=[one.system for one in others],
            mode="markers",
            marker={"size": 9, "color": _OTHER, "symbol": "circle-open", "line": {"width": 1.5}},
            hovertemplate="%{y} (published): RMSE %{x:.2f}<extra></extra>",
        )
    ranked = sorted([(entry[0], entry[1]) for entry in entries] + [(one.rmse(split), one.system) for one in others])
    order = [name for _, name in reversed(ranked)]
    figure.update_layout(
        height=max(180, 60 + 20 * len(order)),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        xaxis={"title": "RMSE, percentage points"},
        yaxis={"categoryorder": "array", "categoryarray": order, "automargin": True},
    )
    return figure


def scatter_figure(row: Row, severities: Sequence[str]) -> go.Figure:
    """Draw predicted against understood; what listeners got is moved at random by up to 1.5 points, to be seen."""
    step = -(-len(row.truth) // _POINTS)
    chosen = slice(None, None, step)
    moved = np.clip(row.truth + np.random.default_rng(0).uniform(-1.5, 1.5, len(row.truth)), 0.0, 100.0)[chosen]
    names = np.array(severities)[chosen]
    figure = go.Figure()
    for name in dict.fromkeys(severities):
        mask = names == name
        figure.add_scattergl(
            x=row.predicted[chosen][mask],
            y=moved[mask],
            mode="markers",
            name=name,
            marker={"size": 5, "opacity": 0.5, "color": _COLOURS.get(name, _OTHER)},
            hovertemplate="predicted %{x:.0f} %, understood %{y:.0f} %<extra>" + name.replace("<", "&lt;") + "</extra>",
        )
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": _OTHER, "dash": "dot", "width": 1.5}, showlegend=False
    )
    return _square(figure)


def residual_figure(row: Row, severities: Sequence[str]) -> go.Figure:
    """Draw the distribution of predicted minus understood for each hearing loss."""
    errors, names = row.predicted - row.truth, np.array(severities)
    figure = go.Figure()
    for name in dict.fromkeys(severities):
        figure.add_box(
            y=errors[names == name],
            name=name,
            marker={"color": _COLOURS.get(name, _OTHER), "size": 3},
            boxmean=True,
            boxpoints=False,
        )
    figure.add_hline(y=0, line={"color": _OTHER, "dash": "dot", "width": 1.5})
    figure.update_layout(
        height=340,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        yaxis={"title": "Predicted minus understood, points", "range": [-100, 100]},
    )
    return figure


def calibration_figure(row: Row) -> go.Figure:
    """Draw what listeners got, with 95 % error bars, over the prediction, in bins of equal count."""
    curve = reliability(row.predicted, row.truth)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": _OTHER, "dash": "dot", "width": 1.5}, showlegend=False
    )
    figure.add_scatter(
        x=curve.predicted,
        y=curve.truth,
        error_y={"array": 1.96 * curve.error, "thickness": 1.5},
        mode="lines+markers",
        line={"color": "#0072B2", "width": 2},
        customdata=curve.n,
        hovertemplate="predicted %{x:.0f} %, understood %{y:.1f} %, %{customdata} signals<extra></extra>",
        showlegend=False,
    )
    return _square(figure)


def _square(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        height=340,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.08, "x": 0},
        xaxis={"title": "Predicted, %", "range": [-2, 102], "zeroline": False},
        yaxis={"title": "Understood, %", "range": [-2, 102], "zeroline": False},
    )
    return figure
