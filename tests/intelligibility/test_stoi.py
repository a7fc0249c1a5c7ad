"""STOI against the separated vocals: pystoi's own value, alignment, the better ear."""

import numpy as np
import pystoi
import pytest
import soxr

from cadenza_core.audio import Audio
from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.stoi import STOI_RATE, align_to, stoi_by_ear

RATE = 44100


def voice(seconds=1.5, seed=0):
    """Noise in syllables, shape (n,)."""
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return 0.2 * noise * np.clip(np.sin(2 * np.pi * 3 * time), 0.01, None)


def stereo(left, right):
    return Audio(np.stack([left, right]), RATE)


def test_a_sound_against_itself_scores_one_and_noise_lowers_it():
    clean = voice()
    noise = np.random.default_rng(5).standard_normal(len(clean))
    scores = [
        stoi_by_ear(stereo(clean, clean), stereo(clean + level * noise, clean))["left"]
        for level in (0.0, 0.03, 0.1, 0.5)
    ]
    assert scores[0] > 0.95  # not 1: 2 ms early, as the baseline aligns
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.6


def test_the_value_is_pystois_on_the_aligned_signals():
    clean = voice()
    heard = clean + 0.05 * np.random.default_rng(1).standard_normal(len(clean))
    both = [soxr.resample(np.float32(one).astype(np.float64), RATE, STOI_RATE, quality="HQ") for one in (clean, heard)]
    expected = pystoi.stoi(*align_to(*both), STOI_RATE)
    assert stoi_by_ear(stereo(clean, clean), stereo(heard, heard)) == pytest.approx(
        dict.fromkeys(("left", "right"), expected)
    )


@pytest.mark.parametrize("shift", [-700, -20, 0, 31, 900])
def test_alignment_finds_the_delay_less_2_ms(shift):
    """At 10 kHz, so 20 samples; the rest is the baseline's own arithmetic."""
    clean = np.concatenate((np.zeros(1000), np.random.default_rng(2).standard_normal(8000), np.zeros(1000)))
    one, other = align_to(clean, np.roll(clean, shift))
    assert len(one) == len(other)
    assert np.argmax(np.correlate(one, other, "full")) - (len(other) - 1) == -20


@pytest.mark.parametrize(("longer", "shorter"), [(3000, 0), (0, 3000)])
def test_different_lengths_are_aligned(longer, shorter):
    clean = voice()
    heard = np.concatenate((clean, np.zeros(longer)))[: len(clean) + longer - shorter]
    assert stoi_by_ear(stereo(clean, clean), stereo(heard, heard))["left"] > 0.95


@pytest.mark.parametrize(
    ("clean", "words"),
    [
        (np.zeros(60000), "silent in the left ear"),
        (voice(0.3), "STOI needs 0.4 s"),
        (np.concatenate((voice(0.2), np.full(60000, 2e-4))), "mostly silent|STOI needs"),
    ],
)
def test_too_little_to_compare_with_is_said(clean, words):
    with pytest.raises(CadenzaError, match=words):
        stoi_by_ear(stereo(clean, clean), stereo(clean, clean))
