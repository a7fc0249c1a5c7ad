"""CLAP's audio tower (HTSAT) through ``transformers``. A module of HEAR's API.

Wu et al., *Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption augmentation*,
ICASSP 2023. Any CLAP checkpoint in transformers' format is taken; without one, the published `laion/larger_clap_music`
(Apache-2.0). 48 kHz.

The network sees 10 s at a time. A scene is the mean of the projected, normalised embeddings (those that CLAP compares with
text) of windows of 10 s every 5 s. For timestamps, the last feature map is averaged over frequency; its columns, 313 ms
apart, are interpolated linearly to a grid of 50 ms: an event is found to about 0.15 s, not to 50 ms. Of overlapping windows
the one with more of the neighbourhood counts.
"""

import itertools
from pathlib import Path
from typing import Any

import torch

from ..errors import CadenzaError
from ..separation.torchaudio_absent import import_without_torchaudio
from .frames import check_audio, frame_starts, timestamps_of
from .published import read_config
from .transformer import load_network, model_folder

__all__ = ["ClapAudio", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

VERSION = 1
RATE = 48000
_HOP = 50.0  # ms


class ClapAudio(torch.nn.Module):
    """CLAP's audio tower and its feature extractor, with what HEAR asks of a model."""

    sample_rate = RATE

    def __init__(self, network: Any, extractor: Any) -> None:
        super().__init__()
        self.network = network
        self.extractor = extractor
        self.window = int(extractor.nb_max_samples)
        self.scene_embedding_size = int(network.config.projection_dim)
        self.timestamp_embedding_size = int(network.audio_model.audio_encoder.num_features)

    def starts(self, n_samples: int) -> list[int]:
        """Give where the windows of a sound start, in samples: every half window, the last one reaching its end."""
        if n_samples <= self.window:
            return [0]
        step = self.window // 2
        count = -(-(n_samples - self.window) // step)
        return [*range(0, count * step, step), n_samples - self.window]

    def look(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the projected embedding, shape (size,), and the feature map's columns, (columns, size), of one window."""
        features = self.extractor(window.cpu().numpy(), sampling_rate=RATE, return_tensors="pt")
        seen = self.network.audio_model(
            input_features=features["input_features"].to(window.device).float(),
            is_longer=features["is_longer"].to(window.device),
        )
        projected = self.network.audio_projection(seen.pooler_output)[0]
        columns = seen.last_hidden_state[0].mean(1).T
        return torch.nn.functional.normalize(projected, dim=0), columns


def load_model(model_file_path: str = "") -> ClapAudio:
    """Load a checkpoint.

    Parameters
    ----------
    model_file_path : str
        Folder with ``config.json``, ``preprocessor_config.json`` and ``model.safetensors`` or ``pytorch_model.bin``, or a
        file in it. Empty: the published checkpoint, from the models folder, else downloaded.

    Raises
    ------
    WeightsMissing
        If the published checkpoint is not on this machine and cannot be fetched.
    CadenzaError
        If the folder is no checkpoint of CLAP, or lacks weights.
    """
    modeling = import_without_torchaudio("transformers.models.clap.modeling_clap")
    folder = model_folder("clap", model_file_path)
    read_config(folder, "clap")
    extractor = _extractor(folder)
    optional = {"audio_model.audio_encoder.batch_norm.num_batches_tracked"}
    network = load_network(modeling.ClapAudioModelWithProjection, folder, optional=optional)
    return ClapAudio(network, extractor).eval()


def _extractor(folder: Path) -> Any:
    extraction = import_without_torchaudio("transformers.models.clap.feature_extraction_clap")
    try:
        extractor = extraction.ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise CadenzaError(f"{folder / 'preprocessor_config.json'} is not CLAP's: {error}") from error
    if extractor.sampling_rate != RATE:
        raise CadenzaError(f"{folder} is for {extractor.sampling_rate} Hz; {RATE} Hz is accepted.")
    return extractor


@torch.no_grad()
def get_timestamp_embeddings(audio: torch.Tensor, model: ClapAudio) -> tuple[torch.Tensor, torch.Tensor]:
    """Embed every 50 ms; see the top of the module for the true resolution.

    Parameters
    ----------
    audio : torch.Tensor [shape=(n_sounds, n_samples), dtype=float32], 48 kHz, in [-1, 1]
    model : ClapAudio

    Returns
    -------
    torch.Tensor [shape=(n_sounds, n_timestamps, size), dtype=float32]
    torch.Tensor [shape=(n_sounds, n_timestamps), dtype=float32]
        ms, from 0.

    Raises
    ------
    CadenzaError
        If the audio has another shape, or the model is another.
    """
    _check(audio, model)
    hop = _HOP / 1000.0 * RATE
    times = torch.tensor(frame_starts(audio.shape[1], hop), dtype=torch.float64)  # samples
    starts = model.starts(audio.shape[1])
    # Where the windows' middles are halfway between each other, the next one takes over.
    changes = [(a + b + model.window) / 2 for a, b in itertools.pairwise(starts)]
    edges = torch.searchsorted(times, torch.tensor(changes, dtype=torch.float64)).tolist()
    embeddings = audio.new_empty((len(audio), len(times), model.timestamp_embedding_size), dtype=torch.float32)
    for number, sound in enumerate(audio):
        for start, first, last in zip(starts, [0, *edges], [*edges, len(times)], strict=True):
            _, columns = model.look(sound[start : start + model.window].float())
            within = (times[first:last] - start) / model.window * len(columns) - 0.5
            # a shorter sound is repeated by the extractor to fill the window: those columns are not the sound's
            filled = -(-(min(audio.shape[1] - start, model.window) * len(columns)) // model.window)
            embeddings[number, first:last] = _interpolated(columns[:filled], within.to(audio.device))
    return embeddings, timestamps_of(len(audio), len(times), _HOP, audio.device)


@torch.no_grad()
def get_scene_embeddings(audio: torch.Tensor, model: ClapAudio) -> torch.Tensor:
    """Embed each sound by the mean of its windows' embeddings: float32, shape (n_sounds, size). Else as above."""
    _check(audio, model)
    starts = model.starts(audio.shape[1])
    scenes = []
    for sound in audio:
        total = sound.new_zeros(model.scene_embedding_size, dtype=torch.float64)
        for start in starts:
            total += model.look(sound[start : start + model.window].float())[0]
        scenes.append((total / len(starts)).float())
    return torch.stack(scenes)


def _interpolated(columns: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Give what lies at `places` (in columns, between them linearly, beyond them the outermost)."""
    places = places.clamp(0, len(columns) - 1)
    left = places.floor().long()
    right = (left + 1).clamp(max=len(columns) - 1)
    share = (places - left).float()[:, None]
    return columns[left] * (1 - share) + columns[right] * share


def _check(audio: torch.Tensor, model: object) -> None:
    check_audio(audio)
    if not isinstance(model, ClapAudio):
        raise CadenzaError(f"The model is a {type(model).__name__}; the one that clap.load_model() gives is wanted.")
    model.to(audio.device)
