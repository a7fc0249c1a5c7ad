"""HAAQI from two signals: the stages put together, with all that a score consists of.

Kates & Arehart 2016, "The Hearing-Aid Audio Quality Index (HAAQI)", IEEE/ACM TASLP 24(2), 354-365. A
:class:`HaaqiReference` holds what hangs on the reference, the listener's ear and the level alone, so that many processed
signals can share it.
"""

import threading
from dataclasses import dataclass

import numpy as np
from clarity.utils.audiogram import Audiogram

from ..errors import CadenzaError
from . import haaqi_cells as cells
from . import haaqi_constants as constants
from . import haaqi_ear as ear
from . import haaqi_features as features
from .haaqi_constants import AUDIOGRAM_FREQUENCIES, BANDS, GROUPS, NORMAL_LEVEL, EarLoss
from .haaqi_lags import band_delays
from .haaqi_noise import SPARE, Position, advance, band_streams, position_of
from .haaqi_simd import LANES

__all__ = ["GLOBAL_STATE", "SHORTEST", "HaaqiError", "HaaqiParts", "HaaqiReference", "Prepared"]

#: Signals that are shorter than this after pruning (0.2 s) are left to the reference implementation, with its errors.
SHORTEST = 4800
#: Level of the inner hair cells' noise, dB re auditory threshold.
_NOISE_LEVEL = -10.0
#: Above this gain the noise of the reference is not drowned by whatever is loud enough to count; -60 - 10 dB.
_NOISE_MATTERS = 10 ** (-70 / 20)
#: NumPy's global random state may be borrowed by one thread at a time.
GLOBAL_STATE = threading.RLock()


class HaaqiError(CadenzaError, ValueError, IndexError):
    """HAAQI cannot be computed; also one of the errors that pyclarity raises then."""


@dataclass(frozen=True, eq=False)
class HaaqiParts:
    """A HAAQI score and what it consists of; in each, 1 is perfect and 0 is bad.

    Parameters
    ----------
    score : float
        ``0.336 nonlinear + 0.001 linear + 0.501 nonlinear^2 + 0.161 linear^2``.
    nonlinear : float
        ``0.754 cepstral_correlation^3 + 0.246 synchrony``.
    linear : float
        ``0.329 loudness + 0.671 slope``.
    cepstral_correlation : float
        Do the spectrum's changes in time agree, from 20 to 125 Hz: noise, distortion, compression lower it.
    synchrony : float
        Does the basilar membrane move alike: lowered by what adds or removes fine structure.
    loudness, slope : float
        Do the long-term spectra agree, in specific loudness and relative to it: lowered by wrong gains or filters.
    cepstra : np.ndarray [shape=(4, 5)]
        Cepstral correlation per modulation band (20-32, 32-50, 50-80, 80-125 Hz) and cepstral coefficient 1 to 5.
    synchrony_bands : np.ndarray [shape=(32,)]
        Mean covariance of each auditory band; NaN where the reference is silent in it.
    loudness_bands, slope_bands : np.ndarray [shape=(32,)]
        Reference less processed: shares of the whole loudness, and relative to their sum (-1 to 1).
    center_frequencies : np.ndarray [shape=(32,)]
        Of the bands, Hz.
    synchrony_weights : np.ndarray [shape=(32,)]
        Weight of each band in `synchrony`; they sum to 1.
    cepstral_losses : np.ndarray [shape=(8,)]
        What each eighth of the bands lowers the cepstral correlation by; NaN unless `detailed` was asked for.

    Notes
    -----
    All arrays are NaN for signals under 0.2 s, which pyclarity's code scores.
    """

    score: float
    nonlinear: float
    linear: float
    cepstral_correlation: float
    synchrony: float
    loudness: float
    slope: float
    cepstra: np.ndarray
    synchrony_bands: np.ndarray
    loudness_bands: np.ndarray
    slope_bands: np.ndarray
    center_frequencies: np.ndarray
    synchrony_weights: np.ndarray
    cepstral_losses: np.ndarray


def parts_without_bands(
    score: float, nonlinear: float, linear: float, cepstral: float, synchrony: float, loudness: float, slope: float
) -> HaaqiParts:
    """Give parts of which only the numbers are known."""
    blank = np.full(BANDS, np.nan)
    return HaaqiParts(
        score, nonlinear, linear, cepstral, synchrony, loudness, slope,
        np.full((4, 5), np.nan), blank, blank, blank, constants.CENTER_FREQUENCIES, blank, np.full(features.REGIONS, np.nan),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Side:
    """One signal in one ear: after the middle ear, with its filters."""

    middle: np.ndarray
    loss: EarLoss
    control_rms: np.ndarray
    bandwidth: np.ndarray
    gain: np.ndarray
    tables: np.ndarray

    def level(self, rms: np.ndarray) -> np.ndarray:
        """Give the long-term spectrum in dB SL of the bands' RMS before compression (`convert_rms_to_sl`)."""
        loss, small = self.loss, 1e-30
        control = np.clip(NORMAL_LEVEL + 20 * np.log10(np.maximum(self.control_rms, small)), None, 100.0)
        gain = -loss.attenuation_ohc - (np.maximum(control, loss.low_knee) - loss.low_knee) * (1 - 1 / loss.ratio)
        level = np.maximum(NORMAL_LEVEL + 20 * np.log10(np.maximum(rms, small)), 0)
        return np.maximum(level + gain - loss.attenuation_ihc, 0)


_CONTROL_TABLE = constants.gammatone_table(constants.CONTROL_BANDWIDTH)
_CONTROL_GAIN = constants.gammatone_gain(constants.CONTROL_BANDWIDTH, _CONTROL_TABLE)


def _side(signal: np.ndarray, loss: EarLoss, level1: float) -> _Side:
    middle = (ear.middle_ear(signal) * 10 ** ((level1 - NORMAL_LEVEL) / 20)).astype(np.float32)
    power = np.zeros((GROUPS, LANES))
    for group in range(GROUPS):
        ear.control_power(middle, _CONTROL_TABLE[group], power[group])
    rms = np.sqrt(power.ravel() / len(middle)) * _CONTROL_GAIN
    bandwidth = constants.bandwidth_adjust(rms, loss.bandwidth, NORMAL_LEVEL)
    table = constants.gammatone_table(bandwidth)
    gain = constants.gammatone_gain(bandwidth, table)
    compression = constants.compression_table(loss, _CONTROL_GAIN, gain)
    tables = np.concatenate((_CONTROL_TABLE, table, compression), axis=1)
    return _Side(middle, loss, rms, bandwidth, gain, np.ascontiguousarray(tables))


def _balanced(x: _Side, y: _Side) -> np.ndarray:
    """Give y's tables for the alignment: scaled to about x's level, for both share a transform in float32."""
    levels = [20 * np.log10(np.maximum(side.control_rms, 1e-12)) for side in (x, y)]
    slopes = 1 - 1 / x.loss.ratio, 1 - 1 / y.loss.ratio
    knees = x.loss.low_knee, y.loss.low_knee
    out = [
        level - np.maximum(np.minimum(level + NORMAL_LEVEL, 100) - knee, 0) * slope
        for level, slope, knee in zip(levels, slopes, knees, strict=True)
    ]
    difference = np.where(levels[1] > -239, out[0] - out[1], 0.0)
    tables = y.tables.copy()
    tables[:, -LANES:] *= (10 ** (np.clip(difference, -200, 200) / 20)).reshape(GROUPS, LANES).astype(np.float32)
    return tables


@dataclass(frozen=True, eq=False)
class Prepared:
    """A processed signal with its reference, resampled, aligned and pruned.

    Parameters
    ----------
    processed : np.ndarray [shape=(n,)]
    rate : float
        As given.
    x, y : np.ndarray [shape=(m,)]
        Reference and processed signal at 24 kHz.
    length : int
        Samples of both before they were pruned: with it and the reference, x is the same.
    """

    processed: np.ndarray
    rate: float
    x: np.ndarray
    y: np.ndarray
    length: int

    @property
    def fast(self) -> bool:
        """Whether the kernels can score it; what is too short or broken is left to pyclarity."""
        return len(self.x) >= SHORTEST and bool(np.isfinite(self.y).all())


class HaaqiReference:
    """A reference signal, ready to score processed ones against it.

    Parameters
    ----------
    reference : np.ndarray [shape=(n,)]
        Floating point, finite.
    rate : float > 0
        Hz.
    audiogram : Audiogram
    equalisation : {0, 1, 2}
        1: NAL-R is added to the reference; 2: it has been already; 0: the reference is for a normal ear.
    level1 : float
        dB SPL of a signal with an RMS of 1.
    """

    def __init__(
        self, reference: np.ndarray, rate: float, audiogram: Audiogram, equalisation: int = 1, level1: float = 65.0
    ) -> None:
        self.reference, self.rate, self.audiogram = reference, rate, audiogram
        self.equalisation, self.level1 = equalisation, float(level1)
        self._levels = audiogram.resample(AUDIOGRAM_FREQUENCIES).levels
        self._signal = ear.resample_24khz(reference, rate)
        self._loss = constants.loss_parameters(self._levels)
        self._lock = threading.Lock()
        self._side: tuple[int, _Side, np.ndarray] | None = None

    def _reference_side(self, prepared: "Prepared") -> tuple[_Side, np.ndarray]:
        """Give the reference's side and group delays; computed once per length to which the signals are cut."""
        with self._lock:
            length = prepared.length
            if self._side is None or self._side[0] != length:
                equalised = ear.add_nalr(prepared.x, self._levels) if self.equalisation == 1 else prepared.x
                loss = constants.loss_parameters(np.zeros(6)) if self.equalisation == 0 else self._loss
                side = _side(equalised, loss, self.level1)
                self._side = length, side, constants.group_delays(side.bandwidth)
            return self._side[1:]

    def prepare(self, processed: np.ndarray, rate: float) -> "Prepared":
        """Resample, align and prune a processed signal.

        Parameters
        ----------
        processed : np.ndarray [shape=(n,)]
            Floating point, finite.
        rate : float > 0
            Hz.

        Raises
        ------
        HaaqiError
            If the reference is silent or the processed signal empty.
        """
        signal = ear.resample_24khz(processed, rate)
        length = min(len(self._signal), len(signal))
        if length == 0:
            raise HaaqiError("HAAQI: the processed signal is empty but the reference is not.")
        try:
            x, y = ear.input_align(self._signal[:length], signal[:length])
        except IndexError as error:
            raise HaaqiError("HAAQI: the reference is silent; it cannot be scored.") from error
        return Prepared(processed, rate, x, y, length)

    def draws(self, prepared: "Prepared") -> int:
        """Give how many numbers pyclarity draws when it scores `prepared`: what a later score has to skip.

        It costs a tenth of the score, for the reference's envelope decides it.
        """
        side, delays = self._reference_side(prepared)
        thresholds = _thresholds(side, side, self.level1)
        smooth = np.zeros((GROUPS, (len(side.middle) // cells.SMOOTH_HALF) * LANES), np.float32)
        for group in range(GROUPS):
            grouped = delays.reshape(GROUPS, LANES)[group]
            cells.reference_envelope(
                side.middle, side.tables[group], thresholds[group], grouped, cells.CONSTANTS, smooth[group]
            )
        return _draws(len(side.middle), int(features.loud_segments(_bands(smooth)).sum()))

    def parts(self, prepared: "Prepared", position: Position, *, detailed: bool = False) -> tuple[HaaqiParts, Position]:
        """Score a processed signal with the noise from `position` on; `detailed` also tells the bands' cepstral losses.

        Returns
        -------
        HaaqiParts
        Position
            Where pyclarity would have left the random stream.

        Raises
        ------
        HaaqiError
            If the signals are too short.
        """
        if not prepared.fast:
            return self._by_reference(prepared, position)
        x_side, delays = self._reference_side(prepared)
        y_side = _side(prepared.y, self._loss, self.level1)
        return _score(x_side, y_side, delays, self.level1, position, detailed)

    def _by_reference(self, prepared: "Prepared", position: Position) -> tuple[HaaqiParts, Position]:
        """Score what is too short for the kernels with pyclarity's code."""
        from clarity.evaluator.haaqi.haaqi import haaqi_v1

        with GLOBAL_STATE:
            before = np.random.get_state()  # noqa: NPY002
            np.random.set_state(position.state())  # noqa: NPY002
            try:
                score, nonlinear, linear, raw = haaqi_v1(
                    self.reference,
                    self.rate,
                    prepared.processed,
                    prepared.rate,
                    self.audiogram,
                    self.equalisation,
                    self.level1,
                )
                after = position_of()
            except (ValueError, IndexError) as error:
                raise HaaqiError(
                    f"HAAQI: the signals are too short to be scored ({error}); 50 ms at least are needed."
                ) from error
            finally:
                np.random.set_state(before)  # noqa: NPY002
        parts = parts_without_bands(float(score), float(nonlinear), float(linear), *(float(value) for value in raw))
        return parts, after


def _draws(samples: int, loud: int) -> int:
    """Give the count of normal numbers of a score: the hair cells' noise, and that of the envelopes, of level zero."""
    return 2 * BANDS * (samples + (loud if loud > 1 else 0))


def _thresholds(x: _Side, y: _Side, level1: float) -> np.ndarray:
    """Give what `analyse` takes by that name, for each group: (groups, 3 * LANES)."""
    small = np.full(BANDS, 1e-30 * 10 ** ((level1 - NORMAL_LEVEL) / 20))
    rows = np.array([NORMAL_LEVEL - x.loss.attenuation_ihc, NORMAL_LEVEL - y.loss.attenuation_ihc, small])
    return np.ascontiguousarray(rows.reshape(3, GROUPS, LANES).transpose(1, 0, 2).reshape(GROUPS, -1), np.float32)


def _bands(grouped: np.ndarray) -> np.ndarray:
    """Turn (groups, segments * LANES) into (32, segments), float64."""
    return grouped.reshape(GROUPS, -1, LANES).transpose(0, 2, 1).reshape(BANDS, -1).astype(np.float64)


def _score(
    x: _Side, y: _Side, delays: np.ndarray, level1: float, position: Position, detailed: bool
) -> tuple[HaaqiParts, Position]:
    """Score two sides; give the place where pyclarity would have left the random stream as well."""
    samples = len(x.middle)
    noise_gain = 10 ** ((_NOISE_LEVEL - level1) / 20)
    kinds = 2 if noise_gain > _NOISE_MATTERS else 1
    # noise of the reference (where it matters), then of the processed signal
    first = (2 - kinds) * BANDS * samples
    rows, position = band_streams(position, samples, kinds * BANDS, first)
    rows = rows.reshape(kinds, GROUPS, LANES, -1)
    smooth = np.zeros((2, GROUPS, (samples // cells.SMOOTH_HALF) * LANES), np.float32)
    covariance, power = np.zeros((2, GROUPS, (samples // cells.HALF) * LANES), np.float32)
    thresholds = _thresholds(x, y, level1)
    balanced = _balanced(x, y)
    x_power, y_power = np.zeros((2, GROUPS, LANES))
    for group in range(GROUPS):
        tables = x.tables[group], y.tables[group]
        envelope_delay, motion_delay, x_power[group], y_power[group] = band_delays(
            x.middle, y.middle, x.tables[group], balanced[group]
        )
        shifts = np.array([delays.reshape(GROUPS, LANES)[group], envelope_delay, motion_delay])
        streams = np.ascontiguousarray(rows[:, group].reshape(kinds * LANES, -1))
        cells.analyse(
            x.middle, y.middle, *tables, thresholds[group], shifts,
            (streams, np.zeros((kinds * LANES, SPARE), np.float32)), np.float32(noise_gain), cells.CONSTANTS,
            smooth[:, group], covariance[group], power[group],
        )  # fmt: skip
    x_smooth, y_smooth = _bands(smooth[0]), _bands(smooth[1])
    x_level = x.level(np.sqrt(x_power.ravel() / samples) * x.gain)
    y_level = y.level(np.sqrt(y_power.ravel() / samples) * y.gain)
    cepstra = features.cepstral_correlation(x_smooth, y_smooth)
    losses = features.cepstral_losses(x_smooth, y_smooth) if detailed else np.full(features.REGIONS, np.nan)
    synchrony = features.synchrony(_bands(covariance), _bands(power))
    loudness, slope = features.spectral_differences(x_level, y_level)
    parts = _combine(cepstra, losses, synchrony, loudness, slope)
    loud = int(features.loud_segments(x_smooth).sum())
    return parts, advance(position, _draws(0, loud))


def _combine(
    cepstra: np.ndarray,
    losses: np.ndarray,
    synchronies: tuple[float, np.ndarray, np.ndarray],
    loudness: np.ndarray,
    slope: np.ndarray,
) -> HaaqiParts:
    """Combine the features to the score: HAAQI version 1."""
    cepstral = float(cepstra.mean())
    synchrony, synchrony_bands, weights = synchronies
    loudness_score = float(np.clip(1 - BANDS * np.std(loudness) / 2.5, 0, 1))
    slope_score = float(np.clip(1 - BANDS * np.std(slope) / 25, 0, 1))
    nonlinear = 0.754 * cepstral**3 + 0.246 * synchrony
    linear = 0.329 * loudness_score + 0.671 * slope_score
    score = 0.336 * nonlinear + 0.001 * linear + 0.501 * nonlinear**2 + 0.161 * linear**2
    return HaaqiParts(
        score, nonlinear, linear, cepstral, synchrony, loudness_score, slope_score,
        cepstra, synchrony_bands, loudness, slope, constants.CENTER_FREQUENCIES, weights, losses,
    )  # fmt: skip
