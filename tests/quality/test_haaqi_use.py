"""Around the fast HAAQI: the random stream, several scores at a time, errors, compiled kernels on disk."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clarity.evaluator.haaqi import compute_haaqi as pyclarity_haaqi
from clarity.utils.audiogram import Audiogram

import cadenza_core
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.quality import (
    HaaqiPair,
    check_haaqi,
    compute_haaqi,
    engine_by_name,
    fast_engine,
    haaqi_compile,
    haaqi_parts,
    haaqi_parts_of_pairs,
    reference_engine,
    warm_up,
    warm_up_aside,
)
from cadenza_core.quality.haaqi_noise import SPARE, advance, band_streams, fill_noise, position_of

LEFT = Audiogram(levels=[20, 30, 40, 50, 60, 65], frequencies=[250, 500, 1000, 2000, 4000, 6000])
RIGHT = Audiogram(levels=[5, 10, 20, 25, 45, 50], frequencies=[250, 500, 1000, 2000, 4000, 6000])


def sound(seed: int, samples: int = 12000) -> np.ndarray:
    """Noise with a swinging level, and a third of it silent."""
    rng = np.random.default_rng(seed)
    swing = 1 + np.sin(np.arange(samples) / 700)
    swing[samples // 3 : samples // 2] = 0
    return 0.05 * rng.standard_normal(samples) * swing


def pairs() -> list[HaaqiPair]:
    """Some with the same reference, one too short for the kernels, one empty."""
    x, z = sound(0), sound(9, 14000)
    signals = [(x, sound(1), LEFT), (x, 0.5 * x, LEFT), (z, z + sound(2, 14000), RIGHT), (x[:2000], x[:2000], LEFT)]
    signals += [(np.zeros(0), x, LEFT), (z, np.clip(z, -0.05, 0.05), RIGHT), (x, x + sound(3), RIGHT)]
    return [HaaqiPair(y, x, 24000, 24000, audiogram, 1, 90.0) for x, y, audiogram in signals]


@pytest.mark.parametrize("drawn", [0, 1, 4], ids=["fresh", "in a pair", "odd words used"])
def test_noise_is_numpys(drawn: int) -> None:
    random = np.random.RandomState(5)
    random.standard_normal(drawn)
    random.random_sample(drawn // 2)
    if drawn > 1:
        random.randint(0, 5, 3)
    position = position_of(random)
    rows, end = band_streams(position, 5003, 4, 3 * 5003)
    for row, expected in zip(rows, random.standard_normal((7, 5003))[3:], strict=True):
        got, pending = np.zeros(5003, np.float32), np.zeros(SPARE, np.float32)
        for start in range(0, 5003, 1000):
            fill_noise(row, pending, 0, got[start : start + 1000])
        np.testing.assert_allclose(got, expected, atol=1e-4)
    for place in (end, advance(position, 7 * 5003)):
        assert np.array_equal(place.key, random.get_state()[1])
        assert place.state()[2:] == random.get_state()[2:]


def test_noise_starts_where_it_is_told() -> None:
    row = band_streams(position_of(np.random.RandomState(1)), 100, 1, 10)[0][0]
    got = np.zeros(40, np.float32)
    fill_noise(row, np.zeros(SPARE, np.float32), 25, got)
    np.testing.assert_allclose(got[25:], np.random.RandomState(1).standard_normal(25)[10:], atol=1e-5)
    assert not got[:25].any()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_scores_in_parallel_are_those_of_one_call_after_the_other(threads: int) -> None:
    np.random.seed(7)  # noqa: NPY002
    expected = []
    for pair in pairs():
        arguments = pair.processed_rate, pair.reference_rate, pair.audiogram, pair.equalisation, pair.level1
        expected.append(compute_haaqi(pair.processed, pair.reference, *arguments))
    after = np.random.get_state()  # noqa: NPY002
    random = np.random.RandomState(7)
    assert [parts.score for parts in haaqi_parts_of_pairs(pairs(), seed=random, threads=threads)] == expected
    assert np.array_equal(random.get_state()[1], after[1])
    assert random.get_state()[2:] == after[2:]
    assert [parts.score for parts in haaqi_parts_of_pairs(iter(pairs()), seed=7, threads=threads)] == expected


def test_seeds() -> None:
    arguments = sound(1), sound(0), 24000, 24000, LEFT, 1, 90.0
    first = haaqi_parts(*arguments, seed=3).score
    np.random.seed(3)  # noqa: NPY002
    assert haaqi_parts(*arguments).score == compute_haaqi(*arguments, engine=seeded) == first
    generator = np.random.default_rng(3)
    scores = [haaqi_parts(*arguments, seed=generator).score for _ in range(2)]
    assert scores[0] != scores[1]
    assert haaqi_parts(*arguments, seed=np.random.default_rng(3)).score == scores[0]


def seeded(*arguments: object) -> float:
    np.random.seed(3)  # noqa: NPY002
    return fast_engine(*arguments)  # type: ignore[arg-type]


def test_seed_leaves_the_global_state_alone() -> None:
    np.random.seed(1)  # noqa: NPY002
    haaqi_parts_of_pairs(pairs(), seed=2)
    assert np.random.random() == np.random.RandomState(1).random_sample()  # noqa: NPY002


def test_progress_tells_and_cancels() -> None:
    told: list[float] = []
    haaqi_parts_of_pairs(pairs(), seed=0, progress=lambda done, text: told.append(done))
    assert told == sorted(told)

    def cancel(done: float, text: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        haaqi_parts_of_pairs(pairs(), seed=0, threads=2, progress=cancel)


def test_parts_combine_to_the_score() -> None:
    parts = haaqi_parts(sound(1), sound(0), 24000, 24000, LEFT, 1, 90.0, seed=0)
    assert parts.cepstral_correlation == pytest.approx(parts.cepstra.mean())
    nonlinear = 0.754 * parts.cepstral_correlation**3 + 0.246 * parts.synchrony
    linear = 0.329 * parts.loudness + 0.671 * parts.slope
    assert (parts.nonlinear, parts.linear) == pytest.approx((nonlinear, linear))
    score = 0.336 * nonlinear + 0.001 * linear + 0.501 * nonlinear**2 + 0.161 * linear**2
    assert parts.score == pytest.approx(score)
    assert {len(parts.synchrony_bands), len(parts.loudness_bands), len(parts.slope_bands)} == {32}


def test_engines_have_names() -> None:
    assert engine_by_name("fast") is fast_engine
    assert engine_by_name("reference") is reference_engine
    with pytest.raises(CadenzaError, match="fast, reference"):
        engine_by_name("exact")


def test_self_check() -> None:
    np.random.seed(4)  # noqa: NPY002
    result = check_haaqi(sound(1), sound(0), 24000, 24000, LEFT, 1, 90.0)
    assert result.agrees
    assert abs(result.difference) < 1e-6
    assert result.reference == reference_engine_score()
    assert np.random.random() == np.random.RandomState(4).random_sample()  # noqa: NPY002


def reference_engine_score() -> float:
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    score = pyclarity_haaqi(sound(1), sound(0), 24000, 24000, LEFT, 1, 90.0)
    np.random.set_state(state)  # noqa: NPY002
    return float(score)


# What cannot be scored: the error is the core's and pyclarity's at once.


def test_empty_signals_score_as_pyclaritys() -> None:
    nothing, something = np.zeros(0), sound(0)
    for processed in (nothing, something):
        expected = pyclarity_haaqi(processed, nothing, 24000, 24000, LEFT)
        assert compute_haaqi(processed, nothing, 24000, 24000, LEFT) == expected
    with pytest.raises(CadenzaError, match="processed"):
        compute_haaqi(nothing, something, 24000, 24000, LEFT)


def test_silent_reference_is_an_index_error_as_pyclaritys() -> None:
    for engine in (pyclarity_haaqi, compute_haaqi):
        with pytest.raises(IndexError), np.errstate(all="ignore"):
            engine(sound(0), np.zeros(12000), 24000, 24000, LEFT)
    with pytest.raises(CadenzaError, match="silent"):
        compute_haaqi(sound(0), np.zeros(12000), 24000, 24000, LEFT)


@pytest.mark.parametrize("samples", [1200, 1300, 2000, 4799, 4800, 4801, 4900, 5000])
def test_short_signals_score_as_pyclaritys(samples: int) -> None:
    x, y = sound(0, samples), sound(0, samples) + sound(1, samples)
    np.random.seed(0)  # noqa: NPY002
    expected = pyclarity_haaqi(y, x, 24000, 24000, LEFT, 1, 90.0)
    after = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    assert compute_haaqi(y, x, 24000, 24000, LEFT, 1, 90.0) == pytest.approx(expected, abs=1e-6)
    assert np.random.random() == after  # noqa: NPY002


def test_reference_that_is_an_impulse_fails_as_pyclaritys() -> None:
    x = np.zeros(12000)
    x[300] = 1.0
    for engine in (pyclarity_haaqi, compute_haaqi):
        with pytest.raises((ValueError, IndexError)), np.errstate(all="ignore"):
            engine(sound(0), x, 24000, 24000, LEFT)
    with pytest.raises(CadenzaError, match="too short"):
        compute_haaqi(sound(0), x, 24000, 24000, LEFT)


def test_audiogram_with_holes_is_a_sentence() -> None:
    holes = Audiogram(levels=[20, np.nan, 40, 50, 60, np.nan], frequencies=LEFT.frequencies)
    with pytest.raises(CadenzaError, match="500, 6000 Hz"):
        compute_haaqi(sound(1), sound(0), 24000, 24000, holes)


def test_audiogram_without_a_frequency_is_interpolated() -> None:
    sparse = Audiogram(levels=[20, 60], frequencies=[250, 6000])
    np.random.seed(0)  # noqa: NPY002
    expected = pyclarity_haaqi(sound(1), sound(0), 24000, 24000, sparse, 1, 90.0)
    assert haaqi_parts(sound(1), sound(0), 24000, 24000, sparse, 1, 90.0, seed=0).score == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize("rate", [0, -1, 400, np.inf, np.nan])
def test_impossible_rates_are_a_sentence(rate: float) -> None:
    with pytest.raises(CadenzaError, match="sample rate"):
        compute_haaqi(sound(1), sound(0), rate, 24000, LEFT)


def test_unknown_equalisation_is_a_sentence() -> None:
    with pytest.raises(CadenzaError, match="equalisation"):
        compute_haaqi(sound(1), sound(0), 24000, 24000, LEFT, 3)


def test_inputs_are_left_as_they_are() -> None:
    x, y = sound(0), sound(1)
    for signal in (x, y):
        signal.flags.writeable = False
    compute_haaqi(y, x, 24000, 24000, LEFT, 1, 90.0)
    np.testing.assert_array_equal(x, sound(0))


_KERNEL = """
import sys
import numpy as np
from cadenza_core.quality.haaqi_compile import compiling, kernel

@kernel
def total(x):
    return np.sort(x).sum()

if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    with compiling():
        total(np.arange(100.0))
    print(sum(total.stats.cache_misses.values()), total(np.arange(100.0)))
"""


@pytest.mark.slow
def test_processes_that_compile_at_once_agree(tmp_path: Path) -> None:
    root = Path(cadenza_core.__file__).parents[1]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(root)}
    (tmp_path / "total.py").write_text(_KERNEL)
    command = [sys.executable, str(tmp_path / "total.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, env=environment, **pipes) for _ in range(3)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.communicate(timeout=120)[0] for process in running)
    assert [process.returncode for process in running] == [0, 0, 0]
    assert said == ["0 4950.0\n", "0 4950.0\n", "1 4950.0\n"]  # one has compiled, the others have loaded it
    assert list(tmp_path.rglob("*.nbc"))


def test_kernels_are_kept_where_one_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(haaqi_compile.__file__).parent / "__pycache__"
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path))
    assert haaqi_compile._cache_folder().parent == package
    monkeypatch.setattr(haaqi_compile, "_writable", lambda folder: package not in folder.parents)
    assert haaqi_compile._cache_folder().parent == tmp_path / "cache" / "numba"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    assert haaqi_compile._cache_folder().parent == tmp_path / "own"
    monkeypatch.setattr(haaqi_compile, "_writable", lambda folder: False)
    assert haaqi_compile._cache_folder() is None


def test_warm_up_draws_no_noise() -> None:
    np.random.seed(1)  # noqa: NPY002
    warm_up()
    assert np.random.random() == np.random.RandomState(1).random_sample()  # noqa: NPY002


def test_warming_up_aside_ends_ready_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    processes: list[subprocess.Popen] = []

    class Kept(subprocess.Popen):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Kept)
    monkeypatch.setattr("cadenza_core.quality.haaqi.is_compiled", lambda: False)
    said: list[tuple[float, str]] = []
    warm_up_aside(lambda share, text: said.append((share, text)))
    assert said[-1] == (1.0, "HAAQI is ready")
    assert processes[0].returncode == 0

    def stop(share: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        warm_up_aside(stop)
    assert processes[1].returncode not in (None, 0)


def test_warming_up_starts_no_process_where_all_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up()
    monkeypatch.setattr(subprocess, "Popen", None)
    said: list[float] = []
    warm_up_aside(lambda share, text: said.append(share))
    assert said == [1.0]
