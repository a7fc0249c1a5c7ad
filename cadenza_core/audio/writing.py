"""Write sound files that are whole or not there."""

from pathlib import Path

import numpy as np
import soundfile

from ..errors import CadenzaError
from ..files import atomic_file

__all__ = ["to_int16", "write_audio"]


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Quantise as pyclarity's `to_16bit`: times 32768, limited, the fraction cut off towards zero.

    Parameters
    ----------
    samples : np.ndarray [any shape], full scale 1.0

    Returns
    -------
    np.ndarray [same shape, dtype=int16]
    """
    return np.clip(samples * 32768.0, -32768.0, 32767.0).astype(np.int16)


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
        If the place cannot be written to or the format cannot be made.
    """
    if subtype == "PCM_16" and samples.dtype != np.int16:
        samples = to_int16(samples)
    with atomic_file(path) as temporary:
        try:
            soundfile.write(temporary, samples.T, rate, subtype=subtype)
        except (soundfile.LibsndfileError, ValueError, TypeError) as error:
            raise CadenzaError(f"{path} cannot be written as {path.suffix} {subtype}: {error}.") from error
