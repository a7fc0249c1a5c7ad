"""Workers of a Dask cluster: the same tasks as `pool` gives to processes of this machine.

A task is given to one worker thread and nowhere else; if the worker goes away, the task comes back as lost and is done again
by another one. So the same rules hold as on one machine, and workers may come and go. All of them must see the data and the
results under the same paths, and have the same version of the project.
"""

import contextlib
import logging
import queue
import time
from typing import Any

from ..errors import CadenzaError
from .tasks import Outcome, Task, Unfit, perform

__all__ = ["DaskPool"]

#: How often is looked which workers there are, s.
_EVERY = 1.0
#: How long a scheduler may take to answer, s.
_PATIENCE = 10.0


def _look(task: Task) -> str:
    """Say why this worker cannot do such a task, or nothing."""
    try:
        task.ready()
    except Unfit as error:
        return str(error)
    return ""


class DaskPool:
    """The worker threads of a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://node1:8786``.

    Raises
    ------
    CadenzaError
        If the package `distributed` is missing or no scheduler answers there.
    """

    ends_at_once = False

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise CadenzaError(
                "A cluster needs the package distributed: pip install 'cadenza-studio[cluster]', here and on the workers."
            ) from error
        self.address = address
        for name in ("distributed", "distributed.client", "distributed.comm", "distributed.core"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said by this class
        try:
            self._client: Any = Client(address, timeout=_PATIENCE, set_as_default=False, name="cadenza")
        except (OSError, ValueError, TypeError) as error:
            raise CadenzaError(
                f"There is no Dask scheduler at {address} ({str(error).splitlines()[0]}). Start one (`dask scheduler`), or "
                "give the address that it prints."
            ) from error
        self._results: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._busy: dict[str, tuple[Task, Any]] = {}
        self._threads: dict[str, int] = {}
        self._unfit: dict[str, str] = {}
        self._notes: list[str] = []
        self._looked = 0.0
        self._first: Task | None = None

    def start(self, first: Task) -> list[str]:
        """Look which workers can do such work; give notes on those that cannot."""
        self._first = first
        self._refresh()
        if not self._threads and not self._unfit:
            self._notes.append(f"the scheduler at {self.address} has no workers yet; the work begins when one comes")
        return self.notes()

    def free(self) -> list[str]:
        """Give the worker threads that have nothing to do."""
        self._refresh()
        slots = (f"{address} #{n + 1}" for address, threads in self._threads.items() for n in range(threads))
        return [slot for slot in slots if slot not in self._busy]

    def size(self) -> int:
        """Give how many worker threads there are."""
        return sum(self._threads.values())

    def submit(self, worker: str, task: Task) -> None:
        """Give a free worker thread a task."""
        address = worker.partition(" #")[0]
        with self._scheduler():
            future = self._client.submit(perform, task, pure=False, workers=[address], allow_other_workers=False)
        self._busy[worker] = (task, future)
        future.add_done_callback(lambda ended, worker=worker: self._results.put((worker, ended)))

    def wait(self, seconds: float) -> list[tuple[str, Task, Outcome]]:
        """Give what has ended, waiting for it at most that long."""
        ended = []
        with contextlib.suppress(queue.Empty):
            entry = self._results.get(timeout=seconds)
            while True:
                worker, future = entry
                if worker in self._busy and self._busy[worker][1] is future:
                    task, _ = self._busy.pop(worker)
                    ended.append((worker, task, self._outcome(worker, future)))
                entry = self._results.get_nowait()
        self._refresh()
        for worker in [slot for slot in self._busy if slot.partition(" #")[0] not in self._threads]:
            task, future = self._busy.pop(worker)
            with contextlib.suppress(Exception):
                future.cancel()
            ended.append((worker, task, Outcome("lost", {}, f"the worker at {worker.partition(' #')[0]} went away")))
        return ended

    def notes(self) -> list[str]:
        """Give what has happened to workers since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def close(self) -> None:
        """Take back what was not begun and leave the cluster; what a worker is at, it ends, and nobody asks for it."""
        with contextlib.suppress(Exception):
            self._client.cancel([future for _, future in self._busy.values()])
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)

    def _outcome(self, worker: str, future: Any) -> Outcome:
        if future.status == "finished":
            outcome: Outcome = future.result()
            if outcome.state == "unfit":  # it was fit when it came
                self._reject(worker.partition(" #")[0], outcome.message)
                return Outcome("lost", {}, outcome.message)
            return outcome
        if future.status in {"cancelled", "lost"}:
            return Outcome("lost", {}, f"the scheduler at {self.address} lost it")
        return Outcome("lost", {}, f"the worker at {worker} could not do it: {future.exception()!r}")

    def _reject(self, address: str, reason: str) -> None:
        self._threads.pop(address, None)
        if address not in self._unfit:
            self._unfit[address] = reason
            self._notes.append(f"the worker at {address} is not used: {reason}")

    def _refresh(self) -> None:
        """Look which workers there are, and at new ones."""
        if time.monotonic() - self._looked < _EVERY:
            return
        with self._scheduler():
            there = dict(self._client.nthreads())
            new = [address for address in there if address not in self._threads and address not in self._unfit]
            faults = self._client.run(_look, self._first, workers=new, on_error="return") if new else {}
        self._looked = time.monotonic()
        for address in new:
            fault = faults.get(address, "")
            if isinstance(fault, BaseException):
                fault = (
                    f"it cannot look at the work ({type(fault).__name__}: {fault}); is cadenza-studio installed there?"
                )
            if fault:
                self._reject(address, fault)
            else:
                self._threads[address] = there[address]
        self._threads = {address: there[address] for address in self._threads if address in there}
        self._unfit = {address: reason for address, reason in self._unfit.items() if address in there}
        if self._unfit and not self._threads:
            address, reason = next(iter(self._unfit.items()))
            raise CadenzaError(
                f"None of the {len(self._unfit)} workers at {self.address} can do this. {address}: {reason}"
            )

    @contextlib.contextmanager
    def _scheduler(self) -> Any:
        """Turn the end of the scheduler into a sentence."""
        try:
            end = time.monotonic() + _PATIENCE
            while self._client.status == "connecting" and time.monotonic() < end:
                time.sleep(0.1)
            if self._client.status != "running":
                raise OSError(f"the connection is {self._client.status}")
            yield
        except (OSError, TimeoutError) as error:  # a CommClosedError is an OSError
            raise CadenzaError(
                f"The Dask scheduler at {self.address} went away ({error}). What was finished is kept; start it again and run "
                "the same once more."
            ) from error
