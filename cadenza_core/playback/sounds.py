"""A folder of sounds that a browser may fetch: losslessly coded, with the peaks to draw them from.

``<folder>/<id>/{manifest.json, <name>.flac | <name>.wav, <name>.peaks}``; the id is a digest of what the sounds are made
from, so what lies under one id never changes. FLAC with 20 significant bits of 24: the error, 2^-20 or -120 dB FS, is far
below hearing and what the mixer is held to, and the files are a quarter smaller than with the stems' noise of all 24. A
sound with samples beyond full scale, which FLAC would cut off, is a 32-bit float WAV instead: nothing is lost.

A file that is missing or has not the length that was written makes its set as if it were not there: it is made anew.

A sound is found by id and name only if the id has the form of a digest and the name stands in the set's manifest: no
path can be asked for.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ..audio.peaks import peaks
from ..audio.writing import write_audio
from ..errors import CadenzaError
from ..files import atomic_folder, disk_errors, parse_json
from ..folders import last_used
from ..progress import Progress, silent

__all__ = ["PRECISION", "Sound", "SoundSet", "Sounding", "Sounds", "sound_id"]

_FORMAT = 3
_ID = re.compile("[0-9a-f]{32}")
_NAME = re.compile("[a-z0-9_]{1,40}")
_MANIFEST = "manifest.json"
#: Seconds after which it is noted again that a set was used.
_NOTED_AFTER = 3600.0
_BITS = 20
#: Sounds coded at once; libsndfile does not hold the interpreter.
_THREADS = 2
#: Sample rates that there are, Hz.
_RATES = (1000, 768_000)
#: What is lost by that, full scale 1.0.
PRECISION = 2.0**-_BITS
#: Largest sample that so many bits hold as it is.
_FULL_SCALE = 1.0 - 2.0 ** (1 - _BITS)


def sound_id(*facts: str) -> str:
    """Give the id of a set of sounds: a digest of what they are made from."""
    return hashlib.sha256(json.dumps([_FORMAT, *facts]).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Sound:
    """One sound of a set: its name, its file's name, and its peak (full scale 1.0)."""

    name: str
    file: str
    peak: float


@dataclass(frozen=True)
class SoundSet:
    """Sounds of one length.

    Parameters
    ----------
    id : str
    rate, frames : int
        Sample rate (Hz) and length.
    sounds : mapping of str to Sound
    """

    id: str
    rate: int
    frames: int
    sounds: Mapping[str, Sound]


@runtime_checkable
class Sounding(Protocol):
    """What is played from sets of sounds."""

    @property
    def sound_sets(self) -> tuple[SoundSet, ...]:
        """All of them."""


class Sounds:
    """The folder of all sets.

    Parameters
    ----------
    folder : Path
        Made when something is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, set_id: str) -> SoundSet | None:
        """Give a set, if there is one of that id."""
        if not _ID.fullmatch(set_id):
            return None
        try:
            content = parse_json((self.folder / set_id / _MANIFEST).read_text(encoding="ascii"))
            sounds = {name: Sound(name, file, float(peak)) for name, (file, peak, _) in content["sounds"].items()}
            rate, frames = int(content["rate"]), int(content["frames"])
            if not (_RATES[0] <= rate <= _RATES[1] and frames >= 0):
                return None
            if not all(_NAME.fullmatch(name) and sound.file in _files(name) for name, sound in sounds.items()):
                return None
            sizes = {sound.file: content["sounds"][name][2] for name, sound in sounds.items()}
            folder = self.folder / set_id
            if any((folder / file).stat().st_size != size for file, size in sizes.items()):
                return None
            if not all((folder / f"{name}.peaks").is_file() for name in sounds):
                return None
            return SoundSet(set_id, rate, frames, sounds)
        except (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError):
            return None

    def path(self, set_id: str, file: str) -> Path | None:
        """Give the path of a sound or of its peaks (``vocals.flac``, ``vocals.peaks``), if the set has it."""
        found = self.get(set_id)
        if found is None:
            return None
        known = {sound.file for sound in found.sounds.values()} | {f"{name}.peaks" for name in found.sounds}
        folder = self.folder / set_id
        if time.time() - last_used(folder) > _NOTED_AFTER:
            with contextlib.suppress(OSError):  # a read-only folder can be read all the same
                os.utime(folder)
        path = folder / file
        return path if file in known and path.is_file() else None

    def put(self, set_id: str, sounds: Mapping[str, np.ndarray], rate: int, progress: Progress = silent) -> SoundSet:
        """Store sounds of shape (2, n), all of one length; an older set of that id stays.

        Raises
        ------
        CadenzaError
            If they cannot be written.
        """
        if found := self.get(set_id):
            return found
        if not _ID.fullmatch(set_id) or not all(_NAME.fullmatch(name) for name in sounds):
            raise CadenzaError(f"{set_id!r} with {', '.join(sounds)} cannot name sounds.")
        entries = {}
        self._sweep(set_id)
        with atomic_folder(self.folder / set_id) as temporary, ThreadPoolExecutor(_THREADS) as pool:
            written = {name: pool.submit(_write, temporary, name, samples, rate) for name, samples in sounds.items()}
            for number, (name, one) in enumerate(written.items()):
                progress(number / len(sounds), f"coding {name} for the browser")
                entries[name] = one.result()
            frames = next(iter(sounds.values())).shape[1]
            content = {"rate": rate, "frames": frames, "sounds": entries}
            (temporary / _MANIFEST).write_text(json.dumps(content), encoding="ascii")
        stored = self.get(set_id)
        if stored is None:
            raise CadenzaError(f"The folder {self.folder / set_id} is damaged. Delete it; it is then made anew.")
        return stored

    def _sweep(self, set_id: str) -> None:
        """Put a damaged set out of the way of a new one."""
        place = self.folder / set_id
        if place.is_dir():
            trash = self.folder / f".partial-{set_id}-{uuid.uuid4().hex}"
            with disk_errors(place):
                place.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)


def _files(name: str) -> tuple[str, str]:
    return f"{name}.flac", f"{name}.wav"


def _write(folder: Path, name: str, samples: np.ndarray, rate: int) -> tuple[str, float, int]:
    """Write a sound and its peaks; gives the file's name, the largest sample, and the file's size."""
    (folder / f"{name}.peaks").write_bytes(peaks(samples))
    peak = float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))
    flac, wav = _files(name)
    if peak <= _FULL_SCALE:
        # As integers: libsndfile would scale floats by 2^23 - 1, and a 16-bit song would no longer code as one.
        whole = np.rint(samples * np.float32(2.0 ** (_BITS - 1))).astype(np.int32) << (32 - _BITS)
        write_audio(folder / flac, whole, rate, subtype="PCM_24")
        return flac, peak, (folder / flac).stat().st_size
    write_audio(folder / wav, samples, rate, subtype="FLOAT")
    return wav, peak, (folder / wav).stat().st_size
