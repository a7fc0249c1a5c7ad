"""Background jobs: one for each key, cancelled inside the work, errors as sentences."""

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
