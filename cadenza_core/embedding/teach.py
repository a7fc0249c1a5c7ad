"""Teach by example: label a few regions, train the shallow predictor, tag the rest, correct, export events.

A lesson is a list of labelled regions of tracks. The frames of these regions train HEAR's event predictor (see `predictor`): a
label is on where a region of that label covers the frame, and off in the regions of other labels. What is in no region is not
known, and trains nothing. The label "none" stands for what shall be no event: a region of it is an example against all others.

What it learned is tried on regions that it has not seen: one region in four (at least one of each label that has two or more)
is kept out of training, chooses when training stops, and gives the share of frames that are right, which is shown.
"""

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file, check_name, guarded_text, parse_json
from ..progress import Progress, part
from ..settings import Settings
from .events import Postprocessing, find_events, frame_labels
from .predictor import Fit, GridPoint, Verdict, fit, predict
from .store import Embeddings
from .tasks import Event
from .tracks import Track, over_time

__all__ = [
    "NONE",
    "Lesson",
    "Region",
    "Tag",
    "Taught",
    "corrected",
    "events_csv",
    "events_json",
    "lesson_names",
    "read_lesson",
    "save_lesson",
    "tag",
    "teach",
]

#: The label of what is no event.
NONE = "none"
_POINT = GridPoint(hidden_layers=1, lr=1e-3, max_epochs=200, patience=10)
_KEPT_OUT = 4  # one region in so many
_LONGEST = 40


@dataclass(frozen=True)
class Region:
    """A labelled region: song (its id), part ("mixture" or a stem), system (or empty), start and stop (s), label."""

    song: str
    start: float
    stop: float
    label: str
    part: str = "mixture"
    system: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop < float("inf"):
            raise CadenzaError(
                f"A region from {self.start} s to {self.stop} s: the start must be 0 or more, before the stop."
            )
        if not self.label.strip() or len(self.label) > _LONGEST or not self.label.isprintable():
            raise CadenzaError(f"The label {self.label[:60]!r} is not accepted: 1 to {_LONGEST} printable characters.")


@dataclass(frozen=True)
class Lesson:
    """Labelled regions under a name."""

    name: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, eq=False)
class Taught:
    """A trained predictor.

    Parameters
    ----------
    space : str
    labels : tuple of str
        Without "none".
    fitted : Fit
    right : float
        Share of the frames kept out of training that got the right labels; NaN if nothing could be kept out.
    frames : mapping of str to int
        How many frames each label had.
    notes : tuple of str
    """

    space: str
    labels: tuple[str, ...]
    fitted: Fit
    right: float
    frames: Mapping[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tag:
    """A found event: song and part, start and stop (s), label, and the mean probability over it (NaN: a person's)."""

    song: str
    part: str
    start: float
    stop: float
    label: str
    confidence: float


def teach(
    regions: Sequence[Region],
    tracks: Mapping[str, Track],
    embeddings: Embeddings,
    settings: Settings,
    progress: Progress,
) -> Taught:
    """Train the predictor on labelled regions.

    Parameters
    ----------
    regions : sequence of Region
    tracks : mapping of str to Track
        By :func:`track_key`.
    embeddings : Embeddings
    settings : Settings
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    CadenzaError
        If there are fewer than two labels, a track is not there, or a region lies outside its track.
    """
    labels = sorted({region.label for region in regions} - {NONE})
    if len({region.label for region in regions}) < 2:
        raise CadenzaError(
            f"There is nothing to tell apart: {len(labels)} label. Label regions of two kinds at least; {NONE!r} stands for "
            "what is none of them."
        )
    rows = _frames_of(regions, labels, tracks, embeddings, settings, part(progress, 0.0, 0.6))
    kept_out = _kept_out(regions)
    seen, unseen = ([rows[k] for k in range(len(regions)) if (k in kept_out) == out] for out in (False, True))
    notes = [] if unseen else ["no label has two regions, so nothing was kept out to test what was learned"]
    features, targets = (np.concatenate(arrays) for arrays in zip(*seen, strict=True))
    judged = [np.concatenate(arrays) for arrays in zip(*(unseen or seen), strict=True)]

    def judge(network: Any) -> Verdict:
        found = predict(network, judged[0], multiclass=False) > 0.5
        return Verdict(float(np.mean(np.all(found == (judged[1] > 0), axis=1))))

    order = np.random.default_rng(0).permutation(len(features))  # a batch shall have of all regions
    fitted = fit(
        features[order],
        targets[order],
        judge,
        _POINT,
        multiclass=False,
        maximise=True,
        progress=part(progress, 0.6, 1.0),
    )
    counts = {label: int(targets[:, number].sum()) for number, label in enumerate(labels)}
    right = fitted.verdict.score if unseen else float("nan")
    return Taught(embeddings.space, tuple(labels), fitted, right, counts, tuple(notes))


def track_key(song: str, part_name: str, system: str) -> str:
    """Give the name of a track among tracks."""
    return json.dumps([song, part_name, system])


def _frames_of(
    regions: Sequence[Region],
    labels: Sequence[str],
    tracks: Mapping[str, Track],
    embeddings: Embeddings,
    settings: Settings,
    progress: Progress,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give features and targets of each region's frames."""
    wanted = list(dict.fromkeys(track_key(region.song, region.part, region.system) for region in regions))
    rows: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0), np.empty(0))] * len(regions)
    for number, key in enumerate(wanted):
        if key not in tracks:
            raise CadenzaError(
                f"The song of a region is not in the library any more: {json.loads(key)[0]!r}. Remove the region."
            )
        show = part(progress, number / len(wanted), (number + 1) / len(wanted))
        found = over_time(tracks[key], embeddings, settings, show)
        own = [
            (k, region) for k, region in enumerate(regions) if track_key(region.song, region.part, region.system) == key
        ]
        events = [Event(r.label, 1000 * r.start, 1000 * r.stop) for _, r in own if r.label != NONE]
        targets = frame_labels(events, found.times, labels)
        for k, region in own:
            inside = (found.times >= 1000 * region.start) & (found.times < 1000 * region.stop)
            if not inside.any():
                raise CadenzaError(
                    f"The region {region.start:g} to {region.stop:g} s of {region.song!r} holds no frame: the song ends at "
                    f"{found.times[-1] / 1000:.1f} s, or the region is too short."
                )
            rows[k] = (found.embeddings[inside], targets[inside])
    return rows


def _kept_out(regions: Sequence[Region]) -> set[int]:
    """Choose regions that are not trained on: of each label with two or more every fourth, the last one at least."""
    chosen: set[int] = set()
    for label in {region.label for region in regions}:
        own = [number for number, region in enumerate(regions) if region.label == label]
        if len(own) > 1:
            chosen.update(own[_KEPT_OUT - 1 :: _KEPT_OUT] or own[-1:])
    return chosen


def tag(
    track: Track,
    taught: Taught,
    embeddings: Embeddings,
    settings: Settings,
    processing: Postprocessing,
    progress: Progress,
) -> list[Tag]:
    """Find the taught labels in a track, by start.

    Raises
    ------
    CadenzaError
        If the predictor was taught in another space, or the track cannot be read.
    """
    if taught.space != embeddings.space:
        raise CadenzaError(
            f"This was taught in the space {taught.space}, not {embeddings.space}: teach it again with this model."
        )
    found = over_time(track, embeddings, settings, progress)
    probabilities = predict(taught.fitted.network, found.embeddings, multiclass=False)
    tags = []
    for event in find_events(probabilities, found.times, taught.labels, processing):
        inside = (found.times >= event.start) & (found.times <= event.end)
        confidence = float(probabilities[inside, taught.labels.index(event.label)].mean())
        span = (round(event.start / 1000, 3), round(event.end / 1000, 3))
        tags.append(Tag(track.song.id, track.part, *span, event.label, round(confidence, 4)))
    return tags


def corrected(tags: Sequence[Tag], labels: Sequence[str]) -> list[Tag]:
    """Give tags with labels that a person gave; those called "none" are left out, and a changed one has confidence NaN."""
    return [
        one if one.label == label else replace(one, label=label, confidence=math.nan)
        for one, label in zip(tags, labels, strict=True)
        if label != NONE
    ]


def events_csv(tags: Sequence[Tag]) -> str:
    """Give events as CSV: file (the song), part, onset and offset (s), event_label, confidence (empty: a person's label).

    An apostrophe stands before names that a spreadsheet would take for formulas.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["filename", "part", "onset", "offset", "event_label", "confidence"])
    for one in tags:
        confidence = "" if math.isnan(one.confidence) else one.confidence
        rows.writerow([guarded_text(one.song), one.part, one.start, one.stop, guarded_text(one.label), confidence])
    return text.getvalue()


def events_json(tags: Sequence[Tag]) -> str:
    """Give events as HEAR's tasks have them: song -> [{label, start, end in ms}, ...]; other parts as ``song, part``."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for one in tags:
        name = one.song if one.part == "mixture" else f"{one.song}, {one.part}"
        event = {"label": one.label, "start": round(1000 * one.start, 1), "end": round(1000 * one.stop, 1)}
        entries.setdefault(name, []).append(event)
    return json.dumps(entries, indent=1, ensure_ascii=False)


def _folder(settings: Settings) -> Path:
    return settings.home / "hear" / "lessons"


def lesson_names(settings: Settings) -> list[str]:
    """Give the names of all kept lessons."""
    found = []
    for path in sorted(_folder(settings).glob("*.json")):
        try:
            found.append(str(parse_json(path.read_text(encoding="utf-8"))["name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # read_lesson says what is wrong with it
    return sorted(found)


def save_lesson(lesson: Lesson, settings: Settings) -> None:
    """Keep a lesson under its name; an older one of that name is replaced.

    Raises
    ------
    CadenzaError
        If the name is none, or the file cannot be written.
    """
    check_name(lesson.name, "lesson")
    with atomic_file(_path(lesson.name, settings)) as temporary:
        content = {"name": lesson.name, "regions": [asdict(region) for region in lesson.regions]}
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def read_lesson(name: str, settings: Settings) -> Lesson:
    """Read a kept lesson; one that is not there is empty.

    Raises
    ------
    CadenzaError
        If its file is damaged.
    """
    path = _path(name, settings)
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        return Lesson(str(content["name"]), tuple(Region(**entry) for entry in content["regions"]))
    except FileNotFoundError:
        return Lesson(name, ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CadenzaError(f"{path} cannot be read as a lesson ({error}). Correct it or move it away.") from error


def _path(name: str, settings: Settings) -> Path:
    return _folder(settings) / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"
