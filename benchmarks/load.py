"""Twenty people at once, who move sliders and look at panels, while songs are separated and a mix is scored.

`people` are simulated browsers (`benchmarks.clients`): the server's part alone, as each person's own machine plays and draws.
Each moves a slider or clicks a panel every two seconds or so; timed is from the click to the server's whole answer. `browsers`
are real ones that play throughout, on the same cores as the server and all work: an interaction is timed until the page shows
the answer, and the clock of each page's audio must go on with the wall's. One takes a third to a half of a core for drawing
and sound. `day` lets simulated people come and go, as many as a day might bring, `soak` opens and closes real browsers for a
while: both look at what the server holds, memory, threads, open files.

``python -m benchmarks.load``; ``--people 20 --browsers 3 --seconds 45 --day 200 --soak 60``.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from benchmarks import header, music, table
from benchmarks.clients import Client
from cadenza_core.audio import write_audio
from cadenza_core.catalog import songs_in
from tests.browser.harness import server
from tests.browser.studio_server import ENGINE, serve, wait_ready

#: The panels that are clicked, and what shows that the server has answered.
PANELS = {"Presets": "Save", "Scores": "Score this mix"}
#: Seconds for which Streamlit keeps a session that was closed, with three open files, for a browser that comes back.
KEPT = 125.0


def write_songs(folder: Path, home: Path, count: int, seconds: float) -> list[str]:
    """Write songs that differ, so that none is found in a cache; give their ids."""
    stems = music(seconds)
    for number in range(count):
        write_audio(folder / f"Long {number}" / "mixture.wav", stems.mixture() * (0.9 - 0.05 * number), stems.rate)
    home.mkdir()
    (home / "config.toml").write_text(f"music = [{json.dumps(str(folder))}]\n", encoding="utf-8")
    return [song.id for song in songs_in(folder)]


async def people(url: str, songs: list[str], count: int, seconds: float) -> list[tuple[str, str, str]]:
    """Give the rows of the table: what the server did for `count` people while it was busy."""
    opened: list[float] = []
    times: list[float] = []
    errors: list[str] = []
    done = {"separated": 0, "scored": 0}
    end = 0.0

    async def timed(task: Any, into: list[float]) -> Any:
        began = time.perf_counter()
        result = await asyncio.wait_for(task, 60)
        into.append(time.perf_counter() - began)
        return result

    async def person(number: int) -> None:
        chance = random.Random(number)
        async with Client(url, {"song": "demo", "part": "9-24", "listener": f"N{1 + number % 4}"}) as one:
            await timed(one.open(), opened)
            turn = number
            while time.perf_counter() < end:
                await asyncio.sleep(chance.uniform(1.0, 3.0))
                turn += 1
                if turn % 2:
                    await timed(one.move(turn % 13 - 6.0), times)
                else:
                    await timed(one.look_at(list(PANELS)[turn // 2 % len(PANELS)]), times)
            errors.extend(one.errors)

    async def separating() -> None:
        while songs and time.perf_counter() < end:
            async with Client(url, {"song": songs.pop(), "part": "0-"}) as one:
                await asyncio.wait_for(one.open(), 120)  # the mixer is there when the song is separated
                done["separated"] += 1

    async def scoring() -> None:
        async with Client(url, {"song": "demo", "part": "9-24", "listener": "N5"}) as one:
            await one.open()
            turn = 0
            while time.perf_counter() < end:
                await one.move(turn / 10)
                done["scored"] += await one.press("Score this mix")
                turn += 1
                await asyncio.sleep(8.0)

    async with Client(url, {"listener": "N3"}) as first:  # the first start is another benchmark's
        await first.open()
        await asyncio.sleep(15)  # so is HAAQI's
    end = time.perf_counter() + seconds
    await asyncio.gather(separating(), scoring(), *(person(number) for number in range(count)))
    ordered = sorted(times)
    return [
        ("page opened, median and longest", f"{statistics.median(opened):.2f}, {max(opened):.2f} s", ""),
        ("interactions", str(len(times)), ""),
        ("median", f"{statistics.median(times):.2f} s", ""),
        ("95th percentile", f"{ordered[int(0.95 * len(ordered))]:.2f} s", "1 s"),
        ("longest", f"{ordered[-1]:.2f} s", ""),
        ("error messages", str(len(errors)), "0"),
        ("songs separated, scores of mixes asked for meanwhile", f"{done['separated']}, {done['scored']}", ""),
    ]


def open_session(browser: Any, url: str, number: int) -> Any:
    """Open a session of its own and let it play in a loop."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.faults, page.lost = [], 0
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(f"{url}/?listener=N{1 + number % 4}")
    wait_ready(page)
    page.evaluate(f"{ENGINE}.setLooping(true), {ENGINE}.play()")
    page.wait_for_function(f"{ENGINE}.playing", timeout=60_000)
    return page


def interact(page: Any, turn: int) -> float:
    """Move a fader, click a panel that the server fills; give the seconds until it is filled."""
    name = list(PANELS)[turn % len(PANELS)]
    page.evaluate(f"{ENGINE}.setGain('vocals', 'both', {turn % 7 - 3})")
    began = time.perf_counter()
    page.get_by_role("radio", name=name).click()
    shown = page.get_by_role("button", name=PANELS[name]).first
    try:
        shown.wait_for(timeout=15_000)
    except PlaywrightTimeout:  # a click that was lost: click away and back
        page.lost += 1
        page.get_by_role("radio", name="Export").click()
        page.get_by_role("radio", name=name).click()
        shown.wait_for(timeout=60_000)
    return time.perf_counter() - began


def clocks(page: Any) -> tuple[float, float]:
    """Give the time of the page's audio and of its wall, s."""
    audio, wall = page.evaluate(f"[{ENGINE}.context.currentTime, performance.now() / 1000]")
    return audio, wall


def sessions(browser: Any, url: str, songs: list[str], count: int, seconds: float) -> list[tuple[str, str, str]]:
    """Give the rows of the table: what was asked of `count` sessions while the server was busy."""
    pages = [open_session(browser, url, number) for number in range(count)]
    before = [clocks(page) for page in pages]
    work = browser.new_context().new_page()  # one more, who has songs separated and a mix scored
    times: list[float] = []
    end, turn, busy = time.perf_counter() + seconds, 0, 0
    while time.perf_counter() < end:
        if turn % (2 * count) == 0 and songs:
            work.goto(f"{url}/?{urlencode({'song': songs.pop(), 'part': '0-'})}")
            pages[0].get_by_role("radio", name="Scores").click()
            button = pages[0].get_by_role("button", name="Score this mix")
            button.wait_for(timeout=200_000)  # a score that is asked for already comes first
            if button.is_enabled():
                button.click()
                busy += 1
        page = pages[1 + turn % (count - 1)]
        times.append(interact(page, turn // (count - 1)))
        turn += 1
    drift = [
        abs((after[0] - start[0]) / (after[1] - start[1]) - 1)
        for start, after in zip(before, map(clocks, pages), strict=True)
    ]
    playing = sum(page.evaluate(f"{ENGINE}.playing") for page in pages)
    faults = [fault for page in pages for fault in page.faults]
    lost = sum(page.lost for page in pages)
    alerts = sum(page.locator(".stAlert").count() for page in pages)
    for page in [*pages, work]:
        page.context.close()
    ordered = sorted(times)
    return [
        ("interactions", str(len(times)), ""),
        ("median", f"{statistics.median(times):.2f} s", ""),
        ("95th percentile", f"{ordered[int(0.95 * len(ordered))]:.2f} s", "1 s"),
        ("longest", f"{ordered[-1]:.2f} s", ""),
        ("sessions that still play", f"{playing} of {count}", "all"),
        ("audio clock against the wall, worst", f"{100 * max(drift):.2f} %", "1 %"),
        ("script errors, messages of errors", f"{len(faults)}, {alerts}", "0, 0"),
        ("clicks on a panel that were lost", str(lost), "0"),
        ("mixes scored meanwhile", str(busy), ""),
    ]


async def day(url: str, process: psutil.Process, count: int) -> list[tuple[str, ...]]:
    """Let `count` simulated people come, use the studio and go, five at a time; give what the server held meanwhile."""
    held: list[tuple[float, int, int]] = []

    async def one(number: int) -> None:
        start = 3 * (number % 6)
        query = {"song": "demo", "part": f"{start}-{start + 12}", "listener": f"N{1 + number % 7}"}
        async with Client(url, query) as person:
            await asyncio.wait_for(person.open(), 120)
            for turn in range(4):
                await asyncio.wait_for(person.move(number % 9 - turn), 60)
                await asyncio.wait_for(person.look_at(("Scores", "Hearing", "Presets", "Export")[turn]), 60)

    for first in range(0, count, 5):
        await asyncio.gather(*map(one, range(first, min(first + 5, count))))
        held.append(_held(process))
    await asyncio.sleep(KEPT)
    await one(count)
    await asyncio.sleep(3.0)
    held.append(_held(process))
    looks = (len(held) // 4, len(held) // 2, len(held) - 2, len(held) - 1)
    return [
        ("sessions opened, used and closed", *(str(min(5 * (look + 1), count)) for look in looks[:3]), str(count + 1)),
        *_rows(held, looks),
    ]


def _held(process: psutil.Process) -> tuple[float, int, int]:
    """Give a process's memory, MB, threads and open files."""
    return process.memory_info().rss / 1e6, process.num_threads(), process.num_fds()


def _rows(held: list[tuple[float, int, int]], looks: tuple[int, ...]) -> list[tuple[str, ...]]:
    return [
        ("memory of the server", *(f"{held[look][0]:.0f} MB" for look in looks)),
        ("threads", *(str(held[look][1]) for look in looks)),
        ("open files", *(str(held[look][2]) for look in looks)),
    ]


def soak(browser: Any, url: str, process: psutil.Process, seconds: float) -> list[tuple[str, ...]]:
    """Open sessions, use and close them, for `seconds`; give what the server held after a third, at the end, and later."""
    held: list[tuple[float, int, int]] = []

    def one(wait: float = 0.0) -> None:
        page = open_session(browser, url, len(held))
        for turn in range(4):
            interact(page, turn)
        page.context.close()
        time.sleep(wait)
        held.append(_held(process))

    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        one()
    count = len(held)
    time.sleep(KEPT)
    one(3.0)  # when one is closed, Streamlit looks which are too old
    looks = (count // 3, count - 1, count)
    return [("sessions opened and closed", *(str(look + 1) for look in looks)), *_rows(held, looks)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20, help="simulated browsers; 0 leaves them out")
    parser.add_argument("--browsers", type=int, default=3, help="real ones; 0 leaves them out")
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument(
        "--soak", type=float, default=60.0, help="seconds of opening and closing sessions; 0 leaves it out"
    )
    parser.add_argument("--day", type=int, default=200, help="simulated people who come and go; 0 leaves them out")
    options = parser.parse_args()
    if reason := server.missing():
        raise SystemExit(f"The browser cannot be driven here: {reason}.")
    header(
        "Load", "95 % of interactions < 1 s, no error, sound never interrupted; a soak without growth", ("streamlit",)
    )
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        songs = write_songs(Path(name) / "music", home, 9, 120.0)
        with serve(home) as (url, process):
            if options.people:
                rows = asyncio.run(people(url, songs[3:], options.people, options.seconds))
                table((f"{options.people} people, {options.seconds:.0f} s", "figure", "goal"), rows)
                print()
            if options.day:
                held = asyncio.run(day(url, psutil.Process(process.pid), options.day))
                table(("a day's people", "a quarter", "half", "all", "two minutes later"), held)
                print()
            with server.browser() as browser:
                in_browsers(browser, url, process.pid, songs[:3], options)


def in_browsers(browser: Any, url: str, process: int, songs: list[str], options: argparse.Namespace) -> None:
    """Print what real browsers see."""
    if options.browsers > 1:
        rows = sessions(browser, url, songs, options.browsers, options.seconds)
        table((f"{options.browsers} browsers, {options.seconds:.0f} s", "figure", "goal"), rows)
        print()
    if options.soak:
        table(
            ("soak", "first third", "end", "two minutes later"),
            soak(browser, url, psutil.Process(process), options.soak),
        )


if __name__ == "__main__":
    main()
