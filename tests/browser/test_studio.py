"""The studio in a browser: it opens on the demo and plays; links, presets, scores, restarts, and bad input."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from .harness import server
from .studio_server import ENGINE, open_page, serve, wait_ready

SCREENSHOTS = server.ROOT / "screenshots"


@pytest.fixture
def context(window: Any) -> Iterator[Any]:
    window.set_default_timeout(60000)
    yield window
    faults = [fault for page in window.pages for fault in getattr(page, "faults", [])]
    for page in window.pages:
        page.close()
    assert faults == []


def shot(page: Any, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def query_has(page: Any, text: str) -> None:
    page.wait_for_function(
        "text => [...new URLSearchParams(location.search)].map((each) => each.join('=')).join('&').includes(text)",
        arg=text,
    )


def gain(page: Any, name: str) -> list[float]:
    lane = page.evaluate(f"{ENGINE}.settings.gains.{name}")
    return [lane["left"], lane["right"]]


def test_opens_on_the_demo_and_plays_and_the_meters_move(studio: str, context: Any) -> None:
    page = open_page(context, studio)
    assert "song=demo" in page.url and "listener=N3" in page.url
    shot(page, "first-open")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"{ENGINE}.position > 22050")
    meter = page.locator(".lane .meter i").first
    meter.evaluate(
        """async element => {
          while (!(+getComputedStyle(element).getPropertyValue("--level") > 0.05)) await new Promise(requestAnimationFrame);
        }"""
    )
    shot(page, "playing")


def test_a_gain_acts_at_once_and_asks_the_server_for_no_sound(studio: str, context: Any) -> None:
    page = open_page(context, studio)
    page.wait_for_timeout(1000)
    page.asked.clear()
    page.evaluate(f"{ENGINE}.setGain('drums', 'both', -6)")
    page.wait_for_function(f"Math.abs({ENGINE}.graph.tracks[1].ears.left.gain.value - 10 ** (-6 / 20)) < 1e-4")
    query_has(page, "drums=-6")
    assert [url for url in page.asked if "/audio/" in url or "/peaks/" in url] == []


def test_a_shared_link_and_a_reload_restore_everything(studio: str, context: Any) -> None:
    page = open_page(
        context, studio, "?part=4-9&listener=N2-S1&system=reference&vocals=3&drums=-6,-3m&hear=aided&master=-2"
    )

    def check(opened: Any) -> None:
        assert gain(opened, "vocals") == [3, 3]
        assert gain(opened, "drums") == [-6, -3]
        settings = opened.evaluate(f"{ENGINE}.settings")
        assert (settings["hear"], settings["master_db"], settings["gains"]["drums"]["mute"]) == ("aided", -2, True)
        assert opened.evaluate(f"[{ENGINE}.song.frames, {ENGINE}.song.offset_s]") == [5 * 44100, 4]
        assert opened.evaluate(f"{ENGINE}.song.listener_label") == "N2-S1"

    check(page)
    page.evaluate(f"{ENGINE}.setGain('bass', 'both', 1.5)")
    query_has(page, "bass=1.5")
    other = open_page(context, page.url.split("/?")[0], "?" + page.url.split("/?")[1])
    check(other)
    assert gain(other, "bass") == [1.5, 1.5]
    page.reload()
    wait_ready(page)
    check(page)
    assert gain(page, "bass") == [1.5, 1.5]


def test_a_nonsense_link_is_a_sentence_and_the_demo_plays(studio: str, context: Any) -> None:
    page = open_page(context, studio, "?song=Nobody*&part=x&listener=/etc/passwd.json:a&system=magic&vocals=1e9")
    for words in (
        "The song 'Nobody*' is not here",
        "The excerpt 'x'",
        "is not here. Import",
        "'magic'",
        "gain of vocals",
    ):
        page.get_by_text(words).first.wait_for()
    assert gain(page, "vocals") == [0, 0]
    shot(page, "nonsense-link")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"{ENGINE}.position > 4410")


def test_a_preset_is_saved_and_recalled(studio: str, context: Any) -> None:
    page = open_page(context, studio)
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', 4.5)")
    query_has(page, "vocals=4.5")
    page.get_by_role("radio", name="Presets").click()
    page.get_by_placeholder("Name of this mix").fill("<b>Loud</b> *voice*")
    page.get_by_role("button", name="Save", exact=True).click()
    saved = page.get_by_role("button", name="<b>Loud</b> *voice*")
    saved.wait_for()
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', -10)")
    query_has(page, "vocals=-10")
    shot(page, "presets")
    page.get_by_role("button", name="<b>Loud</b> *voice*").click()
    page.wait_for_function(f"{ENGINE}.settings.gains.vocals.left === 4.5")


@pytest.mark.slow
def test_scores_come_on_demand_and_turn_stale_with_a_gain(studio: str, context: Any) -> None:
    page = open_page(context, studio, "?part=9-9.6")
    page.get_by_role("button", name="Score this mix").click()
    page.get_by_text("HAAQI per ear, took").wait_for(timeout=120000)
    shot(page, "scores")
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', 6)")
    page.get_by_text("Stale: a gain has moved since").wait_for()


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("vocals=3&limiter=off", marks=pytest.mark.slow),
        pytest.param("vocals=9&drums=-3,2&hear=aided"),
        pytest.param("vocals=6&hear=aided&match=on", marks=pytest.mark.slow),
    ],
)
def test_the_mix_is_exported_as_it_is_heard(studio: str, context: Any, query: str) -> None:
    page = open_page(context, studio, f"?part=9-12&{query}")
    if "match" in query:
        page.wait_for_function(f"{ENGINE}.matchFactor('aided') < 1")
    page.get_by_role("radio", name="Export").click()
    page.get_by_role("button", name="Write the mix as WAV").click()
    link = page.locator('a[href*="/exports/"]', has_text="Sound")
    link.wait_for()
    answer = context.request.get(studio + link.get_attribute("href"))
    assert answer.headers["content-disposition"].startswith("attachment")
    exported, rate = soundfile.read(io.BytesIO(answer.body()), dtype="float64")
    heard = page.evaluate(
        f"""async () => {{
          const made = await {ENGINE}.render();
          return [...Array(2).keys()].map(ear => [...made.getChannelData(ear)]);
        }}"""
    )
    assert (rate, len(exported)) == (44100, 3 * 44100)
    assert np.abs(exported.T - np.array(heard)[:, : len(exported)]).max() < 1e-4


BAD_UPLOADS = [
    ("empty.wav", b"", "0 bytes"),
    ("text.wav", b"no sound " * 99, "text.wav"),
    ("list.txt", b"x", "list.txt"),
]


def test_bad_files_are_sentences_and_the_mixer_stays(studio: str, context: Any) -> None:
    page = open_page(context, studio)
    page.get_by_role("button", name="Library").click()
    for name, content, words in BAD_UPLOADS:
        choose(page, "first", name, content)
        page.get_by_test_id("stAlert").get_by_text(words).wait_for()
    page.keyboard.press("Escape")
    entry = {"name": "L1", "audiogram_cfs": [250, 500, 1000, 2000, 4000, 6000]}
    entry |= {"audiogram_levels_l": [10, 20, None, 40, 50, 60], "audiogram_levels_r": [10, 20, 30, 40, 50, 60]}
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("tab", name="Import").click()
    choose(page, "last", "holes.json", json.dumps({"L1": entry}).encode())
    page.get_by_text("null is not accepted").wait_for()
    assert page.evaluate(f"{ENGINE}.isReady")


def choose(page: Any, which: str, name: str, content: bytes) -> None:
    """Give a file to the first or last uploader."""
    field = getattr(page.locator("input[type=file]"), which)
    field.set_input_files({"name": name, "mimeType": "audio/wav", "buffer": content})


def test_an_upload_without_stems_is_separated_and_true_stems_are_not_offered(studio: str, context: Any) -> None:
    file = io.BytesIO()
    tone = np.sin(np.arange(3 * 44100) / 20)[:, None] * [0.2, 0.1]
    soundfile.write(file, tone, 44100, format="WAV")
    page = open_page(context, studio)
    before = page.evaluate(f"{ENGINE}.song.lanes[0].url")
    page.get_by_role("button", name="Library").click()
    choose(page, "first", "My_song *1*.wav", file.getvalue())
    page.wait_for_function(f"url => {ENGINE}.isReady && {ENGINE}.song.lanes[0].url !== url", arg=before)
    assert page.evaluate(f"{ENGINE}.song.frames") == 3 * 44100
    query_has(page, "song=My_song")
    page.get_by_text("this song has none").wait_for()
    shot(page, "song-without-stems")


@pytest.mark.slow
def test_what_the_listener_hears_follows_the_mixer_and_the_amplification(studio: str, context: Any) -> None:
    page = open_page(context, studio, "?part=9-14&listener=N4")
    page.wait_for_function("globalThis.cadenzaAudibility?.result")
    page.locator(".audibility tbody tr", has_text="%").first.wait_for()
    with_nalr = page.evaluate("cadenzaAudibility.result.aided.total")
    shot(page, "audibility")
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', 12)")
    page.wait_for_function("before => cadenzaAudibility.result.aided.total[0] > before", arg=with_nalr[0])
    page.get_by_role("combobox", name="Amplification").click()
    page.get_by_role("option", name="Half-gain rule").click()
    page.get_by_role("columnheader", name="with Half-gain rule").wait_for()
    page.wait_for_function(f"{ENGINE}.song.aid_label === 'Half-gain rule'")
    assert gain(page, "vocals") == [12, 12]
    query_has(page, "prescription=half-gain")


@pytest.mark.slow
def test_missing_weights_are_said_and_nothing_is_swapped(studio: str, context: Any) -> None:
    page = open_page(context, studio, "?system=htdemucs", ready=False)
    page.get_by_text("is not ready on this machine").wait_for()
    page.get_by_text("What works now:").wait_for()
    assert "system=htdemucs" in page.url
    offer = page.get_by_role("button", name="Preview")
    offer.wait_for()
    shot(page, "weights-missing")
    offer.click()
    wait_ready(page)


@pytest.mark.slow
def test_an_audiogram_is_drawn_and_typed_and_heard(studio: str, context: Any) -> None:
    page = open_page(context, studio, "?part=9-9.6&listener=N1")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("tab", name="New").click()
    point = page.get_by_role("slider", name="Right ear, 2000 Hz, dB HL")
    point.focus()
    before = float(point.get_attribute("aria-valuenow"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    assert float(point.get_attribute("aria-valuenow")) == before + 6
    typed = page.get_by_label("Left ear at 1000 Hz, dB HL")
    drawn = float(typed.input_value())
    box = page.get_by_role("slider", name="Left ear, 1000 Hz, dB HL").bounding_box()
    chart = page.locator(".audiogram-editor svg").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + chart["height"] * 170 / 212 * 40 / 130, steps=4)  # 40 of the 130 dB of the plot's 170 units
    page.mouse.up()
    assert float(typed.input_value()) == drawn + 40
    field = page.get_by_label("Left ear at 4000 Hz, dB HL")
    field.fill("")
    page.get_by_label("Name").fill("Drawn")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Listener 'Drawn'").wait_for()  # the sentence that names what is missing
    field.fill("55")
    shot(page, "audiogram-editor")
    page.get_by_role("button", name="Save", exact=True).click()
    query_has(page, "listener=Drawn")
    page.wait_for_function(f"{ENGINE}.song.listener_label === 'Drawn'")


@pytest.mark.slow
def test_sound_goes_on_without_the_server_and_the_page_comes_back(context: Any, tmp_path: Path, with_demo: Any) -> None:
    with serve(with_demo(tmp_path / "home")) as (url, process):
        page = open_page(context, url)
        page.evaluate(f"{ENGINE}.setLoop(0, {ENGINE}.song.frames)")  # a server may take longer to start than it lasts
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function(f"{ENGINE}.position > 4410")
        process.kill()
        process.wait()
        page.evaluate(f"{ENGINE}.setGain('other', 'both', -3)")
        before = page.evaluate(f"{ENGINE}.context.currentTime")
        page.wait_for_function(f"{ENGINE}.playing && {ENGINE}.context.currentTime > {before} + 1")
    with serve(tmp_path / "home", int(url.rsplit(":", 1)[1])):
        query_has(page, "other=-3")
        assert page.evaluate(f"{ENGINE}.playing")
        assert gain(page, "other") == [-3, -3]


@pytest.mark.slow
def test_axe_has_no_serious_findings_in_both_themes_and_a_large_screen_is_filled(
    studio: str, context: Any, axe: str
) -> None:
    page = open_page(context, studio, "?part=9-9.6")
    page.get_by_text("HAAQI, remix now").wait_for(timeout=120000)
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for panel in ("Scores", "Presets", "Export"):
            page.get_by_role("radio", name=panel).click()
            page.wait_for_timeout(1000)
            # Nothing but colours differs in the other theme.
            rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
            options = {"resultTypes": ["violations"], **rules}
            found = page.evaluate("options => axe.run(document, options)", options)["violations"]
            serious = [each for each in found if each["impact"] in {"serious", "critical"}]
            assert {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in serious} == {}, panel
    for scheme, width, height in (("dark", 1280, 800), ("light", 2560, 1440)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(800)
        shot(page, f"{scheme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
