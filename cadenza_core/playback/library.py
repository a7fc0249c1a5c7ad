"""What the mixer plays: an excerpt's stems, its original mixture and its true stems, ready to be fetched.

Separating and coding are done once. Afterwards, asking again costs the reading of a small file: the last id for the same
song, system and excerpt is remembered by what the song's files look like (size and time of change).
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..audio import RATE, STEMS, resample
from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..files import atomic_file, parse_json
from ..progress import Progress, part, silent
from ..separation import Separation, get_system, separate
from ..settings import Settings
from .sounds import PRECISION, Sounds, SoundSet, sound_id

__all__ = ["Playable", "find_playable", "fitted_stems", "playable", "playable_key", "playback_sounds", "sums_to"]


@dataclass(frozen=True)
class Playable:
    """One excerpt as one system separates it, ready to play.

    Parameters
    ----------
    stems : SoundSet
    original : SoundSet or None
        The one sound ``mixture``; None where the stems sum to it, so that the browser need not hold it as well.
    truth : SoundSet or None
        The true stems, if the song has them.
    separation : str
        Key of the separation.
    seconds : float
        Time that the separation took.
    notes : tuple of str
        What the user should know.
    labels : mapping of str to str
        What lanes that are no stems are called.
    """

    stems: SoundSet
    original: SoundSet | None
    truth: SoundSet | None
    separation: str
    seconds: float
    notes: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def sound_sets(self) -> tuple[SoundSet, ...]:
        """The sets of sounds that there are."""
        return tuple(one for one in (self.stems, self.original, self.truth) if one is not None)

    def label(self, name: str) -> str:
        """Give what a lane is called."""
        return self.labels.get(name, name.capitalize())


def playback_sounds(settings: Settings) -> Sounds:
    """Give the folder of the sounds."""
    return Sounds(settings.sounds)


def find_playable(song: Song, system_id: str, settings: Settings, excerpt: Excerpt) -> Playable | None:
    """Give what :func:`playable` has made before, in milliseconds; None if something of it is missing or has changed.

    Raises
    ------
    CadenzaError
        If the system is unknown or a file of the song is gone.
    """
    return _recall(_memo(song, system_id, settings, excerpt), playback_sounds(settings))


def playable_key(song: Song, system_id: str, settings: Settings, excerpt: Excerpt) -> str:
    """Give a name of the request that two who ask for the same share, and that changes when a file of the song does.

    Raises
    ------
    CadenzaError
        As :func:`find_playable`.
    """
    return f"play-{_memo(song, system_id, settings, excerpt).stem}"


def playable(
    song: Song, system_id: str, settings: Settings, excerpt: Excerpt, *, progress: Progress = silent
) -> Playable:
    """Separate an excerpt (or take it from the cache) and make its sounds.

    Raises
    ------
    CadenzaError
        As `separate`; if sounds cannot be written.
    """
    sounds = playback_sounds(settings)
    memo = _memo(song, system_id, settings, excerpt)
    if found := _recall(memo, sounds):
        return found
    result = separate(song, system_id, settings, excerpt, progress=part(progress, 0.0, 0.8))
    mixture = song.mixture(excerpt)
    stems = fitted_stems(result, mixture.samples.shape[1])
    made = sounds.put(sound_id(result.key, "stems"), stems, RATE, part(progress, 0.8, 0.9))
    original = None
    if not sums_to(stems, mixture.samples):
        facts = sound_id(result.key, "mixture")
        original = sounds.put(facts, {"mixture": mixture.samples}, RATE, part(progress, 0.9, 0.93))
    truth = None
    if song.has_stems and system_id == "reference":
        truth = made
    elif song.has_stems:
        true_stems = dict(song.stems(excerpt))
        truth = sounds.put(sound_id(result.key, "truth"), true_stems, RATE, part(progress, 0.93, 1.0))
    notes = (*result.notes, *_over_full_scale(made))
    ready = Playable(made, original, truth, result.key, result.seconds, notes)
    _remember(memo, ready)
    progress(1.0, "ready to play")
    return ready


def fitted_stems(separation: Separation, frames: int) -> dict[str, np.ndarray]:
    """Give the stems as they are played: at 44.1 kHz, `frames` samples long, in the studio's order.

    What a system gives besides vocals, drums, bass and other is added to other, so that the sum stays the same.
    """
    stems = {name: _fitted(samples, separation.stems.rate, frames) for name, samples in separation.stems.items()}
    extra = [samples for name, samples in stems.items() if name not in STEMS]
    if extra:
        stems["other"] = np.sum([stems["other"], *extra] if "other" in stems else extra, axis=0)
    return {name: stems[name] for name in STEMS if name in stems}


def sums_to(stems: Mapping[str, np.ndarray], mixture: np.ndarray) -> bool:
    """Tell whether stems sum to the mixture as exactly as they are played."""
    return float(np.max(np.abs(np.sum(list(stems.values()), axis=0) - mixture))) <= PRECISION


def _fitted(samples: np.ndarray, rate: int, frames: int) -> np.ndarray:
    """Bring a stem to the studio's sample rate and the song's length."""
    samples = resample(samples, rate, RATE)
    if samples.shape[1] < frames:
        samples = np.pad(samples, ((0, 0), (0, frames - samples.shape[1])))
    return samples[:, :frames]


def _over_full_scale(stems: SoundSet) -> tuple[str, ...]:
    loud = [sound for sound in stems.sounds.values() if sound.file.endswith(".wav")]
    return tuple(
        f"{sound.name} exceeds full scale ({20 * np.log10(sound.peak):+.1f} dB FS); it is kept as it is, not cut off"
        for sound in loud
    )


def _memo(song: Song, system_id: str, settings: Settings, excerpt: Excerpt) -> Path:
    """Name the note about a request by everything that its answer hangs on."""
    identity = dict(get_system(system_id, settings).identity())
    files = []
    for name, track in song.tracks.items():
        try:
            seen = track.path.stat()
        except OSError as error:
            raise CadenzaError(f"{track.path} cannot be read: {error.strerror or error}. Is it still there?") from error
        files.append([name, str(track.path), track.stream, seen.st_size, seen.st_mtime_ns])
    facts = json.dumps([system_id, identity, str(excerpt), files], sort_keys=True)
    return settings.sounds / "requests" / f"{sound_id('request', facts)}.json"


def _remember(memo: Path, ready: Playable) -> None:
    content = {
        "sets": [one and one.id for one in (ready.stems, ready.original, ready.truth)],
        "separation": ready.separation,
        "seconds": ready.seconds,
        "notes": ready.notes,
    }
    with suppress(CadenzaError), atomic_file(memo) as temporary:  # only saves time
        temporary.write_text(json.dumps(content), encoding="utf-8")


def _recall(memo: Path, sounds: Sounds) -> Playable | None:
    try:
        content = parse_json(memo.read_text(encoding="utf-8"))
        found = [sounds.get(name) if name else None for name in content["sets"]]
        stems, original, truth = found
        if stems is None or any(name and one is None for name, one in zip(content["sets"], found, strict=True)):
            return None
        return Playable(
            stems, original, truth, content["separation"], float(content["seconds"]), tuple(content["notes"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
