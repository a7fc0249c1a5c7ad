"""Compare many prediction files with what listeners understood, and with what was published.

For each file: RMSE with its error, NCC and Kendall's tau, over all signals and by hearing loss. A file that cannot be read
is reported and hides no other; one that lacks signals, or has some that are not in the truth, is scored on what both have,
and says so: such a figure is not the challenge's.
"""

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import CadenzaError
from ..progress import Progress, silent
from .clips import Clip
from .figures import Figures, figures
from .predictions import Predictions, Scale, read_predictions
from .regression import truth_of

__all__ = [
    "Comparison",
    "Published",
    "Reliability",
    "Row",
    "compare",
    "compare_files",
    "published",
    "reliability",
    "score",
]


@dataclass(frozen=True)
class Row:
    """One prediction file's figures.

    Parameters
    ----------
    predictions : Predictions
    signals : tuple of str
        Those scored, in the truth's order.
    predicted, truth : np.ndarray [shape=(signals,)], percent
    overall : Figures
    by_severity : mapping of str to Figures
    missing, unknown : int
        Signals of the truth that the file lacks, and of the file that the truth lacks.
    """

    predictions: Predictions
    signals: tuple[str, ...]
    predicted: np.ndarray
    truth: np.ndarray
    overall: Figures
    by_severity: Mapping[str, Figures]
    missing: int
    unknown: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.predictions.name

    @property
    def is_complete(self) -> bool:
        """Whether the file has exactly the signals of the truth."""
        return not self.missing and not self.unknown

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        notes = list(self.predictions.notes)
        if self.missing:
            notes.append(
                f"{self.missing} of {len(self.signals) + self.missing} signals are missing; the others are scored"
            )
        if self.unknown:
            notes.append(f"{self.unknown} signals are not in the truth and do not count")
        return tuple(notes)


@dataclass(frozen=True)
class Comparison:
    """Prediction files by RMSE, the complete ones first, and why others could not be scored, by name."""

    rows: tuple[Row, ...]
    faults: Mapping[str, str]


def score(predictions: Predictions, clips: Sequence[Clip]) -> Row:
    """Score predictions against the truth.

    Raises
    ------
    CadenzaError
        If the clips have no correctness, or no signal is in both.
    """
    truth_of(clips)
    common = [clip for clip in clips if clip.signal in predictions.percent]
    if not common:
        theirs, ours = next(iter(predictions.percent)), clips[0].signal
        raise CadenzaError(
            f"{predictions.name} predicts other signals than the truth has: {theirs[:40]!r} is not among them, nor is "
            f"{ours[:40]!r} predicted. Compare with the metadata of the same split."
        )
    predicted = np.array([predictions.percent[clip.signal] for clip in common])
    truth = truth_of(common)
    severities = dict.fromkeys(clip.severity for clip in clips)
    masks = {name: np.array([clip.severity == name for clip in common]) for name in severities}
    by_severity = {name: figures(predicted[mask], truth[mask]) for name, mask in masks.items() if mask.any()}
    missing, unknown = len(clips) - len(common), len(predictions.percent) - len(common)
    signals = tuple(clip.signal for clip in common)
    return Row(predictions, signals, predicted, truth, figures(predicted, truth), by_severity, missing, unknown)


def compare(
    clips: Sequence[Clip], predictions: Sequence[Predictions], faults: Mapping[str, str] | None = None
) -> Comparison:
    """Score predictions that are read already; `faults` are passed on."""
    rows, wrong = [], dict(faults or {})
    for one in predictions:
        try:
            rows.append(score(one, clips))
        except CadenzaError as error:
            wrong[one.name] = str(error)
    rows.sort(key=lambda row: (not row.is_complete, row.overall.rmse))
    return Comparison(tuple(rows), wrong)


def compare_files(
    clips: Sequence[Clip], paths: Sequence[Path], *, scale: Scale = "auto", progress: Progress = silent
) -> Comparison:
    """Read and score prediction files.

    Raises
    ------
    CadenzaError
        If the clips have no correctness.
    """
    truth_of(clips)
    read, faults = [], {}
    for number, path in enumerate(paths):
        progress(number / len(paths), path.name)
        try:
            read.append(read_predictions(path, scale))
        except CadenzaError as error:
            faults[str(path)] = str(error)
    return compare(clips, read, faults)


@dataclass(frozen=True)
class Reliability:
    """A calibration curve: predictions in bins of equal count, and what listeners got in each.

    Parameters
    ----------
    predicted, truth, error : np.ndarray [shape=(bins,)], percent
        Means of each bin, and the standard error of the truth's.
    n : np.ndarray [shape=(bins,), dtype=int]
    """

    predicted: np.ndarray
    truth: np.ndarray
    error: np.ndarray
    n: np.ndarray


def reliability(predicted: np.ndarray, truth: np.ndarray, bins: int = 10) -> Reliability:
    """Give the calibration curve of predictions, shape (n,), percent; equal predictions stay in one bin."""
    edges = np.unique(np.quantile(predicted, np.linspace(0.0, 1.0, bins + 1)))
    at = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, max(0, len(edges) - 2))
    used = [at == number for number in range(max(1, len(edges) - 1)) if np.any(at == number)]
    centres, shares = (np.array([np.mean(values[mask]) for mask in used]) for values in (predicted, truth))
    errors = np.array([np.std(truth[mask]) / np.sqrt(mask.sum()) for mask in used])
    return Reliability(centres, shares, errors, np.array([int(mask.sum()) for mask in used]))


@dataclass(frozen=True)
class Published:
    """A published result of CLIP1: RMSE on valid and eval, NCC on eval, and what the system used."""

    system: str
    prompt: bool
    unprocessed: bool
    severity: bool
    valid_rmse: float
    eval_rmse: float
    eval_ncc: float

    def rmse(self, split: Literal["valid", "eval"]) -> float:
        """Give the RMSE on a split."""
        return self.valid_rmse if split == "valid" else self.eval_rmse


def published() -> tuple[str, tuple[Published, ...]]:
    """Give the source of the published results, and them."""
    text = importlib.resources.files(__package__).joinpath("published.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content["source"], tuple(Published(**row) for row in content["rows"])
