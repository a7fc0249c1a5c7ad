"""Pieces of tracks as sounds that the browser can fetch: made when one is asked for, then kept."""

import numpy as np

from ..audio import RATE
from ..playback import SoundSet, playback_sounds
from ..playback.sounds import sound_id
from ..progress import silent
from ..settings import Settings
from .collection import Item

__all__ = ["CLIP", "clip_sound"]

#: Name of the one sound of such a set.
CLIP = "clip"


def clip_sound(item: Item, settings: Settings) -> SoundSet:
    """Give a piece as a set of one sound, 44.1 kHz stereo, as it is in the song (not levelled).

    Raises
    ------
    CadenzaError
        If the song cannot be read or the sound not be written.
    """
    sounds = playback_sounds(settings)
    facts = sound_id("clip", item.track.digest(settings, silent), str(item.excerpt))
    if found := sounds.get(facts):
        return found
    audio = item.track.read(settings, item.excerpt)
    samples = np.ascontiguousarray(audio.at(RATE).samples)
    return sounds.put(facts, {CLIP: samples}, RATE)
