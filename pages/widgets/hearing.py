"""Hear as the listener does: MSBG's rendering of the mix, made in the background, and what the live approximation takes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from clarity.utils.audiogram import Listener

from cadenza_core.audio import STEMS
from cadenza_core.catalog import make_listener
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import ear_of
from cadenza_core.hearing.live import live_parameters
from cadenza_core.hearing.thresholds import check_calibration
from cadenza_core.playback import Playable
from cadenza_core.playback.simulated import Simulated, find_simulated, simulated, simulated_id
from cadenza_core.progress import Progress
from cadenza_core.remix import EARS, MixSettings

from .jobs import follow
from .messages import plain
from .selection import Selection, mix_of, owner
from .services import services

__all__ = ["HEARING_URL", "hearing_numbers", "hearing_panel", "hearing_url", "rendering"]

#: Route of the numbers of simulated hearing.
HEARING_URL = "/hearing"


def hearing_url(listener: Listener, calibration_db_spl: float) -> str:
    """Give the address of the numbers with which the mixer simulates a listener's hearing."""
    ears = {ear: ear_of(listener, ear) for ear in EARS}
    numbers = {f"{ear}_{name}": getattr(audiogram, name).tolist() for ear, audiogram in ears.items() for name in _PARTS}
    query = {name: ",".join(f"{value:g}" for value in values) for name, values in numbers.items()}
    return f"{HEARING_URL}?{urlencode({**query, 'calibration': f'{calibration_db_spl:g}'})}"


def hearing_numbers(query: Mapping[str, str]) -> dict[str, Any]:
    """Give what lies behind such an address.

    Raises
    ------
    CadenzaError
        If it does not hold two audiograms and a calibration.
    """
    try:
        given = {name: [float(value) for value in text.split(",")[:100]] for name, text in query.items()}
        ears = [make_listener(ear, *(given[f"{ear}_{part}"] for part in (*_PARTS, "levels"))) for ear in EARS]
        calibration = check_calibration(given["calibration"][0])
    except (KeyError, ValueError) as error:
        raise CadenzaError(
            f"This address does not hold an audiogram for each ear and a calibration: {error}."
        ) from error
    return live_parameters(Listener(ears[0].audiogram_left, ears[1].audiogram_right), calibration)


_PARTS = ("frequencies", "levels")


def rendering(selection: Selection, ready: Playable) -> dict[str, Any] | None:
    """Give what the mixer is told of MSBG's rendering: the one of these settings, else the last one of this excerpt."""
    mix = mix_of(selection.song.id).only(STEMS)
    found = _found(selection, ready, mix) or _last(selection, ready)
    if found is None:
        return None
    then, sounds = found.mix.as_mixer(), found.sounds
    urls = {f"msbg{suffix}": f"/audio/{sounds.id}/{sounds.sounds[kind].file}" for suffix, kind in _KINDS.items()}
    return {
        "urls": urls,
        "gains": then["gains"],
        "master_db": then["master_db"],
        "stale": _beside(found.mix) != _beside(mix),
    }


_KINDS = {"": "unaided", "_aided": "aided"}


def hearing_panel(selection: Selection, ready: Playable, mix: MixSettings, has_extraction: bool) -> None:
    """Show whether the mix is rendered as the listener hears it, and render it."""
    st.caption(
        "What the listener hears of this mix, for ears that hear normally: unaided and amplified. **Live**, in the mixer, is "
        "an approximation that follows the sliders. **MSBG** (Moore, Stone, Baer & Glasberg), here, is rendered for the "
        "gains and the master as they are set now, and then plays in the mixer."
    )
    if has_extraction:
        st.caption("MSBG renders the four stems; what was extracted by description is heard live only.")
    key = f"msbg-{simulated_id(ready.separation, selection.listener, mix)}"
    job = services().jobs.get(key)
    now = _found(selection, ready, mix)
    if job and job.is_active:
        follow(key, quiet=True)
        return
    if job and job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    if job and job.state == "done":
        _remember(selection, ready, mix)
    last = now or _last(selection, ready)
    if last is None:
        label = "Render what the listener hears"
    elif now is None:
        st.warning("Stale: rendered with other gains or settings than now.", icon=":material/update:")
        label = "Render again with these settings"
    else:
        st.success("Rendered with these settings: MSBG in the mixer's second row.", icon=":material/hearing:")
        label = ""
    if label:
        words = "It takes about as long as the excerpt lasts."
        st.button(label, on_click=_begin, args=(key, selection, mix), width="stretch", help=words)
    for note in last.notes if last else ():
        st.caption(plain(note[:1].upper() + note[1:] + "."))


def _begin(key: str, selection: Selection, mix: MixSettings) -> None:
    settings = services().settings

    def work(progress: Progress) -> Simulated:
        return simulated(
            selection.song, selection.system, settings, selection.excerpt, selection.listener, mix, progress=progress
        )

    services().jobs.forget(key)  # its sounds may be gone
    services().jobs.submit(key, "Rendering what the listener hears", work, owner=owner(), urgency=1)


def _found(selection: Selection, ready: Playable, mix: MixSettings) -> Simulated | None:
    found = find_simulated(ready.separation, selection.listener, mix, services().settings)
    if found:
        _remember(selection, ready, mix)
    return found


def _last(selection: Selection, ready: Playable) -> Simulated | None:
    mix = st.session_state.get("rendered_mixes", {}).get(_place(selection, ready))
    return find_simulated(ready.separation, selection.listener, mix, services().settings) if mix else None


def _remember(selection: Selection, ready: Playable, mix: MixSettings) -> None:
    st.session_state.setdefault("rendered_mixes", {})[_place(selection, ready)] = mix


def _place(selection: Selection, ready: Playable) -> str:
    ears = [getattr(ear_of(selection.listener, ear), name).tolist() for ear in EARS for name in _PARTS]
    return hashlib.sha256(json.dumps([ready.separation, ears]).encode()).hexdigest()[:24]


def _beside(mix: MixSettings) -> tuple[str, float]:
    """Give what a rendering hangs on besides gains and master, which the mixer compares itself."""
    return mix.prescription, mix.calibration_db_spl
