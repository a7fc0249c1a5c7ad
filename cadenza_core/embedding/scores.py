"""HEAR's scores, by the names that tasks use; numbers as in hear-eval-kit 2021.1.3 (scikit-learn, sed_eval).

Of scenes: ``top1_acc``, ``pitch_acc`` (the same for pitches), ``chroma_acc`` (octaves forgiven: index mod 12), ``mAP``,
``d_prime`` and ``aucroc`` (each the mean over labels; NaN where a label has only one class). Of events:
``event_onset_200ms_fms``, ``event_onset_50ms_fms``, ``event_onset_offset_50ms_20perc_fms`` and ``segment_1s_er``.
Retrieval has its own in `retrieval`.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import CadenzaError
from .event_scores import event_scores, segment_error_rate
from .tasks import Event

__all__ = ["EVENT_SCORES", "SCENE_SCORES", "Score", "find_scores", "score_events", "score_scenes"]

Events = Mapping[str, Sequence[Event]]


@dataclass(frozen=True)
class Score:
    """One score.

    Parameters
    ----------
    name : str
    compute : function
        Of scenes: probabilities and targets, both (n, labels), to a number. Of events: estimated, reference and labels to
        numbers by name, the first of which counts.
    maximise : bool
        Whether more is better.
    """

    name: str
    compute: Callable[..., Any]
    maximise: bool = True


def _top1(probabilities: np.ndarray, targets: np.ndarray) -> float:
    return float(np.mean(np.argmax(probabilities, 1) == np.argmax(targets, 1)))


def _chroma(probabilities: np.ndarray, targets: np.ndarray) -> float:
    return float(np.mean(np.argmax(probabilities, 1) % 12 == np.argmax(targets, 1) % 12))


def _mean_average_precision(probabilities: np.ndarray, targets: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label without a positive counts 0, as in the evaluation kit
        return float(average_precision_score(targets, probabilities, average="macro"))


def _roc(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray | None:
    from sklearn.metrics import roc_auc_score

    positives = targets.sum(0)
    if np.any(positives == 0) or np.any(positives == len(targets)):
        return None  # not defined for a label that is always on, or never
    return np.atleast_1d(roc_auc_score(targets, probabilities, average=None))


def _roc_area(probabilities: np.ndarray, targets: np.ndarray) -> float:
    areas = _roc(probabilities, targets)
    return math.nan if areas is None else float(np.mean(areas))


def _d_prime(probabilities: np.ndarray, targets: np.ndarray) -> float:
    from scipy.stats import norm

    areas = _roc(probabilities, targets)
    return math.nan if areas is None else float(np.mean(norm.ppf(areas) * math.sqrt(2.0)))


def _onset(estimated: Events, reference: Events, labels: Sequence[str], **options: Any) -> dict[str, float]:
    return event_scores(estimated, reference, **options)


#: Of probabilities and targets.
SCENE_SCORES = {
    score.name: score
    for score in (
        Score("top1_acc", _top1),
        Score("pitch_acc", _top1),
        Score("chroma_acc", _chroma),
        Score("mAP", _mean_average_precision),
        Score("d_prime", _d_prime),
        Score("aucroc", _roc_area),
    )
}
#: Of estimated and reference events.
EVENT_SCORES = {
    score.name: score
    for score in (
        Score("event_onset_200ms_fms", partial(_onset, collar=0.2)),
        Score("event_onset_50ms_fms", partial(_onset, collar=0.05)),
        Score("event_onset_offset_50ms_20perc_fms", partial(_onset, collar=0.05, offset=True, share=0.2)),
        Score("segment_1s_er", segment_error_rate, maximise=False),
    )
}


def find_scores(names: Sequence[str], kind: str) -> list[Score]:
    """Give the scores of a task of that kind, in its order.

    Raises
    ------
    CadenzaError
        If there is none of a name.
    """
    known = EVENT_SCORES if kind == "event" else SCENE_SCORES
    for name in names:
        if name not in known:
            raise CadenzaError(f"There is no score {name!r} for {kind} tasks; there are {', '.join(known)}.")
    return [known[name] for name in names]


def score_scenes(scores: Sequence[Score], probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Give the scores of probabilities and targets, both of shape (n, labels)."""
    return {score.name: score.compute(probabilities, targets) for score in scores}


def score_events(
    scores: Sequence[Score], estimated: Events, reference: Events, labels: Sequence[str]
) -> dict[str, float]:
    """Give the scores of events: each by its name, and each of its parts as ``name_part``."""
    found = {}
    for score in scores:
        parts = score.compute(estimated, reference, labels)
        found[score.name] = next(iter(parts.values()))
        found |= {f"{score.name}_{part}": value for part, value in parts.items()}
    return found
