"""A cache, an entry in it, and a system that counts its runs (`cache_worker.py`, which the tests import by name)."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadenza_core.separation import Cache, CacheEntry, base

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode does not

import cache_worker as worker


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache, not even its folder is there."""
    return Cache(tmp_path / "cache")


@pytest.fixture
def entry(cache: Cache) -> CacheEntry:
    """The one entry of `cache`."""
    return cache.put(worker.FACTS, worker.make_stems(), {"song": "Song"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one song, as the worker wants it."""
    worker.write_song(tmp_path / "song.wav")
    return tmp_path


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Register a system for this test only."""

    def register(system: Any) -> Any:
        monkeypatch.setitem(base._REGISTRY, system.info.id, base._Entry(system.info, lambda settings: system))
        return system

    return register


@pytest.fixture
def counting(folder: Path, offer: Callable[[Any], Any]) -> Any:
    """The counting system, registered."""
    return offer(worker.Counting(folder / "log"))
