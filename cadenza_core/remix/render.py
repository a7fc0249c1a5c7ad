"""Render a remix: gains, sum, and the listener's amplification."""

from collections.abc import Mapping

import numpy as np
from clarity.utils.audiogram import Listener

from ..hearing import DEFAULT_PRESCRIPTION, Compressor, compensate_delay, ear_of, get_prescription
from ..hearing.prescription import check_compressor
from .gains import EARS, UNITY, Gains

__all__ = ["ear_stems", "mix", "remix_processed", "render"]


def mix(stems: Mapping[str, np.ndarray], gains: Gains = UNITY) -> np.ndarray:
    """Sum stems with their gains.

    Parameters
    ----------
    stems : mapping of str to np.ndarray [shape=(2, n)]
        Any of the four stems.
    gains : Gains

    Returns
    -------
    np.ndarray [shape=(2, n), dtype=float64]
        Not limited: it may exceed full scale.
    """
    return np.stack([_mix_ear(stems, gains, row) for row in range(len(EARS))])


def _mix_ear(stems: Mapping[str, np.ndarray], gains: Gains, row: int) -> np.ndarray:
    total = np.zeros(next(iter(stems.values())).shape[1])
    for name, samples in stems.items():
        total += _scaled(samples[row], gains, name, EARS[row])
    return total


def _scaled(samples: np.ndarray, gains: Gains, stem: str, ear: str) -> np.ndarray:
    return np.multiply(samples, gains.factor(stem, ear), dtype=np.float64)  # float32 would round


def render(
    stems: Mapping[str, np.ndarray],
    rate: int,
    gains: Gains = UNITY,
    *,
    listener: Listener | None = None,
    prescription: str = DEFAULT_PRESCRIPTION,
    compressor: Compressor | None = None,
) -> np.ndarray:
    """Render what the listener hears: the mix, amplified for each ear, in time with the song.

    The compressor, if any, works on each amplified stem before the sum, as in the recipe; without it, the sum is
    amplified once, which is the same with a linear prescription.

    Parameters
    ----------
    stems : mapping of str to np.ndarray [shape=(2, n)]
    rate : int
        Sample rate, Hz.
    gains : Gains
    listener : Listener, optional
        None: not amplified.
    prescription : str
        Id of a prescription.
    compressor : Compressor, optional
        Ignored without a listener.

    Returns
    -------
    np.ndarray [shape=(2, n), dtype=float64]
        Delay-compensated and not limited.

    Raises
    ------
    CadenzaError
        If the compressor was made for another sample rate, or the prescription is unknown.
    """
    check_compressor(compressor, rate)
    if listener is None:
        return mix(stems, gains)
    chosen = get_prescription(prescription)
    out = []
    for row, ear in enumerate(EARS):
        audiogram = ear_of(listener, ear)
        if compressor is None:
            amplified = chosen.amplify(_mix_ear(stems, gains, row), audiogram, rate)
        else:
            scaled = (_scaled(samples[row], gains, name, ear) for name, samples in stems.items())
            each = (compressor(chosen.amplify(samples, audiogram, rate)) for samples in scaled)
            amplified = next(each)
            for one in each:  # not all in memory at once
                amplified += one
        out.append(compensate_delay(amplified))
    return np.stack(out)


def ear_stems(stems: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Split stereo stems into the challenge's mono ones: ``left_vocals``, ``right_vocals``, ... in the stems' order."""
    return {f"{ear}_{name}": samples[row] for name, samples in stems.items() for row, ear in enumerate(EARS)}


def remix_processed(processed: Mapping[str, np.ndarray], gains: Gains = UNITY) -> np.ndarray:
    """Sum the eight amplified stems into a stereo remix, as the recipe's `remix_signal`, with gains.

    Parameters
    ----------
    processed : mapping of str to np.ndarray [shape=(n,)]
        ``left_vocals`` and so on.

    Returns
    -------
    np.ndarray [shape=(2, n), dtype=float64]
    """
    total = np.zeros((2, len(next(iter(processed.values())))))
    for name, samples in processed.items():
        ear, stem = name.split("_", 1)
        factor = gains.factor(stem, ear)
        total[EARS.index(ear)] += samples if factor == 1.0 else factor * samples
    return total
