"""Is one system better than another? Tests on the same song-listener pairs, corrected for the number of tests.

The p-values are SciPy's (``scipy.stats.wilcoxon``, ``ttest_rel``); the correction is Holm's (Holm 1979, "A simple
sequentially rejective multiple test procedure", Scand. J. Statist. 6, 65-70).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from .intervals import RESAMPLES, mean_interval

__all__ = ["TESTS", "PairedTest", "holm", "paired_test"]

#: Tests that are offered: Wilcoxon's signed ranks (no assumption about the shape of the differences), the paired t-test.
TESTS = ("wilcoxon", "t")
#: Most differences whose signs SciPy tries in all ways where some are equal or zero.
_ALL_SIGNS = 13
#: Fewest pairs of which anything can be said.
_FEWEST = 2


@dataclass(frozen=True)
class PairedTest:
    """One system against another.

    Parameters
    ----------
    count : int
        Pairs that both have.
    difference, low, high : float
        Mean of the first less the second, with its 95 % bootstrap interval.
    share_better : float
        Share of the pairs where the first is better (a tie counts half).
    statistic, p : float
        Of the test; NaN where there are too few pairs.
    test : str
    """

    count: int
    difference: float
    low: float
    high: float
    share_better: float
    statistic: float
    p: float
    test: str


def paired_test(
    first: np.ndarray, second: np.ndarray, test: str = "wilcoxon", *, resamples: int = RESAMPLES, seed: int = 0
) -> PairedTest:
    """Test whether two systems differ on the same pairs, two-sided.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n,)]
        Scores of the same pairs in the same order; a pair that lacks one (NaN) is left out.
    test : str
        One of :data:`TESTS`.

    Raises
    ------
    CadenzaError
        If there is no such test, or the lengths differ.
    """
    from scipy import stats

    if test not in TESTS:
        raise CadenzaError(f"There is no test {test!r}: {', '.join(TESTS)}.")
    one, other = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if one.shape != other.shape:
        raise CadenzaError(f"Both systems need a score for each pair: {one.size} and {other.size} were given.")
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    difference = one - other
    interval = mean_interval(difference, resamples=resamples, seed=seed)
    share = float(np.mean((difference > 0) + 0.5 * (difference == 0))) if len(difference) else np.nan
    statistic, p = np.nan, np.nan
    if len(difference) >= _FEWEST:
        if not difference.any():  # equal in every pair: SciPy has no number for that
            statistic, p = 0.0, 1.0
        elif test == "t" and np.ptp(difference) == 0.0:  # always the same difference: infinitely sure, says the formula
            statistic, p = float(np.copysign(np.inf, difference[0])), 0.0
        elif test == "wilcoxon":
            statistic, p = _wilcoxon(difference)
        else:
            found = stats.ttest_rel(one, other)
            statistic, p = float(found.statistic), float(found.pvalue)
    return PairedTest(len(difference), interval.mean, interval.low, interval.high, share, statistic, p, test)


def _wilcoxon(difference: np.ndarray) -> tuple[float, float]:
    """Give SciPy's statistic and p; where it goes through all signs one by one, for seconds, all of them at once."""
    from scipy import stats

    size = np.abs(difference[difference != 0.0])
    is_plain = len(size) == len(difference) == len(np.unique(size))
    if is_plain or len(difference) > _ALL_SIGNS:
        found = stats.wilcoxon(difference)
        return float(found.statistic), float(found.pvalue)
    ranks = stats.rankdata(size)
    positive = float(ranks[difference[difference != 0.0] > 0.0].sum())
    signs = (np.arange(2 ** len(size))[:, None] >> np.arange(len(size))) & 1
    drawn = signs @ ranks  # halves of whole numbers: equal ones are equal
    p = 2.0 * min(float(np.mean(drawn <= positive)), float(np.mean(drawn >= positive)))
    return min(positive, float(ranks.sum()) - positive), min(1.0, p)


def holm(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Correct p-values for their number: Holm's step-down adjustment.

    Parameters
    ----------
    values : sequence of float
        NaN (no test) stays NaN and does not count.

    Returns
    -------
    np.ndarray [shape=(n,)]
        Adjusted p-values, at most 1: below 0.05 they are significant with a family-wise error rate of 5 %.
    """
    p = np.asarray(values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = (len(order) - np.arange(len(order))) * p[order]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else steps
    return adjusted
