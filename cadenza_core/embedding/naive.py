"""HEAR's naive baseline: a log-mel spectrum, randomly projected. A module of HEAR's API.

44.1 kHz; frames of 4096 samples, Hann window, power spectrum, 256 mel bands (librosa's), ``log(x + 1e-4)``, projected to
4096 dimensions by ``torch.rand(256, 4096) / 16`` after ``torch.manual_seed(0)``. Every 50 ms for timestamps; a scene is the
mean of frames every 250 ms. The numbers are those of `hearbaseline.naive` 2021.1.1 (hear-baseline, Apache-2.0), to rounding.
"""

import torch

from ..errors import CadenzaError
from .frames import check_audio, frame_blocks, frame_starts, timestamps_of

__all__ = ["NaiveModel", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

#: Changes when the numbers do: embeddings of different versions are never compared.
VERSION = 1
RATE = 44100
SIZE = 4096
_FRAME = 4096  # samples
_BANDS = 256
_EPSILON = 1e-4
_SEED = 0
_TIMESTAMP_HOP = 50.0  # ms
_SCENE_HOP = 250.0  # ms


class NaiveModel(torch.nn.Module):
    """The model: frames of samples in, embeddings out."""

    sample_rate = RATE
    scene_embedding_size = SIZE
    timestamp_embedding_size = SIZE
    window: torch.Tensor
    mel_scale: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        from librosa.filters import mel

        # The baseline seeds the global generator; one of our own gives the same numbers and disturbs nobody.
        generator = torch.Generator().manual_seed(_SEED)
        self.register_buffer("window", torch.hann_window(_FRAME))
        self.register_buffer("mel_scale", torch.from_numpy(mel(sr=RATE, n_fft=_FRAME, n_mels=_BANDS)))
        weights = torch.rand(_BANDS, SIZE, generator=generator) / _BANDS**0.5
        self.projection = torch.nn.Parameter(weights, requires_grad=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Embed frames, shape (n, 4096), as (n, 4096)."""
        return self.log_mel(frames) @ self.projection

    def log_mel(self, frames: torch.Tensor) -> torch.Tensor:
        """Give the log-mel spectrum of frames, shape (n, 4096), as (n, 256)."""
        power = torch.fft.rfft(frames * self.window).abs().square()
        return torch.log(power @ self.mel_scale.T + _EPSILON)


def load_model(model_file_path: str = "") -> NaiveModel:
    """Give the model, with the weights of a file if one is named (a state dict of `hearbaseline.naive`).

    Raises
    ------
    CadenzaError
        If the file does not hold such weights.
    """
    model = NaiveModel()
    if model_file_path:
        from pathlib import Path

        from ..separation.checkpoints import load_state, read_state

        path = Path(model_file_path)
        load_state(model, read_state(path), path)
    return model.eval()


@torch.no_grad()
def get_timestamp_embeddings(audio: torch.Tensor, model: NaiveModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Embed every 50 ms.

    Parameters
    ----------
    audio : torch.Tensor [shape=(n_sounds, n_samples), dtype=float32], 44.1 kHz, in [-1, 1]
    model : NaiveModel

    Returns
    -------
    torch.Tensor [shape=(n_sounds, n_timestamps, 4096), dtype=float32]
    torch.Tensor [shape=(n_sounds, n_timestamps), dtype=float32]
        Centres of the frames, ms, from 0.

    Raises
    ------
    CadenzaError
        If the audio has another shape, or the model is another.
    """
    _check(audio, model)
    hop = _TIMESTAMP_HOP / 1000.0 * RATE
    count = len(frame_starts(audio.shape[1], hop))
    embeddings = audio.new_empty((len(audio), count, SIZE), dtype=torch.float32)
    for number, sound in enumerate(audio):
        for first, frames in frame_blocks(sound.float(), _FRAME, hop):
            torch.matmul(model.log_mel(frames), model.projection, out=embeddings[number, first : first + len(frames)])
    return embeddings, timestamps_of(len(audio), count, _TIMESTAMP_HOP, audio.device)


@torch.no_grad()
def get_scene_embeddings(audio: torch.Tensor, model: NaiveModel) -> torch.Tensor:
    """Embed each sound by the mean of its frames every 250 ms: float32, shape (n_sounds, 4096). Else as above."""
    _check(audio, model)
    hop = _SCENE_HOP / 1000.0 * RATE
    scenes = []
    for sound in audio:
        total = sound.new_zeros(SIZE, dtype=torch.float64)
        count = 0
        for _, frames in frame_blocks(sound.float(), _FRAME, hop):
            total += model(frames).sum(0, dtype=torch.float64)
            count += len(frames)
        scenes.append((total / count).float())
    return torch.stack(scenes)


def _check(audio: torch.Tensor, model: object) -> None:
    check_audio(audio)
    if not isinstance(model, NaiveModel):
        raise CadenzaError(f"The model is a {type(model).__name__}; the one that naive.load_model() gives is wanted.")
    model.to(audio.device)
