"""HAAQI's features: what the smoothed envelopes, covariances and long-term spectra of the 32 bands come to."""

import numpy as np
import scipy.fft
from scipy.signal import firwin

from .haaqi_constants import BANDS, CENTER_FREQUENCIES

__all__ = ["SILENCE", "cepstral_correlation", "loud_segments", "spectral_differences", "synchrony"]

#: Threshold of silence, dB above auditory threshold.
SILENCE = 2.5


def loud_segments(smooth: np.ndarray, threshold: float = SILENCE) -> np.ndarray:
    """Give which segments of an envelope (32, segments) in dB SL are above `threshold`, as loudness in phon."""
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.sum(10 ** (smooth / 20), axis=0) / BANDS) > threshold


def _modulation_filters() -> np.ndarray:
    """Give the filters of the four modulation bands that count: 20-32, 32-50, 50-80, 80-125 Hz at 250 Hz."""
    taps, nyquist = 129, 125.0
    edges = ((20.0, 32.0), (32.0, 50.0), (50.0, 80.0))
    bands = [firwin(taps, [a / nyquist, b / nyquist], window="hann", pass_zero="bandpass") for a, b in edges]
    return np.array([*bands, firwin(taps, 80.0 / nyquist, window="hann", pass_zero="highpass")])


_MODULATION = _modulation_filters()
_CEPSTRA = np.cos(np.outer(np.arange(BANDS), np.arange(1, 6)) * np.pi / (BANDS - 1))
_CEPSTRA = _CEPSTRA / np.linalg.norm(_CEPSTRA, axis=0)


def cepstral_correlation(reference: np.ndarray, processed: np.ndarray) -> np.ndarray:
    """Correlate the mel cepstra of two smoothed envelopes in the four faster modulation bands.

    Parameters
    ----------
    reference, processed : np.ndarray [shape=(32, segments)]
        dB SL, 250 per second.

    Returns
    -------
    np.ndarray [shape=(4, 5)]
        Per modulation band (20-32, 32-50, 50-80, 80-125 Hz) and cepstral coefficient (1 to 5); their mean is HAAQI's
        cepstral correlation. Zeros where fewer than two segments of the reference are above silence.
    """
    loud = loud_segments(reference)
    count = int(loud.sum())
    if count <= 1:
        return np.zeros((4, 5))
    size = scipy.fft.next_fast_len(count + _MODULATION.shape[1] - 1, real=True)
    filters = scipy.fft.rfft(_MODULATION, size)[:, None, :]
    filtered = []
    for envelope in (reference, processed):
        cepstra = np.einsum("bk,bt->kt", _CEPSTRA, envelope[:, loud])
        cepstra -= cepstra.mean(axis=1, keepdims=True)
        both = scipy.fft.irfft(filters * scipy.fft.rfft(cepstra, size), size)
        half = _MODULATION.shape[1] // 2
        modulation = both[..., half : half + count]
        filtered.append(modulation - modulation.mean(axis=-1, keepdims=True))
    x, y = filtered
    x_power, y_power = np.sum(x**2, axis=-1), np.sum(y**2, axis=-1)
    valid = (x_power >= 1e-30) & (y_power >= 1e-30)
    result = np.abs(np.sum(x * y, axis=-1)) / np.sqrt(np.where(valid, x_power * y_power, 1.0))
    return np.where(valid, result, 0.0)


def synchrony(covariance: np.ndarray, power: np.ndarray) -> tuple[float, np.ndarray]:
    """Average the covariance over the tiles above threshold, less where the inner hair cells lose synchrony (3.5 kHz).

    Parameters
    ----------
    covariance, power : np.ndarray [shape=(32, segments)]
        Of the motion, with the reference's mean square.

    Returns
    -------
    float
        NaN where segments are loud but no tile is, as the reference gives; 0 where fewer than two segments are.
    np.ndarray [shape=(32,)]
        Mean per band, NaN where no tile of the band is loud.
    """
    rms = np.sqrt(power)
    loud = loud_segments(rms)
    if loud.sum() <= 1:
        return 0.0, np.full(BANDS, np.nan)
    used = (rms[:, loud] > SILENCE).astype(np.float64)
    cutoff, order = 3500.0, 5
    weight = np.sqrt(cutoff ** (2 * order) / (cutoff ** (2 * order) + CENTER_FREQUENCIES ** (2 * order)))
    sums, counts = np.sum(used * covariance[:, loud], axis=1), used.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.sum(weight * sums) / np.sum(weight * counts)), sums / counts


def spectral_differences(reference: np.ndarray, processed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare two long-term spectra (dB SL per band), each made to the same loudness.

    Returns
    -------
    np.ndarray [shape=(32,)], np.ndarray [shape=(32,)]
        Per band the difference of specific loudness, and the relative one (-1 to 1). Their standard deviations over the
        bands, times 32, are HAAQI's loudness difference and slope (normalised) difference.
    """
    x, y = 10 ** (reference / 20), 10 ** (processed / 20)
    x, y = x / x.sum(), y / y.sum()
    return x - y, (x - y) / (x + y)
