"""Take out of a song what a sentence describes: the target, its share of each stem, and what is left.

The model is mono and has its own sample rate. It listens to the middle of both sides, resampled; the mask that it finds
is put on both sides, so that the target lies in the stereo image where it was, and on the stems of a separation that is
there already, for the mask is linear: what is taken out of the stems is together what is taken out of the mixture. The
result is brought back to the song's rate. What lies above the model's own band cannot be in the target and stays in the
rest.

``target + rest = mixture`` by construction: the rest is computed as the difference.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...audio import Audio, resample
from ...catalog import WHOLE, Excerpt
from ...errors import CadenzaError
from ...progress import Progress, part, silent
from ..neural import computing
from .chunks import separate_long
from .loading import Loaded
from .presence import Presence, presence_of
from .prompt import Prompt

__all__ = ["VERSION", "Extraction", "extract"]

#: Raised when a change of this module changes results.
VERSION = 1
#: Fade at both ends of a stretch of time, s, and what the model hears around it.
FADE, AROUND = 0.01, 4.0
#: A middle that is weaker than the sides by this factor in power says nothing: the left side is listened to.
_HOLLOW = 1e-4


@dataclass(frozen=True)
class Extraction:
    """What was taken out.

    Parameters
    ----------
    target : np.ndarray [shape=(2, n), dtype=float32]
        At the mixture's rate.
    shares : mapping of str to np.ndarray [shape=(2, n), dtype=float32]
        What each of the given stems has of it.
    presence : Presence
        Whether it is there at all.
    notes : tuple of str
        What the user should know.
    """

    target: np.ndarray
    shares: Mapping[str, np.ndarray]
    presence: Presence
    notes: tuple[str, ...] = ()


def extract(
    loaded: Loaded,
    mixture: Audio,
    prompt: Prompt,
    *,
    stems: Mapping[str, np.ndarray] | None = None,
    excerpt: Excerpt = WHOLE,
    progress: Progress = silent,
) -> Extraction:
    """Extract what a prompt describes.

    Parameters
    ----------
    loaded : Loaded
    mixture : Audio [1 or 2 channels, any rate]
    prompt : Prompt
        Its stretch of time is in seconds of the song.
    stems : mapping of str to np.ndarray [shape=(2, n), dtype=float32], optional
        Stems of the mixture, whose shares are wanted.
    excerpt : Excerpt
        Which part of the song the mixture is.
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    CadenzaError
        If the text cannot be understood, the stretch of time is not in the excerpt, or memory does not suffice.
    """
    sound = mixture.stereo()
    frames, rate = sound.samples.shape[1], sound.rate
    first, last = _stretch(prompt, excerpt, frames, rate)
    around = round(AROUND * rate)
    heard = slice(max(0, first - around), min(frames, last + around))
    signals = {"": sound.samples, **(stems or {})}
    condition = loaded.condition(prompt.query)
    without = tuple(loaded.condition(text) for text in prompt.without)
    notes = [note for text in (prompt.query, *prompt.without) if (note := loaded.queries.note(text))]
    progress(0.0, "resampling")
    stacked = np.concatenate([samples[:, heard] for samples in signals.values()])
    inside = _resampled(stacked, rate, loaded.rate)
    if inside.shape[1] == 0:  # shorter than one sample at the model's rate
        inside = np.zeros((len(stacked), 1), np.float32)
    notes += _band_note(sound.samples[:, heard], inside[:2], loaded)
    with computing(loaded.model.title, loaded.device):
        separated = separate_long(
            loaded.separator,
            _listened(inside[:2]),
            condition,
            channels=inside,
            without=without,
            progress=part(progress, 0.02, 0.95),
        )
    progress(0.95, "resampling back")
    presence = presence_of(inside[:2], separated[:2], loaded.rate)
    back = _placed(_resampled(separated, loaded.rate, rate), heard, first, last, frames, rate)
    targets = {name: back[2 * row : 2 * row + 2] for row, name in enumerate(signals)}
    progress(1.0, "extracted")
    return Extraction(targets.pop(""), targets, presence, tuple(notes))


def _stretch(prompt: Prompt, excerpt: Excerpt, frames: int, rate: int) -> tuple[int, int]:
    """Give the prompt's stretch of time in samples of the excerpt."""
    if prompt.span is None:
        return 0, frames
    start, stop = prompt.span.start - excerpt.start, (math.inf if prompt.span.stop is None else prompt.span.stop)
    first = max(0, round(start * rate))
    last = frames if math.isinf(stop) else min(frames, round((stop - excerpt.start) * rate))
    if last - first < 1:
        raise CadenzaError(
            f"“{prompt.query}” is looked for in {prompt.span} s, which is not in the excerpt "
            f"{excerpt.start:g}-{excerpt.start + frames / rate:g} s. Choose another stretch of time."
        )
    return first, last


def _listened(stereo: np.ndarray) -> np.ndarray:
    """Give what the model listens to, (1, n): the middle, or the left side where the two cancel."""
    middle = stereo.mean(axis=0, keepdims=True)
    hollow = np.mean(np.square(middle, dtype=np.float64)) < _HOLLOW * np.mean(np.square(stereo, dtype=np.float64))
    return stereo[:1] if hollow else middle


def _resampled(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    return np.ascontiguousarray(resample(samples, rate, new_rate), dtype=np.float32)


def _placed(samples: np.ndarray, heard: slice, first: int, last: int, frames: int, rate: int) -> np.ndarray:
    """Put what was found in the part that was heard into the excerpt, faded at the ends of the stretch of time."""
    placed = np.zeros((len(samples), frames), np.float32)
    length = min(samples.shape[1], heard.stop - heard.start)
    placed[:, heard.start : heard.start + length] = samples[:, :length]
    if (first, last) != (0, frames):
        gate = np.zeros(frames, np.float32)
        gate[first:last] = 1.0
        fade = min(round(FADE * rate), (last - first) // 2)
        ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(1, fade))).astype(np.float32)
        if first > 0:
            gate[first : first + fade] = ramp
        if last < frames:
            gate[last - fade : last] = ramp[::-1]
        placed *= gate
    return placed


def _band_note(samples: np.ndarray, inside: np.ndarray, loaded: Loaded) -> list[str]:
    """Say what becomes of the band that the model does not hear."""
    whole = float(np.mean(np.square(samples, dtype=np.float64)))
    kept = float(np.mean(np.square(inside, dtype=np.float64)))
    if whole <= 0:
        return []
    above = max(0.0, 1.0 - kept / whole)
    if above < 1e-6:
        return []
    return [
        f"{loaded.model.title.partition(' (')[0]} hears up to {loaded.rate / 2000:g} kHz; what is above, {above:.2%} of the "
        "power here, stays in the rest"
    ]
