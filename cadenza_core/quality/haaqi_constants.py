"""What HAAQI's ear model needs to know of a listener's ear: filters, hearing loss, compression.

Kates 2013, "An auditory model for intelligibility and quality predictions", Proc. Meetings on Acoustics 19, 050184. The
ear has 32 bands from 80 to 8000 Hz on an ERB scale, at a sample rate of 24 kHz. A *group* is the 16 bands that one vector
holds.
"""

from dataclasses import dataclass

import numpy as np

from .haaqi_simd import LANES

__all__ = [
    "AUDIOGRAM_FREQUENCIES",
    "BANDS",
    "CENTER_FREQUENCIES",
    "CONTROL_BANDWIDTH",
    "GROUPS",
    "NORMAL_LEVEL",
    "RATE",
    "EarLoss",
    "bandwidth_adjust",
    "center_frequencies",
    "compression_table",
    "gammatone_gain",
    "gammatone_table",
    "group_delays",
    "loss_parameters",
]

#: Sample rate of the ear model, Hz.
RATE = 24000
BANDS = 32
GROUPS = BANDS // LANES
#: Where the ear model takes the audiogram, Hz.
AUDIOGRAM_FREQUENCIES = np.array([250, 500, 1000, 2000, 4000, 6000])
#: The level (dB SPL of an RMS of 1) to which signals are scaled inside, so that float32 is in its best range.
NORMAL_LEVEL = 65.0

_EAR_Q, _MIN_BANDWIDTH = 9.26449, 24.7
_LOG2_OF_DB = np.log2(10.0) / 20.0


def center_frequencies() -> np.ndarray:
    """Give the bands' centre frequencies, Hz: equally spaced in ERB from 80 to 8000 Hz (Slaney 1993)."""
    low, high = 80 + _EAR_Q * _MIN_BANDWIDTH, 8000 + _EAR_Q * _MIN_BANDWIDTH
    steps = np.arange(1, BANDS) * (np.log(low) - np.log(high)) / (BANDS - 1)
    return np.flip(np.insert(np.exp(steps) * high - _EAR_Q * _MIN_BANDWIDTH, 0, 8000.0))


CENTER_FREQUENCIES = center_frequencies()
_ERB = _MIN_BANDWIDTH + CENTER_FREQUENCIES / _EAR_Q


@dataclass(frozen=True, eq=False)
class EarLoss:
    """Hearing loss of one ear, apportioned to outer and inner hair cells.

    Parameters
    ----------
    attenuation_ohc, attenuation_ihc : np.ndarray [shape=(32,)]
        dB.
    bandwidth : np.ndarray [shape=(32,)]
        Relative to normal.
    low_knee : np.ndarray [shape=(32,)]
        Where compression starts, dB SPL.
    ratio : np.ndarray [shape=(32,)]
        Compression ratio.
    """

    attenuation_ohc: np.ndarray
    bandwidth: np.ndarray
    low_knee: np.ndarray
    ratio: np.ndarray
    attenuation_ihc: np.ndarray


def loss_parameters(levels: np.ndarray) -> EarLoss:
    """Apportion a hearing loss (dB HL at `AUDIOGRAM_FREQUENCIES`) to the hair cells, band by band."""
    frequencies = np.concatenate(([CENTER_FREQUENCIES[0]], AUDIOGRAM_FREQUENCIES, [CENTER_FREQUENCIES[-1]]))
    loss = np.interp(CENTER_FREQUENCIES, frequencies, np.concatenate(([levels[0]], levels, [levels[-1]])))
    loss = np.maximum(loss, 0)
    ratio = 1.25 + 2.25 * np.arange(BANDS) / (BANDS - 1)
    # the loss of outer hair cells that leaves no compression
    limit = 1.25 * 70 * (1 - 1 / ratio)
    outer = np.where(loss >= limit, 0.8 * limit, 0.8 * loss)
    inner = np.where(loss >= limit, 0.2 * limit + (loss - limit), 0.2 * loss)
    bandwidth = 1.0 + outer / 50.0 + 2.0 * (outer / 50.0) ** 6
    knee = outer + 30
    ratio = (100 - knee) / (30 + 70 / ratio + outer - knee)
    return EarLoss(outer, bandwidth, knee, ratio, inner)


#: Bandwidth of the control filters: that of a loss of 100 dB.
CONTROL_BANDWIDTH = loss_parameters(np.full(6, 100)).bandwidth


def bandwidth_adjust(control_rms: np.ndarray, bandwidth: np.ndarray, level: float) -> np.ndarray:
    """Widen the auditory filters with the level of the control signal: from 50 to 100 dB SPL up to the control's.

    Parameters
    ----------
    control_rms, bandwidth : np.ndarray [shape=(32,)]
    level : float
        dB SPL of an RMS of 1.
    """
    with np.errstate(divide="ignore"):
        decibels = 20 * np.log10(control_rms) + level
    share = np.clip((decibels - 50) / 50, 0, 1)
    return np.where(share == 1, CONTROL_BANDWIDTH, bandwidth + share * (CONTROL_BANDWIDTH - bandwidth))


def _pole(bandwidth: np.ndarray) -> np.ndarray:
    return np.exp(-bandwidth * (2 * np.pi / RATE) * _ERB * 1.019)


def group_delays(bandwidth: np.ndarray) -> np.ndarray:
    """Give the samples by which each band is to be delayed, so that all have the delay of the slowest."""
    a = _pole(bandwidth)
    delay = np.rint(4 * a / (1 - a) + (4 * a + 8 * a * a) / (1 + 4 * a + 4 * a * a)).astype(np.int64)
    return delay.max() - delay


def gammatone_table(bandwidth: np.ndarray) -> np.ndarray:
    """Give the fourth-order gammatone filters as complex bandpass filters on the real signal.

    To demodulate with a carrier, filter with ``(1 + 4a/z + 4a^2/z^2) / (1 - a/z)^4`` and modulate again is to move the
    filter's poles and taps by the carrier's angle. Basilar-membrane motion is the real part, the envelope the magnitude.

    Returns
    -------
    np.ndarray [shape=(groups, 6 * LANES)], float32
        Per group: pole (real, imaginary), tap 1, tap 2.
    """
    pole = _pole(bandwidth)
    turn = np.exp(2j * np.pi * CENTER_FREQUENCIES / RATE)
    complex_rows = (pole * turn, 4 * pole * turn, 4 * pole**2 * turn**2)
    rows = [part for row in complex_rows for part in (row.real, row.imag)]
    return np.ascontiguousarray(_grouped(np.array(rows)).astype(np.float32))


def _grouped(rows: np.ndarray) -> np.ndarray:
    """Turn (rows, 32) into (groups, rows * LANES)."""
    return rows.reshape(len(rows), GROUPS, LANES).transpose(1, 0, 2).reshape(GROUPS, -1)


def gammatone_gain(bandwidth: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Give the gain that makes each filter's response 2 at its centre, with its coefficients as rounded in `table`."""
    rows = table.astype(np.float64).reshape(GROUPS, 6, LANES).transpose(1, 0, 2).reshape(6, BANDS)
    pole, tap1, tap2 = rows[0] + 1j * rows[1], rows[2] + 1j * rows[3], rows[4] + 1j * rows[5]
    back = np.exp(-2j * np.pi * CENTER_FREQUENCIES / RATE)
    rounded = np.abs((1 + tap1 * back + tap2 * back**2) / (1 - pole * back) ** 4)
    return 2.0 / rounded


def compression_table(loss: EarLoss, control_gain: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Give what `compress` needs per band.

    Returns
    -------
    np.ndarray [shape=(groups, 5 * LANES)], float32
        Level of the unscaled control (dB SPL), low knee (dB SPL), slope and offset of log2(gain), the delay filter's tap
        times the analysis filter's gain.
    """
    slope = (1 - 1 / loss.ratio) * _LOG2_OF_DB
    rows = np.array(
        [
            NORMAL_LEVEL + 20 * np.log10(control_gain),
            loss.low_knee,
            slope,
            -loss.attenuation_ohc * _LOG2_OF_DB,
            delay_filter()[0] * gain,
        ]
    )
    return np.ascontiguousarray(_grouped(rows).astype(np.float32))


def delay_filter() -> tuple[float, float]:
    """Give tap (both are equal) and pole of the first-order low pass at 800 Hz that delays the gain by 0.2 ms."""
    tangent = np.tan(np.pi * 800 / RATE)
    return float(tangent / (1 + tangent)), float((1 - tangent) / (1 + tangent))
