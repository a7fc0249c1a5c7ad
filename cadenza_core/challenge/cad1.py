"""CAD1 task 1 as plans: the files of every song and listener, and their scores.

The recipe is pyclarity 0.9.0's recipes/cad1/task1/baseline: enhance.py (whole songs), test.py (the evaluation set, cut to
segments), evaluate.py (eight HAAQI values and their mean), merge_batches_results.py.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clarity.utils.audiogram import Listener

from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, Compressor, get_prescription
from ..remix import Gains
from ..settings import Settings
from ..submission import REMIX_RATE, STEM_NAMES, STEM_RATE, enhanced_folder, pair_complete, pair_folder
from ..submission.layout import ENHANCED, EVALUATION
from .folder import RunFolder
from .gains import GainsOf, Proposed
from .pairs import Enhance, Score, files_state
from .plan import Group, Plan, Unit, ear_facts, results_folder, songs_at_once, usable_system
from .run import new_token
from .sets import ChallengeSet, named
from .tasks import Place, Separate, Source

__all__ = ["batch_of", "enhance_plan", "evaluate_plan", "listeners_folder"]


def enhance_plan(
    data: ChallengeSet,
    system_id: str,
    out: Path,
    settings: Settings,
    gains: GainsOf,
    *,
    prescription: str = DEFAULT_PRESCRIPTION,
    compressor: bool = False,
    soft_clip: bool = True,
    batch: tuple[int, int] = (1, 1),
) -> Plan:
    """Plan the files of a set: eight stems with their scale files, and the remix, of each song and listener.

    Parameters
    ----------
    out : Path
        ``enhanced_signals`` is made in it, and ``challenge`` for the run itself.
    gains : function
        Of a song and a listener: gains of the remix.
    prescription : str
        Id of the amplification; the recipe's is NAL-R.
    compressor, soft_clip : bool
        As the recipe's ``apply_compressor`` and ``soft_clip``.
    batch : (int, int)
        Which of how many parts, as the recipe's ``evaluate.batch`` + 1 and ``batch_size``.

    Raises
    ------
    CadenzaError
        If the system is unknown or cannot be used, songs lack what it needs, or `out` holds files that no run made.
    """
    system, aid = usable_system(system_id, settings), get_prescription(prescription)
    _check_songs(data, "stems" if system.info.oracle else "mixture")
    folder = enhanced_folder(out, evaluation=data.is_cut)
    run_folder = results_folder(out, folder)
    each_gains = {(song.name, listener.id): gains(song, listener) for song, listener in data.pairs}
    if not aid.is_linear and any(isinstance(given, Proposed) for given in each_gains.values()):
        raise CadenzaError(f"Gains are not proposed with {aid.title}, whose amplification follows the level.")
    place = Place(data.root.absolute(), run_folder.path.absolute(), new_token())
    how: dict[str, Any] = {"prescription": prescription, "soft_clip": soft_clip}
    how["compressor"] = Compressor() if compressor else None
    groups = []
    for song, listeners in _batches(data, batch).items():
        source = Source(song_of(data, song), system_id, settings)
        units = []
        for listener in listeners:
            given = data.segments.get(song), each_gains[song, listener.id]
            task = Enhance(place, source, listener, folder.absolute(), *given, **how)
            units.append(Unit((song, listener.id), task))
        prepare = Separate(place, source) if source.is_kept else None
        groups.append(Group(song, _seconds(data, song), prepare, tuple(units)))
    facts = {
        "form": "cad1",
        "set": data.name,
        "system": system_id,
        "version of the system": dict(system.identity()),
        "prescription": prescription,
        "compressor": Compressor().settings() if compressor else None,
        "soft clip": soft_clip,
        "segments": data.is_cut,
    }
    each: dict[str, dict[str, Any]] = {
        "audiograms": {listener.id: ear_facts(listener) for listener in data.listeners},
        "segments": {song: [cut.objective, cut.subjective] for song, cut in data.segments.items()},
        "gains": {f"{listener}: {song}": _gains_facts(given) for (song, listener), given in each_gains.items()},
    }
    return Plan(
        "enhance",
        run_folder,
        facts,
        each,
        tuple(groups),
        found=lambda key: pair_complete(folder, key[1], key[0]),
        is_stale=lambda key, _: not pair_complete(folder, key[1], key[0]),
        place=lambda key: pair_folder(folder, key[1], key[0]),
        preparing=songs_at_once(settings),
        about={"data": str(data.root), "results": str(folder)},
        files=17 * sum(len(group.units) for group in groups),
        pcm=sum(len(group.units) * _pcm(data, group) for group in groups),
    )


def evaluate_plan(
    data: ChallengeSet,
    enhanced: Path,
    csv: Path,
    *,
    engine: str = "fast",
    allow_unscaled: bool = False,
    batch: tuple[int, int] = (1, 1),
) -> Plan:
    """Plan the scores of a set's files, ours or anybody's with the official names.

    Parameters
    ----------
    enhanced : Path
        ``enhanced_signals``, the folder it is in, or its ``evaluation`` folder.
    csv : Path
        The score table to be written; ``<its name>.challenge`` is made beside it for the run itself.
    engine : str
        ``fast`` or ``reference``.
    allow_unscaled : bool
        Take a missing scale file for a factor of 1, as pyclarity does without a word.

    Raises
    ------
    CadenzaError
        If there are no results, songs lack true stems, or the table's name is not one of a CSV file.
    """
    if csv.suffix.lower() != ".csv":
        raise CadenzaError(f"The score table {csv} must end with .csv.")
    _check_songs(data, "stems")
    folder = listeners_folder(enhanced, data)
    run_folder = RunFolder(csv.with_name(f"{csv.stem}.challenge"))
    place = Place(data.root.absolute(), run_folder.path.absolute(), new_token())
    groups = []
    for song, listeners in _batches(data, batch).items():
        scored = song_of(data, song)
        more = folder.absolute(), data.segments.get(song), engine, allow_unscaled
        units = tuple(Unit((song, one.id), Score(place, scored, one, *more)) for one in listeners)
        groups.append(Group(song, _seconds(data, song), None, units))
    facts = {"form": "cad1", "set": data.name, "engine": engine, "missing scale files allowed": allow_unscaled}
    facts |= {"segments": data.is_cut, "folder of the results": str(folder.absolute())}
    each: dict[str, dict[str, Any]] = {
        "audiograms": {listener.id: ear_facts(listener) for listener in data.listeners},
        "segments": {song: list(cut.objective) for song, cut in data.segments.items()},
    }

    def is_stale(key: tuple[str, str], event: Mapping[str, Any]) -> bool:
        return bool(event["result"].get("files") != files_state(folder, key[1], key[0]))

    about = {"data": str(data.root), "results": str(folder), "scores": str(csv)}
    return Plan("evaluate", run_folder, facts, each, tuple(groups), is_stale=is_stale, about=about)


def listeners_folder(enhanced: Path, data: ChallengeSet) -> Path:
    """Give the folder of the listeners' folders, whichever of the three a user has named.

    Raises
    ------
    CadenzaError
        If it is not there, or holds none of the set's listeners.
    """
    places = [enhanced / ENHANCED, enhanced]
    if data.is_cut:
        places = [enhanced / ENHANCED / EVALUATION, enhanced / EVALUATION, *places]
    folder = next((place for place in places if os.path.isdir(place)), None)  # noqa: PTH112 - never raises
    if folder is None:
        raise CadenzaError(f"There is no folder {enhanced}. Give the one that `enhance --out` wrote to.")
    if not any(os.path.isdir(folder / listener.id) for listener in data.listeners):  # noqa: PTH112
        ids = named([listener.id for listener in data.listeners])
        raise CadenzaError(
            f"{folder} holds no folder of the set's listeners ({ids}). Are these the results of the set {data.name!r}?"
        )
    return folder


def batch_of(text: str) -> tuple[int, int]:
    """Read ``I/N``: part I of N, from 1.

    Raises
    ------
    CadenzaError
        If it is not of that form.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    batch = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= batch[0] <= batch[1]:
        raise CadenzaError(f"The batch {text!r} is not of the form I/N, such as 1/4 to 4/4.")
    return batch


def song_of(data: ChallengeSet, name: str) -> Any:
    """Give a song of the set by name."""
    return next(song for song in data.songs if song.name == name)


def _gains_facts(given: Gains | Proposed) -> Any:
    if isinstance(given, Proposed):
        return {"proposed": given.objective}
    return None if given.is_unity else given.as_dict()


def _pcm(data: ChallengeSet, group: Group) -> float:
    """Give the bytes of a pair's samples: eight stems at 24 kHz, the remix at 32 kHz, 16 bit."""
    heard = data.segments[group.song].durations[1] if data.is_cut else group.seconds
    return 2 * STEM_RATE * len(STEM_NAMES) * group.seconds + 2 * 2 * REMIX_RATE * heard


def _batches(data: ChallengeSet, batch: tuple[int, int]) -> dict[str, list[Listener]]:
    """Give the listeners of a batch by song: every N-th pair, as the recipe slices its list."""
    by_song: dict[str, list[Listener]] = {}
    for song, listener in data.pairs[batch[0] - 1 :: batch[1]]:
        by_song.setdefault(song.name, []).append(listener)
    return by_song


def _check_songs(data: ChallengeSet, what: str) -> None:
    if what == "stems":
        bad = [song.name for song in data.songs if not song.has_stems]
        need = "true stems (vocals, drums, bass, other)"
    else:
        bad = [song.name for song in data.songs if "mixture" not in song.tracks and not song.has_stems]
        need = "a mixture"
    if bad:
        raise CadenzaError(f"{len(bad)} of {len(data.songs)} songs lack {need}: {named(bad)}. Complete the data.")


def _seconds(data: ChallengeSet, song: str) -> float:
    """Give the length of a song's stems in the results."""
    duration = song_of(data, song).duration
    return round(min(data.segments[song].durations[0], duration) if data.is_cut else duration, 3)
