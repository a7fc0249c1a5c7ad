"""Time to the first samples of a cached separation of a 4 minute song, in a fresh process.

What a user waits for when a song is opened again: the song's digest, the cache's manifest, one second of all four stems.
The peer keeps its stems as four FLAC files and reads and decodes them with soundfile.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cadenza_core.separation import Separation

from benchmarks import header, music, music_source, table

SECONDS, REPEATS, RATE = 240, 7, 44100
STEMS = ("vocals", "drums", "bass", "other")
FILES = ("song.wav", "song.flac", "new.wav", "new.flac")
MODES = {
    "cached separation, song is WAV": "song.wav",
    "cached separation, song is FLAC": "song.flac",
    "the same, WAV changed just now": "new.wav",
    "the same, FLAC changed just now": "new.flac",
    "peer: four FLAC stems": "peer",
}


def main() -> None:
    header(f"Opening a cached separation, {SECONDS} s of music", "less than 0.3 s to the first samples")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        runs: dict[str, list[tuple[float, ...]]] = {title: [] for title in MODES}
        for turn in range(REPEATS + 1):  # in turn, so that what else the machine does falls on all
            for title, mode in MODES.items():
                measured = _measure(mode, folder)
                if turn:
                    runs[title].append(measured)
    rows = []
    for title, times in runs.items():
        first, whole, process = (statistics.median(values) for values in zip(*times, strict=True))
        rows.append([title, f"{first:.3f}", f"{whole:.3f}", f"{process:.2f}"])
    table(("median, s", "first second of 4 stems", "whole 4 stems", "whole process"), rows)
    print(
        "\nColumns 1 and 2 count from after the imports, in a process of its own each time; column 3 is that process from"
    )
    print(
        "its start to its end, with column 1's work. A file changed just now has no remembered digest: it is read whole."
    )
    print(f"Music: {music_source()}; {REPEATS} runs after one for warming up, files in the system's page cache.")


def prepare(folder: Path) -> None:
    """Write the song as WAV and FLAC, its separation into the cache, and the stems as FLAC for the peer."""
    import soundfile

    from cadenza_core.audio import write_audio
    from cadenza_core.separation import cache

    stems = music(SECONDS)
    for file in FILES:
        write_audio(folder / file, stems.mixture(), RATE)
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.flac", samples.T, RATE, subtype="PCM_16")
    _register(stems)
    _separate(folder, "song.wav")
    time.sleep(2.5)  # until the files are old enough for their digests to be remembered
    for file in FILES:
        assert _separate(folder, file).was_cached
    assert len(cache.Cache(folder / "home" / "cache" / "separations").entries()) == 1


def _register(stems: object) -> None:
    """Offer a system that gives `stems`, since only the opening is measured."""
    from cadenza_core.separation import SystemInfo, register

    class Given:
        info = SystemInfo("given", "Given", "MIT", "nothing", False, 0.0, "a benchmark")

        def identity(self) -> dict[str, int]:
            return {"version": 1}

        def separate(self, mixture: object, **_: object) -> object:
            return stems

    register(Given.info, lambda settings: Given())  # type: ignore[arg-type,return-value]


def _separate(folder: Path, file: str) -> "Separation":
    from cadenza_core.catalog import Song
    from cadenza_core.catalog.songs import Track
    from cadenza_core.separation import separate
    from cadenza_core.settings import Settings

    song = Song("song", "Song", "file", {"mixture": Track(folder / file)})
    return separate(song, "given", Settings(folder / "home", folder / "models"))


def _measure(mode: str, folder: Path) -> tuple[float, float, float]:
    if mode.startswith("new."):
        (folder / mode).touch()
    command = [sys.executable, "-m", "benchmarks.cache_open", mode, str(folder)]
    began = time.perf_counter()
    out = subprocess.run([*command, "first"], check=True, capture_output=True, text=True).stdout
    process = time.perf_counter() - began
    whole = subprocess.run([*command, "whole"], check=True, capture_output=True, text=True).stdout
    return float(json.loads(out)), float(json.loads(whole)), process


def open_once(mode: str, folder: Path, part: str) -> float:
    """Open as `mode` says and read one second or all; give the time it took, after the imports."""
    import numpy as np

    stop = RATE if part == "first" else None
    if mode == "peer":
        import soundfile

        def read() -> object:
            return {
                name: np.ascontiguousarray(
                    soundfile.read(folder / f"{name}.flac", stop=stop, dtype="float32", always_2d=True)[0].T
                )
                for name in STEMS
            }
    else:
        _register(None)

        def read() -> object:
            made = _separate(folder, mode)
            assert made.was_cached
            return made.stems if stop is None else made.read(0, stop)

    return _timed(read)


def _timed(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(open_once(sys.argv[1], Path(sys.argv[2]), sys.argv[3])))
    else:
        main()
