"""What a database holds, at a glance."""

from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import func, select

from . import schema
from .store import Store

__all__ = ["overview"]


def overview(store: Store) -> pd.DataFrame:
    """Give the systems of each set: `evaluation_set`, `system`, `team`, `scores`, `songs`, `listeners`, `last` (run)."""
    score, run = schema.Score, schema.Run
    counts = (
        select(
            schema.EvaluationSet.name,
            schema.System.name,
            schema.System.team,
            func.count(),
            func.count(func.distinct(score.song_id)),
            func.count(func.distinct(score.listener_id)),
        )
        .select_from(score)
        .join(schema.EvaluationSet, schema.EvaluationSet.id == score.evaluation_set_id)
        .join(schema.System, schema.System.id == score.system_id)
        .group_by(schema.EvaluationSet.name, schema.System.name, schema.System.team)
        .order_by(schema.EvaluationSet.name, schema.System.name)
    )
    dates = (
        select(schema.EvaluationSet.name, schema.System.name, func.max(run.created))
        .select_from(run)
        .join(schema.EvaluationSet, schema.EvaluationSet.id == run.evaluation_set_id)
        .join(schema.System, schema.System.id == run.system_id)
        .group_by(schema.EvaluationSet.name, schema.System.name)
    )
    with store.reading() as connection:
        rows: list[tuple[Any, ...]] = [tuple(row) for row in connection.execute(counts)]
        last: dict[tuple[str, str], datetime] = {(row[0], row[1]): row[2] for row in connection.execute(dates)}
    frame = pd.DataFrame(rows, columns=["evaluation_set", "system", "team", "scores", "songs", "listeners"])
    frame["last"] = [f"{last[row[0], row[1]]:%Y-%m-%d %H:%M}" if (row[0], row[1]) in last else "" for row in rows]
    return frame
