"""Sound: in memory (`signal`), from files (`reading`), to files (`writing`), and measured (`levels`)."""

from .reading import AudioInfo, audio_info, read_audio
from .signal import RATE, STEMS, Audio, Stems, resample
from .writing import write_audio

__all__ = [
    "RATE",
    "STEMS",
    "Audio",
    "AudioInfo",
    "Stems",
    "audio_info",
    "read_audio",
    "resample",
    "write_audio",
]
