"""Workers: processes of this machine, each given one task at a time. `cluster` has the same for Dask.

A worker is a fresh Python (`worker`) that takes tasks from a pipe and gives outcomes back. It is not a fork or a copy of the
program that starts it, so it makes no difference whether that is a shell, a server or a test. If a worker dies, its task is
given back as lost and another worker is started; if the program dies, its workers end at once.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol

from ..errors import CadenzaError
from .tasks import Outcome, Task

__all__ = ["LocalPool", "Pool", "usable_cores"]

_ROOT = str(Path(__file__).resolve().parents[2])
#: How often a process that is killed before it is ready is started.
_STARTS = 3
#: What reading or writing a pipe raises whose other end is gone.
_BROKEN = (OSError, EOFError, pickle.UnpicklingError)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")


class Pool(Protocol):
    """Some workers, each with a name.

    Attributes
    ----------
    ends_at_once : bool
        Whether `close` ends what the workers are at; otherwise they end it, and nobody asks for it.
    """

    ends_at_once: bool

    def start(self, first: Task) -> list[str]:
        """Start; give notes for the user. `first` is one of the tasks, for a look whether workers can do such work.

        Raises
        ------
        CadenzaError
            If no worker can.
        """

    def free(self) -> list[str]:
        """Give the workers that have nothing to do.

        Raises
        ------
        CadenzaError
            If there are no workers any more, and none will come.
        """

    def size(self) -> int:
        """Give how many workers there are."""

    def submit(self, worker: str, task: Task) -> None:
        """Give a free worker a task."""

    def wait(self, seconds: float) -> list[tuple[str, Task, Outcome]]:
        """Give what has ended, waiting for it at most that long."""

    def notes(self) -> list[str]:
        """Give what has happened to workers since the last call, for the user."""

    def close(self) -> None:
        """Stop all work at once."""


def usable_cores() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalPool:
    """Processes of this machine.

    Parameters
    ----------
    workers : int
        0: one for each processor.
    politeness : int
        By how much they let other programs go first (`nice`).
    """

    ends_at_once = True

    def __init__(self, workers: int = 0, *, politeness: int = 0) -> None:
        if workers < 0:
            raise CadenzaError(f"{workers} workers cannot be started; 1 or more, or 0 for one for each processor.")
        count = workers or usable_cores()
        threads = max(1, usable_cores() // count)
        self._results: queue.SimpleQueue[tuple[str, Task, Outcome]] = queue.SimpleQueue()
        self._workers = {
            f"worker {n + 1}": _Worker(f"worker {n + 1}", self._results, threads, politeness) for n in range(count)
        }
        self._busy: set[str] = set()

    def start(self, first: Task) -> list[str]:
        """Look whether the work can be done here; the processes are started when they are needed."""
        return []

    def free(self) -> list[str]:
        """Give the workers that have nothing to do."""
        return [name for name in self._workers if name not in self._busy]

    def size(self) -> int:
        """Give how many workers there are."""
        return len(self._workers)

    def submit(self, worker: str, task: Task) -> None:
        """Give a free worker a task."""
        self._busy.add(worker)
        self._workers[worker].give(task)

    def wait(self, seconds: float) -> list[tuple[str, Task, Outcome]]:
        """Give what has ended, waiting for it at most that long."""
        ended = []
        with contextlib.suppress(queue.Empty):
            ended.append(self._results.get(timeout=seconds))
            while True:
                ended.append(self._results.get_nowait())
        for worker, _, _ in ended:
            self._busy.discard(worker)
        return ended

    def notes(self) -> list[str]:
        """Nothing happens to these that is not told with their task."""
        return []

    def close(self) -> None:
        """Stop all processes."""
        for worker in self._workers.values():
            worker.close()

    def pids(self) -> list[int]:
        """Give the processes that are running."""
        return [worker.pid for worker in self._workers.values() if worker.pid]


class _Worker:
    """One process, and the thread that talks to it."""

    def __init__(
        self, name: str, results: "queue.SimpleQueue[tuple[str, Task, Outcome]]", threads: int, nice: int
    ) -> None:
        self._name, self._results = name, results
        self._environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "CADENZA_NICE": str(nice)}
        paths = [_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment["PYTHONPATH"] = os.pathsep.join(paths)
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def pid(self) -> int:
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def give(self, task: Task) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=f"cadenza-{self._name}", daemon=True)
            self._thread.start()
        self._tasks.put(task)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        self._tasks.put(None)
        if self._thread is not None:
            self._thread.join(10)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None and not self._closed:
            self._results.put((self._name, task, self._do(task)))
        if self._process is not None:
            self._end(self._process)

    def _do(self, task: Task) -> Outcome:
        try:
            process = self._process or self._start()
        except OSError as error:
            return Outcome("stop", {}, f"A worker process could not be started: {error}.")
        assert process.stdin is not None and process.stdout is not None
        try:
            pickle.dump(task, process.stdin)
            process.stdin.flush()
            outcome: Outcome = pickle.load(process.stdout)
            return outcome
        except _BROKEN:
            self._process = None
            return Outcome("lost", {}, f"its worker process ended: {_ending(self._end(process))}")

    def _start(self) -> "subprocess.Popen[bytes]":
        """Start the process. One that is killed meanwhile is started again; one that ends by itself would do so again."""
        command = [sys.executable, "-m", "cadenza_core.challenge.worker"]
        for _ in range(_STARTS):
            with self._lock:
                if self._closed:
                    raise OSError("the work was stopped")
                pipe = subprocess.PIPE
                process = self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=self._environment)
            assert process.stdout is not None
            with contextlib.suppress(*_BROKEN):
                if pickle.load(process.stdout) == "ready":
                    return process
            self._process = None
            with contextlib.suppress(subprocess.TimeoutExpired):  # its pipe may be closed a moment before it has ended
                process.wait(5)
            status = self._end(process)
            if status >= 0:
                break
        raise OSError(_ending(status))

    def _end(self, process: "subprocess.Popen[bytes]") -> int:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        return process.wait()


def _ending(status: int) -> str:
    """Say how a process ended."""
    if status < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
            hint = ": killed, perhaps because the memory was used up" if name == "SIGKILL" else ""
            return f"by {name}{hint}"
    return f"with status {status}"
