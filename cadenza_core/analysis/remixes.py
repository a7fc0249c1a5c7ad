"""Two or more remixes of the same song for the same listener, side by side: gains, levels, scores, spectra, and sounds.

The sounds are mixed here, so a player only has to switch between them. They are not limited, for a limiter would be heard
more than the remix: all are lowered together until none exceeds -1 dBTP, and each further until it is as loud as the
quietest. Nothing is raised. (The player has a limiter for the ceiling at the ear, which lets all below it pass as it is.)
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from clarity.utils.audiogram import Listener

from ..audio import RATE, STEMS
from ..audio.levels import Levels
from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, ear_of, get_prescription
from ..hearing.prescriptions import HAAQI_NOTE
from ..playback import SoundSet, fitted_stems, playback_sounds
from ..playback.sounds import sound_id
from ..progress import Progress, part, silent
from ..quality import score_remix
from ..remix import EARS, Gains, MixSettings, Preset, mix, mixdown, render
from ..separation import separate
from ..settings import Settings

__all__ = [
    "BANDS",
    "MOST",
    "ComparedRemix",
    "Comparison",
    "RemixChoice",
    "choice_key",
    "compare_remixes",
    "from_gains",
    "spectrum",
]

#: Highest true peak of what is played, dBTP (EBU R 128).
CEILING = -1.0
#: Most remixes that are compared at once.
MOST = 9
#: Nominal centre frequencies of the third-octave bands, Hz (IEC 61260-1): the exact ones are 1000 * 10^(n/10).
BANDS = tuple(round(1000.0 * 10.0 ** (step / 10.0), 1) for step in range(-15, 13))
_SEGMENT = 16384


@dataclass(frozen=True)
class RemixChoice:
    """A remix to be compared.

    Parameters
    ----------
    label : str
        Unique in a comparison.
    system : str
        Separation system; empty for the original mixture.
    settings : MixSettings
        Gains, master gain and prescription count; what is heard is decided by the comparison.
    """

    label: str
    system: str = ""
    settings: MixSettings = field(default_factory=MixSettings)

    @property
    def is_original(self) -> bool:
        """Whether this is the mixture as it is."""
        return not self.system

    @classmethod
    def parse(cls, text: str, presets: Sequence[Preset] = ()) -> "RemixChoice":
        """Read ``original``, ``SYSTEM``, ``SYSTEM:PRESET`` or ``SYSTEM:STEM=DB,...`` (``preview:vocals=3,drums=-6``).

        Raises
        ------
        CadenzaError
            If there is no such preset, or the gains make no sense.
        """
        system, colon, rest = text.strip().partition(":")
        if system == "original":
            return cls("original")
        if not colon:
            return cls(system, system)
        if preset := next((one for one in presets if one.name == rest), None):
            return cls(f"{system}: {rest}", system, preset.settings)
        if "=" not in rest:
            known = ", ".join(one.name for one in presets) or "none"
            raise CadenzaError(f"There is no preset {rest!r} for this song and listener; there are: {known}.")
        return cls(f"{system}: {rest}", system, from_gains(Gains.parse(rest.split(",")).as_dict()))


def from_gains(gains_db: Mapping[str, Mapping[str, float | None]]) -> MixSettings:
    """Give the mixer's settings for gains as a record of an export holds them (None is silent).

    Raises
    ------
    CadenzaError
        If a stem or a gain is none.
    """
    content = {"gains": {stem: {ear: ears.get(ear, 0.0) for ear in EARS} for stem, ears in gains_db.items()}}
    return MixSettings.from_mixer(content)


@dataclass(frozen=True)
class ComparedRemix:
    """One remix of a comparison.

    Parameters
    ----------
    choice : RemixChoice
    sounds : SoundSet
        The one sound ``remix``, lowered by `sound_db`.
    sound_db : float
        Lowers its true peak to -1 dBTP; 0 if it is no higher.
    levels : Levels
        Before it is lowered.
    haaqi : mapping of str to float
        Of the left and the right ear, against the same mix of the true stems; empty where it cannot be computed.
    headroom_db, matched_db : float
        By how much it is lowered as all are, so that none clips, and to be as loud as the quietest; dB, 0 or less.
    bands : mapping of str to np.ndarray [shape=(bands,)]
        Level in each of :data:`BANDS` for each ear, dB FS.
    notes : tuple of str
    """

    choice: RemixChoice
    sounds: SoundSet
    sound_db: float
    levels: Levels
    haaqi: Mapping[str, float]
    headroom_db: float
    matched_db: float
    bands: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Remixes side by side."""

    remixes: tuple[ComparedRemix, ...]

    @property
    def sound_sets(self) -> tuple[SoundSet, ...]:
        """The set of each remix."""
        return tuple(one.sounds for one in self.remixes)

    @property
    def loudness(self) -> float | None:
        """How loud each is once it is matched to the quietest, LUFS; None where all are silent."""
        known = (one.levels.loudness + one.matched_db for one in self.remixes if math.isfinite(one.levels.loudness))
        return next(known, None)

    def table(self) -> pd.DataFrame:
        """Give a row for each remix: `remix`, `system`, its gains (dB), `haaqi`, `left`, `right`, and its levels."""
        rows = []
        for one in self.remixes:
            gains = {} if one.choice.is_original else one.choice.settings.gains.decibels
            row: dict[str, Any] = {"remix": one.choice.label, "system": one.choice.system or "none"}
            row |= {f"{stem}_{ear}": gains.get((stem, ear), math.nan) for stem in STEMS for ear in EARS}
            left, right = (one.haaqi.get(ear, math.nan) for ear in EARS)
            row |= {"haaqi": (left + right) / 2, "left": left, "right": right}
            row |= {"loudness": one.levels.loudness, "true_peak": one.levels.true_peak, "clipped": one.levels.clipped}
            rows.append({**row, "headroom_db": one.headroom_db, "matched_db": one.matched_db})
        return pd.DataFrame(rows)

    def spectra(self) -> pd.DataFrame:
        """Give third-octave levels: `remix`, `ear`, `frequency` (Hz), `level` (dB FS), `matched` (as loud as the quietest)."""
        frames = [
            pd.DataFrame(
                {
                    "remix": one.choice.label,
                    "ear": ear,
                    "frequency": BANDS,
                    "level": one.bands[ear],
                    "matched": one.bands[ear] + one.matched_db,
                }
            )
            for one in self.remixes
            for ear in EARS
        ]
        return pd.concat(frames, ignore_index=True)


def compare_remixes(
    song: Song,
    listener: Listener,
    choices: Sequence[RemixChoice],
    settings: Settings,
    excerpt: Excerpt,
    *,
    aided: bool = True,
    with_scores: bool = True,
    progress: Progress = silent,
) -> Comparison:
    """Render remixes of a song for a listener, measure them, and make their sounds.

    Parameters
    ----------
    choices : sequence of RemixChoice
        Two to nine.
    aided : bool
        Amplified for the listener, each by its settings' prescription, as HAAQI scores them; the original by NAL-R.
    with_scores : bool
        Compute HAAQI where the song has true stems.

    Raises
    ------
    CadenzaError
        If there are too few or too many, labels repeat, or a separation or score fails.
    """
    labels = [choice.label for choice in choices]
    if not 2 <= len(choices) <= MOST or len(set(labels)) < len(labels):
        raise CadenzaError(f"2 to {MOST} remixes with different names can be compared; given are {len(choices)}.")
    truth = dict(song.stems(excerpt)) if song.has_stems else None
    found = []
    for number, choice in enumerate(choices):
        show = part(progress, number / len(choices), (number + 1) / len(choices))
        found.append(_one(song, listener, choice, settings, excerpt, truth, aided, with_scores, show))
    progress(1.0, "ready to play")
    return Comparison(_levelled(found))


def _levelled(remixes: Sequence[ComparedRemix]) -> tuple[ComparedRemix, ...]:
    """Decide by how much each is lowered."""
    headroom = min(0.0, *(CEILING - one.levels.true_peak for one in remixes))
    loudness = [one.levels.loudness + headroom for one in remixes if math.isfinite(one.levels.loudness)]
    quietest = min(loudness, default=math.nan)
    levelled = []
    for one in remixes:
        known = math.isfinite(one.levels.loudness) and math.isfinite(quietest)
        matched = quietest - one.levels.loudness if known else headroom
        levelled.append(replace(one, headroom_db=headroom, matched_db=min(headroom, matched)))
    return tuple(levelled)


def _one(
    song: Song,
    listener: Listener,
    choice: RemixChoice,
    settings: Settings,
    excerpt: Excerpt,
    truth: Mapping[str, np.ndarray] | None,
    aided: bool,
    with_scores: bool,
    progress: Progress,
) -> ComparedRemix:
    original = song.mixture(excerpt).samples
    notes: tuple[str, ...] = ()
    if choice.is_original:
        # The mixture is one stem that no gain touches: amplified like the others, if they are.
        stems, key, mixed = {"other": original}, song.id, MixSettings()
    else:
        result = separate(song, choice.system, settings, excerpt, progress=part(progress, 0.0, 0.5))
        stems, key, mixed = fitted_stems(result, original.shape[1]), result.key, choice.settings
        notes = result.notes
    mixed = mixed.only(stems)  # a lane that is not here must not silence the others
    hear = "aided" if aided else "remix"
    heard = replace(mixed, limiter=False, hear=hear, match_loudness=False, simulation="off")
    progress(0.55, f"mixing {choice.label}")
    made = mixdown(heard, RATE, stems, original, listener=listener)
    haaqi: dict[str, float] = {}
    if with_scores and truth is not None:
        haaqi, said = _score(song, listener, mixed, stems, truth, progress)
        notes += said
    sound_db = min(0.0, CEILING - made.levels.true_peak)
    samples = (made.samples * 10.0 ** (sound_db / 20.0)).astype(np.float32)
    facts = _digest(samples)
    sounds = playback_sounds(settings).put(
        sound_id("compared", key, facts), {"remix": samples}, RATE, part(progress, 0.9, 1.0)
    )
    bands = {ear: spectrum(made.samples[row], RATE) for row, ear in enumerate(EARS)}
    return ComparedRemix(choice, sounds, sound_db, made.levels, haaqi, 0.0, 0.0, bands, notes)


def _score(
    song: Song,
    listener: Listener,
    mixed: MixSettings,
    stems: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    progress: Progress,
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Score the amplified remix against the same mix of the true stems; the original against the plain mix."""
    reference = mix(truth, mixed.gains)
    if min(float(np.abs(ear).max()) for ear in reference) == 0.0:
        return {}, ("silent in one ear: no score",)
    heard = render(stems, RATE, mixed.gains, listener=listener, prescription=mixed.prescription)
    score = score_remix(song.name, listener, heard, reference, RATE, progress=part(progress, 0.6, 0.9))
    said = (
        ()
        if mixed.prescription == DEFAULT_PRESCRIPTION
        else (HAAQI_NOTE.format(get_prescription(mixed.prescription).title),)
    )
    return {"left": score.left, "right": score.right}, said


def _digest(samples: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()


def spectrum(samples: np.ndarray, rate: int) -> np.ndarray:
    """Give the long-term level in third-octave bands (Welch's method, Hann window of 16,384 samples).

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    rate : int
        Hz.

    Returns
    -------
    np.ndarray [shape=(bands,)]
        dB FS (a full-scale sine in a band has -3.0), for each of :data:`BANDS`; -inf for silence.
    """
    from scipy import signal

    length = min(_SEGMENT, samples.size)
    hertz, density = signal.welch(samples, rate, nperseg=length)
    width = hertz[1] - hertz[0]
    edges = 10.0**0.05
    levels = []
    for centre in BANDS:
        inside = (hertz >= centre / edges) & (hertz < centre * edges)
        # A band narrower than the lines of the spectrum gets its share of the nearest one.
        power = (
            float(density[inside].sum() * width)
            if inside.any()
            else float(density[int(np.argmin(np.abs(hertz - centre)))] * centre * (edges - 1.0 / edges))
        )
        levels.append(10.0 * math.log10(power) if power > 0 else -math.inf)
    return np.array(levels)


def choice_key(
    song: Song, listener: Listener, choices: Sequence[RemixChoice], excerpt: Excerpt, *, aided: bool, with_scores: bool
) -> str:
    """Give a name of a comparison that two who ask for the same share."""
    ears = [ear_of(listener, ear) for ear in EARS]
    heard = [[ear.frequencies.tolist(), ear.levels.tolist()] for ear in ears]
    mixes = [[choice.label, choice.system, choice.settings.as_mixer()] for choice in choices]
    facts = json.dumps(
        [song.id, song.name, heard, mixes, str(excerpt), aided, with_scores], sort_keys=True, default=str
    )
    return f"compare-{hashlib.sha256(facts.encode()).hexdigest()[:24]}"
