"""Read a stem of a submission with its scale factor, to the bit as pyclarity's `read_flac_signal` does."""

from pathlib import Path

import numpy as np

from ..errors import CadenzaError
from .flac import MAX_SCALE_BYTES, SubmissionFault, decode_flac, parse_scale
from .layout import scale_path

__all__ = ["read_remix", "read_stem"]


def read_stem(path: Path, *, allow_unscaled: bool = False) -> tuple[np.ndarray, int]:
    """Read ``<listener>_<song>_<side>_<stem>.flac`` and multiply it by the number in the ``.txt`` file beside it.

    Parameters
    ----------
    path : Path
        The FLAC file: one channel, 16 bit.
    allow_unscaled : bool
        Take a missing scale file for a factor of 1, as pyclarity does without a word.

    Returns
    -------
    samples : np.ndarray [shape=(n,), dtype=float32]
        The 16-bit values divided by 32768, times the factor; may exceed 1.0.
    rate : int
        Sample rate, Hz.

    Raises
    ------
    CadenzaError
        If the stem is missing, cut off, damaged, not mono or not 16 bit, or if its scale file is missing (unless
        allowed) or holds no number that a peak can be.

    Source: pyclarity 0.9.0, `clarity.utils.flac_encoder.read_flac_signal`.
    """
    try:
        coded, header = decode_flac(_content(path))
    except SubmissionFault as fault:
        raise CadenzaError(f"{path} {fault}. Write or copy it again.") from fault
    if header.channels != 1 or header.bits != 16:
        raise CadenzaError(f"{path} has {header.channels} channels of {header.bits} bits; a stem is mono, 16 bit.")
    samples = coded[:, 0].astype(np.float32)
    samples /= np.float32(32768)
    scale_file = scale_path(path)
    if scale_file.is_file():
        try:
            samples *= np.float32(parse_scale(_content(scale_file, MAX_SCALE_BYTES + 1)))
        except SubmissionFault as fault:
            raise CadenzaError(f"{scale_file} {fault}. Write the stem again.") from fault
    elif not allow_unscaled:
        raise CadenzaError(
            f"{path} has no scale file: {scale_file.name} should hold the peak that the stem was divided by. "
            "Export it again, or read it unscaled."
        )
    return samples, header.rate


def read_remix(path: Path) -> tuple[np.ndarray, int]:
    """Read a remix.

    Returns
    -------
    samples : np.ndarray [shape=(2, n), dtype=float32]
        Full scale 1.0.
    rate : int
        Sample rate, Hz.

    Raises
    ------
    CadenzaError
        If it is missing, cut off, damaged, not stereo or not 16 bit.
    """
    try:
        coded, header = decode_flac(_content(path))
    except SubmissionFault as fault:
        raise CadenzaError(f"{path} {fault}. Write or copy it again.") from fault
    if header.channels != 2 or header.bits != 16:
        raise CadenzaError(f"{path} has {header.channels} channels of {header.bits} bits; a remix is stereo, 16 bit.")
    samples = np.ascontiguousarray(coded.T, np.float32)
    samples /= np.float32(32768)
    return samples, header.rate


def _content(path: Path, limit: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no file {path}.") from error
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}.") from error
