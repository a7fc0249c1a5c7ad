"""CLIP1's second baseline: STOI between the vocals and what is heard.

The reference is the vocals that a separation system finds in the unprocessed signal; the baseline takes Hybrid Demucs.
Both are brought to 10 kHz and aligned, and the better ear counts. STOI is pystoi's (Taal, Hendriks, Heusdens & Jensen 2011,
"An algorithm for intelligibility prediction of time-frequency weighted noisy speech", IEEE TASLP 19(7)); the alignment is
that of the baseline (claritychallenge/clarity, recipes/cad_icassp_2026, `input_align`): the largest correlation, less 2 ms for
dispersion, and the reference's silent ends cut off.
"""

import warnings

import numpy as np
import scipy

from ..audio import Audio, resample
from ..errors import CadenzaError
from ..remix import EARS

__all__ = ["STOI_RATE", "align_to", "stoi_by_ear"]

#: Sample rate of STOI, Hz.
STOI_RATE = 10000
#: Time before the largest correlation at which the processed signal starts, s.
_DISPERSION = 0.002
#: Samples below this part of the reference's peak count as its silent ends.
_SILENCE = 0.001
#: STOI needs 30 frames of 256 samples at a hop of 128 that are not silent: 0.4 s.
_SHORTEST = 0.4


def stoi_by_ear(reference: Audio, heard: Audio) -> dict[str, float]:
    """Give STOI of each ear, about 0 to 1; the larger one is the baseline's score.

    Parameters
    ----------
    reference : Audio
        The vocals alone, as they were before the hearing loss.
    heard : Audio
        What reached the listener; it may be longer, shorter or shifted.

    Raises
    ------
    CadenzaError
        If the vocals are silent in an ear, or shorter than 0.4 s.
    """
    vocals, mixture = (_prepared(sound) for sound in (reference, heard))
    return {ear: _stoi(vocals[row], mixture[row], ear) for row, ear in enumerate(EARS)}


def _prepared(sound: Audio) -> np.ndarray:
    return resample(sound.stereo().samples.astype(np.float64), sound.rate, STOI_RATE)


def _stoi(reference: np.ndarray, heard: np.ndarray, ear: str) -> float:
    import pystoi

    if not np.any(reference):
        raise CadenzaError(f"The vocals are silent in the {ear} ear: there is nothing that could be understood.")
    clean, processed = align_to(reference, heard)
    if len(clean) < _SHORTEST * STOI_RATE:
        raise CadenzaError(
            f"The vocals last {len(clean) / STOI_RATE:.2f} s in the {ear} ear; STOI needs {_SHORTEST:g} s."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, processed, STOI_RATE))
        except RuntimeWarning as error:  # too few frames: it would return 1e-5
            raise CadenzaError(
                f"The vocals are mostly silent in the {ear} ear: too little is left for STOI."
            ) from error


def align_to(reference: np.ndarray, processed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring a processed signal in time with its reference, and cut both to where the reference is not silent.

    Parameters
    ----------
    reference, processed : np.ndarray [shape=(n,) and (m,)], 10 kHz
        The reference is not silent.

    Returns
    -------
    tuple of np.ndarray [both of one length]
    """
    common = min(len(reference), len(processed))
    one, other = (signal[:common] - np.mean(signal[:common]) for signal in (reference, processed))
    correlation = scipy.signal.correlate(one, other, "full")
    delay = int(np.rint(common - 1 - np.argmax(np.abs(correlation)) - _DISPERSION * STOI_RATE))
    if delay > 0:
        shifted = np.concatenate((processed[delay:], np.zeros(min(delay, len(processed)))))
    else:
        shifted = np.concatenate((np.zeros(-delay), processed))[: len(processed)]
    loud = np.flatnonzero(np.abs(reference) > _SILENCE * np.max(np.abs(reference)))
    first, last = int(loud[0]), min(int(loud[-1]) + 1, len(shifted))
    return reference[first:last], shifted[first:last]
