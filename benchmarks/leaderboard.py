"""Scores of ten systems on CAD1's evaluation set (212,000): import, leaderboard, filter, the page in a browser, memory.

The peer reads the same ten `scores.csv` with pandas and computes the same means and (with SciPy) the same intervals; it keeps
nothing. ``--megabytes 500`` also imports one table of that size and gives the peak of memory, which must not grow with it.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import header, table

SYSTEMS, SONGS, LISTENERS = 10, 50, 53
NAMES = tuple(f"{ear}_{stem}" for ear in ("left", "right") for stem in ("bass", "drums", "other", "vocals"))
SET = "cad1-evaluation"
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=20.0, help="size of the large table")
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    header(
        f"{SYSTEMS} systems on CAD1's evaluation set, {SYSTEMS * SONGS * LISTENERS * 8:,} scores",
        "import < 20 s, page interactive < 2 s, a filter < 0.5 s, on two cores",
        ("numpy", "pandas", "scipy", "sqlalchemy", "streamlit"),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = write_tables(folder / "in")
        rows = core(folder, tables)
        if not options.no_browser:
            rows += browser(folder)
        rows += memory(folder, options.megabytes)
        table(("what", "ours, s", "peer, s"), rows)
    print("\nMinimum of the repeats (import: once; page: median); the peer reads the CSV files, ours the database.")


def write_tables(folder: Path) -> list[Path]:
    """Write the ten tables as the recipe does."""
    import numpy as np

    from cadenza_core.quality import PairScore, write_scores

    rng = np.random.default_rng(0)
    tables = []
    for system in range(SYSTEMS):
        pairs = [
            PairScore(
                f"Song {song}", f"L{5000 + one}", dict(zip(NAMES, rng.beta(6, 4 + system / 9, 8).tolist(), strict=True))
            )
            for song in range(SONGS)
            for one in range(LISTENERS)
        ]
        tables.append(folder / f"system {system}" / "scores.csv")
        write_scores(tables[-1], pairs)
    return tables


def core(folder: Path, tables: list[Path]) -> list[list[object]]:
    """Import, read, rank and filter; beside it, the peer."""
    from cadenza_core.analysis import Filter, ScoreSource, leaderboard
    from cadenza_core.store import Store
    from cadenza_core.store.importing import import_scores

    database = f"sqlite:///{folder / 'home' / 'cadenza.sqlite'}"
    with Store(database) as store:
        began = time.perf_counter()
        added = import_scores(store, [folder / "in"], evaluation_set=SET).added
        imported = time.perf_counter() - began
        assert added == SYSTEMS * SONGS * LISTENERS * 8
        again = _best(lambda: import_scores(store, [folder / "in"], evaluation_set=SET), 1)
        read = _best(lambda: ScoreSource(store).table(SET))
        scores = ScoreSource(store).table(SET)
        # Another filter each time: a table keeps what it was asked last.
        turns = iter(range(LISTENERS))
        whole = _best(lambda: leaderboard(scores, Filter(listener=_listeners(next(turns), LISTENERS))))
        filtered = _best(lambda: leaderboard(scores, Filter(stem=("vocals",), listener=_listeners(next(turns), 20))))
    peer_read, peer_whole, peer_filtered = _peer(tables)
    return [
        ["import of ten scores.csv", f"{imported:.2f}", ""],
        ["the same again (nothing new)", f"{again:.2f}", ""],
        ["read all scores", f"{read:.2f}", f"{peer_read:.2f}"],
        ["leaderboard with intervals", f"{whole:.3f}", f"{peer_whole:.3f}"],
        ["a filter (one stem, 20 listeners)", f"{filtered:.3f}", f"{peer_filtered:.3f}"],
    ]


def _listeners(first: int, count: int) -> tuple[str, ...]:
    return tuple(f"L{5000 + (first + n) % LISTENERS}" for n in range(count))


def _peer(tables: list[Path]) -> tuple[float, float, float]:
    import numpy as np
    import pandas as pd
    from scipy import stats

    from cadenza_core.statistics.intervals import RESAMPLES

    def read() -> pd.DataFrame:
        return pd.concat([pd.read_csv(path).assign(system=path.parent.name) for path in tables])

    def rank(frame: pd.DataFrame, columns: tuple[str, ...]) -> None:
        for _, part in frame.groupby("system"):
            values = part[list(columns)].mean(axis=1).to_numpy()
            stats.bootstrap(
                (values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0)
            )

    frame = read()
    some = frame[frame["listener"].isin([f"L{5000 + n}" for n in range(20)])]
    return (
        _best(read),
        _best(lambda: rank(frame, NAMES), 2),
        _best(lambda: rank(some, ("left_vocals", "right_vocals")), 2),
    )


def _best(task: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        task()
        times.append(time.perf_counter() - began)
    return min(times)


# ---- the page --------------------------------------------------------------------------------------------------------


def browser(folder: Path) -> list[list[object]]:
    """Open the leaderboard in Chromium and set a filter, with the studio's own server."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.browser.harness import server
    from tests.browser.studio_server import serve, wait_ready

    if reason := server.missing():
        return [[f"the page: {reason}", "", ""]]
    with serve(folder / "home") as (url, _), server.browser() as chromium:
        return [
            [f"page: {what}, to idle", f"{seconds:.2f}", ""]
            for what, seconds in _page_times(chromium, url, wait_ready).items()
        ]


_IDLE = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'"
_SHOWN = (
    "document.querySelector('[data-testid=stDataFrame] canvas') && "
    "document.querySelector('.st-key-board_dots [data-testid=stBidiComponentIsolated]')?.shadowRoot?.querySelector('.mark')"
)


def _page_times(chromium: object, url: str, wait_ready: Callable[[object], None]) -> dict[str, float]:
    fresh, again, inside, filters, views = [], [], [], [], []
    for _ in range(REPEATS):
        context = chromium.new_context(viewport={"width": 1440, "height": 1000})  # type: ignore[attr-defined]
        page = context.new_page()

        def shown(act: Callable[[], object], page: object = page) -> float:
            began = time.perf_counter()
            act()
            page.wait_for_url("**/leaderboard")  # type: ignore[attr-defined]
            page.wait_for_function(f"{_SHOWN} && {_IDLE}", timeout=120_000, polling=20)  # type: ignore[attr-defined]
            return time.perf_counter() - began

        fresh.append(shown(lambda: page.goto(f"{url}/leaderboard")))  # noqa: B023 - called at once
        again.append(shown(page.reload))
        page.goto(url)
        wait_ready(page)
        inside.append(shown(page.get_by_role("link", name="Leaderboard").first.click))
        page.get_by_role("button", name="Filters").click()
        box = page.get_by_role("combobox", name="Listeners")
        for listener in ("L5001", "L5007"):
            box.click()
            box.fill(listener)
            page.wait_for_timeout(500)
            filters.append(_until_idle(page, lambda: box.press("Enter")))  # noqa: B023 - called at once
        page.goto(f"{url}/analysis")
        page.wait_for_function(f"document.querySelector('.js-plotly-plot') && {_IDLE}", timeout=120_000)
        for name in ("By song", "Song and listener"):
            views.append(_until_idle(page, page.get_by_text(name, exact=True).first.click))
        context.close()
    return {
        "opened by a server's first visitor, nothing in the browser's cache": fresh[0],
        "opened later, nothing in the browser's cache": statistics.median(fresh[1:]),
        "opened again": statistics.median(again),
        "come to from the studio": statistics.median(inside),
        "a filter set": statistics.median(filters),
        "another view of the analysis": statistics.median(views),
    }


def _until_idle(page: object, act: Callable[[], object]) -> float:
    """Give the seconds from the key or the click of an act until the script has run and its answer is drawn."""
    page.evaluate(  # type: ignore[attr-defined]
        """() => {
          window.done = new Promise((resolve) => {
            const app = document.querySelector('[data-testid=stApp]');
            let acted = 0, began = false;
            const act = (event) => { acted ||= event.timeStamp; };
            for (const kind of ['keydown', 'pointerdown']) addEventListener(kind, act, { capture: true });
            const look = () => {
              const state = app.getAttribute('data-test-script-state');
              began ||= state === 'running';
              if (began && state === 'notRunning')
                requestAnimationFrame(() => setTimeout(() => resolve((performance.now() - acted) / 1000)));
              else requestAnimationFrame(look);
            };
            look();
          });
        }"""
    )
    act()
    return float(page.evaluate("() => window.done"))  # type: ignore[attr-defined]


# ---- memory ----------------------------------------------------------------------------------------------------------


def memory(folder: Path, megabytes: float) -> list[list[object]]:
    """Import a tenth of a large table, and the large one, each in a process of its own; give time and peak."""
    found = []
    for size in (megabytes / 10, megabytes):
        path = folder / "large.csv"
        write_large(path, size)
        command = [sys.executable, "-m", "benchmarks.leaderboard", "child", str(path), str(folder / f"{size}.sqlite")]
        seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        found.append([f"import of a table of {size:.0f} MB (peak memory {float(peak):.0f} MiB)", seconds, ""])
        path.unlink()
    return found


def write_large(path: Path, megabytes: float) -> None:
    """Write a table of that size in the recipe's form."""
    import numpy as np

    from cadenza_core.quality.scores import COLUMNS

    rng = np.random.default_rng(0)
    size, number = 0, 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\r\n")
        while size < megabytes * 1e6:
            values = rng.uniform(0, 1, (1000, 8))
            lines = [
                f"Song {(number + row) % 50},L{(number + row) // 50},{','.join(map(repr, [v.mean(), *v]))}\r\n".replace(
                    "np.float64(", ""
                ).replace(")", "")
                for row, v in enumerate(values)
            ]
            file.writelines(lines)
            size, number = file.tell(), number + 1000


def child(path: Path, database: Path) -> None:
    from cadenza_core.store import ScoredSystem, Store
    from cadenza_core.store.importing import import_scores

    with Store(f"sqlite:///{database}") as store:
        began = time.perf_counter()
        import_scores(store, [path], evaluation_set=SET, system=ScoredSystem("large"))
        seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    print(f"{seconds:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20:.1f}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    if sys.argv[1:2] == ["child"]:
        child(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
