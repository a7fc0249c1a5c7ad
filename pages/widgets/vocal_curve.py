"""The predicted intelligibility over the vocals' gain: a curve, and where the slider stands on it."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cadenza_core.intelligibility.lines import Curve

from .messages import plain

__all__ = ["curve_figure", "curve_panel"]

_LINE, _NOW = "#0072B2", "#D55E00"


def curve_panel(curve: Curve, gain: float, listener: str, *, aided: bool) -> None:
    """Show the numbers at the slider's place, and the curve."""
    now, before = curve.at(gain), curve.mixture_percent
    remix, mixture = st.columns(2)
    change = round(now - before)
    words = f"{change:+d} points against the mixture" if change else "as the mixture"
    remix.metric(f"Remix, vocals {gain:+.1f} dB", f"{now:.0f} %", words, delta_color="normal" if change else "off")
    mixture.metric("Mixture as it is", f"{before:.0f} %")
    st.plotly_chart(curve_figure(curve, gain), key="lyric_curve", config={"displayModeBar": False})
    st.caption(
        plain(
            f"Words that {listener}, {'amplified by NAL-R' if aided else 'not amplified'}, would understand: STOI of the "
            "vocals after the simulated hearing loss, calibrated as CLIP1's STOI baseline (its error there is 36 points). "
            "Take it for more or less, not for a measurement."
        )
    )


def curve_figure(curve: Curve, gain: float) -> go.Figure:
    """Draw it."""
    gains = np.linspace(curve.gains[0], curve.gains[-1], 97)
    figure = go.Figure()
    figure.add_hline(y=curve.mixture_percent, line={"dash": "dot", "width": 1.5, "color": "#8a96a3"})
    figure.add_annotation(
        x=curve.gains[0], y=curve.mixture_percent, text="mixture", showarrow=False, yshift=9, xanchor="left"
    )
    figure.add_scatter(
        x=gains,
        y=[curve.at(at) for at in gains],
        mode="lines",
        line={"color": _LINE, "width": 3},
        name="predicted",
        hovertemplate="%{x:+.1f} dB: %{y:.0f} %<extra></extra>",
    )
    figure.add_scatter(x=list(curve.gains), y=list(curve.percent), mode="markers", marker={"color": _LINE, "size": 6})
    figure.add_scatter(
        x=[gain], y=[curve.at(gain)], mode="markers", marker={"color": _NOW, "size": 14, "line": {"width": 2}}
    )
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        xaxis={"title": "Vocals, dB", "zeroline": False, "dtick": 6},
        yaxis={"title": "Words understood, predicted, %", "range": [0, 100]},
    )
    return figure
