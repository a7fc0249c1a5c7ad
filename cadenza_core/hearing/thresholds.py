"""From an audiogram to the faintest sound that an ear hears, in dB SPL: third-octave bands and thresholds.

Bands: the third-octave bands of IEC 61260-1:2014 (base ten) from 50 Hz to 12.5 kHz, 44.7 Hz to 14.1 kHz: about the range
that the loudness standard ANSI S3.4-2007 covers (50 Hz to 15 kHz).

Reference: 0 dB HL is the threshold of otologically normal ears for frontal incidence in a free field, ISO 389-7:2005,
table 1, the same numbers as T_f of ISO 226:2003, table 1. Headphones are taken to be free-field equalised, so that levels at
the ear and thresholds are both given as at the place of the listener's head. A listener's threshold is the reference plus
the hearing level. Between audiometric frequencies hearing levels are linear over log frequency; below the lowest and above
the highest they stay what they are there (both as pyclarity's `Audiogram.resample`).

Levels: 0 dB FS (a root mean square of 1.0) is 100 dB SPL unless a user says otherwise: the convention of the Cadenza
challenges and of pyclarity's `equiv_0db_spl`.
"""

import numpy as np
from clarity.utils.audiogram import Audiogram

from ..errors import CadenzaError

__all__ = [
    "BANDS",
    "BAND_EDGES",
    "CALIBRATION_DB_SPL",
    "CALIBRATION_RANGE",
    "check_calibration",
    "reference_threshold",
    "threshold_spl",
]

#: Level of a root mean square of 1.0 (0 dB FS), dB SPL, unless set otherwise, and what may be set.
CALIBRATION_DB_SPL = 100.0
CALIBRATION_RANGE = (60.0, 130.0)

#: Exact centre frequencies of the bands, Hz [shape=(25,)], and their edges [shape=(26,)].
BANDS = 10.0 ** (np.arange(17, 42) / 10.0)
BAND_EDGES = 10.0 ** (np.arange(16.5, 42.0) / 10.0)

#: ISO 389-7:2005 / ISO 226:2003, free field, frontal incidence: Hz, dB SPL.
_REFERENCE = np.array(
    [
        (20, 78.5),
        (25, 68.7),
        (31.5, 59.5),
        (40, 51.1),
        (50, 44.0),
        (63, 37.5),
        (80, 31.5),
        (100, 26.5),
        (125, 22.1),
        (160, 17.9),
        (200, 14.4),
        (250, 11.4),
        (315, 8.6),
        (400, 6.2),
        (500, 4.4),
        (630, 3.0),
        (800, 2.2),
        (1000, 2.4),
        (1250, 3.5),
        (1600, 1.7),
        (2000, -1.3),
        (2500, -4.2),
        (3150, -6.0),
        (4000, -5.4),
        (5000, -1.5),
        (6300, 6.0),
        (8000, 12.6),
        (10000, 13.9),
        (12500, 12.3),
        (14000, 18.4),
        (16000, 40.2),
        (18000, 73.2),
    ]
)


def reference_threshold(frequencies: np.ndarray) -> np.ndarray:
    """Give the threshold of a normal ear, 0 dB HL.

    Parameters
    ----------
    frequencies : np.ndarray [shape=(n,)]
        20 to 18000 Hz; beyond, the value at the end is given. Between the standard's frequencies: linear over log frequency.

    Returns
    -------
    np.ndarray [shape=(n,)]
        dB SPL, free field.
    """
    hertz, levels = _REFERENCE.T
    return np.interp(np.log(frequencies), np.log(hertz), levels)


def threshold_spl(audiogram: Audiogram, frequencies: np.ndarray = BANDS) -> np.ndarray:
    """Give an ear's threshold.

    Parameters
    ----------
    audiogram : Audiogram
        dB HL.
    frequencies : np.ndarray [shape=(n,)]
        Hz.

    Returns
    -------
    np.ndarray [shape=(n,)]
        dB SPL, free field.
    """
    return reference_threshold(frequencies) + audiogram.resample(frequencies).levels


def check_calibration(level: float) -> float:
    """Check what a user gives as the level of 0 dB FS, dB SPL; gives it as a float.

    Raises
    ------
    CadenzaError
        If it is not a number from 60 to 130.
    """
    low, high = CALIBRATION_RANGE
    if isinstance(level, bool) or not isinstance(level, int | float) or not low <= level <= high:
        raise CadenzaError(
            f"0 dB FS is said to be {str(level)[:40]} dB SPL; {low:g} to {high:g} is accepted. Without a measurement, leave "
            f"it at {CALIBRATION_DB_SPL:g}."
        )
    return float(level)
