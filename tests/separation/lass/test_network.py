"""The network: the official code's numbers, any length, long sounds in chunks, masks on other signals."""

import dataclasses

import numpy as np
import pytest
import torch

from cadenza_core.errors import Cancelled
from cadenza_core.separation.lass import load_separator, load_text_encoder
from cadenza_core.separation.lass.chunks import separate_long
from cadenza_core.separation.lass.network import DCASE, ResUNet
from tests.lass import TINY


@pytest.fixture(scope="module")
def model() -> ResUNet:
    torch.manual_seed(3)
    return ResUNet(TINY).eval()


@pytest.fixture(scope="module")
def condition() -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(1, TINY.condition, generator=torch.Generator().manual_seed(1)))


def noise(frames: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


@pytest.mark.parametrize("rate", ["16k", "32k"])
def test_outputs_equal_the_official_code_s_to_1e_4(shared_data, filled, tmp_path, rate):
    name = f"lass_resunet30_{rate}"
    torch.save({"state_dict": filled(name)}, tmp_path / "official.ckpt")
    separator = load_separator(tmp_path / "official.ckpt")
    assert separator.sample_rate == int(rate[:2]) * 1000
    vectors = np.load(shared_data / "regression" / f"{name}.npz")
    with torch.no_grad():
        for key in (key for key in vectors if key.startswith("separated_")):
            mixture = torch.from_numpy(vectors["mixture"][: int(key.split("_")[1])])[None, None]
            separated = separator(mixture, torch.from_numpy(vectors["condition"])[None])
            assert separated.shape == mixture.shape
            assert np.abs(separated[0, 0].numpy() - vectors[key]).max() < 1e-4


def test_the_text_encoder_equals_the_official_code_s_to_1e_5(shared_data, filled, tmp_path):
    torch.save({"state_dict": filled("lass_text_encoder")}, tmp_path / "clap.ckpt")
    encoder = load_text_encoder(tmp_path / "clap.ckpt")
    vectors = np.load(shared_data / "regression" / "lass_text_encoder.npz")
    ids, mask = (torch.from_numpy(vectors[name]) for name in ("input_ids", "attention_mask"))
    with torch.no_grad():
        embedding = encoder(input_ids=ids, attention_mask=mask)
        shorter = encoder(ids[:1, :5], mask[:1, :5])
    assert embedding.shape == (3, 512)
    assert np.abs(embedding.numpy() - vectors["embedding"]).max() < 1e-5
    assert np.abs(shorter.numpy() - vectors["embedding"][:1]).max() < 1e-5  # padding changes nothing


def test_entries_are_the_official_checkpoint_s_by_name_and_shape(shared_data, filled):
    with torch.device("meta"):
        own = {f"ss_model.{name}": list(value.shape) for name, value in ResUNet(DCASE).state_dict().items()}
    assert own == {name: list(value.shape) for name, value in filled("lass_resunet30_16k").items()}


def test_the_official_size_has_the_known_number_of_parameters():
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in ResUNet(DCASE).parameters()) == 26_446_917


@pytest.mark.parametrize("frames", [1, 80, 127, 128, 129, 4000])
def test_every_length_comes_back_as_long_and_finite(model, condition, frames):
    with torch.inference_mode():
        separated = model(torch.from_numpy(noise(frames))[None], condition)
    assert separated.shape == (1, 1, frames)
    assert separated.isfinite().all()


def test_a_batch_gives_what_its_sounds_give_alone(model, condition):
    sounds = torch.from_numpy(noise(3000, 2))[:, None]
    conditions = torch.cat([condition, -condition])
    with torch.inference_mode():
        together = model(sounds, conditions)
        alone = torch.cat([model(sounds[i : i + 1], conditions[i : i + 1]) for i in range(2)])
    assert (together - alone).abs().max() < 1e-6
    assert (together[1] - model(sounds[1:], condition)[0]).abs().max() > 1e-4  # the query matters


def test_strips_give_what_the_whole_gives(model, condition):
    sound = torch.from_numpy(noise(40_000))[None]
    with torch.inference_mode():
        strips = model(sound, condition)
    whole = model(sound, condition).detach()  # with gradients, all at once
    assert (strips - whole).abs().max() < 1e-6


def test_the_mask_is_linear_so_stems_shares_sum_to_the_mixture_s(model, condition):
    stems = noise(20_000, 3)
    mixture = stems.sum(axis=0, keepdims=True)
    with torch.inference_mode():
        signals = torch.from_numpy(np.concatenate([mixture, stems]))[None]
        out = model(torch.from_numpy(mixture)[None], condition, signals)[0].numpy()
        plain = model(torch.from_numpy(mixture)[None], condition)[0].numpy()
    assert np.abs(out[0] - plain[0]).max() < 1e-6
    assert np.abs(out[1:].sum(axis=0) - out[0]).max() < 1e-6


def test_what_is_not_wanted_is_taken_off(model, condition):
    sound = torch.from_numpy(noise(8000))[None]
    with torch.inference_mode():
        kept, less = model(sound, condition), model(sound, condition, without=[condition])
    assert less.square().sum() < kept.square().sum()


@pytest.mark.parametrize("frames", [40_001, 100_000])
def test_chunked_equals_whole_to_1e_3_relative(model, condition, frames):
    sound = noise(frames)
    with torch.inference_mode():
        whole = separate_long(model, sound, condition, chunk_frames=10**9)
        chunked = separate_long(model, sound, condition, chunk_frames=2 * TINY.reach + 4 * TINY.grid)
    assert chunked.shape == whole.shape == sound.shape
    assert np.abs(chunked - whole).max() < 1e-3 * np.abs(whole).max()
    assert np.abs(chunked - whole).max() < 2e-5  # and in truth as exactly as floats go


def test_a_network_may_see_compressed_magnitudes_and_its_file_says_so(condition, tmp_path):
    compressed = ResUNet(dataclasses.replace(TINY, compression=0.3)).eval()
    sound, seen = torch.from_numpy(noise(4000))[None], []
    compressed.base.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        compressed(sound, condition)
        expected = compressed._stft(sound).abs().clamp_min(1e-5) ** 0.3
    assert torch.allclose(seen[0], expected, rtol=1e-4)
    meta = {"format": 1, "network": compressed.config.as_dict(), "captions": [], "text": {"kind": "words"}}
    state = {f"ss_model.{name}": value for name, value in compressed.state_dict().items()}
    torch.save({"state_dict": state, "cadenza_lass": meta}, tmp_path / "a.ckpt")
    assert load_separator(tmp_path / "a.ckpt").config == compressed.config
    del meta["network"]["compression"]  # files of before
    torch.save({"state_dict": state, "cadenza_lass": meta}, tmp_path / "b.ckpt")
    assert load_separator(tmp_path / "b.ckpt").config.compression == 1.0


class Identity(torch.nn.Module):
    """Gives back what it is given."""

    config = TINY

    def forward(self, mixture, condition, channels=None, without=()):
        assert mixture.shape[-1] <= (2 * TINY.reach + 8 * TINY.grid) * TINY.hop  # never all at once
        return mixture if channels is None else channels


@pytest.mark.parametrize("frames", [1, 7, 30_000, 123_457])
def test_an_identity_model_reconstructs_exactly_in_chunks(condition, frames):
    mixture, stereo = noise(frames), noise(frames, 2, seed=1)
    size = 2 * TINY.reach + 4 * TINY.grid
    assert np.array_equal(separate_long(Identity(), mixture, condition, chunk_frames=size), mixture)
    assert np.array_equal(separate_long(Identity(), mixture, condition, channels=stereo, chunk_frames=size), stereo)


def test_long_work_shows_progress_and_stops_when_told(condition):
    seen = []

    def progress(done, text):
        seen.append(done)
        if len(seen) == 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        separate_long(
            Identity(), noise(200_000), condition, chunk_frames=2 * TINY.reach + 4 * TINY.grid, progress=progress
        )
    assert len(seen) == 3 and seen == sorted(seen)


def test_the_reach_is_what_the_network_s_parts_add_up_to():
    # 2 convolutions of 3 x 3: 2 frames at each scale, down, in the middle and up; 32 frames a cell; 4 for a window, twice
    assert DCASE.reach == 384 and 2 * (63 + 32 + 63) + 32 + 8 <= 384
    changed = dataclasses.replace(TINY, hop=64)
    assert changed.reach % changed.grid == 0
