"""A separation system that counts its runs, and a program that uses it in another process (not a test itself).

The tests import this file; `python cache_worker.py MODE FOLDER` runs one of the modes below with the song
``FOLDER/song.wav`` and the home ``FOLDER/home``, and prints lines of JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import soundfile

from cadenza_core.audio import RATE, STEMS, Audio, Stems
from cadenza_core.catalog import WHOLE, Excerpt, Song
from cadenza_core.catalog.songs import Track
from cadenza_core.errors import CadenzaError
from cadenza_core.progress import Progress, silent
from cadenza_core.separation import Cache, Separation, SystemInfo, cache, digest, separate
from cadenza_core.separation.base import register
from cadenza_core.settings import Settings

#: Shares of the mixture that the stems of the counting system are.
SHARES = {"vocals": 0.5, "drums": 0.25, "bass": 0.125, "other": 0.0625}
PATIENCE = 60.0  # seconds
#: Facts of an entry that is put into the cache by hand, and its key.
FACTS = {"system": "test", "identity": {"version": 1}, "mixture": "0" * 64}
KEY = cache.cache_key(FACTS)


def make_stems(n: int = 1000, seed: int = 0, rate: int = RATE) -> Stems:
    """Stems with what 16 bit would lose: values beyond full scale, and very small ones."""
    rng = np.random.default_rng(seed)
    return Stems(
        {name: (rng.standard_normal((2, n)) * 10.0 ** rng.integers(-9, 2)).astype("f4") for name in STEMS}, rate
    )


def same(one: Stems, other: Stems) -> bool:
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


def info(system_id: str = "counting", *, oracle: bool = False, cached: bool = True, rate: int = RATE) -> SystemInfo:
    return SystemInfo(system_id, "Counting", "MIT", "nothing", False, 0.0, "a test", STEMS, rate, oracle, cached)


class Counting:
    """Each stem is a share of the mixture; every run adds a line to `log`."""

    def __init__(self, log: Path, facts: SystemInfo | None = None, version: int = 1, scale: float = 1.0) -> None:
        self.info = facts or info()
        self.log, self.version, self.scale = log, version, scale
        self.during: Callable[[], None] = lambda: None

    def identity(self) -> Mapping[str, str | int | float | bool]:
        return {"version": self.version, "scale": self.scale}

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Progress = silent) -> Stems:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{mixture.samples.shape[1]}\n")
        for step in range(4):
            progress(step / 4, "counting")
            self.during()
        return Stems({name: np.float32(share) * mixture.samples for name, share in SHARES.items()}, mixture.rate)


def runs(log: Path) -> int:
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def write_song(path: Path, seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    """Write 16-bit noise; give the samples as they will be read, shape (2, n)."""
    samples = np.random.default_rng(seed).integers(-8000, 8000, (int(seconds * RATE), 2), dtype=np.int16)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return (samples.T / 32768).astype(np.float32)


def song_of(path: Path, name: str = "Song") -> Song:
    return Song(name, name, "file", {"mixture": Track(path)})


def settings_in(folder: Path) -> Settings:
    return Settings(home=folder / "home", models=folder / "models")


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(path)
        time.sleep(0.02)


def run(folder: Path, progress: Progress = silent, excerpt: Excerpt = WHOLE, *, force: bool = False) -> Separation:
    song = song_of(folder / "song.wav")
    return separate(song, "counting", settings_in(folder), excerpt, progress=progress, force=force)


def report(folder: Path, progress: Progress = silent) -> None:
    """Separate, and print what came of it."""
    try:
        made = run(folder, progress)
    except CadenzaError as error:
        print(json.dumps({"error": str(error), "type": type(error).__name__}))
    else:
        expected = 0.5 * soundfile.read(folder / "song.wav", dtype="float32")[0].T
        right = bool(np.array_equal(made.stems["vocals"], expected))
        print(json.dumps({"was_cached": made.was_cached, "right": right, "notes": made.notes}))


def tell_waiting(folder: Path) -> Progress:
    """Leave a file as soon as the work waits for another process."""

    def progress(done: float, text: str) -> None:
        if text.startswith("waiting"):
            (folder / "waiting").touch()

    return progress


def stop_while_storing(folder: Path, *, force: bool) -> None:
    """Stand still, until killed, when two of the four stems are written."""
    written = []
    write = cache._write

    def write_two(path: Path, samples: np.ndarray, rate: int) -> dict[str, object]:
        facts = write(path, samples, rate)
        written.append(path)
        if len(written) == 2:
            (folder / "storing").touch()
            time.sleep(PATIENCE)
        return facts

    cache._write = write_two  # type: ignore[assignment]
    run(folder, force=force)


def read_only(folder: Path) -> None:
    """In a mount namespace of its own: make the home read-only, then ask for what is cached and for what is not."""
    home = folder / "home"
    mount("-t", "tmpfs", "-o", "size=20m", "tmpfs", str(home))
    run(folder)
    mount("-o", "remount,ro", str(home))
    digest._SETTLED = -1e9  # have it try to remember digests, which it cannot
    report(folder)
    write_song(folder / "song.wav", seed=1)
    report(folder)
    entry = Cache(settings_in(folder).cache).entries()[0]
    for action in (lambda: Cache(entry.folder.parent).remove(entry), Cache(entry.folder.parent).prune):
        try:
            action()
            print(json.dumps({"error": ""}))
        except CadenzaError as error:
            print(json.dumps({"error": str(error)}))


def disk_full(folder: Path, system: Counting) -> None:
    """In a mount namespace of its own: a disk that is full from the start, and one that fills up during the work."""
    home = folder / "home"
    mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home))
    report(folder)
    print(json.dumps({"runs": runs(system.log)}))
    mount("-o", "remount,size=4m", str(home))
    system.during = lambda: (home / "filler").write_bytes(bytes(2_900_000))
    report(folder)
    print(json.dumps({"runs": runs(system.log), "left": what_is_left(folder)}))
    system.during = lambda: None
    (home / "filler").unlink()
    report(folder)


def file_too_large(folder: Path) -> None:
    """A limit on the size of files, which any user can set: writing fails in the middle of a stem."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    report(folder)
    print(json.dumps({"left": what_is_left(folder)}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    report(folder)


def what_is_left(folder: Path) -> list[str]:
    place = settings_in(folder).cache
    return sorted(path.name for path in place.iterdir() if path.name != ".locks")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdin=subprocess.DEVNULL)


def main(mode: str, folder: Path) -> None:
    system = Counting(folder / "log")
    register(system.info, lambda settings: system)
    if mode == "hold":
        system.during = lambda: wait_for(folder / "go")
        report(folder)
    elif mode == "ask":
        report(folder, tell_waiting(folder))
    elif mode in {"stop", "stop-forced"}:
        stop_while_storing(folder, force=mode == "stop-forced")
    elif mode == "read-only":
        read_only(folder)
    elif mode == "disk-full":
        disk_full(folder, system)
    elif mode == "file-too-large":
        file_too_large(folder)
    else:
        raise SystemExit(f"unknown mode {mode!r}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
