"""The participant's page in a real browser: from the welcome to the thanks, blind, gapless, and nothing lost by any end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy import signal

from cadenza_core.audio.levels import measure
from cadenza_core.listening import read_design
from cadenza_core.listening.answers import answers_frame
from cadenza_core.listening.panels import make_panel, participants_frame
from cadenza_core.listening.running import Running
from cadenza_core.listening.web import participants_app
from cadenza_core.settings import Settings
from cadenza_core.store import Store, schema
from tests.browser.harness.server import ROOT, free_port, serve_app, wait_for
from tests.browser.listening_pages import (
    ENGINE,
    NO_CHANCE,
    answer,
    begin,
    do_trial,
    hear_all,
    open_link,
    set_volume,
    submit,
)
from tests.browser.test_player import RATE, RECORD, recorded
from tests.listening.made import design_text, make_test

SECONDS = 0.6


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store, Settings]]:
    """A server with nothing but the participants' pages, and its database."""
    home = tmp_path_factory.mktemp("lab") / "home"
    settings = Settings(home=home, models=home / "models")
    with Store.open(settings) as store, serve_app(participants_app(Running(store, settings))) as url:
        yield url, store, settings


@pytest.fixture
def people(lab: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Make a test of its own and give its participants' codes."""
    _, store, settings = lab
    number = len(store.table(schema.ListeningTest))

    def make(kind: str, systems: int, excerpts: int, **more: Any) -> tuple[str, list[str]]:
        name = f"test{number}"
        make_test(store, settings, tmp_path, kind, systems, excerpts, name=name, seconds=SECONDS, **more)
        return name, participants_frame(store, name)["participant"].tolist()

    return make


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 820, "height": 1180}, bypass_csp=True)  # a tablet
    yield context
    context.close()


def blind(page: Any) -> None:
    """What the browser was told and shows holds no name of a system, excerpt, file or role."""
    shown = page.content() + str(page.evaluate("JSON.stringify([localStorage, sessionStorage])"))
    for text in [*page.told, shown]:
        assert not any(
            word in text for word in ("Sys0", "Sys1", "s0_e", "s1_e", "_e0", "anchor", "hidden reference")
        ), text
    assert page.faults == []


def test_a_panel_from_the_welcome_to_the_thanks(lab, people, context, axe):
    url, store, _ = lab
    name, (code, _) = people(
        "panel", 2, 1, training=1, headphone_check="true", calibration_db_spl=100, ceiling_db_spl=90
    )
    context.add_init_script(NO_CHANCE)
    page = open_link(context, url, code)
    faults = []

    def accessible():
        page.evaluate(axe)
        faults.extend(
            page.evaluate("async () => (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0].html])")
        )

    accessible()
    page.get_by_role("button", name="Begin").click(force=True)  # without consent: nothing happens
    assert page.get_by_role("checkbox").evaluate("(box) => box === document.activeElement")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Begin").click()
    assert page.get_by_role("slider", name="Volume").get_attribute("max") == "-10"  # the ceiling
    accessible()
    page.get_by_role("button", name="Louder").click()
    set_volume(page)
    page.get_by_role("button", name="Play the tone").click()
    page.get_by_role("button", name="Left").click()  # wrong: asked again
    page.get_by_role("button", name="Try again").click()
    accessible()
    for side in ("Right", "Left"):
        page.get_by_role("button", name="Play the tone").click()
        page.get_by_role("button", name=side).click()
    for _ in range(6):
        page.get_by_role("button", name="Play three tones").click()
        page.get_by_role("button", name="Second").click()
    page.wait_for_selector(".trial")
    assert page.locator("header").inner_text().startswith("Practice 1 of 1")
    assert page.evaluate(f"{ENGINE}.volume") == pytest.approx(10 ** (-18 / 20), rel=1e-3)
    accessible()
    page.get_by_role("button", name="Next").click(force=True)  # neither heard nor answered: nothing is sent
    assert "Still to do: listen to all of it; answer 6 questions." in page.locator(".missing").inner_text()
    answer(page)
    page.get_by_role("button", name="Next").click(force=True)
    assert page.locator(".missing").inner_text() == "Still to do: listen to all of it."
    assert len(answers_frame(store, name)) == 0
    page.get_by_text("Add a comment").click()
    page.get_by_role("textbox").fill("1 2 0 l [")  # typed, not commands
    assert not page.evaluate(f"{ENGINE}.playing")
    hear_all(page)
    submit(page)
    do_trial(page)
    do_trial_until_thanks(page)
    accessible()
    assert page.get_by_role("heading").inner_text() == "Thank you"
    blind(page)
    assert faults == []
    frame = answers_frame(store, name)
    assert len(frame) == 3 * 6 and set(frame["value"]) == {53.0}
    assert frame.groupby("phase")["number"].nunique().to_dict() == {"main": 2, "training": 1}
    assert set(frame[frame["phase"] == "training"]["comment"]) == {"1 2 0 l ["}
    assert (frame["heard_s"] >= 0.95 * SECONDS).all() and frame["browser"].str.contains("Chrom").all()
    assert frame["output_rate"].gt(8000).all() and frame["seconds"].between(0.3, 60).all()
    row = participants_frame(store, name).iloc[0]
    assert (row["level_db"], row["headphones"], row["state"]) == (-18, 6, "finished")


def do_trial_until_thanks(page: Any) -> None:
    """Do the last trial."""
    hear_all(page)
    answer(page)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Thank you").wait_for()


@pytest.mark.parametrize("kind", ["preference", "abx", "relovl"])
def test_the_other_kinds_are_answered_by_one_of_a_few(lab, people, context, kind, axe):
    url, store, _ = lab
    name, (code, _) = people(kind, 2, 1, trials=1 if kind != "relovl" else 2)
    page = open_link(context, url, code)
    begin(page)
    page.evaluate(axe)
    assert page.evaluate("async () => (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0].html])") == []
    if kind == "relovl":
        assert "“a sound 0”" in page.locator(".query").inner_text()
        do_trial(page)
    do_trial_until_thanks(page)
    blind(page)
    frame = answers_frame(store, name)
    if kind == "relovl":
        assert len(frame) == 4 and set(frame["value"]) == {1.0}
    else:
        assert set(frame["value"]) <= {0.0, 1.0} and len(frame) == (2 if kind == "preference" else 1)


@pytest.mark.slow
def test_mushra_by_the_keyboard_and_a_pause_on_the_way(lab, people, context):
    url, store, _ = lab
    name, (code, _) = people("mushra", 2, 2)
    page = open_link(context, url, code)
    begin(page)
    page.wait_for_function(f"{ENGINE}.isReady")
    page.keyboard.press("Space")
    page.wait_for_function(f"{ENGINE}.playing")
    page.keyboard.press("3")
    assert page.evaluate(f"{ENGINE}.selected") == "3"
    page.keyboard.press("0")
    assert page.evaluate(f"{ENGINE}.selected") == "0"
    page.keyboard.press("Space")
    page.keyboard.press("Home")
    page.keyboard.press("[")
    page.evaluate(f"{ENGINE}.seek({round(0.3 * RATE)})")
    page.keyboard.press("]")
    assert page.evaluate(f"{ENGINE}.loop") == {"start": 0, "end": round(0.3 * RATE), "on": True}
    page.keyboard.press("l")
    assert page.evaluate(f"{ENGINE}.loop.end") == round(SECONDS * RATE)
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    hear_all(page)
    answer(page)
    page.locator("header").get_by_role("button", name="Pause").click()
    assert not page.evaluate(f"{ENGINE}.playing")
    page.get_by_role("button", name="Go on").click()
    assert page.locator(".unset").count() == 0  # as it was left
    page.get_by_role("button", name="Volume").click()
    page.get_by_role("button", name="Softer").click()
    page.get_by_role("button", name="Done").click()
    submit(page)
    page.locator("header").get_by_role("button", name="Pause").click()
    page.goto("about:blank")
    page = open_link(context, url, code)
    assert "1 of 2 are done and stored; 1 is left." in page.locator("main").inner_text()
    page.get_by_role("button", name="Go on").click()
    assert page.locator(".count").inner_text() == "2 of 2"
    do_trial_until_thanks(page)
    blind(page)
    frame = answers_frame(store, name)
    assert len(frame) == 2 * 5 and frame["switches"].gt(0).all()
    assert participants_frame(store, name)["level_db"][0] == -22


def test_switching_has_no_gap_and_no_step_beyond_the_programmes_own(lab, context, tmp_path):
    url, store, settings = lab
    low = signal.firwin(101, 4000, fs=RATE)
    for number in range(2):
        programme = signal.lfilter(low, 1.0, np.random.default_rng(number).normal(size=(2, 6 * RATE + 200)), axis=1)[
            :, 200:
        ]
        soundfile.write(tmp_path / f"s{number}_e0.wav", 0.1 * (1 + number) * programme.T, RATE)
    make_panel(
        store, settings, read_design(design_text("preference", 2, 1, name="switching", fade=0, hear=0.1), tmp_path)
    )
    page = open_link(context, url, participants_frame(store, "switching")["participant"][0])
    begin(page)
    page.wait_for_function(f"{ENGINE}.isReady")
    page.evaluate(f"{ENGINE}.setVolume(0)")
    page.evaluate(RECORD.replace("cadenzaPlayer.engine", ENGINE))
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(150)
    for _ in range(4):
        for place in ("2", "1"):
            page.keyboard.press(place)
            page.wait_for_timeout(60)
    sound = recorded(page)
    lit = np.flatnonzero(np.abs(sound) > 0.003)
    body = sound[lit[0] + 2000 : lit[-1] - 2000].astype(float)
    assert len(body) > 0.4 * RATE
    size = round(0.005 * RATE)
    windows = np.sqrt(np.mean(np.square(body[: len(body) // size * size]).reshape(-1, size), axis=1))
    assert windows.min() > 10 ** (-40 / 20) * np.median(windows)
    files = [soundfile.read(path)[0] for path in (settings.home / "listening" / "switching").glob("*/*.flac")]
    assert np.abs(np.diff(body)).max() <= max(np.abs(np.diff(samples[:, 0])).max() for samples in files)
    loudness = [measure(samples.T, RATE).loudness for samples in files]
    assert max(loudness) - min(loudness) < 0.1


def test_the_headphone_check_plays_what_it_says_under_the_pages_own_policy(lab, people, chromium):
    url, *_ = lab
    _, (code, _) = people("panel", 2, 1)
    context = chromium.new_context()
    page = open_link(context, url, code)
    begin(page)
    ears = page.evaluate(
        """async () => {
          const { playSide, playThree } = await import("/assets/listen/tones.js");
          const render = async (play) => {
            const context = new OfflineAudioContext(2, 5 * 8000, 8000);
            const softest = play(context);
            const buffer = await context.startRendering();
            return [softest, [0, 1].map((ear) => [...buffer.getChannelData(ear)])];
          };
          return { side: await render((context) => playSide(context, "left", 0.5)),
                   three: await render((context) => playThree(context, 0.5)) };
        }"""
    )
    left, right = np.array(ears["side"][1])
    assert np.abs(left).max() == pytest.approx(0.05, rel=0.05) and np.abs(right).max() == 0
    softest, both = ears["three"]
    tones = [np.array(both)[:, round(8000 * (0.1 + 1.5 * n)) :][:, :8000] for n in range(3)]
    levels = [np.sqrt(np.mean(np.square(tone))) for tone in tones]
    assert np.argmin(levels) == softest
    assert 20 * np.log10(max(levels) / min(levels)) == pytest.approx(6.0, abs=0.1)
    assert sorted(np.abs(tone.sum(axis=0)).max() > 0.01 for tone in tones) == [False, True, True]  # one in antiphase
    blind(page)
    context.close()


@pytest.mark.slow
def test_a_killed_browser_two_tabs_and_a_reload_lose_nothing(lab, people, chromium):
    url, store, _ = lab
    name, (code, _) = people("panel", 2, 2)
    first = chromium.new_context(bypass_csp=True)
    page = open_link(first, url, code)
    begin(page)
    do_trial(page)
    hear_all(page)
    answer(page)
    first.close()  # in the middle of the second trial
    assert answers_frame(store, name)["number"].unique().tolist() == [1]
    second = chromium.new_context(bypass_csp=True)
    old = open_link(second, url, code)
    old.get_by_role("button", name="Go on").click()
    assert old.locator(".count").inner_text() == "2 of 4"
    old.reload()
    old.get_by_role("button", name="Go on").click()
    hear_all(old)
    answer(old, 4)
    new = open_link(second, url, code)
    new.get_by_role("button", name="Go on").click()
    do_trial(new)
    old.get_by_role("button", name="Next").click()  # the same trial, in the tab that lost: the first answer stays
    old.get_by_role("heading", name="Welcome back").wait_for()  # and this one is now the one that counts
    assert "2 of 4 are done" in old.locator("main").inner_text()
    hear_all(new)
    answer(new)
    new.get_by_role("button", name="Next").click()
    new.get_by_role("heading", name="Open somewhere else").wait_for()
    assert answers_frame(store, name)["number"].unique().tolist() == [1, 2]
    new.get_by_role("button", name="Go on here").click()
    new.get_by_role("button", name="Go on").click()
    do_trial(new)
    new.goto("about:blank")
    new.go_back()
    new.get_by_role("button", name="Go on").click()
    do_trial_until_thanks(new)
    second.close()
    frame = answers_frame(store, name)
    assert len(frame) == 4 * 6 and frame["number"].unique().tolist() == [1, 2, 3, 4]


def test_an_answer_is_sent_until_it_is_acknowledged_and_stored_once(lab, people, context):
    url, store, _ = lab
    name, (code, _) = people("panel", 2, 1)
    page = open_link(context, url, code)
    begin(page)
    sent = []

    def unreliable(route):
        sent.append(len(sent))
        if len(sent) == 1:
            route.abort()  # it never arrives
        elif len(sent) == 2:
            route.fetch()  # it arrives, but nobody hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/answers", unreliable)
    hear_all(page)
    answer(page)
    page.get_by_role("button", name="Next").click()
    page.get_by_text("The connection is lost. Your answer is kept here").wait_for()
    page.wait_for_function("document.querySelector('.count').textContent === '2 of 2'")
    assert len(sent) == 3 and answers_frame(store, name)["number"].tolist() == [1] * 6


def test_a_killed_server_loses_nothing_and_the_page_goes_on_by_itself(chromium, tmp_path):
    settings = Settings(home=tmp_path / "home", models=tmp_path / "home" / "models")
    port = free_port()
    run = "import sys; from cadenza_core.cli import main; main()"
    command = [sys.executable, "-c", run, "--home", settings.home, "panel", "serve", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*map(str, command)], cwd=ROOT, stderr=subprocess.DEVNULL)
        wait_for(f"{url}/assets/listen/page.html", process)
        return process

    with Store.open(settings) as store:
        make_test(store, settings, tmp_path, "panel", 2, 2, seconds=SECONDS)
        code = participants_frame(store, "test1")["participant"][0]
    process = start()
    context = chromium.new_context(bypass_csp=True)
    try:
        page = open_link(context, url, code)
        begin(page)
        do_trial(page)
        do_trial(page)
        page.wait_for_function(f"{ENGINE}.isReady")
        process.kill()
        process.wait()
        with Store.open(settings) as store:
            assert answers_frame(store, "test1")["number"].unique().tolist() == [1, 2]
        hear_all(page)  # its sounds are there
        answer(page)
        page.get_by_role("button", name="Next").click()
        page.get_by_text("The connection is lost").wait_for()
        process = start()
        page.wait_for_function("document.querySelector('.count').textContent === '4 of 4'", timeout=60000)
        do_trial_until_thanks(page)
        with Store.open(settings) as store:
            assert answers_frame(store, "test1")["number"].unique().tolist() == [1, 2, 3, 4]
    finally:
        context.close()
        process.kill()
        process.wait()


def test_a_forged_link_is_said(lab, context):
    url, *_ = lab
    page = open_link(context, url, "nobodynobody")
    assert "This link is not known." in page.locator("main").inner_text()
    blind(page)
