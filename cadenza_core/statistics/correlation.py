"""Correlation with intervals: Pearson, Spearman, Kendall.

Coefficients and p-values are SciPy's. The intervals are symmetric after Fisher's transformation z = artanh r, with standard
errors 1/sqrt(n-3) (Pearson; Fisher 1921), sqrt((1 + r^2/2)/(n-3)) (Spearman; Bonett & Wright 2000, "Sample size requirements
for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65(1), 23-28) and sqrt(0.437/(n-4)) (Kendall;
Fieller, Hartley & Pearson 1957, Biometrika 44, 470-481). They assume that the points are independent.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError

__all__ = ["CORRELATIONS", "Correlation", "correlation"]

#: Coefficients that are offered, and their titles.
CORRELATIONS = {"pearson": "Pearson's r", "spearman": "Spearman's rho", "kendall": "Kendall's tau-b"}


@dataclass(frozen=True)
class Correlation:
    """A coefficient of `count` points, its interval and p-value; NaN where there are too few, or one side is constant."""

    kind: str
    value: float
    low: float
    high: float
    p: float
    count: int


def correlation(
    first: np.ndarray, second: np.ndarray, kind: str = "pearson", *, confidence: float = 0.95
) -> Correlation:
    """Correlate two lists of numbers.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n,)]
        A point that lacks one (NaN) is left out.
    kind : str
        One of :data:`CORRELATIONS`.
    confidence : float
        0 to 1.

    Raises
    ------
    CadenzaError
        If there is no such coefficient, or the lengths differ.
    """
    from scipy import stats

    if kind not in CORRELATIONS:
        raise CadenzaError(f"There is no correlation {kind!r}: {', '.join(CORRELATIONS)}.")
    one, other = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if one.shape != other.shape:
        raise CadenzaError(f"Each point needs both numbers: {one.size} and {other.size} were given.")
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    count = len(one)
    if count < 3 or np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return Correlation(kind, math.nan, math.nan, math.nan, math.nan, count)
    test = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}[kind]
    found = test(one, other)
    value = float(found.statistic)
    low, high = _interval(value, kind, count, float(stats.norm.ppf(0.5 + confidence / 2.0)))
    return Correlation(kind, value, low, high, float(found.pvalue), count)


def _interval(value: float, kind: str, count: int, quantile: float) -> tuple[float, float]:
    freedom = count - (4 if kind == "kendall" else 3)
    if freedom <= 0:
        return math.nan, math.nan
    if abs(value) >= 1.0 - 1e-15:
        return value, value
    scale = {"pearson": 1.0, "spearman": 1.0 + value**2 / 2.0, "kendall": 0.437}[kind]
    step = quantile * math.sqrt(scale / freedom)
    return math.tanh(math.atanh(value) - step), math.tanh(math.atanh(value) + step)
