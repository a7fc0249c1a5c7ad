"""The desk: the mixer, and beside it what belongs to the mix: audiogram, scores, presets, export."""

import functools
from typing import Any

import streamlit as st
from clarity.utils.audiogram import Listener

from cadenza_core.hearing import ear_of, nalr_filter
from cadenza_core.playback import Playable, SoundSet
from cadenza_core.remix import EARS, MixSettings

from .audiogram import audiogram_chart, audiogram_text
from .export import export_panel
from .messages import guarded
from .mixer import mixer
from .presets import presets_panel
from .scores import scores_panel
from .selection import Selection, remember, settings_of, write_link

__all__ = ["desk"]


@st.fragment
def desk(selection: Selection, ready: Playable) -> None:
    """Show the mixer and its neighbours; run again by itself when the mixer's settings change."""
    left, right = st.columns([3.4, 1.25], gap="medium")
    with left:
        settings = mixer(_data(selection, ready))
        remember(selection.song.id, settings)
        for note in ready.notes:
            st.caption(note.replace("*", "\\*"))
    mix = MixSettings.from_mixer(settings)
    with right:
        audiogram_chart(selection.listener, key="audiogram")
        st.caption(audiogram_text(selection.listener))
        scores, presets, export = st.tabs(["Scores", "Presets", "Export"], key="desk_tabs", on_change="rerun")
        for tab, panel in (
            (scores, lambda: scores_panel(selection, ready, mix)),
            (presets, lambda: presets_panel(selection, mix)),
            (export, lambda: export_panel(selection, mix)),
        ):
            if tab.open:  # the others need not be made, and their scripts not loaded
                with tab, guarded():
                    panel()
    write_link(selection)


def _data(selection: Selection, ready: Playable) -> dict[str, Any]:
    """Give what the mixer's contract asks for."""
    lanes = [
        {
            "name": name,
            "label": name.capitalize(),
            "url": _url(ready.stems, name),
            "peaks_url": _peaks(ready.stems, name),
        }
        for name in ready.stems.sounds
    ]
    truth = ready.truth
    return {
        "song": {"id": selection.song.id, "title": selection.song.name},
        "rate": ready.stems.rate,
        "frames": ready.stems.frames,
        "offset_s": selection.span[0],
        "lanes": lanes,
        "original_url": ready.original and _url(ready.original, "mixture"),
        "reference": truth and [{"name": name, "url": _url(truth, name)} for name in truth.sounds],
        "fir": {ear: list(_fir(selection.listener, ear)) for ear in EARS},
        "listener_label": selection.listener_id,
        "revision": st.session_state["revision"],
        **settings_of(selection.song.id),
    }


def _url(sounds: SoundSet, name: str) -> str:
    return f"/audio/{sounds.id}/{sounds.sounds[name].file}"


def _peaks(sounds: SoundSet, name: str) -> str:
    return f"/peaks/{sounds.id}/{name}"


def _fir(listener: Listener, ear: str) -> tuple[float, ...]:
    audiogram = ear_of(listener, ear)
    return _taps(tuple(audiogram.frequencies.tolist()), tuple(audiogram.levels.tolist()))


@functools.lru_cache(maxsize=200)
def _taps(frequencies: tuple[float, ...], levels: tuple[float, ...]) -> tuple[float, ...]:
    from clarity.utils.audiogram import Audiogram

    return tuple(nalr_filter(Audiogram(levels=list(levels), frequencies=list(frequencies))).tolist())
