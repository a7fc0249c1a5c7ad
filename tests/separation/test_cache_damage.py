"""Entries of the cache that are not what was stored: never given, always told, and replaceable."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_worker import FACTS, KEY, make_stems

from cadenza_core.errors import CadenzaError
from cadenza_core.separation import Cache, CacheEntry


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
