"""How far raters agree: intraclass correlations, and Krippendorff's alpha.

The intraclass correlations are those of Shrout & Fleiss 1979 ("Intraclass correlations: uses in assessing rater reliability",
Psychological Bulletin 86(2), 420-428), with the intervals of McGraw & Wong 1996 (Psychological Methods 1(1), 30-46). They
need a complete table. Alpha (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability") does not: raters may have left
out what they will.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from .intervals import RESAMPLES

__all__ = ["Agreement", "intraclass_correlations", "krippendorff_alpha"]


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement.

    Parameters
    ----------
    name : str
    value, low, high : float
        With its 95 % interval; NaN where it is not defined.
    targets, raters : int
        What it is computed from.
    """

    name: str
    value: float
    low: float
    high: float
    targets: int
    raters: int


def intraclass_correlations(table: np.ndarray, *, confidence: float = 0.95) -> tuple[Agreement, Agreement, Agreement]:
    """Give ICC(2,1), ICC(2,k) and ICC(3,1) of a table of ratings.

    ICC(2,1) is the agreement of one rater with another, both drawn from many; ICC(2,k) that of the mean of these k raters;
    ICC(3,1) leaves out that some raters use the scale higher or lower than others (consistency).

    Parameters
    ----------
    table : np.ndarray [shape=(targets, raters)]
        A target that a rater has not rated (NaN) is left out.

    Returns
    -------
    tuple of Agreement
        NaN with fewer than two complete targets or raters, or where no ratings differ.
    """
    from scipy import stats

    table = np.asarray(table, dtype=np.float64)
    table = table[~np.isnan(table).any(axis=1)] if table.size else table.reshape(0, 0)
    n, k = table.shape
    if n < 2 or k < 2 or np.ptp(table) == 0.0:
        return _coefficients((math.nan,) * 3, ((math.nan, math.nan),) * 3, n, k)
    grand, rows, columns = table.mean(), table.mean(axis=1), table.mean(axis=0)
    between = k * float(((rows - grand) ** 2).sum()) / (n - 1)
    raters = n * float(((columns - grand) ** 2).sum()) / (k - 1)
    rest = table - rows[:, None] - columns[None, :] + grand
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    one = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
    mean = (between - error) / (between + (raters - error) / n)
    same = (between - error) / (between + (k - 1) * error)
    if error <= 1e-12 * (between + raters):  # all differences are the raters' and the targets': nothing to draw from
        return _coefficients((one, mean, same), ((math.nan, math.nan),) * 3, n, k)
    tail = 0.5 + confidence / 2.0
    low, high = _two_way_interval(one, between, raters, error, n, k, tail)
    ratio, freedom = between / error, (n - 1) * (k - 1)
    down = float(ratio / stats.f.ppf(tail, n - 1, freedom))
    up = float(ratio * stats.f.ppf(tail, freedom, n - 1))
    consistency = ((down - 1) / (down + k - 1), (up - 1) / (up + k - 1))
    spans = ((low, high), (_of_mean(low, k), _of_mean(high, k)), consistency)
    return _coefficients((one, mean, same), spans, n, k)


def _coefficients(
    values: tuple[float, ...], spans: tuple[tuple[float, float], ...], targets: int, raters: int
) -> tuple[Agreement, Agreement, Agreement]:
    one, mean, same = (
        Agreement(name, value, *span, targets, raters)
        for name, value, span in zip(("ICC(2,1)", "ICC(2,k)", "ICC(3,1)"), values, spans, strict=True)
    )
    return one, mean, same


def _two_way_interval(
    value: float, between: float, raters: float, error: float, n: int, k: int, tail: float
) -> tuple[float, float]:
    """Give the interval of ICC(2,1) (McGraw & Wong 1996, table 7, ICC(A,1))."""
    from scipy import stats

    a = k * value / (n * (1.0 - value))
    b = 1.0 + k * value * (n - 1) / (n * (1.0 - value))
    spread = (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    freedom = (a * raters + b * error) ** 2 / spread
    lower, upper = stats.f.ppf(tail, n - 1, freedom), stats.f.ppf(tail, freedom, n - 1)
    noise = k * raters + (k * n - k - n) * error
    low = n * (between - lower * error) / (lower * noise + n * between)
    high = n * (upper * between - error) / (noise + n * upper * between)
    return float(low), float(high)


def _of_mean(single: float, k: int) -> float:
    """Give the reliability of the mean of k raters from that of one (Spearman & Brown)."""
    return k * single / (1.0 + (k - 1) * single)


def krippendorff_alpha(
    table: np.ndarray, level: str = "interval", *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Agreement:
    """Give Krippendorff's alpha: 1 is perfect agreement, 0 what chance gives.

    Parameters
    ----------
    table : np.ndarray [shape=(targets, raters)]
        NaN where a rater has not rated; a target with one rating says nothing and is left out.
    level : str
        ``interval`` (differences mean the same everywhere, as on a slider), or ``ordinal`` (only the order counts, as on a
        scale of five words). The ordinal distance is that of the values' mean ranks.
    resamples, seed : int
        The interval is a percentile bootstrap over targets; ordinal ranks are those of all ratings.

    Raises
    ------
    CadenzaError
        If there is no such level.
    """
    if level not in ("interval", "ordinal"):
        raise CadenzaError(f"Krippendorff's alpha is offered for interval and ordinal scales, not {level!r}.")
    table = np.asarray(table, dtype=np.float64)
    name = f"Krippendorff's alpha ({level})"
    table = table[(~np.isnan(table)).sum(axis=1) >= 2] if table.size else table.reshape(0, 0)
    given = ~np.isnan(table)
    targets, raters = len(table), int(given.any(axis=0).sum()) if table.size else 0
    if targets < 2 or np.ptp(table[given]) == 0.0:
        return Agreement(name, math.nan, math.nan, math.nan, targets, raters)
    if level == "ordinal":
        from scipy import stats

        table = table.copy()
        table[given] = stats.rankdata(table[given])
    sums = _sums(table, given)
    value = float(_alpha(np.ones((1, targets)), sums)[0])
    drawn = np.random.default_rng(seed).multinomial(targets, np.full(targets, 1.0 / targets), resamples).astype(float)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.nanpercentile(_alpha(drawn, sums), [tail, 100.0 - tail])
    return Agreement(name, value, float(low), float(high), targets, raters)


def _sums(table: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Give of each target: ratings, their sum, their sum of squares, and its disagreement; shape (targets, 4)."""
    middle = table[given].mean()  # the distances do not change, and squares stay small
    values = np.where(given, table - middle, 0.0)
    count, total, squares = given.sum(axis=1), values.sum(axis=1), (values**2).sum(axis=1)
    within = 2.0 * (count * squares - total**2) / (count - 1)
    return np.stack([count, total, squares, within], axis=1)


def _alpha(weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Give alpha for each row of weights: how often each target counts."""
    count, total, squares, within = (weights @ sums).T
    expected = 2.0 * (count * squares - total**2) / (count - 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0.0, 1.0 - within / expected, np.nan)
