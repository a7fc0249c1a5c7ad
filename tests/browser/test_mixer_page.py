"""The mixer on a Streamlit page: reruns, elements above it, other pages, a server that goes and comes back."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from .harness import server, songs

ENGINE = "cadenzaMixer.engine"
COUNT_CONTEXTS = """
window.contexts = 0;
window.AudioContext = class extends AudioContext { constructor(...given) { super(...given); window.contexts++; } };
"""
WATCH = f"""
window.positions = [];
setInterval(() => positions.push([{ENGINE}.playing, {ENGINE}.position, {ENGINE}.context.currentTime]), 20);
"""


@pytest.fixture
def app(tmp_path, chromium: Any) -> Iterator[tuple[str, subprocess.Popen[bytes], Any]]:
    data = songs.write_song(tmp_path, "constant", songs.constant(seconds=60.0))
    (tmp_path / "song.json").write_text(json.dumps(data))
    with server.streamlit(tmp_path) as (url, process):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(COUNT_CONTEXTS)
        page = context.new_page()
        page.foreign = []
        page.on("request", lambda request: page.foreign.append(request.url) if strange(request.url, url) else None)
        page.goto(url)
        page.wait_for_function(f"globalThis.cadenzaMixer && {ENGINE}.isReady", timeout=60000)
        yield url, process, page
        context.close()


def strange(address: str, base: str) -> bool:
    return not address.startswith((base, base.replace("http", "ws", 1), "data:", "blob:"))


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(150)


def assert_monotonic(page, least):
    """The position went on, in step with the context's clock, without a break, for `least` seconds."""
    seen = page.evaluate("positions")
    assert all(playing for playing, _, _ in seen)
    steps = [later[1] - earlier[1] for earlier, later in itertools.pairwise(seen)]
    assert min(steps) >= 0
    played = (seen[-1][1] - seen[0][1]) / 44100
    assert played == pytest.approx(seen[-1][2] - seen[0][2], abs=0.03)
    assert played > least


@pytest.mark.slow
def test_twenty_reruns_a_polled_job_and_elements_above_disturb_nothing(app):
    _, _, page = app
    page.evaluate(f"{ENGINE}.setGain('drums', 'both', -7.5); {ENGINE}.setSolo('bass', true)")
    page.wait_for_function("document.body.textContent.includes('-7.5')")  # Python has it
    before = page.evaluate(f"JSON.stringify({ENGINE}.settings)")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_function(f"{ENGINE}.position > 4410")
    page.evaluate(WATCH)
    for _ in range(5):
        press(page, "Rerun")
        page.get_by_text("Element above").click()  # in
        page.wait_for_timeout(200)
        press(page, "Rerun")
        page.get_by_text("Elsewhere").click()  # or back
        page.get_by_text("Element above").click()  # out
        page.wait_for_timeout(200)
    assert_monotonic(page, 2.5)
    assert page.evaluate("contexts") == 1
    assert page.evaluate(f"JSON.stringify({ENGINE}.settings)") == before
    assert page.evaluate("cadenzaMixer.mounts") > 1  # it was torn down and built anew
    assert page.locator(".mixer").count() == 1
    assert page.foreign == []


def test_a_preset_from_python_counts_and_comes_back_as_state(app):
    _, _, page = app
    press(page, "Preset")
    page.wait_for_function(f"{ENGINE}.settings.gains.vocals.left === -9")
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', -4.5)")
    page.wait_for_function("document.body.textContent.includes('-4.5')")
    press(page, "Rerun")
    page.wait_for_timeout(300)
    assert page.evaluate(f"{ENGINE}.settings.gains.vocals.left") == -4.5


@pytest.mark.slow
def test_leaving_the_page_pauses_and_coming_back_finds_everything(app):
    _, _, page = app
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', -4.5)")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_timeout(700)
    page.get_by_role("link", name="Other").click()
    page.get_by_text("Nothing here").wait_for()
    page.wait_for_function(f"!{ENGINE}.playing", timeout=5000)
    position = page.evaluate(f"{ENGINE}.position")
    assert position > 0
    page.get_by_role("link", name="Studio").click()
    page.locator(".mixer").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate(f"[{ENGINE}.settings.gains.vocals.left, {ENGINE}.position]") == [-4.5, position]
    assert page.evaluate("contexts") == 1


def test_sound_and_sliders_go_on_without_the_server_and_it_comes_back_without_doubled_sound(app, tmp_path):
    url, process, page = app
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_function(f"{ENGINE}.position > 4410")
    page.evaluate(WATCH)
    process.kill()
    process.wait()
    page.wait_for_timeout(1500)
    page.keyboard.press("1")
    page.keyboard.press("PageUp")
    assert page.evaluate(f"{ENGINE}.settings.gains.vocals.left") == 3
    assert page.evaluate(f"{ENGINE}.graph.tracks[0].ears.left.gain.value") > 1
    page.wait_for_timeout(300)
    with server.streamlit(tmp_path, int(url.rsplit(":", 1)[1])):
        mounts = page.evaluate("cadenzaMixer.mounts")
        page.wait_for_function(f"cadenzaMixer.mounts > {mounts}", timeout=60000)
        page.wait_for_timeout(1500)
        assert_monotonic(page, 3.0)
        assert page.evaluate("contexts") == 1
        assert page.evaluate(f"{ENGINE}.transport.takes.length") == 1
        assert page.evaluate(f"{ENGINE}.settings.gains.vocals.left") == 3
        page.wait_for_function("document.body.textContent.includes('\"left\": 3')")  # the new server is told
