"""Explained scores: losses sum up exactly, are put where the fault is, and the words say what the numbers do."""

from collections.abc import Callable

import numpy as np
import pytest
from clarity.utils.audiogram import Audiogram
from scipy.signal import butter, sosfilt

from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import amplify, compensate_delay, nalr_filter
from cadenza_core.quality import HaaqiExplanation, explain_haaqi, haaqi_parts, headline, reference_level, sentences
from cadenza_core.quality.explain import BEST, REGION_EDGES, TERMS
from cadenza_core.quality.explain_words import hertz, where
from cadenza_core.quality.haaqi_features import REGIONS, cepstral_correlation, cepstral_losses

RATE = 24000
EAR = Audiogram(levels=[20, 25, 35, 45, 55, 60], frequencies=[250, 500, 1000, 2000, 4000, 6000])


def music(seconds: float = 3.0) -> np.ndarray:
    """Plucked notes up to 11 kHz, seven a second, over a little noise."""
    rng = np.random.default_rng(0)
    sound = 0.002 * rng.standard_normal(int(seconds * RATE))
    since = np.arange(RATE // 2) / RATE
    for start in range(0, len(sound), RATE // 7):
        pitch = 110 * 2 ** (rng.integers(0, 30) / 12)
        partials = range(1, int(11000 / pitch))
        note = sum(np.sin(2 * np.pi * pitch * k * since + k * k) / k**0.7 for k in partials) * np.exp(-40 * since)
        stop = min(start + len(since), len(sound))
        sound[start:stop] += 0.05 * rng.uniform(0.3, 1) * note[: stop - start]
    return sound


def filtered(sound: np.ndarray, hertz: float, kind: str) -> np.ndarray:
    return sosfilt(butter(8, hertz, kind, fs=RATE, output="sos"), sound)


def noisy(sound: np.ndarray) -> np.ndarray:
    return sound + 0.3 * np.sqrt(np.mean(sound**2)) * np.random.default_rng(1).standard_normal(len(sound))


def compressed(sound: np.ndarray) -> np.ndarray:
    """A ratio of 2.5 with a time constant of 5 ms."""
    power = sosfilt(butter(1, 30, fs=RATE, output="sos"), sound**2)
    return sound * (np.sqrt(np.maximum(power, 1e-12)) + 1e-4) ** -0.6


@pytest.fixture(scope="module")
def explained() -> Callable[[Callable[[np.ndarray], np.ndarray]], HaaqiExplanation]:
    reference = music()
    aided = compensate_delay(amplify(reference, nalr_filter(EAR, RATE, 140)), 140)

    def explain(damage: Callable[[np.ndarray], np.ndarray]) -> HaaqiExplanation:
        level = reference_level(reference)
        return explain_haaqi(haaqi_parts(damage(aided), reference, RATE, RATE, EAR, 1, level, seed=0, detailed=True))

    return explain


CASES = {
    "lowpass": lambda sound: filtered(sound, 1500, "low"),
    "highpass": lambda sound: filtered(sound, 600, "high"),
    "noise": noisy,
    "compression": compressed,
    "clipping": lambda sound: np.clip(sound, -0.05, 0.05),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_and_score_sum_to_the_best_score_and_regions_to_their_term(explained, case):
    found = explained(CASES[case])
    assert [term.name for term in found.terms] == list(TERMS)
    assert found.score + sum(term.lost for term in found.terms) == pytest.approx(BEST, abs=1e-12)
    assert found.regions.sum() == pytest.approx(BEST - found.score, abs=1e-12)
    for term in found.terms:
        assert term.lost >= 0
        assert term.regions.sum() == pytest.approx(term.lost, abs=1e-12)
        assert found.score <= term.if_perfect < BEST


def test_a_perfect_term_is_kates_and_areharts_formula_with_a_one_in_it(explained):
    found = explained(noisy)
    values = {term.name: term.value for term in found.terms}

    def score(envelope, fine, slope, loudness):
        nonlinear, linear = 0.754 * envelope**3 + 0.246 * fine, 0.329 * loudness + 0.671 * slope
        return 0.336 * nonlinear + 0.001 * linear + 0.501 * nonlinear**2 + 0.161 * linear**2

    assert score(*values.values()) == pytest.approx(found.score, abs=1e-12)
    for number, name in enumerate(TERMS):
        mended = [1.0 if n == number else value for n, value in enumerate(values.values())]
        assert found.term(name).if_perfect == pytest.approx(score(*mended), abs=1e-12)


def test_a_missing_top_is_found_in_the_high_bands_and_called_too_weak(explained):
    found = explained(CASES["lowpass"])
    high = np.array(REGION_EDGES[:-1]) > 1300
    for name, share in (("envelope", 0.8), ("fine structure", 0.8), ("slope", 0.55)):
        assert found.term(name).regions[high].sum() > share * found.term(name).lost
    assert (found.differences[-3:] < -6).all() and found.differences[0] > -2
    words = " ".join(sentences(found))
    assert "envelope costs most" in headline(found) and "mostly from 2.2 kHz to 5.5 kHz" in headline(found)
    assert "where the sound is too weak" in words and "too weak above" in words and "too weak below" not in words


def test_a_missing_bottom_is_found_in_the_low_bands(explained):
    found = explained(CASES["highpass"])
    low = np.array(REGION_EDGES[1:]) < 900
    assert found.regions[low].sum() > 0.7 * (BEST - found.score)
    assert "too weak" in sentences(found)[1] and "mostly below" in " ".join(sentences(found))


def test_noise_costs_fine_structure_more_than_the_spectrums_shape_and_compression_the_reverse(explained):
    noise, compression = explained(noisy), explained(compressed)
    for found in (noise, compression):
        assert found.by_loss[0].name == "envelope"
    assert noise.by_loss[1].name == "fine structure"
    assert noise.term("fine structure").lost > 2 * noise.term("slope").lost
    assert compression.term("fine structure").lost < compression.term("slope").lost
    # nearly all that compression changes is in time
    assert compression.term("fine structure").value > 0.95 > compression.term("envelope").value
    said = [[line.split(" costs")[0] for line in sentences(found)[1:]] for found in (noise, compression)]
    assert said[0][:2] == ["Envelope", "Fine structure"]
    assert said[1][:2] == ["Envelope", "Slope"]


def test_nothing_is_blamed_where_nothing_is_wrong(explained):
    found = explained(lambda sound: sound)
    assert found.score > 0.97
    assert sentences(found) == (headline(found),)
    assert "next to nothing" in headline(found)


def test_a_fault_in_one_region_is_that_regions_alone():
    rng = np.random.default_rng(3)
    reference = 40 + 10 * rng.standard_normal((32, 400))
    processed = reference.copy()
    processed[8:12] += 10 * rng.standard_normal((4, 400))
    losses = cepstral_losses(reference, processed)
    lost = 1 - cepstral_correlation(reference, processed).mean()
    assert lost > 0.02
    assert losses == pytest.approx([0, 0, lost, 0, 0, 0, 0, 0], abs=1e-9)


def test_losses_of_the_regions_sum_to_what_the_correlation_lacks():
    rng = np.random.default_rng(4)
    reference, processed = 40 + 10 * rng.standard_normal((2, 32, 300))
    losses = cepstral_losses(reference, processed)
    assert losses.shape == (REGIONS,)
    assert losses.sum() == pytest.approx(1 - cepstral_correlation(reference, processed).mean(), abs=1e-9)
    assert np.isnan(cepstral_losses(reference - 200, processed)).all()


def test_being_explained_changes_no_number():
    reference = music(1.0)
    arguments = (noisy(reference), reference, RATE, RATE, EAR, 1, 85.0)
    plain, detailed = (haaqi_parts(*arguments, seed=1, detailed=flag) for flag in (False, True))
    assert plain.score == detailed.score
    assert np.isnan(plain.cepstral_losses).all()
    words = sentences(explain_haaqi(plain))
    assert "too short or too quiet to say where" in words[1]


def test_a_signal_under_a_fifth_of_a_second_is_explained_without_regions():
    reference = music(0.15)
    found = explain_haaqi(haaqi_parts(noisy(reference), reference, RATE, RATE, EAR, 1, 85.0, seed=1, detailed=True))
    assert found.score + sum(term.lost for term in found.terms) == pytest.approx(BEST, abs=1e-9)
    assert np.isnan(found.regions).all() and np.isnan(found.differences).all()
    assert "nan" not in " ".join(sentences(found))
    assert found.as_dict()["level_difference_db"] == [None] * REGIONS


def test_an_empty_reference_cannot_be_explained():
    parts = haaqi_parts(np.zeros(0), np.zeros(0), RATE, RATE, EAR, 1, 85.0, seed=0, detailed=True)
    with pytest.raises(CadenzaError, match="cannot be explained"):
        explain_haaqi(parts)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([1, 0, 0, 0, 0, 0, 0, 0], "mostly below 220 Hz"),
        ([0, 0, 0, 0, 0, 0, 1, 1], "mostly above 3.5 kHz"),
        ([0, 0, 0, 1, 1, 0, 0, 0], "mostly from 810 Hz to 2.2 kHz"),
        ([1, 1, 1, 1, 1, 1, 1, 1], "mostly below 2.2 kHz"),
        ([3, 1, 1, 1, 1, 1, 1, 3], "all over the spectrum"),
        ([-1, 0, 0, 0, 0, 0, 0, 0], "nowhere in particular"),
    ],
)
def test_where_is_the_shortest_run_that_holds_three_fifths(losses, words):
    assert where(np.array(losses, float)) == words


def test_frequencies_are_written_as_people_say_them():
    assert [hertz(value) for value in (218.2, 811, 995, 1366, 5452)] == [
        "220 Hz",
        "810 Hz",
        "1000 Hz",
        "1.4 kHz",
        "5.5 kHz",
    ]
