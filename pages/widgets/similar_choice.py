"""What is compared: the model, which songs, and in which pieces."""

from dataclasses import dataclass
from functools import partial

import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.catalog import Song
from cadenza_core.embedding import EmbeddingModel, embedding_models
from cadenza_core.embedding.collection import Cut
from cadenza_core.embedding.published import fetch_checkpoint
from cadenza_core.embedding.tracks import MIXTURE, Track, tracks_of
from cadenza_core.separation import get_system, systems

from .jobs import follow
from .messages import plain
from .selection import owner
from .services import Catalog, services

__all__ = ["Choice", "choose"]

_KINDS = ("Songs", "Excerpts", "Stems")
_LENGTHS = (5.0, 10.0, 20.0, 30.0)


@dataclass(frozen=True)
class Choice:
    """What is chosen.

    Parameters
    ----------
    model : EmbeddingModel
        Ready to be used.
    songs : tuple of Song
    tracks : tuple of Track
    cut : Cut
    kind : str
    faults : tuple of str
        Sentences about what is not to be had.
    """

    model: EmbeddingModel
    songs: tuple[Song, ...]
    tracks: tuple[Track, ...]
    cut: Cut
    kind: str
    faults: tuple[str, ...]


def choose(catalog: Catalog) -> Choice | None:
    """Show the bar; give the choice, or None while the model cannot be used."""
    model_place, kind_place, length_place, songs_place = st.columns([2.3, 2.2, 1.5, 4.0], vertical_alignment="bottom")
    known = {model.id: model for model in embedding_models(services().settings)}
    with model_place:
        model = known[_select_model(known)]
    kind = kind_place.segmented_control("Compare", _KINDS, default="Excerpts", key="similar_kind", required=True)
    seconds = length_place.selectbox(
        "Pieces", _LENGTHS, index=1, format_func=lambda s: f"{s:g} s", key="similar_length", disabled=kind == "Songs"
    )
    readable = {key: song for key, song in catalog.songs.items() if catalog.durations[key] > 0}
    picked = songs_place.multiselect(
        f"Songs (all {len(readable)} if none is picked)",
        list(readable),
        key="similar_songs",
        format_func=lambda key: readable[key].name if key in readable else str(key),
        placeholder="All songs of the library",
    )
    songs = tuple(readable[key] for key in (picked or readable) if key in readable)
    system = _stem_source(songs) if kind == "Stems" else ""
    parts = STEMS if kind == "Stems" else (MIXTURE,)
    tracks, faults = tracks_of(songs, parts, system)
    if reason := model.unavailable_reason():
        _missing(model, reason)
        return None
    cut = Cut(None) if kind == "Songs" else Cut(float(seconds or 10.0))
    return Choice(model, songs, tuple(tracks), cut, str(kind), tuple(faults))


def _select_model(known: dict[str, EmbeddingModel]) -> str:
    def name(key: str) -> str:
        model = known[key]
        return model.title.partition(":")[0] + (" · not ready" if model.unavailable_reason() else "")

    picked = st.selectbox("Embedding", list(known), index=1, key="similar_model", format_func=name)
    return str(picked)


def _stem_source(songs: tuple[Song, ...]) -> str:
    """Ask where stems come from where songs have none of their own."""
    lacking = [song for song in songs if not song.has_stems]
    if not lacking:
        return ""
    settings = services().settings
    ready = [info for info in systems() if not info.oracle and not get_system(info.id, settings).unavailable_reason()]
    titles = {"": f"leave out ({len(lacking)} songs)", **{info.id: info.title.partition(" (")[0] for info in ready}}
    picked = st.selectbox(
        "Stems of songs that have none of their own", list(titles), key="similar_system", format_func=titles.__getitem__
    )
    return str(picked or "")


def _missing(model: EmbeddingModel, reason: str) -> None:
    """Say what a model lacks, and offer to get it."""
    key = f"checkpoint-{model.id}"
    job = services().jobs.get(key)
    with st.container(border=True):
        st.markdown(f"**{plain(model.title)} is not ready on this machine**")
        st.markdown(plain(reason))
        checkpoint = model.checkpoint
        if checkpoint is None:
            return
        if job and job.is_active:
            follow(key)
            return
        if job and job.state == "failed":
            st.error(plain(job.error), icon=":material/error:")
        label = f"Get it ({checkpoint.size_mb:.0f} MB, licence {checkpoint.licence})"
        if st.button(label, icon=":material/download:"):
            work = partial(fetch_checkpoint, checkpoint, services().settings)
            services().jobs.submit(key, f"Getting {checkpoint.repo}", work, owner=owner())
            st.rerun()
        st.code(f"cadenza hear get {model.id}", language=None)
        st.caption("The naive and the log-mel model need no weights: pick one of them under Embedding.")
