"""How the listener is amplified for, how loud full scale is and how loud it may be: what aided modes and levels hang on."""

import streamlit as st

from cadenza_core.hearing import get_prescription, prescriptions
from cadenza_core.hearing.safe_levels import CEILING_DB_SPL, CEILING_RANGE
from cadenza_core.hearing.thresholds import CALIBRATION_DB_SPL, CALIBRATION_RANGE

from .messages import plain
from .selection import pick

__all__ = ["amplification_panel"]

_CALIBRATION_HELP = (
    "Sound level at the ear of a signal whose root mean square is full scale, dB SPL. The Cadenza challenges take 100. To "
    "measure yours: set the volume to 0 dB, play noise of -20 dB FS, and add 20 to what the sound level meter shows."
)
_CEILING_HELP = (
    "No peak at the ear is louder than this: the page limits what is played, in every mode and at every volume. Files are not "
    "changed. 100 dB SPL keeps the average of music below about 88."
)


def amplification_panel() -> None:
    """Let the prescription and the level of 0 dB FS be chosen, which are then in `mix_of`, and the ceiling at the ear."""
    picked = st.session_state["picked"]
    known = {one.id: one for one in prescriptions()}
    st.session_state["pick_prescription"] = picked["prescription"]
    st.selectbox(
        "Amplification",
        list(known),
        key="pick_prescription",
        format_func=lambda key: known[key].title,
        help="  \n".join(f"**{one.title}**: {plain(one.source)}. {plain(one.note)}" for one in known.values()),
        on_change=lambda: pick(prescription=st.session_state["pick_prescription"]),
    )
    left, right = st.columns(2, gap="small")
    st.session_state["pick_calibration"] = float(picked["calibration_db_spl"])
    left.number_input(
        "0 dB FS, dB SPL",
        *CALIBRATION_RANGE,
        step=1.0,
        format="%.1f",
        key="pick_calibration",
        help=_CALIBRATION_HELP,
        on_change=lambda: pick(calibration_db_spl=st.session_state["pick_calibration"] or CALIBRATION_DB_SPL),
    )
    st.session_state["pick_ceiling"] = float(picked["ceiling_db_spl"])
    right.number_input(
        "Ceiling, dB SPL",
        *CEILING_RANGE,
        step=1.0,
        format="%.0f",
        key="pick_ceiling",
        help=_CEILING_HELP,
        on_change=lambda: pick(ceiling_db_spl=st.session_state["pick_ceiling"] or CEILING_DB_SPL),
    )
    chosen = get_prescription(picked["prescription"])
    if not chosen.is_linear:
        st.caption(plain(chosen.note))
