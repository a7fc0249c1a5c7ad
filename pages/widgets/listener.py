"""Listeners: find one by name and severity, draw or type one, import a file of them."""

import json
import tempfile
from pathlib import Path

import streamlit as st
from clarity.utils.audiogram import Listener

from cadenza_core.catalog import make_listener, pure_tone_average, read_listeners
from cadenza_core.catalog.own import save_listeners
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing.severity import BANDS, listener_severity

from .audiogram_editor import audiogram_editor, levels_now
from .messages import plain
from .selection import pick
from .services import Catalog, services

__all__ = ["listener_panel"]

_FREQUENCIES = (250, 500, 1000, 2000, 3000, 4000, 6000, 8000)


def listener_panel(catalog: Catalog, present: Listener, present_id: str) -> None:
    """Show the ways to another listener than the present one."""
    st.markdown("**Listener**")
    find, new, file = st.tabs(["Find", "New", "Import"])
    with find:
        _find(catalog)
    with new:
        _new(present, present_id)
    with file:
        _import()


def _find(catalog: Catalog) -> None:
    text = st.text_input("Search", key="listener_search", placeholder="Search by name").casefold()
    grades = st.pills("Severity", [name for name, _ in BANDS], selection_mode="multi", key="listener_grades")
    found = {
        key: one
        for key, one in catalog.listeners.items()
        if text in key.casefold() and (not grades or listener_severity(one) in grades)
    }
    if not found:
        st.caption("No listener fits. Choose other grades, clear the search, or type in a new listener.")
        return
    rows = [
        {
            "Listener": key,
            "Severity": listener_severity(one),
            "Right, dB HL": round(pure_tone_average(one.audiogram_right)),
            "Left, dB HL": round(pure_tone_average(one.audiogram_left)),
        }
        for key, one in found.items()
    ]
    generation = st.session_state.setdefault("listener_generation", 0)
    event = st.dataframe(
        rows,
        key=f"listener_table_{generation}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        height=min(38 + 35 * len(rows), 300),
        width=480,
    )
    chosen = event["selection"]["rows"]
    if chosen and chosen[0] < len(found):
        pick(listener=list(found)[chosen[0]])
        st.session_state["listener_generation"] += 1
        st.rerun()


def _new(present: Listener, present_id: str) -> None:
    st.caption(
        "Drag the points or type: dB HL, -20 to 120. All frequencies are needed. It starts from the present listener."
    )
    start = ([_level(present, side, hertz) for hertz in _FREQUENCIES] for side in ("right", "left"))
    key = f"new_levels_{present_id}"
    levels = audiogram_editor(_FREQUENCIES, *start, key=key)
    field, button = st.columns([3, 1], vertical_alignment="bottom")
    field.text_input("Name", max_chars=60, placeholder="Such as Ana, 2026", key="new_listener_name")
    button.button(
        "Save", icon=":material/save:", key="save_listener", width="stretch", on_click=_save, args=(key, levels)
    )
    if fault := st.session_state.get("new_listener_fault"):
        st.error(plain(fault), icon=":material/error:")


def _save(key: str, shown: tuple[list[float | None], list[float | None]]) -> None:
    """Keep what is drawn at this moment, or say until the next try why not."""
    right, left = levels_now(key) or shown
    try:
        name = st.session_state["new_listener_name"].strip()
        _keep([make_listener(name, list(_FREQUENCIES), left, right)])
        st.session_state.pop("new_listener_fault", None)
    except CadenzaError as error:
        st.session_state["new_listener_fault"] = str(error)


def _level(listener: Listener, side: str, hertz: int) -> float:
    ear = listener.audiogram_right if side == "right" else listener.audiogram_left
    return float(round(ear.resample([hertz]).levels[0]))


def _import() -> None:
    st.caption('Cadenza\'s JSON: {"L0001": {"name": ..., "audiogram_cfs": [...], "audiogram_levels_l": [...], ...}}')
    number = st.session_state.setdefault("listener_file", 0)
    file = st.file_uploader("Listener file", key=f"listener_file_{number}", max_upload_size=10)
    if file is not None:
        st.session_state["listener_file"] += 1
        try:
            _keep(_read(file.name, file.getvalue()))
        except CadenzaError as error:
            st.session_state["listener_fault"] = str(error)
        st.rerun()
    if fault := st.session_state.get("listener_fault"):
        st.error(plain(fault), icon=":material/error:")


def _read(name: str, content: bytes) -> list[Listener]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "listeners.json"
        path.write_bytes(content)
        try:
            return list(read_listeners(path).values())
        except CadenzaError as error:
            raise CadenzaError(str(error).replace(str(path), json.dumps(name))) from error


def _keep(listeners: list[Listener]) -> None:
    for listener in listeners:
        if listener.id in services().standard:
            raise CadenzaError(f"{listener.id} is a standard audiogram, which cannot be replaced. Choose another name.")
    save_listeners(listeners, services().settings)
    st.session_state.pop("listener_fault", None)
    services().catalog(fresh=True)
    pick(listener=listeners[0].id)
