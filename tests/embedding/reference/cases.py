"""Random cases of detected and true events, the same for the tests and for `make_sed_eval.py`."""

import numpy as np

from cadenza_core.embedding.tasks import Event

LABELS = ["clap", "drawer", "keys", "phone"]


def event_case(seed: int) -> tuple[dict[str, list[Event]], dict[str, list[Event]]]:
    """Estimated and reference events of some files, ms.

    Every tenth case estimates nothing, every tenth has no truth; every fourth has onsets exactly at the edge of a collar;
    others estimate the truth with errors, misses and inventions.
    """
    random = np.random.default_rng(seed)
    estimated: dict[str, list[Event]] = {}
    reference: dict[str, list[Event]] = {}
    for number in range(int(random.integers(1, 5))):
        name = f"{number}.wav"
        reference[name] = [] if seed % 10 == 7 else _events(random, int(random.integers(0, 12)))
        found = [_moved(random, event, edge=seed % 4 == 1) for event in reference[name] if random.random() < 0.8]
        found += _events(random, int(random.integers(0, 4)))
        estimated[name] = [] if seed % 10 == 3 else found
    return estimated, reference


def _events(random: np.random.Generator, count: int) -> list[Event]:
    made = []
    for _ in range(count):
        start = float(np.round(random.uniform(0, 20000), int(random.integers(0, 3))))
        length = float(np.round(random.uniform(0, 4000), 1))
        made.append(Event(str(random.choice(LABELS)), start, start + length))
    return made


def _moved(random: np.random.Generator, event: Event, edge: bool) -> Event:
    label = event.label if random.random() < 0.85 else str(random.choice(LABELS))
    moves = [50.0, -50.0, 200.0, -200.0, 0.0] if edge else [float(random.normal(0, 100)), float(random.normal(0, 30))]
    start = max(0.0, event.start + float(random.choice(moves)))
    end = max(start, event.end + float(random.choice([*moves, 0.2 * (event.end - event.start)])))
    return Event(label, start, end)
