"""What tests of all rooms share: places, songs on disk, sound encoded by FFmpeg, and a user who is not root."""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer.testing
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

from cadenza_core.catalog.library import demo_song
from cadenza_core.settings import Settings

# Before PyTorch begins: the workers share the cores, and threads of small work would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The commands of the whole command line are the same in every test: they are put together once.
typer.testing._get_command = functools.cache(typer.testing._get_command)

RATE = 44100
PARTS = ("mixture", "vocals", "drums", "bass", "other")


#: Files that share the studio's server.
STUDIO = ("test_studio.py", "test_extract.py", "test_proposals.py", "test_challenge_page.py", "test_scores_pages.py")


class TwoBrowsers(LoadScopeScheduling):
    """A worker takes a file at a time; one takes all browser tests that open the studio, one the others: each has a browser.

    They wait most of the time, for sounds and pages: so there is a worker more than cores.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith("tests/browser/"):
            return file
        return "browser, studio" if file.endswith(STUDIO) else "browser, mixer"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoBrowsers:
    """Give the scheduler of the workers."""
    return TwoBrowsers(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/browser/"))


_LEFT_OUT = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = 0


def pytest_collection_finish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = session.config.stash[_LEFT_OUT]


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[_LEFT_OUT] += len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out: the workers do not."""
    if left_out := terminalreporter.config.stash[_LEFT_OUT]:
        terminalreporter.write_line(f"{left_out} tests were left out, as slow or unasked; `make test-all` runs all.")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real test data; the test is skipped where it is not."""
    place = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not place.is_dir():
        pytest.skip(f"the real test data is not at {place}")
    return place


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a home of their own, untouched by the user's environment."""
    for name in ("HOME", "MUSIC", "LISTENERS", "MODELS", "DEVICE", "DATABASE"):
        monkeypatch.delenv(f"CADENZA_{name}", raising=False)
    return Settings(home=tmp_path / "home", models=tmp_path / "home" / "models")


@pytest.fixture(scope="session")
def with_demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Put the demo song into a home, and give the home; the song is made once for all workers: five seconds of a core."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with FileLock(shared / "demo.lock"):
        demo_song(Settings(home=shared / "home", models=shared / "models"))

    def put(home: Path) -> Path:
        home.mkdir(parents=True, exist_ok=True)
        (home / "demo").symlink_to(shared / "home" / "demo", target_is_directory=True)
        return home

    return put


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """Give seeded noise, shape (channels, samples), on the 16-bit grid: what is written as PCM_16 is read back exactly."""

    def make(samples: int = 4410, channels: int = 2, seed: int = 0) -> np.ndarray:
        whole = np.random.default_rng(seed).integers(-6000, 6000, (channels, samples))
        return (whole / 32768).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def make_song_folder(noise: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Write a folder of stems and their exact sum, the mixture; a missing folder above it is made."""

    def make(
        folder: Path, parts: Sequence[str] = PARTS, *, samples: int = 4410, rate: int = RATE, suffix: str = ".wav"
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        sound = {part: noise(samples, seed=seed) for seed, part in enumerate(PARTS) if part != "mixture"}
        sound["mixture"] = sum(sound.values())
        for part in parts:
            soundfile.write(folder / f"{part}{suffix}", sound[part].T, rate, subtype="PCM_16")
        return folder

    return make


@pytest.fixture(scope="session")
def write_aac() -> Callable[..., Path]:
    """Encode streams of sound, each (2, n), as AAC with FFmpeg: .m4a, .mp4, or .aac (one stream)."""

    def write(path: Path, streams: Sequence[np.ndarray], *, rate: int = RATE, movflags: str = "") -> Path:
        import av

        options = {"movflags": movflags} if movflags else {}
        container_format = "adts" if path.suffix == ".aac" else "mp4"
        with av.open(str(path), "w", format=container_format, options=options) as container:
            encoders = []
            for _ in streams:
                encoders.append(container.add_stream("aac", rate=rate))
                encoders[-1].layout = "stereo"
            for start in range(0, streams[0].shape[1], 1024):
                for encoder, sound in zip(encoders, streams, strict=True):
                    block = np.ascontiguousarray(sound[:, start : start + 1024], dtype=np.float32)
                    frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
                    container.mux(encoder.encode(frame))
            for encoder in encoders:
                container.mux(encoder.encode(None))
        return path

    return write


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 kB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("a small file system is made with Linux's mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", place]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"this user may not mount a file system: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def unprivileged() -> Iterator[Callable[[], contextlib.AbstractContextManager[Path]]]:
    """Give a context in which permissions bind, with a folder that this user may write to: root becomes nobody in it."""
    if sys.platform == "win32":
        pytest.skip("permissions are tested where files have modes")
    place = Path(tempfile.mkdtemp(prefix="cadenza-test-"))  # tmp_path lies below a folder that only root may enter
    is_root = os.geteuid() == 0

    @contextlib.contextmanager
    def context() -> Iterator[Path]:
        if is_root:
            os.chown(place, 65534, 65534)
            os.seteuid(65534)
        try:
            yield place
        finally:
            if is_root:
                os.seteuid(0)

    yield context
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)
    shutil.rmtree(place)
