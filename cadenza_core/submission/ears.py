"""Tell whether left and right of a stem were exchanged, by comparison with the true stem.

A processed ear is compared with both ears of the reference where these differ most, by the largest normalised cross-
correlation within the delay that a hearing aid may have. NAL-R and separation lower all four correlations alike; if both
ears resemble the other ear of the reference clearly more than their own, they were exchanged. Where the reference's ears
are nearly the same, nothing can be told.
"""

from dataclasses import dataclass

import numpy as np
import scipy

__all__ = ["Landmark", "find_landmark", "looks_swapped"]

#: Length of what is compared, samples (2.7 s at 24 kHz), and the largest delay either way.
_WINDOW, _DELAY = 1 << 16, 1 << 10
#: Least energy of the ears' difference, relative to the ears', from which they are told apart.
_DIFFERENT = 1e-3
#: By how much the sum of the crossed correlations must exceed the straight ones'.
_MARGIN = 0.02
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Landmark:
    """The place of a reference at which its ears differ most.

    Parameters
    ----------
    start : int
        First sample.
    spectra : np.ndarray [shape=(2, f), dtype=complex64]
        Conjugate spectra of left and right there, each divided by its norm.
    """

    start: int
    spectra: np.ndarray


def find_landmark(reference: np.ndarray) -> Landmark | None:
    """Find where a reference's ears differ most.

    Parameters
    ----------
    reference : np.ndarray [shape=(2, n)]
        At the sample rate of what will be compared.

    Returns
    -------
    Landmark or None
        None if they hardly differ anywhere.
    """
    length = min(_WINDOW, reference.shape[1])
    difference = np.square(reference[0] - reference[1], dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(difference)])
    starts = np.arange(0, reference.shape[1] - length + 1, _BLOCK)
    start = int(starts[np.argmax(sums[starts + length] - sums[starts])])
    window = np.array(reference[:, start : start + length], np.float32)
    energy = np.sum(np.square(window, dtype=np.float64), axis=1)
    if energy.min() <= 0 or np.sum(np.square(window[0] - window[1], dtype=np.float64)) < _DIFFERENT * energy.sum():
        return None
    spectra = np.conj(scipy.fft.rfft(window, 2 * _WINDOW, axis=1)) / np.sqrt(energy)[:, None]
    return Landmark(start, spectra.astype(np.complex64))


def looks_swapped(landmark: Landmark, left: np.ndarray, right: np.ndarray) -> bool:
    """Tell whether two processed ears were exchanged.

    Parameters
    ----------
    left, right : np.ndarray [shape=(n,)]
        Processed, any level, in time with the reference to 40 ms.
    """
    ears = [ear[landmark.start : landmark.start + _WINDOW].astype(np.float32) for ear in (left, right)]
    if any(len(ear) < _BLOCK or not ear.any() for ear in ears):
        return False
    alike = np.array([_correlations(landmark.spectra, ear) for ear in ears])  # [processed, reference]
    crossed, straight = alike[0, 1] + alike[1, 0], alike[0, 0] + alike[1, 1]
    both = alike[0, 1] > alike[0, 0] and alike[1, 0] > alike[1, 1]
    return bool(both and crossed - straight > _MARGIN)


def _correlations(spectra: np.ndarray, ear: np.ndarray) -> np.ndarray:
    """Give the largest correlation of an ear with each of the reference's, 0 to 1."""
    ear = ear / np.sqrt(np.sum(np.square(ear, dtype=np.float64))).astype(np.float32)
    lags = scipy.fft.irfft(spectra * scipy.fft.rfft(ear, 2 * _WINDOW), axis=1)
    near = np.concatenate([lags[:, :_DELAY], lags[:, -_DELAY:]], axis=1)
    return np.abs(near).max(axis=1)
