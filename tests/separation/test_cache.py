"""The cache by itself: what is stored comes back, whole or not at all, and only where there is room."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cache_worker import FACTS, KEY, make_stems, same

from cadenza_core.audio import RATE, STEMS
from cadenza_core.errors import CadenzaError
from cadenza_core.separation import Cache, CacheEntry
from cadenza_core.separation import cache as module
from cadenza_core.separation.cache import cache_key, check_length
from tests.memory import peak_memory


def never(done: float, text: str) -> None:
    raise AssertionError(f"somebody else has it: {text}")


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


def read(folder: Path) -> None:
    entry = Cache(folder).get(KEY)
    assert entry is not None
    entry.stems()


def test_reading_needs_no_second_copy_in_memory(cache: Cache) -> None:
    stems = make_stems(500_000)
    cache.put(FACTS, stems, {})
    assert peak_memory(read, cache.folder) < 1.1 * sum(stem.nbytes for stem in stems.values())


@pytest.mark.parametrize("frames", [1, 65535, 65536, 65537])
def test_reading_in_blocks_loses_no_sample_at_their_edges(frames: int, cache: Cache) -> None:
    stems = make_stems(frames)
    entry = cache.put(FACTS, stems, {})
    assert same(entry.stems(), stems)
    assert np.array_equal(entry.stems(frames // 2)["bass"], stems["bass"][:, frames // 2 :])


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
