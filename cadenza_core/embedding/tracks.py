"""Sounds of songs to be embedded: mixtures, true stems, and stems that a separation system gives; all at one level.

What sounds alike shall be near, however loud it was mastered: every sound is brought to -20 dB FS RMS, or as near as full
scale allows, before a model gets it.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..audio import RATE, STEMS, Audio
from ..catalog import WHOLE, Excerpt, Song
from ..errors import CadenzaError
from ..progress import Progress, silent
from ..separation import Separation, separate
from ..separation.digest import mixture_digest, truth_digest
from ..settings import Settings
from .api import Timestamps
from .store import Embeddings, given

__all__ = ["MIXTURE", "Track", "levelled", "over_time", "prepared", "tracks_key", "tracks_of"]

MIXTURE = "mixture"
_LEVEL = -20.0  # dB FS, RMS


@dataclass(frozen=True)
class Track:
    """One sound of a song: its mixture, a true stem, or a stem that a separation system gives.

    Parameters
    ----------
    song : Song
    part : str
        "mixture", or a stem's name.
    system : str
        Separation system; empty for the song's own files.
    """

    song: Song
    part: str = MIXTURE
    system: str = ""

    def digest(self, settings: Settings, progress: Progress) -> str:
        """Name its samples; separates, if that was not done yet."""
        memory = settings.home / "cache" / "digests"
        if self.part == MIXTURE:
            return mixture_digest(self.song, WHOLE, memory)
        if self.system:
            return f"{self._separation(settings, progress).key} {self.part}"
        return f"{truth_digest(self.song, WHOLE, memory)} {self.part}"

    def read(self, settings: Settings, excerpt: Excerpt = WHOLE) -> Audio:
        """Read it, 44.1 kHz stereo, or a part of it."""
        if self.part == MIXTURE:
            return self.song.mixture(excerpt)
        if not self.system:
            return Audio(self.song.stem(self.part, excerpt), RATE)
        found = self._separation(settings, silent)
        rate = found.system.rate
        stop = sys.maxsize if excerpt.stop is None else int(excerpt.stop * rate)
        return Audio(found.read(int(excerpt.start * rate), stop)[self.part], rate).at(RATE)

    def _separation(self, settings: Settings, progress: Progress) -> Separation:
        return separate(self.song, self.system, settings, progress=progress)


def tracks_of(songs: Sequence[Song], parts: Sequence[str], system: str = "") -> tuple[list[Track], list[str]]:
    """Give the tracks of songs; of stems the true ones where there are some, else those of `system` if one is named.

    Returns
    -------
    list of Track
    list of str
        A sentence for each song whose stems are not to be had.
    """
    tracks, faults = [], []
    for song in songs:
        for name in parts:
            if name == MIXTURE:
                tracks.append(Track(song))
            elif name in song.true_stems:
                tracks.append(Track(song, name))
            elif system:
                tracks.append(Track(song, name, system))
        if not system and (missing := [name for name in parts if name in STEMS and name not in song.true_stems]):
            faults.append(f"{song.name} has no {', '.join(missing)}: pick a separation system to have them")
    return tracks, faults


def prepared(samples: np.ndarray, rate: int, model_rate: int) -> tuple[np.ndarray, float]:
    """Bring a sound to what a model gets: mono, its rate, one level.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n)], full scale 1.0
    rate, model_rate : int
        Hz.

    Returns
    -------
    np.ndarray [shape=(m,), dtype=float32]
        At -20 dB FS RMS, or lower where full scale would be exceeded; silence stays as it is.
    float
        RMS level that it had, dB FS; -inf for silence.
    """
    mono = Audio(samples.mean(axis=0, keepdims=True), rate).at(model_rate).samples[0]
    return levelled(mono)


def levelled(mono: np.ndarray) -> tuple[np.ndarray, float]:
    """Bring samples, shape (n,), to the level; see :func:`prepared`."""
    rms = float(np.sqrt(np.mean(np.square(mono, dtype=np.float64))))
    if rms == 0.0:
        return mono.astype(np.float32), -np.inf
    factor = min(10 ** (_LEVEL / 20) / rms, 1.0 / float(np.abs(mono).max()))
    return (mono * np.float32(factor)).astype(np.float32), 20 * float(np.log10(rms))


def tracks_key(tracks: Sequence[Track], *more: object) -> str:
    """Give a name of a request about tracks that changes when a file does (by size and time); no sound is read.

    Raises
    ------
    CadenzaError
        If a file is gone.
    """
    state: list[object] = [*more]
    for track in tracks:
        state += [track.song.id, track.part, track.system]
        for file in track.song.files():
            try:
                seen = file.stat()
            except OSError as error:
                raise CadenzaError(f"{file} cannot be read: {error.strerror or error}. Is it still there?") from error
            state += [str(file), seen.st_size, seen.st_mtime_ns]
    return hashlib.sha256(json.dumps(state, default=str).encode()).hexdigest()[:32]


def over_time(track: Track, embeddings: Embeddings, settings: Settings, progress: Progress) -> Timestamps:
    """Embed a whole track over time, at one level."""
    audio = track.read(settings)
    samples, _ = prepared(audio.samples, audio.rate, embeddings.sample_rate)
    return next(iter(embeddings.timestamps([given(samples)], progress)))
