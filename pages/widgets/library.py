"""The library: all songs with length and stems, and the ways to add some."""

from pathlib import Path

import streamlit as st

from cadenza_core.catalog.own import MAX_UPLOAD, add_place, add_upload, places, remove_place, remove_upload, uploads
from cadenza_core.errors import CadenzaError
from pages.access import is_researcher

from .messages import clock, plain
from .selection import pick
from .services import Catalog, services

__all__ = ["library_panel"]


def library_panel(catalog: Catalog) -> None:
    """Show the list, and below it how to add songs."""
    st.markdown("**Library**")
    text = st.text_input("Search", key="library_search", placeholder="Search by name, genre or split").casefold()
    songs = [song for song in catalog.songs.values() if text in f"{song.name} {song.genre} {song.split}".casefold()]
    rows = [
        {
            "Song": song.name,
            "Length": clock(catalog.durations[song.id]),
            "Stems": "4 true stems" if song.has_stems else ", ".join(song.true_stems) or "mixture only",
            "Genre": song.genre,
        }
        for song in songs
    ]
    if rows:
        generation = st.session_state.setdefault("library_generation", 0)
        event = st.dataframe(
            rows,
            key=f"library_table_{generation}",
            on_select="rerun",
            selection_mode="single-row",
            hide_index=True,
            height=min(38 + 35 * len(rows), 300),
            width=560,
        )
        chosen = event["selection"]["rows"]
        if chosen and chosen[0] < len(songs):
            pick(song=songs[chosen[0]].id)
            st.session_state["library_generation"] += 1  # the table forgets its selection
            st.rerun()
    else:
        st.caption("No song has this in its name. Clear the search, or add songs below.")
    for fault in catalog.faults:
        st.warning(plain(fault))
    if not is_researcher():
        return
    if services().settings.person:  # whose folders those of this server are not
        _upload()
        return
    upload, folder = st.tabs(["Upload a file", "Add a folder"])
    with upload:
        _upload()
    with folder:
        _folder()


def _upload() -> None:
    number = st.session_state.setdefault("upload_number", 0)
    shared = False
    if services().settings.person:
        shared = st.checkbox("Share the next file with everybody who signs in here", key="upload_shared")
    file = st.file_uploader(
        f"WAV, FLAC, MP3, OGG, AIFF, M4A or .stem.mp4, up to {MAX_UPLOAD / 1e6:.0f} MB",
        key=f"upload_{number}",
        max_upload_size=MAX_UPLOAD // 1000**2,
    )
    if file is not None:
        try:
            song = add_upload(file.name, file.getbuffer(), services().settings, shared=shared)
        except CadenzaError as error:
            st.session_state["upload_fault"] = str(error)
        else:
            st.session_state.pop("upload_fault", None)
            found = services().catalog(fresh=True).songs.values()
            match = [one for one in found if one.files() == song.files()]
            pick(song=match[0].id if match else song.id)
        st.session_state["upload_number"] += 1  # an empty uploader, ready for the next file
        st.rerun()
    if fault := st.session_state.get("upload_fault"):
        st.error(plain(fault), icon=":material/error:")
    for place, path in enumerate(uploads(services().settings)):
        name, button = st.columns([5, 1], vertical_alignment="center")
        name.text(path.name)
        if button.button("", icon=":material/delete:", key=f"drop_upload_{place}", help="Delete this upload"):
            remove_upload(path, services().settings)
            services().catalog(fresh=True)
            st.rerun()


def _folder() -> None:
    with st.form("add_folder", border=False, clear_on_submit=True):
        text = st.text_input("Path of a folder or file on this machine", placeholder="/home/ana/Music/musdb18hq")
        added = st.form_submit_button("Add", icon=":material/create_new_folder:")
    if added:
        try:
            songs = add_place(text, services().settings)
        except CadenzaError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            services().catalog(fresh=True)
            st.toast(f"{len(songs)} song{'s' if len(songs) != 1 else ''} added to the library.")
            st.rerun()
    for number, place in enumerate(_known()):
        name, button = st.columns([5, 1], vertical_alignment="center")
        name.text(str(place))
        if button.button(
            "", icon=":material/close:", key=f"forget_{number}", help="Forget this folder; nothing is deleted"
        ):
            remove_place(place, services().settings)
            services().catalog(fresh=True)
            st.rerun()


def _known() -> list[Path]:
    try:
        return places(services().settings)
    except CadenzaError as error:
        st.error(plain(str(error)))
        return []
