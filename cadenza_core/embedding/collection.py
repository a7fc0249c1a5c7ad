"""Songs, excerpts and stems as points of one embedding space, to be mapped and searched.

Pieces that are silent (below -60 dB FS) are left out and counted. What is computed of one track lies in
``<space>/tracks/<key>.npz``, named by the track's samples and how it was cut.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..audio import Audio
from ..catalog import Excerpt
from ..errors import CadenzaError
from ..files import atomic_file
from ..progress import Progress, part
from ..settings import Settings
from .retrieval import l1_distances
from .store import Embeddings, given
from .tracks import Track, levelled

__all__ = ["Collection", "Cut", "Item", "Neighbour", "collect"]

_VERSION = 1  # of the preparation and the cutting
_SILENT = -60.0  # dB FS, RMS
_PAIRS = 20000  # drawn to tell what is near


@dataclass(frozen=True)
class Cut:
    """How a track is cut: pieces of `seconds` one after another; None: the whole track is one piece."""

    seconds: float | None = 10.0

    def __post_init__(self) -> None:
        if self.seconds is not None and not 1.0 <= self.seconds <= 600.0:
            raise CadenzaError(f"Pieces of {self.seconds} s: 1 to 600 s, or the whole song, are accepted.")

    def pieces(self, duration: float) -> list[tuple[float, float]]:
        """Give start and stop of each piece, s; a rest of half a piece or more is one too."""
        if self.seconds is None or duration <= self.seconds:
            return [(0.0, duration)]
        count = int(duration / self.seconds + 0.5)
        return [(k * self.seconds, min((k + 1) * self.seconds, duration)) for k in range(count)]


@dataclass(frozen=True)
class Item:
    """One point: what it is a piece of, and from when to when, s."""

    track: Track
    start: float
    stop: float

    @property
    def excerpt(self) -> Excerpt:
        """The same as an excerpt of the song."""
        return Excerpt(self.start, self.stop)


@dataclass(frozen=True)
class Neighbour:
    """An item near another: its number, the l1 distance, and the share of all pairs that are farther apart, %."""

    number: int
    distance: float
    percentile: float


@dataclass(frozen=True, eq=False)
class Collection:
    """Points of one space.

    Parameters
    ----------
    space : str
    items : tuple of Item
    vectors : np.ndarray [shape=(n, size), dtype=float32]
    silent : int
        Pieces that were left out.
    notes : tuple of str
        What the user should know.
    """

    space: str
    items: tuple[Item, ...]
    vectors: np.ndarray
    silent: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def key(self) -> str:
        """Name of its points."""
        return hashlib.sha256(self.space.encode() + self.vectors.tobytes()).hexdigest()[:32]

    @cached_property
    def pair_distances(self) -> np.ndarray:
        """Distances of pairs, ascending: all of them, or 20,000 drawn at random (always the same)."""
        count = len(self)
        if count * (count - 1) // 2 <= _PAIRS:
            found = [l1_distances(self.vectors[k], self.vectors[k + 1 :]) for k in range(count - 1)]
            return np.sort(np.concatenate(found)) if found else np.zeros(0)
        random = np.random.default_rng(0)
        each = max(1, _PAIRS // count)
        distances = []
        for row in range(count):
            others = random.integers(0, count - 1, each)
            others += others >= row
            distances.append(l1_distances(self.vectors[row], self.vectors[others]))
        return np.sort(np.concatenate(distances))

    def percentile(self, distance: float) -> float:
        """Give the share of pairs that are farther apart, %; NaN where there are no pairs."""
        pairs = self.pair_distances
        if not len(pairs):
            return float("nan")
        return 100.0 * float(len(pairs) - np.searchsorted(pairs, distance, side="right")) / len(pairs)

    def neighbours(self, number: int, count: int = 10, *, other_songs: bool = False) -> list[Neighbour]:
        """Give the nearest items to one of them, the nearest first.

        Parameters
        ----------
        number : int
        count : int
        other_songs : bool
            Leave out the same song.
        """
        distances = l1_distances(self.vectors[number], self.vectors)
        distances[number] = np.inf
        if other_songs:
            song = self.items[number].track.song.id
            distances[[item.track.song.id == song for item in self.items]] = np.inf
        order = np.argsort(distances, kind="stable")[:count]
        nearest = [(int(k), float(distances[k])) for k in order if np.isfinite(distances[k])]
        return [Neighbour(k, distance, self.percentile(distance)) for k, distance in nearest]

    def check_space(self, space: str) -> None:
        """Check that something else lies in the same space.

        Raises
        ------
        CadenzaError
            If it does not: distances between spaces mean nothing.
        """
        if space != self.space:
            raise CadenzaError(
                f"These embeddings are of different models or versions (spaces {self.space} and {space}) and cannot be "
                "compared. Embed both with one model."
            )


def collect(
    tracks: Sequence[Track], embeddings: Embeddings, cut: Cut, settings: Settings, progress: Progress
) -> Collection:
    """Embed the pieces of tracks, or take them from the cache.

    A song that cannot be read is left out, with a note.

    Parameters
    ----------
    tracks : sequence of Track
    embeddings : Embeddings
    cut : Cut
    settings : Settings
    progress : Progress
        May raise Cancelled; the tracks that are done stay.

    Raises
    ------
    CadenzaError
        If the model fails, the cache cannot be written, or nothing is left.
    """
    items: list[Item] = []
    vectors: list[np.ndarray] = []
    quiet, notes = 0, []
    for number, track in enumerate(tracks):
        show = part(progress, number / len(tracks), (number + 1) / len(tracks))
        named = _named(show, f"{track.song.name}, {track.part}")
        try:
            spans, rows, left_out = _track_vectors(track, embeddings, cut, settings, named)
        except _Unreadable as fault:
            notes.append(f"{track.song.name}, {track.part} is left out: {fault}")
            continue
        items += [Item(track, start, stop) for start, stop in spans]
        vectors.append(rows)
        quiet += left_out
    if not items:
        raise CadenzaError(
            "; ".join(notes) or "There is nothing to embed: every piece is silent, or no song is chosen."
        )
    progress(1.0, "embedded")
    return Collection(embeddings.space, tuple(items), np.concatenate(vectors), quiet, tuple(notes))


class _Unreadable(Exception):
    """A track that cannot be read; the text says why."""


def _named(progress: Progress, name: str) -> Progress:
    return lambda done, text: progress(done, f"{name}: {text}")


_Spans = list[tuple[float, float]]


def track_name(digest: str, cut: Cut) -> str:
    """Name what is kept of a track: its samples, how they are prepared, how they are cut."""
    return hashlib.sha256(json.dumps([_VERSION, digest, cut.seconds]).encode()).hexdigest()[:32]


def _track_vectors(
    track: Track, embeddings: Embeddings, cut: Cut, settings: Settings, progress: Progress
) -> tuple[_Spans, np.ndarray, int]:
    try:
        digest = track.digest(settings, progress)
    except CadenzaError as error:
        if type(error) is not CadenzaError:  # cancelled, or weights that are missing
            raise
        raise _Unreadable(str(error)) from error
    path = embeddings.folder / "tracks" / f"{track_name(digest, cut)}.npz"
    if (kept := _kept(path, embeddings.scene_size)) is not None:
        return kept
    progress(0.0, "reading")
    audio = track.read(settings)
    pieces = list(_pieces(audio, cut, embeddings.sample_rate))
    loud = [(span, samples) for span, samples, level in pieces if level >= _SILENT]
    rows = embeddings.scenes([given(samples) for _, samples in loud], progress)
    spans = [span for span, _ in loud]
    with atomic_file(path) as temporary:
        edges = np.array(spans, np.float64).reshape(-1, 2)
        np.savez(temporary, spans=edges, vectors=rows, silent=np.array(len(pieces) - len(loud)))
    return spans, rows, len(pieces) - len(loud)


def _pieces(audio: Audio, cut: Cut, rate: int) -> Iterator[tuple[tuple[float, float], np.ndarray, float]]:
    mono = Audio(audio.samples.mean(axis=0, keepdims=True), audio.rate).at(rate).samples[0]
    for start, stop in cut.pieces(audio.duration):
        piece, level = levelled(mono[round(start * rate) : max(round(stop * rate), round(start * rate) + 1)])
        yield (start, stop), piece, level


def _kept(path: Path, size: int) -> tuple[_Spans, np.ndarray, int] | None:
    try:
        with np.load(path, allow_pickle=False) as content:
            spans, vectors, quiet = content["spans"], content["vectors"], int(content["silent"])
        if vectors.shape != (len(spans), size) or vectors.dtype != np.float32:
            return None
        return [(float(start), float(stop)) for start, stop in spans], vectors, quiet
    except Exception:  # not there, or damaged: it is made anew
        return None
