"""Scores out of the database, as a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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


def read_scores(store: Store, evaluation_set: str, only: Mapping[str, str | Iterable[str]]) -> pd.DataFrame:
    """Do what :meth:`Store.scores` says."""
    wanted = {name: [value] if isinstance(value, str) else list(value) for name, value in only.items()}
    if evaluation_set:
        wanted["evaluation_set"] = [evaluation_set]
    if unknown := set(wanted) - set(KEY):
        raise CadenzaError(f"Scores cannot be chosen by {', '.join(sorted(unknown))}; by {', '.join(KEY)} they can.")
    score = schema.Score
    statement = select(*score.__table__.columns)
    with store.reading() as connection:
        names = {what: _names(connection, model) for what, model in _NAMED.items()}
        for what, values in wanted.items():
            if what in _NAMED:
                numbers = [number for number, name in names[what].items() if name in values]
                statement = statement.where(getattr(score, f"{what}_id").in_(numbers))
            else:
                statement = statement.where(getattr(score, what).in_(values))
        statement = statement.order_by(*sqlalchemy.inspect(score).primary_key)
        rows = connection.execute(statement).cursor.fetchall()  # plain tuples: a tenth of the time of SQLAlchemy's rows
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(score.__table__.columns)
    found = dict(zip(score.__table__.columns.keys(), columns, strict=True))
    frame = {}
    for name in KEY:
        if name in _NAMED:
            labels = names[name]
            codes = pd.Categorical(found[f"{name}_id"], categories=list(labels))
            frame[name] = codes.rename_categories(list(labels.values())).remove_unused_categories()
        else:
            frame[name] = pd.Categorical(found[name])
    return pd.DataFrame({**frame, "value": pd.array(found["value"], dtype="float64"), "run": list(found["run_id"])})


def _names(connection: Connection, model: Any) -> dict[int, str]:
    rows = connection.execute(select(model.id, model.name).order_by(model.name))
    return {number: name for number, name in rows}  # noqa: C416 - rows are no tuples for dict
