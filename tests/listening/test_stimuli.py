"""Stimuli: equal loudness by lowering only, peaks below -1 dBTP, anchors within the limits, silent file names."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import read_audio
from cadenza_core.audio.levels import measure
from cadenza_core.errors import CadenzaError
from cadenza_core.listening.stimuli import anchor, equal_loudness, faded, read_group, write_group

RATE = 44100


def sounds(seconds: float = 1.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    white = rng.normal(size=(2, round(seconds * RATE)))
    spiky = 0.02 * white
    spiky[:, 5000] = 0.99
    return {
        "loud": np.clip(0.4 * white, -1.2, 1.2),  # beyond full scale
        "soft": 0.03 * np.cumsum(white, axis=1) / 50,
        "spiky": spiky,
        "one ear": 0.1 * white * [[1.0], [0.0]],
    }


@pytest.mark.parametrize("wanted", [-23.0, -12.0, -50.0])
def test_the_files_are_equally_loud_below_the_ceiling_and_nothing_was_raised(tmp_path: Path, wanted):
    before = sounds()
    levelled, lowered = equal_loudness(before, RATE, wanted)
    group = write_group(tmp_path / "g", levelled, RATE, lowered)
    levels = {name: measure(read_audio(group.path(name)).samples, RATE) for name in before}
    loudness = [level.loudness for level in levels.values()]
    assert max(loudness) - min(loudness) < 0.1 and max(loudness) <= wanted + 0.05
    assert max(level.true_peak for level in levels.values()) <= -1.0
    assert all(gain <= 0 for gain in lowered.values())
    for name, samples in before.items():
        factor = 10 ** (lowered[name] / 20)
        np.testing.assert_allclose(read_audio(group.path(name)).samples, factor * samples, atol=2.0**-20)


def test_a_sound_that_cannot_be_matched_is_named():
    with pytest.raises(CadenzaError, match="quiet has no loudness to be matched"):
        equal_loudness({"ok": sounds()["loud"], "quiet": np.zeros((2, RATE))}, RATE, -23)
    with pytest.raises(CadenzaError, match=r"shorter than 0\.4 s"):
        equal_loudness({"ok": sounds(0.3)["loud"]}, RATE, -23)


def test_nothing_about_a_file_tells_which_it_is(tmp_path: Path):
    levelled, lowered = equal_loudness(sounds(), RATE, -23)
    group = write_group(tmp_path / "g", levelled, RATE, lowered)
    paths = [group.path(name) for name in levelled]
    assert len({path.stat().st_size for path in paths}) == 1
    for name, path in zip(levelled, paths, strict=True):
        content = path.read_bytes()
        assert name.encode() not in content and name not in path.name and len(path.stem) == 24
        assert content[26:42] == bytes(16)  # no digest of the samples
        with soundfile.SoundFile(path) as file:
            assert (file.samplerate, file.frames, file.channels) == (RATE, group.frames, 2)
    assert write_group(tmp_path / "g", levelled, RATE, lowered).path("loud") == group.path("loud")  # stays as it is


def test_a_group_that_lacks_a_file_is_none(tmp_path: Path):
    levelled, lowered = equal_loudness(sounds(), RATE, -23)
    write_group(tmp_path / "g", levelled, RATE, lowered).path("soft").unlink()
    assert read_group(tmp_path / "g") is None and read_group(tmp_path / "none") is None


@pytest.mark.parametrize("cutoff", [3500.0, 7000.0])
def test_anchors_meet_the_limits_of_bs1534(cutoff):
    impulse = np.zeros((2, 8192))
    impulse[:, 4096] = 1.0
    filtered = anchor(impulse, RATE, cutoff)
    assert np.argmax(filtered[0]) == 4096  # in time with the original
    hertz = np.fft.rfftfreq(8192, 1 / RATE)
    gain = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(filtered[0])), 1e-9))
    assert np.abs(gain[hertz <= cutoff]).max() <= 0.1
    assert gain[hertz >= cutoff + 500].max() <= -50  # the Recommendation: -25 dB at 4 kHz, -50 dB at 4.5 kHz


def test_fades_are_smooth_and_symmetric():
    ones = np.ones((2, RATE))
    shaped = faded(ones, RATE, 0.1)
    assert shaped[0, 0] < 1e-3 and shaped[0, 4410] == 1.0
    np.testing.assert_allclose(shaped, shaped[:, ::-1])
    assert np.abs(np.diff(shaped)).max() < np.pi / 2 / 4410 * 1.01
    assert faded(ones[:, :7], RATE, 5.0).shape == (2, 7)
    assert all(np.array_equal(faded(ones, RATE, 0.0), each) for each in itertools.repeat(ones, 1))
