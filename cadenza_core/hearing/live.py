"""A live approximation of the hearing-loss simulation: what the browser plays while sliders move, and the same in NumPy.

:mod:`.simulation` renders MSBG, which needs the sound in advance. Here is what can be done with a delay of 3 ms, computed from
MSBG's own numbers (its gammatone bands, smearing matrices and transfer function, read from pyclarity):

1. Free field to cochlea: six biquads of minimum phase in place of MSBG's FIR filter, which would delay by 11.5 ms, twice;
   within 0.5 dB of it from 90 Hz to 10 kHz (:data:`_TRANSFER`). Their inverse comes last.
2. MSBG's gammatone bands: a high pass and three stages as they are, the fourth with a quadrature part beside it, so that a
   band has an envelope without ripple and can be turned in phase. MSBG brings the bands' envelopes into line by up to 11 ms.
   Here bands are delayed so that each responds 3 ms late; those too slow for it (below about 600 Hz in the narrowest set) come
   later, turned so that neighbours are in phase where they cross (after Hohmann 2002, Acta Acustica 88, 433-442). Weights
   bring the sum to the magnitude of MSBG's sum, which is flat to 2 dB.
3. Envelopes: smoothed by a low pass of second order at 130 Hz. MSBG's filters run forwards and backwards at up to 75 Hz;
   at 130 Hz, a filter that only runs forwards follows sounds closely enough to give the same band levels. Where expansion is
   steep it is slower, or the quick gains would put side bands where MSBG has none.
4. Smearing, as far as levels go: the power in a band becomes what MSBG's smearing leaves there on average, a weighted sum
   over the bands. So a loud band fills its neighbours' valleys. Within a band, the fine structure is not smeared: tones stay
   tones, where MSBG makes them rough. What is not in the sound cannot be raised (by more than 20 dB).
5. Recruitment: each band times ``(envelope / catch-up level) ** (ratio - 1)``, ``ratio = 105 / (105 - HL)``, as in MSBG.

How near the two are in levels is measured by ``python -m benchmarks.simulation``. This module and
`assets/mixer/hearing.worklet.js` do the same, sample by sample, in double precision.
"""

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import scipy.signal
from clarity.utils.audiogram import Audiogram, Listener

from .prescription import ear_of
from .simulation import MODEL_RATE, model_audiogram
from .thresholds import CALIBRATION_DB_SPL, check_calibration

__all__ = ["LIVE_LATENCY", "LiveEar", "live_ear", "live_parameters", "simulate_live"]

#: What the approximation delays by, samples at 44.1 kHz: 3 ms.
LIVE_LATENCY = 132
#: Samples between two gains of a band; between them, the gain moves linearly.
HOP = 16
_CATCH_UP = 105.0  # dB SPL: MSBG's
_ENVELOPE_HZ = 130.0
_LOWEST = 1e-9  # of the catch-up level; MSBG's limit is 1e-9 of full scale
_MOST_FILLED = 10.0
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
    spread : np.ndarray [shape=(n, n)]
        Power of the smeared bands from that of the bands.
    """

    centres: np.ndarray
    highpass: np.ndarray
    stage: np.ndarray
    turn: np.ndarray
    delay: np.ndarray
    weight: np.ndarray
    spread: np.ndarray


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
            "most_filled": _MOST_FILLED,
            **{
                name: getattr(bank, name).tolist()
                for name in ("highpass", "stage", "turn", "delay", "weight", "spread")
            },
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
        Samples by which the browser's clock is ahead of the signal's: gains are computed every 16 samples of that clock.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
    """
    count = lead + len(signal) + LIVE_LATENCY
    blocks = -(-count // HOP)
    padded = np.zeros(blocks * HOP)
    padded[lead : lead + len(signal)] = signal
    forward, back = _transfer()
    cochlea = scipy.signal.sosfilt(_sos(forward), padded)
    bank = ear.bank
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


def _gains(ear: LiveEar, envelopes: np.ndarray) -> np.ndarray:
    """Give the gain of each band after each block, from the envelopes [shape=(n, blocks)]."""
    filled = np.sqrt(ear.bank.spread @ np.square(envelopes))
    expanded = np.clip(filled / ear.reference, _LOWEST, 1.0) ** ear.exponent[:, np.newaxis]
    smeared = np.minimum(filled / np.maximum(envelopes, _LOWEST), _MOST_FILLED)
    return expanded * smeared * ear.bank.weight[:, np.newaxis]


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
    delay = np.maximum(LIVE_LATENCY - late, 0)
    bands = _Bank(centres, highpass, stage, np.ones((0, 2)), delay, np.ones(0), np.eye(len(centres)))
    turn = _in_phase(bands)
    grid = np.geomspace(60.0, 16000.0, 600)
    plain, quad = _responses(bands, grid)
    theirs = (plain * np.exp(2j * np.pi * grid * late[:, np.newaxis] / MODEL_RATE)).sum(axis=0)
    ours = (turn[:, :1] * plain + turn[:, 1:] * quad) * _lag(grid, delay)
    scale = 10.0 ** (-0.05 * given["Recombination_dB"])
    weight = _weights(ours, scale * np.abs(theirs), scale)
    return _Bank(centres, highpass, stage, turn, delay, weight, _spread(bands, severity))


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


def _in_phase(bank: _Bank) -> np.ndarray:
    """Turn each band so that it is in phase with the one above where they cross; gives cosines and minus sines."""
    crossings = np.sqrt(bank.centres[:-1] * bank.centres[1:])
    plain, quadrature = _responses(bank, crossings)
    lag = _lag(crossings, bank.delay)
    angles = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    turns = np.column_stack([np.cos(angles), -np.sin(angles)])
    turn = np.tile([1.0, 0.0], (len(bank.centres), 1))
    for number in range(len(crossings) - 1, -1, -1):

        def response(band: int, turns: np.ndarray, at: int = number) -> np.ndarray:
            return lag[band, at] * (turns @ np.array([plain[band, at], quadrature[band, at]]))

        each = response(number, turns)
        above = response(number + 1, turn[number + 1])
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


def _spread(bank: _Bank, severity: str) -> np.ndarray:
    """Give the smeared bands' power as non-negative sums of the bands' power, fitted to MSBG's smearing matrix."""
    from clarity.evaluator.msbg.cochlea import HL_PARAMS
    from clarity.evaluator.msbg.smearing import FFT_SIZE, make_smear_mat3
    from scipy.optimize import nnls

    count = len(bank.centres)
    if severity == "NOTHING":
        return np.eye(count)
    matrix = make_smear_mat3(*HL_PARAMS[severity]["smear_params"], MODEL_RATE)
    bins = np.arange(FFT_SIZE // 2) * MODEL_RATE / FFT_SIZE
    power = np.square(np.abs(_responses(bank, bins)[0]))
    wanted = np.maximum(power @ matrix, 0.0)  # for power in each bin, what a band has of it once it is smeared
    spread = np.empty((count, count))
    for number in range(count):
        # Errors count by their share, down to 25 dB below the highest: a quiet band beside a loud one has to be right.
        scale = 1.0 / (wanted[number] + 0.003 * wanted[number].max())
        spread[number] = nnls((power * scale).T, wanted[number] * scale)[0]
    return spread


def live_sum(audiogram: Audiogram, hertz: Sequence[float]) -> np.ndarray:
    """Give the magnitude of the bands' sum without any expansion, dB, at frequencies in Hz: flat to 2 dB."""
    bank = _bank(model_audiogram(audiogram).severity)
    plain, quadrature = _responses(bank, np.asarray(hertz, dtype=np.float64))
    bands = (bank.turn[:, :1] * plain + bank.turn[:, 1:] * quadrature) * _lag(np.asarray(hertz), bank.delay)
    decibels: np.ndarray = 20.0 * np.log10(np.abs(bank.weight @ bands))
    return decibels
