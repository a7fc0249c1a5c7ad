"""The live approximation of a hearing loss against MSBG, in band levels.

Each sound is heard through both, at five levels; the third-octave bands of the two are compared. The goal: within 3 dB. A band
counts where either puts it above the threshold of a normal ear (ISO 389-7), for what is below is heard by nobody, and of the
tones where there is one. The bands from 125 Hz to 5 kHz and those of 6.3 and 8 kHz, beyond the audiogram's last frequency, are
listed apart. `aided` is after NAL-R, which is where a severe loss hears anything; N6 is beyond the 80 to 90 dB HL that MSBG is
meant for.

Run as ``python -m benchmarks.simulation``; ``--quick`` takes the loudest level and 1.5 seconds.
"""

import argparse
import time

import numpy as np
import scipy.signal
from clarity.utils.audiogram import Audiogram

from benchmarks import header, table
from cadenza_core.catalog import standard_listeners
from cadenza_core.catalog.demo import render_demo
from cadenza_core.hearing import NFIR, amplify, compensate_delay, nalr_filter
from cadenza_core.hearing.live import live_ear, simulate_live
from cadenza_core.hearing.simulation import MODEL_RATE, simulate_ear
from cadenza_core.hearing.thresholds import BAND_EDGES, BANDS, reference_threshold

FULL_SCALE = 100.0
LEVELS = (40, 50, 60, 70, 80)
#: (audiogram, aided, levels of the input, dB SPL)
CASES = (
    *((name, False, LEVELS) for name in ("N1", "N2", "N3", "N4", "S2", "S3")),
    *((name, True, LEVELS) for name in ("N3", "N4", "N6")),
)
SOUNDS = ("speech-shaped noise", "tones", "music")
LOW, HIGH, TOP = np.searchsorted(BANDS, [120.0, 5500.0, 8500.0])
_SKIPPED = 4410


def sound(kind: str, seconds: float) -> np.ndarray:
    """Make a sound of 0 dB FS (root mean square 1.0) [shape=(n,), 44.1 kHz]."""
    count = round(seconds * MODEL_RATE)
    rng = np.random.default_rng(7)
    if kind == "music":
        stems = render_demo()
        first = 10 * MODEL_RATE
        signal = np.sum([samples[0, first : first + count] for samples in stems.values()], axis=0, dtype=np.float64)
    elif kind == "tones":  # one for each ERB, at random phases: ANSI S3.4-2007's number of ERBs
        numbers = np.arange(3.0, 34.0)
        hertz = (10.0 ** (numbers / 21.4) - 1.0) / 4.37e-3
        phases = rng.uniform(0.0, 2.0 * np.pi, len(hertz))
        signal = np.cos(2.0 * np.pi * hertz[:, np.newaxis] * np.arange(count) / MODEL_RATE + phases[:, np.newaxis]).sum(
            axis=0
        )
    else:  # flat to 500 Hz, then -9 dB per octave, as MSBG's own calibration noise
        spectrum = np.fft.rfft(rng.normal(size=count))
        hertz = np.fft.rfftfreq(count, 1.0 / MODEL_RATE)
        slope = np.maximum(hertz / 500.0, 1.0) ** (-9.0 / (20.0 * np.log10(2.0)))
        signal = np.fft.irfft(spectrum * slope * (hertz > 80.0), count)
    return signal / np.sqrt(np.mean(np.square(signal)))


def band_levels(signal: np.ndarray) -> np.ndarray:
    """Give the level of each third-octave band, dB SPL [shape=(25,)]."""
    hertz, density = scipy.signal.welch(signal[_SKIPPED:-_SKIPPED], MODEL_RATE, nperseg=8192)
    step = hertz[1] - hertz[0]
    low, high = BAND_EDGES[:-1, np.newaxis], BAND_EDGES[1:, np.newaxis]
    inside = np.clip((np.minimum(hertz + step / 2, high) - np.maximum(hertz - step / 2, low)) / step, 0.0, 1.0)
    return FULL_SCALE + 10.0 * np.log10(inside @ density * step + 1e-20)


def compare(
    audiogram: Audiogram, kind: str, levels: tuple[int, ...] = LEVELS, *, aided: bool = False, seconds: float = 4.0
) -> dict[int, np.ndarray]:
    """Give, for each level, how much louder the approximation's bands are than MSBG's, dB; NaN where neither is heard."""
    signal = sound(kind, seconds)
    ear = live_ear(audiogram)
    deviations = {}
    for level in levels:
        source = signal * 10.0 ** ((level - FULL_SCALE) / 20.0)
        if aided:
            source = compensate_delay(amplify(source, nalr_filter(audiogram)), NFIR)
        there, here = (
            band_levels(heard) for heard in (simulate_ear(source, MODEL_RATE, audiogram), simulate_live(source, ear))
        )
        heard = np.maximum(there, here) > reference_threshold(BANDS)
        given = band_levels(source) > np.max(band_levels(source)) - 60.0
        deviations[level] = np.where(heard & given, here - there, np.nan)[LOW:TOP]
    return deviations


def row(name: str, aided: bool, kind: str, levels: tuple[int, ...], seconds: float) -> list[str]:
    """Give a row of the table."""
    found = np.stack(
        list(compare(standard_listeners()[name].audiogram_left, kind, levels, aided=aided, seconds=seconds).values())
    )
    cells = []
    for part in (found[:, : HIGH - LOW], found[:, HIGH - LOW :]):
        known = np.abs(part[~np.isnan(part)])
        if known.size:
            cells += [
                f"{known.max():.1f}",
                f"{np.sqrt(np.mean(known**2)):.1f}",
                f"{np.sum(known > 3.0)} of {known.size}",
            ]
        else:
            cells += ["-", "-", "nothing heard"]
    return [f"{name}{', aided' if aided else ''}", kind, *cells]


def print_speed(seconds: float = 4.0) -> None:
    """Print what the two cost for one ear."""
    signal = sound("music", seconds) * 0.1
    audiogram = standard_listeners()["N1"].audiogram_left  # the largest number of bands: 36
    for name, run in (
        ("MSBG", lambda: simulate_ear(signal, MODEL_RATE, audiogram)),
        ("the approximation in NumPy", lambda: simulate_live(signal, live_ear(audiogram))),
    ):
        run()
        began = time.process_time()
        run()
        print(f"{name}: {(time.process_time() - began) / seconds:.2f} s of CPU for each second of an ear")


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the loudest level, 1.5 seconds")
    options = parser.parse_args()
    header(
        "Live simulation of a hearing loss against MSBG",
        "third-octave bands within 3 dB",
        ("numpy", "scipy", "pyclarity"),
    )
    rows = []
    for name, aided, levels in CASES:
        for kind in SOUNDS:
            chosen = levels[-1:] if options.quick else levels
            rows.append(row(name, aided, kind, chosen, 1.5 if options.quick else 3.0))
    columns = [
        "ear",
        "sound",
        "125 Hz-5 kHz: max dB",
        "rms dB",
        "over 3 dB",
        "6.3-8 kHz: max dB",
        "rms dB",
        "over 3 dB",
    ]
    table(columns, rows)
    print(f"\nInput levels: {', '.join(map(str, LEVELS))} dB SPL; every band at every level counts.")
    print_speed()


if __name__ == "__main__":
    main()
