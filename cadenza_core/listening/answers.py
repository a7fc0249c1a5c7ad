"""The answers as a tidy table: a row for each participant, trial, condition and scale."""

from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select

from ..errors import CadenzaError
from ..store import Store, schema
from ..store.exporting import write_table

__all__ = ["COLUMNS", "answers_frame", "export_answers"]

#: Columns of the table; see :func:`answers_frame`.
COLUMNS = (
    "test",
    "design",
    "participant",
    "listener",
    "trial",
    "number",
    "phase",
    "song",
    "excerpt",
    "query",
    "condition",
    "role",
    "system",
    "scale",
    "value",
    "plays",
    "heard_s",
    "switches",
    "seconds",
    "answered",
    "comment",
    "browser",
    "output_rate",
    "seed",
)


def answers_frame(store: Store, test: str) -> pd.DataFrame:
    """Give all answers of a test, in the order of participants, trials and places on the page.

    Returns
    -------
    pd.DataFrame
        `test`; `design` (``panel``, ``preference``, ``abx``, ``mushra``, ``relovl``); `participant` (a random code);
        `listener` (id, or empty); `trial` (id, the same for all participants); `number` (in the order shown, from 1);
        `phase` (``training`` or ``main``); `song`; `excerpt`; `query`; `condition` (a system's name, ``reference``,
        ``anchor35``, ``anchor70``; in ABX the system that X was); `role` (``system``, ``reference``, ``anchor``); `system`
        (empty unless the role is system); `scale`; `value` (preference: 1 for the preferred one, 0 for the other; ABX: 1
        right, 0 wrong); `plays`; `heard_s`; `switches` (in the whole trial); `seconds` (spent on the trial); `answered`
        (ISO 8601, UTC); `comment`; `browser`; `output_rate` (Hz); `seed`.

    Raises
    ------
    CadenzaError
        If there is no such test.
    """
    rating, done, person, of = schema.Rating, schema.TrialAnswer, schema.Participant, schema.ListeningTest
    song = schema.Song
    statement = (
        select(rating, done, person.listener, person.number, of.kind, song.name)
        .join(person, person.code == rating.participant)
        .join(of, of.id == person.test_id)
        .join(done, (done.participant_id == person.id) & (done.trial == rating.trial))
        .outerjoin(song, song.id == rating.song_id)
        .where(of.name == test)
        .order_by(person.number, done.number, rating.id)
    )
    from sqlalchemy.orm import Session

    with store.reading() as connection:
        if connection.execute(select(of.id).where(of.name == test)).scalar() is None:
            known = list(connection.execute(select(of.name).order_by(of.name)).scalars())
            raise CadenzaError(f"There is no listening test {test!r}; there are: {', '.join(known) or 'none'}.")
        with Session(connection) as session:
            rows = [_row(*found) for found in session.execute(statement)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"value": float, "plays": int, "heard_s": float, "seconds": float, "number": int})


def _row(
    rating: schema.Rating, done: schema.TrialAnswer, listener: str, _: int, kind: str, song: str | None
) -> dict[str, Any]:
    details = rating.details
    return {
        "test": rating.test,
        "design": kind,
        "participant": rating.participant,
        "listener": listener,
        "trial": rating.trial,
        "number": done.number,
        "phase": done.phase,
        "song": song or "",
        "excerpt": rating.excerpt,
        "query": details.get("query", ""),
        "condition": rating.condition,
        "role": details["role"],
        "system": rating.condition if details["role"] == "system" else "",
        "scale": rating.scale,
        "value": rating.value,
        "plays": details["plays"],
        "heard_s": details["heard_s"],
        "switches": len(done.log.get("switches", ())),
        "seconds": done.seconds,
        "answered": _utc(done),
        "comment": done.comment,
        "browser": done.browser,
        "output_rate": done.output_rate,
        "seed": details["seed"],
    }


def _utc(done: schema.TrialAnswer) -> str:
    return (
        done.created.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    )  # SQLite keeps no zone: all is UTC


def export_answers(store: Store, test: str, path: Path) -> tuple[str, ...]:
    """Write the answers as ``.csv``, ``.parquet``, ``.json`` or ``.tex``; give what should be said about it.

    Raises
    ------
    CadenzaError
        If there is no such test, or the file cannot be written.
    """
    return write_table(answers_frame(store, test), path)
