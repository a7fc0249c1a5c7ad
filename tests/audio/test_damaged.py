"""What is damaged, not sound or not a file gives one sentence with its name, and nothing on the terminal."""

import contextlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cadenza_core.audio import Audio, audio_info, read_audio
from cadenza_core.audio.reading import AUDIO_SUFFIXES
from cadenza_core.errors import CadenzaError

RATE = 44100
ACCEPTED = "WAV, FLAC, MP3, OGG, AIFF, M4A and AAC files with one or two channels are accepted"
ENCODED = {
    "a.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "adpcm.wav": ("WAV", "IMA_ADPCM"),
    "64.wav": ("RF64", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.ogg": ("OGG", "VORBIS"),
    "a.opus": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
}
AAC = {"a.m4a": "", "fast.m4a": "faststart", "a.aac": ""}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory, noise, write_aac) -> dict[str, bytes]:
    """Half a second of noise in every format."""
    folder = tmp_path_factory.mktemp("encoded")
    sound = noise(24000)
    for name, (container, subtype) in ENCODED.items():
        rate = 48000 if subtype == "OPUS" else RATE
        soundfile.write(folder / name, sound.T, rate, format=container, subtype=subtype)
    for name, flags in AAC.items():
        write_aac(folder / name, [sound], movflags=flags)
    return {name: (folder / name).read_bytes() for name in (*ENCODED, *AAC)}


def refuse(path: Path, words: str = "") -> None:
    """Check that reading `path` gives a CadenzaError with its name and `words` (a regular expression)."""
    with pytest.raises(CadenzaError, match=f"(?s)^.*{words}") as caught:
        read_audio(path)
    assert str(path) in str(caught.value)
    with contextlib.suppress(CadenzaError):  # a header may be whole
        audio_info(path)


@pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.9, 0.98, 0.999])
@pytest.mark.parametrize("name", [*ENCODED, *AAC])
def test_a_file_that_was_cut_off(name, share, encoded, tmp_path, capfd):
    (tmp_path / name).write_bytes(encoded[name][: int(len(encoded[name]) * share)])
    refuse(
        tmp_path / name, r"(is cut off: .*\. Copy or download it again\.|cannot be read as sound .* are accepted\.)$"
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.wav", "64.wav", "a.aiff", "a.ogg", "a.opus", "a.mp3", "a.m4a", "fast.m4a"])
def test_the_header_of_a_file_that_was_cut_off(name, encoded, tmp_path):
    """Nothing needs to be decoded to see it, so a part before the cut is refused as well."""
    (tmp_path / name).write_bytes(encoded[name][: len(encoded[name]) // 2])
    for read in (audio_info, lambda path: read_audio(path, 0.0, 0.001)):
        with pytest.raises(CadenzaError, match=f"{name} is cut off: .*Copy or download it again"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.ogg", "a.opus", "a.mp3"])
def test_a_file_that_was_cut_off_between_two_parts(name, encoded, tmp_path):
    """No part is broken; Ogg marks its last page, and the Xing header counts the frames of an MP3 file."""
    data = encoded[name]
    if name == "a.mp3":
        header = int.from_bytes(data[:4], "big")
        length = 144000 * (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[header >> 12 & 15] // RATE
        frame = data.index(data[:2], length + (header >> 9 & 1) + 300)
        cut = data.index(data[:2], frame + 50)
    else:
        cut = data.rindex(b"OggS")
    (tmp_path / name).write_bytes(data[:cut])
    refuse(tmp_path / name, "is cut off")


def test_mp3_without_a_xing_header(encoded, tmp_path):
    """Then only a last frame that is not complete shows that something is missing."""
    data = encoded["a.mp3"]
    start = data.index(data[:2], 200)  # after the Xing frame
    (tmp_path / "whole.mp3").write_bytes(data[start:])
    samples = read_audio(tmp_path / "whole.mp3").samples
    assert samples.shape[1] == audio_info(tmp_path / "whole.mp3").frames >= 24000  # libsndfile guesses half of it
    assert np.array_equal(read_audio(tmp_path / "whole.mp3", 0.1, 0.2).samples, samples[:, 4410:8820])
    (tmp_path / "tagged.mp3").write_bytes(b"ID3\4\0\0\0\0\1\0" + bytes(128) + data[start:] + b"TAG" + bytes(125))
    assert np.array_equal(read_audio(tmp_path / "tagged.mp3").samples, samples)
    (tmp_path / "cut.mp3").write_bytes(data[start:-10])
    refuse(tmp_path / "cut.mp3", "is cut off: its last frame is not complete")


def test_mp3_files_that_were_joined(encoded, tmp_path):
    """The first one's Xing header counts only its own frames; the rest must not be lost."""
    (tmp_path / "a.mp3").write_bytes(encoded["a.mp3"] * 2)
    assert read_audio(tmp_path / "a.mp3").samples.shape[1] >= 2 * 24000


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
@pytest.mark.parametrize(
    "content", [b"This is a text.\n" * 300, b"<html>404</html>", b"\0" * 5000, b"\xff" * 5000, b"#EXTM3U\nx.wav\n"]
)
def test_a_file_that_is_not_sound(suffix, content, tmp_path, capfd):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    refuse(path, rf"cannot be read as sound \(.+\)\. {ACCEPTED}\.$")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_a_file_of_another_format_than_its_name_says(name, encoded, tmp_path):
    (tmp_path / "a.m4a").write_bytes(encoded[name])
    if name == "a.flac":  # FFmpeg reads it, and nothing is lost
        assert read_audio(tmp_path / "a.m4a").samples.shape == (2, 24000)
    else:
        refuse(tmp_path / "a.m4a", ACCEPTED)
    (tmp_path / "b.wav").write_bytes(encoded["a.m4a"])
    refuse(tmp_path / "b.wav", ACCEPTED)


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"])
def test_a_playlist_does_not_open_other_files(text, encoded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.m4a").write_bytes(encoded["a.m4a"])
    (tmp_path / "list.m4a").write_text(text.format("secret.m4a"))
    refuse(tmp_path / "list.m4a", ACCEPTED)


@pytest.mark.parametrize(("container", "words"), [("W64", "W64"), ("CAF", "CAF"), ("AU", "AU"), ("SVX", "IFF")])
def test_formats_whose_end_cannot_be_checked(container, words, tmp_path, noise):
    soundfile.write(tmp_path / "a.wav", noise(channels=1).T, RATE, format=container, subtype="PCM_16")
    refuse(tmp_path / "a.wav", rf"\(it is {words}.*{ACCEPTED}")


def test_a_raw_file(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(1000))
    refuse(tmp_path / "a.raw", ACCEPTED)


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
def test_a_file_of_zero_bytes(suffix, tmp_path):
    (tmp_path / f"a{suffix}").touch()
    refuse(tmp_path / f"a{suffix}", f"is empty: 0 bytes. {ACCEPTED}")


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_a_file_without_samples(name, tmp_path):
    soundfile.write(tmp_path / name, np.zeros((0, 2)), RATE)
    refuse(tmp_path / name, "is empty: it has no samples")
    with pytest.raises(CadenzaError, match="is empty"):
        audio_info(tmp_path / name)


@pytest.mark.parametrize(
    ("value", "subtype"), [(np.nan, "FLOAT"), (np.inf, "FLOAT"), (-np.inf, "DOUBLE"), (1e300, "DOUBLE")]
)
def test_samples_that_are_not_finite(value, subtype, tmp_path):
    sound = np.zeros((1000, 2))
    sound[500] = value
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype=subtype)
    refuse(tmp_path / "a.wav", r"holds 2 samples that are NaN or infinite\. Repair or re-export")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_six_channels(name, tmp_path):
    soundfile.write(tmp_path / name, np.zeros((1000, 6)), RATE)
    refuse(tmp_path / name, f"has 6 channels; {ACCEPTED}. Mix it down to stereo first")


@pytest.mark.parametrize("rate", [1, 3999, 768001, 2**31 - 1])
def test_a_sample_rate_that_cannot_be(rate, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((10, 2)), 48000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(data)
    refuse(tmp_path / "a.wav", f"sample rate of {rate} Hz; 4000 to 768000 Hz are accepted")


def test_a_header_that_promises_years(encoded, tmp_path):
    data = bytearray(encoded["a.flac"])
    packed = int.from_bytes(data[18:26], "big")
    data[18:26] = (packed | (1 << 36) - 1).to_bytes(8, "big")
    (tmp_path / "a.flac").write_bytes(data)
    refuse(tmp_path / "a.flac", "(too long for this machine's memory|cannot be read as sound)")


def test_what_is_not_there(tmp_path):
    refuse(tmp_path / "a.wav", "There is no file")
    refuse(tmp_path / ("x" * 300 + ".wav"), "cannot be read: File name too long")
    (tmp_path / "file").touch()
    refuse(tmp_path / "file" / "a.wav", "There is no file")
    refuse(Path("a\0b.wav"), "There is no file")


def test_a_folder_named_as_a_file(tmp_path):
    (tmp_path / "a.wav").mkdir()
    refuse(tmp_path / "a.wav", f"is a folder, not a sound file. {ACCEPTED}")


def test_links_that_lead_nowhere(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "gone.wav")
    refuse(tmp_path / "a.wav", r"is a link to .*gone\.wav, which is not there")
    (tmp_path / "b.wav").symlink_to(tmp_path / "b.wav")
    refuse(tmp_path / "b.wav", "cannot be read: Too many levels of symbolic links")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    refuse(tmp_path / "a.wav", f"is not a file on disk but a pipe or device. {ACCEPTED}")


def test_a_file_without_permission(unprivileged, encoded):
    with unprivileged() as place:
        (place / "a.wav").write_bytes(encoded["a.wav"])
        (place / "a.wav").chmod(0)
        refuse(place / "a.wav", "cannot be read: Permission denied")
        (place / "a.wav").chmod(0o600)
        (place / "closed").mkdir()
        (place / "a.wav").rename(place / "closed" / "a.wav")
        (place / "closed").chmod(0)
        refuse(place / "closed" / "a.wav", "cannot be read: Permission denied")


def read_or_refuse(path: Path) -> None:
    """Check that `path` gives valid sound or a CadenzaError with its name."""
    try:
        audio = read_audio(path)
        assert isinstance(audio, Audio)
        assert audio_info(path).rate == audio.rate
    except CadenzaError as error:
        assert str(path) in str(error)


SUFFIXES = st.sampled_from([".wav", ".flac", ".mp3", ".ogg", ".aiff", ".m4a", ".aac"])
STARTS = st.sampled_from(
    [
        b"",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"RF64\xff\xff\xff\xffWAVEds64",
        b"fLaC\0\0\0\x22",
        b"ID3\4\0\0\0\0\0\0",
        b"\xff\xfb\x90\x64",
        b"OggS\0\2",
        b"FORM\0\0\0\x40AIFFSSND",
        b"\0\0\0\x18ftypM4A ",
        b"\xff\xf1\x50\x80",
        b"\0\0\0\1mdat",
    ]
)
QUIET = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(suffix=SUFFIXES, start=STARTS, content=st.binary(max_size=3000))
@example(suffix=".mp3", start=b"\xff\xfb\x90\x64", content=b"")
@example(suffix=".mp3", start=b"ID3\4\0\0\x7f\x7f\x7f\x7f", content=b"")
@example(suffix=".wav", start=b"RIFF\x24\0\0\0WAVE", content=b"data\0\0\0\0")
@example(suffix=".m4a", start=b"\0\0\0\1mdat", content=b"")
def test_any_bytes(suffix, start, content, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(start + content)
    read_or_refuse(path)


@QUIET
@given(name=st.sampled_from([*ENCODED, *AAC]), data=st.data())
def test_a_few_wrong_bytes(name, data, encoded, tmp_path):
    """Most of them in the header."""
    content = bytearray(encoded[name])
    positions = st.one_of(st.integers(0, 200), st.integers(0, len(content) - 1))
    for position, byte in data.draw(st.lists(st.tuples(positions, st.integers(0, 255)), min_size=1, max_size=4)):
        content[position] = byte
    (tmp_path / name).write_bytes(content)
    read_or_refuse(tmp_path / name)
