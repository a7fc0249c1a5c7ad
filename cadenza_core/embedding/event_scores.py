"""Scores of detected events: event-based F-measure and segment-based error rate, with sed_eval's numbers.

Mesaros, Heittola & Virtanen, *Metrics for polyphonic sound event detection*, Applied Sciences 6(6), 2016. The definitions are
those of sed_eval 0.2.1 as HEAR's evaluation kit calls it: over all files and labels together (micro average); an estimated
event is right if a reference event of its label is near enough, each used once (a largest matching); no estimate at all gives
NaN for the precision and the F-measure.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse

from .tasks import Event

__all__ = ["event_scores", "segment_error_rate"]

Events = Mapping[str, Sequence[Event]]
_EPSILON = float(np.spacing(1))


def event_scores(
    estimated: Events, reference: Events, *, collar: float, offset: bool = False, share: float = 0.5
) -> dict[str, float]:
    """Give F-measure, precision and recall.

    Parameters
    ----------
    estimated, reference : mapping of file name to events (ms)
        The files of `estimated` are scored.
    collar : float, seconds
        How far an onset (and an offset) may be off.
    offset : bool
        Judge offsets as well: within the larger of `collar` and `share` of the reference event's length.
    share : float
        0 to 1.

    Returns
    -------
    dict
        ``f_measure``, ``precision``, ``recall``; NaN where they are not defined.
    """
    hits = n_estimated = n_reference = 0
    for name, found in estimated.items():
        true = reference.get(name, ())
        n_estimated += len(found)
        n_reference += len(true)
        hits += _matches(found, true, collar, offset, share)
    precision = hits / n_estimated if n_estimated else math.nan
    recall = hits / n_reference if n_reference else math.nan
    f_measure = 0.0 if precision == 0 and recall == 0 else 2 * precision * recall / (precision + recall)
    return {"f_measure": f_measure, "precision": precision, "recall": recall}


def _matches(found: Sequence[Event], true: Sequence[Event], collar: float, offset: bool, share: float) -> int:
    if not found or not true:
        return 0

    def seconds(events: Sequence[Event], field: str) -> np.ndarray:
        # each divided by itself: what is exactly at the collar's edge must round as in sed_eval
        return np.array([getattr(event, field) / 1000.0 for event in events])

    labels = np.array([event.label for event in true])[:, None] == np.array([event.label for event in found])[None]
    start, end = seconds(true, "start")[:, None], seconds(true, "end")[:, None]
    hit = labels & (np.abs(start - seconds(found, "start")[None]) <= collar)
    if offset:
        hit &= np.abs(end - seconds(found, "end")[None]) <= np.maximum(collar, share * (end - start))
    matching = scipy.sparse.csgraph.maximum_bipartite_matching(scipy.sparse.csr_array(hit), perm_type="column")
    return int(np.count_nonzero(matching >= 0))


def segment_error_rate(
    estimated: Events, reference: Events, labels: Sequence[str], *, resolution: float = 1.0
) -> dict[str, float]:
    """Give the error rate of segments: substitutions, deletions and insertions over active reference segments.

    Parameters
    ----------
    estimated, reference : mapping of file name to events (ms)
        The files of `estimated` are scored, each up to the last offset in it.
    labels : sequence of str
    resolution : float, seconds
        Length of a segment.

    Returns
    -------
    dict
        ``error_rate``.
    """
    substitutions = deletions = insertions = n_reference = 0.0
    for name, found in estimated.items():
        true = reference.get(name, ())
        last = max((event.end / 1000.0 for event in (*found, *true)), default=0.0)
        length = math.ceil(last / resolution)
        roll, truth = (_roll(events, labels, length, resolution) for events in (found, true))
        on, wanted = roll.sum(axis=1), truth.sum(axis=1)
        both = (roll & truth).sum(axis=1)
        n_reference += float(wanted.sum())
        substitutions += float((np.minimum(on, wanted) - both).sum())
        deletions += float(np.maximum(0, wanted - on).sum())
        insertions += float(np.maximum(0, on - wanted).sum())
    rates = (total / (n_reference + _EPSILON) for total in (substitutions, deletions, insertions))
    return {"error_rate": sum(rates)}


def _roll(events: Sequence[Event], labels: Sequence[str], length: int, resolution: float) -> np.ndarray:
    roll = np.zeros((length, len(labels)), dtype=bool)
    for event in events:
        first, last = math.floor(event.start / 1000.0 / resolution), math.ceil(event.end / 1000.0 / resolution)
        roll[first:last, labels.index(event.label)] = True
    return roll
