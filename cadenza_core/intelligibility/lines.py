"""One line of a song, as a recogniser hears it: in the mixture, in the remix, and through a listener's hearing loss.

And how its predicted intelligibility changes with the vocals' gain. For that, CLIP1's STOI baseline is asked, which needs no
weights: STOI between the vocals alone and what reaches the listener, calibrated on the training set's answers. It was
calibrated on clips of CLIP1 and three degrees of hearing loss; elsewhere it is an indication of more and less, no measurement.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE, Audio
from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..hearing.simulation import simulate_hearing
from ..playback import fitted_stems
from ..progress import Progress, part, silent
from ..remix import EARS, UNITY, Gains, render
from ..separation import separate
from ..settings import Settings
from .calibration import BASELINES
from .recognisers import Recogniser, Transcript, to_speech
from .stoi import stoi_by_ear
from .words import Alignment, align

__all__ = [
    "LONGEST",
    "RENDERINGS",
    "Curve",
    "LineSounds",
    "better_ear",
    "line_sounds",
    "rendering",
    "transcribe",
    "vocal_curve",
    "with_vocals",
]

#: Longest excerpt that is worked on, s.
LONGEST = 30.0
#: What a line is heard in, with a name for people.
RENDERINGS: Mapping[str, str] = {
    "mixture": "Mixture",
    "remix": "Remix",
    "mixture_loss": "Mixture, through the hearing loss",
    "remix_loss": "Remix, through the hearing loss",
}
#: Gains at which the curve is computed, dB relative to the vocals as they are.
CURVE_GAINS = (-12.0, -6.0, 0.0, 6.0, 12.0)


@dataclass(frozen=True)
class LineSounds:
    """An excerpt's stems and mixture, ready to be remixed; 44.1 kHz, shape (2, n).

    Parameters
    ----------
    stems : mapping of str to np.ndarray
        As the separation system gives them.
    mixture : np.ndarray
    vocals : np.ndarray
        The true vocals where the song has them, else the separated ones.
    notes : tuple of str
    """

    stems: Mapping[str, np.ndarray]
    mixture: np.ndarray
    vocals: np.ndarray
    notes: tuple[str, ...]


def line_sounds(
    song: Song, excerpt: Excerpt, system: str, settings: Settings, *, progress: Progress = silent
) -> LineSounds:
    """Separate an excerpt (or take it from the cache) for what follows.

    Raises
    ------
    CadenzaError
        If the excerpt is longer than 30 s, or as :func:`~cadenza_core.separation.separate`.
    """
    length = (song.duration if excerpt.stop is None else excerpt.stop) - excerpt.start
    if length > LONGEST:
        raise CadenzaError(
            f"The excerpt lasts {length:.0f} s; lines of up to {LONGEST:g} s are recognised. Choose a part."
        )
    result = separate(song, system, settings, excerpt, progress=progress)
    mixture = song.mixture(excerpt).samples
    stems = fitted_stems(result, mixture.shape[1])
    if "vocals" not in stems:
        raise CadenzaError(f"{result.system.title} gives no vocals. Choose another separation system.")
    true = "vocals" in song.tracks
    vocals = song.stem("vocals", excerpt) if true else stems["vocals"]
    note = () if true else ("the song's true vocals are not there: STOI compares with the separated ones",)
    return LineSounds(stems, mixture, vocals, (*result.notes, *note))


def with_vocals(gains: Gains, decibels: float) -> Gains:
    """Give the same gains with the vocals at `decibels` in both ears."""
    return Gains({**gains.decibels, **{("vocals", ear): decibels for ear in EARS}})


def rendering(
    sounds: LineSounds, name: str, gains: Gains, listener: Listener, *, aided: bool = False, progress: Progress = silent
) -> np.ndarray:
    """Render one of :data:`RENDERINGS`, (2, n) at 44.1 kHz.

    Parameters
    ----------
    sounds : LineSounds
    name : str
    gains : Gains
        Of the remix.
    listener : Listener
        Whose hearing loss (MSBG) is simulated.
    aided : bool
        Amplify by NAL-R before the loss.
    progress : Progress
        May raise Cancelled.
    """
    whole = name.startswith("mixture")
    stems: Mapping[str, np.ndarray] = {"other": sounds.mixture} if whole else sounds.stems
    through_loss = name.endswith("_loss")
    heard = render(stems, RATE, UNITY if whole else gains, listener=listener if through_loss and aided else None)
    return simulate_hearing(heard, RATE, listener, progress=progress) if through_loss else heard


def transcribe(
    sounds: LineSounds,
    recogniser: Recogniser,
    listener: Listener,
    gains: Gains,
    *,
    names: Sequence[str] = tuple(RENDERINGS),
    aided: bool = False,
    keep: Callable[[str, np.ndarray], None] = lambda name, samples: None,
    progress: Progress = silent,
) -> dict[str, dict[str, Transcript]]:
    """Let a recogniser hear the renderings with each ear; `keep` is given the sound of each, (2, n) at 44.1 kHz.

    Returns
    -------
    dict
        ``{rendering: {ear: Transcript}}``; equal channels are heard once.

    Raises
    ------
    CadenzaError
        If the recogniser cannot be used.
    """
    if reason := recogniser.unavailable_reason():
        raise CadenzaError(reason)
    heard: dict[str, dict[str, Transcript]] = {}
    for number, name in enumerate(names):
        show = _labelled(part(progress, number / len(names), (number + 1) / len(names)), RENDERINGS[name].lower())
        samples = rendering(sounds, name, gains, listener, aided=aided, progress=part(show, 0.0, 0.4))
        keep(name, samples)
        channels = to_speech(samples, RATE)
        show(0.4, "listening")
        left = recogniser.transcribe(channels[0], part(show, 0.4, 0.7))
        same = np.array_equal(channels[0], channels[1])
        heard[name] = {
            "left": left,
            "right": left if same else recogniser.transcribe(channels[1], part(show, 0.7, 1.0)),
        }
    return heard


def _labelled(progress: Progress, label: str) -> Progress:
    return lambda done, text: progress(done, f"{label}: {text}")


def better_ear(heard: Mapping[str, Transcript], prompt: str) -> tuple[str, Alignment]:
    """Give the ear that got more of a line's words, and its alignment; left if they are equal."""
    found = {ear: align(prompt, heard[ear].text) for ear in EARS}
    best = max(EARS, key=lambda ear: found[ear].hits)
    return best, found[best]


@dataclass(frozen=True)
class Curve:
    """Predicted intelligibility over the vocals' gain.

    Parameters
    ----------
    gains : tuple of float
        dB; ascending.
    stoi : tuple of float
        Of the better ear, at each gain.
    mixture_stoi : float
        Of the mixture as it is.
    """

    gains: tuple[float, ...]
    stoi: tuple[float, ...]
    mixture_stoi: float

    @property
    def percent(self) -> np.ndarray:
        """Predicted percentage of words understood at each gain."""
        return BASELINES["stoi"](np.array(self.stoi))

    @property
    def mixture_percent(self) -> float:
        """The same of the mixture as it is."""
        return float(BASELINES["stoi"](np.array([self.mixture_stoi]))[0])

    def at(self, gain: float) -> float:
        """Give the percentage at a gain between, by monotone interpolation of STOI; NaN outside."""
        from scipy.interpolate import PchipInterpolator

        if not self.gains[0] <= gain <= self.gains[-1]:
            return math.nan
        stoi = PchipInterpolator(self.gains, self.stoi)(gain)
        return float(BASELINES["stoi"](np.array([stoi]))[0])


def vocal_curve(
    sounds: LineSounds, listener: Listener, gains: Gains, *, aided: bool = False, progress: Progress = silent
) -> Curve:
    """Predict intelligibility for a listener over the vocals' gain; the other stems as in `gains`.

    Raises
    ------
    CadenzaError
        If there are no vocals in the excerpt.
    """
    reference = Audio(np.asarray(sounds.vocals, dtype=np.float32), RATE)
    steps = [("mixture_loss", gains), *(("remix_loss", with_vocals(gains, at)) for at in CURVE_GAINS)]
    stoi = []
    for number, (name, used) in enumerate(steps):
        show = _labelled(
            part(progress, number / len(steps), (number + 1) / len(steps)), f"{number + 1} of {len(steps)}"
        )
        heard = rendering(sounds, name, used, listener, aided=aided, progress=show)
        stoi.append(_better_stoi(reference, heard))
    return Curve(CURVE_GAINS, tuple(stoi[1:]), stoi[0])


def _better_stoi(reference: Audio, heard: np.ndarray) -> float:
    if not np.any(heard):
        return 0.0  # nothing reaches the listener
    return max(stoi_by_ear(reference, Audio(np.asarray(heard, dtype=np.float32), RATE)).values())
