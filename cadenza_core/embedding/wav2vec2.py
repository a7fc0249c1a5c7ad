"""wav2vec 2.0 through ``transformers``: the last hidden layer, every 20 ms. A module of HEAR's API.

Baevski, Zhou, Mohamed & Auli, *wav2vec 2.0: a framework for self-supervised learning of speech representations*,
NeurIPS 2020. Any checkpoint in transformers' format is taken; without one, the published `facebook/wav2vec2-base`
(Apache-2.0). 16 kHz. How long sounds are cut is in `transformer`.
"""

import torch

from .transformer import SpeechModel, load_speech_model, scene_embeddings, timestamp_embeddings

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

VERSION = 1


def load_model(model_file_path: str = "") -> SpeechModel:
    """Load a checkpoint.

    Parameters
    ----------
    model_file_path : str
        Folder with ``config.json``, ``preprocessor_config.json`` and ``model.safetensors`` or ``pytorch_model.bin``, or
        a file in it. Empty: the published checkpoint, from the models folder, else downloaded.

    Raises
    ------
    WeightsMissing
        If the published checkpoint is not on this machine and cannot be fetched.
    CadenzaError
        If the folder is no checkpoint of this type, or lacks weights.
    """
    return load_speech_model("wav2vec2", model_file_path)


def get_timestamp_embeddings(audio: torch.Tensor, model: SpeechModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Embed every 20 ms.

    Parameters
    ----------
    audio : torch.Tensor [shape=(n_sounds, n_samples), dtype=float32], 16 kHz, in [-1, 1]
    model : SpeechModel

    Returns
    -------
    torch.Tensor [shape=(n_sounds, n_timestamps, hidden size), dtype=float32]
    torch.Tensor [shape=(n_sounds, n_timestamps), dtype=float32]
        Centres, ms, from 0.

    Raises
    ------
    CadenzaError
        If the audio has another shape, or the model is another.
    """
    return timestamp_embeddings(audio, model)


def get_scene_embeddings(audio: torch.Tensor, model: SpeechModel) -> torch.Tensor:
    """Embed each sound by the mean over time: float32, shape (n_sounds, hidden size). Else as above."""
    return scene_embeddings(audio, model)
