"""Files that are made when they are asked for, and then offered for download."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import streamlit as st

from cadenza_core.progress import Progress

from .jobs import begin, follow
from .messages import plain
from .services import services

__all__ = ["download", "made"]

_T = TypeVar("_T")


def made(
    key: str, label: str, title: str, work: Callable[[Progress], _T], file_of: Callable[[_T], Path], **look: Any
) -> _T | None:
    """Show a button that begins the work, then its progress; give its result once it is done.

    Parameters
    ----------
    file_of : callable
        Gives the file of a result: if somebody has deleted it, the button is there again.
    look : Any
        How the button looks.
    """
    job = services().jobs.get(key)
    if job and job.is_active:
        follow(key, quiet=True)
        return None
    if job and job.state == "done" and file_of(job.result).is_file():
        result: _T = job.result
        return result
    if job and job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    st.button(label, key=f"begin_{key}", on_click=_begin, args=(key, title, work), **look)
    return None


def _begin(key: str, title: str, work: Callable[[Progress], Any]) -> None:
    services().jobs.forget(key)  # its file may be gone
    begin(key, title, work)


def download(path: Path, label: str) -> None:
    """Offer a file of the exports."""
    st.link_button(label, f"/exports/{path.parent.name}/{quote(path.name)}", icon=":material/download:")
