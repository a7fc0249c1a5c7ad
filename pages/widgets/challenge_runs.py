"""The runs that the studio keeps: how far each is, what failed and why, and what there is to take away."""

import math
from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st

from cadenza_core.challenge import RunFolder, Status, time_in_words
from cadenza_core.challenge.figures import run_figure
from cadenza_core.challenge.kept import KeptRun, carry_out, kept_runs
from cadenza_core.jobs import Job
from cadenza_core.progress import Progress

from .jobs import queue_place
from .messages import guarded, plain
from .selection import owner
from .services import services

__all__ = ["begin", "runs_panel"]

#: How often the runs are looked at while one is at work, s.
_EVERY = 1.0
_TITLES = {"enhance": "Files", "evaluate": "Scores"}
_GO_ON = {"enhance": "Write the files", "evaluate": "Score", "validate": "Check", "pack": "Pack"}
_SHOWN = 200
_CONFIG = {"displayModeBar": False}


def begin(run: KeptRun, steps: Sequence[str], *, workers: int = 0, retry_failed: bool = False) -> Job:
    """Begin steps of a run in the background; the server's own work goes first."""
    settings = services().settings

    def work(progress: Progress) -> tuple[str, ...]:
        return carry_out(
            run, steps, settings, workers=workers, politeness=10, retry_failed=retry_failed, progress=progress
        )

    jobs = services().long_jobs
    old = jobs.get(_key(run))
    if old is not None and old.is_active:
        return old
    jobs.forget(_key(run))
    return jobs.submit(_key(run), run.name, work, owner=owner())


def runs_panel() -> None:
    """Show all runs, the newest first."""
    runs = kept_runs(services().settings)
    st.markdown("**Runs**")
    if not runs:
        st.caption(
            "No run yet. Choose data, a set and a system on the left: each song is then separated once, amplified for every "
            "listener, written as the challenge asks, and scored. A run can be stopped and gone on with at any time."
        )
        return
    active = any(_is_active(run) for run in runs)
    st.fragment(_runs, run_every=_EVERY if active else None)(active)


def _runs(was_active: bool) -> None:
    runs = kept_runs(services().settings)
    active = any(_is_active(run) for run in runs)
    if active != was_active:
        st.rerun()
    for number, run in enumerate(runs):
        with st.container(border=True), guarded():
            _run(run, is_first=number == 0)


def _is_active(run: KeptRun) -> bool:
    job = services().long_jobs.get(_key(run))
    if job is not None and job.is_active:
        return True
    return any(RunFolder(run.folder / name).is_active() for name in ("challenge", "scores.challenge"))


def _run(run: KeptRun, *, is_first: bool) -> None:
    spec, job = run.spec, services().long_jobs.get(_key(run))
    at_work = job is not None and job.is_active
    statuses = {step: run.status(step) for step in _TITLES}
    title, button = st.columns([5, 1.2], vertical_alignment="center")
    some = "".join(
        f", {len(chosen)} {what}" for what, chosen in (("songs", spec.songs), ("listeners", spec.listeners)) if chosen
    )
    gains = f", gains: {spec.gains}" if spec.gains else ""
    title.markdown(f"**{plain(run.name)}**  \n:gray[{plain(f'{spec.data}{some}{gains}')}]")
    if at_work and button.button("Stop", key=f"stop_{run.name}", icon=":material/stop:", width="stretch"):
        services().long_jobs.cancel(_key(run))
        st.rerun()
    if job is not None and at_work:
        if job.text.startswith(("checking", "packing")):
            st.progress(job.share, plain(job.text))
        else:  # the bars below tell how far
            place = queue_place(services().long_jobs, job.key)
            st.caption(plain(", ".join(filter(None, (job.text, place)))))
    elif job is not None and job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif job is not None and job.state == "done" and job.result:
        st.caption(plain("; ".join(job.result)))
    for step, status in statuses.items():
        if status is not None:
            _progress(step, status)
    if not at_work:
        _buttons(run, statuses)
    _failures(run, statuses, at_work)
    if any(statuses.values()) and st.toggle("Show each pair", value=is_first, key=f"pairs_of_{run.name}"):
        _picture(run, statuses)
    _check(run)


def _progress(step: str, status: Status) -> None:
    words = f"{_TITLES[step]}: {status.done} of {status.total}"
    if status.failed:
        words += f", {len(status.failed)} failed"
    if not math.isnan(status.mean):
        words += f", mean {status.mean:.4f}"
    if status.is_active and not math.isnan(status.seconds_left):
        words += f", {time_in_words(status.seconds_left)} left"
    st.progress(status.share, plain(words))


def _buttons(run: KeptRun, statuses: dict[str, Status | None]) -> None:
    """Show what can be done next, and what can be taken away."""
    files, scores = statuses["enhance"], statuses["evaluate"]
    with st.container(horizontal=True):
        for step, status in (("enhance", files), ("evaluate", scores)):
            if status is None or status.left:
                if step == "evaluate" and (files is None or not files.done):
                    continue
                label = _GO_ON[step] if status is None or not status.done else f"Go on: {_GO_ON[step].lower()}"
                if st.button(label, key=f"{step}_{run.name}", icon=":material/play_arrow:"):
                    begin(run, [step])
                    st.rerun()
        if files is not None and files.done:
            for step, icon in (("validate", ":material/fact_check:"), ("pack", ":material/folder_zip:")):
                if st.button(_GO_ON[step], key=f"{step}_{run.name}", icon=icon):
                    begin(run, [step])
                    st.rerun()
        if run.table.is_file():
            _link(run, run.table.name, "Scores (CSV)")
        if (archive := run.archive()) is not None:
            _link(run, archive.name, f"Submission ({archive.stat().st_size / 1e6:,.0f} MB)")
        with st.popover("", icon=":material/delete:", help="Delete this run"):
            st.caption(plain(f"Deletes {run.folder} with all its files. Scores in the database stay."))
            if st.button("Delete", key=f"delete_{run.name}", type="primary"):
                run.remove()
                services().long_jobs.forget(_key(run))
                st.rerun()


def _link(run: KeptRun, name: str, label: str) -> None:
    st.link_button(label, f"/runs/{quote(run.name)}/{quote(name)}", icon=":material/download:")


def _failures(run: KeptRun, statuses: dict[str, Status | None], at_work: bool) -> None:
    for step, status in statuses.items():
        if status is None or not status.failed:
            continue
        with st.expander(
            f"{len(status.failed)} failed: {_TITLES[step].lower()}", icon=":material/error:", expanded=True
        ):
            some = list(status.failed.items())[:_SHOWN]
            rows = [{"Song": key[0], "Listener": key[1], "Why": run.reason(key, why)} for key, why in some]
            st.dataframe(rows, hide_index=True, row_height=28, height=min(38 + 28 * len(rows), 240))
            if len(status.failed) > _SHOWN:
                st.caption(f"The first {_SHOWN}; `cadenza challenge status --json` lists all.")
            if not at_work and st.button("Retry failed", key=f"retry_{step}_{run.name}", icon=":material/replay:"):
                begin(run, [step], retry_failed=True)
                st.rerun()


def _picture(run: KeptRun, statuses: dict[str, Status | None]) -> None:
    scores, files = statuses["evaluate"], statuses["enhance"]
    status, place = (scores, "scores.challenge") if scores is not None else (files, "challenge")
    assert status is not None
    figure = run_figure(RunFolder(run.folder / place), status)
    st.plotly_chart(figure, key=f"pairs_{run.name}", width="stretch", config=_CONFIG)


def _check(run: KeptRun) -> None:
    found = run.validation()
    if found is None:
        return
    faults = found["faults"]
    if not faults:
        st.success(
            f"Checked: {found['files']:,} files of {found['pairs']:,} pairs, no fault.", icon=":material/verified:"
        )
        return
    errors = sum(fault["severity"] == "error" for fault in faults)
    title = f"Checked: {errors} errors, {len(faults) - errors} warnings"
    with st.expander(title, icon=":material/error:" if errors else ":material/warning:"):
        rows = [{"": fault["severity"], "File": fault["path"], "Fault": fault["message"]} for fault in faults[:_SHOWN]]
        st.dataframe(rows, hide_index=True, row_height=28, height=min(38 + 28 * len(rows), 300))


def _key(run: KeptRun) -> str:
    return f"challenge-{run.name}"
