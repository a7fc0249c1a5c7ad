"""Export: the mix as it is heard, with a JSON of its settings, and the submission files of the pair."""

import hashlib
import json
from pathlib import Path

import streamlit as st

from cadenza_core.hearing import get_prescription
from cadenza_core.progress import Progress
from cadenza_core.remix import MixSettings
from cadenza_core.submission.archive import FORMATS, MixExport, export_mix, export_zip

from .extract import Extraction
from .made import download, made
from .messages import plain
from .selection import Selection
from .services import services

__all__ = ["export_panel"]

_HEARD = {
    "original": "the original mixture",
    "remix": "the remix",
    "aided": "the amplified remix",
    "reference": "the reference remix",
    "reference_aided": "the amplified reference remix",
    "msbg": "the remix as the listener hears it (MSBG, rendered for these settings)",
    "msbg_aided": "the amplified remix as the listener hears it (MSBG, rendered for these settings)",
}
_SIMULATED = {"both": "both ears", "left": "the left ear", "right": "the right ear"}


def export_panel(selection: Selection, mix: MixSettings, extraction: Extraction | None = None) -> None:
    """Show what can be taken away."""
    wish = extraction.wish if extraction and extraction.found else None
    start, stop = selection.span
    chosen = get_prescription(mix.prescription)
    by = f" ({chosen.title})" if "aided" in mix.hear else ""
    ears = _SIMULATED[mix.simulation] if mix.simulated_ears else ""
    hearing = f", {ears} hearing about as the listener's (live approximation)" if ears else ""
    st.caption(
        f"What you hear now: {_HEARD[mix.hear]}{by}{hearing}, {stop - start:.1f} s, with master and limiter as set."
    )
    if by and not chosen.is_linear:
        st.caption(f"{chosen.title} is in the export only: the mixer plays this mix without amplification.")
    kind = (
        st.segmented_control("Format", list(FORMATS), format_func=str.upper, default="wav", key="export_kind") or "wav"
    )
    facts: list[object] = [
        selection.song.id,
        str(selection.excerpt),
        selection.system,
        selection.listener_id,
        mix.as_mixer(),
    ]
    facts += [wish.model.id, wish.one_rest, [prompt.facts for prompt in wish.prompts]] if wish else []
    settings = services().settings

    def write(progress: Progress) -> MixExport:
        return export_mix(
            selection.song,
            selection.listener,
            selection.system,
            selection.excerpt,
            mix,
            settings,
            kind=kind,
            wish=wish,
            progress=progress,
        )

    key, label = f"mix-{_digest([*facts, kind])}", f"Write the mix as {kind.upper()}"
    done = made(key, label, "Writing the mix", write, lambda result: result.sound, width="stretch")
    if done is not None:
        with st.container(horizontal=True):
            download(done.sound, "Sound")
            download(done.record, "Settings (JSON)")
        for note in done.notes:
            st.caption(plain(note))
    st.divider()
    st.caption(
        f"CAD1's files of this song and listener: eight stems and the remix, amplified by {chosen.title}, from the whole song."
    )

    if wish:
        st.caption(
            "What was extracted is part of its stems there, as the challenge has no other: its gain does not count."
        )

    def pack(progress: Progress) -> Path:
        return export_zip(selection.song, selection.listener, selection.system, mix, settings, progress)

    key, label = f"zip-{_digest(facts)}", "Make the submission files"
    packed = made(key, label, "Making the submission files", pack, lambda path: path, width="stretch")
    if packed is not None:
        download(packed, "Submission files (zip)")


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]
