"""A better predictor than one calibrated score: ridge regression on the features of clips, their lines and songs.

Ridge regression (Hoerl & Kennard 1970) on standardised features; predictions are limited to 0 to 100. Gradient boosting on
the same features is no better here, and neither are word-by-word models; a linear model is a small table that anybody can
read. How much better it is than the baseline is told by cross-validation on the training set with all clips of a song in
one fold, both predictors on the same folds, and a bootstrap that draws whole songs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from ..progress import Progress, silent
from .calibration import fit_logistic
from .clips import Clip
from .features import feature_table
from .figures import Figures, figures
from .scores import values_for

__all__ = ["Comparison", "Ridge", "bootstrap_gain", "compare_by_folds", "fit_ridge", "truth_of"]

#: Weight of the penalty on standardised features; the cross-validated error is flat from 10 to 1000.
ALPHA = 100.0
_RESAMPLES = 2000


@dataclass(frozen=True)
class Ridge:
    """A linear model of named features.

    Parameters
    ----------
    scores : tuple of str
        The scores that it needs.
    features : tuple of str
    means, scales, weights : tuple of float
        Of the training set's features, and the weights of the standardised ones, percentage points.
    intercept : float
        Percent.
    """

    scores: tuple[str, ...]
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def __call__(self, clips: Sequence[Clip], scores: Mapping[str, Mapping[str, float]]) -> np.ndarray:
        """Predict the percentage of words understood, 0 to 100, of a whole split.

        Raises
        ------
        CadenzaError
            If a score is missing, or a clip has no words or an unknown hearing loss.
        """
        if missing := [name for name in self.scores if name not in scores]:
            there = ", ".join(scores) or "none"
            raise CadenzaError(f"The model needs the scores {', '.join(missing)}; the files given hold {there}.")
        names, table = feature_table(clips, {name: scores[name] for name in self.scores})
        if tuple(names) != self.features:
            raise CadenzaError(
                "The model was made by another version: its features are not those of now. Fit it again."
            )
        return self.predict(table)

    def predict(self, table: np.ndarray) -> np.ndarray:
        """Predict from a table of features, shape (clips, features)."""
        standardised = (table - np.array(self.means)) / np.array(self.scales)
        return np.clip(standardised @ np.array(self.weights) + self.intercept, 0.0, 100.0)


def truth_of(clips: Sequence[Clip]) -> np.ndarray:
    """Give the listeners' correctness in percent.

    Raises
    ------
    CadenzaError
        If a clip has none.
    """
    missing = sum(clip.correctness is None for clip in clips)
    if missing:
        raise CadenzaError(
            f"{missing} of {len(clips)} records have no correctness, so there is nothing to fit to or compare with. "
            "Take the metadata of a split whose answers are published."
        )
    return np.array([100.0 * (clip.correctness or 0.0) for clip in clips])


def fit_ridge(clips: Sequence[Clip], scores: Mapping[str, Mapping[str, float]]) -> Ridge:
    """Fit the model to a split.

    Raises
    ------
    CadenzaError
        If clips lack correctness, scores or words, or have an unknown hearing loss.
    """
    names, table = feature_table(clips, scores)
    return _fit(tuple(sorted(scores)), tuple(names), table, truth_of(clips))


def _fit(scores: tuple[str, ...], names: tuple[str, ...], table: np.ndarray, truth: np.ndarray) -> Ridge:
    means, scales = table.mean(axis=0), table.std(axis=0)
    scales = np.where(scales > 1e-12, scales, 1.0)
    standardised = (table - means) / scales
    gram = standardised.T @ standardised + ALPHA * np.eye(table.shape[1])
    weights = np.linalg.solve(gram, standardised.T @ (truth - truth.mean()))
    lists = (tuple(map(float, part)) for part in (means, scales, weights))
    return Ridge(scores, names, next(lists), next(lists), next(lists), float(truth.mean()))


@dataclass(frozen=True)
class Comparison:
    """The regression against the baseline, both cross-validated on the same folds of whole songs.

    Parameters
    ----------
    folds, songs : int
    model, baseline : Figures
        Of the predictions of clips whose song was held out.
    baseline_score : str
        The one score that the baseline calibrates.
    gain : float
        RMSE of the baseline minus that of the model, percentage points.
    interval : tuple of float
        95 % of the gain, by bootstrap over songs.
    """

    folds: int
    songs: int
    model: Figures
    baseline: Figures
    baseline_score: str
    gain: float
    interval: tuple[float, float]


def compare_by_folds(
    clips: Sequence[Clip],
    scores: Mapping[str, Mapping[str, float]],
    baseline: str,
    *,
    folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> Comparison:
    """Cross-validate the regression and the calibrated score `baseline` on the same folds.

    Raises
    ------
    CadenzaError
        If there are fewer songs than folds, or as :func:`fit_ridge`.
    """
    truth = truth_of(clips)
    names, table = feature_table(clips, scores)
    own = np.array(values_for(clips, scores[baseline], baseline))
    songs, index = np.unique([clip.song or clip.signal for clip in clips], return_inverse=True)
    if len(songs) < folds:
        raise CadenzaError(f"{len(songs)} songs cannot be divided into {folds} folds; more songs are needed.")
    fold_of = np.random.default_rng(seed).permutation(len(songs)) % folds
    fold = fold_of[index]
    model, base = np.empty(len(clips)), np.empty(len(clips))
    for number in range(folds):
        progress(number / folds, f"fold {number + 1} of {folds}")
        held, rest = fold == number, fold != number
        model[held] = _fit(tuple(sorted(scores)), tuple(names), table[rest], truth[rest]).predict(table[held])
        base[held] = fit_logistic(own[rest], truth[rest] / 100.0).curve(own[held])
    gain, interval = bootstrap_gain(model, base, truth, index, seed=seed)
    return Comparison(folds, len(songs), figures(model, truth), figures(base, truth), baseline, gain, interval)


def bootstrap_gain(
    model: np.ndarray, baseline: np.ndarray, truth: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Give by how much a prediction's RMSE is below the baseline's, and its 95 % interval.

    Parameters
    ----------
    model, baseline, truth : np.ndarray [shape=(n,)], percent
    groups : np.ndarray [shape=(n,), dtype=int]
        Number of the song of each; whole songs are drawn, 2000 times.
    """
    count = np.bincount(groups).astype(np.float64)
    sums = [np.bincount(groups, (prediction - truth) ** 2) for prediction in (model, baseline)]

    def gain_of(times: np.ndarray) -> np.ndarray:
        rmse: Callable[[np.ndarray], np.ndarray] = lambda total: np.sqrt(times @ total / (times @ count))  # noqa: E731
        return rmse(sums[1]) - rmse(sums[0])

    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(count), np.full(len(count), 1.0 / len(count)), size=_RESAMPLES).astype(np.float64)
    low, high = np.quantile(gain_of(drawn), (0.025, 0.975))
    return float(gain_of(np.ones((1, len(count))))[0]), (float(low), float(high))
