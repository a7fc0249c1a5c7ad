"""Evaluation end to end: the tone task, what may be seen before the test, folds, stopping and resuming, the cache."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from cadenza_core.embedding import find_model
from cadenza_core.embedding import training as training_module
from cadenza_core.embedding.evaluate import _result, evaluate, evaluate_retrieval, results
from cadenza_core.embedding.store import Embeddings, remove_space, spaces
from cadenza_core.embedding.task_writing import Clip, TaskPlan, write_task
from cadenza_core.embedding.tasks import read_task
from cadenza_core.embedding.tones import tone_events
from cadenza_core.errors import CadenzaError, Cancelled

SPLITS = ("train", "valid", "test")


@pytest.fixture
def copied(tone_task, tmp_path):
    """A copy of the tone task whose labels may be changed."""
    folder = tmp_path / tone_task.folder.name
    folder.mkdir()
    for path in tone_task.folder.iterdir():
        if path.is_dir():
            (folder / path.name).symlink_to(path)
        else:
            shutil.copy(path, folder)
    return folder


def shuffle_labels(folder, splits):
    """Give the sounds of splits the labels of others."""
    for number, split in enumerate(splits):
        path = folder / f"{split}.json"
        content = json.loads(path.read_text())
        labels = list(content.values())
        np.random.default_rng(number).shuffle(labels)
        path.write_text(json.dumps(dict(zip(content, labels, strict=True))))


def test_the_tone_task_is_solved_and_with_shuffled_labels_it_is_chance(tone_task, copied, warm_home):
    embeddings = Embeddings(find_model("logmel", warm_home))
    found = evaluate(tone_task, embeddings, warm_home, points=1)
    assert found.scores["pitch_acc"] > 0.9
    assert found.scores["chroma_acc"] >= found.scores["pitch_acc"]
    shuffle_labels(copied, SPLITS)
    chance = evaluate(read_task(copied), embeddings, warm_home, points=1)
    assert chance.scores["pitch_acc"] < 0.15  # 1/24; 96 sounds: above 0.15 once in 30,000 times
    assert chance.scores["chroma_acc"] < 0.25


def test_corrupted_test_labels_change_no_choice(tone_task, copied, warm_home):
    embeddings = Embeddings(find_model("logmel", warm_home))
    honest = evaluate(tone_task, embeddings, warm_home, grid="faster", points=3)
    shuffle_labels(copied, ["test"])
    corrupted = evaluate(read_task(copied), embeddings, warm_home, grid="faster", points=3)
    assert corrupted.chosen == honest.chosen and corrupted.tried == honest.tried
    assert corrupted.scores["pitch_acc"] != honest.scores["pitch_acc"]


def test_a_stopped_evaluation_goes_on_where_it_stood(tone_task, settings, monkeypatch):
    embeddings = Embeddings(find_model("logmel", settings))
    trained = []
    original = training_module.fit

    def counted(*arguments, **options):
        found = original(*arguments, **options)
        trained.append(arguments[3])
        return found

    monkeypatch.setattr(training_module, "fit", counted)

    def stop(done, text):
        if "grid point 3" in text:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        evaluate(tone_task, embeddings, settings, grid="faster", points=3, progress=stop)
    assert len(trained) == 2
    assert results(settings) == []
    again = evaluate(tone_task, embeddings, settings, grid="faster", points=3)
    assert len(trained) == 3  # the two of before were found
    assert results(settings)[0].scores == again.scores
    whole = evaluate(tone_task, embeddings, settings, grid="faster", points=3)
    assert (
        len(trained) == 6 and whole.tried == again.tried
    )  # what was in the way is cleared, and the numbers are the same
    assert not list((settings.home / "hear" / "runs").glob("*/*"))


@pytest.fixture
def folds(tmp_path):
    """Four folds of tones in noise: two labels."""
    metadata = {"task_name": "folds", "embedding_type": "scene", "prediction_type": "multilabel"}
    metadata |= {"split_mode": "new_split_kfold", "splits": [f"fold0{k}" for k in range(4)], "sample_duration": 0.25}
    metadata |= {"evaluation": ["mAP", "aucroc", "d_prime", "top1_acc"]}

    def sound(seed, label):
        time = np.arange(11025) / 44100
        random = np.random.default_rng(seed)
        return (
            0.2 * np.sin(2 * np.pi * (440 if label == "low" else 1500) * time) + 0.02 * random.standard_normal(11025)
        ), 44100

    clips = []
    for split in metadata["splits"]:
        for k in range(8):
            label = ("low", "high")[k % 2]
            seed = len(clips)
            clips.append(Clip(split, f"{split}-{k}", lambda seed=seed, label=label: sound(seed, label), (label,)))
    return write_task(TaskPlan(metadata, ["high", "low"], clips), tmp_path / "tasks", [44100])


def test_folds_are_averaged_and_the_grid_is_tried_on_the_first_only(folds, settings, monkeypatch):
    seen = []
    original = training_module.train

    def noted(task, split, data, point, *rest):
        assert set(data) == {*split.train, *split.valid}  # what is tested is not even there
        seen.append((split.test, point))
        return original(task, split, data, point, *rest)

    monkeypatch.setattr("cadenza_core.embedding.evaluate.train", noted)
    found = evaluate(folds, Embeddings(find_model("logmel", settings)), settings, grid="faster", points=2)
    assert [test for test, _ in seen] == [("fold00",), ("fold00",), ("fold01",), ("fold02",), ("fold03",)]
    assert {json.dumps(point.as_dict()) for _, point in seen[2:]} == {json.dumps(found.chosen["point"])}
    assert set(found.folds) == {"fold00", "fold01", "fold02", "fold03"}
    values = [fold["mAP"] for fold in found.folds.values()]
    assert found.scores["mAP"] == pytest.approx(np.mean(values))
    assert found.deviations["mAP"] == pytest.approx(np.std(values, ddof=1))


def test_a_fold_with_an_infinite_or_undefined_score_does_not_end_the_evaluation():
    embeddings = SimpleNamespace(model=SimpleNamespace(id="given"), space="0" * 16, damaged=0)
    folds = {"fold00": {"d_prime": np.inf, "mAP": np.nan}, "fold01": {"d_prime": 1.0, "mAP": 0.5}}
    found = _result(SimpleNamespace(full_name="folds"), embeddings, folds, [], 1.0)
    assert found.scores["d_prime"] == np.inf and np.isnan(found.scores["mAP"])
    assert np.isnan([found.deviations["d_prime"], found.deviations["mAP"]]).all()


@pytest.mark.slow
def test_an_event_task_is_learned_and_events_are_scored(tmp_path, warm_home):
    task = write_task(tone_events(), tmp_path, [44100])
    change = {"evaluation_params": {"task_specific_param_grid": {"max_epochs": [60], "check_val_every_n_epoch": [10]}}}
    path = task.folder / "task_metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    found = evaluate(read_task(task.folder), Embeddings(find_model("logmel", warm_home)), warm_home, points=1)
    assert found.scores["event_onset_200ms_fms"] > 0.8
    assert found.scores["segment_1s_er"] < 0.4
    assert found.chosen["postprocessing"]["median_filter_ms"] == 250.0
    assert found.chosen["postprocessing"]["min_duration"] in (125.0, 250.0)
    assert found.chosen["point"]["max_epochs"] == 60
    with pytest.raises(CadenzaError, match="is an event task"):
        evaluate_retrieval(task, Embeddings(find_model("logmel", warm_home)), warm_home)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"evaluation": ["bleu"]}, "no score 'bleu'"),
        ({"evaluation_params": {"task_specific_param_grid": {"depth": [3]}}}, "task_specific_param_grid"),
        ({"evaluation_params": {"event_postprocessing_grid": {"median_filter_ms": [1]}}}, "event_postprocessing_grid"),
        ({"evaluation_params": [1]}, "evaluation_params"),
    ],
)
def test_settings_that_make_no_sense_are_said_before_anything_is_embedded(copied, settings, facts, words):
    path = copied / "task_metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))
    embeddings = Embeddings(find_model("logmel", settings))
    with pytest.raises(CadenzaError, match=words):
        evaluate(read_task(copied), embeddings, settings)
    with pytest.raises(CadenzaError, match="grid 'huge'"):
        evaluate(folds_free(copied), embeddings, settings, grid="huge")
    assert spaces(settings)[0].files == 0


def folds_free(folder):
    """The same task with sound settings again."""
    path = folder / "task_metadata.json"
    content = json.loads(path.read_text())
    content.pop("evaluation_params", None)
    path.write_text(json.dumps({**content, "evaluation": ["pitch_acc"]}))
    return read_task(folder)


def test_a_retrieval_task_needs_no_training(folds, settings):
    path = folds.folder / "task_metadata.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "prediction_type": "retrieval", "evaluation": ["retrieval_mAP"]})
    )
    found = evaluate(read_task(folds.folder), Embeddings(find_model("logmel", settings)), settings)
    assert found.scores["retrieval_mAP"] == 1.0 and found.scores["queries"] == 8.0


def test_embeddings_are_computed_once_by_content_and_model(folds, settings, make_module):
    counting = (
        "def get_scene_embeddings(audio, model):\n    load_model.count = getattr(load_model, 'count', 0) + len(audio)"
    )
    name = make_module("def get_scene_embeddings(audio, model):", counting)
    import importlib

    def count():
        return getattr(importlib.import_module(name).load_model, "count", 0)

    model = find_model(name, settings)
    first = evaluate_retrieval(folds, Embeddings(model), settings)
    assert count() == 32
    assert first.notes == ("sounds were resampled from 44100 Hz: the task has none at 16000 Hz",)
    again = Embeddings(model)
    assert evaluate_retrieval(folds, again, settings).scores == first.scores
    assert count() == 32 and again._embedder is None  # not even loaded
    (space,) = spaces(settings)
    assert (space.name, space.files) == (model.space, 32)
    damaged = next((settings.home / "cache" / "embeddings" / space.name).rglob("*.npy"))
    damaged.write_bytes(b"not an array")
    mended = evaluate_retrieval(folds, Embeddings(model), settings)
    assert count() == 33 and "1 cached embeddings were damaged" in mended.notes[-1]
    other = find_model(make_module("amax(2)", "amin(2)"), settings)
    evaluate_retrieval(folds, Embeddings(other), settings)
    assert len(spaces(settings)) == 2  # another model is another space
    remove_space(space.name, settings)
    assert [one.name for one in spaces(settings)] == [other.space]
    with pytest.raises(CadenzaError, match="no space"):
        remove_space("../..", settings)
