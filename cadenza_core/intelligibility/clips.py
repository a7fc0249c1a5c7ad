"""CLIP1's data set: sung lyric lines with accompaniment, and what listeners wrote down.

Two layouts are read, the one that the archives unpack to and the one that the baseline's code expects::

    cadenza_data/{metadata, train/{signals,unprocessed}, valid/{signals,unprocessed}}
    cadenza_data/{metadata, audio/train/{signals,unprocessed}, audio/valid/{signals,unprocessed}}

``signals/<signal>.flac`` is what listeners heard: 16-bit stereo at 44.1 kHz, with a simulated hearing loss;
``unprocessed/<signal>_unproc.flac`` is the same without the loss, slightly misaligned and of slightly another length now
and then. ``metadata/<split>_metadata.json`` has a record for each signal; the answers of a split that is still to be
predicted are left out. Source: Cadenza CLIP1 (ICASSP 2026), data page and baseline.
"""

import math
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audio import RATE, Audio, audio_info, read_audio
from ..errors import CadenzaError
from ..files import check_name, parse_json
from ..progress import Progress, silent
from .severities import SEVERITIES
from .words import normalise

__all__ = ["SPLITS", "Clip", "ClipFault", "ClipFolder", "check_clips", "find_clips", "read_metadata"]

SPLITS = ("train", "valid", "eval")
#: Beyond this difference of lengths a signal and its unprocessed partner are reported, s.
LENGTH_TOLERANCE = 0.5
_FORM = 'A metadata file is a list of records: [{"signal": ..., "prompt": ..., "hearing_loss": ..., ...}, ...]'


@dataclass(frozen=True)
class Clip:
    """One signal's record.

    Parameters
    ----------
    signal : str
        Its id, which names its files.
    song : str
        The song it is from (`fma`, the track in the Free Music Archive); empty if not given.
    prompt : str
        The lyric that is sung, normalised.
    severity : str
        ``No Loss``, ``Mild`` or ``Moderate``.
    response : str, optional
        What the listener wrote down; ``#`` or nothing if nothing was understood.
    correctness : float, optional
        Share of the prompt's words in the response, 0 to 1.
    """

    signal: str
    song: str
    prompt: str
    severity: str
    response: str | None = None
    correctness: float | None = None

    def as_record(self) -> dict[str, Any]:
        """Give the record under the data set's own names."""
        record = {"signal": self.signal, "fma": self.song, "prompt": self.prompt, "hearing_loss": self.severity}
        return {**record, "response": self.response, "correctness": self.correctness}


def read_metadata(path: Path) -> list[Clip]:
    """Read a metadata file.

    Raises
    ------
    CadenzaError
        If it is not there or not of that form, a signal is there twice or cannot be a file's name, or a correctness is
        not a number from 0 to 1.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no metadata file {path}.") from error
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}. A metadata file is wanted.") from error
    except ValueError as error:
        raise CadenzaError(f"{path} is not a JSON text file in UTF-8 ({error}). {_FORM}.") from error
    if not isinstance(content, list) or not content:
        raise CadenzaError(f"{path} holds no records. {_FORM}.")
    clips: dict[str, Clip] = {}
    for number, record in enumerate(content, 1):
        clip = _clip(record, f"{path}, record {number}")
        if clip.signal in clips:
            raise CadenzaError(f"{path}, record {number}: the signal {clip.signal!r} is there twice.")
        clips[clip.signal] = clip
    return list(clips.values())


def _clip(record: Any, where: str) -> Clip:
    if not isinstance(record, Mapping):
        raise CadenzaError(f"{where}: an object is wanted, not {reprlib.repr(record)}. {_FORM}.")
    texts = {}
    for name in ("signal", "prompt", "hearing_loss"):
        if not isinstance(record.get(name), str):
            raise CadenzaError(f"{where}: {name!r} must be a text, not {reprlib.repr(record.get(name))}. {_FORM}.")
        texts[name] = record[name]
    try:
        check_name(texts["signal"], "signal")
    except CadenzaError as error:
        raise CadenzaError(f"{where}: {error}") from error
    song = record.get("fma")
    response = record.get("response") or record.get("original_response")
    return Clip(
        texts["signal"],
        str(song) if isinstance(song, str | int) else "",
        texts["prompt"],
        texts["hearing_loss"],
        response if isinstance(response, str) else None,
        _share(record.get("correctness"), where),
    )


def _share(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value <= 1.0:
        raise CadenzaError(f"{where}: the correctness must be a number from 0 to 1, not {reprlib.repr(value)}.")
    return float(value)


@dataclass(frozen=True)
class ClipFolder:
    """One split of the data set on disk.

    Parameters
    ----------
    root : Path
        The folder that holds ``metadata``.
    split : str
    folder : Path
        The one that holds ``signals`` and ``unprocessed``.
    clips : tuple of Clip
    """

    root: Path
    split: str
    folder: Path
    clips: tuple[Clip, ...]

    def __len__(self) -> int:
        return len(self.clips)

    def signal_path(self, clip: Clip) -> Path:
        """Give the path of what was heard."""
        return self.folder / "signals" / f"{clip.signal}.flac"

    def unprocessed_path(self, clip: Clip) -> Path:
        """Give the path of the same without hearing loss."""
        return self.folder / "unprocessed" / f"{clip.signal}_unproc.flac"

    def signal(self, clip: Clip) -> Audio:
        """Read what was heard, stereo at 44.1 kHz; raises CadenzaError if it is missing or damaged."""
        return read_clip(self.signal_path(clip))

    def unprocessed(self, clip: Clip) -> Audio:
        """Read the same without hearing loss, stereo at 44.1 kHz; raises CadenzaError if it is missing or damaged."""
        return read_clip(self.unprocessed_path(clip))


def read_clip(path: Path) -> Audio:
    """Read a clip's file as stereo at 44.1 kHz; what had to be changed is in the notes."""
    return read_audio(path).stereo().at(RATE)


def find_clips(root: Path, split: str) -> ClipFolder:
    """Find a split of the data set below `root`, which is ``cadenza_data`` or the folder above it.

    Raises
    ------
    CadenzaError
        If there is no metadata of that split or no folder of its signals, or as :func:`read_metadata`.
    """
    check_name(split, "split")
    roots = (root, root / "cadenza_data")
    found = next((place for place in roots if (place / "metadata" / f"{split}_metadata.json").is_file()), None)
    if found is None:
        raise CadenzaError(
            f"{root} has no metadata/{split}_metadata.json. Give the folder cadenza_data that the archives unpack to."
        )
    folders = (found / split, found / "audio" / split)
    folder = next((place for place in folders if (place / "signals").is_dir()), None)
    if folder is None:
        wanted = " or ".join(str(place / "signals") for place in folders)
        raise CadenzaError(f"There is no folder {wanted}. Unpack the audio of the split {split!r} beside its metadata.")
    return ClipFolder(found, split, folder, tuple(read_metadata(found / "metadata" / f"{split}_metadata.json")))


@dataclass(frozen=True, order=True)
class ClipFault:
    """What is wrong with a data set: the file or signal, a code of :data:`CODES`, a sentence."""

    where: str
    code: str
    message: str


#: Codes of faults.
CODES: Mapping[str, str] = {
    "missing-audio": "a signal of the metadata has no file",
    "missing-unprocessed": "a signal's unprocessed partner is not there",
    "stray-audio": "a file of signals/ is not in the metadata",
    "stray-unprocessed": "an _unproc file has no partner in signals/",
    "unreadable": "empty, cut off, or not sound",
    "sample-rate": "not 44.1 kHz",
    "channels": "not stereo",
    "length-differs": f"signal and unprocessed partner differ by more than {LENGTH_TOLERANCE:g} s",
    "empty-prompt": "no words to be recognised",
    "unknown-severity": f"a hearing loss other than {', '.join(SEVERITIES)}",
    "answer-scored": "no answer, but a correctness above 0",
}


def check_clips(folder: ClipFolder, progress: Progress = silent) -> list[ClipFault]:
    """Look for faults in a split, from headers and metadata; an empty list says that there are none."""
    faults: list[ClipFault] = []
    for number, clip in enumerate(folder.clips):
        progress(number / len(folder.clips), clip.signal)
        faults += [ClipFault(clip.signal, *fault) for fault in _record_faults(clip)]
        faults += list(_file_faults(folder, clip))
    known = {clip.signal for clip in folder.clips}
    faults += _strays(folder.folder / "signals", "", "stray-audio", known.__contains__)
    heard = _names(folder.folder / "signals", "")
    faults += _strays(folder.folder / "unprocessed", "_unproc", "stray-unprocessed", heard.__contains__)
    progress(1.0, "checked")
    return sorted(faults)


def _record_faults(clip: Clip) -> Iterator[tuple[str, str]]:
    if not normalise(clip.prompt):
        yield "empty-prompt", f"the prompt {clip.prompt[:40]!r} has no words"
    if clip.severity not in SEVERITIES:
        yield "unknown-severity", f"the hearing loss is {clip.severity[:40]!r}; known are {', '.join(SEVERITIES)}"
    if clip.response is not None and not normalise(clip.response) and clip.correctness:
        yield "answer-scored", f"the response {clip.response[:40]!r} has no words, but {clip.correctness:.0%} are right"


def _file_faults(folder: ClipFolder, clip: Clip) -> Iterator[ClipFault]:
    lengths = []
    paths = ("missing-audio", folder.signal_path(clip)), ("missing-unprocessed", folder.unprocessed_path(clip))
    for code, path in paths:
        where = f"{path.parent.name}/{path.name}"
        if not path.is_file():
            yield ClipFault(where, code, CODES[code])
            continue
        try:
            info = audio_info(path)
        except CadenzaError as error:
            yield ClipFault(where, "unreadable", str(error))
            continue
        lengths.append(info.duration)
        if info.rate != RATE:
            yield ClipFault(where, "sample-rate", f"{info.rate} Hz; {RATE} Hz is expected")
        if info.channels != 2:
            yield ClipFault(where, "channels", f"{info.channels} channel; 2 are expected")
    if len(lengths) == 2 and not math.isclose(*lengths, rel_tol=0.0, abs_tol=LENGTH_TOLERANCE):
        heard, clean = lengths
        yield ClipFault(clip.signal, "length-differs", f"the signal lasts {heard:.2f} s, its partner {clean:.2f} s")


def _names(folder: Path, ending: str) -> set[str]:
    files = folder.glob(f"*{ending}.flac") if folder.is_dir() else ()
    return {path.stem.removesuffix(ending) for path in files if not path.name.startswith(".")}


def _strays(folder: Path, ending: str, code: str, known: Callable[[str], bool]) -> Sequence[ClipFault]:
    strays = (name for name in _names(folder, ending) if not known(name))
    return [ClipFault(f"{folder.name}/{name}{ending}.flac", code, CODES[code]) for name in strays]
