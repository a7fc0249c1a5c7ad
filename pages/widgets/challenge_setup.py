"""Setting a run up: which set, which systems, what is done; and what it will need, before it begins."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from cadenza_core.challenge import SETS, ChallengeSet, read_set, time_in_words, usable_cores
from cadenza_core.challenge.kept import LookAhead, RunSpec, challenge_roots, keep_run, kept_runs, look_ahead
from cadenza_core.separation import get_system, systems

from .challenge_runs import begin
from .messages import plain
from .services import services

__all__ = ["setup_panel"]

_TITLES = {"train": "Training", "valid": "Validation", "test": "Evaluation"}
_THEN = {"evaluate": "Score", "validate": "Check", "pack": "Pack"}
_GAINS = {"": "All stems as they are", "proposal": "The studio's proposal for each listener"}
#: Systems that a new run starts with, the first that is ready.
_FIRST = ("hdemucs_high_musdb", "umxhq", "preview")


def setup_panel() -> None:
    """Show the form and the estimate, and the button that begins."""
    st.markdown("**New run**")
    settings = services().settings
    roots = list(dict.fromkeys([*challenge_roots(settings), *(run.spec.data for run in kept_runs(settings))]))
    root = st.selectbox(
        "Data",
        roots,
        index=0 if roots else None,
        accept_new_options=not settings.person,  # a path of the server's is for who runs it to name (`music`)
        placeholder="Path of the folder that holds audio/ and metadata/",
        key="challenge_data",
        help="A tree as the challenge hands it out: audio/musdb18hq/ with its songs, metadata/ with the lists.",
    )
    name = st.segmented_control("Set", SETS, default="valid", format_func=_TITLES.__getitem__, key="challenge_set")
    if not root or not name:
        st.caption(
            "Name the folder of the challenge's data to begin: songs, listeners and segments are read from its metadata."
        )
        return
    data = _read(str(root).strip(), name)
    songs, listeners = _choice(data)
    chosen = _systems()
    steps = st.pills(
        "Then",
        list(_THEN),
        selection_mode="multi",
        default=["evaluate", "validate"],
        format_func=_THEN.__getitem__,
        key="challenge_then",
        help="Once the files are written: score them with HAAQI, check each of them, pack the zip to be uploaded.",
    )
    gains, compressor, workers = _options()
    everything = {song.name for song in data.songs}, {listener.id for listener in data.listeners}
    specs = [
        RunSpec(
            str(Path(root).expanduser()),
            name,
            system,
            () if set(songs) == everything[0] else tuple(songs),
            () if set(listeners) == everything[1] else tuple(listeners),
            gains,
            compressor,
        )
        for system in chosen
    ]
    if not specs or not songs or not listeners:
        st.caption("Choose at least one system, one song and one listener.")
        return
    needs = [_look_ahead(spec, workers) for spec in specs]
    fits = _estimate(needs, scored="evaluate" in steps)
    label = "Start" if len(specs) == 1 else f"Start {len(specs)} runs"
    if st.button(label, type="primary", width="stretch", icon=":material/play_arrow:", disabled=not fits):
        for spec in specs:
            begin(keep_run(spec, settings), ["enhance", *steps], workers=workers)
        st.rerun()


def _read(root: str, name: str) -> ChallengeSet:
    """Read a set once for this tab and choice."""
    kept: dict[tuple[str, str], ChallengeSet] = st.session_state.setdefault("challenge_sets", {})
    if (root, name) not in kept:
        kept.clear()
        kept[root, name] = read_set(Path(root), name)
    return kept[root, name]


def _choice(data: ChallengeSet) -> tuple[list[str], list[str]]:
    names, ids = [song.name for song in data.songs], [listener.id for listener in data.listeners]
    with st.expander(f"{_count(names, 'song')}, {_count(ids, 'listener')}", icon=":material/checklist:"):
        songs = st.multiselect("Songs", names, placeholder="all", key=f"challenge_songs_{data.name}")
        listeners = st.multiselect("Listeners", ids, placeholder="all", key=f"challenge_listeners_{data.name}")
    return songs or names, listeners or ids


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"


def _systems() -> list[str]:
    ready = {info.id: info for info in systems() if not get_system(info.id, services().settings).unavailable_reason()}
    missing = len(systems()) - len(ready)
    default = next((name for name in _FIRST if name in ready), None)
    chosen = st.multiselect(
        "Systems",
        list(ready),
        default=[default] if default else [],
        format_func=lambda name: ready[name].title,
        help="Each gets a run of its own; they are done one after the other.",
    )
    if missing:
        st.caption(f"{missing} more lack their weights: `cadenza models get ID` fetches them.")
    if any(not ready[name].cad1_closed or ready[name].oracle for name in chosen):
        st.caption("Some of these may not be submitted to the closed challenge: trained on more, or using true stems.")
    return chosen


def _options() -> tuple[str, bool, int]:
    presets = sorted({f"preset:{one.name}" for one in services().presets.everywhere()})
    with st.expander("Remix and processes", icon=":material/tune:"):
        gains = st.selectbox(
            "Gains of the remix",
            [*_GAINS, *presets],
            format_func=lambda name: _GAINS.get(name, name.replace(":", ": ", 1)),
            help="The scored stems stay as they are; gains are for the remix that the panel hears.",
        )
        compressor = st.checkbox("Compress after NAL-R", help="The recipe's compressor; the baseline does not use it.")
        workers = st.number_input("Processes", 1, 256, usable_cores(), help="One for each processor is the fastest.")
    return gains, compressor, int(workers)


def _look_ahead(spec: RunSpec, workers: int) -> LookAhead:
    kept: dict[Any, LookAhead] = st.session_state.setdefault("challenge_needs", {})
    if (spec, workers) not in kept:
        if len(kept) > 20:
            kept.clear()
        kept[spec, workers] = look_ahead(spec, services().settings, workers)
    return kept[spec, workers]


def _estimate(needs: Sequence[LookAhead], *, scored: bool) -> bool:
    """Show what it will need; tell whether there is room."""
    files = [need.files for need in needs]
    size, cache = sum(one.results for one in files), sum(one.cache for one in files)
    writing, scoring = sum(one.seconds for one in files), sum(need.scoring for need in needs)
    separating = sum(one.separation for one in files)
    first, second = st.columns(2)
    first.metric("Pairs", f"{sum(one.pairs for one in files):,}", help=f"{sum(one.files for one in files):,} files")
    second.metric("Disk", _bytes(size), help=f"and {_bytes(cache)} for separations in the cache")
    first.metric("Writing", _metric(writing), help="Amplify, resample and write, without separation")
    second.metric("Scoring", _metric(scoring) if scored else "none")
    if math.isnan(separating):
        words = "How long separation takes is known after the first song."
    else:
        words = f"Separation: {time_in_words(separating)}, less what is in the cache." if separating else ""
    one = files[0]
    st.caption(plain(f"{words} {_bytes(one.free)} are free for the results, {_bytes(one.cache_free)} for the cache."))
    if replace(one, results=size, cache=cache).fits:
        return True
    st.error("There is not enough room on the disk. Choose fewer songs, listeners or systems.", icon=":material/error:")
    return False


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.1f} MB"


def _metric(seconds: float) -> str:
    return time_in_words(seconds).removeprefix("about ")
