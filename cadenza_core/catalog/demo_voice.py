"""The singer of the demo song: a source and filter model of a tenor who sings syllables such as "lai" or "so".

A note becomes curves in time (pitch, loudness, breath, hiss, formants), the pitch curve becomes a pulse train, and the
pulses and the breath pass through five moving formants in the frequency domain, frame by frame.

Sources
-------
Source and filter: Fant (1960), Acoustic Theory of Speech Production. Parallel formants: Klatt (1980), J. Acoust. Soc.
Am. 67(3). Tenor formants: Csound reference manual, appendix "Formant Values" (it follows IRCAM's CHANT: Rodet, Potard &
Barriere 1984, Computer Music Journal 8(3)). They agree with the men of Peterson & Barney (1952), J. Acoust. Soc. Am.
24(2), below 2 kHz; the upper three lie closer: the singer's formant (Sundberg 1974, J. Acoust. Soc. Am. 55(4)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..audio.signal import RATE
from .demo_instruments import between

__all__ = ["SungNote", "sing"]

#: Tenor formants (Csound): per vowel five frequencies in Hz, five levels in dB, five bandwidths in Hz.
VOWELS = {
    "a": ((650, 1080, 2650, 2900, 3250), (0, -6, -7, -8, -22), (80, 90, 120, 130, 140)),
    "e": ((400, 1700, 2600, 3200, 3580), (0, -14, -12, -14, -20), (70, 80, 100, 120, 120)),
    "i": ((290, 1870, 2800, 3250, 3540), (0, -15, -18, -20, -30), (40, 90, 100, 120, 120)),
    "o": ((400, 800, 2600, 2800, 3000), (0, -10, -12, -12, -26), (40, 80, 100, 120, 120)),
    "u": ((350, 600, 2700, 2900, 3300), (0, -20, -17, -14, -26), (40, 60, 100, 120, 120)),
}


@dataclass(frozen=True)
class Consonant:
    """How a syllable starts.

    `voice`, `breath` and `hiss` are the levels of the pulses, of the noise through the formants and of the noise past
    the teeth (1 = a vowel's pulses); `length` is in seconds, before the beat; `formants` replace the vowel's in it.
    """

    length: float
    voice: float
    breath: float = 0.0
    hiss: float = 0.0
    formants: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None = None


_NASAL_BANDWIDTHS = (90, 150, 200, 250, 300)
CONSONANTS = {
    "": Consonant(0.03, 0.35),
    "h": Consonant(0.08, 0.0, breath=0.5),
    "s": Consonant(0.12, 0.0, hiss=1.0),
    "t": Consonant(0.05, 0.0, hiss=0.8, breath=0.2),
    "d": Consonant(0.05, 0.12, hiss=0.25),
    "l": Consonant(0.07, 0.55, formants=((360, 1100, 2500, 2900, 3300), (0, -16, -20, -22, -34), _NASAL_BANDWIDTHS)),
    "m": Consonant(0.08, 0.45, formants=((270, 1000, 2200, 2800, 3300), (0, -28, -32, -34, -40), _NASAL_BANDWIDTHS)),
    "n": Consonant(0.08, 0.45, formants=((290, 1400, 2300, 2900, 3300), (0, -26, -28, -32, -40), _NASAL_BANDWIDTHS)),
}

#: Control curves have one value per this many samples (2.9 ms); the filter has one frame per four of them.
HOP = 128
FRAME = 1024
FFT_SIZE = 2048
#: Notes further apart than this belong to different phrases, s.
REST = 0.05
#: Formants are wider here than in the table: its are for sung tones at rest, and narrow ones outlast the FFT. Hz.
WIDER, NARROWEST = 1.4, 80.0
#: A pop singer has less of the opera singer's ring at 3 kHz than the table: the upper three formants, dB and width.
UPPER_LEVEL, UPPER_WIDER = -8.0, 1.7
#: The pulses' spectrum is flat to about f0 and then falls as harmonic number to this power.
PRESSED, RELAXED = 0.05, -0.6
HARMONICS = 44
TABLE = 4096
#: Relative to the pulses: noise in a held vowel through the formants and above them, noise past the teeth in an "s",
#: the intake of breath before a phrase.
BREATHINESS, AIR, HISS, INHALE = 0.035, 0.02, 0.6, 0.04


@dataclass(frozen=True)
class SungNote:
    """One note: `start` and `duration` in s, `midi` pitch, `syllable` (at most a consonant, then 1 or 2 vowels).

    `loudness` is 0 to 1. A note that starts where the one before ends is joined to it.
    """

    start: float
    duration: float
    midi: float
    syllable: str
    loudness: float = 0.8

    @property
    def onset(self) -> Consonant:
        """The consonant that it starts with."""
        return CONSONANTS[self.syllable[:1] if self.syllable[0] in CONSONANTS else ""]

    @property
    def vowels(self) -> str:
        """Its vowels, first and last (the same letter twice for a plain vowel)."""
        letters = self.syllable.lstrip("".join(CONSONANTS))
        return letters[0] + letters[-1]

    @property
    def stop(self) -> float:
        """When it ends, s."""
        return self.start + self.duration


def _smooth(curve: np.ndarray, duration: float) -> np.ndarray:
    """Average a control curve over a Hann window of `duration` s."""
    window = np.hanning(max(round(duration * RATE / HOP) | 1, 3) + 2)[1:-1]
    return ndimage.convolve1d(curve, window / window.sum(), axis=0, mode="nearest")


def _wander(n: int, cutoff: float, rng: np.random.Generator) -> np.ndarray:
    """Slow noise on the control grid, below `cutoff` Hz, standard deviation 1, shape (n,)."""
    spectrum = np.fft.rfft(rng.standard_normal(n + 200))
    spectrum /= 1.0 + (np.fft.rfftfreq(n + 200, HOP / RATE) / cutoff) ** 2  # a first-order filter there and back
    noise = np.fft.irfft(spectrum, n + 200)[100:-100]
    return noise / noise.std()


def _per_sample(curve: np.ndarray, n: int) -> np.ndarray:
    """Draw straight lines between the values of a control curve: float32, shape (n,)."""
    ramp = np.arange(HOP, dtype=np.float32) / HOP
    start = curve[:-1, None].astype(np.float32)
    return (start + np.diff(curve)[:, None].astype(np.float32) * ramp).ravel()[:n]


def _pitch_curve(notes: Sequence[SungNote], time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fundamental frequency in Hz on the control grid `time` (s).

    Glides between notes in about 70 ms, scoops up into a phrase, drifts by 5 cents, and has jitter of 0.4 % and a
    vibrato of 5.5 Hz and +-40 cents that starts 0.22 s into a note.
    """
    starts = np.array([note.start for note in notes])
    # A singer begins to move before the beat, so as to be there on it.
    index = np.clip(np.searchsorted(starts, time + 0.025, side="right") - 1, 0, len(notes) - 1)
    midi = _smooth(np.array([note.midi for note in notes], dtype=float)[index], 0.07)
    into = time - starts[index]
    first = np.array([_starts_phrase(notes, i) for i in range(len(notes))])
    midi -= np.where(first[index], 1.3 * np.exp(-np.clip(into + 0.03, 0.0, None) / 0.045), 0.0)
    depth = 0.4 * np.clip((into - 0.22) / 0.4, 0.0, 1.0) * (1.0 + 0.12 * _wander(time.size, 1.0, rng))
    speed = 5.5 + 0.15 * _wander(time.size, 1.0, rng)
    midi += depth * np.sin(2.0 * np.pi * np.cumsum(speed) * HOP / RATE)
    midi += 0.05 * _wander(time.size, 2.0, rng) + 0.07 * _wander(time.size, 60.0, rng)
    return 440.0 * 2.0 ** ((midi - 69.0) / 12.0)


def _starts_phrase(notes: Sequence[SungNote], i: int) -> bool:
    """Tell whether there is a rest before note `i`."""
    return i == 0 or notes[i].start > notes[i - 1].stop + REST


def _vowel_end(notes: Sequence[SungNote], i: int) -> float:
    """When the vowel of note `i` ends, s: with the note, or where the consonant of a joined note begins."""
    if i + 1 == len(notes) or _starts_phrase(notes, i + 1):
        return notes[i].stop
    return notes[i].stop - notes[i + 1].onset.length


def _level_curves(notes: Sequence[SungNote], time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels of the voice, of breath and of hiss on the control grid `time` (s): corner points, joined and smoothed."""
    voice, breath, hiss = [(-1.0, 0.0)], [(-1.0, 0.0)], [(-1.0, 0.0)]
    for i, note in enumerate(notes):
        onset, level, start, end = note.onset, note.loudness, note.start, _vowel_end(notes, i)
        begin = start - onset.length
        if _starts_phrase(notes, i):
            voice += [(begin - 0.03, 0.0)]
            breath += [(begin - 0.42, 0.0), (begin - 0.22, INHALE), (begin - 0.07, INHALE / 2), (begin - 0.02, 0.0)]
        voice += [(begin, onset.voice * level), (start - 0.005, onset.voice * level), (start + 0.04, level)]
        voice += [(start + 0.6 * (end - start), 0.93 * level), (end - 0.02, 0.82 * level)]
        if end == note.stop:
            voice += [(end + 0.1, 0.0)]
        breath += [(begin, 0.0), (begin + 0.02, onset.breath * level), (start, onset.breath * level), (start + 0.05, 0)]
        hiss += [(begin, 0.0), (start - 0.4 * onset.length, onset.hiss * level), (start + 0.01, 0.0)]
    curves = [np.interp(time, *np.array(points).T) for points in (voice, breath, hiss)]
    return _smooth(curves[0], 0.03), _smooth(curves[1], 0.02), _smooth(curves[2], 0.01)


def _formant_curves(notes: Sequence[SungNote], time: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """Formants at the times `time` (s), shape (3, times, 5): frequencies in Hz, levels in dB, bandwidths in Hz.

    The first formant is kept above the fundamental, as singers do (Sundberg 1987, The Science of the Singing Voice).
    """
    points: list[tuple[float, object]] = []
    for i, note in enumerate(notes):
        first, last = (VOWELS[vowel] for vowel in note.vowels)
        onset = note.onset.formants or first
        held = _vowel_end(notes, i) - note.start
        points += [(note.start - note.onset.length, onset), (note.start - 0.01, onset), (note.start + 0.06, first)]
        points += [(note.start + 0.5 * held, first), (note.start + 0.9 * held, last)]
    at = np.array([when for when, _ in points])
    values = np.array([what for _, what in points], dtype=float)
    curves = np.stack([[np.interp(time, at, values[:, row, k]) for k in range(5)] for row in range(3)])
    curves = np.swapaxes(curves, 1, 2)
    curves[0, :, 0] = np.maximum(curves[0, :, 0], 1.04 * f0)
    curves[1, :, 2:] += UPPER_LEVEL
    curves[2] = np.maximum(WIDER * curves[2], NARROWEST)
    curves[2, :, 2:] *= UPPER_WIDER
    return curves


def _pulses(f0: np.ndarray, effort: np.ndarray, n: int) -> np.ndarray:
    """Glottal pulses, shape (n,): a table of one period read at the pitch `f0`, brighter where `effort` is high.

    Two tables, relaxed and pressed, of `HARMONICS` harmonics each are mixed; the phases are those of one pulse.
    """
    number = np.arange(1, HARMONICS + 1)
    taper = np.cos(0.5 * np.pi * number / (HARMONICS + 1))
    phase = np.cumsum(_per_sample(f0, n), dtype=np.float64) * (TABLE / RATE) % TABLE
    index = phase.astype(np.int32)
    between = (phase - index).astype(np.float32)
    mixed = []
    for tilt in (RELAXED, PRESSED):
        spectrum = np.zeros(TABLE // 2 + 1, dtype=np.complex128)
        spectrum[number] = number**tilt * taper * (TABLE / 2)
        table = np.fft.irfft(spectrum, TABLE).astype(np.float32)
        rise = np.roll(table, -1) - table
        mixed.append(table[index] + between * rise[index])
    relaxed, pressed = mixed
    return relaxed + _per_sample(effort, n) * (pressed - relaxed)


def _vocal_tract(source: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """Filter `source` [shape=(n,)] through formants that move: `formants` as from `_formant_curves`, one per frame.

    Frames of 23 ms that overlap by half, each multiplied by the response of five parallel resonators. Neighbours have
    opposite signs, as there would be a zero between them otherwise (Klatt 1980).
    """
    step = FRAME // 2
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(source, (step, FRAME + step)), FRAME)[::step]
    frames = frames[: formants.shape[1]]
    output = np.zeros((frames.shape[0] + FFT_SIZE // step, step), dtype=np.float32)
    busy = np.flatnonzero(np.abs(frames).max(axis=1) > 1e-5)
    spectra = np.fft.rfft(frames[busy] * np.hanning(FRAME + 1)[:-1].astype(np.float32), FFT_SIZE, axis=1)
    f = (np.fft.rfftfreq(FFT_SIZE, 1.0 / RATE)).astype(np.float32)
    response = np.zeros(spectra.shape, dtype=np.complex64)
    for k in range(5):
        centre, level, width = (row[busy, k, None].astype(np.float32) for row in formants)
        damping, away = width * f, centre**2 - f**2
        part = (-1.0) ** k * 10.0 ** (level / 20.0) * damping / (np.square(away) + np.square(damping))
        response.real += part * damping
        response.imag += part * away
    filtered = np.fft.irfft(spectra * response, FFT_SIZE, axis=1).reshape(busy.size, -1, step)
    for part in range(FFT_SIZE // step):
        output[busy + part] += filtered[:, part]
    return output.ravel()[step : step + source.size]


def sing(notes: Sequence[SungNote], length: int, rng: np.random.Generator, tract_scale: float = 1.0) -> np.ndarray:
    """Sing `notes`.

    Parameters
    ----------
    notes : sequence of SungNote
        In order of time, not overlapping.
    length : int
        Samples wanted, at `RATE`.
    tract_scale : float
        Factor on all formants: under 1 for a longer vocal tract, so that a second singer differs from the first.

    Returns
    -------
    np.ndarray [shape=(length,), dtype=float32]
        Exactly zero where nobody sings or breathes.
    """
    time = np.arange(-(-length // HOP) + 1) * (HOP / RATE)
    f0 = _pitch_curve(notes, time, rng)
    voice, breath, hiss = _level_curves(notes, time)
    # Shimmer: the pulses' size varies by about 3 %.
    voice = voice * (1.0 + 0.03 * _wander(time.size, 40.0, rng))
    formants = _formant_curves(notes, time[:: FRAME // 2 // HOP], f0[:: FRAME // 2 // HOP])
    formants[0] *= tract_scale
    through, past = breath + BREATHINESS * voice, HISS * hiss + AIR * voice
    air = rng.standard_normal(length, dtype=np.float32)
    source = _pulses(f0, np.clip(voice, 0.0, 1.0), length) * _per_sample(voice, length)
    source += 3.0 * air * _per_sample(through, length)
    teeth = between(air * _per_sample(past, length), 5200.0, 11000.0)
    return (_vocal_tract(source, formants) + teeth).astype(np.float32)
