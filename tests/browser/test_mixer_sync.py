"""All stems on the same sample, after whatever the user does; loops exact to the sample."""

import numpy as np
import pytest

ENGINE = "cadenzaMixer.engine"
LISTEN = f"""async () => {{
  const nodes = {ENGINE}.graph.tracks.filter((t) => t.bus === 'remix').map((t) => t.ears.left);
  window.heard = await harness.listenForClicks([...nodes, {ENGINE}.graph.output]);
}}"""


@pytest.fixture
def clicking(page, sounds):
    page.evaluate("data => harness.mount(data)", sounds["clicks"])
    page.evaluate(LISTEN)
    return page


def heard(page):
    """Give frames and values of what was heard, and forget it."""
    records = page.evaluate("() => { const all = [...heard]; heard.length = 0; return all; }")
    return np.array([r["frame"] for r in records]), np.array([r["values"] for r in records])


def stems_agree(values):
    stems = values[:, :4]
    sounding = stems[np.any(np.abs(stems) > 0.01, axis=1)]
    return len(sounding) > 0 and np.array_equal(sounding, np.repeat(sounding[:, :1], 4, axis=1))


def test_clicks_in_all_stems_leave_on_the_same_sample_after_start_five_seeks_and_a_pause(clicking):
    page = clicking
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(600)
    frames, values = heard(page)
    assert stems_agree(values)
    assert set(np.diff(frames[values[:, 0] > 0.01])) == {11025}
    for target in (30001, 7, 100000, 55555, 12345):
        page.evaluate(f"{ENGINE}.seek({target})")
        page.wait_for_timeout(450)
        _, values = heard(page)
        assert stems_agree(values), target
    page.evaluate(f"{ENGINE}.pause()")
    page.wait_for_timeout(200)
    heard(page)
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(500)
    _, values = heard(page)
    assert stems_agree(values)


def test_seek_lands_on_the_sample(clicking):
    page = clicking
    page.evaluate(f"{ENGINE}.seek(1000 + 11025 - 441)")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(300)
    at = page.evaluate(f"{ENGINE}.transport.takes[0].at")
    frames, values = heard(page)
    assert frames[values[:, 0] > 0.01][0] == at + 441


def test_period_of_a_half_second_loop_is_22050_samples_exactly(clicking):
    page = clicking
    page.evaluate(f"{ENGINE}.setLoop(11025, 33075); {ENGINE}.seek(11025)")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(2600)
    frames, values = heard(page)
    assert stems_agree(values)
    clicks = frames[values[:, 0] > 0.01]
    assert len(clicks) >= 9
    assert set(np.diff(clicks)) == {11025}


@pytest.mark.parametrize("start, end", [(11999, 14101), (999, 12026), (5000, 27053)])
def test_odd_loops_are_exact_too(clicking, start, end):
    page = clicking
    page.evaluate(f"{ENGINE}.setLoop({start}, {end}); {ENGINE}.seek({start})")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(1200)
    frames, values = heard(page)
    assert stems_agree(values)
    clicks = frames[values[:, 0] > 0.01]
    inside = [c for c in range(1000, 44100, 11025) if start <= c < end]
    assert set(clicks[len(inside) :] - clicks[: -len(inside)]) == {end - start}


def test_a_loop_set_while_playing_leaves_no_gap_and_no_stem_behind(clicking):
    page = clicking
    page.evaluate(f"{ENGINE}.play()")
    for end in (44100, 40000, 36000, 44100):
        page.wait_for_timeout(120)
        page.evaluate(f"{ENGINE}.setLoop(0, {end})")
    page.wait_for_timeout(300)
    page.evaluate(f"{ENGINE}.setLooping(false)")
    page.wait_for_timeout(600)
    frames, values = heard(page)
    assert stems_agree(values)
    clicks = frames[values[:, 0] > 0.01]
    assert set(np.diff(clicks)) <= {11025}


def test_mute_and_solo_hold_over_seek_loop_and_pause(clicking):
    page = clicking
    page.evaluate(f"{ENGINE}.setMute('drums', true); {ENGINE}.setSolo('vocals', true); {ENGINE}.setSolo('bass', true)")
    page.evaluate(f"{ENGINE}.play()")
    for step in ("seek(500)", "setLoop(0, 44100)", "pause()", "play()", "seek(20000)"):
        page.wait_for_timeout(300)
        heard(page)
        page.evaluate(f"{ENGINE}.{step}")
    page.wait_for_timeout(500)
    _, values = heard(page)
    loudest = np.abs(values).max(axis=0)
    assert loudest[0] == loudest[2] == 0.125
    assert loudest[1] == loudest[3] == 0.0


def test_a_stalled_page_starts_all_stems_together_though_late(clicking):
    page = clicking
    # The first two sources take longer to be told than the start lies ahead.
    page.evaluate("""() => {
      let calls = 0;
      const start = AudioBufferSourceNode.prototype.start;
      AudioBufferSourceNode.prototype.start = function (...given) {
        if (calls++ < 2) for (const begin = performance.now(); performance.now() - begin < 60; ) ;
        return start.apply(this, given);
      };
    }""")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(900)
    _, values = heard(page)
    output = values[:, 4]
    assert np.array_equal(output[output > 0.01], np.full(np.count_nonzero(output > 0.01), 0.5))
    assert np.any(output > 0.01)


def test_position_never_goes_back_while_playing_and_stops_at_the_end(page, sounds):
    page.evaluate("data => harness.mount(data)", sounds["clicks"])
    page.evaluate(f"{ENGINE}.seek(44100 * 2)")
    positions = page.evaluate(f"""async () => {{
      const all = [];
      await {ENGINE}.play();
      for (let i = 0; i < 60 && {ENGINE}.position < 44100 * 3.5; i++) {{ // a slow machine may get to the loop's end
        all.push({ENGINE}.position);
        if (i % 10 === 5) {ENGINE}.setLoop(0, 44100 * 4 - i);
        if (i % 10 === 9) {ENGINE}.setLooping(false);
        await harness.sleep(20);
      }}
      {ENGINE}.setLooping(false);
      return all;
    }}""")
    assert positions[0] == 88200 and len(positions) > 12
    assert np.all(np.diff(positions) >= 0)
    page.wait_for_function(f"!{ENGINE}.playing", timeout=5000)
    assert page.evaluate(f"{ENGINE}.position") == 0
