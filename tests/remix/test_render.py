"""Rendering: equal to the sum of what the recipe makes of each stem, and in time with the song."""

import numpy as np
import pytest
from clarity.enhancer.compressor import Compressor as PyclarityCompressor
from clarity.enhancer.nalr import NALR
from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.audio import STEMS, Stems
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing import Compressor, process_stems
from cadenza_core.remix import UNITY, Gains, ear_stems, mix, remix_processed, render

RATE = 44100
FREQUENCIES = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
LISTENER = Listener(
    Audiogram(levels=[20, 25, 35, 50, 55, 65, 75, 80], frequencies=FREQUENCIES),
    Audiogram(levels=[40] * 8, frequencies=FREQUENCIES),
    "two ears",
)
GAINS = Gains.parse(["vocals=6", "drums.left=-6", "bass.right=-3.3", "other.left=mute"])


def make_stems(n: int = 20_000, level: float = 0.2) -> Stems:
    rng = np.random.default_rng(5)
    return Stems({name: (level * rng.standard_normal((2, n))).astype(np.float32) for name in STEMS}, RATE)


def recipe(stems: Stems, gains: Gains, *, compress: bool = False) -> np.ndarray:
    """What pyclarity's own functions make of each stem after its gain, summed, shape (2, n + 220)."""
    enhancer = NALR(nfir=220, sample_rate=RATE)
    compressor = PyclarityCompressor(
        fs=RATE, threshold=0.35, attenuation=0.1, attack=50, release=1000, rms_buffer_size=0.064
    )
    ears = (("left", LISTENER.audiogram_left), ("right", LISTENER.audiogram_right))
    out = np.zeros((2, stems.length + 220))
    for row, (ear, audiogram) in enumerate(ears):
        fir = enhancer.build(audiogram)[0]
        for name, samples in stems.items():
            processed = enhancer.apply(fir, 10 ** (gains.decibels[name, ear] / 20) * samples[row].astype(np.float64))
            out[row] += compressor.process(processed)[0] if compress else processed
    return out


def test_mix_at_unity_is_the_sum() -> None:
    stems = make_stems()
    expected = sum(samples.astype(np.float64) for samples in stems.values())
    assert np.array_equal(mix(stems), expected)


def test_mix_applies_each_gain_to_its_ear_only() -> None:
    stems = make_stems(1000)
    out = mix(stems, GAINS)
    left = 10 ** (6 / 20) * stems["vocals"][0].astype(float) + 10 ** (-6 / 20) * stems["drums"][0] + stems["bass"][0]
    right = 10 ** (6 / 20) * stems["vocals"][1].astype(float) + stems["drums"][1] + stems["other"][1]
    right = right + 10 ** (-3.3 / 20) * stems["bass"][1].astype(float)
    assert out.dtype == np.float64
    np.testing.assert_allclose(out, [left, right], rtol=0, atol=1e-6)


def test_muted_everywhere_is_silence() -> None:
    assert not mix(make_stems(100), Gains.parse([f"{name}=mute" for name in STEMS])).any()


def test_mix_does_not_round_gains_to_float32() -> None:
    """float32 samples times a Python float stay float32 in NumPy 2, which would lose 1e-8."""
    stems = Stems({"vocals": np.full((2, 10), 0.3, np.float32)}, RATE)
    expected = 10 ** (1 / 20) * float(np.float32(0.3))
    np.testing.assert_allclose(mix(stems, Gains.parse(["vocals=1"])), expected, rtol=1e-15)


def test_mix_is_not_limited() -> None:
    stems = Stems({name: np.ones((2, 4), np.float32) for name in STEMS}, RATE)
    assert np.array_equal(mix(stems), np.full((2, 4), 4.0))


def test_mix_of_some_stems_only() -> None:
    stems = make_stems(100)
    assert np.array_equal(mix({"bass": stems["bass"]}), stems["bass"].astype(np.float64))


def test_without_listener_render_is_the_mix() -> None:
    stems = make_stems(500)
    assert np.array_equal(render(stems, RATE, GAINS), mix(stems, GAINS))


@pytest.mark.parametrize("gains", [UNITY, GAINS], ids=["unity", "gains"])
def test_render_equals_the_sum_of_the_recipes_stems(gains: Gains) -> None:
    stems = make_stems()
    out = render(stems, RATE, gains, listener=LISTENER)
    assert out.shape == (2, stems.length)
    np.testing.assert_allclose(out, recipe(stems, gains)[:, 110:-110], rtol=0, atol=1e-10)


def test_render_with_compressor_compresses_each_stem_by_itself() -> None:
    stems = make_stems(44100, 0.15)
    out = render(stems, RATE, GAINS, listener=LISTENER, compressor=Compressor())
    np.testing.assert_allclose(out, recipe(stems, GAINS, compress=True)[:, 110:-110], rtol=0, atol=1e-10)
    assert np.abs(out - recipe(stems, GAINS)[:, 110:-110]).max() > 0.01  # or the compressor did nothing here


@pytest.mark.parametrize("position", [0, 4000, 9999])
def test_rendered_impulse_is_in_time_with_the_song(position: int) -> None:
    samples = np.zeros((2, 10_000), np.float32)
    samples[:, position] = 1.0
    out = render({"drums": samples}, RATE, listener=LISTENER)
    assert list(np.argmax(np.abs(out), axis=1)) == [position, position]


def test_render_refuses_a_compressor_of_another_rate() -> None:
    with pytest.raises(CadenzaError, match="16000 Hz"):
        render(make_stems(100), RATE, listener=LISTENER, compressor=Compressor(16000))


def test_ear_stems_have_the_recipes_names_and_order() -> None:
    stems = make_stems(10)
    split = ear_stems(stems)
    assert list(split) == [f"{ear}_{name}" for name in STEMS for ear in ("left", "right")]
    assert np.array_equal(split["right_bass"], stems["bass"][1])


def test_remix_of_processed_stems_equals_the_recipes_bit_by_bit() -> None:
    """recipes/cad1/task1/baseline/enhance.py, `remix_signal`: zeros, then each stem of the ear in order."""
    processed = process_stems(ear_stems(make_stems(3000)), LISTENER)
    left, right = np.zeros(3220), np.zeros(3220)
    for name, signal in processed.items():
        if name.startswith("l"):
            left += signal
        else:
            right += signal
    assert np.array_equal(remix_processed(processed), np.stack([left, right]))


def test_remix_of_processed_stems_with_gains_is_what_render_gives() -> None:
    stems = make_stems(3000)
    out = remix_processed(process_stems(ear_stems(stems), LISTENER), GAINS)
    np.testing.assert_allclose(out[:, 110:-110], render(stems, RATE, GAINS, listener=LISTENER), rtol=0, atol=1e-10)


def test_rendering_leaves_the_stems_alone() -> None:
    stems = make_stems(1000)
    before = {name: samples.copy() for name, samples in stems.items()}
    mix(stems, GAINS)
    render(stems, RATE, GAINS, listener=LISTENER, compressor=Compressor())
    remix_processed(ear_stems(stems), GAINS)
    assert all(np.array_equal(stems[name], before[name]) for name in STEMS)
