"""Remixes side by side: lowered, never raised, as loud as each other, and scored as the remix's score is."""

import math

import numpy as np
import pytest
import soundfile

from cadenza_core.analysis.remixes import BANDS, CEILING, RemixChoice, choice_key, compare_remixes, spectrum
from cadenza_core.audio import RATE, read_audio
from cadenza_core.audio.levels import measure
from cadenza_core.catalog import WHOLE, songs_in, standard_listeners
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import ear_of
from cadenza_core.playback import playback_sounds
from cadenza_core.quality import score_remix
from cadenza_core.remix import Gains, Lane, MixSettings, Preset, mix, render
from cadenza_core.separation import separate

LISTENER = standard_listeners()["N3"]
CHOICES = [RemixChoice.parse(text) for text in ("original", "reference:vocals=6", "ideal-mask:vocals=-12,drums=-12")]


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music") / "Song"
    folder.mkdir()
    rng = np.random.default_rng(0)
    time = np.arange(3 * RATE) / RATE
    stems = {
        "vocals": 0.2 * np.sin(2 * np.pi * 440 * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2,
        "drums": 0.3 * rng.standard_normal(time.size) * np.exp(-((time * 4) % 1) * 12),
        "bass": 0.2 * np.sin(2 * np.pi * 82 * time),
        "other": 0.05 * np.sin(2 * np.pi * 1244 * time),
    }
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.wav", np.stack([samples, 0.8 * samples], axis=1), RATE, subtype="PCM_16")
    (found,) = songs_in(folder)
    return found


@pytest.fixture(scope="module")
def comparison(song, tmp_path_factory):
    from cadenza_core.settings import Settings

    home = tmp_path_factory.mktemp("home")
    settings = Settings(home, home / "models")
    return compare_remixes(song, LISTENER, CHOICES, settings, WHOLE), settings


def played(comparison, settings, one):
    sounds = playback_sounds(settings)
    path = sounds.path(one.sounds.id, one.sounds.sounds["remix"].file)
    return read_audio(path).samples * 10 ** ((one.matched_db - one.sound_db) / 20)


def test_all_are_as_loud_as_the_quietest_none_clips_and_none_is_raised(comparison):
    made, settings = comparison
    loudness = [measure(played(made, settings, one), RATE) for one in made.remixes]
    assert [level.loudness for level in loudness] == pytest.approx([loudness[0].loudness] * 3, abs=0.02)
    assert max(level.true_peak for level in loudness) <= CEILING + 0.01
    assert all(one.matched_db <= one.headroom_db <= one.sound_db <= 0 for one in made.remixes)
    assert all(one.sounds.sounds["remix"].file.endswith(".flac") for one in made.remixes)


def test_unmatched_they_keep_their_differences(comparison):
    made, _ = comparison
    assert len({one.headroom_db for one in made.remixes}) == 1
    assert max(one.levels.true_peak + one.headroom_db for one in made.remixes) <= CEILING + 1e-9


def test_the_scores_are_the_remixs_own(comparison, song):
    made, settings = comparison
    gains = Gains.parse(["vocals=-12", "drums=-12"])
    stems = separate(song, "ideal-mask", settings, WHOLE).stems
    truth = dict(song.stems(WHOLE))
    expected = score_remix(song.name, LISTENER, render(stems, RATE, gains, listener=LISTENER), mix(truth, gains), RATE)
    assert made.remixes[2].haaqi == {"left": expected.left, "right": expected.right}
    table = made.table()
    assert table["remix"].tolist() == [choice.label for choice in CHOICES]
    assert table.loc[1, ["vocals_left", "drums_right"]].tolist() == [6.0, 0.0]
    assert math.isnan(table.loc[0, "vocals_left"])
    assert table.loc[2, "haaqi"] == expected.score


def test_the_spectrum_of_a_tone_is_its_power_in_its_band():
    time = np.arange(RATE * 2) / RATE
    levels = spectrum(0.5 * np.sin(2 * np.pi * 1000 * time), RATE)
    assert BANDS[15] == 1000.0
    assert levels[15] == pytest.approx(20 * math.log10(0.5) - 3.01, abs=0.05)
    assert max(np.delete(levels, [14, 15, 16])) < levels[15] - 60
    assert np.all(np.isneginf(spectrum(np.zeros(RATE), RATE)))


def test_the_spectrum_of_white_noise_rises_three_decibels_an_octave():
    noise = np.random.default_rng(0).standard_normal(RATE * 20)
    levels = spectrum(noise, RATE)
    assert levels[24] - levels[15] == pytest.approx(9.0, abs=0.5)  # three octaves
    # in the 1 kHz band: its share of the noise's power
    width = 1000 * (10**0.05 - 10**-0.05)
    assert levels[15] == pytest.approx(10 * math.log10(width / (RATE / 2)), abs=0.3)


def test_what_can_be_asked_for():
    preset = Preset("Soft", MixSettings({"vocals": Lane(-3, -3)}))
    assert RemixChoice.parse("preview:Soft", [preset]).settings is preset.settings
    assert RemixChoice.parse("original").is_original
    both = RemixChoice.parse("preview:drums=mute,vocals.left=2").settings.gains.decibels
    assert both["drums", "left"] == -math.inf and both["vocals", "left"] == 2 and both["vocals", "right"] == 0
    with pytest.raises(CadenzaError, match="no preset 'Loud' for this song and listener; there are: Soft"):
        RemixChoice.parse("preview:Loud", [preset])
    with pytest.raises(CadenzaError, match="STEM=DB"):
        RemixChoice.parse("preview:vocals=loud")


def test_too_few_and_equal_names_are_refused(song, settings):
    for choices in (CHOICES[:1], [CHOICES[1]] * 2):
        with pytest.raises(CadenzaError, match="2 to 9 remixes with different names"):
            compare_remixes(song, LISTENER, choices, settings, WHOLE)


def test_another_ear_is_another_comparison(song):
    keys = {
        choice_key(song, listener, CHOICES, WHOLE, aided=aided, with_scores=True)
        for listener in (LISTENER, standard_listeners()["N4"])
        for aided in (True, False)
    }
    assert len(keys) == 4
    assert ear_of(LISTENER, "left") is not None
