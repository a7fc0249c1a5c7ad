"""Write HEAR's task folders: sounds cut or filled to one length, mono, 16 bit, at the wanted sample rates.

What hear-preprocess 2021.1.1 does with FFmpeg is done here with soxr: sounds may differ from its in the last bit. A run
that was stopped goes on with the sounds that are missing; the metadata comes last, so a folder without it is not whole.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import read_audio, resample, write_audio
from ..errors import CadenzaError
from ..files import atomic_file, check_name
from ..progress import Progress, silent
from .api import SAMPLE_RATES
from .tasks import METADATA, VOCABULARY, Event, Task, read_task

__all__ = ["Clip", "TaskPlan", "read_clip", "shuffled", "write_task"]


@dataclass(frozen=True)
class Clip:
    """One sound of a task.

    Parameters
    ----------
    split : str
    name : str
        File name without ``.wav``, unique in the task.
    read : function
        Gives mono samples, shape (n,), and their sample rate.
    labels : tuple of str, or events : tuple of Event
    """

    split: str
    name: str
    read: Callable[[], tuple[np.ndarray, int]]
    labels: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class TaskPlan:
    """A task to be written.

    Parameters
    ----------
    metadata : mapping
        Of ``task_metadata.json``: name, version, mode, types, splits, duration, scores.
    labels : sequence of str
        In the order of their index.
    clips : sequence of Clip
    """

    metadata: Mapping[str, Any]
    labels: Sequence[str]
    clips: Sequence[Clip]

    @property
    def full_name(self) -> str:
        """Name, version, mode."""
        return "-".join(filter(None, (str(self.metadata.get(key, "")) for key in ("task_name", "version", "mode"))))


def read_clip(path: Path) -> tuple[np.ndarray, int]:
    """Read a file as mono (the mean of its channels) with its sample rate."""
    audio = read_audio(path)
    return audio.samples.mean(axis=0), audio.rate


def shuffled(names: Sequence[str], seed: str) -> list[str]:
    """Shuffle names as hear-preprocess does: sorted, then a sample of pandas' with the seed's SHA-1."""
    import pandas

    number = int(hashlib.sha1(seed.encode()).hexdigest(), 16) % (2**32 - 1)
    return list(pandas.Series(sorted(names)).sample(frac=1, random_state=number))


def write_task(plan: TaskPlan, folder: Path, rates: Sequence[int], progress: Progress = silent) -> Task:
    """Write a task into a folder of its own below `folder`, and read it back.

    Parameters
    ----------
    plan : TaskPlan
    folder : Path
    rates : sequence of int
        Sample rates, Hz: of HEAR's.
    progress : Progress
        May raise Cancelled; the sounds that are written stay.

    Raises
    ------
    CadenzaError
        If a rate is not one of HEAR's, there are no clips, a sound cannot be read, or the folder cannot be written to.
    """
    if not rates or (wrong := [rate for rate in rates if rate not in SAMPLE_RATES]):
        accepted = ", ".join(map(str, SAMPLE_RATES))
        raise CadenzaError(f"The sample rates {wrong if rates else 'are none'}: {accepted} Hz are accepted.")
    if not plan.clips:
        raise CadenzaError("There are no sounds to make a task of.")
    place = folder / check_name(plan.full_name, "task")
    (place / METADATA).unlink(missing_ok=True)
    duration = plan.metadata.get("sample_duration")
    for number, clip in enumerate(plan.clips):
        progress(number / len(plan.clips), f"{clip.split}: {number + 1} of {len(plan.clips)}")
        _write_clip(place, clip, rates, duration)
    with atomic_file(place / VOCABULARY) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["idx", "label"])
        rows.writerows(enumerate(plan.labels))
    for split in plan.metadata["splits"]:
        entries = {f"{clip.name}.wav": _entry(clip) for clip in plan.clips if clip.split == split}
        _write_json(place / f"{split}.json", entries)
    _write_json(place / METADATA, dict(plan.metadata))
    progress(1.0, "written")
    return read_task(place)


def _entry(clip: Clip) -> list[Any]:
    if clip.events:
        return [{"label": one.label, "start": one.start, "end": one.end} for one in clip.events]
    return list(clip.labels)


def _write_clip(place: Path, clip: Clip, rates: Sequence[int], duration: float | None) -> None:
    check_name(clip.name, "sound")
    paths = {rate: place / str(rate) / clip.split / f"{clip.name}.wav" for rate in rates}
    missing = [rate for rate, path in paths.items() if not path.is_file()]
    if not missing:
        return
    samples, rate = clip.read()
    if duration is not None:
        length = round(duration * rate)
        samples = np.pad(samples[:length], (0, max(0, length - len(samples))))
    for target in missing:
        made = resample(samples, rate, target)
        if duration is not None:
            length = round(duration * target)
            made = np.pad(made[:length], (0, max(0, length - len(made))))
        write_audio(paths[target], np.asarray(made, np.float32)[None], target)


def _write_json(path: Path, content: Any) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
