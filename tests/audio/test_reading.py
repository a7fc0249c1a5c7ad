"""Read whole files and parts of them, in every accepted format; what is damaged is in `test_damaged`."""

import math
import os
import shutil

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import audio_info, read_audio
from cadenza_core.errors import CadenzaError

RATE = 44100
FORMATS = {  # ending: libsndfile's format, subtype, sample rate
    "16.wav": ("WAV", "PCM_16", 44100),
    "24.wav": ("WAV", "PCM_24", 48000),
    "32.wav": ("WAV", "PCM_32", 44100),
    "float.wav": ("WAV", "FLOAT", 44100),
    "double.wav": ("WAV", "DOUBLE", 44100),
    "extensible.wav": ("WAVEX", "PCM_16", 44100),
    "big-endian.wav": ("WAV", "PCM_16", 44100),
    "64.wav": ("RF64", "PCM_16", 44100),
    "192k.wav": ("WAV", "PCM_16", 192000),
    "16.flac": ("FLAC", "PCM_16", 44100),
    "24.FLAC": ("FLAC", "PCM_24", 96000),
    "16.aiff": ("AIFF", "PCM_16", 44100),
}
LOSSY = {"vorbis.ogg": ("OGG", "VORBIS", 44100), "opus.opus": ("OGG", "OPUS", 48000), "mp3.mp3": ("MP3", None, 44100)}
NAMES = [
    "with space.{}",
    'it\'s "quoted".{}',
    "caf\u00e9.{}",
    "cafe\u0301.{}",
    "\u6b4c.{}",
    "my: song.{}",
    "http:song.{}",
    "100%d.{}",
    "-x.{}",
    "two\nlines.{}",
    "back\\slash.{}",
    "#[1]*?.{}",
    "..dots...{}",
]


@pytest.fixture
def write(tmp_path, noise):
    def write(name: str, samples: int = 20000, channels: int = 2):
        sound = noise(samples, channels)
        container, subtype, rate = {**FORMATS, **LOSSY}[name]
        endian = "BIG" if name.startswith("big") else None
        soundfile.write(tmp_path / name, sound.T, rate, format=container, subtype=subtype, endian=endian)
        return tmp_path / name, sound, rate

    return write


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", FORMATS)
def test_what_was_written_is_read_exactly(name, channels, write):
    path, sound, rate = write(name, channels=channels)
    audio = read_audio(path)
    assert (audio.rate, audio.notes, audio.samples.dtype) == (rate, (), np.float32)
    assert np.array_equal(audio.samples, sound)
    info = audio_info(path)
    assert (info.rate, info.channels, info.frames) == (rate, channels, 20000)
    assert info.duration == 20000 / rate


def test_8_bit_is_read(tmp_path, noise):
    """Tolerance: half a step of 8 bit, and libsndfile's rounding."""
    soundfile.write(tmp_path / "a.wav", noise().T, RATE, subtype="PCM_U8")
    assert np.abs(read_audio(tmp_path / "a.wav").samples - noise()).max() <= 1.5 / 128


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_are_read(name, tmp_path):
    _, _, rate = LOSSY[name]
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    container, subtype, _ = LOSSY[name]
    soundfile.write(tmp_path / name, np.stack([tone, -tone], axis=1), rate, format=container, subtype=subtype)
    samples = read_audio(tmp_path / name).samples
    assert samples.shape == (2, rate)
    assert np.std(samples[0] - tone) < 0.02
    assert np.std(samples[1] + tone) < 0.02


@pytest.mark.parametrize("ending", ["m4a", "aac"])
def test_aac_is_read(ending, tmp_path, write_aac):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    path = write_aac(tmp_path / f"a.{ending}", [np.stack([tone, -tone])])
    samples = read_audio(path).samples
    delay = 1024 if ending == "aac" else 0  # raw AAC does not say that the encoder was late by a frame
    assert np.std(samples[0, delay : delay + RATE] - tone) < 0.02
    assert np.std(samples[1, delay : delay + RATE] + tone) < 0.02
    info = audio_info(path)
    assert (info.rate, info.channels, info.format) == (RATE, 2, "aac")
    assert abs(info.frames - samples.shape[1]) <= (0 if ending == "aac" else 1024)


def test_raw_aac_that_is_much_shorter_than_ffmpeg_estimates_is_whole(tmp_path, write_aac, noise):
    """FFmpeg estimates the length from the size and the first frames: loud first, silent then is far off."""
    sound = np.concatenate([np.zeros((2, 8000), dtype=np.float32), noise(80000)], axis=1)
    path = write_aac(tmp_path / "a.aac", [sound])
    assert audio_info(path).frames == read_audio(path).samples.shape[1] >= 88000


def test_the_streams_of_a_container_are_told_apart(tmp_path, write_aac):
    time = np.arange(RATE // 2) / RATE
    tones = [np.stack(2 * [0.3 * np.sin(2 * np.pi * frequency * time)]) for frequency in (220, 440, 880, 1760, 3520)]
    path = write_aac(tmp_path / "a.stem.mp4", tones)
    for stream, tone in enumerate(tones):
        assert np.std(read_audio(path, stream=stream).samples[:, : tone.shape[1]] - tone) < 0.02
    for read in (audio_info, lambda path, stream: read_audio(path, stream=stream)):
        with pytest.raises(CadenzaError, match=r"a\.stem\.mp4 .*5 audio streams; number 6 is asked for"):
            read(path, 5)


@pytest.mark.parametrize("name", [*FORMATS, *LOSSY])
def test_a_part_is_the_same_samples_as_in_the_whole(name, write):
    path, _, rate = write(name, samples=100_000)
    whole = read_audio(path).samples
    for first, last in [(0, 1), (0, 5000), (1, 20000), (12345, 54321), (77777, 99999), (99999, None)]:
        stop = None if last is None else (last + 0.5) / rate
        part = read_audio(path, (first + 0.5) / rate, stop)
        assert np.array_equal(part.samples, whole[:, first:last]), (first, last)


@pytest.mark.parametrize("ending", ["m4a", "aac", "stem.mp4"])
def test_a_part_of_aac_is_the_same_samples_as_in_the_whole(ending, tmp_path, write_aac, noise):
    """Noise makes the encoder use noise substitution, whose decoding depends on everything before."""
    path = write_aac(tmp_path / f"a.{ending}", [noise(100_000)])
    whole = read_audio(path).samples
    for first, last in [(0, 1), (0, 5000), (1023, 1024), (1024, 2048), (12345, 54321), (99000, None)]:
        stop = None if last is None else (last + 0.5) / RATE
        part = read_audio(path, (first + 0.5) / RATE, stop)
        assert np.array_equal(part.samples, whole[:, first:last]), (first, last)


def test_seconds_are_cut_as_the_challenge_does(write):
    path, sound, rate = write("16.wav")
    assert np.array_equal(read_audio(path, 0.1, 0.3).samples, sound[:, int(0.1 * rate) : int(0.3 * rate)])


@pytest.mark.parametrize("name", ["16.wav", "a.m4a"])
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        *[(0.0, 100.0), (100.0, 101.0), (100.0, None), (0.2, 0.1), (0.1, 0.1), (-0.1, 0.1), (0.0, -1.0)],
        *[(math.nan, None), (0.0, math.nan), (0.0, math.inf), (1e308, None), (0.0, 1e308)],
    ],
)
def test_a_part_must_be_in_the_file(name, start, stop, write, write_aac, noise, tmp_path):
    path = write(name)[0] if name == "16.wav" else write_aac(tmp_path / name, [noise(20000)])
    with pytest.raises(CadenzaError, match=f"{name}.*( is not in it|finite seconds|start must be before)"):
        read_audio(path, start, stop)


def test_flac_that_does_not_say_its_length_is_read(write):
    """An encoder that writes to a pipe leaves 0 in the header's 36 bits."""
    path, sound, _ = write("16.flac")
    data = bytearray(path.read_bytes())
    packed = int.from_bytes(data[18:26], "big")
    data[18:26] = (packed >> 36 << 36).to_bytes(8, "big")
    path.write_bytes(data)
    assert audio_info(path).frames == 20000
    assert np.array_equal(read_audio(path).samples, sound)
    assert np.array_equal(read_audio(path, 100.5 / RATE, 300.5 / RATE).samples, sound[:, 100:300])


def test_wav_from_a_program_that_streamed_is_read(write):
    path, sound, _ = write("16.wav")
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert np.array_equal(read_audio(path).samples, sound)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read(name, write, write_aac, noise, tmp_path, monkeypatch):
    """Also as a relative path, which FFmpeg could take for an address or a pattern."""
    monkeypatch.chdir(tmp_path)
    path, sound, _ = write("16.wav")
    shutil.move(path, name.format("wav"))
    assert np.array_equal(read_audio(type(path)(name.format("wav"))).samples, sound)
    aac = write_aac(tmp_path / "a.m4a", [noise(2048)])
    shutil.move(aac, name.format("m4a"))
    assert read_audio(type(path)(name.format("m4a"))).samples.shape[1] >= 2048


def test_a_name_that_is_not_utf_8_is_read(write, write_aac, noise, tmp_path):
    path, sound, _ = write("16.wav")
    other = tmp_path / os.fsdecode(b"caf\xe9.wav")
    try:
        path.rename(other)
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    assert np.array_equal(read_audio(other).samples, sound)
    aac = write_aac(tmp_path / "a.m4a", [noise(2048)]).rename(tmp_path / os.fsdecode(b"caf\xe9.m4a"))
    assert read_audio(aac).samples.shape[1] >= 2048


def test_a_link_is_followed(write, tmp_path):
    path, sound, _ = write("16.wav")
    (tmp_path / "link.wav").symlink_to(path)
    assert np.array_equal(read_audio(tmp_path / "link.wav").samples, sound)


def test_the_real_files(shared_data):
    folder = shared_data / "musdb18hq/test/Software-Entwicklungskit - Lithium"
    stems = sum(read_audio(folder / f"{name}.flac", 10, 12).samples for name in ("vocals", "drums", "bass", "other"))
    assert np.array_equal(read_audio(folder / "mixture.flac", 10, 12).samples, stems)

    rock = shared_data / "music/Music Delta - 80s Rock.stem.mp4"
    streams = [read_audio(rock, stream=stream).samples for stream in range(5)]
    assert {stream.shape for stream in streams} == {(2, 300032)}
    rest = np.std(streams[0] - sum(streams[1:]))  # lossy, so only nearly the sum
    assert rest < 0.1 * np.std(streams[0])
    assert audio_info(rock).duration == pytest.approx(6.8, abs=0.01)

    mp3 = shared_data / "music/spleeter_audio_example.mp3"
    assert np.array_equal(read_audio(mp3, 3, 4).samples, read_audio(mp3).samples[:, 3 * RATE : 4 * RATE])

    song = shared_data / "music/Karissa_Hobbs_-_Lets_Go_Fishin.hq.ogg"
    assert audio_info(song).frames == 5864815
    assert read_audio(song, 100, 101).samples.shape == (2, RATE)
