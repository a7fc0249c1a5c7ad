"""Recognisers of speech behind one interface: mono sound in, words out.

``pocketsphinx`` brings its own English model and works offline; it is made for read speech and far weaker than listeners
with music. ``whisper-base.en`` is CLIP1's baseline; any size of Whisper works once its weights are there. A recogniser
hears one channel; of the two ears the better one counts (:func:`listen`), as in the baseline.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..audio import Audio, resample
from ..errors import CadenzaError
from ..progress import Progress, part, silent
from ..remix import EARS
from ..settings import Settings
from .words import Alignment, Rules, align

__all__ = ["SPEECH_RATE", "Heard", "Recogniser", "Transcript", "get_recogniser", "listen", "recognisers", "to_speech"]

#: Sample rate of both recognisers' models, Hz.
SPEECH_RATE = 16000


@dataclass(frozen=True)
class Transcript:
    """What a recogniser heard: text, and its own confidence from 0 to 1 (None if it gives none)."""

    text: str
    confidence: float | None = None


class Recogniser(Protocol):
    """One recogniser; making one is cheap, its model is loaded by the first `transcribe`."""

    @property
    def id(self) -> str:
        """Name in commands and score files."""

    @property
    def title(self) -> str:
        """Name for people."""

    def identity(self) -> Mapping[str, Any]:
        """Everything besides the sound that its result depends on: versions, weights, parameters."""

    def unavailable_reason(self) -> str | None:
        """Say why it cannot be used here now and what to do; None if it can. Cheap."""

    def transcribe(self, samples: np.ndarray, progress: Progress = silent) -> Transcript:
        """Recognise one channel.

        Parameters
        ----------
        samples : np.ndarray [shape=(n,), dtype=float32], 16 kHz
        progress : Progress
            May raise Cancelled.

        Raises
        ------
        CadenzaError
            If the model cannot be used.
        """


def to_speech(samples: np.ndarray, rate: int) -> np.ndarray:
    """Resample to 16 kHz (soxr, HQ), float32, any shape (..., n)."""
    return np.ascontiguousarray(resample(np.asarray(samples, dtype=np.float32), rate, SPEECH_RATE), dtype=np.float32)


@dataclass(frozen=True)
class Heard:
    """What was heard of a lyric line with each ear.

    Parameters
    ----------
    transcripts, alignments : mapping of str to Transcript and Alignment
        By ear, ``left`` and ``right``; equal channels are heard once.
    """

    transcripts: Mapping[str, Transcript]
    alignments: Mapping[str, Alignment]

    @property
    def better(self) -> str:
        """The ear that got more words; left if they are equal."""
        return max(EARS, key=lambda ear: self.alignments[ear].hits)

    @property
    def correctness(self) -> float:
        """Share of the words that the better ear got, 0 to 1."""
        return self.alignments[self.better].correctness


def listen(
    recogniser: Recogniser, sound: Audio, prompt: str, *, rules: Rules = Rules.WRITTEN, progress: Progress = silent
) -> Heard:
    """Let a recogniser hear a stereo sound with each ear, and count the words of the lyric that it gets.

    Raises
    ------
    CadenzaError
        If the recogniser cannot be used or the lyric has no words.
    """
    align(prompt, "", rules)  # a lyric without words is said before the work
    channels = to_speech(sound.stereo().samples, sound.rate)
    progress(0.0, "listening with the left ear")
    left = recogniser.transcribe(channels[0], part(progress, 0.0, 0.5))
    if np.array_equal(channels[0], channels[1]):
        right = left
    else:
        progress(0.5, "listening with the right ear")
        right = recogniser.transcribe(channels[1], part(progress, 0.5, 1.0))
    transcripts = {"left": left, "right": right}
    return Heard(transcripts, {ear: align(prompt, one.text, rules) for ear, one in transcripts.items()})


def recognisers() -> list[str]:
    """Give the ids of the recognisers that can be asked for: what works offline first, then Whisper's sizes."""
    from .whisper import SIZES

    return ["pocketsphinx", *(f"whisper-{size}" for size in SIZES)]


def get_recogniser(name: str, settings: Settings) -> Recogniser:
    """Give a recogniser by id; cheap. ``whisper-NAME`` may also be a folder of your own in the models folder.

    Raises
    ------
    CadenzaError
        If there is none of that name.
    """
    from .sphinx import PocketSphinx
    from .whisper import Whisper, is_known

    makers: Mapping[str, Callable[[], Recogniser]] = {"pocketsphinx": PocketSphinx}
    if name in makers:
        return makers[name]()
    kind, _, size = name.partition("-")
    if kind == "whisper" and is_known(size, settings):
        return Whisper(size, settings)
    raise CadenzaError(f"There is no recogniser {name[:80]!r}. Known are {', '.join(recognisers())}.")
