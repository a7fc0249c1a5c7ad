"""Do long work in threads of this process: progress, time left, cancel, one job for each key.

A page asks for work by a key that names its result (a cache key, the id of a score). Whoever asks for the same key while
it waits, runs or is done gets the same record; pages poll the record, and the work goes on whatever the pages do. A job
that failed or was cancelled is started anew by the next one who asks.

Who has nothing running comes before who has, so that nobody waits behind all of somebody else's work; then the more urgent
job, then who was served longest ago. Owners are told apart by what stands before the colon in their names: several tabs of
a person who has signed in count as one. Work of a kind of which one is enough at a time (it needs much memory, or all of the
cores for a moment) waits for the one before it, whatever threads are free.

Cancelling is the work's own: the progress callback raises `Cancelled` inside it. A job has owners (browser tabs), who say
now and then that they are still there. It is cancelled when one lets go and no other has been seen for a while.
"""

import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..errors import CadenzaError, Cancelled
from ..progress import Progress

__all__ = ["Job", "Jobs", "time_left"]

_LOG = logging.getLogger(__name__)
#: Finished jobs that are remembered; the oldest are forgotten first (their results are in the caches on the disk).
_REMEMBERED = 200
#: Seconds after which an owner who was not seen counts as gone: a closed tab says no goodbye.
_GONE = 15.0
#: How much worker threads give way to those that answer, as `nice` counts.
_NICE = 10
#: Most jobs that one owner may have waiting.
MOST_WAITING = 40


@dataclass(eq=False)
class Job:
    """The record of one piece of work; written by its thread, read by anyone.

    Parameters
    ----------
    key, title : str
        What it is, for the program and for people.
    state : {"waiting", "running", "done", "failed", "cancelled"}
    share : float
        Done so far, 0 to 1; never goes back.
    text : str
        What it is at.
    error : str
        One or two sentences, if it failed.
    result : object
        What the work gave, if it is done.
    began, ended, moved : float
        `time.monotonic()` of the start, the end and the last progress; 0 before.
    """

    key: str
    title: str
    state: str = "waiting"
    share: float = 0.0
    text: str = "waiting for other work"
    error: str = ""
    result: Any = None
    began: float = 0.0
    ended: float = 0.0
    moved: float = 0.0
    owners: dict[str, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    work: Callable[[Progress], Any] | None = field(default=None, repr=False)
    urgency: int = 1
    number: int = 0
    alone: str = ""

    @property
    def people(self) -> set[str]:
        """Who wants it: owners without what tells a person's tabs apart."""
        return {name.partition(":")[0] for name in self.owners}

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in {"waiting", "running"}

    @property
    def seconds(self) -> float:
        """Time it has taken, or has taken so far."""
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the last share and the time it took; None while there is too little to go by."""
        taken = self.moved - self.began
        if self.state != "running" or self.share < 0.02 or taken < 0.3:
            return None
        return max(0.0, taken / self.share - self.seconds)

    def show(self, done: float, text: str) -> None:
        """Take progress from the work.

        Raises
        ------
        Cancelled
            If it shall stop.
        """
        if self.stop.is_set():
            raise Cancelled("It was cancelled.")
        if done > self.share:
            self.share, self.moved = min(1.0, done), time.monotonic()
        self.text = text


def _give_way() -> None:
    """Let this thread, and those that it starts, compute after whatever answers people: Linux has priorities of threads."""
    if sys.platform == "linux":
        with suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + _NICE))


class Jobs:
    """A few worker threads and the jobs that they do, in fair order.

    Parameters
    ----------
    threads : int
        How many jobs run at once.
    """

    def __init__(self, threads: int = 2) -> None:
        self._jobs: dict[str, Job] = {}
        self._queue: list[Job] = []
        self._served: dict[str, int] = {}
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        for number in range(threads):
            threading.Thread(target=self._run, name=f"cadenza-job-{number}", daemon=True).start()

    def submit(
        self,
        key: str,
        title: str,
        work: Callable[[Progress], Any],
        *,
        owner: str = "",
        urgency: int = 1,
        alone: str = "",
    ) -> Job:
        """Ask for work; give the record of the job that does it, or has done it.

        Parameters
        ----------
        key : str
            The same key means the same result.
        title : str
            For people.
        work : function
            Called with a progress callback in a worker thread.
        owner : str
            Who wants it, for :meth:`release`.
        urgency : int
            Lower ones of an owner are started first.
        alone : str
            Of the works that give the same word here, only one is done at a time.

        Raises
        ------
        CadenzaError
            If this owner has too much waiting already.
        """
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.state in {"failed", "cancelled"} or (job.is_active and job.stop.is_set()):
                self._check_waiting(owner)
                number = next(self._count)
                job = Job(key, title, work=work, urgency=urgency, number=number, alone=alone)
                self._jobs[key] = job
                self._queue.append(job)
                self._forget()
                self._changed.notify()
            job.owners[owner] = time.monotonic()
            return job

    def _check_waiting(self, owner: str) -> None:
        who = owner.partition(":")[0]
        waiting = sum(who in job.people for job in self._queue if job.state == "waiting")
        if who and waiting >= MOST_WAITING:
            raise CadenzaError(f"{waiting} of your jobs are waiting already. Cancel some, or wait until they are done.")

    def place(self, key: str) -> int:
        """Give the place of a job in the queue: 1 is started next; 0 if it does not wait."""
        with self._changed:
            waiting = sorted((job for job in self._queue if job.state == "waiting"), key=self._rank)
            return next((number for number, job in enumerate(waiting, 1) if job.key == key), 0)

    def get(self, key: str) -> Job | None:
        """Give the job of a key, if there is one."""
        return self._jobs.get(key)

    def forget(self, key: str) -> None:
        """Forget a job that is over, so that the next one who asks begins it anew."""
        with self._changed:
            if (job := self._jobs.get(key)) and not job.is_active:
                del self._jobs[key]

    def wait(self, key: str, seconds: float) -> Job | None:
        """Give the job of a key once it is over, or as it is after `seconds`."""
        end = time.monotonic() + seconds
        while (job := self._jobs.get(key)) and job.is_active and time.monotonic() < end:
            time.sleep(0.01)
        return job

    def cancel(self, key: str) -> None:
        """Stop a job for everybody; nothing happens if it is over."""
        with self._changed:
            if (job := self._jobs.get(key)) and job.is_active:
                self._stop(job)

    def touch(self, key: str, owner: str) -> None:
        """Say that `owner` still wants a job that it has asked for."""
        with self._changed:
            job = self._jobs.get(key)
            if job and owner in job.owners:
                job.owners[owner] = time.monotonic()

    def release(self, key: str, owner: str) -> None:
        """Say that `owner` no longer wants a job; it is stopped if nobody else who is still there does."""
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.owners.pop(owner, None) is None:
                return
            recently = time.monotonic() - _GONE
            if job.is_active and not any(seen > recently for seen in job.owners.values()):
                self._stop(job)

    def close(self) -> None:
        """Stop all jobs and let the threads end."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                if job.is_active:
                    self._stop(job)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Job]:
        with self._changed:
            return iter(list(self._jobs.values()))

    def _stop(self, job: Job) -> None:
        job.stop.set()
        if job.state == "waiting":
            job.state = "cancelled"
            job.work = None

    def _forget(self) -> None:
        over = [key for key, job in self._jobs.items() if not job.is_active]
        for key in over[: max(0, len(self._jobs) - _REMEMBERED)]:
            del self._jobs[key]

    def _rank(self, job: Job) -> tuple[int, int, int, int]:
        """Give a job's place in the order: what its most patient owner has running, urgency, when that one was served, age."""
        running = [other for other in self._jobs.values() if other.state == "running"]
        people = job.people - {""}
        if not people:  # the server's own work: nobody waits for it
            return len(running), job.urgency, job.number, job.number
        busy, served = min((sum(who in other.people for other in running), self._served.get(who, 0)) for who in people)
        return busy, job.urgency, served, job.number

    def _next(self) -> Job | None:
        """Take the job that is to be done now out of the queue; None if there is none that may begin."""
        self._queue = [job for job in self._queue if job.state == "waiting"]
        taken = {job.alone for job in self._jobs.values() if job.state == "running"} - {""}
        ready = [job for job in self._queue if job.alone not in taken]
        if not ready:
            return None
        job = min(ready, key=self._rank)
        self._queue.remove(job)
        turn = next(self._count)
        self._served |= dict.fromkeys(job.people, turn)
        if len(self._served) > 10 * _REMEMBERED:
            self._served = dict(sorted(self._served.items(), key=lambda entry: entry[1])[_REMEMBERED:])
        return job

    def _run(self) -> None:
        _give_way()
        while True:
            with self._changed:
                while not self._closed and (job := self._next()) is None:
                    self._changed.wait()
                if self._closed:
                    return
                assert job is not None and job.work is not None
                job.state, job.began, work = "running", time.monotonic(), job.work
            self._do(job, work)
            if job.alone:
                with self._changed:
                    self._changed.notify_all()  # another one of its kind may begin

    def _do(self, job: Job, work: Callable[[Progress], Any]) -> None:
        try:
            job.show(0.0, "starting")
            job.result = work(job.show)
            state, job.share = "done", 1.0
        except Cancelled:
            state = "cancelled"
        except CadenzaError as error:
            state, job.error = "failed", str(error)
        except MemoryError:
            state, job.error = "failed", "There is not enough memory for this. Choose a shorter excerpt."
        except Exception as error:
            _LOG.exception("%s failed", job.title)
            state = "failed"
            job.error = f"{job.title} failed unexpectedly ({type(error).__name__}). The log of the server tells more."
        # The state last: whoever sees it sees all the rest.
        job.work, job.ended = None, time.monotonic()
        job.state = state


def time_left(job: Job) -> str:
    """Say in words how long a job will go on: ``about 20 s left``, ``about 3 min left``, or nothing."""
    seconds = job.seconds_left
    if seconds is None:
        return ""
    if seconds < 1:
        return "nearly done"
    if seconds < 90:
        return f"about {max(1, round(seconds / 5) * 5 if seconds > 10 else round(seconds))} s left"
    return f"about {round(seconds / 60)} min left"
