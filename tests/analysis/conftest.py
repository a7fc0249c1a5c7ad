"""A database of three systems with gaps, and what pandas makes of the same scores by hand."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadenza_core.analysis import ScoreSource
from cadenza_core.catalog import Song, make_listener
from cadenza_core.store import ScoredSystem, Store
from cadenza_core.store.names import learn

STEMS, EARS = ("vocals", "drums", "bass", "other"), ("left", "right")
HERTZ = [250, 500, 1000, 2000, 4000, 6000]
SET = "cad1-evaluation"


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """`source`, `table`, and `frame`: the scores as they were stored, one row each."""
    rng = np.random.default_rng(11)
    rows = [
        (system, f"Song {song}", f"L{one}", stem, ear)
        for system in ("alpha", "beta", "gamma")
        for song in range(6)
        for one in range(8)
        for stem in STEMS
        for ear in EARS
        if not (system == "gamma" and song == 5)
    ]
    frame = pd.DataFrame(rows, columns=["system", "song", "listener", "stem", "ear"])
    effect = {"alpha": 0.0, "beta": 0.05, "gamma": -0.1}
    base = (
        frame["system"].map(effect)
        + 0.04 * frame["song"].str[-1].astype(int)
        - 0.02 * frame["listener"].str[1:].astype(int)
    )
    frame["value"] = (0.5 + base + rng.normal(0, 0.02, len(frame))).clip(0, 1)
    with Store(f"sqlite:///{tmp_path_factory.mktemp('scores') / 'scores.sqlite'}") as store:
        for system, part in frame.groupby("system"):
            store.add_scores(part.drop(columns="system"), evaluation_set=SET, system=ScoredSystem(system, team="T"))
        sdr = frame[["system", "song", "listener", "stem"]].drop_duplicates()
        sdr = sdr.assign(metric="sdr", value=rng.normal(6, 2, len(sdr)))
        store.add_scores(sdr, evaluation_set=SET)
        levels = [[10.0 * one] * 6 for one in range(8)]
        known = [make_listener(f"L{one}", HERTZ, levels[one], levels[min(one + 1, 7)]) for one in range(7)]
        songs = [Song(f"{n}", f"Song {n}", "file", {}, genre="Pop" if n % 2 else "Rock") for n in range(6)]
        learn(store, known, songs)
        source = ScoreSource(store)
        yield SimpleNamespace(source=source, table=source.table(SET), frame=frame, sdr=sdr, store=store)


def by_hand(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each pair's mean for each system, as pandas does it."""
    return frame.groupby(["song", "listener", "system"])["value"].mean().unstack()
