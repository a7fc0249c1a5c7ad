import copy
import pickle

import numpy as np
import pytest

from cadenza_core.audio import RATE, Audio, Stems, resample
from cadenza_core.errors import CadenzaError

BAD_SAMPLES = {
    "no axis": (np.zeros(()), "shape"),
    "one axis": (np.zeros(10), "shape"),
    "three axes": (np.zeros((1, 2, 10)), "shape"),
    "no channel": (np.zeros((0, 10)), "shape"),
    "six channels": (np.zeros((6, 10)), "shape"),
    "no samples": (np.zeros((2, 0)), "empty"),
    "integers": (np.zeros((2, 10), dtype=np.int16), "int16"),
    "complex": (np.zeros((2, 10), dtype=np.complex64), "complex64"),
    "nan": (np.array([[0.0, np.nan]]), "1 samples that are NaN or infinite"),
    "inf": (np.array([[np.inf, -np.inf]]), "2 samples that are NaN or infinite"),
    "inf as float32": (np.array([[1e300, 0.0]]), "1 samples that are NaN or infinite"),
}


@pytest.mark.parametrize("what", BAD_SAMPLES)
def test_bad_samples_are_refused(what):
    samples, words = BAD_SAMPLES[what]
    with pytest.raises(CadenzaError, match=words):
        Audio(samples, RATE)
    with pytest.raises(CadenzaError, match=f"Stem bass.*{words}"):
        Stems({"bass": samples}, RATE)


@pytest.mark.parametrize("rate", [0, -44100])
def test_a_rate_must_be_positive(rate, noise):
    with pytest.raises(CadenzaError, match="above 0"):
        Audio(noise(), rate)
    with pytest.raises(CadenzaError, match="above 0"):
        Stems({"bass": noise()}, rate)


def test_large_finite_samples_are_kept():
    """Their sum is beyond float32: it must not be taken for infinite samples."""
    samples = np.full((2, 1000), 3e38, dtype=np.float32)
    assert np.array_equal(Audio(samples, RATE).samples, samples)


def test_audio_is_contiguous_float32():
    samples = np.arange(20, dtype=np.float64).reshape(10, 2).T
    audio = Audio(samples, RATE)
    assert audio.samples.dtype == np.float32
    assert audio.samples.flags.c_contiguous
    assert np.array_equal(audio.samples, samples)
    assert audio.duration == 10 / RATE


def test_mono_becomes_stereo_with_a_note(noise):
    mono = Audio(noise(channels=1), RATE, ("before",))
    stereo = mono.stereo()
    assert np.array_equal(stereo.samples, np.concatenate([mono.samples, mono.samples]))
    assert stereo.notes == ("before", "mono copied to both sides")
    assert stereo.stereo() is stereo


def test_another_rate_gives_a_note(noise):
    audio = Audio(noise(19200), 192000, ("before",))
    lower = audio.at(RATE)
    assert lower.rate == RATE
    assert lower.samples.shape == (2, 4410)
    assert lower.notes == ("before", "resampled from 192000 Hz to 44100 Hz")
    assert lower.at(RATE) is lower


def test_resampling_keeps_a_tone():
    time = np.arange(48000) / 48000
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    lower = resample(np.stack([tone, -tone]), 48000, RATE)
    expected = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    assert lower.dtype == np.float32
    inside = slice(500, -500)
    assert np.abs(lower[0, inside] - expected[inside]).max() < 1e-4
    assert np.abs(lower[1, inside] + expected[inside]).max() < 1e-4
    assert np.array_equal(resample(tone, 48000, RATE), lower[0])


def test_stems_must_agree(noise):
    with pytest.raises(CadenzaError, match="no stems"):
        Stems({}, RATE)
    with pytest.raises(CadenzaError, match="Stem bass has 1 channel"):
        Stems({"bass": noise(channels=1)}, RATE)
    with pytest.raises(CadenzaError, match="bass 100, drums 99"):
        Stems({"bass": noise(100), "drums": noise(99)}, RATE)


def test_stems_are_a_read_only_mapping(noise):
    given = {"bass": noise(seed=1), "drums": noise(seed=2)}
    stems = Stems(given, RATE)
    given["other"] = noise()
    assert list(stems) == ["bass", "drums"]
    assert len(stems) == 2
    assert stems.length == 4410
    assert np.array_equal(stems["drums"], noise(seed=2))
    with pytest.raises(TypeError):
        stems.samples["bass"] = noise()


def test_the_mixture_is_the_sum_and_leaves_the_stems_as_they_are(noise):
    stems = Stems({name: noise(seed=seed) for seed, name in enumerate("abcd")}, RATE)
    before = {name: samples.copy() for name, samples in stems.items()}
    assert np.array_equal(stems.mixture(), np.stack(list(before.values())).sum(axis=0, dtype=np.float32))
    assert all(np.array_equal(stems[name], before[name]) for name in stems)
    alone = Stems({"a": noise()}, RATE)
    assert alone.mixture() is not alone["a"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda stems: pickle.loads(pickle.dumps(stems))])
def test_stems_can_be_sent_to_another_process(duplicate, noise):
    stems = Stems({"bass": noise()}, RATE, ("a note",))
    copied = duplicate(stems)
    assert np.array_equal(copied["bass"], stems["bass"])
    assert (copied.rate, copied.notes) == (RATE, ("a note",))


def test_stems_are_compared_by_identity(noise):
    """Mapping's own == would ask arrays for one truth value, and raise."""
    one, other = Stems({"bass": noise()}, RATE), Stems({"bass": noise()}, RATE)
    assert one == one
    assert one != other
    assert len({one, other}) == 2
