"""Correlation: SciPy's coefficients, intervals by their formulas."""

import math

import numpy as np
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.statistics import correlation

X = np.array([0.7, 0.68, 0.64, 0.53, 0.48, 0.44, 0.28, 0.22])
Y = np.array([41.7, 30.0, 38.0, 35.0, 20.0, 28.0, 10.0, 22.0])
Z = stats.norm.ppf(0.975)


def test_pearson_is_scipys_with_its_interval():
    found, theirs = correlation(X, Y), stats.pearsonr(X, Y)
    assert (found.value, found.p, found.count) == (theirs.statistic, theirs.pvalue, 8)
    np.testing.assert_allclose([found.low, found.high], theirs.confidence_interval(0.95), rtol=1e-12)


def test_spearman_by_hand():
    """1 - 6 sum d2 / (n (n2 - 1)), and the interval of Bonett & Wright 2000."""
    ranks = stats.rankdata(X) - stats.rankdata(Y)
    by_hand = 1 - 6 * (ranks**2).sum() / (8 * 63)
    found = correlation(X, Y, "spearman")
    assert found.value == pytest.approx(by_hand, abs=1e-12)
    step = Z * math.sqrt((1 + by_hand**2 / 2) / 5)
    np.testing.assert_allclose(
        [found.low, found.high], np.tanh(np.arctanh(by_hand) + np.array([-step, step])), rtol=1e-12
    )


def test_kendall_by_hand():
    """Pairs in order less pairs out of order, of 28."""
    order = [np.sign((X[i] - X[j]) * (Y[i] - Y[j])) for i in range(8) for j in range(i)]
    found = correlation(X, Y, "kendall")
    assert found.value == pytest.approx(sum(order) / 28, abs=1e-12)
    step = Z * math.sqrt(0.437 / 4)
    np.testing.assert_allclose(
        [found.low, found.high], np.tanh(np.arctanh(found.value) + np.array([-step, step])), rtol=1e-12
    )


def test_gaps_constants_and_few_points():
    gap = X.copy()
    gap[0] = np.nan
    assert correlation(gap, Y).value == stats.pearsonr(X[1:], Y[1:]).statistic
    assert math.isnan(correlation(X, np.full(8, 2.0), "kendall").value)
    assert math.isnan(correlation(X[:2], Y[:2]).value)
    three = correlation(X[:3], Y[:3])
    assert math.isfinite(three.value) and math.isnan(three.low)
    same = correlation(X, X)
    assert (same.value, same.low, same.high) == (pytest.approx(1.0), pytest.approx(1.0), pytest.approx(1.0))


def test_nonsense_is_refused():
    with pytest.raises(CadenzaError, match="no correlation 'phi': pearson, spearman, kendall"):
        correlation(X, Y, "phi")
    with pytest.raises(CadenzaError, match="8 and 7 were given"):
        correlation(X, Y[1:])
