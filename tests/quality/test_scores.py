"""Scores against pyclarity called directly, with the recipe's seed and order: equal to 1e-12, 1e-6 if fast."""

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from clarity.enhancer.nalr import NALR
from clarity.evaluator.haaqi import compute_haaqi as pyclarity_haaqi
from clarity.utils.audiogram import Audiogram, Listener
from clarity.utils.flac_encoder import read_flac_signal, save_flac_signal
from clarity.utils.signal_processing import compute_rms
from clarity.utils.signal_processing import resample as pyclarity_resample
from scipy.io import wavfile

from cadenza_core.audio import read_audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.hearing import process_stems
from cadenza_core.quality import PairScore, fast_engine, reference_engine, score_remix, score_stems, song_seed
from cadenza_core.remix import ear_stems

RATE = 44100
ORDER = ("drums", "bass", "other", "vocals")
FREQUENCIES = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
LISTENER = Listener(
    Audiogram(levels=[20, 25, 35, 50, 55, 65, 75, 80], frequencies=FREQUENCIES),
    Audiogram(levels=[10, 10, 20, 40, 45, 50, 60, 70], frequencies=FREQUENCIES),
    "L0001",
)
SONG = "Actions - One Minute Smile"


def generated_stems(seconds: float = 0.5, seed: int = 1) -> dict[str, np.ndarray]:
    """Four stems, shape (2, n), float32: decaying tones with some noise, different in each ear."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    stems = {}
    for number, name in enumerate(ORDER):
        ears = []
        for ear in range(2):
            tones = sum(np.sin(2 * np.pi * 110 * (number + 1) * k * time + ear) / k for k in range(1, 6))
            swing = 0.2 + np.exp(-6 * ((time * (2 + number)) % 1.0))
            ears.append(0.05 * tones * swing + 0.003 * rng.standard_normal(len(time)))
        stems[name] = np.stack(ears).astype(np.float32)
    return stems


def write_song(folder: Path, stems: dict[str, np.ndarray]) -> None:
    folder.mkdir()
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.wav", samples.T, RATE, subtype="PCM_16")


def enhance(folder: Path, stems: dict[str, np.ndarray]) -> None:
    """Write a submission with pyclarity's own writer; its stems are not the true ones: each has a bit of the next."""
    folder.mkdir()
    leaky = {name: stems[name] + 0.2 * stems[ORDER[(i + 1) % 4]] for i, name in enumerate(ORDER)}
    for name, signal in process_stems(ear_stems(leaky), LISTENER).items():
        path = folder / f"{LISTENER.id}_{SONG}_{name}.flac"
        save_flac_signal(signal, path, RATE, 24000, do_scale_signal=True)


def recipe_scores(song_dir: Path, enhanced: Path, listener: Listener) -> tuple[float, dict[str, float]]:
    """`_evaluate_song_listener` of pyclarity 0.9.0's recipes/cad1/task1/baseline/evaluate.py, transcribed."""
    np.random.seed(int(hashlib.md5(SONG.encode("utf-8")).hexdigest(), 16) % (10**8))  # noqa: NPY002
    scores = {}
    for instrument in ["drums", "bass", "other", "vocals"]:
        reference_rate, reference = wavfile.read(song_dir / f"{instrument}.wav")
        reference = (reference / 32768.0).astype(np.float32)
        left, _ = read_flac_signal(enhanced / f"{listener.id}_{SONG}_left_{instrument}.flac")
        right, _ = read_flac_signal(enhanced / f"{listener.id}_{SONG}_right_{instrument}.flac")
        for row, ear, processed, audiogram in (
            (0, "left", left, listener.audiogram_left),
            (1, "right", right, listener.audiogram_right),
        ):
            scores[f"{ear}_{instrument}"] = pyclarity_haaqi(
                processed_signal=processed,
                reference_signal=pyclarity_resample(reference[:, row], reference_rate, 24000),
                processed_sample_rate=24000,
                reference_sample_rate=24000,
                audiogram=audiogram,
                equalisation=1,
                level1=65 - 20 * np.log10(compute_rms(reference[:, row])),
            )
    return float(np.mean(list(scores.values()))), scores


@pytest.mark.parametrize("source", ["generated", "real"])
def test_stem_scores_equal_the_recipes(source: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The reference engine's to 1e-12, the fast one's to 1e-6; of real stems the fast one's."""
    content = generated_stems()
    engines = {reference_engine: 1e-12, fast_engine: 1e-6}
    if source == "real":
        del engines[reference_engine]
        place = request.getfixturevalue("shared_data") / "musdb18hq" / "test" / "Software-Entwicklungskit - Lithium"
        content = {name: read_audio(place / f"{name}.flac", 20.0, 20.5).samples for name in ORDER}
    song, enhanced = tmp_path / "song", tmp_path / "enhanced"
    write_song(song, content)
    enhance(enhanced, content)
    expected_mean, expected = recipe_scores(song, enhanced, LISTENER)
    for engine, tolerance in engines.items():
        pair = score_stems(
            SONG,
            LISTENER,
            lambda name: read_flac_signal(enhanced / f"{LISTENER.id}_{SONG}_{name}.flac")[0],
            lambda stem: read_audio(song / f"{stem}.wav").samples,
            RATE,
            engine=engine,
        )
        assert list(pair.haaqi) == list(expected)
        for name, value in expected.items():
            assert pair.haaqi[name] == pytest.approx(float(value), abs=tolerance, rel=0), name
        assert pair.score == pytest.approx(expected_mean, abs=tolerance, rel=0)
        assert (pair.song, pair.listener, pair.notes) == (SONG, "L0001", ())
    assert 0.1 < expected_mean < 0.99  # neither end, where everything would be equal


def test_remix_scores_equal_pyclaritys() -> None:
    """As ICASSP 2024's evaluate.py: NAL-R on the reference, `equalisation` 2, level of the reference before NAL-R."""
    reference = sum(stem.astype(np.float64) for stem in generated_stems(0.6).values())
    remix = np.stack([np.tanh(3 * channel) for channel in reference])
    enhancer = NALR(nfir=220, sample_rate=RATE)
    np.random.seed(int(hashlib.md5(SONG.encode()).hexdigest(), 16) % 10**8)  # noqa: NPY002
    expected = []
    for row, audiogram in enumerate((LISTENER.audiogram_left, LISTENER.audiogram_right)):
        amplified = enhancer.apply(enhancer.build(audiogram)[0], reference[row])[110:-110]
        signals = [pyclarity_resample(signal, RATE, 24000) for signal in (remix[row], amplified)]
        level1 = 65 - 20 * np.log10(compute_rms(reference[row]))
        expected.append(float(pyclarity_haaqi(*signals, 24000, 24000, audiogram, equalisation=2, level1=level1)))
    # 1e-10: the amplified reference is our filter's, which differs from NALR.apply by rounding.
    for engine, tolerance in ((reference_engine, 1e-10), (fast_engine, 1e-6)):
        score = score_remix(SONG, LISTENER, remix, reference, RATE, engine=engine)
        assert (score.left, score.right) == pytest.approx(tuple(expected), abs=tolerance, rel=0)
        assert score.score == pytest.approx(np.mean(expected), abs=tolerance)


def test_remix_with_a_silent_ear_is_a_sentence() -> None:
    sound = np.zeros((2, 24000))
    sound[0] = 0.1 * np.random.default_rng(0).standard_normal(24000)
    with pytest.raises(CadenzaError, match="silent"):
        score_remix(SONG, LISTENER, sound, sound, 24000, engine=drawing_engine)


@pytest.mark.parametrize("name", [SONG, "Al James - Schoolboy Facination", "Ätöm 日本"])
def test_song_seed_is_the_recipes(name: str) -> None:
    assert song_seed(name) == int(hashlib.md5(name.encode("utf-8")).hexdigest(), 16) % (10**8)


def test_song_seed_is_fixed() -> None:
    assert song_seed(SONG) == 87_297_760  # int(md5sum, 16) % 10**8, by coreutils


def test_name_that_is_not_utf8_has_a_seed_all_the_same() -> None:
    assert 0 <= song_seed("caf\udce9") < 10**8


# The random stream: a stand-in for HAAQI that gives its first draw as the score.


def drawing_engine(*_: object) -> float:
    return float(np.random.random())  # noqa: NPY002 - the engines' source of noise


def score(stems: dict[str, np.ndarray], **options: object) -> PairScore:
    return score_stems(
        SONG,
        LISTENER,
        lambda name: np.ones(24000, np.float32),
        lambda stem: stems[stem],
        RATE,
        **{"engine": drawing_engine, **options},  # type: ignore[arg-type]
    )


def draws(count: int) -> list[float]:
    return list(np.random.RandomState(song_seed(SONG)).random_sample(count))


def test_noise_is_drawn_in_the_recipes_order_from_its_seed() -> None:
    names = [f"{ear}_{stem}" for stem in ORDER for ear in ("left", "right")]
    assert score(generated_stems(0.1)).haaqi == dict(zip(names, draws(8), strict=True))


def test_silent_reference_has_no_score_and_draws_no_noise() -> None:
    stems = generated_stems(0.1)
    stems["bass"][1] = 0.0
    pair = score(stems)
    assert np.isnan(pair.haaqi["right_bass"])
    assert [value for value in pair.haaqi.values() if not np.isnan(value)] == draws(7)
    assert pair.score == pytest.approx(np.mean(draws(7)), abs=1e-15)
    assert pair.notes == ("right_bass: the reference is silent, no score; left out of the mean",)


def test_the_recipe_stops_at_a_silent_reference_before_any_noise() -> None:
    """Why leaving its noise out is no departure: there is no official number for such a song."""
    np.random.seed(1)  # noqa: NPY002
    silence, sound = np.zeros(2400, np.float32), np.ones(2400, np.float32)
    with pytest.raises(IndexError), np.errstate(all="ignore"):
        pyclarity_haaqi(sound, silence, 24000, 24000, LISTENER.audiogram_left, 1, np.inf)
    assert np.random.random() == np.random.RandomState(1).random_sample()  # noqa: NPY002


def test_song_without_any_sound_scores_nan_not_zero() -> None:
    pair = score({name: np.zeros((2, 4410), np.float32) for name in ORDER})
    assert np.isnan(pair.score)
    assert len(pair.notes) == 8


def test_broken_reference_is_a_sentence_not_silence() -> None:
    stems = generated_stems(0.1)
    stems["other"][0, 7] = np.nan
    with pytest.raises(CadenzaError, match=r"reference.*NaN"):
        score(stems)


def test_global_random_state_is_put_back() -> None:
    np.random.seed(99)  # noqa: NPY002
    score(generated_stems(0.1))
    assert np.random.random() == np.random.RandomState(99).random_sample()  # noqa: NPY002


def test_two_threads_do_not_draw_from_each_others_noise() -> None:
    stems, inside, go, waiting = generated_stems(0.1), threading.Event(), threading.Event(), threading.Event()
    pairs = []

    def slow_engine(*_: object) -> float:
        inside.set()
        assert go.wait(30)
        return drawing_engine()

    def second_progress(done: float, text: str) -> None:
        if text.startswith("waiting"):
            waiting.set()

    first = threading.Thread(target=lambda: pairs.append(score(stems, engine=slow_engine)))
    first.start()
    assert inside.wait(30)
    second = threading.Thread(target=lambda: pairs.append(score(stems, progress=second_progress)))
    second.start()
    assert waiting.wait(30)
    go.set()
    first.join(30)
    second.join(30)
    assert [list(pair.haaqi.values()) for pair in pairs] == [draws(8)] * 2


def test_cancelled_scoring_lets_the_next_one_in() -> None:
    def cancel(done: float, text: str) -> None:
        if done > 0.3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        score(generated_stems(0.1), progress=cancel)
    assert score(generated_stems(0.1)).score > 0
