"""Band powers of a set of sounds as a file for the browser: what its picture of audibility is computed from.

``<folder of the sounds>/levels/<id>.f32``: little-endian float32, [stems, 2 ears, 25 bands, windows], the stems in the set's
order: `cadenza_core.hearing.audibility.BandPowers.powers`. Measured when first asked for, never before the sounds are
played. A set's id names its content, so what lies under it never changes.
"""

import threading
from pathlib import Path

import numpy as np

from ..audio import read_audio
from ..errors import CadenzaError
from ..files import atomic_file
from ..hearing.audibility import band_powers
from .sounds import Sounds, SoundSet

__all__ = ["levels_file"]

_FORMAT = 1
_MEASURING = threading.Lock()  # one at a time: two who ask for the same shall not both measure it


def levels_file(sounds: Sounds, set_id: str) -> Path | None:
    """Give the file of a set, measured now if need be: 0.3 s for 15 s of four stems, 2 s for four minutes.

    Returns
    -------
    Path or None
        None if there is no set of that id.

    Raises
    ------
    CadenzaError
        If a sound cannot be read or the file not written.
    """
    found = sounds.get(set_id)
    if found is None:
        return None
    path = sounds.folder / "levels" / f"{found.id}-{_FORMAT}.f32"
    with _MEASURING:
        if path.is_file():
            return path
        powers = np.concatenate(
            [_powers(sounds, found, name) for name in found.sounds]
        )  # not all sounds in memory at once
        with atomic_file(path) as temporary:
            temporary.write_bytes(np.ascontiguousarray(powers, dtype="<f4").tobytes())
    return path


def _powers(sounds: Sounds, found: SoundSet, name: str) -> np.ndarray:
    place = sounds.path(found.id, found.sounds[name].file)
    if place is None:
        raise CadenzaError(f"The sound {name} of {found.id} is gone. Reload the page.")
    return band_powers({name: read_audio(place).samples}, found.rate).powers
