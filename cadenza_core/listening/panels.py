"""Tests and their participants in the database: make, list, add, remove."""

import functools
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from sqlalchemy import Connection, delete, func, insert, select, update

from ..catalog.own import with_own
from ..errors import CadenzaError
from ..progress import Progress, part, silent
from ..settings import Settings
from ..store import Store, schema
from .designs import MOST_PARTICIPANTS, Design
from .orders import Trial, trials_of
from .reading import read_design
from .rendering import Renderer, stimuli_folder

__all__ = [
    "Panel",
    "add_participants",
    "find_panel",
    "load_panel",
    "make_panel",
    "panels_frame",
    "participants_frame",
    "plan",
    "remove_panel",
    "remove_participant",
]

#: Without letters and digits that are mistaken for each other: 59 bits in 12 of them.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE = 12


@dataclass(frozen=True)
class Panel:
    """A test that is in the database.

    Parameters
    ----------
    id : int
    design : Design
    key : str
        Its secret.
    groups : mapping of (str, str) to str
        Folder of the sounds for each listener and excerpt.
    songs : mapping of str to str
        Name of each song, by what the design calls it.
    """

    id: int
    design: Design
    key: str
    groups: Mapping[tuple[str, str], str]
    songs: Mapping[str, str]


@functools.lru_cache(maxsize=64)
def _design(text: str, folder: str) -> Design:
    return read_design(text, folder)


@functools.lru_cache(maxsize=512)
def _plan(text: str, folder: str, place: int) -> tuple[Trial, ...]:
    return tuple(trials_of(_design(text, folder), place))


def plan(panel: Panel, place: int) -> tuple[Trial, ...]:
    """Give the trials of the participant at a place of the orders."""
    return _plan(panel.design.text, panel.design.folder, place)


def load_panel(connection: Connection, test_id: int) -> Panel:
    """Give a test by its id."""
    row = connection.execute(
        select(*schema.ListeningTest.__table__.columns).where(schema.ListeningTest.id == test_id)
    ).one()
    groups = {(listener, excerpt): key for listener, excerpt, key in row.design["groups"]}
    return Panel(row.id, _design(row.design["yaml"], row.design["folder"]), row.key, groups, row.design["songs"])


def find_panel(store: Store, name: str) -> Panel:
    """Give a test by its name.

    Raises
    ------
    CadenzaError
        If there is none of that name.
    """
    with store.reading() as connection:
        return load_panel(connection, _id_of(connection, name))


def _id_of(connection: Connection, name: str) -> int:
    test = schema.ListeningTest
    found = connection.execute(select(test.id).where(test.name == name)).scalar()
    if found is None:
        known = list(connection.execute(select(test.name).order_by(test.name)).scalars())
        raise CadenzaError(f"There is no listening test {name!r}; there are: {', '.join(known) or 'none'}.")
    return int(found)


def make_panel(store: Store, settings: Settings, design: Design, *, progress: Progress = silent) -> tuple[str, ...]:
    """Make a test: its sounds first, then, all at once, its rows and its participants.

    If it is stopped, the sounds that were made are found again.

    Returns
    -------
    tuple of str
        What the researcher should know.

    Raises
    ------
    CadenzaError
        If something of the design is not there, a sound cannot be made, or there is a test of that name.
    """
    store.check_writable()
    with store.reading() as connection:
        _check_new(connection, design.name)
    renderer = Renderer(design, with_own(settings))
    renderer.check()
    groups, notes = _render(renderer, renderer.groups(), progress)
    with store.writing() as connection:
        _check_new(connection, design.name)
        content = {"yaml": design.text, "folder": design.folder, "groups": groups, "songs": renderer.songs()}
        values = {"name": design.name, "title": design.title, "kind": design.kind.name, "key": secrets.token_hex(32)}
        connection.execute(insert(schema.ListeningTest).values(**values, design=content))
        _invite(connection, _id_of(connection, design.name), design.participants)
    progress(1.0, "ready")
    return notes


def _check_new(connection: Connection, name: str) -> None:
    if connection.execute(select(schema.ListeningTest.id).where(schema.ListeningTest.name == name)).scalar():
        raise CadenzaError(
            f"There is a listening test {name!r} already. Give this one another name, or remove that one."
        )


def _render(
    renderer: Renderer, wanted: Sequence[tuple[str, str]], progress: Progress
) -> tuple[list[tuple[str, str, str]], tuple[str, ...]]:
    groups: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for number, (listener, excerpt) in enumerate(wanted):
        show = part(progress, 0.98 * number / len(wanted), 0.98 * (number + 1) / len(wanted))
        key, _, said = renderer.group(listener, excerpt, show)
        groups.append((listener, excerpt, key))
        notes += said
    return groups, tuple(dict.fromkeys(notes))


def add_participants(
    store: Store, settings: Settings, name: str, listeners: Sequence[str], *, progress: Progress = silent
) -> list[str]:
    """Invite further participants; sounds for new listeners are made. Gives their codes.

    Parameters
    ----------
    listeners : sequence of str
        One for each participant; empty: heard as it is.

    Raises
    ------
    CadenzaError
        If there are too many, a listener is unknown, or the sources have changed since the test was made.
    """
    panel = find_panel(store, name)
    renderer = Renderer(replace(panel.design, participants=tuple(listeners)), with_own(settings))
    new = [wanted for wanted in renderer.groups() if wanted not in panel.groups]
    if new:
        renderer.check()
    groups, _ = _render(renderer, new, progress)
    with store.writing() as connection:
        test = schema.ListeningTest
        content = connection.execute(select(test.design).where(test.id == panel.id)).scalar()
        if content is None:
            raise CadenzaError(f"The listening test {name} was removed meanwhile.")
        known = {(listener, excerpt) for listener, excerpt, _ in content["groups"]}
        content["groups"] += [entry for entry in groups if entry[:2] not in known]
        connection.execute(update(test).where(test.id == panel.id).values(design=content))
        return _invite(connection, panel.id, listeners)


def _invite(connection: Connection, test_id: int, listeners: Sequence[str]) -> list[str]:
    """Add participants at the first free places of the orders."""
    person = schema.Participant
    taken = set(connection.execute(select(person.number).where(person.test_id == test_id)).scalars())
    if len(taken) + len(listeners) > MOST_PARTICIPANTS:
        raise CadenzaError(f"{len(taken) + len(listeners)} participants; {MOST_PARTICIPANTS} are the most.")
    free = (number for number in range(len(taken) + len(listeners)) if number not in taken)
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE)) for _ in listeners]
    rows = [
        {"test_id": test_id, "code": code, "number": number, "listener": listener, "steps": {}}
        for code, number, listener in zip(codes, free, listeners, strict=False)
    ]
    if rows:
        connection.execute(insert(person), rows)
    return codes


def panels_frame(store: Store) -> pd.DataFrame:
    """Give the tests, the newest first: `name`, `title`, `design`, `participants`, `finished`, `answers`, `created`."""
    test, person, done = schema.ListeningTest, schema.Participant, schema.TrialAnswer
    people = select(person.test_id, func.count().label("all"), func.count(person.finished).label("finished"))
    people_of = people.group_by(person.test_id).subquery()
    trials = select(person.test_id, func.count().label("all")).join(done, done.participant_id == person.id)
    trials_by = trials.where(done.phase == "main").group_by(person.test_id).subquery()
    statement = (
        select(
            test.name,
            test.title,
            test.kind,
            func.coalesce(people_of.c.all, 0),
            func.coalesce(people_of.c.finished, 0),
            func.coalesce(trials_by.c.all, 0),
            test.created,
        )
        .outerjoin(people_of, people_of.c.test_id == test.id)
        .outerjoin(trials_by, trials_by.c.test_id == test.id)
        .order_by(test.id.desc())
    )
    with store.reading() as connection:
        rows = [tuple(row) for row in connection.execute(statement)]
    return pd.DataFrame(rows, columns=["name", "title", "design", "participants", "finished", "answers", "created"])


def participants_frame(store: Store, name: str) -> pd.DataFrame:
    """Give a test's participants in the order of their places.

    Returns
    -------
    pd.DataFrame
        `participant` (code), `listener`, `done` and `trials` (of all, training included), `state` (``not started``,
        ``under way``, ``finished``), `last` (time of the last answer), `level_db`, `headphones` (right of six, or NaN).
    """
    person, done = schema.Participant, schema.TrialAnswer
    with store.reading() as connection:
        panel = load_panel(connection, _id_of(connection, name))
        counts = select(done.participant_id, func.count(), func.max(done.created)).group_by(done.participant_id)
        found = {row[0]: (row[1], row[2]) for row in connection.execute(counts)}
        people = connection.execute(
            select(*person.__table__.columns).where(person.test_id == panel.id).order_by(person.number)
        ).all()
    rows = []
    for one in people:
        count, last = found.get(one.id, (0, None))
        state = "finished" if one.finished else "under way" if one.started else "not started"
        phones = one.steps.get("headphones", {}).get("right")
        level = one.steps.get("level", {}).get("db")
        rows.append((one.code, one.listener, count, len(plan(panel, one.number)), state, last, level, phones))
    return pd.DataFrame(
        rows, columns=["participant", "listener", "done", "trials", "state", "last", "level_db", "headphones"]
    ).astype({"level_db": float, "headphones": float})


def remove_participant(store: Store, name: str, code: str) -> int:
    """Remove a participant and all that was answered; gives how many trials that was. The place is free again.

    Raises
    ------
    CadenzaError
        If the test has no such participant.
    """
    person, done, rating = schema.Participant, schema.TrialAnswer, schema.Rating
    with store.writing() as connection:
        test_id = _id_of(connection, name)
        found = connection.execute(select(person.id).where(person.test_id == test_id, person.code == code)).scalar()
        if found is None:
            raise CadenzaError(f"The listening test {name} has no participant {code[:40]!r}.")
        connection.execute(delete(rating).where(rating.test == name, rating.participant == code))
        count = connection.execute(delete(done).where(done.participant_id == found)).rowcount
        connection.execute(delete(person).where(person.id == found))
        return int(count)


def remove_panel(store: Store, settings: Settings, name: str) -> None:
    """Remove a test with its participants, answers and sounds.

    Raises
    ------
    CadenzaError
        If there is no such test.
    """
    person, done, test = schema.Participant, schema.TrialAnswer, schema.ListeningTest
    with store.writing() as connection:
        test_id = _id_of(connection, name)
        people = select(person.id).where(person.test_id == test_id)
        connection.execute(delete(schema.Rating).where(schema.Rating.test == name))
        connection.execute(delete(done).where(done.participant_id.in_(people)))
        connection.execute(delete(person).where(person.test_id == test_id))
        connection.execute(delete(test).where(test.id == test_id))
    shutil.rmtree(stimuli_folder(settings) / name, ignore_errors=True)
