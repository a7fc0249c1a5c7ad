"""Check a set's files against what the set asks for, before they are uploaded."""

import functools
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..audio import RATE, STEMS, resample
from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..progress import Progress, silent
from ..submission import REMIX_RATE, STEM_RATE, Report, validate
from ..submission.ears import Landmark, find_landmark
from .scores import check_scores
from .sets import ChallengeSet, excerpt_of

__all__ = ["size_of", "validate_set"]


def validate_set(
    path: Path,
    data: ChallengeSet | None = None,
    *,
    csv: Path | None = None,
    compare: bool = True,
    progress: Progress = silent,
) -> Report:
    """Check all files of a set, several at once: :func:`~cadenza_core.submission.validate` with what the set knows.

    Parameters
    ----------
    path : Path
        ``enhanced_signals``, the folder it is in, its ``evaluation`` folder, or a zip of one of these.
    data : ChallengeSet, optional
        Every song for every listener must be there and nothing else, each as long as the song or its segments. Without it,
        what is there is checked by itself.
    csv : Path, optional
        A score table, checked as well; by default ``scores.csv`` in `path`, if there is one.
    compare : bool
        Compare left and right with the true stems and mixture.

    Raises
    ------
    CadenzaError
        If there is nothing at `path`, the table cannot be read, or songs lack what they are compared with.
    """
    if data is None:
        report = validate(path, progress=progress)
    else:
        durations = {song.name: (song.duration, song.duration) for song in data.songs}
        durations |= {song: cut.durations for song, cut in data.segments.items()}
        report = validate(
            path,
            songs=[song.name for song in data.songs],
            listeners=[listener.id for listener in data.listeners],
            durations=durations,
            evaluation=data.is_cut if path.is_dir() and path.name != "evaluation" else None,
            landmarks=_Landmarks(data) if compare else None,
            progress=progress,
        )
    table = csv or path / "scores.csv"
    if csv is None and not table.is_file():
        return report
    pairs = None if data is None else [(song.name, listener.id) for song, listener in data.pairs]
    return replace(report, faults=tuple(sorted([*report.faults, *check_scores(table, pairs)])))


def size_of(path: Path) -> tuple[int, int]:
    """Give the number of files of a submission and their bytes, from the file system or the archive's list.

    Raises
    ------
    CadenzaError
        If there is nothing at `path`, or it cannot be read.
    """
    try:
        if path.is_dir():
            sizes = [file.stat().st_size for file in path.rglob("*") if file.suffix in {".flac", ".txt"}]
        else:
            with zipfile.ZipFile(path) as archive:
                sizes = [info.file_size for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise CadenzaError(f"{path} cannot be read: {error}.") from error
    return len(sizes), sum(sizes)


class _Landmarks:
    """Where the ears of each song differ; looked for once a song."""

    def __init__(self, data: ChallengeSet) -> None:
        self._songs = {song.name: song for song in data.songs}
        self._segments = data.segments
        self._locks = {name: threading.Lock() for name in self._songs}
        self._find = functools.cache(self._look)

    def __call__(self, name: str) -> Mapping[str, Landmark | None]:
        """Give the landmarks of a song by part."""
        if name not in self._songs:
            return {}
        with self._locks[name]:
            return self._find(name)

    def _look(self, name: str) -> dict[str, Landmark | None]:
        song, cut = self._songs[name], self._segments.get(name)
        scored, heard = (excerpt_of(song, span) for span in ((cut.objective, cut.subjective) if cut else (None, None)))
        found = {stem: _landmark(song, stem, scored, STEM_RATE) for stem in STEMS if stem in song.tracks}
        if "mixture" in song.tracks:
            found["remix"] = _landmark(song, "mixture", heard, REMIX_RATE)
        return found


def _landmark(song: Song, part: str, excerpt: Excerpt, rate: int) -> Landmark | None:
    samples = song.tracks[part].read(excerpt).samples
    return find_landmark(resample(samples, RATE, rate))
