"""Stored scores to stand beside ratings: HAAQI and SDR of the simulated systems, songs and listeners."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cadenza_core.analysis import read_table
from cadenza_core.store import ScoredSystem, Store

from .simulated import SYSTEMS


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """`store`, `table`, `haaqi` and `sdr`: the scores as they were stored, one row each."""
    rng = np.random.default_rng(8)
    rows = [
        (system, f"Song {song}", listener, stem, ear, quality / 100 + rng.normal(0, 0.05))
        for system, quality in SYSTEMS.items()
        for song in range(4)
        for listener in ("L0", "L1")
        for stem in ("vocals", "drums", "bass", "other")
        for ear in ("left", "right")
    ]
    frame = pd.DataFrame(rows, columns=["system", "song", "listener", "stem", "ear", "value"])
    frame["value"] = frame["value"].clip(0, 1)
    sdr = frame[["system", "song", "listener", "stem"]].drop_duplicates()
    sdr = sdr.assign(metric="sdr", value=rng.normal(6, 2, len(sdr)))
    with Store(f"sqlite:///{tmp_path_factory.mktemp('scores') / 'scores.sqlite'}") as store:
        for system, part in frame.groupby("system"):
            store.add_scores(part.drop(columns="system"), evaluation_set="set", system=ScoredSystem(system, team="T"))
        store.add_scores(sdr, evaluation_set="set")
        yield SimpleNamespace(store=store, table=read_table(store, "set"), haaqi=frame, sdr=sdr)
