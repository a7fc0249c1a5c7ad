"""From sounds to stimuli: fades, anchors, equal loudness, a ceiling for peaks, and files that tell nothing.

All sounds of one excerpt for one listener are a *group*: of one length, one loudness and one file size, so that neither ear
nor browser can tell them apart by that. Nothing is raised.
"""

import json
import math
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..audio.levels import measure
from ..audio.writing import write_audio
from ..errors import CadenzaError
from ..files import atomic_folder

__all__ = ["TRUE_PEAK", "Group", "anchor", "equal_loudness", "faded", "read_group", "write_group"]

#: Highest true peak of a stimulus, dBTP.
TRUE_PEAK = -1.0
_MARGIN = 0.005  # dB: the files have 20 bits
_ROUNDS = 6
_BITS = 20
_TAPS = 361
_MANIFEST = "manifest.json"
_PADDING, _LONGEST_BLOCK = 1, (1 << 24) - 1  # of FLAC's metadata: https://www.rfc-editor.org/rfc/rfc9639#section-8


def faded(samples: np.ndarray, rate: int, seconds: float) -> np.ndarray:
    """Fade in and out with raised cosines.

    Parameters
    ----------
    samples : np.ndarray [shape=(2, n)]
    rate : int
        Hz.
    seconds : float
        Length of each fade; at most half of the sound.
    """
    count = min(round(seconds * rate), samples.shape[1] // 2)
    if count == 0:
        return samples
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    shaped = samples.astype(np.float64)
    shaped[:, :count] *= ramp
    shaped[:, -count:] *= ramp[::-1]
    return shaped


def anchor(samples: np.ndarray, rate: int, cutoff: float) -> np.ndarray:
    """Make an anchor of BS.1534-3: a low-pass filter, in time with the original.

    Annex 1 of the Recommendation wants, for 3.5 kHz, a ripple of at most 0.1 dB up to the cut-off and attenuations of at least
    25 dB at 4 kHz and 50 dB at 4.5 kHz. This filter (Kaiser window, linear phase) has 70 dB from 500 Hz above the cut-off
    on, for either anchor.

    Parameters
    ----------
    samples : np.ndarray [shape=(2, n)]
    rate : int
        Hz.
    cutoff : float
        Hz; what is below passes.
    """
    from scipy import signal

    taps = signal.firwin(_TAPS, cutoff + 250.0, window=("kaiser", signal.kaiser_beta(70.0)), fs=rate)
    return np.stack([signal.oaconvolve(channel.astype(np.float64), taps, mode="same") for channel in samples])


def equal_loudness(
    sounds: Mapping[str, np.ndarray], rate: int, loudness: float
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Lower sounds to one loudness, and all further if a peak is still too high.

    Parameters
    ----------
    sounds : mapping of str to np.ndarray [shape=(2, n)]
    rate : int
        Hz.
    loudness : float
        LUFS (BS.1770-4); if a sound is quieter, all become as quiet as that.

    Returns
    -------
    dict of str to np.ndarray [shape=(2, n), dtype=float64]
    dict of str to float
        By how much each was lowered, dB, 0 or less.

    Raises
    ------
    CadenzaError
        If a sound is too short (0.4 s) or too quiet to have a loudness.
    """
    gains = dict.fromkeys(sounds, 0.0)
    for _ in range(_ROUNDS):  # the gate of BS.1770 is at a fixed level: what is lowered may lose blocks to it
        levels = {name: measure(_lowered(samples, gains[name]), rate) for name, samples in sounds.items()}
        for name, level in levels.items():
            if not math.isfinite(level.loudness):
                raise CadenzaError(
                    f"{name} has no loudness to be matched: it is silent, or shorter than 0.4 s. Choose another excerpt."
                )
        target = min(loudness, *(level.loudness for level in levels.values()))
        peak = max(level.true_peak + target - level.loudness for level in levels.values())
        target -= max(0.0, peak - TRUE_PEAK + _MARGIN)
        changes = {name: target - level.loudness for name, level in levels.items()}
        gains = {name: min(0.0, gains[name] + change) for name, change in changes.items()}
        if max(map(abs, changes.values())) < _MARGIN:
            break
    return {name: _lowered(samples, gains[name]) for name, samples in sounds.items()}, gains


def _lowered(samples: np.ndarray, decibels: float) -> np.ndarray:
    return np.multiply(samples, 10.0 ** (decibels / 20.0), dtype=np.float64)


class Group:
    """The stored sounds of one excerpt for one listener.

    Parameters
    ----------
    folder : Path
    content : mapping
        `rate` (Hz), `frames`, and the `files` and `lowered` (dB) of each condition.
    """

    def __init__(self, folder: Path, content: Mapping[str, Any]) -> None:
        self.rate, self.frames = int(content["rate"]), int(content["frames"])
        self.lowered: Mapping[str, float] = content["lowered"]
        self._folder, self._files = folder, content["files"]

    def path(self, condition: str) -> Path:
        """Give a condition's file."""
        return self._folder / self._files[condition]


def write_group(
    folder: Path,
    sounds: Mapping[str, np.ndarray],
    rate: int,
    lowered: Mapping[str, float],
    *,
    notes: tuple[str, ...] = (),
) -> Group:
    """Write the sounds of a group as FLAC under random names, all of one size; a group that is there stays.

    Raises
    ------
    CadenzaError
        If they cannot be written.
    """
    if found := read_group(folder):
        return found
    with atomic_folder(folder) as temporary:
        files = {name: f"{secrets.token_hex(12)}.flac" for name in sounds}
        for name, samples in sounds.items():
            whole = np.rint(samples * 2.0 ** (_BITS - 1)).astype(np.int32) << (32 - _BITS)
            write_audio(temporary / files[name], whole, rate, subtype="PCM_24")
        contents = {name: (temporary / file).read_bytes() for name, file in files.items()}
        # The smallest block of padding is 4 bytes long.
        size = max(len(_anonymous(content, 0)) for content in contents.values()) + 4
        for name, content in contents.items():
            (temporary / files[name]).write_bytes(_anonymous(content, size))
        frames = next(iter(sounds.values())).shape[1]
        manifest = {"rate": rate, "frames": frames, "files": files, "lowered": dict(lowered), "notes": notes}
        (temporary / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    found = read_group(folder)
    if found is None:
        raise CadenzaError(f"The folder {folder} is damaged. Delete it; it is then made anew.")
    return found


def read_group(folder: Path) -> Group | None:
    """Give a stored group, if it is there and whole."""
    try:
        group = Group(folder, json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
        return group if all(group.path(name).is_file() for name in group.lowered) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _anonymous(content: bytes, size: int) -> bytes:
    """Give a FLAC file without comments and digest, padded to a size (0: not padded)."""
    at, last, info = 4, False, b""
    while not last:
        last, kind = bool(content[at] & 0x80), content[at] & 0x7F
        length = int.from_bytes(content[at + 1 : at + 4], "big")
        if kind == 0:
            info = content[at + 4 : at + 4 + length]
        at += 4 + length
    # Sizes of frames and the MD5 of the samples may be 0: not known.
    info = info[:4] + bytes(6) + info[10:18] + bytes(16)
    frames = content[at:]
    blocks = [(0, info)]
    room = size - 4 - 4 - len(info) - len(frames)
    while room >= 4:
        length = min(room - 4, _LONGEST_BLOCK)
        if 0 < room - 4 - length < 4:
            length -= 4
        blocks.append((_PADDING, bytes(length)))
        room -= 4 + length
    parts = [
        bytes([kind | (0x80 if number == len(blocks) - 1 else 0)]) + len(block).to_bytes(3, "big") + block
        for number, (kind, block) in enumerate(blocks)
    ]
    return content[:4] + b"".join(parts) + frames
