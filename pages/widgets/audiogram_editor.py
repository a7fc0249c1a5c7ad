"""An audiogram to be edited: points that are dragged or moved with the keyboard, and numbers that are typed."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from .audiogram import GEOMETRY, audiogram_frame

__all__ = ["audiogram_editor", "levels_now"]

_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "audiogram"
_component = st.components.v2.component(
    "cadenza_audiogram_editor",
    html='<div class="audiogram-editor"></div>',
    css=(_ASSETS / "editor.css").read_text(encoding="utf-8"),
    js=(_ASSETS / "editor.js").read_text(encoding="utf-8"),
)


def audiogram_editor(
    frequencies: Sequence[int], right: Sequence[float], left: Sequence[float], *, key: str
) -> tuple[list[float | None], list[float | None]]:
    """Show both ears to be edited, and give their levels.

    Parameters
    ----------
    frequencies : sequence of int
        Hz.
    right, left : sequence of float
        Where they start, dB HL.
    key : str
        Streamlit's key; another one starts anew.

    Returns
    -------
    right, left : list of float or None
        dB HL as they are now; None where a field is empty. What was typed may lie outside the accepted range.
    """
    levels: dict[str, list[float | None]] = {"right": list(right), "left": list(left)}
    data = {"frame": audiogram_frame(), "frequencies": list(frequencies), "levels": levels, "key": key, **GEOMETRY}
    _component(key=key, data=data, on_levels_change=lambda: None)
    return levels_now(key) or (levels["right"], levels["left"])


def levels_now(key: str) -> tuple[list[float | None], list[float | None]] | None:
    """Give right and left ear as they are at this moment, for callbacks; None if nothing was changed yet."""
    state = (st.session_state.get(key) or {}).get("levels")
    return (state["right"], state["left"]) if state and state["key"] == key else None
