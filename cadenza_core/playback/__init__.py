"""Sounds for the browser: made once from stems and songs, named by content, served as files."""

from .levels import levels_file
from .library import Playable, find_playable, fitted_stems, playable, playable_key, playback_sounds
from .sounds import Sound, Sounds, SoundSet

__all__ = [
    "Playable",
    "Sound",
    "SoundSet",
    "Sounds",
    "find_playable",
    "fitted_stems",
    "levels_file",
    "playable",
    "playable_key",
    "playback_sounds",
]
