"""What a run works on: the songs, listeners and segments of one of CAD1's sets, read from a user's disk and checked.

::

    ROOT/audio/musdb18hq/{train,test}/<song>/{mixture,vocals,drums,bass,other}.wav
    ROOT/metadata/[musdb18hq/]{musdb18,listeners}.{train,valid,test}.json, musdb18.segments.test.json

The order of songs and listeners is the metadata's: it is the order of the score table's rows. Everything that is wrong with
the lists is said before any work begins.
"""

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clarity.utils.audiogram import Listener

from ..catalog import WHOLE, Excerpt, Song, read_listeners, songs_in
from ..catalog.musdb import metadata_folders, plain, read_song_list, tree_of
from ..catalog.segments import Segments, read_segments
from ..errors import CadenzaError
from ..files import check_name, expand
from ..submission import pair_folder

__all__ = ["SETS", "ChallengeSet", "excerpt_of", "metadata_file", "named", "read_set", "select"]

#: The sets of CAD1. The songs of `valid` lie in the folder ``train``.
SETS = ("train", "valid", "test")
_SHOWN = 8


@dataclass(frozen=True)
class ChallengeSet:
    """Songs and listeners of one set.

    Parameters
    ----------
    root : Path
        The user's tree.
    name : str
        ``train``, ``valid`` or ``test``.
    songs : tuple of Song
        Named as in the metadata, which seeds HAAQI's noise.
    listeners : tuple of Listener
    segments : mapping of str to Segments
        Song -> the excerpts to which the evaluation set is cut; empty: whole songs.
    """

    root: Path
    name: str
    songs: tuple[Song, ...] = field(repr=False)
    listeners: tuple[Listener, ...] = field(repr=False)
    segments: Mapping[str, Segments] = field(default_factory=dict, repr=False)

    @property
    def pairs(self) -> list[tuple[Song, Listener]]:
        """Every song with every listener, in the recipe's order."""
        return [(song, listener) for song in self.songs for listener in self.listeners]

    @property
    def is_cut(self) -> bool:
        """Whether results are cut to segments."""
        return bool(self.segments)


def read_set(
    root: Path,
    name: str,
    *,
    songs: Sequence[str] = (),
    listeners: Sequence[str] = (),
    without: Sequence[str] = (),
    segments: Path | None = None,
    whole: bool = False,
) -> ChallengeSet:
    """Read a set and check it.

    Parameters
    ----------
    root : Path
        As above, or the MUSDB18 tree itself.
    name : str
        ``train``, ``valid`` or ``test``.
    songs, listeners : sequence of str
        JSON files instead of the set's own, names, or patterns of names (``*``, ``?``, ``[...]``); none: all.
    without : sequence of str
        Songs and listeners to leave out: names or patterns.
    segments : Path, optional
        Segments file; by default the one of the set, which only the evaluation set has.
    whole : bool
        Do not cut, even if there are segments.

    Raises
    ------
    CadenzaError
        If the tree or a list is not there or faulty, a song or listener is named twice, is not there, is not safe as a
        file name, or has no segments, or a name or pattern fits nothing.
    """
    if name not in SETS:
        raise CadenzaError(f"There is no set {name!r}; the sets are {', '.join(SETS)}.")
    try:
        tree = tree_of(expand(root))
    except OSError as error:
        raise CadenzaError(f"{root} cannot be read: {error.strerror or error}.") from error
    if tree is None:
        raise CadenzaError(
            f"{root} is no tree of songs: no audio/musdb18hq/train or .../test in it. Give the folder that holds audio/ and "
            "metadata/."
        )
    entries, patterns = _song_entries(tree, name, songs)
    chosen = select([entry["Track Name"] for entry in entries], patterns, without, "song")
    people, patterns = _listeners(tree, name, listeners)
    heard = select(list(people), patterns, without, "listener")
    _check_without(without, [*(entry["Track Name"] for entry in entries), *people])
    found = _find(tree, [entry for entry in entries if entry["Track Name"] in chosen])
    cuts = {} if whole else _segments(tree, name, segments, [song.name for song in found])
    made = ChallengeSet(root, name, tuple(found), tuple(people[one] for one in heard), cuts)
    for song, listener in made.pairs:
        pair_folder(Path(), listener.id, song.name)  # can the names be a folder's and files'?
    return made


def excerpt_of(song: Song, span: tuple[float, float] | None) -> Excerpt:
    """Give the part of a song that a segment is; None: all. One that goes on after the song's end ends there, as files do."""
    if span is None:
        return WHOLE
    return Excerpt(span[0], span[1] if span[1] < song.duration else None)


def metadata_file(tree: Path, name: str) -> Path | None:
    """Give the file of that name in the metadata of a tree, or None."""
    return next((folder / name for folder in metadata_folders(tree) if (folder / name).is_file()), None)


def select(names: Sequence[str], patterns: Sequence[str], without: Sequence[str], what: str) -> list[str]:
    """Give those of `names` that fit any of `patterns` (none: all) and none of `without`, in their order.

    Raises
    ------
    CadenzaError
        If a pattern fits nothing, or nothing is left.
    """
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in names):
            raise CadenzaError(f"No {what} fits {pattern!r}. There are {named(names)}.")
    kept = [name for name in names if not patterns or any(_fits(name, pattern) for pattern in patterns)]
    kept = [name for name in kept if not any(_fits(name, pattern) for pattern in without)]
    if not kept:
        raise CadenzaError(f"No {what} is left of {len(names)}: what is left out is all there was.")
    return kept


def named(names: Sequence[str]) -> str:
    """Give names for a sentence: the first few, and how many more."""
    rest = len(names) - _SHOWN
    return ", ".join(repr(name) for name in names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or plain(name) == plain(pattern) or fnmatch.fnmatchcase(plain(name), plain(pattern))


def _check_without(patterns: Sequence[str], names: Sequence[str]) -> None:
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in names):
            raise CadenzaError(f"Nothing is left out by {pattern!r}: no song or listener fits it.")


def _split(choice: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Split what a user gave into JSON files and patterns."""
    files = [expand(Path(text)) for text in choice if text.endswith(".json")]
    return files, [text for text in choice if not text.endswith(".json")]


def _song_entries(tree: Path, name: str, choice: Sequence[str]) -> tuple[list[dict[str, str]], list[str]]:
    """Read the lists of songs; give their entries and the patterns."""
    files, patterns = _split(choice)
    if not files:
        file = metadata_file(tree, f"musdb18.{name}.json")
        if file is None:
            raise CadenzaError(_no_metadata(tree, f"musdb18.{name}.json", "--songs"))
        files = [file]
    entries = [entry for file in files for entry in read_song_list(file)]
    if not entries:
        raise CadenzaError(f"{files[0]} names no song.")
    _check_names([entry["Track Name"] for entry in entries], files, "song")
    return entries, patterns


def _listeners(tree: Path, name: str, choice: Sequence[str]) -> tuple[dict[str, Listener], list[str]]:
    files, patterns = _split(choice)
    if not files:
        file = metadata_file(tree, f"listeners.{name}.json")
        if file is None:
            raise CadenzaError(_no_metadata(tree, f"listeners.{name}.json", "--listeners"))
        files = [file]
    people = [listener for file in files for listener in read_listeners(file).values()]
    _check_names([listener.id for listener in people], files, "listener")
    return {listener.id: listener for listener in people}, patterns


def _no_metadata(tree: Path, name: str, option: str) -> str:
    folders = " and ".join(str(folder) for folder in metadata_folders(tree))
    return f"There is no {name} in {folders}. Put the challenge's metadata there, or name a file with {option}."


def _check_names(names: Sequence[str], files: Sequence[Path], what: str) -> None:
    place = ", ".join(str(file) for file in files)
    if twice := [name for name, count in Counter(plain(name) for name in names).items() if count > 1]:
        raise CadenzaError(
            f"{place}: the {what} {named(twice)} is named more than once. Every name must be there once."
        )
    for name in names:
        try:
            check_name(name, what)
        except CadenzaError as error:
            raise CadenzaError(f"{place}: {error}") from error


def _find(tree: Path, entries: Sequence[Mapping[str, str]]) -> list[Song]:
    """Find the songs of a list on the disk, in its order."""
    there = {(_folder_of(song), plain(song.name)): song for song in songs_in(tree)}
    found: list[Song] = []
    missing: list[str] = []
    elsewhere: list[str] = []
    for entry in entries:
        name = entry["Track Name"]
        split = "test" if entry.get("Split") == "test" else "train"  # as the recipe
        song = there.get((split, plain(name)))
        if song is None:
            (elsewhere if any(key[1] == plain(name) for key in there) else missing).append(f"{split}/{name}")
        else:
            found.append(replace(song, name=name))
    if missing or elsewhere:
        moved = f" ({named(elsewhere)} lie in the other folder than their Split says)" if elsewhere else ""
        raise CadenzaError(
            f"{len(missing) + len(elsewhere)} of {len(entries)} songs are not in {tree}: {named([*missing, *elsewhere])}"
            f"{moved}. Complete the data, or choose songs with --songs or --without."
        )
    return found


def _folder_of(song: Song) -> str:
    """Give the name of the folder that a song lies in: ``train`` or ``test``."""
    path = song.files()[0]
    return (path.parent if song.kind in {"stem.mp4", "file"} else path.parent.parent).name


def _segments(tree: Path, name: str, file: Path | None, songs: Sequence[str]) -> dict[str, Segments]:
    """Read the segments that a set is cut to: of the evaluation set always, of others if a file is given."""
    if file is None:
        if name != "test":
            return {}
        file = metadata_file(tree, "musdb18.segments.test.json")
        if file is None:
            raise CadenzaError(_no_metadata(tree, "musdb18.segments.test.json", "--segments (or give --whole)"))
    known = {plain(song): cut for song, cut in read_segments(expand(file)).items()}
    if missing := [song for song in songs if plain(song) not in known]:
        raise CadenzaError(
            f"{file} has no segments for {len(missing)} of {len(songs)} songs: {named(missing)}. Complete it, leave them out "
            "with --without, or take whole songs with --whole."
        )
    return {song: known[plain(song)] for song in songs}
