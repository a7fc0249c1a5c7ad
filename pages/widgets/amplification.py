"""How the listener is amplified for, and how loud full scale is: what the aided modes, levels and exports hang on."""

import streamlit as st

from cadenza_core.hearing import get_prescription, prescriptions
from cadenza_core.hearing.thresholds import CALIBRATION_DB_SPL, CALIBRATION_RANGE

from .messages import plain
from .selection import pick

__all__ = ["amplification_panel"]

_CALIBRATION_HELP = (
    "Sound level at the ear of a signal whose root mean square is full scale, dB SPL. The Cadenza challenges take 100. To "
    "measure yours: play noise of -20 dB FS and add 20 to what the sound level meter shows."
)


def amplification_panel() -> None:
    """Let the prescription and the level of 0 dB FS be chosen; both are then in `mix_of`."""
    picked = st.session_state["picked"]
    known = {one.id: one for one in prescriptions()}
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="small")
    st.session_state["pick_prescription"] = picked["prescription"]
    left.selectbox(
        "Amplification",
        list(known),
        key="pick_prescription",
        format_func=lambda key: known[key].title,
        help="  \n".join(f"**{one.title}**: {plain(one.source)}. {plain(one.note)}" for one in known.values()),
        on_change=lambda: pick(prescription=st.session_state["pick_prescription"]),
    )
    st.session_state["pick_calibration"] = float(picked["calibration_db_spl"])
    right.number_input(
        "0 dB FS, dB SPL",
        *CALIBRATION_RANGE,
        step=1.0,
        format="%.1f",
        key="pick_calibration",
        help=_CALIBRATION_HELP,
        on_change=lambda: pick(calibration_db_spl=st.session_state["pick_calibration"] or CALIBRATION_DB_SPL),
    )
    chosen = get_prescription(picked["prescription"])
    if not chosen.is_linear:
        st.caption(plain(chosen.note))
