"""Proportions: the intervals by their formulas, the p-values by counting."""

import math

import numpy as np
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.statistics import proportion


def test_wilson_by_its_formula():
    """Wilson 1927: (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), to 1e-12."""
    found, z, n, p = proportion(14, 20), stats.norm.ppf(0.975), 20, 0.7
    middle, width = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    span = [(middle - width) / (1 + z**2 / n), (middle + width) / (1 + z**2 / n)]
    np.testing.assert_allclose([found.low, found.high], span, rtol=1e-12)
    assert found.share == 0.7


def test_clopper_pearson_by_its_tails():
    """At its ends, as many or more (as few or fewer) have a probability of 2.5 % (Clopper & Pearson 1934), to 1e-9."""
    found = proportion(14, 20, interval="clopper-pearson")
    tails = [stats.binom.sf(13, 20, found.low), stats.binom.cdf(14, 20, found.high)]
    np.testing.assert_allclose(tails, 0.025, rtol=1e-9)


def test_p_by_counting():
    assert proportion(14, 20, alternative="greater").p == pytest.approx(
        sum(math.comb(20, k) for k in range(14, 21)) / 2**20, rel=1e-12
    )
    assert proportion(14, 20).p == pytest.approx(2 * proportion(14, 20, alternative="greater").p, rel=1e-12)
    assert proportion(14, 20, alternative="greater").high < 1.0  # the interval stays two-sided


def test_nothing_all_and_nonsense():
    assert math.isnan(proportion(0, 0).share)
    assert proportion(5, 5).high == pytest.approx(1.0) and proportion(5, 5).low < 1.0
    with pytest.raises(CadenzaError, match="no interval 'wald': wilson, clopper-pearson"):
        proportion(1, 2, interval="wald")
    with pytest.raises(CadenzaError, match="3 of 2"):
        proportion(3, 2)
