"""What wav2vec 2.0 and HuBERT share: a convolutional front end at 50 Hz and a transformer, run over long sounds in windows.

The front end's frame j sees 400 samples from ``320 j`` of its input; 200 zeros in front centre it at ``j * 20 ms``. A sound
is cut into cores of 20 s, each embedded with 5 s of its neighbourhood on both sides: memory stays bounded, and what is
embedded at a time does not hang on how long the sound goes on after that. Each sound is worked on by itself, so that a batch
gives what its sounds give alone.
"""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import CadenzaError
from ..separation.torchaudio_absent import import_without_torchaudio
from ..settings import Settings
from .frames import check_audio, timestamps_of
from .published import CHECKPOINTS, checkpoint_folder, read_config

__all__ = ["SpeechModel", "get_scene_embeddings", "get_timestamp_embeddings", "load_network", "load_speech_model"]

RATE = 16000
_CORE = 1000  # frames that a window answers for
_CONTEXT = 250  # frames that it sees besides, on each side


class SpeechModel(torch.nn.Module):
    """A network of ``transformers`` with what HEAR asks of a model.

    Parameters
    ----------
    network : torch.nn.Module
        `Wav2Vec2Model` or `HubertModel`.
    normalise : bool
        Bring each sound to mean 0 and variance 1 first, as the checkpoint's own feature extractor does.
    """

    sample_rate = RATE

    def __init__(self, network: Any, normalise: bool) -> None:
        super().__init__()
        self.network = network
        self.normalise = normalise
        config = network.config
        self.hop = math.prod(config.conv_stride)
        reach = 1
        for kernel, stride in reversed(list(zip(config.conv_kernel, config.conv_stride, strict=True))):
            reach = (reach - 1) * stride + kernel
        self.reach = reach
        self.scene_embedding_size = int(config.hidden_size)
        self.timestamp_embedding_size = int(config.hidden_size)

    def count(self, n_samples: int) -> int:
        """Give how many frames a sound has: one every 20 ms from 0 up to its end."""
        return n_samples // self.hop + 1

    def embed(self, sound: torch.Tensor) -> torch.Tensor:
        """Embed one sound, shape (n_samples,), as (frames, size), float32."""
        count = self.count(len(sound))
        if self.normalise:
            exact = sound.double()
            deviation = torch.sqrt(exact.var(correction=0) + 1e-7)  # the feature extractor's own constant
            sound = ((exact - exact.mean()) / deviation).float()
        before = self.reach // 2
        after = self.hop * (count - 1) + self.reach - before - len(sound)
        sound = torch.nn.functional.pad(sound, (before, after))
        out = sound.new_empty((count, self.timestamp_embedding_size))
        for first in range(0, count, _CORE):
            last = min(first + _CORE, count)
            low, high = max(0, first - _CONTEXT), min(count, last + _CONTEXT)
            window = sound[low * self.hop : (high - 1) * self.hop + self.reach]
            hidden = self.network(window[None]).last_hidden_state[0]
            out[first:last] = hidden[first - low : last - low]
        return out


def load_speech_model(model_id: str, model_file_path: str) -> SpeechModel:
    """Load a checkpoint of wav2vec 2.0 or HuBERT.

    Parameters
    ----------
    model_id : str
        ``wav2vec2`` or ``hubert``.
    model_file_path : str
        Folder with ``config.json``, ``preprocessor_config.json`` and ``model.safetensors`` or ``pytorch_model.bin``, or
        a file in it. Empty: the published checkpoint, from the models folder, else downloaded.

    Raises
    ------
    WeightsMissing
        If the published one is not on this machine and cannot be fetched.
    CadenzaError
        If the folder is no checkpoint of this type, or lacks weights.
    """
    name = {"wav2vec2": "Wav2Vec2Model", "hubert": "HubertModel"}[model_id]
    network_class = getattr(import_without_torchaudio(f"transformers.models.{model_id}.modeling_{model_id}"), name)
    folder = model_folder(model_id, model_file_path)
    _, preprocessor = read_config(folder, model_id)
    rate = preprocessor.get("sampling_rate", RATE)
    if rate != RATE:
        raise CadenzaError(f"{folder} is for {rate} Hz; {RATE} Hz is accepted.")
    network = load_network(network_class, folder, optional={"masked_spec_embed"})
    return SpeechModel(network, bool(preprocessor.get("do_normalize", True))).eval()


def model_folder(model_id: str, model_file_path: str) -> Path:
    """Give the folder that is named, or that of the published checkpoint; says on standard error what it fetches."""
    if model_file_path:
        path = Path(model_file_path).expanduser().absolute()
        if not path.exists():
            raise CadenzaError(f"There is no folder or file {path}. Name the folder of a checkpoint.")
        return path if path.is_dir() else path.parent
    checkpoint = CHECKPOINTS[model_id]
    shown = False

    def show(done: float, text: str) -> None:
        nonlocal shown
        if not shown:
            shown = True
            sys.stderr.write(f"Getting {checkpoint.repo}, {checkpoint.size_mb:.0f} MB, licence {checkpoint.licence}\n")

    return checkpoint_folder(checkpoint, Settings.load(), show)


def load_network(network_class: Any, folder: Path, *, optional: set[str]) -> Any:
    """Load a network of ``transformers`` with all its weights; only those named `optional` may be missing.

    Raises
    ------
    CadenzaError
        If the file lacks weights, has them in other shapes, holds more than weights, or cannot be read.
    """
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # what matters of its warnings is checked below
    bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        options = {"local_files_only": True, "output_loading_info": True, "dtype": torch.float32}
        network, info = network_class.from_pretrained(folder, **options)
    except Exception as error:  # a damaged file can fail in any way
        reason = str(error).strip().partition("\n")[0]
        raise CadenzaError(f"{folder} cannot be loaded as {network_class.__name__}: {reason}") from error
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
    _check_loaded(network_class, folder, info, optional)
    return network.eval()


def _check_loaded(network_class: Any, folder: Path, info: Mapping[str, Any], optional: set[str]) -> None:
    missing = sorted(set(info["missing_keys"]) - optional)
    wrong = [str(key) for key in info.get("mismatched_keys", ())]
    if missing or wrong:
        names = ", ".join([*missing, *wrong][:4])
        raise CadenzaError(
            f"The weights in {folder} do not fit {network_class.__name__}: {len(missing)} missing, {len(wrong)} of another "
            f"shape ({names}). They would be random. Get the checkpoint again from its publisher."
        )


@torch.no_grad()
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
    _check(audio, model)
    embeddings = torch.stack([model.embed(sound.float()) for sound in audio])
    return embeddings, timestamps_of(len(audio), embeddings.shape[1], 1000.0 * model.hop / RATE, audio.device)


@torch.no_grad()
def get_scene_embeddings(audio: torch.Tensor, model: SpeechModel) -> torch.Tensor:
    """Embed each sound by the mean over time: float32, shape (n_sounds, hidden size). Else as above."""
    _check(audio, model)
    return torch.stack([model.embed(sound.float()).mean(0, dtype=torch.float64).float() for sound in audio])


def _check(audio: torch.Tensor, model: object) -> None:
    check_audio(audio)
    if not isinstance(model, SpeechModel):
        raise CadenzaError(f"The model is a {type(model).__name__}; the one that load_model() gives is wanted.")
    model.to(audio.device)
