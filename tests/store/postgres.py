"""A PostgreSQL server for tests, in a temporary folder, where its programs are installed; reached by a socket only."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_PROGRAMS = ("initdb", "pg_ctl")


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(place / name) for place in places if (place / name).exists()), None)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a server; give the URL of its database. The test is skipped, with the reason, where there is none."""
    pytest.importorskip("psycopg")
    found = {name: _program(name) for name in _PROGRAMS}
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"no PostgreSQL here: {', '.join(missing)} is not installed")
    folder = Path(tempfile.mkdtemp(prefix="cadenza-pg-"))
    # The server refuses to run as root; its folder is another user's then.
    user = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and runuser is not here")
        shutil.chown(folder, "nobody")
        user = ["runuser", "-u", "nobody", "--"]
    data, options = folder / "data", f"-k {folder} -c listen_addresses='' -c fsync=off"

    def run(*command: str | Path | None) -> None:
        done = subprocess.run([*user, *map(str, command)], cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode:
            pytest.skip(f"PostgreSQL could not be started: {(done.stderr or done.stdout).strip()[-300:]}")

    try:
        run(found["initdb"], "-D", data, "-U", "cadenza", "--auth=trust", "-N")
        run(found["pg_ctl"], "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        try:
            yield f"postgresql+psycopg://cadenza:secret@/postgres?host={folder}"
        finally:
            stop = [*user, found["pg_ctl"], "-D", data, "-m", "immediate", "stop"]
            subprocess.run([str(part) for part in stop], cwd=folder, capture_output=True, timeout=120)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
