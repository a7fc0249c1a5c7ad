"""How much of each stem an ear hears in a mix: thresholds, masking by the other stems, and one share per stem and ear.

1. Each stem's power is taken in third-octave bands (:mod:`.thresholds`) over Hann windows of 125 ms that overlap by half,
   as IEC 60118-15:2012 analyses signals of hearing aids (:func:`band_powers`). This is done once per excerpt.
2. The amplification of each ear weighs the bands. Then power spreads to other bands along the basilar membrane:
   Schroeder, Atal & Hall 1979, "Optimizing digital speech coders by exploiting masking properties of the human ear",
   J. Acoust. Soc. Am. 66(6), equations for z and for the spreading function: about 25 dB per Bark downwards and 10 dB per
   Bark upwards in frequency, whatever the level. This gives the stem's excitation E.
3. In a band and window, a stem is as audible as its excitation stands above what hides it, as in the model of partial
   loudness of Moore, Glasberg & Baer 1997 (J. Audio Eng. Soc. 45(4)): ``N = K * (sum of the others' E) + threshold``. K is
   -4 dB: a sound is just heard if it is as strong as the noise in its critical ratio, 0.4 critical bands (Scharf 1970, in
   Tobias, "Foundations of Modern Auditory Theory" I). The threshold is the power of :func:`.thresholds.threshold_spl`.
4. Audibility of the cell is ``1 / (1 + (N / E)^2)``: a half at the threshold, 0.2 and 0.8 at 3 dB below and above it.
   (It is smooth as psychometric functions are, and so that an optimiser can follow it.)
5. The share of a stem is the mean over all cells, weighted with the stem's own power there, before gain and
   amplification: what carries the stem's energy counts, and gains do not change what counts.

From this follows: raising a stem never lowers its own share, raising everything never lowers any share, a stem alone is
masked by nothing. (In real ears upward spread of masking grows with level, and impaired ears have broader filters:
neither is modelled, so masking of high by loud low sound is underestimated at high levels.)

`assets/audibility/model.js` computes the same in the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from clarity.utils.audiogram import Listener

from ..audio import RATE
from ..errors import CadenzaError
from ..progress import Progress, silent
from .prescription import ear_of
from .thresholds import BAND_EDGES, BANDS, CALIBRATION_DB_SPL, check_calibration, threshold_spl

__all__ = ["EARS", "MASKING_DB", "Audibility", "AudibilityModel", "BandPowers", "band_powers", "fir_gain"]

EARS = ("left", "right")
#: A stem is just heard if it is that much stronger than what the others excite in the band, dB.
MASKING_DB = -4.0
WINDOW = 0.125  # s
#: Windows analysed at most: of longer sounds evenly spaced ones, a fair sample of the song.
MAX_WINDOWS = 960
#: Shares of the windows whose level is at most that of the percentile.
PERCENTILES = (10.0, 50.0, 90.0)
_BATCH = 64  # windows transformed at once


@dataclass(frozen=True)
class BandPowers:
    """Power of stems in bands and windows: all that audibility needs to know of a sound.

    Parameters
    ----------
    names : tuple of str
        The stems.
    powers : np.ndarray [shape=(stems, 2, 25, windows), dtype=float32]
        Mean square, full scale 1.0, by stem, ear, band of :data:`~.thresholds.BANDS`, window.
    step : float
        From one window to the next, s.
    """

    names: tuple[str, ...]
    powers: np.ndarray
    step: float


def band_powers(
    stems: Mapping[str, np.ndarray], rate: int = RATE, *, progress: Progress = silent, max_windows: int = MAX_WINDOWS
) -> BandPowers:
    """Analyse stems once: 0.2 s for four stems of 15 s.

    Parameters
    ----------
    stems : mapping of str to np.ndarray [shape=(2, n)]
        Full scale 1.0; all of one length. Less than 125 ms is filled up with silence.
    rate : int
        Sample rate, Hz; 28.2 kHz and more hold all bands.
    progress : Progress
        Called before each stem; may raise Cancelled.
    max_windows : int
        Of a sound with more windows, so many evenly spaced ones are taken.

    Returns
    -------
    BandPowers

    Raises
    ------
    CadenzaError
        If there is no stem, or one is not stereo or of another length, or not finite.
    """
    _check(stems)
    length = round(WINDOW * rate)
    samples = next(iter(stems.values())).shape[1]
    count = max(1, 2 * samples // length - 1)
    step = max(length / 2, (samples - length) / max(1, max_windows - 1))
    starts = np.minimum(np.arange(min(count, max_windows)) * step, max(0, samples - length)).astype(int)
    window = np.hanning(length + 1)[:-1]
    points = scipy.fft.next_fast_len(length, real=True)
    weights = _bin_weights(rate, points) * (2.0 / (points * np.sum(window**2)))
    powers = np.empty((len(stems), 2, len(BANDS), len(starts)), dtype=np.float32)
    for row, (name, stem) in enumerate(stems.items()):
        progress(row / len(stems), f"levels of {name}")
        padded = np.pad(stem, ((0, 0), (0, max(0, length - samples)))) if samples < length else stem
        for first in range(0, len(starts), _BATCH):
            index = starts[first : first + _BATCH, None] + np.arange(length)
            for ear in range(2):
                spectrum = scipy.fft.rfft(padded[ear][index] * window, points, axis=1)
                power = spectrum.real**2 + spectrum.imag**2
                powers[row, ear, :, first : first + _BATCH] = (power @ weights.T).T
    if not np.isfinite(powers).all():
        raise CadenzaError("A stem holds samples that are NaN or infinite; its levels cannot be measured.")
    return BandPowers(tuple(stems), powers, step / rate)


def _check(stems: Mapping[str, np.ndarray]) -> None:
    shapes = {name: samples.shape for name, samples in stems.items()}
    if (
        not shapes
        or len(set(shapes.values())) > 1
        or any(len(s) != 2 or s[0] != 2 or not s[1] for s in shapes.values())
    ):
        shown = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
        raise CadenzaError(f"Stems of one shape (2, n) are needed; given are {shown}.")


def _bin_weights(rate: int, points: int) -> np.ndarray:
    """Give how much of each bin of a transform belongs to each band, 0 to 1 [shape=(25, points // 2 + 1)]."""
    width = rate / points
    low, high = (np.arange(points // 2 + 1) - 0.5) * width, (np.arange(points // 2 + 1) + 0.5) * width
    inside = np.minimum(high, BAND_EDGES[1:, None]) - np.maximum(low, BAND_EDGES[:-1, None])
    weights: np.ndarray = np.clip(inside / width, 0.0, 1.0)
    return weights


def fir_gain(fir: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Give the gain of a filter in each band.

    Parameters
    ----------
    fir : np.ndarray [shape=(taps,)]
    rate : int
        Sample rate, Hz.

    Returns
    -------
    np.ndarray [shape=(25,)]
        dB, of the mean power gain over the band.
    """
    points = 1 << 15
    power = np.abs(scipy.fft.rfft(fir, points)) ** 2
    weights = _bin_weights(rate, points)
    return 10.0 * np.log10(np.maximum(weights @ power / weights.sum(axis=1), 1e-12))


def _spreading() -> np.ndarray:
    """Give the power that a band (column) excites in each band (row) [shape=(25, 25)]."""
    bark = 7.0 * np.arcsinh(BANDS / 650.0)
    x = bark[:, None] - bark[None, :] + 0.474
    return 10.0 ** ((15.81 + 7.5 * x - 17.5 * np.sqrt(1.0 + x**2)) / 10.0)


#: Spreading of power over bands, factor [shape=(25, 25)]: row excited by column.
SPREADING = _spreading()


@dataclass(frozen=True)
class Audibility:
    """What is heard of each stem.

    Parameters
    ----------
    names : tuple of str
        The stems.
    shares : np.ndarray [shape=(stems, 2)]
        By stem and ear, 0 to 1: audible in the mix. NaN for a stem that is silent in that ear as it is.
    alone : np.ndarray [shape=(stems, 2)]
        The same as if the stem played alone: what the ear, not the mix, takes away.
    total : np.ndarray [shape=(stems,)]
        One number per stem: the mean of both ears, weighted with the stem's power in each.
    maskers : tuple of (str or None)
        For each stem the one whose absence would raise `total` most; None if it would be by less than 0.005.
    masked : np.ndarray [shape=(stems,)]
        By how much.
    """

    names: tuple[str, ...]
    shares: np.ndarray
    alone: np.ndarray
    total: np.ndarray
    maskers: tuple[str | None, ...]
    masked: np.ndarray


class AudibilityModel:
    """One excerpt for one listener; asking it for the shares of a mix takes a few milliseconds.

    Parameters
    ----------
    sound : BandPowers
    listener : Listener
    calibration_db_spl : float
        Level of 0 dB FS, dB SPL.
    response_db : np.ndarray [shape=(2, 25)], optional
        Amplification of each ear and band, dB, as :func:`fir_gain` gives it; None: unaided.

    Raises
    ------
    CadenzaError
        If the calibration is out of range.

    Examples
    --------
    >>> model = AudibilityModel(band_powers(stems), listener)  # doctest: +SKIP
    >>> model.shares({("vocals", "left"): 3.0, ("vocals", "right"): 3.0})  # doctest: +SKIP
    """

    def __init__(
        self,
        sound: BandPowers,
        listener: Listener,
        *,
        calibration_db_spl: float = CALIBRATION_DB_SPL,
        response_db: np.ndarray | None = None,
    ) -> None:
        self.names = sound.names
        self.sound = sound
        self.calibration = check_calibration(calibration_db_spl)
        #: Amplification, dB [shape=(2, 25)].
        self.response_db = np.zeros((2, len(BANDS))) if response_db is None else response_db
        #: The listener's threshold, dB SPL [shape=(2, 25)].
        self.threshold_db = np.stack([threshold_spl(ear_of(listener, ear)) for ear in EARS])
        full_scale = 10.0 ** (-self.calibration / 10.0)
        self._threshold = (10.0 ** (self.threshold_db / 10.0) * full_scale).astype(np.float32)[:, :, None]
        spread = SPREADING[None] * 10.0 ** (self.response_db[:, None, :] / 10.0)
        self._excitation = (spread.astype(np.float32) @ sound.powers).astype(np.float32)
        sums = sound.powers.sum(axis=(2, 3), dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            self._weights = (sound.powers / sums[:, :, None, None]).astype(np.float32)
            self._ears = sums / sums.sum(axis=1, keepdims=True)

    def shares(self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float = 0.0) -> np.ndarray:
        """Give the audible share of each stem in each ear.

        Parameters
        ----------
        gains : mapping of (stem, ear) to float, or np.ndarray [shape=(stems, 2)]
            dB; `Gains.decibels` fits. -inf mutes.
        master_db : float
            Added to all.

        Returns
        -------
        np.ndarray [shape=(stems, 2)]
            0 to 1; NaN for a stem that is silent in that ear as it is.
        """
        return self._shares(self._excited(gains, master_db))

    def total(self, shares: np.ndarray) -> np.ndarray:
        """Give one number per stem [shape=(stems,)]: the mean of its ears, weighted with its power in each."""
        total: np.ndarray = np.nansum(shares * self._ears, axis=1)
        return np.where(np.isnan(self._ears).all(axis=1), np.nan, total)

    def by_band(
        self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give where in the spectrum each stem's energy is, and how much of it is audible; parameters as :meth:`shares`.

        Returns
        -------
        np.ndarray, np.ndarray [shape=(stems, 25)]
            Audible energy and energy in each band, both ears, as shares of the stem's whole energy: the first sums to
            `total`, the second to 1. NaN for a stem that is silent as it is.
        """
        excitation = self._excited(gains, master_db)
        ratio = np.square(excitation / (self._masking(excitation) + self._threshold))
        audible = np.einsum("sebw,sebw->seb", self._weights, ratio / (1.0 + ratio), dtype=np.float64)
        energy = self._weights.sum(axis=3, dtype=np.float64)
        silent = np.isnan(self._ears).all(axis=1)[:, None]
        audible, energy = (np.nansum(each * self._ears[:, :, None], axis=1) for each in (audible, energy))
        return np.where(silent, np.nan, audible), np.where(silent, np.nan, energy)

    def report(self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float = 0.0) -> Audibility:
        """Give everything about a mix; parameters as :meth:`shares`."""
        excitation = self._excited(gains, master_db)
        shares = self._shares(excitation)
        total = self.total(shares)
        count = len(self.names)
        lift = np.zeros((count, count))
        for other in range(count):
            without = excitation.copy()
            without[other] = 0.0
            lift[:, other] = np.nan_to_num(self.total(self._shares(without)) - total)
            lift[other, other] = 0.0
        strongest = lift.argmax(axis=1)
        masked = np.maximum(lift[np.arange(count), strongest], 0.0)
        maskers = tuple(self.names[row] if much >= 0.005 else None for row, much in zip(strongest, masked, strict=True))
        alone = self._shares(excitation, masking=False)
        return Audibility(self.names, shares, alone, total, maskers, masked)

    def levels(
        self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float = 0.0, *, aided: bool = True
    ) -> np.ndarray:
        """Give the distribution of each stem's band levels at the ear.

        Returns
        -------
        np.ndarray [shape=(3, stems, 2, 25)]
            dB SPL that 10, 50 and 90 % of the windows do not exceed (:data:`PERCENTILES`); -inf for silence.
        """
        shift = 10.0 * np.log10(np.maximum(self._factors(gains, master_db), 1e-30))[:, :, None]
        with np.errstate(divide="ignore"):
            levels = 10.0 * np.log10(np.percentile(self.sound.powers, PERCENTILES, axis=3, method="lower"))
        raised = levels + shift + self.calibration + (self.response_db if aided else 0.0)
        return np.where(shift <= -300.0, -np.inf, raised)

    def masking(self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float = 0.0) -> np.ndarray:
        """Give what hides each stem in the mix, on average over the windows.

        Returns
        -------
        np.ndarray [shape=(stems, 2, 25)]
            dB SPL: the others' masking and the threshold together.
        """
        excitation = self._excited(gains, master_db).mean(axis=3)
        hidden = self._masking(excitation) + self._threshold[:, :, 0]
        level: np.ndarray = 10.0 * np.log10(hidden) + self.calibration
        return level

    def _factors(self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float) -> np.ndarray:
        if isinstance(gains, Mapping):
            gains = np.array([[gains.get((name, ear), 0.0) for ear in EARS] for name in self.names])
        return 10.0 ** ((np.asarray(gains) + master_db) / 10.0)

    def _excited(self, gains: Mapping[tuple[str, str], float] | np.ndarray, master_db: float) -> np.ndarray:
        factors = self._factors(gains, master_db).astype(np.float32)
        return self._excitation * factors[:, :, None, None]

    def _masking(self, excitation: np.ndarray) -> np.ndarray:
        """Give the power of the others' masking. Summed without the stem, not subtracted: nothing masks it alone."""
        count = len(excitation)
        others = (1.0 - np.eye(count, dtype=np.float32)) * np.float32(10.0 ** (MASKING_DB / 10.0))
        return (others @ excitation.reshape(count, -1)).reshape(excitation.shape)

    def _shares(self, excitation: np.ndarray, *, masking: bool = True) -> np.ndarray:
        hidden = self._masking(excitation) + self._threshold if masking else self._threshold
        ratio = np.square(excitation / hidden)
        return np.einsum("sebw,sebw->se", self._weights, ratio / (1.0 + ratio), dtype=np.float64)
