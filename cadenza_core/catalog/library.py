"""Find songs: in MUSDB18-HQ trees, folders of .stem.mp4, folders of stems, single files, and the built-in demo.

Which of these a folder is, is told from what lies in it:

- ``{train,test}/<song>/{mixture,vocals,drums,bass,other}.wav`` (or FLAC), itself or below ``audio/musdb18hq``: a
  MUSDB18-HQ tree; `musdb18.*.json` is looked for in ``metadata/musdb18hq`` and ``metadata`` beside it;
- ``*.stem.mp4``: MUSDB18, five AAC streams each, in the order mixture, drums, bass, other, vocals;
- any of ``{vocals,drums,bass,other,mixture}.*``: one song;
- other sound files: a song each.

What is hidden (a name with a dot in front) is left out.
"""

import contextlib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..audio import STEMS
from ..audio.reading import AUDIO_SUFFIXES
from ..audio.writing import write_audio
from ..errors import CadenzaError
from ..files import atomic_folder, expand
from ..settings import Settings
from .musdb import SPLITS, listener_lists, plain, printable, song_facts, tree_below, tree_of
from .songs import Song, Track

__all__ = ["demo_song", "find_song", "has_demo_song", "library", "listener_files", "songs_in"]

_PARTS = ("mixture", *STEMS)
_MP4 = ".stem.mp4"
_MP4_STREAMS = ("mixture", "drums", "bass", "other", "vocals")
_DEMO_VERSION = 1
_Facts = Mapping[str, Mapping[str, str]]


def library(settings: Settings) -> list[Song]:
    """Give the demo song and all songs of ``settings.music``, each once and with an id of its own.

    A song's id is its name; where two have the same name, the id is the path.

    Raises
    ------
    CadenzaError
        If a folder of the settings is not there or its metadata is faulty.
    """
    found = {frozenset(song.tracks.items()): song for place in settings.music for song in songs_in(place)}
    songs = [demo_song(settings), *found.values()]
    count = Counter(song.id for song in songs)
    return [song if count[song.id] == 1 or song.kind == "demo" else replace(song, id=_path_of(song)) for song in songs]


def find_song(text: str, settings: Settings) -> Song:
    """Find a song by catalog id, or by the path of its file or folder.

    Raises
    ------
    CadenzaError
        If there is none, or the path holds more than one song.
    """
    if text == "demo":
        return demo_song(settings)
    if path := _existing(text):
        songs = songs_in(path)
        if len(songs) == 1:
            return songs[0]
        names = ", ".join(song.name for song in songs[:8]) + (" ..." if len(songs) > 8 else "")
        raise CadenzaError(f"{path} holds {len(songs)} songs ({names}). Give the path of one of them.")
    songs = library(settings)
    name = plain(text)
    matches = [song for song in songs if song.id in (text, name)] or [song for song in songs if song.name == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise CadenzaError(f"{text!r} is the name of several songs: {', '.join(song.id for song in matches)}.")
    raise CadenzaError(
        f"There is no song {text!r}: not a path, and not among the {len(songs)} songs of the catalog "
        "(`cadenza songs` lists them; CADENZA_MUSIC or --music adds folders)."
    )


def listener_files(settings: Settings) -> tuple[Path, ...]:
    """Give the listener files to look in: those of the settings, then those beside the MUSDB18 trees of its music.

    A file that is reached in two ways is given once. Nothing is read: a missing or faulty file is reported when it is.
    """
    files = list(settings.listeners)
    for place in settings.music:
        with contextlib.suppress(OSError):  # a place that cannot be looked into: `songs_in` says so
            if tree := tree_of(place):
                files += listener_lists(tree)
    unique: dict[str, Path] = {}
    for file in files:
        unique.setdefault(os.path.realpath(file), file)
    return tuple(unique.values())


def songs_in(place: Path) -> list[Song]:
    """Find the songs of one folder or file; see the top of the module for what is recognised.

    Raises
    ------
    CadenzaError
        If the place is not there, cannot be read, holds no sound, or its metadata is faulty.
    """
    # A link keeps its own name, but the name of ".." is elsewhere.
    place = place.resolve() if ".." in place.parts else place.absolute()
    try:
        songs = list(_songs_in(place))
    except OSError as error:
        raise CadenzaError(f"{error.filename or place} cannot be read: {error.strerror or error}.") from error
    if not songs:
        raise CadenzaError(
            f"No songs in {place}: no {{train,test}}/<song>/ folders, no .stem.mp4, no stems named "
            f"{', '.join(_PARTS)}, and no sound files ({_SUFFIXES})."
        )
    return songs


_SUFFIXES = ", ".join(sorted(AUDIO_SUFFIXES))


def _songs_in(place: Path) -> Iterator[Song]:
    if place.is_dir():
        yield from _folder(place)
    elif place.is_symlink() and not place.exists():
        raise CadenzaError(f"{place} is a link to {place.readlink()}, which is not there.")
    elif not place.exists():
        raise CadenzaError(f"There is no folder or file {place}.")
    elif place.suffix.lower() not in AUDIO_SUFFIXES:
        raise CadenzaError(f"{place} is not taken for sound: names that end in {_SUFFIXES} are accepted.")
    else:
        yield _file_song(place, _facts_for(place))


def _folder(place: Path) -> Iterator[Song]:
    if tree := tree_below(place):
        for split in SPLITS:
            if (tree / split).is_dir():
                yield from _entries(tree / split)
    if parts := _parts(place):
        yield _folder_song(place, parts, _facts_for(place))
    else:
        yield from _entries(place)


def _entries(folder: Path) -> Iterator[Song]:
    """Give the songs that lie directly in a folder: folders of stems and sound files."""
    facts = song_facts(folder.parent) if folder.name in SPLITS else {}
    for entry in _visible(folder):
        try:
            parts = _parts(entry) if entry.is_dir() else None
        except PermissionError as error:  # such as lost+found: no reason to hide all others
            logging.getLogger(__name__).warning("%s was passed over: %s.", entry, error.strerror)
            continue
        if parts:
            yield _folder_song(entry, parts, facts)
        elif parts is None and entry.suffix.lower() in AUDIO_SUFFIXES:
            yield _file_song(entry, facts)


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _parts(folder: Path) -> dict[str, Track]:
    parts: dict[str, Track] = {}
    for path in _visible(folder):
        part = path.stem.lower()
        if path.suffix.lower() in AUDIO_SUFFIXES and part in _PARTS:
            if part in parts:
                raise CadenzaError(
                    f"{folder} has two files for {part}: {parts[part].path.name} and {path.name}. Move one of them away."
                )
            parts[part] = Track(path)
    return {part: parts[part] for part in _PARTS if part in parts}


def _facts_for(path: Path) -> _Facts:
    return song_facts(path.parent.parent) if path.parent.name in SPLITS else {}


def _folder_song(folder: Path, parts: Mapping[str, Track], facts: _Facts) -> Song:
    in_tree = folder.parent.name in SPLITS
    return _song(folder.name, "musdb18hq" if in_tree else "folder", parts, folder.parent.name if in_tree else "", facts)


def _file_song(path: Path, facts: _Facts) -> Song:
    if path.name.lower().endswith(_MP4):
        tracks = {part: Track(path, stream) for stream, part in enumerate(_MP4_STREAMS)}
        split = path.parent.name if path.parent.name in SPLITS else ""
        return _song(path.name[: -len(_MP4)], "stem.mp4", tracks, split, facts)
    return _song(path.stem, "file", {"mixture": Track(path)}, "", facts)


def _song(name: str, kind: str, tracks: Mapping[str, Track], split: str, facts: _Facts) -> Song:
    name = plain(name)
    known = facts.get(name, {})
    return Song(
        name,
        name,
        kind,
        tracks,
        split=known.get("Split", split),
        genre=known.get("Genre", ""),
        source=known.get("Source", ""),
        licence=known.get("License", ""),
    )


def _path_of(song: Song) -> str:
    path = next(iter(song.tracks.values())).path
    return printable(str(path if song.kind in {"file", "stem.mp4"} else path.parent))


def _existing(text: str) -> Path | None:
    try:
        path = expand(Path(text))
    except CadenzaError:  # "~nobody"; a song may be named so
        return None
    return path if text and os.path.lexists(path) else None


def demo_song(settings: Settings) -> Song:
    """Give the built-in demo song; made at first use (seconds), then kept in ``settings.home``.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    folder = _demo_folder(settings)
    if not folder.is_dir():
        from .demo import render_demo

        stems = render_demo()
        with atomic_folder(folder) as temporary:
            for name, samples in {"mixture": stems.mixture(), **stems}.items():
                write_audio(temporary / f"{name}.wav", samples, stems.rate)
    tracks = {part: Track(folder / f"{part}.wav") for part in _PARTS}
    return Song("demo", "Cadenza Demo", "demo", tracks, genre="Pop", source="synthesised", licence="MIT")


def has_demo_song(settings: Settings) -> bool:
    """Say whether the demo song has been made."""
    return _demo_folder(settings).is_dir()


def _demo_folder(settings: Settings) -> Path:
    return settings.home / "demo" / f"v{_DEMO_VERSION}" / "Cadenza Demo"
