"""Events from probabilities: the rule of the evaluation kit, and labels of frames."""

import numpy as np
import pytest

from cadenza_core.embedding.events import GRID, Postprocessing, find_events, frame_labels
from cadenza_core.embedding.tasks import Event
from cadenza_core.errors import CadenzaError

LABELS = ("a", "b", "c")


def slow_events(probabilities, times, processing):
    """The rule in words: median filter, threshold, join, drop; an event ends at its last frame's timestamp."""
    width = round(processing.median_filter_ms / np.mean(np.diff(times)))
    filtered = np.empty_like(probabilities)
    for k in range(len(times)):
        window = np.arange(k - width // 2, k - width // 2 + width)
        window = np.where(window < 0, -window - 1, window)  # mirrored at both ends
        window = np.where(window >= len(times), 2 * len(times) - 1 - window, window)
        filtered[k] = np.sort(probabilities[window], axis=0)[width // 2]
    events = []
    for number, label in enumerate(LABELS):
        start = None
        for k in range(len(times) + 1):
            on = k < len(times) and filtered[k, number] > 0.5
            if on and start is None:
                start = k
            elif not on and start is not None:
                if times[k - 1] - times[start] >= processing.min_duration:
                    events.append((label, times[start], times[k - 1]))
                start = None
    return sorted(events)


@pytest.mark.parametrize("processing", GRID)
def test_events_equal_the_rule_on_100_random_probability_maps(processing):
    found_some = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        hop = float(random.choice([20.0, 25.0, 50.0]))
        count = int(random.integers(15, 200))
        walk = np.cumsum(random.normal(0, 0.15, (count, 3)), axis=0) + 0.5
        probabilities = np.clip(walk, 0, 1).astype(np.float32)
        if seed % 4 == 0:
            probabilities = (random.random((count, 3)) > 0.4).astype(np.float32)
        if seed % 7 == 0:
            probabilities[:, 1] = 0.5  # not above the threshold
        times = np.arange(count) * hop
        found = find_events(probabilities, times, LABELS, processing)
        assert sorted((e.label, e.start, e.end) for e in found) == slow_events(probabilities, times, processing)
        assert [e.start for e in found] == sorted(e.start for e in found)
        found_some += bool(found)
    assert found_some > 50


def test_an_event_ends_at_its_last_frame_and_the_shortest_is_kept():
    times = np.arange(20) * 50.0
    probabilities = np.zeros((20, 1), np.float32)
    probabilities[3:9] = 0.9  # 150 to 400 ms
    (event,) = find_events(probabilities, times, ["x"], Postprocessing(250.0, 250.0))
    assert (event.start, event.end) == (150.0, 400.0)
    assert find_events(probabilities, times, ["x"], Postprocessing(250.0, 250.1)) == []
    shuffled = np.random.default_rng(0).permutation(20)
    assert find_events(probabilities[shuffled], times[shuffled], ["x"], Postprocessing()) == [event]


def test_one_frame_alone_and_wrong_shapes():
    assert find_events(np.ones((1, 1)), np.zeros(1), ["x"], Postprocessing(250.0, 0.0)) == [Event("x", 0.0, 0.0)]
    with pytest.raises(CadenzaError, match="2 labels"):
        find_events(np.ones((4, 3)), np.zeros(4), ["x", "y"], Postprocessing())


def test_a_frame_has_the_labels_of_all_events_over_it_ends_included():
    events = [Event("a", 100.0, 200.0), Event("c", 150.0, 160.0), Event("a", 300.0, 310.0)]
    targets = frame_labels(events, np.arange(0, 401, 50, dtype=np.float32), LABELS)
    assert np.flatnonzero(targets[:, 0]).tolist() == [2, 3, 4, 6]
    assert np.flatnonzero(targets[:, 2]).tolist() == [3]
    assert targets[:, 1].sum() == 0
