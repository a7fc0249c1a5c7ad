"""Name sound by its samples: a digest that does not care where a file lies or how it is packed.

Hashing a song takes a fraction of a second for WAV and more for FLAC or AAC, so digests are remembered by path, size,
inode, time of modification and time of status change, as version control does. A file changed within the last two seconds
is not remembered, since a second change could leave all of these as they are. The limit: where a file system keeps no time
of status change (Windows, FAT), a file whose samples are changed, but neither its size nor its time of modification (set
back to one more than two seconds ago), is taken for what it was. On others a program would have to set the clock back.
"""

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..files import atomic_file

__all__ = ["digest_samples", "mixture_digest", "truth_digest"]

_FORMAT = 2  # of what is remembered
_SETTLED = 2.0  # seconds since the last change after which size and times identify a file
_DIGEST = re.compile("[0-9a-f]{64}")


def digest_samples(signals: Iterable[np.ndarray], rate: int) -> str:
    """Give the SHA-256 of float32 signals, their shapes and the sample rate, in hexadecimal."""
    digest = hashlib.sha256(f"float32 {rate}".encode())
    for signal in signals:
        digest.update(repr(signal.shape).encode())
        digest.update(np.ascontiguousarray(signal, dtype="<f4").data)
    return digest.hexdigest()


def mixture_digest(song: Song, excerpt: Excerpt, memory: Path) -> str:
    """Give the digest of a song's mixture, or of the part of it; `memory` is the folder where digests are remembered."""

    def compute() -> str:
        audio = song.mixture(excerpt)
        return digest_samples([audio.samples], audio.rate)

    return _remembered(song, "mixture", excerpt, memory, compute)


def truth_digest(song: Song, excerpt: Excerpt, memory: Path) -> str:
    """Give the digest of a song's true stems, or of the part of them."""

    def compute() -> str:
        stems = song.stems(excerpt)
        return digest_samples([stems[name] for name in sorted(stems)], stems.rate)

    return _remembered(song, "stems", excerpt, memory, compute)


def _remembered(song: Song, what: str, excerpt: Excerpt, memory: Path, compute: Callable[[], str]) -> str:
    state, changed = _state(song)
    tracks = sorted((name, str(track.path), track.stream) for name, track in song.tracks.items())
    # The excerpt's numbers in full: its text is rounded.
    decoders = [version(package) for package in ("av", "soundfile", "soxr")]
    question = json.dumps([_FORMAT, what, excerpt.start, excerpt.stop, tracks, state, decoders])
    note = memory / f"{hashlib.sha256(question.encode()).hexdigest()}.txt"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        answer = note.read_text(encoding="ascii").strip()
        if _DIGEST.fullmatch(answer):
            return answer
    answer = compute()
    if time.time() - changed > _SETTLED and _state(song) == (state, changed):
        with contextlib.suppress(CadenzaError), atomic_file(note) as temporary:  # only a convenience: may fail unseen
            temporary.write_text(answer, encoding="ascii")
    return answer


def _state(song: Song) -> tuple[list[list[Any]], float]:
    """Give what tells that a song's files are as they were, and when one of them was changed last (s since 1970)."""
    state, changed = [], 0.0
    for file in song.files():
        try:
            stat = file.stat()
        except OSError as error:
            raise CadenzaError(f"There is no file {file} ({error.strerror}).") from error
        state.append([str(file), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino])
        changed = max(changed, stat.st_mtime, stat.st_ctime)
    return state, changed
