"""The database as the rest of the program sees it."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, select, text, update

from ..errors import CadenzaError
from ..progress import Progress, silent
from ..settings import Settings
from . import schema
from .database import BUSY_S, connect, database_errors, shown, upgrade
from .facts import ImportReport, Origin, ScoredSystem
from .staging import add_scores

__all__ = ["Store"]


class Store:
    """An open database; may be used by several threads at once.

    Parameters
    ----------
    url : str
        As :attr:`~cadenza_core.settings.Settings.database_url`.

    Raises
    ------
    CadenzaError
        If it cannot be opened, is of a newer version, or is not ours.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._turn = threading.RLock()
        with database_errors(url):
            self.engine, self.is_read_only = connect(url)
            try:
                upgrade(self.engine, url, read_only=self.is_read_only)
            except BaseException:
                self.engine.dispose()
                raise

    @classmethod
    def open(cls, settings: Settings) -> "Store":
        """Open the database of the settings; it is made where there is none, and brought up to date where it is older."""
        return cls(settings.database_url)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where it is, as it may be shown."""
        return shown(self.url)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose reads all see the same state."""
        with database_errors(self.url), self.engine.connect() as connection:
            if self.engine.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self, connection: Connection | None = None) -> Iterator[Connection]:
        """Give a connection that alone may write; all of the block is stored, or nothing of it.

        Raises
        ------
        CadenzaError
            If the database is read-only, the disk full, or another program writes for too long.
        """
        self.check_writable()
        with contextlib.ExitStack() as stack:
            stack.enter_context(database_errors(self.url))
            if self.engine.dialect.name == "sqlite":
                stack.enter_context(self._in_turn())
            if connection is None:
                connection = stack.enter_context(self.engine.connect())
            stack.enter_context(connection.execution_options(writes=True).begin())
            # Also what keeps PostgreSQL's writers from each other: the row is locked until the end.
            connection.execute(update(schema.State).values(revision=schema.State.revision + 1))
            yield connection

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let threads of this process write one after the other; after too long a wait the database itself says no.

        SQLite by itself looks again and again whether it may, and whoever comes late starves.
        """
        is_mine = self._turn.acquire(timeout=BUSY_S)
        try:
            yield
        finally:
            if is_mine:
                self._turn.release()

    def check_writable(self) -> None:
        """Raise a CadenzaError if the database is read-only."""
        if self.is_read_only:
            raise CadenzaError(
                f"The database {self.place} is read-only: nothing can be stored. Make the file and its folder writable, or "
                "give another one with --database."
            )

    def state(self) -> tuple[object, ...]:
        """Give what changes whenever the database does: what was computed from it is good as long as this is the same."""
        with self.reading() as connection:
            revision = connection.execute(select(schema.State.revision)).scalar()
        return (self.url, revision, *self._stamps())

    def _stamps(self) -> Iterator[object]:
        """Give times and sizes of SQLite's files, for changes that were made by other programs."""
        if self.url.startswith("sqlite:///"):
            for path in (Path(self.url.removeprefix("sqlite:///") + end) for end in ("", "-wal")):
                with contextlib.suppress(OSError):
                    stat = path.stat()
                    yield (stat.st_mtime_ns, stat.st_size)

    def add_scores(
        self,
        scores: pd.DataFrame | Iterable[pd.DataFrame],
        *,
        evaluation_set: str = "",
        system: ScoredSystem | str = "",
        origin: Origin = Origin(),  # noqa: B008 - frozen
        replace: bool = False,
        progress: Progress = silent,
    ) -> ImportReport:
        """Store scores: all of them or, if anything fails, none.

        What is there already with the same value stays as it is, so storing twice changes nothing. What is there with
        another value is a conflict: it is reported, and the stored value stays, unless `replace` is asked for.

        Parameters
        ----------
        scores : pd.DataFrame or iterable of them
            Columns `song`, `listener`, `value`, and any of `excerpt`, `metric` (haaqi), `stem`, `ear`, `system` and
            `evaluation_set`; what is missing is empty or taken from the arguments. A value that is NaN is no score: it is
            counted and left out.
        evaluation_set : str
            Name of the set of songs, excerpts and listeners, such as ``cad1-evaluation``.
        system : ScoredSystem or str
        origin : Origin
            Scores of the same origin belong to the same run.
        replace : bool
            Replace stored values that differ.

        Raises
        ------
        CadenzaError
            If a name or value is impossible, or the database cannot be written.
        """
        self.check_writable()
        facts = system if isinstance(system, ScoredSystem) or not system else ScoredSystem(system)
        chunks = [scores] if isinstance(scores, pd.DataFrame) else scores
        with database_errors(self.url):
            return add_scores(self, chunks, evaluation_set, facts or None, origin, replace=replace, progress=progress)

    def scores(self, evaluation_set: str = "", **only: str | Iterable[str]) -> pd.DataFrame:
        """Give stored scores.

        Parameters
        ----------
        evaluation_set : str
            Empty: of all sets.
        **only : str or iterable of str
            ``system=``, ``song=``, ``listener=``, ``excerpt=``, ``metric=``, ``stem=``, ``ear=``: accepted values.

        Returns
        -------
        pd.DataFrame
            Columns `evaluation_set`, `system`, `song`, `listener`, `excerpt`, `metric`, `stem`, `ear` (categories) and
            `value`, `run` (the id of a row of :meth:`runs`).
        """
        from .reading import read_scores

        return read_scores(self, evaluation_set, only)

    def table(self, model: type[schema.Base]) -> pd.DataFrame:
        """Give all rows of a table, by its model in :mod:`~cadenza_core.store.schema`."""
        columns = model.__table__.columns
        with self.reading() as connection:
            rows = connection.execute(select(*columns).order_by(columns.id if "id" in columns else text("1"))).all()
        return pd.DataFrame([tuple(row) for row in rows], columns=columns.keys())

    def evaluation_sets(self) -> list[str]:
        """Give the names of the sets that have scores, in order."""
        with self.reading() as connection:
            found = connection.execute(select(schema.EvaluationSet.name).order_by(schema.EvaluationSet.name))
            return list(found.scalars())

    def systems(self) -> pd.DataFrame:
        """Give the systems and their facts."""
        return self.table(schema.System)

    def runs(self) -> pd.DataFrame:
        """Give the runs: where scores came from, engine and configuration."""
        return self.table(schema.Run)
