"""Checkpoints of the transformer models: where they are looked for, what is refused, what is said when they are missing."""

import json
import shutil

import pytest
import torch

from cadenza_core.embedding import clap, find_model, wav2vec2
from cadenza_core.embedding.published import CHECKPOINTS, locate
from cadenza_core.errors import CadenzaError, WeightsMissing


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_missing_checkpoint_is_said_with_size_licence_and_command(settings, no_hub):
    model = find_model("wav2vec2", settings)
    reason = model.unavailable_reason()
    for words in ("380 MB", "Apache-2.0", "cadenza hear get wav2vec2", str(settings.models / "wav2vec2"), str(no_hub)):
        assert words in reason
    with pytest.raises(WeightsMissing, match=r"Apache-2\.0"):
        model.space  # noqa: B018


def test_a_download_that_fails_is_a_sentence(settings, no_hub, monkeypatch):
    from cadenza_core.separation.download import DownloadFailed

    def broken(url, path, **options):
        assert url.startswith("https://huggingface.co/facebook/wav2vec2-base/resolve/main/")
        raise DownloadFailed(f"{url}: no connection")

    monkeypatch.setattr("cadenza_core.embedding.published.download", broken)
    with pytest.raises(WeightsMissing, match="The download failed"):
        find_model("wav2vec2", settings).load()


def test_what_is_downloaded_is_noted_by_its_digest_and_checked(settings, no_hub, checkpoints, monkeypatch):
    import hashlib

    network = wav2vec2.load_model(str(checkpoints / "wav2vec2")).network
    state = {f"wav2vec2.{name}": value for name, value in network.state_dict().items()}

    def fetch(url, path, **options):
        name = url.rpartition("/")[2]
        if name == "pytorch_model.bin":
            torch.save(state, path)
        else:
            shutil.copy(checkpoints / "wav2vec2" / name, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("cadenza_core.embedding.published.download", fetch)
    model = find_model("wav2vec2", settings)
    audio = torch.rand(1, 16000)
    embedder = model.load()  # pickled weights are read as weights only
    expected = wav2vec2.get_scene_embeddings(audio, wav2vec2.load_model(str(checkpoints / "wav2vec2")))
    assert torch.allclose(torch.from_numpy(embedder.scenes(audio.numpy())), expected, atol=1e-6)
    space = model.space
    weights = settings.models / "wav2vec2" / "pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(CadenzaError, match="damaged or is another file"):
        model.load()
    assert len(space) == 16


def test_the_models_folder_and_the_hubs_cache_are_looked_in(settings, no_hub, checkpoints):
    checkpoint = CHECKPOINTS["clap"]
    assert locate(checkpoint, settings) is None
    snapshot = no_hub / "models--laion--larger_clap_music" / "snapshots" / "abc"
    shutil.copytree(checkpoints / "clap", snapshot)
    assert locate(checkpoint, settings) == snapshot
    shutil.copytree(checkpoints / "clap", settings.models / "clap")
    assert locate(checkpoint, settings) == settings.models / "clap"
    assert find_model("clap", settings).unavailable_reason() is None


def test_other_weights_are_another_space(settings, checkpoints, tmp_path):
    first = find_model("wav2vec2", settings, checkpoints / "wav2vec2").space
    copy = tmp_path / "copy"
    shutil.copytree(checkpoints / "wav2vec2", copy)
    assert find_model("wav2vec2", settings, copy).space == first  # content counts, not place
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-3}))
    assert find_model("wav2vec2", settings, copy).space != first
    assert find_model("hubert", settings, checkpoints / "hubert").space != first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "bert"}, "model of type 'bert'"),
        ({"hidden_size": 64}, "do not fit|cannot be loaded"),
        ({"num_hidden_layers": 3}, "16 missing"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_never_filled_at_random(checkpoints, tmp_path, change, words):
    copy = tmp_path / "copy"
    shutil.copytree(checkpoints / "wav2vec2", copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(CadenzaError, match=words):
        wav2vec2.load_model(str(copy))


def test_a_checkpoint_that_could_run_a_program_is_refused(checkpoints, tmp_path):
    import os

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was run"),)

    copy = tmp_path / "copy"
    shutil.copytree(checkpoints / "wav2vec2", copy)
    (copy / "model.safetensors").unlink()
    torch.save({"x": Evil()}, copy / "pytorch_model.bin")
    with pytest.raises(CadenzaError, match="cannot be loaded"):
        wav2vec2.load_model(str(copy))
    assert not (tmp_path / "was run").exists()


def test_missing_files_and_other_rates_are_sentences(checkpoints, tmp_path):
    with pytest.raises(CadenzaError, match="There is no folder or file"):
        wav2vec2.load_model(str(tmp_path / "nowhere"))
    copy = tmp_path / "copy"
    shutil.copytree(checkpoints / "clap", copy)
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(json.dumps({**settings, "sampling_rate": 44100}))
    with pytest.raises(CadenzaError, match="44100 Hz; 48000 Hz is accepted"):
        clap.load_model(str(copy))
    (copy / "preprocessor_config.json").unlink()
    with pytest.raises(CadenzaError, match=r"preprocessor_config\.json cannot be read"):
        clap.load_model(str(copy))
    shutil.rmtree(copy)
    shutil.copytree(checkpoints / "clap", copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(CadenzaError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        clap.load_model(str(copy))
