"""What is picked: song, excerpt, listener, system, prescription, calibration. It starts from the link, lives in the
session, and is put into the link.

The widgets only show it: before each run, what is picked is written to their keys, so that nothing is lost when a page is
left and a link, a preset and a click all act the same way.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from clarity.utils.audiogram import Listener

from cadenza_core.catalog import Excerpt, Song, find_listener, listener_files
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import DEFAULT_PRESCRIPTION
from cadenza_core.hearing.safe_levels import CEILING_DB_SPL
from cadenza_core.hearing.thresholds import CALIBRATION_DB_SPL
from cadenza_core.remix import Link, MixSettings, extraction_query, settings_query
from cadenza_core.separation import systems
from pages.access import person

from .first import DEFAULT_LISTENER, DEFAULT_SONG, DEFAULT_SYSTEM, first_excerpt
from .messages import clock
from .mixer import SETTINGS
from .services import Catalog, services

__all__ = [
    "Selection",
    "current",
    "mix_of",
    "open_pair",
    "owner",
    "pick",
    "recall",
    "remember",
    "settings_of",
    "write_link",
]


@dataclass(frozen=True)
class Selection:
    """What is picked, all of it there."""

    song: Song
    duration: float
    excerpt: Excerpt
    listener: Listener
    listener_id: str
    system: str

    @property
    def span(self) -> tuple[float, float]:
        """Start and stop of the excerpt, s."""
        return self.excerpt.start, self.duration if self.excerpt.stop is None else self.excerpt.stop

    @property
    def is_whole(self) -> bool:
        """Whether the excerpt is the whole song."""
        return self.excerpt.is_whole

    @property
    def title(self) -> str:
        """Name and times, for people."""
        start, stop = self.span
        return f"{self.song.name}, {clock(start)} to {clock(stop)}"


def owner() -> str:
    """Give the mark of this tab, after that of the person who has signed in."""
    who = person()
    tab = st.session_state.setdefault("owner", secrets.token_hex(8))
    return f"{who.digest}:{tab}" if who and who.id else str(tab)


def pick(**choices: Any) -> None:
    """Pick something: `song`, `listener`, `system`, `prescription` (ids), `excerpt`, and the two levels in dB SPL."""
    picked = st.session_state["picked"]
    excerpt = choices.pop("excerpt", None)
    picked.update(choices)
    if excerpt is not None:
        picked["excerpts"][picked["song"]] = excerpt


def open_pair(song: str, listener: str, system: str = "") -> None:
    """Go to the studio with a song, a listener and perhaps a system picked; what else was picked stays."""
    choices = {"song": song, "listener": listener, **({"system": system} if system else {})}
    if "picked" in st.session_state:
        pick(**choices)
    st.switch_page(Path(__file__).parents[1] / "studio.py", query_params=choices)


def current(catalog: Catalog) -> tuple[Selection, list[str]]:
    """Give what is picked, and a sentence for each thing that a link asked for and that is not here."""
    faults = _begin(catalog) if "picked" not in st.session_state else []
    picked = st.session_state["picked"]
    song = catalog.songs.get(picked["song"])
    if song is None:
        faults.append(
            f"The song {picked['song'][:80]!r} is not here. Add its folder under Library, or pick another song."
        )
        picked["song"] = DEFAULT_SONG
        song = catalog.songs[DEFAULT_SONG]
    try:
        listener = _listener(picked["listener"], catalog)
    except CadenzaError as error:
        faults.append(str(error))
        picked["listener"] = DEFAULT_LISTENER
        listener = catalog.listeners[DEFAULT_LISTENER]
    if picked["system"] not in {info.id for info in systems()}:
        faults.append(f"There is no separation system {picked['system'][:80]!r} here; {DEFAULT_SYSTEM} is used.")
        picked["system"] = DEFAULT_SYSTEM
    duration = catalog.durations[song.id]
    excerpt = _excerpt(picked, song.id, duration, faults)
    return Selection(song, duration, excerpt, listener, picked["listener"], picked["system"]), faults


def _begin(catalog: Catalog) -> list[str]:
    link = Link.read({name: st.query_params[name] for name in st.query_params})
    picked: dict[str, Any] = {
        "song": link.song or DEFAULT_SONG,
        "listener": link.listener or DEFAULT_LISTENER,
        "system": link.system or DEFAULT_SYSTEM,
        "prescription": link.settings.prescription if link.settings else DEFAULT_PRESCRIPTION,
        "calibration_db_spl": CALIBRATION_DB_SPL,  # the room's, and safe levels hang on it: no link sets it
        "ceiling_db_spl": CEILING_DB_SPL,
        "excerpts": {},
    }
    st.session_state["picked"] = picked
    st.session_state["mix"] = {}
    st.session_state["revision"] = 0
    st.session_state.update(prompts={}, extract_with=link.follow, one_rest=link.one_rest)
    song: str = picked["song"] if picked["song"] in catalog.songs else DEFAULT_SONG
    if link.excerpt and song == picked["song"]:
        picked["excerpts"] = {song: link.excerpt}
    if link.settings:
        st.session_state["mix"][song] = link.settings.as_mixer()
    if link.prompts and song == picked["song"]:
        st.session_state["prompts"][song] = list(link.prompts)
    there = link.settings.calibration_db_spl if link.settings else CALIBRATION_DB_SPL
    note = (
        f"The link was made where 0 dB FS is {there:g} dB SPL. Here it stays {CALIBRATION_DB_SPL:g}, as levels at the ear "
        "hang on it; change it under Amplification if yours is another."
    )
    return [*link.faults, *([note] if there != CALIBRATION_DB_SPL else [])]


def _listener(listener_id: str, catalog: Catalog) -> Listener:
    if listener_id in catalog.listeners:
        return catalog.listeners[listener_id]
    if ".json:" in listener_id:  # a path in a link is not for a page to open
        raise CadenzaError(f"The listener {listener_id[:80]!r} is not here. Import the file under Listener.")
    return find_listener(listener_id[:80], listener_files(services().settings))


def _excerpt(picked: dict[str, Any], song_id: str, duration: float, faults: list[str]) -> Excerpt:
    wanted: Excerpt = picked["excerpts"].get(song_id) or first_excerpt(duration or 1.0)
    if wanted.start >= duration > 0:
        faults.append(
            f"The excerpt {wanted} is not inside the song, which lasts {duration:.1f} s. Its first part is taken."
        )
        wanted = first_excerpt(duration)
    elif wanted.stop is not None and wanted.stop > duration > 0:
        wanted = Excerpt(wanted.start, duration)
    picked["excerpts"][song_id] = wanted
    return wanted


def settings_of(song_id: str) -> dict[str, Any]:
    """Give the mixer's settings of a song, as they were last."""
    settings: dict[str, Any] = st.session_state["mix"].get(song_id) or MixSettings().as_mixer()
    return {name: settings[name] for name in SETTINGS}


def mix_of(song_id: str) -> MixSettings:
    """Give all settings: the mixer's, and what is picked beside it for all songs.

    Raises
    ------
    CadenzaError
        If the mixer has sent nonsense.
    """
    picked = st.session_state["picked"]
    beside = {name: picked[name] for name in ("prescription", "calibration_db_spl")}
    return MixSettings.from_mixer({**settings_of(song_id), **beside})


def remember(song_id: str, settings: dict[str, Any]) -> None:
    """Keep the mixer's settings of a song; what lanes were set to that are not there now is kept as well."""
    before = st.session_state["mix"].get(song_id, {}).get("gains", {})
    kept = {name: settings[name] for name in SETTINGS}
    st.session_state["mix"][song_id] = {**kept, "gains": {**before, **settings["gains"]}}


def recall(song_id: str, settings: MixSettings) -> None:
    """Set the mixer and the prescription: what they have now is given up. The calibration is the room's, and stays."""
    st.session_state["mix"][song_id] = settings.as_mixer()
    st.session_state["picked"]["prescription"] = settings.prescription
    st.session_state["revision"] += 1


def write_link(selection: Selection, mix: MixSettings) -> None:
    """Put everything into the address, so that copying it shares it."""
    start, stop = selection.span
    query = {
        "song": selection.song.id,
        "part": "0-" if selection.is_whole else str(Excerpt(start, stop)),
        "listener": selection.listener_id,
        "system": selection.system,
    }
    prompts = st.session_state["prompts"].get(selection.song.id, ())
    query |= extraction_query(prompts, st.session_state["extract_with"], st.session_state["one_rest"])
    query |= settings_query(mix)
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)
