"""The crossed bootstrap: means by hand, and intervals as wide as both kinds of draws make them."""

import numpy as np
import pytest

from cadenza_core.statistics import crossed_intervals, mean_intervals, mean_of_participants


def test_the_mean_is_that_of_the_participants_means():
    """Two of one participant, one of the other: (mean(10, 20) + 50) / 2 = 32.5, not 80 / 3."""
    values = np.array([[[10.0, 20.0], [50.0, np.nan]]])
    assert mean_of_participants(values).tolist() == [[15.0, 50.0]]
    assert crossed_intervals(values)[0].mean == 32.5


def test_the_spread_is_that_of_participants_and_of_excerpts():
    """For x = a_p + b_e the variance of the mean is var(a)/P + var(b)/E: within 5 % with 20,000 draws."""
    rng = np.random.default_rng(3)
    people, excerpts = rng.normal(0, 10, 12), rng.normal(0, 6, 9)
    values = (people[:, None] + excerpts[None, :])[None]
    (both,) = crossed_intervals(values, resamples=20000)
    expected = 2 * 1.96 * np.sqrt(people.var() / 12 + excerpts.var() / 9)
    assert both.high - both.low == pytest.approx(expected, rel=0.05)
    (alone,) = mean_intervals(mean_of_participants(values), resamples=20000)
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * people.std() / np.sqrt(12), rel=0.05)


def test_systems_share_their_draws():
    rng = np.random.default_rng(4)
    one = rng.uniform(0, 100, (6, 5))
    first, second = crossed_intervals(np.stack([one, one + 7.0]))
    np.testing.assert_allclose([second.low, second.high], [first.low + 7, first.high + 7], rtol=1e-12)


def test_too_little_has_no_interval():
    one, none = crossed_intervals(np.array([[[5.0, 6.0], [np.nan, np.nan]], np.full((2, 2), np.nan)]))
    assert (one.mean, one.count) == (5.5, 1) and np.isnan(one.low)
    assert np.isnan(none.mean) and none.count == 0
