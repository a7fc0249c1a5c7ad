"""The cache by itself: whole entries only, claims, damage, pruning."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import RATE, STEMS, Stems
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.progress import silent
from cadenza_core.separation import Cache, CacheEntry
from cadenza_core.separation import cache as module
from cadenza_core.separation.cache import cache_key, check_length

FACTS = {"system": "test", "identity": {"version": 1}, "mixture": "0" * 64}
KEY = cache_key(FACTS)


def make_stems(n: int = 1000, seed: int = 0, rate: int = RATE) -> Stems:
    """Stems with what 16 bit would lose: values beyond full scale, and very small ones."""
    rng = np.random.default_rng(seed)
    return Stems(
        {name: (rng.standard_normal((2, n)) * 10.0 ** rng.integers(-9, 2)).astype("f4") for name in STEMS}, rate
    )


def same(one: Stems, other: Stems) -> bool:
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


def with_version(version: int) -> dict[str, object]:
    return {**FACTS, "identity": {"version": version}}


def never(done: float, text: str) -> None:
    raise AssertionError(f"somebody else has it: {text}")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def entry(cache: Cache) -> CacheEntry:
    return cache.put(FACTS, make_stems(), {"song": "Song"})


# Storing and reading


def test_what_is_stored_comes_back_bit_by_bit(cache: Cache) -> None:
    stems = make_stems()
    put = cache.put(FACTS, stems, {"song": "Song", "notes": ("a", "b")})
    got = cache.get(KEY)
    assert got is not None
    assert got.key == put.key == KEY
    assert same(got.stems(), stems)
    assert (got.rate, got.frames) == (RATE, 1000)
    assert got.manifest["facts"] == FACTS
    assert got.manifest["about"] == {"song": "Song", "notes": ["a", "b"]}
    assert got.fault(thorough=True) == ""
    assert got.size() == sum(file.stat().st_size for file in got.folder.iterdir()) > 4 * 8 * 1000


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (990, None), (500, 501), (990, 5000)])
def test_a_part_is_the_part(entry: CacheEntry, start: int, stop: int | None) -> None:
    part, stems = entry.stems(start, stop), make_stems()
    assert all(np.array_equal(part[name], stems[name][:, start:stop]) for name in STEMS)


def test_an_empty_part_is_a_sentence(entry: CacheEntry) -> None:
    with pytest.raises(CadenzaError, match="empty"):
        entry.stems(5000, 6000)


def test_only_one_stem_at_a_time_is_in_memory_twice(cache: Cache) -> None:
    """Reading must not need twice the memory of the song."""
    import tracemalloc

    cache.put(FACTS, make_stems(500_000), {})
    got = cache.get(KEY)
    assert got is not None
    tracemalloc.start()
    stems = got.stems()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    own = sum(stem.nbytes for stem in stems.values())
    assert peak < 1.4 * own


def test_name_that_is_not_utf8_does_not_lose_the_work(cache: Cache) -> None:
    """A file name in another encoding reaches Python with lone surrogates, which UTF-8 cannot hold."""
    cache.put(FACTS, make_stems(), {"song": "caf\udce9"})
    got = cache.get(KEY)
    assert got is not None
    assert got.manifest["about"]["song"] == "caf\udce9"


def test_nothing_but_the_entry_and_its_lock_is_left(cache: Cache) -> None:
    with cache.claim(KEY, never):
        cache.put(FACTS, make_stems(), {})
    assert {path.name for path in cache.folder.iterdir()} == {KEY, ".locks"}


def test_putting_again_replaces(cache: Cache, entry: CacheEntry) -> None:
    cache.put(FACTS, make_stems(seed=1), {})
    got = cache.get(KEY)
    assert got is not None
    assert same(got.stems(), make_stems(seed=1))
    assert [path.name for path in cache.folder.iterdir()] == [KEY]


def test_failed_replacement_keeps_the_old_one(cache: Cache, entry: CacheEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(2)  # libsndfile knows no errno for a full disk

    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(CadenzaError, match="cannot be written"):
        cache.put(FACTS, make_stems(seed=1), {})
    monkeypatch.undo()
    got = cache.get(KEY)
    assert got is not None
    assert same(got.stems(), make_stems())
    assert [path.name for path in cache.folder.iterdir()] == [KEY]


def test_a_file_in_the_place_of_an_entry_is_replaced(cache: Cache) -> None:
    cache.folder.mkdir()
    (cache.folder / KEY).write_text("in the way")
    assert cache.get(KEY) is None
    cache.put(FACTS, make_stems(), {})
    assert cache.get(KEY) is not None


@pytest.mark.parametrize("change", ["system", "identity", "mixture", "truth"])
def test_key_hangs_on_every_fact(change: str) -> None:
    changed = {**FACTS, change: {"version": 2} if change == "identity" else "x"}
    assert cache_key(changed) != KEY
    assert cache_key(dict(reversed(changed.items()))) == cache_key(changed)


def test_key_is_the_same_tomorrow() -> None:
    """A changed key would make every user's cache worthless: change `_FORMAT` on purpose only."""
    assert KEY == "d5a03f20e8e2fab5d712cf693c64ee26557461d02a9018175f2536989f398099"


# Damage


def truncate(folder: Path) -> None:
    with (folder / "bass.wav").open("r+b") as file:
        file.truncate(3000)


def edit(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated stem": truncate,
    "missing stem": lambda folder: (folder / "vocals.wav").unlink(),
    "longer stem": lambda folder: (folder / "vocals.wav").write_bytes((folder / "vocals.wav").read_bytes() + b"1234"),
    "missing manifest": lambda folder: (folder / "manifest.json").unlink(),
    "empty manifest": lambda folder: (folder / "manifest.json").write_bytes(b""),
    "manifest cut off": lambda folder: (folder / "manifest.json").write_bytes(
        (folder / "manifest.json").read_bytes()[:100]
    ),
    "manifest not UTF-8": lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe"),
    "manifest is a list": lambda folder: (folder / "manifest.json").write_text("[1]"),
    "manifest is a folder": lambda folder: ((folder / "manifest.json").unlink(), (folder / "manifest.json").mkdir()),
    "rate is a text": edit(rate="44100 Hz"),
    "no frames": edit(frames=None),
    "no stems": edit(stems={}),
    "stems are a list": edit(stems=["vocals"]),
    "stems without facts": edit(stems={"vocals": 3}),
    "about is a list": edit(about=[]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_entry_is_not_given_and_its_fault_is_told(name: str, cache: Cache, entry: CacheEntry) -> None:
    DAMAGE[name](entry.folder)
    assert cache.get(KEY) is None
    fault = CacheEntry(entry.folder).fault()
    assert fault
    assert "\n" not in fault
    assert [found.key for found in cache.entries()] == [KEY]
    assert CacheEntry(entry.folder).used() >= 0.0
    assert CacheEntry(entry.folder).size() >= 0


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_entry_can_be_pruned_removed_and_replaced(name: str, cache: Cache, entry: CacheEntry) -> None:
    DAMAGE[name](entry.folder)
    cache.put(FACTS, make_stems(), {})
    assert cache.get(KEY) is not None
    DAMAGE[name](entry.folder)
    assert cache.remove(CacheEntry(entry.folder))
    cache.put(FACTS, make_stems(), {})
    DAMAGE[name](entry.folder)
    assert [gone.key for gone in cache.prune(max_bytes=0)] == [KEY]
    assert cache.entries() == []


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("offset", [-1, 4000, 200])
def test_changed_byte_of_a_stem_is_found_by_the_thorough_check(entry: CacheEntry, offset: int) -> None:
    flip(entry.path("drums"), offset)
    assert entry.fault() == ""
    assert "drums.wav" in entry.fault(thorough=True)


def test_renamed_entry_is_found_by_the_thorough_check(cache: Cache, entry: CacheEntry) -> None:
    entry.folder.rename(cache.folder / ("a" * 64))
    assert "name" in cache.entries()[0].fault(thorough=True)


@pytest.mark.parametrize("change", [{"frames": 999}, {"rate": 48000}])
def test_manifest_that_does_not_fit_the_stems_is_found(entry: CacheEntry, change: dict[str, int]) -> None:
    edit(**change)(entry.folder)
    changed = CacheEntry(entry.folder)
    assert "length and rate" in changed.fault(thorough=True)
    with pytest.raises(CadenzaError, match=r"damaged.*cache verify --remove"):
        changed.stems()


@pytest.mark.parametrize("name", ["truncated stem", "missing stem"])
def test_damage_after_the_check_is_a_sentence_not_a_shorter_song(name: str, entry: CacheEntry) -> None:
    assert entry.fault() == ""
    DAMAGE[name](entry.folder)
    with pytest.raises(CadenzaError, match=r"damaged.*cache verify --remove"):
        entry.stems()


# Room


def test_stems_must_fit_into_wav_files() -> None:
    most = (2**32 - 4096) // 8
    check_length(most, RATE)
    with pytest.raises(CadenzaError, match=r"3\.38 h.*more than 4 GiB.*3\.38 h is the most. Choose an excerpt"):
        check_length(most + 1, RATE)


def test_room_is_checked_against_the_disk(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(Path("/"))
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=42_000_000))
    cache.check_room(1_000_000, 4)
    with pytest.raises(CadenzaError, match=r"needs 65 MB .* 42 MB are free.*cache prune"):
        cache.check_room(2_000_000, 4)
    assert list(cache.folder.iterdir()) == []


def test_room_is_refused_where_nothing_can_be_written(cache: Cache) -> None:
    cache.folder.write_text("a file is in the place of the folder")
    with pytest.raises(CadenzaError, match="Cannot write"):
        cache.check_room(1000, 4)


# Claims


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
