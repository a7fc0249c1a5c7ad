"""Captioned clips made here, a tiny model trained on them, and checkpoints in the official format that cost nothing."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from cadenza_core.separation.lass.clips import read_clips
from cadenza_core.separation.lass.network import AUDIOSEP, DCASE, NetworkConfig, ResUNet
from cadenza_core.separation.lass.training import Setup, train
from cadenza_core.settings import Settings

RATE = 8000
TINY = NetworkConfig(sample_rate=RATE, n_fft=256, hop=128, channels=(4, 6, 8, 8), condition=16)
SETUP = Setup(TINY, "words", steps=3, batch=4, seconds=0.5, learning_rate=1e-3, warm_up=1)
CAPTIONS = {"high tone": 1500.0, "low tone": 200.0, "hiss": 0.0}


def sound(hertz: float, seconds: float, seed: int, rate: int = RATE) -> np.ndarray:
    """A tone, or for 0 Hz noise; 0.2 of full scale."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    wave = random.standard_normal(time.size) if not hertz else np.sin(2 * np.pi * hertz * time + random.uniform(0, 6))
    return (0.2 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.fixture(scope="session")
def clips_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips in three captioned folders."""
    place = tmp_path_factory.mktemp("clips")
    for number, (caption, hertz) in enumerate(CAPTIONS.items()):
        for take in range(2):
            path = place / f"{number + 1:03d} - {caption}" / f"{take}-{caption.replace(' ', '_')}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, sound(hertz, 1.0, 10 * number + take), RATE)
    return place


@pytest.fixture(scope="session")
def tiny_checkpoint(clips_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three steps: it separates nothing well, but is whole, and written by the program itself."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.ckpt"
    train(read_clips(clips_folder), path, SETUP, seed=1, device="cpu")
    return path


@pytest.fixture
def with_tiny(settings: Settings, tiny_checkpoint: Path) -> Settings:
    """Settings whose models folder has the tiny model."""
    folder = settings.models / "lass"
    folder.mkdir(parents=True)
    for path in (tiny_checkpoint, tiny_checkpoint.with_suffix(".json")):
        (folder / path.name).write_bytes(path.read_bytes())
    return settings


@pytest.fixture(scope="session")
def official_state() -> Callable[..., dict[str, torch.Tensor]]:
    """The entries of an official checkpoint, each one number stretched to its shape, so that a file of them is small."""

    def make(rate: int = 16000) -> dict[str, torch.Tensor]:
        config = {16000: DCASE, 32000: AUDIOSEP}[rate]
        with torch.device("meta"):
            wanted = ResUNet(config).state_dict()
        state = {
            f"ss_model.{name}": torch.full((), 0.5, dtype=value.dtype).expand(value.shape)
            for name, value in wanted.items()
        }
        fixed = {"stft.conv_real.weight": (config.bins, 1, config.n_fft), "istft.ola_window": (config.n_fft,)}
        state |= {f"ss_model.base.{name}": torch.zeros(()).expand(shape) for name, shape in fixed.items()}
        return {**state, "query_encoder.model.logit_scale_a": torch.zeros(())}

    return make


@pytest.fixture(scope="session")
def filled(shared_data: Path) -> Callable[[str], dict[str, torch.Tensor]]:
    """The entries of an official checkpoint, filled by the rule of the test data's README."""

    def make(name: str) -> dict[str, torch.Tensor]:
        shapes: dict[str, Any] = json.loads((shared_data / "regression" / f"{name}.json").read_text())
        return {key: _filled(key, shape) for key, shape in shapes.items()}

    return make


def _filled(name: str, shape: list[int]) -> torch.Tensor:
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    last = name.rpartition(".")[2]
    if last == "num_batches_tracked":
        return torch.tensor(1)
    if last == "running_var":
        noise = np.exp(0.1 * noise)
    elif last in {"running_mean", "bias"}:
        noise *= {"running_mean": 0.1, "bias": 0.01}[last]
    elif len(shape) == 1:
        noise = 1 + 0.1 * noise
    else:
        noise /= np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(noise, dtype=np.float32))
