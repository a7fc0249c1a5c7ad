"""Find songs: in MUSDB18-HQ trees, folders of .stem.mp4, folders of stems, single files, and the built-in demo.

Which of these a folder is, is told from what lies in it:

- ``{train,test}/<song>/{mixture,vocals,drums,bass,other}.wav`` (or FLAC), itself or below ``audio/musdb18hq``: a
  MUSDB18-HQ tree; `musdb18.*.json` is looked for in ``metadata/musdb18hq`` and ``metadata`` beside it;
- ``*.stem.mp4``: MUSDB18, five AAC streams each, in the order mixture, drums, bass, other, vocals;
- any of ``{vocals,drums,bass,other,mixture}.*``: one song;
- other sound files: a song each.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..audio import STEMS
from ..audio.reading import AUDIO_SUFFIXES
from ..audio.writing import write_audio
from ..errors import CadenzaError
from ..files import atomic_folder
from ..settings import Settings
from .songs import Song, Track

__all__ = ["demo_song", "find_song", "library", "songs_in"]

_PARTS = ("mixture", *STEMS)
_MP4_STREAMS = ("mixture", "drums", "bass", "other", "vocals")
_SPLITS = ("train", "test")
_DEMO_VERSION = 1


def library(settings: Settings) -> list[Song]:
    """Give the demo song and all songs of ``settings.music``, each with an id of its own.

    A song's id is its name; where two have the same name, the folder is put before it.

    Raises
    ------
    CadenzaError
        If a folder of the settings is not there or its metadata is faulty.
    """
    songs = [demo_song(settings)]
    for place in settings.music:
        songs += songs_in(place)
    names = [song.id for song in songs]
    repeated = {name for name in names if names.count(name) > 1}
    return [_with_folder(song) if song.id in repeated else song for song in songs]


def find_song(text: str, settings: Settings) -> Song:
    """Find a song by catalog id, or by the path of its file or folder.

    Raises
    ------
    CadenzaError
        If there is none, or the path holds more than one song.
    """
    if text == "demo":
        return demo_song(settings)
    path = Path(text).expanduser()
    if path.exists():
        songs = songs_in(path)
        if len(songs) == 1:
            return songs[0]
        names = ", ".join(song.name for song in songs[:8]) + (" ..." if len(songs) > 8 else "")
        raise CadenzaError(f"{path} holds {len(songs)} songs ({names}). Give the path of one of them.")
    songs = library(settings)
    matches = [song for song in songs if song.id == text] or [song for song in songs if song.name == text]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise CadenzaError(f"{text!r} is the name of several songs: {', '.join(song.id for song in matches)}.")
    raise CadenzaError(
        f"There is no song {text!r}: not a path, and not among the {len(songs)} songs of the catalog "
        "(`cadenza songs` lists them; CADENZA_MUSIC or --music adds folders)."
    )


def songs_in(place: Path) -> list[Song]:
    """Find the songs of one folder or file; see the top of the module for what is recognised.

    Raises
    ------
    CadenzaError
        If the place is not there, holds no sound, or its metadata is faulty.
    """
    if not place.exists():
        raise CadenzaError(f"There is no folder or file {place}.")
    place = place.resolve()
    songs = list(_single(place) if place.is_file() else _folder(place))
    if not songs:
        raise CadenzaError(
            f"No songs in {place}: no {{train,test}}/<song>/ folders, no .stem.mp4, no stems named "
            f"{', '.join(_PARTS)}, and no sound files ({', '.join(sorted(AUDIO_SUFFIXES))})."
        )
    return songs


def _folder(place: Path) -> Iterator[Song]:
    for tree in (place, place / "musdb18hq", place / "audio" / "musdb18hq"):
        if any((tree / split).is_dir() for split in _SPLITS):
            yield from _musdb_tree(tree)
            return
    if parts := _parts(place):
        metadata = _metadata(place.parent.parent) if place.parent.name in _SPLITS else {}
        yield _song_folder(place, parts, metadata)
        return
    for entry in sorted(place.iterdir()):
        if entry.is_dir() and (parts := _parts(entry)):
            yield _song_folder(entry, parts, {})
        elif entry.is_file() and entry.suffix.lower() in AUDIO_SUFFIXES and not entry.name.startswith("."):
            yield from _single(entry)


def _single(path: Path) -> Iterator[Song]:
    if path.name.lower().endswith(".stem.mp4"):
        name = path.name[: -len(".stem.mp4")]
        tracks = {part: Track(path, stream) for stream, part in enumerate(_MP4_STREAMS)}
        yield Song(name, name, "stem.mp4", tracks)
    else:
        yield Song(path.stem, path.stem, "file", {"mixture": Track(path)})


def _parts(folder: Path) -> dict[str, Track]:
    parts: dict[str, Track] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in AUDIO_SUFFIXES and path.stem in _PARTS and path.is_file():
            if path.stem in parts:
                raise CadenzaError(
                    f"{folder} has two files for {path.stem}: {parts[path.stem].path.name} and {path.name}."
                )
            parts[path.stem] = Track(path)
    return {part: parts[part] for part in _PARTS if part in parts}


def _song_folder(folder: Path, parts: dict[str, Track], metadata: dict[str, dict[str, Any]]) -> Song:
    facts = metadata.get(folder.name, {})
    in_tree = folder.parent.name in _SPLITS
    return Song(
        folder.name,
        folder.name,
        "musdb18hq" if in_tree else "folder",
        parts,
        split=str(facts.get("Split", folder.parent.name if in_tree else "")),
        genre=str(facts.get("Genre", "")),
        source=str(facts.get("Source", "")),
        licence=str(facts.get("License", "")),
    )


def _musdb_tree(tree: Path) -> Iterator[Song]:
    metadata = _metadata(tree)
    for split in _SPLITS:
        for folder in sorted((tree / split).glob("*/")):
            if parts := _parts(folder):
                yield _song_folder(folder, parts, metadata)


def _metadata(tree: Path) -> dict[str, dict[str, Any]]:
    """Read the song lists beside a MUSDB18-HQ tree; `valid` wins over `train`, of which it is a part on disk."""
    facts: dict[str, dict[str, Any]] = {}
    root = tree.parent.parent if tree.parent.name == "audio" else tree.parent
    for folder in (root / "metadata", root / "metadata" / "musdb18hq"):
        for part in ("train", "test", "valid"):
            path = folder / f"musdb18.{part}.json"
            if path.is_file():
                for entry in _song_list(path):
                    facts[entry["Track Name"]] = entry
    return facts


def _song_list(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CadenzaError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, list) or not all(isinstance(e, dict) and "Track Name" in e for e in content):
        raise CadenzaError(f'{path} is not a song list: [{{"Track Name": ..., "Split": ...}}, ...] is wanted.')
    return content


def _with_folder(song: Song) -> Song:
    from dataclasses import replace

    return replace(song, id=str(next(iter(song.tracks.values())).path.parent))


def demo_song(settings: Settings) -> Song:
    """Give the built-in demo song; made at first use (seconds), then kept in ``settings.home``.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    folder = settings.home / "demo" / f"v{_DEMO_VERSION}" / "Cadenza Demo"
    if not folder.is_dir():
        from .demo import render_demo

        stems = render_demo()
        with atomic_folder(folder) as temporary:
            for name, samples in {"mixture": stems.mixture(), **stems}.items():
                write_audio(temporary / f"{name}.wav", samples, stems.rate)
    tracks = {part: Track(folder / f"{part}.wav") for part in _PARTS}
    return Song("demo", "Cadenza Demo", "demo", tracks, genre="Pop", source="synthesised", licence="MIT")
