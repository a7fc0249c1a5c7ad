"""Propose a remix: what to aim at, what to keep to, the search, and its result with a reason for each dB."""

import hashlib
import json
import math
import time

import streamlit as st

from cadenza_core.playback import Playable
from cadenza_core.progress import Progress
from cadenza_core.remix import MixSettings
from cadenza_core.tuning import Constraints, Objective, Proposal, propose_remix

from .drawing import drawing
from .jobs import ask, follow, is_stopped
from .messages import plain
from .proposal_options import AIMS, options_panel
from .proposal_picture import proposal_svg
from .selection import Selection, mix_of, recall
from .services import HAAQI_READY, services

__all__ = ["proposals_panel"]


def proposals_panel(selection: Selection, ready: Playable, mix: MixSettings) -> None:
    """Show what can be asked for, the search while it runs, and the last result for this excerpt and listener."""
    objective, constraints = options_panel(selection, ready, mix)
    place = f"{ready.separation}-{selection.listener_id}"
    key = _key(selection, ready, mix, objective, constraints)
    asked: dict[str, str] = st.session_state.setdefault("asked_proposal", {})
    shown: dict[str, str] = st.session_state.setdefault("shown_proposal", {})
    job = services().jobs.get(asked.get(place, ""))
    if job and job.state == "done":
        shown[place] = job.key
        del asked[place]
    if job and job.is_active and not is_stopped(job.key):
        follow(job.key, quiet=True)
    else:
        if job and job.state == "failed":
            st.error(plain(job.error), icon=":material/error:")
        here = shown.get(place) == key and _result(key) is not None
        label = "Propose a remix" if not here else "Proposed below"
        st.button(
            label,
            on_click=_ask,
            args=(selection, mix, objective, constraints, key, place),
            disabled=here or objective is None,
            width="stretch",
            icon=":material/auto_awesome:",
        )
    result = _result(shown.get(place, ""))
    if result is not None:
        _show(selection, mix, result)
    elif not (job and job.is_active):
        st.caption(
            "A search for gains that serve this listener best, with the reason for each dB; at most half a minute."
        )


def _result(key: str) -> Proposal | None:
    job = services().jobs.get(key)
    return job.result if job and isinstance(job.result, Proposal) else None


def _key(
    selection: Selection,
    ready: Playable,
    mix: MixSettings,
    objective: Objective | None,
    constraints: Constraints | None,
) -> str:
    ears = (selection.listener.audiogram_left, selection.listener.audiogram_right)
    levels = [array.tolist() for ear in ears for array in (ear.frequencies, ear.levels)]
    facts = [ready.separation, levels, mix.prescription, mix.calibration_db_spl, repr(objective), repr(constraints)]
    return f"propose-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]}"


def _ask(
    selection: Selection,
    mix: MixSettings,
    objective: Objective | None,
    constraints: Constraints | None,
    key: str,
    place: str,
) -> None:
    assert objective is not None and constraints is not None  # or the button is disabled
    _begin(selection, mix, objective, constraints, key)
    st.session_state["asked_proposal"][place] = key


def _begin(selection: Selection, mix: MixSettings, objective: Objective, constraints: Constraints, key: str) -> None:
    settings, jobs = services().settings, services().jobs

    def work(progress: Progress) -> Proposal:
        while objective.name == "haaqi" and (ready := jobs.get(HAAQI_READY)) and ready.is_active:
            progress(0.0, "waiting: HAAQI is being prepared, at the first start only")
            time.sleep(0.2)
        result, _ = propose_remix(
            selection.song,
            selection.listener,
            selection.system,
            selection.excerpt,
            objective,
            constraints,
            settings,
            prescription=mix.prescription,
            calibration_db_spl=mix.calibration_db_spl,
            progress=progress,
        )
        return result

    ask(key, "Proposing a remix", work, anew=True)


def _show(selection: Selection, mix: MixSettings, result: Proposal) -> None:
    if not result.improved:
        st.info(plain(result.summary), icon=":material/info:")
        return
    st.markdown(f"**Objective: {plain(result.shown[0])} → {plain(result.shown[1])}**")
    st.caption(plain(result.summary))
    drawing(proposal_svg(result), key="proposal_picture")
    _buttons(selection, mix, result)
    with st.expander("Why each dB", key="proposal_reasons", expanded=True):
        for reason in result.reasons:
            st.caption(plain(reason.words))
    before, after = result.levels_before, result.levels_after
    levels = f"Loudness {_level(before.loudness)} → {_level(after.loudness)} LUFS, true peak "
    levels += f"{_level(before.true_peak)} → {_level(after.true_peak)} dBTP as amplified."
    limits = f"Limits reached: {'; '.join(result.limits)}." if result.limits else "No limit was reached."
    tried = f"{result.evaluations} mixes tried in {result.seconds:.1f} s."
    for said in (levels, limits, *result.notes, tried):
        st.caption(plain(said))


def _level(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "none"


def _buttons(selection: Selection, mix: MixSettings, result: Proposal) -> None:
    """Try it, go back, save it."""
    song = selection.song.id
    before: dict[str, MixSettings] = st.session_state.setdefault("before_proposal", {})
    now = mix_of(song)  # with lanes that are not among the proposal's
    wanted = result.settings(now)
    is_set = all(mix.gains.decibels[lane] == gain for lane, gain in result.gains.decibels.items())
    use, back = st.columns(2, gap="small")
    if use.button(
        "As set now" if is_set else "Try it", disabled=is_set, type="primary", width="stretch", key="try_proposal"
    ):
        before[song] = now
        recall(song, wanted)
        st.rerun()
    if back.button(
        "Back to before",
        disabled=song not in before,
        width="stretch",
        help="The mixer as it was before",
        key="untry_proposal",
    ):
        recall(song, before.pop(song))
        st.rerun()
    with st.form("save_proposal", border=False):
        name, button = st.columns([3, 1.3], vertical_alignment="bottom", gap="small")
        title = f"Proposal: {AIMS[result.objective].lower()}"
        text = name.text_input(
            "Name", value=title, key=f"proposal_name_{result.objective}", label_visibility="collapsed"
        )
        if button.form_submit_button("Save", width="stretch", help="Save as a preset of this song and listener"):
            words = f"{result.description}. {result.summary}"
            services().presets.save(song, selection.listener_id, text, wanted, words)
            st.toast(f"Saved as preset {plain(text)}")
