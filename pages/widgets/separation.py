"""From what is picked to sounds: separation in the background, weights that are missing, the rest of the song."""

import time
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from cadenza_core.catalog import WHOLE
from cadenza_core.playback import Playable, find_playable, playable, playable_key
from cadenza_core.progress import Progress
from cadenza_core.separation import get_system, systems
from cadenza_core.separation.weights import fetch

from .jobs import ask, follow, is_stopped, keep_only
from .messages import clock, guarded, plain
from .selection import Selection, owner, pick
from .services import services

__all__ = ["rest_of_song", "separated"]


def separated(selection: Selection) -> Playable | None:
    """Give the sounds of what is picked; while there are none, show why and what can be done, and give None."""
    settings = services().settings
    system = get_system(selection.system, settings)
    if selection.duration <= 0:
        st.error(plain(f"{selection.song.name} cannot be read. Pick another song, or look at its files."))
        return None
    if system.info.oracle and not selection.song.has_stems:
        have = ", ".join(selection.song.true_stems) or "none"
        st.info(
            plain(f"{system.info.title} needs a song's four true stems; {selection.song.name} has {have}. ")
            + "Pick another system under Separation, or a song with stems."
        )
        _offers(selection)
        return None
    if reason := system.unavailable_reason():
        _missing(selection, reason)
        return None
    if found := find_playable(selection.song, selection.system, settings, selection.excerpt):
        return found
    return _separate(selection)


def _separate(selection: Selection) -> Playable | None:
    key, _ = _request(selection)
    anew = st.session_state.pop("start_anew", None) == key
    job = ask(key, f"Separating {selection.title}", _work(selection), urgency=0, anew=anew, passing=True)
    if job.state == "done":
        result: Playable = job.result
        return result
    with st.container(height=420, border=True, vertical_alignment="center", horizontal_alignment="center"):
        if job.state == "failed":
            st.error(plain(job.error), icon=":material/error:")
            st.button("Try again", on_click=_again, args=(key,))
            _offers(selection)
        elif is_stopped(key) or job.state == "cancelled":
            st.markdown("Cancelled. Nothing half-done is kept.")
            st.button("Separate", icon=":material/play_arrow:", on_click=_again, args=(key,))
        else:
            st.markdown("The excerpt is separated first; it can be played as soon as it is ready.")
            follow(key)
    return None


def _again(key: str) -> None:
    st.session_state["start_anew"] = key


def _request(selection: Selection) -> tuple[str, Selection]:
    return playable_key(selection.song, selection.system, services().settings, selection.excerpt), selection


def _work(selection: Selection) -> Callable[[Progress], Playable]:
    settings = services().settings
    return lambda progress: playable(selection.song, selection.system, settings, selection.excerpt, progress=progress)


def _missing(selection: Selection, reason: str) -> None:
    """Say what is missing, how to get it, and what works now."""
    info = get_system(selection.system, services().settings).info
    key = f"weights-{selection.system}"
    job = services().jobs.get(key)
    with st.container(border=True):
        st.markdown(f"**{plain(info.title)} is not ready on this machine**")
        st.markdown(plain(reason))
        if job and job.is_active:
            follow(key)
        else:
            if job and job.state == "failed":
                st.error(plain(job.error), icon=":material/error:")
            settings, system = services().settings, selection.system
            if info.size_mb and st.button(f"Get weights ({info.size_mb:.0f} MB)", icon=":material/download:"):
                services().jobs.submit(
                    key, f"Getting the weights of {system}", lambda show: fetch(system, settings, show), owner=owner()
                )
                st.rerun()
            st.code(f"cadenza models get {system}", language=None)
    _offers(selection)


def _offers(selection: Selection) -> None:
    """Offer the systems that work now for this song; nothing is swapped by itself."""
    settings = services().settings
    ready = [
        info
        for info in systems()
        if (selection.song.has_stems or not info.oracle) and not get_system(info.id, settings).unavailable_reason()
    ]
    st.markdown("What works now:")
    with st.container(horizontal=True):
        for info in ready:
            if info.id != selection.system:
                st.button(plain(info.title), key=f"offer_{info.id}", on_click=lambda id=info.id: pick(system=id))


def rest_of_song(selection: Selection, ready: bool) -> None:
    """Separate the whole song once its excerpt is ready, and tell how far that is."""
    if selection.is_whole or not ready:
        keep_only({_request(selection)[0]} if selection.duration > 0 else set())
        return
    whole = replace(selection, excerpt=WHOLE)
    with guarded():
        key, _ = _request(whole)
        keep_only({key})
        if find_playable(whole.song, whole.system, services().settings, WHOLE):
            st.caption(f"The whole song ({clock(selection.duration)}) is ready too: press Whole to play it.")
            return
        anew = st.session_state.pop("start_rest", None) == key
        work = _after_the_first_sound(_work(whole))
        job = ask(key, "The rest of the song", work, urgency=5, anew=anew, passing=True, alone="memory")
        if job.is_active and not is_stopped(key):
            follow(key)
        elif job.state == "failed":
            st.caption(plain(f"The rest of the song: {job.error}"))
        elif job.state != "done":
            st.button("Separate the rest of the song", on_click=_rest_again, args=(key,), type="tertiary")


def _after_the_first_sound(work: Callable[[Progress], Playable]) -> Callable[[Progress], Playable]:
    """Let the page fetch and decode the excerpt before the cores are kept busy."""

    def later(progress: Progress) -> Playable:
        for _ in range(20):
            progress(0.0, "after the first sound")
            time.sleep(0.1)
        return work(progress)

    return later


def _rest_again(key: str) -> None:
    st.session_state["start_rest"] = key
