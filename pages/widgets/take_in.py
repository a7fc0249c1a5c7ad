"""Import on the page: score tables are uploaded, read in the background, and what became of them is said."""

import contextlib
import functools
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from cadenza_core.catalog import listener_files
from cadenza_core.errors import CadenzaError
from cadenza_core.files import check_name, disk_errors
from cadenza_core.progress import Progress
from cadenza_core.store import ImportReport, ScoredSystem
from cadenza_core.store.importing import import_scores
from cadenza_core.store.published import SETS

from .jobs import ask, follow
from .messages import plain
from .opened import door
from .services import services

__all__ = ["take_in"]


@st.fragment
def take_in() -> None:
    """Show the button, and behind it the form or how far an import is; a page is told of its end, open or not."""
    running = st.session_state.get("take_in")
    panel = functools.partial(_outcome, *running) if running else _form
    door("Import", panel, key="import_door", width="content", icon=":material/upload_file:", always=running is not None)


def _form() -> None:
    if services().scores.store.is_read_only:
        st.warning("The database is read-only: nothing can be imported.", icon=":material/lock:")
        return
    number = st.session_state.setdefault("take_in_number", 0)
    with st.form(f"take_in_{number}", border=False, enter_to_submit=False):
        files = st.file_uploader(
            "Score tables",
            ["csv", "parquet"],
            accept_multiple_files=True,
            help="scores.csv of CAD1 or ICASSP 2024, all batches of it at once, or our own export",
        )
        known = list(dict.fromkeys([*services().scores.store.evaluation_sets(), *SETS]))
        name = st.selectbox(
            "Evaluation set", known, index=None, accept_new_options=True, placeholder="as the tables say"
        )
        system = st.text_input("System", placeholder="as the tables say", max_chars=200)
        team = st.text_input("Team", max_chars=200)
        replace = st.checkbox(
            "Replace stored scores that differ", help="Otherwise they stay, and each conflict is shown"
        )
        if st.form_submit_button("Import", type="primary", width="stretch"):
            if not files:
                raise CadenzaError("Choose one or more score tables first.")
            facts = ScoredSystem(system, team=team) if system.strip() else None
            key = f"import-{number}-{files[0].file_id}"
            work = _work(_keep(files), name or "", facts, replace)
            ask(key, "Importing", work, anew=True)
            st.session_state["take_in"] = (key, ", ".join(file.name for file in files))
            st.rerun()


def _keep(files: list[Any]) -> Path:
    """Put uploads where the job can read them when the page is gone; their own names are kept for messages."""
    home = services().settings.home
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".import-", dir=home))
        for number, file in enumerate(files):
            place = folder / f"{number + 1:03d}"
            place.mkdir()
            with (place / check_name(file.name, "file")).open("wb") as target:
                shutil.copyfileobj(file, target)
    return folder


def _work(folder: Path, name: str, system: ScoredSystem | None, replace: bool) -> Callable[[Progress], ImportReport]:
    store, catalog = services().scores.store, services().catalog()
    files = listener_files(services().settings)

    def work(progress: Progress) -> ImportReport:
        try:
            return import_scores(
                store,
                sorted(folder.glob("*/*")),
                evaluation_set=name.strip(),
                system=system,
                listeners=catalog.listeners.values() if files else (),
                songs=catalog.songs.values(),
                replace_stored=replace,
                progress=progress,
            )
        except CadenzaError as error:  # of the files, a user knows the names, not where they lie
            raise type(error)(re.sub(rf"{re.escape(str(folder))}/\d+/", "", str(error))) from error
        finally:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)

    return work


def _outcome(key: str, names: str) -> None:
    job = services().jobs.get(key)
    st.markdown(f"**{plain(names)}**")
    if job is not None and job.is_active:
        follow(key)
        return
    if job is None or job.state == "cancelled":
        st.markdown("Cancelled: the database is as it was.")
    elif job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
        st.caption("Nothing was stored.")
    else:
        report: ImportReport = job.result
        (st.warning if report.conflicts else st.success)(plain(report.text))
        for note in report.notes:
            st.caption(plain(note))
        if len(report.conflict_rows):
            st.markdown("Conflicts: the stored values stay.")
            st.dataframe(report.conflict_rows, hide_index=True, height=260)
    if st.button("Import more", width="stretch"):
        st.session_state["take_in"] = None
        st.session_state["take_in_number"] += 1
        st.rerun()
