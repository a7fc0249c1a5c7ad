import numpy as np
import pytest
import soundfile
from clarity.utils.signal_processing import to_16bit
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cadenza_core.audio import read_audio, write_audio
from cadenza_core.audio.writing import to_int16
from cadenza_core.errors import CadenzaError

RATE = 44100


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-3, 3)))
def test_16_bit_is_pyclaritys(samples):
    clipped = np.clip(samples, -1, 1)  # pyclarity's refuses more
    assert np.array_equal(to_int16(clipped), to_16bit(clipped))
    assert np.array_equal(to_int16(samples), to_int16(clipped))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_16_bit_at_the_limits(kind):
    samples = np.array([1.0, 2.0, -1.0, -2.0, 0.0, 1.9 / 32768, -1.9 / 32768, 32767 / 32768], dtype=kind)
    before = samples.copy()
    assert to_int16(samples).tolist() == [32767, 32767, -32768, -32768, 0, 1, -1, 32767]
    assert np.array_equal(samples, before)
    assert to_int16(samples, overwrite=True).tolist() == [32767, 32767, -32768, -32768, 0, 1, -1, 32767]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_exactly(suffix, subtype, channels, tmp_path, noise):
    sound = noise(channels=channels)
    write_audio(tmp_path / f"a{suffix}", sound, RATE, subtype=subtype)
    audio = read_audio(tmp_path / f"a{suffix}")
    assert audio.rate == RATE
    assert np.array_equal(audio.samples, sound)
    assert soundfile.info(tmp_path / f"a{suffix}").subtype == subtype
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]


def test_float_keeps_every_bit_and_what_is_beyond_full_scale(tmp_path):
    sound = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    write_audio(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert np.array_equal(read_audio(tmp_path / "a.wav").samples, sound)


def test_one_axis_and_integers(tmp_path, noise):
    mono = noise(channels=1)
    write_audio(tmp_path / "a.wav", mono[0], RATE)
    write_audio(tmp_path / "b.wav", to_int16(mono), RATE)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert np.array_equal(read_audio(tmp_path / "a.wav").samples, mono)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.array([[0.0, np.nan]]), "1 samples that are NaN or infinite"),
        (np.array([np.inf, np.inf]), "2 samples that are NaN or infinite"),
        (np.zeros((2, 0)), "is empty"),
        (np.zeros((1000, 2)), r"shape \(1000, 2\); \(1, n\) or \(2, n\)"),
    ],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_faulty_samples_are_not_written(samples, words, subtype, tmp_path):
    with pytest.raises(CadenzaError, match=rf"a\.wav.*{words}"):
        write_audio(tmp_path / "a.wav", samples, RATE, subtype=subtype)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.flac", "FLOAT"), ("a.xyz", "PCM_16"), ("a", "PCM_16"), ("a.wav", "PCM_99")]
)
def test_a_format_that_cannot_be_made(name, subtype, tmp_path, noise):
    with pytest.raises(CadenzaError, match=rf"{name} cannot be written"):
        write_audio(tmp_path / name, noise(), RATE, subtype=subtype)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path, noise):
    write_audio(tmp_path / "a.wav", noise(), RATE)
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(CadenzaError):
        write_audio(tmp_path / "a.wav", np.array([np.nan]), RATE)
    with pytest.raises(CadenzaError):
        write_audio(tmp_path / "a.wav", noise(), -1)
    assert (tmp_path / "a.wav").read_bytes() == before
