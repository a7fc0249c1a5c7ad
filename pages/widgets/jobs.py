"""Background work on a page: who wants which job, and how far it is."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cadenza_core.jobs import Job, Jobs, time_left
from cadenza_core.playback import Sounding
from cadenza_core.progress import Progress

from .messages import plain
from .selection import owner
from .services import services

__all__ = ["ask", "begin", "follow", "give_up", "is_stopped", "job_of", "keep_only", "queue_place"]


#: How often a job's progress is shown anew, s.
_EVERY = 0.3
#: The same for work that waits for that of others: many pages wait then, and each look costs the server.
_EVERY_WAITING = 1.5


def ask(
    key: str,
    title: str,
    work: Callable[[Progress], Any],
    *,
    urgency: int = 1,
    anew: bool = False,
    passing: bool = False,
    alone: str = "",
) -> Job:
    """Give the job of a key: begun now, or found. One that this tab has cancelled, or that failed, begins only `anew`.

    One that is `passing` is wanted as long as the page asks for it: `keep_only` lets go of it. Of those that give
    the same word for `alone`, one is done at a time.
    """
    stopped: set[str] = st.session_state.setdefault("stopped_jobs", set())
    if anew:
        stopped.discard(key)
    job = job_of(key)
    if job is not None and not anew and (job.state == "failed" or (key in stopped and job.state != "done")):
        return job
    if passing:
        st.session_state.setdefault("passing_jobs", set()).add(key)
    return services().jobs.submit(key, title, work, owner=owner(), urgency=urgency, alone=alone)


def job_of(key: str) -> Job | None:
    """Give the job of a key; one whose sounds were deleted since is forgotten, so that it can begin anew."""
    job = services().jobs.get(key)
    if job is None or job.state != "done" or not isinstance(job.result, Sounding):
        return job
    if all(services().sounds.get(one.id) for one in job.result.sound_sets):
        return job
    services().jobs.forget(key)
    return None


def begin(key: str, title: str, work: Callable[[Progress], Any]) -> None:
    """Begin a job, or begin it again: for `on_click`, which counts even if the page runs again for another reason."""
    ask(key, title, work, anew=True)


def give_up(key: str) -> None:
    """Cancel a job for this tab; it goes on if another tab wants it."""
    st.session_state.setdefault("stopped_jobs", set()).add(key)
    services().jobs.release(key, owner())


def is_stopped(key: str) -> bool:
    """Tell whether this tab has cancelled a job."""
    return key in st.session_state.get("stopped_jobs", ())


def keep_only(keys: set[str]) -> None:
    """Let go of all passing jobs that this tab once asked for and no longer needs."""
    passing: set[str] = st.session_state.setdefault("passing_jobs", set())
    for key in passing - keys:
        services().jobs.release(key, owner())
    st.session_state["passing_jobs"] = passing & keys


def follow(key: str, *, cancel: bool = True, quiet: bool = False) -> None:
    """Show a job's progress until it is over, then run the page again."""
    job = services().jobs.get(key)
    active = job is not None and job.is_active
    every = _EVERY_WAITING if services().jobs.place(key) else _EVERY
    st.fragment(_follow, run_every=every if active else None)(key, cancel, quiet)


def _follow(key: str, cancel: bool, quiet: bool) -> None:
    job = services().jobs.get(key)
    if job is None or not job.is_active:
        st.rerun()
    services().jobs.touch(key, owner())
    words = ", ".join(filter(None, (job.text, queue_place(services().jobs, key), time_left(job))))
    st.progress(job.share, plain(words if quiet else f"{job.title}: {words}"))
    if cancel and st.button("Cancel", key=f"cancel_{key}", type="tertiary", icon=":material/close:"):
        give_up(key)
        st.rerun()


def queue_place(jobs: Jobs, key: str) -> str:
    """Say how many are ahead of a job in the queue; nothing if it does not wait."""
    place = jobs.place(key)
    return "next in the queue" if place == 1 else f"number {place} in the queue" if place else ""
