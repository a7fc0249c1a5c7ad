"""The prescriptions: their formulas by hand or by pyclarity's own code, their filters, and what the default may never do."""

import logging

import numpy as np
import pytest
from clarity.enhancer.multiband_compressor import MultibandCompressor
from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import (
    NFIR,
    amplify,
    compensate_delay,
    get_prescription,
    nalr_filter,
    prescriptions,
    process_stems,
)
from cadenza_core.hearing.audibility import fir_gain
from cadenza_core.hearing.multiband import ATTACK_MS, CROSSOVERS, RELEASE_MS, fitting, multiband_compressor
from cadenza_core.hearing.prescriptions import Prescription, register
from cadenza_core.hearing.rules import camfit_gains, camfit_table, gain_filter
from cadenza_core.hearing.thresholds import BANDS

HERTZ = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
SLOPING = Audiogram(levels=[20, 25, 35, 50, 55, 65, 75, 80], frequencies=HERTZ)
FLAT = Audiogram(levels=[40] * 8, frequencies=HERTZ)
NO_LOSS = Audiogram(levels=[0] * 8, frequencies=HERTZ)
IDS = [one.id for one in prescriptions()]
LINEAR = [one.id for one in prescriptions() if one.is_linear]


def noise(n: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(n)


def test_the_challenges_comes_first_and_is_the_default_bit_by_bit() -> None:
    assert IDS[0] == "nalr" and {"half-gain", "camfit", "camfit-compressor"} <= set(IDS)
    stems = {"left_vocals": noise(5000), "right_vocals": noise(5000, seed=1)}
    made = process_stems(stems, Listener(SLOPING, FLAT))
    assert np.array_equal(made["left_vocals"], amplify(stems["left_vocals"], nalr_filter(SLOPING)))
    assert np.array_equal(made["right_vocals"], amplify(stems["right_vocals"], nalr_filter(FLAT)))


@pytest.mark.parametrize("prescription", IDS)
def test_all_are_in_time_with_the_song_and_as_long_as_the_recipes(prescription: str) -> None:
    signal = np.zeros(6000)
    signal[2000] = 0.5
    for audiogram in (SLOPING, NO_LOSS):
        out = get_prescription(prescription).amplify(signal, audiogram)
        assert out.shape == (6000 + NFIR,) and np.isfinite(out).all()
        # The compressor's crossover delays low frequencies; the onset stays where it was.
        assert abs(int(np.argmax(np.abs(compensate_delay(out)))) - 2000) <= (0 if prescription in LINEAR else 4)


@pytest.mark.parametrize("prescription", LINEAR)
def test_filters_are_symmetric_odd_and_short_enough_for_the_mixer(prescription: str) -> None:
    taps = get_prescription(prescription).fir(SLOPING, 44100, NFIR)
    assert taps.shape == (221,)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)
    flat = get_prescription(prescription).fir(NO_LOSS, 44100, NFIR)
    assert np.array_equal(np.flatnonzero(flat), [110]) and flat[110] == 1.0


def gain_at(taps: np.ndarray, hertz: list[float]) -> np.ndarray:
    phases = np.exp(-2j * np.pi * np.outer(hertz, np.arange(len(taps))) / 44100)
    return 20 * np.log10(np.abs(phases @ taps))


def test_half_gain_is_half_the_hearing_level() -> None:
    taps = get_prescription("half-gain").fir(SLOPING, 44100, NFIR)
    np.testing.assert_allclose(gain_at(taps, [1000, 2000, 4000, 8000]), [17.5, 25, 32.5, 40], atol=1.0)
    better = Audiogram(levels=[-20] * 8, frequencies=HERTZ)
    assert np.allclose(gain_at(get_prescription("half-gain").fir(better, 44100, NFIR), [1000]), 0.0)


def test_camfit_is_the_cambridge_formula() -> None:
    by_hand = [
        0.48 * 25 - 8,
        0.48 * 35,
        0.48 * 50 + 1,
        0.48 * 65,
    ]  # Moore & Glasberg 1998: intercepts at 0.5, 1, 2, 4 kHz
    np.testing.assert_allclose(camfit_gains(SLOPING, np.array([500.0, 1000.0, 2000.0, 4000.0])), by_hand, atol=1e-9)
    taps = get_prescription("camfit").fir(SLOPING, 44100, NFIR)
    np.testing.assert_allclose(gain_at(taps, [1000, 2000, 4000]), by_hand[1:], atol=1.0)
    assert camfit_gains(Audiogram(levels=[10] * 8, frequencies=HERTZ)).min() == 0.0  # never below 0 dB


def test_a_filters_gain_in_the_bands_is_what_was_asked_for_where_the_curve_is_smooth() -> None:
    asked = np.interp(np.log(BANDS), np.log([1000, 8000]), [5.0, 25.0])
    got = fir_gain(gain_filter(BANDS, asked, 44100, NFIR))
    np.testing.assert_allclose(got[14:], asked[14:], atol=0.7)


def test_the_compressor_is_fitted_as_cad2_does() -> None:
    """By the recipe's own steps: the whole table from -10 to 110 dB, its rows 65, 75 and 95, interpolated to six bands."""
    table = camfit_table(SLOPING, np.arange(-10, 111))
    low, gain, high = table[65], table[75], table[95]
    ratio = np.minimum((85 - 55) / np.maximum((85 + high) - (55 + low), 1e-9), 20)  # 20: where the recipe divides by 0
    bands, edges = [250, 500, 1000, 2000, 4000, 6000], [177, 297, 500, 841, 1414, 2378, 4000, 6727, 11314]
    gains, ratios = fitting(SLOPING)
    np.testing.assert_allclose(gains, np.interp(bands, edges, gain))
    np.testing.assert_allclose(ratios, np.interp(bands, edges, ratio))
    assert (np.diff(gains) >= -1e-9).all() and ratios.max() > 1.3  # a sloping loss asks for more at high frequencies


@pytest.mark.parametrize("level", [0.003, 0.1, 0.9])
def test_the_compressor_equals_pyclaritys(level: float) -> None:
    signal = noise(8000, level) * (1.0 + np.sin(np.arange(8000) / 700.0))
    gains, ratios = fitting(SLOPING)
    official = MultibandCompressor(crossover_frequencies=CROSSOVERS, sample_rate=44100)
    settings = {"attack": list(ATTACK_MS), "release": list(RELEASE_MS), "threshold": -30.0}
    official.set_compressors(**settings, ratio=ratios.tolist(), makeup_gain=gains.tolist())
    expected = official(signal.copy())[0]
    np.testing.assert_allclose(multiband_compressor(signal, SLOPING, 44100), expected, rtol=0, atol=1e-12)


def test_the_compressor_does_compress_and_silence_stays_silent() -> None:
    quiet, loud = (multiband_compressor(noise(20_000, level), SLOPING, 44100)[5000:].std() for level in (0.001, 0.3))
    assert loud / quiet < 0.6 * 300
    assert not multiband_compressor(np.zeros(500), SLOPING, 44100).any()


def test_an_unknown_prescription_is_a_sentence_and_a_faulty_one_is_not_registered() -> None:
    with pytest.raises(CadenzaError, match=r"no prescription 'dsl'.*nalr, half-gain"):
        process_stems({"left_drums": noise(100)}, Listener(FLAT, FLAT), prescription="dsl")
    with pytest.raises(ValueError, match="twice"):
        register(get_prescription("nalr"))
    with pytest.raises(ValueError, match="either"):
        register(Prescription("x", "X", "nobody"))


def test_pyclaritys_camfit_does_not_touch_the_log() -> None:
    level = logging.getLogger().level
    camfit_gains(FLAT)
    assert logging.getLogger().level == level
