"""From probabilities over time to events, as HEAR's evaluation kit: median filter, threshold, joining, dropping.

The probabilities of each label are median-filtered over 250 ms; frames above 0.5 that follow each other are one event, from
the first frame's timestamp to the last one's; an event shorter than the least duration (125 or 250 ms, chosen on validation
data) is dropped. Source: hear-eval-kit 2021.1.3, `create_events_from_prediction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from ..errors import CadenzaError
from .tasks import Event

__all__ = ["GRID", "Postprocessing", "find_events", "frame_labels"]


@dataclass(frozen=True, order=True)
class Postprocessing:
    """How events are made of probabilities: median filter and least duration, ms."""

    median_filter_ms: float = 250.0
    min_duration: float = 125.0


#: What is tried on validation data.
GRID = (Postprocessing(min_duration=125.0), Postprocessing(min_duration=250.0))
THRESHOLD = 0.5
#: What is added to an event's end, so that a frame exactly there is of it (as the evaluation kit does), ms.
_AT_END = 1e-4


def find_events(
    probabilities: np.ndarray, times: np.ndarray, labels: Sequence[str], processing: Postprocessing
) -> list[Event]:
    """Find the events of one sound.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n_timestamps, n_labels)]
    times : np.ndarray [shape=(n_timestamps,)]
        ms, at regular intervals, in any order.
    labels : sequence of str
    processing : Postprocessing

    Returns
    -------
    list of Event
        By their start.

    Raises
    ------
    CadenzaError
        If the shapes do not fit.
    """
    if probabilities.shape != (len(times), len(labels)) or not len(times):
        raise CadenzaError(
            f"Probabilities of shape {probabilities.shape} for {len(times)} times and {len(labels)} labels."
        )
    order = np.argsort(times, kind="stable")
    times, probabilities = np.asarray(times, np.float64)[order], np.asarray(probabilities)[order]
    if processing.median_filter_ms and len(times) > 1:
        width = round(processing.median_filter_ms / float(np.mean(np.diff(times))))
        if width:
            probabilities = scipy.ndimage.median_filter(probabilities, size=(width, 1))
    active = np.zeros((len(times) + 2, len(labels)), np.int8)
    active[1:-1] = probabilities > THRESHOLD
    change = np.diff(active, axis=0)
    events = []
    for number, label in enumerate(labels):
        first = np.flatnonzero(change[:, number] == 1)
        last = np.flatnonzero(change[:, number] == -1) - 1
        for start, end in zip(times[first], times[last], strict=True):
            if end - start >= processing.min_duration:
                events.append(Event(label, float(start), float(end)))
    return sorted(events, key=lambda event: event.start)


def frame_labels(events: Sequence[Event], times: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Give which labels are on at each time: float32, shape (n_timestamps, n_labels); an event includes start and end."""
    targets = np.zeros((len(times), len(labels)), np.float32)
    numbers = {label: number for number, label in enumerate(labels)}
    exact = np.asarray(times, np.float64)
    for event in events:
        inside = (exact >= event.start) & (exact < event.end + _AT_END)
        targets[inside, numbers[event.label]] = 1.0
    return targets
