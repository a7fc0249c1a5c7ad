"""What a user has added: uploaded songs, folders of songs, listeners. All of it lies in ``settings.own``.

``uploads/<digest>/<name>`` (one song each), ``places.json`` (paths of folders and files), ``listeners/own.json`` (Cadenza's
JSON). The settings that :func:`with_own` gives have them in, so that page, command line and jobs see the same catalog. On a
server that people sign in to, `settings.own` is private to each, and what lies in `settings.home` is shared by all.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from clarity.utils.audiogram import Listener

from ..audio.reading import AUDIO_SUFFIXES, audio_info
from ..errors import CadenzaError
from ..files import atomic_file, check_name, disk_errors, expand, parse_json
from ..settings import Settings
from .library import songs_in
from .listeners import read_listeners
from .songs import Song

__all__ = [
    "MAX_SECONDS",
    "MAX_UPLOAD",
    "MAX_UPLOADS",
    "QUOTA",
    "add_place",
    "add_upload",
    "own_listeners",
    "places",
    "remove_place",
    "remove_upload",
    "save_listeners",
    "uploads",
    "with_own",
]

#: Largest file that is taken from a browser, bytes.
MAX_UPLOAD = 500 * 1000**2
#: Longest song that is taken from a browser, s.
MAX_SECONDS = 3600.0
#: Most uploads of a person who has signed in, and the bytes of all of them.
MAX_UPLOADS, QUOTA = 200, 5 * 1000**3
#: Sound that unpacks to more than this many times its file's size, and above so many bytes, is no music but a bomb.
_MAX_RATIO, _RATIO_FLOOR = 200, 50 * 1000**2
_SAMPLE_BYTES = 4
_WRITING = threading.Lock()


def with_own(settings: Settings) -> Settings:
    """Give the settings with what the user has added, and what is shared; a place that is gone meanwhile is left out."""
    music = [*settings.music, *(place for place in places(settings) if place.exists())]
    listeners = list(settings.listeners)
    for home in dict.fromkeys((settings.home, settings.own)):
        songs, own = home / "uploads", home / "listeners" / "own.json"
        if songs.is_dir():
            music += sorted(place for place in songs.iterdir() if place.is_dir() and not place.name.startswith("."))
        if own.is_file():
            listeners.append(own)
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
        content = parse_json(path.read_text(encoding="utf-8"))
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
        If it is not there or holds no songs, or on a server that people sign in to: its files are not theirs to read.
    """
    if settings.person:
        raise CadenzaError(
            "Folders of this server are added by who runs it (`music` in config.toml). Upload the song's file instead."
        )
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


def add_upload(name: str, content: bytes | memoryview, settings: Settings, *, shared: bool = False) -> Song:
    """Keep an uploaded sound file; the same content is kept once.

    Parameters
    ----------
    name : str
        As the browser gives it.
    content : bytes
    settings : Settings
    shared : bool
        Whether all people of a server shall have the song, not only who uploads it.

    Raises
    ------
    CadenzaError
        If it is empty, too large, has a name that is not one, is too long, has more than two channels, or is not sound that
        can be read whole; or if a person's uploads are too many.
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
    place = (settings.home if shared else settings.own) / "uploads"
    folder = place / hashlib.sha256(content).hexdigest()[:24]
    path = folder / plain
    if settings.person and not path.is_file():
        _check_quota(place, len(content))
    with _uploading(folder, plain):
        if not path.is_file():
            with atomic_file(path) as temporary:
                temporary.write_bytes(content)
        song = songs_in(path)[0]
        _check_sound(path, len(content))
        song.check()
        for track in song.tracks.values():
            track.read()  # every sample: a file that is cut off is refused now, not in the middle of a separation
    return song


def uploads(settings: Settings) -> list[Path]:
    """Give the files that this person has uploaded for themselves, by name."""
    place = settings.own / "uploads"
    found = (path for path in place.glob("[!.]*/[!.]*") if path.is_file())
    return sorted(found, key=lambda path: (path.name.casefold(), path.parent.name))


def remove_upload(path: Path, settings: Settings) -> None:
    """Delete one of :func:`uploads`; anything else is left alone.

    Raises
    ------
    CadenzaError
        If it cannot be deleted.
    """
    if path not in uploads(settings):
        return
    with disk_errors(path):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something else lies in it
        path.parent.rmdir()


def _check_quota(place: Path, size: int) -> None:
    kept = [path for path in place.glob("*/*") if path.is_file()]
    used = sum(path.stat().st_size for path in kept)
    if len(kept) >= MAX_UPLOADS or used + size > QUOTA:
        raise CadenzaError(
            f"There is no room for it: {len(kept)} of {MAX_UPLOADS} uploads, {used / 1e9:.1f} of {QUOTA / 1e9:.0f} GB are "
            "used. Remove some first."
        )


def _check_sound(path: Path, size: int) -> None:
    """Check by the header, before anything is decoded: length, and what it would unpack to."""
    info = audio_info(path)
    if info.duration > MAX_SECONDS:
        raise CadenzaError(f"{path} lasts {info.duration / 60:.0f} min; {MAX_SECONDS / 60:.0f} min is the most.")
    unpacked = info.frames * info.channels * _SAMPLE_BYTES
    if unpacked > max(_RATIO_FLOOR, _MAX_RATIO * size):
        raise CadenzaError(
            f"{path} has {size / 1e3:.0f} kB and would unpack to {unpacked / 1e6:.0f} MB: this is no music. Export it again."
        )


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
    return settings.own / "listeners" / "own.json"


def _places_file(settings: Settings) -> Path:
    return settings.own / "places.json"


def _write_places(known: list[Path], settings: Settings) -> None:
    with atomic_file(_places_file(settings)) as temporary:
        temporary.write_text(json.dumps([str(place) for place in known], indent=1), encoding="utf-8")
