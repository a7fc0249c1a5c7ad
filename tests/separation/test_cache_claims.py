"""Claims on the cache, removing and pruning: nobody's work is done twice or taken away."""

import os
import threading
import time
from collections.abc import Callable

import pytest
from cache_worker import FACTS, KEY, make_stems

from cadenza_core.errors import Cancelled
from cadenza_core.progress import silent
from cadenza_core.separation import Cache, CacheEntry


def with_version(version: int) -> dict[str, object]:
    return {**FACTS, "identity": {"version": version}}


def never(done: float, text: str) -> None:
    raise AssertionError(f"somebody else has it: {text}")


def hold(cache: Cache, inside: threading.Event, go: threading.Event, progress: Callable[[float, str], None]) -> None:
    with cache.claim(KEY, progress):
        inside.set()
        assert go.wait(30)


@pytest.mark.parametrize("shared", [True, False], ids=["one Cache object", "two Cache objects"])
def test_two_threads_exclude_each_other_and_the_second_shows_that_it_waits(cache: Cache, shared: bool) -> None:
    other = cache if shared else Cache(cache.folder)
    inside = threading.Event(), threading.Event()
    go = threading.Event(), threading.Event()
    waiting = threading.Event()
    texts = []

    def show(done: float, text: str) -> None:
        texts.append(text)
        waiting.set()

    first = threading.Thread(target=hold, args=(cache, inside[0], go[0], never))
    second = threading.Thread(target=hold, args=(other, inside[1], go[1], show))
    first.start()
    assert inside[0].wait(30)
    second.start()
    assert waiting.wait(30)
    assert not inside[1].is_set()
    go[0].set()
    assert inside[1].wait(30)
    go[1].set()
    first.join(30)
    second.join(30)
    assert all(text.startswith("waiting: another process") for text in texts)


def test_waiting_can_be_cancelled_and_leaves_the_claim_with_its_holder(cache: Cache) -> None:
    inside, go = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(cache, inside, go, never))
    holder.start()
    assert inside.wait(30)

    def cancel(done: float, text: str) -> None:
        raise Cancelled("stopped")

    for _ in range(2):  # the second shows that the first did not set the lock free
        with pytest.raises(Cancelled), cache.claim(KEY, cancel):
            pytest.fail("it was claimed twice")
    go.set()
    holder.join(30)
    with cache.claim(KEY, never):
        pass


def test_other_keys_are_free(cache: Cache) -> None:
    with cache.claim(KEY, never), cache.claim("b" * 64, never):
        pass


def test_claim_is_released_after_an_error_and_what_a_killed_run_left_is_swept(cache: Cache) -> None:
    with pytest.raises(RuntimeError), cache.claim(KEY, never):
        raise RuntimeError
    left = cache.folder / f".partial-{KEY}-0123"
    left.mkdir()
    (left / "vocals.wav").write_bytes(b"half")
    with cache.claim(KEY, never):
        assert not left.exists()


def test_progress_that_fails_while_waiting_is_not_taken_for_a_full_disk(cache: Cache) -> None:
    inside, go = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(cache, inside, go, never))
    holder.start()
    assert inside.wait(30)

    def closed_terminal(done: float, text: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError), cache.claim(KEY, closed_terminal):
        pytest.fail("it was claimed twice")
    go.set()
    holder.join(30)


# Removing and pruning


def test_remove_while_claimed_is_refused(cache: Cache, entry: CacheEntry) -> None:
    with Cache(cache.folder).claim(KEY, silent):
        assert not cache.remove(entry)
        assert cache.prune(max_bytes=0) == []
        assert cache.get(KEY) is not None
    assert cache.remove(entry)
    assert cache.get(KEY) is None
    assert {path.name for path in cache.folder.iterdir()} == {".locks"}


def test_removing_what_somebody_else_removed_is_no_error(cache: Cache, entry: CacheEntry) -> None:
    assert cache.remove(entry)
    assert cache.remove(entry)


def test_remove_after_a_removal_that_was_killed(cache: Cache, entry: CacheEntry) -> None:
    left = cache.folder / f".partial-{KEY}-removed"
    left.mkdir()
    (left / "vocals.wav").write_bytes(b"half deleted")
    assert cache.remove(entry)


def fill(cache: Cache, ages: list[float]) -> list[str]:
    """Store one entry for each age in days; give their keys."""
    keys = []
    for version, age in enumerate(ages):
        put = cache.put(with_version(version), make_stems(seed=version), {})
        used = time.time() - age * 86400
        os.utime(put.folder / "manifest.json", (used, used))
        keys.append(put.key)
    return keys


def test_prune_by_age_counts_from_the_last_use(cache: Cache) -> None:
    keys = fill(cache, [1, 40, 20, 60])
    assert cache.get(keys[1]) is not None  # used now
    assert {gone.key for gone in cache.prune(max_age=10 * 86400)} == {keys[2], keys[3]}
    assert {left.key for left in cache.entries()} == {keys[0], keys[1]}


def test_prune_by_size_takes_the_least_recently_used_first_and_no_more_than_needed(cache: Cache) -> None:
    keys = fill(cache, [3, 1, 4, 2])
    size = cache.entries()[0].size()
    gone = cache.prune(max_bytes=int(2.5 * size))
    assert [entry.key for entry in gone] == [keys[2], keys[0]]
    assert [entry.key for entry in cache.entries()] == [keys[3], keys[1]]
    assert cache.prune(max_bytes=int(2.5 * size)) == []


def test_prune_without_limits_only_sweeps(cache: Cache, entry: CacheEntry) -> None:
    for name in (f".partial-{'c' * 64}-0123", ".partial-probe-0123"):
        (cache.folder / name).mkdir()
    (cache.folder / ".partial-file").write_bytes(b"")
    assert cache.prune() == []
    assert {path.name for path in cache.folder.iterdir()} == {KEY, ".locks"}


def test_prune_leaves_what_somebody_is_just_writing(cache: Cache) -> None:
    with Cache(cache.folder).claim(KEY, silent):
        half = cache.folder / f".partial-{KEY}-0123"
        half.mkdir()
        cache.prune(max_bytes=0)
        assert half.is_dir()


def test_prune_of_entries_that_vanish_meanwhile(
    cache: Cache, entry: CacheEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CacheEntry(cache.folder / ("d" * 64))
    monkeypatch.setattr(cache, "entries", lambda: [other, entry])
    cache.prune(max_bytes=0, max_age=0)
    assert not entry.folder.exists()


def test_prune_leaves_other_peoples_folders_alone(cache: Cache, entry: CacheEntry) -> None:
    """The folder is ours, but deleting what we did not make cannot be undone."""
    (cache.folder / "my recordings").mkdir()
    cache.prune(max_bytes=0)
    assert (cache.folder / "my recordings").is_dir()
    assert cache.entries() == []


def test_a_cache_that_is_not_there_is_empty(cache: Cache) -> None:
    assert cache.entries() == []
    assert cache.get(KEY) is None
    assert cache.prune(max_bytes=0) == []
