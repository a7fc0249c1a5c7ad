"""The guard around HAAQI: the number is the engine's own, a faulty input is a sentence."""

import math

import numpy as np
import pytest
from clarity.evaluator.haaqi import compute_haaqi as pyclarity_haaqi
from clarity.utils.audiogram import Audiogram
from clarity.utils.signal_processing import compute_rms

from cadenza_core.errors import CadenzaError
from cadenza_core.quality import compute_haaqi, reference_engine, reference_level

AUDIOGRAM = Audiogram(levels=[20, 30, 40, 50, 60, 65], frequencies=[250, 500, 1000, 2000, 4000, 6000])
SOUND = (0.1 * np.random.default_rng(0).standard_normal(4800)).astype(np.float32)


def never(*_: object) -> float:
    raise AssertionError("the engine was asked to compute a faulty input")


@pytest.mark.parametrize("rates", [(24000, 24000), (44100, 32000)])
def test_number_is_pyclaritys(rates: tuple[int, int]) -> None:
    processed = np.tanh(8 * SOUND)
    np.random.seed(3)  # noqa: NPY002
    expected = float(pyclarity_haaqi(processed, SOUND, *rates, AUDIOGRAM, 1, 80.0))
    np.random.seed(3)  # noqa: NPY002
    assert compute_haaqi(processed, SOUND, *rates, AUDIOGRAM, 1, 80.0) == pytest.approx(expected, abs=1e-6)
    np.random.seed(3)  # noqa: NPY002
    assert compute_haaqi(processed, SOUND, *rates, AUDIOGRAM, 1, 80.0, engine=reference_engine) == expected


def test_silent_processed_signal_has_a_number() -> None:
    value = compute_haaqi(np.zeros_like(SOUND), SOUND, 24000, 24000, AUDIOGRAM, 1, 80.0)
    assert 0.0 <= value < 0.3


@pytest.mark.parametrize("which", ["processed", "reference"])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((2, 4800), np.float32), "shape"),
        (np.zeros(4800, np.int16), "int16"),
        (np.full(4800, np.nan, np.float32), "NaN or infinite"),
        (np.array([0.0] * 4800 + [np.inf]), "NaN or infinite"),
        (np.zeros(1199, np.float32), r"at least 0.05 s"),
    ],
)
def test_faulty_signal_is_a_sentence_that_names_it(which: str, bad: np.ndarray, words: str) -> None:
    signals = (bad, SOUND) if which == "processed" else (SOUND, bad)
    with pytest.raises(CadenzaError, match=f"the {which} signal.*{words}"):
        compute_haaqi(*signals, 24000, 24000, AUDIOGRAM, engine=never)


def test_shortest_accepted_signal_is_one_that_pyclarity_can_compute() -> None:
    for levels in ([0] * 6, [110] * 6):
        audiogram = Audiogram(levels=levels, frequencies=AUDIOGRAM.frequencies)
        assert math.isfinite(compute_haaqi(SOUND[:1200] * 0.5, SOUND[:1200], 24000, 24000, audiogram, 1, 85.0))


@pytest.mark.parametrize(("rates", "level"), [((0, 24000), 65.0), ((24000, -1), 65.0), ((24000, math.nan), 65.0)])
def test_impossible_rates_are_a_sentence(rates: tuple[float, float], level: float) -> None:
    with pytest.raises(CadenzaError, match="sample rate"):
        compute_haaqi(SOUND, SOUND, *rates, AUDIOGRAM, 1, level, engine=never)


@pytest.mark.parametrize("level", [math.inf, -math.inf, math.nan])
def test_impossible_level_is_a_sentence(level: float) -> None:
    with pytest.raises(CadenzaError, match="silent reference"):
        compute_haaqi(SOUND, SOUND, 24000, 24000, AUDIOGRAM, 1, level, engine=never)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_level_is_the_recipes_to_the_bit_and_type(dtype: type) -> None:
    signal = SOUND.astype(dtype)
    expected = 65 - 20 * np.log10(compute_rms(signal))
    assert reference_level(signal) == expected
    assert type(reference_level(signal)) is type(expected)


def test_level_of_silence_is_infinite_and_of_nan_is_nan() -> None:
    assert reference_level(np.zeros(10, np.float32)) == math.inf
    assert math.isnan(reference_level(np.full(10, np.nan, np.float32)))
