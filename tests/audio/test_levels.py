"""Levels against ITU-R BS.1770-5 and EBU Tech 3341: tolerances are the standards' (0.1 LU; +0.3/-0.4 dB true peak)."""

import math

import numpy as np
import pyloudnorm
import pytest

from cadenza_core.audio import levels
from cadenza_core.audio.levels import decibels, measure

RATES = [22050, 24000, 32000, 44100, 48000, 96000]


def sine(frequency: float, seconds: float, rate: int, *, phase: float = 0.0, amplitude: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * time + phase)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_997_hz_in_one_channel_is_minus_3_01(rate):
    """BS.1770-5, Annex 1: a 0 dB FS, 997 Hz sine in the left or right channel reads -3.01 LKFS."""
    tone = sine(997, 5, rate)
    silent = np.zeros_like(tone)
    assert measure(np.stack([tone, silent]), rate).loudness == pytest.approx(-3.01, abs=0.1)
    assert measure(np.stack([silent, tone]), rate).loudness == pytest.approx(-3.01, abs=0.1)
    assert measure(tone[None], rate).loudness == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(20, -23)], -23.0),  # EBU Tech 3341, case 1
        ([(20, -33)], -33.0),  # case 2
        ([(10, -36), (60, -23), (10, -36)], -23.0),  # case 3: the relative gate
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),  # case 4: the absolute gate
        ([(20, -26), (20.1, -20), (20, -26)], -23.0),  # case 5
    ],
)
def test_ebu_tech_3341(parts, expected):
    rate = 24000
    tone = np.concatenate([sine(1000, seconds, rate, amplitude=10 ** (level / 20)) for seconds, level in parts])
    assert measure(np.stack([tone, tone]), rate).loudness == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_loudness_is_pyloudnorms(rate):
    samples = 0.1 * np.random.default_rng(1).standard_normal((2, rate * 7 // 2)) * np.linspace(0, 1, rate * 7 // 2) ** 2
    expected = pyloudnorm.Meter(rate).integrated_loudness(samples.T)
    assert measure(samples, rate).loudness == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rate", [11025, 44100])
def test_loudness_needs_a_gating_block(rate):
    block = math.ceil(0.4 * rate)
    assert math.isnan(measure(np.full((2, block - 1), 0.1), rate).loudness)
    assert math.isfinite(measure(np.full((2, block), 0.1), rate).loudness)
    assert math.isnan(measure(np.zeros((2, 1)), rate).loudness)


def test_below_the_absolute_gate_there_is_no_loudness():
    quiet = np.stack(2 * [sine(997, 1, 44100, amplitude=10 ** (-75 / 20))])
    assert measure(quiet, 44100).loudness == -math.inf


def test_silence():
    silence = measure(np.zeros((2, 44100), dtype=np.float32), 44100)
    assert (silence.peak, silence.true_peak, silence.loudness, silence.clipped) == (-math.inf, -math.inf, -math.inf, 0)
    assert silence.as_dict() == {
        "peak_dbfs": None,
        "true_peak_dbtp": None,
        "loudness_lufs": None,
        "clipped_samples": 0,
    }


def test_nothing_at_all():
    nothing = measure(np.zeros((2, 0), dtype=np.float32), 44100)
    assert (nothing.peak, nothing.true_peak, nothing.clipped) == (-math.inf, -math.inf, 0)
    assert math.isnan(nothing.loudness)


def test_true_peak_of_a_sine_that_misses_its_peaks():
    """A quarter of the sample rate at 45 degrees: all samples are 3.01 dB below the peak. The ends are faded in and out."""
    rate = 44100
    tone = 0.5 * sine(rate / 4, 0.5, rate, phase=math.pi / 4)
    tone *= np.minimum(1, np.minimum(np.arange(len(tone)), np.arange(len(tone))[::-1]) / 2000).astype(np.float32)
    result = measure(tone[None], rate)
    assert result.peak == pytest.approx(decibels(0.5) - 3.01, abs=0.01)
    assert result.true_peak == pytest.approx(decibels(0.5), abs=0.05)


@pytest.mark.parametrize("frequency", [100, 997, 5000, 10000])
@pytest.mark.parametrize("phase", [0.0, 0.3, 1.0])
def test_true_peak_is_within_the_tolerance_of_ebu_tech_3341(frequency, phase):
    tone = sine(frequency, 0.5, 48000, phase=phase, amplitude=0.5)
    tone *= np.hanning(len(tone)).astype(np.float32) ** 0.1
    assert -0.4 < measure(tone[None], 48000).true_peak - decibels(0.5) < 0.3


@pytest.mark.parametrize("length", [1, 63, 999, 1000, 1001, 1064, 5000])
def test_true_peak_does_not_depend_on_the_blocks(length, monkeypatch):
    samples = np.random.default_rng(length).uniform(-1, 1, (2, length)).astype(np.float32)
    whole = measure(samples, 44100).true_peak
    monkeypatch.setattr(levels, "_BLOCK", 1000)
    assert measure(samples, 44100).true_peak == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("block", [1000, 4410, 10000])
def test_loudness_does_not_depend_on_the_blocks(block, monkeypatch):
    samples = np.random.default_rng(0).uniform(-1, 1, (2, 44100)).astype(np.float32)
    whole = measure(samples, 44100).loudness
    monkeypatch.setattr(levels, "_BLOCK", block)
    assert measure(samples, 44100).loudness == pytest.approx(whole, abs=1e-9)


def test_the_peak_is_the_largest_sample_of_either_sign_and_channel():
    samples = np.zeros((2, 100), dtype=np.float32)
    samples[1, 50] = -0.5
    samples[0, 20] = 0.25
    assert measure(samples, 44100).peak == pytest.approx(-6.0206, abs=1e-4)
    assert measure(samples, 44100).true_peak >= measure(samples, 44100).peak


def test_clipped_samples_are_those_at_full_scale_of_16_bit():
    full, negative, just_below = 32767 / 32768, -1.0, 32766 / 32768
    samples = np.array([[full, negative, just_below, 2.0], [-full, -2.0, -just_below, 0.0]], dtype=np.float32)
    assert measure(samples, 44100).clipped == 5


def test_decibels():
    assert decibels(10) == pytest.approx(20)
    assert decibels(0) == -math.inf
