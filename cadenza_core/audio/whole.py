"""Tell from a sound file's structure whether its end is there, without decoding it.

libsndfile takes what is left of a WAV, AIFF or OGG file that was cut off for the whole, and libmpg123 writes its
complaints to the terminal; so the structure is looked at first. Sources: RIFF/WAVE and RF64 (EBU Tech 3306), AIFF
(Apple), Ogg (RFC 3533, section 6), MPEG audio frames (ISO/IEC 11172-3 and 13818-3, section 2.4.2.3), ISO base media
file format (ISO/IEC 14496-12, section 4.2). A FLAC file has no such sign: its decoder tells.
"""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

__all__ = ["missing_part", "mp3_says_length", "starts_as_mp3"]

_UNKNOWN = 0xFFFFFFFF  # chunk length written by a program that streamed; in RF64: see the ds64 chunk
_OGG_PAGE = 27 + 255 + 255 * 255  # largest page, bytes
_BOX_TYPES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}
_SEARCH = 1 << 16  # bytes after the tags in which the first MP3 frame must begin
_KBIT_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG 1, Layer III
_KBIT_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG 2 and 2.5
_RATES = (44100, 48000, 32000)


def missing_part(path: Path) -> str:
    """Say in words what is missing at the end of a WAV, RF64, AIFF, Ogg, MP3 or MP4 file; "" if nothing is known to be.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[:4] in {b"RIFF", b"RIFX", b"RF64", b"BW64"} and head[8:] == b"WAVE":
            return _chunks_missing(file, size, b"data", "big" if head[:4] == b"RIFX" else "little")
        if head[:4] == b"FORM" and head[8:] in {b"AIFF", b"AIFC"}:
            return _chunks_missing(file, size, b"SSND", "big")
        if head[:4] == b"OggS":
            return _pages_missing(file, size)
        if head[4:8] in _BOX_TYPES:
            return _boxes_missing(file, size)
        if path.suffix.lower() == ".mp3":
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _frames_missing(data)
    return ""


def starts_as_mp3(path: Path) -> bool:
    """Whether there is an MPEG audio frame where an MP3 file must have its first (another one must follow it).

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _first_frame(data) is not None


def mp3_says_length(path: Path) -> bool:
    """Whether an MP3 file has a Xing header with the true number of frames: libsndfile trusts it, or guesses without it.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        first = _first_frame(data)
        return first is not None and _promised_frames(data, first) == sum(1 for _ in _frames(data, first)) - 1


def _chunks_missing(file: BinaryIO, size: int, wanted: bytes, order: Literal["big", "little"]) -> str:
    long_length = 0
    while len(chunk := file.read(8)) == 8:
        name, length = chunk[:4], int.from_bytes(chunk[4:], order)
        start = file.tell()
        if name == b"ds64":
            long_length = int.from_bytes(file.read(16)[8:], "little")
        if name == wanted:
            length = long_length if length == _UNKNOWN else length
            return f"{size - start} of {length} bytes of sound are there" if start + length > size else ""
        file.seek(start + length + (length & 1))
    return ""


def _pages_missing(file: BinaryIO, size: int) -> str:
    file.seek(max(0, size - 2 * _OGG_PAGE))
    tail = file.read()
    last = tail.rfind(b"OggS")
    if last < 0:
        return ""
    page = tail[last:]
    table = page[27 : 27 + page[26]] if len(page) > 26 else b""
    if len(page) < 27 or len(page) < 27 + page[26] + sum(table):
        return "its last page is not complete"
    return "" if page[5] & 4 else "its last page is not marked as the last"


def _boxes_missing(file: BinaryIO, size: int) -> str:
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if len(head) < 8 or position + length > size:
            return f"its part {head[4:8].decode('ascii', 'replace')!r} is not complete"
        if length < 8:  # 0: up to the end; else nonsense, for the decoder to refuse
            return ""
        position += length
    return ""


class _Frame:
    """The header of one MPEG audio frame: `length` in bytes (0: not known), where its Xing header would be."""

    def __init__(self, data: mmap.mmap, position: int) -> None:
        bits = int.from_bytes(data[position : position + 4], "big")
        version, layer, protected = bits >> 19 & 3, bits >> 17 & 3, not bits >> 16 & 1
        kbit, rate, padding, mono = bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1, bits >> 6 & 3 == 3
        self.valid = bits >> 21 == 0x7FF and version != 1 and layer != 0 and kbit != 15 and rate != 3
        self.length, self.xing = 0, position
        if self.valid and layer == 1 and kbit:
            hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
            self.length = (144000 * _KBIT_1[kbit] if version == 3 else 72000 * _KBIT_2[kbit]) // hertz + padding
            self.xing = position + 4 + 2 * protected + ((17 if mono else 32) if version == 3 else (9 if mono else 17))


def _first_frame(data: mmap.mmap) -> int | None:
    start = 0
    while data[start : start + 3] == b"ID3":
        length = 0
        for byte in data[start + 6 : start + 10]:
            length = length << 7 | byte & 127
        start += 10 + length
    for position in range(start, min(start + _SEARCH, len(data) - 3)):
        if data[position] == 255:
            frame = _Frame(data, position)
            following = position + frame.length
            if frame.valid and (frame.length == 0 or following >= len(data) or _Frame(data, following).valid):
                return position
    return None


def _frames(data: mmap.mmap, position: int) -> Iterator[int]:
    """Give the position after each frame, until there is none or its length is not known."""
    while position < len(data) and (frame := _Frame(data, position)).valid and frame.length:
        position += frame.length
        yield position


def _promised_frames(data: mmap.mmap, first: int) -> int | None:
    xing = _Frame(data, first).xing
    for offset in (xing, xing - 2):  # some encoders forget the two bytes of the checksum
        if data[offset : offset + 4] in {b"Xing", b"Info"} and len(data) >= offset + 12 and data[offset + 7] & 1:
            return int.from_bytes(data[offset + 8 : offset + 12], "big")
    return None


def _frames_missing(data: mmap.mmap) -> str:
    first = _first_frame(data)
    if first is None:
        return ""
    count, end = -1, first  # the Xing frame does not count itself
    for end in _frames(data, first):
        count += end <= len(data)
    if (promised := _promised_frames(data, first)) is not None:
        return f"{max(count, 0)} of {promised} frames are there" if end >= len(data) and count < promised else ""
    return "its last frame is not complete" if end > len(data) else ""
