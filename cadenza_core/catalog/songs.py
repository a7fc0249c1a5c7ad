"""Songs: where their sound lies, what is known of them, and how a part of one is read.

A `Song` is only a description; reading happens in :meth:`Song.mixture` and :meth:`Song.stems`. Both give 44.1 kHz stereo:
other rates are resampled and mono is put on both sides, with a note in the result. The finding of songs is in `library`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..audio import RATE, STEMS, Audio, AudioInfo, Stems, audio_info, read_audio
from ..errors import CadenzaError

__all__ = ["WHOLE", "Excerpt", "Song", "Track"]


@dataclass(frozen=True)
class Excerpt:
    """A part of a song, from `start` to `stop` in seconds; `stop` None is the song's end.

    Raises
    ------
    CadenzaError
        If it is negative, empty or not of finite numbers.
    """

    start: float = 0.0
    stop: float | None = None

    def __post_init__(self) -> None:
        stop = math.nextafter(math.inf, 0.0) if self.stop is None else self.stop
        if not 0.0 <= self.start < stop < math.inf:
            raise CadenzaError(
                f"The excerpt {self} is not one: start and stop are seconds, 0 or more, the start before the stop."
            )

    @classmethod
    def parse(cls, text: str) -> "Excerpt":
        """Read ``START-STOP``, each in seconds or minutes:seconds (``12.5-27.5``, ``1:02-1:32``, ``30-``).

        Raises
        ------
        CadenzaError
            If the text is not of that form.
        """
        start, dash, stop = text.partition("-")
        try:
            if not dash:
                raise ValueError
            return cls(_seconds(start) if start.strip() else 0.0, _seconds(stop) if stop.strip() else None)
        except ValueError:
            raise CadenzaError(
                f"The excerpt {text!r} is not of the form START-STOP, such as 12.5-27.5 or 1:02-1:32."
            ) from None

    def __str__(self) -> str:
        # In full, and readable by `parse`: two excerpts never have the same text.
        return f"{_text(self.start)}-" + ("" if self.stop is None else _text(self.stop))

    @property
    def is_whole(self) -> bool:
        """Whether this is the whole song."""
        return self.start == 0.0 and self.stop is None


#: The whole song.
WHOLE = Excerpt()


def _seconds(text: str) -> float:
    minutes, colon, seconds = text.strip().rpartition(":")
    return 60.0 * float(minutes) + float(seconds) if colon else float(seconds)


def _text(seconds: float) -> str:
    return np.format_float_positional(seconds + 0.0, trim="-")  # + 0.0: no "-0"


@dataclass(frozen=True)
class Track:
    """One sound file of a song, or one stream of an MP4 container."""

    path: Path
    stream: int = 0

    @cached_property
    def info(self) -> AudioInfo:
        """The file's header."""
        return audio_info(self.path, self.stream)

    def read(self, excerpt: Excerpt = WHOLE) -> Audio:
        """Read the excerpt as 44.1 kHz stereo; changes are in the notes."""
        audio = read_audio(self.path, excerpt.start, excerpt.stop, stream=self.stream)
        if audio.duration * RATE < 1.0:
            raise CadenzaError(f"{self.path}: the excerpt {excerpt} is shorter than one sample at {RATE} Hz.")
        return audio.stereo().at(RATE)


@dataclass(frozen=True)
class Song:
    """One song.

    Parameters
    ----------
    id : str
        What a user types; unique in a library.
    name : str
        The challenge's "Track Name"; part of file names in a submission.
    kind : str
        ``musdb18hq``, ``stem.mp4``, ``folder``, ``file`` or ``demo``.
    tracks : mapping of str to Track
        Any of ``mixture``, ``vocals``, ``drums``, ``bass``, ``other``.
    split, genre, source, licence : str
        From the metadata, or empty.
    """

    id: str
    name: str
    kind: str
    tracks: Mapping[str, Track] = field(repr=False)
    split: str = ""
    genre: str = ""
    source: str = ""
    licence: str = ""

    @property
    def true_stems(self) -> tuple[str, ...]:
        """Names of the stems that are there, of vocals, drums, bass, other."""
        return tuple(name for name in STEMS if name in self.tracks)

    @property
    def has_stems(self) -> bool:
        """Whether all four true stems are there."""
        return len(self.true_stems) == len(STEMS)

    @property
    def duration(self) -> float:
        """Length in seconds, from the header.

        Raises
        ------
        CadenzaError
            If the file cannot be read.
        """
        return next(iter(self.tracks.values())).info.duration

    def files(self) -> list[Path]:
        """All files that the song is read from."""
        return sorted({track.path for track in self.tracks.values()})

    def check(self) -> None:
        """Check from the headers that rates and lengths agree.

        Raises
        ------
        CadenzaError
            Naming the files that differ.
        """
        infos = {name: track.info for name, track in self.tracks.items()}
        for what, get in _MUST_AGREE.items():
            if len({get(info) for info in infos.values()}) > 1:
                values = ", ".join(f"{name} {get(info)}" for name, info in infos.items())
                raise CadenzaError(f"The files of {self.id!r} differ in {what}: {values}. They must agree.")

    def mixture(self, excerpt: Excerpt = WHOLE) -> Audio:
        """Read the mixture, or the part of it; where there is no mixture file, the sum of the four stems, with a note.

        Returns
        -------
        Audio [2 channels, 44.1 kHz]

        Raises
        ------
        CadenzaError
            If files are missing, faulty or do not agree, or the excerpt is not inside the song.
        """
        self.check()
        if "mixture" in self.tracks:
            return self.tracks["mixture"].read(excerpt)
        if not self.has_stems:
            missing = [name for name in STEMS if name not in self.tracks]
            raise CadenzaError(
                f"The song {self.id!r} has no mixture, and no {', '.join(missing)} to make one from. "
                "Add the missing files, or a file named mixture."
            )
        stems = self.stems(excerpt)
        return Audio(stems.mixture(), RATE, (*stems.notes, "the mixture is the sum of the four stems"))

    def stems(self, excerpt: Excerpt = WHOLE) -> Stems:
        """Read the four true stems, or the part of them, 44.1 kHz stereo; changes are in the notes.

        Raises
        ------
        CadenzaError
            If stems are missing, faulty or do not agree.
        """
        if not self.has_stems:
            missing = [name for name in STEMS if name not in self.tracks]
            raise CadenzaError(
                f"The song {self.id!r} has no true stems for {', '.join(missing)}. "
                "Use a separation system, or a song that has them (MUSDB18, or a folder with the four files)."
            )
        self.check()
        read = {name: self.tracks[name].read(excerpt) for name in STEMS}
        notes = tuple(f"{name}: {note}" for name, audio in read.items() for note in audio.notes)
        return Stems({name: audio.samples for name, audio in read.items()}, RATE, notes)

    def stem(self, name: str, excerpt: Excerpt = WHOLE) -> np.ndarray:
        """Read one true stem, shape (2, n), float32, 44.1 kHz.

        Raises
        ------
        CadenzaError
            If it is not there, faulty, or does not agree with the song's other files.
        """
        if name not in self.tracks:
            there = ", ".join(self.tracks)
            raise CadenzaError(f"The song {self.id!r} has no true stem {name!r}; it has {there}.")
        self.check()
        return self.tracks[name].read(excerpt).samples


_MUST_AGREE: Mapping[str, Callable[[AudioInfo], int]] = {
    "sample rate (Hz)": lambda info: info.rate,
    "length (samples)": lambda info: info.frames,
}
