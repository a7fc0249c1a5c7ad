"""A live approximation of the hearing-loss simulation: what the browser plays while sliders move, and the same in NumPy.

:mod:`.simulation` renders MSBG, which needs the sound in advance. Here is what can be done with a delay of 6 ms, computed from
MSBG's own numbers (its gammatone bands, smearing matrices and transfer function, read from pyclarity):

1. Free field to cochlea: six biquads of minimum phase in place of MSBG's FIR filter, which would delay by 11.5 ms, twice;
   within 0.5 dB of it from 90 Hz to 10 kHz (:data:`_TRANSFER`). Their inverse comes last.
2. Smearing: MSBG's own, on a grid of 64 samples, which delays by 192.
3. MSBG's gammatone bands: a high pass and three stages as they are, the fourth with a quadrature part beside it, so that a
   band has an envelope without ripple and can be turned in phase. MSBG brings the bands' envelopes into line by up to 11 ms.
   Here bands are delayed so that each responds 2 ms late, and turned so that neighbours are to each other where they cross as
   they are in MSBG: then the bands add up as there, however much their gains differ. Those too slow for it (below
   1.2 kHz in the narrowest set, 0.5 kHz in the widest) come later, turned so that neighbours are in phase (after Hohmann
   2002, Acta Acustica 88, 433-442). Weights bring the sum to the magnitude of MSBG's sum, which is flat to 2 dB.
4. Envelopes: smoothed by a low pass of second order at 130 Hz. MSBG's filters run forwards and backwards at up to 75 Hz;
   at 130 Hz, a filter that only runs forwards follows sounds closely enough to give the same band levels. Where expansion is
   steep it is slower, or the quick gains would put side bands where MSBG has none.
5. Recruitment: each band times ``(envelope / catch-up level) ** (ratio - 1)``, ``ratio = 105 / (105 - HL)``, as in MSBG.

How near the two are in levels is measured by ``python -m benchmarks.simulation``. This module and
`assets/mixer/hearing.worklet.js` do the same, sample by sample, in double precision.
"""

import base64
import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import scipy
from clarity.evaluator.msbg.smearing import FFT_SIZE, FRAME_SIZE, SHIFT, make_smear_mat3
from clarity.utils.audiogram import Audiogram, Listener

from .prescription import ear_of
from .simulation import MODEL_RATE, model_audiogram
from .thresholds import CALIBRATION_DB_SPL, check_calibration

__all__ = ["LIVE_LATENCY", "LiveEar", "live_ear", "live_parameters", "simulate_live"]

_SMEARING_DELAY = 192
_BAND_DELAY = 88
#: What the approximation delays by, samples at 44.1 kHz: 6.3 ms, also where there is no smearing.
LIVE_LATENCY = _SMEARING_DELAY + _BAND_DELAY
#: Samples between two gains of a band; between them, the gain moves linearly.
HOP = 16
_CATCH_UP = 105.0  # dB SPL: MSBG's
_ENVELOPE_HZ = 130.0
_LOWEST = 1e-9  # of the catch-up level; MSBG's limit is 1e-9 of full scale
#: Free field to cochlea: dB of gain at the start, then (kind, Hz, Q, dB) of biquads after R. Bristow-Johnson's "Audio EQ
#: Cookbook". Fitted by least squares to pyclarity's FF_ED - MIDEAR; `tests/hearing/test_live.py` compares the two.
_TRANSFER_DB = -7.41
_TRANSFER = (
    ("low shelf", 41.5, 0.401, -23.73),
    ("peak", 1768.8, 0.35, 12.13),
    ("peak", 1451.2, 0.809, -11.67),
    ("peak", 4163.0, 0.358, 23.32),
    ("peak", 8588.5, 0.35, -22.82),
    ("high shelf", 14094.7, 2.437, -8.0),
)


@dataclass(frozen=True)
class _Bank:
    """What the bands of one degree of hearing loss have in common; n bands.

    Parameters
    ----------
    centres : np.ndarray [shape=(n,)]
        Hz.
    highpass : np.ndarray [shape=(n, 5)]
        Biquads b0, b1, b2, a1, a2; a one and zeros where there is none.
    stage : np.ndarray [shape=(n, 5)]
        Of each of the four gammatone stages: b0, b1, a1, a2, and the quadrature part's only coefficient, of z^-1.
    turn : np.ndarray [shape=(n, 2)]
        Factors of the fourth stage's plain and quadrature part.
    delay : np.ndarray [shape=(n,)]
        Samples.
    weight : np.ndarray [shape=(n,)]
    smearing : np.ndarray [shape=(256, 256), dtype=float32], optional
        Power of the smeared lines of a frame's spectrum from that of its lines; None: nothing is smeared.
    """

    centres: np.ndarray
    highpass: np.ndarray
    stage: np.ndarray
    turn: np.ndarray
    delay: np.ndarray
    weight: np.ndarray
    smearing: np.ndarray | None


@dataclass(frozen=True)
class LiveEar:
    """All numbers of the approximation for one ear.

    Parameters
    ----------
    bank : _Bank
    exponent : np.ndarray [shape=(n,)]
        ``ratio - 1`` of each band.
    envelope : np.ndarray [shape=(n, 5)]
        Biquads b0, b1, b2, a1, a2 that smooth the bands' magnitudes.
    reference : float
        Magnitude of a band at the catch-up level, full scale 1.0.
    """

    bank: _Bank
    exponent: np.ndarray
    envelope: np.ndarray
    reference: float

    def as_dict(self) -> dict[str, Any]:
        """Give what the browser needs, for JSON."""
        bank = self.bank
        forward, back = _transfer()
        return {
            "hop": HOP,
            "forward": forward.tolist(),
            "back": back.tolist(),
            "reference": self.reference,
            "lowest": _LOWEST,
            "smearing": None
            if bank.smearing is None
            else base64.b64encode(bank.smearing.astype("<f4").tobytes()).decode(),
            "smearing_delay": _SMEARING_DELAY,
            **{name: getattr(bank, name).tolist() for name in ("highpass", "stage", "turn", "delay", "weight")},
            "exponent": self.exponent.tolist(),
            "envelope": self.envelope.tolist(),
        }


def live_ear(audiogram: Audiogram, calibration_db_spl: float = CALIBRATION_DB_SPL) -> LiveEar:
    """Compute the approximation's numbers for an ear (half a second for the first of a degree of loss, then microseconds).

    Parameters
    ----------
    audiogram : Audiogram
        dB HL; limited as in :func:`.simulation.model_audiogram`.
    calibration_db_spl : float
        Level of a root mean square of 1.0, dB SPL.

    Raises
    ------
    CadenzaError
        If the calibration is out of range.
    """
    limited = model_audiogram(audiogram)
    bank = _bank(limited.severity)
    levels = np.interp(bank.centres, limited.frequencies, limited.levels)  # linear over frequency: MSBG's way
    # MSBG's envelope is the mean of the rectified band: 2 / pi of the magnitude.
    reference = math.pi / 2 * 10.0 ** ((_CATCH_UP - check_calibration(calibration_db_spl)) / 20.0)
    exponent = _CATCH_UP / (_CATCH_UP - levels) - 1.0
    corners = _ENVELOPE_HZ / (1.0 + np.maximum(exponent - 1.0, 0.0) / 8.0)
    envelope = [np.delete(scipy.signal.butter(2, hertz, fs=MODEL_RATE, output="sos")[0], 3) for hertz in corners]
    return LiveEar(bank, exponent, np.array(envelope), reference)


def live_parameters(listener: Listener, calibration_db_spl: float = CALIBRATION_DB_SPL) -> dict[str, Any]:
    """Give what the browser needs for both ears: ``{"rate", "latency", "left", "right"}``, for JSON."""
    ears = {side: live_ear(ear_of(listener, side), calibration_db_spl).as_dict() for side in ("left", "right")}
    return {"rate": MODEL_RATE, "latency": LIVE_LATENCY, **ears}


def simulate_live(signal: np.ndarray, ear: LiveEar, *, lead: int = 0) -> np.ndarray:
    """Do what the browser does, in time with the input.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
        44.1 kHz, full scale 1.0.
    lead : int
        Samples by which the browser's clock is ahead of the signal's: frames begin every 64 samples of that clock, and
        gains are computed every 16.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
    """
    count = lead + len(signal) + LIVE_LATENCY
    blocks = -(-count // SHIFT) * (SHIFT // HOP)
    padded = np.zeros(blocks * HOP)
    padded[lead : lead + len(signal)] = signal
    forward, back = _transfer()
    cochlea = scipy.signal.sosfilt(_sos(forward), padded)
    bank = ear.bank
    cochlea = _smeared(cochlea, bank.smearing)
    bands = np.empty((len(bank.centres), len(padded)))
    envelopes = np.empty((len(bank.centres), blocks))
    for number in range(len(bands)):
        plain, quadrature = _band(bank, number, cochlea)
        smooth = scipy.signal.sosfilt(_sos(ear.envelope[[number]]), np.hypot(plain, quadrature))
        envelopes[number] = smooth[HOP - 1 :: HOP]
        turned = bank.turn[number] @ np.stack([plain, quadrature])
        bands[number] = np.pad(turned, (bank.delay[number], 0))[: len(turned)]
    gains = _gains(ear, np.maximum(envelopes, 0.0))
    before = np.pad(gains, ((0, 0), (1, 0)))[:, :-1]  # a block begins with the gain of the block before
    steps = np.arange(1, HOP + 1) / HOP
    total = np.zeros(len(padded))
    for band, start, stop in zip(bands, before, gains, strict=True):
        total += band * (start[:, np.newaxis] + (stop - start)[:, np.newaxis] * steps).reshape(-1)
    heard = scipy.signal.sosfilt(_sos(back), total)
    return heard[lead + LIVE_LATENCY : count]


def _band(bank: _Bank, number: int, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give a band and its quadrature."""
    b0, b1, a1, a2, quadrature = bank.stage[number]
    stage = np.array([b0, b1, 0.0, 1.0, a1, a2])
    three = scipy.signal.sosfilt(np.stack([_sos(bank.highpass[[number]])[0], stage, stage, stage]), signal)
    denominator = [1.0, a1, a2]
    return scipy.signal.lfilter([b0, b1], denominator, three), scipy.signal.lfilter([0, quadrature], denominator, three)


def _smeared(signal: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Smear a signal of whole shifts as pyclarity's ``smear3`` does, 192 samples late; without a matrix, only that late."""
    late = np.pad(signal, (_SMEARING_DELAY, 0))
    if matrix is None:
        return late[: len(signal)]
    # pyclarity's window: at half samples, of power 1 where four overlap
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(1, FRAME_SIZE + 1) - 0.5) / FRAME_SIZE)) / math.sqrt(1.5)
    frames = np.lib.stride_tricks.sliding_window_view(late, FRAME_SIZE)[::SHIFT]
    spectra = np.fft.rfft(frames * window, FFT_SIZE)
    lines = spectra[:, :-1]
    power = np.square(lines.real) + np.square(lines.imag)
    # A power below 0, which the matrix can give, has an imaginary root, as in pyclarity.
    roots = np.sqrt((power @ matrix.T.astype(np.float64)).astype(complex))
    spectra[:, :-1] = roots * lines / np.sqrt(np.where(power == 0.0, 1.0, power))
    spectra[:, -1] = 0.0
    spectra[:, 0] = spectra[:, 0].real
    waves = np.fft.irfft(spectra, FFT_SIZE)[:, :FRAME_SIZE] * window
    total = np.zeros(len(signal) + FRAME_SIZE)
    for first in range(0, FRAME_SIZE, SHIFT):
        total[first : first + len(signal)] += waves[:, first : first + SHIFT].reshape(-1)
    return total[: len(signal)]


def _gains(ear: LiveEar, envelopes: np.ndarray) -> np.ndarray:
    """Give the gain of each band after each block, from the envelopes [shape=(n, blocks)]."""
    expanded = np.clip(envelopes / ear.reference, _LOWEST, 1.0) ** ear.exponent[:, np.newaxis]
    return expanded * ear.bank.weight[:, np.newaxis]


def _sos(biquads: np.ndarray) -> np.ndarray:
    """Turn rows b0, b1, b2, a1, a2 into SciPy's."""
    return np.insert(biquads, 3, 1.0, axis=1)


@functools.cache
def _transfer() -> tuple[np.ndarray, np.ndarray]:
    """Give free field to cochlea and back, biquads [shape=(6, 5)] each."""
    forward = np.array([_biquad(*one) for one in _TRANSFER])
    forward[0, :3] *= 10.0 ** (_TRANSFER_DB / 20.0)
    first = forward[:, :1]
    back = np.hstack([np.ones_like(first), forward[:, 3:], forward[:, 1:3]])
    back[:, :3] /= first
    back[:, 3:] /= first
    return forward, back


def _biquad(kind: str, hertz: float, quality: float, gain_db: float) -> np.ndarray:
    """Give b0, b1, b2, a1, a2 of the cookbook's peaking or shelving filter."""
    a = 10.0 ** (gain_db / 40.0)
    w = 2.0 * math.pi * hertz / MODEL_RATE
    cos, alpha = math.cos(w), math.sin(w) / (2.0 * quality)
    if kind == "peak":
        numbers = [1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a]
    else:
        s = 1.0 if kind == "low shelf" else -1.0
        root = 2.0 * math.sqrt(a) * alpha
        numbers = [
            a * ((a + 1) - s * (a - 1) * cos + root),
            s * 2 * a * ((a - 1) - s * (a + 1) * cos),
            a * ((a + 1) - s * (a - 1) * cos - root),
            (a + 1) + s * (a - 1) * cos + root,
            -s * 2 * ((a - 1) + s * (a + 1) * cos),
            (a + 1) + s * (a - 1) * cos - root,
        ]
    return np.delete(np.array(numbers) / numbers[3], 3)


# ---- the bands, from pyclarity's numbers --------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4)
def _bank(severity: str) -> _Bank:
    from clarity.evaluator.msbg.cochlea import HL_PARAMS

    name = f"msbg_hparams/{HL_PARAMS[severity]['gtfbank_file']}.json"
    given = json.loads(files("clarity.evaluator.msbg").joinpath(name).read_text(encoding="utf-8"))
    centres = np.array(given["GTn_CentFrq"])
    highpass = np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (len(centres), 1))
    first = given["Start2PoleHP"] - 1
    highpass[first:] = np.delete(np.hstack([given["HP_nums"], given["HP_denoms"]]), 3, axis=1)
    numerators, denominators = np.array(given["GTn_nums"]), np.array(given["GTn_denoms"])
    a1, a2 = denominators[:, 1], denominators[:, 2]
    quadrature = numerators[:, 0] * np.sqrt(a2 - np.square(a1) / 4.0)  # imaginary part of the pole, times b0
    stage = np.column_stack([numerators[:, :2], a1, a2, quadrature])
    late = np.array(given["GTnDelays"])
    delay = np.maximum(_BAND_DELAY - late, 0)
    bands = _Bank(centres, highpass, stage, np.ones((0, 2)), delay, np.ones(0), None)
    turn = _turned(bands, late)
    grid = np.geomspace(60.0, 16000.0, 600)
    plain, quad = _responses(bands, grid)
    theirs = (plain * np.exp(2j * np.pi * grid * late[:, np.newaxis] / MODEL_RATE)).sum(axis=0)
    ours = (turn[:, :1] * plain + turn[:, 1:] * quad) * _lag(grid, delay)
    scale = 10.0 ** (-0.05 * given["Recombination_dB"])
    weight = _weights(ours, scale * np.abs(theirs), scale)
    return _Bank(centres, highpass, stage, turn, delay, weight, _smearing(severity))


def _lag(hertz: np.ndarray, delay: np.ndarray) -> np.ndarray:
    lag: np.ndarray = np.exp(-2j * np.pi * hertz * delay[:, np.newaxis] / MODEL_RATE)
    return lag


def _responses(bank: _Bank, hertz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the bands' plain and quadrature responses at frequencies in Hz [shape=(n, frequencies) each]."""
    z = np.exp(-2j * np.pi * np.asarray(hertz) / MODEL_RATE)
    b0, b1, a1, a2, quadrature = bank.stage.T[:, :, np.newaxis]
    denominator = 1.0 + a1 * z + a2 * z * z
    plain = (b0 + b1 * z) / denominator
    h0, h1, h2, g1, g2 = bank.highpass.T[:, :, np.newaxis]
    three = plain**3 * (h0 + h1 * z + h2 * z * z) / (1.0 + g1 * z + g2 * z * z)
    return three * plain, three * quadrature * z / denominator


def _turned(bank: _Bank, late: np.ndarray) -> np.ndarray:
    """Turn each band to the one above where they cross: as they are in MSBG, or in phase if their delays to it differ.

    Gives cosines and minus sines.
    """
    crossings = np.sqrt(bank.centres[:-1] * bank.centres[1:])
    plain, quadrature = _responses(bank, crossings)
    lag = _lag(crossings, bank.delay)
    msbg = plain / _lag(crossings, late)
    angles = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    turns = np.column_stack([np.cos(angles), -np.sin(angles)])
    turn = np.tile([1.0, 0.0], (len(bank.centres), 1))
    for number in range(len(crossings) - 1, -1, -1):

        def response(band: int, turns: np.ndarray, at: int = number) -> np.ndarray:
            return lag[band, at] * (turns @ np.array([plain[band, at], quadrature[band, at]]))

        each = response(number, turns)
        above = response(number + 1, turn[number + 1])
        delays = (bank.delay + late)[number : number + 2]
        if delays[0] == delays[1]:
            above = above * msbg[number, number] * np.conj(msbg[number + 1, number])
        turn[number] = turns[np.argmax(np.real(each / np.abs(each) * np.conj(above)))]
    return turn


def _weights(bands: np.ndarray, target: np.ndarray, start: float) -> np.ndarray:
    """Weigh bands [shape=(n, frequencies)] so that the magnitude of their sum comes near the target."""
    weight = np.full(len(bands), start)
    power = np.square(np.abs(bands))
    power /= power.sum(axis=1, keepdims=True)
    for _ in range(60):
        weight *= np.exp(0.5 * power @ np.log(target / np.abs(weight @ bands)))
    return weight


def _smearing(severity: str) -> np.ndarray | None:
    from clarity.evaluator.msbg.cochlea import HL_PARAMS

    if severity == "NOTHING":
        return None
    return make_smear_mat3(*HL_PARAMS[severity]["smear_params"], MODEL_RATE).astype(np.float32)


def live_sum(audiogram: Audiogram, hertz: Sequence[float]) -> np.ndarray:
    """Give the magnitude of the bands' sum without any expansion, dB, at frequencies in Hz: flat to 2 dB."""
    bank = _bank(model_audiogram(audiogram).severity)
    plain, quadrature = _responses(bank, np.asarray(hertz, dtype=np.float64))
    bands = (bank.turn[:, :1] * plain + bank.turn[:, 1:] * quadrature) * _lag(np.asarray(hertz), bank.delay)
    decibels: np.ndarray = 20.0 * np.log10(np.abs(bank.weight @ bands))
    return decibels
