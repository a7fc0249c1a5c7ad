"""Task folders: what is wrong with one is named before anything is embedded; the open tasks' data sets become such folders."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.embedding.open_tasks import plan_task
from cadenza_core.embedding.task_writing import Clip, TaskPlan, shuffled, write_task
from cadenza_core.embedding.tasks import find_tasks, read_task
from cadenza_core.embedding.tones import tone_events
from cadenza_core.errors import CadenzaError, Cancelled

SCENE = {
    "task_name": "small",
    "version": "v1",
    "embedding_type": "scene",
    "prediction_type": "multiclass",
    "split_mode": "trainvaltest",
    "splits": ["train", "valid", "test"],
    "sample_duration": 0.1,
    "evaluation": ["top1_acc"],
}


def tone(seconds: float = 0.1, rate: int = 16000):
    return lambda: (np.sin(np.arange(int(seconds * rate)) / 9).astype(np.float32) / 2, rate)


@pytest.fixture
def small(tmp_path):
    clips = [Clip(split, f"{split}{k}", tone(), ("ab"[k],)) for split in SCENE["splits"] for k in range(2)]
    return write_task(TaskPlan(SCENE, ["a", "b"], clips), tmp_path / "tasks", [16000, 22050])


@pytest.fixture
def folded(tmp_path):
    metadata = {
        **SCENE,
        "task_name": "folded",
        "split_mode": "new_split_kfold",
        "splits": [f"fold0{k}" for k in range(4)],
    }
    clips = [Clip(split, f"{split}-{k}", tone(), ("ab"[k],)) for split in metadata["splits"] for k in range(2)]
    return write_task(TaskPlan(metadata, ["a", "b"], clips), tmp_path / "tasks", [16000])


def change(task, name, edit):
    path = task.folder / name
    content = json.loads(path.read_text())
    path.write_text(json.dumps(edit(content)))


def test_a_written_task_is_read_back_with_sounds_at_each_rate(small):
    assert small.full_name == "small-v1" and small.rates == (16000, 22050)
    assert small.labels == ("a", "b") and small.entries("train") == {"train0.wav": ("a",), "train1.wav": ("b",)}
    for rate in (16000, 22050):
        assert len(small.sound("train", "train0.wav", rate)) == round(0.1 * rate)
    assert len(small.sound("train", "train0.wav", 48000)) == 4800  # resampled from the highest
    assert small.source_rate(48000) == 22050
    small.check(thorough=True)
    assert find_tasks(small.folder.parent) == [small.folder] == find_tasks(small.folder)


def test_folds_are_tested_in_turn_the_next_one_validates(folded):
    assert [(s.test, s.valid, s.train) for s in folded.data_splits] == [
        (("fold00",), ("fold01",), ("fold02", "fold03")),
        (("fold01",), ("fold02",), ("fold00", "fold03")),
        (("fold02",), ("fold03",), ("fold00", "fold01")),
        (("fold03",), ("fold00",), ("fold01", "fold02")),
    ]


def test_missing_files_are_named(small):
    (small.folder / "22050" / "test" / "test1.wav").unlink()
    with pytest.raises(CadenzaError, match=r"1 of 6 sounds are missing.*test1\.wav"):
        read_task(small.folder)
    (small.folder / "valid.json").unlink()
    with pytest.raises(CadenzaError, match=r"valid\.json cannot be read"):
        read_task(small.folder)
    with pytest.raises(CadenzaError, match="There is no task in"):
        find_tasks(small.folder / "16000")


def edit(**facts):
    return lambda content: {**content, **facts}


@pytest.mark.parametrize(
    ("file", "change_it", "words"),
    [
        ("train.json", lambda c: {**c, "train0.wav": ["z"]}, "label 'z', which is not in labelvocabulary"),
        ("train.json", lambda c: {}, "the split is empty"),
        ("train.json", lambda c: {**c, "train0.wav": ["a", "b"]}, "has 2 labels; a multiclass"),
        ("train.json", lambda c: {**c, "train0.wav": "a"}, "instead of a list"),
        ("train.json", lambda c: {**c, "../train0.wav": ["a"]}, "no plain file name"),
        ("train.json", lambda c: {**c, "valid0.wav": ["a"]}, "valid0.wav is in train and in valid"),
        ("task_metadata.json", edit(embedding_type="word"), "scene or event is accepted"),
        ("task_metadata.json", edit(prediction_type="regression"), "multiclass or multilabel"),
        ("task_metadata.json", edit(split_mode="random"), "'split_mode' is 'random'"),
        ("task_metadata.json", edit(splits=["train", "valid"]), "train, valid, test are accepted"),
        ("task_metadata.json", edit(evaluation=[]), "a list of scores"),
        ("task_metadata.json", edit(sample_duration=-1), "'sample_duration' is -1"),
        ("task_metadata.json", lambda c: [], "holds no object"),
    ],
)
def test_faults_of_a_task_are_sentences(small, file, change_it, words):
    change(small, file, change_it)
    with pytest.raises(CadenzaError, match=words):
        read_task(small.folder)


def test_overlapping_and_too_few_folds_are_refused(folded):
    change(folded, "fold01.json", lambda c: {**c, "fold00-0.wav": ["a"]})
    with pytest.raises(CadenzaError, match=r"fold00-0\.wav is in fold00 and in fold01"):
        read_task(folded.folder)
    change(folded, "task_metadata.json", edit(splits=["fold00", "fold01", "fold01"]))
    with pytest.raises(CadenzaError, match="Folds must not overlap"):
        read_task(folded.folder)
    change(folded, "task_metadata.json", edit(splits=["fold00", "fold01"]))
    with pytest.raises(CadenzaError, match="3 is the least"):
        read_task(folded.folder)


@pytest.mark.parametrize(
    "rows", ["idx,label\n0,a\n2,b\n", "idx,label\n0,a\n1,a\n", "idx,name\n0,a\n", "idx,label\n", "\0"]
)
def test_a_faulty_vocabulary_is_refused(small, rows):
    (small.folder / "labelvocabulary.csv").write_text(rows)
    with pytest.raises(CadenzaError, match=r"labelvocabulary\.csv"):
        read_task(small.folder)


def test_sounds_of_another_length_rate_or_stereo_are_found_when_looked_for(small):
    path = small.folder / "16000" / "test" / "test0.wav"
    soundfile.write(path, np.zeros((1600, 2)), 16000)
    with pytest.raises(CadenzaError, match=r"2 channel\(s\); 16000 Hz mono"):
        small.check(thorough=True)
    with pytest.raises(CadenzaError, match=r"2 channel\(s\)"):
        small.sound("test", "test0.wav", 16000)
    soundfile.write(path, np.zeros(800), 16000)
    with pytest.raises(CadenzaError, match=r"lasts 0\.050 s; 0\.1 s"):
        small.check(thorough=True)


@pytest.mark.parametrize(
    "event", [{"label": "a"}, {"label": "a", "start": 5, "end": 1}, {"label": "a", "start": -1, "end": 1}, "a"]
)
def test_faulty_events_are_refused(tmp_path, event):
    metadata = {**SCENE, "embedding_type": "event", "prediction_type": "multilabel", "evaluation": ["segment_1s_er"]}
    clips = [Clip(split, f"{split}", tone()) for split in SCENE["splits"]]
    task = write_task(TaskPlan(metadata, ["a"], clips), tmp_path, [16000])
    change(task, "test.json", lambda c: {"test.wav": [event]})
    with pytest.raises(CadenzaError, match=r"an event of test\.wav"):
        read_task(task.folder)


def test_a_stopped_writing_goes_on_and_is_no_task_before(tmp_path):
    plan = tone_events()

    def stop(done: float, text: str) -> None:
        if done > 0.2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        write_task(plan, tmp_path, [16000], stop)
    with pytest.raises(CadenzaError, match="There is no task"):
        find_tasks(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.wav")}
    assert before
    task = write_task(plan, tmp_path, [16000])
    assert len(list(tmp_path.rglob("*.wav"))) == 28
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    events = [event for split in task.splits for found in task.entries(split).values() for event in found]
    assert {event.label for event in events} == {"flute", "horn", "reed"}
    assert all(0 <= event.start < event.end < 8000 for event in events)


def test_rates_and_empty_plans_are_checked(tmp_path):
    with pytest.raises(CadenzaError, match="8000"):
        write_task(tone_events(), tmp_path, [8000])
    with pytest.raises(CadenzaError, match="no sounds"):
        write_task(TaskPlan(SCENE, ["a"], []), tmp_path, [16000])


def wav(path: Path, seconds: float = 0.3, rate: int = 16000, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * rate)), rate)


def test_speech_commands_from_its_folders(tmp_path):
    train, test = tmp_path / "train", tmp_path / "test"
    for folder in ("yes", "bed"):
        for speaker in ("s1", "s2", "s3"):
            wav(train / folder / f"{speaker}_nohash_0.wav", seed=hash(folder + speaker) % 1000)
        wav(test / folder / "t_nohash_0.wav")
    wav(test / "_silence_" / "t0.wav", 1.0)
    wav(train / "_background_noise_" / "pink_noise.wav", 3.0)
    wav(train / "_background_noise_" / "running_tap.wav", 2.6)
    (train / "validation_list.txt").write_text("yes/s2_nohash_0.wav\nbed/s2_nohash_0.wav\n")
    (train / "testing_list.txt").write_text("yes/s3_nohash_0.wav\nbed/s3_nohash_0.wav\n")
    task = write_task(plan_task("speech-commands", [test, train]), tmp_path / "tasks", [16000])
    assert task.full_name == "speech_commands-v0.0.2-5h" and task.scores == ("top1_acc",)
    assert task.labels == ("_silence_", "_unknown_", "yes")
    assert dict(task.entries("test")) == {
        "yes_t_nohash_0.wav": ("yes",),
        "bed_t_nohash_0.wav": ("_unknown_",),
        "_silence__t0.wav": ("_silence_",),
    }
    valid = {
        "yes_s2_nohash_0.wav",
        "bed_s2_nohash_0.wav",
        *(f"_silence__running_tap-{s}.wav" for s in (0, 8000, 16000, 24000)),
    }
    assert set(task.entries("valid")) == valid
    train_names = {
        "yes_s1_nohash_0.wav",
        "bed_s1_nohash_0.wav",
        *(f"_silence__pink_noise-{8000 * k}.wav" for k in range(4)),
    }
    assert set(task.entries("train")) == train_names
    assert len(task.sound("test", "bed_t_nohash_0.wav", 16000)) == 16000  # filled with zeros
    assert not task.sound("test", "bed_t_nohash_0.wav", 16000)[4800:].any()
    cut = task.sound("train", "_silence__pink_noise-8000.wav", 16000)
    noise, _ = soundfile.read(train / "_background_noise_" / "pink_noise.wav", dtype="float32")
    assert np.abs(cut - noise[8000:24000]).max() < 1e-4
    with pytest.raises(CadenzaError, match="needs two folders"):
        plan_task("speech-commands", [train])
    with pytest.raises(CadenzaError, match="no mode '7h'"):
        plan_task("speech-commands", [train, test], "7h")


def test_dcase_2016_from_its_folders(tmp_path):
    for number in range(10):
        place = tmp_path / ("dev" if number < 6 else "eval") / "deep"
        wav(place / "sound" / f"rec_{number}.wav", 1.0, 44100)
        lines = ["0.5\t1.25\tkeys", "119.9\t130.0\tphone", "121.0\t122.0\tphone"]
        (place / "annotation").mkdir(exist_ok=True)
        (place / "annotation" / f"rec_{number}.txt").write_text("\n".join(lines) + "\n")
    plan = plan_task("dcase2016", [tmp_path / "dev", tmp_path / "eval"])
    counts = {split: sum(clip.split == split for clip in plan.clips) for split in ("train", "valid", "test")}
    assert counts == {"train": 6, "valid": 2, "test": 2}
    import random

    names = sorted(f"rec_{k}" for k in range(10))  # hear-preprocess's own shuffle
    random.Random("split_train_test_val").shuffle(names)
    assert {clip.name for clip in plan.clips if clip.split == "valid"} == set(names[:2])
    assert {clip.name for clip in plan.clips if clip.split == "test"} == set(names[2:4])
    assert [(e.label, e.start, e.end) for e in plan.clips[0].events] == [
        ("keys", 500.0, 1250.0),
        ("phone", 119900.0, 120000.0),
    ]
    assert plan.full_name == "dcase2016_task2-hear2021-full" and list(plan.labels) == ["keys", "phone"]
    (tmp_path / "dev" / "deep" / "annotation" / "rec_0.txt").write_text("0.5 1.2 keys\n")
    with pytest.raises(CadenzaError, match="is not 'start<tab>end<tab>label'"):
        plan_task("dcase2016", [tmp_path / "dev"])
    (tmp_path / "eval" / "deep" / "sound" / "rec_9.wav").unlink()
    with pytest.raises(CadenzaError, match=r"rec_9\.wav is missing"):
        plan_task("dcase2016", [tmp_path / "eval"])
    with pytest.raises(CadenzaError, match="There is no folder"):
        plan_task("dcase2016", [tmp_path / "nowhere"])


def test_nsynth_pitch_from_its_folders(tmp_path):
    for split in ("train", "valid", "test"):
        pitches = range(19, 111)  # two on each side that HEAR leaves out
        examples = {f"guitar_{split}-{pitch:03d}": {"pitch": pitch} for pitch in pitches}
        for name in examples:
            wav(tmp_path / f"nsynth-{split}" / "audio" / f"{name}.wav", 0.01)
        (tmp_path / f"nsynth-{split}" / "examples.json").write_text(json.dumps(examples))
    plan = plan_task("nsynth-pitch", [tmp_path], "5h")
    assert list(plan.labels) == [str(pitch) for pitch in range(21, 109)]
    assert {clip.split: len([c for c in plan.clips if c.split == clip.split]) for clip in plan.clips} == dict.fromkeys(
        ("train", "valid", "test"), 88
    )
    assert plan.metadata["evaluation"] == ["pitch_acc", "chroma_acc"]
    (tmp_path / "nsynth-valid" / "examples.json").write_text("[]")
    with pytest.raises(CadenzaError, match="cannot be read as NSynth's"):
        plan_task("nsynth-pitch", [tmp_path])
    (tmp_path / "nsynth-valid" / "examples.json").unlink()
    with pytest.raises(CadenzaError, match=r"no nsynth-valid/examples\.json"):
        plan_task("nsynth-pitch", [tmp_path])


def test_sounds_are_drawn_as_hear_preprocess_draws_them():
    import hashlib

    import pandas

    names = [f"n{k}" for k in range(50)]
    seed = int(hashlib.sha1(b"SubsampleSplit(train)").hexdigest(), 16) % (2**32 - 1)
    frame = pandas.DataFrame({"name": sorted(names)}).sample(frac=1, random_state=seed)
    assert shuffled(names[::-1], "SubsampleSplit(train)") == frame["name"].tolist()


def test_the_vocabulary_is_csv_with_index(small):
    with (small.folder / "labelvocabulary.csv").open() as file:
        assert list(csv.reader(file)) == [["idx", "label"], ["0", "a"], ["1", "b"]]


def test_an_unknown_kind_of_task_is_named():
    with pytest.raises(CadenzaError, match="no task 'gtzan'"):
        plan_task("gtzan", [])


def test_a_generated_task_takes_no_folder_and_no_mode(tmp_path):
    for folders, mode in (([tmp_path], None), ([], "5h")):
        with pytest.raises(CadenzaError, match="no folder and no mode"):
            plan_task("tone-pitch", folders, mode)
    assert len(plan_task("tone-pitch", []).clips) == 480
