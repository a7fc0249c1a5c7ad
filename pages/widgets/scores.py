"""Scores beside the mixer, on demand: SDR of the stems, HAAQI of the remix and of the eight stems."""

import hashlib
import json
import math

import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.errors import CadenzaError
from cadenza_core.jobs import Job
from cadenza_core.playback import Playable, fitted_stems
from cadenza_core.progress import Progress, part
from cadenza_core.quality.excerpt import ExcerptScores, score_excerpt
from cadenza_core.remix import EARS, MixSettings
from cadenza_core.separation import separate

from .extract import Extraction
from .jobs import follow
from .messages import plain
from .selection import Selection, owner
from .services import HAAQI_READY, services
from .why import why_panel

__all__ = ["scores_panel"]

#: Longest excerpt whose remix is scored after each change, s: about half a second of work on two cores.
LIVE_SECONDS = 30.0
#: How long the page waits for such a score before it shows the progress, s, and does nothing else; the sound goes on. Where
#: the last one took longer, or others are before it, it hardly waits.
_PATIENCE = 0.8


def scores_panel(selection: Selection, ready: Playable, mix: MixSettings, extraction: Extraction | None = None) -> None:
    """Show the last scores of this excerpt and listener, marked if they are of other gains, and a button for new ones."""
    if ready.truth is None:
        st.caption("Scores compare with the true stems, and this song has none. The demo song has them.")
        return
    if extraction and extraction.found:
        st.caption("Scores are of the four stems with what was extracted in them: its gain does not count here.")
    place = f"{ready.separation}-{_digest([_ears(selection), mix.prescription])}"
    _live(selection, mix, place)
    key = f"score-{place}-{_digest(mix.gains.as_dict())}"
    shown: dict[str, str] = st.session_state.setdefault("scored", {})
    running = st.session_state.setdefault("scoring", {})
    job = services().jobs.get(running.get(place, key))
    if job and job.state == "done":
        shown[place] = job.key
        running.pop(place, None)
    last = services().jobs.get(shown.get(place, ""))
    if job and job.is_active:
        follow(job.key, quiet=True)
    else:
        if job and job.state == "failed":
            st.error(plain(job.error), icon=":material/error:")
        fresh = last is not None and last.key == key
        st.button(
            "Score this mix",
            on_click=_ask,
            args=(selection, mix, key, place),
            disabled=fresh,
            width="stretch",
            help="SDR and HAAQI; takes some seconds",
        )
    if last and isinstance(last.result, ExcerptScores):
        _show(last, is_stale=last.key != key)
        _save(selection, mix, last, is_stale=last.key != key)
    elif not (job and job.is_active):
        st.caption("HAAQI predicts the sound quality for this listener, 0 to 1; SDR tells how clean a stem is, in dB.")


def _live(selection: Selection, mix: MixSettings, place: str) -> None:
    """Show the remix's HAAQI as it is now, if it shall follow the sliders."""
    if not st.toggle(
        "Follow the sliders", value=True, key="follow_sliders", help="HAAQI of the remix after each change"
    ):
        return
    start, stop = selection.span
    if stop - start > LIVE_SECONDS:
        st.caption(f"An excerpt of up to {LIVE_SECONDS:g} s can be followed; this one is longer.")
        return
    jobs = services().jobs
    ready = jobs.get(HAAQI_READY)
    if ready and ready.is_active:
        follow(ready.key, cancel=False, quiet=True)
        return
    key = f"live-{place}-{_digest(mix.gains.as_dict())}"
    before = st.session_state.get("live_score", key)
    if before != key:
        jobs.release(before, owner())
    st.session_state["live_score"] = key
    _begin(selection, mix, key, with_stems=False)
    job = jobs.wait(key, 0.1)
    if st.session_state.get("live_is_quick", True) and not jobs.place(key):
        job = jobs.wait(key, _PATIENCE)
    if job is None or job.is_active:
        st.session_state["live_is_quick"] = False
        follow(key, cancel=False, quiet=True)
    elif job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif isinstance(job.result, ExcerptScores):
        st.session_state["live_is_quick"] = job.result.seconds < _PATIENCE
        ears = ", ".join(f"{ear} {_number(job.result.remix.get(ear, math.nan), 3)}" for ear in EARS)
        st.metric("HAAQI, remix now", _number(job.result.remix_mean, 3), help="Against the same mix of the true stems")
        st.caption(plain("; ".join((f"{ears}; took {job.result.seconds:.2f} s", *job.result.notes))))


def _ask(selection: Selection, mix: MixSettings, key: str, place: str) -> None:
    _begin(selection, mix, key)
    st.session_state["scoring"][place] = key


def _begin(selection: Selection, mix: MixSettings, key: str, *, with_stems: bool = True) -> None:
    settings = services().settings

    def work(progress: Progress) -> ExcerptScores:
        result = separate(
            selection.song, selection.system, settings, selection.excerpt, progress=part(progress, 0, 0.05)
        )
        truth = selection.song.stems(selection.excerpt)
        if not set(STEMS) <= set(result.stems):
            raise CadenzaError("This system does not give all four stems, so they cannot be scored.")
        stems = fitted_stems(result, truth.length)
        rest = part(progress, 0.05, 1.0)
        return score_excerpt(
            selection.song.name,
            selection.listener,
            stems,
            truth,
            mix.gains,
            prescription=mix.prescription,
            with_stems=with_stems,
            progress=rest,
        )

    urgency, alone = (2, "") if with_stems else (0, "live score")
    services().jobs.submit(key, "Scoring", work, owner=owner(), urgency=urgency, alone=alone)


def _show(job: Job, *, is_stale: bool) -> None:
    scores: ExcerptScores = job.result
    remix, stems = st.columns(2)
    remix.metric("HAAQI, remix" + (" (stale)" if is_stale else ""), _number(scores.remix_mean, 3))
    stems.metric("HAAQI, stems", _number(scores.stems_mean, 3), help="Mean of the eight stems, as CAD1 scores")
    if is_stale:
        st.caption(
            ":material/update: Stale: a gain has moved since. The stems' scores still hold; score again for the remix."
        )
    rows = [
        {
            "Stem": stem.capitalize(),
            "SDR dB": _number(scores.sdr.get(stem, math.nan), 1),
            **{ear.capitalize(): _number(scores.stems.get(f"{ear}_{stem}", math.nan), 2) for ear in EARS},
        }
        for stem in STEMS
    ]
    rows.append(
        {"Stem": "Remix", "SDR dB": "", **{e.capitalize(): _number(scores.remix.get(e, math.nan), 2) for e in EARS}}
    )
    st.dataframe(rows, hide_index=True, row_height=28)
    st.caption(plain("; ".join((f"HAAQI per ear, took {scores.seconds:.1f} s", *scores.notes))))
    why_panel(scores.explanations)


def _save(selection: Selection, mix: MixSettings, job: Job, *, is_stale: bool) -> None:
    """Offer to keep the scores in the database; what was kept is said."""
    saved: dict[str, str] = st.session_state.setdefault("scores_saved", {})
    wanted = job.key not in saved and not is_stale
    if wanted and st.button("Save scores", icon=":material/save:", width="stretch", help="Keep them in the database"):
        from .scores_kept import keep_scores  # the database's packages: loaded when they are needed

        saved[job.key] = keep_scores(selection, mix, job.result)
    if said := saved.get(job.key):
        st.caption(f":material/check: {plain(said)} They are on the Leaderboard, under Computed in the studio.")


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "none"
    return "∞" if math.isinf(value) else f"{value:.{digits}f}"


def _ears(selection: Selection) -> list[list[float]]:
    ears = (selection.listener.audiogram_left, selection.listener.audiogram_right)
    return [array.tolist() for ear in ears for array in (ear.frequencies, ear.levels)]


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
