"""A new listening test: a form that writes the design as YAML, or the YAML itself; and making its sounds."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.errors import CadenzaError
from cadenza_core.files import expand
from cadenza_core.listening import KINDS, Design, read_design
from cadenza_core.listening.panels import make_panel
from cadenza_core.listening.writing import EXAMPLE, design_yaml
from cadenza_core.progress import Progress
from cadenza_core.separation import get_system, systems

from .jobs import begin, follow, is_stopped
from .messages import plain
from .services import services

__all__ = ["new_panel"]

_ORIGINAL = "original"
_HELP = "Paths in the design begin here, and {excerpt}, {song}, {listener} stand for names"
_LENGTH = 15.0


def new_panel() -> None:
    """Show the form, the design that it writes, and how far a test is that is being made."""
    st.markdown("**New test**")
    if services().scores.store.is_read_only:
        st.warning("The database is read-only: no test can be made.", icon=":material/lock:")
        return
    form, text = st.tabs(["Form", "YAML"])
    with form:
        written = _form()
        with st.expander("As YAML", icon=":material/code:"):
            st.code(written, language="yaml")
        _make(written, "form")
    with text:
        given = st.file_uploader("A design", ["yaml", "yml"], help="Or write it below", label_visibility="collapsed")
        if given is not None and st.session_state.get("panel_file") != given.file_id:
            st.session_state["panel_file"] = given.file_id
            st.session_state["panel_yaml"] = _decoded(given.getvalue())
        st.session_state.setdefault("panel_yaml", EXAMPLE)
        written = st.text_area("Design", key="panel_yaml", height=420, label_visibility="collapsed")
        _make(written, "text")


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CadenzaError("The file is no text in UTF-8. Save it as UTF-8 and choose it again.") from None


def _form() -> str:
    name, seed = st.columns([3, 1])
    fields: dict[str, Any] = {
        "name": name.text_input(
            "Name", "my-test", max_chars=80, help="Letters, digits, - and _; it names the test everywhere"
        ),
        "title": st.text_input("Title", "Which remix sounds best?", max_chars=200, help="What participants read first"),
        "design": st.selectbox("Kind", list(KINDS), format_func=lambda kind: KINDS[kind].title, key="panel_kind"),
        "seed": int(seed.number_input("Seed", 0, 2**31 - 1, 1, help="The same seed gives the same orders")),
    }
    kind = KINDS[fields["design"]]
    st.caption(plain(kind.task))
    st.markdown("Systems")
    rows = st.data_editor(
        pd.DataFrame(
            {
                "name": ["Preview", "Mixture"],
                "system": ["preview", _ORIGINAL],
                "gains": ["", ""],
                "preset": ["", ""],
                "file": ["", ""],
            }
        ),
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "name": st.column_config.TextColumn("Name", help="In the results; no participant sees it"),
            "system": st.column_config.SelectboxColumn("System", options=_systems(), help="Of the studio"),
            "gains": st.column_config.TextColumn("Gains", help="vocals=3, drums=-6 (dB)"),
            "preset": st.column_config.SelectboxColumn("Preset", options=["", *_presets()]),
            "file": st.column_config.TextColumn("Or a file", help="entries/a/{listener}_{excerpt}.flac"),
        },
        key="panel_systems",
    )
    if kind.name == "mushra":
        fields["reference"] = _reference()
    st.markdown("Excerpts")
    passages = st.data_editor(
        _first_excerpts(),
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "name": st.column_config.TextColumn("Name"),
            "song": st.column_config.SelectboxColumn("Song", options=list(services().catalog().songs)),
            "start": st.column_config.NumberColumn("From (s)", min_value=0.0),
            "stop": st.column_config.NumberColumn("To (s)", min_value=0.0),
            "query": st.column_config.TextColumn("Description") if kind.name == "relovl" else None,
            "training": st.column_config.CheckboxColumn("Practice"),
        },
        key="panel_excerpts",
    )
    fields["participants"] = _participants()
    fields |= _options()
    return design_yaml(fields, rows.to_dict("records"), passages.to_dict("records"))


def _systems() -> list[str]:
    settings = services().settings
    return [_ORIGINAL, *(one.id for one in systems() if not get_system(one.id, settings).unavailable_reason())]


def _presets() -> list[str]:
    return sorted({preset.name for preset in services().presets.everywhere()})


def _reference() -> dict[str, str]:
    system, gains = st.columns(2)
    return {
        "system": system.selectbox("Reference", ["reference", *_systems()], help="What all are compared with"),
        "gains": gains.text_input("Gains of the reference", placeholder="vocals=3"),
    }


def _first_excerpts() -> pd.DataFrame:
    row = {"name": "one", "song": "demo", "start": 10.0, "stop": 10.0 + _LENGTH, "query": "", "training": False}
    return pd.DataFrame([row, {**row, "name": "two", "start": 26.0, "stop": 26.0 + _LENGTH}])


def _participants() -> Any:
    who, count = st.columns([3, 1])
    listeners = who.multiselect(
        "Listeners",
        list(services().catalog().listeners),
        placeholder="nobody in particular: not amplified",
        help="Each hears what was processed for this audiogram",
    )
    each = int(count.number_input("Each" if listeners else "People", 0, 500, 1 if listeners else 10))
    return dict.fromkeys(listeners, each) if listeners else each


def _options() -> dict[str, Any]:
    with st.expander("Training, loudness, texts", icon=":material/tune:"):
        left, right = st.columns(2)
        found: dict[str, Any] = {
            "training": int(left.number_input("Practice trials", 0, 200, 1)),
            "trials": int(right.number_input("Trials of each", 0, 200, 0, help="0: all there are")) or None,
            "loudness": right.number_input("Loudness (LUFS)", -50.0, -10.0, -23.0, 1.0, help="All are lowered to it"),
            "hear": left.number_input("Seconds to be heard", 0.1, 60.0, None, placeholder="as the kind asks"),
            "calibration_db_spl": left.number_input("Level of 0 dB FS (dB SPL)", 60.0, 130.0, 100.0, 1.0),
            "ceiling_db_spl": right.number_input("Ceiling for peaks (dB SPL)", 60.0, 120.0, 100.0, 1.0),
            "headphone_check": left.toggle("Headphone check", True),
            "comments": right.toggle("Comments", True),
        }
        for name in ("instructions", "consent", "thanks"):
            found[name] = st.text_area(name.capitalize(), placeholder="a text of ours", height=90)
    return found


def _make(text: str, place: str) -> None:
    """Show what the design comes to, the button, and how far it is."""
    folder = st.text_input("Folder of the files", placeholder="none", key=f"panel_folder_{place}", help=_HELP)
    try:
        base = str(expand(Path(folder.strip())).absolute()) if folder.strip() else ""
        design = read_design(text, base)
    except CadenzaError as error:
        st.warning(plain(str(error)), icon=":material/edit:")
        return
    trials = design.trials or design.all_trials
    st.caption(
        plain(
            f"{trials} trials for each of {len(design.participants)} participants, {design.training} for practice before; "
            f"{design.stimuli} sounds for each listener."
        )
    )
    key = f"panel-{hashlib.sha256((text + base).encode()).hexdigest()[:24]}"
    asked: set[str] = st.session_state.setdefault("panel_asked", set())
    st.button(
        "Make the test",
        type="primary",
        width="stretch",
        icon=":material/play_arrow:",
        key=f"panel_make_{place}",
        on_click=_begin,
        args=(key, design),
    )
    job = services().jobs.get(key)
    if job is None or key not in asked:
        return
    if job.is_active:
        follow(key)
    elif job.state == "done":
        asked.discard(key)
        st.session_state["panel_chosen"] = design.name
        st.session_state["panel_notes"] = list(job.result)
        st.rerun()
    elif job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif job.state == "cancelled" or is_stopped(key):
        st.caption("Stopped. What was made is kept, and found again if you make the test once more.")


def _begin(key: str, design: Design) -> None:
    st.session_state["panel_asked"].add(key)
    services().jobs.forget(key)  # the same design once more, after its test was removed
    begin(key, f"Making {design.name}", _work(design))


def _work(design: Design) -> Callable[[Progress], tuple[str, ...]]:
    store, settings = services().scores.store, services().settings

    def work(progress: Progress) -> tuple[str, ...]:
        return make_panel(store, settings, design, progress=progress)

    return work
