"""Which systems go into a REL/OVL listening test: the best by SDR, one of each team."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis.figures import preselection_figure
from cadenza_core.listening.analysis.relovl import SELECTED, preselection, read_sdr, stored_sdr
from cadenza_core.store.published import set_title

from .files_out import files_out
from .messages import plain
from .scored import kept
from .services import services

__all__ = ["preselection_panel"]


def preselection_panel() -> None:
    """Show the choice of where the SDR is from, and the systems that are chosen."""
    source, number, upload, export = st.columns([3, 1.4, 3, 1.5], vertical_alignment="bottom")
    count = number.number_input("Systems", 1, 50, SELECTED, key="preselection_count")
    file = upload.file_uploader(
        "or a table: system, team, sdr (CSV)", type="csv", key="preselection_file", max_upload_size=5
    )
    systems = _uploaded(file) if file is not None else _stored(source)
    if systems is None or systems.empty:
        st.info(
            "No system of this set has an SDR. Import scores with the metric sdr on the Leaderboard, or open a table with the "
            "columns system, team and sdr.",
            icon=":material/playlist_add_check:",
        )
        return
    frame = preselection(systems, int(count))
    st.caption(
        f"The {int(count)} systems of the highest mean SDR, at most one of each team, go into the listening test (DCASE 2024 "
        "task 9). A system without a team is a team of its own."
    )
    with export:
        key = hashlib.sha256(frame.to_csv().encode()).hexdigest()[:16]
        files_out("preselection", frame, lambda: preselection_figure(frame), f"preselection-{key}")
    left, right = st.columns([1, 1])
    left.dataframe(
        frame,
        hide_index=True,
        column_config={
            "rank": st.column_config.NumberColumn("Rank"),
            "system": st.column_config.TextColumn("System"),
            "team": st.column_config.TextColumn("Team"),
            "sdr": st.column_config.NumberColumn("SDR, dB", format="%.3f"),
            "selected": st.column_config.CheckboxColumn("Chosen"),
            "why": st.column_config.TextColumn("Why not"),
        },
    )
    right.plotly_chart(
        preselection_figure(frame), key="preselection_chart", width="stretch", config={"displaylogo": False}
    )


def _stored(place: Any) -> pd.DataFrame | None:
    scores = services().scores
    names = scores.store.evaluation_sets()
    if not names:
        return None
    name = place.selectbox(
        "SDR of", names, key=kept("preselection_set", names, names[0]), format_func=lambda one: plain(set_title(one))
    )
    return stored_sdr(scores.table(name), scores.store)


def _uploaded(file: Any) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "systems.csv"
        path.write_bytes(file.getvalue())
        try:
            return read_sdr(path)
        except CadenzaError as error:
            raise CadenzaError(str(error).replace(str(path), json.dumps(file.name))) from error
