"""Name sound by its samples: a digest that does not care where a file lies or how it is packed.

Hashing a song takes a fraction of a second for WAV and more for FLAC or AAC, so digests are remembered by path, size and
time of change, as version control does; a file changed within the last two seconds is not remembered, since a second
change could leave size and time as they are.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..files import atomic_file

__all__ = ["digest_samples", "mixture_digest", "truth_digest"]

_SETTLED = 2.0  # seconds since the last change after which size and time of change identify a file


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

    return _remembered(song, f"mixture {excerpt}", memory, compute)


def truth_digest(song: Song, excerpt: Excerpt, memory: Path) -> str:
    """Give the digest of a song's true stems, or of the part of them."""

    def compute() -> str:
        stems = song.stems(excerpt)
        return digest_samples([stems[name] for name in sorted(stems)], stems.rate)

    return _remembered(song, f"stems {excerpt}", memory, compute)


def _remembered(song: Song, what: str, memory: Path, compute: Callable[[], str]) -> str:
    stats = [(str(file), file.stat()) for file in song.files() if file.exists()]
    if len(stats) < len(song.files()):
        missing = next(file for file in song.files() if not file.exists())
        raise CadenzaError(f"There is no file {missing}.")
    state = [[name, stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in stats]
    question = json.dumps([what, sorted(song.tracks), state])
    note = memory / f"{hashlib.sha256(question.encode()).hexdigest()}.txt"
    with contextlib.suppress(OSError):
        answer = note.read_text(encoding="ascii").strip()
        if len(answer) == 64:
            return answer
    answer = compute()
    if all(time.time() - stat.st_mtime > _SETTLED for _, stat in stats):
        with contextlib.suppress(CadenzaError), atomic_file(note) as temporary:  # only a convenience: may fail unseen
            temporary.write_text(answer, encoding="ascii")
    return answer
