"""HEAR's shallow predictor: a small network on frozen embeddings, with the evaluation kit's architecture and schedule.

Per hidden layer Linear -> BatchNorm1d -> Dropout 0.1 -> ReLU, then a projection; Xavier initialisation; softmax and
cross-entropy (one label each) or sigmoid and binary cross-entropy (any number). Adam; at most 500 epochs in batches of 1024 in
the data's order; validation every few epochs; the best state counts, and training stops after 20 validations without a better
one. Source: hear-eval-kit 2021.1.3, `task_predictions`. There, one seed is set for the whole run; here each training has it
anew, so that a run which is stopped and resumed gives the same numbers.
"""

import copy
import itertools
import math
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ..errors import CadenzaError
from ..progress import Progress, silent
from .events import GRID as POSTPROCESSING_GRID
from .events import Postprocessing

__all__ = ["GRIDS", "Fit", "GridPoint", "Verdict", "drawn_points", "fit", "grid_points", "make_predictor", "predict"]

SEED = 42
_SEEDED = threading.Lock()  # torch's generator belongs to the whole process
_GAIN = {"linear": 1.0, "relu": math.sqrt(2.0)}
_INITIALIZATIONS = ("xavier_uniform", "xavier_normal")


@dataclass(frozen=True)
class GridPoint:
    """One setting of the predictor and its training; names as in the evaluation kit."""

    hidden_layers: int = 1
    initialization: str = "xavier_uniform"
    lr: float = 1e-3
    hidden_dim: int = 1024
    dropout: float = 0.1
    batch_size: int = 1024
    max_epochs: int = 500
    check_val_every_n_epoch: int = 3
    patience: int = 20

    def __post_init__(self) -> None:
        counts = (self.hidden_dim, self.batch_size, self.max_epochs, self.check_val_every_n_epoch, self.patience)
        whole = all(type(count) is int and count > 0 for count in counts) and type(self.hidden_layers) is int
        numbers = isinstance(self.lr, int | float) and isinstance(self.dropout, int | float)
        if not (
            whole
            and numbers
            and self.hidden_layers >= 0
            and 0 < self.lr < math.inf
            and 0 <= self.dropout < 1
            and self.initialization in _INITIALIZATIONS
        ):
            raise CadenzaError(
                f"A predictor with {self.as_dict()} cannot be: whole numbers above 0 (hidden_layers from 0), lr above 0, "
                f"dropout from 0 to below 1, and {' or '.join(_INITIALIZATIONS)} are accepted."
            )

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return asdict(self)


def grid_points(name: str = "default", own: Mapping[str, Sequence[Any]] | None = None) -> list[GridPoint]:
    """Give all points of a grid, in the order of scikit-learn's `ParameterGrid` (sorted names, the last varies fastest).

    Parameters
    ----------
    name : {"default", "fast", "faster"}
        The evaluation kit's: 16, 64 and 64 points.
    own : mapping of str to values, optional
        What a task tries instead, such as ``{"check_val_every_n_epoch": [10]}`` for DCASE 2016.

    Raises
    ------
    CadenzaError
        If a value of `own` cannot be.
    """
    axes = {**_GRID, **GRIDS[name], **(own or {})}
    names = sorted(axes)
    return [
        GridPoint(**dict(zip(names, values, strict=True))) for values in itertools.product(*(axes[n] for n in names))
    ]


_GRID: dict[str, Sequence[Any]] = {
    "hidden_layers": (1, 2),
    "initialization": _INITIALIZATIONS,
    "lr": (3.2e-3, 1e-3, 3.2e-4, 1e-4),
}
#: What each grid varies besides, or instead.
GRIDS: dict[str, dict[str, Sequence[Any]]] = {
    "default": {},
    "fast": {"max_epochs": (10, 50), "check_val_every_n_epoch": (3, 10)},
    "faster": {
        "hidden_layers": (0, 1),
        "hidden_dim": (64, 128),
        "patience": (1, 3),
        "max_epochs": (10,),
        "check_val_every_n_epoch": (1,),
    },
}


def drawn_points(points: list[GridPoint], count: int, seed: int = SEED) -> list[GridPoint]:
    """Draw `count` points as the evaluation kit does: shuffle with the seed, take the first."""
    shuffled = list(points)
    random.Random(seed).shuffle(shuffled)
    return shuffled[:count]


def make_predictor(n_features: int, n_labels: int, point: GridPoint) -> torch.nn.Sequential:
    """Make the network: features (n, n_features) to logits (n, n_labels)."""
    initialise = {"xavier_uniform": torch.nn.init.xavier_uniform_, "xavier_normal": torch.nn.init.xavier_normal_}
    layers: list[torch.nn.Module] = []
    width, before = n_features, "linear"
    for _ in range(point.hidden_layers):
        linear = torch.nn.Linear(width, point.hidden_dim)
        initialise[point.initialization](linear.weight, gain=_GAIN[before])
        layers += [linear, torch.nn.BatchNorm1d(point.hidden_dim), torch.nn.Dropout(point.dropout), torch.nn.ReLU()]
        width, before = point.hidden_dim, "relu"
    projection = torch.nn.Linear(width, n_labels)
    initialise[point.initialization](projection.weight, gain=_GAIN[before])
    return torch.nn.Sequential(*layers, projection)


@torch.no_grad()
def predict(network: torch.nn.Module, features: np.ndarray, *, multiclass: bool, batch_size: int = 1024) -> np.ndarray:
    """Give probabilities, float32, shape (n, n_labels)."""
    network.eval()
    device = next(network.parameters()).device
    parts = []
    for first in range(0, len(features), batch_size):
        logits = network(torch.from_numpy(np.ascontiguousarray(features[first : first + batch_size])).to(device))
        parts.append((torch.softmax(logits, 1) if multiclass else torch.sigmoid(logits)).cpu().numpy())
    return np.concatenate(parts)


@dataclass(frozen=True)
class Verdict:
    """What validation says of a state: its score (the first one), all scores, and the postprocessing that gave it."""

    score: float
    scores: dict[str, float] = field(default_factory=dict)
    postprocessing: Postprocessing = POSTPROCESSING_GRID[0]


@dataclass(frozen=True)
class Fit:
    """A trained predictor: the best state of all validations.

    Parameters
    ----------
    network : torch.nn.Module
    point : GridPoint
    verdict : Verdict
        Of the best state.
    epoch : int
        From 0.
    epochs : int
        How many were trained.
    """

    network: torch.nn.Module
    point: GridPoint
    verdict: Verdict
    epoch: int
    epochs: int


def fit(
    features: np.ndarray,
    targets: np.ndarray,
    judge: Callable[[torch.nn.Module], Verdict],
    point: GridPoint,
    *,
    multiclass: bool,
    maximise: bool,
    device: str = "cpu",
    seed: int = SEED,
    progress: Progress = silent,
) -> Fit:
    """Train one predictor.

    Parameters
    ----------
    features : np.ndarray [shape=(n, n_features), dtype=float32]
    targets : np.ndarray [shape=(n, n_labels), dtype=float32]
        0 and 1; with `multiclass`, one 1 in each row.
    judge : function
        Validates a state. Nothing else chooses.
    point : GridPoint
    multiclass, maximise : bool
        One label each; a higher score is better.
    device : str
    seed : int
    progress : Progress
        Called after each epoch; may raise Cancelled.
    """
    with _SEEDED, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_predictor(features.shape[1], targets.shape[1], point).to(device)
        optimizer = torch.optim.Adam(network.parameters(), lr=point.lr)
        best: Fit | None = None
        waited = epoch = 0
        for epoch in range(point.max_epochs):
            _train_epoch(network, optimizer, features, targets, point.batch_size, multiclass)
            progress(
                (epoch + 1) / point.max_epochs,
                f"epoch {epoch + 1}" + (f", best {best.verdict.score:.3f}" if best else ""),
            )
            if (epoch + 1) % point.check_val_every_n_epoch:
                continue
            verdict = judge(network)
            if best is None or _better(verdict.score, best.verdict.score, maximise):
                best, waited = Fit(copy.deepcopy(network), point, verdict, epoch, epoch + 1), 0
            else:
                waited += 1
            if waited >= point.patience:
                break
        if best is None:  # fewer epochs than between two validations
            best = Fit(network, point, judge(network), epoch, epoch + 1)
    return replace(best, epochs=epoch + 1)


def _better(one: float, other: float, maximise: bool) -> bool:
    if math.isnan(other):
        return not math.isnan(one)
    return one > other if maximise else one < other


def _train_epoch(
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    features: np.ndarray,
    targets: np.ndarray,
    batch_size: int,
    multiclass: bool,
) -> None:
    network.train()
    device = next(network.parameters()).device
    for first in range(0, len(features), batch_size):
        x = torch.from_numpy(np.ascontiguousarray(features[first : first + batch_size])).to(device)
        y = torch.from_numpy(np.ascontiguousarray(targets[first : first + batch_size])).to(device)
        if len(x) == 1 and len(features) > 1:
            continue  # a mean over one says nothing: BatchNorm refuses it
        if len(x) == 1:
            network.eval()
        logits = network(x)
        if multiclass:
            loss = torch.nn.functional.cross_entropy(logits, y.argmax(1))
        else:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
