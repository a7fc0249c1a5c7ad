"""Evaluate a model on a HEAR task: embed once, choose by validation, test once; stop and resume at any point.

The order is the evaluation kit's (hear-eval-kit 2021.1.3): of the grid, 8 points are drawn and trained on the first data
split; the one with the best validation score is taken; with folds, its settings are trained on the other splits too; the best
state of each is tested. Mean and standard deviation over folds are reported. What chooses is given the training and
validation splits only.

One difference: where validation finds no event at all, the F-measure is not defined; it counts 0 here and training goes on,
while the kit stops there.
"""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file, parse_json
from ..progress import Progress, part, silent
from ..settings import Settings
from .features import SplitData, load_splits
from .retrieval import retrieval_scores
from .scores import find_scores
from .store import Embeddings
from .tasks import DataSplit, Task
from .training import Trained, by_score, check_settings, test, train

__all__ = ["Result", "evaluate", "evaluate_retrieval", "results"]

_FORMAT = 1


@dataclass(frozen=True)
class Result:
    """How a model did on a task.

    Parameters
    ----------
    task, model, space : str
        The task's full name; the model's id and the space of its embeddings.
    scores : mapping of str to float
        Of the test split; with folds, the means.
    deviations : mapping of str to float
        Standard deviations over folds; empty without folds.
    folds : mapping of str to mapping
        Scores of each test split.
    chosen : mapping
        The grid point, its validation score, epoch and postprocessing.
    tried : list of mapping
        The same of every point that was trained.
    seconds : float
    notes : tuple of str
        What the user should know.
    """

    task: str
    model: str
    space: str
    scores: Mapping[str, float]
    deviations: Mapping[str, float]
    folds: Mapping[str, Mapping[str, float]]
    chosen: Mapping[str, Any]
    tried: Sequence[Mapping[str, Any]]
    seconds: float
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {**self.__dict__, "tried": list(self.tried), "notes": list(self.notes)}


def evaluate(
    task: Task,
    embeddings: Embeddings,
    settings: Settings,
    *,
    grid: str = "default",
    points: int = 8,
    progress: Progress = silent,
) -> Result:
    """Evaluate a model on a task with the shallow predictor; what was finished before is used again.

    Parameters
    ----------
    task : Task
    embeddings : Embeddings
        Of the model.
    settings : Settings
        Where results are kept, and which device trains.
    grid : {"default", "fast", "faster"}
    points : int
        How many points are drawn from it; HEAR draws 8.
    progress : Progress
        May raise Cancelled; what is finished stays.

    Raises
    ------
    CadenzaError
        If the task has unknown scores or settings or needs no training, a sound cannot be read, or the model fails.
    """
    if task.prediction == "retrieval":
        return evaluate_retrieval(task, embeddings, settings, progress=progress)
    find_scores(task.scores, task.kind)
    chosen_points = check_settings(task, grid, points)
    began = time.perf_counter()
    data, notes = load_splits(task, embeddings, part(progress, 0.0, 0.5))
    folder = settings.home / "hear" / "runs"
    first, *others = task.data_splits
    share = 0.48 / (len(chosen_points) + len(others))
    tried = []
    for number, point in enumerate(chosen_points):
        show = _named(part(progress, 0.5 + number * share, 0.5 + (number + 1) * share), f"grid point {number + 1}")
        tried.append(train(task, first, _seen(data, first), point, folder, settings.device, show))
    best = _best(tried, find_scores(task.scores, task.kind)[0].maximise and by_score(task))
    fits = [best]
    for number, split in enumerate(others):
        start = 0.5 + (len(chosen_points) + number) * share
        show = _named(part(progress, start, start + share), f"fold {number + 2}")
        fits.append(train(task, split, _seen(data, split), best.point, folder, settings.device, show))
    folds = {}
    for split, fitted in zip(task.data_splits, fits, strict=True):
        progress(0.98, f"testing {split.name}")
        folds[split.name] = test(task, split, data, fitted, settings.device)
    result = _result(task, embeddings, folds, notes, time.perf_counter() - began)
    result = replace(result, chosen=best.as_dict(), tried=[one.as_dict() for one in tried])
    _keep(result, settings)
    for one in {fitted.folder for fitted in (*tried, *fits)}:
        shutil.rmtree(one, ignore_errors=True)
    progress(1.0, "done")
    return result


def evaluate_retrieval(
    task: Task, embeddings: Embeddings, settings: Settings, *, progress: Progress = silent
) -> Result:
    """Evaluate a model on a scene task without training: l1 distances between the sounds of each test split.

    Raises
    ------
    CadenzaError
        If it is no scene task, a sound cannot be read, or the model fails.
    """
    if task.kind != "scene":
        raise CadenzaError(
            f"{task.name} is an event task; retrieval compares whole sounds, so a scene task is accepted."
        )
    began = time.perf_counter()
    data, notes = load_splits(
        task, embeddings, progress, only={name for split in task.data_splits for name in split.test}
    )
    folds = {}
    for split in task.data_splits:
        tested = SplitData.joined([data[name] for name in split.test])
        folds[split.name] = retrieval_scores(tested.features, tested.targets)
    result = _result(task, embeddings, folds, notes, time.perf_counter() - began)
    result = replace(result, chosen={"method": "l1 distance, no training"})
    _keep(result, settings, suffix="-retrieval")
    return result


def _seen(data: Mapping[str, SplitData], split: DataSplit) -> dict[str, SplitData]:
    """Give what may be seen before the test: all but what is tested."""
    return {name: data[name] for name in (*split.train, *split.valid)}


def _named(progress: Progress, name: str) -> Progress:
    return lambda done, text: progress(done, f"{name}: {text}")


def _best(tried: Sequence[Trained], maximise: bool) -> Trained:
    """Give the point with the best validation score; of equals the first, as a stable sort does."""

    def value(one: Trained) -> float:
        score = one.verdict.score
        return -math.inf if math.isnan(score) else (score if maximise else -score)

    return max(tried, key=value)


def _result(
    task: Task,
    embeddings: Embeddings,
    folds: Mapping[str, Mapping[str, float]],
    notes: Sequence[str],
    seconds: float,
) -> Result:
    names = list(next(iter(folds.values())))
    values = {name: np.array([fold[name] for fold in folds.values()]) for name in names}
    with np.errstate(invalid="ignore"):  # a d-prime may be infinite, a score undefined: so are then mean and deviation
        means = {name: float(value.mean()) for name, value in values.items()}
        deviations = {name: float(value.std(ddof=1)) for name, value in values.items()} if len(folds) > 1 else {}
    found = [*notes]
    if embeddings.damaged:
        found.append(f"{embeddings.damaged} cached embeddings were damaged and were computed anew")
    return Result(
        task.full_name,
        embeddings.model.id,
        embeddings.space,
        means,
        deviations,
        dict(folds),
        {},
        [],
        round(seconds, 1),
        tuple(found),
    )


def results_folder(settings: Settings) -> Path:
    """Give the folder of all results."""
    return settings.home / "hear" / "results"


def _keep(result: Result, settings: Settings, suffix: str = "") -> None:
    name = hashlib.sha256(f"{result.task} {result.space}{suffix}".encode()).hexdigest()[:24]
    with atomic_file(results_folder(settings) / f"{name}.json") as temporary:
        content = {"format": _FORMAT, "kept": time.time(), **result.as_dict()}
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def results(settings: Settings) -> list[Result]:
    """Give all kept results, the newest of each task, model and method, by task and model."""
    folder = results_folder(settings)
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            content["notes"] = tuple(content["notes"])
            found.append(Result(**{name: content[name] for name in Result.__dataclass_fields__}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CadenzaError(
                f"{path} cannot be read as a result ({error!r}). Delete it and evaluate again."
            ) from error
    return sorted(found, key=lambda one: (one.task, one.model))
