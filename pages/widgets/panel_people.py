"""The tests there are: participants and their links, how far each is, answers to take away, and removing."""

import hashlib
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.errors import CadenzaError
from cadenza_core.listening import KINDS
from cadenza_core.listening.answers import answers_frame
from cadenza_core.listening.panels import (
    add_participants,
    find_panel,
    panels_frame,
    participants_frame,
    remove_panel,
    remove_participant,
)
from cadenza_core.listening.web import LISTEN_URL
from cadenza_core.progress import Progress
from cadenza_core.store.exporting import to_csv

from .jobs import begin, follow
from .messages import guarded, plain
from .selection import owner
from .services import services

__all__ = ["panels"]

#: How often the answers are looked at, s.
_EVERY = 2.0


def panels() -> None:
    """Show the tests, and one of them more closely."""
    st.markdown("**Listening tests**")
    tests = panels_frame(services().scores.store)
    for note in st.session_state.pop("panel_notes", ()):
        st.caption(plain(note))
    if tests.empty:
        st.caption(
            "No test yet. Design one on the right: its sounds are made, each participant gets a link, and answers are stored "
            "as they come."
        )
        return
    names = list(tests["name"])
    if st.session_state.get("panel_chosen") not in names:
        st.session_state["panel_chosen"] = names[0]
    st.session_state["panel_pick"] = st.session_state["panel_chosen"]
    titles = dict(zip(names, tests["title"], strict=True))
    name = st.selectbox(
        "Test",
        names,
        key="panel_pick",
        format_func=lambda one: f"{one}: {titles[one]}",
        label_visibility="collapsed",
        on_change=lambda: st.session_state.update(panel_chosen=st.session_state["panel_pick"]),
    )
    st.fragment(_watched, run_every=_EVERY)(name)
    with guarded():
        _manage(name)


def _watched(name: str) -> None:
    """Show the numbers and the participants as they are now."""
    with guarded():
        store = services().scores.store
        people = participants_frame(store, name)
        row = panels_frame(store).set_index("name").loc[name]
        kind, finished, answers = st.columns([1.6, 1, 1])
        kind.metric("Kind", KINDS[row["design"]].title)
        finished.metric("Finished", f"{row['finished']} of {row['participants']}")
        answers.metric("Trials answered", f"{row['answers']:,}")
        _people(people)


def _people(people: pd.DataFrame) -> None:
    base = _base()
    shown = people.assign(
        link=[f"{base}{LISTEN_URL}/{code}" for code in people["participant"]],
        share=[done / max(1, trials) for done, trials in zip(people["done"], people["trials"], strict=True)],
    )
    st.dataframe(
        shown[["link", "listener", "share", "state", "last", "level_db", "headphones"]],
        hide_index=True,
        height=min(38 + 35 * max(1, len(shown)), 420),
        placeholder="",
        column_config={
            "link": st.column_config.LinkColumn("Link", width="medium"),
            "listener": "Listener",
            "share": st.column_config.ProgressColumn("Done", format="percent", min_value=0.0, max_value=1.0),
            "state": "State",
            "last": st.column_config.DatetimeColumn("Last answer", format="distance"),
            "level_db": st.column_config.NumberColumn("Volume (dB)", format="%.0f"),
            "headphones": st.column_config.NumberColumn(
                "Headphones", format="%d / 6", help="Softest of three tones found"
            ),
        },
    )


def _base() -> str:
    url = str(st.context.url or "http://localhost:8501")
    return "/".join(url.split("/")[:3])


def _manage(name: str) -> None:
    add, export, remove = st.columns(3)
    with add.popover("Invite", icon=":material/person_add:", width="stretch"):
        _invite(name)
    with export.popover("Export", icon=":material/download:", width="stretch"):
        st.caption("A row for each participant, trial, condition and scale, as they are when you press.")
        st.download_button(
            "CSV", lambda: _csv(name), f"answers-{name}.csv", "text/csv", on_click="ignore", width="stretch"
        )
    with remove.popover("Remove", icon=":material/delete:", width="stretch"):
        _remove(name)
    st.caption(
        "The studio answers on this machine only. For participants elsewhere, start `cadenza panel serve --host 0.0.0.0`: "
        "it serves their pages and nothing else, and `cadenza panel links` prints the links for it."
    )


def _csv(name: str) -> bytes:
    return to_csv(answers_frame(services().scores.store, name))[0].encode("utf-8")


def _invite(name: str) -> None:
    known = sorted({listener for listener, _ in find_panel(services().scores.store, name).groups})
    listener = st.selectbox(
        "Listener",
        list(dict.fromkeys([*known, "", *services().catalog().listeners])),
        format_func=lambda one: one or "nobody in particular: not amplified",
        key=f"invite_{name}",
    )
    count = int(st.number_input("How many", 1, 100, 1))
    number = st.session_state.setdefault("panel_invited", 0)
    key = f"invite-{hashlib.sha256(f'{owner()} {name} {number}'.encode()).hexdigest()[:16]}"
    store, settings = services().scores.store, services().settings

    def work(progress: Progress) -> Any:
        return add_participants(store, settings, name, [listener] * count, progress=progress)

    st.button("Invite", type="primary", width="stretch", key="invite_go", on_click=begin, args=(key, "Inviting", work))
    job = services().jobs.get(key)
    if job is None:
        return
    if job.is_active:
        follow(key)
    elif job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif job.state == "done":
        st.session_state["panel_invited"] += 1
        st.rerun()


def _remove(name: str) -> None:
    store = services().scores.store
    code = st.selectbox(
        "Participant",
        list(participants_frame(store, name)["participant"]),
        index=None,
        placeholder="choose one",
        key=f"remove_{name}",
    )
    st.button(
        "Remove the participant and all answers",
        disabled=not code,
        width="stretch",
        on_click=_remove_one,
        args=(name, code),
    )
    st.divider()
    sure = st.checkbox("The whole test, with all answers", key=f"sure_{name}")
    st.button("Remove the test", disabled=not sure, width="stretch", on_click=_remove_all, args=(name,))


def _remove_one(name: str, code: str) -> None:
    _say(lambda: f"{code} was removed with {remove_participant(services().scores.store, name, code)} answered trials.")


def _remove_all(name: str) -> None:
    def work() -> str:
        remove_panel(services().scores.store, services().settings, name)
        return f"The test {name} was removed."

    _say(work)


def _say(work: Callable[[], str]) -> None:
    """Do something in a callback, and say what became of it on the page that follows."""
    try:
        said = work()
    except CadenzaError as error:
        said = str(error)
    st.session_state["panel_notes"] = [said]
