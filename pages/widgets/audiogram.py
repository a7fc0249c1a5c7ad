"""An audiogram drawn the clinical way: log frequency, dB HL downwards, right O and red, left X and blue, severity bands."""

import plotly.graph_objects as go
import streamlit as st
from clarity.utils.audiogram import Listener

from cadenza_core.catalog import pure_tone_average
from cadenza_core.hearing.severity import BANDS, severity

__all__ = ["audiogram_chart", "audiogram_text"]

_TICKS = (125, 250, 500, 1000, 2000, 4000, 8000)
_LOWEST, _HIGHEST = -10.0, 120.0
#: Ears: name, symbol, colour (readable on light and dark), line.
_EARS = {"right": ("circle-open", "#d6403a", "solid"), "left": ("x-thin", "#3d84dd", "dot")}


def audiogram_chart(listener: Listener, key: str, height: int = 230) -> None:
    """Show both ears."""
    figure = go.Figure()
    low = _LOWEST
    for index, (name, limit) in enumerate(BANDS):
        figure.add_hrect(low, limit, fillcolor="#808890", opacity=0.06 + 0.045 * index, line_width=0, layer="below")
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="right",
            y=(low + limit) / 2,
            text=name,
            showarrow=False,
            font_size=10,
            opacity=0.75,
        )
        low = limit
    for side, (symbol, colour, dash) in _EARS.items():
        ear = listener.audiogram_right if side == "right" else listener.audiogram_left
        figure.add_scatter(
            x=ear.frequencies.tolist(),
            y=ear.levels.tolist(),
            name=side,
            mode="lines+markers",
            line={"color": colour, "width": 1.6, "dash": dash},
            marker={"symbol": symbol, "size": 9, "line": {"width": 2, "color": colour}, "color": colour},
            hovertemplate="%{x} Hz: %{y} dB HL",
        )
    figure.add_annotation(
        x=1, xref="paper", y=1.02, yref="paper", yanchor="bottom", text="dB HL over Hz", showarrow=False, font_size=11
    )
    ticks = [f"{hertz / 1000:g}k" if hertz >= 1000 else str(hertz) for hertz in _TICKS]
    figure.update_xaxes(type="log", tickvals=_TICKS, ticktext=ticks, range=[2.0, 4.0], fixedrange=True)
    figure.update_yaxes(range=[_HIGHEST, _LOWEST], tickvals=list(range(0, 121, 20)), zeroline=False, fixedrange=True)
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 4, "t": 24, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})


def audiogram_text(listener: Listener) -> str:
    """Say the same in words: the average of each ear and its grade."""
    right, left = (pure_tone_average(ear) for ear in (listener.audiogram_right, listener.audiogram_left))
    if right == left and severity(right) == severity(left):
        return f"Both ears: {right:.0f} dB HL on average ({severity(right)})"
    return f"Right {right:.0f} dB HL ({severity(right)}), left {left:.0f} dB HL ({severity(left)})"
