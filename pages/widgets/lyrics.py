"""The lyrics page: the line and the vocals' gain, what was heard, and the predicted intelligibility over the gain."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cadenza_core.audio import RATE
from cadenza_core.intelligibility.lines import LONGEST, Curve, line_sounds, transcribe, vocal_curve, with_vocals
from cadenza_core.intelligibility.recognisers import Recogniser, Transcript, get_recogniser, recognisers
from cadenza_core.intelligibility.whisper import fetch_whisper
from cadenza_core.jobs import Job
from cadenza_core.playback import playable_key
from cadenza_core.playback.sounds import sound_id
from cadenza_core.progress import Progress, part
from cadenza_core.remix import EARS, Gains, MixSettings
from cadenza_core.separation import get_system

from .heard import heard_cards
from .jobs import ask, follow, is_stopped, keep_only
from .messages import guarded, plain
from .picker import picker
from .selection import Selection, current, owner, settings_of
from .services import services
from .vocal_curve import curve_panel

__all__ = ["Heard", "lyrics"]

#: The vocals' gain, dB: as far as the curve is computed.
_RANGE = 12.0


@dataclass(frozen=True)
class Heard:
    """What a job has heard: transcripts by rendering and ear, and the set of sounds to listen to."""

    transcripts: dict[str, dict[str, Transcript]]
    sounds: str


@dataclass(frozen=True)
class _Wish:
    """All that is asked for on the page."""

    selection: Selection
    line: str
    recogniser: Recogniser
    gain: float
    gains: Gains
    aided: bool


def lyrics() -> None:
    """Show the page."""
    bar, messages, line, main = (st.container() for _ in range(4))
    warm = services().warm_up()
    if warm.is_active:
        with bar:
            st.markdown("**Preparing the demo song**, at the first start only.")
            follow(warm.key, cancel=False, quiet=True)
        return
    catalog = services().catalog()
    selection, faults = current(catalog)
    with bar:
        picker(selection, catalog)
    with messages:
        for fault in faults:
            st.warning(plain(fault))
    with line, guarded():
        wish, pressed = _ask_for(selection)
        with main, guarded():
            _answer(wish, pressed)


def _ask_for(selection: Selection) -> tuple[_Wish, bool]:
    """Show the controls and give what is wished, and whether the button was pressed now."""
    text, who, gain, aided, go = st.columns([4.2, 2.1, 2.4, 1.5, 1.2], vertical_alignment="bottom", gap="medium")
    lines: dict[str, str] = st.session_state.setdefault("lyric_lines", {})
    place = f"{selection.song.id} {selection.excerpt}"
    line = text.text_input(
        "Lyric line",
        value=lines.get(place, ""),
        max_chars=300,
        placeholder="Type or paste the words that are sung in the excerpt",
        key=f"lyric_line_{hashlib.sha256(place.encode()).hexdigest()[:12]}",
    )
    lines[place] = line
    names = recognisers()
    name = who.selectbox("Recogniser", names, key="lyric_recogniser", format_func=_title)
    mix = MixSettings.from_mixer(settings_of(selection.song.id)).gains
    studio = [mix.decibels["vocals", ear] for ear in EARS]
    start = float(np.clip(np.mean([max(one, -_RANGE) for one in studio]), -_RANGE, _RANGE))
    decibels = gain.slider(
        "Vocals in the remix",
        -_RANGE,
        _RANGE,
        round(2 * start) / 2,
        0.5,
        format="%+.1f dB",
        key=f"lyric_gain_{selection.song.id}",
        help="The other stems are as set in the Studio",
    )
    is_aided = aided.toggle("Amplified", key="lyric_aided", help="NAL-R for this listener, before the hearing loss")
    recogniser = get_recogniser(name or names[0], services().settings)
    pressed = go.button("Listen", type="primary", icon=":material/hearing:", width="stretch")
    return _Wish(selection, line, recogniser, decibels, with_vocals(mix, decibels), is_aided), pressed


def _title(name: str) -> str:
    recogniser = get_recogniser(name, services().settings)
    return recogniser.title + (" · not ready" if recogniser.unavailable_reason() else "")


def _answer(wish: _Wish, pressed: bool) -> None:
    selection = wish.selection
    start, stop = selection.span
    place = f"{selection.song.id} {selection.excerpt} {selection.system}"
    if pressed:
        st.session_state["lyric_place"] = place
    if stop - start > LONGEST:
        st.info(
            f"Lines of up to {LONGEST:g} s are recognised; this excerpt lasts {stop - start:.0f} s. Choose a shorter one."
        )
        return
    if reason := get_system(selection.system, services().settings).unavailable_reason():
        st.warning(plain(reason))
        return
    if wish.recogniser.unavailable_reason():
        _weights(wish.recogniser)
        return
    if st.session_state.get("lyric_place") != place:
        keep_only(set())
        _empty(wish)
        return
    jobs = _jobs(wish, anew=pressed)
    keep_only({key for key, _ in jobs.values()})
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("## What the recogniser heard")
        heard = [job.result for _, job in (jobs["mixture"], jobs["remix"]) if isinstance(job.result, Heard)]
        heard_cards(wish.line, heard, wish.recogniser.id)
        for name in ("mixture", "remix"):
            _progress(*jobs[name])
    with right:
        st.markdown("## Predicted intelligibility")
        key, job = jobs["curve"]
        if isinstance(job.result, Curve):
            curve_panel(job.result, wish.gain, selection.listener_id, aided=wish.aided)
        _progress(key, job)


def _progress(key: str, job: Job) -> None:
    if job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif is_stopped(key) or job.state == "cancelled":
        st.caption("Cancelled. Press Listen to do it.")
    elif job.is_active:
        follow(key)


def _empty(wish: _Wish) -> None:
    start, stop = wish.selection.span
    with st.container(border=True):
        st.markdown(
            "**Listen** lets the recogniser hear this excerpt four times: the mixture and the remix, as they are and through "
            "the listener's simulated hearing loss. The words of the lyric line that it gets are marked, and the curve tells "
            "how the predicted intelligibility changes with the vocals' gain."
        )
        st.caption(
            f"The excerpt lasts {stop - start:.1f} s; choose it so that it holds one line. The work takes some seconds for "
            "each second of sound, in the background."
        )
        if wish.recogniser.id == "pocketsphinx":
            st.caption(
                "PocketSphinx works offline and is made for read speech: with music it hears little that is right. Whisper is "
                "far better, once its weights are here."
            )


def _weights(recogniser: Recogniser) -> None:
    key = f"weights-{recogniser.id}"
    job = services().jobs.get(key)
    with st.container(border=True):
        st.markdown(f"**{plain(recogniser.title)} is not ready on this machine**")
        st.markdown(plain(recogniser.unavailable_reason() or ""))
        if job and job.is_active:
            follow(key)
            return
        if job and job.state == "failed":
            st.error(plain(job.error), icon=":material/error:")
        settings, size = services().settings, recogniser.id.removeprefix("whisper-")
        megabytes = getattr(recogniser, "size_mb", 0)
        if st.button(f"Get weights ({megabytes} MB)", icon=":material/download:"):
            services().jobs.submit(
                key,
                f"Getting the weights of {recogniser.title}",
                lambda show: fetch_whisper(size, settings, show),
                owner=owner(),
            )
            st.rerun()
        st.code(f"cadenza lyrics weights {recogniser.id}", language=None)


def _jobs(wish: _Wish, *, anew: bool) -> dict[str, tuple[str, Job]]:
    """Ask for what the page shows: transcripts of mixture and remix, and the curve."""
    selection, settings = wish.selection, services().settings
    source = playable_key(selection.song, selection.system, settings, selection.excerpt)
    ears = [
        array.tolist()
        for ear in (selection.listener.audiogram_left, selection.listener.audiogram_right)
        for array in (ear.frequencies, ear.levels)
    ]
    facts = [source, ears, wish.aided]
    by_whom = dict(wish.recogniser.identity())
    others = with_vocals(wish.gains, 0.0).as_dict()
    jobs = {}
    for name, title, own, work in (
        ("mixture", "Listening to the mixture", [by_whom], _listening(wish, "mixture")),
        ("remix", "Listening to the remix", [by_whom, wish.gains.as_dict()], _listening(wish, "remix")),
        ("curve", "Predicting over the vocals' gain", [others], _curve(wish)),
    ):
        digest = hashlib.sha256(json.dumps([name, *facts, *own]).encode()).hexdigest()[:24]
        key = f"lyrics-{name}-{digest}"
        urgency = 2 if name == "curve" else 1
        jobs[name] = key, ask(key, title, work(key), urgency=urgency, anew=anew, passing=True)
    return jobs


def _listening(wish: _Wish, what: str) -> Callable[[str], Callable[[Progress], Heard]]:
    selection, settings, store = wish.selection, services().settings, services().sounds

    def work(key: str) -> Callable[[Progress], Heard]:
        def do(progress: Progress) -> Heard:
            sounds = line_sounds(
                selection.song, selection.excerpt, selection.system, settings, progress=part(progress, 0.0, 0.2)
            )
            kept: dict[str, np.ndarray] = {}
            found = transcribe(
                sounds,
                wish.recogniser,
                selection.listener,
                wish.gains,
                names=(what, f"{what}_loss"),
                aided=wish.aided,
                keep=lambda name, samples: kept.update({name: samples.astype(np.float32)}),
                progress=part(progress, 0.2, 1.0),
            )
            return Heard(found, store.put(sound_id("lyrics", key), kept, RATE).id)

        return do

    return work


def _curve(wish: _Wish) -> Callable[[str], Callable[[Progress], Curve]]:
    selection, settings = wish.selection, services().settings

    def work(key: str) -> Callable[[Progress], Curve]:
        def do(progress: Progress) -> Curve:
            sounds = line_sounds(
                selection.song, selection.excerpt, selection.system, settings, progress=part(progress, 0.0, 0.2)
            )
            show = part(progress, 0.2, 1.0)
            return vocal_curve(sounds, selection.listener, wish.gains, aided=wish.aided, progress=show)

        return do

    return work
