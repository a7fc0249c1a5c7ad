"""MSBG as it is run here: pyclarity's own numbers, absolute levels, in time, in pieces; and the inputs that break it."""

import numpy as np
import pytest
from clarity.evaluator.msbg.msbg import Ear
from clarity.evaluator.msbg.msbg_utils import measure_rms
from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.catalog import standard_listeners
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.hearing import simulation
from cadenza_core.hearing.simulation import MODEL_RATE, simulate_ear, simulate_hearing, simulation_notes

STANDARD = standard_listeners()
FREQUENCIES = np.array([250, 500, 1000, 2000, 4000, 6000])


def ear(name):
    return STANDARD[name].audiogram_left


def swelling_noise(seconds, level=0.03):
    count = round(seconds * MODEL_RATE)
    noise = np.random.default_rng(4).normal(size=count) * level
    return noise * (1 + np.sin(np.arange(count) / 9000))


@pytest.mark.parametrize("name", ["NH", "N2", "S2"])
def test_pieces_are_pyclaritys_ear_in_time_to_1e_9(name, monkeypatch):
    monkeypatch.setattr(simulation, "_PIECE", 64 * 500)
    quiet = np.zeros(64 * 50)  # pyclarity's smearing repeats the first 192 samples
    signal = np.concatenate([quiet, swelling_noise(2.5), np.zeros(4000)])
    ours = simulate_ear(signal, MODEL_RATE, ear(name))
    theirs = Ear(equiv_0db_spl=100.0, ahr=0.0)
    theirs.set_audiogram(ear(name))
    # It scales its input by the ratio of the plain to the gated level: taken back beforehand.
    scaled = 10.0 * np.log10(np.mean(signal**2)) - 20.0 * np.log10(measure_rms(signal, MODEL_RATE, -12)[0])
    assert scaled < -0.5
    whole = theirs.process(signal * 10.0 ** (-scaled / 20.0))[0]
    delay = 1080 + (192 if theirs.cochlea.smearer else 0)
    assert np.max(np.abs(whole[delay : len(signal)] - ours[:-delay])) < 1e-9
    assert np.max(np.abs(ours)) > 0.001


def test_a_click_stays_where_it_was():
    signal = np.zeros(20000)
    signal[9000] = 0.5
    assert np.argmax(np.abs(simulate_ear(signal, MODEL_RATE, ear("NH")))) == pytest.approx(9000, abs=20)


def test_levels_fall_from_105_db_spl_as_steeply_as_the_loss_is_deep_until_nothing_is_heard():
    tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / MODEL_RATE) * np.sqrt(2)
    levels = {}
    for level in (40, 70, 100):
        heard = simulate_ear(tone * 10 ** ((level - 100) / 20), MODEL_RATE, ear("N4"))  # 55 dB HL at 1 kHz
        levels[level] = 100 + 20 * np.log10(np.std(heard[8000:14000]) + 1e-12)
    assert levels[40] < 0
    ratio = 105 / (105 - 55)
    assert levels[100] - levels[70] == pytest.approx(30 * ratio, abs=1)
    # Below the rule's 94.5: smearing takes a few dB from a tone, and the envelope is its mean, not its root mean square.
    assert levels[100] == pytest.approx(105 - 5 * ratio, abs=9)


def test_level_follows_the_calibration():
    signal = swelling_noise(0.5)
    louder = simulate_ear(signal, MODEL_RATE, ear("N3"), calibration_db_spl=112.0)
    scaled = simulate_ear(signal * 10 ** (12 / 20), MODEL_RATE, ear("N3"), calibration_db_spl=100.0)
    assert np.allclose(louder * 10 ** (12 / 20), scaled, atol=1e-9)


def test_another_sample_rate_comes_back_with_its_length_and_about_its_level():
    signal = swelling_noise(1.0)[::2][:20001]
    heard = simulate_ear(signal, 22050, ear("NH"))
    assert heard.shape == signal.shape
    assert np.std(heard[3000:-3000]) == pytest.approx(np.std(signal[3000:-3000]), rel=0.2)


@pytest.mark.parametrize("count", [1, 63, 300])
def test_short_signals_and_silent_ears_are_handled(count):
    rng = np.random.default_rng(1)
    samples = np.stack([np.zeros(count), rng.normal(size=count) * 0.1])
    heard = simulate_hearing(samples, MODEL_RATE, STANDARD["N3"])
    assert heard.shape == samples.shape
    assert np.isfinite(heard).all()
    assert not heard[0].any()


def test_impossible_hearing_levels_are_limited_and_said():
    levels = np.array([-10, 0, 50, 95, 105, 120])
    listener = Listener(Audiogram(levels=levels, frequencies=FREQUENCIES), ear("N3"))
    heard = simulate_ear(swelling_noise(0.3), MODEL_RATE, listener.audiogram_left)
    assert np.isfinite(heard).all() and np.max(np.abs(heard)) < 0.2
    notes = " ".join(simulation_notes(listener))
    assert "above 100 dB HL" in notes and "better than 0 dB HL" in notes and "right" not in notes
    assert "meant for up to 90 dB HL" in " ".join(simulation_notes(STANDARD["N6"]))
    assert simulation_notes(STANDARD["N4"]) == ()


@pytest.mark.parametrize("bad", [np.zeros(0), np.array([0.1, np.nan]), np.array([0.1, np.inf])])
def test_bad_signals_are_a_sentence(bad):
    with pytest.raises(CadenzaError, match="signal"):
        simulate_ear(bad, MODEL_RATE, ear("N3"))


def test_bad_calibrations_are_a_sentence():
    with pytest.raises(CadenzaError, match="dB SPL"):
        simulate_ear(np.ones(10), MODEL_RATE, ear("N3"), calibration_db_spl=200.0)


def test_it_can_be_cancelled_between_pieces(monkeypatch):
    monkeypatch.setattr(simulation, "_PIECE", 64 * 100)
    shares = []

    def progress(share, text):
        shares.append(share)
        if share > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        simulate_ear(swelling_noise(1.0), MODEL_RATE, ear("NH"), progress=progress)
    assert shares == sorted(shares) and 0.3 < shares[-1] < 0.6
