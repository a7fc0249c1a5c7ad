"""Prediction files: ``signal_id,intelligibility_score``, 0 to 100, as the challenge's site asks for.

The baseline's own script writes ``signal_ID`` instead; both are read, and the site's is written. A file whose scores lie in
0 to 1 would be scored as if nobody understood anything (an RMSE of 58 instead of 29): the scale is told from the numbers, and
said. Nothing else is mended: a score that is not a number, negative or above 100, a signal that is there twice with different
scores, and fields that are separated by anything but a comma are refused with the line.
"""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import CadenzaError
from ..files import atomic_file

__all__ = ["Predictions", "Scale", "parse_predictions", "prediction_name", "read_predictions", "write_predictions"]

Scale = Literal["auto", "fraction", "percent"]
_ID = re.compile(r"signal(_?id)?", re.IGNORECASE)
_SCORE = "intelligibility_score"
_HEADER = f"signal_id,{_SCORE}"
_TEAM = re.compile(r"[A-Za-z0-9]{1,20}")
_DIGITS = 6


@dataclass(frozen=True)
class Predictions:
    """The predictions of one file.

    Parameters
    ----------
    name : str
    percent : mapping of str to float
        Predicted percentage of words understood by signal, 0 to 100.
    scale : {"fraction", "percent"}
        What the file holds: 0 to 1 or 0 to 100.
    notes : tuple of str
        What was taken how.
    """

    name: str
    percent: Mapping[str, float]
    scale: Literal["fraction", "percent"]
    notes: tuple[str, ...]


def prediction_name(split: str, team: str) -> str:
    """Give the site's file name, ``ICASSP2026_valid_T001.csv``.

    Raises
    ------
    CadenzaError
        If the split is neither valid nor eval, or the team's id is not of letters and digits.
    """
    if split not in {"valid", "eval"}:
        raise CadenzaError(f"The site takes predictions of valid and eval, not of {split!r}.")
    if not _TEAM.fullmatch(team):
        raise CadenzaError(f"The team {team[:40]!r} is not an id of letters and digits, such as T001.")
    return f"ICASSP2026_{split}_{team}.csv"


def write_predictions(path: Path, signals: Sequence[str], percent: Sequence[float]) -> None:
    """Write a prediction file in the site's format.

    Raises
    ------
    CadenzaError
        If a prediction is not within 0 to 100, or the file cannot be written.
    """
    lines = [_HEADER]
    for signal, value in zip(signals, percent, strict=True):
        if not 0.0 <= value <= 100.0:
            raise CadenzaError(f"The prediction of {signal} is {value}; 0 to 100 is accepted.")
        lines.append(f"{signal},{value:.{_DIGITS}f}")
    with atomic_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_predictions(path: Path, scale: Scale = "auto") -> Predictions:
    """Read a prediction file.

    Parameters
    ----------
    path : Path
    scale : {"auto", "fraction", "percent"}
        What it holds; "auto": 0 to 1 if no score is above 1.

    Raises
    ------
    CadenzaError
        If it is not such a file: see the top of the module.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no prediction file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CadenzaError(f"{path} cannot be read as a prediction file: {error}.") from error
    return parse_predictions(text, path.name, scale)


def parse_predictions(text: str, name: str, scale: Scale = "auto") -> Predictions:
    """Read the text of a prediction file; `name` is for messages. Raises as :func:`read_predictions`."""
    rows = list(_rows(text, name))
    if not rows:
        raise CadenzaError(f"{name} holds no predictions, only a header.")
    values: dict[str, float] = {}
    repeated = 0
    for line, signal, value in rows:
        if values.setdefault(signal, value) != value:
            raise CadenzaError(
                f"{name}, line {line}: {signal} is there twice, with {values[signal]:g} and {value:g}. Leave one of them out."
            )
        repeated += 1
    notes = []
    if doubles := repeated - len(values):
        notes.append(f"{doubles} lines repeat a signal with the same score; each counts once")
    found: Literal["fraction", "percent"] = "fraction" if max(values.values()) <= 1.0 else "percent"
    if scale == "fraction" and found == "percent":
        raise CadenzaError(f"{name} holds scores up to {max(values.values()):g}: they are not fractions from 0 to 1.")
    taken = found if scale == "auto" else scale
    if taken == "fraction":
        notes.append("the scores lie in 0 to 1: taken as fractions, times 100 (the site wants 0 to 100)")
        values = {signal: 100.0 * value for signal, value in values.items()}
    return Predictions(name, values, taken, tuple(notes))


def _rows(text: str, name: str) -> Iterator[tuple[int, str, float]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [cell.strip() for cell in next(reader, [])]
        at = _columns(header, text, name)
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise CadenzaError(
                    f"{name}, line {reader.line_num}: {len(row)} fields; the header has {len(header)} ({','.join(header)})."
                )
            signal = row[at[0]].strip()
            if not signal:
                raise CadenzaError(f"{name}, line {reader.line_num}: the signal's id is empty.")
            yield reader.line_num, signal, _score(row[at[1]], f"{name}, line {reader.line_num}, {signal}")
    except csv.Error as error:
        raise CadenzaError(f"{name}, line {reader.line_num}: {error}. {_HEADER} is wanted.") from error


def _columns(header: list[str], text: str, name: str) -> tuple[int, int]:
    """Find the two columns; the one with the scores may have another name if there are only two."""
    ids = [number for number, cell in enumerate(header) if _ID.fullmatch(cell)]
    scores = [number for number, cell in enumerate(header) if cell.lower() == _SCORE]
    if len(ids) == 1 and len(scores) == 1:
        return ids[0], scores[0]
    first = text.partition("\n")[0]
    other = next((mark for mark in (";", "\t", "|") if mark in first), None)
    if other:
        shown = {"\t": "tabs"}.get(other, repr(other))
        raise CadenzaError(f"{name} separates its fields by {shown}; commas are wanted: {_HEADER}.")
    raise CadenzaError(f"{name} begins with {first[:60].strip()!r}; the header {_HEADER} (or signal_ID) is wanted.")


def _score(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise CadenzaError(f"{where}: the score {text[:40]!r} is not a number.") from None
    if not math.isfinite(value) or not 0.0 <= value <= 100.0:
        raise CadenzaError(
            f"{where}: the score {text.strip()[:40]} is not within 0 to 100. Limit the predictions yourself."
        )
    return value
