"""Sounds for the browser: what is stored is what the stems are, and nothing else can be fetched."""

import json

import numpy as np
import pytest
import soundfile

from cadenza_core.audio.peaks import peaks
from cadenza_core.catalog import WHOLE, Excerpt, songs_in
from cadenza_core.errors import CadenzaError
from cadenza_core.playback import Sounds, find_playable, playable, playable_key, playback_sounds
from cadenza_core.playback.sounds import sound_id

ID = sound_id("a test")


@pytest.fixture
def sounds(tmp_path):
    return Sounds(tmp_path / "sounds")


def test_flac_holds_floats_to_half_a_step_of_20_bits(sounds, noise):
    samples = noise(2000) * np.float32(0.77)
    stored = sounds.put(ID, {"vocals": samples}, 44100)
    assert stored.sounds["vocals"].file == "vocals.flac"
    read, rate = soundfile.read(sounds.path(ID, "vocals.flac"), dtype="float64")
    assert (rate, stored.frames) == (44100, 2000)
    assert np.abs(read.T - samples).max() <= 2.0**-20


def test_16_bit_sound_stays_exact(sounds, noise):
    samples = noise(2000)
    sounds.put(ID, {"vocals": samples}, 44100)
    assert np.array_equal(soundfile.read(sounds.path(ID, "vocals.flac"), dtype="float32")[0].T, samples)


def test_what_exceeds_full_scale_is_not_cut_off(sounds, noise):
    samples = noise(500) * np.float32(20)
    assert samples.max() > 1
    stored = sounds.put(ID, {"drums": samples}, 44100)
    assert stored.sounds["drums"].file == "drums.wav"
    assert np.array_equal(soundfile.read(sounds.path(ID, "drums.wav"), dtype="float32")[0].T, samples)


@pytest.mark.parametrize(
    "asked",
    [
        ("..", "config.toml"),
        (ID, "../manifest.json"),
        (ID, "manifest.json"),
        (ID, "bass.flac"),
        (ID, "vocals"),
        (ID.upper(), "vocals.flac"),
        ("0" * 32, "vocals.flac"),
        ("", ""),
    ],
)
def test_only_known_sounds_have_a_path(sounds, noise, asked):
    sounds.put(ID, {"vocals": noise(10)}, 44100)
    assert sounds.path(ID, "vocals.flac").is_file()
    assert sounds.path(ID, "vocals.peaks").is_file()
    assert sounds.path(*asked) is None


def test_a_manifest_that_was_tampered_with_reaches_no_other_file(sounds, noise):
    sounds.put(ID, {"vocals": noise(10)}, 44100)
    (sounds.folder / "secret.txt").write_text("secret")
    content = {"rate": 44100, "frames": 10, "sounds": {"vocals": ["../secret.txt", 0.1, 6]}}
    (sounds.folder / ID / "manifest.json").write_text(json.dumps(content))
    assert sounds.path(ID, "../secret.txt") is None


def test_names_that_are_not_ours_are_refused(sounds, noise):
    with pytest.raises(CadenzaError):
        sounds.put(ID, {"../x": noise(10)}, 44100)


def test_peaks_lose_no_click_and_cover_the_bins_of_the_contract():
    samples = np.zeros((2, 1000), np.float32)
    samples[1, 137], samples[0, 999] = -0.001, 1.0
    pairs = np.frombuffer(peaks(samples, 10), np.int8).reshape(10, 2)
    assert pairs[1].tolist() == [-1, 0]
    assert pairs[9].tolist() == [0, 127]
    assert np.count_nonzero(pairs) == 2


def test_peaks_of_what_exceeds_full_scale_are_limited():
    pairs = np.frombuffer(peaks(np.array([[3.0, -3.0]], np.float32), 8192), np.int8)
    assert pairs.tolist() == [0, 127, -128, 0]


@pytest.fixture
def song(tmp_path, make_song_folder):
    return songs_in(make_song_folder(tmp_path / "music" / "Song", samples=44100))[0]


def test_an_excerpt_is_made_once_and_found_again(song, settings):
    excerpt = Excerpt(0.1, 0.6)
    assert find_playable(song, "reference", settings, excerpt) is None
    made = playable(song, "reference", settings, excerpt)
    assert (made.stems.frames, list(made.stems.sounds)) == (22050, ["vocals", "drums", "bass", "other"])
    assert made.truth == made.stems
    assert find_playable(song, "reference", settings, excerpt) == made
    other = playable(song, "reference", settings, WHOLE)
    assert other.stems.id != made.stems.id


def test_a_song_that_has_changed_is_not_taken_for_the_old_one(song, settings, make_song_folder):
    playable(song, "reference", settings, WHOLE)
    before = playable_key(song, "reference", settings, WHOLE)
    make_song_folder(song.files()[0].parent, samples=30000)
    assert playable_key(song, "reference", settings, WHOLE) != before
    assert find_playable(song, "reference", settings, WHOLE) is None


def test_lost_sounds_are_made_anew(song, settings):
    made = playable(song, "reference", settings, WHOLE)
    (playback_sounds(settings).folder / made.stems.id / "manifest.json").unlink()
    assert find_playable(song, "reference", settings, WHOLE) is None


@pytest.mark.parametrize("damage", ["gone", "cut off", "no peaks"])
def test_a_sound_file_that_is_gone_or_cut_off_while_in_use_is_made_anew(damage, song, settings):
    made = playable(song, "reference", settings, WHOLE)
    folder = playback_sounds(settings).folder / made.stems.id
    file = folder / ("vocals.peaks" if damage == "no peaks" else made.stems.sounds["vocals"].file)
    content = file.read_bytes()
    file.write_bytes(content[:-5]) if damage == "cut off" else file.unlink()
    assert find_playable(song, "reference", settings, WHOLE) is None
    assert playable(song, "reference", settings, WHOLE).stems == made.stems
    assert file.read_bytes() == content
    assert not list(folder.parent.glob(".partial-*"))


def test_a_song_without_stems_plays_without_truth(tmp_path, settings, make_song_folder):
    song = songs_in(make_song_folder(tmp_path / "Mono", parts=["mixture"], samples=44100))[0]
    made = playable(song, "preview", settings, WHOLE)
    assert made.truth is None
    assert made.stems.frames == 44100


def test_the_mixture_is_a_sound_of_its_own_unless_the_stems_sum_to_it(song, settings, noise):
    assert playable(song, "reference", settings, WHOLE).original is None
    mastered = noise(44100, seed=9)
    soundfile.write(song.tracks["mixture"].path, mastered.T, 44100, subtype="PCM_16")
    made = playable(song, "reference", settings, WHOLE)
    assert made.original.frames == 44100
    assert find_playable(song, "reference", settings, WHOLE) == made
    (playback_sounds(settings).folder / made.original.id / "manifest.json").unlink()
    assert find_playable(song, "reference", settings, WHOLE) is None
