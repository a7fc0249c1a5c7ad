"""The mixer as it is seen and operated: gains, keyboard, accessibility, empty and failed states, screenshots."""

from pathlib import Path

import pytest

ENGINE = "cadenzaMixer.engine"
ROOT = Path(__file__).resolve().parents[2]
#: Ignored by git.
BUILD = ROOT / "build"
FIR = {"left": [0.0] * 110 + [2.0] + [0.0] * 110, "right": [0.0] * 110 + [3.0] + [0.0] * 110}


def gains(page, stem):
    return page.evaluate(f"{ENGINE}.settings.gains.{stem}")


@pytest.fixture
def mixer(page, sounds):
    page.evaluate("data => harness.mount(data)", {**sounds["music"], "fir": FIR, "listener_label": "L5071"})
    return page


# ---- gains ------------------------------------------------------------------------------------------------------------


def test_typed_gain_counts_and_double_click_resets(mixer):
    number = mixer.get_by_role("textbox", name="Gain of Vocals in decibels")
    number.fill("-3,5 dB")
    number.press("Enter")
    assert gains(mixer, "vocals")["left"] == gains(mixer, "vocals")["right"] == -3.5
    assert number.input_value() == "\N{MINUS SIGN}3.5"
    mixer.get_by_role("slider", name="Gain of Vocals", exact=True).dblclick()
    assert gains(mixer, "vocals")["left"] == 0
    assert number.input_value() == "0.0"


@pytest.mark.parametrize("typed, value", [("mute", None), ("99", 24), ("-99", -60), ("loud", 0), ("", 0), ("1e3", 0)])
def test_typed_nonsense_is_limited_or_ignored(mixer, typed, value):
    number = mixer.get_by_role("textbox", name="Gain of Bass in decibels")
    number.fill(typed)
    number.press("Tab")
    assert gains(mixer, "bass")["left"] == value


def test_slider_drag_moves_both_ears_until_unlinked(mixer):
    slider = mixer.get_by_role("slider", name="Gain of Drums", exact=True)
    box = slider.bounding_box()
    mixer.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mixer.mouse.down()
    mixer.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
    mixer.mouse.up()
    assert gains(mixer, "drums")["left"] == gains(mixer, "drums")["right"] > 3
    mixer.get_by_role("button", name="Link left and right of Drums").click()
    mixer.get_by_role("textbox", name="Gain of Drums, right ear in decibels").fill("-6")
    mixer.keyboard.press("Enter")
    assert gains(mixer, "drums")["right"] == -6
    assert gains(mixer, "drums")["left"] > 3


def test_nonsense_settings_are_replaced_by_defaults(page, sounds):
    nonsense = {
        "gains": {"vocals": {"left": "x", "right": 1e9, "mute": "yes"}, "drums": 7, "tuba": {}},
        "master_db": None,
    }
    page.evaluate("data => harness.mount(data)", {**sounds["music"], **nonsense, "hear": "everything"})
    assert gains(page, "vocals") == {"left": 0, "right": 24, "linked": False, "mute": False, "solo": False}
    assert page.evaluate(f"{ENGINE}.settings.hear") == "remix"
    assert page.evaluate(f"Object.keys({ENGINE}.settings.gains)") == ["vocals", "drums", "bass", "other"]


# ---- keyboard ---------------------------------------------------------------------------------------------------------


def test_space_plays_and_pauses_even_with_a_slider_focused(mixer):
    mixer.keyboard.press("Space")
    mixer.wait_for_function(f"{ENGINE}.playing")
    mixer.keyboard.press("2")
    mixer.keyboard.press("Space")
    mixer.wait_for_function(f"!{ENGINE}.playing")


def test_keys_seek_loop_and_go_home(mixer):
    mixer.keyboard.press("Shift+ArrowRight")
    mixer.keyboard.press("Shift+ArrowRight")
    assert mixer.evaluate(f"{ENGINE}.position") == 2 * 44100
    mixer.keyboard.press("[")
    mixer.keyboard.press("ArrowRight")
    mixer.keyboard.press("Shift+ArrowLeft")
    mixer.keyboard.press("]")
    assert mixer.evaluate(f"{ENGINE}.loop") == {"start": 88200, "end": 5 * 44100, "on": True}
    mixer.keyboard.press("Home")
    assert mixer.evaluate(f"{ENGINE}.position") == 88200
    mixer.keyboard.press("l")
    assert mixer.evaluate(f"{ENGINE}.loop.on") is False
    mixer.keyboard.press("Home")
    assert mixer.evaluate(f"{ENGINE}.position") == 0


def test_m_and_s_with_a_digit_and_inside_a_lane(mixer):
    mixer.keyboard.press("m")
    mixer.keyboard.press("3")
    mixer.keyboard.press("s")
    mixer.keyboard.press("1")
    assert gains(mixer, "bass")["mute"] and gains(mixer, "vocals")["solo"]
    mixer.keyboard.press("4")
    mixer.keyboard.press("m")
    assert gains(mixer, "other")["mute"]
    assert mixer.get_by_role("button", name="Mute Other").get_attribute("aria-pressed") == "true"


def test_digit_and_arrows_set_a_gain(mixer):
    mixer.keyboard.press("2")
    mixer.keyboard.press("ArrowUp")
    mixer.keyboard.press("PageUp")
    mixer.keyboard.press("Shift+ArrowDown")
    assert gains(mixer, "drums")["left"] == pytest.approx(3.4)
    mixer.keyboard.press("Home")
    assert gains(mixer, "drums")["left"] == 0


def test_a_b_h_n_and_t_choose_what_is_heard(mixer):
    hear = f"{ENGINE}.hear"
    mixer.get_by_role("radio", name="Aided", exact=True).check()
    mixer.keyboard.press("a")
    assert mixer.evaluate(hear) == "original"
    mixer.keyboard.press("b")
    assert mixer.evaluate(hear) == "aided"
    mixer.keyboard.press("h")
    assert mixer.evaluate(hear) == "reference"
    mixer.keyboard.press("n")
    mixer.keyboard.press("t")
    assert mixer.evaluate(f"[{ENGINE}.settings.match_loudness, {ENGINE}.settings.limiter]") == [True, True]


def test_help_opens_by_question_mark_and_names_every_key(mixer):
    mixer.keyboard.press("?")
    dialog = mixer.get_by_role("dialog", name="Keyboard")
    assert dialog.is_visible()
    keys = mixer.evaluate("import('/assets/mixer/keys.js').then(({ KEYMAP }) => KEYMAP.flatMap(({ keys }) => keys))")
    assert [kbd.inner_text() for kbd in dialog.locator("kbd").all()] == keys
    mixer.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_what_is_typed_into_a_field_is_no_command(mixer):
    number = mixer.get_by_role("textbox", name="Gain of Vocals in decibels")
    number.focus()
    mixer.keyboard.type("m1 l")
    assert not gains(mixer, "vocals")["mute"] and not mixer.evaluate(f"{ENGINE}.playing")
    mixer.evaluate("document.body.append(Object.assign(document.createElement('input'), {id: 'other'}))")
    mixer.locator("#other").focus()
    mixer.keyboard.type("a l")
    assert mixer.evaluate(f"[{ENGINE}.hear, {ENGINE}.loop.on]") == ["remix", False]


# ---- pointer ----------------------------------------------------------------------------------------------------------


def test_click_on_a_lane_seeks_and_drag_loops(mixer):
    box = mixer.locator("[data-lane=drums] .wave").bounding_box()
    middle = box["y"] + box["height"] / 2
    mixer.mouse.click(box["x"] + box["width"] / 2, middle)
    assert mixer.evaluate(f"{ENGINE}.position") == pytest.approx(3 * 44100, abs=400)
    mixer.mouse.move(box["x"] + box["width"] * 0.75, middle)
    mixer.mouse.down()
    mixer.mouse.move(box["x"] + box["width"] * 0.25, middle, steps=4)
    mixer.mouse.up()
    loop = mixer.evaluate(f"{ENGINE}.loop")
    assert (loop["start"], loop["end"], loop["on"]) == (
        pytest.approx(66150, abs=400),
        pytest.approx(198450, abs=400),
        True,
    )


def test_zoomed_view_follows_the_playhead(mixer):
    for _ in range(3):
        mixer.keyboard.press("+")
    mixer.keyboard.press("Space")
    mixer.wait_for_function("cadenzaMixer.view.timeline.first > 0.1", timeout=5000)
    assert mixer.evaluate("""() => {
      const { engine, view: { timeline } } = cadenzaMixer;
      const share = engine.position / engine.song.frames;
      return share >= timeline.first - 0.01 && share <= timeline.last + 0.01;
    }""")


# ---- loading ----------------------------------------------------------------------------------------------------------


def test_lanes_keep_the_lists_order_whatever_comes_first(page, sounds):
    def slow(route):
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/music/vocals.flac", slow)
    page.evaluate("data => harness.mount(data)", sounds["music"])
    names = [lane.get_attribute("data-lane") for lane in page.locator(".lane").all()]
    assert names == ["vocals", "drums", "bass", "other"]
    tracks = page.evaluate(f"{ENGINE}.graph.tracks.filter((track) => track.bus === 'remix').map((track) => track.name)")
    assert tracks == names


def test_a_stem_that_fails_names_itself_and_comes_with_another_try(page, sounds):
    page.route("**/music/bass.flac", lambda route: route.fulfill(status=503))
    page.evaluate("data => harness.mount(data)", sounds["music"])
    assert "Bass could not be loaded: the server answered 503." in page.get_by_role("alert").inner_text()
    page.keyboard.press("Space")
    page.wait_for_function(f"{ENGINE}.playing")
    page.unroute("**/music/bass.flac")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_function(f"{ENGINE}.failures.length === 0 && {ENGINE}.isReady")
    assert page.evaluate(f"[{ENGINE}.playing, {ENGINE}.transport.takes.at(-1).sources.length]") == [True, 5]
    assert not page.get_by_role("alert").is_visible()


def test_without_worklets_it_plays_and_says_what_is_missing(chromium, base, sounds):
    """Browsers give worklets to https and localhost only; a lab may open the page by its machine's name."""
    page = chromium.new_page()
    page.goto(base.replace("127.0.0.1", "studio.test") + "/harness/page.html")
    page.wait_for_function("window.harness")
    assert page.evaluate("isSecureContext") is False
    page.evaluate("data => harness.mount(data)", sounds["music"])
    page.get_by_text("need a page from localhost or over https").wait_for()
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_function(f"{ENGINE}.position > 4410")
    page.close()


def test_a_file_that_is_no_sound_names_itself(page, sounds):
    page.route("**/music/drums.flac", lambda route: route.fulfill(body="not a sound"))
    page.evaluate("data => harness.mount(data)", sounds["music"])
    assert "Drums could not be loaded: the browser cannot decode the file." in page.get_by_role("alert").inner_text()


def test_without_stems_it_says_what_to_do(page, sounds):
    page.evaluate("data => { harness.mount(data); }", {**sounds["music"], "lanes": [], "original_url": None})
    page.wait_for_selector(".empty")
    assert "separate it first" in page.locator(".empty").inner_text()
    assert page.get_by_role("button", name="Play").is_disabled()


def test_nothing_moves_while_sounds_load(page, sounds):
    page.route("**/music/*.flac", lambda route: (page.wait_for_timeout(200), route.continue_()))
    page.evaluate("data => { window.ready = harness.mount(data); }", sounds["music"])
    page.wait_for_selector(".lane")
    elements = "[...document.querySelectorAll('.mixer, .bar:not(.wave .bar), .wave, .fader')]"
    boxes = f"{elements}.map((element) => JSON.stringify(element.getBoundingClientRect()))"
    before = page.evaluate(boxes)
    page.evaluate("ready")
    page.wait_for_timeout(300)
    assert page.evaluate(boxes) == before


def test_another_song_replaces_the_old_one_and_takes_its_settings(mixer, sounds):
    mixer.keyboard.press("Space")
    mixer.wait_for_function(f"{ENGINE}.playing")
    mixer.evaluate(f"{ENGINE}.setGain('vocals', 'both', -20)")
    mixer.evaluate("data => harness.mount(data)", {**sounds["constant"], "master_db": -3.0})
    assert mixer.evaluate(f"[{ENGINE}.playing, {ENGINE}.position, {ENGINE}.settings.master_db]") == [False, 0, -3]
    assert gains(mixer, "vocals")["left"] == 0
    assert mixer.evaluate(f"{ENGINE}.graph.tracks.length") == 5


def test_settings_given_again_count_only_with_another_revision(mixer, sounds):
    mixer.evaluate(f"{ENGINE}.setGain('vocals', 'both', -20)")
    data = {**sounds["music"], "fir": FIR}
    mixer.evaluate("data => harness.mount(data)", {**data, "master_db": -1.0})
    assert gains(mixer, "vocals")["left"] == -20
    mixer.evaluate("data => harness.mount(data)", {**data, "master_db": -1.0, "revision": 1})
    assert gains(mixer, "vocals")["left"] == 0
    assert mixer.evaluate(f"{ENGINE}.settings.master_db") == -1


def test_python_is_told_once_300_ms_after_the_last_change(mixer):
    mixer.wait_for_timeout(500)
    assert mixer.evaluate("harness.sent") == []
    for value in (-1, -2, -3):
        mixer.evaluate(f"{ENGINE}.setGain('vocals', 'both', {value})")
        mixer.wait_for_timeout(50)
    mixer.wait_for_timeout(600)
    sent = mixer.evaluate("harness.sent")
    assert len(sent) == 1
    name, state = sent[0]
    assert name == "mix" and state["gains"]["vocals"]["left"] == -3 and "position" not in state


# ---- accessibility and looks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["ready", "apart", "help", "failed"])
def test_axe_has_no_findings(page, sounds, axe, scheme, state):
    page.emulate_media(color_scheme=scheme)
    if state == "failed":
        page.route("**/music/bass.flac", lambda route: route.fulfill(status=503))
    page.evaluate("data => harness.mount(data)", {**sounds["music"], "fir": FIR, "listener_label": "L5071"})
    if state == "apart":
        page.evaluate(f"{ENGINE}.setLinked('drums', false); {ENGINE}.setMute('bass', true); {ENGINE}.setHear('aided')")
    if state == "help":
        page.keyboard.press("?")
    page.evaluate(axe)
    options = {"rules": {"region": {"enabled": False}, "page-has-heading-one": {"enabled": False}}}
    if scheme == "dark":  # nothing but colours differs in the other theme
        options = {"runOnly": ["color-contrast"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    findings = {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in found["violations"]}
    assert not findings


def test_everything_is_reached_by_tab_and_shows_focus(mixer):
    seen = []
    for _ in range(60):
        mixer.keyboard.press("Tab")
        label, outline = mixer.evaluate("""() => {
          const e = document.activeElement;
          const shown = e.matches('.segments input') ? e.nextElementSibling : e;
          return [e.getAttribute('aria-label') || e.textContent || e.value, getComputedStyle(shown).outlineStyle];
        }""")
        if label in seen[:1]:
            break
        seen.append(label)
        assert outline != "none" or label == mixer.evaluate("document.body.textContent"), label
    for wanted in ("Position in the song", "Mute Bass", "Solo Other", "Gain of Vocals", "Play", "Loop", "Zoom in",
                   "Gain of the master", "Keyboard help"):  # fmt: skip
        assert wanted in seen


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", [(1280, 800), (2560, 1440)])
def test_screenshots(page, sounds, scheme, width, height):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(
        "data => harness.mount(data)", {**sounds["music"], "fir": FIR, "listener_label": "L5071", "hear": "aided"}
    )
    page.evaluate(
        f"{ENGINE}.setLoop(50000, 150000); {ENGINE}.setMute('bass', true); {ENGINE}.setLinked('drums', false)"
    )
    page.keyboard.press("Space")
    page.wait_for_timeout(700)
    (BUILD / "screenshots").mkdir(parents=True, exist_ok=True)
    page.screenshot(path=BUILD / "screenshots" / f"mixer-{scheme}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    clipped = page.evaluate("""() => [...document.querySelectorAll('.name, .group, .gains, .readout')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.className)""")
    assert clipped == []


# ---- interruptions ----------------------------------------------------------------------------------------------------


def test_an_interruption_pauses_where_it_was_says_so_and_play_goes_on(mixer):
    """The browser's own suspension is what a call, an unplugged device or sleep look like to a page."""
    mixer.get_by_role("button", name="Play", exact=True).click()
    mixer.wait_for_function(f"{ENGINE}.position > 8000")
    mixer.evaluate(f"{ENGINE}.context.suspend()")
    mixer.wait_for_function(f"!{ENGINE}.playing")
    place = mixer.evaluate(f"{ENGINE}.position")
    assert "The sound was interrupted" in mixer.locator(".problems").inner_text()
    mixer.evaluate(f"{ENGINE}.context.resume()")  # it may come back by itself: nothing sounds unasked
    mixer.wait_for_timeout(100)
    assert not mixer.evaluate(f"{ENGINE}.playing") and mixer.evaluate(f"{ENGINE}.position") == place > 8000
    mixer.keyboard.press("Space")
    mixer.wait_for_function(f"{ENGINE}.playing && {ENGINE}.position > {place}")
    assert not mixer.locator(".problems").is_visible()
