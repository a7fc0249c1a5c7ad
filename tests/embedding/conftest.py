"""Models for the tests: tiny checkpoints in the real format, and HEAR modules of somebody else's, good and bad."""

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cadenza_core.embedding.task_writing import write_task
from cadenza_core.embedding.tasks import Task
from cadenza_core.embedding.tones import tone_pitch
from cadenza_core.settings import Settings

GOOD = """
    import torch

    class Model(torch.nn.Module):
        sample_rate, scene_embedding_size, timestamp_embedding_size = 16000, 4, 4

        def frames(self, audio):
            padded = torch.nn.functional.pad(audio, (320, 320))
            windows = padded.unfold(1, 640, 640)[:, : audio.shape[1] // 640 + 1]
            return torch.stack([windows.mean(2), windows.std(2), windows.amax(2), windows.amin(2)], 2)

    def load_model(model_file_path=""):
        return Model()

    def get_timestamp_embeddings(audio, model):
        frames = model.frames(audio)
        times = torch.arange(frames.shape[1], dtype=torch.float32) * 40.0
        return frames, times.expand(len(audio), -1)

    def get_scene_embeddings(audio, model):
        return model.frames(audio).mean(1)
"""


@pytest.fixture
def make_module(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Write a module: the good one with a piece of its text replaced; gives its name. Several can be made."""
    place = tmp_path / "modules"
    place.mkdir()
    sys.path.insert(0, str(place))
    made: list[str] = []

    def make(old: str = "", new: str = "", text: str = GOOD) -> str:
        source = textwrap.dedent(text)
        assert old in source
        name = f"somebody_{tmp_path.name.replace('-', '_')[-20:]}_{len(made)}"
        (place / f"{name}.py").write_text(source.replace(old, new) if old else source, encoding="utf-8")
        importlib.invalidate_caches()
        made.append(name)
        return name

    yield make
    sys.path.remove(str(place))
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny wav2vec 2.0, HuBERT and CLAP with random weights, saved by transformers itself."""
    import torch

    from cadenza_core.separation.torchaudio_absent import import_without_torchaudio

    for name in ("wav2vec2.modeling_wav2vec2", "hubert.modeling_hubert", "clap.modeling_clap"):
        import_without_torchaudio(f"transformers.models.{name}")
    import transformers

    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    small |= {"conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    quantiser = {"codevector_dim": 16, "proj_codevector_dim": 16, "num_codevectors_per_group": 8}
    # as published: with the heads of pretraining, which are not used
    transformers.Wav2Vec2ForPreTraining(transformers.Wav2Vec2Config(**small, **quantiser)).save_pretrained(
        folder / "wav2vec2"
    )
    transformers.HubertModel(transformers.HubertConfig(**small)).save_pretrained(folder / "hubert")
    for name in ("wav2vec2", "hubert"):
        transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / name)
    audio = {"hidden_size": 128, "patch_embeds_hidden_size": 16, "depths": [1] * 4, "num_attention_heads": [2] * 4}
    text = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 20,
    }
    config = transformers.ClapConfig(audio_config=audio, text_config=text, projection_dim=24)
    transformers.ClapModel(config).save_pretrained(folder / "clap")
    transformers.ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder / "clap")
    return folder


@pytest.fixture(scope="session")
def tone_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The pitch task of generated tones at 44.1 kHz."""
    return write_task(tone_pitch(), tmp_path_factory.mktemp("tasks"), [44100])


@pytest.fixture(scope="session")
def warm_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a home that the tests of this room share, so that nothing is embedded twice."""
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, models=home / "models", device="cpu")


def noise(n_sounds: int, n_samples: int, seed: int = 0) -> np.ndarray:
    """Uniform noise in [-1, 1], float32."""
    return np.random.default_rng(seed).uniform(-1, 1, (n_sounds, n_samples)).astype(np.float32)
