"""Which part of a song is scored and which is listened to: CAD1's `musdb18.segments.test.json`.

The file is ``{song: {"objective_evaluation": {"start", "end", "duration"}, "subjective_evaluation": {...}}}``, in
seconds: 30 s are scored with HAAQI, 15 s are heard by the panel (CAD1 task 1, "Data"; read by pyclarity's
`recipes/cad1/task1/baseline/test.py`).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from ..errors import CadenzaError

__all__ = ["Segments", "read_segments"]

#: How far ``duration`` may be from ``end - start``, s: the file may be rounded.
_ROUNDING = 0.1


@dataclass(frozen=True)
class Segments:
    """The two excerpts of one song.

    Parameters
    ----------
    objective, subjective : (float, float), seconds
        Start and end of the scored and of the heard excerpt; 0 <= start < end.

    Raises
    ------
    CadenzaError
        If a time is not finite or negative, or an end is not after its start.
    """

    objective: tuple[float, float]
    subjective: tuple[float, float]

    def __post_init__(self) -> None:
        for what, (start, end) in (("objective", self.objective), ("subjective", self.subjective)):
            if not (math.isfinite(start) and math.isfinite(end)):
                raise CadenzaError(f"The {what} segment runs from {start} to {end}; finite seconds are needed.")
            if start < 0:
                raise CadenzaError(f"The {what} segment starts at {start} s; it cannot start before 0 s.")
            if end <= start:
                raise CadenzaError(f"The {what} segment ends at {end} s but starts at {start} s; it must end later.")

    @property
    def durations(self) -> tuple[float, float]:
        """Lengths of the objective and the subjective excerpt, seconds."""
        return self.objective[1] - self.objective[0], self.subjective[1] - self.subjective[0]


def read_segments(path: Path) -> dict[str, Segments]:
    """Read a segments file.

    Returns
    -------
    dict
        Song name -> :class:`Segments`, in the file's order.

    Raises
    ------
    CadenzaError
        If the file is missing, not JSON or not of the form above; it names the song and the fault.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no segments file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CadenzaError(f"{path} cannot be read as a UTF-8 text file: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise CadenzaError(f"{path} is not valid JSON: {error}. Copy or download it again.") from error
    if not isinstance(content, dict) or not content:
        raise CadenzaError(f"{path} must hold an object with one entry a song; it holds {_short(content)}.")
    segments = {}
    for song, entry in content.items():
        where = f"{path}, song {song!r}"
        objective, subjective = (_span(entry, key, where) for key in ("objective_evaluation", "subjective_evaluation"))
        try:
            segments[song] = Segments(objective, subjective)
        except CadenzaError as error:
            raise CadenzaError(f"{where}: {error}") from error
    return segments


def _span(entry: object, key: str, where: str) -> tuple[float, float]:
    if not isinstance(entry, dict):
        raise CadenzaError(f"{where}: {_short(entry)} stands where an object with {key!r} is needed.")
    if not isinstance(span := entry.get(key), dict):
        fault = f"{key!r} is {_short(span)}" if key in entry else f"{key!r} is missing"
        raise CadenzaError(f"{where}: {fault}; an object with 'start' and 'end' in seconds is needed.")
    start, end = (_seconds(span, name, f"{where}, {key}") for name in ("start", "end"))
    if "duration" in span:
        duration = _seconds(span, "duration", f"{where}, {key}")
        if abs(duration - (end - start)) > _ROUNDING:
            raise CadenzaError(f"{where}, {key}: 'duration' is {duration} s, but {start} s to {end} s is not.")
    return start, end


def _seconds(span: dict[str, object], name: str, where: str) -> float:
    if name not in span:
        raise CadenzaError(f"{where}: {name!r} is missing; seconds are needed.")
    value = span[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CadenzaError(f"{where}: {name!r} is {_short(value)}; a number of seconds is needed.")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise CadenzaError(f"{where}: {name!r} is {_short(value)}; a finite number of seconds is needed.")
    return seconds


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
