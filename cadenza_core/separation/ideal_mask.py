"""The oracle `ideal-mask`: how good a separation by time-frequency masks can be at all.

Each stem is the mixture under the ideal ratio mask: at each time, frequency and channel, the share of the stem's power in
the summed power of all true stems. Its score is the usual upper bound for systems that mask the mixture's STFT, and shows
what a quality measure says about nearly perfect stems.

Source: SiSEC 2018's oracle IRM2 (Stöter, Liutkus & Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018;
https://github.com/sigsep/sigsep-mus-oracle), with the window, hop and exponent of its program.
"""

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np

from ..audio import STEMS, Audio, Stems
from ..errors import CadenzaError
from ..progress import Progress, silent
from ..settings import Settings
from .base import SystemInfo, register
from .blocks import BLOCK, check_mixture, istft, separate_in_blocks, stft

__all__ = ["INFO", "IdealMask"]

#: Raised when a change of the algorithm changes its results.
VERSION = 1
#: sigsep-mus-oracle's STFT (Hann, half overlapped; 46 ms at 44.1 kHz) and exponent (2: ratio of powers).
N_FFT, HOP, EXPONENT = 2048, 1024, 2
#: Keeps 0/0 from arising where every stem is silent; far below the power of the quietest 16-bit sound.
_TINY = np.float32(1e-30)

INFO = SystemInfo(
    id="ideal-mask",
    title="Ideal ratio mask (oracle)",
    licence="MIT (no weights)",
    trained_on="nothing",
    cad1_closed=False,
    size_mb=0,
    source="SiSEC 2018, Stöter, Liutkus & Ito; https://github.com/sigsep/sigsep-mus-oracle",
    oracle=True,
    note="Uses the true stems: an upper bound for systems that mask the mixture, not a system for unknown songs.",
)


class IdealMask:
    """The ideal ratio mask.

    Parameters
    ----------
    block : int
        Samples worked on at a time (a multiple of 1024); the result does not depend on it.
    """

    info = INFO

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block

    def identity(self) -> Mapping[str, str | int | float | bool]:
        """See :meth:`Separator.identity`."""
        return {
            "system": INFO.id,
            "version": VERSION,
            "n_fft": N_FFT,
            "hop": HOP,
            "exponent": EXPONENT,
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        }

    def unavailable_reason(self) -> None:
        """It needs nothing that could be missing."""

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Progress = silent) -> Stems:
        """Separate with the true stems, see :meth:`Separator.separate`.

        Raises
        ------
        CadenzaError
            If there are no true stems, or their names, length or sample rate are not the mixture's, or the mixture is
            not stereo at 44.1 kHz.
        """
        check_mixture(mixture, INFO)
        stems = _check_truth(mixture, truth)

        def estimate(part: slice) -> Mapping[str, np.ndarray]:
            return ideal_ratio_mask(mixture.samples[:, part], {name: stems[name][:, part] for name in STEMS})

        return separate_in_blocks(
            mixture, STEMS, estimate, hop=HOP, context=N_FFT, block=self._block, progress=progress
        )


def ideal_ratio_mask(mixture: np.ndarray, stems: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put the ideal ratio mask of each stem on the mixture.

    Parameters
    ----------
    mixture : np.ndarray [shape=(channels, n), dtype=float32]
    stems : mapping of str to np.ndarray [shape=(channels, n), dtype=float32]
        The true stems.

    Returns
    -------
    dict of str to np.ndarray [shape=(channels, n), dtype=float32]
        They sum to the mixture wherever any true stem sounds; where none does they are silent.
    """
    powers = {name: np.abs(stft(stem, N_FFT, HOP)) ** EXPONENT for name, stem in stems.items()}
    total = sum(powers.values(), start=_TINY)
    shared = stft(mixture, N_FFT, HOP) / total
    return {name: istft(power * shared, N_FFT, HOP, mixture.shape[1]) for name, power in powers.items()}


def _check_truth(mixture: Audio, truth: Stems | None) -> Stems:
    if truth is None:
        raise CadenzaError(
            f"System {INFO.id} needs the true stems, and this song has none. Choose a song with stems or another system."
        )
    if set(truth) != set(STEMS):
        raise CadenzaError(
            f"System {INFO.id} was given the true stems {', '.join(truth)}; it needs exactly {', '.join(STEMS)}."
        )
    if truth.length != mixture.samples.shape[1] or truth.rate != mixture.rate:
        raise CadenzaError(
            f"The true stems have {truth.length} samples at {truth.rate} Hz, the mixture {mixture.samples.shape[1]} at "
            f"{mixture.rate} Hz. Give stems and mixture of the same part of one song."
        )
    return truth


def _make(settings: Settings) -> IdealMask:
    return IdealMask()


register(INFO, _make)
