import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from cadenza_core.audio import RATE, STEMS, read_audio
from cadenza_core.catalog import WHOLE, Excerpt, Song, Track, songs_in
from cadenza_core.errors import CadenzaError

SECONDS = st.floats(0, 1e7, allow_nan=False)


def song_of(folder) -> Song:
    (song,) = songs_in(folder)
    return song


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("12.5-27.5", 12.5, 27.5),
        ("1:02-1:32", 62.0, 92.0),
        ("1:02.25 - 92.5", 62.25, 92.5),
        ("30-", 30.0, None),
        ("-30", 0.0, 30.0),
        ("-", 0.0, None),
        (" 0 - 1 ", 0.0, 1.0),
        ("100:00-100:01", 6000.0, 6001.0),
    ],
)
def test_an_excerpt_is_parsed(text, start, stop):
    assert Excerpt.parse(text) == Excerpt(start, stop)


@pytest.mark.parametrize("text", ["", "12", "a-b", "1:2:3-4", "1-2-3", "1:-2", "12..5-13", "1,5-2", "\u0000-1"])
def test_what_is_no_excerpt(text):
    with pytest.raises(CadenzaError, match=r"is not of the form START-STOP, such as 12\.5-27\.5 or 1:02-1:32"):
        Excerpt.parse(text)


@pytest.mark.parametrize(
    "text", ["5-5", "5-4", "--1", "nan-5", "1-nan", "inf-", "0-inf", "1e999-", "0-1e999", "infinity:1-"]
)
def test_an_excerpt_that_is_empty_or_not_finite(text):
    with pytest.raises(CadenzaError, match="start and stop are seconds, 0 or more, the start before the stop"):
        Excerpt.parse(text)


def test_an_excerpt_does_not_start_before_the_song():
    with pytest.raises(CadenzaError, match="0 or more"):
        Excerpt(-1.0, 5.0)


@given(st.text(alphabet="0123456789.:-e nafi+_\u0663\n", max_size=12))
@example("1e308:0-")
@example("9" * 12 + ":-")
def test_any_text_is_an_excerpt_or_refused(text):
    try:
        excerpt = Excerpt.parse(text)
    except CadenzaError as error:
        assert "START-STOP" in str(error) or "the start before the stop" in str(error)
    else:
        assert 0 <= excerpt.start < (np.inf if excerpt.stop is None else excerpt.stop)


@given(SECONDS, st.none() | SECONDS)
@example(1e-7, 2e-7)
@example(-0.0, 1.0)
@example(1234.5678, 1234.56789)
@example(100.0004, 200)
def test_an_excerpts_text_is_exact(start, stop):
    """It is shown, stored and compared; rounded, it would name another part of the song."""
    if stop is None or stop > start:
        excerpt = Excerpt(start, stop)
        assert Excerpt.parse(str(excerpt)) == excerpt
        assert "e" not in str(excerpt)


@pytest.mark.parametrize(
    ("excerpt", "text"), [(WHOLE, "0-"), (Excerpt(12.5, 27.5), "12.5-27.5"), (Excerpt(0, 15), "0-15")]
)
def test_an_excerpts_text_is_short(excerpt, text):
    assert str(excerpt) == text
    assert excerpt.is_whole is (text == "0-")


def test_a_song_with_everything(tmp_path, make_song_folder, noise):
    song = song_of(make_song_folder(tmp_path / "A Song"))
    assert song.has_stems
    assert song.true_stems == STEMS
    assert song.duration == 0.1
    assert song.files() == sorted((tmp_path / "A Song").iterdir())
    stems = song.stems()
    assert stems.rate == RATE
    assert list(stems) == list(STEMS)
    assert np.array_equal(stems["vocals"], noise(seed=1))
    assert np.array_equal(song.stem("other"), noise(seed=4))
    assert np.array_equal(song.mixture().samples, stems.mixture())
    assert song.mixture().notes == stems.notes == ()


def test_an_excerpt_of_a_song(tmp_path, make_song_folder, noise):
    song = song_of(make_song_folder(tmp_path / "A Song"))
    part = Excerpt(0.02, 0.05)
    samples = slice(882, 2205)
    assert np.array_equal(song.stems(part)["bass"], noise(seed=3)[:, samples])
    assert np.array_equal(song.stem("bass", part), noise(seed=3)[:, samples])
    assert np.array_equal(song.mixture(part).samples, song.mixture().samples[:, samples])
    for read in (song.mixture, song.stems, lambda excerpt: song.stem("bass", excerpt)):
        with pytest.raises(CadenzaError, match=r"A Song.*\.wav lasts 0.10 s; 0.05 s to 5.00 s is not in it"):
            read(Excerpt(0.05, 5))


def test_without_a_mixture_file_it_is_the_sum_of_the_stems(tmp_path, make_song_folder):
    song = song_of(make_song_folder(tmp_path / "A Song", STEMS))
    whole = make_song_folder(tmp_path / "Whole")
    assert np.array_equal(song.mixture().samples, read_audio(whole / "mixture.wav").samples)
    assert song.mixture().notes == ("the mixture is the sum of the four stems",)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_missing_stems(count, tmp_path, make_song_folder):
    parts = STEMS[:count]
    song = song_of(make_song_folder(tmp_path / "A Song", parts))
    assert song.true_stems == parts
    assert not song.has_stems
    missing = ", ".join(STEMS[count:])
    with pytest.raises(
        CadenzaError, match=f"'A Song' has no true stems for {missing}. Use a separation system, or a song"
    ):
        song.stems()
    with pytest.raises(
        CadenzaError, match=f"'A Song' has no mixture, and no {missing} to make one from. Add the missing"
    ):
        song.mixture()
    with pytest.raises(CadenzaError, match="'A Song' has no true stem 'other'; it has vocals"):
        song.stem("other")
    assert song.stem("vocals").shape == (2, 4410)


@pytest.mark.parametrize(
    "what", ["length (samples): mixture 4410, vocals 4410, drums 4409", "sample rate (Hz): mixture 44100"]
)
def test_files_that_do_not_agree(what, tmp_path, make_song_folder, noise):
    folder = make_song_folder(tmp_path / "A Song")
    if what.startswith("length"):
        soundfile.write(folder / "drums.wav", noise(4409).T, RATE)
    else:
        soundfile.write(folder / "drums.wav", noise(4410).T, 48000)
    song = song_of(folder)
    for read in (song.check, song.mixture, song.stems, lambda: song.stem("vocals")):
        with pytest.raises(CadenzaError) as caught:
            read()
        assert "The files of 'A Song' differ in " + what in str(caught.value)
        assert str(caught.value).endswith("They must agree.")


@pytest.mark.parametrize("rate", [192000, 48000, 22050])
def test_another_sample_rate_is_resampled_with_a_note(rate, tmp_path, make_song_folder):
    song = song_of(make_song_folder(tmp_path / "A Song", rate=rate, samples=rate // 10))
    note = f"resampled from {rate} Hz to 44100 Hz"
    assert song.mixture().notes == (note,)
    assert song.mixture().samples.shape == (2, 4410)
    assert song.stems().notes == tuple(f"{name}: {note}" for name in STEMS)
    assert song.stems().length == 4410
    assert song.duration == 0.1


def test_the_sum_of_resampled_stems_tells_both(tmp_path, make_song_folder):
    notes = song_of(make_song_folder(tmp_path / "A Song", STEMS, rate=48000)).mixture().notes
    assert "drums: resampled from 48000 Hz to 44100 Hz" in notes
    assert notes[-1] == "the mixture is the sum of the four stems"


def test_mono_files_are_put_on_both_sides_with_a_note(tmp_path, make_song_folder, noise):
    folder = make_song_folder(tmp_path / "A Song")
    for name in ("mixture", "bass"):
        soundfile.write(folder / f"{name}.wav", noise(channels=1).T, RATE)
    song = song_of(folder)
    assert song.mixture().notes == ("mono copied to both sides",)
    assert song.stems().notes == ("bass: mono copied to both sides",)
    assert np.array_equal(song.stems()["bass"], np.repeat(noise(channels=1), 2, axis=0))


def test_an_excerpt_shorter_than_a_sample(tmp_path, noise):
    soundfile.write(tmp_path / "a.wav", noise(3).T, 192000)
    with pytest.raises(CadenzaError, match=r"a\.wav: the excerpt 0- is shorter than one sample at 44100 Hz"):
        song_of(tmp_path / "a.wav").mixture()
    for samples, rate in itertools.product((1, 5, 20), (4000, 44100, 192000, 768000)):
        soundfile.write(tmp_path / "a.wav", noise(samples).T, rate)
        if samples / rate * RATE >= 1:
            assert song_of(tmp_path / "a.wav").mixture().samples.shape[1] >= 1


@pytest.mark.parametrize("part", ["mixture", "drums"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "is cut off"),
        (lambda path: path.write_text("text"), "cannot be read as sound"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.unlink(), "There is no file"),
        (lambda path: (path.unlink(), path.mkdir()), "is a folder, not a sound file"),
        (lambda path: (path.unlink(), path.symlink_to("gone")), "is a link to gone, which is not there"),
        (lambda path: soundfile.write(path, np.full((4410, 2), np.nan), RATE, subtype="FLOAT"), "NaN or infinite"),
        (lambda path: soundfile.write(path, np.zeros((4410, 6)), RATE), "has 6 channels"),
    ],
)
def test_a_damaged_file_is_named(part, damage, words, tmp_path, make_song_folder):
    song = song_of(make_song_folder(tmp_path / "A Song"))
    damage(tmp_path / "A Song" / f"{part}.wav")
    with pytest.raises(CadenzaError, match=words) as caught:
        song.mixture() if part == "mixture" else song.stems()
    assert f"A Song/{part}.wav" in str(caught.value)
    again = song_of(tmp_path / "A Song")
    if words != "There is no file":  # a link or folder of that name is not passed over either
        assert part in again.tracks
        with pytest.raises(CadenzaError, match=rf"A Song/{part}\.wav.*{words}"):
            again.mixture() if part == "mixture" else again.stems()


def test_a_track_reads_its_header_once(tmp_path, make_song_folder):
    track = Track(make_song_folder(tmp_path / "A Song") / "bass.wav")
    assert track.info is track.info
    assert track == Track(track.path)
    assert len({track, Track(track.path)}) == 1


def test_a_stem_mp4(tmp_path, write_aac):
    time = np.arange(RATE // 2) / RATE
    tones = {name: np.stack(2 * [0.1 * np.sin(2 * np.pi * (300 * k + 300) * time)]) for k, name in enumerate(STEMS)}
    order = [sum(tones.values()), tones["drums"], tones["bass"], tones["other"], tones["vocals"]]
    song = song_of(write_aac(tmp_path / "A Song.stem.mp4", order))
    assert (song.name, song.kind, song.true_stems) == ("A Song", "stem.mp4", STEMS)
    assert song.files() == [tmp_path / "A Song.stem.mp4"]
    song.check()
    for name, stem in song.stems().items():
        assert np.std(stem[:, : len(time)] - tones[name]) < 0.01, name
    assert np.std(song.mixture().samples[:, : len(time)] - order[0]) < 0.02
    part = song.stem("bass", Excerpt(0.1, 0.2))
    assert np.array_equal(part, song.stem("bass")[:, 4410:8820])


def test_an_mp4_without_five_streams(tmp_path, write_aac, noise):
    song = song_of(write_aac(tmp_path / "A Song.stem.mp4", [noise(), noise()]))
    assert song.tracks["mixture"].read().samples.shape[0] == 2
    with pytest.raises(CadenzaError, match=r"A Song\.stem\.mp4 .*has 2 audio streams; number [3-5] is asked for"):
        song.stems()


def test_the_real_stem_mp4(shared_data):
    song = song_of(shared_data / "music/Music Delta - 80s Rock.stem.mp4")
    song.check()
    stems = song.stems(Excerpt(2, 4))
    rest = song.mixture(Excerpt(2, 4)).samples - stems.mixture()
    assert np.std(rest) < 0.1 * np.std(stems.mixture())
    loudest = max(STEMS, key=lambda name: float(np.std(stems[name])))
    assert loudest in {"drums", "vocals", "other"}
