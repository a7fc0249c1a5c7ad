"""Export: the mix as it is heard, with a JSON of its settings, and the submission files of the pair."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import streamlit as st

from cadenza_core.hearing import get_prescription
from cadenza_core.progress import Progress
from cadenza_core.remix import MixSettings
from cadenza_core.submission.archive import FORMATS, MixExport, export_mix, export_zip

from .extract import Extraction
from .jobs import begin, follow
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

    done = _job(f"mix-{_digest([*facts, kind])}", f"Write the mix as {kind.upper()}", "Writing the mix", write)
    if isinstance(done, MixExport):
        with st.container(horizontal=True):
            _link(done.sound, "Sound")
            _link(done.record, "Settings (JSON)")
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

    packed = _job(f"zip-{_digest(facts)}", "Make the submission files", "Making the submission files", pack)
    if isinstance(packed, Path):
        _link(packed, "Submission files (zip)")


def _job(key: str, label: str, title: str, work: Callable[[Progress], object]) -> object:
    """Show a button that begins a job, then its progress; give its result once it is done."""
    job = services().jobs.get(key)
    if job and job.is_active:
        follow(key, quiet=True)
        return None
    if job and job.state == "done":
        return job.result
    if job and job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    st.button(label, key=f"begin_{key}", width="stretch", on_click=begin, args=(key, title, work))
    return None


def _link(path: Path, label: str) -> None:
    st.link_button(label, f"/exports/{path.parent.name}/{quote(path.name)}", icon=":material/download:")


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]
