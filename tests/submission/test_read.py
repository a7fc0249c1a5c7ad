"""Stems read back: the same bits as pyclarity's read_flac_signal, and an error for what pyclarity passes over."""

import numpy as np
import pytest
import soundfile
from clarity.utils.flac_encoder import read_flac_signal

from cadenza_core.errors import CadenzaError
from cadenza_core.submission import read_stem


@pytest.fixture
def stem(tmp_path):
    path = tmp_path / "L5001_A.b - C_left_vocals.flac"
    samples = np.random.default_rng(1).integers(-32768, 32768, 30000).astype(np.int16)
    samples[:2] = -32768, 32767
    soundfile.write(path, samples, 24000, subtype="PCM_16")
    path.with_suffix(".txt").write_text("1.2345678901234567")
    return path


@pytest.mark.parametrize("scale", ["1.2345678901234567", "0.0", "1e-30", "3.0517578125e-05\n", " 7", "0.1", "1e30"])
def test_samples_are_bit_identical_to_pyclaritys(stem, scale):
    stem.with_suffix(".txt").write_text(scale)
    ours, rate = read_stem(stem)
    theirs, their_rate = read_flac_signal(stem)
    assert rate == their_rate == 24000
    assert ours.dtype == theirs.dtype == np.float32
    assert np.array_equal(ours, theirs)


def test_an_unscaled_stem_is_read_as_pyclarity_does_only_if_allowed(stem):
    stem.with_suffix(".txt").unlink()
    with pytest.raises(CadenzaError, match="has no scale file"):
        read_stem(stem)
    assert np.array_equal(read_stem(stem, allow_unscaled=True)[0], read_flac_signal(stem)[0])


@pytest.mark.parametrize("scale", ["", "one", "nan", "inf", "-inf", "-1.0", "1e39", "1 2", "9" * 500, "\x00"])
def test_what_is_no_peak_is_refused(stem, scale):
    stem.with_suffix(".txt").write_text(scale)
    with pytest.raises(CadenzaError, match=r"left_vocals\.txt holds"):
        read_stem(stem)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.999])
def test_a_truncated_stem_is_refused(stem, share):
    data = stem.read_bytes()
    stem.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CadenzaError, match=r"left_vocals\.flac is"):
        read_stem(stem)


def test_a_damaged_stem_is_refused_wherever_the_damage_is(stem):
    data = bytearray(stem.read_bytes())
    for place in np.random.default_rng(0).integers(26, len(data), 25):
        broken = data.copy()
        broken[place] ^= 0x10
        stem.write_bytes(broken)
        try:
            samples, _ = read_stem(stem)
        except CadenzaError:
            continue
        stem.write_bytes(data)  # padding and comments may change, the sound not
        assert np.array_equal(samples, read_stem(stem)[0])


def test_what_is_no_mono_16_bit_flac_is_refused(stem):
    soundfile.write(stem, np.zeros((100, 2)), 24000, subtype="PCM_16")
    with pytest.raises(CadenzaError, match="2 channels"):
        read_stem(stem)
    soundfile.write(stem, np.ones(100) / 3, 24000, subtype="PCM_24")
    with pytest.raises(CadenzaError, match="24 bits"):
        read_stem(stem)
    soundfile.write(stem, np.zeros(100), 24000, format="WAV")
    with pytest.raises(CadenzaError, match="not a FLAC file"):
        read_stem(stem)
    with pytest.raises(CadenzaError, match="There is no file"):
        read_stem(stem.with_name("none.flac"))
    with pytest.raises(CadenzaError, match="cannot be read"):
        read_stem(stem.parent)
