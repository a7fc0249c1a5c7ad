"""The Studio page in a headless browser, with the real server: how soon a first sound is possible, and a long song's memory.

`first start` has an empty home: the demo song is played by its instruments, separated and coded while the page loads. Time
counts from the moment at which the server answers, as `make app` then opens the browser. The goal is below 5 s. A `later
start` finds all that in its home. The long song is four minutes of music, separated before, and must be ready to play
within 6 s in less than 700 MB of the browser's renderer, the true stems included if one listens to them.

Run as ``python -m benchmarks.studio_page``; ``--quick`` leaves the long song out, ``--starts 3`` repeats the starts.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks import header, music, music_source, table
from benchmarks.mixer import renderer_memory
from cadenza_core.audio import RATE, write_audio
from cadenza_core.catalog import find_song
from cadenza_core.settings import Settings
from tests.browser.harness import server
from tests.browser.studio_server import ENGINE, serve, wait_ready

SECONDS = 240.0


def start(home: Path, browser: Any) -> tuple[float, float]:
    """Start the server and open the page; gives the seconds until it answered, and from there until sound is possible."""
    began = time.perf_counter()
    with serve(home) as (url, _):
        up = time.perf_counter()
        page = browser.new_context().new_page()
        page.goto(url)
        wait_ready(page)
        ready = time.perf_counter()
        page.evaluate(f"{ENGINE}.play()")
        page.wait_for_function(f"{ENGINE}.playing")
        page.context.close()
    return up - began, ready - up


def starts(repeats: int) -> None:
    """Print the first and later starts."""
    rows = []
    with server.browser() as browser:
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as name:
                home = Path(name) / "home"
                rows += [("first start", *start(home, browser)), ("later start", *start(home, browser))]
    kinds = {kind: [row for row in rows if row[0] == kind] for kind in ("first start", "later start")}
    table(
        ("home", "server up", "sound possible", "lowest", "highest"),
        [(kind, _median(r[1] for r in of), *_spread([r[2] for r in of])) for kind, of in kinds.items()],
    )


def _median(values: Iterable[float]) -> str:
    return f"{statistics.median(values):.1f} s"


def _spread(values: list[float]) -> tuple[str, str, str]:
    return _median(values), f"{min(values):.1f} s", f"{max(values):.1f} s"


def long_song() -> None:
    """Print how soon a separated song of four minutes is ready in the page, and what the renderer holds."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        song = _write_song(Path(name) / "music" / "Long song", home)
        sizes = []
        with serve(home) as (url, _), server.browser() as browser:
            query = urlencode({"song": song, "part": "0-", "system": "preview"})
            for _ in range(2):  # the first opening makes what is cached
                page = browser.new_context().new_page()
                began = time.perf_counter()
                page.goto(f"{url}/?{query}")
                page.wait_for_function(f"globalThis.cadenzaMixer?.engine.song?.frames > {200 * RATE}", timeout=600_000)
                wait_ready(page)
                ready = time.perf_counter() - began
                page.evaluate(f"{ENGINE}.play()")
                page.wait_for_function(f"Number.isFinite({ENGINE}.loudnessOf('remix'))", timeout=120_000)
                sizes = [renderer_memory()]
                page.evaluate(f"{ENGINE}.setHear('reference')")
                page.wait_for_function(f"{ENGINE}.graph.tracks.some(t => t.bus === 'reference')", timeout=120_000)
                page.wait_for_function(f"Number.isFinite({ENGINE}.loudnessOf('reference'))", timeout=120_000)
                sizes.append(renderer_memory())
                page.context.close()
    print(f"\n4 min of {music_source()}, four stems, separated before:")
    table(
        ("", "figure", "goal"),
        [
            ("page opened to sound possible", f"{ready:.1f} s", "6 s"),
            ("renderer, playing", f"{sizes[0]:.0f} MB", "700 MB"),
            ("renderer, true stems loaded as well", f"{sizes[1]:.0f} MB", ""),
        ],
    )


def _write_song(folder: Path, home: Path) -> str:
    stems = music(SECONDS)
    for part, samples in {**stems, "mixture": stems.mixture()}.items():
        write_audio(folder / f"{part}.wav", samples, stems.rate)
    home.mkdir()
    (home / "config.toml").write_text(f"music = [{json.dumps(str(folder.parent))}]\n", encoding="utf-8")
    return find_song("Long song", Settings.load(home=home)).id


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the long song out")
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    if reason := server.missing():
        raise SystemExit(f"The browser cannot be driven here: {reason}.")
    header("Studio page", "first sound < 5 s after the server is up; 4 min song < 6 s and < 700 MB", ("streamlit",))
    starts(options.starts)
    if not options.quick:
        long_song()


if __name__ == "__main__":
    main()
