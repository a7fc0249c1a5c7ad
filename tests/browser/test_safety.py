"""Nothing leaves the page louder than the ceiling at the ear, at once louder, or loud at first."""

import numpy as np
import pytest

from cadenza_core.audio.levels import measure

from .harness import songs

ENGINE = "cadenzaMixer.engine"
RATE = songs.RATE
LOUD_FIR = {ear: [0.0] * 110 + [30.0] + [0.0] * 110 for ear in ("left", "right")}  # 29.5 dB


@pytest.fixture
def listening(page, sounds):
    """The page with a loud amplification, and a tap on what leaves it."""

    def begin(song="music", volume=0.0, **data):
        page.evaluate("data => harness.mount(data)", {**sounds[song], "fir": LOUD_FIR, "limiter": False, **data})
        page.evaluate(f"{ENGINE}.setVolume({volume})")
        page.wait_for_function(f"Number.isFinite({ENGINE}.loudnessOf('aided') + {ENGINE}.loudnessOf('remix'))")
        page.evaluate("harness.record()")
        page.evaluate(f"{ENGINE}.setLoop(0, {ENGINE}.song.frames)")
        return page

    return begin


def heard(page):
    """Give what has left the page so far [shape=(2, n)]."""
    return songs.decoded(page.evaluate("harness.heard()"))


def levels(samples, seconds=0.01):
    """Give the level of windows of the louder ear, dB FS."""
    length = round(seconds * RATE)
    windows = samples[:, : samples.shape[1] // length * length].reshape(2, -1, length)
    return 10 * np.log10(np.maximum((windows**2).mean(axis=2).max(axis=0), 1e-12))


def test_no_peak_passes_the_ceiling_in_any_mode_at_any_volume_with_the_limiter_off(listening):
    page = listening(calibration_db_spl=112, ceiling_db_spl=94, master_db=12)
    page.evaluate(f"{ENGINE}.play()")
    for mode in ("remix", "aided", "original", "reference_aided"):
        page.evaluate(f"{ENGINE}.setHear('{mode}')")
        for volume in (0, -12, -1):
            page.evaluate(f"{ENGINE}.setVolume({volume})")
            page.wait_for_timeout(250)
    page.evaluate(f"{ENGINE}.setLevels({{calibration_db_spl: 112, ceiling_db_spl: 90}})")
    page.wait_for_timeout(150)
    before = page.evaluate("harness.heardFrames()")
    page.wait_for_timeout(400)
    assert 112 + measure(heard(page), RATE).true_peak <= 94.0
    assert 89 < 112 + measure(heard(page)[:, before:], RATE).true_peak <= 90.0
    page.get_by_text("Peaks are held below 90.0 dB SPL at the ear").wait_for()


def test_under_the_ceiling_samples_pass_bit_for_bit_and_the_mix_knows_no_volume(listening):
    page = listening("constant", volume=-6, calibration_db_spl=100, ceiling_db_spl=100)
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(3500)
    mix = page.evaluate(f"{ENGINE}.render({{from: 44100, frames: 1}}).then((b) => b.getChannelData(0)[0])")
    assert heard(page)[0, -1] == pytest.approx(mix * 10 ** (-6 / 20), rel=1e-3)  # the guard is all but open
    assert page.evaluate(f"{ENGINE}.graph.limiter && {ENGINE}.safety.limit") == float("inf")


@pytest.mark.parametrize("switch", ["setHear('aided')", "apply({...cadenzaMixer.engine.settings, master_db: 20})"])
def test_what_is_much_louder_comes_in_without_a_jump(listening, switch):
    page = listening("constant", calibration_db_spl=100, ceiling_db_spl=120, master_db=-24)
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(1500)
    begin = page.evaluate("harness.heardFrames()")
    page.evaluate(f"{ENGINE}.{switch}")
    page.wait_for_timeout(2500)
    after = levels(heard(page)[:, begin - RATE // 20 :])
    assert after[-1] - after[0] > 25  # it is louder in the end
    assert np.max(after[1:] - np.maximum.accumulate(after)[:-1]) < 3.0


def test_what_follows_silence_comes_in_without_a_jump(listening):
    page = listening("tone", calibration_db_spl=100, ceiling_db_spl=120)
    page.evaluate(f"{ENGINE}.play()")
    page.evaluate("harness.whole = structuredClone(cadenzaMixer.engine.settings)")
    page.evaluate(f"{ENGINE}.names.forEach((name) => {ENGINE}.setMute(name, true))")
    page.wait_for_timeout(1000)
    assert page.evaluate(f"{ENGINE}.loudness") == float("-inf")
    begin = page.evaluate("harness.heardFrames()")
    page.evaluate(f"{ENGINE}.apply(harness.whole)")
    page.wait_for_timeout(1500)
    after = levels(heard(page)[:, begin:])
    after = after[after > -100]
    assert after[0] < after[-1] - 20
    assert np.max(np.diff(after[2:])) < 3.0  # the first windows are not full


def test_the_first_sound_is_low_and_the_volume_as_well(page, sounds):
    page.evaluate("data => harness.mount(data)", sounds["constant"])
    assert page.evaluate(f"{ENGINE}.safety.db") == -12
    assert page.get_by_label("Listening volume").input_value() == "-12"
    page.evaluate("harness.record()")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(2500)
    sound = levels(heard(page))
    sound = sound[sound > -100]
    assert sound[1] < sound[-1] - 15
    assert np.max(np.diff(sound[1:])) < 3.0


def test_keys_and_slider_set_the_volume_and_the_level_at_the_ear_is_shown(listening):
    page = listening(calibration_db_spl=100, ceiling_db_spl=100)
    page.keyboard.press("<")
    assert page.evaluate(f"{ENGINE}.safety.db") == -3
    page.get_by_label("Listening volume").fill("-20")
    assert page.evaluate(f"{ENGINE}.safety.db") == -20
    shown = page.locator(".spl").inner_text()
    want = 100 + page.evaluate(f"{ENGINE}.loudness") + 0.691 - 3.01 - 20
    assert shown == f"≈ {round(want)} dB SPL"


def test_loud_amplification_is_warned_of(listening):
    page = listening(calibration_db_spl=100, ceiling_db_spl=100)
    page.evaluate(f"{ENGINE}.setHear('aided')")
    page.get_by_text("This is amplified for the listener, and loud").wait_for()
    page.evaluate(f"{ENGINE}.setVolume(-50)")
    page.get_by_text("This is amplified for the listener, and loud").wait_for(state="hidden")


def test_without_a_limiter_full_scale_itself_stays_below_the_ceiling(chromium, base, sounds):
    page = chromium.new_page()
    page.goto(base.replace("127.0.0.1", "studio.test") + "/harness/page.html")
    page.wait_for_function("window.harness")
    page.evaluate("data => harness.mount(data)", {**sounds["music"], "calibration_db_spl": 120, "ceiling_db_spl": 90})
    page.evaluate(f"{ENGINE}.setVolume(0)")
    assert page.evaluate(f"{ENGINE}.safety.volume.gain.value") == pytest.approx(10 ** (-30 / 20), rel=1e-3)
    page.close()
