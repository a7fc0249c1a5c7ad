"""The browser's mix against the core's, its loudness against pyloudnorm, and its limiter against what it promises."""

import math

import numpy as np
import pyloudnorm
import pytest
from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.audio.levels import measure
from cadenza_core.hearing import nalr_filter
from cadenza_core.remix import Gains, render
from cadenza_core.remix.limiter import limit

from .harness import songs

ENGINE = "cadenzaMixer.engine"
FREQUENCIES = np.array([250, 500, 1000, 2000, 3000, 4000, 6000, 8000])
LISTENER = Listener(
    Audiogram(levels=np.array([15, 20, 30, 45, 50, 60, 65, 70]), frequencies=FREQUENCIES),
    Audiogram(levels=np.array([20, 20, 25, 30, 40, 50, 50, 60]), frequencies=FREQUENCIES),
)
FIR = {
    "left": nalr_filter(LISTENER.audiogram_left).tolist(),
    "right": nalr_filter(LISTENER.audiogram_right).tolist(),
}
DECIBELS = {("vocals", "left"): 4.5, ("vocals", "right"): -3.0, ("drums", "left"): -60.0, ("bass", "right"): -7.3,
            ("other", "left"): -math.inf, ("other", "right"): 6.0}  # fmt: skip
GAINS = Gains(DECIBELS)
STEMS = songs.music()


def settings_of(gains):
    return {s: {**lane, "linked": False, "mute": False, "solo": False} for s, lane in gains.as_dict().items()}


def rendered(page, **options):
    return songs.decoded(page.evaluate("options => harness.render(options)", options)).astype(np.float32)


@pytest.fixture
def music(page, sounds):
    page.evaluate("data => harness.mount(data)", {**sounds["music"], "fir": FIR, "gains": settings_of(GAINS)})
    return page


def test_aided_remix_equals_the_cores_render_within_1e_4(music):
    want = render(STEMS, 44100, GAINS, listener=LISTENER)
    got = rendered(music, hear="aided")
    assert got.shape == want.shape
    assert np.max(np.abs(got - want)) < 1e-4


def test_plain_remix_equals_the_cores_within_1e_6(music):
    assert np.max(np.abs(rendered(music, hear="remix") - render(STEMS, 44100, GAINS))) < 1e-6


def test_reference_remix_follows_the_same_gains(music):
    music.evaluate(f"{ENGINE}.setHear('reference')")
    music.wait_for_function(f"{ENGINE}.graph.tracks.some((track) => track.bus === 'reference')")
    assert np.max(np.abs(rendered(music, hear="reference_aided") - rendered(music, hear="aided"))) < 2e-6


def test_a_part_equals_that_part_of_the_whole(music):
    whole = rendered(music, hear="aided")
    part = rendered(music, hear="aided", **{"from": 50001, "frames": 30000})
    assert np.max(np.abs(part - whole[:, 50001:80001])) < 1e-6


def test_unity_with_the_limiter_off_is_bit_for_bit_the_sum(page, sounds):
    page.evaluate("data => harness.mount(data)", sounds["music"])
    want = np.sum([STEMS[stem].astype(np.float64) for stem in STEMS], axis=0)
    assert np.array_equal(rendered(page, hear="remix"), want.astype(np.float32))
    assert np.array_equal(rendered(page, hear="original"), want.astype(np.float32))


@pytest.mark.parametrize("mode", ["original", "remix", "aided"])
def test_loudness_equals_pyloudnorms_within_0_01(music, mode):
    music.wait_for_function(f"Number.isFinite({ENGINE}.loudnessOf('aided') + {ENGINE}.loudnessOf('original'))")
    want = pyloudnorm.Meter(44100).integrated_loudness(rendered(music, hear=mode).T.astype(np.float64))
    assert music.evaluate(f"{ENGINE}.loudnessOf('{mode}')") == pytest.approx(want, abs=0.01)


def test_loudness_follows_the_gains_at_once(music):
    music.wait_for_function(f"Number.isFinite({ENGINE}.loudness)")
    gains = Gains({("vocals", "left"): -12.0, ("drums", "right"): 9.0})
    music.evaluate(f"gains => {ENGINE}.apply({{...{ENGINE}.settings, gains}})", settings_of(gains))
    want = pyloudnorm.Meter(44100).integrated_loudness(render(STEMS, 44100, gains).T)
    assert music.evaluate(f"{ENGINE}.loudness") == pytest.approx(want, abs=0.01)


def test_matched_modes_are_equally_loud_and_none_is_raised(music):
    music.wait_for_function(f"Number.isFinite({ENGINE}.loudnessOf('aided') + {ENGINE}.loudnessOf('original'))")
    music.evaluate(f"{ENGINE}.setMatch(true)")
    factors = music.evaluate(f"{ENGINE}.available.map((mode) => {ENGINE}.matchFactor(mode))")
    assert max(factors) == pytest.approx(1.0)
    modes = ["original", "remix", "aided"]
    levels = [measure(rendered(music, hear=mode), 44100).loudness for mode in modes]
    assert max(levels) - min(levels) < 0.02


def test_limiter_keeps_the_true_peak_under_minus_1_db_fs_as_the_cores_does(music):
    music.evaluate(f"{ENGINE}.setMaster(18)")
    loud = rendered(music, hear="remix")
    assert np.max(np.abs(loud)) > 1.0
    music.evaluate(f"{ENGINE}.setLimiter(true)")
    limited = rendered(music, hear="remix")
    assert measure(limited, 44100).true_peak <= -1.0
    assert np.max(np.abs(limited - limit(loud.astype(np.float64), 44100)[0])) < 1e-5
    # Gain is one number for both ears, at most 1, and moves slowly: no clipping in disguise.
    both = np.min(np.abs(loud), axis=0) > 0.05
    gain = limited[:, both] / loud[:, both]
    assert np.max(np.abs(gain[0] - gain[1])) < 1e-5
    assert np.max(gain) <= 1 + 1e-6


def test_limiter_leaves_what_is_below_the_ceiling_bit_for_bit(page, sounds):
    page.evaluate("data => harness.mount(data)", {**sounds["music"], "master_db": -6.0})
    quiet = rendered(page, hear="original")
    assert 0.2 < np.max(np.abs(quiet)) < 0.89
    page.evaluate(f"{ENGINE}.setLimiter(true)")
    assert np.array_equal(rendered(page, hear="original"), quiet)


def test_live_meter_counts_clips_and_estimates_true_peak_within_0_5_db(page, sounds):
    page.evaluate("data => harness.mount(data)", {**sounds["music"], "master_db": 14.0})
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_function(f"!{ENGINE}.playing && {ENGINE}.position === 0", timeout=15000)
    page.wait_for_timeout(150)
    want = measure(rendered(page), 44100)
    meter = page.evaluate(f"{ENGINE}.meter")
    assert want.clipped > 0
    assert meter["clips"] == want.clipped
    assert 20 * math.log10(meter["truePeak"]) == pytest.approx(want.true_peak, abs=0.5)
