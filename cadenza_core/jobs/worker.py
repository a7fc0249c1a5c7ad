"""Do long work in threads of this process: progress, time left, cancel, one job for each key.

A page asks for work by a key that names its result (a cache key, the id of a score). Whoever asks for the same key while
it waits, runs or is done gets the same record; pages poll the record, and the work goes on whatever the pages do. A job
that failed or was cancelled is started anew by the next one who asks.

Cancelling is the work's own: the progress callback raises `Cancelled` inside it. A job has owners (browser tabs), who say
now and then that they are still there. It is cancelled when one lets go and no other has been seen for a while.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
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


class Jobs:
    """A few worker threads and the jobs that they do, the most urgent first.

    Parameters
    ----------
    threads : int
        How many jobs run at once.
    """

    def __init__(self, threads: int = 2) -> None:
        self._jobs: dict[str, Job] = {}
        self._queue: list[tuple[int, int, Job]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        for number in range(threads):
            threading.Thread(target=self._run, name=f"cadenza-job-{number}", daemon=True).start()

    def submit(
        self, key: str, title: str, work: Callable[[Progress], Any], *, owner: str = "", urgency: int = 1
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
            Lower ones are started first.
        """
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.state in {"failed", "cancelled"} or (job.is_active and job.stop.is_set()):
                job = self._jobs[key] = Job(key, title, work=work)
                heapq.heappush(self._queue, (urgency, next(self._count), job))
                self._forget()
                self._changed.notify()
            job.owners[owner] = time.monotonic()
            return job

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

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = heapq.heappop(self._queue)[2]
                if job.state != "waiting" or job.work is None:
                    continue
                job.state, job.began, work = "running", time.monotonic(), job.work
            self._do(job, work)

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
