"""Amplify music for an ear: the NAL-R prescription and the compressor, with the numbers of CAD1's recipe.

NAL-R (Byrne & Dillon 1986, "The National Acoustic Laboratories' (NAL) new procedure for selecting the gain and frequency
response of a hearing aid", Ear & Hearing 7(4)) turns an audiogram into a linear-phase FIR filter. The filter comes from
pyclarity's `NALR` itself; the filtering is ours, several times faster, equal to 1e-10 (`benchmarks/enhance.py`).
"""

from collections.abc import Iterable, Iterator

import numpy as np
import scipy
from clarity.utils.audiogram import Audiogram, Listener

from ..audio import RATE
from ..errors import CadenzaError

__all__ = ["NFIR", "Compressor", "Spectra", "amplify", "check_compressor", "compensate_delay", "ear_of", "nalr_filter"]

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
    from clarity.enhancer.nalr import NALR  # brings scipy.signal: a second of a start

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
    length = len(signal) + len(fir) - 1
    blocks = _spectra(signal, len(fir) - 1, 0, length)
    return _filtered(blocks, fir, length)


class Spectra:
    """A signal cut into overlapping blocks and transformed once, for the filters of many ears.

    Each filter then costs about half of :func:`amplify`, with the same result to the bit. Only the samples `start` to
    `stop` of the filtered signal are prepared: a segment of a long song costs no more than its own length.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
    start, stop : int
        Samples of the full-length result (n + nfir of them); `stop` None: to its end.
    nfir : int
        Order of all filters.
    """

    def __init__(self, signal: np.ndarray, start: int = 0, stop: int | None = None, *, nfir: int = NFIR) -> None:
        self.start, self.stop, _ = slice(start, stop).indices(len(signal) + nfir)
        self._nfir = nfir
        self._blocks = list(_spectra(signal, nfir, self.start, self.stop))

    @staticmethod
    def size(samples: int, nfir: int = NFIR) -> int:
        """Give the bytes that `samples` samples of a result take in here."""
        return (-(-samples // (_FFT - nfir)) + 1) * (_FFT // 2 + 1) * 16

    def filtered(self, fir: np.ndarray) -> np.ndarray:
        """Give ``amplify(signal, fir)[start:stop]``; the filter has ``nfir + 1`` taps."""
        if len(fir) != self._nfir + 1:
            raise ValueError(f"the blocks are cut for filters of {self._nfir + 1} taps, not {len(fir)}")
        before = self.start % (_FFT - self._nfir)
        copies = (block.copy() for block in self._blocks)  # they are multiplied in place
        return _filtered(copies, fir, before + max(0, self.stop - self.start))[before:]


def _spectra(signal: np.ndarray, overlap: int, start: int, stop: int) -> Iterator[np.ndarray]:
    """Transform the blocks whose results are the samples `start` to `stop`, some at a time; block 0 begins at sample 0."""
    step = _FFT - overlap
    first, last = start // step, -(-stop // step)
    begin = first * step - overlap  # of the first block in the signal; before it and after its end there is silence
    part = signal[max(begin, 0) : max(begin, 0) + (last - first) * step + overlap - max(-begin, 0)]
    padded = np.zeros(max(last - first, 0) * step + overlap)
    padded[max(-begin, 0) : max(-begin, 0) + len(part)] = part
    if last > first:
        frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::step]
        for row in range(0, last - first, _ROWS):
            yield scipy.fft.rfft(frames[row : row + _ROWS], axis=1)


def _filtered(spectra: Iterable[np.ndarray], fir: np.ndarray, length: int) -> np.ndarray:
    """Multiply transformed blocks, which are overwritten, by a filter's response; give the first `length` samples."""
    overlap = len(fir) - 1
    response = scipy.fft.rfft(fir, _FFT)
    out = np.empty((-(-length // (_FFT - overlap)), _FFT - overlap))
    row = 0
    for spectrum in spectra:
        spectrum *= response
        out[row : row + len(spectrum)] = scipy.fft.irfft(spectrum, _FFT, axis=1, overwrite_x=True)[:, overlap:]
        row += len(spectrum)
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
