"""The embeddings and labels of a task's splits as arrays, in the evaluation kit's order of sounds."""

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..progress import Progress, part
from .events import frame_labels
from .store import Embeddings, Sound
from .tasks import Event, Task

__all__ = ["SplitData", "load_splits"]


@dataclass(frozen=True, eq=False)
class SplitData:
    """One split, or several joined.

    Parameters
    ----------
    features : np.ndarray [shape=(n, size), dtype=float32]
        A row a sound, or a row a timestamp.
    targets : np.ndarray [shape=(n, n_labels), dtype=float32]
        0 and 1.
    files : tuple of str
        Of scenes a name a row, of events a name a sound.
    times : tuple of np.ndarray
        Timestamps of each sound, ms; empty for scenes.
    events : mapping of str to events
        What is true of each sound; empty for scenes.
    """

    features: np.ndarray
    targets: np.ndarray
    files: tuple[str, ...]
    times: tuple[np.ndarray, ...] = ()
    events: Mapping[str, Sequence[Event]] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: Sequence["SplitData"]) -> "SplitData":
        """Put several splits together, in order."""
        if len(parts) == 1:
            return parts[0]
        features = np.concatenate([one.features for one in parts])
        targets = np.concatenate([one.targets for one in parts])
        files = tuple(name for one in parts for name in one.files)
        times = tuple(when for one in parts for when in one.times)
        return cls(
            features, targets, files, times, {name: found for one in parts for name, found in one.events.items()}
        )

    @cached_property
    def digest(self) -> str:
        """Name of everything in it."""
        found = hashlib.sha256(repr((self.features.shape, self.targets.shape, self.files)).encode())
        for array in (self.features, self.targets, *self.times):
            found.update(np.ascontiguousarray(array).data)
        found.update(repr(sorted((name, tuple(events)) for name, events in self.events.items())).encode())
        return found.hexdigest()

    def by_file(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Cut rows of timestamps, shape (n, ...), into those of each sound."""
        edges = np.cumsum([len(when) for when in self.times])[:-1]
        return dict(zip(self.files, np.split(rows, edges), strict=True))


def load_splits(
    task: Task, embeddings: Embeddings, progress: Progress, *, only: Collection[str] | None = None
) -> tuple[dict[str, SplitData], list[str]]:
    """Embed the sounds of a task, or take their embeddings from the cache.

    Parameters
    ----------
    task : Task
    embeddings : Embeddings
    progress : Progress
    only : collection of str, optional
        Names of the splits that are wanted; None: all.

    Returns
    -------
    dict of SplitData
        By split.
    list of str
        What the user should know.
    """
    source = task.source_rate(embeddings.sample_rate)
    notes = []
    if source != embeddings.sample_rate:
        notes.append(f"sounds were resampled from {source} Hz: the task has none at {embeddings.sample_rate} Hz")
    order = random.Random(0)  # the evaluation kit shuffles each split's files, with one generator for all
    total = sum(len(task.entries(split)) for split in task.splits if only is None or split in only)
    data, done = {}, 0
    for split in task.splits:
        names = list(task.entries(split))
        order.shuffle(names)
        if only is None or split in only:
            show = part(progress, done / total, (done + len(names)) / total)
            data[split] = _load(task, split, names, embeddings, show)
            done += len(names)
    progress(1.0, "embedded")
    return data, notes


def _load(task: Task, split: str, names: list[str], embeddings: Embeddings, progress: Progress) -> SplitData:
    sounds: list[Sound] = [partial(task.sound, split, name, embeddings.sample_rate) for name in names]
    entries: Mapping[str, Any] = task.entries(split)
    if task.kind == "scene":
        numbers = {label: number for number, label in enumerate(task.labels)}
        targets = np.zeros((len(names), len(task.labels)), np.float32)
        for row, name in enumerate(names):
            targets[row, [numbers[label] for label in entries[name]]] = 1.0
        return SplitData(embeddings.scenes(sounds, progress), targets, tuple(names))
    features, labels, times = [], [], []
    for name, found in zip(names, embeddings.timestamps(sounds, progress), strict=True):
        features.append(found.embeddings)
        times.append(found.times)
        labels.append(frame_labels(entries[name], found.times, task.labels))
    events = {name: entries[name] for name in names}
    return SplitData(np.concatenate(features), np.concatenate(labels), tuple(names), tuple(times), events)
