"""A run's own folder: what it was started with, its journal, and the lock that keeps a second run out.

``plan.json`` says what the results are made of and which there will be, ``journal.jsonl`` what has happened: one JSON object a
line, appended and flushed to the disk before anything else goes on, so that a killed run knows what it had done. A last line
that a crash has torn is cut off. ``lock`` is held by the running process, and by nobody once that is dead.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from ..errors import CadenzaError
from ..files import atomic_file, disk_errors, parse_json

__all__ = ["Journal", "RunFolder", "run_folder"]

_FORMAT = 1
Key = tuple[str, str]


@dataclass
class Journal:
    """What a journal says, and the way to write to it.

    Parameters
    ----------
    done : dict
        (song, listener) -> the event of its end, with its result.
    failed : dict
        (song, listener) -> why.
    running : dict
        (song, listener) -> when it was begun, s since 1970, and has not ended since the last start.
    started : float
        When the run was started last, s since 1970; 0: never.
    unreadable : int
        Lines that are no JSON.
    """

    path: Path
    done: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    failed: dict[Key, str] = field(default_factory=dict)
    running: dict[Key, float] = field(default_factory=dict)
    preparing: dict[str, float] = field(default_factory=dict)
    started: float = 0.0
    last: Mapping[str, Any] = field(default_factory=dict)
    unreadable: int = 0
    _file: int | None = None

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """Read a journal; one that is not there is empty.

        Raises
        ------
        CadenzaError
            If it cannot be read.
        """
        journal = cls(path)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return journal
        except OSError as error:
            raise CadenzaError(f"{path} cannot be read: {error.strerror or error}.") from error
        for line in content.split(b"\n")[:-1]:  # what has no line end yet is being written, or torn
            try:
                journal.take(parse_json(line))
            except (ValueError, KeyError, TypeError):
                journal.unreadable += 1
        return journal

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event into what is known."""
        kind, at = event["event"], float(event["at"])
        key: Key = tuple(event["pair"]) if "pair" in event else ("", "")
        if kind == "start":
            self.started, self.running, self.preparing = at, {}, {}
        elif kind == "begin":
            self.running[key] = at
        elif kind == "prepare":
            self.preparing[event["song"]] = at
        elif kind == "prepared":
            self.preparing.pop(event["song"], None)
        elif kind in {"done", "failed", "lost", "again"}:
            self.running.pop(key, None)
            self.failed.pop(key, None)
            if kind == "done":
                self.done[key] = event
            elif kind == "failed":
                self.failed[key] = str(event["message"])
            elif kind == "again":
                self.done.pop(key, None)
        self.last = event

    def append(self, event: str, **facts: Any) -> dict[str, Any]:
        """Write an event and give it; what ends something is on the disk when this returns.

        Raises
        ------
        CadenzaError
            If it cannot be written.
        """
        made = {"event": event, "at": round(time.time(), 3), **facts}
        line = (json.dumps(made, ensure_ascii=True) + "\n").encode("ascii")
        with disk_errors(self.path):
            if self._file is None:
                self._open()
            assert self._file is not None
            while line:
                line = line[os.write(self._file, line) :]
            if event not in {"begin", "prepare"}:
                os.fsync(self._file)
        self.take(made)
        return made

    def _open(self) -> None:
        """Open for appending, after the last line that is whole."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file, whole)
        os.lseek(self._file, whole, os.SEEK_SET)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path : Path
        Made when a run is started.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether a run was ever started here."""
        return (self.path / "plan.json").is_file()

    def plan(self) -> dict[str, Any]:
        """Read ``plan.json``.

        Raises
        ------
        CadenzaError
            If it is not there or not readable.
        """
        path = self.path / "plan.json"
        try:
            content: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']!r}, not {_FORMAT}")
        except FileNotFoundError as error:
            raise CadenzaError(f"There is no run in {self.path.parent}: no file {path}.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CadenzaError(
                f"{path} cannot be read as a run's plan ({error}). Move the folder {self.path} away to start anew."
            ) from error
        return content

    def write_plan(self, content: Mapping[str, Any]) -> None:
        """Write ``plan.json``, whole or not at all."""
        with atomic_file(self.path / "plan.json") as temporary:
            temporary.write_text(json.dumps({"format": _FORMAT, **content}, indent=1) + "\n", encoding="utf-8")

    def journal(self) -> Journal:
        """Read the journal."""
        return Journal.read(self.path / "journal.jsonl")

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the folder; what a killed run has left in it is swept.

        Raises
        ------
        CadenzaError
            If another run holds it, or it cannot be written to.
        """
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.path / "lock", timeout=0.5)  # `is_active` holds it for a moment
            try:
                lock.acquire()
            except filelock.Timeout as error:
                raise CadenzaError(
                    f"Another run works in {self.path.parent}{self._holder()}. Wait for its end, stop it, or choose another "
                    "folder."
                ) from error
        try:
            with disk_errors(self.path):
                for left in self.path.glob(".partial-*"):
                    left.unlink(missing_ok=True)
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            with atomic_file(self.path / "holder.json") as temporary:
                temporary.write_text(json.dumps(holder), encoding="utf-8")
            yield
        finally:
            lock.release()

    def is_active(self) -> bool:
        """Whether a run holds the folder now."""
        if not (self.path / "lock").exists():
            return False
        lock = filelock.FileLock(self.path / "lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        except OSError:  # read-only: nobody can hold it
            return False
        lock.release()
        return False

    def _holder(self) -> str:
        try:
            holder = parse_json((self.path / "holder.json").read_text(encoding="utf-8"))
            return f" (process {holder['pid']} on {holder['host']}, since {holder['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def run_folder(path: Path) -> RunFolder:
    """Give the run's folder for what a user names: a folder of results, a score table, or the run's folder itself.

    Raises
    ------
    CadenzaError
        If there is no run.
    """
    places = (path / "challenge", path.with_name(f"{path.stem}.challenge"), path)
    for place in places:
        if RunFolder(place).exists:
            return RunFolder(place)
    raise CadenzaError(
        f"There is no run at {path}: neither {places[0]} nor {places[1]} holds a plan. Give the folder of --out or the file "
        "of --csv."
    )
