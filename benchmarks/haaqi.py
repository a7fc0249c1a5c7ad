"""HAAQI, ours against pyclarity's, in one run: time, memory, difference.

``python -m benchmarks.haaqi [--lengths 10 30] [--stems 30] [--repeat 3]``. Each case runs in a process of its own, one
core for BLAS, reference and ours in turn; the time is the shortest of the repeats (of the reference: one). Memory is the
process's peak above what it holds before. `--stems 0` leaves the eight stems out.
"""

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from clarity.evaluator.haaqi import compute_haaqi as pyclarity_haaqi
from clarity.utils.audiogram import Audiogram

from cadenza_core.quality import HaaqiPair, haaqi_parts, haaqi_parts_of_pairs, reference_level, warm_up

RATE = 24000
AUDIOGRAM = Audiogram(levels=[20, 25, 35, 50, 55, 60, 65, 70])


@dataclass(frozen=True)
class Row:
    """A line of the table; memory in GB, time in s."""

    what: str
    threads: int
    ours: float
    reference: float
    memory: float
    reference_memory: float
    difference: float


def music(seconds: float, seed: int) -> np.ndarray:
    """Decaying harmonic notes, four a second, over some noise."""
    rng = np.random.default_rng(seed)
    sound = 0.002 * rng.standard_normal(int(seconds * RATE))
    since = np.arange(2 * RATE) / RATE
    for start in range(0, len(sound), RATE // 4):
        pitch = 82.4 * 2 ** (rng.integers(0, 40) / 12)
        note = sum(np.sin(2 * np.pi * pitch * k * since) / k for k in range(1, 9)) * np.exp(-4 * since)
        stop = min(start + len(since), len(sound))
        sound[start:stop] += 0.08 * rng.uniform(0.3, 1) * note[: stop - start]
    return sound


def pair(seconds: float, seed: int) -> HaaqiPair:
    reference = music(seconds, seed)
    processed = np.tanh(3 * reference) / 3 + 0.2 * music(seconds, seed + 100)
    return HaaqiPair(processed, reference, RATE, RATE, AUDIOGRAM, 1, float(reference_level(reference)))


def measured(work: Callable[[], list[float]], repeat: int) -> tuple[list[float], float, float]:
    """Give the scores, the shortest time in s, and the peak of memory in GB above what is held now."""
    before = held()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        scores = work()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return scores, min(times), max(0.0, peak - before) / 1e9


def held() -> int:
    """Give the resident memory, bytes."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def one(pairs: list[HaaqiPair], threads: int, ours: bool, repeat: int) -> tuple[list[float], float, float]:
    warm_up()

    def fast() -> list[float]:
        if len(pairs) == 1:
            p = pairs[0]
            rates = p.processed_rate, p.reference_rate
            return [haaqi_parts(p.processed, p.reference, *rates, p.audiogram, 1, p.level1, seed=1).score]
        return [parts.score for parts in haaqi_parts_of_pairs(pairs, seed=1, threads=threads)]

    def slow() -> list[float]:
        np.random.seed(1)  # noqa: NPY002
        return [float(pyclarity_haaqi(p.processed, p.reference, RATE, RATE, p.audiogram, 1, p.level1)) for p in pairs]

    if not ours:
        # its own compiled functions
        pyclarity_haaqi(pairs[0].processed[:RATE], pairs[0].reference[:RATE], RATE, RATE, AUDIOGRAM, 1, 80.0)
    return measured(fast if ours else slow, repeat if ours else 1)


def apart(pairs: list[HaaqiPair], threads: int, ours: bool, repeat: int) -> tuple[list[float], float, float]:
    """Do it in a fresh process, for its memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(one, (pairs, threads, ours, repeat))


def row(what: str, pairs: list[HaaqiPair], threads: int, repeat: int) -> Row:
    first, ours_before, memory = apart(pairs, threads, True, repeat)
    expected, reference, reference_memory = apart(pairs, 1, False, 1)
    _, ours_after, _ = apart(pairs, threads, True, repeat)
    difference = max(abs(a - b) for a, b in zip(first, expected, strict=True))
    return Row(what, threads, min(ours_before, ours_after), reference, memory, reference_memory, difference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=float, nargs="*", default=[10.0, 30.0], help="seconds; 240 takes minutes")
    parser.add_argument("--stems", type=float, default=30.0, help="seconds of eight stems on two threads; 0: none")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    print("| pair | threads | ours, s | pyclarity, s | ratio | ours, GB | pyclarity, GB | difference |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    cases = [(f"{length:g} s", [pair(length, 0)], 1) for length in options.lengths]
    if options.stems:
        cases.append((f"8 stems of {options.stems:g} s", [pair(options.stems, seed) for seed in range(8)], 2))
    for what, pairs, threads in cases:
        r = row(what, pairs, threads, options.repeat)
        ratio = r.reference / r.ours
        figures = f"{r.ours:.2f} | {r.reference:.1f} | {ratio:.0f} | {r.memory:.2f} | {r.reference_memory:.2f}"
        print(f"| {r.what} | {r.threads} | {figures} | {r.difference:.1e} |", flush=True)


if __name__ == "__main__":
    main()
