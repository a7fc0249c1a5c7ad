"""Modules of HEAR's API from anywhere: what is checked, what is said, and how they are registered."""

import numpy as np
import pytest

from cadenza_core.embedding import embedding_models, find_model, load_embedder
from cadenza_core.embedding.models import add_model, remove_model
from cadenza_core.errors import CadenzaError

from .conftest import noise


def test_a_module_of_somebody_else_embeds(make_module):
    embedder = load_embedder("theirs", make_module(), device="cpu")
    audio = noise(3, 16000)
    scenes = embedder.scenes(audio)
    assert scenes.shape == (3, 4) and scenes.dtype == np.float32
    (first, *_) = embedder.timestamps(audio)
    assert first.embeddings.shape == (26, 4)
    assert first.times.tolist() == [40.0 * k for k in range(26)]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def load_model", "def load_the_model", "has no function load_model"),
        ("import torch\n", "import nothing_of_that_name\n", "cannot be imported"),
        ("return Model()", "return object()", "gave a object; a torch.nn.Module"),
        ("return Model()", "raise RuntimeError('no such file')", "load_model .*no such file"),
        ("16000, 4, 4", "8000, 4, 4", "wants 8000 Hz"),
        ("16000, 4, 4", "16000.0, 4, 4", "sample_rate 16000.0; a positive int"),
        ("16000, 4, 4", "16000, None, 4", "scene_embedding_size None"),
    ],
)
def test_a_module_that_does_not_follow_the_api_is_refused_when_it_is_loaded(make_module, old, new, words):
    with pytest.raises(CadenzaError, match=words):
        load_embedder("theirs", make_module(old, new), device="cpu")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("model.frames(audio).mean(1)", "model.frames(audio)", r"scene embeddings .*shape \(1, 26, 4\)"),
        ("model.frames(audio).mean(1)", "model.frames(audio).mean(1).double()", "torch.float64"),
        ("model.frames(audio).mean(1)", "model.frames(audio).mean(1) / 0", "NaN or infinite"),
        ("model.frames(audio).mean(1)", "model.frames(audio).mean(1).numpy()", "a float32 tensor"),
        ("model.frames(audio).mean(1)", "model.nothing", "get_scene_embeddings of 'theirs' failed"),
        ("return frames, times.expand", "return frames[:, 1:], times.expand", "timestamps of"),
        ("return frames, times.expand(len(audio), -1)", "return frames", "no pair"),
        ("float32) * 40.0", "float64) * 40.0", "timestamps of torch.float64"),
    ],
)
def test_wrong_results_are_refused_when_they_come(make_module, old, new, words):
    embedder = load_embedder("theirs", make_module(old, new), device="cpu")
    with pytest.raises(CadenzaError, match=words):
        embedder.scenes(noise(1, 16000))
        embedder.timestamps(noise(1, 16000))


def test_models_are_found_by_id_or_dotted_name(settings, make_module):
    assert [model.id for model in embedding_models(settings)] == ["naive", "logmel", "wav2vec2", "hubert", "clap"]
    assert find_model("cadenza_core.embedding.logmel", settings).id == "logmel"
    name = make_module()
    assert find_model(name, settings).module == name
    with pytest.raises(CadenzaError, match="no embedding model 'magic'"):
        find_model("magic", settings)
    with pytest.raises(CadenzaError, match="cannot be found"):
        find_model("nothing.of.that.name", settings).space  # noqa: B018


def test_changed_code_is_another_space(settings, make_module, tmp_path):
    one, other = make_module(), make_module("amax(2)", "amin(2)")
    assert find_model(one, settings).space != find_model(other, settings).space
    assert find_model("naive", settings).space != find_model("logmel", settings).space
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"1")
    assert find_model(one, settings, weights).space != find_model(one, settings).space


def test_a_module_is_registered_listed_and_forgotten(settings, make_module):
    add_model("mine", make_module(), settings, licence="MIT")
    assert embedding_models(settings)[-1].id == "mine"
    assert find_model("mine", settings).load().scenes(noise(1, 16000)).shape == (1, 4)
    with pytest.raises(CadenzaError, match="already"):
        add_model("mine", "cadenza_core.embedding.naive", settings)
    with pytest.raises(CadenzaError, match="already"):
        add_model("naive", make_module(), settings)
    with pytest.raises(CadenzaError, match="not accepted"):
        add_model("../x", make_module(), settings)
    with pytest.raises(CadenzaError, match="8000 Hz"):
        add_model("bad", make_module("16000, 4, 4", "8000, 4, 4"), settings)
    remove_model("mine", settings)
    assert len(embedding_models(settings)) == 5
    with pytest.raises(CadenzaError, match="No module is registered"):
        remove_model("mine", settings)
    (settings.home / "embedding_models.json").write_text("[]")
    with pytest.raises(CadenzaError, match="not as the studio wrote it"):
        embedding_models(settings)
