"""Sounds for the browser: made once from stems and songs, named by content, served as files."""

from .extracted import REST, Extracted, Wish, extracted_lanes, extracted_playable, find_extracted, wish_key
from .levels import levels_file
from .library import Playable, find_playable, fitted_stems, playable, playable_key, playback_sounds
from .sounds import Sound, Sounding, Sounds, SoundSet

__all__ = [
    "REST",
    "Extracted",
    "Playable",
    "Sound",
    "SoundSet",
    "Sounding",
    "Sounds",
    "Wish",
    "extracted_lanes",
    "extracted_playable",
    "find_extracted",
    "find_playable",
    "fitted_stems",
    "levels_file",
    "playable",
    "playable_key",
    "playback_sounds",
    "wish_key",
]
