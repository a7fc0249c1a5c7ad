"""The database as a file or server: upgrades, versions, faults, two programs at once, and programs that are killed."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy

from cadenza_core.errors import CadenzaError
from cadenza_core.store import Store, pairs_frame, schema
from cadenza_core.store.database import REVISIONS, connect, shown
from tests.store.conftest import values
from tests.store.make_schema_database import ROWS

OLD = Path(__file__).parent / "data" / "schema_0001.sqlite"
ROOT = Path(__file__).resolve().parents[2]


def run(code: str, *arguments: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, cwd=ROOT, **pipes, **options)


# ---- versions --------------------------------------------------------------------------------------------------------


def test_the_migrations_are_those_that_the_program_names_and_make_the_tables_of_the_models(store):
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(ROOT / "cadenza_core" / "store" / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.Base.metadata) == []


def test_a_database_of_the_first_schema_opens_with_nothing_lost(tmp_path):
    path = tmp_path / "old.sqlite"
    shutil.copy(OLD, path)
    with Store(f"sqlite:///{path}") as store:
        assert len(store.scores("cad1-validation")) == 32
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISIONS[-1],)]
        for table, rows in ROWS.items():
            found = file.execute(f"SELECT * FROM {table}").fetchall()
            assert [row[: len(rows[0])] for row in found] == rows, table
        assert file.execute("SELECT digits FROM results").fetchall() == [(4,)]


def test_an_upgrade_that_fails_leaves_the_old_database(tmp_path, monkeypatch):
    path = tmp_path / "old.sqlite"
    shutil.copy(OLD, path)

    def fail(*_, **__):
        raise sqlalchemy.exc.OperationalError("", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr("alembic.command.upgrade", fail)
    with pytest.raises(CadenzaError, match=r"old\.sqlite: disk I/O error"):
        Store(f"sqlite:///{path}")
    monkeypatch.undo()
    with Store(f"sqlite:///{path}") as store:
        assert len(store.scores()) == 32


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url):
    Store(url).close()
    engine, _ = connect(url)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(CadenzaError, match=r"made by a newer version .*schema 9999.* Update Cadenza Studio") as error:
        Store(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look at" * 50, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "scores.sqlite"
    path.write_bytes(content)
    with pytest.raises(CadenzaError, match=r"scores\.sqlite: it is (not an SQLite database|damaged)"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(CadenzaError, match="holds tables, but not Cadenza Studio's"):
        Store(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "nonsense://x", "postgresql", "://"])
def test_a_url_of_another_kind_is_refused(url):
    with pytest.raises(CadenzaError, match=r"no database that can be used: give the path of an SQLite file") as error:
        connect(url)
    assert "secret" not in str(error.value)


def test_a_server_that_does_not_answer_is_a_sentence_without_the_password():
    with pytest.raises(CadenzaError) as error:
        Store("postgresql+psycopg://me:secret@127.0.0.1:1/db?connect_timeout=2")
    assert "127.0.0.1" in str(error.value) and "secret" not in str(error.value)
    assert shown("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


# ---- the disk --------------------------------------------------------------------------------------------------------


def test_a_read_only_database_is_read_and_never_written(unprivileged, pair_list, tmp_path):
    with Store(f"sqlite:///{tmp_path / 'scores.sqlite'}") as store:
        store.add_scores(pairs_frame(pair_list()), evaluation_set="s", system="ours")
        assert len(store.scores("s")) == 96
    content = (tmp_path / "scores.sqlite").read_bytes()
    with unprivileged() as place:  # who perhaps may not read this project's files either
        path = place / "folder" / "scores.sqlite"
        path.parent.mkdir()
        path.write_bytes(content)
        path.chmod(0o400)
        path.parent.chmod(0o500)
        with Store(f"sqlite:///{path}") as store:
            assert store.is_read_only
            assert len(store.scores("s")) == 96
            with pytest.raises(CadenzaError, match="is read-only: nothing can be stored"):
                store.add_scores(pairs_frame(pair_list(seed=1)), evaluation_set="s", system="ours")


def test_an_old_database_that_is_read_only_says_so(unprivileged):
    content = OLD.read_bytes()
    with unprivileged() as place:
        path = place / "folder" / "old.sqlite"
        path.parent.mkdir()
        path.write_bytes(content)
        path.chmod(0o400)
        path.parent.chmod(0o500)
        with pytest.raises(CadenzaError, match=r"of an older version and read-only\. Make it writable once"):
            Store(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_a_sentence(unprivileged):
    with unprivileged() as place:
        place.chmod(0o500)
        with pytest.raises(CadenzaError, match=r"folder .* cannot be made: Permission denied"):
            Store(f"sqlite:///{place}/new/scores.sqlite")


def test_a_full_disk_is_a_sentence_and_the_database_stays_as_it_was(small_disk, pair_list):
    path = small_disk / "scores.sqlite"
    try:
        store = Store(f"sqlite:///{path}")
    except CadenzaError as error:  # even the empty tables may not fit
        assert "full" in str(error)
        return
    with store:
        with pytest.raises(CadenzaError, match=r"scores\.sqlite: the disk (is full|failed or is full)"):
            store.add_scores(pairs_frame(pair_list(songs=50, listeners=40)), evaluation_set="s", system="ours")
        assert len(store.scores()) == 0


# ---- several programs ------------------------------------------------------------------------------------------------

WRITERS = """
    import os, sys
    import pandas as pd
    from cadenza_core.store import Store
    children = []
    for name in sys.argv[2:]:
        children.append(os.fork())
        if children[-1]:
            continue
        with Store(sys.argv[1]) as store:
            for batch in range(6):
                songs = [f"song {batch} {n}" for n in range(10)]
                frame = pd.DataFrame({"song": songs, "listener": name, "value": 0.5})
                report = store.add_scores(frame, evaluation_set="shared", system=f"system {batch % 3}")
                assert report.added == 10, report
        os._exit(0)
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_two_programs_that_write_at_once_lose_nothing(url):
    """Each opens (and makes) the database itself: that is a race of its own."""
    writers = run(WRITERS, url, "one", "two")
    _, said = writers.communicate(timeout=120)
    assert writers.returncode == 0, said
    with Store(url) as store:
        counts = values(store)["listener"].value_counts().to_dict()
    assert counts == {"one": 60, "two": 60}


KILLED = """
    import os, signal, sys
    import pandas as pd
    from cadenza_core.store import Store
    frame = pd.DataFrame({"song": [f"new {n}" for n in range(5000)], "listener": "L", "value": 0.5})
    for moment in map(float, sys.argv[2:]):
        if os.fork():
            assert os.WTERMSIG(os.wait()[1]) == signal.SIGKILL
            continue
        def progress(done, text):
            if done >= moment:
                os.kill(os.getpid(), signal.SIGKILL)
        with Store(sys.argv[1]) as store:
            store.add_scores(frame, evaluation_set="new set", system="new system", progress=progress)
        os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_killed_import_leaves_the_database_as_before(url, pair_list):
    """Killed while reading, and with everything inserted but not yet committed."""
    with Store(url) as store:
        store.add_scores(pairs_frame(pair_list()), evaluation_set="s", system="ours")
        before, tables = values(store), [len(store.table(m)) for m in (schema.Song, schema.System, schema.Run)]
    killed = run(KILLED, url, 0.0, 0.99)
    _, said = killed.communicate(timeout=120)
    assert killed.returncode == 0, said
    with Store(url) as store:
        assert values(store).equals(before)
        assert [len(store.table(m)) for m in (schema.Song, schema.System, schema.Run)] == tables
        again = store.add_scores(pairs_frame(pair_list()), evaluation_set="s", system="ours")
        assert again.unchanged == 96


def test_threads_write_one_after_the_other_and_wait_without_a_connection(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'scores.sqlite'}") as store:
        begun, done = [threading.Event() for _ in range(5)], []

        def write(number: int) -> None:
            begun[number].set()
            with store.writing():
                done.append(number)

        with store.writing():
            others = [threading.Thread(target=write, args=(number,)) for number in range(5)]
            for number, thread in enumerate(others):
                thread.start()
                assert begun[number].wait(20)
            time.sleep(0.05)
            assert not done
            assert store.engine.pool.checkedout() == 1
        for thread in others:
            thread.join(20)
        assert sorted(done) == list(range(5))
