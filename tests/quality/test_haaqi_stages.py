"""Each stage of the fast HAAQI against pyclarity's function: filters to 1e-5 of the peak (float32), delays exactly."""

import numpy as np
import pytest
from clarity.evaluator.haspi import eb

from cadenza_core.quality import haaqi_cells as cells
from cadenza_core.quality import haaqi_constants as constants
from cadenza_core.quality import haaqi_ear as ear
from cadenza_core.quality import haaqi_features as features
from cadenza_core.quality import haaqi_lags as lags
from cadenza_core.quality.haaqi_simd import LANES

LEVELS = np.array([20.0, 30, 40, 50, 60, 65])
SAMPLES = 24000


def sound(seed: int = 0, samples: int = SAMPLES) -> np.ndarray:
    """Noise whose level changes every 25 ms."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(samples) * np.repeat(np.abs(rng.standard_normal(samples // 600 + 1)), 600)[:samples]


def tables(levels: np.ndarray = LEVELS) -> tuple[constants.EarLoss, np.ndarray, np.ndarray]:
    loss = constants.loss_parameters(levels)
    control = constants.gammatone_table(constants.CONTROL_BANDWIDTH)
    control_gain = constants.gammatone_gain(constants.CONTROL_BANDWIDTH, control)
    table = constants.gammatone_table(loss.bandwidth)
    gain = constants.gammatone_gain(loss.bandwidth, table)
    compression = constants.compression_table(loss, control_gain, gain)
    return loss, gain, np.ascontiguousarray(np.concatenate((control, table, compression), axis=1))


def compressed(signal: np.ndarray, pieces: tuple[int, ...] = (SAMPLES,)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Envelope and motion of all bands (32, n), and the summed squared envelope."""
    n = len(signal)
    envelope, motion = np.zeros((2, 2, n * LANES), np.float32)
    power = np.zeros((2, LANES))
    _, _, all_tables = tables()
    for group in range(2):
        state, start = np.zeros(ear.STATE * LANES, np.float32), 0
        for stop in pieces:
            ear.compress(
                signal.astype(np.float32), start, stop, all_tables[group], state,
                envelope[group], motion[group], start, power[group],
            )  # fmt: skip
            start = stop
    return *(x.reshape(2, n, LANES).transpose(0, 2, 1).reshape(32, n) for x in (envelope, motion)), power.ravel()


def test_center_frequencies() -> None:
    np.testing.assert_allclose(constants.CENTER_FREQUENCIES, eb.center_frequency(32), rtol=1e-14)


@pytest.mark.parametrize("levels", [[0] * 6, [20, 30, 40, 50, 60, 65], [100] * 6, [-10, 0, 90, 5, 120, 60]])
def test_loss_parameters(levels: list[float]) -> None:
    loss = constants.loss_parameters(np.array(levels, float))
    expected = eb.loss_parameters(np.array(levels, float), eb.center_frequency(32))
    got = (loss.attenuation_ohc, loss.bandwidth, loss.low_knee, loss.ratio, loss.attenuation_ihc)
    for mine, reference in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-13)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 24400, 32000, 44100, 48000, 96000])
def test_resample(rate: int) -> None:
    np.testing.assert_allclose(ear.resample_24khz(sound(), rate), eb.resample_24khz(sound(), rate)[0], atol=1e-13)


@pytest.mark.parametrize("shift", [-9000, -300, 0, 48, 1000, 6000])
@pytest.mark.parametrize("sign", [1, -1])
def test_input_align(shift: int, sign: int) -> None:
    x, y = sound(), sign * np.roll(sound(), shift) + 0.1 * sound(1)
    for mine, reference in zip(ear.input_align(x, y), eb.input_align(x, y), strict=True):
        np.testing.assert_array_equal(mine, reference)


def test_input_align_of_a_silent_processed_signal_and_of_a_periodic_one() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(4800) / 24000)
    for x, y in ((sound(), np.zeros(SAMPLES)), (tone, 0.5 * tone)):
        for mine, reference in zip(ear.input_align(x, y), eb.input_align(x, y), strict=True):
            np.testing.assert_array_equal(mine, reference)


def test_middle_ear() -> None:
    np.testing.assert_allclose(ear.middle_ear(sound()), eb.middle_ear(sound(), 24000.0), atol=1e-14)


def test_control_level_and_bandwidth() -> None:
    signal, control = sound(), constants.CONTROL_BANDWIDTH
    table = constants.gammatone_table(control)
    power = np.zeros((2, LANES))
    for group in range(2):
        ear.control_power(signal.astype(np.float32), table[group], power[group])
    rms = np.sqrt(power.ravel() / len(signal)) * constants.gammatone_gain(control, table)
    width = constants.loss_parameters(LEVELS).bandwidth
    for level in (20.0, 65.0, 120.0):
        mine = constants.bandwidth_adjust(rms, width, level)
        for band in range(0, 32, 5):
            frequency = constants.CENTER_FREQUENCIES[band]
            envelope = eb.gammatone_basilar_membrane(signal, control[band], signal, 1.0, 24000, frequency)[0]
            assert rms[band] == pytest.approx(np.sqrt(np.mean(envelope**2)), rel=5e-6)
            expected = eb.bandwidth_adjust(envelope, width[band], control[band], level)
            assert mine[band] == pytest.approx(expected, rel=1e-6)


def test_gammatone_and_compression() -> None:
    signal = sound()
    loss, gain, _ = tables()
    envelope, motion, power = compressed(signal)
    for band in range(0, 32, 3):
        width, frequency = loss.bandwidth[band], constants.CENTER_FREQUENCIES[band]
        control = eb.gammatone_basilar_membrane(
            signal, constants.CONTROL_BANDWIDTH[band], signal, 1.0, 24000, frequency
        )[0]
        x, b, _, _ = eb.gammatone_basilar_membrane(signal, width, signal, width, 24000, frequency)
        assert np.sqrt(power[band] / SAMPLES) * gain[band] == pytest.approx(np.sqrt(np.mean(x**2)), rel=5e-6)
        parameters = loss.attenuation_ohc[band], loss.low_knee[band], loss.ratio[band], 24000, 65.0
        expected = eb.env_compress_basilar_membrane(x, b, control, *parameters)
        for mine, reference in zip((envelope[band], motion[band]), expected, strict=True):
            np.testing.assert_allclose(mine, reference, atol=1e-5 * np.abs(reference).max())


def test_compression_in_pieces_is_the_same() -> None:
    whole, parts = compressed(sound()), compressed(sound(), (7, 100, 164, 9999, SAMPLES))
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-5, atol=1e-9)


def test_group_delay() -> None:
    for levels in (np.zeros(6), LEVELS, np.full(6, 100.0)):
        width = constants.loss_parameters(levels).bandwidth
        impulses = np.zeros((32, 3000))
        impulses[:, 0] = 1
        expected = eb.group_delay_compensate(impulses, width, constants.CENTER_FREQUENCIES, 24000.0).argmax(axis=1)
        np.testing.assert_array_equal(constants.group_delays(width), expected)


@pytest.mark.parametrize("shift", [-2300, -57, 0, 30, 2390])
def test_band_delays(shift: int) -> None:
    samples = 30000
    x, y = sound(0, samples), np.roll(sound(0, samples), shift) + 0.1 * sound(1, samples)
    _, _, all_tables = tables()
    middle = [ear.middle_ear(s).astype(np.float32) for s in (x, y)]
    for group in range(2):
        state = [np.zeros(ear.STATE * LANES, np.float32) for _ in range(2)]
        waves = np.zeros((2, 2, samples * LANES), np.float32)
        for k in range(2):
            ear.compress(
                middle[k], 0, samples, all_tables[group], state[k], waves[k, 0], waves[k, 1], 0, np.zeros(LANES)
            )
        got = lags.band_delays(*middle, all_tables[group], all_tables[group])[:2]
        for kind in range(2):
            a, b = (waves[k, kind].reshape(samples, LANES).T.astype(float) for k in range(2))
            for band in (0, 5, 10, 15):
                expected = eb.envelope_align(a[band], b[band])
                delay = int(got[kind][band])
                tail = np.zeros(abs(delay))
                mine = (
                    np.concatenate((b[band][delay:], tail)) if delay > 0 else np.concatenate((tail, b[band]))[:samples]
                )
                np.testing.assert_array_equal(mine, expected)


def hair_cells(level1: float = 85.0) -> tuple[np.ndarray, ...]:
    """`analyse` and pyclarity's stages on the same two signals, without shifts and with no noise to speak of."""
    x, y = 0.1 * sound(), 0.1 * sound() + 0.02 * sound(1)
    loss, _, all_tables = tables()
    scale = 10 ** ((level1 - 65) / 20)
    middle = [(s * scale).astype(np.float32) for s in (x, y)]
    smooth = np.zeros((2, 2, SAMPLES // 96 * LANES), np.float32)
    covariance, power = np.zeros((2, 2, SAMPLES // 192 * LANES), np.float32)
    thresholds = np.zeros((2, 3, LANES), np.float32)
    thresholds[:, :2] = (65 - loss.attenuation_ihc).reshape(2, 1, LANES)
    thresholds[:, 2] = 1e-30 * scale
    from cadenza_core.quality.haaqi_noise import SPARE, band_streams, position_of

    for group in range(2):
        streams, _ = band_streams(position_of(np.random.RandomState(0)), SAMPLES, LANES, 2)
        cells.analyse(
            *middle, all_tables[group], all_tables[group], thresholds[group].ravel(), np.zeros((3, LANES), np.int64),
            (streams, np.zeros((LANES, SPARE), np.float32)), np.float32(1e-9), cells.CONSTANTS,
            smooth[:, group], covariance[group], power[group],
        )  # fmt: skip
    envelope, motion = [], []
    for signal in middle:
        e, m, _ = compressed(signal)
        pairs = [eb.envelope_sl(a, b, c, 65.0) for a, b, c in zip(e, m, loss.attenuation_ihc, strict=True)]
        pairs = [eb.inner_hair_cell_adaptation(a, b, 2.0, 24000.0) for a, b in pairs]
        envelope.append(np.array([a for a, _ in pairs], float))
        motion.append(np.array([b for _, b in pairs], float))

    def bands(array: np.ndarray) -> np.ndarray:
        return array.reshape(2, -1, LANES).transpose(0, 2, 1).reshape(32, -1)

    return envelope, motion, bands(smooth[0]), bands(smooth[1]), bands(covariance), bands(power)  # type: ignore[return-value]


def test_adaptation_smoothing_and_covariance() -> None:
    envelope, motion, x_smooth, y_smooth, covariance, power = hair_cells()
    for mine, reference in ((x_smooth, envelope[0]), (y_smooth, envelope[1])):
        np.testing.assert_allclose(mine, eb.env_smooth(reference, 8, 24000), rtol=1e-5, atol=1e-4)
    expected, mean_square, _ = eb.bm_covary(*motion, 16, 24000)
    np.testing.assert_allclose(power, mean_square, rtol=1e-4, atol=1e-4)
    loud = mean_square > 1.0
    np.testing.assert_allclose(covariance[loud], expected[loud], atol=1e-4)
    # what is made of them
    mine, per_band, _ = features.synchrony(covariance.astype(float), power.astype(float))
    assert mine == pytest.approx(eb.ave_covary2(expected, mean_square, 2.5)[1][4], abs=1e-6)
    assert np.nanmin(per_band) >= 0
    assert np.nanmax(per_band) <= 1
    correlation = features.cepstral_correlation(x_smooth.astype(float), y_smooth.astype(float))
    high = eb.melcor9(x_smooth.astype(float), y_smooth.astype(float), 2.5, 0.0, 8)[2]
    assert correlation.mean() == pytest.approx(high, abs=1e-12)


def test_spectral_differences() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 60, (2, 32))
    loudness, slope = features.spectral_differences(x, y)
    expected_loudness, expected_slope, _ = eb.spectrum_diff(x, y)
    assert 32 * np.std(loudness) == pytest.approx(expected_loudness[1], rel=1e-12)
    assert 32 * np.std(slope) == pytest.approx(expected_slope[1], rel=1e-12)


def test_silence_has_no_features() -> None:
    assert not features.cepstral_correlation(np.zeros((32, 50)), np.ones((32, 50))).any()
    assert features.synchrony(np.ones((32, 50)), np.zeros((32, 50)))[0] == 0.0
