"""Read sound files: libsndfile first, FFmpeg (through PyAV) for what it cannot read, such as M4A/AAC and .stem.mp4.

A file that is not whole, holds NaN, has more than two channels or no samples is refused with a sentence; it is never
padded, cut or cleaned silently. Where only a part is read, a fault of the samples outside it may pass unseen.
"""

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ..errors import CadenzaError
from . import ffmpeg
from .signal import Audio, check_samples
from .whole import missing_part, mp3_says_length, starts_as_mp3

__all__ = ["AUDIO_SUFFIXES", "AudioInfo", "audio_info", "read_audio"]

#: File name endings taken for sound when a folder is searched.
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", *ffmpeg.SUFFIXES})
#: Sample rates that are accepted, Hz.
RATES = (4000, 768000)
_ACCEPTED = "WAV, FLAC, MP3, OGG, AIFF, M4A and AAC files with one or two channels are accepted"
_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF"})  # libsndfile's names
_UNKNOWN = (1 << 63) - 1  # libsndfile's number of frames where the header has none
_VORBIS_PAGE = 255 * 4096  # most samples of one Ogg page: seeking into the last page gives wrong ones
_CODEC_DELAY = 4096  # samples by which a codec's padding may make the decoded sound shorter than its container says


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
    """Read a file's header. For M4A and MP4 the length is what the container says, good to about 0.03 s.

    Parameters
    ----------
    path : Path
    stream : int
        Which audio stream of an MP4 container (0 is the first).

    Raises
    ------
    CadenzaError
        If the file is missing, empty, cut off, or not sound that can be read.
    """
    header = _header(path, stream)
    frames = header.frames
    if frames is None:  # raw AAC, for one
        _, frames = _decode(path, stream, _UNKNOWN, None)
    if frames == 0:
        raise _empty(path)
    return AudioInfo(header.rate, header.channels, frames, header.codec)


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
    header = _header(path, stream)
    if header.channels > 2:
        raise CadenzaError(f"{path} has {header.channels} channels; {_ACCEPTED}. Mix it down to stereo first.")
    first = _sample(path, start, header.rate)
    last = None if stop is None else _sample(path, stop, header.rate)
    if last is not None and first >= last:
        raise CadenzaError(f"{path}: {start} s to {stop} s holds no samples; the start must be before the stop.")
    if header.frames is None or path.suffix.lower() in ffmpeg.SUFFIXES:
        samples = _av_read(path, header, first, last, stream)
    else:
        samples = _sf_read(path, header, header.frames, first, last)
    check_samples(samples, str(path))
    return Audio(samples, header.rate)


def _sample(path: Path, seconds: float, rate: int) -> int:
    if not math.isfinite(seconds * rate) or seconds < 0:
        raise CadenzaError(f"{path} cannot be read at {seconds} s: times are finite seconds, 0 or more.")
    return int(seconds * rate)


def _header(path: Path, stream: int) -> ffmpeg.Header:
    _check_file(path)
    header = None if path.suffix.lower() in ffmpeg.SUFFIXES else _sf_header(path)
    if header is None:
        try:
            header = ffmpeg.read_header(path, stream)
        except ValueError as error:
            raise _unreadable(path, error) from error
    if not RATES[0] <= header.rate <= RATES[1]:
        raise CadenzaError(f"{path} has a sample rate of {header.rate} Hz; {RATES[0]} to {RATES[1]} Hz are accepted.")
    return header


def _sf_header(path: Path) -> ffmpeg.Header | None:
    """Read a header with libsndfile; None if it does not say how long the sound is: then libsndfile errs, or guesses."""
    try:
        info = soundfile.info(os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a .raw file, which needs parameters
        raise _unreadable(path, error) from error
    if info.format not in _FORMATS:
        raise _unreadable(path, f"it is {info.format_info}")
    if info.frames == _UNKNOWN or (info.format == "MP3" and not mp3_says_length(path)):
        return None
    return ffmpeg.Header(info.samplerate, info.channels, info.frames, f"{info.format} {info.subtype}")


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise CadenzaError(f"{path} is a folder, not a sound file. {_ACCEPTED}.")
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise CadenzaError(f"{path} is not a file on disk but a pipe or device. {_ACCEPTED}.")
        if status.st_size == 0:
            raise CadenzaError(f"{path} is empty: 0 bytes. {_ACCEPTED}.")
        if path.suffix.lower() == ".mp3" and not starts_as_mp3(path):
            raise _unreadable(path, "it does not begin with an MP3 frame")
        if missing := missing_part(path):
            raise _truncated(path, missing)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a null character in the path
        if path.is_symlink():
            raise CadenzaError(f"{path} is a link to {path.readlink()}, which is not there.") from error
        raise CadenzaError(f"There is no file {path}.") from error
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}.") from error


def _check_part(path: Path, first: int, last: int, frames: int, rate: int) -> None:
    if not first < last <= frames:
        raise CadenzaError(
            f"{path} lasts {frames / rate:.2f} s; {first / rate:.2f} s to {last / rate:.2f} s is not in it."
        )


def _sf_read(path: Path, header: ffmpeg.Header, frames: int, first: int, last: int | None) -> np.ndarray:
    if frames == 0:
        raise _empty(path)
    last = frames if last is None else last
    _check_part(path, first, last, frames, header.rate)
    begin = min(first, max(0, frames - _VORBIS_PAGE)) if "VORBIS" in header.codec else first
    try:
        samples, _ = soundfile.read(os.fsencode(path), start=begin, stop=last, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error) from error
    except (MemoryError, ValueError) as error:
        hours = (last - first) / header.rate / 3600
        raise CadenzaError(f"{path} says that it lasts {hours:.0f} h: too long for this machine's memory.") from error
    if len(samples) < last - begin:
        raise _truncated(path, f"{len(samples)} of {last - begin} samples can be read")
    return samples[first - begin :].T


def _av_read(path: Path, header: ffmpeg.Header, first: int, last: int | None, stream: int) -> np.ndarray:
    samples, end = _decode(path, stream, first, last)
    if end == 0:
        raise _empty(path)
    if (last is None or end < last) and end < (header.frames or 0) - _CODEC_DELAY:
        raise _truncated(path, f"{end} of {header.frames} samples can be decoded")
    _check_part(path, first, end if last is None else last, end, header.rate)
    return samples


def _decode(path: Path, stream: int, first: int, last: int | None) -> tuple[np.ndarray, int]:
    try:
        return ffmpeg.decode(path, stream, first, last)
    except ValueError as error:
        raise _unreadable(path, error) from error


def _empty(path: Path) -> CadenzaError:
    return CadenzaError(f"{path} is empty: it has no samples.")


def _truncated(path: Path, fact: str) -> CadenzaError:
    return CadenzaError(f"{path} is cut off: {fact}. Copy or download it again.")


def _unreadable(path: Path, reason: object) -> CadenzaError:
    text = reason.error_string if isinstance(reason, soundfile.LibsndfileError) else str(reason)
    return CadenzaError(f"{path} cannot be read as sound ({text.rstrip('.')}). {_ACCEPTED}.")
