"""NAL-R and the compressor against pyclarity's own, called directly: same numbers to 1e-10 (float64), or better."""

from pathlib import Path

import numpy as np
import pytest
from clarity.enhancer.compressor import Compressor as PyclarityCompressor
from clarity.enhancer.nalr import NALR
from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import (
    NFIR,
    Compressor,
    Spectra,
    amplify,
    compensate_delay,
    ear_of,
    nalr_filter,
    process_stems,
)

FREQUENCIES = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
SLOPING = Audiogram(levels=[20, 25, 35, 50, 55, 65, 75, 80], frequencies=FREQUENCIES)
FLAT = Audiogram(levels=[40] * 8, frequencies=FREQUENCIES)
NO_LOSS = Audiogram(levels=[0] * 8, frequencies=FREQUENCIES)
LISTENER = Listener(SLOPING, FLAT, "two ears")
#: pyclarity's names for the recipe's settings (config.yaml of cad1/task1/baseline).
RECIPE = {"threshold": 0.35, "attenuation": 0.1, "attack": 50.0, "release": 1000.0, "rms_buffer_size": 0.064}


def noise(n: int, level: float = 1.0, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(n)


def swelling(n: int, level: float = 0.35) -> np.ndarray:
    """Noise whose RMS swings around the threshold many times."""
    return noise(n, level) * (1.0 + 0.5 * np.sin(np.arange(n) / 4000.0))


def flat_one() -> Audiogram:
    """The audiogram of pyclarity's regression tests."""
    return Audiogram(levels=np.ones(9), frequencies=np.array([250, 500, 1000, 2000, 4000, 6000, 8000, 9000, 10000]))


# NAL-R


def test_nalr_equals_the_official_vector(shared_data: Path) -> None:
    expected = np.load(shared_data / "regression" / "cad1_apply_baseline_ha.npz")["output"]
    np.random.seed(987654321)  # noqa: NPY002 - as pyclarity's test
    signal = np.random.normal(size=44100)  # noqa: NPY002
    np.testing.assert_allclose(amplify(signal, nalr_filter(flat_one(), 44100)), expected, rtol=0, atol=1e-10)


def test_stem_processing_equals_the_official_vector(shared_data: Path) -> None:
    expected = np.load(shared_data / "regression" / "cad1_process_stems_for_listener.npz")
    np.random.seed(12357)  # noqa: NPY002 - as pyclarity's test
    stems = {name: np.random.normal(size=16000) for name in ("left_source1", "right_source1")}  # noqa: NPY002
    processed = process_stems(stems, Listener(flat_one(), flat_one()), 16000)
    assert list(processed) == list(stems)
    for name, official in (("left_source1", "l_source1"), ("right_source1", "r_source1")):
        np.testing.assert_allclose(processed[name], expected[official], rtol=0, atol=1e-10)


@pytest.mark.parametrize("audiogram", [SLOPING, FLAT, NO_LOSS, flat_one()], ids=["sloping", "flat", "none", "one"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_filter_is_pyclaritys(audiogram: Audiogram, rate: int) -> None:
    expected = NALR(nfir=NFIR, sample_rate=rate).build(audiogram)[0]
    assert np.array_equal(nalr_filter(audiogram, rate), expected)


# Blocks of the convolution hold 4096 - 220 = 3876 new samples, and 32 blocks are transformed at once.
@pytest.mark.parametrize(
    "n", [1, 2, 219, 220, 221, 3655, 3656, 3657, 3876, 4096, 32 * 3876 - 220, 32 * 3876 - 219, 200_001]
)
def test_amplify_equals_pyclarity_at_every_block_edge(n: int) -> None:
    fir = nalr_filter(SLOPING)
    signal = noise(n)
    expected = NALR(nfir=NFIR, sample_rate=44100).apply(fir, signal)
    out = amplify(signal, fir)
    assert out.shape == expected.shape == (n + NFIR,)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n", [1, 220, 3876, 3877, 140000])
def test_spectra_give_amplifys_samples_to_the_bit_for_each_filter_and_part(n: int) -> None:
    signal = noise(n).astype(np.float32)
    filters = [nalr_filter(audiogram) for audiogram in (SLOPING, FLAT, NO_LOSS)]
    for start, stop in ((0, None), (0, n), (n // 3, n // 2 + 5), (n, n + NFIR), (5, 5), (3876, 3 * 3876)):
        spectra = Spectra(signal, start, stop)
        for fir in filters:
            assert np.array_equal(spectra.filtered(fir), amplify(signal, fir)[start:stop])


def test_spectra_refuse_a_filter_of_another_order() -> None:
    with pytest.raises(ValueError, match="221 taps, not 101"):
        Spectra(noise(10)).filtered(noise(101))


def test_amplify_takes_float32_and_computes_in_float64() -> None:
    signal = noise(10_000, 0.1).astype(np.float32)
    fir = nalr_filter(SLOPING)
    out = amplify(signal, fir)
    assert out.dtype == np.float64
    np.testing.assert_allclose(out, np.convolve(signal, fir), rtol=0, atol=1e-10)


def test_amplify_leaves_its_input_alone() -> None:
    signal = noise(5000)
    before = signal.copy()
    amplify(signal, nalr_filter(SLOPING))
    assert np.array_equal(signal, before)


def test_quiet_sound_after_loud_sound_is_as_exact() -> None:
    """Rounding of an FFT goes with the loudest sample of a block: the recipe's 1e-10 still holds 100 dB below it."""
    signal = np.concatenate([noise(4000, 1.0), noise(4000, 1e-5)])
    fir = nalr_filter(SLOPING)
    np.testing.assert_allclose(amplify(signal, fir), np.convolve(signal, fir), rtol=0, atol=1e-12)


def test_no_loss_only_delays() -> None:
    signal = noise(1000)
    out = amplify(signal, nalr_filter(NO_LOSS))
    np.testing.assert_allclose(compensate_delay(out), signal, rtol=0, atol=1e-12)


@pytest.mark.parametrize("position", [0, 1, 500, 3876, 9999])
def test_compensated_impulse_stays_where_it_was(position: int) -> None:
    signal = np.zeros(10_000)
    signal[position] = 1.0
    out = compensate_delay(amplify(signal, nalr_filter(SLOPING)))
    assert out.shape == signal.shape
    assert int(np.argmax(np.abs(out))) == position


def test_compensate_delay_of_two_channels_cuts_time_only() -> None:
    assert compensate_delay(np.zeros((2, 1000 + NFIR))).shape == (2, 1000)


def test_each_ear_gets_its_own_audiogram() -> None:
    signal = noise(2000)
    processed = process_stems({"right_vocals": signal, "left_vocals": signal}, LISTENER)
    assert list(processed) == ["right_vocals", "left_vocals"]
    np.testing.assert_allclose(processed["left_vocals"], np.convolve(signal, nalr_filter(SLOPING)), atol=1e-10)
    np.testing.assert_allclose(processed["right_vocals"], np.convolve(signal, nalr_filter(FLAT)), atol=1e-10)
    assert ear_of(LISTENER, "left") is SLOPING
    assert ear_of(LISTENER, "right") is FLAT


def test_stem_without_an_ear_is_a_sentence() -> None:
    with pytest.raises(CadenzaError, match="left_"):
        process_stems({"vocals": noise(100)}, LISTENER)


def test_stems_with_compressor_equal_the_recipe() -> None:
    stems = {"left_drums": swelling(44100), "right_drums": noise(44100, 0.05)}
    processed = process_stems(stems, LISTENER, compressor=Compressor())
    official = PyclarityCompressor(fs=44100, **RECIPE)
    enhancer = NALR(nfir=NFIR, sample_rate=44100)
    for name, audiogram in (("left_drums", SLOPING), ("right_drums", FLAT)):
        expected = official.process(enhancer.apply(enhancer.build(audiogram)[0], stems[name]))[0]
        np.testing.assert_allclose(processed[name], expected, rtol=0, atol=1e-10)


# Compressor

N = 44100
SIGNALS = {
    "crossing now and then": swelling(N),
    "crossing often": noise(N, 0.35),
    "always below": noise(N, 0.01),
    "always above": noise(N, 3.0),
    "silence": np.zeros(N),
    "one loud sample": np.array([0.9]),
    "one silent sample": np.array([0.0]),
    "shorter than the RMS window": noise(50, 2.0),
    "as long as the RMS window": noise(2822, 0.5),
    "loud, then quiet": np.concatenate([noise(N // 2, 10.0), noise(N // 2, 1e-4)]),
    "float32": swelling(N).astype(np.float32),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_compressor_equals_pyclarity(name: str) -> None:
    signal = SIGNALS[name]
    expected, rms, gain = PyclarityCompressor(fs=44100, **RECIPE).process(signal)
    compressor = Compressor()
    out = compressor(signal)
    assert out.dtype == np.float64
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(compressor.gain(np.asarray(rms)), gain, rtol=0, atol=1e-12)


def test_the_signals_cross_the_threshold_as_their_names_say() -> None:
    """Without this, the comparison above could pass without ever reaching a branch."""

    def crossings(name: str) -> int:
        rms = PyclarityCompressor(fs=44100, **RECIPE).process(SIGNALS[name])[1]
        return int(np.count_nonzero(np.diff(rms > 0.35)))

    assert crossings("always below") == 0
    assert crossings("always above") == 1  # upwards, while the window fills
    assert crossings("crossing now and then") >= 5
    assert crossings("crossing often") >= 100


@pytest.mark.parametrize("window", [1.5 / 44100, 0.0005])
def test_compressor_with_a_short_window_crosses_within_samples(window: float) -> None:
    settings = {**RECIPE, "rms_buffer_size": window}
    signal = noise(8000, 0.35)
    expected, rms, _ = PyclarityCompressor(fs=44100, **settings).process(signal)
    assert np.count_nonzero(np.diff(rms > 0.35)) > 500
    np.testing.assert_allclose(Compressor(rms_buffer=window)(signal), expected, rtol=0, atol=1e-10)


def test_compressor_at_another_rate_and_setting() -> None:
    settings = {"threshold": 0.2, "attenuation": 0.5, "attack": 5.0, "release": 20.0}
    signal = swelling(20_000, 0.2)
    expected = PyclarityCompressor(fs=16000, rms_buffer_size=0.2, **settings).process(signal)[0]
    np.testing.assert_allclose(Compressor(16000, rms_buffer=0.2, **settings)(signal), expected, rtol=0, atol=1e-10)


def test_compressor_of_nothing_is_nothing() -> None:
    """pyclarity stops with a ValueError here."""
    assert Compressor()(np.zeros(0)).shape == (0,)


def test_compressor_leaves_its_input_alone_and_keeps_no_state() -> None:
    signal = swelling(20_000)
    before = signal.copy()
    compressor = Compressor()
    first = compressor(signal)
    assert np.array_equal(signal, before)
    assert np.array_equal(compressor(signal), first)


@pytest.mark.parametrize("wrong", [{"attack": 0.0}, {"release": -1.0}, {"rms_buffer": 0.0}, {"attack": 0.01}])
def test_compressor_with_impossible_times_is_a_sentence(wrong: dict[str, float]) -> None:
    with pytest.raises(CadenzaError, match="at least one sample"):
        Compressor(**wrong)


def test_compressor_for_another_rate_is_refused() -> None:
    with pytest.raises(CadenzaError, match=r"44100 Hz.*16000 Hz"):
        process_stems({"left_drums": noise(100)}, LISTENER, 16000, compressor=Compressor())
