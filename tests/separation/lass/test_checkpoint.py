"""Checkpoints: every fault is refused by name; what is strange but right is taken."""

import pickle

import numpy as np
import pytest
import torch

from cadenza_core.errors import CadenzaError
from cadenza_core.separation.lass import CheckpointFault, load_separator, load_text_encoder
from cadenza_core.separation.lass.training import resized
from tests.lass import SETUP

CONV = "ss_model.base.encoder_block1.conv_block1.conv1.weight"
FILM = "ss_model.film.encoder_block1->conv_block1->beta1.weight"


def write(path, state, **more):
    torch.save({"state_dict": state, "epoch": 3, "lr": np.float64(0.001), **more}, path)
    return path


@pytest.mark.parametrize("rate", [16000, 32000])
def test_an_official_file_loads_and_says_its_rate(tmp_path, official_state, rate):
    separator = load_separator(write(tmp_path / "a.ckpt", official_state(rate)))
    assert separator.sample_rate == rate
    assert not separator.training
    assert torch.all(separator.base.pre_conv.weight == 0.5)


@pytest.mark.parametrize(
    "name", [CONV, FILM, "ss_model.base.bn0.running_var", "ss_model.base.decoder_block2.bn2.weight"]
)
def test_a_missing_entry_is_named(tmp_path, official_state, name):
    state = official_state()
    del state[name]
    with pytest.raises(CheckpointFault, match="missing") as fault:
        load_separator(write(tmp_path / "a.ckpt", state))
    assert fault.value.missing == (name,) and name in str(fault.value)


@pytest.mark.parametrize("name", ["ss_model.base.extra.weight", "ss_model.film.more", "something", "ss_model2.x"])
def test_an_entry_too_many_is_named(tmp_path, official_state, name):
    with pytest.raises(CheckpointFault, match="unexpected") as fault:
        load_separator(write(tmp_path / "a.ckpt", {**official_state(), name: torch.zeros(3)}))
    assert fault.value.unexpected == (name,)


def test_a_renamed_entry_is_named_twice(tmp_path, official_state):
    state = official_state()
    state[FILM.replace("->", ".")] = state.pop(FILM)
    with pytest.raises(CheckpointFault) as fault:
        load_separator(write(tmp_path / "a.ckpt", state))
    assert fault.value.missing == (FILM,)
    assert fault.value.unexpected == (FILM.replace("->", "."),)


def test_a_misshaped_entry_is_named_with_both_shapes(tmp_path, official_state):
    state = official_state() | {CONV: torch.zeros(32, 32, 3, 1)}
    with pytest.raises(CheckpointFault) as fault:
        load_separator(write(tmp_path / "a.ckpt", state))
    assert f"{CONV} [32, 32, 3, 1] instead of [32, 32, 3, 3]" in str(fault.value)


def test_all_missing_entries_are_kept_and_the_message_stays_readable(tmp_path, official_state):
    state = {name: value for name, value in official_state().items() if ".encoder_block" not in name}
    with pytest.raises(CheckpointFault) as fault:
        load_separator(write(tmp_path / "a.ckpt", state))
    assert len(fault.value.missing) > 50
    assert "more" in str(fault.value) and len(str(fault.value)) < 4000


def test_a_16_khz_file_offered_as_32_khz_is_refused_by_word_and_by_name(tmp_path, official_state):
    path = write(tmp_path / "a.ckpt", official_state(16000))
    with pytest.raises(CadenzaError, match=r"separator for 16000 Hz .* 32000 Hz was expected"):
        load_separator(path, sample_rate=32000)
    with pytest.raises(CadenzaError, match="32000 Hz was expected"):
        load_separator(path.rename(tmp_path / "audiosep_base_4M_steps.ckpt"))


def test_spectra_of_another_size_are_refused(tmp_path, official_state):
    state = {
        name: value[:100] if name.startswith("ss_model.base.bn0.") and value.ndim else value
        for name, value in official_state().items()
    }
    with pytest.raises(CadenzaError, match=r"100 frequency bins; 513 \(16000 Hz\) or 1025"):
        load_separator(write(tmp_path / "a.ckpt", state))


def test_half_precision_becomes_float32_and_nan_is_refused(tmp_path, official_state):
    state = official_state()
    state[CONV] = state[CONV].half()
    assert (
        load_separator(write(tmp_path / "a.ckpt", state)).base.encoder_block1.conv_block1.conv1.weight.dtype
        == torch.float32
    )
    state[CONV] = torch.full((32, 32, 3, 3), float("nan"))
    with pytest.raises(CadenzaError, match="not finite"):
        load_separator(write(tmp_path / "b.ckpt", state))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no checkpoint at all", "not a PyTorch checkpoint|damaged"),
        (b"", "not a PyTorch checkpoint|damaged"),
        ([1, 2], "is not a checkpoint of a language-queried separator"),
        ({"state_dict": {}}, "is not a checkpoint of a language-queried separator"),
        ({"state_dict": {"ss_model.base.x": "text"}}, "no tensors: ss_model.base.x"),
        ({"state_dict": {"query_encoder.model.text_branch.x": torch.zeros(1)}}, "holds no separator"),
    ],
)
def test_what_is_no_checkpoint_is_said_plainly(tmp_path, content, words):
    path = tmp_path / "a.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(CadenzaError, match=words):
        load_separator(path)


def test_a_cut_off_file_and_a_missing_one_are_refused(tmp_path, official_state):
    path = write(tmp_path / "a.ckpt", official_state())
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CadenzaError, match="damaged"):
        load_separator(path)
    with pytest.raises(CadenzaError, match="There is no checkpoint"):
        load_separator(tmp_path / "nowhere.ckpt")


class Evil:
    def __reduce__(self):
        return eval, ("open('/tmp/cadenza_evil', 'w')",)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_pickle_with_code_in_it_is_refused_by_name_and_not_run(tmp_path, official_state, save):
    save({"state_dict": {"ss_model.base.x": Evil()}}, tmp_path / "evil.ckpt")
    with pytest.raises(CadenzaError, match=r"eval|not a PyTorch checkpoint"):
        load_separator(tmp_path / "evil.ckpt")
    from pathlib import Path

    assert not Path("/tmp/cadenza_evil").exists()


def test_a_text_encoder_is_loaded_strictly(tmp_path, official_state):
    with pytest.raises(CadenzaError, match="holds no text encoder"):
        load_text_encoder(write(tmp_path / "a.ckpt", official_state()))
    name = "query_encoder.model.text_branch.pooler.dense.weight"
    with pytest.raises(CheckpointFault) as fault:
        load_text_encoder(
            write(tmp_path / "b.ckpt", {name: torch.zeros(768, 700), "module.text_branch.odd": torch.zeros(1)})
        )
    assert f"{name} [768, 700] instead of [768, 768]" in fault.value.misshaped
    assert "query_encoder.model.text_branch.odd" in fault.value.unexpected
    assert "query_encoder.model.text_projection.2.bias" in fault.value.missing
    with pytest.raises(CheckpointFault, match=r"unexpected: query_encoder\.model\.stranger"):
        load_text_encoder(
            write(tmp_path / "c.ckpt", {name: torch.zeros(1), "query_encoder.model.stranger": torch.zeros(1)})
        )


def test_our_own_file_says_its_sizes_and_words(tiny_checkpoint, tmp_path):
    separator, encoder = load_separator(tiny_checkpoint), load_text_encoder(tiny_checkpoint)
    assert separator.config == SETUP.network
    ids, mask = encoder.tokens(["high tone", "hiss"])
    with torch.no_grad():
        vectors = encoder(ids, mask)
    assert vectors.shape == (2, 16)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-6)
    content = torch.load(tiny_checkpoint, weights_only=True)
    content["cadenza_lass"]["format"] = 99
    torch.save(content, tmp_path / "new.ckpt")
    with pytest.raises(CadenzaError, match="another version"):
        load_separator(tmp_path / "new.ckpt")
    assert resized(SETUP, steps=7).steps == 7
