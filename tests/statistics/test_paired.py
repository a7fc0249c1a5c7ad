"""Tests of one system against another: SciPy's numbers, and Holm's correction by hand."""

import numpy as np
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.statistics import holm, paired_test


@pytest.fixture
def two():
    rng = np.random.default_rng(5)
    one = rng.uniform(0, 1, 300)
    return one, np.clip(one - rng.normal(0.01, 0.05, 300), 0, 1)


@pytest.mark.parametrize(("test", "reference"), [("wilcoxon", stats.wilcoxon), ("t", stats.ttest_rel)])
def test_statistic_and_p_are_scipys(two, test, reference):
    ours, theirs = paired_test(*two, test), reference(*two)
    assert (ours.statistic, ours.p) == (theirs.statistic, theirs.pvalue)
    assert ours.difference == pytest.approx((two[0] - two[1]).mean(), abs=1e-15)
    assert ours.count == 300 and ours.low < ours.difference < ours.high


@pytest.mark.parametrize("seed", range(4))
def test_few_pairs_with_ties_and_zeros_have_scipys_exact_p(seed):
    """SciPy tries all signs, one by one: so many seconds for 13 pairs that it is compared on 8."""
    one, other = np.random.default_rng(seed).integers(1, 6, (2, 8)).astype(float)
    ours, theirs = paired_test(one, other), stats.wilcoxon(one, other)
    assert (ours.statistic, ours.p) == (theirs.statistic, pytest.approx(theirs.pvalue, rel=1e-12))


def test_only_pairs_that_both_have_count(two):
    one, other = (values.copy() for values in two)
    one[:10], other[5:20] = np.nan, np.nan
    ours, theirs = paired_test(one, other), stats.wilcoxon(one[20:], other[20:])
    assert (ours.count, ours.p) == (280, theirs.pvalue)


def test_equal_systems_and_too_few_pairs():
    same = np.linspace(0, 1, 20)
    assert paired_test(same, same).p == 1.0
    assert paired_test(same, same).share_better == 0.5
    assert paired_test(np.arange(8.0) + 1, np.arange(8.0), "t").p == 0.0
    assert np.isnan(paired_test(same[:1], same[1:2]).p)
    assert np.isnan(paired_test(np.full(3, np.nan), same[:3]).p)


def test_holm_by_hand():
    """Of 0.005, 0.01, 0.03, 0.04: 4 x 0.005, 3 x 0.01, 2 x 0.03, then not below the one before (Holm 1979)."""
    found = holm([0.01, 0.04, 0.03, np.nan, 0.005])
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, np.nan, 0.02], rtol=1e-15)
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_nonsense_is_refused(two):
    with pytest.raises(CadenzaError, match="no test 'z': wilcoxon, t"):
        paired_test(*two, "z")
    with pytest.raises(CadenzaError, match="300 and 299 were given"):
        paired_test(two[0], two[1][1:])
