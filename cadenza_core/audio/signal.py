"""Sound in memory: one signal, or the stems of a song, always with its sample rate.

Samples are float32, shape (channels, n), full scale 1.0. Both types check what they are given once, where it enters,
and are trusted from then on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import soxr

from ..errors import CadenzaError

__all__ = ["RATE", "STEMS", "Audio", "Stems", "check_samples", "resample"]

#: Sample rate of songs and stems in the studio, in Hz: MUSDB18-HQ's and CAD1's.
RATE = 44100
#: The four stems of CAD1, "VDBO".
STEMS = ("vocals", "drums", "bass", "other")


def check_samples(samples: np.ndarray, what: str) -> None:
    """Check that `samples` is float, shape (channels, n) with 1 or 2 channels and n > 0, and finite.

    Raises
    ------
    CadenzaError
        Naming `what` and the fault.
    """
    if samples.ndim != 2 or not 1 <= samples.shape[0] <= 2:
        raise CadenzaError(f"{what}: samples have shape {samples.shape}; (1, n) or (2, n) is accepted.")
    if samples.shape[1] == 0:
        raise CadenzaError(f"{what} is empty: it has no samples.")
    if not np.issubdtype(samples.dtype, np.floating):
        raise CadenzaError(f"{what}: samples are {samples.dtype}; floating point, full scale 1.0, is accepted.")
    # A sum is NaN or infinite if any sample is, and needs no array of flags as long as the song.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(np.sum(samples, dtype=np.float64))
    if suspicious and (bad := int(np.count_nonzero(~np.isfinite(samples)))):
        raise CadenzaError(f"{what} holds {bad} samples that are NaN or infinite. Repair or re-export the file.")


def _as_float32(samples: np.ndarray, what: str) -> np.ndarray:
    """Check samples and give them as contiguous float32; the check comes last, for 1e300 is infinite as float32."""
    if np.issubdtype(samples.dtype, np.floating):
        with np.errstate(over="ignore"):
            samples = np.ascontiguousarray(samples, dtype=np.float32)
    check_samples(samples, what)
    return samples


def _check_rate(rate: int) -> None:
    if not rate > 0:
        raise CadenzaError(f"A sample rate of {rate} Hz is none; it must be above 0.")


@dataclass(frozen=True, eq=False)
class Audio:
    """One signal.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n), dtype=float32]
        Full scale 1.0; 1 or 2 channels.
    rate : int > 0
        Sample rate, Hz.
    notes : tuple of str
        What was changed on the way in (resampled, made stereo, ...), for the user to see.

    Raises
    ------
    CadenzaError
        If the samples are empty, of a wrong shape or type, or not finite.
    """

    samples: np.ndarray
    rate: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_rate(self.rate)
        object.__setattr__(self, "samples", _as_float32(self.samples, "The signal"))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.shape[1] / self.rate

    def at(self, rate: int) -> "Audio":
        """Give the same sound at another sample rate (soxr, HQ), with a note if it had to be changed."""
        if rate == self.rate:
            return self
        note = f"resampled from {self.rate} Hz to {rate} Hz"
        return Audio(resample(self.samples, self.rate, rate), rate, (*self.notes, note))

    def stereo(self) -> "Audio":
        """Give the same sound in two channels: mono is put on both sides, with a note."""
        if self.samples.shape[0] == 2:
            return self
        return Audio(np.repeat(self.samples, 2, axis=0), self.rate, (*self.notes, "mono copied to both sides"))


@dataclass(frozen=True, eq=False)
class Stems(Mapping[str, np.ndarray]):
    """The stems of one song or excerpt: a read-only mapping from stem name to samples.

    Parameters
    ----------
    samples : mapping of str to np.ndarray [shape=(2, n), dtype=float32]
        All of one length, stereo, full scale 1.0.
    rate : int > 0
        Sample rate, Hz.
    notes : tuple of str
        What was changed on the way in, for the user to see.

    Raises
    ------
    CadenzaError
        If there is no stem, a stem is not stereo, empty or not finite, or the lengths differ.
    """

    samples: Mapping[str, np.ndarray]
    rate: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.samples:
            raise CadenzaError("There are no stems.")
        _check_rate(self.rate)
        checked = {name: _as_float32(stem, f"Stem {name}") for name, stem in self.samples.items()}
        for name, stem in checked.items():
            if stem.shape[0] != 2:
                raise CadenzaError(f"Stem {name} has {stem.shape[0]} channel; 2 are needed.")
        if len({stem.shape[1] for stem in checked.values()}) > 1:
            lengths = ", ".join(f"{name} {stem.shape[1]}" for name, stem in checked.items())
            raise CadenzaError(f"The stems differ in length (samples): {lengths}. They must be equally long.")
        object.__setattr__(self, "samples", MappingProxyType(checked))

    def __reduce__(self) -> tuple[type["Stems"], tuple[dict[str, np.ndarray], int, tuple[str, ...]]]:
        # A MappingProxyType cannot be pickled.
        return Stems, (dict(self.samples), self.rate, self.notes)

    # Mapping's == would compare arrays, which have no single truth value; like Audio, stems are equal to themselves only.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> np.ndarray:
        return self.samples[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def length(self) -> int:
        """Number of samples of each stem."""
        return next(iter(self.samples.values())).shape[1]

    def mixture(self) -> np.ndarray:
        """Sum of all stems, shape (2, n), float32."""
        first, *others = self.samples.values()
        total = first.copy()
        for stem in others:
            total += stem
        return total


def resample(samples: np.ndarray, rate: float, new_rate: float) -> np.ndarray:
    """Resample with soxr at quality HQ, as pyclarity's `resample` does, along the last axis.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,) or (channels, n)]
    rate, new_rate : float > 0
        Sample rates, Hz.

    Returns
    -------
    np.ndarray
        Same type and leading shape; the last axis has about ``n * new_rate / rate`` samples.
    """
    if rate == new_rate:
        return samples
    if samples.ndim == 1:
        return soxr.resample(samples, rate, new_rate, quality="HQ")
    return np.stack([soxr.resample(channel, rate, new_rate, quality="HQ") for channel in samples])
