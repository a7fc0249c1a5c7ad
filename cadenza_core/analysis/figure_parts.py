"""What the Plotly figures share: axes, and intervals."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from .marks import GREY

__all__ = ["empty_figure", "error_bars"]


def empty_figure(x: str, y: str, height: int = 420, **layout: Any) -> go.Figure:
    """Give a figure without anything in it, with its axes' titles. It takes the template of where it is shown."""
    return go.Figure(
        layout={  # at once: each update later costs as much as all of it
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 30, "b": 8},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            "hoverlabel": {"align": "left"},
            "xaxis": {"title": {"text": x}, "automargin": True},
            "yaxis": {"title": {"text": y}, "automargin": True},
            **layout,
        }
    )


def error_bars(frame: pd.DataFrame, mean: str) -> dict[str, Any]:
    """Give the bars from `low` to `high` around a mean."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (frame["high"] - frame[mean]).fillna(0.0),
        "arrayminus": (frame[mean] - frame["low"]).fillna(0.0),
        "thickness": 1.2,
        "color": GREY,
        "width": 3,
    }
