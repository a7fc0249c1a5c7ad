"""Proportions with intervals, and tests of them against guessing; the numbers are SciPy's (``scipy.stats.binomtest``)."""

from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError

__all__ = ["PROPORTION_INTERVALS", "Proportion", "proportion"]

#: Intervals that are offered: Wilson's score interval (1927), and Clopper & Pearson's exact one (1934), never too short.
PROPORTION_INTERVALS = ("wilson", "clopper-pearson")


@dataclass(frozen=True)
class Proportion:
    """So many of so many, and how likely that is by chance.

    Parameters
    ----------
    successes, count : int
    share, low, high : float
        Their ratio and its interval; NaN where there is nothing.
    p : float
        Of the exact binomial test.
    """

    successes: int
    count: int
    share: float
    low: float
    high: float
    p: float


def proportion(
    successes: int,
    count: int,
    *,
    chance: float = 0.5,
    alternative: str = "two-sided",
    interval: str = "wilson",
    confidence: float = 0.95,
) -> Proportion:
    """Give a proportion with its two-sided interval, and test it against chance.

    Parameters
    ----------
    successes, count : int
        Of independent answers.
    chance : float
        What guessing gives.
    alternative : str
        ``two-sided`` (a preference), or ``greater`` (better than guessing).
    interval : str
        One of :data:`PROPORTION_INTERVALS`.

    Raises
    ------
    CadenzaError
        If there is no such interval, or there are more successes than answers.
    """
    from scipy import stats

    if interval not in PROPORTION_INTERVALS:
        raise CadenzaError(f"There is no interval {interval!r}: {', '.join(PROPORTION_INTERVALS)}.")
    if not 0 <= successes <= count:
        raise CadenzaError(f"{successes} of {count} is no proportion.")
    if count == 0:
        return Proportion(0, 0, np.nan, np.nan, np.nan, np.nan)
    tested = stats.binomtest(successes, count, chance, alternative=alternative)
    method = "wilson" if interval == "wilson" else "exact"
    # The interval is two-sided whatever is tested: a one-sided one would end at 1.
    span = stats.binomtest(successes, count, chance).proportion_ci(confidence, method=method)
    return Proportion(successes, count, successes / count, float(span.low), float(span.high), float(tested.pvalue))
