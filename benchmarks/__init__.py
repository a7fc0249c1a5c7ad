"""The figures that the README quotes: one program each, measured against its peer in the same run.

``python -m benchmarks`` runs all of them (`make bench`), ``python -m benchmarks.enhance`` one. A benchmark says which machine
it ran on, what it compared and what the bar is. It fails only on an error, never for being slow: that is for the reader.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not needed to run, and measuring memory starts from little
    from cadenza_core.audio import Stems

__all__ = ["SHARED_DATA", "alternating", "header", "music", "music_source", "table"]

#: Test data that is not part of the project; a benchmark uses the built-in song where it is absent.
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
_SONG = SHARED_DATA / "musdb18hq" / "test" / "Software-Entwicklungskit - Lithium"


def header(title: str, bar: str, packages: Sequence[str] = ("numpy", "scipy", "soundfile")) -> None:
    """Print what is measured, the bar, and the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"\n{title}\n{'=' * len(title)}")
    print(f"Machine: {_processor()}, {cores} cores, {platform.system()} {platform.release()}")
    print(f"Python {platform.python_version()}, {versions}")
    print(f"Bar: {bar}\n")


def alternating(
    tasks: Mapping[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Run the tasks in turn, `repeats` times after once for warming up; give each one's median time in seconds.

    In turn, so that what else the machine does falls on all of them; `clock` counts the process's CPU time by default.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(repeats + 1):
        for name, task in tasks.items():
            began = clock()
            task()
            if turn:
                times[name].append(clock() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns; the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for number, row in enumerate(cells):
        print(
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        )
        if number == 0:
            print("  ".join("-" * width for width in widths))


def music(seconds: float) -> "Stems":
    """Give the four stems of a song of that length: real ones where the test data is, else the demo's; repeated to length.

    Returns
    -------
    Stems [44.1 kHz]
    """
    import numpy as np

    from cadenza_core.audio import RATE, STEMS, Stems, read_audio
    from cadenza_core.catalog.demo import render_demo

    real = _SONG.is_dir()
    source = {name: read_audio(_SONG / f"{name}.flac").samples for name in STEMS} if real else dict(render_demo())
    frames = round(seconds * RATE)
    turns = -(-frames // next(iter(source.values())).shape[1])
    return Stems({name: np.tile(samples, (1, turns))[:, :frames] for name, samples in source.items()}, RATE)


def music_source() -> str:
    """Say in words what :func:`music` gives."""
    return f"{_SONG.name!r} (CC0), repeated" if _SONG.is_dir() else "the demo song, repeated"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
