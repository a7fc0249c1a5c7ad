"""From a song and a listener to the challenge's files: separate, amplify, write; and read them back to be scored."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from .. import __version__
from ..audio import RATE
from ..catalog import WHOLE, Excerpt, Song
from ..catalog.segments import Segments
from ..errors import CadenzaError
from ..files import atomic_file, check_name, parse_json
from ..hearing import DEFAULT_PRESCRIPTION, Compressor, get_prescription, process_stems
from ..progress import Progress, part, silent
from ..quality import PairScore, score_stems
from ..quality.haaqi import Engine, fast_engine
from ..remix import UNITY, Gains, ear_stems
from ..separation import Separation, separate
from ..settings import Settings
from .layout import enhanced_folder, pair_file, pair_folder
from .read import read_stem
from .write import PairReport, write_pair

__all__ = ["Export", "export_pair", "find_prescription", "find_segments", "score_pair"]


@dataclass(frozen=True)
class Export:
    """What was exported for one song and listener."""

    separation: Separation
    written: PairReport
    record: Path


def export_pair(
    song: Song,
    listener: Listener,
    system_id: str,
    settings: Settings,
    out: Path,
    *,
    segments: Segments | None = None,
    gains: Gains = UNITY,
    prescription: str = DEFAULT_PRESCRIPTION,
    compressor: Compressor | None = None,
    soft_clip: bool = True,
    progress: Progress = silent,
) -> Export:
    """Write the submission files of one song and listener below ``out/enhanced_signals``.

    The whole song is separated and amplified, as in the recipe, and cut afterwards where `segments` are given (then
    below ``enhanced_signals/evaluation``). `gains` change the remix only: the eight stems are scored against the true
    stems as they are. `prescription` is the id of the amplification, the recipe's being NAL-R. What the files were made
    from is written to ``out/records/<listener>_<song>.json``.

    Raises
    ------
    CadenzaError
        As `separate` and `write_pair`.
    """
    for name, what in ((listener.id, "listener"), (song.name, "song")):
        check_name(name, what)
    chosen = get_prescription(prescription)
    separation = separate(song, system_id, settings, progress=part(progress, 0.0, 0.7))
    progress(0.7, f"amplifying for {listener.id}")
    stems = ear_stems(separation.stems)
    processed = process_stems(stems, listener, RATE, prescription=prescription, compressor=compressor)
    folder = enhanced_folder(out, evaluation=segments is not None)
    written = write_pair(
        folder,
        listener.id,
        song.name,
        processed,
        RATE,
        segments=segments,
        gains=gains,
        soft_clip=soft_clip,
        progress=part(progress, 0.75, 1.0),
    )
    record = {
        "song": song.name,
        "listener": listener.id,
        "system": system_id,
        "separation": separation.key,
        "gains_db": gains.as_dict(),
        "prescription": chosen.record(),
        "compressor": None if compressor is None else compressor.settings(),
        "soft_clip": soft_clip,
        "segments": None if segments is None else {"objective": segments.objective, "subjective": segments.subjective},
        "remix_samples_beyond_full_scale": written.clipped,
        "notes": [*separation.notes, *written.notes],
        "cadenza_studio": __version__,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    path = _record_path(out, listener.id, song.name)
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Export(separation, written, path)


def _record_path(out: Path, listener_id: str, song_name: str) -> Path:
    return out / "records" / f"{listener_id}_{song_name}.json"


def find_segments(enhanced: Path, listener_id: str, song_name: str) -> Segments | None:
    """Give the segments that an export of ours was cut to, from its record beside ``enhanced_signals``; None if unknown."""
    path = _record_path(enhanced.parent, listener_id, song_name)
    try:
        segments = _read_record(path)["segments"]
        return Segments(tuple(segments["objective"]), tuple(segments["subjective"])) if segments else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CadenzaError(
            f"The export's record {path} cannot be read ({error!r}). Give --segments instead."
        ) from error


def find_prescription(enhanced: Path, listener_id: str, song_name: str) -> str:
    """Give the title of what amplified an export of ours, from its record; empty if there is no record that says it."""
    try:
        return str(_read_record(_record_path(enhanced.parent, listener_id, song_name))["prescription"]["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _read_record(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    return content


def score_pair(
    song: Song,
    listener: Listener,
    enhanced: Path,
    *,
    segments: Segments | None = None,
    engine: Engine = fast_engine,
    explain: bool = False,
    progress: Progress = silent,
) -> PairScore:
    """Score the submission files of one song and listener with the recipe's eight HAAQI values.

    Parameters
    ----------
    enhanced : Path
        ``enhanced_signals``. With `segments`, the files are looked for in ``evaluation`` below it, and the true stems
        are cut to the objective segment.
    explain : bool
        Also tell what each score consists of; the fast engine alone can.

    Raises
    ------
    CadenzaError
        If the song has no true stems, files are missing or faulty, or they last longer or shorter than the reference
        (by more than 0.1 s).
    """
    folder = enhanced / "evaluation" if segments is not None and (enhanced / "evaluation").is_dir() else enhanced
    place = pair_folder(folder, listener.id, song.name)
    excerpt = WHOLE if segments is None else Excerpt(*segments.objective)
    if not place.is_dir():
        raise CadenzaError(f"There are no files of {song.name!r} for {listener.id!r}: no folder {place}.")

    def processed(name: str) -> np.ndarray:
        return read_stem(place / pair_file(listener.id, song.name, f"{name}.flac"))[0]

    def reference(name: str) -> np.ndarray:
        return song.stem(name, excerpt)

    song.check()
    return score_stems(
        song.name, listener, processed, reference, RATE, engine=engine, explain=explain, progress=progress
    )
