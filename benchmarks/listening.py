"""A listening test under load: ten people do twenty trials each in real browsers; twenty take part at once.

``python -m benchmarks.listening`` serves a test of short sounds with `cadenza panel serve` in a process of its own.

1. Ten participants, two at a time, each in a browser window of their own, do all of their 20 trials by clicking, playing and
   moving sliders. Counted: answers in the database; balance of the orders.
2. Twenty participants at once: each has a window open, and all of them press play in the same moments. Measured for each:
   from the press of Next until the next trial can be played, and from a page's opening to its first sound. Twenty browsers on
   the machine of the server: most of it is theirs.
3. The server's part of it: twenty clients that fetch, all at once, the page, its files and the first sound, then answer 20
   trials each, as fast as they can.

The bars: no answer lost, orders balanced within 5 %, sound in less than 2 s.
"""

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import header, table
from cadenza_core.listening.answers import answers_frame
from cadenza_core.listening.panels import participants_frame
from cadenza_core.settings import Settings
from cadenza_core.store import Store

ROOT = Path(__file__).parents[1]
SYSTEMS, EXCERPTS, PEOPLE, CROWD = 5, 4, 10, 20
SECONDS = 1.0
LONG = 15.0  # s, of the sounds that twenty fetch at once


def main() -> None:
    from tests.browser.harness.server import browser, missing

    header(
        "Listening test",
        "no answer lost, orders within 5 %, sound in less than 2 s",
        ("playwright", "streamlit", "uvicorn"),
    )
    if reason := missing():
        print(f"Skipped: {reason}")
        return
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        place = Path(folder)
        rows = [("10 people, 20 trials", *panel(place / "panel", chromium))]
        table(("what", "answers stored", "expected", "imbalance of places", "time for all (s)"), rows)
        print()
        rows = [("20 people at once, 15 s", *crowd(place / "crowd", chromium))]
        table(
            (
                "what",
                "answers stored",
                "expected",
                "to the first sound (s): median, longest",
                "Next to ready: median, longest",
            ),
            rows,
        )
        print()
        columns = ("20 clients without browsers, 15 s", "median, s", "longest, s", "answers stored", "expected")
        table(columns, fetched(place / "fetched"))


@contextlib.contextmanager
def served(place: Path, **design: Any) -> Iterator[tuple[str, Settings, list[str]]]:
    """Make a test, serve it, and give the address, the settings and the codes."""
    from tests.browser.harness.server import free_port, wait_for
    from tests.listening.made import make_test

    settings = Settings(home=place / "home", models=place / "home" / "models")
    with Store.open(settings) as store:
        make_test(store, settings, place / "sounds", "panel", SYSTEMS, EXCERPTS, **design)
        codes = participants_frame(store, "test1")["participant"].tolist()
    port = free_port()
    run = "from cadenza_core.cli import main; main()"
    command = [sys.executable, "-c", run, "--home", str(settings.home), "panel", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/assets/listen/page.html", process)
        yield url, settings, codes
    finally:
        process.kill()
        process.wait()


def panel(place: Path, chromium: Any) -> tuple[str, ...]:
    from tests.browser.listening_pages import answer, begin, hear_all, open_link, submit

    began = time.monotonic()
    with served(place, participants=PEOPLE, seconds=SECONDS) as (url, settings, codes):
        for pair in zip(codes[::2], codes[1::2], strict=True):
            contexts = [chromium.new_context(bypass_csp=True) for _ in pair]
            pages = [open_link(context, url, code) for context, code in zip(contexts, pair, strict=True)]
            for page in pages:
                begin(page)
            for number in range(SYSTEMS * EXCERPTS):
                for page in pages:
                    answer(page, 1)
                for page in pages:
                    hear_all(page)
                for page in pages:
                    if number < SYSTEMS * EXCERPTS - 1:
                        submit(page)
                    else:
                        page.get_by_role("button", name="Next").click()
                        page.get_by_role("heading", name="Thank you").wait_for()
            assert not any(page.faults for page in pages)
            for context in contexts:
                context.close()
        with Store.open(settings) as store:
            frame = answers_frame(store, "test1")
    trials = frame.drop_duplicates(["participant", "number"])
    places = trials.groupby("condition")["number"].mean()
    total = SYSTEMS * EXCERPTS
    return (
        f"{len(frame):,}",
        f"{PEOPLE * total * 6:,}",
        f"{np.abs(places - (total + 1) / 2).max() / total:.1%}",
        f"{time.monotonic() - began:.0f}",
    )


def crowd(place: Path, chromium: Any) -> tuple[str, ...]:
    """Have all open the page, begin, and do two trials, in step."""
    from tests.browser.listening_pages import ENGINE, answer, open_link

    times: dict[str, list[float]] = defaultdict(list)
    with served(place, participants=CROWD, seconds=LONG, hear=0.5) as (url, settings, codes):
        contexts = [chromium.new_context(bypass_csp=True) for _ in codes]
        pages = [open_link(context, url, code) for context, code in zip(contexts, codes, strict=True)]
        for page in pages:
            page.evaluate(_WATCH)
            page.get_by_role("checkbox").check()
        _at_once(pages, "Begin")
        for page in pages:
            page.wait_for_function("listenTimes.sound")
            times["first"].append(page.evaluate("listenTimes.sound - listenTimes.pressed") / 1000)
            done = "[...document.querySelectorAll('button')].at(-1).getAttribute('aria-disabled') === 'false'"
            page.wait_for_function(done)
        _at_once(pages, "This is comfortable")
        for _ in range(2):
            for page in pages:
                page.wait_for_function(f"document.querySelector('.trial') && {ENGINE}.isReady")
                answer(page, 1)
                page.evaluate(f"{ENGINE}.play()")
            for page in pages:
                page.wait_for_function("document.querySelector('.missing').textContent === ''")
            _at_once(pages, "Next")
            for page in pages:
                page.wait_for_function("listenTimes.ready")
                times["next"].append(page.evaluate("listenTimes.ready - listenTimes.pressed") / 1000)
        assert not any(page.faults for page in pages)
        with Store.open(settings) as store:
            count = len(answers_frame(store, "test1"))
        for context in contexts:
            context.close()
    told = [f"{np.median(times[name]):.2f}, {max(times[name]):.2f}" for name in ("first", "next")]
    return (f"{count:,}", f"{CROWD * 2 * 6:,}", *told)


def fetched(place: Path) -> list[tuple[str, ...]]:
    """Have twenty clients fetch what a page does until its first sound, then answer trial by trial."""
    import httpx

    from tests.listening.made import answer_to

    files = sorted(path.name for path in (ROOT / "assets" / "listen").iterdir())
    times: dict[str, list[float]] = defaultdict(list)
    with served(place, participants=CROWD, seconds=LONG, hear=0.5) as (url, settings, codes):
        start = threading.Barrier(CROWD)

        def take_part(code: str) -> None:
            with httpx.Client(base_url=url, timeout=60) as client:
                start.wait()
                began = time.monotonic()
                client.get(f"/listen/{code}").raise_for_status()
                for name in files:
                    client.get(f"/assets/listen/{name}").raise_for_status()
                tab = client.post(f"/listen/{code}/open", json={}).raise_for_status().json()["tab"]
                steps = ({"step": "consent"}, {"step": "level", "db": -10.0})
                for step in steps:
                    state = client.post(f"/listen/{code}/steps", json={**step, "tab": tab}).raise_for_status().json()
                trial = state["trial"]
                client.get(trial["sounds"][0]["url"]).raise_for_status()
                times["page to first sound"].append(time.monotonic() - began)
                while trial:
                    began = time.monotonic()
                    given = {**answer_to(state), "tab": tab}
                    state = {**state, **client.post(f"/listen/{code}/answers", json=given).raise_for_status().json()}
                    trial = state["trial"]
                    if trial:
                        client.get(trial["sounds"][0]["url"]).raise_for_status()
                        times["answer to next sound"].append(time.monotonic() - began)

        with ThreadPoolExecutor(CROWD) as threads:
            list(threads.map(take_part, codes))
        with Store.open(settings) as store:
            count = len(answers_frame(store, "test1"))
    expected = CROWD * SYSTEMS * EXCERPTS * 6
    return [
        (what, f"{np.median(took):.2f}", f"{max(took):.2f}", f"{count:,}", f"{expected:,}")
        for what, took in times.items()
    ]


#: From the press of a button to the first sound that can be played; on the page of the volume, it is played at once.
_WATCH = """() => {
  globalThis.listenTimes = {};
  const { engine } = cadenzaListen;
  engine.addEventListener("load", () => {
    if (!engine.isReady || listenTimes.ready) return;
    listenTimes.ready = performance.now();
    if (!document.querySelector(".level")) return;
    engine.play().then(() => {
      const wait = () => (engine.position > 0 ? (listenTimes.sound = performance.now()) : requestAnimationFrame(wait));
      wait();
    });
  });
}"""


def _at_once(pages: list[Any], label: str) -> None:
    """Have a button pressed in all pages at the same time."""
    at = time.time() * 1000 + 1500
    for page in pages:
        page.evaluate(
            """([label, at]) => {
              const button = [...document.querySelectorAll("button")].find((one) => one.textContent === label);
              setTimeout(() => {
                globalThis.listenTimes = { pressed: performance.now() };
                button.click();
              }, at - Date.now());
            }""",
            [label, at],
        )
    time.sleep(max(0.0, at / 1000 - time.time()))


if __name__ == "__main__":
    main()
