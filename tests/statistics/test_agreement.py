"""Agreement: the published examples of Shrout & Fleiss and of Krippendorff."""

import math

import numpy as np
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.statistics import intraclass_correlations, krippendorff_alpha

#: Shrout & Fleiss 1979, table 2: six targets, four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
_ = np.nan
#: Krippendorff 2011, example C and D: four observers, twelve units, values missing.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
).T


def test_the_example_of_shrout_and_fleiss():
    """0.29, 0.62, 0.71 in their table 4; the intervals are those that R's psych gives for it, to two decimals."""
    single, mean, consistent = intraclass_correlations(JUDGES)
    np.testing.assert_allclose([single.value, mean.value, consistent.value], [0.29, 0.62, 0.71], atol=0.005)
    np.testing.assert_allclose([single.low, single.high], [0.019, 0.76], atol=0.005)
    np.testing.assert_allclose([mean.low, mean.high], [0.071, 0.93], atol=0.005)
    np.testing.assert_allclose([consistent.low, consistent.high], [0.34, 0.95], atol=0.005)
    assert (single.targets, single.raters) == (6, 4)


def test_a_target_with_a_gap_is_left_out():
    gap = np.vstack([JUDGES, [1, np.nan, 10, 3]])
    assert intraclass_correlations(gap) == intraclass_correlations(JUDGES)


def test_a_rater_who_is_always_higher_is_consistent_but_does_not_agree():
    scores = np.array([10.0, 40, 70, 90])
    single, _, consistent = intraclass_correlations(np.stack([scores, scores + 20], axis=1))
    assert consistent.value == pytest.approx(1.0) and single.value < 0.95


def test_nothing_to_agree_on():
    for table in (np.empty((0, 0)), JUDGES[:1], JUDGES[:, :1], np.full((4, 3), 7.0)):
        assert all(math.isnan(one.value) for one in intraclass_correlations(table))
        assert math.isnan(krippendorff_alpha(table).value)


@pytest.mark.parametrize(("level", "published"), [("interval", 0.849), ("ordinal", 0.815)])
def test_the_example_of_krippendorff(level, published):
    """As published to three decimals; the unit with one value (12) says nothing."""
    found = krippendorff_alpha(OBSERVERS, level)
    assert found.value == pytest.approx(published, abs=0.0006)
    assert (found.targets, found.raters) == (11, 4)
    assert found.low < found.value < found.high <= 1.0


def test_alpha_by_its_definition_with_gaps():
    """Observed over expected mean squared difference of all pairs, counted one by one, to 1e-12."""
    rng = np.random.default_rng(2)
    table = rng.uniform(0, 100, (9, 5)) + 30 * rng.standard_normal((9, 1))
    table[rng.uniform(size=table.shape) < 0.25] = np.nan
    rows = [row[~np.isnan(row)] for row in table if (~np.isnan(row)).sum() >= 2]
    every = np.concatenate(rows)
    observed = sum(((row[:, None] - row) ** 2).sum() / (len(row) - 1) for row in rows) / len(every)
    expected = ((every[:, None] - every) ** 2).sum() / (len(every) * (len(every) - 1))
    assert krippendorff_alpha(table).value == pytest.approx(1 - observed / expected, abs=1e-12)


def test_perfect_agreement_and_an_unknown_level():
    assert krippendorff_alpha(np.repeat([[1.0], [3.0], [5.0]], 4, axis=1)).value == pytest.approx(1.0)
    with pytest.raises(CadenzaError, match="not 'nominal'"):
        krippendorff_alpha(JUDGES, "nominal")
