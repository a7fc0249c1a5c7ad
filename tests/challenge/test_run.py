"""Who gets which task, what happens when workers die, and that a run can be stopped: with workers in this process."""

import os
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from cadenza_core.challenge import LocalPool, Plan, RunFolder, run, status_of
from cadenza_core.challenge.plan import Group, Unit
from cadenza_core.challenge.pool import Pool
from cadenza_core.challenge.tasks import Outcome, Task
from cadenza_core.errors import CadenzaError, Cancelled


@dataclass(frozen=True)
class Work:
    title: str

    def ready(self) -> None:
        pass

    def run(self) -> dict[str, Any]:
        return {}


@dataclass
class Stage:
    """Workers that do one task after the other, each as `play` says; the default is that it is done."""

    names: tuple[str, ...]
    play: dict[str, list[Outcome]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    closed: bool = False
    ends_at_once: bool = True

    def __post_init__(self) -> None:
        self.busy: dict[str, Task] = {}
        self.turn = deque(self.names)

    def start(self, first: Task) -> list[str]:
        return ["a note"]

    def free(self) -> list[str]:
        return [name for name in self.names if name not in self.busy]

    def size(self) -> int:
        return len(self.names)

    def submit(self, worker: str, task: Task) -> None:
        assert worker not in self.busy
        self.busy[worker] = task
        self.log.append((worker, task.title))

    def wait(self, seconds: float) -> list[tuple[str, Task, Outcome]]:
        for _ in self.names:
            self.turn.rotate(-1)
            if self.turn[0] in self.busy:
                task = self.busy.pop(self.turn[0])
                outcomes = self.play.get(task.title, [])
                return [(self.turn[0], task, outcomes.pop(0) if outcomes else Outcome("done"))]
        return []

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self.closed = True


def plan(tmp_path, songs: dict[str, int], *, prepare: bool = True, **options: Any) -> Plan:
    groups = []
    for song, count in songs.items():
        units = tuple(Unit((song, f"L{n}"), Work(f"{song}{n}")) for n in range(count))
        groups.append(Group(song, 10.0, Work(f"prepare {song}") if prepare else None, units))
    return Plan("enhance", RunFolder(tmp_path / "challenge"), {"set": "valid"}, {}, tuple(groups), **options)


def test_a_worker_stays_with_its_song_and_helps_where_most_is_left(tmp_path):
    stage = Stage(("one", "two"))
    summary = run(plan(tmp_path, {"A": 2, "B": 6}), stage)
    assert summary.is_complete and stage.closed
    mine = {name: [title for worker, title in stage.log if worker == name] for name in stage.names}
    assert mine["one"][:3] == ["prepare A", "A0", "A1"]
    assert mine["two"][0] == "prepare B"
    assert all(title.startswith("B") for title in (*mine["one"][3:], *mine["two"][1:]))
    assert len(mine["one"]) > 3  # it helped
    assert sum(title.startswith("prepare") for _, title in stage.log) == 2


def test_songs_are_prepared_one_at_a_time_where_one_device_does_it(tmp_path):
    stage = Stage(("one", "two", "three"))
    run(plan(tmp_path, {"A": 1, "B": 1, "C": 1}, preparing=1), stage)
    preparing = 0
    for worker, title in stage.log:
        if title.startswith("prepare"):
            assert all(not task.title.startswith("prepare") for task in stage.busy.values()), worker
            preparing += 1
    assert preparing == 3


def test_a_task_whose_worker_dies_is_given_to_another_but_not_for_ever(tmp_path):
    died = Outcome("lost", {}, "its worker process ended: by SIGKILL")
    stage = Stage(("one", "two"), {"A0": [died, died], "A1": [died] * 3, "prepare B": [died]})
    told = []
    summary = run(plan(tmp_path, {"A": 3, "B": 1}), stage, events=told.append)
    assert summary.done == 3
    assert summary.failed == {("A", "L1"): "its worker process ended: by SIGKILL; 3 times"}
    assert [event["event"] for event in told].count("lost") == 4
    assert status_of(RunFolder(tmp_path / "challenge")).failed == summary.failed


def test_a_song_that_cannot_be_prepared_fails_its_pairs_only(tmp_path):
    stage = Stage(("one",), {"prepare A": [Outcome("failed", {}, "the file is damaged")]})
    summary = run(plan(tmp_path, {"A": 2, "B": 2}), stage)
    assert summary.done == 2
    assert set(summary.failed) == {("A", "L0"), ("A", "L1")}
    assert summary.failed["A", "L0"] == "the song could not be prepared: the file is damaged"


@pytest.mark.parametrize("state", ["stop", "unfit"])
def test_what_stops_all_stops_the_run_with_its_sentence(tmp_path, state):
    stage = Stage(("one",), {"A1": [Outcome(state, {}, "the disk is full")]})
    with pytest.raises(CadenzaError, match="The disk is full"):
        run(plan(tmp_path, {"A": 4}), stage)
    assert stage.closed
    found = status_of(RunFolder(tmp_path / "challenge"))
    assert (found.done, found.left, found.is_active, found.failed) == (1, 3, False, {})
    again = Stage(("one",))
    assert run(plan(tmp_path, {"A": 4}), again).before == 1
    assert [title for _, title in again.log] == ["prepare A", "A1", "A2", "A3"]


def test_cancelling_keeps_what_is_done_and_stops_the_workers(tmp_path):
    stage = Stage(("one",))
    shares = []

    def stop(share: float, text: str) -> None:
        shares.append((share, text))
        if share >= 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(plan(tmp_path, {"A": 4}), stage, progress=stop)
    assert stage.closed
    assert status_of(RunFolder(tmp_path / "challenge")).done == 2
    assert shares[0] == (0.0, "0 of 4, separating A")
    assert shares[-1] == (0.5, "2 of 4")


@pytest.mark.parametrize("ends_at_once", [True, False])
def test_stopping_sweeps_what_stopped_workers_had_begun_and_leaves_what_others_still_write(tmp_path, ends_at_once):
    stage = Stage(("one",), ends_at_once=ends_at_once)
    half = tmp_path / "L1" / ".partial-0a.flac"
    half.parent.mkdir()
    half.write_bytes(b"fLaC")

    def stop(share: float, text: str) -> None:
        if share > 0:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(plan(tmp_path, {"A": 4}, prepare=False, place=lambda key: tmp_path / key[1]), stage, progress=stop)
    assert half.exists() != ends_at_once


def test_nothing_to_do_starts_no_worker(tmp_path):
    stage = Stage(("one",))
    run(plan(tmp_path, {"A": 1}), stage)
    idle = Stage(("one",))
    summary = run(plan(tmp_path, {"A": 1}), idle)
    assert (summary.before, summary.done, idle.log) == (1, 0, [])


def test_a_larger_plan_goes_on_with_what_a_smaller_one_did(tmp_path):
    run(plan(tmp_path, {"A": 2}), Stage(("one",)))
    stage = Stage(("one",))
    summary = run(plan(tmp_path, {"A": 3, "B": 1}), stage)
    assert (summary.before, summary.done, summary.total) == (2, 2, 4)
    assert [title for _, title in stage.log] == ["prepare A", "A2", "prepare B", "B0"]


def test_status_knows_what_is_running_and_how_long_it_takes(tmp_path):
    seen = []

    def look(share: float, text: str) -> None:
        seen.append(status_of(RunFolder(tmp_path / "challenge")))

    run(plan(tmp_path, {"A": 6}, prepare=False), Stage(("one",)), progress=look)
    assert [one.is_active for one in seen] == [True] * len(seen)
    assert set(seen[0].running) == {("A", "L0")}
    assert seen[4].done == 4 and seen[4].left == 2
    assert seen[4].seconds_left >= 0
    over = status_of(RunFolder(tmp_path / "challenge"))
    assert (over.done, over.left, over.running, over.is_active, over.seconds_left) == (6, 0, {}, False, 0.0)


def test_pools_are_interchangeable():
    pool: Pool = LocalPool(2)
    assert pool.size() == 2 and pool.free() == ["worker 1", "worker 2"]
    pool.close()
    with pytest.raises(CadenzaError, match="-1 workers"):
        LocalPool(-1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals")
@pytest.mark.parametrize(
    ("deaths", "last", "starts", "state"),
    [
        (1, "os.kill(os.getpid(), 9)", 2, "done"),
        (9, "os.kill(os.getpid(), 9)", 3, "stop"),
        (9, "os._exit(3)", 1, "stop"),
    ],
)
def test_a_worker_killed_before_it_is_ready_is_started_again(deaths, last, starts, state, tmp_path, monkeypatch):
    """In a fresh Python `sitecustomize` is what runs first; there the process ends, so and so often."""
    log = tmp_path / "log"
    program = f"import os\nopen({str(log)!r}, 'a').write('x')\nif os.stat({str(log)!r}).st_size <= {deaths}: {last}\n"
    (tmp_path / "sitecustomize.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = LocalPool(1)
    pool.submit("worker 1", Work("any"))
    ((_, _, outcome),) = pool.wait(60)
    pool.close()
    assert (outcome.state, log.stat().st_size) == (state, starts)
    reason = "with status 3." if "exit" in last else "by SIGKILL: killed, perhaps because the memory was used up."
    assert outcome.message == ("" if state == "done" else f"A worker process could not be started: {reason}")
