"""Whose answers the page shows: a test of the database, or a table of answers that was uploaded."""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import Answers, answers_of, read_answers
from cadenza_core.listening.answers import answers_frame
from cadenza_core.listening.kinds import KINDS
from cadenza_core.listening.panels import panels_frame

from .messages import guarded, plain
from .preselection import preselection_panel
from .scored import kept
from .services import services

__all__ = ["PickedAnswers", "pick_answers", "take_answers"]

_MAX_MB = 50
_TABLE = "answers_table"


@dataclass(frozen=True)
class PickedAnswers:
    """The answers of one test, and what changes when they do."""

    answers: Answers
    key: str


def take_answers() -> None:
    """Take in a table of answers for this tab; it is not stored."""
    with st.popover("Open table", icon=":material/upload_file:", width="stretch"), guarded():
        st.caption(
            "A CSV as Listening tests exports it, or one of your own with the columns participant, condition and value, and "
            "as far as there are trial, song, excerpt, scale, role. It is analysed in this tab only, and not stored."
        )
        file = st.file_uploader("Table of answers (CSV)", type="csv", key="answers_file", max_upload_size=_MAX_MB)
        known = st.session_state.get(_TABLE)
        if file is None:
            st.session_state.pop(_TABLE, None)
        elif known is None or known["id"] != file.file_id:
            st.session_state.pop(_TABLE, None)
            with st.spinner("Reading"):
                frame = _read(file.name, file.getvalue())
            st.session_state[_TABLE] = {"id": file.file_id, "name": file.name, "frame": frame}


def _read(name: str, content: bytes) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        path.write_bytes(content)
        try:
            return read_answers(path)
        except CadenzaError as error:
            raise CadenzaError(str(error).replace(str(path), json.dumps(name))) from error


def pick_answers(which: Any) -> PickedAnswers | None:
    """Show the choice of tests in a place, and give the answers of the chosen one; without any, say how to begin."""
    tests = panels_frame(services().scores.store).set_index("name")
    options: list[tuple[str, str]] = [("test", str(name)) for name in tests.index]
    table = st.session_state.get(_TABLE)
    if table is not None:
        own = table["frame"]["test"].astype(str) if "test" in table["frame"] else pd.Series([""])
        options = [*(("table", name) for name in dict.fromkeys(own.str.strip())), *options]
    if not options:
        _nothing()
        return None
    asked = ("test", st.query_params.get("test", ""))
    answered = [("test", str(name)) for name in tests.index[tests["answers"] > 0]]
    first = asked if table is None and asked in options else [*options[: table is not None], *answered, *options][0]
    chosen = which.selectbox(
        "Test",
        options,
        key=kept(f"answers_{table['id'] if table else 'stored'}", options, first),
        format_func=lambda one: _title(one, tests, table),
    )
    kind, name = chosen or first
    if table is not None and kind == "table":
        lines = table["frame"]["line"].tolist()
        found = answers_of(table["frame"], name, lambda row: f"{table['name']}, line {lines[row]}")
        return PickedAnswers(found, f"{table['id']}-{name}")
    if not tests.loc[name, "answers"]:
        st.info(
            f"Nobody has answered in {plain(name)} yet. Its links are on the page Listening tests; results appear here as "
            "answers come in.",
            icon=":material/hourglass_empty:",
        )
        return None
    return _stored(name)


def _title(one: tuple[str, str], tests: pd.DataFrame, table: Any) -> str:
    kind, name = one
    if kind == "table":
        return f"{table['name']}: {name}" if name else str(table["name"])
    row = tests.loc[name]
    return f"{name} ({KINDS[row['design']].title}; {row['finished']} of {row['participants']} finished)"


def _stored(name: str) -> PickedAnswers:
    """Give a test's answers, read again when the database has changed."""
    store = services().scores.store
    key = hashlib.sha256(repr((name, store.state())).encode()).hexdigest()[:16]
    known = st.session_state.get("answers_kept")
    if known is None or known.key != key:
        known = PickedAnswers(answers_of(answers_frame(store, name), name), key)
        st.session_state["answers_kept"] = known
    picked: PickedAnswers = known
    return picked


def _nothing() -> None:
    st.info(
        "There are no listening tests yet. Make one on the page Listening tests, or open a table of answers (CSV) above.",
        icon=":material/hearing:",
    )
    with st.expander("Choose the systems of a REL/OVL test by their SDR", icon=":material/playlist_add_check:"):
        preselection_panel()
