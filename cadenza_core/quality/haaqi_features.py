"""HAAQI's features: what the smoothed envelopes, covariances and long-term spectra of the 32 bands come to."""

import functools
import math

import numpy as np
import scipy

from .haaqi_constants import BANDS, CENTER_FREQUENCIES

__all__ = [
    "REGIONS",
    "SILENCE",
    "cepstral_correlation",
    "cepstral_losses",
    "loud_segments",
    "spectral_differences",
    "synchrony",
]

#: Threshold of silence, dB above auditory threshold.
SILENCE = 2.5
#: Regions of the spectrum by which the cepstral correlation's loss is told: equal counts of neighbouring bands.
REGIONS = 8


def loud_segments(smooth: np.ndarray, threshold: float = SILENCE) -> np.ndarray:
    """Give which segments of an envelope (32, segments) in dB SL are above `threshold`, as loudness in phon."""
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.sum(10 ** (smooth / 20), axis=0) / BANDS) > threshold


@functools.cache
def _modulation_filters() -> np.ndarray:
    """Give the filters of the four modulation bands that count: 20-32, 32-50, 50-80, 80-125 Hz at 250 Hz."""
    taps, nyquist = 129, 125.0
    edges = ((20.0, 32.0), (32.0, 50.0), (50.0, 80.0))
    bands = [
        scipy.signal.firwin(taps, [a / nyquist, b / nyquist], window="hann", pass_zero="bandpass") for a, b in edges
    ]
    return np.array([*bands, scipy.signal.firwin(taps, 80.0 / nyquist, window="hann", pass_zero="highpass")])


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
    x, y = (_modulation(np.einsum("bk,bt->kt", _CEPSTRA, envelope[:, loud])) for envelope in (reference, processed))
    return _correlation(np.sum(x * y, axis=-1), np.sum(x**2, axis=-1), np.sum(y**2, axis=-1))


def _modulation(cepstra: np.ndarray) -> np.ndarray:
    """Filter cepstra (..., segments) into the modulation bands: (4, ..., segments), without their means."""
    bank = _modulation_filters()
    count = cepstra.shape[-1]
    cepstra = cepstra - cepstra.mean(axis=-1, keepdims=True)
    size = scipy.fft.next_fast_len(count + bank.shape[1] - 1, real=True)
    filters = scipy.fft.rfft(bank, size).reshape(len(bank), *[1] * (cepstra.ndim - 1), -1)
    both = scipy.fft.irfft(filters * scipy.fft.rfft(cepstra, size), size)
    half = bank.shape[1] // 2
    modulation = both[..., half : half + count]
    return modulation - modulation.mean(axis=-1, keepdims=True)


def _correlation(products: np.ndarray, x_power: np.ndarray, y_power: np.ndarray) -> np.ndarray:
    valid = (x_power >= 1e-30) & (y_power >= 1e-30)
    return np.where(valid, np.abs(products) / np.sqrt(np.where(valid, x_power * y_power, 1.0)), 0.0)


def cepstral_losses(reference: np.ndarray, processed: np.ndarray) -> np.ndarray:
    """Tell which bands' envelopes lower the cepstral correlation, and by how much.

    A cepstrum mixes all bands, so its correlation has no value for one band. But it can be computed with the envelopes of
    any set of regions replaced by the reference's own. What a region's replacement brings, averaged over all orders in
    which the eight regions can be replaced, is its share: its Shapley value (Shapley 1953, "A value for n-person games").

    Parameters
    ----------
    reference, processed : np.ndarray [shape=(32, segments)]
        As for :func:`cepstral_correlation`.

    Returns
    -------
    np.ndarray [shape=(REGIONS,)]
        Their sum is what is lost: 1 less the mean of :func:`cepstral_correlation`. A region whose error hides another's
        is negative. NaN where there are too few loud segments.
    """
    loud = loud_segments(reference)
    if int(loud.sum()) <= 1:
        return np.full(REGIONS, np.nan)
    weights = _CEPSTRA.reshape(REGIONS, -1, _CEPSTRA.shape[1])
    x, y = (
        _modulation(np.einsum("rbk,rbt->rkt", weights, envelope[:, loud].reshape(REGIONS, BANDS // REGIONS, -1)))
        for envelope in (reference, processed)
    )
    whole = x.sum(axis=1)
    parts = np.concatenate((x, y), axis=1)  # a mixture takes each region from one of the two
    products, powers = (
        np.einsum("mkt,mpkt->mkp", whole, parts),
        np.einsum("mpkt,mqkt->mkpq", parts, parts),
    )
    replaced = (np.arange(2**REGIONS)[:, None] >> np.arange(REGIONS)) & 1
    chosen = np.concatenate((replaced, 1 - replaced), axis=1).astype(np.float64)
    mixed = np.einsum("sp,mkpq,sq->smk", chosen, powers, chosen)
    own = np.sum(whole**2, axis=-1)
    values = _correlation(np.einsum("sp,mkp->smk", chosen, products), own, np.maximum(mixed, 0.0)).mean(axis=(1, 2))
    return _shapley(values, replaced)


def _shapley(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Give each player's Shapley value of a game, from the value of every set; set s has the players of s's binary digits."""
    players = members.shape[1]
    size = members.sum(axis=1)
    orders = np.array([math.factorial(n) * math.factorial(max(players - 1 - n, 0)) for n in range(players + 1)])
    sets = np.arange(len(values))
    result = np.zeros(players)
    for player in range(players):
        without = sets[members[:, player] == 0]
        gains = values[without | (1 << player)] - values[without]
        result[player] = np.sum(orders[size[without]] * gains) / math.factorial(players)
    return result


def synchrony(covariance: np.ndarray, power: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
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
    np.ndarray [shape=(32,)]
        Weight of each band in the average; their sum is 1, or they are all 0 where there is no average.
    """
    rms = np.sqrt(power)
    loud = loud_segments(rms)
    if loud.sum() <= 1:
        return 0.0, np.full(BANDS, np.nan), np.zeros(BANDS)
    used = (rms[:, loud] > SILENCE).astype(np.float64)
    cutoff, order = 3500.0, 5
    weight = np.sqrt(cutoff ** (2 * order) / (cutoff ** (2 * order) + CENTER_FREQUENCIES ** (2 * order)))
    sums, counts = np.sum(used * covariance[:, loud], axis=1), used.sum(axis=1)
    total = np.sum(weight * counts)
    shares = weight * counts / total if total > 0 else np.zeros(BANDS)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.sum(weight * sums) / total), sums / counts, shares


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
