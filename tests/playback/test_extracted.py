"""Lanes of what was extracted: together they are the mixture, beside the stems or beside the rest."""

import numpy as np
import pytest

from cadenza_core.audio import read_audio
from cadenza_core.catalog import Excerpt, find_song
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.playback import REST, Wish, extracted_playable, find_extracted, playable, playback_sounds, wish_key
from cadenza_core.remix import MixSettings
from cadenza_core.separation import Cache
from cadenza_core.separation.lass.models import find_model
from cadenza_core.separation.lass.prompt import Prompt
from cadenza_core.submission.archive import export_mix
from cadenza_core.submission.lanes import export_lanes
from tests.lass import clips_folder, tiny_checkpoint, with_tiny  # noqa: F401

PART = Excerpt(0.0, 1.0)
HIGH, LOW = Prompt("high tone"), Prompt("low tone", ("hiss",), Excerpt(0.2, 0.8))


@pytest.fixture
def scene(with_tiny, make_song_folder, tmp_path):  # noqa: F811
    song = find_song(str(make_song_folder(tmp_path / "Song", samples=66150)), with_tiny)
    return song, with_tiny, find_model("tiny", with_tiny)


def sounds_of(ready, settings):
    sounds = playback_sounds(settings)
    return {
        name: read_audio(sounds.path(ready.stems.id, sound.file)).samples for name, sound in ready.stems.sounds.items()
    }


@pytest.mark.parametrize("one_rest", [False, True])
def test_all_lanes_at_0_db_are_the_mixture(scene, one_rest):
    song, settings, model = scene
    wish = Wish(model, (HIGH, LOW), one_rest)
    made = extracted_playable(song, "preview", settings, PART, wish)
    lanes = sounds_of(made.playable, settings)
    names = [REST] if one_rest else ["vocals", "drums", "bass", "other"]
    assert set(lanes) == {HIGH.lane, LOW.lane, *names}
    mixture = song.mixture(PART).samples
    assert np.abs(sum(lanes.values()) - mixture).max() < 1e-5
    if made.playable.original is not None:  # else the lanes' sum is played as the original
        sounds = playback_sounds(settings)
        original = sounds.path(made.playable.original.id, made.playable.original.sounds["mixture"].file)
        assert np.abs(read_audio(original).samples - mixture).max() < 1e-5
    assert made.playable.label(HIGH.lane) == "high tone"
    assert made.playable.label(LOW.lane) == "low tone, not hiss (0.2-0.8)"
    assert (made.playable.truth is None) == one_rest


def test_a_stem_loses_exactly_its_share(scene):
    song, settings, model = scene
    base = playable(song, "preview", settings, PART)
    made = extracted_playable(song, "preview", settings, PART, Wish(model, (HIGH,)))
    before, after = sounds_of(base, settings), sounds_of(made.playable, settings)
    lost = sum(before[name] - after[name] for name in before)
    assert np.abs(lost - after[HIGH.lane]).max() < 1e-5
    assert np.abs(lost).max() > 1e-4


def test_it_is_found_again_and_made_once(scene, monkeypatch):
    song, settings, model = scene
    wish = Wish(model, (HIGH,))
    base = playable(song, "preview", settings, PART)
    assert find_extracted(song, "preview", settings, PART, wish, base) is None
    made = extracted_playable(song, "preview", settings, PART, wish)
    monkeypatch.setattr("cadenza_core.separation.lass.extract.extract", lambda *_, **__: pytest.fail("made again"))
    assert find_extracted(song, "preview", settings, PART, wish, base) == made
    other = find_extracted(song, "preview", settings, PART, Wish(model, (HIGH,), one_rest=True), base)
    assert other is None  # its lanes are not mixed yet, ...
    extracted_playable(song, "preview", settings, PART, Wish(model, (HIGH,), one_rest=True))  # ... from the same result
    assert sum(entry.manifest["facts"]["system"] == "extract:tiny" for entry in Cache(settings.cache).entries()) == 1


def test_requests_have_keys_of_their_own(scene):
    song, settings, model = scene
    keys = {
        wish_key(song, system, settings, part, Wish(model, prompts, rest))
        for system in ("preview", "reference")
        for part in (PART, Excerpt())
        for prompts in ((HIGH,), (LOW,), (HIGH, LOW))
        for rest in (False, True)
    }
    assert len(keys) == 24


def test_a_cancelled_extraction_leaves_nothing(scene):
    song, settings, model = scene

    def stop(done, text):
        if "listening" in text:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        extracted_playable(song, "preview", settings, PART, Wish(model, (HIGH,)), progress=stop)
    systems = [entry.manifest["facts"]["system"] for entry in Cache(settings.cache).entries()]
    assert systems == ["preview"]


def test_two_requests_for_the_same_sound_are_said(scene):
    song, settings, model = scene
    made = extracted_playable(song, "preview", settings, PART, Wish(model, (HIGH, Prompt("high tones"))))
    assert any("hold much of the same sound" in note for note in made.playable.notes)


def test_a_damaged_result_is_made_anew(scene):
    song, settings, model = scene
    wish = Wish(model, (HIGH,))
    made = extracted_playable(song, "preview", settings, PART, wish)
    path = made.results[0].entry.path("target")
    path.write_bytes(path.read_bytes()[:-100])
    base = playable(song, "preview", settings, PART)
    assert find_extracted(song, "preview", settings, PART, wish, base) is None
    assert extracted_playable(song, "preview", settings, PART, wish).playable == made.playable


def test_the_export_holds_what_is_heard_with_the_lane_s_gain(scene):
    song, settings, model = scene
    wish = Wish(model, (HIGH,))
    made = extracted_playable(song, "preview", settings, PART, wish)
    lanes = sounds_of(made.playable, settings)
    gains = {name: {"left": 0.0, "right": 0.0} for name in lanes} | {HIGH.lane: {"left": -6.0, "right": None}}
    mix = MixSettings.from_mixer({"gains": gains, "limiter": False})
    done = export_mix(song, None, "preview", PART, mix, settings, wish=wish)
    sound = read_audio(done.sound).samples
    expected = sum(lanes[name] for name in lanes if name != HIGH.lane) + lanes[HIGH.lane] * np.array(
        [[10 ** (-6 / 20)], [0.0]]
    )
    assert np.abs(sound - expected).max() < 1e-5
    import json

    record = json.loads(done.record.read_text())
    assert record["extraction"]["requests"] == [HIGH.facts]
    assert record["settings"]["gains"][HIGH.lane]["left"] == -6.0


def test_lanes_are_written_as_they_are(scene, tmp_path):
    import io
    import zipfile

    import soundfile

    song, settings, model = scene
    path = export_lanes(song, "preview", PART, Wish(model, (HIGH,), one_rest=True), settings)
    with zipfile.ZipFile(path) as bundle:
        names = sorted(bundle.namelist())
        assert names == ["01 high tone.wav", "02 The rest.wav", "record.json"]
        sounds = [soundfile.read(io.BytesIO(bundle.read(name)), dtype="float32")[0] for name in names[:2]]
    assert np.abs(sounds[0] + sounds[1] - song.mixture(PART).samples.T).max() < 1e-6


def test_words_that_the_model_does_not_know_are_a_sentence(scene):
    song, settings, model = scene
    with pytest.raises(CadenzaError, match="knows none of the words"):
        extracted_playable(song, "preview", settings, PART, Wish(model, (Prompt("xylophone"),)))
