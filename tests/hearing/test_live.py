"""The live approximation: near MSBG in band levels, MSBG's own numbers, in time, and fit for the browser."""

import base64
import json

import numpy as np
import pytest
import scipy.signal
from clarity.evaluator.msbg.msbg_utils import DF_ED, FF_ED, HZ, MIDEAR
from clarity.evaluator.msbg.smearing import smear3
from clarity.utils.audiogram import Audiogram

from benchmarks import simulation as benchmark
from cadenza_core.catalog import standard_listeners
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import live
from cadenza_core.hearing.live import LIVE_LATENCY, live_ear, live_parameters, live_sum, simulate_live
from cadenza_core.hearing.simulation import MODEL_RATE

STANDARD = standard_listeners()


def ear(name):
    return STANDARD[name].audiogram_left


@pytest.mark.parametrize("severity", ["MILD", "MODERATE", "SEVERE"])
def test_smearing_is_pyclaritys(severity):
    matrix = live._smearing(severity)
    signal = np.random.default_rng(0).normal(size=64 * 40)
    signal[:256] = 0.0  # pyclarity's puts a copy of its beginning before it
    theirs = smear3(matrix.astype(np.float64), signal)[: len(signal)]
    assert np.std(theirs) > 0.5
    np.testing.assert_allclose(live._smeared(signal, matrix), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["N2", "N4", "S2", "S3"])
def test_band_levels_are_msbgs_within_3_db(name):
    found = np.stack(list(benchmark.compare(ear(name), "speech-shaped noise", levels=(55, 80), seconds=1.5).values()))
    heard = np.abs(found[~np.isnan(found)])
    assert heard.size > 10
    assert heard.max() < 3.0


def test_the_way_to_the_cochlea_is_msbgs_within_half_a_db_and_taken_back_exactly():
    hertz = np.geomspace(90, 10000, 300)
    forward, back = live._transfer()
    _, there = scipy.signal.sosfreqz(live._sos(forward), hertz, fs=MODEL_RATE)
    _, again = scipy.signal.sosfreqz(live._sos(back), hertz, fs=MODEL_RATE)
    assert len(FF_ED) == len(DF_ED) == len(HZ)
    assert np.max(np.abs(20 * np.log10(np.abs(there)) - np.interp(hertz, HZ, FF_ED - MIDEAR))) < 0.5
    assert np.max(np.abs(there * again - 1)) < 1e-9
    assert all(np.max(np.abs(np.roots([1, *row[3:]]))) < 1 for row in (*forward, *back))


@pytest.mark.parametrize("name", ["NH", "N1", "N2", "N4"])
def test_the_bands_add_up_to_within_3_db(name):
    assert np.max(np.abs(live_sum(ear(name), np.geomspace(90, 14000, 200)))) < 3.0


def test_a_click_stays_where_it_was_above_the_bass():
    signal = scipy.signal.sosfilt(
        scipy.signal.butter(2, 1500, "high", fs=MODEL_RATE, output="sos"), np.eye(1, 6000, 3000)[0]
    )
    assert np.argmax(np.abs(simulate_live(signal, live_ear(ear("NH"))))) == pytest.approx(3000, abs=8)


def test_what_is_below_the_threshold_vanishes_and_silence_stays_silent():
    tone = np.sin(2 * np.pi * 2000 * np.arange(15000) / MODEL_RATE) * 10 ** ((50 - 97) / 20)
    assert 100 + 20 * np.log10(np.std(simulate_live(tone, live_ear(ear("N4")))[5000:])) < 0
    assert not simulate_live(np.zeros(1000), live_ear(ear("N4"))).any()


@pytest.mark.parametrize("count", [1, 15, 16, 17])
def test_short_signals_keep_their_length(count):
    heard = simulate_live(np.full(count, 0.1), live_ear(ear("N3")), lead=110)
    assert heard.shape == (count,) and np.isfinite(heard).all()


def test_the_browsers_numbers_are_plain_and_complete():
    numbers = json.loads(json.dumps(live_parameters(STANDARD["N3"])))
    assert numbers["latency"] == LIVE_LATENCY == 280
    for side in ("left", "right"):
        bands = len(numbers[side]["delay"])
        assert all(
            len(numbers[side][name]) == bands
            for name in ("highpass", "stage", "turn", "weight", "exponent", "envelope")
        )
        assert len(base64.b64decode(numbers[side]["smearing"])) == 4 * 256 * 256
        assert max(numbers[side]["delay"]) <= LIVE_LATENCY


def test_levels_beyond_the_model_are_limited():
    deep = Audiogram(levels=np.full(6, 120.0), frequencies=np.array([250, 500, 1000, 2000, 4000, 6000]))
    assert np.max(live_ear(deep).exponent) == pytest.approx(105 / 5 - 1)
    with pytest.raises(CadenzaError, match="dB SPL"):
        live_ear(deep, 20.0)
