"""Statistics of log-mel bands and MFCCs: a model without weights, small and quick. A module of HEAR's API.

44.1 kHz; frames of 4096 samples every 25 ms, Hann window, power spectrum. A timestamp's embedding is 128 log-mel bands,
20 MFCCs (the first coefficients of the bands' orthonormal DCT-II; Davis & Mermelstein, *IEEE Trans. ASSP* 28(4), 1980) and
their 20 regression deltas over two frames on each side; a scene's is the mean and the standard deviation of those over time.
"""

import torch

from ..errors import CadenzaError
from .frames import check_audio, frame_blocks, frame_starts, timestamps_of

__all__ = ["LogMelModel", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

VERSION = 1
RATE = 44100
_FRAME = 4096  # samples
_HOP = 25.0  # ms
_BANDS = 128
_COEFFICIENTS = 20
_REACH = 2  # frames on each side of a delta
_FLOOR = 1e-6  # power, about that of the dither of a 16-bit file
SIZE = _BANDS + 2 * _COEFFICIENTS


class LogMelModel(torch.nn.Module):
    """The model: frames of samples in, log-mel bands and MFCCs out."""

    sample_rate = RATE
    scene_embedding_size = 2 * SIZE
    timestamp_embedding_size = SIZE
    window: torch.Tensor
    mel_scale: torch.Tensor
    cosines: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        import scipy.fft
        from librosa.filters import mel
        from numpy import eye

        self.register_buffer("window", torch.hann_window(_FRAME))
        self.register_buffer("mel_scale", torch.from_numpy(mel(sr=RATE, n_fft=_FRAME, n_mels=_BANDS)))
        cosines = scipy.fft.dct(eye(_BANDS), norm="ortho", axis=1)[:, :_COEFFICIENTS]
        self.register_buffer("cosines", torch.from_numpy(cosines).float())

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Give log-mel bands and MFCCs of frames, shape (n, 4096), as (n, 148)."""
        power = torch.fft.rfft(frames * self.window).abs().square()
        bands = torch.log(power @ self.mel_scale.T + _FLOOR)
        return torch.cat([bands, bands @ self.cosines], dim=1)


def load_model(model_file_path: str = "") -> LogMelModel:
    """Give the model.

    Raises
    ------
    CadenzaError
        If a file is named: there is nothing to load.
    """
    if model_file_path:
        raise CadenzaError(f"logmel has no weights, so {model_file_path} cannot be loaded. Leave the file out.")
    return LogMelModel().eval()


@torch.no_grad()
def get_timestamp_embeddings(audio: torch.Tensor, model: LogMelModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Embed every 25 ms.

    Parameters
    ----------
    audio : torch.Tensor [shape=(n_sounds, n_samples), dtype=float32], 44.1 kHz, in [-1, 1]
    model : LogMelModel

    Returns
    -------
    torch.Tensor [shape=(n_sounds, n_timestamps, 168), dtype=float32]
    torch.Tensor [shape=(n_sounds, n_timestamps), dtype=float32]
        Centres of the frames, ms, from 0.

    Raises
    ------
    CadenzaError
        If the audio has another shape, or the model is another.
    """
    check_audio(audio)
    if not isinstance(model, LogMelModel):
        raise CadenzaError(f"The model is a {type(model).__name__}; the one that logmel.load_model() gives is wanted.")
    model.to(audio.device)
    hop = _HOP / 1000.0 * RATE
    count = len(frame_starts(audio.shape[1], hop))
    embeddings = audio.new_empty((len(audio), count, SIZE), dtype=torch.float32)
    still = SIZE - _COEFFICIENTS
    for number, sound in enumerate(audio):
        for first, frames in frame_blocks(sound.float(), _FRAME, hop):
            embeddings[number, first : first + len(frames), :still] = model(frames)
        embeddings[number, :, still:] = _deltas(embeddings[number, :, _BANDS:still])
    return embeddings, timestamps_of(len(audio), count, _HOP, audio.device)


@torch.no_grad()
def get_scene_embeddings(audio: torch.Tensor, model: LogMelModel) -> torch.Tensor:
    """Embed each sound by mean and standard deviation over time: float32, shape (n_sounds, 336). Else as above."""
    check_audio(audio)
    scenes = []
    for sound in audio:  # one at a time: a sum over time must not hang on the number of sounds
        frames = get_timestamp_embeddings(sound[None], model)[0][0].double()
        scenes.append(torch.cat([frames.mean(0), frames.std(0, correction=0)]).float())
    return torch.stack(scenes)


def _deltas(frames: torch.Tensor) -> torch.Tensor:
    """Give the slope over time by regression (HTK's formula), the first and last frame repeated beyond the ends."""
    padded = torch.cat([frames[:1]] * _REACH + [frames] + [frames[-1:]] * _REACH)
    length = len(frames)
    total = torch.zeros_like(frames)
    for step in range(1, _REACH + 1):
        later, earlier = padded[_REACH + step :][:length], padded[_REACH - step :][:length]
        total += step * (later - earlier)
    return total / (2 * sum(step * step for step in range(1, _REACH + 1)))
