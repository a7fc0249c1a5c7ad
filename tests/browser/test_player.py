"""The player: switching has no gap and keeps the place, to the sample; nothing is raised; keys, loop and report."""

from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 44100
ENGINE = "cadenzaPlayer.engine"
MOUNT = """async (data) => {
  const { mount } = await import("/assets/player/index.js");
  const style = document.createElement("link");
  Object.assign(style, { rel: "stylesheet", href: "/assets/player/player.css" });
  document.head.append(style);
  const place = document.getElementById("place");
  place.innerHTML = '<div class="cadenza-player"></div>';
  window.logs = [];
  window.end = mount({ data, parentElement: place, setStateValue: (name, value) => window.logs.push([name, value]) });
  await harness.until(() => cadenzaPlayer.engine.isReady || cadenzaPlayer.engine.failures.length === data.sounds.length);
}"""
#: Renders the graph's output through a script that keeps every sample.
RECORD = f"""async () => {{
  const {{ context, graph }} = {ENGINE};
  const source = `registerProcessor("keep", class extends AudioWorkletProcessor {{
    process([input]) {{ if (input[0]) this.port.postMessage([currentFrame, input[0].slice()]); return true; }}
  }})`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], {{ type: "text/javascript" }})));
  const node = new AudioWorkletNode(context, "keep");
  window.kept = [];
  node.port.onmessage = ({{ data }}) => window.kept.push(data);
  (window.tapped?.() ?? graph.output).connect(node).connect(new GainNode(context, {{ gain: 0 }})).connect(context.destination);
}}"""


@pytest.fixture(scope="session")
def mixes(sounds: dict[str, Any]) -> dict[str, Any]:
    """Three sounds of 4 s: a constant of 0.5, one of 0.25, and clicks at each tenth of a second."""
    place = sounds["folder"] / "mixes"
    place.mkdir()
    clicks = np.zeros(4 * RATE)
    clicks[:: RATE // 10] = 0.8
    for name, samples in {"half": np.full(4 * RATE, 0.5), "quarter": np.full(4 * RATE, 0.25), "clicks": clicks}.items():
        soundfile.write(place / f"{name}.flac", np.stack([samples, samples], axis=1), RATE, subtype="PCM_16")
    levels = {"half": -6.0, "quarter": 0.0, "clicks": 0.0}
    listed = [
        {"id": name, "label": name.title(), "note": "", "url": f"/audio/mixes/{name}.flac", "level_db": level}
        for name, level in levels.items()
    ]
    return {
        "key": "k",
        "place": "p",
        "rate": RATE,
        "frames": 4 * RATE,
        "offset_s": 0.0,
        "sounds": listed,
        "report": True,
    }


@pytest.fixture
def player(page, mixes):
    page.evaluate(MOUNT, mixes)
    return page


def recorded(page) -> np.ndarray:
    """Give what came out, without a hole since before the first sound."""
    blocks = page.evaluate("() => kept.splice(0).map(([frame, samples]) => [frame, Array.from(samples)])")
    first = next(number for number, (_, samples) in enumerate(blocks) if max(samples) > 0)
    frames = np.array([frame for frame, _ in blocks[max(0, first - 1) :]])
    assert np.all(np.diff(frames) == 128)
    return np.concatenate([samples for _, samples in blocks[first:]])


def test_switching_is_a_crossfade_without_gap_or_click(player):
    player.evaluate(RECORD)
    player.evaluate(f"{ENGINE}.play()")
    player.wait_for_timeout(400)
    for name in ("quarter", "half", "quarter"):
        player.evaluate(f"{ENGINE}.select('{name}')")
        player.wait_for_timeout(250)
    sound = recorded(player)
    lit = np.flatnonzero(sound > 0.01)
    body = sound[lit[0] + 2000 : lit[-1]]
    low = 0.25
    high = 0.5 * 10 ** (-6 / 20)
    assert body.min() > low - 0.002 and body.max() < high + 0.002  # never silent, never both at once
    assert np.abs(np.diff(body)).max() < 0.001  # and no step
    assert body.min() < low + 1e-3 and body.max() > high - 1e-3


def test_all_keep_the_same_place_whichever_is_heard(player):
    player.evaluate(RECORD)
    player.evaluate(f"{ENGINE}.select('clicks')")
    player.evaluate(f"{ENGINE}.play()")
    player.wait_for_timeout(350)
    player.evaluate(f"{ENGINE}.select('quarter')")
    player.wait_for_timeout(330)
    player.evaluate(f"{ENGINE}.select('clicks')")
    player.wait_for_timeout(400)
    sound = recorded(player)
    clicks = np.flatnonzero(sound > 0.7)
    assert len(clicks) > 5
    assert set(np.diff(clicks) % (RATE // 10)) == {0}


def test_nothing_is_raised_and_loudness_can_be_unmatched(player):
    assert player.evaluate(f"{ENGINE}.factor('half')") == pytest.approx(10 ** (-6 / 20))
    player.keyboard.press("n")
    assert player.evaluate(f"{ENGINE}.factor('half')") == 1
    player.evaluate(MOUNT, player.evaluate("() => ({...cadenzaPlayer.data, key: 'loud'})") | {"may_unmatch": False})
    player.evaluate(f"{ENGINE}.sounds[0].level_db = 12")
    assert player.evaluate(f"{ENGINE}.factor('half')") == 1
    assert not player.get_by_label("Match loudness").is_visible()


def test_keys_play_choose_seek_and_loop(player):
    player.keyboard.press("Space")
    player.wait_for_function(f"{ENGINE}.playing")
    player.keyboard.press("2")
    assert player.evaluate(f"{ENGINE}.selected") == "quarter"
    assert player.get_by_role("radio", name="Quarter").is_checked()
    player.keyboard.press("Space")
    player.keyboard.press("Home")
    player.keyboard.press("Shift+ArrowRight")
    assert player.evaluate(f"{ENGINE}.position") == RATE
    player.keyboard.press("[")
    player.keyboard.press("Shift+ArrowRight")
    player.keyboard.press("]")
    assert player.evaluate(f"{ENGINE}.loop") == {"start": RATE, "end": 2 * RATE, "on": True}
    player.keyboard.press("l")
    assert player.evaluate(f"{ENGINE}.loop.on") is False


def test_no_peak_passes_the_ceiling_at_the_ear_and_the_start_is_low(player):
    assert player.evaluate(f"{ENGINE}.safety.db") == -12
    player.evaluate(
        MOUNT, player.evaluate("() => cadenzaPlayer.data") | {"calibration_db_spl": 110, "ceiling_db_spl": 90}
    )
    player.evaluate(f"{ENGINE}.setMatched(false)")
    player.evaluate(f"window.tapped = () => {ENGINE}.safety.guard")  # the last node before the ear
    player.evaluate(RECORD)
    for _ in range(4):
        player.keyboard.press(">")
    assert player.evaluate(f"{ENGINE}.safety.db") == 0
    player.keyboard.press("Space")
    player.wait_for_timeout(1200)  # the first sound comes in slowly
    for name in ("clicks", "half"):
        player.evaluate(f"{ENGINE}.select('{name}')")
        player.wait_for_timeout(350)
    player.get_by_text("Peaks are held below 90.0 dB SPL at the ear").wait_for()
    peak = 110 + 20 * np.log10(np.abs(recorded(player)).max())
    assert 89.5 < peak <= 90.0


@pytest.mark.parametrize("wait", [300, 1500])  # while the first sound still comes in; afterwards
def test_what_is_much_louder_comes_in_without_a_jump(player, wait):
    quiet = player.evaluate("() => ({...cadenzaPlayer.data, key: 'rise'})")
    quiet["sounds"] = [{**sound, "level_db": -24 if sound["id"] == "half" else 0} for sound in quiet["sounds"]]
    player.evaluate(MOUNT, quiet)
    player.evaluate(f"window.tapped = () => {ENGINE}.safety.guard")
    player.evaluate(RECORD)
    player.evaluate(f"{ENGINE}.play()")
    player.wait_for_timeout(wait)
    player.keyboard.press("n")  # 24 dB louder at once
    player.wait_for_timeout(1500)
    sound = recorded(player)
    window = RATE // 100
    peaks = np.abs(sound[: sound.size // window * window]).reshape(-1, window).max(axis=1)
    levels = 20 * np.log10(peaks[np.flatnonzero(peaks)[0] + 2 :])  # from the first sound on, fade in left out
    assert levels[-1] - levels[0] > 40
    loudest = np.maximum.accumulate(levels)  # it dips before it rises
    assert np.diff(loudest).max() < 3  # 40 dB a second


def test_what_was_heard_comes_back(player):
    player.keyboard.press("Space")
    player.wait_for_timeout(500)
    player.keyboard.press("3")
    player.wait_for_timeout(300)
    player.keyboard.press("Space")
    player.wait_for_timeout(500)
    name, log = player.evaluate("logs.at(-1)")
    assert name == "log" and log["key"] == "k" and log["selected"] == "clicks"
    assert log["plays"] == {"half": 1, "clicks": 1}
    assert log["heard_s"]["half"] == pytest.approx(0.5, abs=0.3) and log["heard_s"]["clicks"] > 0.1
    (switch,) = log["switches"]
    assert (switch["from"], switch["to"]) == ("half", "clicks")
    assert switch["position_s"] == pytest.approx(0.5, abs=0.3)


def test_a_sound_that_fails_is_said_and_the_others_play(page, mixes):
    broken = {
        **mixes,
        "key": "broken",
        "sounds": [*mixes["sounds"][:2], {**mixes["sounds"][2], "url": "/audio/none.flac"}],
    }
    page.evaluate(MOUNT, broken)
    assert "Clicks could not be loaded: the server answered 404" in page.locator(".problems").inner_text()
    page.keyboard.press("3")
    assert page.evaluate(f"{ENGINE}.selected") == "half"
    page.keyboard.press("Space")
    page.wait_for_function(f"{ENGINE}.playing")


def test_the_player_is_accessible(player, axe):
    player.evaluate(axe)
    found = player.evaluate(
        "async () => (await axe.run(document.querySelector('.player'))).violations.map((v) => v.id)"
    )
    assert found == []


def test_an_interruption_pauses_and_is_said(player):
    player.keyboard.press("Space")
    player.wait_for_function(f"{ENGINE}.playing")
    player.evaluate(f"{ENGINE}.context.suspend()")
    player.wait_for_function(f"!{ENGINE}.playing")
    assert "The sound was interrupted" in player.locator(".problems").inner_text()
    player.keyboard.press("Space")
    player.wait_for_function(f"{ENGINE}.playing")
    assert not player.locator(".problems").is_visible()
