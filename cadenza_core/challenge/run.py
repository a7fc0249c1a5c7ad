"""Do what a plan says: give workers their tasks, write the journal, go on where another run has stopped."""

import contextlib
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import CadenzaError, Cancelled
from ..progress import Progress, silent
from .folder import Journal
from .plan import Group, Plan, Unit, agree
from .pool import Pool
from .tasks import Outcome, Task

__all__ = ["Events", "Summary", "new_token", "run"]

Events = Callable[[Mapping[str, Any]], None]
#: How often a task is begun anew because its worker died, before it counts as failed.
ATTEMPTS = 3
_TICK = 0.3
#: Remarks that are told at the end; the journal has all.
_REMARKS = 8


def new_token() -> str:
    """Give a name for one run."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Summary:
    """How a run ended.

    Parameters
    ----------
    total, before, done : int
        Units of the plan; those that were done before it; those it did.
    failed : mapping of (str, str) to str
        Why, for each that is not done.
    notes : tuple of str
        What the user should know; what is said of workers is among the events, at once.
    seconds : float
        Time it took.
    """

    total: int
    before: int
    done: int
    failed: Mapping[tuple[str, str], str]
    notes: tuple[str, ...]
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether all there was to do is done."""
        return not self.failed and self.before + self.done == self.total


def run(
    plan: Plan,
    pool: Pool,
    *,
    retry_failed: bool = False,
    progress: Progress = silent,
    events: Events = lambda _: None,
) -> Summary:
    """Do all that is left of a plan.

    Parameters
    ----------
    plan : Plan
    pool : Pool
        Is closed at the end.
    retry_failed : bool
        Try again what has failed before.
    progress : Progress
        May raise Cancelled: workers are stopped, what is finished is kept.
    events : function
        Gets each event of the journal.

    Raises
    ------
    CadenzaError
        If another run works in the folder, it holds results of different origin, it cannot be written to (or the disk
        becomes full), or there are no workers.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(pool.close)
        stack.enter_context(plan.folder.claim())
        each = agree(plan, plan.folder.plan()) if plan.folder.exists else plan.each
        plan.folder.write_plan(plan.content(each))
        journal = plan.folder.journal()
        stack.callback(journal.close)
        work = _Run(plan, pool, journal, events, progress)
        notes = work.look(retry_failed)
        before = len(work.done)
        try:
            if work.left:
                work.work()
            journal_state = "complete" if not work.failed else "failed"
        except BaseException as error:
            pool.close()
            work.sweep()
            with contextlib.suppress(CadenzaError):  # of a full disk, for one
                message = "stopped" if isinstance(error, Cancelled | KeyboardInterrupt) else str(error)
                work.tell("end", state="stopped", message=message)
            raise
        work.tell("end", state=journal_state, message="")
        notes += work.remarks()
        return Summary(
            len(plan.keys), before, len(work.done) - before, dict(work.failed), tuple(notes), time.monotonic() - began
        )


@dataclass
class _Song:
    """The units of one song that are left."""

    group: Group
    units: deque[Unit]
    state: str = "new"  # preparing, ready
    prepare: Task | None = None


@dataclass
class _Run:
    plan: Plan
    pool: Pool
    journal: Journal
    events: Events
    progress: Progress
    done: set[tuple[str, str]] = field(default_factory=set)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    songs: list[_Song] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.running: dict[str, tuple[_Song, Unit | None]] = {}
        self.at: dict[str, _Song] = {}  # the song that a worker holds
        self.lost: Counter[object] = Counter()
        self.weight = {unit.key: group.seconds for group in self.plan.groups for unit in group.units}
        self.total = sum(self.weight.values()) or 1.0

    @property
    def left(self) -> int:
        """Units that are neither done nor failed nor running."""
        return sum(len(song.units) for song in self.songs)

    def tell(self, event: str, **facts: Any) -> None:
        self.events(self.journal.append(event, **facts))

    def look(self, retry_failed: bool) -> list[str]:
        """Sort what is done, failed and left; give notes."""
        notes = []
        keys = set(self.weight)
        if self.journal.unreadable:
            notes.append(
                f"{self.journal.unreadable} lines of the journal are damaged; what they told is looked for anew"
            )
        total, left = len(keys), 0
        self.tell("start", total=total, workers=self.pool.size())
        stale = 0
        for group in self.plan.groups:
            units: deque[Unit] = deque()
            for unit in group.units:
                event = self.journal.done.get(unit.key)
                if event is not None and self.plan.is_stale(unit.key, event):
                    stale += 1
                    self.tell("again", pair=unit.key, message="the files have changed, or are gone")
                    event = None
                if event is None and unit.key not in self.journal.failed and self.plan.found(unit.key):
                    self.tell("done", pair=unit.key, seconds=0.0, found=True, result={})
                    event = self.journal.done[unit.key]
                if event is not None:
                    self.done.add(unit.key)
                elif unit.key in self.journal.failed and not retry_failed:
                    self.failed[unit.key] = self.journal.failed[unit.key]
                else:
                    units.append(unit)
            if units:
                left += len(units)
                self.songs.append(_Song(group, units, prepare=group.prepare))
        if stale:
            notes.append(f"the files of {stale} of {total} have changed since, or are gone; they are done again")
        if self.failed:
            notes.append(
                f"{len(self.failed)} have failed before and are left as they are; --retry-failed tries them again"
            )
        return notes

    def sweep(self) -> None:
        """Delete what workers that were stopped had begun to write."""
        keys = [unit.key for _, unit in self.running.values() if unit] if self.pool.ends_at_once else []
        for place in filter(None, map(self.plan.place, keys)):
            for left in place.glob(".partial-*"):
                with contextlib.suppress(OSError):
                    left.unlink()

    def remarks(self) -> list[str]:
        """Give what results say of themselves, each once with its number."""
        said = Counter(note for key in self.done for note in self.journal.done[key]["result"].get("notes", ()))
        some = [f"{count} of {len(self.weight)}: {note}" for note, count in said.most_common(_REMARKS)]
        return some + ([f"and {len(said) - _REMARKS} other remarks in the journal"] if len(said) > _REMARKS else [])

    def work(self) -> None:
        """Give out tasks until none is left."""
        first = self.songs[0]
        self._note(self.pool.start(first.prepare or first.units[0].task))
        while self.songs or self.running:
            for worker in self.pool.free():
                self._give(worker)
            self._show()
            for worker, _, outcome in self.pool.wait(_TICK):
                song, unit = self.running.pop(worker)
                if unit is None:
                    self._prepared(worker, song, outcome)
                else:
                    self._ended(worker, song, unit, outcome)
            self._note(self.pool.notes())
        self._show()

    def _note(self, notes: list[str]) -> None:
        for note in notes:
            self.tell("note", message=note)

    def _give(self, worker: str) -> None:
        """Give a worker something to do: of the song that it holds, else of a song that nobody is at, else help."""
        song = self.at.get(worker)
        if song is None or song.state != "ready" or not song.units:
            song = self._next_song()
        if song is None:
            return
        self.at[worker] = song
        if song.state == "new" and song.prepare is not None:
            song.state = "preparing"
            self.running[worker] = (song, None)
            self.tell("prepare", song=song.group.song, worker=worker)
            self.pool.submit(worker, song.prepare)
            return
        song.state = "ready"
        unit = song.units.popleft()
        self.running[worker] = (song, unit)
        self.tell("begin", pair=unit.key, worker=worker)
        self.pool.submit(worker, unit.task)

    def _next_song(self) -> _Song | None:
        self.songs = [song for song in self.songs if song.units or song.state == "preparing"]
        at_it = sum(song.state == "preparing" for song in self.songs)
        may_prepare = not self.plan.preparing or at_it < self.plan.preparing
        new = (song for song in self.songs if song.state == "new" and (song.prepare is None or may_prepare))
        if (song := next(new, None)) is not None:
            return song
        ready = [song for song in self.songs if song.state == "ready" and song.units]
        return max(ready, key=lambda song: len(song.units), default=None)

    def _prepared(self, worker: str, song: _Song, outcome: Outcome) -> None:
        name = song.group.song
        facts = {"song": name, "state": outcome.state, "seconds": round(outcome.seconds, 3), "message": outcome.message}
        self.tell("prepared", worker=worker, **facts, result=dict(outcome.result))
        self._stop_if_hopeless(outcome)
        if outcome.state == "done":
            song.state = "ready"
        elif outcome.state == "lost" and self._again(name):
            song.state = "new"
        else:
            while song.units:
                self._fail(song.units.popleft(), f"the song could not be prepared: {self._reason(outcome)}")
            song.state = "ready"

    def _ended(self, worker: str, song: _Song, unit: Unit, outcome: Outcome) -> None:
        if outcome.state == "done":
            seconds = round(outcome.seconds, 3)
            self.tell("done", pair=unit.key, seconds=seconds, worker=outcome.worker, result=dict(outcome.result))
            self.done.add(unit.key)
            return
        self._stop_if_hopeless(outcome)
        if outcome.state == "lost" and self._again(unit.key):
            self.tell("lost", pair=unit.key, worker=worker, message=outcome.message)
            song.units.appendleft(unit)
            if song not in self.songs:
                self.songs.append(song)
        else:
            self._fail(unit, self._reason(outcome))

    def _again(self, what: object) -> bool:
        self.lost[what] += 1
        return self.lost[what] < ATTEMPTS

    @staticmethod
    def _reason(outcome: Outcome) -> str:
        return f"{outcome.message}; {ATTEMPTS} times" if outcome.state == "lost" else outcome.message

    @staticmethod
    def _stop_if_hopeless(outcome: Outcome) -> None:
        if outcome.state in {"stop", "unfit"}:
            raise CadenzaError(outcome.message[:1].upper() + outcome.message[1:])

    def _fail(self, unit: Unit, message: str) -> None:
        self.tell("failed", pair=unit.key, message=message)
        self.failed[unit.key] = message

    def _show(self) -> None:
        over = [*self.done, *self.failed]
        share = sum(self.weight[key] for key in over) / self.total
        words = [f"{len(self.done)} of {len(self.weight)}"]
        if self.failed:
            words.append(f"{len(self.failed)} failed")
        preparing = [song.group.song for song, unit in self.running.values() if unit is None]
        if preparing:
            words.append(
                f"separating {preparing[0]}" + (f" and {len(preparing) - 1} more" if len(preparing) > 1 else "")
            )
        if not self.running and self.songs:
            words.append("waiting for workers")
        self.progress(min(share, 1.0), ", ".join(words))
