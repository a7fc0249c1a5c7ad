"""What the listener hears, simulated in the browser: the core's numbers, each ear by itself, no click, no peak too high."""

import json

import numpy as np
import pytest
import scipy.signal
from clarity.utils.audiogram import Listener

from cadenza_core.audio.levels import measure
from cadenza_core.catalog import standard_listeners
from cadenza_core.hearing import nalr_filter
from cadenza_core.hearing.live import live_parameters
from cadenza_core.remix import MixSettings, mix, mixdown

from .harness import songs
from .test_mixer_render import rendered

ENGINE = "cadenzaMixer.engine"
RATE = songs.RATE
STANDARD = standard_listeners()
LISTENER = Listener(STANDARD["N3"].audiogram_left, STANDARD["S2"].audiogram_right, "N3-S2")
EARS = {"left": LISTENER.audiogram_left, "right": LISTENER.audiogram_right}
FIR = {ear: nalr_filter(audiogram).tolist() for ear, audiogram in EARS.items()}
STEMS = songs.music()


@pytest.fixture
def listening(page, sounds):
    """The page with a listener whose hearing can be simulated."""
    (sounds["folder"] / "hearing.json").write_text(json.dumps(live_parameters(LISTENER)))

    def begin(song="music", **data):
        given = {**sounds[song], "fir": FIR, "hearing_url": "/audio/hearing.json", "master_db": 12.0, **data}
        page.evaluate("data => harness.mount(data)", given)
        return page

    return begin


def core(**settings):
    """Give the core's render of the same."""
    wanted = MixSettings(limiter=False, master_db=12.0, **settings)
    return mixdown(wanted, RATE, STEMS, mix(STEMS), listener=LISTENER).samples


@pytest.mark.parametrize(
    ("hear", "ears"),
    [
        pytest.param("remix", "both", marks=pytest.mark.slow),
        ("aided", "both"),
        pytest.param("aided", "left", marks=pytest.mark.slow),
    ],
)
def test_live_simulation_equals_the_cores_within_1e_4(listening, hear, ears):
    page = listening(hear=hear, simulation=ears)
    got, want = rendered(page), core(hear=hear, simulation=ears)
    assert np.max(np.abs(want)) > 0.05
    assert np.max(np.abs(got - want)) < 1e-4
    if ears == "left":  # the right ear is not touched, nor out of time
        assert np.array_equal(got[1], np.float32(core(hear=hear)[1])) or np.max(np.abs(got - core(hear=hear))[1]) < 1e-4
        assert np.max(np.abs(got - core(hear=hear))[0]) > 0.01


def test_switching_the_ears_does_not_click_and_ends_where_it_began(listening):
    page = listening("tone", hear="remix", master_db=0.0, fir=None)
    page.evaluate(f"{ENGINE}.setVolume(0); harness.record(); {ENGINE}.setSimulation('both')")
    page.wait_for_function(f"{ENGINE}.simulation.numbers && !{ENGINE}.simulation.loading")
    page.evaluate(f"{ENGINE}.setSimulation('off'); {ENGINE}.play()")
    page.wait_for_timeout(1200)
    for ears in ("both", "left", "off", "right", "both", "off"):
        page.evaluate(f"{ENGINE}.setSimulation('{ears}')")
        page.wait_for_timeout(300)
    page.wait_for_timeout(1500)
    heard = songs.decoded(page.evaluate("harness.heard()"))[:, RATE // 2 :]
    # A tone of 1.4 kHz, smeared or not, has nothing above 12 kHz; where a gain begins to glide there is 0.1 % of the peak, and
    # a step of 2 % of the peak has 0.5 %.
    wrong = scipy.signal.sosfiltfilt(scipy.signal.butter(8, 12000, "high", fs=RATE, output="sos"), heard)[:, 100:-100]
    peak = np.max(np.abs(heard))
    assert 0.05 < peak < 0.3
    assert np.max(np.abs(wrong)) < 0.003 * peak
    assert np.max(np.abs(heard[:, -2000:])) == pytest.approx(0.125, rel=0.01)


@pytest.mark.parametrize("simulation", ["both", "right"])
def test_the_ceiling_holds_with_simulated_hearing(listening, simulation):
    page = listening(hear="aided", simulation=simulation, master_db=24.0, calibration_db_spl=112, ceiling_db_spl=90)
    page.evaluate(f"{ENGINE}.setVolume(0); harness.record(); {ENGINE}.play()")
    page.wait_for_timeout(1500)
    heard = songs.decoded(page.evaluate("harness.heard()"))
    assert 85 < 112 + measure(heard, RATE).true_peak <= 90.0


def test_a_rendering_plays_as_it_was_made_and_turns_stale_with_a_gain(listening, sounds):
    music = sounds["music"]
    urls = {"msbg": music["original_url"], "msbg_aided": music["lanes"][0]["url"]}
    msbg = {"urls": urls, "gains": music["gains"], "master_db": 12.0, "stale": False}
    page = listening(msbg=msbg, simulation="both")
    page.evaluate(f"{ENGINE}.setHear('msbg')")
    page.wait_for_function(f"{ENGINE}.graph.tracks.some((track) => track.bus === 'msbg')")
    # The master of 12 dB is in it, and nothing simulates it once more.
    assert np.max(np.abs(rendered(page) - mix(STEMS))) < 1e-6
    note = page.locator(".bar.ears .listener").last
    assert note.text_content() == "of these settings"
    page.evaluate(f"{ENGINE}.setGain('drums', 'both', -3)")
    assert note.text_content() == "stale: of other settings"
    page.evaluate(f"{ENGINE}.setGain('drums', 'both', 0)")
    assert note.text_content() == "of these settings"


def test_without_its_numbers_the_mix_goes_on_and_a_sentence_says_so(listening):
    page = listening(hearing_url="/audio/nothing.json", simulation="both")
    page.get_by_text("Simulated hearing could not be loaded: the server answered 404.").wait_for()
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_function(f"{ENGINE}.position > 4410")
    page.evaluate(f"{ENGINE}.setSimulation('off')")
    page.wait_for_function(f"{ENGINE}.failures.length === 0")
