"""Train, keep and test the shallow predictor on one data split of a task.

What was trained lies in a folder named by everything it hangs on: the training and validation data, the settings, the score
that chooses. A run that was stopped finds it there and goes on; the test split is no part of the name, nor of the training.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file
from ..progress import Progress
from .events import GRID as POSTPROCESSING_GRID
from .events import Postprocessing, find_events
from .features import SplitData
from .predictor import GRIDS, SEED, GridPoint, Verdict, drawn_points, fit, grid_points, make_predictor, predict
from .scores import find_scores, score_events, score_scenes
from .tasks import DataSplit, Event, Task

if TYPE_CHECKING:
    import torch

__all__ = ["Trained", "by_score", "check_settings", "events_of", "test", "train"]

_FORMAT = 1
_STATE = "state.pt"
#: What the evaluation kit itself tries instead for a task: sed_eval is slow.
_OWN_GRIDS = {"dcase2016_task2": {"check_val_every_n_epoch": [10]}}


@dataclass(frozen=True)
class Trained:
    """A predictor on disk, in its best state.

    Parameters
    ----------
    folder : Path
    point : GridPoint
    verdict : Verdict
        Of validation.
    epoch, epochs : int
        The best one, from 0; how many were trained.
    """

    folder: Path
    point: GridPoint
    verdict: Verdict
    epoch: int
    epochs: int

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        facts = {"point": self.point.as_dict(), "epoch": self.epoch, "epochs": self.epochs}
        facts |= {"validation_score": self.verdict.score, "validation_scores": self.verdict.scores}
        return {**facts, "postprocessing": dataclasses.asdict(self.verdict.postprocessing)}

    def network(self, n_features: int, n_labels: int) -> "torch.nn.Module":
        """Load it.

        Raises
        ------
        CadenzaError
            If the file is gone or damaged.
        """
        from ..separation.checkpoints import load_state, read_torch

        network = make_predictor(n_features, n_labels, self.point)
        load_state(network, read_torch(self.folder / _STATE)["state"], self.folder / _STATE)
        return network.eval()


def check_settings(task: Task, grid: str, points: int) -> list[GridPoint]:
    """Give the points of the grid that are to be trained.

    Raises
    ------
    CadenzaError
        If there is no such grid, the number is not positive, or the task's own parameters are unknown.
    """
    if grid not in GRIDS or points < 1:
        raise CadenzaError(
            f"The grid {grid!r} with {points} points cannot be: {', '.join(GRIDS)} with 1 or more are accepted."
        )
    _postprocessing_grid(task)
    own = _parameters(task).get("task_specific_param_grid", {})
    if not isinstance(own, Mapping) or not all(isinstance(values, list) and values for values in own.values()):
        raise CadenzaError(
            f"{task.folder}: 'task_specific_param_grid' is {own!r}; lists of values by name are accepted."
        )
    if unknown := own.keys() - {field.name for field in dataclasses.fields(GridPoint)}:
        names = ", ".join(field.name for field in dataclasses.fields(GridPoint))
        raise CadenzaError(f"{task.folder}: 'task_specific_param_grid' has {', '.join(unknown)}; {names} are accepted.")
    return drawn_points(grid_points(grid, {**_OWN_GRIDS.get(task.name, {}), **own}), points)


def by_score(task: Task) -> bool:
    """Whether validation chooses by the first score; else by its loss, for tasks whose score is slow."""
    return bool(task.metadata.get("use_scoring_for_early_stopping", True))


def _parameters(task: Task) -> Mapping[str, Any]:
    parameters = task.metadata.get("evaluation_params") or {}
    if not isinstance(parameters, Mapping):
        raise CadenzaError(f"{task.folder}: 'evaluation_params' is {parameters!r}; an object is accepted.")
    return parameters


def _postprocessing_grid(task: Task) -> Sequence[Postprocessing]:
    own = _parameters(task).get("event_postprocessing_grid")
    if own is None:
        return POSTPROCESSING_GRID
    try:
        return [Postprocessing(float(m), float(d)) for m in own["median_filter_ms"] for d in own["min_duration"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CadenzaError(
            f"{task.folder}: 'event_postprocessing_grid' is {own!r}; lists of median_filter_ms and min_duration are accepted."
        ) from error


def train(
    task: Task,
    split: DataSplit,
    data: Mapping[str, SplitData],
    point: GridPoint,
    folder: Path,
    device: str,
    progress: Progress,
) -> Trained:
    """Train one point on a data split's training data and keep its best state by validation; or find it kept.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    training = SplitData.joined([data[name] for name in split.train])
    validation = SplitData.joined([data[name] for name in split.valid])
    facts = [_FORMAT, SEED, task.kind, task.prediction, task.scores, task.labels, by_score(task), point.as_dict()]
    facts += [training.digest, validation.digest, [dataclasses.asdict(one) for one in _postprocessing_grid(task)]]
    place = folder / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    if kept := _kept(place, point):
        progress(1.0, "found from an earlier run")
        return kept
    maximise = find_scores(task.scores, task.kind)[0].maximise and by_score(task)
    judge = partial(_judge, task, validation)
    options: dict[str, Any] = {"multiclass": task.prediction == "multiclass", "maximise": maximise}
    fitted = fit(
        training.features, training.targets, judge, point, device=_device(device), progress=progress, **options
    )
    verdict = fitted.verdict
    content = {"score": verdict.score, "scores": verdict.scores, "epoch": fitted.epoch, "epochs": fitted.epochs}
    content |= {"postprocessing": dataclasses.asdict(verdict.postprocessing)}
    _keep(place, {**content, "state": {name: value.cpu() for name, value in fitted.network.state_dict().items()}})
    return Trained(place, point, verdict, fitted.epoch, fitted.epochs)


def _keep(place: Path, content: dict[str, Any]) -> None:
    import torch

    with atomic_file(place / _STATE) as temporary:
        torch.save(content, temporary)


def _kept(place: Path, point: GridPoint) -> Trained | None:
    from ..separation.checkpoints import read_torch

    if not (place / _STATE).is_file():
        return None
    try:
        content = read_torch(place / _STATE)
        verdict = Verdict(content["score"], dict(content["scores"]), Postprocessing(**content["postprocessing"]))
        return Trained(place, point, verdict, int(content["epoch"]), int(content["epochs"]))
    except (CadenzaError, KeyError, TypeError):  # written by something else: trained anew
        return None


def _device(device: str) -> str:
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def _judge(task: Task, data: SplitData, network: "torch.nn.Module") -> Verdict:
    """Validate: the score that chooses, and with events the postprocessing that is best for it."""
    probabilities = predict(network, data.features, multiclass=task.prediction == "multiclass")
    grid = _postprocessing_grid(task)
    if not by_score(task):
        return Verdict(_loss(probabilities, data.targets, task.prediction == "multiclass"), {}, grid[0])
    scores = find_scores(task.scores, task.kind)
    if task.kind == "scene":
        found = score_scenes(scores, probabilities, data.targets)
        return Verdict(found[scores[0].name], found)
    verdicts = []
    for processing in grid:
        events = events_of(task.labels, data, probabilities, processing)
        found = score_events(scores, events, data.events, task.labels)
        value = found[scores[0].name]
        verdicts.append(Verdict(0.0 if np.isnan(value) else value, found, processing))
    # of equals the later one, as the evaluation kit's sorting has it
    return max(verdicts, key=lambda one: (one.score if scores[0].maximise else -one.score, one.postprocessing))


def _loss(probabilities: np.ndarray, targets: np.ndarray, multiclass: bool) -> float:
    clipped = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
    if multiclass:
        return float(-np.mean(np.log(clipped[targets > 0])))
    return float(-np.mean(targets * np.log(clipped) + (1 - targets) * np.log(1 - clipped)))


def events_of(
    labels: Sequence[str], data: SplitData, probabilities: np.ndarray, processing: Postprocessing
) -> dict[str, list[Event]]:
    """Give the events that are found in each sound."""
    each = data.by_file(probabilities)
    times = dict(zip(data.files, data.times, strict=True))
    return {name: find_events(rows, times[name], labels, processing) for name, rows in each.items()}


def test(
    task: Task, split: DataSplit, data: Mapping[str, SplitData], trained: Trained, device: str
) -> dict[str, float]:
    """Score a trained predictor on a data split's test data."""
    tested = SplitData.joined([data[name] for name in split.test])
    network = trained.network(tested.features.shape[1], len(task.labels)).to(_device(device))
    probabilities = predict(network, tested.features, multiclass=task.prediction == "multiclass")
    scores = find_scores(task.scores, task.kind)
    if task.kind == "scene":
        return score_scenes(scores, probabilities, tested.targets)
    events = events_of(task.labels, tested, probabilities, trained.verdict.postprocessing)
    return score_events(scores, events, tested.events, task.labels)
