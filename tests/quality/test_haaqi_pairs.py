"""The fast HAAQI against pyclarity's: 1e-6 on ordinary pairs, 1e-4 on pathological ones, the random state equal after each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from clarity.evaluator.haaqi.haaqi import haaqi_v1
from clarity.utils.audiogram import Audiogram

from cadenza_core.audio import read_audio
from cadenza_core.quality import compute_haaqi, haaqi_parts, reference_level

FREQUENCIES = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
NORMAL, MILD = [0] * 8, [10, 10, 15, 20, 25, 30, 35, 40]
MODERATE, SEVERE = [20, 25, 35, 50, 55, 60, 65, 70], [60, 65, 70, 80, 85, 90, 95, 100]
#: The other ear's thresholds of an asymmetric listener, falling and rising.
FALLING, RISING = [0, 5, 10, 50, 70, 85, 95, 100], [75, 65, 50, 35, 20, 10, 5, 0]
DATA = Path(__file__).parents[3] / "shared/data"


def music(seconds: float = 1.0, rate: int = 24000, seed: int = 0) -> np.ndarray:
    """Decaying harmonic notes, eight a second, over some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    sound = 0.002 * rng.standard_normal(len(time))
    for start in np.arange(0, seconds, 0.125):
        pitch, since = 82.4 * 2 ** (rng.integers(0, 40) / 12), np.maximum(time - start, 0)
        note = sum(np.sin(2 * np.pi * pitch * k * since) / k for k in range(1, 9))
        sound += 0.08 * rng.uniform(0.3, 1) * note * np.exp(-5 * since) * (time >= start)
    return sound


def speech(seconds: float = 0.6, rate: int = 24000) -> np.ndarray:
    """Voiced syllables: pulses through two formants that move, with pauses."""
    time = np.arange(int(seconds * rate)) / rate
    phase = np.cumsum(120 + 20 * np.sin(2 * np.pi * 1.3 * time)) / rate
    formant = 600 + 250 * np.sin(2 * np.pi * 3 * time)
    pulse = np.exp(-60 * (phase % 1) / 4)
    voice = pulse * (np.sin(2 * np.pi * np.cumsum(formant) / rate) + 0.4 * np.sin(2 * np.pi * 2200 * time))
    return 0.1 * voice * np.clip(np.sin(2 * np.pi * 4 * time), 0, 1)


def noisy(sound: np.ndarray, level: float = 0.01, seed: int = 5) -> np.ndarray:
    return sound + level * np.random.default_rng(seed).standard_normal(len(sound))


def gated(sound: np.ndarray, rate: int = 24000) -> np.ndarray:
    return sound * ((np.arange(len(sound)) // (rate // 10)) % 2)


def delayed(sound: np.ndarray, samples: int) -> np.ndarray:
    return np.concatenate((np.zeros(samples), sound[: len(sound) - samples]))


def padded(sound: np.ndarray, before: int, after: int) -> np.ndarray:
    return np.concatenate((np.zeros(before), sound, np.zeros(after)))


@dataclass(frozen=True)
class Pair:
    reference: np.ndarray
    processed: np.ndarray
    levels: list[int]
    rate: int = 24000
    processed_rate: int | None = None
    equalisation: int = 1
    level1: float | None = None

    def arguments(self) -> tuple:
        level1 = float(reference_level(self.reference)) if self.level1 is None else self.level1
        rates = self.processed_rate or self.rate, self.rate
        audiogram = Audiogram(levels=self.levels, frequencies=FREQUENCIES)
        return self.processed, self.reference, *rates, audiogram, self.equalisation, level1


M = music(0.6)
ORDINARY: dict[str, Callable[[], Pair]] = {
    "identical": lambda: Pair(M, M, MILD),
    "noisy, normal hearing": lambda: Pair(M, noisy(M), NORMAL),
    "noisy, mild": lambda: Pair(M, noisy(M), MILD),
    "noisy, moderate": lambda: Pair(M, noisy(M), MODERATE),
    "noisy, severe": lambda: Pair(M, noisy(M), SEVERE),
    "noisy, falling loss": lambda: Pair(M, noisy(M, 0.003), FALLING),
    "noisy, rising loss": lambda: Pair(M, noisy(M, 0.003), RISING),
    "speech in noise": lambda: Pair(speech(), noisy(speech(), 0.003), MODERATE),
    "speech, clipped": lambda: Pair(speech(), np.clip(speech(), -0.05, 0.05), MILD),
    "silence at the start": lambda: Pair(padded(M, 9000, 0), noisy(padded(M, 9000, 0), 0.002), MILD),
    "silence at the end": lambda: Pair(padded(M, 0, 9000), noisy(padded(M, 0, 9000), 0.002), MODERATE),
    "processed silent at both ends": lambda: Pair(M, padded(M[5000:-5000], 5000, 5000), MILD),
    "gated": lambda: Pair(music(), gated(music()), MODERATE),
    "both gated": lambda: Pair(gated(M), gated(noisy(M)), MILD),
    "clipped": lambda: Pair(M, np.clip(M, -0.1, 0.1), MODERATE),
    "saturated": lambda: Pair(M, np.tanh(8 * M), MILD),
    "delayed 10 ms": lambda: Pair(M, delayed(M, 240), MODERATE),
    "delayed 100 ms": lambda: Pair(M, delayed(noisy(M), 2400), MILD),
    "delayed 250 ms": lambda: Pair(M, delayed(noisy(M), 6000), MODERATE),
    "early by 50 ms": lambda: Pair(delayed(M, 1200), M, MILD),
    "inverted": lambda: Pair(M, -M, MODERATE),
    "20 dB softer": lambda: Pair(M, 0.1 * M, MILD),
    "20 dB louder": lambda: Pair(M, 10 * M, MODERATE),
    "60 dB softer": lambda: Pair(M, 0.001 * M, NORMAL),
    "already equalised": lambda: Pair(M, noisy(M), MODERATE, equalisation=2),
    "reference for a normal ear": lambda: Pair(M, noisy(M), MODERATE, equalisation=0),
    "loud": lambda: Pair(M, noisy(M), MODERATE, level1=105.0),
    "noise of the reference matters": lambda: Pair(20 * M, 20 * noisy(M), MILD, level1=50.0),
    "level1 by default": lambda: Pair(5 * M, 5 * noisy(M), MILD, level1=65.0),
    "16 kHz": lambda: Pair(music(0.6, rate=16000), noisy(music(0.6, rate=16000)), MODERATE, 16000),
    "32 kHz": lambda: Pair(music(0.6, rate=32000), noisy(music(0.6, rate=32000)), MILD, 32000),
    "44.1 kHz": lambda: Pair(music(0.6, rate=44100), noisy(music(0.6, rate=44100)), MODERATE, 44100),
    "48 kHz": lambda: Pair(music(0.6, rate=48000), np.tanh(6 * music(0.6, rate=48000)), MILD, 48000),
    "44.1 kHz against 24 kHz": lambda: Pair(music(0.6, rate=44100), M, MODERATE, 44100, 24000),
    "float32": lambda: Pair(M.astype(np.float32), noisy(M).astype(np.float32), MODERATE),
    "float32 at 44.1 kHz": lambda: Pair(
        *(noisy(music(0.6, rate=44100), k).astype(np.float32) for k in (0, 0.01)), MILD, 44100
    ),  # type: ignore[misc]
    "unequal lengths": lambda: Pair(M, noisy(M)[:12600], MODERATE),
    "long": lambda: Pair(music(4.0, seed=3), noisy(music(4.0, seed=3)), MODERATE),
}


def tone(frequency: float) -> np.ndarray:
    return 0.1 * np.sin(2 * np.pi * frequency * np.arange(14400) / 24000)


def white(seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(14400)


def clicks(every: int) -> np.ndarray:
    return (np.arange(14400) % every == every // 2).astype(float)


PATHOLOGICAL: dict[str, Callable[[], Pair]] = {
    "tone": lambda: Pair(tone(1000), noisy(tone(1000), 0.001), MILD),
    "low tone": lambda: Pair(tone(60), tone(60) * 0.5, MODERATE),
    "clipped tone": lambda: Pair(tone(440), np.clip(tone(440), -0.03, 0.03), NORMAL),
    "other tones": lambda: Pair(tone(1000), 0.5 * tone(1000) + 0.5 * tone(1600), MODERATE),
    "square waves": lambda: Pair(0.1 * np.sign(tone(110)), 0.1 * np.sign(tone(110) + 0.02), MILD),
    "white noise": lambda: Pair(white(1), noisy(white(1), 0.05), MODERATE),
    "unrelated white noise": lambda: Pair(white(1), white(2), MODERATE),
    "clicks": lambda: Pair(clicks(2400) + 1e-3 * white(3), clicks(2400), MILD),
    "near-silent processed": lambda: Pair(M, 1e-9 * M, MILD),
    "near-silent pair": lambda: Pair(1e-12 * M, 1e-12 * noisy(M), MODERATE),
    "silent processed": lambda: Pair(M, np.zeros(14400), MODERATE),
    "constant processed": lambda: Pair(M, np.full(14400, 0.1), MILD),
}


def compare(pair: Pair, tolerance: float) -> None:
    processed, reference, processed_rate, rate, *others = pair.arguments()
    np.random.seed(11)  # noqa: NPY002
    with np.errstate(all="ignore"):
        score, nonlinear, linear, raw = haaqi_v1(reference, rate, processed, processed_rate, *others)
    after = np.random.get_state()  # noqa: NPY002
    np.random.seed(11)  # noqa: NPY002
    assert compute_haaqi(*pair.arguments()) == pytest.approx(score, abs=tolerance, rel=0)
    mine = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(mine[1], after[1])
    assert mine[2:] == after[2:]
    parts = haaqi_parts(*pair.arguments(), seed=11)
    assert [parts.nonlinear, parts.linear] == pytest.approx([nonlinear, linear], abs=3 * tolerance, rel=0)
    numbers = [parts.cepstral_correlation, parts.synchrony, parts.loudness, parts.slope]
    assert numbers == pytest.approx([float(value) for value in raw], abs=5 * tolerance, rel=0)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "long" else name for name in ORDINARY]
)
def test_ordinary_pairs_to_1e_6(name: str) -> None:
    compare(ORDINARY[name](), 1e-6)


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_pathological_pairs_to_1e_4(name: str) -> None:
    compare(PATHOLOGICAL[name](), 1e-4)


@pytest.mark.parametrize("stem", ["vocals", "drums"])
def test_real_songs_to_1e_6(stem: str) -> None:
    folder = DATA / "musdb18hq/test/Software-Entwicklungskit - Lithium"
    if not folder.is_dir():
        pytest.skip(f"the test song is not here: {folder}")
    reference = read_audio(folder / f"{stem}.flac", 20.0, 21.5).samples[0]
    mixture = read_audio(folder / "mixture.flac", 20.0, 21.5).samples[0]
    compare(Pair(reference, reference + 0.1 * mixture, MODERATE, 44100), 1e-6)


@pytest.mark.slow
def test_real_speech_to_1e_6() -> None:
    path = DATA / "speech/jfk.flac"
    if not path.is_file():
        pytest.skip(f"the test speech is not here: {path}")
    sound = read_audio(path, 1.0, 2.5).samples[0]
    compare(Pair(sound, noisy(sound, 0.005), MILD, 16000), 1e-6)


def score(pair: Pair, seed: int = 0) -> float:
    return haaqi_parts(*pair.arguments(), seed=seed).score


def test_gain_of_the_processed_signal_counts() -> None:
    scores = [score(Pair(M, M * 10 ** (gain / 20), MODERATE)) for gain in (-20, -10, 0)]
    assert scores == sorted(scores)
    assert scores[2] - scores[0] > 0.05


def test_gain_of_both_with_its_level_does_not() -> None:
    pair = Pair(M, noisy(M), MODERATE, level1=80.0)
    louder = replace(pair, reference=4 * M, processed=4 * noisy(M), level1=80.0 - 20 * np.log10(4))
    assert score(louder) == pytest.approx(score(pair), abs=1e-4)


def test_polarity_hardly_counts() -> None:
    assert score(Pair(M, -M, MODERATE)) == pytest.approx(score(Pair(M, M, MODERATE)), abs=0.03)


def test_noise_hardly_counts() -> None:
    pair = Pair(M, noisy(M), MODERATE)
    scores = [score(pair, seed) for seed in range(8)]
    assert 0 < np.std(scores) < 2e-4
