"""What a worker does: separate a song, write a pair's files, score a pair. The same in all places.

A task is a small frozen object that a process of this machine or of a cluster gets, with all it needs in it. Doing it twice
gives the same files and numbers. What the pairs of one song have in common (its stems, transformed; its references,
resampled) is made once by each worker and held until the next song.
"""

import contextlib
import errno
import hashlib
import json
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from clarity.utils.audiogram import Listener

from .. import __version__
from ..audio import RATE
from ..catalog import WHOLE, Excerpt, Song
from ..catalog.segments import Segments
from ..errors import CadenzaError
from ..hearing import NFIR, Compressor, Spectra, amplify, ear_of, nalr_filter
from ..quality import StemReference, engine_by_name, score_against, stem_references, warm_up
from ..quality.scores import HAAQI_RATE
from ..remix import EARS, UNITY, Gains, ear_stems
from ..separation import get_system, load_local, separate
from ..settings import Settings
from ..submission import STEM_NAMES, PairWriter, pair_folder, read_stem
from ..submission.layout import pair_file, scale_path

__all__ = [
    "Enhance",
    "Outcome",
    "Place",
    "Score",
    "Separate",
    "Source",
    "Task",
    "Unfit",
    "files_state",
    "hold",
    "perform",
]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
#: Most memory in which a worker keeps a song's transformed stems, bytes: 170 s of eight stems. Longer ones are transformed
#: anew for each listener, which takes a tenth longer.
SPECTRA = 512 * 1024**2
#: Most memory for a song's resampled references, bytes: 11 min.
REFERENCES = 512 * 1024**2
#: By how much a stem's length may differ from the reference's, s: the hearing aid's filter adds 5 ms.
TOLERANCE = 0.1
#: What cannot get better by going on with the next pair.
_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Unfit(CadenzaError):
    """A worker that cannot do this work: it lacks the weights, the data or the run's folder."""


class Task(Protocol):
    """One piece of work."""

    @property
    def title(self) -> str:
        """What it is, for people."""

    def ready(self) -> None:
        """Raise `Unfit` if this process could do no task of this kind. Cheap after the first time."""

    def run(self) -> dict[str, Any]:
        """Do it; give what the journal shall know, as JSON. Raises CadenzaError."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Parameters
    ----------
    state : {"done", "failed", "stop", "unfit", "lost"}
        `stop`: no other task can succeed either (the disk is full); `lost`: the worker died.
    result : dict
        What `run` gave.
    message : str
        Why it is not done.
    seconds : float
        Time it took.
    worker : str
        Who did it.
    """

    state: Literal["done", "failed", "stop", "unfit", "lost"]
    result: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    seconds: float = 0.0
    worker: str = ""


def perform(task: Task) -> Outcome:
    """Do a task; never raises what a task can raise."""
    began = time.perf_counter()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    try:
        task.ready()
        result = task.run()
        return Outcome("done", result, "", time.perf_counter() - began, worker)
    except Unfit as error:
        return Outcome("unfit", {}, str(error), 0.0, worker)
    except CadenzaError as error:
        hopeless = isinstance(error.__cause__, OSError) and error.__cause__.errno in _HOPELESS
        return Outcome("stop" if hopeless else "failed", {}, str(error), time.perf_counter() - began, worker)
    except MemoryError:
        message = "there is not enough memory for this song; start fewer workers (--workers)"
        return Outcome("failed", {}, message, time.perf_counter() - began, worker)
    except Exception as error:
        _LOG.exception("%s failed", task.title)
        message = f"it failed unexpectedly ({type(error).__name__}: {error}); the log tells more"
        return Outcome("failed", {}, message, time.perf_counter() - began, worker)


_OWN = threading.local()  # a cluster's worker may have several threads


def hold(key: tuple[object, ...], make: Callable[[], _T]) -> _T:
    """Give what `make` gives, kept by this thread until another key is asked for."""
    if getattr(_OWN, "key", None) != key:
        _OWN.key = _OWN.value = None  # the old one goes before the new one comes
        _OWN.value = make()
        _OWN.key = key
    value: _T = _OWN.value
    return value


@dataclass(frozen=True)
class Place:
    """Where a run's files are; a worker must see the same.

    Parameters
    ----------
    root : Path
        The data.
    folder : Path
        The run's own folder, with its plan.
    token : str
        Of one run: what a worker holds from another one is not used.
    """

    root: Path
    folder: Path
    token: str

    def check(self) -> None:
        """Raise `Unfit` if this process does not see them or is of another version."""
        host = socket.gethostname()
        if not self.root.is_dir():
            raise Unfit(f"the worker on {host} does not see the data: there is no folder {self.root}. Mount it there.")
        if not (self.folder / "plan.json").is_file():
            raise Unfit(
                f"the worker on {host} does not see {self.folder}. The results must lie on a disk that all workers share."
            )


def check_version(version: str) -> None:
    """Raise `Unfit` if this process has another version of the project: its numbers might differ."""
    if version != __version__:
        host = socket.gethostname()
        raise Unfit(
            f"the worker on {host} has cadenza-studio {__version__}, this is {version}. Install the same there."
        )


@dataclass(frozen=True)
class Source:
    """Where the stems of a song come from."""

    song: Song
    system_id: str
    settings: Settings

    def check(self) -> None:
        """Raise `Unfit` if the system cannot be used here."""
        load_local(self.settings)
        if reason := get_system(self.system_id, self.settings).unavailable_reason():
            raise Unfit(f"the worker on {socket.gethostname()} cannot use the system {self.system_id!r}: {reason}")

    @property
    def is_kept(self) -> bool:
        """Whether separating gives something that is kept in the cache."""
        return get_system(self.system_id, self.settings).info.cached


@dataclass(frozen=True)
class Separate:
    """Separate a song into the cache, for all its listeners."""

    place: Place
    source: Source
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"separating {self.source.song.name}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        check_version(self.version)
        self.place.check()
        self.source.check()

    def run(self) -> dict[str, Any]:
        """Do it."""
        made = separate(self.source.song, self.source.system_id, self.source.settings)
        return {"cached": made.was_cached, "notes": list(made.notes)}


class _Stems:
    """The stems of a song, ready for the ears of many listeners."""

    def __init__(self, task: "Enhance") -> None:
        made = separate(task.source.song, task.source.system_id, task.source.settings)
        stems = made.stems
        self.rate, self.length, self.notes = stems.rate, stems.length, made.notes
        signals = ear_stems(stems)
        writer = task.writer(self)
        parts = _merge([(part.start, part.stop) for part in (writer.stem_part, writer.remix_part)])
        samples = sum(stop - start for start, stop in parts)
        self._spectra: dict[str, list[Spectra]] = {}
        self._signals: dict[str, np.ndarray] = {}
        if task.compressor is None and len(signals) * Spectra.size(samples) <= SPECTRA:
            for name, signal in signals.items():
                self._spectra[name] = [Spectra(signal, start, stop) for start, stop in parts]
        else:
            self._signals = signals

    def __iter__(self) -> Iterator[str]:
        return iter(self._spectra or self._signals)

    def filtered(
        self, name: str, fir: np.ndarray, compressor: Compressor | None, parts: tuple[slice, ...]
    ) -> list[np.ndarray]:
        """Give parts of an amplified stem."""
        if not self._spectra:
            whole = amplify(self._signals[name], fir)
            return [(whole if compressor is None else compressor(whole))[part] for part in parts]
        made = [(one.start, one.stop, one.filtered(fir)) for one in self._spectra[name]]
        given = []
        for part in parts:
            start, stop, signal = next(one for one in made if one[0] <= part.start < one[1])
            given.append(signal[part.start - start : min(part.stop, stop) - start])
        return given


def _merge(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join two parts that overlap."""
    (first, first_stop), (second, second_stop) = sorted(parts)
    return [(first, max(first_stop, second_stop))] if second <= first_stop else sorted(parts)


@dataclass(frozen=True)
class Enhance:
    """Write the files of one listener and song: what `export_pair` does, for many.

    Parameters
    ----------
    folder : Path
        Of the listeners' folders.
    segments : Segments or None
        To which stems and remix are cut.
    gains : Gains
        Of the remix.
    compressor : Compressor or None
        After NAL-R, on each stem.
    """

    place: Place
    source: Source
    listener: Listener
    folder: Path
    segments: Segments | None = None
    gains: Gains = UNITY
    compressor: Compressor | None = None
    soft_clip: bool = True
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.source.song.name} for {self.listener.id}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        Separate(self.place, self.source, self.version).ready()

    def writer(self, stems: _Stems) -> PairWriter:
        """Give the writer of the pair's files."""
        return PairWriter(
            self.folder,
            self.listener.id,
            self.source.song.name,
            stems.length + NFIR,
            stems.rate,
            segments=self.segments,
            gains=self.gains,
            soft_clip=self.soft_clip,
        )

    def run(self) -> dict[str, Any]:
        """Do it."""
        key = (self.place.token, "stems", self.source.system_id, self.source.song.id, str(self.source.song.files()[0]))
        stems = hold(key, lambda: _Stems(self))
        writer = self.writer(stems)
        filters = {ear: nalr_filter(ear_of(self.listener, ear), stems.rate) for ear in EARS}
        parts = writer.stem_part, writer.remix_part
        for name in stems:
            stem, in_remix = stems.filtered(name, filters[name.split("_")[0]], self.compressor, parts)
            writer.add(name, stem, in_remix)
        report = writer.finish()
        return {
            "bytes": sum(path.stat().st_size for path in report.files),
            "beyond_full_scale": report.clipped,
            "notes": [*stems.notes, *report.notes],
        }


@dataclass(frozen=True)
class Score:
    """Score the files of one listener and song: what `score_pair` does, for many.

    Parameters
    ----------
    folder : Path
        Of the listeners' folders.
    segments : Segments or None
        The files are cut to the objective one, so the references are.
    engine : str
        ``fast`` or ``reference``.
    allow_unscaled : bool
        Take a missing scale file for a factor of 1.
    """

    place: Place
    song: Song
    listener: Listener
    folder: Path
    segments: Segments | None = None
    engine: str = "fast"
    allow_unscaled: bool = False
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.song.name} for {self.listener.id}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        check_version(self.version)
        self.place.check()
        if not self.folder.is_dir():
            raise Unfit(
                f"the worker on {socket.gethostname()} does not see the results: there is no folder {self.folder}."
            )

    def run(self) -> dict[str, Any]:
        """Do it."""
        state = files_state(self.folder, self.listener.id, self.song.name)
        place = pair_folder(self.folder, self.listener.id, self.song.name)
        if not place.is_dir():
            raise CadenzaError(f"there are no files of this pair: no folder {place}")
        if self.engine == "fast":
            compile_haaqi()
        excerpt = self._excerpt()
        wanted = (self.song.duration if excerpt.stop is None else excerpt.stop) - excerpt.start
        references = self._references(excerpt, wanted)

        def processed(name: str) -> np.ndarray:
            path = place / pair_file(self.listener.id, self.song.name, f"{name}.flac")
            samples, rate = read_stem(path, allow_unscaled=self.allow_unscaled)
            if rate != HAAQI_RATE:
                raise CadenzaError(f"{path} has {rate} Hz; a stem has {HAAQI_RATE} Hz. Write it again.")
            self._check_length(path, len(samples) / rate, wanted)
            return samples

        pair = score_against(
            self.song.name, self.listener, processed, references, engine=engine_by_name(self.engine), threads=1
        )
        haaqi = {name: None if math.isnan(score) else float(score) for name, score in pair.haaqi.items()}
        return {"haaqi": haaqi, "files": state, "notes": list(pair.notes)}

    def _excerpt(self) -> Excerpt:
        """Give the part of the song that is scored; a segment that goes on after the song's end is cut as the stems are."""
        if self.segments is None:
            return WHOLE
        start, stop = self.segments.objective
        return Excerpt(start, stop if stop < self.song.duration else None)

    def _references(self, excerpt: Excerpt, seconds: float) -> Iterable[StemReference]:
        def make() -> Iterable[StemReference]:
            self.song.check()
            return stem_references(lambda stem: self.song.stem(stem, excerpt), RATE)

        if seconds * HAAQI_RATE * 4 * len(STEM_NAMES) > REFERENCES:
            return make()
        key = (self.place.token, "references", self.song.id, str(self.song.files()[0]))
        return hold(key, lambda: list(make()))

    def _check_length(self, path: Path, seconds: float, wanted: float) -> None:
        if abs(seconds - wanted) > TOLERANCE:
            what = "whole song" if self.segments is None else "objective segment"
            raise CadenzaError(
                f"{path} lasts {seconds:.2f} s, the {what} {wanted:.2f} s. Is it of this set, and cut as the set is?"
            )


_COMPILED = threading.Event()


def compile_haaqi() -> None:
    """Compile HAAQI or load it, once in a process."""
    if not _COMPILED.is_set():
        warm_up()
        _COMPILED.set()


def files_state(folder: Path, listener_id: str, song_name: str) -> str:
    """Give a digest of the sizes and times of a pair's stems and scale files: another one means that they were changed."""
    place = pair_folder(folder, listener_id, song_name)
    stems = [place / pair_file(listener_id, song_name, f"{name}.flac") for name in STEM_NAMES]
    return state_of([path for stem in stems for path in (stem, scale_path(stem))])


def state_of(paths: Iterable[Path]) -> str:
    """Give a digest of the sizes and times of files; those that are not there count as such."""
    facts: list[tuple[str, int, int]] = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            facts.append((path.name, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
