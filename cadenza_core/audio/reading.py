"""Read sound files: libsndfile first, FFmpeg (through PyAV) for what it cannot read, such as M4A/AAC and .stem.mp4.

A file that is not whole, holds NaN, has more than two channels or no samples is refused with a sentence; it is never
padded, cut or cleaned silently.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ..errors import CadenzaError
from .signal import Audio, check_samples

__all__ = ["AUDIO_SUFFIXES", "AudioInfo", "audio_info", "read_audio"]

#: File name endings taken for sound when a folder is searched.
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".m4a", ".aac", ".mp4"})
_ACCEPTED = "WAV, FLAC, MP3, OGG, AIFF, M4A and AAC files with one or two channels are accepted"
_FFMPEG = frozenset({".m4a", ".aac", ".mp4"})


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says: sample rate (Hz), channels, frames (samples a channel), format in words."""

    rate: int
    channels: int
    frames: int
    format: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate


def audio_info(path: Path, stream: int = 0) -> AudioInfo:
    """Read a file's header. For FFmpeg's formats the length is what the container says, good to a few milliseconds.

    Raises
    ------
    CadenzaError
        If the file is missing, empty, cut off, or not sound that can be read.
    """
    _check_file(path)
    if path.suffix.lower() in _FFMPEG:
        return _av_info(path, stream)
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error) from error
    _check_whole(path)
    if info.frames == 0:
        raise CadenzaError(f"{path} is empty: it has no samples.")
    return AudioInfo(info.samplerate, info.channels, info.frames, f"{info.format} {info.subtype}")


def read_audio(path: Path, start: float = 0.0, stop: float | None = None, *, stream: int = 0) -> Audio:
    """Read a file, or the part from `start` to `stop`.

    Parameters
    ----------
    path : Path
    start, stop : float, seconds
        Samples ``int(start * rate)`` up to ``int(stop * rate)``, as CAD1 cuts its segments; `stop` None: to the end.
    stream : int
        Which audio stream of an MP4 container (0 is the first).

    Returns
    -------
    Audio [1 or 2 channels, at the file's own sample rate]
        Integer formats are divided by their full scale (16 bit: 32768), as the challenge's recipe does.

    Raises
    ------
    CadenzaError
        If the file is missing, empty, cut off, not sound, has more than two channels or NaN/Inf in it, or if the part
        asked for is empty or ends after the file does.
    """
    info = audio_info(path, stream)
    first = int(start * info.rate)
    if path.suffix.lower() in _FFMPEG:
        samples = _av_read(path, stream)
        last = samples.shape[1] if stop is None else int(stop * info.rate)
        _check_part(path, first, last, samples.shape[1], info.rate)
        samples = samples[:, first:last]
    else:
        last = info.frames if stop is None else int(stop * info.rate)
        _check_part(path, first, last, info.frames, info.rate)
        try:
            samples, _ = soundfile.read(path, start=first, stop=last, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _unreadable(path, error) from error
        if len(samples) < last - first:
            raise _truncated(path, f"{len(samples)} of {last - first} samples can be read")
        samples = samples.T
    if samples.shape[0] > 2:
        raise CadenzaError(f"{path} has {samples.shape[0]} channels; {_ACCEPTED}. Mix it down to stereo first.")
    check_samples(samples, str(path))
    return Audio(samples, info.rate)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise CadenzaError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise CadenzaError(f"{path} is empty: 0 bytes. {_ACCEPTED}.")
    if not os.access(path, os.R_OK):
        raise CadenzaError(f"{path} cannot be read: permission was denied.")


def _check_part(path: Path, first: int, last: int, frames: int, rate: int) -> None:
    if not 0 <= first < last <= frames:
        raise CadenzaError(
            f"{path} lasts {frames / rate:.2f} s; {first / rate:.2f} s to {last / rate:.2f} s is not in it."
        )


def _check_whole(path: Path) -> None:
    """Refuse a RIFF file whose data chunk promises more bytes than there are: libsndfile would just read less."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        size = path.stat().st_size
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                # 0 and 0xFFFFFFFF: written by a program that streamed and did not know.
                if length not in (0, 0xFFFFFFFF) and file.tell() + length > size:
                    raise _truncated(path, f"{size - file.tell()} of {length} bytes of sound are there")
                return
            file.seek(length + (length & 1), os.SEEK_CUR)


def _truncated(path: Path, fact: str) -> CadenzaError:
    return CadenzaError(f"{path} is cut off: {fact}. Copy or download it again.")


def _unreadable(path: Path, error: Exception) -> CadenzaError:
    return CadenzaError(f"{path} cannot be read as sound ({error}). {_ACCEPTED}.")


def _av_info(path: Path, stream: int) -> AudioInfo:
    import av

    try:
        with av.open(str(path)) as container:
            if stream >= len(container.streams.audio):
                raise CadenzaError(
                    f"{path} has {len(container.streams.audio)} audio streams; number {stream + 1} is asked."
                )
            audio = container.streams.audio[stream]
            if audio.duration is not None and audio.time_base is not None:
                seconds = float(audio.duration * audio.time_base)
            elif container.duration is not None:
                seconds = container.duration / av.time_base
            else:  # raw AAC has no header that tells
                return AudioInfo(audio.rate, audio.channels, _av_read(path, stream).shape[1], audio.codec.name)
            return AudioInfo(audio.rate, audio.channels, round(seconds * audio.rate), audio.codec.name)
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error


def _av_read(path: Path, stream: int) -> np.ndarray:
    import av

    try:
        with av.open(str(path)) as container:
            audio = container.streams.audio[stream]
            expected = None if audio.duration is None else float(audio.duration * (audio.time_base or 0)) * audio.rate
            resampler = av.AudioResampler(format="fltp", layout=audio.layout, rate=audio.rate)
            blocks = [out.to_ndarray() for frame in container.decode(audio) for out in resampler.resample(frame)]
            blocks += [out.to_ndarray() for out in resampler.resample(None)]
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error
    if not blocks:
        raise CadenzaError(f"{path} is empty: it has no samples.")
    samples = np.concatenate(blocks, axis=1)
    if expected is not None and samples.shape[1] < expected - 4096:  # codecs pad and trim by up to some frames
        raise _truncated(path, f"{samples.shape[1]} of {expected:.0f} samples can be decoded")
    return samples
