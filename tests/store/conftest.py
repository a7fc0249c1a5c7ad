"""Databases for tests: an SQLite file, and a real PostgreSQL server where one can be started."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for tests.store.*, whoever runs pytest

from cadenza_core.quality import PairScore
from cadenza_core.store import Store
from tests.store.postgres import postgres

NAMES = tuple(f"{ear}_{stem}" for ear in ("left", "right") for stem in ("bass", "drums", "other", "vocals"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One PostgreSQL server for all tests that want one: they run in one worker."""
    for item in items:
        if "postgres" in item.nodeid and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("postgres"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'scores.sqlite'}"
    server: str = request.getfixturevalue("postgres_server")
    engine = sqlalchemy.create_engine(server)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    engine.dispose()
    return server


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An open, empty database of each kind."""
    with Store(url) as opened:
        yield opened


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    """An open, empty SQLite database."""
    with Store(f"sqlite:///{tmp_path / 'scores.sqlite'}") as opened:
        yield opened


@pytest.fixture(scope="session")
def pair_list() -> Callable[..., list[PairScore]]:
    """Give seeded scores of some songs and listeners."""

    def make(songs: int = 3, listeners: int = 4, seed: int = 0) -> list[PairScore]:
        rng = np.random.default_rng(seed)
        return [
            PairScore(f"Song {song}", f"L{5000 + one}", dict(zip(NAMES, rng.uniform(0, 1, 8).tolist(), strict=True)))
            for song in range(songs)
            for one in range(listeners)
        ]

    return make


def values(store: Store, *columns: str) -> pd.DataFrame:
    """Give all stored scores in a fixed order, as plain text and numbers."""
    frame = store.scores().drop(columns="run")
    keys = [name for name in frame if name != "value"]
    plain = frame.astype(dict.fromkeys(keys, object)).sort_values(keys).reset_index(drop=True)
    return plain[list(columns)] if columns else plain
