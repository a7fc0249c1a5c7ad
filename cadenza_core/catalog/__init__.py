"""What there is to work on: songs and their excerpts, listeners and their audiograms."""

from .library import demo_song, find_song, has_demo_song, library, listener_files, songs_in
from .listeners import (
    all_listeners,
    find_listener,
    make_listener,
    pure_tone_average,
    read_listeners,
    standard_listeners,
)
from .songs import WHOLE, Excerpt, Song, Track

__all__ = [
    "WHOLE",
    "Excerpt",
    "Song",
    "Track",
    "all_listeners",
    "demo_song",
    "find_listener",
    "find_song",
    "has_demo_song",
    "library",
    "listener_files",
    "make_listener",
    "pure_tone_average",
    "read_listeners",
    "songs_in",
    "standard_listeners",
]
