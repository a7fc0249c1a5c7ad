from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from cadenza_core.audio import RATE, STEMS, Audio, Stems, read_audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.quality.sdr import stem_sdr
from cadenza_core.separation.base import registered
from cadenza_core.separation.ideal_mask import IdealMask
from cadenza_core.settings import Settings

DATA = Path(__file__).parents[3] / "shared" / "data" / "musdb18hq"
SONGS = sorted(path for path in DATA.glob("*/*") if path.is_dir())


def bands(n: int, seed: int = 3) -> Stems:
    """Four noises in overlapping bands of frequency, coming and going at different rates."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / RATE
    stems = {}
    for k, name in enumerate(STEMS):
        sos = scipy.signal.butter(2, [100 * 4**k, 300 * 4**k], "bandpass", fs=RATE, output="sos")
        swell = np.sin(np.pi * (1 + k) * time) ** 2
        stems[name] = (scipy.signal.sosfilt(sos, rng.standard_normal((2, n))) * swell / 8).astype(np.float32)
    return Stems(stems, RATE)


def separate(truth: Stems, **options: int) -> Stems:
    return IdealMask(**options).separate(Audio(truth.mixture(), RATE), truth=truth)


def sigsep_irm2(mixture: np.ndarray, truth: Stems) -> dict[str, np.ndarray]:
    """The oracle as SiSEC 2018 defines it, on SciPy's STFT and in double precision."""
    spectra = {name: scipy.signal.stft(stem.astype(float), nperseg=2048)[2] for name, stem in truth.items()}
    total = sum(np.abs(spectrum) ** 2 for spectrum in spectra.values()) + np.finfo(float).eps
    mixed = scipy.signal.stft(mixture.astype(float), nperseg=2048)[2]
    return {
        name: scipy.signal.istft(np.abs(spectrum) ** 2 / total * mixed)[1][:, : mixture.shape[1]]
        for name, spectrum in spectra.items()
    }


def test_equals_sisec_2018s_oracle_irm2_within_1e_5():
    truth = bands(2 * RATE)
    expected, stems = sigsep_irm2(truth.mixture(), truth), separate(truth)
    for name in STEMS:
        np.testing.assert_allclose(stems[name], expected[name], atol=1e-5)


@pytest.mark.parametrize("n", [3 * RATE, 8 * 4096, 8 * 4096 + 1])
def test_blocks_give_one_block_of_the_whole_song_within_1e_6(n):
    truth = bands(n)
    whole, blocks = separate(truth), separate(truth, block=4096)
    for name in STEMS:
        np.testing.assert_allclose(blocks[name], whole[name], atol=1e-6)


def test_stems_that_share_time_and_frequency_are_told_apart_by_more_than_8_db():
    truth = bands(3 * RATE)
    scores = stem_sdr(separate(truth), truth)
    assert min(scores.values()) > 8, scores


def test_the_stems_sum_to_the_mixture_within_1e_6():
    truth = bands(RATE)
    np.testing.assert_allclose(separate(truth).mixture(), truth.mixture(), atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_silent_stem_stays_silent_and_silence_gives_silence():
    truth = bands(RATE)
    silent = np.zeros_like(truth["bass"])
    assert not separate(Stems({**truth, "bass": silent}, RATE))["bass"].any()
    nothing = separate(Stems(dict.fromkeys(STEMS, silent), RATE))
    assert not any(stem.any() for stem in nothing.values())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 2, 1023, 1024, 1025, 2047, 2049])
def test_an_excerpt_shorter_than_a_window_or_just_over_it_is_separated(n):
    truth = bands(n + RATE)
    truth = Stems({name: stem[:, RATE:] for name, stem in truth.items()}, RATE)
    stems = separate(truth)
    assert stems.length == n
    np.testing.assert_allclose(stems.mixture(), truth.mixture(), atol=1e-6)


def test_two_runs_are_bit_identical():
    truth = bands(RATE)
    one, two = separate(truth), separate(truth)
    assert all(one[name].tobytes() == two[name].tobytes() for name in STEMS)


def test_without_true_stems_it_says_that_it_needs_them():
    with pytest.raises(CadenzaError, match="needs the true stems"):
        IdealMask().separate(Audio(bands(RATE).mixture(), RATE))


def test_true_stems_of_other_names_are_refused():
    truth = bands(RATE)
    wrong = Stems({**{name: truth[name] for name in STEMS[1:]}, "guitar": truth["vocals"]}, RATE)
    with pytest.raises(CadenzaError, match=r"guitar.*needs exactly vocals, drums, bass, other"):
        IdealMask().separate(Audio(truth.mixture(), RATE), truth=wrong)


def test_true_stems_of_another_length_or_rate_are_refused():
    truth = bands(RATE)
    mixture = Audio(truth.mixture(), RATE)
    longer = Stems({name: np.pad(stem, [(0, 0), (0, 1)]) for name, stem in truth.items()}, RATE)
    with pytest.raises(CadenzaError, match=r"44101 samples.*mixture 44100"):
        IdealMask().separate(mixture, truth=longer)
    with pytest.raises(CadenzaError, match="at 48000 Hz"):
        IdealMask().separate(mixture, truth=Stems(truth.samples, 48000))


def test_cancelling_passes_through():
    def cancel(done: float, text: str) -> None:
        raise Cancelled("stopped")

    truth = bands(RATE)
    with pytest.raises(Cancelled):
        IdealMask().separate(Audio(truth.mixture(), RATE), truth=truth, progress=cancel)


def test_it_is_registered_as_an_oracle_that_must_not_be_submitted(tmp_path):
    system = registered()["ideal-mask"].make(Settings(tmp_path, tmp_path))
    assert system.info.oracle
    assert not system.info.cad1_closed
    assert system.identity() == IdealMask(block=4096).identity(), "the block is not part of the result"


@pytest.mark.skipif(not SONGS, reason=f"real songs: {DATA} is not there")
@pytest.mark.parametrize("folder", SONGS, ids=lambda folder: folder.name)
def test_every_stem_of_a_real_song_scores_more_than_8_db(folder):
    mixture = read_audio(folder / "mixture.flac", 10, 30)
    truth = Stems({name: read_audio(folder / f"{name}.flac", 10, 30).samples for name in STEMS}, RATE)
    scores = stem_sdr(IdealMask().separate(mixture, truth=truth), truth)
    assert min(scores.values()) > 8, scores
