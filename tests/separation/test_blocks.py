import numpy as np
import pytest

from cadenza_core.audio import RATE, Audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.separation.base import SystemInfo
from cadenza_core.separation.blocks import check_mixture, istft, separate_in_blocks, stft
from tests.memory import peak_memory

HOP = 16
REACH = 40  # samples that `blur` looks to each side


def noise(n: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((channels, n)).astype(np.float32)


def blur(samples: np.ndarray) -> np.ndarray:
    """A filter that looks `REACH` samples to each side."""
    kernel = np.hanning(2 * REACH + 3)[1:-1]
    return np.stack([np.convolve(row, kernel)[REACH:-REACH] for row in samples]).astype(np.float32)


def blurred(mixture: Audio, *, block: int, context: int) -> np.ndarray:
    def estimate(part: slice) -> dict[str, np.ndarray]:
        return {"all": blur(mixture.samples[:, part])}

    return separate_in_blocks(mixture, ["all"], estimate, hop=HOP, context=context, block=block)["all"]


@pytest.mark.parametrize("n", [1, HOP, 159, 160, 161, 1000])
def test_blocks_with_enough_context_give_the_whole_songs_result(n):
    mixture = Audio(noise(n), RATE)
    np.testing.assert_allclose(blurred(mixture, block=160, context=REACH), blur(mixture.samples), atol=1e-5)


def test_too_little_context_is_seen():
    mixture = Audio(noise(1000), RATE)
    assert np.abs(blurred(mixture, block=160, context=0) - blur(mixture.samples)).max() > 1


def test_every_part_starts_on_the_grid_and_holds_its_block_with_context():
    parts = []

    def estimate(part: slice) -> dict[str, np.ndarray]:
        parts.append((part.start, part.stop))
        return {"all": np.zeros((2, part.stop - part.start), np.float32)}

    separate_in_blocks(Audio(noise(350), RATE), ["all"], estimate, hop=HOP, context=17, block=160)
    assert parts == [(0, 192), (128, 350), (288, 350)]


@pytest.mark.parametrize("block", [0, -HOP, HOP + 1])
def test_a_block_off_the_grid_is_refused(block):
    with pytest.raises(ValueError, match="multiple of the hop"):
        blurred(Audio(noise(100), RATE), block=block, context=0)


def test_progress_rises_from_zero_to_one_with_a_call_for_each_block():
    calls = []
    mixture = Audio(noise(10 * HOP), RATE)
    separate_in_blocks(
        mixture,
        ["all"],
        lambda part: {"all": mixture.samples[:, part]},
        hop=HOP,
        context=0,
        block=4 * HOP,
        progress=lambda done, text: calls.append((done, text)),
    )
    assert [done for done, _ in calls] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert calls[1][1] == "block 2 of 3"


def test_cancelling_passes_through_and_stops_the_work():
    worked = []

    def estimate(part: slice) -> dict[str, np.ndarray]:
        worked.append(part)
        return {"all": np.zeros((2, part.stop - part.start), np.float32)}

    def cancel(done: float, text: str) -> None:
        if done > 0:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        separate_in_blocks(Audio(noise(160), RATE), ["all"], estimate, hop=HOP, context=0, block=HOP, progress=cancel)
    assert len(worked) == 1


def separate_silence(blocks: int) -> None:
    block = 64 * 256
    mixture = Audio(np.zeros((2, blocks * block), np.float32), RATE)

    def estimate(part: slice) -> dict[str, np.ndarray]:
        spectra = stft(mixture.samples[:, part], 1024, 256)
        return {"all": istft(spectra, 1024, 256, part.stop - part.start)}

    separate_in_blocks(mixture, ["all"], estimate, hop=256, context=1024, block=block)


def test_memory_beyond_the_songs_own_samples_does_not_grow_with_the_song():
    def working_memory(blocks: int) -> int:
        mixture_and_stem = 2 * (2 * blocks * 64 * 256 * 4)
        return peak_memory(separate_silence, blocks) - mixture_and_stem

    assert working_memory(48) < 1.1 * working_memory(3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_fft, hop", [(4096, 1024), (2048, 1024), (64, 16)])
@pytest.mark.parametrize("n", [1, 15, 1023, 1024, 1025, 9000])
def test_istft_of_stft_is_the_signal_within_1e_6_at_any_length(n, n_fft, hop):
    samples = noise(n) / 4
    spectra = stft(samples, n_fft, hop)
    assert spectra.dtype == np.complex64
    assert spectra.shape == (2, (n - 1) // hop + n_fft // hop, n_fft // 2 + 1)
    again = istft(spectra, n_fft, hop, n)
    assert again.dtype == np.float32
    np.testing.assert_allclose(again, samples, atol=1e-6)


def test_frames_of_a_part_on_the_grid_are_the_songs_frames():
    samples = noise(4000)
    whole, part = stft(samples, 256, 64), stft(samples[:, 640:2560], 256, 64)
    inside = slice(3, part.shape[1] - 3)  # the frames that lie in the part altogether
    np.testing.assert_allclose(part[:, inside], whole[:, 10 + 3 : 10 + part.shape[1] - 3], atol=1e-4)


INFO = SystemInfo("x", "X", "MIT", "nothing", cad1_closed=True, size_mb=0, source="here")


@pytest.mark.parametrize("channels, rate", [(1, RATE), (2, 48000)])
def test_a_mono_mixture_or_another_sample_rate_is_refused_with_what_is_accepted(channels, rate):
    with pytest.raises(CadenzaError, match=f"{channels} channel.*{rate} Hz.*accepts 2 channels at 44100 Hz"):
        check_mixture(Audio(noise(100, channels), rate), INFO)


def test_a_stereo_mixture_at_the_systems_rate_is_accepted():
    check_mixture(Audio(noise(100), RATE), INFO)
