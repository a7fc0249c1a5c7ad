"""Write kit.json: what hear-eval-kit 2021.1.3 itself chooses and scores on the tasks in `cases.py`.

Needs heareval 2021.1.3, sed_eval 0.2.1, dcase_util and pytorch-lightning 1.9 in an environment of its own (`--no-deps`). From
the project's root: ``PYTHONPATH=. python tests/embedding/reference/make_kit.py``.

The kit runs as it is, but for its random numbers: it sets the seed once for the whole run, draws random input to print a
summary of the network, and a number for each pass of the data loader. Here the seed is set for each training and the other two
draw from elsewhere, so that numbers can be compared and not just means.
"""

import json
import logging
import pickle
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytorch_lightning
import torch
from cases import KIT_TASKS, LABELS, kit_splits
from heareval.predictions import task_predictions as kit

#: Grid, and points drawn from it.
GRID, POINTS = "faster", 4


def write_embeddings(name: str, place: Path) -> None:
    """Write a task as the kit's embedding runner leaves it."""
    (place / "task_metadata.json").write_text(json.dumps(KIT_TASKS[name]))
    rows = [f"{number},{label}" for number, label in enumerate(LABELS)]
    (place / "labelvocabulary.csv").write_text("\n".join(["idx,label", *rows]))
    for split, data in kit_splits(name).items():
        data.features.tofile(place / f"{split}.embeddings.npy")
        (place / f"{split}.embedding-dimensions.json").write_text(json.dumps(data.features.shape))
        labels = [[LABELS[k] for k in np.flatnonzero(row)] for row in data.targets]
        (place / f"{split}.target-labels.pkl").write_bytes(pickle.dumps(labels))
        events = {file: [one.__dict__ for one in found] for file, found in data.events.items()}
        (place / f"{split}.json").write_text(json.dumps(events))
        frames = [(file, float(t)) for file, times in zip(data.files, data.times, strict=False) for t in times]
        (place / f"{split}.filename-timestamps.json").write_text(json.dumps(frames))


def run(name: str, grid: str = GRID, points: int = POINTS) -> dict:
    """Run the kit on a task."""
    tried = []
    original = kit.task_predictions_train

    def seeded(**options):
        pytorch_lightning.seed_everything(42, workers=False)
        found = original(**options)
        point = {key: value for key, value in found.conf.items() if isinstance(value, int | float)}
        point["initialization"] = found.conf["initialization"].__name__.strip("_")
        tried.append({"point": point, "score": found.validation_score, "epoch": found.epoch})
        return found

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_embeddings(name, place)
        kit.task_predictions_train = seeded
        try:
            kit.task_predictions(place, 20, points, None, True, True, grid, logging.getLogger("kit"))
        finally:
            kit.task_predictions_train = original
        results = json.loads((place / "test.predicted-scores.json").read_text())
    folds = {}
    for split, found in results.items():
        if isinstance(found, dict) and "epoch" in found:
            folds[split] = {key[5:]: v for key, v in found.items() if key.startswith("test_")}
            folds[split].pop("loss"), folds[split].pop("score")
    return {"tried": tried, "postprocessing": dict(results["postprocessing"]), "folds": folds}


def prepare() -> None:
    """Make the kit run with a recent Lightning and torch, and draw no random numbers besides those of training."""
    kit.torchinfo.summary = lambda *a, **k: None
    kit.DataLoader = partial(kit.DataLoader, generator=torch.Generator())
    kit.NUM_WORKERS = 0
    torch.load = partial(torch.load, weights_only=False)
    # the kit sets the epoch for the test where Lightning 1.6 keeps it; 1.9 keeps it elsewhere
    epoch = property(lambda model: getattr(model.trainer.fit_loop, "current_epoch", model.trainer.current_epoch))
    kit.EventPredictionModel.current_epoch = epoch
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


if __name__ == "__main__":
    prepare()
    content = {"made_with": "heareval 2021.1.3", "grid": GRID, "points": POINTS}
    content["tasks"] = {name: run(name) for name in KIT_TASKS}
    (Path(__file__).parent / "kit.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
