"""An excerpt whose stems hide each other: two seconds, cheap to make, the same each time."""

from collections.abc import Callable

import numpy as np
import pytest
from clarity.utils.audiogram import Listener

from cadenza_core.catalog import standard_listeners
from cadenza_core.tuning import Material

RATE = 44100


def make_stems(seconds: float = 2.0) -> dict[str, np.ndarray]:
    """Vocals under louder other in the same bands; drums in bursts; bass below; the ears differ a little."""
    rng = np.random.default_rng(5)
    time = np.arange(int(seconds * RATE)) / RATE

    def tone(pitch: float, count: int, level: float) -> np.ndarray:
        swing = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time + pitch)
        wave = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, count))
        return level * swing * wave

    bursts = rng.standard_normal(len(time)) * np.exp(-15 * (time % 0.5))
    mono = {
        "vocals": tone(220, 20, 0.02),
        "drums": 0.05 * bursts,
        "bass": tone(55, 6, 0.06),
        "other": tone(233, 20, 0.06),
    }
    return {name: np.stack([wave, 0.8 * wave]).astype(np.float32) for name, wave in mono.items()}


@pytest.fixture(scope="session")
def stems() -> dict[str, np.ndarray]:
    return make_stems()


@pytest.fixture(scope="session")
def listener() -> Listener:
    return standard_listeners()["N4"]


@pytest.fixture(scope="session")
def material(stems: dict[str, np.ndarray], listener: Listener) -> Material:
    return Material("A song", listener, stems, stems)


@pytest.fixture(scope="session")
def leaky(stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A poor separation: half of the vocals is in other, and a stem is lost in part."""
    return {
        "vocals": 0.5 * stems["vocals"],
        "drums": 0.7 * stems["drums"],
        "bass": stems["bass"],
        "other": stems["other"] + 0.3 * stems["vocals"],
    }


@pytest.fixture
def cancel_after() -> Callable[[int], Callable[[float, str], None]]:
    """A progress callback that cancels at the given call."""
    from cadenza_core.errors import Cancelled

    def make(calls: int) -> Callable[[float, str], None]:
        left = [calls]

        def progress(done: float, text: str) -> None:
            assert 0.0 <= done <= 1.0
            left[0] -= 1
            if left[0] < 0:
                raise Cancelled("Stopped.")

        return progress

    return make
