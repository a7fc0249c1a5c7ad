"""The instruments and effects of the demo song: drums, bass, guitar, electric piano, pad, room, chorus, limiter.

An instrument is a pure function that gives one note or one stroke: mono, float32, shape (n,), about full scale 1.0, at
the studio's `RATE`. Noise comes from the generator that the caller passes: the same seed gives the same samples.

Sources
-------
Drums and hi-hats after analogue drum machines: a pitch-dropping sine, shaped noise, six detuned square waves.
Guitar: Karplus & Strong (1983), Computer Music Journal 7(2), with the loop filter and the fractional delay of
Jaffe & Smith (1983), same issue. Electric piano: Chowning (1973), J. Audio Eng. Soc. 21(7), frequency modulation.
Room: exponentially decaying noise, Moorer (1979), Computer Music Journal 3(2).

All filters are NumPy's Fourier transforms: ``scipy.signal`` takes a second to load, which the first sound would wait for.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..audio.signal import RATE

__all__ = [
    "add",
    "bass_note",
    "between",
    "chorus",
    "crash",
    "electric_piano",
    "fade_edges",
    "hertz",
    "hi_hat",
    "kick",
    "limiter_gain",
    "pad_chord",
    "pluck",
    "pluck_noise",
    "room",
    "rumble_filter",
    "samples",
    "snare",
    "tom",
]

#: Frequencies of the six square waves in a drum machine's cymbal, Hz (as published for the Roland TR-808).
CYMBAL_SQUARES = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
#: One saw-tooth period for the pad is read from a table of this many points, without interpolation.
PAD_TABLE = 16384
#: Silence that a filter dies away in, s: four periods of the lowest edge (25 Hz).
SETTLING = 0.16


def hertz(midi: float) -> float:
    """Frequency of a MIDI note number in Hz: 69 is 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def seconds(n: int) -> np.ndarray:
    """Time of each of `n` samples, s, shape (n,)."""
    return np.arange(n, dtype=np.float32) / np.float32(RATE)


def samples(duration: float) -> int:
    """Count the samples in `duration` seconds."""
    return round(duration * RATE)


def between(sound: np.ndarray, low: float = 0.0, high: float = math.inf) -> np.ndarray:
    """Filter `sound` [shape=(..., n)] between `low` and `high` Hz, without delay.

    The gain is that of a second-order Butterworth high-pass and low-pass; sounds get `SETTLING` s to die away in.
    """
    n = sound.shape[-1]
    size = _fast(n + samples(SETTLING))
    return np.fft.irfft(np.fft.rfft(sound, size) * _gain(size, low, high), size)[..., :n]


@functools.cache
def _gain(size: int, low: float, high: float) -> np.ndarray:
    f = np.fft.rfftfreq(size, 1.0 / RATE)
    return (f**2 / np.hypot(f**2, low**2 + 1e-9) / np.sqrt(1.0 + (f / high) ** 4)).astype(np.float32)


def _fast(n: int) -> int:
    """Give a length of at least `n` that is quick to transform: a power of two, or three quarters of one."""
    size = 1 << max(n - 1, 2).bit_length()
    return 3 * size // 4 if n <= 3 * size // 4 else size


def _noise(n: int, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Noise between `low` and `high` Hz with an RMS of 1, shape (n,)."""
    noise = between(rng.standard_normal(n, dtype=np.float32), low, high)
    return noise / np.sqrt(np.mean(noise**2))


def _edge(sound: np.ndarray, rise: float, fall: float) -> np.ndarray:
    """Take the first `rise` and the last `fall` seconds in and out along a straight line."""
    n = sound.shape[-1]
    ramp = np.minimum(seconds(n) / rise, seconds(n)[::-1] / fall)
    return (sound * np.minimum(ramp, 1.0)).astype(np.float32)


def add(track: np.ndarray, sound: np.ndarray, start: float, gain: float = 1.0, pan: float = 0.0) -> None:
    """Add a mono `sound` [shape=(n,)] to a stereo `track` [shape=(2, length)] in place, `start` seconds in.

    `pan` is -1 (left) to 1 (right) with constant power; what lies outside the track is cut off.
    """
    first = samples(start)
    sound = sound[max(-first, 0) :]
    first = max(first, 0)
    part = track[:, first : first + sound.shape[0]]
    angle = (pan + 1.0) * np.pi / 4.0
    for channel, side in enumerate((np.cos(angle), np.sin(angle))):
        part[channel] += np.float32(gain * side * np.sqrt(2.0)) * sound[: part.shape[1]]


# ---------------------------------------------------------------------------------------------------------- drums


def kick(velocity: float, rng: np.random.Generator) -> np.ndarray:
    """Bass drum: a sine that drops from 200 to 55 Hz (A1: the song's dominant) in 0.1 s, and a click. 0.45 s."""
    t = seconds(samples(0.45))
    frequency = 55.0 + 45.0 * np.exp(-t / 0.045) + 100.0 * np.exp(-t / 0.009)
    phase = 2.0 * np.pi * np.cumsum(frequency, dtype=np.float64) / RATE
    body = np.sin(phase) * np.exp(-t / 0.09)
    click = _noise(t.size, rng, 1500.0, 7000.0) * np.exp(-t / 0.004) * 0.22 * velocity
    return velocity * _edge(np.tanh(1.8 * (body + click)) / np.tanh(1.8), 0.0006, 0.05)


def snare(velocity: float, rng: np.random.Generator) -> np.ndarray:
    """Snare drum: two modes of the head at 186 and 331 Hz, and the wires' noise; soft strokes are darker. 0.4 s."""
    t = seconds(samples(0.4))
    drop = 1.0 + 0.35 * np.exp(-t / 0.008)
    head = sum(
        level * np.sin(2.0 * np.pi * np.cumsum(f * drop, dtype=np.float64) / RATE) * np.exp(-t / decay)
        for f, level, decay in ((186.0, 0.7, 0.055), (331.0, 0.45, 0.03))
    )
    wires = _noise(t.size, rng, 900.0, 3500.0 + 6500.0 * velocity)
    wires = wires * (0.22 * np.exp(-t / 0.02) + 0.16 * np.exp(-t / 0.085))
    wires += 0.6 * _noise(t.size, rng, 1500.0, 9000.0) * np.exp(-t / 0.0035)
    return velocity * _edge(np.tanh(1.5 * (head + wires)) / np.tanh(1.5), 0.0004, 0.05)


def tom(frequency: float, velocity: float, rng: np.random.Generator) -> np.ndarray:
    """Tom-tom of `frequency` Hz: a sine that drops by a third of its pitch, with a short stick noise. 0.5 s."""
    t = seconds(samples(0.5))
    phase = 2.0 * np.pi * np.cumsum(frequency * (1.0 + 0.4 * np.exp(-t / 0.03)), dtype=np.float64) / RATE
    body = np.sin(phase) * np.exp(-t / 0.14) + 0.3 * np.sin(1.59 * phase) * np.exp(-t / 0.06)
    stick = 0.2 * _noise(t.size, rng, 800.0, 5000.0) * np.exp(-t / 0.01)
    return velocity * _edge(np.tanh(1.3 * (body + stick)), 0.0006, 0.08)


@functools.cache
def _cymbal_tone(n: int) -> np.ndarray:
    """Six square waves that share no fundamental, high-passed at 6 kHz: the metal in a cymbal. RMS 1, shape (n,)."""
    t = seconds(n)
    # Two octaves up: the audible part of the machine's cymbal is the squares' harmonics anyway.
    squares = [np.sign(np.sin(2.0 * np.pi * 4.0 * f * t)) for f in CYMBAL_SQUARES]
    metal = between(np.sum(squares, axis=0), 6000.0)
    return (metal / np.sqrt(np.mean(metal**2))).astype(np.float32)


def hi_hat(velocity: float, decay: float, rng: np.random.Generator) -> np.ndarray:
    """Hi-hat: metal and noise above 7 kHz; `decay` is the time constant in s: about 0.02 closed, 0.14 open."""
    t = seconds(samples(5.0 * decay + 0.02))
    sizzle = 0.35 * _cymbal_tone(t.size) + 0.8 * _noise(t.size, rng, 6500.0, 15000.0)
    tick = 0.6 * _noise(t.size, rng, 3000.0, 9000.0) * np.exp(-t / 0.003)
    return velocity * _edge(0.25 * (sizzle * np.exp(-t / decay) + tick), 0.0004, 0.01)


def crash(velocity: float, rng: np.random.Generator) -> np.ndarray:
    """Crash cymbal: noise and metal whose top dies first, after a swell of a few milliseconds. 2.4 s."""
    t = seconds(samples(2.4))
    low = _noise(t.size, rng, 1800.0, 6000.0) * np.exp(-t / 0.5)
    high = (0.9 * _noise(t.size, rng, 5000.0, 14000.0) + 0.3 * _cymbal_tone(t.size)) * np.exp(-t / 0.33)
    hit = _noise(t.size, rng, 700.0, 9000.0) * np.exp(-t / 0.02)
    return velocity * _edge(0.22 * (0.45 * low + high + 0.6 * hit), 0.002, 0.5)


# --------------------------------------------------------------------------------------------------- bass and chords


def bass_note(midi: int, duration: float, velocity: float) -> np.ndarray:
    """Electric bass: a saw-tooth through a low-pass whose edge falls as the string dies, and the fundamental.

    The saw-tooth is a sum of its harmonics, each weighed by the filter's response at its frequency at that time, so
    there is nothing to alias and no filter to settle. Lasts `duration` s and a release of 50 ms.
    """
    t = seconds(samples(duration + 0.05))
    f = hertz(midi)
    edge = 260.0 + (500.0 + 1500.0 * velocity) * np.exp(-t / 0.09) + 380.0 * velocity * np.exp(-t / 0.5)
    turn = np.exp(2j * np.pi * f * t.astype(np.float64)).astype(np.complex64)
    wave, string = turn.copy(), 0.25 * turn.imag
    beyond = np.square(np.square(np.float32(f) / edge))  # a power of four by a general function takes half of the time
    for harmonic in range(1, int(3500.0 / f)):
        string += wave.imag / (np.float32(harmonic) + np.float32(harmonic**5) * beyond)
        wave *= turn
    string *= 0.25 + 0.75 * np.exp(-t / 0.9)
    return velocity * _edge(0.8 * np.tanh(1.1 * string), 0.004, 0.05)


def pluck_noise(midi: int, rng: np.random.Generator) -> np.ndarray:
    """Give one period of noise as the plectrum leaves it on the string: softened, and without its middle harmonics.

    Plucked at a fifth of the string's length: every fifth harmonic is missing (a comb, after Jaffe & Smith).
    """
    period = RATE / hertz(midi)
    noise = rng.uniform(-1.0, 1.0, int(period))
    noise -= np.roll(noise, round(period / 5.0))
    noise = ndimage.convolve1d(noise, (0.1, 0.25, 0.3, 0.25, 0.1), mode="wrap")
    return (noise - noise.mean()) / np.abs(noise).max()


def pluck(midi: int, duration: float, excitation: np.ndarray, decay: float = 2.2) -> np.ndarray:
    """Play a guitar string: a loop of one period, fed once with `excitation`; `decay` is its low notes' T60 in s.

    In the loop are a damping filter (one sample of delay) and a straight-line interpolation for the part of the period
    that is not a whole number of samples.
    """
    period = RATE / hertz(midi)
    delay = int(period - 1.0)
    fraction = period - 1.0 - delay
    gain = 10.0 ** (-3.0 * period / RATE / decay)
    loop = (gain * np.convolve((0.09, 0.82, 0.09), (1.0 - fraction, fraction))).astype(np.float32)
    before, n = delay + loop.size - 1, samples(duration)
    string = np.zeros(before + n, dtype=np.float32)
    string[before : before + excitation.size] = excitation
    for start in range(before, before + n, delay):  # a period at a time: each comes from the one before
        part = string[start : start + delay]
        part += np.convolve(string[start - before : start - delay + part.size], loop, "valid")
    return _edge(0.5 * between(string[before:], 90.0), 0.001, 0.12)


def electric_piano(midi: int, duration: float, velocity: float) -> np.ndarray:
    """Electric piano by frequency modulation: a tone bar with a mellowing index and a tine that rings briefly."""
    t = seconds(samples(duration + 0.15))
    turn = np.float32(2.0 * np.pi * hertz(midi)) * t
    bar = np.sin(turn + (0.7 + 1.8 * velocity) * np.exp(-t / 0.5) * np.sin(turn)) * np.exp(-t / 1.3)
    tine = np.sin(turn + 0.9 * velocity * np.exp(-t / 0.12) * np.sin(14.0 * turn)) * np.exp(-t / 0.8)
    return velocity * _edge(0.3 * bar + 0.2 * tine, 0.003, 0.15)


def pad_chord(notes: Sequence[int], duration: float, brightness: float, rng: np.random.Generator) -> np.ndarray:
    """String pad: two saw-tooths per note and side, detuned by up to 9 cents, soft above `brightness` Hz.

    Returns shape (2, n): different voices left and right make it wide. Rises in 0.25 s, falls in 0.35 s after
    `duration`.
    """
    t = seconds(samples(duration + 0.35))
    chord = np.zeros((2, t.size), dtype=np.float32)
    cycle = np.arange(PAD_TABLE) / PAD_TABLE
    for note in notes:
        f = hertz(note)
        harmonics = np.arange(1, min(64, int(15000.0 / f)))
        levels = np.zeros(PAD_TABLE // 2 + 1, dtype=np.complex128)
        levels[harmonics] = -1j / harmonics / (1.0 + (harmonics * f / brightness) ** 2) * (PAD_TABLE / 4)
        table = np.fft.irfft(levels, cycle.size).astype(np.float32)
        for side in chord:
            for cents in rng.uniform(2.0, 9.0, 2) * (-1.0, 1.0):
                step = f * 2.0 ** (cents / 1200.0) / RATE * PAD_TABLE
                index = (np.arange(t.size) * step + rng.uniform(0, PAD_TABLE)).astype(np.int64) & (PAD_TABLE - 1)
                side += table[index]
    return _edge(0.3 * chord, 0.25, 0.35)


# ------------------------------------------------------------------------------------------------------------ effects


def chorus(track: np.ndarray, depth: float = 0.0025, rate: float = 0.6) -> np.ndarray:
    """Add a copy whose delay swings by `depth` s, `rate` times a second, opposite ways left and right. (2, n)."""
    n = track.shape[1]
    here = np.arange(n, dtype=np.float64)
    swing = np.sin(2.0 * np.pi * rate / RATE * here)
    wet = [
        np.interp(here - RATE * (0.012 + sign * depth * swing), here, channel)
        for sign, channel in zip((1.0, -1.0), track, strict=True)
    ]
    return (0.75 * track + 0.5 * np.asarray(wet)).astype(np.float32)


def room(track: np.ndarray, level: float, t60: float, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Add a room: the track's mono sum through decaying noise, different left and right.

    Parameters
    ----------
    track : np.ndarray [shape=(2, n)]
    level : float
        Of the room's impulse response (its energy is 1 before), linear.
    t60 : float > 0
        Reverberation time, s; the noise starts after 12 ms.
    low, high : float
        The room sounds between these frequencies, Hz.
    """
    t = seconds(samples(t60))
    tail = np.stack([_noise(t.size, rng, low, high) for _ in range(2)]) * 10.0 ** (-3.0 * t / t60)
    tail = np.pad(_edge(tail, 0.004, 0.1 * t60), ((0, 0), (samples(0.012), 0)))
    tail *= np.float32(level) / np.sqrt(np.sum(tail**2, axis=1, keepdims=True))
    return track + _convolved(track.mean(axis=0), tail)


def _convolved(sound: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """Convolve `sound` [shape=(n,)] with each row of `tails` [shape=(k, m)], cut to n samples: block by block."""
    step = size = _fast(2 * tails.shape[1])
    step -= tails.shape[1]
    blocks = np.pad(sound, (0, -sound.size % step)).reshape(-1, step)
    spectra, output = np.fft.rfft(blocks, size), np.zeros((len(tails), blocks.size + size), dtype=np.float32)
    for row, tail in zip(output, np.fft.rfft(tails, size), strict=True):
        for number, block in enumerate(np.fft.irfft(spectra * tail, size)):
            row[number * step : number * step + size] += block
    return output[:, : sound.size]


def rumble_filter(track: np.ndarray) -> np.ndarray:
    """Take out DC and what lies below 25 Hz, shape (channels, n)."""
    return between(track, 25.0)


def fade_edges(track: np.ndarray, rise: float, fall: float) -> np.ndarray:
    """Fade a track [shape=(channels, n)] in over `rise` and out over `fall` seconds with half cosines."""
    n = track.shape[1]
    ramp = np.minimum(np.minimum(seconds(n) / rise, seconds(n)[::-1] / fall), 1.0)
    return track * (0.5 - 0.5 * np.cos(np.pi * ramp))


def limiter_gain(mixture: np.ndarray, ceiling: float, window: float = 0.02) -> np.ndarray:
    """Gain [shape=(n,)] that keeps `mixture` [shape=(2, n)] within +-`ceiling`, moving smoothly over `window` s.

    The lowest gain needed within a window, averaged over a window of the same length, is never more than what each
    sample needs. Multiply every stem by it: their sum is then the limited mixture, exactly.
    """
    needed = np.minimum(ceiling / np.maximum(np.abs(mixture).max(axis=0), 1e-9), 1.0)
    size = samples(window) | 1
    return ndimage.uniform_filter1d(ndimage.minimum_filter1d(needed, size), size)
