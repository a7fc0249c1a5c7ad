"""Mixtures by the official rule, CSV files good and bad, captioned clips, and training."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.separation.lass import load_separator, load_text_encoder
from cadenza_core.separation.lass.clips import read_clips
from cadenza_core.separation.lass.mixtures import (
    MixtureRow,
    clip_file,
    mix_at_snr,
    mixture_of,
    pair_clips,
    read_mixtures,
    read_queries,
    write_mixtures,
)
from cadenza_core.separation.lass.training import _Sounds, mix_batch, resized, train
from tests.lass import RATE, SETUP, sound


def decibels(one, other):
    return 10 * math.log10(np.mean(one.astype(float) ** 2) / np.mean(other.astype(float) ** 2))


@given(st.integers(0, 2**32 - 1), st.floats(-15, 15), st.floats(0.001, 3))
@hypothesis_settings(max_examples=40, deadline=None)
def test_mixtures_follow_the_official_rule_to_1e_5_db(seed, snr, level):
    random = np.random.default_rng(seed)
    source, noise = (level * random.standard_normal((2, 4000))).astype(np.float32)
    got_source, got_mixture = mix_at_snr(source, noise, snr)
    scaled = noise * np.sqrt(np.mean(source.astype(float) ** 2) / 10 ** (snr / 10) / np.mean(noise.astype(float) ** 2))
    peak = np.abs(source + scaled).max()
    factor = 0.9 / peak if peak > 1 else 1.0
    assert np.allclose(got_source, factor * source, atol=1e-6)
    assert np.allclose(got_mixture, factor * (source + scaled), atol=2e-6)
    assert decibels(got_source, got_mixture - got_source) == pytest.approx(snr, abs=1e-5)


def test_loud_mixtures_peak_at_0_9_with_their_source():
    source, noise = np.full(100, 0.9, np.float32), np.full(100, 0.5, np.float32)
    got, mixture = mix_at_snr(source, noise, 0.0)
    assert np.abs(mixture).max() == pytest.approx(0.9, rel=1e-6)
    assert got[0] / source[0] == pytest.approx(mixture[0] / 1.8, rel=1e-6)


def test_silent_noise_and_other_lengths_are_refused_and_a_silent_source_is_not():
    tone = np.full(10, 0.1, np.float32)
    with pytest.raises(CadenzaError, match="noise is silent"):
        mix_at_snr(tone, np.zeros(10, np.float32), 0)
    with pytest.raises(CadenzaError, match="10 and 9 samples"):
        mix_at_snr(tone, tone[:9], 0)
    assert not mix_at_snr(np.zeros(10, np.float32), tone, 0)[1].any()


@pytest.fixture
def folder(tmp_path):
    for name, seconds in (("one", 1.0), ("two", 1.0), ("short", 0.5), ("long", 1.5)):
        soundfile.write(tmp_path / f"{name}.wav", sound(300, seconds, 1), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    return tmp_path


def table(folder, *lines, header="source,noise,snr,query"):
    path = folder / "set.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_the_official_csv_is_read_with_and_without_endings(folder):
    rows = read_mixtures(table(folder, 'one,two,-3,"a dog, barking"', "two.wav,long,15,rain"), folder)
    assert rows[0] == MixtureRow("one", "two", -3.0, "a dog, barking")
    source, mixture = mixture_of(rows[1], folder, RATE)
    assert source.shape == mixture.shape == (RATE,)  # the longer noise is cut


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("one,nowhere,0,x", "line 2: There is no sound 'nowhere'"),
        ("one,../one,0,x", "is not the name of a clip"),
        ("one,short,0,x", "noise short, 0.50 of 1.00 s"),
        ("one,two,loud,x", "'loud' is not a number of dB"),
        ("one,two,nan,x", "'nan' is not a number of dB"),
        ("one,two,0,", "line 2: a cell is empty"),
        ("one,two,0,a,b", "line 2: a cell is empty, or there are too many"),
    ],
)
def test_faulty_lines_are_named(folder, line, words):
    with pytest.raises(CadenzaError, match=r"set\.csv") as error:
        read_mixtures(table(folder, line), folder)
    assert words in str(error.value)


def test_a_silent_noise_file_is_named_with_its_line(folder):
    (row,) = read_mixtures(table(folder, "one,silent,5,x"), folder)
    with pytest.raises(CadenzaError, match="one,silent,5: The noise is silent"):
        mixture_of(row, folder, RATE)


def test_files_that_are_no_such_table_are_refused(folder):
    with pytest.raises(CadenzaError, match="columns wav, query; source,noise,snr,query are needed"):
        read_mixtures(table(folder, "one,x", header="wav,query"), folder)
    with pytest.raises(CadenzaError, match="has no lines"):
        read_mixtures(table(folder), folder)
    with pytest.raises(CadenzaError, match="cannot be read"):
        read_mixtures(folder / "nowhere.csv", folder)
    (folder / "set.csv").write_bytes(b"\xff\xfe\x00source")
    with pytest.raises(CadenzaError, match=r"cannot be read|columns"):
        read_mixtures(folder / "set.csv", folder)
    assert [row.query for row in read_queries(table(folder, "one.wav,rain", header="wav,query"), folder)] == ["rain"]
    with pytest.raises(CadenzaError, match="line 2: There is no sound 'gone'"):
        read_queries(table(folder, "gone,rain", header="wav,query"), folder)


def test_pairs_are_drawn_by_the_seed_with_different_captions(clips_folder, tmp_path):
    clips = read_clips(clips_folder)
    rows = pair_clips(clips, 30, seed=4)
    assert rows == pair_clips(clips, 30, seed=4) != pair_clips(clips, 30, seed=5)
    of = {clip.name: clip.caption for clip in clips}
    assert all(of[row.source] == row.query != of[row.noise] for row in rows)
    assert all(-15 <= row.snr <= 15 for row in rows)
    assert {row.source for row in rows} == set(of)
    write_mixtures(tmp_path / "pairs.csv", rows)
    assert read_mixtures(tmp_path / "pairs.csv", clips_folder) == rows
    assert next(csv.reader((tmp_path / "pairs.csv").open())) == ["source", "noise", "snr", "query"]
    with pytest.raises(CadenzaError, match="at least two captions"):
        pair_clips([clip for clip in clips if clip.caption == "hiss"], 3, seed=0)


def test_clips_are_read_from_folders_tables_and_the_official_json(clips_folder, folder):
    assert [clip.caption for clip in read_clips(clips_folder)][::2] == ["high tone", "low tone", "hiss"]
    assert clip_file(clips_folder, "0-hiss").is_file()
    (folder / "captions.csv").write_text("file,caption\none.wav,a tone\none.wav,one tone\n")
    assert [clip.caption for clip in read_clips(folder)] == ["a tone", "one tone"]
    (folder / "data.json").write_text(json.dumps({"data": [{"wav": "two.wav", "caption": "two"}]}))
    assert read_clips(folder / "data.json")[0].path == folder / "two.wav"
    for content, words in (('{"data": [{"wav": "x.wav", "caption": "x"}]}', "names 1 files"), ("[]", "is not a list")):
        (folder / "data.json").write_text(content)
        with pytest.raises(CadenzaError, match=words):
            read_clips(folder / "data.json")
    (folder / "empty").mkdir()
    with pytest.raises(CadenzaError, match="holds no captioned clips"):
        read_clips(folder / "empty")
    with pytest.raises(CadenzaError, match="There is no folder or file"):
        read_clips(folder / "nowhere")


def test_a_batch_is_mixed_by_the_official_rule():
    random = torch.Generator().manual_seed(0)
    segments = torch.randn(4, 2000, generator=random) * torch.tensor([[0.01], [0.1], [0.5], [0.0]])
    mixtures, sources = mix_batch(segments, torch.tensor([0.0, 10.0, -10.0, 3.0]))
    noise = mixtures - sources
    assert decibels(noise[0].numpy(), sources[0].numpy()) == pytest.approx(0.0, abs=1e-3)
    assert decibels(noise[1].numpy(), sources[1].numpy()) == pytest.approx(10.0, abs=1e-3)
    assert not noise[2].any()  # its neighbour is silent
    assert mixtures.abs().amax() <= 1.0
    # a silent source: the ratio is bounded by 50, not infinite
    assert (segments[0] / 50 * 10**0.15 - noise[3]).abs().max() < 1e-6


def test_neighbours_in_a_batch_have_different_captions(clips_folder):
    sounds = _Sounds(read_clips(clips_folder), SETUP, 0, lambda *_: None)
    for step in range(20):
        *_, captions = sounds.batch(step)
        assert all(one != other for one, other in zip(captions, captions[1:] + captions[:1], strict=True))


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(clips_folder, tmp_path):
    clips, setup = read_clips(clips_folder), resized(SETUP, steps=4)
    train(clips, tmp_path / "whole.ckpt", setup, seed=3, device="cpu")

    def stop(done, text):
        if text.startswith("step 2"):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        train(clips, tmp_path / "parts.ckpt", setup, seed=3, device="cpu", progress=stop)
    assert (tmp_path / "parts.training").is_file() and not (tmp_path / "parts.ckpt").exists()
    with pytest.raises(CadenzaError, match="other clips, sizes or seed"):
        train(clips, tmp_path / "parts.ckpt", setup, seed=4, device="cpu")
    made = train(clips, tmp_path / "parts.ckpt", setup, seed=3, device="cpu")
    assert made.steps == 2
    assert not (tmp_path / "parts.training").exists()
    one, other = (load_separator(tmp_path / name).state_dict() for name in ("whole.ckpt", "parts.ckpt"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_small_size_cuts_where_clips_sound_and_brings_them_to_like_levels(tmp_path):
    for number, (caption, level) in enumerate((("loud", 1.0), ("soft", 0.01))):
        (tmp_path / caption).mkdir()
        wave = np.pad(level * sound(300 + number, 0.5, number), (0, 7 * RATE // 2))  # an eighth of it sounds
        soundfile.write(tmp_path / caption / f"{caption}.wav", wave, RATE, subtype="FLOAT")
    clips, plain = read_clips(tmp_path), replace(SETUP, batch=2)
    counts = {}
    for name, setup in (("plain", plain), ("small", replace(plain, tries=4, levels=(-30.0, -20.0)))):
        sounds = _Sounds(clips, setup, 0, lambda *_: None)
        sources = torch.cat([sounds.batch(step)[1] for step in range(40)])
        levels = 10 * torch.log10(sources.square().mean(-1).clamp_min(1e-12))
        counts[name] = int((levels > -32).sum())
    assert counts["small"] > 1.5 * counts["plain"]
    assert levels[levels > -32].max() <= -20 + 1e-3
    with torch.no_grad():
        mixtures, sources = mix_batch(torch.ones(2, 100) * 0.1, torch.zeros(2))
    assert torch.equal(mixtures, 2 * sources)  # the mixer itself stays the official one


def loss_of(path, clips):
    """Give a model's loss on the same four batches, as it is in training: with each batch's own norms."""
    sounds, separator, encoder = (
        _Sounds(clips, SETUP, 99, lambda *_: None),
        load_separator(path),
        load_text_encoder(path),
    )
    losses = []
    with torch.no_grad():
        for mixtures, sources, captions in map(sounds.batch, range(4)):
            condition = encoder(*encoder.tokens(captions))
            losses.append((separator.train()(mixtures[:, None], condition)[:, 0] - sources).abs().mean())
    return float(np.mean(losses))


def test_training_lowers_the_loss_and_writes_what_is_known(clips_folder, tiny_checkpoint, tmp_path):
    clips = read_clips(clips_folder)
    train(clips, tmp_path / "m.ckpt", replace(SETUP, steps=40, learning_rate=3e-3), seed=0, device="cpu")
    assert loss_of(tmp_path / "m.ckpt", clips) < 0.9 * loss_of(tiny_checkpoint, clips)
    facts = json.loads((tmp_path / "m.json").read_text())
    assert facts["captions"] == ["high tone", "hiss", "low tone"]
    assert facts["seed"] == 0 and facts["sample_rate"] == RATE


def test_training_refuses_what_it_cannot_learn_from(clips_folder, tmp_path):
    clips = read_clips(clips_folder)
    with pytest.raises(CadenzaError, match="different captions"):
        train([clip for clip in clips if clip.caption == "hiss"], tmp_path / "a.ckpt", SETUP)
    with pytest.raises(CadenzaError, match=r"must end with \.ckpt"):
        train(clips, tmp_path / "a.pt", SETUP)
    with pytest.raises(CadenzaError, match="reads its captions with CLAP"):
        train(clips, tmp_path / "a.ckpt", replace(SETUP, text="clap"))
