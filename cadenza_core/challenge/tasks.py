"""What a worker does: separate a song, write a pair's files, score a pair. The same in all places.

A task is a small frozen object that a process of this machine or of a cluster gets, with all it needs in it. Doing it twice
gives the same files and numbers. What the pairs of one song have in common (its stems, transformed; its references,
resampled) is made once by each worker and held until the next song.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from .. import __version__
from ..catalog import Song
from ..errors import CadenzaError
from ..quality import warm_up
from ..separation import get_system, load_local, separate
from ..settings import Settings

__all__ = [
    "Outcome",
    "Place",
    "Separate",
    "Source",
    "Task",
    "Unfit",
    "check_version",
    "compile_haaqi",
    "hold",
    "perform",
    "state_of",
]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
#: What cannot get better by going on with the next pair.
_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Unfit(CadenzaError):
    """A worker that cannot do this work: it lacks the weights, the data or the run's folder."""


class Task(Protocol):
    """One piece of work."""

    @property
    def title(self) -> str:
        """What it is, for people."""

    def ready(self) -> None:
        """Raise `Unfit` if this process could do no task of this kind. Cheap after the first time."""

    def run(self) -> dict[str, Any]:
        """Do it; give what the journal shall know, as JSON. Raises CadenzaError."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Parameters
    ----------
    state : {"done", "failed", "stop", "unfit", "lost"}
        `stop`: no other task can succeed either (the disk is full); `lost`: the worker died.
    result : dict
        What `run` gave.
    message : str
        Why it is not done.
    seconds : float
        Time it took.
    worker : str
        Who did it.
    """

    state: Literal["done", "failed", "stop", "unfit", "lost"]
    result: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    seconds: float = 0.0
    worker: str = ""


def perform(task: Task) -> Outcome:
    """Do a task; never raises what a task can raise."""
    began = time.perf_counter()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    try:
        task.ready()
        result = task.run()
        return Outcome("done", result, "", time.perf_counter() - began, worker)
    except Unfit as error:
        return Outcome("unfit", {}, str(error), 0.0, worker)
    except CadenzaError as error:
        hopeless = isinstance(error.__cause__, OSError) and error.__cause__.errno in _HOPELESS
        return Outcome("stop" if hopeless else "failed", {}, str(error), time.perf_counter() - began, worker)
    except MemoryError:
        message = "there is not enough memory for this song; start fewer workers (--workers)"
        return Outcome("failed", {}, message, time.perf_counter() - began, worker)
    except Exception as error:
        _LOG.exception("%s failed", task.title)
        message = f"it failed unexpectedly ({type(error).__name__}: {error}); the log tells more"
        return Outcome("failed", {}, message, time.perf_counter() - began, worker)


_OWN = threading.local()  # a cluster's worker may have several threads


def hold(key: tuple[object, ...], make: Callable[[], _T]) -> _T:
    """Give what `make` gives, kept by this thread until another key is asked for."""
    if getattr(_OWN, "key", None) != key:
        _OWN.key = _OWN.value = None  # the old one goes before the new one comes
        _OWN.value = make()
        _OWN.key = key
    value: _T = _OWN.value
    return value


@dataclass(frozen=True)
class Place:
    """Where a run's files are; a worker must see the same.

    Parameters
    ----------
    root : Path
        The data.
    folder : Path
        The run's own folder, with its plan.
    token : str
        Of one run: what a worker holds from another one is not used.
    """

    root: Path
    folder: Path
    token: str

    def check(self) -> None:
        """Raise `Unfit` if this process does not see them or is of another version."""
        host = socket.gethostname()
        if not self.root.is_dir():
            raise Unfit(f"the worker on {host} does not see the data: there is no folder {self.root}. Mount it there.")
        if not (self.folder / "plan.json").is_file():
            raise Unfit(
                f"the worker on {host} does not see {self.folder}. The results must lie on a disk that all workers share."
            )


def check_version(version: str) -> None:
    """Raise `Unfit` if this process has another version of the project: its numbers might differ."""
    if version != __version__:
        host = socket.gethostname()
        raise Unfit(
            f"the worker on {host} has cadenza-studio {__version__}, this is {version}. Install the same there."
        )


@dataclass(frozen=True)
class Source:
    """Where the stems of a song come from."""

    song: Song
    system_id: str
    settings: Settings

    def check(self) -> None:
        """Raise `Unfit` if the system cannot be used here."""
        load_local(self.settings)
        if reason := get_system(self.system_id, self.settings).unavailable_reason():
            raise Unfit(f"the worker on {socket.gethostname()} cannot use the system {self.system_id!r}: {reason}")

    @property
    def is_kept(self) -> bool:
        """Whether separating gives something that is kept in the cache."""
        return get_system(self.system_id, self.settings).info.cached


@dataclass(frozen=True)
class Separate:
    """Separate a song into the cache, for all its listeners."""

    place: Place
    source: Source
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"separating {self.source.song.name}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        check_version(self.version)
        self.place.check()
        self.source.check()

    def run(self) -> dict[str, Any]:
        """Do it."""
        made = separate(self.source.song, self.source.system_id, self.source.settings)
        return {"cached": made.was_cached, "notes": list(made.notes)}


_COMPILED = threading.Event()


def compile_haaqi() -> None:
    """Compile HAAQI or load it, once in a process."""
    if not _COMPILED.is_set():
        warm_up()
        _COMPILED.set()


def state_of(paths: Iterable[Path]) -> str:
    """Give a digest of the sizes and times of files; those that are not there count as such."""
    facts: list[tuple[str, int, int]] = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            facts.append((path.name, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
