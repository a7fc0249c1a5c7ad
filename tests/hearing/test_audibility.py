"""Audibility: the known cases, and what no change of level may ever do, on sounds that hypothesis makes up."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza_core.audio import STEMS, read_audio
from cadenza_core.catalog import make_listener, standard_listeners
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import ear_of, nalr_filter
from cadenza_core.hearing.audibility import AudibilityModel, BandPowers, band_powers, fir_gain
from cadenza_core.hearing.thresholds import BANDS, reference_threshold, threshold_spl

LISTENERS = standard_listeners()
RATE = 44100
#: Smallest difference that counts: float32 sums over some ten thousand cells.
ROUNDING = 1e-5


def at_65_db_spl(samples: np.ndarray) -> np.ndarray:
    """Bring samples of shape (2, n) to 65 dB SPL in each ear, at 100 dB SPL full scale."""
    return samples * (10.0 ** (-35.0 / 20.0) / np.sqrt(np.mean(samples**2, axis=1, keepdims=True)))


def coloured(exponent: float, seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Noise whose power falls with frequency to the power of `exponent`, from 50 Hz: 0 white, 1 pink, 2 brown."""
    count = round(seconds * RATE)
    noise = np.fft.rfft(np.random.default_rng(seed).standard_normal((2, count)))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    noise *= np.where(hertz < 50, 0.0, np.maximum(hertz, 50.0) ** (-exponent / 2.0))
    return np.fft.irfft(noise, count)


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return np.tile(np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE), (2, 1))


def swelling(samples: np.ndarray) -> np.ndarray:
    """The same, swelling and resting as music does."""
    return samples * np.abs(np.sin(2 * np.pi * 0.9 * np.arange(samples.shape[1]) / RATE)) ** 2


SOUNDS = {
    "white": coloured(0),
    "pink": coloured(1),
    "brown": coloured(2),
    "pink, swelling": swelling(coloured(1)),
    **{f"{hertz} Hz": tone(hertz) for hertz in (63, 125, 440, 1000, 3000, 8000)},
}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_normal_ear_hears_a_lone_stem_at_65_db_spl_and_n7_does_not(name: str) -> None:
    sound = band_powers({"vocals": at_65_db_spl(SOUNDS[name])})
    assert AudibilityModel(sound, LISTENERS["NH"]).shares({}).min() > 0.95
    assert AudibilityModel(sound, LISTENERS["N7"]).shares({}).max() < 0.2


@pytest.mark.parametrize("name", STEMS)
def test_the_same_with_the_stems_of_real_music(shared_data: Path, name: str) -> None:
    for song in sorted((shared_data / "musdb18hq").glob("*/*")):
        stem = read_audio(song / f"{name}.flac").samples
        sound = band_powers({name: at_65_db_spl(stem)})
        assert AudibilityModel(sound, LISTENERS["NH"]).shares({}).min() > 0.95
        assert AudibilityModel(sound, LISTENERS["N7"]).shares({}).max() < 0.2


# What no change of level may do

levels = st.floats(-60.0, 24.0)
listeners = st.sampled_from(sorted(LISTENERS))


@st.composite
def mixes(draw: st.DrawFn) -> BandPowers:
    """Power in dB, drawn at random by stem, ear, band and window: more than any sound could do."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.floats(0.0, 30.0))
    decibels = draw(st.floats(-90.0, -10.0)) + spread * rng.standard_normal((3, 2, len(BANDS), 7))
    return BandPowers(("vocals", "drums", "bass"), (10.0 ** (decibels / 10.0)).astype(np.float32), 0.0625)


@given(mixes(), listeners, st.lists(levels, min_size=6, max_size=6), st.floats(0.0, 20.0), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_raising_a_stem_never_lowers_its_own_share(sound, listener, gains, more, which) -> None:
    model = AudibilityModel(sound, LISTENERS[listener])
    before = np.array(gains).reshape(3, 2)
    after = before.copy()
    after[which] += more
    assert (model.shares(after)[which] >= model.shares(before)[which] - ROUNDING).all()


@given(mixes(), listeners, st.lists(levels, min_size=6, max_size=6), st.floats(0.0, 20.0))
@settings(max_examples=60, deadline=None)
def test_doubling_all_levels_never_lowers_any_share(sound, listener, gains, more) -> None:
    model = AudibilityModel(sound, LISTENERS[listener])
    before = np.array(gains).reshape(3, 2)
    assert (model.shares(before + more) >= model.shares(before) - ROUNDING).all()
    louder = AudibilityModel(sound, LISTENERS[listener], calibration_db_spl=106.02)
    assert (louder.shares(before) >= model.shares(before) - ROUNDING).all()


@given(mixes(), listeners, levels)
@settings(max_examples=60, deadline=None)
def test_a_stem_alone_is_masked_by_nothing(sound, listener, gain) -> None:
    model = AudibilityModel(sound, LISTENERS[listener])
    others = {(name, ear): -np.inf for name in ("drums", "bass") for ear in ("left", "right")}
    report = model.report({("vocals", "left"): gain, ("vocals", "right"): gain, **others})
    assert np.array_equal(report.shares[0], report.alone[0])
    assert report.maskers[0] is None and report.masked[0] == 0
    assert (report.shares[1:] == 0).all()


@given(mixes(), listeners, st.lists(levels, min_size=6, max_size=6), st.floats(0.0, 20.0))
@settings(max_examples=60, deadline=None)
def test_raising_another_stem_and_losing_hearing_never_help(sound, listener, gains, more) -> None:
    ear = LISTENERS[listener]
    worse = make_listener(
        "worse",
        ear.audiogram_left.frequencies,
        *(np.minimum(120, ear_of(ear, e).levels + more) for e in ("left", "right")),
    )
    before = np.array(gains).reshape(3, 2)
    louder = before.copy()
    louder[1] += more
    shares = AudibilityModel(sound, ear).shares(before)
    assert (shares >= 0).all() and (shares <= 1 + ROUNDING).all()
    assert (AudibilityModel(sound, ear).shares(louder)[[0, 2]] <= shares[[0, 2]] + ROUNDING).all()
    assert (AudibilityModel(sound, worse).shares(before) <= shares + ROUNDING).all()


# What is computed, number by number


def test_the_reference_is_the_standards_as_pyclarity_and_openmha_have_it() -> None:
    from clarity.enhancer.gha.gainrule_camfit import isothr

    hertz = np.array([50, 100, 250, 500, 1000, 2000, 4000, 8000, 12500], dtype=float)
    np.testing.assert_allclose(reference_threshold(hertz), isothr(hertz.copy()), atol=1e-9)
    steep = make_listener("steep", [250, 500, 1000, 2000, 4000, 6000], [0, 10, 20, 40, 60, 80], [0] * 6)
    own = threshold_spl(steep.audiogram_left, np.array([50.0, 1000.0, np.sqrt(2e6), 12500.0]))
    np.testing.assert_allclose(
        own - reference_threshold(np.array([50.0, 1000.0, np.sqrt(2e6), 12500.0])), [0, 20, 30, 80]
    )


def test_a_tone_has_its_level_in_its_band_and_its_ear_whatever_the_gain_and_the_filter() -> None:
    sound = 10 ** (-40 / 20) * np.sqrt(2) * tone(1000.0)
    sound[1] *= 0.1
    fir = nalr_filter(ear_of(LISTENERS["N3"], "left"))
    response = np.stack([fir_gain(fir)] * 2)
    band = int(np.argmin(np.abs(BANDS - 1000)))
    model = AudibilityModel(band_powers({"vocals": sound}), LISTENERS["N3"], response_db=response)
    level = model.levels({("vocals", "right"): 6.0}, aided=False)[:, 0, :, band]
    np.testing.assert_allclose(level, [[60.0, 46.0]] * 3, atol=0.05)
    filtered = np.stack([np.convolve(ear, fir, "same") for ear in sound])
    rendered = AudibilityModel(band_powers({"vocals": filtered}), LISTENERS["N3"])
    np.testing.assert_allclose(model.levels({})[1, 0, :, band], rendered.levels({})[1, 0, :, band], atol=0.3)
    assert model.shares({})[0, 0] == pytest.approx(rendered.shares({})[0, 0], abs=0.01)


def test_power_in_the_bands_is_the_power_of_the_sound() -> None:
    sound = {"drums": at_65_db_spl(coloured(1, seconds=3.0))}
    total = band_powers(sound).powers.sum(axis=2).mean(axis=2)
    np.testing.assert_allclose(10 * np.log10(total) + 100.0, 65.0, atol=0.5)  # a little lies above 14.1 kHz


def test_half_is_heard_of_a_stem_at_the_masked_threshold_and_the_masker_is_named() -> None:
    powers = np.zeros((3, 2, len(BANDS), 4), dtype=np.float32)
    powers[0, :, 12], powers[1, :, 12], powers[2, :, 24] = 10 ** (-3.4), 10 ** (-3.0), 1e-3
    model = AudibilityModel(BandPowers(("vocals", "drums", "bass"), powers, 0.0625), LISTENERS["NH"])
    report = model.report({})
    np.testing.assert_allclose(report.shares[0], 0.5, atol=1e-3)
    assert report.maskers == ("drums", "vocals", None)
    assert report.masked[0] == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(report.total, report.shares.mean(axis=1))
    np.testing.assert_allclose(model.masking({})[0, :, 12], 100 - 30 - 4, atol=0.01)


def test_a_stem_that_is_silent_has_no_share_and_counts_for_the_ear_that_has_it() -> None:
    sound = at_65_db_spl(coloured(1))
    one_ear = np.stack([sound[0], np.zeros_like(sound[0])])
    model = AudibilityModel(band_powers({"vocals": one_ear, "drums": 0 * sound}), LISTENERS["NH"])
    report = model.report({})
    assert report.shares[0, 0] > 0.95 and np.isnan(report.shares[0, 1]) and np.isnan(report.shares[1]).all()
    assert report.total[0] == report.shares[0, 0] and np.isnan(report.total[1])
    assert np.isneginf(model.levels({})[:, 1]).all()


def test_percentiles_follow_a_sound_that_swells() -> None:
    sound = tone(1000.0, 4.0)
    sound[:, sound.shape[1] // 4 :] *= 0.1  # loud for a quarter of the time
    levels = AudibilityModel(band_powers({"bass": sound}), LISTENERS["NH"]).levels({})[:, 0, 0]
    band = int(np.argmin(np.abs(BANDS - 1000)))
    np.testing.assert_allclose(levels[:, band], [100 - 23, 100 - 23, 100 - 3], atol=0.1)


def test_a_long_song_is_sampled_evenly() -> None:
    sound = {"other": at_65_db_spl(swelling(coloured(1, seconds=20.0)))}
    few, all_of_it = (band_powers(sound, max_windows=count) for count in (80, 10_000))
    assert few.powers.shape[3] == 80 and all_of_it.powers.shape[3] == 319
    assert few.step == pytest.approx((20.0 - 0.125) / 79, abs=1e-3)
    shares = [AudibilityModel(one, LISTENERS["N3"]).shares({})[0, 0] for one in (few, all_of_it)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_less_than_a_window_is_filled_up() -> None:
    powers = band_powers({"vocals": tone(1000.0, 0.01)}).powers
    assert powers.shape == (1, 2, len(BANDS), 1) and powers.max() > 0


@pytest.mark.parametrize(
    ("stems", "words"),
    [
        ({}, "none"),
        ({"vocals": np.zeros(100)}, r"vocals \(100,\)"),
        ({"vocals": np.zeros((2, 0))}, r"\(2, 0\)"),
        ({"vocals": np.zeros((2, 100)), "drums": np.zeros((2, 99))}, r"drums \(2, 99\)"),
        ({"vocals": np.full((2, 9000), np.nan)}, "NaN"),
    ],
)
def test_sounds_that_cannot_be_analysed_are_a_sentence(stems: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(CadenzaError, match=words):
        band_powers(stems)


@pytest.mark.parametrize("level", [59.0, 131, float("nan"), True, "loud", None])
def test_an_impossible_calibration_is_a_sentence(level: object) -> None:
    with pytest.raises(CadenzaError, match="60 to 130"):
        AudibilityModel(band_powers({"vocals": np.zeros((2, 100))}), LISTENERS["NH"], calibration_db_spl=level)
