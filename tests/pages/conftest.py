"""Pages under AppTest: a studio of its own for the module, a system that stands still until it is let go."""

import functools
import itertools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # pages/ is beside the packages, not installed
sys.path.append(str(ROOT / "pages"))  # as app.py does, and for its reason

from cadenza_core.audio import STEMS, Audio, Stems  # noqa: E402
from cadenza_core.quality import warm_up  # noqa: E402
from cadenza_core.separation.base import SystemInfo, register, unregister  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _packages_are_looked_through_once() -> Iterator[None]:
    """AppTest has Streamlit read about every installed package at each run of a page: nine tenths of its time."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with the demo song in it, and services that use it."""
    place = tmp_path_factory.mktemp("pages") / "home"
    patch = pytest.MonkeyPatch()
    for name in ("MUSIC", "LISTENERS", "MODELS", "DEVICE", "DATABASE"):
        patch.delenv(f"CADENZA_{name}", raising=False)
    patch.setenv("CADENZA_HOME", str(place))
    patch.setattr("cadenza_core.catalog.demo.render_demo", _short_demo)
    # Once for all modules of this process, not in a process of its own for each.
    patch.setattr("pages.widgets.services.warm_up_aside", lambda progress: warm_up())
    from pages.widgets.services import services

    services.cache_clear()
    yield place
    services().jobs.close()
    services.cache_clear()
    patch.undo()


def _short_demo() -> Stems:
    """A demo song of 30 s that costs nothing to make."""
    noise = np.random.default_rng(0)
    return Stems({name: 0.1 * noise.standard_normal((2, 30 * 44100), np.float32) for name in STEMS}, 44100)


@pytest.fixture
def app(home: Path) -> Iterator[Any]:
    """A function that opens the studio in a new tab, with a query."""
    from streamlit.testing.v1 import AppTest

    from pages.widgets.services import services

    def open_tab(**query: str) -> AppTest:
        tab = AppTest.from_file(str(ROOT / "pages" / "studio.py"), default_timeout=60)
        for name, value in query.items():
            tab.query_params[name] = value
        return tab.run()

    settle(services().warm_up())
    yield open_tab


_NUMBERS = itertools.count()


class Slow:
    """A system whose work stands still until it is let go."""

    info = SystemInfo("slow", "Slow system", "MIT", "nothing", True, 0.0, "a test")

    def __init__(self) -> None:
        self.started, self.go, self.runs = threading.Event(), threading.Event(), 0
        self.number = next(_NUMBERS)  # an address may be had again later

    def identity(self) -> dict[str, Any]:
        return {"test": self.number}

    def unavailable_reason(self) -> None:
        return None

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Any = None) -> Stems:
        self.runs += 1
        self.started.set()
        while not self.go.wait(0.01):
            progress(0.5, "halfway")
        return Stems(dict.fromkeys(STEMS, mixture.samples / 4), mixture.rate)


@pytest.fixture
def slow() -> Iterator[Slow]:
    system = Slow()
    register(system.info, lambda settings: system)
    yield system
    system.go.set()
    from pages.widgets.services import services

    for job in services().jobs:  # one that begins later would take the next test's system of this name
        if job.key.startswith("play-"):
            services().jobs.cancel(job.key)
            settle(job)
    unregister("slow")


def settle(job: Any) -> Any:
    """Wait until a job is over."""
    for _ in range(6000):
        if not job.is_active:
            return job
        threading.Event().wait(0.01)
    raise AssertionError(f"{job.title} did not end")
