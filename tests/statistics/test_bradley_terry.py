"""Bradley-Terry strengths: a published fit, the closed form for two, and when there is none."""

import numpy as np
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.statistics import bradley_terry

#: American League 1987, wins of the row (Agresti 2002, Categorical Data Analysis, table 10.10).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
LEAGUE = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)


def test_the_published_strengths_of_the_american_league():
    """Agresti 2002: 1.58, 1.44, 1.29, 1.25, 1.11, 0.68, against Baltimore."""
    found = bradley_terry(LEAGUE[None]).values
    np.testing.assert_allclose(found[:-1] - found[-1], [1.58, 1.44, 1.29, 1.25, 1.11, 0.68], atol=0.006)
    assert found.mean() == pytest.approx(0.0, abs=1e-12)


def test_two_are_the_log_odds_of_their_wins_with_the_interval_of_the_participants():
    """ln(12/4) / 2 each; the variance of the difference is sum of (wins - expected)2 / information2, n/(n-1)."""
    counts = [(3, 1), (4, 0), (3, 1), (2, 2)]
    wins = np.array([[[0, a], [b, 0]] for a, b in counts])
    found = bradley_terry(wins)
    np.testing.assert_allclose(found.values, [np.log(3) / 2, -np.log(3) / 2], atol=1e-9)
    information = 16 * 0.75 * 0.25
    variance = sum((a - 3.0) ** 2 for a, _ in counts) / information**2 * 4 / 3
    step = stats.t.ppf(0.975, 3) * np.sqrt(variance) / 2  # each has half of the difference
    np.testing.assert_allclose(found.high - found.values, step, rtol=1e-6)


@pytest.mark.parametrize(
    ("total", "said"),
    [
        ([[0, 3, 2], [0, 0, 1], [0, 2, 0]], "against A, so there is no limit"),
        ([[0, 1, 4], [1, 0, 2], [0, 0, 0]], "against A, B, so there is no limit"),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 0]], "never compared with the others"),
        ([[0]], "nothing to compare"),
    ],
)
def test_where_no_strength_is_finite_it_is_said(total, said):
    found = bradley_terry(np.array(total)[None], ["A", "B", "C"][: len(total)])
    assert said in found.missing and np.isnan(found.values).all()


def test_one_participant_has_no_interval_and_nonsense_is_refused():
    found = bradley_terry(LEAGUE[None], TEAMS)
    assert np.isfinite(found.values).all() and np.isnan(found.low).all()
    with pytest.raises(CadenzaError, match="none of them negative"):
        bradley_terry(-LEAGUE[None])
    with pytest.raises(CadenzaError, match="participants x n x n"):
        bradley_terry(LEAGUE)
