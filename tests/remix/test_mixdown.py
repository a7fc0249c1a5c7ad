"""The mixer's settings as plain data, and their render: limiter, loudness matching, what is heard."""

import json
import math

import numpy as np
import pytest
import scipy.signal

from cadenza_core.audio.levels import measure
from cadenza_core.catalog import standard_listeners
from cadenza_core.errors import CadenzaError
from cadenza_core.remix import Lane, Link, MixSettings, Presets, mix, mixdown, render, settings_query
from cadenza_core.remix.limiter import CEILING, limit

RATE = 44100


@pytest.fixture
def stems(noise):
    return {name: noise(44100, seed=seed) for seed, name in enumerate(("vocals", "drums", "bass", "other"))}


def worklet(samples, rate):
    """The limiter as `assets/mixer/limiter.worklet.js` writes it, sample by sample; the peaks are SciPy's."""
    count, keep = samples.shape[1], math.exp(-1 / (0.08 * rate))
    padded = np.pad(samples, ((0, 0), (10, 104)))  # ten of silence before: the worklet knows a peak ten samples later
    peaks = np.abs(scipy.signal.resample_poly(padded, 4, 1, axis=1)).reshape(2, -1, 4)[:, :, 1:].max(axis=(0, 2))
    peaks = np.maximum(peaks, np.abs(padded).max(axis=0))
    needs, envelopes, envelope, out = [1.0] * 87, [1.0] * 65, 1.0, []
    for frame in range(count + 84):
        peak = peaks[frame]
        needs = [*needs[1:], CEILING * 10 ** (-0.05 / 20) / peak if peak > CEILING else 1.0]
        need = min(needs)
        envelope = need if need < envelope else need + (envelope - need) * keep
        envelope = 1.0 if 1 - envelope < 1e-6 else envelope
        envelopes = [*envelopes[1:], envelope]
        if frame >= 84:
            out.append(samples[:, frame - 84] * min(1.0, sum(envelopes) / 65))
    return np.array(out).T


def hard(name):
    """Sounds whose peaks lie between the samples, or come at once."""
    time = np.arange(20000)
    sounds = {
        "quarter": 1.3 * np.sin(np.pi * time / 2 + np.pi / 4),
        "noise": 3 * np.random.default_rng(0).standard_normal(20000),
        "clicks": np.where(time % 997 == 0, 4.0, 0.0),
        "bursts": 6 * (time % 5000 < 300) * np.sin(2 * np.pi * time * 3000 / RATE),
        "high": 1.2 * np.sin(2 * np.pi * 0.45 * time) * np.exp(-(time % 2000) / 100),
    }
    return np.stack([sounds[name], -sounds[name]])


@pytest.mark.parametrize("name", ["quarter", "noise", "clicks", "bursts", "high"])
def test_the_limiter_holds_the_true_peak_at_minus_1_dbtp(name):
    assert measure(hard(name), RATE).true_peak > -0.5
    limited, _ = limit(hard(name), RATE)
    assert -1.2 < measure(limited, RATE).true_peak <= -1.0


def test_the_limiter_is_the_worklets_to_1e_9(noise):
    samples = noise(9000).astype(float) * 2
    samples[:, 4000:4010] *= 12
    samples[0, 8990] = 5.0
    limited, reduction = limit(samples, RATE)
    assert np.abs(limited - worklet(samples, RATE)).max() < 1e-9
    assert np.abs(limited).max() <= CEILING + 1e-12
    assert reduction > 6


def test_the_limiter_leaves_what_is_below_the_ceiling_alone(noise):
    samples = noise(500)
    limited, reduction = limit(samples, RATE)
    assert limited is samples and reduction == 0


def test_mixdown_is_the_cores_render(stems):
    settings = MixSettings({"vocals": Lane(3, -6), "drums": Lane(mute=True)}, limiter=False, hear="aided")
    listener = standard_listeners()["N3"]
    made = mixdown(settings, RATE, stems, mix(stems), listener=listener)
    assert np.array_equal(made.samples, render(stems, RATE, settings.gains, listener=listener))


def test_the_limiter_hears_what_the_amplification_rings_before_a_loud_beginning():
    loud = {"vocals": 3 * np.tile(np.cos(2 * np.pi * 200 / RATE * np.arange(3000)), (2, 1))}
    made = mixdown(MixSettings(hear="aided"), RATE, loud, mix(loud), listener=(listener := standard_listeners()["N4"]))
    longer = {name: np.pad(samples, ((0, 0), (500, 500))) for name, samples in loud.items()}
    expected = limit(render(longer, RATE, listener=listener), RATE)[0][:, 500:-500]
    assert np.abs(made.samples - expected).max() < 1e-9
    alone = limit(render(loud, RATE, listener=listener), RATE)[0]
    assert np.abs(made.samples - alone).max() > 0.05


def test_solo_silences_the_others_and_mute_wins(stems):
    settings = MixSettings({"vocals": Lane(solo=True), "drums": Lane(solo=True, mute=True)}, limiter=False)
    assert np.array_equal(mixdown(settings, RATE, stems, mix(stems)).samples, stems["vocals"].astype(float))


def test_matching_lowers_to_the_quietest_and_never_raises(stems):
    listener = standard_listeners()["N4"]
    settings = MixSettings({"vocals": Lane(-20, -20)}, limiter=False, match_loudness=True, hear="aided")
    made = mixdown(settings, RATE, stems, mix(stems), listener=listener)
    quietest = measure(render(stems, RATE, settings.gains), RATE).loudness
    assert made.matched_db < 0
    assert made.levels.loudness == pytest.approx(min(quietest, measure(mix(stems), RATE).loudness), abs=0.01)
    settings = MixSettings({"vocals": Lane(-20, -20)}, limiter=False, match_loudness=True, hear="remix")
    assert mixdown(settings, RATE, stems, mix(stems), listener=listener).matched_db == 0


@pytest.mark.parametrize("hear", ["aided", "reference"])
def test_what_cannot_be_heard_is_a_sentence(stems, hear):
    with pytest.raises(CadenzaError):
        mixdown(MixSettings(hear=hear), RATE, stems, mix(stems))


SOME = MixSettings(
    {"vocals": Lane(3, 3), "drums": Lane(-6.5, 2, linked=False), "bass": Lane(-math.inf, -math.inf, solo=True)},
    master_db=-2,
    limiter=False,
    hear="aided",
    match_loudness=True,
)


def test_settings_go_to_the_mixer_and_back_unchanged():
    form = json.loads(json.dumps(SOME.as_mixer()))
    assert form["gains"]["bass"]["left"] is None
    assert MixSettings.from_mixer(form).as_mixer() == SOME.as_mixer()


def test_a_link_restores_the_settings():
    link = Link.read(settings_query(SOME))
    assert link.faults == ()
    assert link.settings is not None
    assert link.settings.as_mixer() == SOME.as_mixer()
    assert Link.read({}).settings is None


def test_nonsense_in_a_link_is_named_and_takes_its_default():
    query = {"vocals": "1e9", "drums": "-3,x", "bass": "nan", "other": "2m", "master": "inf", "limiter": "perhaps"}
    link = Link.read({**query, "hear": "<script>", "part": "9-3"})
    assert len(link.faults) == 7
    assert link.excerpt is None
    assert link.settings == MixSettings({"other": Lane(2, 2, mute=True)})


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"gains": []},
        {"gains": {"kazoo": {}}},
        {"gains": {"bass": {"left": 99}}},
        {"gains": {"bass": {"left": float("nan")}}},
        {"gains": {"bass": {"mute": 1}}},
        {"master_db": None},
        {"hear": ["remix"]},
        {"limiter": "yes"},
    ],
)
def test_settings_that_are_none_are_refused(content):
    with pytest.raises(CadenzaError):
        MixSettings.from_mixer(content)


def test_presets_belong_to_a_song_and_listener(tmp_path):
    presets = Presets(tmp_path / "presets")
    presets.save("../../song", "L1/..", " Loud   voice ", SOME)
    presets.save("../../song", "L1/..", "Soft", MixSettings())
    presets.save("../../song", "L1/..", "Soft", SOME)
    found = presets.all("../../song", "L1/..")
    assert [(one.name, one.settings.as_mixer()) for one in found] == [
        ("Soft", SOME.as_mixer()),
        ("Loud voice", SOME.as_mixer()),
    ]
    assert presets.all("../../song", "L2") == []
    presets.remove("../../song", "L1/..", "Soft")
    assert [one.name for one in presets.all("../../song", "L1/..")] == ["Loud voice"]
    assert all(path.is_relative_to(tmp_path / "presets") for path in tmp_path.rglob("*.json"))


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "tab\u0007"])
def test_a_preset_needs_a_name(tmp_path, name):
    with pytest.raises(CadenzaError):
        Presets(tmp_path).save("song", "L1", name, SOME)


def test_a_damaged_preset_does_not_hide_the_others(tmp_path):
    presets = Presets(tmp_path)
    presets.save("song", "L1", "Good", SOME)
    next(tmp_path.rglob("*.json")).with_name("bad.json").write_text("{")
    assert [one.name for one in presets.all("song", "L1")] == ["Good"]


# prescription and calibration


def test_the_prescription_is_the_one_that_is_heard_and_the_default_is_nal_r(stems):
    listener = standard_listeners()["N3"]
    plain = MixSettings(limiter=False, hear="aided")
    made = mixdown(plain, RATE, stems, mix(stems), listener=listener)
    assert np.array_equal(made.samples, render(stems, RATE, listener=listener, prescription="nalr"))
    for name in ("half-gain", "camfit", "camfit-compressor"):
        settings = MixSettings(limiter=False, hear="aided", prescription=name)
        other = mixdown(settings, RATE, stems, mix(stems), listener=listener)
        assert np.array_equal(other.samples, render(stems, RATE, listener=listener, prescription=name))
        assert np.abs(other.samples - made.samples).max() > 0.01


def test_a_level_dependent_prescription_works_on_the_whole_mix(stems):
    listener = standard_listeners()["N4"]
    whole = render(stems, RATE, listener=listener, prescription="camfit-compressor")
    alone = sum(
        render({name: one}, RATE, listener=listener, prescription="camfit-compressor") for name, one in stems.items()
    )
    assert whole.shape == (2, RATE) and np.abs(whole - alone).max() > 0.01


def test_prescription_and_calibration_survive_link_preset_and_page(tmp_path):
    settings = MixSettings({"vocals": Lane(3, 3)}, prescription="camfit", calibration_db_spl=94.5)
    query = settings_query(settings)
    assert (query["prescription"], query["calibration"]) == ("camfit", "94.5")
    assert Link.read(query).settings == settings
    Presets(tmp_path).save("song", "L1", "mine", settings)
    assert Presets(tmp_path).all("song", "L1")[0].settings.as_mixer() == settings.as_mixer()
    assert MixSettings.from_mixer(json.loads(json.dumps(settings.as_mixer()))).prescription == "camfit"


def test_older_links_and_presets_are_nal_r_at_100_db_spl(tmp_path):
    assert "prescription" not in settings_query(MixSettings()) and "calibration" not in settings_query(MixSettings())
    old = {
        key: value
        for key, value in MixSettings().as_mixer().items()
        if key not in {"prescription", "calibration_db_spl"}
    }
    for settings in (MixSettings.from_mixer(old), Link.read({"vocals": "3"}).settings):
        assert (settings.prescription, settings.calibration_db_spl) == ("nalr", 100.0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"prescription": "dsl"}, "no prescription 'dsl'"),
        ({"prescription": ""}, "no prescription ''"),
        ({"calibration": "loud"}, "calibration, 'loud'"),
        ({"calibration": "nan"}, "calibration, 'nan'"),
        ({"calibration": "1e9"}, "calibration, '1e9'"),
    ],
)
def test_nonsense_about_hearing_in_a_link_is_a_sentence_and_the_default_is_taken(query, words):
    link = Link.read(query)
    assert len(link.faults) == 1 and words in link.faults[0]
    assert link.settings == MixSettings()


@pytest.mark.parametrize("content", [{"prescription": "dsl"}, {"prescription": 3}, {"calibration_db_spl": "x"}])
def test_nonsense_about_hearing_in_a_preset_is_an_error(content):
    with pytest.raises(CadenzaError):
        MixSettings.from_mixer(content)
