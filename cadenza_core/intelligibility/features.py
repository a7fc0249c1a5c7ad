"""What the regression predictor knows of a clip: scores, hearing loss, lyric, and the scores of what belongs together.

CLIP1 has each line in several renderings with different hearing losses, and songs with several lines. How well a recogniser
does on the other renderings of a line, and on the song's other lines, tells of the singer, the mix and the words. These are
scores of the same set only, never answers, so they are there for a set that nobody has listened to. A prediction therefore
hangs on what else is in the set: predict a split as a whole.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from ..errors import CadenzaError
from .clips import Clip
from .prompts import prompt_features
from .scores import values_for
from .severities import SEVERITIES

__all__ = ["feature_table"]


def feature_table(clips: Sequence[Clip], scores: Mapping[str, Mapping[str, float]]) -> tuple[list[str], np.ndarray]:
    """Give the features of clips.

    Parameters
    ----------
    clips : sequence of Clip
        A whole split.
    scores : mapping of str to mapping of str to float
        By score name and signal; used in the order of their names.

    Returns
    -------
    names : list of str
    table : np.ndarray [shape=(clips, features), dtype=float64]

    Raises
    ------
    CadenzaError
        If a clip has no score, no words or an unknown hearing loss.
    """
    columns: dict[str, np.ndarray] = {}
    is_severity = _severity_columns(clips)
    columns |= {f"is {severity}": column for severity, column in list(is_severity.items())[1:]}
    for name in sorted(scores):
        own = np.array(values_for(clips, scores[name], name))
        columns |= {f"{name}: {what}": column for what, column in _score_columns(clips, own, is_severity).items()}
    texts = [_text(clip) for clip in clips]
    columns |= {name: np.array([text[name] for text in texts]) for name in texts[0]}
    return list(columns), np.stack(list(columns.values()), axis=1)


def _text(clip: Clip) -> Mapping[str, float]:
    try:
        return prompt_features(clip.prompt)
    except CadenzaError as error:
        raise CadenzaError(f"{clip.signal}: {error} Correct the metadata.") from error


def _severity_columns(clips: Sequence[Clip]) -> dict[str, np.ndarray]:
    for clip in clips:
        if clip.severity not in SEVERITIES:
            raise CadenzaError(
                f"{clip.signal} has the hearing loss {clip.severity[:40]!r}; {', '.join(SEVERITIES)} are known."
            )
    return {name: np.array([float(clip.severity == name) for clip in clips]) for name in SEVERITIES}


def _score_columns(
    clips: Sequence[Clip], own: np.ndarray, is_severity: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    line = _numbered([(clip.song, clip.prompt) for clip in clips])
    song = _numbered([clip.song or clip.signal for clip in clips])
    severity = np.argmax(list(is_severity.values()), axis=0)
    kinds = len(is_severity)

    def total(group: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.bincount(group, values)[group]

    ones = np.ones(len(clips))
    in_line, line_sum = total(line, ones), total(line, own)
    whole = line_sum / in_line
    same_line, same_song = line * kinds + severity, song * kinds + severity
    columns = {
        "own": own,
        "line": whole,
        "line, others": _ratio(line_sum - own, in_line - 1.0, whole),
        "song": _ratio(total(song, own) - line_sum, total(song, ones) - in_line, whole),
        "song, same loss": _ratio(
            total(same_song, own) - total(same_line, own), total(same_song, ones) - total(same_line, ones), whole
        ),
    }
    for name, column in is_severity.items():
        columns[f"line at {name}"] = _ratio(total(line, own * column), total(line, column), whole)
    for name, column in list(is_severity.items())[1:]:
        columns |= {f"own if {name}": own * column, f"line if {name}": whole * column}
    return columns


def _numbered(names: Sequence[Hashable]) -> np.ndarray:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _ratio(sums: np.ndarray, counts: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Divide sums by counts; where there is nothing to count, take `otherwise`."""
    some = counts > 0.5
    return np.where(some, sums / np.where(some, counts, 1.0), otherwise)
