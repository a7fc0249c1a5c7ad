"""Decode a submission's FLAC file completely and make sure that it is whole; read its scale factor.

libsndfile tells of lost synchronisation and wrong frame checksums, but trusts a header that promises too little. The
header (STREAMINFO: RFC 9639, section 8.2) is therefore read here, and the MD5 of the samples in it is compared too.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import soundfile

from ..errors import CadenzaError

__all__ = ["FlacHeader", "SubmissionFault", "decode_flac", "parse_scale", "read_header"]

#: Most samples that are decoded, an hour of stereo at 48 kHz: no song is longer, and a hostile file may promise years.
MAX_SAMPLES = 3600 * 48000 * 2
#: Longest scale file that is read, bytes; the recipe writes about 20.
MAX_SCALE_BYTES = 200
_LARGEST = float(np.finfo(np.float32).max)


class SubmissionFault(CadenzaError):
    """A fault of one file, with a `code` of :data:`~cadenza_core.submission.report.CODES`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class FlacHeader:
    """What STREAMINFO says.

    Parameters
    ----------
    rate : int
        Sample rate, Hz.
    channels, bits : int
        Number of channels; bits a sample.
    frames : int
        Samples a channel, 0: unknown.
    md5 : bytes
        MD5 of the samples (little endian, interleaved), all zeros: unknown.
    """

    rate: int
    channels: int
    bits: int
    frames: int
    md5: bytes


def read_header(data: bytes) -> FlacHeader:
    """Read the header of a FLAC file; `data` is the file or its first 42 bytes.

    Raises
    ------
    SubmissionFault
        ``not-flac``, if it is empty or something else.
    """
    if not data:
        raise SubmissionFault("not-flac", "is empty: 0 bytes")
    if len(data) < 42 or data[:4] != b"fLaC" or data[4] & 127 != 0 or data[5:8] != b"\0\0\x22":
        raise SubmissionFault("not-flac", f"is not a FLAC file: it starts with {data[:4]!r}, or its header is cut off")
    packed = int.from_bytes(data[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 frames
    return FlacHeader(
        packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1, packed & (1 << 36) - 1, data[26:42]
    )


def decode_flac(data: bytes) -> tuple[np.ndarray, FlacHeader]:
    """Decode a whole FLAC file that is in memory.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    samples : np.ndarray [shape=(n, channels), dtype=int16]
        Of a file with more than 16 bits, the upper 16.
    header : FlacHeader

    Raises
    ------
    SubmissionFault
        ``not-flac``; ``flac-damaged``, if it is cut off, has a wrong checksum or another length than it says;
        ``too-long``, if it says that it holds more than :data:`MAX_SAMPLES`.
    """
    header = read_header(data)
    if header.frames == 0 or header.rate == 0:
        raise SubmissionFault("flac-damaged", "holds no samples, or its header does not say how many")
    if header.frames * header.channels > MAX_SAMPLES:
        raise SubmissionFault("too-long", f"says that it lasts {header.frames / header.rate:.0f} s; not decoded")
    samples = np.empty((header.frames, header.channels), dtype=np.int16)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            samples = file.read(out=samples)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise SubmissionFault("flac-damaged", f"is cut off or damaged: it cannot be decoded ({error})") from error
    if len(samples) != header.frames:
        raise SubmissionFault("flac-damaged", f"is cut off: {len(samples)} of {header.frames} samples can be decoded")
    if header.bits == 16 and any(header.md5) and _md5(samples) != header.md5:
        raise SubmissionFault("flac-damaged", "is damaged: the checksum (MD5) of its samples is not the one it states")
    return samples, header


def parse_scale(data: bytes) -> float:
    """Read the content of a scale file, as pyclarity does: one number.

    Raises
    ------
    SubmissionFault
        ``scale-text``, if it is not a number; ``scale-not-finite``; ``scale-not-positive``, if it is below 0.
    """
    text = data[:MAX_SCALE_BYTES].decode("utf-8", "replace")
    try:
        if len(data) > MAX_SCALE_BYTES:
            raise ValueError
        scale = float(text)
    except ValueError:
        shown = repr(text if len(text) <= 40 else f"{text[:37]}...")
        raise SubmissionFault("scale-text", f"holds {shown}; one number, the stem's peak, is needed") from None
    if not abs(scale) <= _LARGEST:
        raise SubmissionFault("scale-not-finite", f"holds {text.strip()}; a finite number is needed")
    if scale < 0:
        raise SubmissionFault("scale-not-positive", f"holds {scale}; a peak cannot be below 0")
    return scale


def _md5(samples: np.ndarray) -> bytes:
    return hashlib.md5(np.ascontiguousarray(samples, "<i2").data, usedforsecurity=False).digest()
