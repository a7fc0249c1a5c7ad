import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from cadenza_core.audio import RATE, STEMS, Audio, Stems, read_audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.quality.sdr import stem_sdr
from cadenza_core.separation import preview
from cadenza_core.separation.base import registered
from cadenza_core.separation.preview import Preview
from cadenza_core.settings import Settings

DATA = Path(__file__).parents[3] / "shared" / "data"
SONGS = sorted(path for path in DATA.glob("musdb18hq/*/*") if path.is_dir())
ROCK = DATA / "music" / "Music Delta - 80s Rock.stem.mp4"
SECONDS = 6
TIME = np.arange(SECONDS * RATE) / RATE


def beat(period: float, offset: float, decay: float) -> np.ndarray:
    """An envelope that starts anew every `period` seconds and falls to 1/e in `decay` seconds."""
    return np.exp(-((TIME - offset) % period) / decay) * (offset <= TIME)


def partials(frequency: np.ndarray, count: int) -> np.ndarray:
    """A tone of `count` partials, each 4 dB below the one before, of an instantaneous frequency in Hz."""
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    return sum(0.63**k * np.sin(k * phase) for k in range(1, count + 1))


def drums() -> np.ndarray:
    noise = np.random.default_rng(5).standard_normal(len(TIME))
    kick = np.sin(2 * np.pi * 55 * TIME) * beat(0.5, 0.0, 0.05)
    return np.tile(kick + 0.4 * noise * beat(1.0, 0.5, 0.04) + 0.1 * noise * beat(0.25, 0.125, 0.015), (2, 1))


def bass() -> np.ndarray:
    notes = np.repeat([41.2, 55.0, 49.0, 61.7, 41.2, 73.4], RATE)
    return np.tile(partials(notes, 3), (2, 1))


def vocals() -> np.ndarray:
    """A voice in the centre with vibrato, gliding between notes of half a second, silent between phrases."""
    notes = np.repeat([330.0, 392, 440, 392, 523, 494, 440, 349, 330, 294, 330, 392], RATE // 2)
    glide = scipy.signal.lfilter([0.001], [1, -0.999], notes - 330) + 330
    sings = (TIME % 2) < 1.6
    return np.tile(partials(glide * (1 + 0.012 * np.sin(2 * np.pi * 5.5 * TIME)), 10) * sings, (2, 1))


def other() -> np.ndarray:
    """A chord held through the song by two takes, one on each side."""
    rng = np.random.default_rng(6)
    takes = []
    for _ in range(2):
        notes = [np.sin(2 * np.pi * f * TIME + rng.uniform(0, 6)) for f in (311, 370, 466, 622, 740, 932, 1245)]
        takes.append(sum(notes))
    return np.stack(takes)


def song() -> Stems:
    """Six seconds of four stems as far apart as the system supposes stems to be, equally loud."""
    makers = {"vocals": vocals, "drums": drums, "bass": bass, "other": other}
    stems = {name: makers[name]() for name in STEMS}
    return Stems({name: 0.08 * stem / np.std(stem) for name, stem in stems.items()}, RATE)


@pytest.fixture(scope="module")
def truth() -> Stems:
    return song()


def separate(samples: np.ndarray, **options: int) -> Stems:
    return Preview(**options).separate(Audio(samples, RATE))


def test_every_stem_of_a_generated_song_scores_more_than_5_db(truth):
    scores = stem_sdr(separate(truth.mixture()), truth)
    assert min(scores.values()) > 5, scores


@pytest.mark.parametrize("name", STEMS)
def test_a_stem_alone_is_found_mostly_in_its_own_place(truth, name):
    stems = separate(truth[name])
    assert stem_sdr(stems, {name: truth[name]})[name] > 5


def test_a_voice_in_the_centre_is_vocals_a_wide_or_held_sound_is_other_rather(truth):
    def vocal_part(samples: np.ndarray) -> float:
        stems = separate(samples)
        vocals, other = (float(np.sum(stems[name].astype(float) ** 2)) for name in ("vocals", "other"))
        return vocals / (vocals + other)

    assert vocal_part(truth["vocals"]) > 0.9
    assert vocal_part(truth["vocals"] * np.float32([[1], [0]])) < 0.6, "wide: on one side"
    assert vocal_part(np.repeat(truth["other"][:1], 2, axis=0)) < 0.6, "held: a chord in the centre"


def test_the_stems_sum_to_the_mixture_within_1e_6(truth):
    np.testing.assert_allclose(separate(truth.mixture()).mixture(), truth.mixture(), atol=1e-6)


@pytest.mark.parametrize("block", [8 * 1024, 50 * 1024])
def test_blocks_give_one_block_of_the_whole_song_within_1e_6(truth, block):
    mixture = truth.mixture()[:, : 3 * RATE + 1]
    whole, blocks = separate(mixture), separate(mixture, block=block)
    for name in STEMS:
        np.testing.assert_allclose(blocks[name], whole[name], atol=1e-6)


def test_a_song_60_db_softer_gives_stems_60_db_softer(truth):
    mixture = truth.mixture()[:, :RATE]
    loud, soft = separate(mixture), separate(mixture / np.float32(1000))
    for name in STEMS:
        np.testing.assert_allclose(soft[name] * 1000, loud[name], atol=1e-5)


def test_swapping_left_and_right_swaps_the_stems_channels(truth):
    mixture = truth.mixture()[:, :RATE]
    stems, swapped = separate(mixture), separate(mixture[::-1])
    for name in STEMS:
        np.testing.assert_allclose(swapped[name][::-1], stems[name], atol=1e-6)


def test_two_runs_are_bit_identical(truth):
    one, two = separate(truth.mixture()[:, :RATE]), separate(truth.mixture()[:, :RATE])
    assert all(one[name].tobytes() == two[name].tobytes() for name in STEMS)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 2, 1023, 1024, 1025, 4095, 4097])
def test_an_excerpt_shorter_than_a_window_or_just_over_it_is_separated(truth, n):
    mixture = truth.mixture()[:, RATE : RATE + n]
    stems = separate(mixture)
    assert stems.length == n
    np.testing.assert_allclose(stems.mixture(), mixture, atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_silence_gives_silence():
    stems = separate(np.zeros((2, RATE), np.float32))
    assert not any(stem.any() for stem in stems.values())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("right", [1, -1, 0], ids=["same on both sides", "out of phase", "left only"])
def test_an_extreme_stereo_image_loses_nothing(truth, right):
    left = truth.mixture()[0, :RATE]
    mixture = np.stack([left, right * left])
    np.testing.assert_allclose(separate(mixture).mixture(), mixture, atol=1e-6)


def test_cancelling_passes_through(truth):
    def cancel(done: float, text: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        Preview().separate(Audio(truth.mixture(), RATE), progress=cancel)


def test_a_mono_mixture_is_refused(truth):
    with pytest.raises(CadenzaError, match="1 channel"):
        Preview().separate(Audio(truth.mixture()[:1], RATE))


def test_it_is_registered_and_may_be_submitted(tmp_path):
    system = registered()["preview"].make(Settings(tmp_path, tmp_path))
    assert system.info.cad1_closed
    assert not system.info.oracle
    assert system.identity() == Preview(block=4096).identity(), "the block is not part of the result"


def test_its_identity_needs_neither_torch_nor_librosa():
    program = (
        "import sys\n"
        "from cadenza_core.separation.preview import Preview\n"
        "assert Preview().identity()\n"
        "print(*{'torch', 'librosa', 'numba'} & sys.modules.keys())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.skipif(not SONGS, reason=f"real songs: {DATA / 'musdb18hq'} is not there")
@pytest.mark.parametrize("folder", SONGS, ids=lambda folder: folder.name)
def test_a_real_song_scores_more_than_3_db_in_the_mean_and_1_db_in_each_stem(folder):
    mixture = read_audio(folder / "mixture.flac", 10, 30)
    truth = {name: read_audio(folder / f"{name}.flac", 10, 30).samples for name in STEMS}
    scores = stem_sdr(Preview().separate(mixture), truth)
    assert np.mean(list(scores.values())) > 3, scores
    assert min(scores.values()) > 1, scores


@pytest.mark.skipif(not ROCK.exists(), reason=f"real song: {ROCK} is not there")
def test_a_real_recording_scores_more_than_4_db_in_the_mean_and_2_db_in_each_stem():
    streams = {name: read_audio(ROCK, stream=k).samples for k, name in enumerate(("mixture", "drums", "bass", "other"))}
    streams["vocals"] = read_audio(ROCK, stream=4).samples
    mixture = streams.pop("mixture")
    scores = stem_sdr(separate(mixture), streams)
    assert np.mean(list(scores.values())) > 4, scores
    assert min(scores.values()) > 2, scores


@pytest.mark.parametrize("at_once", [1, 4000, 10**9])
def test_medians_are_those_of_each_row_however_many_rows_are_filtered_at_once(monkeypatch, at_once):
    from scipy.ndimage import median_filter

    monkeypatch.setattr(preview, "_AT_ONCE", at_once)
    rows = np.random.default_rng(0).standard_normal((37, 501)).astype(np.float32)
    assert np.array_equal(preview._median(rows, 17), median_filter(rows, (1, 17), mode="mirror"))
