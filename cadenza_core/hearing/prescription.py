"""Amplify music for an ear: the NAL-R prescription and the compressor, with the numbers of CAD1's recipe.

NAL-R (Byrne & Dillon 1986, "The National Acoustic Laboratories' (NAL) new procedure for selecting the gain and frequency
response of a hearing aid", Ear & Hearing 7(4)) turns an audiogram into a linear-phase FIR filter. The filter comes from
pyclarity's `NALR` itself; the filtering is ours, several times faster, equal to 1e-10 (`benchmarks/enhance.py`).
"""

import numpy as np
import scipy.fft
import scipy.signal
from clarity.enhancer.nalr import NALR
from clarity.utils.audiogram import Audiogram, Listener

from ..audio import RATE
from ..errors import CadenzaError

__all__ = ["NFIR", "Compressor", "amplify", "check_compressor", "compensate_delay", "ear_of", "nalr_filter"]

#: Order of the recipe's NAL-R filter: `NALR(nfir=220)`. The output is that many samples longer than the input.
NFIR = 220
_FFT = 4096  # block of the overlap-save convolution: the fastest from 1024 to 8192 for 221 taps
_ROWS = 32  # blocks transformed at once: stays in cache


def nalr_filter(audiogram: Audiogram, rate: int = RATE, nfir: int = NFIR) -> np.ndarray:
    """Give the NAL-R filter of one ear, as pyclarity's ``NALR(nfir, rate).build(audiogram)``.

    Parameters
    ----------
    audiogram : Audiogram
        dB HL; interpolated on log frequency to NAL-R's 250, 500, 1000, 2000, 4000 and 6000 Hz where it lacks them.
    rate : int > 12000
        Sample rate, Hz.
    nfir : even int
        Order of the filter.

    Returns
    -------
    np.ndarray [shape=(nfir + 1,), dtype=float64]
        Linear phase: delays by ``nfir / 2`` samples. All zeros but a one in the middle if there is no loss.
    """
    return NALR(nfir=nfir, sample_rate=rate).build(audiogram)[0]


def amplify(signal: np.ndarray, fir: np.ndarray) -> np.ndarray:
    """Filter a signal, full length: ``numpy.convolve(signal, fir)`` by overlap-save in float64.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)], any level
    fir : np.ndarray [shape=(m,)], m < 2048

    Returns
    -------
    np.ndarray [shape=(n + m - 1,), dtype=float64]
        Delayed by the filter, as the challenge's files need it; see :func:`compensate_delay`.
    """
    overlap = len(fir) - 1
    step = _FFT - overlap
    length = len(signal) + overlap
    blocks = -(-length // step)
    padded = np.zeros(blocks * step + overlap)
    padded[overlap : overlap + len(signal)] = signal
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::step]
    response = scipy.fft.rfft(fir, _FFT)
    out = np.empty((blocks, step))
    for first in range(0, blocks, _ROWS):
        spectrum = scipy.fft.rfft(frames[first : first + _ROWS], axis=1)
        spectrum *= response
        out[first : first + _ROWS] = scipy.fft.irfft(spectrum, _FFT, axis=1, overwrite_x=True)[:, overlap:]
    return out.reshape(-1)[:length]


def compensate_delay(signal: np.ndarray, nfir: int = NFIR) -> np.ndarray:
    """Cut the filter's delay off: the last axis loses ``nfir / 2`` samples at each end and lines up with the input."""
    return signal[..., nfir // 2 : signal.shape[-1] - nfir // 2]


def ear_of(listener: Listener, side: str) -> Audiogram:
    """Give the audiogram of the ``"left"`` or ``"right"`` ear."""
    return {"left": listener.audiogram_left, "right": listener.audiogram_right}[side]


class Compressor:
    """The recipe's broadband compressor: pyclarity's `Compressor` with the settings of CAD1's `config.yaml`.

    Where the RMS of the last `rms_buffer` seconds is above `threshold`, the gain moves towards
    ``rms * attenuation + (1 - attenuation) * threshold`` with the attack time, else towards 1 with the release time. The
    recursion is pyclarity's, run as two one-pole filters over the stretches above and below the threshold. The two choose
    alike unless an RMS equals the threshold to within rounding (1e-15): a constant signal made to do so.

    Parameters
    ----------
    rate : int
        Sample rate, Hz.
    threshold : float
        RMS, full scale 1.0.
    attenuation : float, 0 to 1
    attack, release : float, ms
    rms_buffer : float, s

    Raises
    ------
    CadenzaError
        If a time is shorter than a sample; the recursion would not be stable.
    """

    def __init__(
        self,
        rate: int = RATE,
        *,
        threshold: float = 0.35,
        attenuation: float = 0.1,
        attack: float = 50.0,
        release: float = 1000.0,
        rms_buffer: float = 0.064,
    ) -> None:
        self.rate = rate
        self.threshold = threshold
        self.attenuation = attenuation
        self.window = int(rms_buffer * rate)
        if not (self.window > 0 and attack * rate >= 1000.0 and release * rate >= 1000.0):
            raise CadenzaError(
                f"Compressor: attack {attack:g} ms, release {release:g} ms and an RMS window of {rms_buffer:g} s were "
                f"given; each must be at least one sample long, {1000.0 / rate:.3g} ms."
            )
        self._times = {"attack_ms": attack, "release_ms": release, "rms_buffer_s": rms_buffer}
        # As pyclarity writes it, operation by operation, so that the coefficients are the same floats.
        self.attack = (1.0 / (attack / 1000.0)) / rate
        self.release = (1.0 / (release / 1000.0)) / rate

    def settings(self) -> dict[str, float]:
        """Give its parameters, for a record of what was done."""
        return {"threshold": self.threshold, "attenuation": self.attenuation, **self._times}

    def __call__(self, signal: np.ndarray) -> np.ndarray:
        """Compress a signal of shape (n,); returns float64 of the same shape."""
        return signal * self.gain(self._rms(signal))

    def _rms(self, signal: np.ndarray) -> np.ndarray:
        power = np.square(signal, dtype=np.float64)
        # Sums of a moving window from sums of blocks: no running total whose rounding grows with the song.
        mean = scipy.signal.oaconvolve(power, np.ones(self.window))[: len(power)] / self.window
        return np.sqrt(np.maximum(mean, 0.0) + 1e-8)

    def gain(self, rms: np.ndarray) -> np.ndarray:
        """Give the gain (factor, at most about 1) for each sample of a running RMS of shape (n,)."""
        above = rms > self.threshold
        gain = np.empty_like(rms)
        current = 1.0
        edges = np.flatnonzero(np.diff(above)) + 1
        for start, stop in zip([0, *edges], [*edges, len(rms)], strict=True):
            if above[start : start + 1].any():
                target = rms[start:stop] * self.attenuation + (1.0 - self.attenuation) * self.threshold
                rate = self.attack
            else:
                target, rate = np.ones(stop - start), self.release
            keep = 1.0 - rate
            stretch, _ = scipy.signal.lfilter([rate], [1.0, -keep], target, zi=[keep * current])
            gain[start:stop] = stretch
            current = stretch[-1] if len(stretch) else current
        return gain


def check_compressor(compressor: Compressor | None, rate: int) -> None:
    """Check that a compressor, if any, is made for signals of `rate` Hz: its times would be wrong otherwise.

    Raises
    ------
    CadenzaError
        If it is not.
    """
    if compressor is not None and compressor.rate != rate:
        raise CadenzaError(f"The compressor is made for {compressor.rate} Hz, the signals have {rate} Hz.")
