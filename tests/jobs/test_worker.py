"""Background jobs: one for each key, cancelled inside the work, errors as sentences."""

import os
import sys
import threading

import pytest

from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.jobs import Job, Jobs, time_left


@pytest.fixture
def jobs():
    running = Jobs(threads=2)
    yield running
    running.close()


def wait(job):
    for _ in range(1000):
        if not job.is_active:
            return job
        threading.Event().wait(0.01)
    raise AssertionError(f"{job.title} did not end")


class Gate:
    """Work that stands still until it is let go, and looks whether it shall stop."""

    def __init__(self):
        self.started, self.go, self.runs = threading.Event(), threading.Event(), 0

    def __call__(self, progress):
        self.runs += 1
        self.started.set()
        while not self.go.wait(0.005):
            progress(0.5, "halfway")
        return "result"


def test_two_who_ask_for_the_same_share_one_job_and_its_result(jobs):
    gate = Gate()
    one = jobs.submit("key", "Work", gate, owner="a")
    other = jobs.submit("key", "Work", gate, owner="b")
    assert one is other
    gate.go.set()
    assert wait(one).result == "result"
    assert jobs.submit("key", "Work", gate, owner="c") is one
    assert gate.runs == 1


def test_progress_is_recorded_and_never_goes_back(jobs):
    def work(progress):
        progress(0.6, "far")
        progress(0.2, "still far")

    job = wait(jobs.submit("key", "Work", work))
    assert (job.state, job.share) == ("done", 1.0)
    record = Job("key", "Work", state="running", began=1.0)
    record.show(0.6, "far")
    record.show(0.2, "again")
    assert (record.share, record.text) == (0.6, "again")


def test_a_job_goes_on_while_another_owner_wants_it_and_stops_with_the_last(jobs):
    gate = Gate()
    job = jobs.submit("key", "Work", gate, owner="a")
    jobs.submit("key", "Work", gate, owner="b")
    assert gate.started.wait(5)
    jobs.release("key", "a")
    assert job.is_active and not job.stop.is_set()
    jobs.release("key", "b")
    assert wait(job).state == "cancelled"


def test_an_owner_who_was_not_seen_for_long_does_not_keep_a_job_alive(jobs):
    gate = Gate()
    job = jobs.submit("key", "Work", gate, owner="closed tab")
    jobs.submit("key", "Work", gate, owner="a")
    job.owners["closed tab"] -= 1000
    jobs.touch("key", "a")
    jobs.release("key", "a")
    assert wait(job).state == "cancelled"


def test_a_cancelled_or_failed_job_begins_anew_when_asked_again(jobs):
    gate = Gate()
    first = jobs.submit("key", "Work", gate)
    assert gate.started.wait(5)
    jobs.cancel("key")
    second = jobs.submit("key", "Work", gate)
    assert second is not first
    assert wait(first).state == "cancelled"
    gate.go.set()
    assert wait(second).state == "done"


def test_a_waiting_job_is_cancelled_without_running(jobs):
    gates = [Gate(), Gate()]
    for number, gate in enumerate(gates):
        jobs.submit(f"busy {number}", "Work", gate)
        assert gate.started.wait(5)
    never = Gate()
    job = jobs.submit("late", "Work", never)
    jobs.cancel("late")
    assert job.state == "cancelled"
    for gate in gates:
        gate.go.set()
    assert wait(jobs.submit("after", "Work", lambda progress: 1)).result == 1
    assert never.runs == 0


def test_the_most_urgent_begins_first():
    jobs, gate, order = Jobs(threads=1), Gate(), []
    jobs.submit("busy", "Work", gate)
    assert gate.started.wait(5)
    late = jobs.submit("rest", "Work", lambda progress: order.append("rest"), urgency=5)
    jobs.submit("excerpt", "Work", lambda progress: order.append("excerpt"), urgency=0)
    gate.go.set()
    wait(late)
    assert order == ["excerpt", "rest"]
    jobs.close()


def test_errors_are_kept_as_sentences(jobs):
    def unlucky(progress):
        raise CadenzaError("The disk is full. Free some space.")

    def faulty(progress):
        raise ZeroDivisionError("division by zero")

    assert wait(jobs.submit("a", "A", unlucky)).error == "The disk is full. Free some space."
    failed = wait(jobs.submit("b", "Separating", faulty))
    assert failed.state == "failed"
    assert failed.error.startswith("Separating failed unexpectedly (ZeroDivisionError).")
    assert "Traceback" not in failed.error


def test_cancel_reaches_the_work_as_an_exception():
    job = Job("key", "Work", state="running")
    job.stop.set()
    with pytest.raises(Cancelled):
        job.show(0.5, "")


def test_time_left_in_words(monkeypatch):
    monkeypatch.setattr("cadenza_core.jobs.worker.time.monotonic", lambda: 120.0)
    job = Job("key", "Work", state="running", began=100.0, share=0.5, moved=120.0)
    assert time_left(job) == "about 20 s left"
    job.share = 0.1
    assert time_left(job) == "about 3 min left"
    job.moved = 100.1
    assert time_left(job) == ""


def test_forgotten_are_only_finished_jobs(jobs, monkeypatch):
    monkeypatch.setattr("cadenza_core.jobs.worker._REMEMBERED", 3)
    gate = Gate()
    busy = jobs.submit("busy", "Work", gate)
    for number in range(8):
        wait(jobs.submit(f"quick {number}", "Work", lambda progress: None))
    assert jobs.get("busy") is busy
    assert len(list(jobs)) <= 5
    gate.go.set()


def _waiting_behind(jobs, *asked):
    """Submit (key, owner, urgency) behind one job that stands still; give the order in which they are then done."""
    gate, order = Gate(), []
    jobs.submit("busy", "Work", gate, owner="x")
    assert gate.started.wait(5)
    for key, owner, urgency in asked:
        jobs.submit(key, "Work", lambda progress, key=key: order.append(key), owner=owner, urgency=urgency)
    places = [jobs.place(key) for key, _, _ in asked]
    gate.go.set()
    for key, _, _ in asked:
        wait(jobs.get(key))
    jobs.close()
    return order, places


def test_owners_take_turns_whoever_asked_for_much_first():
    asked = [("a1", "a", 1), ("a2", "a", 1), ("a3", "a", 1), ("b1", "b", 1)]
    order, _ = _waiting_behind(Jobs(threads=1), *asked)
    assert order.index("b1") <= 1
    assert [key for key in order if key[0] == "a"] == ["a1", "a2", "a3"]


def test_the_place_in_the_queue_is_the_order_so_far():
    asked = [("late", "a", 5), ("soon", "b", 0), ("next", "c", 1)]
    order, places = _waiting_behind(Jobs(threads=1), *asked)
    assert order == ["soon", "next", "late"]
    assert places == [3, 1, 2]


def test_who_has_something_running_comes_after_who_has_not():
    jobs, first, second, order = Jobs(threads=2), Gate(), Gate(), []
    jobs.submit("a-runs", "Work", first, owner="a:1")
    jobs.submit("b-runs", "Work", second, owner="b:1")
    assert first.started.wait(5) and second.started.wait(5)
    jobs.submit("a-urgent", "Work", lambda progress: order.append("a"), owner="a:2", urgency=0)
    jobs.submit("c-late", "Work", lambda progress: order.append("c"), owner="c:1", urgency=9)
    assert (jobs.place("c-late"), jobs.place("a-urgent")) == (1, 2)  # another tab of a's is still a
    second.go.set()
    wait(jobs.get("a-urgent"))
    assert order == ["c", "a"]
    first.go.set()
    jobs.close()


def test_work_of_a_kind_is_done_one_at_a_time_and_lets_other_work_pass():
    jobs, first, second = Jobs(threads=3), Gate(), Gate()
    jobs.submit("heavy 1", "Work", first, owner="a", alone="memory")
    assert first.started.wait(5)
    jobs.submit("heavy 2", "Work", second, owner="b", alone="memory")
    assert wait(jobs.submit("light", "Work", lambda progress: 1, owner="a")).result == 1
    assert wait(jobs.submit("other", "Work", lambda progress: 2, owner="a", alone="another")).result == 2
    assert not second.started.is_set() and jobs.place("heavy 2") == 1
    first.go.set()
    assert second.started.wait(5)
    second.go.set()
    wait(jobs.get("heavy 2"))
    jobs.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
def test_work_gives_way_to_the_threads_that_answer(jobs):
    def niceness(_=None):
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert wait(jobs.submit("nice", "Work", niceness)).result == min(19, niceness() + 10) > niceness()


def test_one_owner_cannot_fill_the_queue(jobs, monkeypatch):
    monkeypatch.setattr("cadenza_core.jobs.worker.MOST_WAITING", 2)
    gates = [Gate() for _ in range(2)]
    for number, gate in enumerate(gates):
        jobs.submit(f"busy {number}", "Work", gate)
        assert gate.started.wait(5)
    for number in range(2):
        jobs.submit(f"waits {number}", "Work", lambda progress: 1, owner=f"a:{number}")
    with pytest.raises(CadenzaError, match="2 of your jobs are waiting"):
        jobs.submit("more", "Work", lambda progress: 1, owner="a:3")
    jobs.submit("other", "Work", lambda progress: 1, owner="b")
    for gate in gates:
        gate.go.set()


def test_a_clock_that_jumps_changes_nothing(jobs, monkeypatch):
    """Daylight saving, a time server, a laptop that wakes: waiting, progress and owners count by the steady clock."""
    import time

    gate = Gate()
    job = jobs.submit("a", "Work", gate, owner="tab")
    assert gate.started.wait(5)
    for years in (10, -10):
        jumped = time.time() + years * 3e7
        monkeypatch.setattr(time, "time", lambda jumped=jumped: jumped)
        jobs.touch("a", "tab")
        assert 0 <= job.seconds < 60 and job.is_active
    gate.go.set()
    assert wait(job).result == "result"
