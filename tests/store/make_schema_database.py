"""Write a small database of an older schema: ``python -m tests.store.make_schema_database 0001 FILE``.

The committed ``data/schema_*.sqlite`` were made so. The rows are written by SQL, table by table, so that this needs no code
of that time; a new schema gets a file of its own, and the old ones stay as they are.
"""

import json
import sqlite3
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

import cadenza_core.store
from cadenza_core.store.database import connect

DATE = "2026-01-02 03:04:05.000006"
AUDIOGRAM = json.dumps({"frequencies": [500.0, 1000.0], "left": [10.0, 20.0], "right": [30.0, 40.0]})
ROWS: dict[str, list[tuple[object, ...]]] = {
    "evaluation_sets": [(1, "cad1-validation", DATE)],
    "listeners": [(1, "L5042", AUDIOGRAM), (2, "L5071", "{}")],
    "songs": [(1, "Actions - One Minute Smile", "Pop/Rock", "train"), (2, "=cmd|' /C calc'!A0 <b>x</b>", "", "")],
    "systems": [(1, "ours", "E099", "a test", "preview", "NAL-R", "closed", DATE)],
    "results": [(1, "cad9-evaluation", "E001", "E001", "haaqi", 0.123, "", "a page", "2026")],
    "runs": [(1, "0" * 64, 1, 1, "import", "scores.csv", "pyclarity", "0.9.0", "{}", DATE)],
    "scores": [
        (1, 1, song, listener, "", "haaqi", stem, ear, 0.1 * song + 0.01 * listener + 0.001 * len(stem), 1)
        for song in (1, 2)
        for listener in (1, 2)
        for stem in ("bass", "drums", "other", "vocals")
        for ear in ("left", "right")
    ],
    "remixes": [(1, "1" * 64, 1, 1, 1, "", "{}", "{}", json.dumps({"song": "x"}), DATE)],
    "presets": [(1, 1, 1, "Soft", "{}", 1.5)],
    "ratings": [(1, "test", "p1", "t1", "ours", "quality", 55.5, 1, 1, 1, "", "{}", DATE)],
}


def make(revision: str, path: Path) -> None:
    """Write the database."""
    engine, _ = connect(f"sqlite:///{path.absolute()}")
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(Path(cadenza_core.store.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with sqlite3.connect(path) as file:
        for table, rows in ROWS.items():
            columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
            for row in rows:
                names = columns[: len(row)]
                file.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(row))})", row)
    file.execute("PRAGMA journal_mode = DELETE")
    file.execute("VACUUM")
    file.close()


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))
