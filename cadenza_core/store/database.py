"""Opening the database: SQLite by default, PostgreSQL by a URL; its schema brought up to date; faults as sentences.

SQLite is used with a write-ahead log, so that one process reads while another writes, and a writer waits for another one
(:data:`BUSY_S`) instead of failing. Writing begins with ``BEGIN IMMEDIATE``: a transaction that reads first and writes later
could not wait. PostgreSQL needs the extra ``postgres`` (psycopg).
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ..errors import CadenzaError

__all__ = ["BUSY_S", "REVISIONS", "connect", "database_errors", "shown", "upgrade"]

#: Seconds that a writer waits for another one.
BUSY_S = 60.0
#: The migrations, oldest first; the last one is what this version works with.
REVISIONS = ("0001", "0002", "0003")
#: The lock by which one PostgreSQL client at a time changes the schema (any number that is always the same).
_UPGRADE_LOCK = 7_226_233_692
_ADVICE = {
    "SQLITE_FULL": "the disk is full. Free some space and run it again; nothing was changed",
    "SQLITE_IOERR": "the disk failed or is full. Nothing was changed; look at the disk and run it again",
    "SQLITE_READONLY": "it is read-only. Make the file and its folder writable, or give another one with --database",
    "SQLITE_CANTOPEN": "it cannot be opened. Make the folder writable, or give another place with --database",
    "SQLITE_NOTADB": "it is not an SQLite database. Give another one with --database, or move it away",
    "SQLITE_CORRUPT": "it is damaged. Restore it from a copy, or move it away",
    "SQLITE_BUSY": f"another program has been writing for more than {BUSY_S:.0f} s. Try again when it is done",
}


def shown(url: str) -> str:
    """Give a database's URL as it may be shown: a file by its path, a server without the password."""
    if url.startswith("sqlite:///"):
        return url.removeprefix("sqlite:///")
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the given URL"


@contextlib.contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Turn the drivers' errors into a CadenzaError that says what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        raise CadenzaError(f"The database {shown(url)}: {_advice(error)}.") from error


def _advice(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        known = next((advice for code, advice in _ADVICE.items() if name.startswith(code)), None)
        return known or f"{cause} ({name or type(cause).__name__})"
    text = " ".join(str(cause).split()).removesuffix(".")
    return text if len(text) < 400 else text[:400] + "..."


def connect(url: str) -> tuple[Engine, bool]:
    """Make an engine, and tell whether the database can only be read.

    Raises
    ------
    CadenzaError
        If the URL is of no known kind, or the folder of an SQLite file cannot be made.
    """
    if url.startswith("sqlite:"):
        return _sqlite(Path(url.removeprefix("sqlite:///")))
    try:
        if sqlalchemy.make_url(url).get_backend_name() == "postgresql":
            return sqlalchemy.create_engine(url, pool_pre_ping=True), False
    except ModuleNotFoundError as error:
        raise CadenzaError(
            f"PostgreSQL needs the package {error.name}: pip install 'cadenza-studio[postgres]'."
        ) from error
    except (ArgumentError, NoSuchModuleError):
        pass
    raise CadenzaError(
        f"{shown(url)!r} is no database that can be used: give the path of an SQLite file, or "
        "postgresql://USER:PASSWORD@HOST/NAME."
    )


def _sqlite(path: Path) -> tuple[Engine, bool]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CadenzaError(
            f"The database's folder {path.parent} cannot be made: {error.strerror}. Give another place with --database."
        ) from error
    if path.is_dir():
        raise CadenzaError(f"The database {path} is a folder. Give the path of a file.")
    # The log lies beside the file: both must be writable, else nothing is.
    read_only = path.exists() and not (_writable(path) and _writable(path.parent))
    query = ""
    if read_only:
        # Without a log beside it the file is complete; with one, it must be read too, which needs its index.
        log = path.with_name(f"{path.name}-wal")
        query = "?mode=ro" if log.exists() and log.stat().st_size else "?mode=ro&immutable=1"

    def open_file() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}{query}",
            uri=True,
            timeout=BUSY_S,
            check_same_thread=False,
            isolation_level=None,
        )
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA foreign_keys = ON")
            if not read_only:
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute("PRAGMA synchronous = FULL")
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=open_file, poolclass=sqlalchemy.pool.QueuePool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine, read_only


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def upgrade(engine: Engine, url: str, *, read_only: bool) -> None:
    """Bring the schema to this version's: all of a migration or nothing of it, once, whoever else opens the database.

    Raises
    ------
    CadenzaError
        If the database was made by a newer version, is not ours, or is older and read-only.
    """
    with engine.connect() as connection:
        found = _revision(connection, url)
    if found == REVISIONS[-1]:
        return
    if read_only:
        raise CadenzaError(
            f"The database {shown(url)} is of an older version and read-only. Make it writable once, so that it can be "
            "brought up to date."
        )
    from alembic import command
    from alembic.config import Config

    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        if _revision(connection, url) == REVISIONS[-1]:  # another process was faster
            return
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, REVISIONS[-1])


def _revision(connection: Connection, url: str) -> str | None:
    """Give the schema's version; None for an empty database."""
    tables = sqlalchemy.inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" in tables:
        found: Any = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
        if found in REVISIONS:
            return str(found)
        if found is not None:
            raise CadenzaError(
                f"The database {shown(url)} was made by a newer version of Cadenza Studio (schema {str(found)[:20]}; this "
                f"one knows up to {REVISIONS[-1]}). Update Cadenza Studio, or give another one with --database."
            )
    if set(tables) - {"alembic_version"}:
        raise CadenzaError(
            f"The database {shown(url)} holds tables, but not Cadenza Studio's. Give another one with --database."
        )
    return None
