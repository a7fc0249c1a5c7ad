"""SDR at its corners, against the definition."""

import math

import numpy as np
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.quality import sdr, stem_sdr

RNG = np.random.default_rng(4)
VOCALS = RNG.standard_normal((2, 5000)).astype(np.float32)
REST = RNG.standard_normal((2, 5000)).astype(np.float32)


def test_against_the_definition() -> None:
    estimate = VOCALS + np.float32(0.1) * REST
    signal, error = VOCALS.astype(float), VOCALS.astype(float) - estimate.astype(float)
    assert sdr(estimate, VOCALS) == pytest.approx(10 * np.log10((signal**2).sum() / (error**2).sum()), abs=1e-9)


def test_both_channels_count_together_not_as_a_mean_of_two() -> None:
    estimate = VOCALS.copy()
    estimate[0] = 0.0
    expected = 10 * math.log10((VOCALS.astype(float) ** 2).sum() / (VOCALS[0].astype(float) ** 2).sum())
    assert sdr(estimate, VOCALS) == pytest.approx(expected, abs=1e-9)


def test_silent_estimate_is_0_db() -> None:
    assert sdr(np.zeros_like(VOCALS), VOCALS) == 0.0


def test_mixture_as_estimate_is_the_ratio_of_stem_to_rest() -> None:
    mixture = VOCALS + REST
    expected = 10 * math.log10((VOCALS.astype(float) ** 2).sum() / ((mixture - VOCALS).astype(float) ** 2).sum())
    assert sdr(mixture, VOCALS) == pytest.approx(expected, abs=1e-4)
    assert abs(expected) < 1


def test_perfect_is_infinite() -> None:
    assert sdr(VOCALS.copy(), VOCALS) == math.inf


def test_silent_reference_has_none() -> None:
    assert math.isnan(sdr(VOCALS, np.zeros_like(VOCALS)))
    assert math.isnan(sdr(np.zeros_like(VOCALS), np.zeros_like(VOCALS)))


def test_nearly_perfect_is_not_rounded_to_float32() -> None:
    """The difference of float32 signals must be taken in float64, or it is off by 0.1 dB and more here."""
    reference = np.full((1, 1000), 1.0, np.float64)
    estimate = np.full((1, 1000), 1.0 + 3e-9)
    assert sdr(estimate, reference) == pytest.approx(-20 * math.log10(3e-9), abs=1e-4)


def test_integers_do_not_wrap_around() -> None:
    reference = np.full((2, 10), 30000, np.int16)
    assert sdr(-reference, reference) == pytest.approx(10 * math.log10(1 / 4))


def test_different_shapes_are_a_sentence() -> None:
    with pytest.raises(CadenzaError, match=r"\(2, 4999\).*\(2, 5000\)"):
        sdr(VOCALS[:, :-1], VOCALS)


def test_stems_that_only_one_side_has_are_left_out() -> None:
    result = stem_sdr({"vocals": VOCALS, "guitar": REST}, {"vocals": VOCALS, "drums": REST})
    assert result == {"vocals": math.inf}
