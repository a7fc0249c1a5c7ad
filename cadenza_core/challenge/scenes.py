"""ICASSP 2024's data: scenes, each a song at the microphones of a hearing aid with target gains, and their listeners.

::

    ROOT/audio/at_mic_music/<Path>/{mixture,vocals,drums,bass,other}.wav
    ROOT/metadata/{at_mic_music,scenes,scene_listeners,listeners}.{train,valid,test}.json, gains.json

`scenes` says which music, head position and gains a scene has, `at_mic_music` where the sound of "<music>-<position>" lies,
`gains` how many dB each stem is raised (pyclarity 0.9.0, recipes/cad_icassp_2024).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clarity.utils.audiogram import Listener

from ..audio import STEMS
from ..catalog import Song, read_listeners, songs_in
from ..errors import CadenzaError
from ..files import check_name, expand, parse_json
from .sets import SETS, named, select

__all__ = ["Scene", "SceneSet", "read_scenes"]


@dataclass(frozen=True)
class Scene:
    """One scene.

    Parameters
    ----------
    id : str
        Seeds HAAQI's noise and begins the file names.
    song : Song
        Named "<music>-<head position>".
    gains : mapping of str to float
        dB by which each stem is raised.
    listeners : tuple of Listener
    """

    id: str
    song: Song
    gains: Mapping[str, float]
    listeners: tuple[Listener, ...]


@dataclass(frozen=True)
class SceneSet:
    """The scenes of one set."""

    root: Path
    name: str
    scenes: tuple[Scene, ...] = field(repr=False)

    @property
    def pairs(self) -> list[tuple[Scene, Listener]]:
        """Every scene with each of its listeners, in the recipe's order."""
        return [(scene, listener) for scene in self.scenes for listener in scene.listeners]


def read_scenes(
    root: Path, name: str, *, scenes: Sequence[str] = (), listeners: Sequence[str] = (), without: Sequence[str] = ()
) -> SceneSet:
    """Read the scenes of a set and check them.

    Parameters
    ----------
    root : Path
    name : str
        ``train``, ``valid`` or ``test``.
    scenes, listeners, without : sequence of str
        Names or patterns of scenes and listeners; none: all.

    Raises
    ------
    CadenzaError
        If a file is missing or faulty, or a scene names a song, listener or gains that are not there.
    """
    if name not in SETS:
        raise CadenzaError(f"There is no set {name!r}; the sets are {', '.join(SETS)}.")
    root = expand(root)
    metadata = root / "metadata"
    table, gains = _object(metadata / f"scenes.{name}.json"), _object(metadata / "gains.json")
    heard_by, music = (_object(metadata / f"{what}.{name}.json") for what in ("scene_listeners", "at_mic_music"))
    people = read_listeners(metadata / f"listeners.{name}.json")
    chosen = select([scene for scene in heard_by if scene in table], scenes, without, "scene")
    ids = set(select(list(people), listeners, without, "listener"))
    if unknown := [scene for scene in heard_by if scene not in table]:
        raise CadenzaError(f"{metadata}: {named(unknown)} have listeners but are no scenes.")
    songs: dict[str, Song] = {}
    made = []
    for scene in chosen:
        where = f"{metadata / f'scenes.{name}.json'}, {scene!r}"
        check_name(scene, "scene")
        entry = table[scene]
        song = f"{_text(entry, 'music', where)}-{_text(entry, 'head_loudspeaker_positions', where)}"
        if song not in songs:
            songs[song] = _song(root / "audio" / "at_mic_music", song, music, where)
        heard = heard_by[scene]
        if not isinstance(heard, list) or not all(isinstance(one, str) for one in heard):
            raise CadenzaError(f"{metadata / f'scene_listeners.{name}.json'}: {scene!r} has no list of listeners.")
        if missing := [one for one in heard if one not in people]:
            raise CadenzaError(f"{where}: the listeners {named(missing)} are not in listeners.{name}.json.")
        listens = tuple(people[one] for one in dict.fromkeys(heard) if one in ids)
        if listens:
            made.append(Scene(scene, songs[song], _gains(gains, _text(entry, "gain", where), where), listens))
    if not made:
        raise CadenzaError("No scene is left: none of those that were chosen has one of the chosen listeners.")
    return SceneSet(root, name, tuple(made))


def _object(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no file {path}: is this the tree of ICASSP 2024's data?") from error
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict) or not content:
        raise CadenzaError(f"{path} must hold an object with an entry for each name.")
    return content


def _text(entry: Any, key: str, where: str) -> str:
    value = entry.get(key) if isinstance(entry, Mapping) else None
    if not isinstance(value, str) or not value:
        raise CadenzaError(f"{where}: {key!r} is {value!r}; a text is needed.")
    return value


def _gains(gains: Mapping[str, Any], name: str, where: str) -> dict[str, float]:
    entry = gains.get(name)
    good = isinstance(entry, Mapping) and all(
        isinstance(entry.get(stem), int | float) and not isinstance(entry.get(stem), bool) for stem in STEMS
    )
    if not good:
        raise CadenzaError(f"{where}: gains.json has no dB for {', '.join(STEMS)} under {name!r}.")
    assert entry is not None
    return {stem: float(entry[stem]) for stem in STEMS}


def _song(folder: Path, name: str, music: Mapping[str, Any], where: str) -> Song:
    if name not in music:
        raise CadenzaError(f"{where}: {name!r} is not in the list at_mic_music.")
    place = folder / _text(music[name], "Path", f"{where}, {name!r}")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise CadenzaError(f"{where}: the path of {name!r} leads out of {folder}.")
    if not place.is_dir():
        raise CadenzaError(f"{where}: the song {name!r} is not there: no folder {place}. Complete the data.")
    found = songs_in(place)
    if len(found) != 1:
        raise CadenzaError(f"{place} holds {len(found)} songs; one, with its stems, is needed.")
    return replace(found[0], id=name, name=name)
