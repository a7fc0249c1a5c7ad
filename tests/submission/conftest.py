"""A small, whole submission to plant faults in, and the recipe's way of writing one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cadenza_core.submission import STEM_NAMES, write_pair

RATE = 44100
SONGS = ("Ben Carrigan - We'll Talk About It All Tonight", 'A_b.c "d" - Ünïcode_remix')
LISTENERS = ("L5001", "L5002")
#: The recipe's dictionary has the sources in the separation system's order, here Demucs's.
RECIPE_ORDER = tuple(f"{side}_{stem}" for stem in ("drums", "bass", "other", "vocals") for side in ("left", "right"))


def make_processed(seconds: float = 0.3, seed: int = 0, level: float = 0.4) -> dict[str, np.ndarray]:
    """Eight noises as NAL-R would leave them: float64, 220 samples longer than the song, louder than full scale."""
    rng = np.random.default_rng(seed)
    length = int(seconds * RATE) + 220
    return {name: level * rng.standard_normal(length) for name in RECIPE_ORDER}


@pytest.fixture
def processed() -> dict[str, np.ndarray]:
    return make_processed()


@pytest.fixture
def make() -> Callable[..., dict[str, np.ndarray]]:
    return make_processed


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two listeners, two songs, written by write_pair. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("whole") / "enhanced_signals"
    for listener in LISTENERS:
        for seed, song in enumerate(SONGS):
            write_pair(folder, listener, song, make_processed(seed=seed, level=0.1), RATE)
    return folder


@pytest.fixture
def submission(whole: Path, tmp_path: Path) -> Path:
    """A copy of the whole submission: ``enhanced_signals``."""
    return Path(shutil.copytree(whole, tmp_path / "enhanced_signals"))


@pytest.fixture
def names() -> tuple[str, ...]:
    return STEM_NAMES
