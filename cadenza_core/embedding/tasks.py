"""HEAR's task folders: read and checked, so that nothing is trained on a task that is not whole.

``task_metadata.json``, ``labelvocabulary.csv`` (idx, label), ``<split>.json`` (file name -> labels, or events with ``label``,
``start`` and ``end`` in ms) and ``<sample rate>/<split>/*.wav``, as hear-preprocess 2021.1.1 writes them. Splits are train,
valid and test, or folds; of k folds, in the order of their names, fold i is tested, fold i + 1 validates, the others train.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import audio_info, read_audio, resample
from ..errors import CadenzaError
from ..files import is_file, parse_json
from .api import SAMPLE_RATES

__all__ = ["DataSplit", "Event", "Task", "find_tasks", "read_task"]

METADATA = "task_metadata.json"
VOCABULARY = "labelvocabulary.csv"
_MODES = ("trainvaltest", "new_split_kfold", "presplit_kfold")
_SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Event:
    """One event of a sound: its label, and its start and end in ms."""

    label: str
    start: float
    end: float


@dataclass(frozen=True)
class DataSplit:
    """Which splits train, which validate, which are tested."""

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def name(self) -> str:
        """Names of what is tested."""
        return "|".join(self.test)


@dataclass(frozen=True)
class Task:
    """One task on disk.

    Parameters
    ----------
    folder : Path
    name, version, mode : str
    kind : {"scene", "event"}
    prediction : {"multiclass", "multilabel", "retrieval"}
        "retrieval" needs no training: see `retrieval`.
    split_mode : str
    splits : tuple of str
        In the order of the metadata.
    labels : tuple of str
        By index.
    scores : tuple of str
        The first one decides.
    duration : float or None
        Length of each sound, s; None: they differ.
    metadata : mapping
        All of it.
    """

    folder: Path
    name: str
    version: str
    mode: str
    kind: str
    prediction: str
    split_mode: str
    splits: tuple[str, ...]
    labels: tuple[str, ...]
    scores: tuple[str, ...]
    duration: float | None
    metadata: Mapping[str, Any] = field(repr=False)

    @property
    def full_name(self) -> str:
        """Name, version and mode, as its folder is named by hear-preprocess."""
        return "-".join(filter(None, (self.name, self.version, self.mode)))

    @cached_property
    def data_splits(self) -> tuple[DataSplit, ...]:
        """How the splits are used: one way, or one for each fold."""
        if self.split_mode == "trainvaltest":
            return (DataSplit(("train",), ("valid",), ("test",)),)
        folds = sorted(self.splits)
        count = len(folds)
        made = []
        for number, test in enumerate(folds):
            valid = folds[(number + 1) % count]
            made.append(DataSplit(tuple(fold for fold in folds if fold not in (test, valid)), (valid,), (test,)))
        return tuple(made)

    def entries(self, split: str) -> Mapping[str, tuple[str, ...] | tuple[Event, ...]]:
        """Give the labels or events of each file of a split, checked when the task was read."""
        return self._entries[split]

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        return {split: dict(self._read_split(split)) for split in self.splits}

    def _read_split(self, split: str) -> Iterator[tuple[str, Any]]:
        path = self.folder / f"{split}.json"
        content = _read_json(path)
        if not isinstance(content, dict) or not content:
            raise CadenzaError(f"{path} names no files: the split is empty. Each split needs at least one.")
        known = set(self.labels)
        for name, value in content.items():
            if Path(name).name != name or name in (".", ".."):
                raise CadenzaError(f"{path} names {name!r}, which is no plain file name.")
            if not isinstance(value, list):
                raise CadenzaError(f"{path}: {name} has {type(value).__name__} instead of a list of labels or events.")
            entry = tuple(_event(one, path, name) if self.kind == "event" else str(one) for one in value)
            found = {one.label if isinstance(one, Event) else one for one in entry}
            if unknown := sorted(found - known):
                raise CadenzaError(f"{path}: {name} has the label {unknown[0]!r}, which is not in {VOCABULARY}.")
            if self.prediction == "multiclass" and len(entry) != 1:
                raise CadenzaError(f"{path}: {name} has {len(entry)} labels; a multiclass task has exactly one a file.")
            yield name, entry

    @cached_property
    def rates(self) -> tuple[int, ...]:
        """Sample rates that its sounds are there at, Hz."""
        return tuple(rate for rate in SAMPLE_RATES if (self.folder / str(rate)).is_dir())

    def source_rate(self, rate: int) -> int:
        """Give the rate whose sounds serve a model for `rate` Hz: the same, else the highest, to be resampled.

        Raises
        ------
        CadenzaError
            If there are no sounds.
        """
        if rate in self.rates:
            return rate
        if not self.rates:
            raise CadenzaError(f"{self.folder} has no sounds: no folder {' or '.join(map(str, SAMPLE_RATES))}.")
        return self.rates[-1]

    def path(self, split: str, name: str, rate: int) -> Path:
        """Give the path of a sound."""
        return self.folder / str(rate) / split / name

    def sound(self, split: str, name: str, rate: int) -> np.ndarray:
        """Read a sound: mono float32 at `rate` Hz, resampled if it is there at another only (see `source_rate`).

        Raises
        ------
        CadenzaError
            If the file is missing, cannot be read, is not mono or has another rate than its folder says.
        """
        source = self.source_rate(rate)
        path = self.path(split, name, source)
        audio = read_audio(path)
        if audio.rate != source or audio.samples.shape[0] != 1:
            channels = audio.samples.shape[0]
            raise CadenzaError(f"{path} has {audio.rate} Hz and {channels} channel(s); {source} Hz mono is accepted.")
        samples = resample(audio.samples[0], source, rate) if source != rate else audio.samples[0]
        return np.asarray(samples, dtype=np.float32)

    def check(self, *, thorough: bool = False) -> None:
        """Check splits, labels and that every sound is there; `thorough` reads every header as well.

        Raises
        ------
        CadenzaError
            Naming the first fault.
        """
        where: dict[str, str] = {}
        for split in self.splits:
            for name in self.entries(split):
                if name in where:
                    raise CadenzaError(
                        f"{self.folder}: {name} is in {where[name]} and in {split}. A sound may be in one split only: else "
                        "what is tested was trained on."
                    )
                where[name] = split
        for rate in self.rates or (self.source_rate(0),):
            missing = [name for name, split in where.items() if not is_file(self.path(split, name, rate))]
            if missing:
                example = self.path(where[missing[0]], missing[0], rate)
                raise CadenzaError(f"{len(missing)} of {len(where)} sounds are missing, the first is {example}.")
            if thorough:
                self._check_headers(where, rate)

    def _check_headers(self, where: Mapping[str, str], rate: int) -> None:
        for name, split in where.items():
            path = self.path(split, name, rate)
            info = audio_info(path)
            if info.rate != rate or info.channels != 1:
                raise CadenzaError(
                    f"{path} has {info.rate} Hz and {info.channels} channel(s); {rate} Hz mono is accepted."
                )
            if self.duration is not None and abs(info.duration - self.duration) > 0.01:
                raise CadenzaError(f"{path} lasts {info.duration:.3f} s; {self.duration:g} s is what the task says.")


def find_tasks(folder: Path) -> list[Path]:
    """Give the task folders: `folder` itself, or those directly in it.

    Raises
    ------
    CadenzaError
        If there is none.
    """
    if (folder / METADATA).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{METADATA}")) if folder.is_dir() else []
    if not found:
        raise CadenzaError(f"There is no task in {folder}: no {METADATA} in it or in a folder of it.")
    return found


def read_task(folder: Path) -> Task:
    """Read a task's metadata and labels, and check them; the sounds are looked for, not read.

    Raises
    ------
    CadenzaError
        If a file is missing or faulty, a label is unknown, a split is empty, folds overlap, or a sound is not there.
    """
    path = folder / METADATA
    content = _read_json(path)
    if not isinstance(content, dict):
        raise CadenzaError(f"{path} holds no object; the metadata of a task is accepted.")

    def text(key: str, accepted: tuple[str, ...] = (), default: str | None = None) -> str:
        value = content.get(key, default)
        if not isinstance(value, str) or (accepted and value not in accepted):
            raise CadenzaError(f"{path}: {key!r} is {value!r}; {' or '.join(accepted) or 'a text'} is accepted.")
        return value

    kind = text("embedding_type", ("scene", "event"))
    predictions = ("multilabel",) if kind == "event" else ("multiclass", "multilabel", "retrieval")
    duration = content.get("sample_duration")
    if duration is not None and (
        isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 < duration < 1e6
    ):
        raise CadenzaError(f"{path}: 'sample_duration' is {duration!r}; a number of seconds or null is accepted.")
    task = Task(
        folder,
        text("task_name", default=folder.name),
        text("version", default=""),
        text("mode", default=""),
        kind,
        text("prediction_type", predictions),
        text("split_mode", _MODES),
        _split_names(content, path),
        _vocabulary(folder / VOCABULARY),
        _score_names(content, path),
        None if duration is None else float(duration),
        content,
    )
    task.check()
    return task


def _split_names(content: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    names = content.get("splits", list(_SPLITS) if content.get("split_mode") == "trainvaltest" else None)
    if not isinstance(names, list) or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise CadenzaError(f"{path}: 'splits' is {names!r}; a list of names is accepted.")
    if len(set(names)) != len(names):
        raise CadenzaError(f"{path}: 'splits' names a split twice: {', '.join(names)}. Folds must not overlap.")
    if content.get("split_mode") == "trainvaltest" and sorted(names) != sorted(_SPLITS):
        raise CadenzaError(f"{path}: the splits are {', '.join(names)}; {', '.join(_SPLITS)} are accepted.")
    if content.get("split_mode") != "trainvaltest" and len(names) < 3:
        raise CadenzaError(f"{path}: there are {len(names)} folds; 3 is the least (to train, to validate, to test).")
    return tuple(names)


def _score_names(content: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    names = content.get("evaluation")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise CadenzaError(f"{path}: 'evaluation' is {names!r}; a list of scores is accepted.")
    return tuple(names)


def _vocabulary(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        labels = {int(row["idx"]): str(row["label"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise CadenzaError(f"{path} cannot be read ({error}); columns idx and label are accepted.") from error
    if sorted(labels) != list(range(len(rows))) or len(set(labels.values())) != len(labels) or not labels:
        raise CadenzaError(
            f"{path}: idx must count from 0 without a gap, and each label stand once; there are {len(rows)} rows."
        )
    return tuple(labels[number] for number in range(len(labels)))


def _event(value: Any, path: Path, name: str) -> Event:
    try:
        event = Event(str(value["label"]), float(value["start"]), float(value["end"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CadenzaError(
            f"{path}: an event of {name} is {value!r}; label, start and end (ms) are accepted."
        ) from error
    if not 0 <= event.start <= event.end < float("inf"):
        raise CadenzaError(
            f"{path}: an event of {name} goes from {event.start} to {event.end} ms; 0 <= start <= end is accepted."
        )
    return event


def _read_json(path: Path) -> Any:
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read: {error}. The task is not whole.") from error
