"""Presets: the mixer's settings saved under a name for this song and listener, compared and recalled."""

import math
from dataclasses import replace
from typing import Any

import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.hearing import get_prescription
from cadenza_core.playback import Playable
from cadenza_core.remix import Lane, MixSettings, Preset

from .messages import plain
from .selection import Selection, recall
from .services import services

__all__ = ["presets_panel"]


def presets_panel(selection: Selection, mix: MixSettings, shown: Playable) -> None:
    """Show the presets of this song and listener, and a field to save the present settings."""
    where = (selection.song.id, selection.listener_id)
    with st.form("save_preset", border=False, clear_on_submit=True):
        name, button = st.columns([3, 1.3], vertical_alignment="bottom", gap="small")
        text = name.text_input("Name", placeholder="Name of this mix", label_visibility="collapsed")
        saved = button.form_submit_button("Save", width="stretch")
    if saved:
        services().presets.save(*where, text, mix)
    presets = services().presets.all(*where)
    if not presets:
        st.caption("No presets yet for this song and listener. Set the faders, give the mix a name, and save it.")
        return
    rows = [("now", mix), *((one.name, one.settings) for one in presets)]
    st.dataframe([_row(name, settings, shown) for name, settings in rows], hide_index=True, row_height=28)
    for number, preset in enumerate(presets):
        lanes = shown.stems.sounds
        _preset(number, preset, selection, is_set=_sounds_like(preset.settings.only(lanes), mix))
        if any(name not in STEMS and name not in lanes for name in preset.settings.lanes):
            st.caption(plain(f"{preset.name} also sets a lane that was extracted by description and is not here now."))


def _preset(number: int, preset: Preset, selection: Selection, *, is_set: bool) -> None:
    use, remove = st.columns([5, 1], gap="small")
    label = plain(preset.name) + (" (as set now)" if is_set else "")
    help_text = "Recall this preset" + (f": {plain(preset.description)}" if preset.description else "")
    if use.button(label, key=f"use_{number}_{preset.saved}", width="stretch", help=help_text):
        recall(selection.song.id, preset.settings)
        st.rerun()
    if remove.button("", icon=":material/delete:", key=f"drop_{number}_{preset.saved}", help="Delete this preset"):
        services().presets.remove(selection.song.id, selection.listener_id, preset.name)
        st.rerun()


def _sounds_like(one: MixSettings, other: MixSettings) -> bool:
    return replace(one, calibration_db_spl=other.calibration_db_spl).as_mixer() == other.as_mixer()


def _row(name: str, mix: MixSettings, shown: Playable) -> dict[str, Any]:
    return {
        "dB": name,
        **{shown.label(lane): _gain(mix.lane(lane)) for lane in shown.stems.sounds},
        "Master": f"{mix.master_db:+.1f}",
        "Amplification": get_prescription(mix.prescription).title,
    }


def _gain(lane: Lane) -> str:
    if lane.mute:
        return "mute"
    both = [f"{value:+.1f}" if math.isfinite(value) else "silent" for value in (lane.left, lane.right)]
    return (both[0] if lane.left == lane.right else " / ".join(both)) + (" solo" if lane.solo else "")
