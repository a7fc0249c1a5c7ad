"""Write sound files that are whole or not there."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from ..errors import CadenzaError
from ..files import atomic_file
from .signal import check_samples

__all__ = ["to_int16", "write_audio"]

#: Bytes collected before they are written: libFLAC hands over a few kB at a time.
_BUFFER = 1 << 20


def to_int16(samples: np.ndarray, *, overwrite: bool = False) -> np.ndarray:
    """Quantise as pyclarity's `to_16bit`: times 32768, limited, the fraction cut off towards zero.

    Parameters
    ----------
    samples : np.ndarray [any shape], full scale 1.0
    overwrite : bool
        Compute in the memory of `samples`, which is lost: faster for a signal that nobody needs again.

    Returns
    -------
    np.ndarray [same shape, dtype=int16]
    """
    scaled = np.multiply(samples, 32768.0, out=samples if overwrite else None)
    return np.clip(scaled, -32768.0, 32767.0, out=scaled).astype(np.int16)


def write_audio(path: Path, samples: np.ndarray, rate: int, *, subtype: str = "PCM_16") -> None:
    """Write a WAV or FLAC file, by the ending of `path`, under a temporary name first.

    Parameters
    ----------
    path : Path
    samples : np.ndarray [shape=(n,), (1, n) or (2, n)]
        Full scale 1.0, or int16 to be written as it is.
    rate : int > 0
        Sample rate, Hz.
    subtype : {"PCM_16", "PCM_24", "FLOAT"}
        For 16 bit, floats are converted by :func:`to_int16`.

    Raises
    ------
    CadenzaError
        If the place cannot be written to, the format cannot be made, or floats are empty, not finite, or of another shape.
    """
    if samples.dtype.kind == "f":
        check_samples(np.atleast_2d(samples), f"The sound for {path}")
    if subtype == "PCM_16" and samples.dtype != np.int16:
        samples = to_int16(samples)
    with atomic_file(path) as temporary, temporary.open("wb", buffering=_BUFFER) as file:
        guarded = _GuardedFile(file)
        try:
            soundfile.write(guarded, samples.T, rate, subtype=subtype, format=path.suffix[1:].upper())
        except (soundfile.LibsndfileError, ValueError, TypeError, AssertionError) as error:  # the last: a short write
            if guarded.error is None:
                raise CadenzaError(f"{path} cannot be written as {path.suffix} {subtype}: {error}.") from error
        if guarded.error is not None:
            raise guarded.error


class _GuardedFile:
    """Keep the first OSError of a file that libsndfile writes to: it tells only that something went wrong, or nothing.

    With a path, libsndfile loses the reason (disk full, quota), and a write that fails while the file is being closed
    passes unseen.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of `data`; 0 after an error."""
        try:
            return 0 if self.error else self._file.write(data)
        except OSError as error:
            self.error = error
            return 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek, which writes what is buffered."""
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            self.error = self.error or error
            return self.tell()

    def tell(self) -> int:
        """Give the position."""
        try:
            return self._file.tell()
        except OSError as error:
            self.error = self.error or error
            return 0
