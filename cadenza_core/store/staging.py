"""Storing many scores at once: first set aside, outside the tables, then merged in one transaction.

What comes in is written chunk by chunk to a temporary table, which keeps memory small and locks nobody out; names are
numbers there. Then, in one short transaction, names get their rows, what is new is inserted, and what is there with another
value is found. If the process dies before the end, the database is as it was.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sqlalchemy
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from ..errors import CadenzaError
from ..progress import Progress
from . import schema
from .facts import KEY, METRICS, ImportReport, Origin, ScoredSystem, check_label

if TYPE_CHECKING:
    from .store import Store

__all__ = ["CONFLICTS_SHOWN", "add_scores", "ids_of"]

#: Conflicts that a report lists; it counts all.
CONFLICTS_SHOWN = 1000
#: Scores from which on PostgreSQL must look at its table anew to plan well.
_MANY = 5000
_NAMED: dict[str, type[schema.EvaluationSet | schema.System | schema.Song | schema.Listener]] = {
    "evaluation_set": schema.EvaluationSet,
    "system": schema.System,
    "song": schema.Song,
    "listener": schema.Listener,
}
_TEXTS = ("excerpt", "metric", "stem", "ear")
_EARS = ("", "left", "right")
_DEFAULTS = {"excerpt": "", "metric": "haaqi", "stem": "", "ear": ""}
_TABLES = ("staged", "staged_keys", *(f"staged_{name}" for name in _NAMED), "staged_runs")


@dataclass
class _Names:
    """Numbers for names, in the order of their coming."""

    what: str
    codes: dict[str, int] = field(default_factory=dict)

    def of(self, column: pd.Series) -> np.ndarray:
        """Give the numbers of a column's names."""
        order, names = pd.factorize(column)
        if (order < 0).any():
            raise CadenzaError(f"Row {int(np.argmax(order < 0)) + 1} has no {self.what.replace('_', ' ')}.")
        table = [self.codes.setdefault(check_label(name, self.what), len(self.codes)) for name in names]
        return np.array(table, dtype=np.int64)[order]


def add_scores(
    store: Store,
    chunks: Iterable[pd.DataFrame],
    evaluation_set: str,
    system: ScoredSystem | None,
    origin: Origin,
    *,
    replace: bool,
    progress: Progress,
) -> ImportReport:
    """Do what :meth:`Store.add_scores` says."""
    names = {what: _Names(what) for what in _NAMED}
    defaults = {**_DEFAULTS, "evaluation_set": evaluation_set, "system": system.name if system else ""}
    with store.engine.connect() as connection, _temporary_tables(connection):
        with connection.begin():
            empty = 0
            for chunk in chunks:
                progress(0.0, "reading")
                empty += _stage(connection, chunk, names, defaults)
            progress(0.7, "sorting")
            rows, repeated = _collect(connection)
        progress(0.8, "storing")
        with contextlib.suppress(_NothingNew), store.writing(connection):
            notes = _name_rows(connection, names, system, origin)
            if connection.dialect.name == "postgresql":  # it plans by what it knows of the tables
                connection.execute(text(f"ANALYZE {', '.join(_TABLES)}{', scores' if rows > _MANY else ''}"))
            report = _merge(connection, rows, replace=replace)
            progress(0.99, "storing")
            if not (report.added or report.replaced or notes.changed):
                raise _NothingNew
    return ImportReport(
        report.added,
        report.unchanged,
        report.replaced,
        report.conflicts,
        report.conflict_rows,
        empty,
        repeated,
        tuple(notes.texts),
    )


class _NothingNew(Exception):
    """Leave the transaction without a trace: nothing in it is new."""


@contextlib.contextmanager
def _temporary_tables(connection: Connection) -> Iterator[None]:
    codes = "evaluation_set INTEGER, system INTEGER, song INTEGER, listener INTEGER"
    with connection.begin():
        for table in _TABLES:
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        texts = ", ".join(f"{name} TEXT NOT NULL" for name in _TEXTS)
        connection.execute(text(f"CREATE TEMPORARY TABLE staged ({codes}, {texts}, value DOUBLE PRECISION NOT NULL)"))
        for name in _NAMED:
            connection.execute(text(f"CREATE TEMPORARY TABLE staged_{name} (code INTEGER PRIMARY KEY, id INTEGER)"))
        connection.execute(
            text("CREATE TEMPORARY TABLE staged_runs (evaluation_set INTEGER, system INTEGER, id INTEGER)")
        )
    try:
        yield
    finally:
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            connection.rollback()
            with connection.execution_options(writes=False).begin():
                for table in _TABLES:
                    connection.execute(text(f"DROP TABLE IF EXISTS {table}"))


def _stage(
    connection: Connection, chunk: pd.DataFrame, names: Mapping[str, _Names], defaults: Mapping[str, str]
) -> int:
    """Check a chunk and set it aside; give how many of its rows have no value."""
    for column in ("song", "listener", "value"):
        if column not in chunk:
            raise CadenzaError(f"Scores need a column {column!r}; given are {', '.join(map(str, chunk.columns))}.")
    values = pd.to_numeric(chunk["value"], errors="coerce").to_numpy(dtype=np.float64)
    has_value = ~np.isnan(values)
    if unreadable := int((~has_value & chunk["value"].notna().to_numpy()).sum()):
        raise CadenzaError(f"{unreadable} values are no numbers.")
    chunk, values = chunk[has_value], values[has_value]
    if not len(chunk):
        return int((~has_value).sum())
    columns: list[list[Any]] = []
    for name in KEY:
        column = chunk[name] if name in chunk else pd.Series(defaults[name], index=chunk.index)
        if name in _NAMED:
            columns.append(names[name].of(column).tolist())
        else:
            columns.append(_texts(column, name))
    _check_values(values, columns[KEY.index("metric")])
    _insert(connection, zip(*columns, values.tolist(), strict=True))
    return int((~has_value).sum())


def _texts(column: pd.Series, name: str) -> list[str]:
    order, found = pd.factorize(column.fillna(""))
    labels = [check_label(label, name) if str(label) else "" for label in found]
    if name == "ear" and (bad := [label for label in labels if label not in _EARS]):
        raise CadenzaError(f"There is no ear {bad[0]!r}: left, right, or nothing for both.")
    if name == "metric" and "" in labels:
        raise CadenzaError("A score needs a metric, such as haaqi.")
    return [labels[code] for code in order]


def _check_values(values: np.ndarray, metrics: list[str]) -> None:
    of_metric = np.array(metrics)
    for name in set(metrics):
        chosen = values[of_metric == name]
        metric = METRICS.get(name)
        low, high = (metric.low, metric.high) if metric else (-math.inf, math.inf)
        bad = ~np.isfinite(chosen) | (chosen < low) | (chosen > high)
        if bad.any():
            first = float(chosen[bad][0])
            where = f"{int(bad.sum())} of {chosen.size} values of {name}"
            if metric:
                metric.check(first, where)
            raise CadenzaError(f"{where}: {first:g} is no finite number.")


def _insert(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Append to the temporary table, by the fastest way of each driver."""
    driver = connection.connection.driver_connection
    assert driver is not None
    columns = ", ".join((*KEY, "value"))
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor, cursor.copy(f"COPY staged ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    with contextlib.closing(driver.cursor()) as cursor:
        cursor.executemany(f"INSERT INTO staged ({columns}) VALUES ({', '.join('?' * (len(KEY) + 1))})", rows)


def _collect(connection: Connection) -> tuple[int, int]:
    """Bring equal keys together; give the number of keys and of rows that only repeat another one."""
    key = ", ".join(KEY)
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_keys AS SELECT {key}, MIN(value) AS low, MAX(value) AS high, COUNT(*) AS rows_ "
            f"FROM staged GROUP BY {key}"
        )
    )
    rows, repeated = connection.execute(
        text("SELECT COUNT(*), COALESCE(SUM(CASE WHEN low = high THEN rows_ - 1 ELSE 0 END), 0) FROM staged_keys")
    ).one()
    return int(rows), int(repeated)


# ---- names and runs --------------------------------------------------------------------------------------------------


@dataclass
class _Notes:
    changed: bool = False
    texts: list[str] = field(default_factory=list)


def ids_of(
    connection: Connection, model: type[Any], names: Iterable[str], facts: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """Give the ids of named rows; what has no row gets one."""
    found: dict[str, int] = {}
    for batch in _batches(list(names), 500):
        found.update(_find_ids(connection, model, batch))
        if missing := [name for name in batch if name not in found]:
            dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
            rows = [{"name": name, **(facts or {})} for name in missing]
            connection.execute(dialect.insert(model).on_conflict_do_nothing(), rows)
            found.update(_find_ids(connection, model, missing))
    return found


def _find_ids(connection: Connection, model: type[Any], names: list[str]) -> dict[str, int]:
    rows = connection.execute(select(model.name, model.id).where(model.name.in_(names)))
    return {name: number for name, number in rows}  # noqa: C416 - rows are no tuples for dict


def _batches(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _name_rows(
    connection: Connection, names: Mapping[str, _Names], system: ScoredSystem | None, origin: Origin
) -> _Notes:
    """Give the names their rows, put their ids beside their numbers, and give each system its run."""
    ids: dict[str, dict[str, int]] = {}
    for what, model in _NAMED.items():
        ids[what] = ids_of(connection, model, names[what].codes)
        rows = [{"code": code, "id": ids[what][name]} for name, code in names[what].codes.items()]
        if rows:
            connection.execute(text(f"INSERT INTO staged_{what} VALUES (:code, :id)"), rows)
    notes = _Notes()
    if system and system.name in ids["system"]:
        _complete(connection, ids["system"][system.name], system, notes)
    of_set, of_system = (
        {code: name for name, code in names[what].codes.items()} for what in ("evaluation_set", "system")
    )
    pairs = connection.execute(text("SELECT DISTINCT evaluation_set, system FROM staged_keys")).all()
    for set_code, system_code in pairs:
        set_name, system_name = of_set[set_code], of_system[system_code]
        number = _run(
            connection, origin, set_name, system_name, ids["evaluation_set"][set_name], ids["system"][system_name]
        )
        connection.execute(
            text("INSERT INTO staged_runs VALUES (:s, :y, :r)"), {"s": set_code, "y": system_code, "r": number}
        )
    return notes


def _complete(connection: Connection, number: int, system: ScoredSystem, notes: _Notes) -> None:
    """Fill in what was not known about a system; what was known otherwise stays, and is said."""
    stored = connection.execute(select(*schema.System.__table__.columns).where(schema.System.id == number)).one()
    news = {name: value for name, value in system.facts().items() if value and not getattr(stored, name)}
    for name, value in system.facts().items():
        if value and getattr(stored, name) not in {"", value}:
            notes.texts.append(
                f"{system.name}: {name.replace('_', ' ')} stays {getattr(stored, name)!r}; {value!r} was given"
            )
    if news:
        connection.execute(update(schema.System).where(schema.System.id == number).values(**news))
        notes.changed = True


def _run(connection: Connection, origin: Origin, set_name: str, system_name: str, set_id: int, system_id: int) -> int:
    key = origin.key(set_name, system_name)
    found = connection.execute(select(schema.Run.id).where(schema.Run.key == key)).scalar()
    if found is None:
        facts: dict[str, Any] = {"kind": origin.kind, "source": origin.source, "engine": origin.engine}
        facts |= {"engine_version": origin.engine_version, "configuration": dict(origin.configuration)}
        row = insert(schema.Run).values(key=key, system_id=system_id, evaluation_set_id=set_id, **facts)
        found = connection.execute(row.returning(schema.Run.id)).scalar_one()
    return int(found)


# ---- merging ---------------------------------------------------------------------------------------------------------

_IDS = "e.id AS evaluation_set_id, y.id AS system_id, s.id AS song_id, l.id AS listener_id"
_RESOLVED = """
    FROM staged_keys k
    JOIN staged_evaluation_set e ON e.code = k.evaluation_set
    JOIN staged_system y ON y.code = k.system
    JOIN staged_song s ON s.code = k.song
    JOIN staged_listener l ON l.code = k.listener
"""
_STORED = """
    scores t ON t.evaluation_set_id = e.id AND t.system_id = y.id AND t.song_id = s.id AND t.listener_id = l.id
    AND t.excerpt = k.excerpt AND t.metric = k.metric AND t.stem = k.stem AND t.ear = k.ear
"""
_TARGET = "evaluation_set_id, system_id, song_id, listener_id, excerpt, metric, stem, ear"


def _merge(connection: Connection, rows: int, *, replace: bool) -> ImportReport:
    itself, itself_rows = _conflicts(connection, "k.low <> k.high", "LEFT JOIN", "k.low", "k.high")
    stored, stored_rows = _conflicts(connection, "k.low = k.high AND t.value <> k.low", "JOIN", "t.value", "k.low")
    action = "DO UPDATE SET value = excluded.value, run_id = excluded.run_id WHERE scores.value <> excluded.value"
    stored_count = connection.execute(
        text(f"SELECT COUNT(*) {_RESOLVED} JOIN {_STORED} WHERE k.low = k.high")
    ).scalar_one()
    connection.execute(
        text(
            f"INSERT INTO scores ({_TARGET}, value, run_id) "
            f"SELECT {_IDS}, k.excerpt, k.metric, k.stem, k.ear, k.low, r.id {_RESOLVED} "
            "JOIN staged_runs r ON r.evaluation_set = k.evaluation_set AND r.system = k.system "
            f"WHERE k.low = k.high ON CONFLICT ({_TARGET}) {action if replace else 'DO NOTHING'}"
        )
    )
    added = rows - itself - stored_count
    if replace:
        return ImportReport(added, stored_count - stored, stored, itself, itself_rows)
    frames = [frame for frame in (itself_rows, stored_rows) if len(frame)]
    shown = pd.concat(frames, ignore_index=True).head(CONFLICTS_SHOWN) if frames else itself_rows
    return ImportReport(added, stored_count - stored, 0, itself + stored, shown)


def _conflicts(connection: Connection, where: str, join: str, one: str, other: str) -> tuple[int, pd.DataFrame]:
    """Count conflicts, and give the first of them with their names."""
    count = connection.execute(text(f"SELECT COUNT(*) {_RESOLVED} {join} {_STORED} WHERE {where}")).scalar_one()
    columns = [*KEY, "stored", "given"]
    if not count:
        return 0, pd.DataFrame(columns=[*columns, "where"])
    found = connection.execute(
        text(
            "SELECT en.name, yn.name, sn.name, ln.name, k.excerpt, k.metric, k.stem, k.ear, "
            f"{one}, {other} {_RESOLVED} {join} {_STORED} "
            "JOIN evaluation_sets en ON en.id = e.id JOIN systems yn ON yn.id = y.id "
            "JOIN songs sn ON sn.id = s.id JOIN listeners ln ON ln.id = l.id "
            f"WHERE {where} ORDER BY 1, 2, 3, 4, 5, 6, 7, 8 LIMIT {CONFLICTS_SHOWN}"
        )
    ).all()
    frame = pd.DataFrame([tuple(row) for row in found], columns=columns)
    return int(count), frame.assign(where="the database" if join == "JOIN" else "the import itself")
