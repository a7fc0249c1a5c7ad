"""Intervals of means over two kinds of draws at once: participants, and what they were given.

Participants and excerpts are both drawn with replacement, and a rating counts as often as its participant times as often as
its excerpt was drawn (the "pigeonhole" bootstrap: Owen 2007, Annals of Applied Statistics 1(2), 386-411). Such an interval
holds beyond the excerpts that were tried, and is a little too wide rather than too narrow.
"""

import warnings

import numpy as np

from .intervals import RESAMPLES, Interval

__all__ = ["crossed_intervals", "mean_of_participants"]


def mean_of_participants(values: np.ndarray) -> np.ndarray:
    """Give each participant's mean of each system over the excerpts that they rated.

    Parameters
    ----------
    values : np.ndarray [shape=(systems, participants, excerpts)]
        NaN where there is no rating.

    Returns
    -------
    np.ndarray [shape=(systems, participants)]
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of participants who rated nothing of a system
        found: np.ndarray = np.nanmean(np.asarray(values, dtype=np.float64), axis=2)
    return found


def crossed_intervals(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """Give the interval of each system's mean of its participants' means; all systems share their draws.

    Parameters
    ----------
    values : np.ndarray [shape=(systems, participants, excerpts)]
        NaN where there is no rating.
    """
    values = np.asarray(values, dtype=np.float64)
    means = mean_of_participants(values)
    _, participants, excerpts = values.shape
    counts = (~np.isnan(means)).sum(axis=1)
    plain = [float(np.nanmean(row)) if count else np.nan for row, count in zip(means, counts, strict=True)]
    rng = np.random.default_rng(seed)
    who = rng.multinomial(participants, np.full(participants, 1.0 / participants), resamples).astype(float)
    what = rng.multinomial(excerpts, np.full(excerpts, 1.0 / excerpts), resamples).astype(float)
    tail, found = 50.0 * (1.0 - confidence), []
    for rated, mean, count in zip(values, plain, counts, strict=True):
        if count < 2 or excerpts < 2:
            found.append(Interval(mean, np.nan, np.nan, int(count)))
            continue
        low, high = np.nanpercentile(_draws(rated, who, what), [tail, 100.0 - tail])
        found.append(Interval(mean, float(low), float(high), int(count)))
    return found


def _draws(rated: np.ndarray, who: np.ndarray, what: np.ndarray) -> np.ndarray:
    """Give the mean of each draw; a draw in which nothing was rated is NaN."""
    given = ~np.isnan(rated)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = (what @ np.where(given, rated, 0.0).T) / (what @ given.T.astype(float))
        here = ~np.isnan(each)
        return (who * np.where(here, each, 0.0)).sum(axis=1) / (who * here).sum(axis=1)
