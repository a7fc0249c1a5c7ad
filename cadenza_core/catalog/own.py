"""What a user has added: uploaded songs, folders of songs, listeners. All of it lies in ``settings.home``.

``uploads/<digest>/<name>`` (one song each), ``places.json`` (paths of folders and files), ``listeners/own.json`` (Cadenza's
JSON). The settings that :func:`with_own` gives have them in, so that page, command line and jobs see the same catalog.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from clarity.utils.audiogram import Listener

from ..audio.reading import AUDIO_SUFFIXES
from ..errors import CadenzaError
from ..files import atomic_file, check_name, expand
from ..settings import Settings
from .library import songs_in
from .listeners import read_listeners
from .songs import Song

__all__ = [
    "MAX_UPLOAD",
    "add_place",
    "add_upload",
    "own_listeners",
    "places",
    "remove_place",
    "save_listeners",
    "with_own",
]

#: Largest file that is taken from a browser, bytes.
MAX_UPLOAD = 500 * 1000**2
_WRITING = threading.Lock()


def with_own(settings: Settings) -> Settings:
    """Give the settings with what the user has added; a place that is gone meanwhile is left out."""
    music = [*settings.music, *(place for place in places(settings) if place.exists())]
    uploads = settings.home / "uploads"
    if uploads.is_dir():
        music += sorted(folder for folder in uploads.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    own = _own_file(settings)
    listeners = (*settings.listeners, own) if own.is_file() else settings.listeners
    return replace(settings, music=tuple(dict.fromkeys(music)), listeners=tuple(dict.fromkeys(listeners)))


def places(settings: Settings) -> list[Path]:
    """Give the remembered folders and files.

    Raises
    ------
    CadenzaError
        If their list cannot be read.
    """
    path = _places_file(settings)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, list) or not all(isinstance(text, str) for text in content):
            raise ValueError("a list of paths is wanted")
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read: {error}. Correct it or move it away.") from error
    return [Path(text) for text in content]


def add_place(text: str, settings: Settings) -> list[Song]:
    """Remember a folder or file of songs; give its songs.

    Raises
    ------
    CadenzaError
        If it is not there or holds no songs.
    """
    if not text.strip() or "\0" in text:
        raise CadenzaError("Give the path of a folder with songs, such as /home/ana/Music.")
    place = expand(Path(text.strip())).absolute()
    songs = songs_in(place)
    with _WRITING:
        known = places(settings)
        if place not in known:
            _write_places([*known, place], settings)
    return songs


def remove_place(place: Path, settings: Settings) -> None:
    """Forget a folder or file; it stays on the disk."""
    with _WRITING:
        _write_places([known for known in places(settings) if known != place], settings)


def add_upload(name: str, content: bytes | memoryview, settings: Settings) -> Song:
    """Keep an uploaded sound file; the same content is kept once.

    Raises
    ------
    CadenzaError
        If it is empty, too large, has a name that is not one, or is not sound that can be read whole.
    """
    plain = PureWindowsPath(PurePosixPath(name).name).name  # browsers give a name, but nobody promises it
    check_name(plain, "file")
    if not content:
        raise CadenzaError(f"{plain} is empty (0 bytes). Choose another file.")
    if len(content) > MAX_UPLOAD:
        raise CadenzaError(
            f"{plain} has {len(content) / 1e6:.0f} MB; {MAX_UPLOAD / 1e6:.0f} MB is the most. Add its folder by path instead."
        )
    if Path(plain).suffix.lower() not in AUDIO_SUFFIXES:
        endings = ", ".join(sorted(AUDIO_SUFFIXES))
        raise CadenzaError(f"{plain} is not taken for sound: names that end in {endings} are accepted.")
    folder = settings.home / "uploads" / hashlib.sha256(content).hexdigest()[:24]
    path = folder / plain
    with _uploading(folder, plain):
        if not path.is_file():
            with atomic_file(path) as temporary:
                temporary.write_bytes(content)
        song = songs_in(path)[0]
        song.check()
        for track in song.tracks.values():
            track.read()  # every sample: a file that is cut off is refused now, not in the middle of a separation
    return song


@contextlib.contextmanager
def _uploading(folder: Path, name: str) -> Iterator[None]:
    was_there = (folder / name).is_file()
    try:
        yield
    except CadenzaError as error:
        if not was_there:
            (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise CadenzaError(str(error).replace(f"{folder}/", "")) from error


def own_listeners(settings: Settings) -> dict[str, Listener]:
    """Give the listeners that the user has typed in or imported."""
    path = _own_file(settings)
    return read_listeners(path) if path.is_file() else {}


def save_listeners(listeners: list[Listener], settings: Settings) -> None:
    """Keep listeners; one of the same name is replaced.

    Raises
    ------
    CadenzaError
        If they cannot be written.
    """
    with _WRITING:
        known = own_listeners(settings) | {listener.id: listener for listener in listeners}
        with atomic_file(_own_file(settings)) as temporary:
            temporary.write_text(
                json.dumps({key: _entry(one) for key, one in known.items()}, indent=1), encoding="utf-8"
            )


def _entry(listener: Listener) -> dict[str, object]:
    return {
        "name": listener.id,
        "audiogram_cfs": listener.audiogram_left.frequencies.tolist(),
        "audiogram_levels_l": listener.audiogram_left.levels.tolist(),
        "audiogram_levels_r": listener.audiogram_right.levels.tolist(),
    }


def _own_file(settings: Settings) -> Path:
    return settings.home / "listeners" / "own.json"


def _places_file(settings: Settings) -> Path:
    return settings.home / "places.json"


def _write_places(known: list[Path], settings: Settings) -> None:
    with atomic_file(_places_file(settings)) as temporary:
        temporary.write_text(json.dumps([str(place) for place in known], indent=1), encoding="utf-8")
