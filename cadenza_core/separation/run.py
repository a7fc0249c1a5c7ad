"""Separate a song with a system, through the cache: the one way in for pages, commands and jobs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from ..audio import Audio, Stems
from ..catalog import WHOLE, Excerpt, Song
from ..errors import CadenzaError, WeightsMissing
from ..progress import Progress, part, silent
from ..settings import Settings
from .base import Separator, SystemInfo, registered
from .cache import Cache, CacheEntry, cache_key, check_length
from .digest import mixture_digest, truth_digest

__all__ = ["Separation", "get_system", "separate", "systems"]


def systems() -> list[SystemInfo]:
    """Give the facts of all systems, in the order of registration."""
    return [entry.info for entry in registered().values()]


def get_system(system_id: str, settings: Settings) -> Separator:
    """Give a system by id; cheap, nothing is loaded.

    Raises
    ------
    CadenzaError
        If there is no such system.
    """
    if system_id not in registered():
        raise CadenzaError(
            f"There is no separation system {system_id!r}. Known are {', '.join(registered())} (`cadenza models`)."
        )
    return registered()[system_id].make(settings)


@dataclass(frozen=True)
class Separation:
    """The stems of a song or excerpt, as one system gives them.

    Parameters
    ----------
    song, excerpt, system :
        What was asked for.
    key : str
        Name in the cache: digest of everything the stems depend on.
    seconds : float
        Time that the separation took when it was made.
    was_cached : bool
        Whether it was there already.
    notes : tuple of str
        What the user should know (resampled, damaged cache replaced, ...).
    """

    song: Song
    excerpt: Excerpt
    system: SystemInfo
    key: str
    seconds: float
    was_cached: bool
    notes: tuple[str, ...]
    entry: CacheEntry | None = None
    _stems: Stems | None = field(default=None, repr=False)

    @cached_property
    def stems(self) -> Stems:
        """All samples of all stems, stereo, at the system's sample rate."""
        if self._stems is not None:
            return self._stems
        assert self.entry is not None
        return self.entry.stems()

    def read(self, start: int, stop: int) -> Stems:
        """Read samples `start` to `stop` of the stems only: what is needed to begin playing."""
        if self.entry is not None:
            return self.entry.stems(start, stop)
        return Stems({name: samples[:, start:stop] for name, samples in self.stems.items()}, self.stems.rate)


def separate(
    song: Song,
    system_id: str,
    settings: Settings,
    excerpt: Excerpt = WHOLE,
    *,
    progress: Progress = silent,
    force: bool = False,
) -> Separation:
    """Separate a song or excerpt, or take the stems from the cache.

    Parameters
    ----------
    song : Song
    system_id : str
    settings : Settings
    excerpt : Excerpt
        Only this part is read and separated.
    progress : Progress
        May raise Cancelled; nothing is stored then (unless the last call does, when all is stored).
    force : bool
        Separate even if it is cached, and replace what is there.

    Raises
    ------
    CadenzaError
        If the system is unknown, its weights are missing (`WeightsMissing`), it is an oracle and the song has no true
        stems, the song cannot be read or is too long to be cached (about 3.4 h), or the cache cannot be written.
    """
    system = get_system(system_id, settings)
    info = system.info
    cache = Cache(settings.cache)
    memory = settings.home / "cache" / "digests"
    facts: dict[str, Any] = {"system": info.id, "identity": _identity(system, progress)}
    frames = _frames(song, excerpt, info.rate)
    if info.cached:
        check_length(frames, info.rate)
    progress(0.0, "reading the song")
    facts["mixture"] = mixture_digest(song, excerpt, memory)
    if info.oracle:
        facts["truth"] = truth_digest(song, excerpt, memory)
    key = cache_key(facts)
    if not info.cached:
        stems, seconds, notes = _run(system, song, excerpt, progress)
        return Separation(song, excerpt, info, key, seconds, False, notes, _stems=stems)
    if not force and (entry := cache.get(key)):
        return _from_entry(song, excerpt, info, entry)
    with cache.claim(key, progress):
        if not force and (entry := cache.get(key)):  # another process made it while this one waited
            return _from_entry(song, excerpt, info, entry)
        damaged = () if force or not CacheEntry(cache.folder / key).folder.exists() else (_DAMAGED,)
        cache.check_room(frames, len(info.stems))
        stems, seconds, notes = _run(system, song, excerpt, part(progress, 0.0, 0.98))
        progress(0.98, "storing")
        about = {"song": song.name, "song_id": song.id, "excerpt": str(excerpt), "seconds": round(seconds, 3)}
        entry = cache.put(facts, stems, {**about, "notes": notes, "device": settings.device})
    progress(1.0, "stored")
    return Separation(song, excerpt, info, key, seconds, False, notes + damaged, entry, stems)


_DAMAGED = "a damaged separation in the cache was thrown away and made anew"


@runtime_checkable
class _HasWeights(Protocol):
    """A system that can fetch its weights before it is asked to separate."""

    def paths(self, progress: Progress) -> object: ...


def _identity(system: Separator, progress: Progress) -> dict[str, Any]:
    """Give a system's identity; weights without a published digest must be there first, so they are fetched."""
    try:
        return dict(system.identity())
    except WeightsMissing:
        if not isinstance(system, _HasWeights):
            raise
        system.paths(progress)
        return dict(system.identity())


def _run(system: Separator, song: Song, excerpt: Excerpt, progress: Progress) -> tuple[Stems, float, tuple[str, ...]]:
    progress(0.0, "reading the song")
    mixture = song.mixture(excerpt).at(system.info.rate)
    truth = song.stems(excerpt) if system.info.oracle else None
    began = time.perf_counter()
    stems = system.separate(mixture, truth=truth, progress=progress)
    seconds = time.perf_counter() - began
    _check_stems(stems, system.info, mixture)
    return stems, seconds, mixture.notes


def _check_stems(stems: Stems, info: SystemInfo, mixture: Audio) -> None:
    frames = mixture.samples.shape[1]
    if sorted(stems) != sorted(info.stems) or stems.length != frames or stems.rate != info.rate:
        raise CadenzaError(
            f"The system {info.id!r} gave {', '.join(stems)} with {stems.length} samples at {stems.rate} Hz; "
            f"{', '.join(info.stems)} with {frames} at {info.rate} Hz were expected. "
            "It is faulty or its registration is wrong."
        )


def _frames(song: Song, excerpt: Excerpt, rate: int) -> int:
    """Give about how many samples a stem will have, from the song's header."""
    stop = song.duration if excerpt.stop is None else min(excerpt.stop, song.duration)
    return round(max(stop - excerpt.start, 0.0) * rate)


def _from_entry(song: Song, excerpt: Excerpt, info: SystemInfo, entry: CacheEntry) -> Separation:
    about: Mapping[str, Any] = entry.manifest["about"]
    seconds, notes = float(about.get("seconds", 0.0)), tuple(about.get("notes", ()))
    return Separation(song, excerpt, info, entry.key, seconds, True, notes, entry)
