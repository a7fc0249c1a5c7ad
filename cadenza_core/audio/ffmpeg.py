"""Read with FFmpeg (through PyAV) what libsndfile cannot: M4A and .stem.mp4 containers, raw AAC, and FLAC and MP3
that do not say how long they are.

Raises `ValueError` with a few words on what is wrong; `reading` makes the sentence of them. Decoding always starts at the
beginning: AAC's noise substitution depends on all that came before, so a seek would not give the same samples.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SUFFIXES", "Header", "decode", "read_header"]

#: File name endings that are always read here.
SUFFIXES = frozenset({".m4a", ".aac", ".mp4"})


@dataclass(frozen=True)
class Header:
    """What the container says: sample rate (Hz), channels, frames (None: it does not say), codec."""

    rate: int
    channels: int
    frames: int | None
    codec: str


def read_header(path: Path, stream: int) -> Header:
    """Read the header of audio stream `stream`, counted from 0."""
    with _opened(path, stream) as (container, audio):
        frames = None
        if container.format.name.startswith("mov") and audio.duration is not None and audio.time_base is not None:
            frames = round(float(audio.duration * audio.time_base) * audio.rate)
        return Header(audio.rate, audio.channels, frames, audio.codec.name)


def decode(path: Path, stream: int, first: int, last: int | None) -> tuple[np.ndarray, int]:
    """Decode samples `first` up to `last` (None: the end).

    Returns
    -------
    samples : np.ndarray [shape=(channels, n), dtype=float32]
        Fewer than asked for, or none, if the sound ends before.
    end : int
        How many samples were decoded from the beginning: the sound's length, if that is less than `last`.
    """
    end = 0
    with _opened(path, stream) as (container, audio):
        wanted = [np.zeros((audio.channels, 0), dtype=np.float32)]
        for block in _blocks(container, audio):
            begin, end = end, end + block.shape[1]
            if end > first:
                wanted.append(block[:, max(0, first - begin) : None if last is None else last - begin])
            if last is not None and end >= last:
                break
        return np.concatenate(wanted, axis=1), end


def _blocks(container: Any, audio: Any) -> Iterator[np.ndarray]:
    import av

    resampler = av.AudioResampler(format="fltp", layout=audio.layout, rate=audio.rate)
    for frame in container.decode(audio):
        for out in resampler.resample(frame):
            yield out.to_ndarray()
    for out in resampler.resample(None):
        yield out.to_ndarray()


@contextlib.contextmanager
def _opened(path: Path, stream: int) -> Iterator[tuple[Any, Any]]:
    import av

    # The lists: FFmpeg would take a text file for a playlist and open the files and addresses in it. The absolute path:
    # it would take "my: song.m4a" for an address.
    options = {"format_whitelist": "mov,aac,flac,mp3", "protocol_whitelist": "file"}
    try:
        with av.open(str(path.absolute()), options=options, metadata_errors="replace") as container:
            if stream >= len(container.streams.audio):
                raise ValueError(
                    f"it has {len(container.streams.audio)} audio streams; number {stream + 1} is asked for"
                )
            audio = container.streams.audio[stream]
            if audio.codec_context is None:
                raise ValueError("its codec is not known")
            if not audio.rate or not audio.channels:
                raise ValueError("it does not say its sample rate or number of channels")
            yield container, audio
    except av.FFmpegError as error:
        raise ValueError(error.strerror or type(error).__name__) from error
