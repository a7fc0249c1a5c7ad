"""Loudness and peaks of any mix are those that are measured, and constraints are kept or refused."""

import numpy as np
import pytest

from cadenza_core.audio import RATE
from cadenza_core.audio.levels import measure
from cadenza_core.errors import CadenzaError
from cadenza_core.remix import EARS, Gains, mix
from cadenza_core.tuning import Constraints
from cadenza_core.tuning.constraints import Fitter
from cadenza_core.tuning.heard import HeardStems

from .conftest import make_stems


@pytest.mark.parametrize("seed", range(6))
def test_levels_of_a_mix_are_those_measured_on_its_samples_to_1e_4_db(stems, seed):
    heard = HeardStems(stems, RATE)
    decibels = np.random.default_rng(seed).uniform(-20, 12, (4, 2))
    gains = {
        (stem, ear): float(decibels[row, column]) for row, stem in enumerate(stems) for column, ear in enumerate(EARS)
    }
    measured = measure(mix(stems, Gains(gains)), RATE)
    assert heard.loudness(decibels) == pytest.approx(measured.loudness, abs=1e-4)
    assert heard.true_peak(decibels) == pytest.approx(measured.true_peak, abs=1e-4)


def test_the_true_peak_is_found_between_samples_at_the_very_ends():
    for place in (0, 1, 1023, 1024, 1025, 2047, 2999):
        click = np.zeros((2, 3000), np.float32)
        click[0, place] = 0.5
        click[0, max(0, place - 1)] = 0.5
        heard = HeardStems({"drums": click, "vocals": 0.01 * np.ones((2, 3000), np.float32)}, RATE)
        expected = measure(click.astype(float) + 0.01, RATE).true_peak
        assert heard.true_peak(np.zeros((2, 2))) == pytest.approx(expected, abs=1e-4)


def test_muted_stems_and_silence_have_no_level(stems):
    heard = HeardStems(stems, RATE)
    silent = np.full((4, 2), -np.inf)
    assert heard.loudness(silent) == -np.inf and heard.true_peak(silent) == -np.inf
    only = np.where(np.arange(4)[:, None] == 0, 0.0, -np.inf) * np.ones((1, 2))
    assert heard.loudness(only) == pytest.approx(measure(stems["vocals"].astype(float), RATE).loudness, abs=1e-4)


def test_a_signal_under_0_4_s_has_no_loudness_and_is_not_held_to_one():
    heard = HeardStems(make_stems(0.3), RATE)
    assert np.isnan(heard.loudness(np.zeros((4, 2))))
    fitter = Fitter(heard, Constraints())
    assert fitter.fit(np.full((4, 2), 6.0)) is not None


def test_gains_are_shifted_together_until_the_loudness_is_right(stems):
    fitter = Fitter(HeardStems(stems, RATE), Constraints(lowest=-24, highest=12, loudness_change=1.0))
    wanted = np.array([[12.0, 12.0], [10.0, 10.0], [9.5, 9.5], [9.0, 9.0]])
    fitted = fitter.fit(wanted)
    assert fitted is not None
    assert abs(fitter.change(fitted)) <= 1.001
    shift = fitted - wanted
    assert np.ptp(shift) < 1e-9 and shift[0, 0] < 0
    assert np.allclose(fitted * 2, np.round(fitted * 2))
    assert fitter.fit(np.full((4, 2), -24.0)) is not None


def test_gains_that_leave_their_range_when_shifted_are_refused(stems):
    fitter = Fitter(HeardStems(stems, RATE), Constraints(lowest=-6, highest=6))
    loud = np.array([[6.0, 6.0], [6.0, 6.0], [6.0, 6.0], [-6.0, -6.0]])
    fitted = fitter.fit(loud)
    assert fitted is None or ((fitted >= -6).all() and (fitted <= 6).all())
    assert fitter.fit(np.array([[6.0, 6.0], [6.0, 6.0], [6.0, 6.0], [-6.5, -6.5]])) is None


def test_a_peak_limit_that_equal_gains_exceed_moves_with_the_loudness(stems):
    heard = HeardStems({name: 8 * samples for name, samples in stems.items()}, RATE)
    fitter = Fitter(heard, Constraints(true_peak=-1.0, loudness_change=1.5))
    equal = fitter.equal.true_peak
    assert equal > -1.0
    assert fitter.peak_limit == pytest.approx(equal + 1.5)
    assert fitter.peak_fits(np.zeros((4, 2))) and not fitter.peak_fits(np.full((4, 2), 2.0))
    quiet = Fitter(HeardStems(stems, RATE), Constraints(true_peak=-1.0))
    assert quiet.peak_limit == -1.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lowest": 1.0}, "must hold 0 dB"),
        ({"highest": -1.0}, "must hold 0 dB"),
        ({"lowest": 0.0, "highest": 0.0}, "must hold 0 dB"),
        ({"lowest": -80.0}, "within -60 to 24 dB"),
        ({"highest": 30.0}, "within -60 to 24 dB"),
        ({"step": 0.01}, "0.1 to 6 dB"),
        ({"step": 2.0}, "a step of the gains, 2"),
        ({"loudness_change": 0.0}, "a step of the gains"),
        ({"loudness_change": float("nan")}, "must be numbers"),
        ({"true_peak": float("inf")}, "must be numbers"),
    ],
)
def test_constraints_that_make_no_sense_are_refused_in_words(wrong, words):
    with pytest.raises(CadenzaError, match=words):
        Constraints(**wrong)
