"""The bar at the top: song, excerpt, listener, system, and the doors to library and listeners."""

import functools

import streamlit as st

from cadenza_core.catalog import Excerpt
from cadenza_core.hearing.severity import listener_severity
from cadenza_core.separation import get_system, systems

from .first import first_excerpt
from .library import library_panel
from .listener import listener_panel
from .messages import clock
from .opened import door
from .selection import Selection, pick
from .services import Catalog, services

__all__ = ["picker"]


def picker(selection: Selection, catalog: Catalog, *, with_system: bool = True) -> None:
    """Show the bar."""
    widths = [3.1, 2.9, 2.7, *([2.3] if with_system else [])]
    song, excerpt, listener, *rest = st.columns(widths, vertical_alignment="bottom", gap="medium")
    with song:
        chooser, beside = st.columns([3, 2], vertical_alignment="bottom", gap="small")
        with chooser:
            _song(selection, catalog)
        with beside:
            songs = functools.partial(library_panel, catalog)
            door("Library", songs, key="door_library", width="stretch", help="Search and add songs")
    with excerpt:
        _excerpt(selection)
    with listener:
        chooser, beside = st.columns([3, 2], vertical_alignment="bottom", gap="small")
        with chooser:
            _listener(selection, catalog)
        with beside:
            panel = functools.partial(listener_panel, catalog, selection.listener, selection.listener_id)
            door("Find", panel, key="door_find", width="stretch", help="Find, draw or import a listener")
    for system in rest:
        with system:
            _system(selection)


def _song(selection: Selection, catalog: Catalog) -> None:
    st.session_state["pick_song"] = selection.song.id
    st.selectbox(
        "Song",
        list(catalog.songs),
        key="pick_song",
        format_func=lambda key: catalog.songs[key].name if key in catalog.songs else str(key),
        on_change=lambda: pick(song=st.session_state["pick_song"]),
    )


def _excerpt(selection: Selection) -> None:
    if selection.duration <= 1.0:
        st.slider("Excerpt", 0.0, 1.0, (0.0, 1.0), disabled=True)
        return
    start, stop = selection.span
    bar, whole = st.columns([4, 1.5], vertical_alignment="bottom", gap="small")
    with bar:
        top = round(selection.duration, 1)
        st.session_state["pick_excerpt"] = (min(round(start, 1), top), min(round(stop, 1), top))
        st.slider(
            f"Excerpt {clock(start)} to {clock(stop)} of {clock(selection.duration)}",
            0.0,
            top,
            step=0.1 if top < 60 else 0.5,
            format="%.1f s",
            key="pick_excerpt",
            on_change=lambda: _cut(selection.duration),
        )
    with whole:
        if selection.is_whole:
            part = first_excerpt(selection.duration)
            st.button("Part", on_click=lambda: pick(excerpt=part), help="Play an excerpt only", width="stretch")
        else:
            st.button("Whole", on_click=lambda: pick(excerpt=Excerpt()), help="Play the whole song", width="stretch")


def _cut(duration: float) -> None:
    start, stop = st.session_state["pick_excerpt"]
    stop = max(stop, start + 0.5)
    pick(excerpt=Excerpt() if start == 0.0 and stop >= round(duration, 1) else Excerpt(start, min(stop, duration)))


def _listener(selection: Selection, catalog: Catalog) -> None:
    options = list(catalog.listeners)
    if selection.listener_id not in catalog.listeners:  # a pair such as N2-S1
        options.append(selection.listener_id)
    st.session_state["pick_listener"] = selection.listener_id

    def name(key: str) -> str:
        listener = catalog.listeners.get(key, selection.listener)
        return f"{key} · {listener_severity(listener)}"

    st.selectbox(
        "Listener",
        options,
        key="pick_listener",
        format_func=name,
        on_change=lambda: pick(listener=st.session_state["pick_listener"]),
    )


def _system(selection: Selection) -> None:
    st.session_state["pick_system"] = selection.system
    settings = services().settings
    known = {info.id: info for info in systems()}

    def name(key: str) -> str:
        missing = get_system(key, settings).unavailable_reason()
        needs_truth = known[key].oracle and not selection.song.has_stems
        return known[key].title.partition(" (")[0] + (" · not ready" if missing or needs_truth else "")

    st.selectbox(
        "Separation",
        list(known),
        key="pick_system",
        format_func=name,
        help=None,
        on_change=lambda: pick(system=st.session_state["pick_system"]),
    )
