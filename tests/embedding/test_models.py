"""The models: their numbers, and what HEAR asks of any."""

import math

import numpy as np
import pytest
import torch

from cadenza_core.embedding import clap, hubert, logmel, naive, wav2vec2
from cadenza_core.embedding.frames import frame_blocks, frame_starts
from cadenza_core.errors import CadenzaError

from .conftest import noise

MODULES = {"naive": naive, "logmel": logmel, "wav2vec2": wav2vec2, "hubert": hubert, "clap": clap}


@pytest.fixture(scope="module")
def loaded(checkpoints):
    """All models, loaded once."""
    files = {name: "" if name in ("naive", "logmel") else str(checkpoints / name) for name in MODULES}
    return {name: MODULES[name].load_model(file) for name, file in files.items()}


def test_the_naive_model_equals_the_official_outputs_to_1e_4(shared_data):
    expected = np.load(shared_data / "regression" / "hear_naive.npz")
    audio = torch.from_numpy(np.random.default_rng(11).uniform(-1, 1, (2, 44100)).astype(np.float32))
    model = naive.load_model()
    embeddings, times = naive.get_timestamp_embeddings(audio, model)
    assert np.abs(embeddings[..., :256].numpy() - expected["timestamp_embeddings"]).max() < 1e-4
    assert np.array_equal(times.numpy(), expected["timestamps"])
    assert np.abs(naive.get_scene_embeddings(audio, model).numpy() - expected["scene_embeddings"]).max() < 1e-4


def test_the_naive_model_is_the_formula_of_its_docstring_to_1e_4():
    from librosa.filters import mel

    model, audio = naive.load_model(), noise(1, 30000)
    assert np.allclose(model.projection[0, :4].numpy(), [0.0310, 0.0480, 0.0055, 0.0083], atol=5e-5)
    padded = np.pad(audio[0].astype(np.float64), 2048)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4096) / 4096)
    frames = [padded[s : s + 4096] for s in range(0, 30000 + 1, 2205)]
    bands = np.abs(np.fft.rfft(np.stack(frames) * window)) ** 2 @ mel(sr=44100, n_fft=4096, n_mels=256).T
    expected = np.log(bands + 1e-4) @ model.projection.numpy()
    embeddings, times = naive.get_timestamp_embeddings(torch.from_numpy(audio), model)
    assert np.abs(embeddings[0].numpy() - expected).max() < 1e-4
    assert times[0].tolist() == [50.0 * k for k in range(14)]
    scene = [padded[round(k * 11025) :][:4096] for k in range(30000 // 11025 + 1)]
    bands = np.abs(np.fft.rfft(np.stack(scene) * window)) ** 2 @ mel(sr=44100, n_fft=4096, n_mels=256).T
    mean = (np.log(bands + 1e-4) @ model.projection.numpy()).mean(0)
    assert np.abs(naive.get_scene_embeddings(torch.from_numpy(audio), model)[0].numpy() - mean).max() < 1e-4


def test_loading_the_naive_model_leaves_the_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    naive.load_model()
    assert torch.equal(torch.rand(3), expected)


def test_frames_start_at_the_rounded_multiple_of_the_hop_and_never_drift():
    hop = 1102.5  # 25 ms at 44.1 kHz
    starts = frame_starts(44100 * 60 * 37, hop)  # rounding the hop first would be one whole hop late by now
    assert len(starts) == 37 * 60 * 40 + 1
    assert max(abs(start - k * hop) for k, start in enumerate(starts)) <= 0.5
    sound = torch.arange(3_000_000, dtype=torch.float32)
    for first, frames in frame_blocks(sound, 64, hop):
        assert torch.equal(frames[:, 32], torch.tensor([float(round((first + k) * hop)) for k in range(len(frames))]))


@pytest.mark.parametrize("name", MODULES)
def test_a_batch_gives_what_its_sounds_give_alone(loaded, name):
    module, model = MODULES[name], loaded[name]
    audio = torch.from_numpy(noise(3, int(1.3 * model.sample_rate)))
    audio[1] *= 0.01
    embeddings, times = module.get_timestamp_embeddings(audio, model)
    scenes = module.get_scene_embeddings(audio, model)
    assert embeddings.dtype == times.dtype == scenes.dtype == torch.float32
    for number, sound in enumerate(audio):
        assert torch.equal(module.get_timestamp_embeddings(sound[None], model)[0][0], embeddings[number])
        assert torch.equal(module.get_scene_embeddings(sound[None], model)[0], scenes[number])


@pytest.mark.parametrize("name", MODULES)
def test_silence_full_scale_and_clips_shorter_than_a_frame_are_finite(loaded, name):
    module, model = MODULES[name], loaded[name]
    for audio in (torch.zeros(1, model.sample_rate), torch.ones(1, 3000), torch.full((1, 1), 0.5), torch.zeros(1, 30)):
        embeddings, times = module.get_timestamp_embeddings(audio, model)
        assert embeddings.shape == (*times.shape, model.timestamp_embedding_size)
        assert times.shape[1] >= 1 and torch.isfinite(embeddings).all()
        scenes = module.get_scene_embeddings(audio, model)
        assert scenes.shape == (len(audio), model.scene_embedding_size) and torch.isfinite(scenes).all()


@pytest.mark.parametrize("name", MODULES)
def test_times_are_regular_and_reach_the_end(loaded, name):
    module, model = MODULES[name], loaded[name]
    seconds = 12.123 if name == "clap" else 47.123
    _, times = module.get_timestamp_embeddings(torch.zeros(1, int(seconds * model.sample_rate)), model)
    steps = np.diff(times[0].double().numpy())
    assert times[0, 0] == 0 and steps.max() <= 50.0 and np.ptp(steps) < 0.02
    assert seconds * 1000 - 50 < times[0, -1] <= seconds * 1000


@pytest.mark.parametrize(
    ("name", "off"), [("naive", 50), ("logmel", 50), ("wav2vec2", 100), ("hubert", 100), ("clap", 320)]
)
def test_a_change_late_in_a_long_sound_is_seen_at_its_time(loaded, name, off):
    module, model = MODULES[name], loaded[name]
    rate, seconds = model.sample_rate, {"clap": 22.0, "wav2vec2": 45.0, "hubert": 45.0}.get(name, 12.0)
    audio = torch.from_numpy(noise(1, int(seconds * rate)))
    before, times = module.get_timestamp_embeddings(audio, model)
    for at in (1.5, 0.54 * seconds, seconds - 1.5):
        changed = audio.clone()
        place = int((at - 0.05) * rate)
        changed[0, place : place + rate // 10] = torch.from_numpy(noise(1, rate // 10, seed=3))[0]  # as loud
        moved = (module.get_timestamp_embeddings(changed, model)[0] - before)[0].norm(dim=1)
        assert abs(float(times[0, moved.argmax()]) - 1000 * at) <= off


def test_what_is_embedded_does_not_hang_on_how_long_the_sound_goes_on(loaded):
    model = loaded["wav2vec2"]
    model.normalise = False  # the level of the whole sound is taken out first, which hangs on all of it
    audio = torch.from_numpy(noise(1, 32 * 16000))
    whole, _ = wav2vec2.get_timestamp_embeddings(audio, model)
    part, _ = wav2vec2.get_timestamp_embeddings(audio[:, : 25 * 16000 + 4000], model)
    model.normalise = True
    assert torch.equal(whole[0, :1000], part[0, :1000])  # up to 20 s: 5 s more are seen


@pytest.mark.parametrize(("name", "cls"), [("wav2vec2", "Wav2Vec2Model"), ("hubert", "HubertModel")])
def test_a_speech_model_gives_what_transformers_gives_to_1e_5(loaded, checkpoints, name, cls):
    import transformers

    network = getattr(transformers, cls).from_pretrained(checkpoints / name, local_files_only=True).eval()
    extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(checkpoints / name, local_files_only=True)
    audio = noise(1, 5 * 16000 + 77)
    values = extractor(audio[0], sampling_rate=16000, return_tensors="pt")["input_values"]
    count = 5 * 50 + 1
    padded = torch.nn.functional.pad(values, (200, 320 * (count - 1) + 200 - values.shape[1]))
    with torch.no_grad():
        expected = network(padded).last_hidden_state[0]
    embeddings, _ = MODULES[name].get_timestamp_embeddings(torch.from_numpy(audio), loaded[name])
    assert embeddings.shape[1] == count
    assert (embeddings[0] - expected).abs().max() < 1e-5
    scene = MODULES[name].get_scene_embeddings(torch.from_numpy(audio), loaded[name])
    assert (scene[0] - expected.mean(0)).abs().max() < 1e-5


def test_clap_gives_what_transformers_gives_to_1e_5(loaded, checkpoints):
    import transformers

    network = transformers.ClapModel.from_pretrained(checkpoints / "clap", local_files_only=True).eval()
    extractor = transformers.ClapFeatureExtractor.from_pretrained(checkpoints / "clap", local_files_only=True)
    audio = noise(2, 10 * 48000)

    def expected(sound):
        with torch.no_grad():
            made = network.get_audio_features(**extractor(sound, sampling_rate=48000, return_tensors="pt"))
        pooled = made if isinstance(made, torch.Tensor) else made.pooler_output
        return torch.nn.functional.normalize(pooled[0], dim=0)

    scenes = clap.get_scene_embeddings(torch.from_numpy(audio), loaded["clap"])
    for number in range(2):
        assert (scenes[number] - expected(audio[number])).abs().max() < 1e-5
    long = np.concatenate([audio[0], audio[1][: 2 * 48000]])  # 12 s: windows from 0 and from 2 s
    mean = (expected(long[: 10 * 48000]) + expected(long[2 * 48000 :])) / 2
    assert (clap.get_scene_embeddings(torch.from_numpy(long[None]), loaded["clap"])[0] - mean).abs().max() < 1e-5


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("audio", [torch.zeros(44100), torch.zeros(1, 0), torch.zeros(2, 100, dtype=torch.int16)])
def test_audio_of_another_shape_or_type_is_refused(loaded, name, audio):
    for function in (MODULES[name].get_timestamp_embeddings, MODULES[name].get_scene_embeddings):
        with pytest.raises(CadenzaError, match="shape"):
            function(audio, loaded[name])


def test_another_modules_model_is_refused(loaded):
    with pytest.raises(CadenzaError, match="is a LogMelModel"):
        naive.get_scene_embeddings(torch.zeros(1, 100), loaded["logmel"])
    with pytest.raises(CadenzaError, match="has no weights"):
        logmel.load_model("weights.pt")


def test_naive_weights_of_a_file_are_used(tmp_path):
    model = naive.load_model()
    state = {**model.state_dict(), "projection": torch.zeros(256, 4096)}
    torch.save(state, tmp_path / "naive.pt")
    other = naive.load_model(str(tmp_path / "naive.pt"))
    assert float(naive.get_scene_embeddings(torch.zeros(1, 100), other).abs().max()) == 0.0
    torch.save({"projection": torch.zeros(2)}, tmp_path / "wrong.pt")
    with pytest.raises(CadenzaError):
        naive.load_model(str(tmp_path / "wrong.pt"))


def test_log_mel_deltas_are_the_slope():
    ramp = torch.arange(12.0)[:, None].repeat(1, 3) * torch.tensor([1.0, -2.0, 0.0])
    deltas = logmel._deltas(ramp)
    assert torch.allclose(deltas[2:-2], torch.tensor([1.0, -2.0, 0.0]).expand(8, 3))
    assert math.isclose(float(logmel.load_model().cosines[:, 0].norm()), 1.0, rel_tol=1e-5)
