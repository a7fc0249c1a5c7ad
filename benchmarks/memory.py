"""Peak memory of a separation through the cache, less the song's own samples, for a short and a long song.

Each is a process of its own: separate and store, then (in another) read all stems back. Its peak (`ru_maxrss`) less that of
a process that has only imported everything, and less the samples that are asked for: mixture, four stems and, for an oracle,
four true stems, in float32. What is left is what the separation and the cache need for themselves.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import header, table

MINUTES = (1, 4)
SYSTEMS = ("preview", "ideal-mask")
RATE = 44100
STEMS = ("vocals", "drums", "bass", "other")
MIB = 2**20


def main() -> None:
    header(
        "Peak memory of a separation through the cache",
        f"beyond the song's own samples, as much for {MINUTES[1]} min as for {MINUTES[0]} min",
    )
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in MINUTES:
            _run("prepare", folder / str(minutes), str(minutes))
        for system in SYSTEMS:
            for minutes in MINUTES:
                place = folder / str(minutes)
                imports = _run("import", place, system)
                for task in ("separate", "read"):
                    peak = _run(task, place, system)
                    own = _own_samples(minutes, system, task)
                    beyond = peak - imports - own
                    row = (minutes, peak, imports, own, beyond)
                    rows.append([f"{system}, {task}", *(f"{value:.0f}" for value in row)])
    table(("MiB", "minutes", "peak", "imports", "own samples", "beyond"), rows)


def _own_samples(minutes: int, system: str, task: str) -> float:
    one = minutes * 60 * RATE * 2 * 4 / MIB
    if task == "read":
        return 4 * one
    return (9 if system == "ideal-mask" else 5) * one


def _run(task: str, folder: Path, argument: str) -> float:
    """Do a task in another process; give its peak memory in MiB."""
    command = [sys.executable, "-m", "benchmarks.memory", task, str(folder), argument]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def child(task: str, folder: Path, argument: str) -> float:
    """Do the task and give the peak of this process, MiB."""
    import resource

    from cadenza_core.catalog import songs_in
    from cadenza_core.separation import get_system, separate
    from cadenza_core.settings import Settings

    if task == "prepare":
        _prepare(folder, int(argument))
    else:
        settings = Settings(folder / "home", folder / "models")
        (song,) = songs_in(folder / "Song")
        if task == "import":
            _touch_modules(get_system(argument, settings))
        else:
            made = separate(song, argument, settings)
            assert made.was_cached == (task == "read")
            assert len(made.stems) == len(STEMS)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def _touch_modules(system: object) -> None:
    """Load what a system imports only when it works, by separating a second of noise."""
    import numpy as np

    from cadenza_core.audio import Audio, Stems

    samples = (np.random.default_rng(0).standard_normal((2, RATE)) * 0.1).astype(np.float32)
    truth = Stems(dict.fromkeys(STEMS, samples / 4), RATE)
    system.separate(Audio(samples, RATE), truth=truth)  # type: ignore[attr-defined]


def _prepare(folder: Path, minutes: int) -> None:
    from benchmarks import music
    from cadenza_core.audio import write_audio

    stems = music(minutes * 60)
    for name, samples in (("mixture", stems.mixture()), *stems.items()):
        write_audio(folder / "Song" / f"{name}.wav", samples, RATE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(child(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
    else:
        main()
