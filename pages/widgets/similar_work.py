"""Work of the similar-sounds page: begun when it is wanted, followed with progress and cancel, its result given once done."""

import threading
from collections.abc import Callable
from typing import Any

import streamlit as st

from cadenza_core.embedding import EmbeddingModel
from cadenza_core.embedding.store import Embeddings
from cadenza_core.progress import Progress, part

from .jobs import ask, follow, is_stopped
from .messages import plain
from .services import services

__all__ = ["embedder_for", "result_of"]

_LOADED: dict[str, Embeddings] = {}
_LOADING = threading.Lock()
_KEPT = 2


def result_of(key: str, title: str, work: Callable[[Progress], Any], *, label: str, auto: bool) -> Any:
    """Give a job's result, or show what there is instead of it, and None.

    Parameters
    ----------
    key, title : str
        As `Jobs.submit`.
    work : function
        Takes a progress callback.
    label : str
        Of the button that begins it.
    auto : bool
        Begin without a click.
    """
    job = services().jobs.get(key)
    anew = st.session_state.pop("similar_begin", None) == key
    if job is None and not auto and not anew:
        _button(key, label)
        return None
    job = ask(key, title, work, anew=anew)
    if job.state == "done":
        return job.result
    if job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
        _button(key, "Try again")
    elif is_stopped(key) or job.state == "cancelled":
        st.markdown("Cancelled. What was finished is kept.")
        _button(key, label)
    else:
        follow(key)
    return None


def _button(key: str, label: str) -> None:
    def begin() -> None:
        st.session_state["similar_begin"] = key

    st.button(label, key=f"begin_{key}", icon=":material/play_arrow:", on_click=begin)


def embedder_for(model: EmbeddingModel, progress: Progress) -> Embeddings:
    """Give a model's embeddings, one object in this server while it is among the two that were asked for last."""
    model.weights(part(progress, 0.0, 0.05))
    with _LOADING:
        found = _LOADED.pop(model.space, None) or Embeddings(model, part(progress, 0.0, 0.05))
        _LOADED[found.space] = found  # the last one
        while len(_LOADED) > _KEPT:
            del _LOADED[next(iter(_LOADED))]
    return found
