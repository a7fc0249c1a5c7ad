"""Score files: a JSON object on each line, the signal and one or more scores by name.

``{"signal": "c221f2084c780e8f212f4697", "whisper.mixture": 0.6}`` is how the baseline writes its precomputed scores. Ours have
the transcripts beside the number; whatever is not a number is passed over when scores are read.
"""

import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CadenzaError
from ..files import parse_json
from .clips import Clip

__all__ = ["pick_score", "read_lines", "read_scores", "values_for"]

_FORM = 'A score file has an object on each line: {"signal": "c221...", "whisper.mixture": 0.6}'


def read_lines(path: Path, *, unfinished: bool = False) -> list[dict[str, Any]]:
    """Read the lines of a score file.

    Parameters
    ----------
    path : Path
    unfinished : bool
        Leave out a last line that is cut off: what a killed run leaves.

    Raises
    ------
    CadenzaError
        If it cannot be read or a line is not an object with a signal.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no score file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CadenzaError(f"{path} cannot be read as a score file: {error}. {_FORM}.") from error
    if unfinished:
        lines[-1:] = []  # after the last line end: nothing, or a part of a line
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise CadenzaError(f"{path}, line {number}: not JSON ({error}). {_FORM}.") from error
        if not isinstance(row, dict) or not isinstance(row.get("signal"), str):
            raise CadenzaError(f"{path}, line {number}: {reprlib.repr(line)} has no signal. {_FORM}.")
        rows.append(row)
    return rows


def read_scores(paths: Iterable[Path]) -> dict[str, dict[str, float]]:
    """Read score files and put together what they say of each signal.

    Returns
    -------
    dict
        ``{score name: {signal: score}}``.

    Raises
    ------
    CadenzaError
        If a file is faulty, holds no scores or a score that is not finite, or two lines disagree.
    """
    scores: dict[str, dict[str, float]] = {}
    for path in paths:
        rows = read_lines(path)
        if not any(_numbers(row) for row in rows):
            raise CadenzaError(f"{path} holds no scores. {_FORM}.")
        for row in rows:
            for name, value in _numbers(row).items():
                if not math.isfinite(value):
                    raise CadenzaError(f"{path}: the score {name!r} of {row['signal']} is {value}; a number is wanted.")
                known = scores.setdefault(name, {})
                if known.setdefault(row["signal"], value) != value:
                    raise CadenzaError(
                        f"{path}: {row['signal']} has two different scores {name!r}, {known[row['signal']]} and {value}."
                    )
    return scores


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in row.items()
        if name != "signal" and isinstance(value, int | float) and not isinstance(value, bool)
    }


def pick_score(scores: Mapping[str, Any], name: str | None = None) -> str:
    """Give the name of the score that is meant: the only one, or `name`.

    Raises
    ------
    CadenzaError
        If there is none of that name, or there are several and none is named.
    """
    if name is None and len(scores) == 1:
        return next(iter(scores))
    if name in scores:
        return str(name)
    asked = "Say which one is meant" if name is None else f"There is no score {name!r}"
    raise CadenzaError(f"{asked}; the files hold {', '.join(sorted(scores)) or 'none'}.")


def values_for(clips: Sequence[Clip], scores: Mapping[str, float], name: str) -> list[float]:
    """Give the scores of clips, in their order.

    Raises
    ------
    CadenzaError
        If a clip has none.
    """
    missing = [clip.signal for clip in clips if clip.signal not in scores]
    if missing:
        raise CadenzaError(
            f"{len(missing)} of {len(clips)} signals have no score {name!r} ({', '.join(missing[:3])}"
            f"{', ...' if len(missing) > 3 else ''}). Score the whole split, or give its own score file."
        )
    return [scores[clip.signal] for clip in clips]
