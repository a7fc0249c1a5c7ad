"""HEAR's three open tasks from the data sets on the user's disk: Speech Commands, DCASE 2016 task 2, NSynth pitch.

Splits, labels and which sounds are drawn are those of hear-preprocess 2021.1.1. Nothing is downloaded: the data sets are
Speech Commands 0.02 and its test set (Warden, arXiv:1804.03209, CC BY 4.0), DCASE 2016 task 2's train_dev and test_public
(archive.org, see there), and NSynth 2.2.3 as JSON and WAV (Engel et al., ICML 2017, CC BY 4.0).
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import audio_info, read_audio
from ..errors import CadenzaError
from ..files import parse_json
from .task_writing import Clip, TaskPlan, read_clip, shuffled
from .tasks import Event
from .tones import tone_events, tone_pitch

__all__ = ["KINDS", "dcase2016", "nsynth", "plan_task", "speech_commands"]

SPLITS = ("train", "valid", "test")
_WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
_BACKGROUND, _UNKNOWN, _SILENCE = "_background_noise_", "_unknown_", "_silence_"
_HOUR = 3600
#: Pitches of NSynth that HEAR takes: a piano's, as MIDI numbers.
_LOWEST, _HIGHEST = 21, 108


def speech_commands(folders: Sequence[Path], mode: str = "5h") -> TaskPlan:
    """Plan Speech Commands: 12 classes (10 words, unknown, silence), 1 s, top-1 accuracy.

    Parameters
    ----------
    folders : sequence of Path
        The extracted data set (it has ``validation_list.txt``) and the extracted test set, in any order.
    mode : {"5h", "full"}
        At most 5 h for training and validation, or everything.

    Raises
    ------
    CadenzaError
        If a folder is not what it should be, or the mode is unknown.
    """
    limits = _limits(mode, {"5h": {"train": 5 * _HOUR * 80 / 90, "valid": 5 * _HOUR * 10 / 90}, "full": {}})
    train = next((folder for folder in folders if (folder / "validation_list.txt").is_file()), None)
    test = next((folder for folder in folders if folder != train and any(folder.glob("*/*.wav"))), None)
    if train is None or test is None:
        raise CadenzaError(
            "Speech Commands needs two folders: the extracted data set, with validation_list.txt and testing_list.txt in it, "
            f"and the extracted test set. {' and '.join(map(str, folders)) or 'None'} do not have both."
        )
    validation, testing = (set(_lines(train / name)) for name in ("validation_list.txt", "testing_list.txt"))
    clips = [_word(path, "test") for path in sorted(test.glob("*/*.wav"))]
    for path in sorted(train.glob("[!_]*/*.wav")):
        name = path.relative_to(train).as_posix()
        if name not in testing:  # the test set has its own
            clips.append(_word(path, "valid" if name in validation else "train"))
    noises = sorted((train / _BACKGROUND).glob("*.wav"))
    if not noises:
        raise CadenzaError(f"{train / _BACKGROUND} has no sounds; the silence of the task is cut from them.")
    for noise in noises:
        clips += _silences(noise)
    chosen = _drawn(clips, limits, 1.0)
    scores = {"sample_duration": 1.0, "evaluation": ["top1_acc"]}
    return TaskPlan(_metadata("speech_commands", "v0.0.2", mode, "multiclass", scores), _labels_of(chosen), chosen)


def _word(path: Path, split: str) -> Clip:
    folder = path.parent.name
    label = folder if folder in (*_WORDS, _SILENCE) else _UNKNOWN
    return Clip(split, f"{folder}_{path.stem}", partial(read_clip, path), (label,))


def _silences(noise: Path) -> list[Clip]:
    """Cut a long noise into seconds, every half second; those of the running tap validate, as in TensorFlow's data set."""
    info = audio_info(noise)
    split = "valid" if noise.stem.startswith("running_tap") else "train"
    made = []
    for start in range(0, info.frames - info.rate, info.rate // 2):
        read = partial(_cut, noise, start, start + info.rate)
        made.append(Clip(split, f"{_SILENCE}_{noise.stem}-{start}", read, (_SILENCE,)))
    return made


def _cut(path: Path, start: int, stop: int) -> tuple[np.ndarray, int]:
    audio = read_audio(path)
    return audio.samples.mean(axis=0)[start:stop], audio.rate


def dcase2016(folders: Sequence[Path], mode: str = "full") -> TaskPlan:
    """Plan DCASE 2016 task 2: office sound events, 120 s, onset F-measure and segment error rate.

    The development and the public test data are put together and split anew, 60 : 20 : 20, as HEAR does.

    Parameters
    ----------
    folders : sequence of Path
        Folders below which ``annotation/*.txt`` and ``sound/*.wav`` lie.
    mode : {"full"}

    Raises
    ------
    CadenzaError
        If there are none, a sound is missing, an annotation cannot be read, or the mode is unknown.
    """
    limits = _limits(mode, {"full": {}})
    notes = {path.stem: path for folder in folders for path in sorted(folder.rglob("annotation/*.txt"))}
    if not notes:
        raise CadenzaError(f"There is no annotation/*.txt below {' or '.join(map(str, folders)) or 'no folder'}.")
    names = sorted(notes)
    random.Random("split_train_test_val").shuffle(names)
    share = round(len(names) * 0.2)
    split_of = dict.fromkeys(names, "train") | dict.fromkeys(names[:share], "valid")
    split_of |= dict.fromkeys(names[share : 2 * share], "test")
    clips = []
    for name, path in sorted(notes.items()):
        sound = path.parent.parent / "sound" / f"{name}.wav"
        if not sound.is_file():
            raise CadenzaError(f"{path} has no sound: {sound} is missing.")
        clips.append(Clip(split_of[name], name, partial(read_clip, sound), events=_annotation(path, 120_000.0)))
    chosen = _drawn(clips, limits, 120.0)
    labels = sorted({event.label for clip in chosen for event in clip.events})
    scores = {
        "sample_duration": 120.0,
        "evaluation": ["event_onset_200ms_fms", "segment_1s_er"],
        "embedding_type": "event",
    }
    return TaskPlan(_metadata("dcase2016_task2", "hear2021", mode, "multilabel", scores), labels, chosen)


def _annotation(path: Path, end: float) -> tuple[Event, ...]:
    """Read start and end (s) and label of each line; what goes on after `end` ms is cut, what starts there left out."""
    events = []
    for line in _lines(path):
        try:
            start, stop, label = line.split("\t")
            event = Event(label, 1000.0 * float(start), min(1000.0 * float(stop), end))
        except ValueError as error:
            raise CadenzaError(f"{path}: the line {line!r} is not 'start<tab>end<tab>label'.") from error
        if event.start < end:
            events.append(event)
    return tuple(sorted(events, key=lambda one: one.start))


def nsynth(folders: Sequence[Path], mode: str = "5h") -> TaskPlan:
    """Plan NSynth pitch: 88 pitches, 4 s, pitch and chroma accuracy.

    Parameters
    ----------
    folders : sequence of Path
        The extracted ``nsynth-train``, ``nsynth-valid`` and ``nsynth-test``, or a folder with the three in it.
    mode : {"5h", "50h"}

    Raises
    ------
    CadenzaError
        If one is missing or cannot be read, a sound is missing, or the mode is unknown.
    """
    shares = {"train": 80 / 90, "valid": 10 / 90, "test": 10 / 90}
    hours = {"5h": 5, "50h": 50}
    limits = _limits(
        mode, {name: {s: _HOUR * count * share for s, share in shares.items()} for name, count in hours.items()}
    )
    clips: list[Clip] = []
    for split in SPLITS:
        places = [place for folder in folders for place in (folder, folder / f"nsynth-{split}")]
        place = next((p for p in places if p.name == f"nsynth-{split}" and (p / "examples.json").is_file()), None)
        if place is None:
            raise CadenzaError(
                f"There is no nsynth-{split}/examples.json in {' or '.join(map(str, folders)) or 'no folder'}."
            )
        clips += _notes(place, split)
    chosen = _drawn(clips, limits, 4.0)
    labels = sorted({clip.labels[0] for clip in chosen}, key=int)
    if [int(label) for label in labels] != list(range(int(labels[0]), int(labels[-1]) + 1)) or len(labels) != 88:
        found = f"{len(labels)} from {labels[0]} to {labels[-1]}"
        raise CadenzaError(
            f"Of the 88 pitches {_LOWEST} to {_HIGHEST}, {found} are there; the chroma score needs all of them."
        )
    scores = {"sample_duration": 4.0, "evaluation": ["pitch_acc", "chroma_acc"]}
    return TaskPlan(_metadata("nsynth_pitch", "v2.2.3", mode, "multiclass", scores), labels, chosen)


def _notes(place: Path, split: str) -> list[Clip]:
    try:
        examples = parse_json((place / "examples.json").read_text(encoding="utf-8"))
        pitches = {name: int(entry["pitch"]) for name, entry in examples.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CadenzaError(f"{place / 'examples.json'} cannot be read as NSynth's ({error}).") from error
    made = []
    for name, pitch in sorted(pitches.items()):
        if _LOWEST <= pitch <= _HIGHEST:
            made.append(Clip(split, name, partial(read_clip, place / "audio" / f"{name}.wav"), (str(pitch),)))
    return made


def _limits(mode: str, modes: dict[str, dict[str, float]]) -> dict[str, float]:
    if mode not in modes:
        raise CadenzaError(f"There is no mode {mode!r} of this task: {', '.join(modes)} are accepted.")
    return modes[mode]


def _drawn(clips: Sequence[Clip], limits: dict[str, float], seconds: float) -> list[Clip]:
    """Draw each split's clips as hear-preprocess does: shuffled by their names, as many as the limit (s) has room for."""
    chosen = []
    for split in SPLITS:
        of_split = {clip.name: clip for clip in clips if clip.split == split}
        if not of_split:
            raise CadenzaError(f"There is no sound for the split {split!r}. Is the data set whole?")
        count = int(limits[split] / seconds) if split in limits else len(of_split)
        chosen += [of_split[name] for name in shuffled(list(of_split), f"SubsampleSplit({split})")[:count]]
    return chosen


def _labels_of(clips: Sequence[Clip]) -> list[str]:
    return sorted({label for clip in clips for label in clip.labels})


def _metadata(name: str, version: str, mode: str, prediction: str, more: dict[str, Any]) -> dict[str, Any]:
    facts = {
        "task_name": name,
        "version": version,
        "mode": mode,
        "embedding_type": "scene",
        "prediction_type": prediction,
    }
    return {**facts, "split_mode": "trainvaltest", "splits": list(SPLITS), **more}


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise CadenzaError(f"{path} cannot be read: {error}.") from error


def _generated(make: Callable[[], TaskPlan]) -> Callable[[Sequence[Path], str], TaskPlan]:
    def plan(folders: Sequence[Path], mode: str) -> TaskPlan:
        if folders or mode:
            raise CadenzaError("The tone tasks are generated: they take no folder and no mode.")
        return make()

    return plan


#: Tasks that can be made, and the mode of each that is taken if none is named.
KINDS: dict[str, tuple[Callable[[Sequence[Path], str], TaskPlan], str]] = {
    "speech-commands": (speech_commands, "5h"),
    "dcase2016": (dcase2016, "full"),
    "nsynth-pitch": (nsynth, "5h"),
    "tone-pitch": (_generated(tone_pitch), ""),
    "tone-events": (_generated(tone_events), ""),
}


def plan_task(kind: str, folders: Sequence[Path], mode: str | None = None) -> TaskPlan:
    """Plan a task of :data:`KINDS`; the tone tasks need no folders.

    Raises
    ------
    CadenzaError
        If there is no such kind, a folder is not there, or as the kind's function.
    """
    if kind not in KINDS:
        raise CadenzaError(f"There is no task {kind!r} to be made: {', '.join(KINDS)} are accepted.")
    for folder in folders:
        if not folder.is_dir():
            raise CadenzaError(f"There is no folder {folder}.")
    make, usual = KINDS[kind]
    return make(folders, mode or usual)
