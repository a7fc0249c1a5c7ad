"""A view as a file: its table at once, its figure once the machine's browser has drawn it."""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from cadenza_core.analysis.files import browser, figure_bytes
from cadenza_core.progress import Progress
from cadenza_core.store.exporting import to_csv, to_latex

from .jobs import ask, follow
from .messages import plain
from .opened import door

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["files_out"]

_MIME = {".png": "image/png", ".svg": "image/svg+xml", ".html": "text/html"}
_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@st.fragment
def files_out(name: str, frame: pd.DataFrame, figure: "Callable[[], go.Figure] | None", key: str) -> None:
    """Offer a view's table as CSV, Parquet and LaTeX, and its figure as PNG, SVG and HTML, once the door to them is open.

    Parameters
    ----------
    name : str
        Becomes the files' name.
    key : str
        Changes when the content does.
    """
    stem = _NAME.sub("-", name).strip("-").lower()[:60] or "view"

    def files() -> None:
        _table(stem, frame)
        if figure is not None:
            _figures(stem, figure, key)

    door("Export", files, key=f"export_{stem}", width="stretch", icon=":material/download:")


def _table(stem: str, frame: pd.DataFrame) -> None:
    st.caption("Table, all decimals (LaTeX: four)")
    left, right = st.columns(2)
    for place, suffix, content in (
        (left, ".csv", lambda: to_csv(frame)[0].encode("utf-8")),
        (right, ".parquet", lambda: _parquet(frame)),
        (st, ".tex", lambda: to_latex(frame).encode("utf-8")),
    ):
        label = {".csv": "CSV", ".parquet": "Parquet", ".tex": "LaTeX"}[suffix]
        place.download_button(label, content, f"{stem}{suffix}", on_click="ignore", width="stretch")
    if to_csv(frame.head(2000))[1]:
        st.caption("Names that a spreadsheet would run as formulas get an apostrophe in CSV.")


def _parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    (frame.reset_index() if frame.index.name else frame).to_parquet(file, index=False)
    return file.getvalue()


def _figures(stem: str, figure: "Callable[[], go.Figure]", key: str) -> None:
    st.caption("Figure")
    left, right = st.columns(2)
    if browser() is None:
        st.caption("PNG and SVG are drawn by Chrome or Chromium, and none was found here (BROWSER_PATH can name one).")
    for place, suffix in ((left, ".png"), (right, ".svg")):
        with place:
            _drawn(stem, figure, suffix, key)
    st.download_button(
        "HTML", lambda: figure_bytes(figure(), ".html"), f"{stem}.html", "text/html", on_click="ignore", width="stretch"
    )


def _drawn(stem: str, figure: "Callable[[], go.Figure]", suffix: str, key: str) -> None:
    """Draw when asked to: it takes some seconds."""
    label = suffix[1:].upper()
    job_key = f"figure-{key}{suffix}"
    wanted: set[str] = st.session_state.setdefault("figures_wanted", set())
    if job_key not in wanted:
        if st.button(f"Draw {label}", key=job_key, width="stretch", disabled=browser() is None):
            wanted.add(job_key)
            st.rerun()
        return

    def work(_: Progress) -> bytes:
        return figure_bytes(figure(), suffix)

    job = ask(job_key, f"Drawing {label}", work)
    if job.state == "done":
        st.download_button(
            label, job.result, f"{stem}{suffix}", _MIME[suffix], on_click="ignore", width="stretch", type="primary"
        )
    elif job.state == "failed":
        st.error(plain(job.error))
    else:
        follow(job_key, cancel=False, quiet=True)
