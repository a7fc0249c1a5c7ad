"""Random cases, the same for the tests and for what makes the reference: detected events, and small tasks of embeddings."""

from dataclasses import dataclass, field
from typing import Any

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


@dataclass
class KitSplit:
    """Embeddings, labels, and of events the files, times (ms) and what is true."""

    features: np.ndarray
    targets: np.ndarray
    files: list[str]
    times: list[np.ndarray] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=dict)


_COMMON = {"task_name": "case", "version": "v1", "mode": "full", "split_mode": "trainvaltest"}
_COMMON |= {"splits": ["train", "valid", "test"], "embedding_type": "scene", "sample_duration": 1.0}
#: Metadata of the tasks that the evaluation kit was run on.
KIT_TASKS: dict[str, dict[str, Any]] = {
    "multiclass": {**_COMMON, "prediction_type": "multiclass", "evaluation": ["top1_acc", "chroma_acc"]},
    "multilabel": {**_COMMON, "prediction_type": "multilabel", "evaluation": ["mAP", "d_prime", "aucroc"]},
    "loss": {
        **_COMMON,
        "prediction_type": "multiclass",
        "evaluation": ["top1_acc"],
        "use_scoring_for_early_stopping": False,
    },
    "folds": {
        **_COMMON,
        "prediction_type": "multilabel",
        "evaluation": ["aucroc", "top1_acc"],
        "split_mode": "new_split_kfold",
        "splits": [f"fold0{k}" for k in range(4)],
    },
    "events": {
        **_COMMON,
        "embedding_type": "event",
        "prediction_type": "multilabel",
        "evaluation": ["event_onset_200ms_fms", "segment_1s_er"],
        "evaluation_params": {"task_specific_param_grid": {"check_val_every_n_epoch": [2], "hidden_dim": [128, 64]}},
    },
}


def kit_splits(name: str) -> dict[str, KitSplit]:
    """Give the splits of a task of `KIT_TASKS`: labels that can be told from the embeddings now and then."""
    random = np.random.default_rng(sorted(KIT_TASKS).index(name))
    task = KIT_TASKS[name]
    centres = random.standard_normal((len(LABELS), 20))
    made = {}
    for split in task["splits"]:
        if task["embedding_type"] == "event":
            made[split] = _event_split(random, split, centres)
            continue
        if task["prediction_type"] == "multiclass":
            targets = np.eye(len(LABELS))[random.integers(0, len(LABELS), 90)]
        else:
            targets = (random.random((90, len(LABELS))) < 0.4).astype(float)
        features = targets @ centres + 2.5 * random.standard_normal((90, 20))
        files = [f"{split}-{k}.wav" for k in range(90)]
        made[split] = KitSplit(features.astype(np.float32), targets.astype(np.float32), files)
    return made


def _event_split(random: np.random.Generator, split: str, centres: np.ndarray) -> KitSplit:
    made = KitSplit(np.zeros(0), np.zeros(0), [])
    features, targets = [], []
    for number in range(6):
        name, times = f"{split}-{number}.wav", np.arange(120) * 50.0
        events, start = [], 0.0
        while (start := start + float(random.uniform(100, 900))) < 5500:
            stop = min(start + float(random.uniform(150, 900)), 6000.0)
            events.append(Event(str(random.choice(LABELS)), round(start, 1), round(stop, 1)))
        on = np.zeros((120, len(LABELS)), np.float32)
        for event in events:
            on[(times >= event.start) & (times <= event.end), LABELS.index(event.label)] = 1.0
        features.append(on @ centres + 1.2 * random.standard_normal((120, 20)))
        targets.append(on)
        made.files.append(name)
        made.times.append(times.astype(np.float32))
        made.events[name] = events
    made.features, made.targets = np.concatenate(features).astype(np.float32), np.concatenate(targets)
    return made
