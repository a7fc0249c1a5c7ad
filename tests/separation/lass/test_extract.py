"""Extraction from songs: target and rest are the mixture, stereo stays, every rate and length, the cache."""

import hashlib

import numpy as np
import pytest

from cadenza_core.audio import Audio
from cadenza_core.catalog import Excerpt
from cadenza_core.errors import CadenzaError, WeightsMissing
from cadenza_core.separation.lass.extract import extract
from cadenza_core.separation.lass.loading import Loaded, load_model
from cadenza_core.separation.lass.models import OFFICIAL, TEXT_ID, find_model, lass_models
from cadenza_core.separation.lass.presence import Presence, presence_of
from cadenza_core.separation.lass.prompt import Prompt
from cadenza_core.separation.weights import fetch, remove, status
from tests.lass import CAPTIONS, sound


@pytest.fixture
def tiny(with_tiny) -> Loaded:
    return load_model(find_model("tiny", with_tiny), with_tiny)


def mixture(seconds=0.5, rate=44100, channels=2):
    tones = [sound(hertz, seconds, seed, rate) for seed, hertz in enumerate(CAPTIONS.values())]
    left = tones[0] + tones[2]
    return Audio(np.stack([left, tones[1] + 0.5 * tones[2]][:channels]), rate)


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("seconds", [0.01, 0.7])
def test_target_and_rest_are_the_mixture_at_every_rate_and_length(tiny, rate, seconds):
    song = mixture(seconds, rate)
    made = extract(tiny, song, Prompt("high tone"))
    assert made.target.shape == song.samples.shape
    assert made.target.dtype == np.float32
    rest = song.samples - made.target
    assert np.abs(made.target + rest - song.samples).max() < 1e-6
    assert np.isfinite(made.target).all() and made.target.any()


@pytest.mark.parametrize("frames", [1, 2, 5, 44])
def test_clips_shorter_than_a_frame_come_back_as_long(tiny, frames):
    song = Audio(np.full((2, frames), 0.1, np.float32), 44100)
    assert extract(tiny, song, Prompt("hiss")).target.shape == (2, frames)


def test_mono_is_put_on_both_sides_and_equal_sides_stay_equal(tiny):
    made = extract(tiny, mixture(channels=1), Prompt("high tone"))
    assert np.array_equal(made.target[0], made.target[1])


def test_what_is_on_one_side_only_stays_there(tiny):
    song = mixture()
    left = Audio(np.stack([song.samples[0], np.zeros_like(song.samples[0])]), song.rate)
    made = extract(tiny, left, Prompt("high tone"))
    assert np.abs(made.target[1]).max() < 1e-6 < np.abs(made.target[0]).max()


def test_sides_that_cancel_in_the_middle_are_listened_to_all_the_same(tiny):
    song = mixture(channels=1).samples[0]
    made = extract(tiny, Audio(np.stack([song, -song]), 44100), Prompt("high tone"))
    assert np.abs(made.target[0]).max() > 1e-3
    assert np.abs(made.target[0] + made.target[1]).max() < 1e-6


def test_shares_of_stems_sum_to_the_target(tiny):
    parts = {name: mixture(0.6).samples * gain for name, gain in (("vocals", 0.5), ("drums", 0.3), ("other", 0.2))}
    song = Audio(np.sum(list(parts.values()), axis=0), 44100)
    made = extract(tiny, song, Prompt("low tone"), stems=parts)
    assert set(made.shares) == set(parts)
    assert np.abs(np.sum(list(made.shares.values()), axis=0) - made.target).max() < 1e-5


def test_a_stretch_of_time_is_kept_to_with_faded_ends(tiny):
    song = mixture(2.0)
    made = extract(tiny, song, Prompt("high tone", span=Excerpt(10.5, 11.0)), excerpt=Excerpt(10.0, 12.0))
    first, last = round(0.5 * 44100), round(1.0 * 44100)
    assert not made.target[:, :first].any() and not made.target[:, last:].any()
    whole = extract(tiny, song, Prompt("high tone"), excerpt=Excerpt(10.0, 12.0))
    inner = slice(first + 500, last - 500)
    assert np.abs(made.target[:, inner] - whole.target[:, inner]).max() < 1e-3
    assert np.abs(made.target[:, first]).max() < 1e-3  # no click where it begins


def test_a_stretch_of_time_beside_the_excerpt_is_refused(tiny):
    with pytest.raises(CadenzaError, match="not in the excerpt"):
        extract(tiny, mixture(), Prompt("hiss", span=Excerpt(30, 40)), excerpt=Excerpt(0, 0.5))


def test_silence_gives_silence_and_is_said(tiny):
    made = extract(tiny, Audio(np.zeros((2, 4410), np.float32), 44100), Prompt("hiss"))
    assert not made.target.any()
    assert made.presence.verdict == "silent"
    assert "silent here" in made.presence.warning("hiss")


def test_the_band_above_the_model_s_rate_is_said_and_stays_in_the_rest(tiny):
    time = np.arange(22050) / 44100
    song = Audio(np.stack([0.3 * np.sin(2 * np.pi * 9000 * time)] * 2).astype(np.float32), 44100)
    made = extract(tiny, song, Prompt("high tone"))
    assert any("hears up to 4 kHz" in note and "stays in the rest" in note for note in made.notes)
    assert np.abs(made.target[:, 2000:-2000]).max() < 1e-3


def test_what_is_not_wanted_is_left_in_the_rest(tiny):
    song = mixture()
    plain, less = (extract(tiny, song, Prompt("high tone", other)).target for other in ((), ("hiss",)))
    assert np.sum(less**2) < np.sum(plain**2)


@pytest.mark.parametrize("query", ["xylophone", "🎉", "дождь"])
def test_a_query_that_the_model_does_not_know_is_refused(tiny, query):
    with pytest.raises(CadenzaError, match="knows none of the words"):
        extract(tiny, mixture(), Prompt(query))


def test_presence_is_how_much_was_taken_where_most_was():
    rate = 8000
    song = np.ones((2, 4 * rate), np.float32)
    target = np.zeros_like(song)
    assert presence_of(song, target, rate) == Presence(-np.inf, -np.inf)
    assert presence_of(song, target, rate).verdict == "absent"
    target[:, : rate // 2] = 1.0
    found = presence_of(song, target, rate)
    assert found.strongest == pytest.approx(0.0)
    assert found.overall == pytest.approx(10 * np.log10(1 / 8))
    assert found.verdict == "there" and found.warning("bell") == ""
    assert "probably not here" in presence_of(song, 1e-3 * song, rate).warning("bell")


def test_models_that_are_missing_say_which_files_and_where(settings):
    for model in OFFICIAL:
        reason = model.unavailable_reason(settings)
        assert model.checkpoint.name in reason and "vocab.json" in reason
        assert str(settings.models / "lass") in reason
        assert f"cadenza models get {model.id}" in reason


def test_one_s_own_model_comes_first_and_is_ready(with_tiny):
    models = lass_models(with_tiny)
    assert [model.id for model in models] == ["tiny", "lass-32k", "lass-16k"]
    assert models[0].unavailable_reason(with_tiny) is None
    assert models[0].captions == ("high tone", "hiss", "low tone")
    with pytest.raises(CadenzaError, match="no language-queried separator 'nothing'"):
        find_model("nothing", with_tiny)


def test_an_official_file_in_the_models_folder_is_found_and_a_wrong_one_refused_by_its_digest(settings):
    folder = settings.models / "lass"
    folder.mkdir(parents=True)
    for name in ("audiosep_base_4M_steps.ckpt", "vocab.json", "merges.txt"):
        (folder / name).write_text("x")
    model = find_model("lass-32k", settings)
    assert model.unavailable_reason(settings) is None
    with pytest.raises(CadenzaError, match="damaged or is another file"):
        load_model(model, settings)


def test_weights_are_fetched_listed_and_removed_as_a_set(settings, monkeypatch):
    monkeypatch.setattr("cadenza_core.separation.weights.download", lambda url, path, **_: _put(path))
    assert {entry.file.name for entry in status("lass-16k", settings).files} == {
        "audiosep_16k,baseline,step=200000.ckpt", "vocab.json", "merges.txt",
    }  # fmt: skip
    fetch("lass-16k", settings)
    assert status("lass-16k", settings).ready
    removed = remove("lass-16k", settings)
    assert [path.name for path in removed] == ["audiosep_16k,baseline,step=200000.ckpt"]  # others need the tokenizer
    assert len(status(TEXT_ID, settings).missing) == 1


def _put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("weights")
    return hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize("content", ["{", "[1]", "\xff"])
def test_a_damaged_record_beside_a_model_is_said(with_tiny, content):
    (with_tiny.models / "lass" / "tiny.json").write_text(content, encoding="latin-1")
    assert "tiny.json, cannot be read" in find_model("tiny", with_tiny).note


def test_a_download_that_fails_is_a_sentence(settings, monkeypatch):
    from cadenza_core.separation.download import DownloadFailed

    def fail(*_, **__):
        raise DownloadFailed("no connection")

    monkeypatch.setattr("cadenza_core.separation.weights.download", fail)
    with pytest.raises(WeightsMissing, match="no connection"):
        load_model(find_model("lass-16k", settings), settings)
