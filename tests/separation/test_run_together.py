"""Separating through the cache from several threads and processes at once, killed ones among them, and on bad disks.

The other processes are `cache_worker.py`.
"""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cache_worker as worker
import numpy as np
import pytest
import soundfile

from cadenza_core.audio import STEMS
from cadenza_core.separation import Cache


def entries(folder: Path) -> list[Path]:
    return [entry.folder for entry in Cache(worker.settings_in(folder).cache).entries()]


def right(made: Any, folder: Path) -> bool:
    expected = soundfile.read(folder / "song.wav", dtype="float32")[0].T
    return all(np.array_equal(made.stems[name], np.float32(worker.SHARES[name]) * expected) for name in STEMS)


def test_two_threads_of_one_process_do_the_work_once(folder: Path, counting: Any) -> None:
    working, waiting = threading.Event(), threading.Event()
    made = []

    def work() -> None:
        working.set()
        assert waiting.wait(30)

    def show(done: float, text: str) -> None:
        if text.startswith("waiting"):
            waiting.set()

    counting.during = work
    threads = [threading.Thread(target=lambda: made.append(worker.run(folder, show))) for _ in range(2)]
    threads[0].start()
    assert working.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(30)
    assert worker.runs(counting.log) == 1
    assert sorted(one.was_cached for one in made) == [False, True]
    assert all(right(one, folder) for one in made)


def test_waiting_for_a_run_that_fails_does_the_work_itself(folder: Path, counting: Any) -> None:
    working, waiting = threading.Event(), threading.Event()
    first: list[BaseException] = []

    def work() -> None:
        if not working.is_set():
            working.set()
            assert waiting.wait(30)
            raise RuntimeError("the first run breaks")

    def run_first() -> None:
        try:
            worker.run(folder)
        except RuntimeError as error:
            first.append(error)

    counting.during = work
    thread = threading.Thread(target=run_first)
    thread.start()
    assert working.wait(30)
    made = worker.run(folder, lambda done, text: waiting.set() if text.startswith("waiting") else None)
    thread.join(30)
    assert len(first) == 1
    assert not made.was_cached
    assert right(made, folder)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start the worker in another process; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run_worker(mode: str, *prefix: str) -> subprocess.Popen[str]:
        command = [*prefix, sys.executable, worker.__file__, mode, str(folder)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run_worker
    for process in started:
        process.kill()
        process.communicate()


def answers(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_two_processes_at_once_do_the_work_once(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    first = start("hold")
    worker.wait_for(folder / "log")
    second = start("ask")
    worker.wait_for(folder / "waiting")
    (folder / "go").touch()
    assert answers(first) == [{"was_cached": False, "right": True, "notes": []}]
    assert answers(second) == [{"was_cached": True, "right": True, "notes": []}]
    assert worker.runs(folder / "log") == 1


def test_process_killed_while_it_works_sets_the_waiting_one_free(
    folder: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    first = start("hold")
    worker.wait_for(folder / "log")
    second = start("ask")
    worker.wait_for(folder / "waiting")
    first.send_signal(signal.SIGKILL)
    assert answers(second) == [{"was_cached": False, "right": True, "notes": []}]


def test_process_killed_while_storing_leaves_nothing_that_is_taken_for_whole(
    folder: Path, counting: Any, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("stop")
    worker.wait_for(folder / "storing")
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    (left,) = worker.what_is_left(folder)
    assert left.startswith(".partial-")  # the kill came in the middle of storing
    assert entries(folder) == []
    made = worker.run(folder)
    assert not made.was_cached
    assert right(made, folder)
    assert worker.what_is_left(folder) == [made.key]
    assert worker.run(folder).was_cached


def test_process_killed_while_replacing_leaves_the_old_one(
    folder: Path, counting: Any, start: Callable[..., subprocess.Popen[str]]
) -> None:
    worker.run(folder)
    process = start("stop-forced")
    worker.wait_for(folder / "storing")
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    made = worker.run(folder)
    assert made.was_cached
    assert right(made, folder)
    Cache(worker.settings_in(folder).cache).prune()
    assert worker.what_is_left(folder) == [made.key]


def namespace() -> tuple[str, ...]:
    """Give the command that lets a process mount what it likes for itself alone, or skip."""
    command = ("unshare", "--map-root-user", "--mount")
    if not shutil.which("unshare") or not shutil.which("mount"):
        pytest.skip("no unshare or mount here: no disk can be mounted for the test")
    trial = [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    found = subprocess.run(trial, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(f"no disk can be mounted for the test: {found.stderr.strip()}")
    return command


def test_real_read_only_disk(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    prefix = namespace()
    (folder / "home").mkdir()
    hit, miss, remove, prune = answers(start("read-only", *prefix))
    assert hit == {"was_cached": True, "right": True, "notes": []}
    assert "read-only" in miss["error"]
    assert worker.runs(folder / "log") == 1  # the miss failed before the work
    assert "read-only" in remove["error"]
    assert prune["error"] == ""  # there is nothing to sweep


def test_real_full_disk(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    prefix = namespace()
    (folder / "home").mkdir()
    before, runs_before, during, after, again = answers(start("disk-full", *prefix))
    assert "are free" in before["error"]
    assert runs_before == {"runs": 0}  # told before the work
    assert "the disk is full" in during["error"]
    assert after == {"runs": 1, "left": []}
    assert again == {"was_cached": False, "right": True, "notes": []}


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes there")
def test_writing_that_fails_in_the_middle_of_a_stem(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    failed, left, again = answers(start("file-too-large"))
    assert failed["type"] == "CadenzaError"
    assert "Cannot write" in failed["error"]
    assert left == {"left": []}
    assert again == {"was_cached": False, "right": True, "notes": []}
