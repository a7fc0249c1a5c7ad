"""Intervals of means are SciPy's bootstrap on the same draws, to 1e-12."""

import numpy as np
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.statistics import mean_interval, mean_intervals
from cadenza_core.statistics.intervals import RESAMPLES


def scipy_interval(values, confidence=0.95, resamples=RESAMPLES, seed=0):
    return stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval


@pytest.mark.parametrize("count", [2, 3, 53, 2650])
@pytest.mark.parametrize(("confidence", "seed"), [(0.95, 0), (0.8, 7)])
def test_the_interval_is_scipys_to_1e_12(count, confidence, seed):
    values = np.random.default_rng(count).beta(2, 5, count)
    ours = mean_interval(values, confidence=confidence, seed=seed)
    theirs = scipy_interval(values, confidence, seed=seed)
    assert ours.mean == pytest.approx(values.mean(), abs=1e-15)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_many_draws_that_are_not_kept_are_the_same(monkeypatch):
    """Where the matrix would be too large, it is made in parts: of the same draws."""
    values = np.random.default_rng(1).uniform(0, 1, (2, 500))
    kept = mean_intervals(values)
    monkeypatch.setattr("cadenza_core.statistics.intervals._KEPT", 10)
    monkeypatch.setattr("cadenza_core.statistics.intervals._AT_ONCE", 1700)
    parts = mean_intervals(values)
    for one, other in zip(parts, kept, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-14)


def test_rows_are_drawn_as_each_would_be_alone_and_gaps_are_left_out():
    rows = np.random.default_rng(2).uniform(0, 1, (4, 60))
    rows[1, ::3] = np.nan
    together = mean_intervals(rows)
    for one, alone in zip(together, map(mean_interval, rows), strict=True):
        assert (one.mean, one.low, one.high) == pytest.approx((alone.mean, alone.low, alone.high), abs=1e-14)
    assert [one.count for one in together] == [60, 40, 60, 60]


def test_too_few_values_have_no_interval():
    one, none = mean_interval(np.array([0.5])), mean_interval(np.array([np.nan]))
    assert (one.mean, one.count) == (0.5, 1) and np.isnan(one.low)
    assert np.isnan(none.mean) and none.count == 0


def test_a_constant_has_no_width():
    interval = mean_interval(np.full(50, 0.1))
    assert interval.low == pytest.approx(0.1, abs=1e-15) and interval.high == pytest.approx(0.1, abs=1e-15)


def test_nonsense_is_refused():
    for options in ({"confidence": 1.0}, {"confidence": 0.0}, {"resamples": 3}):
        with pytest.raises(CadenzaError, match="confidence between 0 and 1 and 10 draws"):
            mean_interval(np.arange(5.0), **options)
