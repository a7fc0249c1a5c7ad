"""What a page opens with, and its making: the demo song, separated, ready to be played.

The song takes seconds to make at the first start, so that ``python -m pages.widgets.first`` does it while the server is still
imported. (Separating it there as well was no quicker: two cores are busy by then.) Nothing here imports Streamlit.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cadenza_core.catalog import Excerpt, demo_song, has_demo_song
from cadenza_core.progress import Progress, part, silent
from cadenza_core.settings import Settings

if TYPE_CHECKING:  # what starts the process needs none of it
    from cadenza_core.playback import Playable

__all__ = ["DEFAULT_LISTENER", "DEFAULT_SONG", "DEFAULT_SYSTEM", "begin", "first_excerpt", "first_sound"]

DEFAULT_SONG, DEFAULT_LISTENER, DEFAULT_SYSTEM = "demo", "N3", "preview"
#: Length of the excerpt that a song is opened with, s.
_FIRST = 15.0


def first_excerpt(duration: float) -> Excerpt:
    """Give the excerpt that a song is opened with: 15 s from about a third, or all of a short song."""
    if duration <= _FIRST + 5.0:
        return Excerpt(0.0, duration)
    start = round(0.3 * duration)
    return Excerpt(start, min(start + _FIRST, duration))


def first_sound(settings: Settings, progress: Progress = silent) -> "Playable":
    """Make what the first page plays, or find it in the caches.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    progress(0.02, "playing the demo song's instruments")
    song = demo_song(settings)
    from cadenza_core.playback import playable

    return playable(song, DEFAULT_SYSTEM, settings, first_excerpt(song.duration), progress=part(progress, 0.6, 1.0))


def begin(settings: Settings) -> "subprocess.Popen[bytes] | None":
    """Begin to make the demo song in another process; None if this is not the first start.

    Wait for the process before :func:`first_sound`, which would do the same beside it. If it fails, `first_sound` tells why.
    """
    if has_demo_song(settings):
        return None
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-m", "pages.widgets.first"]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdin=nothing, stdout=nothing, stderr=nothing)


if __name__ == "__main__":
    demo_song(Settings.load())
    os._exit(0)  # taking the interpreter apart takes a fifth of a second, and somebody waits
