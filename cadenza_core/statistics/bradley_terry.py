"""Strengths from paired comparisons: the model of Bradley & Terry 1952 (Biometrika 39, 324-345).

One wins against another with the probability ``1 / (1 + exp(strength of the other - strength))``. The strengths are those of
the greatest likelihood, with mean 0. Answers of one participant are alike, so the intervals come from the sandwich covariance
over participants (Liang & Zeger 1986, Biometrika 73, 13-22) with Student's t of (participants - 1) degrees of freedom.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError

__all__ = ["Strengths", "bradley_terry"]

_STEPS = 100


@dataclass(frozen=True)
class Strengths:
    """Strengths on the scale of log odds.

    Parameters
    ----------
    values, low, high : np.ndarray [shape=(n,)]
        Mean 0, with 95 % intervals; all NaN where the likelihood has no greatest value.
    missing : str
        Why there are none; empty where there are.
    participants : int
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    missing: str
    participants: int


def bradley_terry(wins: np.ndarray, names: Sequence[str] = (), *, confidence: float = 0.95) -> Strengths:
    """Fit the model.

    Parameters
    ----------
    wins : np.ndarray [shape=(participants, n, n)]
        How often each participant chose the row against the column.
    names : sequence of str
        For messages.

    Raises
    ------
    CadenzaError
        If the shape is another one or a number is negative.
    """
    from scipy import stats

    wins = np.asarray(wins, dtype=np.float64)
    if wins.ndim != 3 or wins.shape[1] != wins.shape[2] or (wins < 0).any():
        raise CadenzaError("Wins are wanted as participants x n x n numbers, none of them negative.")
    participants, n = wins.shape[:2]
    labels = [str(name) for name in names] or [str(number + 1) for number in range(n)]
    unknown = np.full(n, np.nan)
    total = wins.sum(axis=0)
    if missing := _missing(total, labels):
        return Strengths(unknown, unknown, unknown, missing, participants)
    values, information = _fit(total)
    if participants < 2:
        return Strengths(values, unknown, unknown, "", participants)
    expected = _expected(values)
    played = wins + wins.transpose(0, 2, 1)
    scores = (wins - played * expected).sum(axis=2)
    bread = np.linalg.pinv(information)
    covariance = bread @ (scores.T @ scores) @ bread * participants / (participants - 1)
    step = stats.t.ppf(0.5 + confidence / 2.0, participants - 1) * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Strengths(values, values - step, values + step, "", participants)


def _missing(total: np.ndarray, labels: list[str]) -> str:
    """Say why there are no finite strengths (Ford 1957: everybody must have lost to everybody, if by way of others)."""
    from scipy.sparse.csgraph import connected_components

    if len(total) < 2:
        return "there is nothing to compare"
    if connected_components(total + total.T, directed=False)[0] > 1:
        return "some were never compared with the others, not even by way of a third"
    count, group = connected_components(total > 0, directed=True, connection="strong")
    if count == 1:
        return ""
    groups = [group == number for number in range(count)]
    unbeaten = next(inside for inside in groups if not total[np.ix_(~inside, inside)].any())  # there always is one
    members = ", ".join(label for label, here in zip(labels, unbeaten, strict=True) if here)
    return f"no answer was ever given against {members}, so there is no limit to the strength"


def _expected(values: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    probability: np.ndarray = expit(values[:, None] - values[None, :])
    return probability


def _fit(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the strengths of the greatest likelihood by Newton's method, and the information there."""
    played = total + total.T
    values = np.zeros(len(total))

    def likelihood(at: np.ndarray) -> float:
        return float(-(total * np.logaddexp(0.0, at[None, :] - at[:, None])).sum())

    for _ in range(_STEPS):
        expected = _expected(values)
        score = (total - played * expected).sum(axis=1)
        information = _information(played, expected)
        step = np.linalg.pinv(information) @ score
        length, before = 1.0, likelihood(values)
        while likelihood(values + length * step) < before - 1e-12 * abs(before) and length > 1e-8:
            length /= 2.0
        values = values + length * step
        if np.abs(step).max() < 1e-10:
            break
    values = values - values.mean()
    return values, _information(played, _expected(values))


def _information(played: np.ndarray, expected: np.ndarray) -> np.ndarray:
    weights = played * expected * expected.T
    return np.diag(weights.sum(axis=1)) - weights
