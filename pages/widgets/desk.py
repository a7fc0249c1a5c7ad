"""The desk: the mixer and what the listener hears; beside it audiogram, amplification, scores, presets, export."""

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st
from clarity.utils.audiogram import Audiogram

from cadenza_core.audio import RATE, STEMS
from cadenza_core.hearing import NFIR, Prescription, ear_of, get_prescription
from cadenza_core.playback import Playable, SoundSet
from cadenza_core.remix import EARS
from pages.access import is_researcher

from .amplification import amplification_panel
from .audibility import audibility_panel
from .audiogram import audiogram_svg, audiogram_text
from .drawing import drawing
from .export import export_panel
from .extract import extract_panel, extracted
from .hearing import hearing_panel, hearing_url, rendering
from .messages import guarded
from .mixer import mixer
from .opened import one_of
from .presets import presets_panel
from .proposals import proposals_panel
from .scores import scores_panel
from .selection import Selection, mix_of, remember, settings_of, write_link

__all__ = ["desk"]


@st.fragment
def desk(selection: Selection, ready: Playable) -> None:
    """Show the mixer and its neighbours; run again by itself when the mixer's settings change."""
    left, right = st.columns([3.4, 1.25], gap="medium")
    shown, extraction = extracted(selection, ready)
    with left:
        settings = mixer(_data(selection, shown, rendering(selection, ready)))
        remember(selection.song.id, settings)
        for note in shown.notes:
            st.caption(note.replace("*", "\\*"))
    mix = mix_of(selection.song.id).only(shown.stems.sounds)
    with left, guarded():
        if is_researcher():
            extract_panel(selection, extraction)
    with left, guarded():
        audibility_panel(shown, selection.listener, selection.listener_id, mix)
    with right:
        drawing(audiogram_svg(selection.listener), key="audiogram")
        st.caption(audiogram_text(selection.listener))
        amplification_panel()
        panels: dict[str, Callable[[], None]] = {
            "Scores": lambda: scores_panel(selection, ready, mix.only(STEMS), extraction),
            "Propose": lambda: proposals_panel(selection, ready, mix.only(STEMS)),
            "Hearing": lambda: hearing_panel(selection, ready, mix.only(STEMS), extraction is not None),
            "Presets": lambda: presets_panel(selection, mix, shown),
            "Export": lambda: export_panel(selection, mix, extraction),
        }
        titles = list(panels) if is_researcher() else ["Hearing", "Presets"]
        one_of({title: panels[title] for title in titles}, key="desk_panel")
    write_link(selection, mix)


def _data(selection: Selection, ready: Playable, rendered: dict[str, Any] | None) -> dict[str, Any]:
    """Give what the mixer's contract asks for."""
    picked = st.session_state["picked"]
    prescription = get_prescription(picked["prescription"])
    lanes = [
        {
            "name": name,
            "label": ready.label(name),
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
        "fir": _firs(selection, prescription),
        "aid_label": prescription.title,
        "calibration_db_spl": picked["calibration_db_spl"],
        "listener_label": selection.listener_id,
        "hearing_url": hearing_url(selection.listener, picked["calibration_db_spl"]),
        "msbg": rendered,
        "ceiling_db_spl": picked["ceiling_db_spl"],
        "revision": st.session_state["revision"],
        **settings_of(selection.song.id),
    }


def _url(sounds: SoundSet, name: str) -> str:
    return f"/audio/{sounds.id}/{sounds.sounds[name].file}"


def _peaks(sounds: SoundSet, name: str) -> str:
    return f"/peaks/{sounds.id}/{name}"


def _firs(selection: Selection, prescription: Prescription) -> dict[str, list[float]] | None:
    """Give the amplification of each ear; None if it is no filter, and so not for the mixer."""
    if not prescription.is_linear:
        return None
    ears = {ear: ear_of(selection.listener, ear) for ear in EARS}
    numbers = {name: (tuple(ear.frequencies.tolist()), tuple(ear.levels.tolist())) for name, ear in ears.items()}
    return {name: list(_taps(prescription.id, *each)) for name, each in numbers.items()}


@functools.lru_cache(maxsize=200)
def _taps(prescription: str, frequencies: tuple[float, ...], levels: tuple[float, ...]) -> tuple[float, ...]:
    fir = get_prescription(prescription).fir
    assert fir is not None
    audiogram = Audiogram(levels=list(levels), frequencies=list(frequencies))
    return tuple(fir(audiogram, RATE, NFIR).tolist())
