"""Intervals of a mean by the bootstrap (percentile method; Efron & Tibshirani 1993, chapter 13).

The numbers are those of ``scipy.stats.bootstrap((values,), numpy.mean, method="percentile", rng=seed)``: the same draws from
the same generator. Several rows of equal length share their draws, as there, so that ten systems on the same pairs cost one
matrix product.
"""

import functools
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError

__all__ = ["RESAMPLES", "Interval", "mean_interval", "mean_intervals"]

#: Draws of the bootstrap.
RESAMPLES = 2000
#: Draws that are made at once: this many numbers at most.
_AT_ONCE = 4_000_000
#: Largest matrix of counts that is kept for the next time, numbers.
_KEPT = 8_000_000


@dataclass(frozen=True)
class Interval:
    """A mean, and the interval in which it lies with some confidence; NaN where there are too few values."""

    mean: float
    low: float
    high: float
    count: int


def mean_interval(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Give the mean of some values and its bootstrap interval.

    Parameters
    ----------
    values : np.ndarray [shape=(n,)]
        Independent values; NaN is left out.
    confidence : float
        0 to 1.
    resamples : int
    seed : int

    Raises
    ------
    CadenzaError
        If confidence or resamples make no sense.
    """
    kept = np.asarray(values, dtype=np.float64)
    return mean_intervals(kept[None, ~np.isnan(kept)], confidence=confidence, resamples=resamples, seed=seed)[0]


def mean_intervals(
    rows: np.ndarray, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """Give the interval of each row's mean; all rows are drawn alike, as each would be by itself.

    Parameters
    ----------
    rows : np.ndarray [shape=(rows, n)]
        A row with NaN in it is drawn by itself, without them.

    Raises
    ------
    CadenzaError
        As :func:`mean_interval`.
    """
    if not 0.0 < confidence < 1.0 or resamples < 10:
        raise CadenzaError(
            f"A confidence between 0 and 1 and 10 draws or more are wanted, not {confidence}, {resamples}."
        )
    rows = np.asarray(rows, dtype=np.float64)
    has_gap = np.isnan(rows).any(axis=1)
    found: list[Interval | None] = [None] * len(rows)
    for row in np.flatnonzero(has_gap):
        found[row] = mean_interval(rows[row], confidence=confidence, resamples=resamples, seed=seed)
    whole = rows[~has_gap]
    for row, interval in zip(np.flatnonzero(~has_gap), _intervals(whole, confidence, resamples, seed), strict=True):
        found[row] = interval
    return [interval for interval in found if interval is not None]


def _intervals(rows: np.ndarray, confidence: float, resamples: int, seed: int) -> list[Interval]:
    count = rows.shape[1]
    means = rows.mean(axis=1) if count else np.full(len(rows), np.nan)
    if count < 2 or not len(rows):
        return [Interval(float(mean), np.nan, np.nan, count) for mean in means]
    drawn = _drawn_means(rows, resamples, seed)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(drawn, [tail, 100.0 - tail], axis=1)
    return [Interval(float(m), float(a), float(b), count) for m, a, b in zip(means, low, high, strict=True)]


def _drawn_means(rows: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    count = rows.shape[1]
    if resamples * count <= _KEPT:
        return rows @ _counts(count, resamples, seed).T / count
    rng = np.random.default_rng(seed)
    batch = max(1, _AT_ONCE // count)
    parts = []
    for start in range(0, resamples, batch):
        parts.append(rows @ _draw(rng, count, min(batch, resamples - start)).T / count)
    return np.concatenate(parts, axis=1)


@functools.lru_cache(maxsize=3)
def _counts(count: int, resamples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    batch = max(1, _AT_ONCE // count)
    return np.concatenate([_draw(rng, count, min(batch, resamples - start)) for start in range(0, resamples, batch)])


def _draw(rng: np.random.Generator, count: int, times: int) -> np.ndarray:
    """Draw `count` of `count` values `times` over; give how often each was drawn, shape (times, count)."""
    drawn = rng.integers(0, count, (times, count))
    drawn += count * np.arange(times)[:, None]
    return np.bincount(drawn.ravel(), minlength=times * count).reshape(times, count).astype(np.float64)
