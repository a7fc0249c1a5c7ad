"""Scores out of the database, as a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sqlalchemy
from sqlalchemy import Connection, select

from ..errors import CadenzaError
from . import schema
from .facts import KEY

if TYPE_CHECKING:
    from .store import Store

__all__ = ["read_scores"]

_NAMED: dict[str, Any] = {
    "evaluation_set": schema.EvaluationSet,
    "system": schema.System,
    "song": schema.Song,
    "listener": schema.Listener,
}
_TEXTS = ("excerpt", "metric", "stem", "ear")
#: No name has it (see `check_label`).
_SEPARATOR = "\x1f"
_AT_ONCE = 5000


def read_scores(store: Store, evaluation_set: str, only: Mapping[str, str | Iterable[str]]) -> pd.DataFrame:
    """Do what :meth:`Store.scores` says."""
    wanted = {name: [value] if isinstance(value, str) else list(value) for name, value in only.items()}
    if evaluation_set:
        wanted["evaluation_set"] = [evaluation_set]
    if unknown := set(wanted) - set(KEY):
        raise CadenzaError(f"Scores cannot be chosen by {', '.join(sorted(unknown))}; by {', '.join(KEY)} they can.")
    score = schema.Score
    # One text for all texts of a row: as many objects fewer to be made of each of hundreds of thousands of rows.
    texts = [getattr(score, name) for name in _TEXTS]
    labels = texts[0] + _SEPARATOR + texts[1] + _SEPARATOR + texts[2] + _SEPARATOR + texts[3]
    numbers = [getattr(score, f"{name}_id") for name in _NAMED]
    statement = select(*numbers, labels, score.value, score.run_id)
    with store.reading() as connection:
        names = {what: _names(connection, model) for what, model in _NAMED.items()}
        for what, values in wanted.items():
            if what in _NAMED:
                chosen = [number for number, name in names[what].items() if name in values]
                statement = statement.where(getattr(score, f"{what}_id").in_(chosen))
            else:
                statement = statement.where(getattr(score, what).in_(values))
        statement = statement.order_by(*sqlalchemy.inspect(score).primary_key)
        columns = _columns(connection, statement, [*(np.int64 for _ in numbers), object, np.float64, np.int64])
    frame: dict[str, Any] = {}
    for name, found in zip(_NAMED, columns, strict=False):
        codes, ids = pd.factorize(found)
        frame[name] = _categorical(codes, [names[name][number] for number in ids])
    codes, combined = pd.factorize(columns[-3])
    parts = [label.split(_SEPARATOR) for label in combined]
    for place, name in enumerate(_TEXTS):
        frame[name] = _categorical(codes, [part[place] for part in parts])
    return pd.DataFrame({**frame, "value": columns[-2], "run": columns[-1]})


def _columns(connection: Connection, statement: sqlalchemy.Select, types: list[Any]) -> list[np.ndarray]:
    """Give the columns of a query's answer.

    The driver's plain tuples take a tenth of the time of SQLAlchemy's rows, and a few at a time half the time of all at
    once, which Python's garbage collector would look through again and again.
    """
    cursor: Any = connection.execute(statement).cursor
    parts: list[list[np.ndarray]] = []
    while rows := cursor.fetchmany(_AT_ONCE):
        parts.append(
            [np.array(column, dtype=kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
        )
    if not parts:
        return [np.empty(0, dtype=kind) for kind in types]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _categorical(codes: np.ndarray, labels: list[str]) -> pd.Categorical:
    """Give a category for each code; labels may repeat, and their order is by name."""
    ordered = sorted(set(labels))
    place = {label: number for number, label in enumerate(ordered)}
    table = np.array([place[label] for label in labels], dtype=np.int32)
    return pd.Categorical.from_codes(table[codes] if len(codes) else [], pd.Index(ordered, dtype="str"))


def _names(connection: Connection, model: Any) -> dict[int, str]:
    rows = connection.execute(select(model.id, model.name).order_by(model.name))
    return {number: name for number, name in rows}  # noqa: C416 - rows are no tuples for dict
