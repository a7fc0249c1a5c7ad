"""A mix as its listener hears it, rendered by MSBG and kept for the browser: unaided, and amplified as prescribed.

What is heard depends on the level, so a rendering belongs to the gains, the master, the calibration, the prescription and the
audiogram that it was made with, and is found again by all of them. It takes about as long as the sound lasts.
"""

import json
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE
from ..catalog import Excerpt, Song
from ..hearing import ear_of
from ..hearing.simulation import simulate_hearing, simulation_notes
from ..progress import Progress, part, silent
from ..remix import EARS, MixSettings, render
from ..separation import separate
from ..settings import Settings
from .library import fitted_stems, playback_sounds
from .sounds import SoundSet, sound_id

__all__ = ["Simulated", "find_simulated", "simulated", "simulated_id"]

#: Changed when the rendering itself changes.
_VERSION = "1"
KINDS = ("unaided", "aided")


@dataclass(frozen=True)
class Simulated:
    """A rendering.

    Parameters
    ----------
    sounds : SoundSet
        ``unaided`` and ``aided``, both with the master's gain already in them.
    mix : MixSettings
        What it was made with.
    notes : tuple of str
        What the user should know.
    """

    sounds: SoundSet
    mix: MixSettings
    notes: tuple[str, ...]


def simulated_id(separation: str, listener: Listener, mix: MixSettings) -> str:
    """Name a rendering by everything that it hangs on; `separation` is the key of the separation."""
    ears = [ear_of(listener, ear) for ear in EARS]
    audiograms = [[ear.frequencies.tolist(), ear.levels.tolist()] for ear in ears]
    sound = [mix.gains.as_dict(), mix.master_db, mix.prescription, mix.calibration_db_spl]
    return sound_id("msbg", _VERSION, version("pyclarity"), separation, json.dumps([audiograms, sound], sort_keys=True))


def find_simulated(separation: str, listener: Listener, mix: MixSettings, settings: Settings) -> Simulated | None:
    """Give a rendering that was made before, if there is one."""
    found = playback_sounds(settings).get(simulated_id(separation, listener, mix))
    return Simulated(found, mix, simulation_notes(listener)) if found else None


def simulated(
    song: Song,
    system_id: str,
    settings: Settings,
    excerpt: Excerpt,
    listener: Listener,
    mix: MixSettings,
    *,
    progress: Progress = silent,
) -> Simulated:
    """Render an excerpt's mix as the listener hears it, or take it from the cache.

    Raises
    ------
    CadenzaError
        As `separate`; if the sounds cannot be written.
    """
    result = separate(song, system_id, settings, excerpt, progress=part(progress, 0.0, 0.05))
    if found := find_simulated(result.key, listener, mix, settings):
        return found
    frames = song.mixture(excerpt).samples.shape[1]
    stems = fitted_stems(result, frames)
    master = 10.0 ** (mix.master_db / 20.0)
    heard = {}
    for number, kind in enumerate(KINDS):
        amplified_for = listener if kind == "aided" else None
        sound = master * render(stems, RATE, mix.gains, listener=amplified_for, prescription=mix.prescription)
        share = part(progress, 0.05 + 0.45 * number, 0.5 + 0.45 * number)
        both = simulate_hearing(sound, RATE, listener, calibration_db_spl=mix.calibration_db_spl, progress=share)
        heard[kind] = both.astype(np.float32)
    made = playback_sounds(settings).put(
        simulated_id(result.key, listener, mix), heard, RATE, part(progress, 0.95, 1.0)
    )
    progress(1.0, "ready to play")
    return Simulated(made, mix, simulation_notes(listener))
